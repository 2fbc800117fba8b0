//! The card of a customer, which comes with every assignment and offer: who it is, what is promised, how it
//! went before.
//!
//! Composed after the ticket was given: nothing that is missing here refuses or changes an assignment, and
//! it waits for no part longer than for the directory. Personal data: it stands in answers to agents alone.

use super::Api;
use super::convert::{self, timestamp};
use super::life;
use super::proto::v1 as pb;
use super::status::Fault;
use crate::coding;
use crate::directory::{self, Identifier, IdentifierKind, Lookup};
use crate::driver::{Live, Seen};
use crate::engine::Engine;
use crate::engine::coding::Known;
use crate::engine::coding::rules::Day;
use crate::engine::model::{Caller, Policy, TicketId, TicketNumber, TierIx};
use crate::journal::{PastContact, PastContacts};
use prost::Message as _;
use std::sync::Arc;
use tokio::time::timeout;

/// Contacts of the past, and open tickets, that a card shows.
pub(super) const SHOWN_MAX: usize = 5;
/// The largest card, in bytes of its message.
pub(super) const CARD_BYTES_MAX: usize = 8 << 10;
/// Open tickets that are counted; more are as many.
pub(super) const OPEN_COUNTED_MAX: usize = 100;
/// The customer's attribute that lists benefits, with ";" between them.
const BENEFITS_ATTRIBUTE: &str = "benefits";

/// The open tickets of a customer, some of them.
struct Open {
    shown: Vec<pb::OpenTicket>,
    count: u32,
}

/// What is asked beside the ticket; `None` where there was no answer in time.
struct Parts {
    directory: Lookup,
    past: Option<PastContacts>,
    open: Option<Open>,
}

impl Api {
    /// The assignment with the card of its customer.
    pub(super) async fn assignment(&self, live: &Live, repeated: bool) -> pb::Assignment {
        let card = self.card(live).await;
        pb::Assignment { card, ..convert::assignment(live, repeated) }
    }

    /// The card of a ticket's customer; `None` where it names nobody.
    pub(super) async fn card(&self, live: &Live) -> Option<pb::CustomerCard> {
        let ticket = &live.ticket;
        let caller = ticket.caller.as_deref()?;
        let mut card = pb::CustomerCard {
            customer_id: ticket.customer_id().unwrap_or_default().to_owned(),
            tier_source: pb::TierSource::from(ticket.tier_source).into(),
            tier_age_ms: convert::age_ms(ticket),
            ..pb::CustomerCard::default()
        };
        add_tier(&mut card, &live.policy, ticket.tier);
        if let Some(contact) = ticket.contact() {
            card.topic = contact.topic.to_string();
            card.contact_count = contact.count;
            let previous = contact.previous.as_ref();
            card.previous_ticket_id = previous.map(|p| p.id.to_string()).unwrap_or_default();
        }
        if let Some(id) = ticket.customer_id() {
            add_known(&mut card, &caller.known.as_deref().cloned().unwrap_or_default());
            let matched = caller.known.as_ref().map_or(0, |known| usize::from(known.matched));
            let parts = self.parts(id, named(caller, matched), Some(ticket.number)).await;
            add_parts(&mut card, parts, &live.policy);
        }
        Some(bounded(card))
    }

    /// The card that a desk asks for again, of a live ticket or of a customer.
    pub(super) async fn card_again(
        &self,
        request: &pb::GetCustomerCardRequest,
    ) -> Result<pb::CustomerCard, Fault> {
        use pb::get_customer_card_request::Of;
        match &request.of {
            Some(Of::TicketId(id)) => {
                let mut checks = super::validate::Checks::default();
                let id: TicketId = checks.ticket_id(id);
                checks.done()?;
                match self.seen(&id).await? {
                    Seen::Live(live) => {
                        self.card(&live).await.ok_or_else(Fault::customer_not_found)
                    }
                    Seen::Ended(row) => Err(Fault::ticket_ended(&row)),
                }
            }
            Some(Of::CustomerId(id)) => self.card_of_customer(id).await,
            None => Err(Fault::field("of", "is required: ticket_id or customer_id")),
        }
    }

    async fn card_of_customer(&self, id: &str) -> Result<pb::CustomerCard, Fault> {
        let named = Identifier::new(IdentifierKind::Id, id).map_err(|_| {
            Fault::field("customer_id", "is not 1 to 128 characters without control characters")
        })?;
        let parts = self.parts(id, Some(named), None).await;
        let policy = self.handle.view().policy.clone();
        let customer = match &parts.directory {
            Lookup::Found { customer } | Lookup::Stale { customer, .. } => customer.clone(),
            Lookup::Unknown => return Err(Fault::customer_not_found()),
            Lookup::Unavailable => return Err(Fault::directory_unavailable()),
        };
        let today = Day::of(self.handle.clock().now());
        let found = coding::found(&policy, &customer, today);
        let mut card =
            pb::CustomerCard { customer_id: customer.id.clone(), ..pb::CustomerCard::default() };
        let tier = policy.tier_named(&found.tier);
        let source = match (tier, &parts.directory) {
            (None, _) => pb::TierSource::UnknownTier,
            (Some(_), Lookup::Stale { age, .. }) => {
                card.tier_age_ms = i64::try_from(age.as_millis()).ok();
                pb::TierSource::Stale
            }
            (Some(_), Lookup::Found { .. } | Lookup::Unknown | Lookup::Unavailable) => {
                pb::TierSource::Found
            }
        };
        card.tier_source = source.into();
        add_tier(&mut card, &policy, tier.unwrap_or(policy.unknown_tier));
        add_known(&mut card, &found.known);
        add_parts(&mut card, parts, &policy);
        Ok(bounded(card))
    }

    /// Asks directory, history and engine at once.
    async fn parts(&self, id: &str, named: Option<Identifier>, but: Option<TicketNumber>) -> Parts {
        let budget = self.directory.budget();
        let history = self.handle.history().clone();
        let wanted: Box<str> = id.into();
        let past = tokio::task::spawn_blocking(move || history.contacts_of(&wanted, SHOWN_MAX));
        let wanted: Box<str> = id.into();
        let open = self.handle.read(move |engine, _| open_tickets(engine, &wanted, but));
        let (directory, past, open) =
            tokio::join!(self.customer_of(id, named), timeout(budget, past), timeout(budget, open));
        let past = past.ok().and_then(Result::ok).and_then(|past| {
            past.inspect_err(|error| tracing::error!(%error, "the history cannot be read")).ok()
        });
        Parts { directory, past, open: open.ok().and_then(Result::ok) }
    }

    /// What the directory says of the customer: by the name that found it, which is in the cache, or by the id.
    async fn customer_of(&self, id: &str, named: Option<Identifier>) -> Lookup {
        if let Some(named) = named {
            let found = self.directory.lookup(&named).await;
            if found.customer().is_some_and(|customer| customer.id == id)
                || named.kind() == IdentifierKind::Id
                || found == Lookup::Unavailable
            {
                return found;
            }
        }
        match Identifier::new(IdentifierKind::Id, id) {
            Ok(by_id) => self.directory.lookup(&by_id).await,
            Err(_) => Lookup::Unknown,
        }
    }
}

/// The identifier of a caller that found the customer.
fn named(caller: &Caller, matched: usize) -> Option<Identifier> {
    let (kind, value) = caller.identifiers().nth(matched)?;
    Identifier::new(coding::directory_kind(kind), value).ok()
}

fn open_tickets(engine: &Engine, customer_id: &str, but: Option<TicketNumber>) -> Open {
    let mut open = Open { shown: Vec::new(), count: 0 };
    let others = engine.tickets_of(customer_id).filter(|ticket| Some(ticket.number) != but);
    for ticket in others.take(OPEN_COUNTED_MAX) {
        open.count += 1;
        if open.shown.len() < SHOWN_MAX {
            open.shown.push(pb::OpenTicket {
                ticket_id: ticket.id.to_string(),
                channel: pb::Channel::from(ticket.channel).into(),
                subject: ticket.content.subject.to_string(),
                state: life::state(&ticket.state).into(),
                submitted_at: Some(timestamp(ticket.submitted_at)),
                respond_by: Some(timestamp(ticket.respond_by)),
                response_breached: ticket.response_breached,
            });
        }
    }
    open
}

fn add_tier(card: &mut pb::CustomerCard, policy: &Policy, tier: TierIx) {
    let tier = policy.tier(tier);
    card.tier = tier.name.to_string();
    card.treatment = tier.care.treatment.to_string();
    card.benefits = tier.care.benefits.iter().map(ToString::to_string).collect();
}

fn add_known(card: &mut pb::CustomerCard, known: &Known) {
    card.because = known.because.to_string();
    card.standing = pb::Standing::from(known.standing).into();
    card.provisional = known.is_provisional;
    card.account_manager = known.agent.as_ref().map(ToString::to_string).unwrap_or_default();
}

fn add_parts(card: &mut pb::CustomerCard, parts: Parts, policy: &Policy) {
    match &parts.directory {
        Lookup::Found { customer } => add_customer(card, customer, policy),
        Lookup::Stale { customer, age } => {
            add_customer(card, customer, policy);
            card.directory_age_ms = i64::try_from(age.as_millis()).ok();
        }
        Lookup::Unknown => {}
        Lookup::Unavailable => card.missing.push(pb::CardPart::Directory.into()),
    }
    match parts.past {
        Some(past) => {
            card.past_count = past.count;
            card.past_late_count = past.late_count;
            card.last_contacts = past.last.iter().map(Into::into).collect();
        }
        None => card.missing.push(pb::CardPart::History.into()),
    }
    match parts.open {
        Some(open) => {
            card.open_ticket_count = open.count;
            card.open_tickets = open.shown;
        }
        None => card.missing.push(pb::CardPart::OpenTickets.into()),
    }
}

fn add_customer(card: &mut pb::CustomerCard, customer: &Arc<directory::Customer>, policy: &Policy) {
    let attribute = |key: &str| customer.attributes.get(key).map(|value| value.trim());
    card.name = customer.name.clone().unwrap_or_default();
    let own = attribute(BENEFITS_ATTRIBUTE).unwrap_or_default().split(';').map(str::trim);
    for benefit in own.filter(|benefit| !benefit.is_empty()) {
        if !card.benefits.iter().any(|known| known == benefit) {
            card.benefits.push(benefit.to_owned());
        }
    }
    attribute(coding::TRANSITION_ATTRIBUTE)
        .unwrap_or_default()
        .clone_into(&mut card.transition_date);
    let shown = policy.card_attributes.iter();
    card.attributes = shown
        .filter_map(|key| Some(((**key).to_owned(), customer.attributes.get(&**key)?.clone())))
        .collect();
}

impl From<&PastContact> for pb::PastContact {
    fn from(contact: &PastContact) -> Self {
        Self {
            ticket_id: contact.id.to_string(),
            channel: pb::Channel::from(contact.channel).into(),
            subject: contact.subject.to_string(),
            state: life::finished_state(contact.state).into(),
            outcome: contact.outcome.as_deref().unwrap_or_default().to_owned(),
            ended_at: Some(timestamp(contact.finished_at)),
            wait_ms: contact.wait_ms,
            waited_too_long: contact.was_late,
        }
    }
}

/// Cuts what is too much, the least wanted first, and says what. What is left without it fits: everything
/// else has a limit of its own, the largest together some 7 KiB.
fn bounded(mut card: pb::CustomerCard) -> pb::CustomerCard {
    while card.encoded_len() > CARD_BYTES_MAX {
        let part = if card.attributes.pop_last().is_some() {
            pb::CardPart::Attributes
        } else if card.last_contacts.pop().is_some() {
            pb::CardPart::History
        } else if card.open_tickets.pop().is_some() {
            pb::CardPart::OpenTickets
        } else if card.benefits.pop().is_some() {
            pb::CardPart::Benefits
        } else if !card.transition_date.is_empty() {
            card.transition_date.clear();
            pb::CardPart::Directory
        } else {
            return card;
        };
        if !card.left_out.contains(&part.into()) {
            card.left_out.push(part.into());
        }
    }
    card
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_that_is_too_large_is_cut_and_says_so() {
        let mut card = pb::CustomerCard {
            name: "\u{1f600}".repeat(256),
            treatment: "\u{1f600}".repeat(1000),
            because: "\u{1f600}".repeat(200),
            transition_date: "\u{1f600}".repeat(1024),
            benefits: vec!["\u{1f600}".repeat(100); 32],
            ..pb::CustomerCard::default()
        };
        for key in 0..16 {
            card.attributes.insert(format!("{key}"), "x".repeat(1024));
        }
        card.last_contacts =
            vec![pb::PastContact { subject: "y".repeat(800), ..Default::default() }; 5];
        let cut = bounded(card);
        assert!(cut.encoded_len() <= CARD_BYTES_MAX, "{}", cut.encoded_len());
        let left_out: Vec<_> =
            cut.left_out.iter().map(|part| pb::CardPart::try_from(*part)).collect();
        assert!(left_out.contains(&Ok(pb::CardPart::Attributes)), "{left_out:?}");
        assert_eq!(cut.treatment.chars().count(), 1000);
    }
}
