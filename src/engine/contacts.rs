//! Repeat contacts: who came about which topic, when, and how often.
//!
//! The same complaint again and again is a fault of the process. A submit with a topic is linked with the
//! last one of the same customer and topic and counted; both are decided at the submit and stand in its
//! event. What is kept for that is bounded: [`MARKS_MAX`] contacts for each customer and topic, and
//! [`KEYS_MAX`] of these; beyond it the one whose last contact is longest ago is forgotten.

use super::Engine;
use super::life::Life;
use super::model::{Caller, IdentifierKind, PoolIx, Ticket, TicketId, TicketNumber, Time};
use std::collections::{BTreeMap, btree_map};
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

/// Longest topic, in characters.
pub const TOPIC_CHARS_MAX: usize = 64;
/// Contacts kept for each customer and topic; so many are "as many or more".
pub const MARKS_MAX: usize = 16;
/// Customers with a topic that are kept at most.
pub const KEYS_MAX: usize = 200_000;
/// How long a contact counts unless the policy says otherwise, in milliseconds: two weeks.
pub const WINDOW_MS_DEFAULT: i64 = 14 * 86_400_000;
/// Forgotten at one submit at most, once their window has passed: submits are not to wait for it.
const FORGOTTEN_MAX: usize = 4;

/// A ticket's place among the contacts of its customer about its topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The topic.
    pub topic: Arc<str>,
    /// How many contacts there were within the window by then, this one included: 1 is the first, at most
    /// [`MARKS_MAX`]. Nobody's contact is always the first.
    pub count: u32,
    /// The contact before it, if there was one within the window.
    pub previous: Option<Previous>,
}

/// An earlier ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previous {
    /// Its place in the order of arrival.
    pub number: TicketNumber,
    /// The name callers know it by.
    pub id: TicketId,
}

/// What the policy makes of repeat contacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeats {
    /// How long a contact counts, in milliseconds.
    pub window_ms: i64,
    /// From so many contacts on, 2 to [`MARKS_MAX`], they are a fault of the process.
    pub threshold: Option<u32>,
    /// The only pool that serves a ticket from the threshold on.
    pub pool: Option<PoolIx>,
}

impl Default for Repeats {
    /// Two weeks, and nothing follows from them.
    fn default() -> Self {
        Self { window_ms: WINDOW_MS_DEFAULT, threshold: None, pool: None }
    }
}

impl Repeats {
    /// Whether so many contacts are too many.
    pub fn is_above(&self, count: u32) -> bool {
        self.threshold.is_some_and(|threshold| count >= threshold)
    }

    /// The pool that serves a ticket with that contact, if it is not the pools of its tier.
    pub(super) fn pool_for(&self, contact: Option<&Contact>) -> Option<PoolIx> {
        self.pool.filter(|_| contact.is_some_and(|contact| self.is_above(contact.count)))
    }
}

/// Whose contacts are counted together: the customer, or until the directory tells the customer's id the
/// identifier as it was given.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// The customer's id.
    Customer(Box<str>),
    /// An identifier.
    Named(IdentifierKind, Box<str>),
}

impl Who {
    /// Who that caller is, as far as it is known.
    pub fn of(caller: &Caller) -> Self {
        match caller.customer_id() {
            Some(id) => Self::Customer(id.into()),
            None => Self::Named(caller.kind, caller.value.clone()),
        }
    }
}

impl fmt::Debug for Who {
    /// Personal data stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Who(redacted)")
    }
}

/// The contacts of one customer about one topic, as an image has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactRecord {
    /// The topic.
    pub topic: Arc<str>,
    /// The customer.
    pub who: Who,
    /// When, the earliest first; 1 to [`MARKS_MAX`].
    pub times: Vec<Time>,
    /// The ticket of the last one.
    pub last: Previous,
}

/// Repeat contacts about one topic, within the window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicRepeats {
    /// The topic.
    pub topic: Arc<str>,
    /// Customers who came more than once.
    pub customer_count: u64,
    /// Their contacts after the first of each.
    pub repeat_count: u64,
    /// The most contacts of one of them; [`MARKS_MAX`] is "as many or more".
    pub most_count: u32,
    /// Of the customers, those from the threshold on.
    pub above_count: u64,
    /// Live tickets of the topic, whoever's.
    pub open_count: u64,
    /// The first contact of those who came more than once.
    pub first_at: Time,
    /// The last one.
    pub last_at: Time,
}

/// A look at all contacts, some at a time; what has been found so far.
#[derive(Clone, Debug, Default)]
pub struct RepeatScan {
    /// The topics found, each with its sums.
    pub topics: BTreeMap<Arc<str>, TopicRepeats>,
    after: Option<Key>,
    is_over: bool,
}

impl RepeatScan {
    /// Whether everything has been looked at.
    pub fn is_over(&self) -> bool {
        self.is_over
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    topic: Arc<str>,
    who: Who,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Marks {
    times: Vec<Time>,
    last: Previous,
}

impl Marks {
    fn within(&self, now: Time, window_ms: i64) -> usize {
        let from = now.plus_ms(-window_ms);
        self.times.len() - self.times.partition_point(|at| *at <= from)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Held {
    open_count: u64,
    key_count: u64,
}

/// Every contact that is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contacts {
    marks: BTreeMap<Arc<Key>, Marks>,
    /// By the number of the last ticket: the first has been silent for longest.
    oldest: BTreeMap<TicketNumber, Arc<Key>>,
    /// Each topic once, for as long as a contact or a live ticket has it.
    topics: BTreeMap<Arc<str>, Held>,
}

impl Contacts {
    /// The place of a contact at `now`.
    pub(super) fn next(
        &self,
        topic: &Arc<str>,
        caller: Option<&Caller>,
        now: Time,
        window_ms: i64,
    ) -> Contact {
        let topic = self.topics.get_key_value(topic).map_or(topic, |(topic, _)| topic).clone();
        let found = caller.and_then(|caller| {
            let marks = self.marks.get(&Key { topic: topic.clone(), who: Who::of(caller) })?;
            Some((marks, marks.within(now, window_ms))).filter(|(_, count)| *count > 0)
        });
        let before = found.map_or(0, |(_, count)| count);
        let count = u32::try_from((before + 1).min(MARKS_MAX)).expect("it is at most 16");
        Contact { topic, count, previous: found.map(|(marks, _)| marks.last.clone()) }
    }

    /// Remembers a contact at `at`, and forgets what is too much or outside its window.
    fn record(&mut self, topic: Arc<str>, who: Who, at: Time, last: Previous, window_ms: i64) {
        self.record_within(KEYS_MAX, topic, who, at, last);
        let from = at.plus_ms(-window_ms);
        for _ in 0..FORGOTTEN_MAX {
            let Some((_, key)) = self.oldest.first_key_value() else { break };
            let marks = &self.marks[key];
            if marks.times.last().is_some_and(|last| *last > from) {
                break;
            }
            self.forget_oldest();
        }
    }

    fn record_within(
        &mut self,
        keys_max: usize,
        topic: Arc<str>,
        who: Who,
        at: Time,
        last: Previous,
    ) {
        let key = Key { topic, who };
        let mut times = self.remove(&key).map_or_else(Vec::new, |marks| marks.times);
        if times.len() == MARKS_MAX {
            times.remove(0);
        }
        times.push(at);
        self.insert(key, Marks { times, last });
        if self.marks.len() > keys_max {
            self.forget_oldest();
        }
    }

    /// Puts the contacts of `from` to those of `to`, who turned out to be the same.
    fn merge(&mut self, topic: &Arc<str>, from: Who, to: Who) {
        let Some(moved) = self.remove(&Key { topic: topic.clone(), who: from }) else { return };
        let key = Key { topic: topic.clone(), who: to };
        let marks = match self.remove(&key) {
            None => moved,
            Some(own) => {
                let mut times = [own.times, moved.times].concat();
                times.sort_unstable();
                times.drain(..times.len().saturating_sub(MARKS_MAX));
                let newest = own.last.number > moved.last.number;
                Marks { times, last: if newest { own.last } else { moved.last } }
            }
        };
        self.insert(key, marks);
    }

    fn insert(&mut self, key: Key, marks: Marks) {
        self.topics.entry(key.topic.clone()).or_default().key_count += 1;
        let key = Arc::new(key);
        self.oldest.insert(marks.last.number, key.clone());
        self.marks.insert(key, marks);
    }

    fn remove(&mut self, key: &Key) -> Option<Marks> {
        let marks = self.marks.remove(key)?;
        self.oldest.remove(&marks.last.number);
        self.leave_topic(&key.topic, |held| held.key_count -= 1);
        Some(marks)
    }

    fn forget_oldest(&mut self) {
        if let Some((_, key)) = self.oldest.pop_first() {
            self.marks.remove(&key);
            self.leave_topic(&key.topic, |held| held.key_count -= 1);
        }
    }

    fn leave_topic(&mut self, topic: &Arc<str>, less: impl FnOnce(&mut Held)) {
        if let btree_map::Entry::Occupied(mut entry) = self.topics.entry(topic.clone()) {
            less(entry.get_mut());
            if *entry.get() == Held::default() {
                entry.remove();
            }
        }
    }

    /// Counts a live ticket under its topic.
    pub(super) fn enter(&mut self, ticket: &Ticket) {
        if let Some(contact) = ticket.contact() {
            self.topics.entry(contact.topic.clone()).or_default().open_count += 1;
        }
    }

    /// The ticket is no longer live.
    pub(super) fn leave(&mut self, ticket: &Ticket) {
        if let Some(contact) = ticket.contact() {
            self.leave_topic(&contact.topic, |held| held.open_count -= 1);
        }
    }

    /// Everything, by topic and customer.
    pub(super) fn image(&self) -> Vec<ContactRecord> {
        let record = |(key, marks): (&Arc<Key>, &Marks)| ContactRecord {
            topic: key.topic.clone(),
            who: key.who.clone(),
            times: marks.times.clone(),
            last: marks.last.clone(),
        };
        self.marks.iter().map(record).collect()
    }

    /// What an image had.
    pub(super) fn of(records: Vec<ContactRecord>) -> Self {
        let mut contacts = Self::default();
        for ContactRecord { topic, who, times, last } in records {
            let known = contacts.topics.get_key_value(&topic).map(|(topic, _)| topic.clone());
            contacts.insert(Key { topic: known.unwrap_or(topic), who }, Marks { times, last });
        }
        contacts
    }
}

impl Engine {
    /// How many customers with a topic are remembered, at most [`KEYS_MAX`].
    pub fn contact_count(&self) -> usize {
        self.contacts.marks.len()
    }

    /// Looks at the next `step` customers and topics; what `scan` has found so far stays in it.
    pub fn scan_repeats(&self, scan: &mut RepeatScan, now: Time, step: usize) {
        let rules = self.policy.repeats;
        let after = scan.after.take();
        let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.contacts.marks.range::<Key, _>((from, Bound::Unbounded));
        for (key, marks) in rest.by_ref().take(step) {
            let count = marks.within(now, rules.window_ms);
            if count > 1 {
                let first_at = marks.times[marks.times.len() - count];
                let last_at = *marks.times.last().expect("there is one contact at least");
                let open_count =
                    || self.contacts.topics.get(&key.topic).map_or(0, |t| t.open_count);
                let topic = scan.topics.entry(key.topic.clone()).or_insert_with(|| TopicRepeats {
                    topic: key.topic.clone(),
                    customer_count: 0,
                    repeat_count: 0,
                    most_count: 0,
                    above_count: 0,
                    open_count: open_count(),
                    first_at,
                    last_at,
                });
                let most = u32::try_from(count).expect("it is at most 16");
                topic.customer_count += 1;
                topic.repeat_count += count as u64 - 1;
                topic.most_count = topic.most_count.max(most);
                topic.above_count += u64::from(rules.is_above(most));
                topic.first_at = topic.first_at.min(first_at);
                topic.last_at = topic.last_at.max(last_at);
            }
            scan.after = Some((**key).clone());
        }
        scan.is_over = scan.after.is_none() || rest.next().is_none();
    }

    /// Remembers the contact of a ticket that was just submitted.
    pub(super) fn record_contact(&mut self, at: Time, ticket: &Ticket) {
        let (Some(contact), Some(caller)) = (ticket.contact(), &ticket.caller) else { return };
        let last = Previous { number: ticket.number, id: ticket.id.clone() };
        let (who, window_ms) = (Who::of(caller), self.policy.repeats.window_ms);
        self.contacts.record(contact.topic.clone(), who, at, last, window_ms);
    }

    /// The directory has told who the ticket's caller is, who was `before` until now: the contacts of a name are
    /// the customer's. From one customer to another nothing moves, for those contacts were the first one's.
    pub(super) fn contact_known(&mut self, number: TicketNumber, before: Option<Who>) {
        let Some(ticket) = self.ticket_numbered(number) else { return };
        let now = ticket.caller.as_deref().map(Who::of);
        let topic = ticket.contact().map(|contact| contact.topic.clone());
        if let (Some(topic), Some(before), Some(now)) = (topic, before, now)
            && before != now
            && matches!(before, Who::Named(..))
        {
            self.contacts.merge(&topic, before, now);
        }
    }
}

impl Ticket {
    /// Its place among the contacts of its customer, if it has a topic.
    pub fn contact(&self) -> Option<&Contact> {
        self.life.as_deref().and_then(|life: &Life| life.contact.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(contacts: &mut Contacts, keys_max: usize, who: &str, at: i64) {
        let number = TicketNumber(at.unsigned_abs());
        let last = Previous { number, id: TicketId::new(format!("t{at}")) };
        contacts.record_within(keys_max, "late".into(), Who::Customer(who.into()), Time(at), last);
    }

    #[test]
    fn no_more_customers_are_kept_than_may_be_and_the_one_longest_silent_goes_first() {
        let mut contacts = Contacts::default();
        for (who, at) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            mark(&mut contacts, 2, who, at);
        }
        let kept: Vec<_> = contacts.marks.keys().map(|key| key.who.clone()).collect();
        assert_eq!(kept, ["a", "c"].map(|who| Who::Customer(who.into())));
        assert_eq!(contacts.oldest.len(), 2);
        assert_eq!(contacts.topics["late"].key_count, 2);
    }

    #[test]
    fn of_one_customer_the_last_sixteen_contacts_are_kept() {
        let mut contacts = Contacts::default();
        (1..=40).for_each(|at| mark(&mut contacts, 10, "a", at));
        let marks = contacts.marks.values().next().expect("there is one");
        assert_eq!((marks.times.len(), marks.times[0]), (MARKS_MAX, Time(25)));
        assert_eq!(marks.within(Time(40), 3), 3);
        assert_eq!(marks.within(Time(99), 3), 0);
    }

    #[test]
    fn whoever_turns_out_to_be_the_same_has_all_contacts_in_their_order() {
        let mut contacts = Contacts::default();
        for (who, at) in [("a", 1), ("b", 2), ("a", 3)] {
            mark(&mut contacts, 10, who, at);
        }
        let who = |who: &str| Who::Customer(who.into());
        contacts.merge(&"late".into(), who("b"), who("a"));
        let image = contacts.image();
        assert_eq!(image.len(), 1);
        assert_eq!(image[0].times, [Time(1), Time(2), Time(3)]);
        assert_eq!(image[0].last.number, TicketNumber(3));
        assert_eq!(Contacts::of(image), contacts);
    }

    #[test]
    fn nothing_says_who_it_was() {
        let who = Who::Named(IdentifierKind::Phone, "+12025550101".into());
        assert!(!format!("{who:?}").contains("2025"));
    }
}
