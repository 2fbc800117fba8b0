//! Decisions that are past, as they are remembered.

use super::Api;
use super::convert::{self, Payload, timestamp};
use super::explain::slack;
use super::follow::blocking;
use super::proto::v1 as pb;
use super::status::Fault;
use crate::engine::Engine;
use crate::engine::command::Event;
use crate::engine::model::{TicketId, TicketNumber};
use crate::journal::{Decided, DecidedHead, Seq};
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
        tier_source: decided.tier_source.map_or(pb::TierSource::Unspecified, Into::into).into(),
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
    let source = tier_source.map_or_else(String::new, |source| format!(" ({})", source.name()));
    format!(
        "It was {done} to agent {agent} by the step {} of the rule, {}; {others}{held}. Policy \
         {policy_version}, tier {tier}{source}.",
        step.name(),
        slack(decided.slack_ms),
    )
}

impl Api {
    /// The decision by which event `seq` assigned or offered a ticket.
    pub(super) async fn decided_at(
        &self,
        id: &TicketId,
        seq: u64,
    ) -> Result<pb::ExplainTicketResponse, Fault> {
        let seen = self.seen(id).await?;
        let feed = self.handle.feed();
        let read = blocking(move || {
            let Some(entry) = feed.event(Seq(seq))? else {
                return Ok(Err(feed.first()?.unwrap_or(Seq(1))));
            };
            let policy = feed.policies(Seq(seq), 1)?.into_iter().next();
            Ok(Ok((entry, policy)))
        });
        let (entry, policy) = match read.await? {
            Ok(read) => read,
            Err(first) => return Err(Fault::decision_not_kept(seq, first.0)),
        };
        let is_its = entry.about.as_ref().is_some_and(|about| about.id == *id);
        let decided = policy.filter(|_| is_its);
        let decided = decided.and_then(|version| Decided::told_by(&entry, &version.policy));
        let Some(decided) = decided else {
            let text = format!("event {seq} neither assigns nor offers this ticket");
            return Err(Fault::field("assigned_seq", text));
        };
        let done = if let Event::Offered { .. } = entry.event { "offered" } else { "given" };
        let mut ids = self.ids_of(Some(&decided)).await?;
        let ticket = convert::ticket(&seen, Payload::LeftOut);
        ids.insert(TicketNumber(ticket.number), id.clone());
        Ok(pb::ExplainTicketResponse {
            ticket: Some(ticket),
            at: Some(timestamp(decided.assigned_at)),
            policy_version: decided.policy_version.to_string(),
            summary: told(&decided, done),
            past: Some(past(&decided, &ids)),
            ..pb::ExplainTicketResponse::default()
        })
    }
}
