//! The decision by which a ticket was given to its last agent, in names, so that it means the same
//! under every later policy.

use super::Entry;
use crate::engine::command::Event;
use crate::engine::compared::{Compared, ComparedHead};
use crate::engine::model::{
    AgentId, Assignment, Channel, Policy, PoolIx, Step, Ticket, TicketNumber, TierSource, Time,
};
use std::sync::Arc;

/// A decision of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Who got the ticket.
    pub agent: AgentId,
    /// On behalf of which pool; `None` once a later policy has dropped it.
    pub pool: Option<Arc<str>>,
    /// When.
    pub assigned_at: Time,
    /// The step of the rule that chose it.
    pub step: Step,
    /// Milliseconds that were left to the response deadline; negative when it had passed.
    pub slack_ms: i64,
    /// The policy that chose it.
    pub policy_version: Arc<str>,
    /// The tier it was served under.
    pub tier: Arc<str>,
    /// Where that tier came from; `None` where only its event is known, which does not say it.
    pub tier_source: Option<TierSource>,
    /// The heads that are remembered, the ticket's own among them; none if it was the only one.
    pub heads: Box<[DecidedHead]>,
    /// How many heads competed.
    pub heads_count: u32,
}

/// A head that competed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedHead {
    /// The ticket.
    pub ticket: TicketNumber,
    /// The tier of its queue.
    pub tier: Arc<str>,
    /// The channel of its queue.
    pub channel: Channel,
    /// The pools of its queue.
    pub pools: Box<[Arc<str>]>,
    /// What was left to its response deadline, in ms.
    pub slack_ms: i64,
    /// It was at risk.
    pub at_risk: bool,
    /// It was starving.
    pub starving: bool,
    /// The pool through which it would have been taken.
    pub via: Arc<str>,
    /// The pool whose reserve kept it back, if one did.
    pub held_by: Option<Arc<str>>,
}

impl Decided {
    /// The decision that an assignment of `ticket` under `policy` remembers.
    pub fn of(ticket: &Ticket, assignment: &Assignment, policy: &Policy) -> Self {
        let pool_name = |pool: PoolIx| policy.pool(pool).name.clone();
        let compared = assignment.compared.as_ref();
        let heads = heads_of(compared, policy);
        let own = heads.iter().find(|head| head.ticket == ticket.number);
        Self {
            agent: assignment.agent.clone(),
            pool: assignment.pool.map(pool_name),
            assigned_at: assignment.assigned_at,
            step: assignment.step,
            slack_ms: assignment.slack_ms,
            policy_version: assignment.policy_version.clone(),
            tier: own.map_or_else(|| policy.tier(ticket.tier).name.clone(), |own| own.tier.clone()),
            tier_source: Some(ticket.tier_source),
            heads_count: compared.map_or(1, |compared| compared.heads_count),
            heads,
        }
    }
}

impl Decided {
    /// The decision that an event tells, if it gave a ticket to an agent or offered it; `policy` was in
    /// force before it. `None` also for events of releases that did not write down whose tier it was.
    pub fn told_by(entry: &Entry, policy: &Policy) -> Option<Self> {
        let (Event::Assigned { agent, pool, step, slack_ms, compared, .. }
        | Event::Offered { agent, pool, step, slack_ms, compared, .. }) = &entry.event
        else {
            return None;
        };
        let tier = policy.tiers.get(usize::from(entry.about.as_ref()?.tier.0))?;
        Some(Self {
            agent: agent.clone(),
            pool: Some(policy.pool(*pool).name.clone()),
            assigned_at: entry.at,
            step: *step,
            slack_ms: *slack_ms,
            policy_version: policy.version.clone(),
            tier: tier.name.clone(),
            tier_source: None,
            heads: heads_of(compared.as_ref(), policy),
            heads_count: compared.as_ref().map_or(1, |compared| compared.heads_count),
        })
    }
}

/// The heads in names.
fn heads_of(compared: Option<&Compared>, policy: &Policy) -> Box<[DecidedHead]> {
    let pool_name = |pool: PoolIx| policy.pool(pool).name.clone();
    let head = |head: &ComparedHead| DecidedHead {
        ticket: head.ticket,
        tier: policy.tier(head.tier).name.clone(),
        channel: head.channel,
        pools: head.pools.iter().map(pool_name).collect(),
        slack_ms: head.slack_ms,
        at_risk: head.at_risk,
        starving: head.starving,
        via: pool_name(head.via),
        held_by: head.held_by.map(pool_name),
    };
    compared.iter().flat_map(|compared| compared.heads.iter()).map(head).collect()
}

impl DecidedHead {
    /// Its queue by tier, channel and pools.
    pub fn queue_id(&self) -> String {
        format!("{}/{}/{}", self.tier, self.channel.name(), self.pools.join("+"))
    }
}
