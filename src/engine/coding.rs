//! Coding: what a customer's tier is, why, and how the customer stands with the house.
//!
//! What is said here was found out before the command was formed, and travels inside it: the engine asks
//! no directory. It keeps on the ticket what an agent is to know.

pub mod farewell;
pub mod rules;
pub mod treatment;

use super::Engine;
use super::model::{AgentId, Caller, IdentifierKind, Ticket, TicketNumber};
use std::collections::BTreeSet;
use std::fmt;

/// Longest reason for a tier, in characters.
pub const BECAUSE_CHARS_MAX: usize = 200;
/// Most identifiers of a ticket beside the first.
pub const OTHERS_MAX: usize = 7;

/// How a customer stands with the house.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// The first orders, which must go well.
    New,
    /// As most.
    #[default]
    Regular,
    /// About to leave.
    AtRisk,
    /// On the way out, with one person who explains; see [`farewell`].
    Farewell,
}

impl Standing {
    /// Every standing.
    pub const ALL: [Self; 4] = [Self::New, Self::Regular, Self::AtRisk, Self::Farewell];

    /// The standing's name in policies, attributes and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Regular => "regular",
            Self::AtRisk => "at_risk",
            Self::Farewell => "farewell",
        }
    }

    /// The standing's place in [`Standing::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// A customer whom the directory knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The customer's id. 1 to 128 characters.
    pub customer_id: Box<str>,
    /// The name of the tier; one that the policy does not have is the tier of unknown customers.
    pub tier: Box<str>,
    /// What else the ticket is to say of its customer.
    pub known: Known,
}

impl Found {
    /// A customer of whom nothing is known but the tier.
    pub fn plain(tier: impl Into<Box<str>>, customer_id: impl Into<Box<str>>) -> Self {
        Self { customer_id: customer_id.into(), tier: tier.into(), known: Known::default() }
    }
}

/// What a ticket says of its customer beside the tier.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Why it is this tier: `assets 250000 >= 100000`. Empty where the directory named it. At most
    /// [`BECAUSE_CHARS_MAX`] characters.
    pub because: Box<str>,
    /// How the customer stands with the house.
    pub standing: Standing,
    /// Whether the tier is foretold from a first order, for want of a history.
    pub is_provisional: bool,
    /// The agent whom the directory names for this customer.
    pub agent: Option<AgentId>,
    /// Which of the ticket's identifiers found the customer: 0 is the first.
    pub matched: u8,
    /// The customer whom another identifier of the ticket names, if it is another one.
    pub conflict: Option<Box<str>>,
}

impl fmt::Debug for Known {
    /// Personal data stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Known({}, provisional {})", self.standing.name(), self.is_provisional)
    }
}

/// What becomes of a customer's last known tier while the directory is silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StaleTier {
    /// It holds until the directory says otherwise. The default.
    #[default]
    Keep,
    /// The tier for times when nothing is known.
    FallBack,
    /// The higher of the two.
    HoldHigh,
}

impl StaleTier {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Keep, Self::FallBack, Self::HoldHigh];

    /// The choice's name in policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::FallBack => "fall-back",
            Self::HoldHigh => "hold-high",
        }
    }
}

/// Live tickets by whom they name. Keys are digests, so that a ticket costs 16 bytes for each name;
/// whoever asks compares the names themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Callers(BTreeSet<(u64, TicketNumber)>);

impl Callers {
    pub(super) fn add(&mut self, ticket: TicketNumber, caller: &Caller) {
        self.0.extend(keys(caller).map(|key| (key, ticket)));
    }

    pub(super) fn remove(&mut self, ticket: TicketNumber, caller: &Caller) {
        for key in keys(caller) {
            self.0.remove(&(key, ticket));
        }
    }

    /// Whether the ticket is found by all that it names.
    pub(super) fn hold(&self, ticket: &Ticket) -> bool {
        let mut keys = ticket.caller.iter().flat_map(|caller| keys(caller));
        keys.all(|key| self.0.contains(&(key, ticket.number)))
    }

    fn with(&self, key: u64) -> impl Iterator<Item = TicketNumber> + '_ {
        let all = (key, TicketNumber(0))..=(key, TicketNumber(u64::MAX));
        self.0.range(all).map(|(_, ticket)| *ticket)
    }
}

/// Every name of a caller: the identifiers as given, and the customer's id.
fn keys(caller: &Caller) -> impl Iterator<Item = u64> + '_ {
    let given = caller.identifiers().map(|(kind, value)| key(kind, value));
    given.chain(caller.resolved_id.iter().map(|id| key(IdentifierKind::Id, id)))
}

/// FNV-1a (Fowler, Noll, Vo 1991) of the kind and the value. In memory alone.
fn key(kind: IdentifierKind, value: &str) -> u64 {
    std::iter::once(kind as u8).chain(value.bytes()).fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl Engine {
    /// The live tickets of the customer with this id, in the order of their arrival.
    pub fn tickets_of<'a>(&'a self, customer_id: &'a str) -> impl Iterator<Item = &'a Ticket> + 'a {
        let numbers = self.callers.with(key(IdentifierKind::Id, customer_id));
        numbers.filter_map(|number| self.ticket_numbered(number)).filter(move |ticket| {
            let caller = ticket.caller.as_deref();
            caller.and_then(Caller::customer_id) == Some(customer_id)
        })
    }

    /// The live tickets that were submitted with this identifier, in the order of their arrival.
    pub fn tickets_naming<'a>(
        &'a self,
        kind: IdentifierKind,
        value: &'a str,
    ) -> impl Iterator<Item = &'a Ticket> + 'a {
        let numbers = self.callers.with(key(kind, value));
        numbers.filter_map(|number| self.ticket_numbered(number)).filter(move |ticket| {
            let mut given = ticket.caller.iter().flat_map(|caller| caller.identifiers());
            given.any(|given| given == (kind, value))
        })
    }
}
