//! Decisions that are past, as they are remembered.

use super::convert::timestamp;
use super::explain::slack;
use super::proto::v1 as pb;
use crate::engine::Engine;
use crate::engine::model::{TicketId, TicketNumber};
use crate::journal::{Decided, DecidedHead};
use std::collections::BTreeMap;

/// A decision as callers read it; `ids` are those of the competing tickets, as far as still known.
pub(super) fn past(decided: &Decided, ids: &BTreeMap<TicketNumber, TicketId>) -> pb::PastDecision {
    let head = |head: &DecidedHead| pb::CandidateHead {
        queue_id: head.queue_id(),
        tier: head.tier.to_string(),
        ticket_id: ids.get(&head.ticket).map(ToString::to_string).unwrap_or_default(),
        slack_ms: head.slack_ms,
        at_risk: head.at_risk,
        starving: head.starving,
        via_pool: head.via.to_string(),
        held_by: head
            .held_by
            .as_ref()
            .map(|pool| pb::ReserveHold { pool: pool.to_string(), ..pb::ReserveHold::default() }),
        ticket_number: head.ticket.0,
        ..pb::CandidateHead::default()
    };
    pb::PastDecision {
        agent_id: decided.agent.to_string(),
        pool: decided.pool.as_deref().unwrap_or_default().to_owned(),
        assigned_at: Some(timestamp(decided.assigned_at)),
        step: pb::DecisionStep::from(decided.step).into(),
        slack_ms: decided.slack_ms,
        policy_version: decided.policy_version.to_string(),
        tier: decided.tier.to_string(),
        tier_source: pb::TierSource::from(decided.tier_source).into(),
        candidates: decided.heads.iter().map(head).collect(),
        candidate_count: decided.heads_count,
    }
}

/// The ids of the tickets that competed, as far as `engine` still knows them.
pub(super) fn ids(engine: &Engine, decided: &Decided) -> BTreeMap<TicketNumber, TicketId> {
    engine.ids_of(decided.heads.iter().map(|head| head.ticket))
}

/// The same in sentences; `done` says what became of it, as in "given".
pub(super) fn told(decided: &Decided, done: &str) -> String {
    let Decided { agent, step, policy_version, tier, tier_source, heads_count, .. } = decided;
    let others = match heads_count {
        0 | 1 => "no other queue competed".to_owned(),
        2 => "1 other queue competed".to_owned(),
        count => format!("{} other queues competed", count - 1),
    };
    let held_count = decided.heads.iter().filter(|head| head.held_by.is_some()).count();
    let held = match held_count {
        0 => String::new(),
        count => format!(", {count} of them held back by a reserve"),
    };
    format!(
        "It was {done} to agent {agent} by the step {} of the rule, {}; {others}{held}. Policy \
         {policy_version}, tier {tier} ({}).",
        step.name(),
        slack(decided.slack_ms),
        tier_source.name()
    )
}
