//! Tickets, callers and contents as messages.

use super::coding::{decode_known, encode_known};
use super::compared::{decode_compared, encode_compared};
use super::contacts;
use super::hours::guard;
use super::life::{decode_life, decode_parking, encode_life, encode_parking};
use super::needs::{decode_needs, decode_wish, encode_needs, encode_wish};
use super::{Error, boxed, name, narrow, required, text, twin, v1};
use crate::engine::life::Life;
use crate::engine::model::{
    AgentId, Assignment, Caller, Channel, Content, Ending, Finished, IdentifierKind, LeaseToken,
    PoolIx, PoolSet, Report, State, Step, Ticket, TicketId, TicketNumber, TierIx, TierSource, Time,
};
use crate::engine::quarantine::{Flaw, Quarantine};
use crate::engine::several::Offers;
use crate::engine::timing::Urgency;
use std::sync::Arc;

twin! {
    encode_channel, decode_channel, Channel, v1::Channel,
    [Voice, Chat, Email, Web, Callback, Outbound]
}
twin! {
    encode_source, decode_source, TierSource, v1::TierSource,
    [Found, UnknownCustomer, Stale, Unavailable, Given, UnknownTier]
}
twin! {
    encode_kind, decode_kind, IdentifierKind, v1::IdentifierKind,
    [Id, Phone, Card, Email, Account]
}
twin! {
    encode_step, decode_step, Step, v1::Step,
    [Floor, AtRisk, EarliestDeadline, Fifo, Priority, Accumulated, Promoted, Forced]
}

twin! {
    encode_flaw, decode_flaw, Flaw, v1::Flaw,
    [Queue, Timer, Holder, Token, Id, Confirmation, Agent, Stray, Counts]
}

/// Normal is what is not written.
pub(super) fn encode_urgency(urgency: Urgency) -> i32 {
    let ours = match urgency {
        Urgency::Low => v1::Urgency::Low,
        Urgency::Normal => v1::Urgency::Normal,
        Urgency::High => v1::Urgency::High,
        Urgency::Critical => v1::Urgency::Critical,
    };
    ours.into()
}

pub(super) fn decode_urgency(value: i32, field: &'static str) -> Result<Urgency, Error> {
    match v1::Urgency::try_from(value) {
        Ok(v1::Urgency::Low) => Ok(Urgency::Low),
        Ok(v1::Urgency::Normal) => Ok(Urgency::Normal),
        Ok(v1::Urgency::High) => Ok(Urgency::High),
        Ok(v1::Urgency::Critical) => Ok(Urgency::Critical),
        Err(_) => Err(Error::Unknown { field, value: value.into() }),
    }
}

pub(super) fn encode_caller(caller: &Caller) -> v1::Caller {
    v1::Caller {
        kind: encode_kind(caller.kind),
        value: (&*caller.value).into(),
        others: caller
            .others
            .iter()
            .map(|(kind, value)| v1::Identifier {
                kind: encode_kind(*kind),
                value: (&**value).into(),
            })
            .collect(),
        resolved_id: text(caller.resolved_id.as_deref()),
        known: caller.known.as_deref().map(encode_known),
    }
}

pub(super) fn decode_caller(caller: v1::Caller) -> Result<Caller, Error> {
    Ok(Caller {
        kind: decode_kind(caller.kind, "caller.kind")?,
        value: caller.value.into(),
        others: caller
            .others
            .into_iter()
            .map(|other| Ok((decode_kind(other.kind, "caller.others.kind")?, other.value.into())))
            .collect::<Result<_, Error>>()?,
        resolved_id: boxed(caller.resolved_id),
        known: caller.known.map(decode_known).transpose()?.map(Box::new),
    })
}

pub(super) fn encode_content(content: &Content) -> v1::Content {
    v1::Content {
        subject: (&*content.subject).into(),
        payload: prost::bytes::Bytes::copy_from_slice(&content.payload),
        attributes: content
            .attributes
            .iter()
            .map(|(name, value)| v1::Attribute { name: (&**name).into(), value: (&**value).into() })
            .collect(),
    }
}

pub(super) fn decode_content(content: v1::Content) -> Content {
    Content {
        subject: content.subject.into(),
        payload: Vec::from(content.payload).into(),
        attributes: content
            .attributes
            .into_iter()
            .map(|attribute| (attribute.name.into(), attribute.value.into()))
            .collect(),
    }
}

/// A pool's place, checked against the 64 there can be.
pub(super) fn decode_pool(value: u32, field: &'static str) -> Result<PoolIx, Error> {
    below_64(value, field).map(PoolIx)
}

/// A tier's place, checked against the 64 there can be.
pub(super) fn decode_tier(value: u32, field: &'static str) -> Result<TierIx, Error> {
    below_64(value, field).map(TierIx)
}

fn below_64(value: u32, field: &'static str) -> Result<u8, Error> {
    match u8::try_from(value) {
        Ok(place) if place < 64 => Ok(place),
        _ => Err(Error::Unknown { field, value: value.into() }),
    }
}

fn encode_assignment(assignment: &Assignment) -> v1::Assignment {
    v1::Assignment {
        agent: assignment.agent.as_str().into(),
        pool: assignment.pool.map(|pool| pool.0.into()),
        token: assignment.token.0,
        assigned_at: assignment.assigned_at.0,
        lease_until: assignment.lease_until.0,
        request: text(assignment.request.as_deref()),
        step: encode_step(assignment.step),
        slack_ms: assignment.slack_ms,
        policy_version: (&*assignment.policy_version).into(),
        compared: encode_compared(assignment.compared.as_ref()),
        in_doubt: assignment.in_doubt,
    }
}

fn decode_assignment(assignment: v1::Assignment) -> Result<Assignment, Error> {
    Ok(Assignment {
        agent: AgentId::new(name(assignment.agent, "assignment.agent")?),
        pool: assignment.pool.map(|pool| decode_pool(pool, "assignment.pool")).transpose()?,
        token: LeaseToken(assignment.token),
        assigned_at: Time(assignment.assigned_at),
        lease_until: Time(assignment.lease_until),
        request: boxed(assignment.request),
        step: decode_step(assignment.step, "assignment.step")?,
        slack_ms: assignment.slack_ms,
        policy_version: assignment.policy_version.into(),
        compared: decode_compared(assignment.compared)?,
        in_doubt: assignment.in_doubt,
    })
}

pub(super) fn encode_ticket(ticket: &Ticket) -> v1::Ticket {
    v1::Ticket {
        id: ticket.id.as_str().into(),
        number: ticket.number.0,
        fingerprint: ticket.fingerprint,
        channel: encode_channel(ticket.channel),
        caller: ticket.caller.as_deref().map(encode_caller),
        content: Some(encode_content(&ticket.content)),
        tier: ticket.tier.0.into(),
        tier_source: encode_source(ticket.tier_source),
        tier_age_ms: ticket.tier_age_ms,
        submitted_at: ticket.submitted_at.0,
        respond_by: ticket.respond_by.0,
        solve_by: ticket.solve_by.map(|at| at.0),
        overflow_step: ticket.overflow_step.into(),
        pools: ticket.pools.0,
        picked_up_at: ticket.picked_up_at.map(|at| at.0),
        response_breached: ticket.response_breached,
        solution_breached: ticket.solution_breached,
        promoted_at: ticket.promoted_at().map(|at| at.0),
        assigned_count: ticket.assigned_count,
        assignment: ticket.assignment().map(encode_assignment),
        opens_at: match &ticket.state {
            State::Scheduled { opens_at } => Some(opens_at.0),
            State::Waiting
            | State::Offered(_)
            | State::Assigned(_)
            | State::Parked(_)
            | State::Quarantined(_) => None,
        },
        parked: match &ticket.state {
            State::Parked(parked) => Some(encode_parking(parked)),
            State::Scheduled { .. }
            | State::Waiting
            | State::Offered(_)
            | State::Assigned(_)
            | State::Quarantined(_) => None,
        },
        // The message has places of its own for wish, place at the front and topic.
        life: ticket
            .life
            .as_deref()
            .filter(|life| !life.is_plain(ticket.submitted_at))
            .map(encode_life),
        offer: ticket.offer().map(encode_assignment),
        also_offered: ticket.offers().skip(1).map(encode_assignment).collect(),
        quarantine: match &ticket.state {
            State::Quarantined(quarantine) => Some(v1::Quarantine {
                flaw: encode_flaw(quarantine.flaw),
                since: quarantine.since.0,
            }),
            State::Scheduled { .. }
            | State::Waiting
            | State::Offered(_)
            | State::Assigned(_)
            | State::Parked(_) => None,
        },
        urgency: encode_urgency(ticket.urgency),
        escalation_step: ticket.escalation_step.into(),
        guard_permille: ticket.guard_permille.map(Into::into),
        needs: ticket.needs.as_deref().map(encode_needs),
        wish: ticket.wish().map(encode_wish),
        contact: ticket.contact().map(contacts::encode),
    }
}

/// What is rare in its life, with its wish, its place at the front and its topic.
fn life(ticket: &mut v1::Ticket) -> Result<Option<Box<Life>>, Error> {
    let life = ticket.life.take().map(decode_life).transpose()?;
    let wish = decode_wish(ticket.wish.take())?;
    let promoted_at = ticket.promoted_at.map(Time);
    let contact = ticket.contact.take().map(contacts::decode).transpose()?;
    if life.is_none() && wish.is_none() && promoted_at.is_none() && contact.is_none() {
        return Ok(None);
    }
    let life = life.unwrap_or_else(|| Life::starting(Time(ticket.submitted_at)));
    Ok(Some(Box::new(Life { wish, promoted_at, contact, ..life })))
}

pub(super) fn decode_ticket(mut ticket: v1::Ticket) -> Result<Ticket, Error> {
    let life = life(&mut ticket)?;
    Ok(Ticket {
        id: TicketId::new(name(ticket.id, "ticket.id")?),
        number: TicketNumber(ticket.number),
        fingerprint: ticket.fingerprint,
        channel: decode_channel(ticket.channel, "ticket.channel")?,
        caller: ticket.caller.map(decode_caller).transpose()?.map(Arc::new),
        content: Arc::new(decode_content(required(ticket.content, "ticket.content")?)),
        tier: decode_tier(ticket.tier, "ticket.tier")?,
        tier_source: decode_source(ticket.tier_source, "ticket.tier_source")?,
        tier_age_ms: ticket.tier_age_ms,
        urgency: decode_urgency(ticket.urgency, "ticket.urgency")?,
        escalation_step: narrow(ticket.escalation_step, "ticket.escalation_step")?,
        guard_permille: guard(ticket.guard_permille, "ticket.guard_permille")?,
        submitted_at: Time(ticket.submitted_at),
        respond_by: Time(ticket.respond_by),
        solve_by: ticket.solve_by.map(Time),
        overflow_step: narrow(ticket.overflow_step, "ticket.overflow_step")?,
        pools: PoolSet(ticket.pools),
        needs: decode_needs(ticket.needs)?,
        picked_up_at: ticket.picked_up_at.map(Time),
        response_breached: ticket.response_breached,
        solution_breached: ticket.solution_breached,
        assigned_count: ticket.assigned_count,
        state: match (ticket.assignment, ticket.offer, ticket.quarantine) {
            (Some(assignment), ..) => State::Assigned(Box::new(decode_assignment(assignment)?)),
            (None, Some(offer), _) => State::Offered(Box::new(Offers {
                first: decode_assignment(offer)?,
                also: ticket
                    .also_offered
                    .into_iter()
                    .map(decode_assignment)
                    .collect::<Result<_, _>>()?,
            })),
            (None, None, Some(quarantine)) => State::Quarantined(Box::new(Quarantine {
                flaw: decode_flaw(quarantine.flaw, "quarantine.flaw")?,
                since: Time(quarantine.since),
            })),
            (None, None, None) => match (ticket.parked, ticket.opens_at) {
                (Some(parked), _) => State::Parked(Box::new(decode_parking(parked)?)),
                (None, Some(opens_at)) => State::Scheduled { opens_at: Time(opens_at) },
                (None, None) => State::Waiting,
            },
        },
        life,
    })
}

pub(super) fn encode_finished(finished: &Finished) -> v1::Finished {
    let ending = match &finished.ending {
        Ending::Completed { agent, token, assigned_at, report } => {
            v1::finished::Ending::Completed(v1::Completion {
                agent: agent.as_str().into(),
                token: token.0,
                assigned_at: assigned_at.0,
                outcome: (&*report.outcome).into(),
                note: (&*report.note).into(),
                burden: (&*report.burden).into(),
            })
        }
        Ending::Cancelled { reason } => {
            v1::finished::Ending::Cancelled(v1::Cancellation { reason: (&**reason).into() })
        }
        Ending::Expired => v1::finished::Ending::Expired(v1::Expiration {}),
    };
    v1::Finished {
        ticket: Some(encode_ticket(&finished.ticket)),
        finished_at: finished.finished_at.0,
        ending: Some(ending),
        wrap_up_ms: finished.wrap_up_ms,
    }
}

pub(super) fn decode_finished(finished: v1::Finished) -> Result<Finished, Error> {
    let ending = match required(finished.ending, "finished.ending")? {
        v1::finished::Ending::Completed(completion) => Ending::Completed {
            agent: AgentId::new(name(completion.agent, "completion.agent")?),
            token: LeaseToken(completion.token),
            assigned_at: Time(completion.assigned_at),
            report: Report {
                outcome: completion.outcome.into(),
                note: completion.note.into(),
                burden: completion.burden.into(),
            },
        },
        v1::finished::Ending::Cancelled(cancellation) => {
            Ending::Cancelled { reason: cancellation.reason.into() }
        }
        v1::finished::Ending::Expired(v1::Expiration {}) => Ending::Expired,
    };
    Ok(Finished {
        ticket: decode_ticket(required(finished.ticket, "finished.ticket")?)?,
        ending,
        finished_at: Time(finished.finished_at),
        wrap_up_ms: finished.wrap_up_ms,
    })
}
