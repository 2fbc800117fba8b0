//! What has happened per tier since the server started, counted as it happens.

use crate::engine::Engine;
use crate::engine::command::{Deadline, Event};
use crate::engine::model::{Policy, Ticket, TierIx, Time};
use crate::forecast::Coverage;
use hdrhistogram::Histogram;

/// The recent waits span between one and two of these, in milliseconds.
const RECENT_MS: i64 = 300_000;
/// Waits are told apart up to this many milliseconds (30 days), to two digits.
const WAIT_MS_MAX: u64 = 2_592_000_000;

/// What has happened in one tier.
#[derive(Clone, Debug)]
pub(super) struct TierTally {
    pub(super) submitted_count: u64,
    pub(super) picked_up_count: u64,
    pub(super) in_time_count: u64,
    pub(super) response_breached_count: u64,
    pub(super) solution_breached_count: u64,
    pub(super) abandoned_count: u64,
    pub(super) completed_count: u64,
    pub(super) lease_expired_count: u64,
    pub(super) expired_count: u64,
    recent: Histogram<u32>,
    before: Histogram<u32>,
    recent_from: Time,
}

impl Default for TierTally {
    fn default() -> Self {
        let empty = Histogram::new_with_max(WAIT_MS_MAX, 2).expect("the bounds are in order");
        Self {
            submitted_count: 0,
            picked_up_count: 0,
            in_time_count: 0,
            response_breached_count: 0,
            solution_breached_count: 0,
            abandoned_count: 0,
            completed_count: 0,
            lease_expired_count: 0,
            expired_count: 0,
            before: empty.clone(),
            recent: empty,
            recent_from: Time::default(),
        }
    }
}

impl TierTally {
    fn waited(&mut self, now: Time, wait_ms: i64) {
        if now.since_ms(self.recent_from) > RECENT_MS {
            std::mem::swap(&mut self.recent, &mut self.before);
            self.recent.reset();
            self.recent_from = now;
        }
        self.recent.saturating_record(u64::try_from(wait_ms).unwrap_or(0));
    }

    /// Waits of the last five to ten minutes at these shares (0 to 1), in milliseconds; `None` when
    /// nobody was picked up.
    pub(super) fn recent_waits_ms<const N: usize>(&self, shares: [f64; N]) -> Option<[i64; N]> {
        let mut both = self.before.clone();
        both.add(&self.recent).expect("both have the same bounds");
        if both.is_empty() {
            return None;
        }
        let at = |share| i64::try_from(both.value_at_quantile(share)).unwrap_or(i64::MAX);
        Some(shares.map(at))
    }
}

/// What has happened in every tier, in the policy's order.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) tiers: Vec<TierTally>,
    pub(super) coverage: Coverage,
    names: Vec<std::sync::Arc<str>>,
}

impl Tally {
    pub(super) fn new(policy: &Policy) -> Self {
        Self {
            tiers: vec![TierTally::default(); policy.tiers.len()],
            coverage: Coverage::new(policy),
            names: policy.tiers.iter().map(|tier| tier.name.clone()).collect(),
        }
    }

    /// Follows a new policy: tiers keep what they counted by their names.
    pub(super) fn re_key(&mut self, policy: &Policy) {
        let old = std::mem::replace(self, Self::new(policy));
        // It has followed by itself.
        self.coverage = old.coverage;
        for (name, tally) in old.names.into_iter().zip(old.tiers) {
            if let Some(tier) = policy.tier_named(&name) {
                self.tiers[usize::from(tier.0)] = tally;
            }
        }
    }

    /// Counts an event that `engine` has just applied.
    pub(super) fn observe(&mut self, now: Time, event: &Event, engine: &Engine) {
        self.coverage.observe(now, event, engine);
        match event {
            Event::Submitted(submitted) => self.tier(submitted.tier).submitted_count += 1,
            Event::Assigned { ticket, .. } => {
                let ticket = engine.ticket_numbered(*ticket).expect("it was just assigned");
                self.picked_up(now, ticket);
            }
            Event::Breached { ticket, deadline } => {
                let tier = engine.ticket_numbered(*ticket).expect("it is live").tier;
                match deadline {
                    Deadline::Response => self.tier(tier).response_breached_count += 1,
                    Deadline::Solution => self.tier(tier).solution_breached_count += 1,
                }
            }
            Event::LeaseExpired { ticket, .. } => {
                let tier = engine.ticket_numbered(*ticket).expect("it is live").tier;
                self.tier(tier).lease_expired_count += 1;
            }
            Event::Completed { .. } => {
                let ticket = &engine.last_finished().expect("it has just ended").ticket;
                self.tier(ticket.tier).completed_count += 1;
            }
            Event::Cancelled { .. } => {
                let ticket = &engine.last_finished().expect("it has just ended").ticket;
                // Who is to be called back has left the line already.
                if ticket.picked_up_at.is_none() && ticket.callback_number().is_none() {
                    self.tier(ticket.tier).abandoned_count += 1;
                }
            }
            Event::Expired { .. } => {
                let ticket = &engine.last_finished().expect("it has just ended").ticket;
                self.tier(ticket.tier).expired_count += 1;
            }
            Event::Accepted { ticket, .. } => {
                let ticket = engine.ticket_numbered(*ticket).expect("it was just accepted");
                self.picked_up(now, ticket);
            }
            Event::Started
            | Event::WorkOpened { .. }
            | Event::WorkClosed { .. }
            | Event::Offered { .. }
            | Event::Declined { .. }
            | Event::OfferMissed { .. }
            | Event::OfferRevoked { .. }
            | Event::BackOffEnded { .. }
            | Event::WrapUpEnded { .. }
            | Event::PolicyApplied { .. }
            | Event::AgentPut(_)
            | Event::AgentDeleted { .. }
            | Event::PresenceSet { .. }
            | Event::PoolPaused(_)
            | Event::PoolResumed(_)
            | Event::Updated { .. }
            | Event::UrgencySet { .. }
            | Event::Escalated { .. }
            | Event::Retiered { .. }
            | Event::Intervened(_)
            | Event::Overflowed { .. }
            | Event::Opened { .. }
            | Event::WaitStarted { .. }
            | Event::WaitEnded { .. }
            | Event::Extended { .. }
            | Event::Released { .. }
            | Event::Audited(_)
            | Event::Transferred(_)
            | Event::CallbackRequested { .. }
            | Event::Queued { .. }
            | Event::Parked { .. }
            | Event::Resumed { .. } => {}
        }
    }

    /// Counts the pick-up of a ticket that an agent has just got, if it is the first.
    fn picked_up(&mut self, now: Time, ticket: &Ticket) {
        if ticket.picked_up_at == Some(now) {
            let tier = self.tier(ticket.tier);
            tier.picked_up_count += 1;
            tier.in_time_count += u64::from(now <= ticket.respond_by);
            tier.waited(now, now.since_ms(ticket.counts_from()));
        }
    }

    fn tier(&mut self, tier: TierIx) -> &mut TierTally {
        &mut self.tiers[usize::from(tier.0)]
    }
}
