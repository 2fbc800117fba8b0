//! `[costs]` and the pools' `cost_per_hour`: what serving costs, and whom the report of costs names.

use super::pools::{self, PoolEntry};
use crate::engine::decimal::Decimal;
use crate::engine::model::Policy;
use crate::settings::{Report, Section};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// `cost_per_hour`, in thousandths.
const PER_HOUR: RangeInclusive<i64> = 0..=1_000_000_000;
/// `candidate_share`, in parts per thousand.
const SHARE_PERMILLE: RangeInclusive<u32> = 1..=100_000;
/// `candidate_burdens`.
const BURDENS: RangeInclusive<u64> = 1..=1000;

/// What serving costs, and who is a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostRules {
    /// What an hour of an agent costs, by pool; pools that are not in it cost nothing.
    pub per_hour: BTreeMap<Box<str>, Decimal>,
    /// From this share of the margin on the cost makes a candidate, in parts per thousand.
    pub candidate_permille: u32,
    /// From so many tickets with a burden on; `None` if burdens make no candidate.
    pub candidate_burdens: Option<u32>,
}

impl Default for CostRules {
    /// No prices; who costs as much as it brings is a candidate.
    fn default() -> Self {
        Self { per_hour: BTreeMap::new(), candidate_permille: 1000, candidate_burdens: None }
    }
}

/// `[costs]`; faults are noted.
pub(super) fn read(root: &Section<'_>) -> Option<CostRules> {
    let section = root.section("costs");
    let mut rules = CostRules::default();
    let share = section.get("candidate_share").map(|item| item.permille(SHARE_PERMILLE));
    let burdens = section.get("candidate_burdens").map(|item| item.whole(BURDENS));
    section.finish();
    if let Some(share) = share {
        rules.candidate_permille = share?;
    }
    if let Some(burdens) = burdens {
        rules.candidate_burdens = Some(u32::try_from(burdens?).expect("it is at most 1000"));
    }
    Some(rules)
}

/// A pool's `cost_per_hour`, if it says one; a fault is noted.
pub(super) fn per_hour(section: &Section<'_>) -> Option<Decimal> {
    let item = section.get("cost_per_hour")?;
    let number = item.number().and_then(|text| Decimal::parse(&text));
    let inside = number.filter(|number| PER_HOUR.contains(&number.thousandths()));
    if inside.is_none() {
        item.fault("is not an amount of money from 0 to 1000000 with at most 3 decimals");
    }
    inside
}

/// The rules of a policy, read again from its text: no rule of the engine needs them. Those of an empty policy
/// for a text that this release cannot read.
pub fn cost_rules(policy: &Policy) -> CostRules {
    let report = Report::new("", &policy.source);
    let Ok(tree) = report.tree() else { return CostRules::default() };
    let root = Section::root(&report, &tree);
    let mut rules = read(&root).unwrap_or_default();
    let priced = |pool: &PoolEntry<'_>| Some((pool.name?.into(), per_hour(&pool.section)?));
    rules.per_hour = pools::entries(&root).iter().filter_map(priced).collect();
    rules
}
