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

mod policy;
mod ticket;

use super::capacity::{Maxima, PerChannel};
use super::contacts::ContactRecord;
use super::flow::Flow;
use super::needs::Skills;
use super::pause::Pause;
use super::push::{Declined, Stream};
use super::wrap_up::WrapUp;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use policy::{AgentChoice, Overflow, Policy, Pool, Rule, Tier};
pub use ticket::{
    Assignment, Caller, Channel, Content, Ending, Finished, IdentifierKind, Report, State, Step,
    Ticket, TierSource,
};

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

    /// What this set holds and the other does not.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
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

    /// What either set holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
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

/// Whether an agent may be given work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// May be given work.
    Available,
    /// May not; what is held stays held.
    Away,
    /// May not; what is held is worked on to its end, and then the agent is away.
    Draining,
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
    /// Available, away, or on the way there.
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
    /// How much of `held` and `wrapping` is on each channel; follows from both.
    pub in_hand: PerChannel,
    /// Those of `held` that are offered and not accepted yet; follows from the tickets.
    pub offered: Vec<TicketNumber>,
    /// What the agent has completed and still writes up, in the order of completion.
    pub wrapping: Vec<WrapUp>,
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
    /// Who has paused it, if it is paused: nothing is dispatched on its behalf.
    pub paused: Option<Arc<Pause>>,
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
    /// The contacts that are remembered, by topic and customer.
    pub contacts: Vec<ContactRecord>,
}
