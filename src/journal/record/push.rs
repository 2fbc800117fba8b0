//! Streams, offers and capacity as messages.

use super::compared::{decode_compared, encode_compared};
use super::event::{decode_presence, encode_presence};
use super::ticket::{decode_pool, decode_step, encode_step};
use super::{Error, boxed, name, narrow, text, twin, v1};
use crate::engine::capacity::{ChannelRule, ChannelSet, Maxima};
use crate::engine::command::{Event, Revocation, WorkEnd};
use crate::engine::model::{AgentId, LeaseToken, TicketNumber, TierSet, Time};
use crate::engine::push::{Declined, OfferRule, Stream};
use crate::engine::several::AlsoOffered;
use std::collections::BTreeMap;
use v1::record::Event as Kind;

twin! {
    encode_work_end, decode_work_end, WorkEnd, v1::WorkEnd,
    [ByAgent, Silent, Replaced, Slow, ByServer, AgentDeleted]
}
twin! {
    encode_revocation, decode_revocation, Revocation, v1::Revocation,
    [Away, StreamClosed, AgentDeleted, Supervisor, TakenByAnother]
}

/// An event of this file's kinds.
pub(super) fn encode(event: &Event) -> Kind {
    match event {
        Event::Offered {
            ticket,
            agent,
            pool,
            token,
            until,
            step,
            slack_ms,
            compared,
            passed,
            also,
        } => Kind::Offered(v1::Offered {
            ticket: ticket.0,
            agent: agent.as_str().into(),
            pool: pool.0.into(),
            token: token.0,
            until: until.0,
            step: encode_step(*step),
            slack_ms: *slack_ms,
            compared: encode_compared(compared.as_ref()),
            passed_tiers: passed.0,
            also: also.iter().map(encode_also).collect(),
        }),
        Event::Accepted { ticket, token, lease_until } => Kind::Accepted(v1::Accepted {
            ticket: ticket.0,
            token: token.0,
            lease_until: lease_until.0,
        }),
        Event::Declined { ticket, token, reason, declined } => Kind::Declined(v1::Declined {
            ticket: ticket.0,
            token: token.0,
            reason: (&**reason).into(),
            until: declined.until.unwrap_or_default().0,
            count: declined.count.into(),
        }),
        Event::OfferMissed { ticket, token, declined, missed_count, set_away } => {
            Kind::OfferMissed(v1::OfferMissed {
                ticket: ticket.0,
                token: token.0,
                until: declined.until.unwrap_or_default().0,
                count: declined.count.into(),
                missed_count: (*missed_count).into(),
                set_away: *set_away,
            })
        }
        Event::OfferRevoked { ticket, token, why } => Kind::OfferRevoked(v1::OfferRevoked {
            ticket: ticket.0,
            token: token.0,
            why: encode_revocation(*why),
        }),
        Event::WorkOpened { agent, stream, presence } => Kind::WorkOpened(v1::WorkOpened {
            agent: agent.as_str().into(),
            session: text(stream.session.as_deref()),
            maxima: encode_maxima(&stream.maxima),
            presence: encode_presence(*presence),
        }),
        Event::WorkClosed { agent, why } => Kind::WorkClosed(v1::WorkClosed {
            agent: agent.as_str().into(),
            why: encode_work_end(*why),
        }),
        Event::BackOffEnded { agent, ticket } => {
            Kind::BackOffEnded(v1::BackOffEnded { agent: agent.as_str().into(), ticket: ticket.0 })
        }
        _ => unreachable!("called for the events of streams and offers only"),
    }
}

pub(super) fn offered(offered: v1::Offered) -> Result<Event, Error> {
    Ok(Event::Offered {
        ticket: TicketNumber(offered.ticket),
        agent: AgentId::new(name(offered.agent, "offered.agent")?),
        pool: decode_pool(offered.pool, "offered.pool")?,
        token: LeaseToken(offered.token),
        until: Time(offered.until),
        step: decode_step(offered.step, "offered.step")?,
        slack_ms: offered.slack_ms,
        compared: decode_compared(offered.compared)?,
        passed: TierSet(offered.passed_tiers),
        also: offered.also.into_iter().map(decode_also).collect::<Result<_, _>>()?,
    })
}

fn encode_also(also: &AlsoOffered) -> v1::AlsoOffered {
    v1::AlsoOffered {
        agent: also.agent.as_str().into(),
        pool: also.pool.0.into(),
        token: also.token.0,
        step: encode_step(also.step),
        passed_tiers: also.passed.0,
        compared: encode_compared(also.compared.as_ref()),
    }
}

fn decode_also(also: v1::AlsoOffered) -> Result<AlsoOffered, Error> {
    Ok(AlsoOffered {
        agent: AgentId::new(name(also.agent, "also_offered.agent")?),
        pool: decode_pool(also.pool, "also_offered.pool")?,
        token: LeaseToken(also.token),
        step: decode_step(also.step, "also_offered.step")?,
        compared: decode_compared(also.compared)?,
        passed: TierSet(also.passed_tiers),
    })
}

pub(super) fn accepted(accepted: &v1::Accepted) -> Event {
    Event::Accepted {
        ticket: TicketNumber(accepted.ticket),
        token: LeaseToken(accepted.token),
        lease_until: Time(accepted.lease_until),
    }
}

pub(super) fn declined(declined: v1::Declined) -> Result<Event, Error> {
    Ok(Event::Declined {
        ticket: TicketNumber(declined.ticket),
        token: LeaseToken(declined.token),
        reason: declined.reason.into(),
        declined: Declined {
            count: narrow(declined.count, "declined.count")?,
            until: Some(Time(declined.until)),
        },
    })
}

pub(super) fn missed(missed: &v1::OfferMissed) -> Result<Event, Error> {
    Ok(Event::OfferMissed {
        ticket: TicketNumber(missed.ticket),
        token: LeaseToken(missed.token),
        declined: Declined {
            count: narrow(missed.count, "offer_missed.count")?,
            until: Some(Time(missed.until)),
        },
        missed_count: narrow(missed.missed_count, "offer_missed.missed_count")?,
        set_away: missed.set_away,
    })
}

pub(super) fn revoked(revoked: &v1::OfferRevoked) -> Result<Event, Error> {
    Ok(Event::OfferRevoked {
        ticket: TicketNumber(revoked.ticket),
        token: LeaseToken(revoked.token),
        why: decode_revocation(revoked.why, "offer_revoked.why")?,
    })
}

pub(super) fn opened(opened: v1::WorkOpened) -> Result<Event, Error> {
    Ok(Event::WorkOpened {
        agent: AgentId::new(name(opened.agent, "work_opened.agent")?),
        stream: Stream {
            session: boxed(opened.session),
            maxima: decode_maxima(opened.maxima, "work_opened.maxima")?,
        },
        presence: decode_presence(opened.presence, "work_opened.presence")?,
    })
}

pub(super) fn closed(closed: v1::WorkClosed) -> Result<Event, Error> {
    Ok(Event::WorkClosed {
        agent: AgentId::new(name(closed.agent, "work_closed.agent")?),
        why: decode_work_end(closed.why, "work_closed.why")?,
    })
}

pub(super) fn back_off_ended(ended: v1::BackOffEnded) -> Result<Event, Error> {
    Ok(Event::BackOffEnded {
        agent: AgentId::new(name(ended.agent, "back_off_ended.agent")?),
        ticket: TicketNumber(ended.ticket),
    })
}

/// Nothing is written where nothing is limited.
pub(super) fn encode_maxima(maxima: &Maxima) -> Vec<u32> {
    if *maxima == Maxima::default() { Vec::new() } else { maxima.0.map(u32::from).into() }
}

pub(super) fn decode_maxima(maxima: Vec<u32>, field: &'static str) -> Result<Maxima, Error> {
    if maxima.is_empty() {
        return Ok(Maxima::default());
    }
    let found = maxima.len();
    let maxima: Vec<_> =
        maxima.into_iter().map(|most| narrow(most, field)).collect::<Result<_, _>>()?;
    let unknown = |_| Error::Unknown { field, value: i64::try_from(found).unwrap_or(i64::MAX) };
    maxima.try_into().map(Maxima).map_err(unknown)
}

pub(super) fn encode_stream(stream: &Stream) -> v1::WorkStream {
    v1::WorkStream {
        session: text(stream.session.as_deref()),
        maxima: encode_maxima(&stream.maxima),
    }
}

pub(super) fn decode_stream(stream: v1::WorkStream) -> Result<Stream, Error> {
    Ok(Stream {
        session: boxed(stream.session),
        maxima: decode_maxima(stream.maxima, "stream.maxima")?,
    })
}

pub(super) fn encode_declined(
    declined: &BTreeMap<TicketNumber, Declined>,
) -> Vec<v1::DeclinedTicket> {
    let ticket = |(number, declined): (&TicketNumber, &Declined)| v1::DeclinedTicket {
        ticket: number.0,
        count: declined.count.into(),
        until: declined.until.map(|at| at.0),
    };
    declined.iter().map(ticket).collect()
}

pub(super) fn decode_declined(
    declined: Vec<v1::DeclinedTicket>,
) -> Result<BTreeMap<TicketNumber, Declined>, Error> {
    let ticket = |ticket: v1::DeclinedTicket| {
        let count = narrow(ticket.count, "declined_ticket.count")?;
        Ok((TicketNumber(ticket.ticket), Declined { count, until: ticket.until.map(Time) }))
    };
    declined.into_iter().map(ticket).collect()
}

/// Nothing is written where every channel has the default rule.
pub(super) fn encode_channels(rules: &[ChannelRule; 6]) -> Vec<v1::ChannelRule> {
    if *rules == <[ChannelRule; 6]>::default() {
        return Vec::new();
    }
    let rule = |rule: &ChannelRule| v1::ChannelRule {
        cost: rule.cost.into(),
        exclusive: rule.exclusive,
        interrupts: rule.interrupts.0.into(),
        wrap_up_ms: rule.wrap_up_ms,
    };
    rules.iter().map(rule).collect()
}

pub(super) fn decode_channels(rules: Vec<v1::ChannelRule>) -> Result<[ChannelRule; 6], Error> {
    if rules.is_empty() {
        return Ok(<[ChannelRule; 6]>::default());
    }
    let found = rules.len();
    let rule = |rule: v1::ChannelRule| {
        Ok(ChannelRule {
            cost: narrow(rule.cost, "channel_rule.cost")?,
            exclusive: rule.exclusive,
            interrupts: ChannelSet(narrow(rule.interrupts, "channel_rule.interrupts")?),
            wrap_up_ms: rule.wrap_up_ms,
        })
    };
    let rules: Vec<_> = rules.into_iter().map(rule).collect::<Result<_, Error>>()?;
    let value = i64::try_from(found).unwrap_or(i64::MAX);
    rules.try_into().map_err(|_| Error::Unknown { field: "number of policy.channels", value })
}

/// Nothing is written of the default.
pub(super) fn encode_rule(rule: &OfferRule) -> Option<v1::OfferRule> {
    (*rule != OfferRule::default()).then(|| v1::OfferRule {
        offer_ms: rule.offer_ms,
        back_off_first_ms: rule.back_off_first_ms,
        back_off_max_ms: rule.back_off_max_ms,
        misses_max: rule.misses_max.into(),
        offer_to: (rule.offer_to != 1).then(|| rule.offer_to.into()),
    })
}

pub(super) fn decode_rule(rule: Option<v1::OfferRule>) -> Result<OfferRule, Error> {
    let Some(rule) = rule else { return Ok(OfferRule::default()) };
    Ok(OfferRule {
        offer_ms: rule.offer_ms,
        back_off_first_ms: rule.back_off_first_ms,
        back_off_max_ms: rule.back_off_max_ms,
        misses_max: narrow(rule.misses_max, "offer_rule.misses_max")?,
        offer_to: narrow(rule.offer_to.unwrap_or(1), "offer_rule.offer_to")?,
    })
}
