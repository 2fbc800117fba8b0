//! A ticket's life beside waiting and being served: when its clocks began, when it expires, how often
//! it came back, and the ledger of where its time went.
//!
//! A plain ticket needs none of this: what is rare is in one box that it does not have.

use super::contacts::Contact;
use super::model::{AgentId, LeaseToken, PoolIx, PoolSet, State, Ticket, Time};
use super::wish::Wish;
use std::fmt;

/// The longest that a ticket may be scheduled ahead, in milliseconds: a year.
pub const SCHEDULE_MS_MAX: i64 = 366 * 86_400_000;
/// How long a ticket may be parked unless its tier says otherwise, in milliseconds: three days.
pub const PARK_MS_DEFAULT: i64 = 3 * 86_400_000;

/// What is rare in a ticket's life, so that a plain ticket has no room for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// When its clocks began: the submit, or the instant it was scheduled for.
    pub starts_at: Time,
    /// Since when its wait counts: `starts_at`, moved later by the time it was parked.
    pub counts_from: Time,
    /// When it ends by itself if nobody has picked it up, if its tier says so.
    pub expires_at: Option<Time>,
    /// Its pools no longer follow from its tier: a transfer, the dead-letter rule or the pool for repeat
    /// contacts has fixed them.
    pub has_fixed_route: bool,
    /// It came back too often, and only the dead-letter pool of its tier serves it.
    pub is_dead_letter: bool,
    /// How many times an agent has given it back or on, or its lease has ended.
    pub requeue_count: u32,
    /// The last of these times.
    pub last_return: Option<Box<Return>>,
    /// The number to call the customer back on, if the ticket became a callback while it waited.
    pub callback_number: Option<CallbackNumber>,
    /// Where its time went before the present leg; `None` while that follows from the ticket itself.
    pub book: Option<Box<Book>>,
    /// What it asks of its agent beside the pool.
    pub wish: Option<Box<Wish>>,
    /// Since when a supervisor has had it at the front, before everything that the same agents may serve; the
    /// earlier goes first.
    pub promoted_at: Option<Time>,
    /// Its topic, and its place among the contacts of its customer about that.
    pub contact: Option<Box<Contact>>,
    /// How long agents had it before it came back from them, in the order of the pools.
    pub worked: Vec<Worked>,
    /// For whom it is kept since it was parked, if it still is.
    pub kept: Option<Box<Kept>>,
}

/// How long agents of one pool had a ticket in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worked {
    /// On whose behalf; `None` for pools that a later policy has dropped.
    pub pool: Option<PoolIx>,
    /// Milliseconds.
    pub ms: i64,
}

/// Adds work to what there is of its pool. So there are never more entries than pools, and one.
pub fn add_work(all: &mut Vec<Worked>, new: Worked) {
    match all.binary_search_by_key(&new.pool, |worked| worked.pool) {
        Ok(at) => all[at].ms += new.ms,
        Err(at) => all.insert(at, new),
    }
}

impl Life {
    /// Of a ticket whose clocks begin at `starts_at`.
    pub fn starting(starts_at: Time) -> Self {
        Self {
            starts_at,
            counts_from: starts_at,
            expires_at: None,
            has_fixed_route: false,
            is_dead_letter: false,
            requeue_count: 0,
            last_return: None,
            callback_number: None,
            book: None,
            wish: None,
            promoted_at: None,
            contact: None,
            worked: Vec::new(),
            kept: None,
        }
    }

    /// Whether only wish, place at the front and topic are out of the ordinary.
    pub fn is_plain(&self, submitted_at: Time) -> bool {
        let plain = Self::starting(submitted_at);
        let (wish, contact) = (self.wish.clone(), self.contact.clone());
        *self == Self { wish, contact, promoted_at: self.promoted_at, ..plain }
    }
}

/// The number to call a customer back on. At most 64 characters.
#[derive(Clone, PartialEq, Eq)]
pub struct CallbackNumber(pub Box<str>);

impl fmt::Debug for CallbackNumber {
    /// Personal data stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallbackNumber(redacted)")
    }
}

/// How a ticket came back from an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// From whom.
    pub agent: AgentId,
    /// When.
    pub at: Time,
    /// Why.
    pub why: ReturnReason,
}

/// Why a ticket came back from an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReturnReason {
    /// The agent gave it back. At most 200 characters.
    Released(Box<str>),
    /// The lease ended by itself.
    LeaseEnded,
    /// The agent gave it on. At most 200 characters.
    Transferred(Box<str>),
}

/// What becomes of tickets that come back again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequeueLimit {
    /// So many times a ticket may come back.
    pub requeues_max: u32,
    /// The pool that serves it beyond that.
    pub dead_letter: PoolIx,
}

/// Whom a ticket is given on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// The pool of that name, whatever the ticket's tier.
    Pool(Box<str>),
    /// That agent and nobody else.
    Agent(AgentId),
    /// The tier of that name, with its pools.
    Tier(Box<str>),
}

/// A ticket that waits for its customer: both clocks stand still.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parked {
    /// Who parked it.
    pub agent: AgentId,
    /// The token that parked it: the same request again gets the same answer.
    pub token: LeaseToken,
    /// Since when.
    pub since: Time,
    /// When it returns by itself.
    pub until: Time,
    /// How long it is kept for who parked it once it is back, in milliseconds, if that was asked.
    pub keep_ms: Option<i64>,
    /// Why. At most 200 characters.
    pub reason: Box<str>,
}

/// A ticket that is back from its customer waits for the agent who parked it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// For whom.
    pub agent: AgentId,
    /// Until when.
    pub until: Time,
}

/// How many live tickets are neither in a queue nor in anyone's hands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resting {
    /// Scheduled for later.
    pub scheduled_count: u64,
    /// Waiting for their customers.
    pub parked_count: u64,
}

impl Resting {
    pub(super) fn enter(&mut self, state: &State) {
        match state {
            State::Scheduled { .. } => self.scheduled_count += 1,
            State::Parked(_) => self.parked_count += 1,
            State::Waiting | State::Offered(_) | State::Assigned(_) | State::Quarantined(_) => {}
        }
    }

    pub(super) fn leave(&mut self, state: &State) {
        match state {
            State::Scheduled { .. } => self.scheduled_count -= 1,
            State::Parked(_) => self.parked_count -= 1,
            State::Waiting | State::Offered(_) | State::Assigned(_) | State::Quarantined(_) => {}
        }
    }
}

/// Where a ticket can spend its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leg {
    /// Not yet in a queue.
    Scheduled,
    /// In a queue.
    Queue,
    /// Offered to an agent who has not accepted it yet.
    Offer,
    /// In an agent's hands.
    Agent,
    /// Waiting for the customer.
    Parked,
    /// Finished, while its agent writes it up.
    WrapUp,
}

impl Leg {
    /// Every leg.
    pub const ALL: [Self; 6] =
        [Self::Scheduled, Self::Queue, Self::Offer, Self::Agent, Self::Parked, Self::WrapUp];

    /// The leg's name in the history, in metrics and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Queue => "queue",
            Self::Offer => "offer",
            Self::Agent => "agent",
            Self::Parked => "parked",
            Self::WrapUp => "wrap_up",
        }
    }
}

/// What a ticket has spent in one kind of leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stay {
    /// Milliseconds, all together.
    pub ms: i64,
    /// How many times it came there.
    pub count: u32,
}

/// A ticket's time by leg. The legs add up to its age: there is no time between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger([Stay; Leg::ALL.len()]);

impl Ledger {
    /// What was spent in `leg`.
    pub fn of(&self, leg: Leg) -> Stay {
        self.0[leg as usize]
    }

    /// The legs the ticket has been in.
    pub fn iter(&self) -> impl Iterator<Item = (Leg, Stay)> {
        Leg::ALL.into_iter().zip(self.0).filter(|(_, stay)| stay.count > 0)
    }

    /// All legs together, in milliseconds.
    pub fn total_ms(&self) -> i64 {
        self.0.iter().map(|stay| stay.ms).sum()
    }

    /// Sets what was spent in `leg`.
    pub fn set(&mut self, leg: Leg, stay: Stay) {
        self.0[leg as usize] = stay;
    }

    fn add_ms(&mut self, leg: Leg, ms: i64) {
        self.0[leg as usize].ms += ms;
    }
}

/// A ledger that is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Book {
    /// The legs before the present one; the present one is counted, its time is not.
    pub past: Ledger,
    /// Since when the ticket is in its present leg.
    pub since: Time,
}

impl Ticket {
    /// Since when its wait counts: the submit, or the instant it was scheduled for, moved later by the
    /// time it was parked.
    pub fn counts_from(&self) -> Time {
        self.life.as_ref().map_or(self.submitted_at, |life| life.counts_from)
    }

    /// When its clocks began: the submit, or the instant it was scheduled for.
    pub fn starts_at(&self) -> Time {
        self.life.as_ref().map_or(self.submitted_at, |life| life.starts_at)
    }

    /// How long its wait has been at `now`, in milliseconds; not positive before its clocks begin.
    pub fn waited_ms(&self, now: Time) -> i64 {
        let until = match &self.state {
            State::Parked(parked) => parked.since,
            State::Scheduled { .. }
            | State::Waiting
            | State::Offered(_)
            | State::Assigned(_)
            | State::Quarantined(_) => now,
        };
        until.since_ms(self.counts_from())
    }

    /// When it ends by itself if nobody has picked it up, if its tier says so.
    pub fn expires_at(&self) -> Option<Time> {
        self.life.as_ref().and_then(|life| life.expires_at)
    }

    /// Whether its pools no longer follow from its tier.
    pub fn has_fixed_route(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.has_fixed_route)
    }

    /// Whether it came back too often, and only the dead-letter pool of its tier serves it.
    pub fn is_dead_letter(&self) -> bool {
        self.life.as_ref().is_some_and(|life| life.is_dead_letter)
    }

    /// How many times an agent has given it back or on, or its lease has ended.
    pub fn requeue_count(&self) -> u32 {
        self.life.as_ref().map_or(0, |life| life.requeue_count)
    }

    /// What it asks of its agent beside the pool.
    pub fn wish(&self) -> Option<&Wish> {
        self.life.as_ref().and_then(|life| life.wish.as_deref())
    }

    pub(super) fn wish_mut(&mut self) -> Option<&mut Wish> {
        self.life.as_mut().and_then(|life| life.wish.as_deref_mut())
    }

    /// Since when a supervisor has had it at the front.
    pub fn promoted_at(&self) -> Option<Time> {
        self.life.as_ref().and_then(|life| life.promoted_at)
    }

    /// The number to call back on, if the ticket became a callback while it waited.
    pub fn callback_number(&self) -> Option<&CallbackNumber> {
        self.life.as_ref().and_then(|life| life.callback_number.as_ref())
    }

    /// Where it spends its time now.
    pub fn leg(&self) -> Leg {
        match &self.state {
            State::Scheduled { .. } => Leg::Scheduled,
            // A ticket in quarantine still waits.
            State::Waiting | State::Quarantined(_) => Leg::Queue,
            State::Offered(_) => Leg::Offer,
            State::Assigned(_) => Leg::Agent,
            State::Parked(_) => Leg::Parked,
        }
    }

    /// Where its time went until `at`, which must not be before it came to its present leg.
    pub fn ledger(&self, at: Time) -> Ledger {
        let book = self.life.as_ref().and_then(|life| life.book.as_deref());
        let leg = self.leg();
        if let Some(book) = book {
            let mut ledger = book.past;
            ledger.add_ms(leg, at.since_ms(book.since));
            return ledger;
        }
        // Without a book it has been in this one leg, or waited once before it.
        let mut ledger = Ledger::default();
        let since = match &self.state {
            State::Assigned(held) => {
                let waited_ms = held.assigned_at.since_ms(self.submitted_at);
                ledger.set(Leg::Queue, Stay { ms: waited_ms, count: 1 });
                held.assigned_at
            }
            State::Scheduled { .. }
            | State::Waiting
            | State::Offered(_)
            | State::Parked(_)
            | State::Quarantined(_) => self.submitted_at,
        };
        ledger.set(leg, Stay { ms: at.since_ms(since), count: 1 });
        ledger
    }

    /// Notes that it has come back from an agent, and to whom it goes if that was once too often.
    pub(super) fn come_back(&mut self, from: Return, dead_letter: Option<PoolIx>) {
        let life = self.life_mut();
        life.requeue_count += 1;
        life.last_return = Some(Box::new(from));
        if let Some(pool) = dead_letter {
            life.has_fixed_route = true;
            life.is_dead_letter = true;
            self.pools = PoolSet::of([pool]);
            self.needs = None;
        }
    }

    /// Notes that it has come back from the agent who had it.
    pub(super) fn add_work(&mut self, worked: Worked) {
        add_work(&mut self.life_mut().worked, worked);
    }

    /// Whether it is parked, and will be kept for who parked it.
    pub(super) fn is_to_be_kept(&self) -> bool {
        matches!(&self.state, State::Parked(parked) if parked.keep_ms.is_some())
    }

    /// For whom it waits since it came back from its customer, if it is kept.
    pub(super) fn kept(&self) -> Option<&Kept> {
        self.life.as_deref()?.kept.as_deref()
    }

    /// Gives up what is rare no more: for whom it was kept, once it waits for somebody else or for anyone; and the
    /// whole of it, once nothing in it is out of the ordinary.
    pub(super) fn settle_life(&mut self) {
        let needs = self.needs.as_deref();
        let Some(life) = &mut self.life else { return };
        if let Some(kept) = &life.kept
            && !needs.is_some_and(|needs| needs.prefer(&kept.agent))
        {
            life.kept = None;
        }
        if **life == Life::starting(self.submitted_at) {
            self.life = None;
        }
    }

    /// The rare part, made if it is not there yet.
    pub(super) fn life_mut(&mut self) -> &mut Life {
        let starts_at = self.submitted_at;
        self.life.get_or_insert_with(|| Box::new(Life::starting(starts_at)))
    }

    /// Writes down that the ticket has come from `before` into its present leg at `at`; `so_far` is the
    /// ledger of that instant.
    pub(super) fn enter_leg(&mut self, before: Leg, so_far: Ledger, at: Time) {
        let leg = self.leg();
        let has_book = self.life.as_ref().is_some_and(|life| life.book.is_some());
        // Waited once and held once: that follows from the assignment.
        if !has_book && (before, leg) == (Leg::Queue, Leg::Agent) {
            return;
        }
        let mut past = so_far;
        past.0[leg as usize].count += 1;
        self.life_mut().book = Some(Box::new(Book { past, since: at }));
    }
}
