//! `[[pool]]`: staff who serve together, their lease and what they keep in reserve.

use super::{LEASE_MS, LEASE_MS_DEFAULT, Names, RESERVE, tables, unique_name};
use crate::engine::escalation;
use crate::engine::model::{AgentChoice, POOLS_MAX, Policy, Pool, PoolIx, PoolSet, Tier, TierIx};
use crate::settings::{Place, Report, Section};

/// A pool whose name has been read.
pub(super) struct PoolEntry<'a> {
    pub(super) section: Section<'a>,
    pub(super) name: Option<&'a str>,
}

/// Every pool in the order of the file.
pub(super) fn entries<'a>(root: &Section<'a>) -> Vec<PoolEntry<'a>> {
    let mut names = Vec::new();
    tables(root, "pool", POOLS_MAX)
        .into_iter()
        .map(|section| {
            let name = unique_name(&section, &names);
            names.push(name);
            PoolEntry { section, name }
        })
        .collect()
}

impl PoolEntry<'_> {
    /// The whole pool; faults are noted.
    pub(super) fn read(&self, names: &Names<'_>) -> Option<Pool> {
        let lease = match self.section.get("lease") {
            Some(item) => item.ms(LEASE_MS),
            None => Some(LEASE_MS_DEFAULT),
        };
        let reserve = reserve(&self.section, names);
        let floor_over_reserve = match self.section.get("floor_over_reserve") {
            Some(item) => item.flag(),
            None => Some(false),
        };
        Some(Pool {
            name: self.name?.into(),
            lease_ms: lease?,
            reserve: reserve?,
            floor_over_reserve: floor_over_reserve?,
            choice: AgentChoice::default(),
        })
    }
}

/// The agents kept free, by tier, highest first.
fn reserve(pool: &Section<'_>, names: &Names<'_>) -> Option<Vec<(TierIx, u32)>> {
    let Some(item) = pool.get("reserve") else {
        return Some(Vec::new());
    };
    let mut kept = Vec::new();
    let mut complete = true;
    for (name, item) in item.section()?.entries() {
        let count = item.whole(RESERVE);
        let tier = names.tier_named(name, || {
            item.unknown_key(name, "is no tier", names.tiers.iter().flatten().copied());
        });
        let (Some(count), Some(tier)) = (count, tier) else {
            complete = false;
            continue;
        };
        if names.ranks_known && usize::from(tier.0) + 1 == names.tiers.len() {
            item.fault("keeps agents from nobody: no tier is lower");
        }
        if count > 0 {
            let count = u32::try_from(count).expect("a reserve is at most 1000");
            kept.push((tier, count, item));
        }
    }
    kept.sort_by_key(|(tier, ..)| *tier);
    let mut most = 0;
    for (_, count, item) in &kept {
        if *count <= most {
            item.warn(&format!("has no effect: {most} are kept for a higher tier already"));
        }
        most = most.max(*count);
    }
    let reserve = kept.into_iter().map(|(tier, count, _)| (tier, count));
    complete.then(|| reserve.collect())
}

/// Warns of pools that serve nobody, and of agents kept free for tiers that their pool never serves.
pub(super) fn warn_of_idle_pools(report: &Report<'_>, policy: &Policy, places: &[Place]) {
    for (at, (pool, place)) in policy.pools.iter().zip(places).enumerate() {
        let ix = PoolIx(super::index(at));
        let name = &pool.name;
        let serves = |tier: &Tier| served_by(tier).contains(ix);
        if !policy.tiers.iter().any(serves) {
            let message = format!("pool {name:?}: serves no tier");
            report.warn(place.clone(), message);
            continue;
        }
        for (tier, count) in &pool.reserve {
            if !policy.tiers[..=usize::from(tier.0)].iter().any(serves) {
                let tier = &policy.tier(*tier).name;
                let message = format!(
                    "pool {name:?}: reserve.{tier} = {count} keeps agents for tiers that the pool never serves"
                );
                report.warn(place.clone(), message);
            }
        }
    }
}

/// Every pool that may serve the tier at some time.
pub(super) fn served_by(tier: &Tier) -> PoolSet {
    escalation::pools_ever(tier)
}
