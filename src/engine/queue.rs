//! The queues: the waiting tickets of one tier and channel that one set of pools may serve, in the
//! order of the rule.
//!
//! A sorted set rather than a heap: the order is total, any ticket can leave from the middle, the next
//! behind the head can be seen, and growth never pauses for a rehash. Each queue keeps what the
//! dispatch rule compares of its head beside it, so that a choice reads no ticket at all.

use super::ids::Tickets;
use super::model::{Channel, PoolSet, Rule, Ticket, TicketNumber, TierIx, Time};
use super::shelf::Shelf;
use std::collections::BTreeMap;

/// Which tickets a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueKey {
    /// Their tier.
    pub tier: TierIx,
    /// Their channel.
    pub channel: Channel,
    /// The pools that may serve them now.
    pub pools: PoolSet,
}

impl QueueKey {
    /// The queue a ticket belongs to while it waits.
    pub fn of(ticket: &Ticket) -> Self {
        Self { tier: ticket.tier, channel: ticket.channel, pools: ticket.pools }
    }
}

/// What the dispatch rule compares of a queue's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    /// Which ticket.
    pub number: TicketNumber,
    /// When it was submitted.
    pub submitted_at: Time,
    /// Its response deadline.
    pub respond_by: Time,
}

impl Front {
    fn of(ticket: &Ticket) -> Self {
        Self {
            number: ticket.number,
            submitted_at: ticket.submitted_at,
            respond_by: ticket.respond_by,
        }
    }
}

/// The waiting tickets of one [`QueueKey`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    order: Shelf<(Time, TicketNumber)>,
    front: Option<Front>,
    late_count: u64,
}

impl Queue {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The ticket to be served next of this queue.
    pub fn front(&self) -> Option<&Front> {
        self.front.as_ref()
    }

    /// How many of the waiting have missed their response deadline.
    pub fn late_count(&self) -> u64 {
        self.late_count
    }

    /// The tickets in the order of the rule.
    pub fn iter(&self) -> impl Iterator<Item = TicketNumber> {
        self.order.iter().map(|((_, number), ())| number)
    }

    /// How many come before the ticket with that key, counted no further than `most`.
    fn ahead_of(&self, key: (Time, TicketNumber), most: usize) -> usize {
        match self.order.last() {
            Some(last) if last < key => self.order.len(),
            Some(last) if last == key => self.order.len() - 1,
            Some(_) | None => self.order.count_before(key, most).min(most),
        }
    }

    /// How many stand before an instant in the order of the rule; beyond `most` at least that many.
    pub fn count_before(&self, instant: Time, number: TicketNumber, most: usize) -> usize {
        self.ahead_of((instant, number), most)
    }
}

/// Every queue, and the rule that orders them.
#[derive(Clone, Debug)]
pub struct Queues {
    rule: Rule,
    by_key: BTreeMap<QueueKey, Queue>,
    waiting_count: usize,
}

/// A queue that ran empty is as good as one that never was: an image does not hold it.
impl PartialEq for Queues {
    fn eq(&self, other: &Self) -> bool {
        let filled = |(_, queue): &(&QueueKey, &Queue)| !queue.is_empty();
        self.rule == other.rule
            && self.waiting_count == other.waiting_count
            && self.iter().filter(filled).eq(other.iter().filter(filled))
    }
}

impl Eq for Queues {}

impl Queues {
    /// No tickets yet, to be ordered for `rule`.
    pub fn new(rule: Rule) -> Self {
        Self { rule, by_key: BTreeMap::new(), waiting_count: 0 }
    }

    /// The instant that orders a ticket inside its queue: its arrival for the rules that look at
    /// waits, its response deadline for those that look at deadlines.
    fn order_of(&self, ticket: &Ticket) -> (Time, TicketNumber) {
        let instant = match self.rule {
            Rule::Fifo | Rule::Accumulating => ticket.submitted_at,
            Rule::GuardedEdf | Rule::StaticPriority | Rule::Edf => ticket.respond_by,
        };
        (instant, ticket.number)
    }

    /// Puts a waiting ticket into its place.
    pub(super) fn insert(&mut self, ticket: &Ticket) {
        let order = self.order_of(ticket);
        let queue = self.by_key.entry(QueueKey::of(ticket)).or_default();
        queue.order.insert(order, ());
        if queue.order.first() == Some(order) {
            queue.front = Some(Front::of(ticket));
        }
        queue.late_count += u64::from(ticket.response_breached);
        self.waiting_count += 1;
    }

    /// Takes a ticket out of its place; `tickets` finds the one that stands behind it.
    pub(super) fn remove(&mut self, ticket: &Ticket, tickets: &Tickets) {
        let order = self.order_of(ticket);
        let queue =
            self.by_key.get_mut(&QueueKey::of(ticket)).expect("a waiting ticket has its queue");
        assert!(queue.order.remove(order).is_some(), "a waiting ticket is in its queue");
        if queue.front.is_some_and(|front| front.number == ticket.number) {
            queue.front = queue
                .order
                .first()
                .map(|(_, next)| Front::of(tickets.get(next).expect("only live tickets wait")));
        }
        queue.late_count -= u64::from(ticket.response_breached);
        self.waiting_count -= 1;
    }

    /// How many tickets wait in all queues.
    pub fn waiting_count(&self) -> usize {
        self.waiting_count
    }

    /// Every queue that was ever used under this policy, in the order of tier, channel, pools.
    pub fn iter(&self) -> impl Iterator<Item = (&QueueKey, &Queue)> {
        self.by_key.iter()
    }

    /// How many tickets of its own and higher tiers stand before a waiting ticket; exact up to
    /// `most` per queue.
    pub fn ahead_of(&self, ticket: &Ticket, most: usize) -> usize {
        let order = self.order_of(ticket);
        self.by_key
            .iter()
            .filter(|(key, _)| !key.pools.and(ticket.pools).is_empty())
            .map(|(key, queue)| match key.tier.cmp(&ticket.tier) {
                std::cmp::Ordering::Less => queue.len(),
                std::cmp::Ordering::Equal => queue.ahead_of(order, most),
                std::cmp::Ordering::Greater => 0,
            })
            .sum()
    }
}
