//! Events as messages.

use super::coding::{decode_known, encode_known};
use super::compared::{decode_compared, encode_compared};
use super::life::{
    decode_callback, decode_parked, decode_resumed, decode_transferred, encode_resumed_by,
    encode_transferred,
};
use super::needs::{
    decode_needs, decode_skills, decode_wish, encode_needs, encode_skills, encode_wish,
};
use super::ticket::{
    decode_caller, decode_channel, decode_content, decode_flaw, decode_pool, decode_source,
    decode_step, decode_tier, decode_urgency, encode_caller, encode_channel, encode_content,
    encode_flaw, encode_source, encode_step, encode_urgency,
};
use super::wrap_up::{decode_wrap_up_ended, encode_wrap_up_ended};
use super::{
    Error, boxed, contacts, hours, name, narrow, policy, push, required, supervise, text, twin, v1,
};
use crate::engine::command::{
    AgentProfile, Deadline, Event, OpenReason, ReleaseReason, Submitted, WaitEnd,
};
use crate::engine::model::{
    AgentId, LeaseToken, PoolIx, PoolSet, Presence, Report, TicketId, TicketNumber, TierSet, Time,
};
use crate::engine::quarantine::Audited;
use std::sync::Arc;
use v1::record::Event as Kind;

twin! {
    encode_presence, decode_presence, Presence, v1::Presence,
    [Available, Away, Draining]
}
twin! {
    encode_open_reason, decode_open_reason, OpenReason, v1::OpenReason,
    [Waited, Unavailable, Deleted, GivenBack]
}
twin! {
    encode_deadline, decode_deadline, Deadline, v1::Deadline,
    [Response, Solution]
}
twin! {
    encode_why, decode_why, WaitEnd, v1::WaitEnd,
    [Nothing, HeldForTier, Away, CallerGone, Replaced]
}

#[expect(clippy::too_many_lines, reason = "one arm for each event")]
pub(super) fn encode(at: Time, event: &Event) -> v1::Record {
    let kind = match event {
        Event::Started => Kind::Started(v1::Started {}),
        Event::PolicyApplied { policy, change } => Kind::PolicyApplied(v1::PolicyApplied {
            policy: Some(policy::encode(policy)),
            change: change.as_deref().map(policy::encode_change),
        }),
        Event::AgentPut(profile) => Kind::AgentPut(encode_profile(profile)),
        Event::AgentDeleted { agent } => {
            Kind::AgentDeleted(v1::AgentDeleted { agent: agent.as_str().into() })
        }
        Event::PresenceSet { agent, presence } => Kind::PresenceSet(v1::PresenceSet {
            agent: agent.as_str().into(),
            presence: encode_presence(*presence),
        }),
        Event::Submitted(submitted) => Kind::Submitted(encode_submitted(submitted)),
        Event::Updated { ticket, content } => {
            Kind::Updated(v1::Updated { ticket: ticket.0, content: Some(encode_content(content)) })
        }
        Event::Escalated { .. } => Kind::Escalated(hours::encode_escalated(event)),
        Event::UrgencySet { .. } => Kind::UrgencySet(encode_urgency_set(event)),
        Event::Retiered {
            ticket,
            tier,
            source,
            was,
            customer_id,
            known,
            respond_by,
            solve_by,
            overflow_step,
            pools,
            expires_at,
            needs,
            wish,
        } => Kind::Retiered(v1::Retiered {
            was: was.map(|tier| tier.0.into()),
            known: known.as_deref().map(encode_known),
            ticket: ticket.0,
            tier: tier.0.into(),
            source: encode_source(*source),
            customer_id: text(customer_id.as_deref()),
            respond_by: respond_by.0,
            solve_by: solve_by.map(|at| at.0),
            overflow_step: (*overflow_step).into(),
            pools: pools.0,
            expires_at: expires_at.map(|at| at.0),
            needs: needs.as_deref().map(encode_needs),
            wish: wish.as_deref().map(encode_wish),
        }),
        Event::Cancelled { ticket, reason } => {
            Kind::Cancelled(v1::Cancelled { ticket: ticket.0, reason: (&**reason).into() })
        }
        Event::PoolPaused(switched) => Kind::PoolPaused(supervise::encode_switched(switched)),
        Event::PoolResumed(switched) => Kind::PoolResumed(supervise::encode_switched(switched)),
        Event::Intervened(intervened) => Kind::Intervened(supervise::encode(intervened)),
        Event::Overflowed { ticket, overflow_step, pools, needs, relaxed_ms } => {
            Kind::Overflowed(v1::Overflowed {
                ticket: ticket.0,
                overflow_step: (*overflow_step).into(),
                pools: pools.0,
                needs: needs.as_deref().map(encode_needs),
                relaxed_ms: *relaxed_ms,
            })
        }
        Event::Opened { ticket, needs, why } => Kind::Opened(v1::Opened {
            ticket: ticket.0,
            needs: needs.as_deref().map(encode_needs),
            why: encode_open_reason(*why),
        }),
        Event::Breached { ticket, deadline } => {
            Kind::Breached(v1::Breached { ticket: ticket.0, deadline: encode_deadline(*deadline) })
        }
        Event::WaitStarted { agent, until, request } => Kind::WaitStarted(v1::WaitStarted {
            agent: agent.as_str().into(),
            until: until.0,
            request: text(request.as_deref()),
        }),
        Event::WaitEnded { agent, why } => {
            Kind::WaitEnded(v1::WaitEnded { agent: agent.as_str().into(), why: encode_why(*why) })
        }
        Event::Assigned { .. } => Kind::Assigned(encode_assigned(event)),
        Event::Audited(audited) => Kind::Audited(encode_audited(*audited)),
        Event::Extended { ticket, token, lease_until } => Kind::Extended(v1::Extended {
            ticket: ticket.0,
            token: token.0,
            lease_until: lease_until.0,
        }),
        Event::LeaseExpired { ticket, token, dead_letter } => {
            Kind::LeaseExpired(v1::LeaseExpired {
                ticket: ticket.0,
                token: token.0,
                dead_letter: dead_letter.map(|pool| pool.0.into()),
            })
        }
        Event::Transferred(transferred) => Kind::Transferred(encode_transferred(transferred)),
        Event::CallbackRequested {
            ticket,
            number,
            opens_at,
            counts_from,
            respond_by,
            solve_by,
            expires_at,
        } => Kind::CallbackRequested(v1::CallbackRequested {
            ticket: ticket.0,
            number: (&*number.0).into(),
            opens_at: opens_at.map(|at| at.0),
            counts_from: counts_from.0,
            respond_by: respond_by.0,
            solve_by: solve_by.map(|at| at.0),
            expires_at: expires_at.map(|at| at.0),
        }),
        Event::Released { ticket, token, reason, dead_letter } => {
            Kind::Released(encode_released(*ticket, *token, reason, *dead_letter))
        }
        Event::Queued { ticket } => Kind::Queued(v1::Queued { ticket: ticket.0 }),
        Event::Parked { ticket, token, until, keep_ms, reason } => Kind::Parked(v1::Parked {
            ticket: ticket.0,
            token: token.0,
            until: until.0,
            keep_ms: *keep_ms,
            reason: (&**reason).into(),
        }),
        Event::Resumed { ticket, by, counts_from, respond_by, solve_by, kept_until } => {
            Kind::Resumed(v1::Resumed {
                ticket: ticket.0,
                by: encode_resumed_by(*by),
                counts_from: counts_from.0,
                respond_by: respond_by.0,
                solve_by: solve_by.map(|at| at.0),
                kept_until: kept_until.map(|at| at.0),
            })
        }
        Event::Expired { ticket } => Kind::Expired(v1::Expired { ticket: ticket.0 }),
        Event::Completed { ticket, token, report, wrap_up_until } => {
            Kind::Completed(v1::Completed {
                ticket: ticket.0,
                token: token.0,
                outcome: (&*report.outcome).into(),
                note: (&*report.note).into(),
                burden: (&*report.burden).into(),
                wrap_up_until: wrap_up_until.map(|at| at.0),
            })
        }
        Event::WrapUpEnded { .. } => Kind::WrapUpEnded(encode_wrap_up_ended(event)),
        Event::WorkOpened { .. }
        | Event::WorkClosed { .. }
        | Event::Offered { .. }
        | Event::Accepted { .. }
        | Event::Declined { .. }
        | Event::OfferMissed { .. }
        | Event::OfferRevoked { .. }
        | Event::BackOffEnded { .. } => push::encode(event),
    };
    v1::Record { at: at.0, event: Some(kind), ticket_id: None, ticket_tier: None }
}

fn decode_assigned(assigned: v1::Assigned) -> Result<Event, Error> {
    Ok(Event::Assigned {
        ticket: TicketNumber(assigned.ticket),
        agent: AgentId::new(name(assigned.agent, "agent")?),
        pool: decode_pool(assigned.pool, "assigned.pool")?,
        token: LeaseToken(assigned.token),
        lease_until: Time(assigned.lease_until),
        request: boxed(assigned.request),
        step: decode_step(assigned.step, "assigned.step")?,
        slack_ms: assigned.slack_ms,
        compared: decode_compared(assigned.compared)?,
        passed: TierSet(assigned.passed_tiers),
    })
}

fn encode_audited(audited: Audited) -> v1::Audited {
    let what = match audited {
        Audited::Quarantined { ticket, flaw } => v1::audited::What::Quarantined(v1::Quarantined {
            ticket: ticket.0,
            flaw: encode_flaw(flaw),
        }),
        Audited::Repaired { flaw } => v1::audited::What::Repaired(encode_flaw(flaw)),
        Audited::Released { ticket } => v1::audited::What::Released(ticket.0),
    };
    v1::Audited { what: Some(what) }
}

fn decode_audited(audited: v1::Audited) -> Result<Audited, Error> {
    Ok(match required(audited.what, "audited.what")? {
        v1::audited::What::Quarantined(v1::Quarantined { ticket, flaw }) => Audited::Quarantined {
            ticket: TicketNumber(ticket),
            flaw: decode_flaw(flaw, "quarantined.flaw")?,
        },
        v1::audited::What::Repaired(flaw) => {
            Audited::Repaired { flaw: decode_flaw(flaw, "audited.repaired")? }
        }
        v1::audited::What::Released(ticket) => Audited::Released { ticket: TicketNumber(ticket) },
    })
}

fn encode_urgency_set(event: &Event) -> v1::UrgencySet {
    let Event::UrgencySet { ticket, urgency, respond_by, solve_by } = event else {
        unreachable!("called for this event only")
    };
    v1::UrgencySet {
        ticket: ticket.0,
        urgency: encode_urgency(*urgency),
        respond_by: respond_by.0,
        solve_by: solve_by.map(|at| at.0),
    }
}

fn encode_assigned(event: &Event) -> v1::Assigned {
    let Event::Assigned {
        ticket,
        agent,
        pool,
        token,
        lease_until,
        request,
        step,
        slack_ms,
        compared,
        passed,
    } = event
    else {
        unreachable!("called for this event only")
    };
    v1::Assigned {
        ticket: ticket.0,
        agent: agent.as_str().into(),
        pool: pool.0.into(),
        token: token.0,
        lease_until: lease_until.0,
        request: text(request.as_deref()),
        step: encode_step(*step),
        slack_ms: *slack_ms,
        compared: encode_compared(compared.as_ref()),
        passed_tiers: passed.0,
    }
}

fn encode_released(
    ticket: TicketNumber,
    token: LeaseToken,
    reason: &ReleaseReason,
    dead_letter: Option<PoolIx>,
) -> v1::Released {
    v1::Released {
        dead_letter: dead_letter.map(|pool| pool.0.into()),
        ticket: ticket.0,
        token: token.0,
        reason: Some(match reason {
            ReleaseReason::ByAgent(why) => v1::released::Reason::ByAgent((&**why).into()),
            ReleaseReason::Undelivered => v1::released::Reason::Undelivered(v1::Undelivered {}),
        }),
    }
}

fn encode_profile(profile: &AgentProfile) -> v1::AgentPut {
    v1::AgentPut {
        agent: profile.id.as_str().into(),
        name: (&*profile.name).into(),
        pools: profile.pools.0,
        capacity: profile.capacity.into(),
        maxima: push::encode_maxima(&profile.maxima),
        skills: encode_skills(&profile.skills),
    }
}

fn encode_submitted(submitted: &Submitted) -> v1::Submitted {
    v1::Submitted {
        id: submitted.id.as_str().into(),
        number: submitted.number.0,
        fingerprint: submitted.fingerprint,
        channel: encode_channel(submitted.channel),
        caller: submitted.caller.as_deref().map(encode_caller),
        content: Some(encode_content(&submitted.content)),
        tier: submitted.tier.0.into(),
        tier_source: encode_source(submitted.tier_source),
        tier_age_ms: submitted.tier_age_ms,
        respond_by: submitted.respond_by.0,
        solve_by: submitted.solve_by.map(|at| at.0),
        pools: submitted.pools.0,
        not_before: submitted.not_before.map(|at| at.0),
        expires_at: submitted.expires_at.map(|at| at.0),
        urgency: encode_urgency(submitted.urgency),
        wish: submitted.wish.as_deref().map(encode_wish),
        needs: submitted.needs.as_deref().map(encode_needs),
        has_fixed_route: submitted.has_fixed_route,
        contact: submitted.contact.as_deref().map(contacts::encode),
    }
}

fn decode_completed(completed: v1::Completed) -> Event {
    Event::Completed {
        ticket: TicketNumber(completed.ticket),
        token: LeaseToken(completed.token),
        report: Report {
            outcome: completed.outcome.into(),
            note: completed.note.into(),
            burden: completed.burden.into(),
        },
        wrap_up_until: completed.wrap_up_until.map(Time),
    }
}

pub(super) fn decode(record: v1::Record) -> Result<(Time, Event), Error> {
    let agent = |value| name(value, "agent").map(AgentId::new);
    let event = match required(record.event, "record.event")? {
        Kind::Started(v1::Started {}) => Event::Started,
        Kind::PolicyApplied(applied) => Event::PolicyApplied {
            policy: Arc::new(policy::decode(required(applied.policy, "policy_applied.policy")?)?),
            change: applied.change.map(policy::decode_change).transpose()?.map(Arc::new),
        },
        Kind::AgentPut(put) => Event::AgentPut(decode_profile(put)?),
        Kind::AgentDeleted(deleted) => Event::AgentDeleted { agent: agent(deleted.agent)? },
        Kind::PresenceSet(set) => Event::PresenceSet {
            agent: agent(set.agent)?,
            presence: decode_presence(set.presence, "presence_set.presence")?,
        },
        Kind::Submitted(submitted) => Event::Submitted(Box::new(decode_submitted(submitted)?)),
        Kind::Updated(updated) => Event::Updated {
            ticket: TicketNumber(updated.ticket),
            content: Arc::new(decode_content(required(updated.content, "updated.content")?)),
        },
        Kind::Escalated(escalated) => hours::decode_escalated(escalated)?,
        Kind::UrgencySet(set) => decode_urgency_set(set)?,
        Kind::Retiered(retiered) => decode_retiered(retiered)?,
        Kind::Cancelled(cancelled) => Event::Cancelled {
            ticket: TicketNumber(cancelled.ticket),
            reason: cancelled.reason.into(),
        },
        Kind::PoolPaused(switched) => Event::PoolPaused(supervise::decode_switched(switched)?),
        Kind::PoolResumed(switched) => Event::PoolResumed(supervise::decode_switched(switched)?),
        Kind::Intervened(intervened) => Event::Intervened(Box::new(supervise::decode(intervened)?)),
        Kind::Overflowed(overflowed) => Event::Overflowed {
            ticket: TicketNumber(overflowed.ticket),
            overflow_step: narrow(overflowed.overflow_step, "overflowed.overflow_step")?,
            pools: PoolSet(overflowed.pools),
            needs: decode_needs(overflowed.needs)?,
            relaxed_ms: overflowed.relaxed_ms,
        },
        Kind::Opened(opened) => Event::Opened {
            ticket: TicketNumber(opened.ticket),
            needs: decode_needs(opened.needs)?,
            why: decode_open_reason(opened.why, "opened.why")?,
        },
        Kind::Breached(breached) => Event::Breached {
            ticket: TicketNumber(breached.ticket),
            deadline: decode_deadline(breached.deadline, "breached.deadline")?,
        },
        Kind::WaitStarted(started) => Event::WaitStarted {
            agent: agent(started.agent)?,
            until: Time(started.until),
            request: boxed(started.request),
        },
        Kind::WaitEnded(ended) => Event::WaitEnded {
            agent: agent(ended.agent)?,
            why: decode_why(ended.why, "wait_ended.why")?,
        },
        Kind::Audited(audited) => Event::Audited(decode_audited(audited)?),
        Kind::Assigned(assigned) => decode_assigned(assigned)?,
        Kind::Extended(extended) => Event::Extended {
            ticket: TicketNumber(extended.ticket),
            token: LeaseToken(extended.token),
            lease_until: Time(extended.lease_until),
        },
        Kind::LeaseExpired(expired) => Event::LeaseExpired {
            ticket: TicketNumber(expired.ticket),
            token: LeaseToken(expired.token),
            dead_letter: some_pool(expired.dead_letter, "lease_expired.dead_letter")?,
        },
        Kind::Transferred(transferred) => decode_transferred(transferred)?,
        Kind::CallbackRequested(requested) => decode_callback(requested),
        Kind::Released(released) => Event::Released {
            ticket: TicketNumber(released.ticket),
            token: LeaseToken(released.token),
            dead_letter: some_pool(released.dead_letter, "released.dead_letter")?,
            reason: match required(released.reason, "released.reason")? {
                v1::released::Reason::ByAgent(why) => ReleaseReason::ByAgent(why.into()),
                v1::released::Reason::Undelivered(v1::Undelivered {}) => ReleaseReason::Undelivered,
            },
        },
        Kind::Queued(opened) => Event::Queued { ticket: TicketNumber(opened.ticket) },
        Kind::Parked(parked) => decode_parked(parked),
        Kind::Resumed(resumed) => decode_resumed(resumed)?,
        Kind::Expired(expired) => Event::Expired { ticket: TicketNumber(expired.ticket) },
        Kind::Completed(completed) => decode_completed(completed),
        Kind::WrapUpEnded(ended) => decode_wrap_up_ended(ended)?,
        Kind::Offered(offered) => push::offered(offered)?,
        Kind::Accepted(accepted) => push::accepted(&accepted),
        Kind::Declined(declined) => push::declined(declined)?,
        Kind::OfferMissed(missed) => push::missed(&missed)?,
        Kind::OfferRevoked(revoked) => push::revoked(&revoked)?,
        Kind::WorkOpened(opened) => push::opened(opened)?,
        Kind::WorkClosed(closed) => push::closed(closed)?,
        Kind::BackOffEnded(ended) => push::back_off_ended(ended)?,
    };
    Ok((Time(record.at), event))
}

fn some_pool(pool: Option<u32>, field: &'static str) -> Result<Option<PoolIx>, Error> {
    pool.map(|pool| decode_pool(pool, field)).transpose()
}

fn decode_profile(put: v1::AgentPut) -> Result<AgentProfile, Error> {
    Ok(AgentProfile {
        id: AgentId::new(name(put.agent, "agent_put.agent")?),
        name: put.name.into(),
        pools: PoolSet(put.pools),
        skills: decode_skills(put.skills)?,
        capacity: narrow(put.capacity, "agent_put.capacity")?,
        maxima: push::decode_maxima(put.maxima, "agent_put.maxima")?,
    })
}

fn decode_urgency_set(set: v1::UrgencySet) -> Result<Event, Error> {
    Ok(Event::UrgencySet {
        ticket: TicketNumber(set.ticket),
        urgency: decode_urgency(set.urgency, "urgency_set.urgency")?,
        respond_by: Time(set.respond_by),
        solve_by: set.solve_by.map(Time),
    })
}

fn decode_retiered(retiered: v1::Retiered) -> Result<Event, Error> {
    Ok(Event::Retiered {
        ticket: TicketNumber(retiered.ticket),
        tier: decode_tier(retiered.tier, "retiered.tier")?,
        source: decode_source(retiered.source, "retiered.source")?,
        was: retiered.was.map(|tier| decode_tier(tier, "retiered.was")).transpose()?,
        customer_id: boxed(retiered.customer_id),
        known: retiered.known.map(decode_known).transpose()?.map(Box::new),
        respond_by: Time(retiered.respond_by),
        solve_by: retiered.solve_by.map(Time),
        overflow_step: narrow(retiered.overflow_step, "retiered.overflow_step")?,
        pools: PoolSet(retiered.pools),
        expires_at: retiered.expires_at.map(Time),
        needs: decode_needs(retiered.needs)?,
        wish: decode_wish(retiered.wish)?,
    })
}

fn decode_submitted(submitted: v1::Submitted) -> Result<Submitted, Error> {
    Ok(Submitted {
        id: TicketId::new(name(submitted.id, "submitted.id")?),
        number: TicketNumber(submitted.number),
        fingerprint: submitted.fingerprint,
        channel: decode_channel(submitted.channel, "submitted.channel")?,
        caller: submitted.caller.map(decode_caller).transpose()?.map(Arc::new),
        content: Arc::new(decode_content(required(submitted.content, "submitted.content")?)),
        tier: decode_tier(submitted.tier, "submitted.tier")?,
        tier_source: decode_source(submitted.tier_source, "submitted.tier_source")?,
        tier_age_ms: submitted.tier_age_ms,
        respond_by: Time(submitted.respond_by),
        solve_by: submitted.solve_by.map(Time),
        pools: PoolSet(submitted.pools),
        not_before: submitted.not_before.map(Time),
        expires_at: submitted.expires_at.map(Time),
        urgency: decode_urgency(submitted.urgency, "submitted.urgency")?,
        wish: decode_wish(submitted.wish)?,
        needs: decode_needs(submitted.needs)?,
        has_fixed_route: submitted.has_fixed_route,
        contact: submitted.contact.map(contacts::decode).transpose()?,
    })
}
