//! A sorted map in full blocks: what a B-tree does, in half the memory when keys arrive in order.
//!
//! Tickets arrive in order of number, and of deadline inside a tier. A B-tree splits its last node in
//! the middle each time it is full and leaves every node but the last half empty behind it: 34 bytes an
//! entry of 16. With a million waiting tickets in four such maps that is most of what a ticket costs
//! beside its own text. Here a block that is full at its end starts a new one instead.

use std::collections::BTreeMap;
use std::fmt;
use std::iter;
use std::ops::Bound::{Excluded, Unbounded};

/// Entries a block holds at most: a kilobyte of them, searched and shifted in some tens of nanoseconds.
const BLOCK_LEN_MAX: usize = 64;
/// Neighbours that fit together into this many entries become one block.
const MERGED_LEN_MAX: usize = 48;

/// A sorted map of small keys.
#[derive(Clone)]
pub(super) struct Shelf<K, V = ()> {
    /// Blocks by a key that is not above their first and above all before; none is empty.
    blocks: BTreeMap<K, Vec<(K, V)>>,
    len: usize,
}

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self { blocks: BTreeMap::new(), len: 0 }
    }
}

/// Full blocks of entries that come in order of their keys.
impl<K: Copy + Ord, V> FromIterator<(K, V)> for Shelf<K, V> {
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut entries = entries.into_iter().peekable();
        let mut blocks = Vec::new();
        let mut len = 0;
        while let Some(start) = entries.peek().map(|(key, _)| *key) {
            let block: Vec<_> = entries.by_ref().take(BLOCK_LEN_MAX).collect();
            assert!(block.is_sorted_by(|a, b| a.0 < b.0), "the keys come in order, each once");
            len += block.len();
            blocks.push((start, block));
        }
        assert!(blocks.is_sorted_by(|a, b| a.1[a.1.len() - 1].0 < b.0), "and so do the blocks");
        Self { blocks: blocks.into_iter().collect(), len }
    }
}

impl<K: Copy + Ord, V> Shelf<K, V> {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value at `key`.
    pub(super) fn get(&self, key: K) -> Option<&V> {
        let (_, block) = self.blocks.range(..=key).next_back()?;
        let at = position(block, key).ok()?;
        Some(&block[at].1)
    }

    /// The value at `key`, to be changed.
    pub(super) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let (_, block) = self.blocks.range_mut(..=key).next_back()?;
        let at = position(block, key).ok()?;
        Some(&mut block[at].1)
    }

    /// The first entry's key.
    pub(super) fn first(&self) -> Option<K> {
        Some(self.blocks.first_key_value()?.1.first()?.0)
    }

    /// The last entry's key.
    pub(super) fn last(&self) -> Option<K> {
        Some(self.blocks.last_key_value()?.1.last()?.0)
    }

    /// The entries in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (K, &V)> {
        self.blocks.values().flatten().map(|(key, value)| (*key, value))
    }

    /// The values in order of their keys.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// The values in order of their keys, to be changed.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.blocks.values_mut().flatten().map(|(_, value)| value)
    }

    /// The entries after `key`, in order.
    pub(super) fn after(&self, key: K) -> impl Iterator<Item = (K, &V)> {
        let (start, first) = match self.blocks.range(..=key).next_back() {
            Some((start, block)) => (*start, &block[..]),
            None => (key, [].as_slice()),
        };
        let from = first.partition_point(|(known, _)| *known <= key);
        // The next blocks are looked for only by who comes that far.
        let rest = iter::once_with(move || self.blocks.range((Excluded(start), Unbounded)));
        let rest = rest.flatten().flat_map(|(_, block)| block);
        first[from..].iter().chain(rest).map(|(key, value)| (*key, value))
    }

    /// How many entries come before `key`; beyond `most` at least that many.
    pub(super) fn count_before(&self, key: K, most: usize) -> usize {
        let mut count = 0;
        for block in self.blocks.range(..=key).map(|(_, block)| block) {
            if block.last().is_some_and(|(last, _)| *last < key) {
                count += block.len();
            } else {
                count += block.partition_point(|(known, _)| *known < key);
            }
            if count >= most {
                break;
            }
        }
        count
    }

    /// Puts `value` at `key`, where nothing may be yet.
    pub(super) fn insert(&mut self, key: K, value: V) {
        // Most keys come in order. Their place is known, and a block that follows a full one will be full.
        if let Some(mut last) = self.blocks.last_entry()
            && last.get().last().is_some_and(|(known, _)| *known < key)
        {
            self.len += 1;
            if last.get().len() < BLOCK_LEN_MAX {
                last.get_mut().push((key, value));
            } else {
                let mut block = Vec::with_capacity(BLOCK_LEN_MAX);
                block.push((key, value));
                self.blocks.insert(key, block);
            }
            return;
        }
        let block = match self.blocks.range(..=key).next_back() {
            Some((start, _)) => *start,
            None => match self.blocks.pop_first() {
                Some((_, block)) => {
                    self.blocks.insert(key, block);
                    key
                }
                None => key,
            },
        };
        let entries = self.blocks.entry(block).or_default();
        let at = position(entries, key).expect_err("a key has one place");
        self.len += 1;
        if entries.len() < BLOCK_LEN_MAX {
            entries.insert(at, (key, value));
        } else if at == BLOCK_LEN_MAX {
            self.blocks.insert(key, vec![(key, value)]);
        } else {
            let mut upper = Vec::with_capacity(BLOCK_LEN_MAX);
            upper.extend(entries.drain(BLOCK_LEN_MAX / 2..));
            let upper_start = upper[0].0;
            match at.checked_sub(BLOCK_LEN_MAX / 2) {
                Some(at) if at > 0 => upper.insert(at, (key, value)),
                Some(_) | None => entries.insert(at, (key, value)),
            }
            self.blocks.insert(upper_start, upper);
        }
    }

    /// Takes the value at `key` out.
    pub(super) fn remove(&mut self, key: K) -> Option<V> {
        let (start, block) = self.blocks.range_mut(..=key).next_back()?;
        let (start, at) = (*start, position(block, key).ok()?);
        let (_, value) = block.remove(at);
        let left = block.len();
        self.len -= 1;
        if left == 0 {
            self.blocks.remove(&start);
        } else if left < MERGED_LEN_MAX && left.is_multiple_of(BLOCK_LEN_MAX / 8) {
            self.merge(start);
        }
        Some(value)
    }

    /// Makes one block of the one at `start` and a neighbour, if they fit together.
    fn merge(&mut self, start: K) {
        let before = self.blocks.range(..start).next_back().map(|(before, _)| (*before, start));
        let after = self.blocks.range((Excluded(start), Unbounded)).next();
        let after = after.map(|(after, _)| (start, *after));
        let len = |start: &K| self.blocks[start].len();
        let fits = |(left, right): &(K, K)| len(left) + len(right) <= MERGED_LEN_MAX;
        if let Some((left, right)) = before.into_iter().chain(after).find(fits) {
            let entries = self.blocks.remove(&right).expect("it was just found");
            self.blocks.get_mut(&left).expect("it was just found").extend(entries);
        }
    }
}

fn position<K: Copy + Ord, V>(block: &[(K, V)], key: K) -> Result<usize, usize> {
    block.binary_search_by_key(&key, |(known, _)| *known)
}

/// Shelves are equal by what stands on them, however it is divided into blocks.
impl<K: Copy + Ord, V: PartialEq> PartialEq for Shelf<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Copy + Ord, V: Eq> Eq for Shelf<K, V> {}

impl<K: Copy + Ord + fmt::Debug, V: fmt::Debug> fmt::Debug for Shelf<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A run of keys put in or taken out: up, down, or here and there.
    fn runs() -> impl Strategy<Value = Vec<(bool, u32, Vec<u32>)>> {
        let scattered = prop::collection::vec(0..3000_u32, 0..200);
        let upward = (0..3000_u32, 0..300_u32).prop_map(|(from, n)| (from..from + n).collect());
        let downward =
            (0..3000_u32, 0..300_u32).prop_map(|(from, n)| (from..from + n).rev().collect());
        let keys = prop_oneof![scattered, upward, downward];
        prop::collection::vec((prop::bool::weighted(0.6), 0..3300_u32, keys), 1..12)
    }

    proptest! {
        #[test]
        fn a_shelf_holds_what_a_b_tree_holds(runs in runs()) {
            let mut shelf = Shelf::default();
            let mut tree = BTreeMap::new();
            for (insert, after, keys) in runs {
                for key in keys {
                    if insert && !tree.contains_key(&key) {
                        shelf.insert(key, key + 1);
                        tree.insert(key, key + 1);
                    } else if !insert {
                        assert_eq!(shelf.remove(key), tree.remove(&key));
                    }
                    assert_eq!(shelf.get(key), tree.get(&key));
                    assert_eq!(shelf.get_mut(key), tree.get_mut(&key));
                }
                let again: Shelf<_, _> = tree.iter().map(|(key, value)| (*key, *value)).collect();
                assert_eq!(again, shelf);
                assert_eq!(shelf.len(), tree.len());
                assert_eq!(shelf.is_empty(), tree.is_empty());
                assert_eq!(shelf.first(), tree.keys().next().copied());
                assert_eq!(shelf.last(), tree.keys().next_back().copied());
                assert!(shelf.iter().eq(tree.iter().map(|(key, value)| (*key, value))));
                assert_eq!(shelf.count_before(after, usize::MAX), tree.range(..after).count());
                let rest = tree.range((Excluded(after), Unbounded));
                assert!(shelf.after(after).eq(rest.map(|(key, value)| (*key, value))));
                assert!(shelf.blocks.values().all(|block| (1..=BLOCK_LEN_MAX).contains(&block.len())));
            }
        }
    }

    #[test]
    fn keys_in_order_fill_their_blocks() {
        let mut shelf = Shelf::default();
        // Four tiers, each with deadlines that grow.
        for at in 0..4000_u32 {
            shelf.insert((at % 4 * 100_000 + at / 4, at), ());
        }
        assert!(shelf.blocks.len() <= 4 * (1000 / BLOCK_LEN_MAX + 2), "{}", shelf.blocks.len());
    }

    #[test]
    fn blocks_that_grew_thin_become_one() {
        let mut shelf = Shelf::default();
        (0..6400_u32).for_each(|key| shelf.insert(key, ()));
        (0..6400_u32).filter(|key| key % 8 > 0).for_each(|key| {
            shelf.remove(key);
        });
        assert_eq!(shelf.len(), 800);
        assert!(shelf.blocks.len() <= 50, "{}", shelf.blocks.len());
    }
}
