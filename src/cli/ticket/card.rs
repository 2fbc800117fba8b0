//! One ticket for people.

use super::super::clocks;
use super::super::forecast::Forecast;
use super::super::humane;
use super::super::known::Known;
use super::super::table::{Facts, shortened};
use super::super::view;
use super::super::words;
use crate::api::proto::v1;
use jiff::Timestamp;

/// One ticket for people, as a card.
pub(crate) fn card(ticket: &v1::Ticket, now: Timestamp) -> Facts {
    let instant = |at: Option<prost_types::Timestamp>| {
        view::instant(at).map_or_else(String::new, |at| humane::instant(at, now))
    };
    let deadline = |at: Option<prost_types::Timestamp>, is_open: bool| {
        view::instant(at).map_or_else(String::new, |at| {
            let left = humane::slack(humane::between_ms(now, at));
            let text = humane::instant(at, now);
            if is_open { format!("{text} ({left})") } else { text }
        })
    };
    let is_finished = ticket.finished_at.is_some();
    let mut facts = Facts::new();
    facts.add("ticket", format!("{} (number {})", ticket.ticket_id, ticket.number));
    facts.add("subject", &ticket.subject);
    facts.add("state", words::ticket_state(ticket.state));
    facts.add("channel", words::channel(ticket.channel));
    facts.add(
        "tier",
        format!("{} ({})", ticket.tier, source(ticket.tier_source, ticket.tier_age_ms)),
    );
    if let Some(known) = ticket.known.clone() {
        Known::from(known).tell(&mut facts);
    }
    let named = ticket
        .customer
        .as_ref()
        .map(|customer| format!("{} {}", words::identifier_kind(customer.kind), customer.value));
    facts.add(
        "customer",
        match (ticket.customer_id.as_str(), named) {
            ("", None) => String::new(),
            ("", Some(named)) => named,
            (id, None) => id.to_owned(),
            (id, Some(named)) => format!("{id} ({named})"),
        },
    );
    if !ticket.topic.is_empty() {
        let after = match ticket.previous_ticket_id.as_str() {
            "" => String::new(),
            id => format!(", contact {} after {id}", ticket.contact_count),
        };
        facts.add("topic", format!("{}{after}", ticket.topic));
    }
    facts.add("submitted", instant(ticket.submitted_at));
    let is_unanswered = ticket.picked_up_at.is_none() && !is_finished;
    facts.add(
        "respond by",
        deadline(ticket.respond_by, is_unanswered) + breach(ticket.response_breached),
    );
    facts.add(
        "solve by",
        deadline(ticket.solve_by, !is_finished) + breach(ticket.solution_breached),
    );
    clocks::add_to_card(&mut facts, ticket, now);
    facts.add("picked up", instant(ticket.picked_up_at));
    facts.add("not before", deadline(ticket.not_before, true));
    add_parking(&mut facts, ticket, instant);
    facts.add("expires", deadline(ticket.expires_at, is_unanswered));
    if ticket.state() == v1::TicketState::Waiting {
        facts.add("queue", &ticket.queue_id);
        facts.add("pools", ticket.pools.join(", "));
        let until = deadline(ticket.waits_for_agent_until, true);
        let until = if until.is_empty() { until } else { format!(" until {until}") };
        let agent = Some(&ticket.waits_for_agent_id).filter(|agent| !agent.is_empty());
        facts.add("waits for", agent.map_or_else(String::new, |agent| format!("{agent}{until}")));
        if let Some(forecast) = ticket.forecast.clone() {
            Forecast::from(forecast).tell(&mut facts);
        }
    }
    if let Some(holder) = &ticket.holder {
        let since = instant(holder.assigned_at);
        facts.add("agent", format!("{} for {} since {since}", holder.agent_id, holder.pool));
        facts.add("lease until", deadline(holder.lease_until, true));
        if let Some(decision) = &holder.decision {
            facts.add("given by", self::decision(decision));
        }
    }
    if ticket.assigned_count > 1 {
        facts.add("assigned", humane::count(u64::from(ticket.assigned_count), "time"));
    }
    facts.add("finished", instant(ticket.finished_at));
    add_report(&mut facts, ticket);
    facts.add("call back on", &ticket.callback_number);
    if let Some(last) = &ticket.last_return {
        let times = humane::count(u64::from(ticket.requeue_count), "time");
        let kind = words::return_reason(last.kind);
        let text = format!("{times}, last {kind} by {} {}", last.agent_id, instant(last.at));
        facts.add("came back", text);
        facts.add("because", &last.reason);
    }
    if ticket.dead_lettered {
        facts.add("dead letter", "it came back too often");
    }
    facts.add("time", legs(&ticket.legs));
    for (key, value) in &ticket.attributes {
        facts.add("attribute", format!("{key} = {value}"));
    }
    facts.add("payload", payload(ticket));
    facts
}

/// What it waits for while it is parked.
fn add_parking(
    facts: &mut Facts,
    ticket: &v1::Ticket,
    instant: impl Fn(Option<prost_types::Timestamp>) -> String,
) {
    let Some(parked) = &ticket.parked else { return };
    let (agent, since, until) = (&parked.agent_id, instant(parked.since), instant(parked.until));
    facts.add("parked", format!("by {agent} since {since} until {until}"));
    if let Some(keep_for) = &parked.keep_for {
        facts.add(
            "kept then",
            format!("for {agent}, {}", humane::duration(view::ms(Some(keep_for)))),
        );
    }
    facts.add("waits for", &parked.reason);
}

/// What was said of it when it ended.
fn add_report(facts: &mut Facts, ticket: &v1::Ticket) {
    facts.add("handled in", ticket.handle_ms.map_or_else(String::new, humane::duration));
    facts.add("outcome", &ticket.outcome).add("note", &ticket.note);
    facts.add("burden", &ticket.burden).add("reason", &ticket.reason);
}

/// Where the time went, in a phrase: `queue 12 s, agent 4 m (2 times)`.
fn legs(legs: &[v1::TicketLeg]) -> String {
    let leg = |leg: &v1::TicketLeg| {
        let spent = format!("{} {}", words::leg_kind(leg.kind), humane::duration(leg.spent_ms));
        match leg.entry_count {
            0 | 1 => spent,
            count => format!("{spent} ({})", humane::count(u64::from(count), "time")),
        }
    };
    legs.iter().map(leg).collect::<Vec<_>>().join(", ")
}

/// Why a ticket was given, in a phrase.
fn decision(decision: &v1::Decision) -> String {
    format!(
        "{} ({}), policy {}",
        words::decision_step(decision.step),
        humane::slack(decision.slack_ms),
        decision.policy_version
    )
}

/// Where the tier came from, with the age of a stale answer.
pub(crate) fn source(source: i32, age_ms: Option<i64>) -> String {
    let source = words::tier_source(source);
    age_ms.map_or(source.clone(), |age| format!("{source}, {} old", humane::duration(age)))
}

fn breach(is_breached: bool) -> &'static str {
    if is_breached { ", missed" } else { "" }
}

fn payload(ticket: &v1::Ticket) -> String {
    if ticket.payload_size == 0 {
        return String::new();
    }
    let size = humane::count(u64::from(ticket.payload_size), "byte");
    match std::str::from_utf8(&ticket.payload) {
        Ok("") => size,
        Ok(text) => format!("{} ({size})", shortened(text, 200)),
        Err(_) => format!("{size}, not text"),
    }
}
