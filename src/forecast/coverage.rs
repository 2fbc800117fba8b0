//! Whether what was told came true: counted for every ticket that was delayed and then picked up.
//!
//! What was told at the submit is kept beside the engine while the ticket waits for its first pick-up,
//! at most [`TOLD_MAX`] at once: it is no decision and is not in the journal. A restart forgets what
//! was told to those who wait then; they are not counted.

use super::{Forecast, Quantiles};
use crate::engine::Engine;
use crate::engine::command::Event;
use crate::engine::model::{Policy, Ticket, TicketNumber, TierIx, Time};
use crate::engine::quarantine::Audited;
use std::collections::HashMap;
use std::sync::Arc;

/// What was told is kept of at most so many waiting tickets.
pub const TOLD_MAX: usize = 100_000;

/// What was told of one ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// When it was submitted.
    pub at: Time,
    /// Its tier then.
    pub tier: TierIx,
    /// Its expected wait.
    pub wait: Quantiles,
}

/// The shares that are told, in hundredths, in the order of the counts.
pub const TOLD_SHARES: [u8; 3] = [50, 80, 95];

/// How often a tier's expected waits held.
///
/// Of those who were delayed, a wait is decided by the pick-up, or by the hang-up of a caller who had
/// already waited longer than was told. Who hangs up sooner decides nothing: nobody knows how long the
/// wait would have been. To leave out those who outwaited what they were told would flatter it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TierCoverage {
    /// Waits that were no longer than the p50, p80 and p95 that were told.
    pub within_counts: [u64; 3],
    /// Waits that were longer.
    pub beyond_counts: [u64; 3],
    /// Pick-ups after a delay.
    pub delayed_count: u64,
    /// Sum over them of the squared differences of wait and p50, in square seconds.
    pub square_error_s2: f64,
}

impl TierCoverage {
    /// The share of decided waits that were no longer than was told, for p50, p80 and p95; `None` where
    /// none is decided.
    pub fn shares(&self) -> [Option<f64>; 3] {
        std::array::from_fn(|at| {
            let (within, beyond) = (self.within_counts[at], self.beyond_counts[at]);
            let all = within + beyond;
            (all > 0).then(|| float(within) / float(all))
        })
    }

    /// The root of the mean squared difference of wait and p50, in seconds; `None` before the first.
    pub fn error_s(&self) -> Option<f64> {
        let mean = self.square_error_s2 / float(self.delayed_count);
        (self.delayed_count > 0).then(|| mean.sqrt())
    }

    fn picked_up(&mut self, waited_ms: i64, told: Quantiles) {
        for (at, told_ms) in told.all_ms().into_iter().enumerate() {
            if waited_ms <= told_ms {
                self.within_counts[at] += 1;
            } else {
                self.beyond_counts[at] += 1;
            }
        }
        self.delayed_count += 1;
        let error_s = super::float(waited_ms - told.p50_ms) / 1000.0;
        self.square_error_s2 += error_s * error_s;
    }

    fn hung_up(&mut self, waited_ms: i64, told: Quantiles) {
        for (beyond, told_ms) in self.beyond_counts.iter_mut().zip(told.all_ms()) {
            *beyond += u64::from(waited_ms > told_ms);
        }
    }
}

fn float(count: u64) -> f64 {
    super::float(i64::try_from(count).unwrap_or(i64::MAX))
}

/// How often expected waits held, by tier.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// In the policy's order.
    pub tiers: Vec<TierCoverage>,
    names: Vec<Arc<str>>,
    told: HashMap<TicketNumber, Told>,
}

impl Coverage {
    /// Nothing counted yet, for the tiers of `policy`.
    pub fn new(policy: &Policy) -> Self {
        Self {
            tiers: vec![TierCoverage::default(); policy.tiers.len()],
            names: policy.tiers.iter().map(|tier| tier.name.clone()).collect(),
            told: HashMap::new(),
        }
    }

    /// Keeps what was told at `now` of a ticket that has just been taken, until its wait is decided.
    pub fn told(&mut self, now: Time, ticket: &Ticket, forecast: &Forecast) {
        if self.told.len() < TOLD_MAX
            && let Some(wait) = forecast.wait
        {
            self.told.insert(ticket.number, Told { at: now, tier: ticket.tier, wait });
        }
    }

    /// Counts an event that `engine` has just applied. Answers with what had been told when a ticket is
    /// picked up for the first time after a delay.
    pub fn observe(&mut self, now: Time, event: &Event, engine: &Engine) -> Option<Told> {
        match event {
            Event::Assigned { ticket, .. } | Event::Accepted { ticket, .. } => {
                let told = self.told.remove(ticket)?;
                let ticket = engine.ticket_numbered(*ticket).expect("it was just picked up");
                let waited_ms = now.since_ms(told.at);
                // Another tier is another promise.
                if waited_ms == 0 || ticket.tier != told.tier {
                    return None;
                }
                self.tiers[usize::from(told.tier.0)].picked_up(waited_ms, told.wait);
                Some(told)
            }
            // Nobody comes any more to one whose time is over, as if the caller had gone.
            Event::Cancelled { ticket, .. } | Event::Expired { ticket } => {
                let told = self.told.remove(ticket)?;
                let ended = &engine.last_finished().expect("it has just ended").ticket;
                self.left_the_line(now, told, ended.tier);
                None
            }
            Event::CallbackRequested { ticket, .. } => {
                let told = self.told.remove(ticket)?;
                let ticket = engine.ticket_numbered(*ticket).expect("a callback is live");
                self.left_the_line(now, told, ticket.tier);
                None
            }
            // Who is in no queue waits for nobody: that wait will not be decided.
            Event::Audited(Audited::Quarantined { ticket, .. }) => {
                self.told.remove(ticket);
                None
            }
            Event::PolicyApplied { policy, .. } => {
                self.re_key(policy);
                None
            }
            // Nothing else begins or ends a wait for the first pick-up.
            Event::Audited(Audited::Repaired { .. } | Audited::Released { .. })
            | Event::Started
            | Event::Submitted(_)
            | Event::WorkOpened { .. }
            | Event::WorkClosed { .. }
            | Event::Offered { .. }
            | Event::Declined { .. }
            | Event::OfferMissed { .. }
            | Event::OfferRevoked { .. }
            | Event::BackOffEnded { .. }
            | Event::PoolPaused(_)
            | Event::PoolResumed(_)
            | Event::WrapUpEnded { .. }
            | Event::AgentPut(_)
            | Event::AgentDeleted { .. }
            | Event::PresenceSet { .. }
            | Event::Updated { .. }
            | Event::UrgencySet { .. }
            | Event::Breached { .. }
            | Event::Escalated { .. }
            | Event::Retiered { .. }
            | Event::Intervened(_)
            | Event::Overflowed { .. }
            | Event::Opened { .. }
            | Event::WaitStarted { .. }
            | Event::WaitEnded { .. }
            | Event::Extended { .. }
            | Event::Released { .. }
            | Event::LeaseExpired { .. }
            | Event::Completed { .. }
            | Event::Transferred(_)
            | Event::Queued { .. }
            | Event::Parked { .. }
            | Event::Resumed { .. } => None,
        }
    }

    /// The caller waits no longer, and nobody has picked up; another tier than was told is another promise.
    fn left_the_line(&mut self, now: Time, told: Told, tier: TierIx) {
        if tier == told.tier {
            let waited_ms = now.since_ms(told.at);
            self.tiers[usize::from(told.tier.0)].hung_up(waited_ms, told.wait);
        }
    }

    /// Follows a new policy: tiers keep what they counted by their names, and what was told is forgotten.
    fn re_key(&mut self, policy: &Policy) {
        let old = std::mem::replace(self, Self::new(policy));
        for (name, tier) in old.names.into_iter().zip(old.tiers) {
            if let Some(ix) = policy.tier_named(&name) {
                self.tiers[usize::from(ix.0)] = tier;
            }
        }
    }
}
