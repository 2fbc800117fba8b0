//! Streams and offers in the words of the contract.

use super::{Named, details, presence_name};
use crate::api::convert::timestamp;
use crate::api::proto::v1 as pb;
use crate::engine::command::{Event, Revocation, WorkEnd};
use crate::engine::model::PoolSet;

/// Adds what an event of streams and offers says.
pub(super) fn of_push(mut told: pb::Event, event: &Event, named: Named<'_>) -> pb::Event {
    match event {
        Event::WorkOpened { agent, stream, presence } => {
            told.agent_id = agent.to_string();
            let session = stream.session.as_deref().unwrap_or_default();
            let presence = presence_name(*presence);
            told.details = details([("session", session), ("presence", presence)]);
        }
        Event::WorkClosed { agent, why } => {
            told.agent_id = agent.to_string();
            work_end_name(*why).clone_into(&mut told.reason);
        }
        Event::Offered { agent, pool, token, until, step, slack_ms, also, .. } => {
            told.agent_id = agent.to_string();
            told.pools = named.pools(PoolSet::of([*pool]));
            told.until = Some(timestamp(*until));
            told.step = pb::DecisionStep::from(*step).into();
            told.slack_ms = Some(*slack_ms);
            told.details = details([("lease_token", &*token.0.to_string())]);
            told.also_agent_ids = also.iter().map(|other| other.agent.to_string()).collect();
        }
        Event::Accepted { token, lease_until, .. } => {
            told.until = Some(timestamp(*lease_until));
            told.details = details([("lease_token", &*token.0.to_string())]);
        }
        Event::Declined { token, reason, declined, .. } => {
            told.reason = reason.to_string();
            told.until = declined.until.map(timestamp);
            let (count, token) = (declined.count.to_string(), token.0.to_string());
            told.details = details([("count", &*count), ("lease_token", &*token)]);
        }
        Event::OfferMissed { token, declined, missed_count, set_away, .. } => {
            told.until = declined.until.map(timestamp);
            let (count, missed) = (declined.count.to_string(), missed_count.to_string());
            let token = token.0.to_string();
            let away = if *set_away { "away" } else { "" };
            told.details = details([
                ("count", &*count),
                ("lease_token", &*token),
                ("missed_count", &*missed),
                ("presence", away),
            ]);
        }
        Event::OfferRevoked { token, why, .. } => {
            revocation_name(*why).clone_into(&mut told.reason);
            told.details = details([("lease_token", &*token.0.to_string())]);
        }
        Event::BackOffEnded { agent, ticket: _ } => told.agent_id = agent.to_string(),
        _ => unreachable!("called for the events of streams and offers only"),
    }
    told
}

fn work_end_name(why: WorkEnd) -> &'static str {
    match why {
        WorkEnd::ByAgent => "the agent's side closed it",
        WorkEnd::Silent => "nothing was heard for too long",
        WorkEnd::Replaced => "a newer stream took its place",
        WorkEnd::Slow => "what was sent was not read",
        WorkEnd::ByServer => "the server closed it",
        WorkEnd::AgentDeleted => "the agent was removed",
    }
}

fn revocation_name(why: Revocation) -> &'static str {
    match why {
        Revocation::Away => "the agent went away, or began to drain",
        Revocation::StreamClosed => "the agent's stream was closed",
        Revocation::AgentDeleted => "the agent was removed",
        Revocation::Supervisor => "a supervisor took it back",
        Revocation::TakenByAnother => "another agent accepted it",
    }
}
