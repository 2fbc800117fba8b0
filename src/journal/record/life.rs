//! What is rare in a ticket's life, and the events about it, as messages.

use super::needs::{decode_needs, encode_needs};
use super::ticket::{decode_source, decode_tier, encode_source};
use super::{Error, name, narrow, required, twin, v1};
use crate::engine::command::{Event, ResumedBy, Transferred};
use crate::engine::life::{
    Book, CallbackNumber, Kept, Ledger, Leg, Life, Parked, Return, ReturnReason, Stay, Worked,
};
use crate::engine::model::{AgentId, LeaseToken, PoolIx, PoolSet, TicketNumber, Time};

twin! {
    encode_leg, decode_leg, Leg, v1::Leg,
    [Scheduled, Queue, Offer, Agent, Parked, WrapUp]
}
twin! {
    encode_resumed_by, decode_resumed_by, ResumedBy, v1::ResumedBy,
    [Caller, Limit]
}

pub(super) fn encode_life(life: &Life) -> v1::Life {
    v1::Life {
        starts_at: life.starts_at.0,
        counts_from: life.counts_from.0,
        expires_at: life.expires_at.map(|at| at.0),
        has_fixed_route: life.has_fixed_route,
        is_dead_letter: life.is_dead_letter,
        requeue_count: life.requeue_count,
        last_return: life.last_return.as_deref().map(encode_return),
        callback_number: life.callback_number.as_ref().map(|number| (&*number.0).into()),
        book: life.book.as_deref().map(|book| v1::Book {
            since: book.since.0,
            stays: book
                .past
                .iter()
                .map(|(leg, stay)| v1::Stay {
                    leg: encode_leg(leg),
                    ms: stay.ms,
                    count: stay.count,
                })
                .collect(),
        }),
        worked: life.worked.iter().map(encode_worked).collect(),
        kept: life
            .kept
            .as_deref()
            .map(|kept| v1::Kept { agent: kept.agent.as_str().into(), until: kept.until.0 }),
    }
}

fn encode_worked(worked: &Worked) -> v1::Worked {
    v1::Worked { pool: worked.pool.map(|pool| pool.0.into()), ms: worked.ms }
}

fn decode_kept(kept: v1::Kept) -> Result<Kept, Error> {
    Ok(Kept { agent: AgentId::new(name(kept.agent, "kept.agent")?), until: Time(kept.until) })
}

fn decode_worked(worked: v1::Worked) -> Result<Worked, Error> {
    let pool = worked.pool.map(|pool| narrow(pool, "worked.pool").map(PoolIx)).transpose()?;
    Ok(Worked { pool, ms: worked.ms })
}

pub(super) fn decode_life(life: v1::Life) -> Result<Life, Error> {
    Ok(Life {
        starts_at: Time(life.starts_at),
        counts_from: Time(life.counts_from),
        expires_at: life.expires_at.map(Time),
        has_fixed_route: life.has_fixed_route,
        is_dead_letter: life.is_dead_letter,
        requeue_count: life.requeue_count,
        last_return: life.last_return.map(decode_return).transpose()?.map(Box::new),
        callback_number: life.callback_number.map(|number| CallbackNumber(number.into())),
        book: life.book.map(decode_book).transpose()?.map(Box::new),
        wish: None,
        promoted_at: None,
        contact: None,
        worked: life.worked.into_iter().map(decode_worked).collect::<Result<_, _>>()?,
        kept: life.kept.map(decode_kept).transpose()?.map(Box::new),
    })
}

fn encode_return(from: &Return) -> v1::Return {
    use v1::r#return::Why;
    v1::Return {
        agent: from.agent.as_str().into(),
        at: from.at.0,
        why: Some(match &from.why {
            ReturnReason::Released(why) => Why::Released((&**why).into()),
            ReturnReason::LeaseEnded => Why::LeaseEnded(v1::LeaseEnded {}),
            ReturnReason::Transferred(why) => Why::Transferred((&**why).into()),
        }),
    }
}

fn decode_return(from: v1::Return) -> Result<Return, Error> {
    use v1::r#return::Why;
    Ok(Return {
        agent: AgentId::new(name(from.agent, "return.agent")?),
        at: Time(from.at),
        why: match required(from.why, "return.why")? {
            Why::Released(why) => ReturnReason::Released(why.into()),
            Why::LeaseEnded(v1::LeaseEnded {}) => ReturnReason::LeaseEnded,
            Why::Transferred(why) => ReturnReason::Transferred(why.into()),
        },
    })
}

pub(super) fn encode_transferred(moved: &Transferred) -> v1::Transferred {
    v1::Transferred {
        ticket: moved.ticket.0,
        token: moved.token.map_or(0, |token| token.0),
        reason: (&*moved.reason).into(),
        tier: moved.tier.0.into(),
        tier_source: encode_source(moved.tier_source),
        overflow_step: moved.overflow_step.into(),
        pools: moved.pools.0,
        has_fixed_route: moved.has_fixed_route,
        needs: moved.needs.as_deref().map(encode_needs),
        is_dead_letter: moved.is_dead_letter,
        requeue_count: moved.requeue_count,
        counts_from: moved.counts_from.0,
        respond_by: moved.respond_by.0,
        solve_by: moved.solve_by.map(|at| at.0),
        has_restarted: moved.has_restarted,
    }
}

pub(super) fn decode_transferred(moved: v1::Transferred) -> Result<Event, Error> {
    Ok(Event::Transferred(Box::new(Transferred {
        ticket: TicketNumber(moved.ticket),
        token: (moved.token > 0).then_some(LeaseToken(moved.token)),
        reason: moved.reason.into(),
        tier: decode_tier(moved.tier, "transferred.tier")?,
        tier_source: decode_source(moved.tier_source, "transferred.tier_source")?,
        overflow_step: narrow(moved.overflow_step, "transferred.overflow_step")?,
        pools: PoolSet(moved.pools),
        has_fixed_route: moved.has_fixed_route,
        needs: decode_needs(moved.needs)?,
        is_dead_letter: moved.is_dead_letter,
        requeue_count: moved.requeue_count,
        counts_from: Time(moved.counts_from),
        respond_by: Time(moved.respond_by),
        solve_by: moved.solve_by.map(Time),
        has_restarted: moved.has_restarted,
    })))
}

pub(super) fn decode_callback(requested: v1::CallbackRequested) -> Event {
    Event::CallbackRequested {
        ticket: TicketNumber(requested.ticket),
        number: CallbackNumber(requested.number.into()),
        opens_at: requested.opens_at.map(Time),
        counts_from: Time(requested.counts_from),
        respond_by: Time(requested.respond_by),
        solve_by: requested.solve_by.map(Time),
        expires_at: requested.expires_at.map(Time),
    }
}

fn decode_book(book: v1::Book) -> Result<Book, Error> {
    let mut past = Ledger::default();
    for stay in book.stays {
        let leg = decode_leg(stay.leg, "stay.leg")?;
        past.set(leg, Stay { ms: stay.ms, count: stay.count });
    }
    Ok(Book { past, since: Time(book.since) })
}

pub(super) fn encode_parking(parked: &Parked) -> v1::Parking {
    v1::Parking {
        agent: parked.agent.as_str().into(),
        token: parked.token.0,
        since: parked.since.0,
        until: parked.until.0,
        keep_ms: parked.keep_ms,
        reason: (&*parked.reason).into(),
    }
}

pub(super) fn decode_parking(parking: v1::Parking) -> Result<Parked, Error> {
    Ok(Parked {
        agent: AgentId::new(name(parking.agent, "parking.agent")?),
        token: LeaseToken(parking.token),
        since: Time(parking.since),
        until: Time(parking.until),
        keep_ms: parking.keep_ms,
        reason: parking.reason.into(),
    })
}

pub(super) fn decode_parked(parked: v1::Parked) -> Event {
    Event::Parked {
        ticket: TicketNumber(parked.ticket),
        token: LeaseToken(parked.token),
        until: Time(parked.until),
        keep_ms: parked.keep_ms,
        reason: parked.reason.into(),
    }
}

pub(super) fn decode_resumed(resumed: v1::Resumed) -> Result<Event, Error> {
    Ok(Event::Resumed {
        ticket: TicketNumber(resumed.ticket),
        by: decode_resumed_by(resumed.by, "resumed.by")?,
        counts_from: Time(resumed.counts_from),
        respond_by: Time(resumed.respond_by),
        solve_by: resumed.solve_by.map(Time),
        kept_until: resumed.kept_until.map(Time),
    })
}
