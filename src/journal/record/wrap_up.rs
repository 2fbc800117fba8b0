//! Wrap-ups as messages.

use super::ticket::{decode_channel, decode_pool, decode_tier, encode_channel};
use super::{Error, name, twin, v1};
use crate::engine::command::Event;
use crate::engine::model::{AgentId, LeaseToken, TicketId, TicketNumber, Time};
use crate::engine::wrap_up::{WrapUp, WrapUpEnd};

twin! {
    encode_wrap_up_end, decode_wrap_up_end, WrapUpEnd, v1::WrapUpEnd,
    [Agent, Limit, AgentDeleted]
}

pub(super) fn encode_wrap_up_ended(event: &Event) -> v1::WrapUpEnded {
    let Event::WrapUpEnded { agent, ticket, id, by, spent_ms } = event else {
        unreachable!("called for this event only")
    };
    v1::WrapUpEnded {
        agent: agent.as_str().into(),
        ticket: ticket.0,
        by: encode_wrap_up_end(*by),
        id: id.as_str().into(),
        spent_ms: *spent_ms,
    }
}

pub(super) fn decode_wrap_up_ended(ended: v1::WrapUpEnded) -> Result<Event, Error> {
    Ok(Event::WrapUpEnded {
        agent: AgentId::new(name(ended.agent, "wrap_up_ended.agent")?),
        ticket: TicketNumber(ended.ticket),
        id: TicketId::new(name(ended.id, "wrap_up_ended.id")?),
        by: decode_wrap_up_end(ended.by, "wrap_up_ended.by")?,
        spent_ms: ended.spent_ms,
    })
}

pub(super) fn encode(wrapping: &[WrapUp]) -> Vec<v1::WrapUp> {
    let wrap_up = |wrap: &WrapUp| v1::WrapUp {
        ticket: wrap.ticket.0,
        id: wrap.id.as_str().into(),
        channel: encode_channel(wrap.channel),
        tier: wrap.tier.map(|tier| tier.0.into()),
        pool: wrap.pool.map(|pool| pool.0.into()),
        token: wrap.token.0,
        assigned_at: wrap.assigned_at.0,
        since: wrap.since.0,
        until: wrap.until.0,
    };
    wrapping.iter().map(wrap_up).collect()
}

pub(super) fn decode(wrapping: Vec<v1::WrapUp>) -> Result<Vec<WrapUp>, Error> {
    let wrap_up = |wrap: v1::WrapUp| {
        Ok(WrapUp {
            ticket: TicketNumber(wrap.ticket),
            id: TicketId::new(name(wrap.id, "wrap_up.id")?),
            channel: decode_channel(wrap.channel, "wrap_up.channel")?,
            tier: wrap.tier.map(|tier| decode_tier(tier, "wrap_up.tier")).transpose()?,
            pool: wrap.pool.map(|pool| decode_pool(pool, "wrap_up.pool")).transpose()?,
            token: LeaseToken(wrap.token),
            assigned_at: Time(wrap.assigned_at),
            since: Time(wrap.since),
            until: Time(wrap.until),
        })
    };
    wrapping.into_iter().map(wrap_up).collect()
}
