//! The floor: which starving tier has its turn, and within how many dispatches it has one.
//!
//! Each pool counts, for each tier, the dispatches to its agents that passed the tier by while one of its
//! heads starved and the agent might have taken it. A tier that is served begins again at 0. Let `k` be
//! [`floor_every`] and let `n` tiers starve before the agent who asks. Sorted by their counts, this
//! dispatch included, the j-th of them (1 is passed by most often) is due when its count reaches
//! `k * (n - j + 1)`: served one every `k` dispatches from now on, it would then be the last to come in
//! time. Whenever any is due, the tier that was passed by most often has the turn.
//!
//! Hence a starving tier is served within `k * m` dispatches that might have served it, `m` being how many
//! pairs of a pool and a tier starve meanwhile: in a pool whose agents serve nowhere else, the tiers that
//! starve in it. The reason is that never more than `m - i` of these pairs have a count of `k * i` or more.
//! A dispatch adds at most 1 to the counts of the pairs before its agent. If one of them thereby reaches
//! `k * i` and its tier is the j-th there, either `i > n - j`: then it is due, the tier with the highest
//! count leaves with 0, and one such pair is gone; or `n - j >= i` tiers behind it have less than `k * i`.
//! A tier counts in each pool where it starves, and of its counts before an agent the highest is read; one
//! that remained from earlier costs the others a single dispatch, which its pair's `k` more than covers.
//!
//! A turn goes to the tier's earliest deadline: inside a tier nobody is overtaken. So the ticket that
//! starves as the first of its tier is taken within that bound, and one behind `b` others within `b + 1`
//! times as many dispatches.

use super::dispatch::{Choice, Floor, Head, Survey, earliest_deadline};
use super::model::{Policy, PoolRecord, PoolSet, Rule, TierIx, TierSet};
use std::cmp::Reverse;
use std::collections::BTreeMap;

impl Policy {
    /// Of how many dispatches one may be a starving tier's turn; `None` under a rule without a floor.
    pub fn floor_every(&self) -> Option<u32> {
        let has_floor = self.rule == Rule::GuardedEdf && self.floor_share_permille > 0;
        has_floor.then(|| 1000_u32.div_ceil(self.floor_share_permille))
    }
}

impl PoolRecord {
    /// How many dispatches have passed `tier` by while it starved, since it was last served.
    pub fn passed_by(&self, tier: TierIx) -> u32 {
        self.passed_by.get(&tier).copied().unwrap_or(0)
    }

    /// Counts a dispatch that served `tier` and passed these starving ones by.
    pub(super) fn count_dispatch(&mut self, tier: TierIx, passed: TierSet) {
        for other in passed.iter() {
            let count = self.passed_by.entry(other).or_default();
            *count = count.saturating_add(1);
        }
        self.passed_by.remove(&tier);
    }
}

impl Survey {
    /// The starving tiers whom the agent might serve, other than the one that is taken.
    pub(super) fn passed(&self) -> TierSet {
        let Choice::Take(at, _) = self.choice else { return TierSet::EMPTY };
        let taken = self.heads[at].queue.tier;
        let starving = self.heads.iter().filter(|head| may_have_turn(head));
        TierSet::of(starving.map(|head| head.queue.tier).filter(|tier| *tier != taken))
    }
}

impl Floor<'_> {
    /// The head that is served because a tier has starved long enough, if one has.
    pub(super) fn starving_turn(&self, heads: &[Head], crew: PoolSet) -> Option<usize> {
        let every = u64::from(self.policy.floor_every()?);
        let mut starving = BTreeMap::<TierIx, PoolSet>::new();
        for head in heads.iter().filter(|head| may_have_turn(head)) {
            let pools = starving.entry(head.queue.tier).or_insert(PoolSet::EMPTY);
            *pools = pools.or(head.queue.pools.and(crew));
        }
        let passed_by = |tier, pools: PoolSet| {
            let counts = pools.iter().map(|p| self.records[usize::from(p.0)].passed_by(tier));
            u64::from(counts.max().unwrap_or(0))
        };
        let mut tiers: Vec<_> = starving
            .into_iter()
            .map(|(tier, pools)| (Reverse(passed_by(tier, pools)), tier))
            .collect();
        tiers.sort_unstable();
        let marks = (1..=tiers.len() as u64).rev().map(|places| every * places);
        let is_due = tiers.iter().zip(marks).any(|((Reverse(count), _), mark)| count + 1 >= mark);
        let (_, tier) = tiers.first().filter(|_| is_due)?;
        let of_tier =
            |(_, head): &(usize, &Head)| head.queue.tier == *tier && head.floor_held_by.is_none();
        let own = heads.iter().enumerate().filter(of_tier);
        own.min_by(|(_, a), (_, b)| earliest_deadline(a, b)).map(|(at, _)| at)
    }
}

/// Whether it starves and no reserve keeps it even from a starving tier's turn.
fn may_have_turn(head: &Head) -> bool {
    head.starving && head.floor_held_by.is_none()
}
