//! What a ticket is, from its submission to its end.

use super::super::coding::Known;
use super::super::compared::Compared;
use super::super::life::{Ledger, Leg, Life, Parked, Stay};
use super::super::needs::Needs;
use super::super::quarantine::Quarantine;
use super::super::several::Offers;
use super::super::timing::Urgency;
use super::{AgentId, LeaseToken, PoolIx, PoolSet, TicketId, TicketNumber, TierIx, Time};
use std::fmt;
use std::sync::Arc;

/// How the customer reached us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// A telephone call.
    Voice,
    /// A live chat.
    Chat,
    /// An e-mail.
    Email,
    /// A form or a portal.
    Web,
    /// A call we owe the customer.
    Callback,
    /// A contact we begin.
    Outbound,
}

impl Channel {
    /// Every channel, in the order policies list them.
    pub const ALL: [Self; 6] =
        [Self::Voice, Self::Chat, Self::Email, Self::Web, Self::Callback, Self::Outbound];

    /// The channel's name in policies, metrics and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Chat => "chat",
            Self::Email => "email",
            Self::Web => "web",
            Self::Callback => "callback",
            Self::Outbound => "outbound",
        }
    }

    /// The channel's place in [`Channel::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Where a ticket's tier came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TierSource {
    /// The directory knew the customer.
    Found,
    /// The directory answered that it does not know the customer, or nobody was named.
    UnknownCustomer,
    /// The directory was silent; this is what it said last.
    Stale,
    /// The directory was silent and nothing was known; the policy's fallback tier.
    Unavailable,
    /// The caller named the tier.
    Given,
    /// The directory named a tier that the policy does not have; the policy's fallback tier.
    UnknownTier,
}

impl TierSource {
    /// Every source.
    pub const ALL: [Self; 6] = [
        Self::Found,
        Self::UnknownCustomer,
        Self::Stale,
        Self::Unavailable,
        Self::Given,
        Self::UnknownTier,
    ];

    /// Whether the directory has yet to say the last word: the tier is looked up again when it can.
    pub fn is_unconfirmed(self) -> bool {
        matches!(self, Self::Stale | Self::Unavailable)
    }

    /// The source's name in metrics and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::UnknownCustomer => "unknown_customer",
            Self::Stale => "stale",
            Self::Unavailable => "unavailable",
            Self::Given => "given",
            Self::UnknownTier => "unknown_tier",
        }
    }
}

/// What kind of identifier the caller gave for the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentifierKind {
    /// The customer's own id.
    Id,
    /// A telephone number.
    Phone,
    /// A store card.
    Card,
    /// An e-mail address.
    Email,
    /// An account or a depot.
    Account,
}

/// Who is asking: the identifiers as given, and what the directory has told of the customer.
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    /// The kind of `value`.
    pub kind: IdentifierKind,
    /// The first identifier as given. At most 128 characters.
    pub value: Box<str>,
    /// The other identifiers as given, none of them twice. At most
    /// [`OTHERS_MAX`](super::super::coding::OTHERS_MAX).
    pub others: Box<[(IdentifierKind, Box<str>)]>,
    /// The customer's id, when the directory knew it and it is not `value` itself.
    pub resolved_id: Option<Box<str>>,
    /// What else the directory has told; `None` for a customer of whom there is nothing to say.
    pub known: Option<Box<Known>>,
}

impl Caller {
    /// Whoever has this identifier and no other; nothing is known yet.
    pub fn new(kind: IdentifierKind, value: impl Into<Box<str>>) -> Self {
        Self { kind, value: value.into(), others: Box::default(), resolved_id: None, known: None }
    }

    /// Every identifier as given, in the order given.
    pub fn identifiers(&self) -> impl Iterator<Item = (IdentifierKind, &str)> {
        let others = self.others.iter().map(|(kind, value)| (*kind, &**value));
        std::iter::once((self.kind, &*self.value)).chain(others)
    }

    /// Takes down what the directory has told.
    pub(in super::super) fn learn(&mut self, customer_id: Option<&str>, known: Option<&Known>) {
        if let Some(id) = customer_id
            && self.customer_id() != Some(id)
        {
            self.resolved_id = Some(id.into());
        }
        self.known = known.filter(|known| **known != Known::default()).cloned().map(Box::new);
    }

    /// The customer's id, as far as it is known.
    pub fn customer_id(&self) -> Option<&str> {
        match (&self.resolved_id, self.kind) {
            (Some(id), _) => Some(id),
            (None, IdentifierKind::Id) => Some(&self.value),
            (None, _) => None,
        }
    }
}

impl fmt::Debug for Caller {
    /// Personal data stays out of logs: only the kind is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Caller({:?}, redacted)", self.kind)
    }
}

/// What the ticket is about: carried for the agent, never read by a rule.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Content {
    /// One line for people. At most 200 characters.
    pub subject: Box<str>,
    /// Opaque bytes of the calling system. At most 64 KiB.
    pub payload: Box<[u8]>,
    /// Named values in the order of their names. At most 32.
    pub attributes: Box<[(Box<str>, Box<str>)]>,
}

impl fmt::Debug for Content {
    /// Personal data stays out of logs: only sizes are shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({} B payload, {} attributes)", self.payload.len(), self.attributes.len())
    }
}

/// A ticket's place in its life while it is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet in its queue.
    Scheduled {
        /// When it enters its queue.
        opens_at: Time,
    },
    /// In its queue.
    Waiting,
    /// Offered to an agent or several, who have yet to accept: `assigned_at` is when, `lease_until` how long.
    Offered(Box<Offers>),
    /// In an agent's hands.
    Assigned(Box<Assignment>),
    /// Waiting for its customer, in nobody's hands.
    Parked(Box<Parked>),
    /// Nowhere: the audit found a fault in it, and a person has to look.
    Quarantined(Box<Quarantine>),
}

/// A ticket in an agent's hands, under a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Who holds it.
    pub agent: AgentId,
    /// The pool on whose behalf; `None` once a later policy has dropped that pool.
    pub pool: Option<PoolIx>,
    /// The fencing token that extends, completes and releases it.
    pub token: LeaseToken,
    /// Since when.
    pub assigned_at: Time,
    /// When the lease ends by itself and the ticket goes back to its place.
    pub lease_until: Time,
    /// The caller's name for the pull that got it, so that a repeated pull gets it again.
    pub request: Option<Box<str>>,
    /// The step of the rule that chose it.
    pub step: Step,
    /// Milliseconds that were left to the response deadline; negative when it had passed.
    pub slack_ms: i64,
    /// The policy that chose it.
    pub policy_version: Arc<str>,
    /// The heads that competed then, if there was a choice.
    pub compared: Option<Compared>,
    /// It is the ticket's first pick-up and nothing has been heard of the agent since: if the lease
    /// ends like this, nobody has picked the ticket up.
    pub in_doubt: bool,
}

/// Which step of the dispatch rule decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// `guarded-edf`: a starving tier's turn.
    Floor,
    /// `guarded-edf`: nearly due or overdue, so the highest tier.
    AtRisk,
    /// The earliest deadline (`edf`, and `guarded-edf` while nothing is at risk).
    EarliestDeadline,
    /// `fifo`: the longest wait.
    Fifo,
    /// `static-priority`: the highest tier.
    Priority,
    /// `accumulating`: the largest product of weight and wait.
    Accumulated,
    /// A supervisor moved it to the front.
    Promoted,
    /// A supervisor gave it to this agent.
    Forced,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 8] = [
        Self::Floor,
        Self::AtRisk,
        Self::EarliestDeadline,
        Self::Fifo,
        Self::Priority,
        Self::Accumulated,
        Self::Promoted,
        Self::Forced,
    ];

    /// The step's name on the command line and in explanations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::AtRisk => "at-risk",
            Self::EarliestDeadline => "earliest-deadline",
            Self::Fifo => "fifo",
            Self::Priority => "priority",
            Self::Accumulated => "accumulated",
            Self::Promoted => "promoted",
            Self::Forced => "forced",
        }
    }
}

/// A live ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The name callers know it by.
    pub id: TicketId,
    /// Its place in the order of arrival.
    pub number: TicketNumber,
    /// A digest of the submit as it was asked, to tell a retry from a clash of ids.
    pub fingerprint: u64,
    /// How the customer reached us.
    pub channel: Channel,
    /// Who asks; `None` when the caller named nobody.
    pub caller: Option<Arc<Caller>>,
    /// What it is about.
    pub content: Arc<Content>,
    /// The tier that serves it.
    pub tier: TierIx,
    /// Where the tier came from.
    pub tier_source: TierSource,
    /// How old the directory's answer was, in milliseconds; 0 unless the source is `Stale`.
    pub tier_age_ms: i64,
    /// How soon it matters; scales its deadlines.
    pub urgency: Urgency,
    /// When it was submitted; its wait counts from here whatever happens later.
    pub submitted_at: Time,
    /// When someone must have picked it up.
    pub respond_by: Time,
    /// When it must be completed, if the tier promises that.
    pub solve_by: Option<Time>,
    /// How many overflow steps have been taken.
    pub overflow_step: u8,
    /// The pools that may serve it now.
    pub pools: PoolSet,
    /// Whom it needs now beyond these; `None` when anyone of the pools will do.
    pub needs: Option<Arc<Needs>>,
    /// How many steps of its tier's ladder have been taken.
    pub escalation_step: u8,
    /// The guard that its ladder has raised, in thousandths of the target; `None`: the tier's.
    pub guard_permille: Option<u16>,
    /// When an agent first picked it up; empty again if that agent was never heard of after.
    pub picked_up_at: Option<Time>,
    /// Whether the response deadline passed before anyone picked it up.
    pub response_breached: bool,
    /// Whether the solution deadline passed before it was completed.
    pub solution_breached: bool,
    /// How many times it has been assigned.
    pub assigned_count: u32,
    /// Where it is.
    pub state: State,
    /// What is rare in its life; a plain ticket has none.
    pub life: Option<Box<Life>>,
}

impl Ticket {
    /// The customer's id, as far as it is known. Whom the directory knew before it said that it knows nobody is not
    /// the customer any more.
    pub fn customer_id(&self) -> Option<&str> {
        let caller = self.caller.as_deref()?;
        let is_former =
            self.tier_source == TierSource::UnknownCustomer && caller.resolved_id.is_some();
        caller.customer_id().filter(|_| !is_former)
    }

    /// The response target it was given, in milliseconds; at least 1.
    pub fn respond_within_ms(&self) -> i64 {
        self.respond_by.since_ms(self.counts_from()).max(1)
    }

    /// The assignment, while an agent holds it.
    pub fn assignment(&self) -> Option<&Assignment> {
        match &self.state {
            State::Assigned(assignment) => Some(assignment),
            State::Scheduled { .. }
            | State::Waiting
            | State::Offered(_)
            | State::Parked(_)
            | State::Quarantined(_) => None,
        }
    }

    /// Whether it is in its queue.
    pub fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// The offer, while an agent has yet to accept it; of several the first.
    pub fn offer(&self) -> Option<&Assignment> {
        match &self.state {
            State::Offered(offers) => Some(&offers.first),
            State::Scheduled { .. }
            | State::Waiting
            | State::Assigned(_)
            | State::Parked(_)
            | State::Quarantined(_) => None,
        }
    }
}

/// What an agent reports of a ticket that it completes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One word of the calling system on how it went. At most 64 characters.
    pub outcome: Box<str>,
    /// A line for people. At most 1000 characters.
    pub note: Box<str>,
    /// One word on what made the customer a burden; empty where nothing did. At most 64 characters.
    pub burden: Box<str>,
}

/// How a ticket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// An agent completed it.
    Completed {
        /// Who.
        agent: AgentId,
        /// The token that completed it: the same completion again gets the same answer.
        token: LeaseToken,
        /// When that agent had received it.
        assigned_at: Time,
        /// What the agent reports of it.
        report: Report,
    },
    /// The customer hung up, or the ticket was withdrawn.
    Cancelled {
        /// Why. At most 200 characters.
        reason: Box<str>,
    },
    /// Its time to live was over before anyone picked it up.
    Expired,
}

/// A ticket that has ended, as it was in its last moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The ticket as it last was.
    pub ticket: Ticket,
    /// How it ended.
    pub ending: Ending,
    /// When it ended.
    pub finished_at: Time,
    /// How long its agent wrote it up after that, in milliseconds, once that is over.
    pub wrap_up_ms: Option<i64>,
}

impl Finished {
    /// Where its time went, and its agent's time after its end.
    pub fn ledger(&self) -> Ledger {
        let mut ledger = self.ticket.ledger(self.finished_at);
        if let Some(ms) = self.wrap_up_ms {
            ledger.set(Leg::WrapUp, Stay { ms, count: 1 });
        }
        ledger
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A million of them wait in memory. The allocator rounds 161 bytes up to 192.
    #[test]
    fn a_plain_ticket_is_no_larger_than_160_bytes() {
        assert!(size_of::<Ticket>() <= 160, "{} bytes", size_of::<Ticket>());
    }
}
