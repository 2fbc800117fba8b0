//! `[[pool]]`: staff who serve together, their lease and what they keep in reserve.

use super::{
    BACK_OFF_MS, LEASE_MS, LEASE_MS_DEFAULT, MISSES_MAX, Names, OFFER_MS, OFFER_TO, RESERVE, costs,
    tables, unique_name,
};
use crate::engine::coding::treatment::Treatment;
use crate::engine::escalation;
use crate::engine::model::{AgentChoice, POOLS_MAX, Policy, Pool, PoolIx, PoolSet, Tier, TierIx};
use crate::engine::push::OfferRule;
use crate::settings::{Item, Place, Report, Section, format_ms};

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
        let offer = offer(&self.section);
        let reserve = reserve(&self.section, names);
        let floor_over_reserve = match self.section.get("floor_over_reserve") {
            Some(item) => item.flag(),
            None => Some(false),
        };
        let outbound_above = self.section.get("outbound_above").map(|item| {
            item.whole(RESERVE).map(|count| u32::try_from(count).expect("it is at most 1000"))
        });
        // Faults are noted; the price is read again by whoever counts costs.
        costs::per_hour(&self.section);
        let choices = AgentChoice::ALL.map(|choice| (choice.name(), choice));
        let choice = match self.section.get("choice") {
            Some(item) => item.choice(&choices),
            None => Some(AgentChoice::default()),
        };
        Some(Pool {
            name: self.name?.into(),
            lease_ms: lease?,
            offer: offer?,
            reserve: reserve?,
            floor_over_reserve: floor_over_reserve?,
            outbound_above: match outbound_above {
                Some(count) => Some(count?),
                None => None,
            },
            choice: choice?,
        })
    }
}

/// How tickets are offered to agents on a stream.
fn offer(pool: &Section<'_>) -> Option<OfferRule> {
    let default = OfferRule::default();
    let offer_ms = pool.get("offer").map_or(Some(default.offer_ms), |item| item.ms(OFFER_MS));
    let misses_max = pool.get("misses_max").map_or(Some(default.misses_max), |item| {
        let count = item.whole(MISSES_MAX)?;
        Some(u16::try_from(count).expect("it is at most 100"))
    });
    let offer_to = pool.get("offer_to").map_or(Some(default.offer_to), |item| {
        let count = item.whole(OFFER_TO)?;
        Some(u8::try_from(count).expect("it is at most 8"))
    });
    let back_off = match pool.get("back_off") {
        Some(item) => back_off(&item, &default),
        None => Some((default.back_off_first_ms, default.back_off_max_ms)),
    };
    let (back_off_first_ms, back_off_max_ms) = back_off?;
    Some(OfferRule {
        offer_ms: offer_ms?,
        back_off_first_ms,
        back_off_max_ms,
        misses_max: misses_max?,
        offer_to: offer_to?,
    })
}

/// The first and the longest back-off of a table such as `{ first = "10s", max = "5m" }`.
fn back_off(item: &Item<'_>, default: &OfferRule) -> Option<(i64, i64)> {
    let section = item.section()?;
    let ms = |key, default| section.get(key).map_or(Some(default), |item| item.ms(BACK_OFF_MS));
    let (first, max) = (ms("first", default.back_off_first_ms), ms("max", default.back_off_max_ms));
    if let Some((first, max)) = first.zip(max).filter(|(first, max)| max < first) {
        let (first, max) = (format_ms(first), format_ms(max));
        section.fault_of("max", &format!("is shorter than the first back-off: {max} < {first}"));
    }
    section.finish();
    first.zip(max)
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
        // The pool for repeat contacts serves every tier.
        let for_repeats = policy.repeats.pool == Some(ix);
        let serves = |tier: &Tier| for_repeats || served_by(tier).contains(ix);
        let treats = |treatment: &Treatment| {
            treatment.pools.contains(ix) || treatment.add_pools.contains(ix)
        };
        if !policy.tiers.iter().any(serves) {
            if !policy.coding.treatments.iter().any(treats) {
                report.warn(place.clone(), format!("pool {name:?}: serves no tier"));
            }
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
