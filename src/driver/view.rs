//! The view that the driver publishes: what wallboards, metrics and `top` read without asking it.

use super::tally::Tally;
use crate::engine::model::{Policy, PoolIx, Presence, Time};
use crate::engine::pause::Pause;
use crate::engine::queue::QueueKey;
use crate::engine::{Engine, Resting};
use crate::forecast::TierCoverage;
use crate::journal::Trouble;
use std::sync::Arc;

/// Everything an onlooker sees, as of one instant, with names from `policy`.
#[derive(Clone, Debug)]
pub struct View {
    /// The instant.
    pub at: Time,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// Live tickets, in whatever state.
    pub ticket_count: usize,
    /// Waiting tickets.
    pub waiting_count: usize,
    /// Live tickets that are neither in a queue nor in anyone's hands.
    pub resting: Resting,
    /// Live tickets whose tier the directory has yet to confirm.
    pub unconfirmed_count: usize,
    /// Tickets that the audit found a fault in and nobody has released or withdrawn.
    pub quarantined_count: usize,
    /// The queues that hold tickets, in the order of tier, channel, pools.
    pub queues: Vec<QueueView>,
    /// Every tier, highest first.
    pub tiers: Vec<TierView>,
    /// Every pool, in the policy's order.
    pub pools: Vec<PoolView>,
    /// Registered agents.
    pub agent_count: usize,
    /// The journal has no space left: nothing is accepted.
    pub is_full: bool,
    /// Why there is no newer snapshot of the journal, if there should be one.
    pub trouble: Option<Trouble>,
    /// The server is about to stop: whoever follows the views has seen the last.
    pub is_draining: bool,
}

/// One queue.
#[derive(Clone, Debug)]
pub struct QueueView {
    /// Which tickets it holds.
    pub key: QueueKey,
    /// Tickets in it.
    pub depth: usize,
    /// Tickets in it that have missed their response deadline.
    pub late_count: u64,
    /// When the ticket that is next was submitted.
    pub front_submitted_at: Time,
    /// The response deadline of the ticket that is next.
    pub front_respond_by: Time,
}

/// One tier since the server started.
#[derive(Clone, Debug)]
pub struct TierView {
    /// Its name.
    pub name: Arc<str>,
    /// Tickets submitted.
    pub submitted_count: u64,
    /// Pick-ups.
    pub picked_up_count: u64,
    /// Pick-ups by the response deadline.
    pub in_time_count: u64,
    /// Response deadlines that passed with nobody there.
    pub response_breached_count: u64,
    /// Solution deadlines that passed.
    pub solution_breached_count: u64,
    /// Tickets cancelled before anyone picked them up.
    pub abandoned_count: u64,
    /// Tickets completed.
    pub completed_count: u64,
    /// Leases that ended by themselves.
    pub lease_expired_count: u64,
    /// Tickets that ended by themselves because nobody had picked them up in their time.
    pub expired_count: u64,
    /// Median and 95th percentile of the waits in the last five to ten minutes, in milliseconds.
    pub recent_wait_p50_p95_ms: Option<[i64; 2]>,
    /// How often the waits held that were told at the submit.
    pub coverage: TierCoverage,
}

/// One pool.
#[derive(Clone, Debug)]
pub struct PoolView {
    /// Its name.
    pub name: Arc<str>,
    /// Agents registered in it.
    pub agent_count: u32,
    /// Agents who wait for work.
    pub idle_count: u32,
    /// Agents who hold a ticket or write one up.
    pub busy_count: u32,
    /// Agents who write up a ticket that they have completed.
    pub wrap_up_count: u32,
    /// Agents who are away.
    pub away_count: u32,
    /// Agents who are draining.
    pub draining_count: u32,
    /// Agents with an open stream.
    pub stream_count: u32,
    /// Agents with an offer that is not answered yet.
    pub offered_count: u32,
    /// Agents whose pull waits.
    pub pulling_count: u32,
    /// Who has paused it, if it is paused.
    pub paused: Option<Arc<Pause>>,
    /// The mean handling time the rule works with, in milliseconds.
    pub handle_ms: i64,
    /// Tickets it has completed.
    pub handled_count: u64,
}

impl View {
    /// Tickets in agents' hands.
    pub fn assigned_count(&self) -> usize {
        let Resting { scheduled_count, parked_count } = self.resting;
        let resting = usize::try_from(scheduled_count + parked_count).unwrap_or(usize::MAX);
        self.ticket_count.saturating_sub(self.waiting_count).saturating_sub(resting)
    }

    pub(super) fn of(engine: &Engine, tally: &Tally, at: Time) -> Self {
        let policy = engine.policy().clone();
        let queues = engine.queues().iter().filter_map(|(key, queue)| {
            let front = queue.front()?;
            Some(QueueView {
                key: key.clone(),
                depth: queue.len(),
                late_count: queue.late_count(),
                front_submitted_at: front.submitted_at,
                front_respond_by: front.respond_by,
            })
        });
        let tallies = tally.tiers.iter().zip(&tally.coverage.tiers);
        let tiers = policy.tiers.iter().zip(tallies).map(|(tier, (tally, coverage))| TierView {
            coverage: *coverage,
            name: tier.name.clone(),
            submitted_count: tally.submitted_count,
            picked_up_count: tally.picked_up_count,
            in_time_count: tally.in_time_count,
            response_breached_count: tally.response_breached_count,
            solution_breached_count: tally.solution_breached_count,
            abandoned_count: tally.abandoned_count,
            completed_count: tally.completed_count,
            lease_expired_count: tally.lease_expired_count,
            expired_count: tally.expired_count,
            recent_wait_p50_p95_ms: tally.recent_waits_ms([0.5, 0.95]),
        });
        let mut pools: Vec<_> = policy
            .pools
            .iter()
            .zip(0..)
            .map(|(pool, at)| {
                let record = engine.record(PoolIx(at));
                PoolView {
                    name: pool.name.clone(),
                    agent_count: 0,
                    idle_count: engine.roster().idle_count(PoolIx(at)),
                    busy_count: 0,
                    wrap_up_count: 0,
                    away_count: 0,
                    draining_count: 0,
                    stream_count: 0,
                    offered_count: 0,
                    pulling_count: 0,
                    paused: record.paused.clone(),
                    handle_ms: record.handle_ms(),
                    handled_count: record.handled_count,
                }
            })
            .collect();
        for agent in engine.roster().iter() {
            for pool in agent.pools.iter() {
                let pool = &mut pools[usize::from(pool.0)];
                pool.agent_count += 1;
                let writes_up = !agent.wrapping.is_empty();
                pool.busy_count += u32::from(!agent.held.is_empty() || writes_up);
                pool.wrap_up_count += u32::from(writes_up);
                pool.away_count += u32::from(agent.presence == Presence::Away);
                pool.draining_count += u32::from(agent.presence == Presence::Draining);
                pool.stream_count += u32::from(agent.stream.is_some());
                pool.offered_count += u32::from(!agent.offered.is_empty());
                pool.pulling_count += u32::from(agent.wait.is_some());
            }
        }
        Self {
            at,
            ticket_count: engine.ticket_count(),
            waiting_count: engine.queues().waiting_count(),
            resting: engine.resting(),
            unconfirmed_count: engine.unconfirmed_count(),
            quarantined_count: engine.quarantined_count(),
            queues: queues.collect(),
            tiers: tiers.collect(),
            pools,
            agent_count: engine.roster().len(),
            is_full: false,
            trouble: None,
            is_draining: false,
            policy,
        }
    }
}
