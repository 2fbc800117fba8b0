//! What was answered lately: a bounded map from identifiers to answers.
//!
//! It keeps answers and says how old they are; what is fresh enough is for its owner to decide.
//! Full, it throws out by second chance (Corbató 1968): a hand goes round the entries, spares
//! those that were asked for since it last came by, and takes the first that was not. Amortised
//! that is constant time, and unlike a list in order of use a hit moves nothing.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::customer::{Customer, Identifier};

/// What the directory answered: a customer, or that it knows none.
pub(super) type Answer = Option<Arc<Customer>>;

#[derive(Debug)]
pub(super) struct Cache {
    entries_max: usize,
    index: HashMap<Arc<Identifier>, usize>,
    /// The slots that answer with a customer, by id: what a change of that customer makes old.
    by_customer: HashMap<String, Vec<usize>>,
    slots: Vec<Option<Slot>>,
    /// Slots that `remove` emptied.
    free: Vec<usize>,
    hand: usize,
}

#[derive(Debug)]
struct Slot {
    key: Arc<Identifier>,
    answer: Answer,
    answered_at: Instant,
    /// Asked for since the hand last came by.
    used: bool,
}

impl Cache {
    /// # Panics
    /// With no room for even one entry.
    pub(super) fn new(entries_max: usize) -> Self {
        assert!(entries_max > 0, "a cache holds at least one entry");
        Self {
            entries_max,
            index: HashMap::new(),
            by_customer: HashMap::new(),
            slots: vec![],
            free: vec![],
            hand: 0,
        }
    }

    /// The last answer and its age.
    pub(super) fn get(&mut self, key: &Identifier, now: Instant) -> Option<(Answer, Duration)> {
        let slot = self.slots[*self.index.get(key)?].as_mut().expect("the index names full slots");
        slot.used = true;
        Some((slot.answer.clone(), now.saturating_duration_since(slot.answered_at)))
    }

    pub(super) fn put(&mut self, key: &Identifier, answer: Answer, now: Instant) {
        if let Some(&at) = self.index.get(key) {
            self.link(&answer, at);
            let slot = self.slots[at].as_mut().expect("the index names full slots");
            slot.answered_at = now;
            let old = std::mem::replace(&mut slot.answer, answer);
            self.unlink(&old, at);
            return;
        }
        let key = Arc::new(key.clone());
        let slot = Slot { key: Arc::clone(&key), answer, answered_at: now, used: false };
        let at = if let Some(at) = self.free.pop() {
            at
        } else if self.slots.len() < self.entries_max {
            self.slots.push(None);
            self.slots.len() - 1
        } else {
            self.evict()
        };
        self.link(&slot.answer, at);
        self.slots[at] = Some(slot);
        self.index.insert(key, at);
    }

    pub(super) fn remove(&mut self, key: &Identifier) {
        if let Some(at) = self.index.remove(key) {
            let slot = self.slots[at].take().expect("the index names full slots");
            self.unlink(&slot.answer, at);
            self.free.push(at);
        }
    }

    /// Removes every answer that is this customer.
    pub(super) fn remove_customer(&mut self, id: &str) {
        for at in self.by_customer.remove(id).unwrap_or_default() {
            let slot = self.slots[at].take().expect("customers are in full slots");
            self.index.remove(&slot.key);
            self.free.push(at);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    fn link(&mut self, answer: &Answer, at: usize) {
        if let Some(customer) = answer {
            self.by_customer.entry(customer.id.clone()).or_default().push(at);
        }
    }

    /// Takes away one mention of the slot: while an answer is replaced by another of the same
    /// customer there are two.
    fn unlink(&mut self, answer: &Answer, at: usize) {
        let Some(customer) = answer else { return };
        let Some(slots) = self.by_customer.get_mut(&customer.id) else { return };
        if let Some(mention) = slots.iter().position(|slot| *slot == at) {
            slots.swap_remove(mention);
        }
        if slots.is_empty() {
            self.by_customer.remove(&customer.id);
        }
    }

    /// Empties a slot and says which. Only called when every slot is full.
    fn evict(&mut self) -> usize {
        loop {
            let at = self.hand;
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = self.slots[at].as_mut().expect("no slot is free when the cache is full");
            if !std::mem::take(&mut slot.used) {
                self.index.remove(&slot.key);
                let answer = slot.answer.take();
                self.unlink(&answer, at);
                return at;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::customer::IdentifierKind;
    use super::*;

    fn key(n: usize) -> Identifier {
        Identifier::new(IdentifierKind::Card, &n.to_string()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_comes_back_with_its_age_and_a_newer_one_replaces_it() {
        let mut cache = Cache::new(2);
        let start = Instant::now();
        cache.put(&key(1), None, start);
        let later = start + Duration::from_secs(7);
        assert_eq!(cache.get(&key(1), later), Some((None, Duration::from_secs(7))));
        cache.put(&key(1), None, later);
        assert_eq!(cache.get(&key(1), later), Some((None, Duration::ZERO)));
        assert_eq!(cache.get(&key(2), later), None);
        assert_eq!(cache.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_cache_keeps_what_is_asked_for_and_drops_what_is_not() {
        let mut cache = Cache::new(3);
        let now = Instant::now();
        (1..=3).for_each(|n| cache.put(&key(n), None, now));
        cache.get(&key(1), now);
        cache.put(&key(4), None, now);
        assert!(cache.get(&key(2), now).is_none(), "2 was the first that nobody asked for");
        for n in [1, 3, 4] {
            assert!(cache.get(&key(n), now).is_some(), "{n} stays");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_room_of_what_was_removed_is_used_again() {
        let mut cache = Cache::new(2);
        let now = Instant::now();
        cache.put(&key(1), None, now);
        cache.put(&key(2), None, now);
        cache.remove(&key(1));
        cache.remove(&key(1));
        cache.put(&key(3), None, now);
        assert!(cache.get(&key(1), now).is_none());
        assert!(cache.get(&key(2), now).is_some());
        assert!(cache.get(&key(3), now).is_some());
    }

    fn customer(n: usize, step: usize) -> Arc<Customer> {
        Arc::new(Customer {
            id: n.to_string(),
            tier: Some(step.to_string()),
            name: None,
            identifiers: vec![],
            attributes: std::collections::BTreeMap::new(),
        })
    }

    proptest! {
        /// Beside a plain map: what the cache holds is what was put last, and never too much.
        #[test]
        fn it_never_outgrows_its_limit_and_never_answers_with_anything_but_the_last(
            steps in proptest::collection::vec((0_u8..4, 0_usize..12), 1..400),
        ) {
            let mut cache = Cache::new(5);
            let mut model = HashMap::new();
            let start = Instant::now();
            for (step, (action, n)) in steps.into_iter().enumerate() {
                let now = start + Duration::from_secs(step as u64);
                match action {
                    0 => {
                        // Three identifiers are one customer.
                        cache.put(&key(n), Some(customer(n / 3, step)), now);
                        model.insert(n, (Some(customer(n / 3, step)), now));
                        prop_assert!(cache.get(&key(n), now).is_some());
                    }
                    1 => {
                        cache.remove(&key(n));
                        model.remove(&n);
                        prop_assert!(cache.get(&key(n), now).is_none());
                    }
                    2 => {
                        cache.remove_customer(&(n / 3).to_string());
                        for n in (0..12).filter(|other| other / 3 == n / 3) {
                            model.remove(&n);
                            prop_assert!(cache.get(&key(n), now).is_none());
                        }
                    }
                    _ => {
                        if let Some((answer, age)) = cache.get(&key(n), now) {
                            prop_assert_eq!(Some(&(answer, now - age)), model.get(&n));
                        }
                    }
                }
                prop_assert!(cache.len() <= 5);
                let linked: usize = cache.by_customer.values().map(Vec::len).sum();
                prop_assert_eq!(linked, cache.len(), "every answer here is a customer");
            }
        }
    }
}
