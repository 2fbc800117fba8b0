//! The whole domain on one page: what a ticket, an agent, a tier, a pool and a policy are.
//!
//! Plain data with its small questions; the rules live beside it (`dispatch`, `roster`, `timers`) and
//! in the engine that ties them together. Everything is an integer: times are milliseconds since the
//! Unix epoch, shares are parts per thousand, so that every machine decides alike.
//!
//! ```text
//!   submit               assign              complete
//!  --------.-> WAITING ---------> ASSIGNED ----------> COMPLETED
//!          |   ^ |^ |^ ^            | | ^
//!   not    |   | || || '------------' | |
//!   before |   | || ||  release,      | | accept
//!          v   | || ||  lease ended   | |
//!     SCHEDULED  || |'--> OFFERED ----|-'
//!                || |  offer; declined, missed, taken back
//!                |'-|---------------- PARKED
//!                |  | resume, its time is up
//!                v
//!             EXPIRED       cancel leads from each of the five to CANCELLED
//! ```

use super::capacity::{ChannelRules, Maxima, PerChannel};
use super::compared::Compared;
use super::flow::Flow;
use super::hours::Hours;
use super::life::{Life, Parked, RequeueLimit};
use super::needs::{Needs, SkillIx, SkillSet, Skills};
use super::push::{Declined, OfferRule, Stream};
use super::quarantine::Quarantine;
use super::timing::{Timing, Urgency};
use super::wish::Wish;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// An instant: milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// This instant moved by `ms` (which may be negative); stops at the ends of the range.
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this instant; negative when this instant comes first.
    pub fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident($text:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($text);

        impl $name {
            /// Takes the name as it is; the edge has checked its length and alphabet.
            pub fn new(name: impl AsRef<str>) -> Self {
                Self(name.as_ref().into())
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

name_type! {
    /// The name callers know a ticket by: their own, or one made at the edge. 1 to 64 characters.
    /// Not shared: a million tickets should not each carry the counts of a shared string.
    TicketId(Box<str>)
}
name_type! {
    /// The name of an agent. 1 to 64 characters.
    AgentId(Arc<str>)
}

/// A ticket's place in the order of arrival, given by the engine; the last tie-break of every order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketNumber(pub u64);

/// A fencing token: grows with every assignment over the life of the data directory, so that an
/// older holder can be told from the present one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseToken(pub u64);

/// A tier by its place in the policy: 0 is the highest rank. Below [`TIERS_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TierIx(pub u8);

/// A pool by its place in the policy. Below [`POOLS_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolIx(pub u8);

/// Most tiers a policy may have.
pub const TIERS_MAX: usize = 64;
/// Most pools a policy may have: a set of them fits one machine word.
pub const POOLS_MAX: usize = 64;

/// A set of pools, one bit a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolSet(pub u64);

impl PoolSet {
    /// No pool at all.
    pub const EMPTY: Self = Self(0);

    /// The set of these pools.
    pub fn of(pools: impl IntoIterator<Item = PoolIx>) -> Self {
        pools.into_iter().fold(Self::EMPTY, Self::with)
    }

    /// This set and one pool more.
    #[must_use]
    pub fn with(self, pool: PoolIx) -> Self {
        Self(self.0 | 1 << pool.0)
    }

    /// Whether `pool` is in the set.
    pub fn contains(self, pool: PoolIx) -> bool {
        self.0 & 1 << pool.0 != 0
    }

    /// What both sets hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What either set holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the set holds no pool.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The first pool in the policy's order.
    pub fn first(self) -> Option<PoolIx> {
        self.iter().next()
    }

    /// The pools in the policy's order.
    pub fn iter(self) -> impl Iterator<Item = PoolIx> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let bit = u8::try_from(rest.trailing_zeros()).expect("at most 64");
            (rest != 0).then(|| {
                rest &= rest - 1;
                PoolIx(bit)
            })
        })
    }
}

/// A set of tiers, one bit a tier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TierSet(pub u64);

impl TierSet {
    /// No tier at all.
    pub const EMPTY: Self = Self(0);

    /// The set of these tiers.
    pub fn of(tiers: impl IntoIterator<Item = TierIx>) -> Self {
        tiers.into_iter().fold(Self::EMPTY, |set, tier| Self(set.0 | 1 << tier.0))
    }

    /// Whether `tier` is in the set.
    pub fn contains(self, tier: TierIx) -> bool {
        self.0 & 1 << tier.0 != 0
    }

    /// The tiers, highest first.
    pub fn iter(self) -> impl Iterator<Item = TierIx> {
        PoolSet(self.0).iter().map(|PoolIx(bit)| TierIx(bit))
    }
}

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

/// Who is asking: the identifier as given, and the customer's id once the directory has told it.
#[derive(Clone, PartialEq, Eq)]
pub struct Caller {
    /// The kind of `value`.
    pub kind: IdentifierKind,
    /// The identifier as given. At most 128 characters.
    pub value: Box<str>,
    /// The customer's id, when the directory knew it and it is not `value` itself.
    pub resolved_id: Option<Box<str>>,
}

impl Caller {
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
    /// Offered to an agent, who has yet to accept: `assigned_at` is when, `lease_until` how long.
    Offered(Box<Assignment>),
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
    /// What it asked of its agent; `None` when it asked nothing.
    pub wish: Option<Box<Wish>>,
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
    /// A supervisor has moved it to the front; `None` for all others.
    pub promoted: Option<Box<Promotion>>,
    /// How many times it has been assigned.
    pub assigned_count: u32,
    /// Where it is.
    pub state: State,
    /// What is rare in its life; a plain ticket has none.
    pub life: Option<Box<Life>>,
}

impl Ticket {
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

    /// The offer, while an agent has yet to accept it.
    pub fn offer(&self) -> Option<&Assignment> {
        match &self.state {
            State::Offered(offer) => Some(offer),
            State::Scheduled { .. }
            | State::Waiting
            | State::Assigned(_)
            | State::Parked(_)
            | State::Quarantined(_) => None,
        }
    }
}

/// A ticket's place at the front, before everything that the same agents may serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// Since when; the earlier goes first.
    pub at: Time,
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
        /// One word of the calling system on how it went. At most 64 characters.
        outcome: Box<str>,
        /// A line for people. At most 1000 characters.
        note: Box<str>,
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
}

/// Whether an agent may be given work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// May be given work.
    Available,
    /// May not; what is held stays held.
    Away,
}

/// An agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// The agent's name in the API.
    pub id: AgentId,
    /// For people. At most 128 characters.
    pub name: Box<str>,
    /// The pools the agent serves in.
    pub pools: PoolSet,
    /// What the agent can.
    pub skills: Skills,
    /// The units of work the agent may hold at once, 1 to [`super::capacity::UNITS_MAX`].
    pub capacity: u16,
    /// The most pieces of work at once by channel, each 0 to [`super::capacity::UNITS_MAX`].
    pub maxima: Maxima,
    /// Available or away.
    pub presence: Presence,
    /// Since when the agent has had nothing to do: the last completion, or becoming available.
    pub idle_since: Time,
    /// The token of the agent's last assignment; 0 before the first.
    pub last_token: LeaseToken,
    /// The pull that waits for work, if one does.
    pub wait: Option<Wait>,
    /// The stream on which the agent gets offers, if one is open.
    pub stream: Option<Stream>,
    /// What the agent holds, accepted or offered, in the order it was given.
    pub held: Vec<TicketNumber>,
    /// How much of `held` is on each channel; follows from the tickets.
    pub in_hand: PerChannel,
    /// Those of `held` that are offered and not accepted yet; follows from the tickets.
    pub offered: Vec<TicketNumber>,
    /// Live tickets that the agent has declined or missed.
    pub declined: BTreeMap<TicketNumber, Declined>,
    /// Offers missed since the agent last accepted or declined one, or became available.
    pub missed_count: u16,
}

/// A pull that waits for work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// When the agent gives up waiting.
    pub until: Time,
    /// The caller's name for this pull, if it gave one.
    pub request: Option<Box<str>>,
}

/// Which of several waiting agents gets a ticket. Ties go by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentChoice {
    /// The lowest load, then the longest idle. The default.
    #[default]
    LeastLoaded,
    /// The longest idle.
    LongestIdle,
    /// The highest level in the skills that the ticket requires or prefers, then the lowest load, then
    /// the longest idle.
    BestLevel,
    /// Whose last assignment is longest ago.
    RoundRobin,
}

impl AgentChoice {
    /// Every choice.
    pub const ALL: [Self; 4] =
        [Self::LeastLoaded, Self::LongestIdle, Self::BestLevel, Self::RoundRobin];

    /// The choice's name in policies and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::LeastLoaded => "least-loaded",
            Self::LongestIdle => "longest-idle",
            Self::BestLevel => "best-level",
            Self::RoundRobin => "round-robin",
        }
    }
}

/// The dispatch rules that can be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Earliest deadline first while all deadlines can be met; strict tier order among tickets nearly
    /// due; a floor against starving. The default.
    #[default]
    GuardedEdf,
    /// First come, first served.
    Fifo,
    /// The highest tier first (Cobham 1954).
    StaticPriority,
    /// The earliest deadline first.
    Edf,
    /// Priority accumulates with the wait, at each tier's own rate (Kleinrock 1964).
    Accumulating,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 5] =
        [Self::GuardedEdf, Self::Fifo, Self::StaticPriority, Self::Edf, Self::Accumulating];

    /// The rule's name in policies and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::GuardedEdf => "guarded-edf",
            Self::Fifo => "fifo",
            Self::StaticPriority => "static-priority",
            Self::Edf => "edf",
            Self::Accumulating => "accumulating",
        }
    }
}

/// All that decides how tickets are served, as one versioned whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The policy's own name for this version. 1 to 64 characters.
    pub version: Arc<str>,
    /// The dispatch rule.
    pub rule: Rule,
    /// `guarded-edf`: a head starves once it has waited longer than this many thousandths of its
    /// response target (2000 = twice).
    pub starve_after_permille: u32,
    /// `guarded-edf`: the share of a pool's dispatches that may serve starving tiers for their own sake, in
    /// thousandths (100 = every tenth).
    pub floor_share_permille: u32,
    /// What work on each channel asks of an agent, in the order of [`Channel::ALL`].
    pub channels: ChannelRules,
    /// The tiers, highest rank first. 1 to [`TIERS_MAX`].
    pub tiers: Vec<Tier>,
    /// The pools. 1 to [`POOLS_MAX`].
    pub pools: Vec<Pool>,
    /// The business hours that tiers name. At most [`super::hours::PLANS_MAX`].
    pub hours: Vec<Arc<Hours>>,
    /// The names of skills. At most [`SKILLS_MAX`](super::needs::SKILLS_MAX).
    pub skills: Vec<Arc<str>>,
    /// The tier of customers the directory does not know.
    pub unknown_tier: TierIx,
    /// The tier while the directory is silent and nothing is known.
    pub unavailable_tier: TierIx,
    /// The text it was read from, for people; no rule reads it.
    pub source: Arc<str>,
}

/// A class of customer, with its promises and its people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tier {
    /// The name the directory uses. 1 to 64 characters.
    pub name: Arc<str>,
    /// `guarded-edf`: at risk once this share of the response target is left, in thousandths.
    pub guard_permille: u32,
    /// `accumulating`: how fast priority grows with the wait, in thousandths.
    pub weight_permille: u32,
    /// The response target per channel in milliseconds, in the order of [`Channel::ALL`].
    pub respond_within_ms: [i64; 6],
    /// The solution target per channel in milliseconds, where one is promised.
    pub solve_within_ms: [Option<i64>; 6],
    /// After how long a ticket that nobody has picked up ends by itself, per channel in milliseconds.
    pub expires_after_ms: [Option<i64>; 6],
    /// The longest a ticket may be parked, per channel in milliseconds.
    pub park_max_ms: [i64; 6],
    /// What becomes of tickets that come back again and again; `None` lets them.
    pub requeue_limit: Option<RequeueLimit>,
    /// When its clocks run and how urgency scales the targets.
    pub timing: Timing,
    /// The pools that serve the tier from the start.
    pub pools: PoolSet,
    /// More pools after a wait, in order of the wait.
    pub overflow: Vec<Overflow>,
    /// Who calls or chats is offered a callback when the expected wait is longer than this, in
    /// milliseconds; `None` is never.
    pub offer_callback_above_ms: Option<i64>,
    /// How many tickets of the tier may wait on each channel before a submit is refused, in the order of
    /// [`Channel::ALL`]; `None` is as many as the server holds.
    pub queue_max: [Option<u32>; 6],
}

/// An overflow step: after this wait, these pools too, or less is required.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overflow {
    /// The wait since the submit, in milliseconds.
    pub after_ms: i64,
    /// All pools that may serve the ticket from then on.
    pub pools: PoolSet,
    /// By how much every level that the ticket requires is lower from then on; none falls below 1.
    pub lower_levels: u8,
    /// All skills that are neither required nor excluded from then on.
    pub drop_skills: SkillSet,
}

/// Staff who serve together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The pool's name. 1 to 64 characters.
    pub name: Arc<str>,
    /// How long an agent of this pool holds a ticket before the lease must be extended, in ms.
    pub lease_ms: i64,
    /// How it offers tickets to agents on a stream.
    pub offer: OfferRule,
    /// Agents kept free: a pair (tier, count) keeps `count` idle agents for that tier and higher.
    pub reserve: Vec<(TierIx, u32)>,
    /// `guarded-edf`: a starving tier's turn takes an agent whom the reserve would keep free. Otherwise
    /// the reserve wins, and lower tiers starve for as long as it does.
    pub floor_over_reserve: bool,
    /// Which of several waiting agents gets a ticket of this pool.
    pub choice: AgentChoice,
}

impl Default for Pool {
    /// A pool without a name, as a policy has it that says nothing more of it.
    fn default() -> Self {
        Self {
            name: "".into(),
            lease_ms: 900_000,
            offer: OfferRule::default(),
            reserve: Vec::new(),
            choice: AgentChoice::default(),
            floor_over_reserve: false,
        }
    }
}

impl Pool {
    /// How many idle agents, the asking one included, must be exceeded before `tier` is served.
    pub fn reserve_against(&self, tier: TierIx) -> u32 {
        self.reserve.iter().filter(|(kept, _)| *kept < tier).map(|(_, n)| *n).max().unwrap_or(0)
    }
}

impl Policy {
    /// The tier of that name.
    pub fn tier_named(&self, name: &str) -> Option<TierIx> {
        let at = self.tiers.iter().position(|tier| &*tier.name == name)?;
        Some(TierIx(u8::try_from(at).expect("a policy has at most 64 tiers")))
    }

    /// The pool of that name.
    pub fn pool_named(&self, name: &str) -> Option<PoolIx> {
        let at = self.pools.iter().position(|pool| &*pool.name == name)?;
        Some(PoolIx(u8::try_from(at).expect("a policy has at most 64 pools")))
    }

    /// The skill of that name.
    pub fn skill_named(&self, name: &str) -> Option<SkillIx> {
        let at = self.skills.iter().position(|skill| **skill == *name)?;
        Some(SkillIx(u8::try_from(at).expect("a policy has at most 64 skills")))
    }

    /// The name of the skill at `ix`, which must come from this policy.
    pub fn skill(&self, ix: SkillIx) -> &Arc<str> {
        &self.skills[usize::from(ix.0)]
    }

    /// The tier at `ix`, which must come from this policy.
    pub fn tier(&self, ix: TierIx) -> &Tier {
        &self.tiers[usize::from(ix.0)]
    }

    /// The business hours of a tier's channel; `None` where its clocks always run.
    pub fn hours(&self, tier: TierIx, channel: Channel) -> Option<&Hours> {
        let ix = self.tier(tier).timing.hours[channel.index()]?;
        Some(&self.hours[usize::from(ix.0)])
    }

    /// The pool at `ix`, which must come from this policy.
    pub fn pool(&self, ix: PoolIx) -> &Pool {
        &self.pools[usize::from(ix.0)]
    }
}

/// What a pool has learnt from its own work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolRecord {
    /// How many tickets it has completed.
    pub handled_count: u64,
    /// The moving mean of its handling time, in microseconds.
    pub mean_handle_us: i64,
    /// `guarded-edf`: how many dispatches to agents of this pool have passed a tier by while it starved,
    /// since the tier was last served here. Only tiers that were passed by.
    pub passed_by: BTreeMap<TierIx, u32>,
}

/// The whole engine as data: what a snapshot holds, in the order of ids and numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The instant of the last event.
    pub at: Time,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// What each pool has learnt, in the policy's order.
    pub pools: Vec<PoolRecord>,
    /// What is learnt of the flow of work.
    pub flow: Flow,
    /// Every agent, by id.
    pub agents: Vec<Agent>,
    /// Every live ticket, by number.
    pub tickets: Vec<Ticket>,
    /// The tickets that ended last, oldest first: retries are answered from them.
    pub finished: Vec<Finished>,
    /// The number of the next ticket.
    pub next_number: TicketNumber,
    /// The next fencing token.
    pub next_token: LeaseToken,
}
