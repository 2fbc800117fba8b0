//! Tickets, agents and customers as `--output json` shows them: our own types with stable names.
//!
//! Instants are RFC 3339 in UTC, lengths of time whole milliseconds in fields that end `_ms`, what is not
//! known or not there is `null`. A field is never renamed or given another meaning; new ones may come.

#![expect(clippy::struct_field_names, reason = "the names are those of the JSON")]

use super::clocks::{Clock, told_urgency};
use super::forecast::Forecast;
use super::known::Known;
use super::words;
use crate::api::proto::v1;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// The fields of a ticket, for the help of the commands that print one.
pub(crate) const TICKET_FIELDS: &str = "\
JSON fields of a ticket: ticket_id, number, state, channel, customer {kind, value}, customer_id, tier, \
tier_source, tier_age_ms, known {because, standing, provisional, agent_id, matched_identifier, conflicting_customer_id}, other_identifiers [{kind, value}], subject, topic, contact_count, previous_ticket_id, payload_size, payload_text (null if left out or not UTF-8), attributes, \
submitted_at, respond_by, solve_by, queue_id, route_step, pools, required_skills [{skill, level}], \
waits_for_agent_id, waits_for_agent_until, excluded_agent_ids, assigned_count, response_breached, \
solution_breached, picked_up_at, holder {agent_id, pool, assigned_at, lease_until, decision}, finished_at, \
handle_ms, outcome, note, burden, reason, not_before, expires_at, parked {agent_id, since, until, reason, keep_ms}, \
legs [{kind, spent_ms, entry_count}], requeue_count, last_return {agent_id, at, kind, reason}, \
dead_lettered, callback_number, offer {agent_id, pool, offered_at, expires_at, decision}, urgency, \
response_clock and solution_clock {state, due, remaining_ms, hours, \
opens_at}, escalation_step, guard_permille, forecast {wait_p50_ms, wait_p80_ms, wait_p95_ms, basis, feasibility, miss_permille, reason, \
ahead_count, agent_count, mean_handle_ms, callback_offered}. A decision: step, slack_ms, policy_version. Instants are RFC 3339 in UTC; \
null means not known or none.";

/// The fields of an agent, likewise.
pub(crate) const AGENT_FIELDS: &str = "\
JSON fields of an agent: agent_id, name, pools, skills [{skill, level}], capacity, presence, state, idle_since, \
held [{ticket_id, assigned_at, lease_until, offered}], used_units, maxima {channel: count}, open_channels, \
session_id (of its Work stream; null while none is open), declined [{ticket_id, count, until}], missed_count, \
wrap_ups [{ticket_id, channel, since, until}].";

/// The fields of a customer, likewise.
pub(crate) const CUSTOMER_FIELDS: &str =
    "JSON fields of a customer: customer_id, tier, name, identifiers [{kind, value}], attributes.";

/// A name by which a customer is found.
#[derive(Debug, Serialize)]
pub(crate) struct Identifier {
    pub(crate) kind: String,
    pub(crate) value: String,
}

impl From<v1::CustomerIdentifier> for Identifier {
    fn from(identifier: v1::CustomerIdentifier) -> Self {
        Self { kind: words::identifier_kind(identifier.kind), value: identifier.value }
    }
}

/// Why a ticket was given.
#[derive(Debug, Serialize)]
pub(crate) struct Decision {
    pub(crate) step: String,
    pub(crate) slack_ms: i64,
    pub(crate) policy_version: String,
}

impl From<v1::Decision> for Decision {
    fn from(decision: v1::Decision) -> Self {
        Self {
            step: words::decision_step(decision.step),
            slack_ms: decision.slack_ms,
            policy_version: decision.policy_version,
        }
    }
}

/// Who has a ticket.
#[derive(Debug, Serialize)]
pub(crate) struct Holder {
    pub(crate) agent_id: String,
    pub(crate) pool: String,
    pub(crate) assigned_at: Option<Timestamp>,
    pub(crate) lease_until: Option<Timestamp>,
    pub(crate) decision: Option<Decision>,
}

impl From<v1::Holder> for Holder {
    fn from(holder: v1::Holder) -> Self {
        Self {
            agent_id: holder.agent_id,
            pool: holder.pool,
            assigned_at: instant(holder.assigned_at),
            lease_until: instant(holder.lease_until),
            decision: holder.decision.map(Into::into),
        }
    }
}

/// Whom a ticket is offered to.
#[derive(Debug, Serialize)]
pub(crate) struct Offer {
    pub(crate) agent_id: String,
    pub(crate) pool: String,
    pub(crate) offered_at: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) decision: Option<Decision>,
}

impl From<v1::TicketOffer> for Offer {
    fn from(offer: v1::TicketOffer) -> Self {
        Self {
            agent_id: offer.agent_id,
            pool: offer.pool,
            offered_at: instant(offer.offered_at),
            expires_at: instant(offer.expires_at),
            decision: offer.decision.map(Into::into),
        }
    }
}

/// A ticket; see [`TICKET_FIELDS`].
#[derive(Debug, Serialize)]
pub(crate) struct Ticket {
    pub(crate) ticket_id: String,
    pub(crate) number: u64,
    pub(crate) state: String,
    pub(crate) channel: String,
    pub(crate) customer: Option<Identifier>,
    pub(crate) customer_id: Option<String>,
    pub(crate) tier: String,
    pub(crate) tier_source: String,
    pub(crate) tier_age_ms: Option<i64>,
    pub(crate) known: Option<Known>,
    pub(crate) other_identifiers: Vec<Identifier>,
    pub(crate) subject: String,
    pub(crate) topic: Option<String>,
    pub(crate) contact_count: u32,
    pub(crate) previous_ticket_id: Option<String>,
    pub(crate) payload_size: u32,
    pub(crate) payload_text: Option<String>,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) submitted_at: Option<Timestamp>,
    pub(crate) respond_by: Option<Timestamp>,
    pub(crate) solve_by: Option<Timestamp>,
    pub(crate) queue_id: String,
    pub(crate) route_step: u32,
    pub(crate) pools: Vec<String>,
    pub(crate) required_skills: Vec<Skill>,
    pub(crate) waits_for_agent_id: Option<String>,
    pub(crate) waits_for_agent_until: Option<Timestamp>,
    pub(crate) excluded_agent_ids: Vec<String>,
    pub(crate) assigned_count: u32,
    pub(crate) response_breached: bool,
    pub(crate) solution_breached: bool,
    pub(crate) picked_up_at: Option<Timestamp>,
    pub(crate) holder: Option<Holder>,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) handle_ms: Option<i64>,
    pub(crate) outcome: Option<String>,
    pub(crate) note: Option<String>,
    pub(crate) burden: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) offer: Option<Offer>,
    pub(crate) forecast: Option<Forecast>,
    pub(crate) urgency: Option<String>,
    pub(crate) response_clock: Option<Clock>,
    pub(crate) solution_clock: Option<Clock>,
    pub(crate) escalation_step: u32,
    pub(crate) guard_permille: Option<u32>,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) parked: Option<Parking>,
    pub(crate) legs: Vec<Leg>,
    pub(crate) requeue_count: u32,
    pub(crate) last_return: Option<Return>,
    pub(crate) dead_lettered: bool,
    pub(crate) callback_number: Option<String>,
}

/// How a ticket came back from an agent.
#[derive(Debug, Serialize)]
pub(crate) struct Return {
    pub(crate) agent_id: String,
    pub(crate) at: Option<Timestamp>,
    pub(crate) kind: String,
    pub(crate) reason: Option<String>,
}

impl From<v1::TicketReturn> for Return {
    fn from(from: v1::TicketReturn) -> Self {
        Self {
            agent_id: from.agent_id,
            at: instant(from.at),
            kind: words::return_reason(from.kind),
            reason: filled(from.reason),
        }
    }
}

/// A ticket that waits for its customer.
#[derive(Debug, Serialize)]
pub(crate) struct Parking {
    pub(crate) agent_id: String,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) reason: Option<String>,
    pub(crate) keep_ms: Option<i64>,
}

impl From<v1::Parking> for Parking {
    fn from(parking: v1::Parking) -> Self {
        Self {
            agent_id: parking.agent_id,
            since: instant(parking.since),
            until: instant(parking.until),
            reason: filled(parking.reason),
            keep_ms: parking.keep_for.as_ref().map(|keep| ms(Some(keep))),
        }
    }
}

/// What a ticket has spent in one kind of leg.
#[derive(Debug, Serialize)]
pub(crate) struct Leg {
    pub(crate) kind: String,
    pub(crate) spent_ms: i64,
    pub(crate) entry_count: u32,
}

impl From<v1::TicketLeg> for Leg {
    fn from(leg: v1::TicketLeg) -> Self {
        Self {
            kind: words::leg_kind(leg.kind),
            spent_ms: leg.spent_ms,
            entry_count: leg.entry_count,
        }
    }
}

impl From<v1::Ticket> for Ticket {
    fn from(ticket: v1::Ticket) -> Self {
        Self {
            ticket_id: ticket.ticket_id,
            number: ticket.number,
            state: words::ticket_state(ticket.state),
            channel: words::channel(ticket.channel),
            customer: ticket.customer.map(Into::into),
            customer_id: filled(ticket.customer_id),
            tier: ticket.tier,
            tier_source: words::tier_source(ticket.tier_source),
            tier_age_ms: ticket.tier_age_ms,
            known: ticket.known.map(Into::into),
            other_identifiers: ticket.other_identifiers.into_iter().map(Into::into).collect(),
            subject: ticket.subject,
            topic: filled(ticket.topic),
            contact_count: ticket.contact_count,
            previous_ticket_id: filled(ticket.previous_ticket_id),
            payload_size: ticket.payload_size,
            payload_text: std::str::from_utf8(&ticket.payload).ok().and_then(filled),
            attributes: ticket.attributes,
            submitted_at: instant(ticket.submitted_at),
            respond_by: instant(ticket.respond_by),
            solve_by: instant(ticket.solve_by),
            queue_id: ticket.queue_id,
            route_step: ticket.route_step,
            pools: ticket.pools,
            required_skills: ticket.required_skills.into_iter().map(Into::into).collect(),
            waits_for_agent_id: filled(ticket.waits_for_agent_id),
            waits_for_agent_until: instant(ticket.waits_for_agent_until),
            excluded_agent_ids: ticket.excluded_agent_ids,
            assigned_count: ticket.assigned_count,
            response_breached: ticket.response_breached,
            solution_breached: ticket.solution_breached,
            picked_up_at: instant(ticket.picked_up_at),
            holder: ticket.holder.map(Into::into),
            finished_at: instant(ticket.finished_at),
            handle_ms: ticket.handle_ms,
            outcome: filled(ticket.outcome),
            note: filled(ticket.note),
            burden: filled(ticket.burden),
            reason: filled(ticket.reason),
            not_before: instant(ticket.not_before),
            expires_at: instant(ticket.expires_at),
            parked: ticket.parked.map(Into::into),
            legs: ticket.legs.into_iter().map(Into::into).collect(),
            requeue_count: ticket.requeue_count,
            last_return: ticket.last_return.map(Into::into),
            dead_lettered: ticket.dead_lettered,
            callback_number: filled(ticket.callback_number),
            offer: ticket.offer.map(Into::into),
            forecast: ticket.forecast.map(Forecast::from),
            urgency: told_urgency(ticket.urgency),
            response_clock: ticket.response_clock.map(Into::into),
            solution_clock: ticket.solution_clock.map(Into::into),
            escalation_step: ticket.escalation_step,
            guard_permille: ticket.guard_permille,
        }
    }
}

/// A ticket in an agent's hands.
#[derive(Debug, Serialize)]
pub(crate) struct Held {
    pub(crate) ticket_id: String,
    pub(crate) assigned_at: Option<Timestamp>,
    pub(crate) lease_until: Option<Timestamp>,
    pub(crate) offered: bool,
}

/// A ticket that an agent has declined or missed.
#[derive(Debug, Serialize)]
pub(crate) struct Declined {
    pub(crate) ticket_id: String,
    pub(crate) count: u32,
    pub(crate) until: Option<Timestamp>,
}

/// A skill that somebody has, or must have.
#[derive(Debug, Serialize)]
pub(crate) struct Skill {
    pub(crate) skill: String,
    pub(crate) level: u32,
}

impl From<v1::SkillLevel> for Skill {
    fn from(skill: v1::SkillLevel) -> Self {
        Self { skill: skill.skill, level: skill.level }
    }
}

/// An agent; see [`AGENT_FIELDS`].
#[derive(Debug, Serialize)]
pub(crate) struct Agent {
    pub(crate) agent_id: String,
    pub(crate) name: Option<String>,
    pub(crate) pools: Vec<String>,
    pub(crate) skills: Vec<Skill>,
    pub(crate) capacity: u32,
    pub(crate) presence: String,
    pub(crate) state: String,
    pub(crate) idle_since: Option<Timestamp>,
    pub(crate) held: Vec<Held>,
    pub(crate) used_units: u32,
    pub(crate) maxima: BTreeMap<String, u32>,
    pub(crate) open_channels: Vec<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) declined: Vec<Declined>,
    pub(crate) missed_count: u32,
    pub(crate) wrap_ups: Vec<WrapUp>,
}

/// A completed ticket that its agent still writes up.
#[derive(Debug, Serialize)]
pub(crate) struct WrapUp {
    pub(crate) ticket_id: String,
    pub(crate) channel: String,
    pub(crate) since: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

impl From<v1::WrapUp> for WrapUp {
    fn from(wrap: v1::WrapUp) -> Self {
        Self {
            ticket_id: wrap.ticket_id,
            channel: words::channel(wrap.channel),
            since: instant(wrap.since),
            until: instant(wrap.until),
        }
    }
}

impl From<v1::Agent> for Agent {
    fn from(agent: v1::Agent) -> Self {
        let held = agent.held.into_iter().map(|held| Held {
            ticket_id: held.ticket_id,
            assigned_at: instant(held.assigned_at),
            lease_until: instant(held.lease_until),
            offered: held.offered,
        });
        let declined = agent.declined.into_iter().map(|declined| Declined {
            ticket_id: declined.ticket_id,
            count: declined.count,
            until: instant(declined.until),
        });
        let maxima = agent.maxima.iter().map(|most| (words::channel(most.channel), most.max));
        Self {
            agent_id: agent.agent_id,
            name: filled(agent.name),
            pools: agent.pools,
            skills: agent.skills.into_iter().map(Into::into).collect(),
            capacity: agent.capacity,
            presence: words::presence(agent.presence),
            state: words::agent_state(agent.state),
            idle_since: instant(agent.idle_since),
            used_units: agent.used_units,
            maxima: maxima.collect(),
            open_channels: agent.open_channels.iter().copied().map(words::channel).collect(),
            session_id: agent.stream.map(|stream| stream.session_id),
            declined: declined.collect(),
            missed_count: agent.missed_count,
            wrap_ups: agent.wrap_ups.into_iter().map(Into::into).collect(),
            held: held.collect(),
        }
    }
}

/// A customer; see [`CUSTOMER_FIELDS`].
#[derive(Debug, Serialize)]
pub(crate) struct Customer {
    pub(crate) customer_id: String,
    pub(crate) tier: String,
    pub(crate) name: Option<String>,
    pub(crate) identifiers: Vec<Identifier>,
    pub(crate) attributes: BTreeMap<String, String>,
}

impl From<v1::Customer> for Customer {
    fn from(customer: v1::Customer) -> Self {
        Self {
            customer_id: customer.customer_id,
            tier: customer.tier,
            name: filled(customer.name),
            identifiers: customer.identifiers.into_iter().map(Into::into).collect(),
            attributes: customer.attributes,
        }
    }
}

/// The instant, if it is one.
pub(crate) fn instant(at: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok())
}

/// The instant as the contract carries it.
pub(crate) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

/// A length of time in whole milliseconds; 0 where none is told.
pub(crate) fn ms(length: Option<&prost_types::Duration>) -> i64 {
    length.map_or(0, |l| l.seconds.saturating_mul(1000) + i64::from(l.nanos) / 1_000_000)
}

/// The text, or nothing if it is empty: the contract's empty text means "not known".
pub(crate) fn filled(text: impl Into<String>) -> Option<String> {
    Some(text.into()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The help text promises the fields; a field that is not promised, or promised and not there, would
    /// be found by a script first.
    fn assert_documents(fields: &str, value: &serde_json::Value) {
        let words: Vec<&str> = fields.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        let object = value.as_object().expect("it serialises to an object");
        for key in object.keys() {
            assert!(words.contains(&key.as_str()), "{key} is not in the help text");
        }
    }

    #[test]
    fn the_help_names_every_field_there_is() {
        let json = |value: serde_json::Result<serde_json::Value>| value.expect("plain data");
        let ticket = v1::Ticket {
            holder: Some(v1::Holder {
                decision: Some(v1::Decision::default()),
                ..Default::default()
            }),
            customer: Some(v1::CustomerIdentifier::default()),
            response_clock: Some(v1::Clock::default()),
            ..Default::default()
        };
        let ticket = json(serde_json::to_value(Ticket::from(ticket)));
        assert_documents(TICKET_FIELDS, &ticket);
        assert_documents(TICKET_FIELDS, &ticket["holder"]);
        assert_documents(TICKET_FIELDS, &ticket["response_clock"]);
        assert_documents(TICKET_FIELDS, &ticket["holder"]["decision"]);
        let agent = v1::Agent { held: vec![v1::HeldTicket::default()], ..Default::default() };
        let agent = json(serde_json::to_value(Agent::from(agent)));
        assert_documents(AGENT_FIELDS, &agent);
        assert_documents(AGENT_FIELDS, &agent["held"][0]);
        let customer = json(serde_json::to_value(Customer::from(v1::Customer::default())));
        assert_documents(CUSTOMER_FIELDS, &customer);
    }

    #[test]
    fn instants_are_rfc_3339_and_absent_ones_null() {
        let at = Some(prost_types::Timestamp { seconds: 1_795_290_768, nanos: 120_000_000 });
        let held = Held {
            ticket_id: "t".to_owned(),
            assigned_at: instant(at),
            lease_until: None,
            offered: false,
        };
        let json = serde_json::to_string(&held).expect("plain data");
        assert_eq!(
            json,
            r#"{"ticket_id":"t","assigned_at":"2026-11-21T19:52:48.12Z","lease_until":null,"offered":false}"#
        );
    }
}
