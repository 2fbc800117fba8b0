//! Events in the words of the contract: ids and names instead of numbers, as the policy of their time
//! gave them.

mod push;

use super::convert::{pool_names, timestamp};
use super::needs::needs_name;
use super::proto::v1 as pb;
use crate::engine::command::{
    Deadline, Event, Intervention, OpenReason, PolicyChange, PolicyOrigin, ReleaseReason,
    ResumedBy, WaitEnd,
};
use crate::engine::life::Destination;
use crate::engine::model::{Policy, PoolIx, PoolSet, Presence, Report, TierIx, TierSource};
use crate::engine::needs::{Needs, SkillIx};
use crate::engine::quarantine::Audited;
use crate::journal::Entry;
use std::collections::BTreeMap;

/// The event as callers read it. `policy` was in force before it; without one, names stay empty.
pub(super) fn event(entry: &Entry, policy: Option<&Policy>) -> pb::Event {
    let Entry { seq, at, event, about } = entry;
    let named = Named(policy);
    let told = pb::Event {
        seq: seq.0,
        at: Some(timestamp(*at)),
        r#type: kind(event).into(),
        ticket_id: about.as_ref().map(|about| about.id.to_string()).unwrap_or_default(),
        ticket_number: event.ticket().map_or(0, |number| number.0),
        tier: about.as_ref().map(|about| named.tier(about.tier)).unwrap_or_default(),
        ..pb::Event::default()
    };
    match event {
        Event::Audited(audited) => {
            let flaw = match audited {
                Audited::Quarantined { flaw, .. } | Audited::Repaired { flaw } => flaw.name(),
                Audited::Released { .. } => "",
            };
            pb::Event { details: details([("flaw", flaw)]), ..told }
        }
        Event::Started
        | Event::PolicyApplied { .. }
        | Event::AgentPut(_)
        | Event::AgentDeleted { .. }
        | Event::PresenceSet { .. }
        | Event::PoolPaused(_)
        | Event::PoolResumed(_)
        | Event::WaitStarted { .. }
        | Event::WaitEnded { .. } => of_house(told, event, named),
        Event::WorkOpened { .. }
        | Event::WorkClosed { .. }
        | Event::Offered { .. }
        | Event::Accepted { .. }
        | Event::Declined { .. }
        | Event::OfferMissed { .. }
        | Event::OfferRevoked { .. }
        | Event::BackOffEnded { .. } => push::of_push(told, event, named),
        Event::Submitted(_)
        | Event::Updated { .. }
        | Event::UrgencySet { .. }
        | Event::Escalated { .. }
        | Event::Retiered { .. }
        | Event::Cancelled { .. }
        | Event::Intervened(_)
        | Event::Overflowed { .. }
        | Event::Opened { .. }
        | Event::Breached { .. }
        | Event::Assigned { .. }
        | Event::Extended { .. }
        | Event::LeaseExpired { .. }
        | Event::Released { .. }
        | Event::Transferred(_)
        | Event::CallbackRequested { .. }
        | Event::Queued { .. }
        | Event::Parked { .. }
        | Event::Resumed { .. }
        | Event::Expired { .. }
        | Event::Completed { .. }
        | Event::WrapUpEnded { .. } => of_ticket(told, event, named),
    }
}

/// Adds what an event says that is about agents, pulls or the policy.
fn of_house(mut told: pb::Event, event: &Event, named: Named<'_>) -> pb::Event {
    match event {
        Event::PolicyApplied { policy, change } => {
            told.policy_version = policy.version.to_string();
            let change = change.as_deref();
            let origin = change.map_or(PolicyOrigin::Start, |change| change.origin);
            told.details = details([("origin", origin.name())]);
            if let Some(PolicyChange { by, reason, origin: _ }) = change {
                told.by = by.to_string();
                told.reason = reason.to_string();
            }
        }
        Event::AgentPut(profile) => {
            told.agent_id = profile.id.to_string();
            told.pools = named.pools(profile.pools);
            let capacity = profile.capacity.to_string();
            let skills = named.skills(&profile.skills);
            let (name, capacity) = (("name", &*profile.name), ("capacity", &*capacity));
            told.details = details([name, capacity, ("skills", &*skills)]);
        }
        Event::AgentDeleted { agent } => told.agent_id = agent.to_string(),
        Event::PresenceSet { agent, presence } => {
            told.agent_id = agent.to_string();
            told.details = details([("presence", presence_name(*presence))]);
        }
        Event::PoolPaused(switched) | Event::PoolResumed(switched) => {
            told.pools = named.pools(PoolSet::of([switched.pool]));
            told.by = switched.by.to_string();
            told.reason = switched.reason.to_string();
        }
        Event::WaitStarted { agent, until, request: _ } => {
            told.agent_id = agent.to_string();
            told.until = Some(timestamp(*until));
        }
        Event::WaitEnded { agent, why } => {
            told.agent_id = agent.to_string();
            wait_end_name(*why).clone_into(&mut told.reason);
        }
        Event::Started => {}
        Event::Audited(_)
        | Event::Submitted(_)
        | Event::Updated { .. }
        | Event::UrgencySet { .. }
        | Event::Escalated { .. }
        | Event::Retiered { .. }
        | Event::Cancelled { .. }
        | Event::Intervened(_)
        | Event::Overflowed { .. }
        | Event::Opened { .. }
        | Event::Breached { .. }
        | Event::Assigned { .. }
        | Event::Extended { .. }
        | Event::LeaseExpired { .. }
        | Event::Released { .. }
        | Event::Transferred(_)
        | Event::CallbackRequested { .. }
        | Event::Queued { .. }
        | Event::Parked { .. }
        | Event::Resumed { .. }
        | Event::Expired { .. }
        | Event::Completed { .. }
        | Event::WrapUpEnded { .. }
        | Event::WorkOpened { .. }
        | Event::WorkClosed { .. }
        | Event::Offered { .. }
        | Event::Accepted { .. }
        | Event::Declined { .. }
        | Event::OfferMissed { .. }
        | Event::OfferRevoked { .. }
        | Event::BackOffEnded { .. } => unreachable!("called for events of the house only"),
    }
    told
}

/// Adds what an event says that is about a ticket.
#[expect(clippy::too_many_lines, reason = "one arm for each event")]
fn of_ticket(mut told: pb::Event, event: &Event, named: Named<'_>) -> pb::Event {
    match event {
        Event::Submitted(submitted) => {
            told.ticket_id = submitted.id.to_string();
            told.tier = named.tier(submitted.tier);
            told.channel = pb::Channel::from(submitted.channel).into();
            told.pools = named.pools(submitted.pools);
            told.respond_by = Some(timestamp(submitted.respond_by));
            told.solve_by = submitted.solve_by.map(timestamp);
            let needs = named.needs(submitted.needs.as_deref());
            let source = submitted.tier_source.name();
            let contact = submitted.contact.as_deref();
            let count = contact.map(|contact| contact.count.to_string()).unwrap_or_default();
            told.details = details([
                ("source", source),
                ("needs", &*needs),
                ("topic", contact.map_or("", |contact| &*contact.topic)),
                ("contact_count", &*count),
            ]);
        }
        Event::Escalated { ticket: _, escalation_step, pools, guard_permille, notify } => {
            told.pools = named.pools(*pools);
            let guard = guard_permille.map(|guard| guard.to_string()).unwrap_or_default();
            told.details = details([
                ("escalation_step", &*escalation_step.to_string()),
                ("guard_permille", &*guard),
                ("notify", notify.as_deref().unwrap_or_default()),
            ]);
        }
        Event::UrgencySet { ticket: _, urgency, respond_by, solve_by } => {
            told.respond_by = Some(timestamp(*respond_by));
            told.solve_by = solve_by.map(timestamp);
            told.details = details([("urgency", urgency.name())]);
        }
        Event::Retiered { tier, source, was, known, respond_by, solve_by, pools, .. } => {
            told.tier = named.tier(*tier);
            told.pools = named.pools(*pools);
            told.respond_by = Some(timestamp(*respond_by));
            told.solve_by = solve_by.map(timestamp);
            let was = was.map(|was| named.tier(was)).unwrap_or_default();
            let standing = known.as_deref().map(|known| known.standing.name());
            told.details = details([
                ("source", TierSource::name(*source)),
                ("was_tier", &*was),
                ("standing", standing.unwrap_or_default()),
            ]);
        }
        Event::Intervened(intervened) => {
            told.by = intervened.by.to_string();
            told.reason = intervened.reason.to_string();
            told.details = details([("action", intervened.action.name())]);
            if let Intervention::Assign { agent }
            | Intervention::Move { to: Destination::Agent(agent), .. } = &intervened.action
            {
                told.agent_id = agent.to_string();
            }
        }
        Event::Cancelled { ticket: _, reason } => told.reason = reason.to_string(),
        Event::Overflowed { ticket: _, overflow_step, pools, needs, relaxed_ms: _ } => {
            told.pools = named.pools(*pools);
            let (step, needs) = (overflow_step.to_string(), named.needs(needs.as_deref()));
            told.details = details([("route_step", &*step), ("needs", &*needs)]);
        }
        Event::Opened { ticket: _, needs, why } => {
            open_reason_name(*why).clone_into(&mut told.reason);
            told.details = details([("needs", &*named.needs(needs.as_deref()))]);
        }
        Event::Assigned { agent, pool, lease_until, step, slack_ms, .. } => {
            told.agent_id = agent.to_string();
            told.pools = named.pools(PoolSet::of([*pool]));
            told.until = Some(timestamp(*lease_until));
            told.step = pb::DecisionStep::from(*step).into();
            told.slack_ms = Some(*slack_ms);
        }
        Event::Extended { lease_until, .. } => told.until = Some(timestamp(*lease_until)),
        Event::Released { reason, dead_letter, .. } => {
            match reason {
                ReleaseReason::ByAgent(why) => told.reason = why.to_string(),
                ReleaseReason::Undelivered => {
                    "the answer to the pull was not delivered".clone_into(&mut told.reason);
                }
            }
            to_dead_letter(&mut told, *dead_letter, named);
        }
        Event::LeaseExpired { dead_letter, .. } => to_dead_letter(&mut told, *dead_letter, named),
        Event::WrapUpEnded { agent, ticket: _, id, by, spent_ms } => {
            told.ticket_id = id.to_string();
            told.agent_id = agent.to_string();
            let spent_ms = spent_ms.to_string();
            told.details = details([("ended_by", by.name()), ("spent_ms", &*spent_ms)]);
        }
        Event::Completed { report, wrap_up_until, .. } => {
            told.until = wrap_up_until.map(timestamp);
            let Report { outcome, note, burden } = report;
            told.details = details([("outcome", &**outcome), ("note", note), ("burden", burden)]);
        }
        Event::Transferred(moved) => {
            told.tier = named.tier(moved.tier);
            told.pools = named.pools(moved.pools);
            told.reason = moved.reason.to_string();
            let only = moved.needs.as_ref().and_then(|needs| needs.only.as_ref());
            told.agent_id = only.map(ToString::to_string).unwrap_or_default();
            told.respond_by = Some(timestamp(moved.respond_by));
            told.solve_by = moved.solve_by.map(timestamp);
            let dead_letter = if moved.is_dead_letter { "true" } else { "" };
            told.details = details([
                ("requeue_count", &*moved.requeue_count.to_string()),
                ("dead_letter", dead_letter),
            ]);
        }
        // The number is the customer's, and stays with the ticket.
        Event::CallbackRequested { opens_at, respond_by, solve_by, .. } => {
            told.until = opens_at.map(timestamp);
            told.respond_by = Some(timestamp(*respond_by));
            told.solve_by = solve_by.map(timestamp);
        }
        Event::Parked { until, reason, .. } => {
            told.until = Some(timestamp(*until));
            told.reason = reason.to_string();
        }
        Event::Resumed { by, respond_by, solve_by, kept_until, .. } => {
            told.until = kept_until.map(timestamp);
            told.respond_by = Some(timestamp(*respond_by));
            told.solve_by = solve_by.map(timestamp);
            let by = match by {
                ResumedBy::Caller => "caller",
                ResumedBy::Limit => "limit",
            };
            told.details = details([("resumed_by", by)]);
        }
        Event::Queued { .. }
        | Event::Expired { .. }
        | Event::Updated { .. }
        | Event::Breached { .. } => {}
        Event::Audited(_)
        | Event::Started
        | Event::PolicyApplied { .. }
        | Event::AgentPut(_)
        | Event::AgentDeleted { .. }
        | Event::PresenceSet { .. }
        | Event::PoolPaused(_)
        | Event::PoolResumed(_)
        | Event::WaitStarted { .. }
        | Event::WaitEnded { .. }
        | Event::WorkOpened { .. }
        | Event::WorkClosed { .. }
        | Event::Offered { .. }
        | Event::Accepted { .. }
        | Event::Declined { .. }
        | Event::OfferMissed { .. }
        | Event::OfferRevoked { .. }
        | Event::BackOffEnded { .. } => unreachable!("called for events of tickets only"),
    }
    told
}

/// Adds the pool that alone serves a ticket which came back too often.
fn to_dead_letter(told: &mut pb::Event, pool: Option<PoolIx>, named: Named<'_>) {
    if let Some(pool) = pool {
        told.pools = named.pools(PoolSet::of([pool]));
        told.details = details([("dead_letter", "true")]);
    }
}

/// The policy's names, as far as there is a policy.
#[derive(Clone, Copy)]
struct Named<'a>(Option<&'a Policy>);

impl Named<'_> {
    fn tier(self, tier: TierIx) -> String {
        let tier = self.0.and_then(|policy| policy.tiers.get(usize::from(tier.0)));
        tier.map(|tier| tier.name.to_string()).unwrap_or_default()
    }

    fn pools(self, pools: PoolSet) -> Vec<String> {
        let known = |policy: &Policy| {
            let is_known = |pool: &PoolIx| usize::from(pool.0) < policy.pools.len();
            pool_names(policy, PoolSet::of(pools.iter().filter(is_known)))
        };
        self.0.map(known).unwrap_or_default()
    }
}

impl Named<'_> {
    /// Needs as in a queue's name.
    fn needs(self, needs: Option<&Needs>) -> String {
        let told = self.0.zip(needs).map(|(policy, needs)| needs_name(policy, needs));
        told.unwrap_or_default()
    }

    /// What an agent can, as in a queue's name.
    fn skills(self, skills: &[(SkillIx, u8)]) -> String {
        self.needs(Some(&Needs { required: skills.into(), ..Needs::default() }))
    }
}

/// The event's type.
pub(super) fn kind(event: &Event) -> pb::EventType {
    match event {
        Event::Started => pb::EventType::Started,
        Event::PolicyApplied { .. } => pb::EventType::PolicyApplied,
        Event::AgentPut(_) => pb::EventType::AgentPut,
        Event::AgentDeleted { .. } => pb::EventType::AgentDeleted,
        Event::PresenceSet { .. } => pb::EventType::PresenceSet,
        Event::PoolPaused(_) => pb::EventType::PoolPaused,
        Event::PoolResumed(_) => pb::EventType::PoolResumed,
        Event::Submitted(_) => pb::EventType::Submitted,
        Event::Updated { .. } => pb::EventType::Updated,
        Event::Escalated { .. } => pb::EventType::Escalated,
        Event::UrgencySet { .. } => pb::EventType::UrgencySet,
        Event::Retiered { .. } => pb::EventType::Retiered,
        Event::Cancelled { .. } => pb::EventType::Cancelled,
        Event::Intervened(_) => pb::EventType::Intervened,
        Event::Overflowed { .. } => pb::EventType::Overflowed,
        Event::Opened { .. } => pb::EventType::Opened,
        Event::Breached { deadline: Deadline::Response, .. } => pb::EventType::ResponseBreached,
        Event::Breached { deadline: Deadline::Solution, .. } => pb::EventType::SolutionBreached,
        Event::WaitStarted { .. } => pb::EventType::WaitStarted,
        Event::WaitEnded { .. } => pb::EventType::WaitEnded,
        Event::Assigned { .. } => pb::EventType::Assigned,
        Event::Extended { .. } => pb::EventType::Extended,
        Event::LeaseExpired { .. } => pb::EventType::LeaseExpired,
        Event::Released { .. } => pb::EventType::Released,
        Event::Completed { .. } => pb::EventType::Completed,
        Event::WrapUpEnded { .. } => pb::EventType::WrapUpEnded,
        Event::Transferred(_) => pb::EventType::Transferred,
        Event::CallbackRequested { .. } => pb::EventType::CallbackRequested,
        Event::Queued { .. } => pb::EventType::Queued,
        Event::Parked { .. } => pb::EventType::Parked,
        Event::Resumed { .. } => pb::EventType::Resumed,
        Event::Expired { .. } => pb::EventType::Expired,
        Event::WorkOpened { .. } => pb::EventType::WorkOpened,
        Event::WorkClosed { .. } => pb::EventType::WorkClosed,
        Event::Offered { .. } => pb::EventType::Offered,
        Event::Accepted { .. } => pb::EventType::Accepted,
        Event::Declined { .. } => pb::EventType::Declined,
        Event::OfferMissed { .. } => pb::EventType::OfferMissed,
        Event::OfferRevoked { .. } => pb::EventType::OfferRevoked,
        Event::BackOffEnded { .. } => pb::EventType::BackOffEnded,
        Event::Audited(Audited::Quarantined { .. }) => pb::EventType::Quarantined,
        Event::Audited(Audited::Repaired { .. }) => pb::EventType::Repaired,
        Event::Audited(Audited::Released { .. }) => pb::EventType::QuarantineReleased,
    }
}

/// The details that have something to say.
fn details<'a>(
    pairs: impl IntoIterator<Item = (&'static str, &'a str)>,
) -> BTreeMap<String, String> {
    let said = pairs.into_iter().filter(|(_, value)| !value.is_empty());
    said.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn presence_name(presence: Presence) -> &'static str {
    match presence {
        Presence::Available => "available",
        Presence::Away => "away",
        Presence::Draining => "draining",
    }
}

fn open_reason_name(why: OpenReason) -> &'static str {
    match why {
        OpenReason::Waited => "its wait for that agent is over",
        OpenReason::Unavailable => "the agent it waited for is not available",
        OpenReason::Deleted => "the agent is no longer registered",
        OpenReason::GivenBack => "the agent it waited for gave it back",
    }
}

fn wait_end_name(why: WaitEnd) -> &'static str {
    match why {
        WaitEnd::Nothing => "nothing waits",
        WaitEnd::HeldForTier => "what waits is kept for higher tiers",
        WaitEnd::Away => "the agent went away, or began to drain",
        WaitEnd::CallerGone => "the caller was gone",
        WaitEnd::Replaced => "a newer pull took its place",
    }
}
