//! The card of a customer at the terminal: who it is, what is promised, how it went before.

use super::table::Facts;
use super::{humane, view, words};
use crate::api::proto::v1;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// A card for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Card {
    customer_id: Option<String>,
    name: Option<String>,
    tier: String,
    because: Option<String>,
    standing: Option<String>,
    provisional: bool,
    benefits: Vec<String>,
    treatment: Option<String>,
    account_manager: Option<String>,
    attributes: BTreeMap<String, String>,
    transition_date: Option<String>,
    last_contacts: Vec<Past>,
    past_count: u32,
    past_late_count: u32,
    open_tickets: Vec<Open>,
    open_ticket_count: u32,
    topic: Option<String>,
    contact_count: u32,
    previous_ticket_id: Option<String>,
    missing: Vec<String>,
    left_out: Vec<String>,
}

/// A contact that has ended.
#[derive(Debug, Serialize)]
struct Past {
    ticket_id: String,
    channel: String,
    subject: String,
    state: String,
    outcome: Option<String>,
    ended_at: Option<Timestamp>,
    wait_ms: i64,
    waited_too_long: bool,
}

/// An open ticket.
#[derive(Debug, Serialize)]
struct Open {
    ticket_id: String,
    channel: String,
    subject: String,
    state: String,
    submitted_at: Option<Timestamp>,
    respond_by: Option<Timestamp>,
    response_breached: bool,
}

impl From<v1::CustomerCard> for Card {
    fn from(card: v1::CustomerCard) -> Self {
        let parts = |parts: &[i32]| parts.iter().map(|part| words::card_part(*part)).collect();
        let past = |past: v1::PastContact| Past {
            ticket_id: past.ticket_id,
            channel: words::channel(past.channel),
            subject: past.subject,
            state: words::ticket_state(past.state),
            outcome: view::filled(past.outcome),
            ended_at: view::instant(past.ended_at),
            wait_ms: past.wait_ms,
            waited_too_long: past.waited_too_long,
        };
        let open = |open: v1::OpenTicket| Open {
            ticket_id: open.ticket_id,
            channel: words::channel(open.channel),
            subject: open.subject,
            state: words::ticket_state(open.state),
            submitted_at: view::instant(open.submitted_at),
            respond_by: view::instant(open.respond_by),
            response_breached: open.response_breached,
        };
        let is_known = card.standing != v1::Standing::Unspecified as i32;
        Self {
            standing: is_known.then(|| words::standing(card.standing)),
            missing: parts(&card.missing),
            left_out: parts(&card.left_out),
            customer_id: view::filled(card.customer_id),
            name: view::filled(card.name),
            tier: card.tier,
            because: view::filled(card.because),
            provisional: card.provisional,
            benefits: card.benefits,
            treatment: view::filled(card.treatment),
            account_manager: view::filled(card.account_manager),
            attributes: card.attributes,
            transition_date: view::filled(card.transition_date),
            last_contacts: card.last_contacts.into_iter().map(past).collect(),
            past_count: card.past_count,
            past_late_count: card.past_late_count,
            open_tickets: card.open_tickets.into_iter().map(open).collect(),
            open_ticket_count: card.open_ticket_count,
            topic: view::filled(card.topic),
            contact_count: card.contact_count,
            previous_ticket_id: view::filled(card.previous_ticket_id),
        }
    }
}

/// Adds the card to what is shown of a ticket.
pub(crate) fn add(facts: &mut Facts, card: &v1::CustomerCard, now: Timestamp) {
    let card = Card::from(card.clone());
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    let at = |at: Option<Timestamp>| at.map_or_else(String::new, |at| humane::instant(at, now));
    facts.add("name", or_empty(&card.name));
    facts.add("because", or_empty(&card.because));
    let standing = or_empty(&card.standing);
    let provisional = if card.provisional { ", tier foretold" } else { "" };
    if provisional.is_empty() && standing == "regular" {
        // As most.
    } else {
        facts.add("standing", format!("{standing}{provisional}"));
    }
    facts.add("treatment", or_empty(&card.treatment));
    for benefit in &card.benefits {
        facts.add("benefit", benefit);
    }
    facts.add("manager", or_empty(&card.account_manager));
    facts.add("transition", or_empty(&card.transition_date));
    for (key, value) in &card.attributes {
        facts.add("known", format!("{key} = {value}"));
    }
    for past in &card.last_contacts {
        let outcome = past.outcome.as_ref().unwrap_or(&past.state);
        let late = if past.waited_too_long { ", too long" } else { "" };
        let waited = humane::duration(past.wait_ms);
        let ended = at(past.ended_at);
        facts.add(
            "before",
            format!("{ended} {} {} {outcome}, waited {waited}{late}", past.channel, past.subject),
        );
    }
    if card.past_late_count > 0 {
        let times = humane::count(u64::from(card.past_late_count), "time");
        facts.add("waited", format!("too long {times} of {}", card.past_count));
    }
    for open in &card.open_tickets {
        let text = format!("{} {} {} {}", open.ticket_id, open.channel, open.state, open.subject);
        facts.add("open too", text);
    }
    let more = card.open_ticket_count as usize - card.open_tickets.len();
    if more > 0 {
        facts.add("open too", format!("{more} more"));
    }
    if !card.missing.is_empty() {
        facts.add("not known", format!("{} did not answer in time", card.missing.join(", ")));
    }
    if !card.left_out.is_empty() {
        facts.add("left out", card.left_out.join(", "));
    }
}
