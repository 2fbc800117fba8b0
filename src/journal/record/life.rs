//! What is rare in a ticket's life, and the events about it, as messages.

use super::{Error, name, twin, v1};
use crate::engine::command::{Event, ResumedBy};
use crate::engine::life::{Book, Ledger, Leg, Life, Parked, Stay};
use crate::engine::model::{AgentId, LeaseToken, TicketNumber, Time};

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
    }
}

pub(super) fn decode_life(life: v1::Life) -> Result<Life, Error> {
    Ok(Life {
        starts_at: Time(life.starts_at),
        counts_from: Time(life.counts_from),
        expires_at: life.expires_at.map(Time),
        book: life.book.map(decode_book).transpose()?.map(Box::new),
    })
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
        reason: (&*parked.reason).into(),
    }
}

pub(super) fn decode_parking(parking: v1::Parking) -> Result<Parked, Error> {
    Ok(Parked {
        agent: AgentId::new(name(parking.agent, "parking.agent")?),
        token: LeaseToken(parking.token),
        since: Time(parking.since),
        until: Time(parking.until),
        reason: parking.reason.into(),
    })
}

pub(super) fn decode_parked(parked: v1::Parked) -> Event {
    Event::Parked {
        ticket: TicketNumber(parked.ticket),
        token: LeaseToken(parked.token),
        until: Time(parked.until),
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
    })
}
