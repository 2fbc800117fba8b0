//! The directory's customers in the engine's words: whom an identifier names, and in which tier.
//!
//! Pure: what the directory answered and the policy in force go in. Asked for every submit, and again
//! whenever the directory has news of a customer who waits.

pub mod farewell;
pub mod replacing;

use crate::directory::{Customer, Directory, Identifier, IdentifierKind, Lookup};
use crate::engine::coding::rules::{Coded, Day};
use crate::engine::coding::{Found, Known};
use crate::engine::command;
use crate::engine::model::{self, AgentId, Caller, Policy};
use std::time::Duration;

/// The customer's attribute that names an agent of the customer's own.
pub const AGENT_ATTRIBUTE: &str = "account_manager";
/// The customer's attribute that says when a farewell is complete.
pub const TRANSITION_ATTRIBUTE: &str = "transition_date";
/// Longest name of an agent, in characters.
const AGENT_CHARS_MAX: usize = 64;

/// What the engine is told of a customer whom the directory knows, on a day in UTC.
pub fn found(policy: &Policy, customer: &Customer, today: Day) -> Found {
    let Coded { tier, because, standing, is_provisional } =
        policy.code(customer.tier.as_deref(), &customer.attributes, today);
    let agent = customer.attributes.get(AGENT_ATTRIBUTE).map(|agent| agent.trim());
    let is_id = |agent: &&str| (1..=AGENT_CHARS_MAX).contains(&agent.chars().count());
    Found {
        customer_id: customer.id.as_str().into(),
        tier,
        known: Known {
            because,
            standing,
            is_provisional,
            agent: agent.filter(is_id).map(AgentId::new),
            ..Known::default()
        },
    }
}

/// Which answer of the directory is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// One from the cache will do.
    Cached,
    /// What the store says now.
    Now,
}

/// Whom these identifiers name, in the order given: the first that finds somebody wins, and one that
/// finds somebody else is a conflict. All are asked at once, so it takes no longer than one.
pub async fn look_up(
    directory: &Directory,
    policy: &Policy,
    identifiers: &[Identifier],
    today: Day,
    freshness: Freshness,
) -> command::Lookup {
    let [first, others @ ..] = identifiers else {
        return command::Lookup::UnknownCustomer;
    };
    let others: Vec<_> = others
        .iter()
        .map(|other| {
            let (directory, other) = (directory.clone(), other.clone());
            tokio::spawn(async move { ask(&directory, &other, freshness).await })
        })
        .collect();
    let mut answers = vec![ask(directory, first, freshness).await];
    for other in others {
        answers.push(other.await.unwrap_or(Lookup::Unavailable));
    }
    chosen(policy, &answers, today)
}

async fn ask(directory: &Directory, identifier: &Identifier, freshness: Freshness) -> Lookup {
    match freshness {
        Freshness::Cached => directory.lookup(identifier).await,
        Freshness::Now => directory.lookup_fresh(identifier).await,
    }
}

/// What several answers mean together: the first that is not "nobody" decides. If the directory did not answer
/// about an identifier before the one that finds somebody, that one is not the last word: it counts as stale,
/// and is asked about again.
fn chosen(policy: &Policy, answers: &[Lookup], today: Day) -> command::Lookup {
    let of = |at: usize, customer: &Customer| {
        let mut found = found(policy, customer, today);
        found.known.matched = u8::try_from(at).expect("a ticket has at most 8 identifiers");
        let mut others = answers.iter().filter_map(Lookup::customer);
        let other = others.find(|other| other.id != customer.id);
        found.known.conflict = other.map(|other| other.id.as_str().into());
        Box::new(found)
    };
    let mut is_silent = false;
    for (at, answer) in answers.iter().enumerate() {
        let (customer, age) = match answer {
            Lookup::Found { customer } if !is_silent => {
                return command::Lookup::Found(of(at, customer));
            }
            Lookup::Found { customer } => (customer, Duration::ZERO),
            Lookup::Stale { customer, age } => (customer, *age),
            Lookup::Unknown => continue,
            Lookup::Unavailable => {
                is_silent = true;
                continue;
            }
        };
        let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        return command::Lookup::Stale { found: of(at, customer), age_ms };
    }
    if is_silent { command::Lookup::Unavailable } else { command::Lookup::UnknownCustomer }
}

/// The identifiers of a caller as the directory is asked for them, without those that it could not hold.
pub fn identifiers(caller: &Caller) -> Vec<Identifier> {
    let known = caller.identifiers();
    known.filter_map(|(kind, value)| Identifier::new(directory_kind(kind), value).ok()).collect()
}

/// The directory's word for a kind of identifier.
pub fn directory_kind(kind: model::IdentifierKind) -> IdentifierKind {
    match kind {
        model::IdentifierKind::Id => IdentifierKind::Id,
        model::IdentifierKind::Phone => IdentifierKind::Phone,
        model::IdentifierKind::Card => IdentifierKind::Card,
        model::IdentifierKind::Email => IdentifierKind::Email,
        model::IdentifierKind::Account => IdentifierKind::Account,
    }
}

/// The engine's word for a kind of identifier.
pub fn engine_kind(kind: IdentifierKind) -> model::IdentifierKind {
    match kind {
        IdentifierKind::Id => model::IdentifierKind::Id,
        IdentifierKind::Phone => model::IdentifierKind::Phone,
        IdentifierKind::Card => model::IdentifierKind::Card,
        IdentifierKind::Email => model::IdentifierKind::Email,
        IdentifierKind::Account => model::IdentifierKind::Account,
    }
}
