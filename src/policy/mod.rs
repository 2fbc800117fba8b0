//! Policies: a TOML text becomes a validated [`Policy`], or a list of everything that is wrong in it.
//!
//! Owns the file format and its limits, and the summary that people read (`describe`). Does not
//! serve by it: that is the engine, which trusts what comes from here. The format is shown, with
//! every key, default and unit, in `config/default.toml`.

mod care;
mod change;
mod channels;
mod coding;
mod contacts;
mod costs;
mod describe;
mod difference;
mod escalation;
mod hours;
mod pools;
mod repeats;
mod skills;
mod starving;
mod tiers;
mod timing;

pub use crate::settings::{Error, Finding};
pub use change::changed;
pub use contacts::{Cause, ContactRule};
pub use costs::{CostRules, cost_rules};
pub use describe::{
    ChannelSummary, CodingSummary, Description, OverflowStep, PoolSummary, RepeatsSummary, Reserve,
    RuleSummary, StandingSummary, TierSummary, describe,
};
pub use difference::{Change, difference};
pub use starving::Starving;

use crate::engine::hours::HoursIx;
use crate::engine::model::{Channel, Policy, PoolIx, PoolSet, Rule, TierIx};
use crate::settings::{self, DAY, Item, NAME_CHARS_MAX, Report, SECOND, Section};
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

/// `respond_within` and `solve_within`: longer than a month is no promise.
const TARGET_MS: RangeInclusive<i64> = SECOND..=30 * DAY;
/// `expires_after`: who gives up on a ticket within the second would not have submitted it.
const EXPIRES_AFTER_MS: RangeInclusive<i64> = SECOND..=365 * DAY;
/// `head_start`: more than the longest overflow is no start but an order.
const HEAD_START_MS: RangeInclusive<i64> = SECOND..=7 * DAY;
/// `park_max`.
const PARK_MAX_MS: RangeInclusive<i64> = SECOND..=365 * DAY;
/// `requeues_max`: a ticket that may come back a thousand times may circle for ever.
const REQUEUES_MAX: RangeInclusive<u64> = 1..=1000;
/// `overflow.after`.
const OVERFLOW_AFTER_MS: RangeInclusive<i64> = SECOND..=7 * DAY;
/// An expected wait above which a callback is offered, in milliseconds: a second to a week.
const OFFER_CALLBACK_ABOVE_MS: RangeInclusive<i64> = 1000..=604_800_000;
/// `lease`: shorter than a second, a lease would end on the way to the agent.
const LEASE_MS: RangeInclusive<i64> = SECOND..=DAY;
/// The lease of a pool that gives none, in milliseconds: 15 minutes, three calls of mean length.
const LEASE_MS_DEFAULT: i64 = 900 * SECOND;
/// `offer`: shorter than a second, nobody could accept; longer, a caller waits for nothing.
const OFFER_MS: RangeInclusive<i64> = SECOND..=600 * SECOND;
/// `back_off`: how long a ticket is kept from the agent who declined it.
const BACK_OFF_MS: RangeInclusive<i64> = SECOND..=DAY;
/// `misses_max`.
const MISSES_MAX: RangeInclusive<u64> = 1..=100;
/// `offer_to`: agents whom a ticket is offered to at once.
const OFFER_TO: RangeInclusive<u64> = 1..=8;
/// `reserve`: agents kept free.
const RESERVE: RangeInclusive<u64> = 0..=1000;
/// `queue_max`: tickets that may wait; a queue that takes none would be a channel that is not offered.
const QUEUE_MAX: RangeInclusive<u64> = 1..=10_000_000;
/// `overflow.lower_levels`: no level is lower than 1, so more would change nothing.
const LOWER_LEVELS: RangeInclusive<u64> = 0..=9;
/// `repeats.window`: who comes again after a year has another complaint.
const REPEATS_WINDOW_MS: RangeInclusive<i64> = 60 * SECOND..=366 * DAY;
/// `repeats.threshold`: one contact is no repetition, and more than these are not counted.
const REPEATS_THRESHOLD: RangeInclusive<u64> = 2..=16;
/// `rank`; gaps are allowed, so that a tier can be put between two others.
const RANK: RangeInclusive<u64> = 1..=1000;
/// `guard`, in thousandths: from the last two handling times only, to always.
const GUARD_PERMILLE: RangeInclusive<u32> = 0..=1000;
/// A quarter of the target.
const GUARD_PERMILLE_DEFAULT: u32 = 250;
/// `weight`, in thousandths.
const WEIGHT_PERMILLE: RangeInclusive<u32> = 1..=1_000_000;
/// One.
const WEIGHT_PERMILLE_DEFAULT: u32 = 1000;
/// `scale` of a standing, in thousandths: a hundredth to a hundred times.
const TARGET_SCALE_PERMILLE: RangeInclusive<u32> = 10..=100_000;
/// `starve_after`, in thousandths: a ticket within its target does not starve.
const STARVE_AFTER_PERMILLE: RangeInclusive<u32> = 1000..=100_000;
/// Twice the target.
const STARVE_AFTER_PERMILLE_DEFAULT: u32 = 2000;
/// `floor_share`, in thousandths: beyond half of all dispatches the exception would be the rule.
const FLOOR_SHARE_PERMILLE: RangeInclusive<u32> = 0..=500;
/// Every tenth dispatch.
const FLOOR_SHARE_PERMILLE_DEFAULT: u32 = 100;

/// Reads and checks the policy in a file of at most 256 KiB. The warnings tell what is allowed but
/// hardly meant; the error tells everything that is wrong, each with file, line, key and value.
pub fn load(path: &Path) -> Result<(Policy, Vec<Finding>), Error> {
    let text = settings::read_text(path)?;
    parse(&path.display().to_string(), &text)
}

/// Like [`load`] with the text at hand; `name` is what findings call it.
pub fn parse(name: &str, text: &str) -> Result<(Policy, Vec<Finding>), Error> {
    let report = Report::new(name, text);
    let tree = report.tree()?;
    let root = Section::root(&report, &tree);
    let policy = read(&report, &root, text);
    root.finish();
    let warnings = report.finish()?;
    Ok((policy.expect("a policy without a fault is complete"), warnings))
}

/// Whom a policy contacts without being asked, read again from its text: no rule of the engine needs it.
/// None for a text that this release cannot read.
pub fn contact_rules(policy: &Policy) -> Vec<ContactRule> {
    let report = Report::new("", &policy.source);
    let Ok(tree) = report.tree() else { return Vec::new() };
    let root = Section::root(&report, &tree);
    let names = Names {
        tiers: policy.tiers.iter().map(|tier| Some(&*tier.name)).collect(),
        ranks_known: true,
        pools: Vec::new(),
        skills: Vec::new(),
        hours: Vec::new(),
    };
    contacts::read(&root, &names).unwrap_or_default()
}

/// The policy, as far as it can be read; whole if no fault has been noted.
fn read(report: &Report<'_>, root: &Section<'_>, text: &str) -> Option<Policy> {
    let version = root.require("version").and_then(|item| item.name());
    let dispatch = root.section("dispatch");
    let customers = root.section("customers");
    let channels = channels::read(root);

    // Names first: tiers name pools, pools and customers name tiers.
    let mut tiers = tiers::entries(root);
    let pools = pools::entries(root);
    let hours = hours::entries(root);
    tiers.sort_by_key(|tier| tier.rank);
    let skills = skills::read(root);
    let names = Names {
        tiers: tiers.iter().map(|tier| tier.name).collect(),
        ranks_known: tiers.iter().all(|tier| tier.rank.is_some()),
        pools: pools.iter().map(|pool| pool.name).collect(),
        skills: skills.clone().unwrap_or_default(),
        hours: hours.iter().map(|hours| hours.name).collect(),
    };

    let contacts = contacts::read(root, &names);
    let costs = costs::read(root);
    let read_tiers: Vec<_> = tiers.iter().map(|tier| tier.read(&names)).collect();
    let read_hours: Vec<_> = hours.iter().map(hours::HoursEntry::read).collect();
    let read_pools: Vec<_> = pools.iter().map(|pool| pool.read(&names)).collect();

    let repeats = repeats::read(root, &names);
    let rule_item = dispatch.get("rule");
    let rules = Rule::ALL.map(|rule| (rule.name(), rule));
    let rule = rule_item.as_ref().map_or(Some(Rule::GuardedEdf), |item| item.choice(&rules));
    let starve_after =
        permille(&dispatch, "starve_after", STARVE_AFTER_PERMILLE, STARVE_AFTER_PERMILLE_DEFAULT);
    let floor_share =
        permille(&dispatch, "floor_share", FLOOR_SHARE_PERMILLE, FLOOR_SHARE_PERMILLE_DEFAULT);
    let lowest = TierIx(index(tiers.len().saturating_sub(1)));
    let fallback = |key| match customers.get(key) {
        Some(item) => names.tier(&item),
        None => Some(lowest),
    };
    let (unknown_tier, unavailable_tier) = (fallback("unknown"), fallback("unavailable"));
    let retier_later = customers.get("retier_later").map_or(Some(false), |item| item.flag());

    let coding = coding::read(root, &names);
    let card_attributes = care::card_attributes(&customers);

    dispatch.finish();
    customers.finish();
    for section in tiers.into_iter().map(|tier| tier.section) {
        section.finish();
    }
    let pool_places: Vec<_> = pools.iter().map(|pool| pool.section.place()).collect();
    for section in pools.into_iter().map(|pool| pool.section) {
        section.finish();
    }
    for section in hours.into_iter().map(|hours| hours.section) {
        section.finish();
    }

    contacts?;
    costs?;
    let policy = Policy {
        version: version?.into(),
        rule: rule?,
        starve_after_permille: starve_after?,
        floor_share_permille: floor_share?,
        channels: channels?,
        tiers: read_tiers.into_iter().collect::<Option<_>>()?,
        pools: read_pools.into_iter().collect::<Option<_>>()?,
        skills: skills?.into_iter().map(Into::into).collect(),
        hours: read_hours.into_iter().collect::<Option<_>>()?,
        unknown_tier: unknown_tier?,
        unavailable_tier: unavailable_tier?,
        retier_later: retier_later?,
        coding: coding?,
        repeats: repeats?,
        card_attributes: card_attributes?,
        source: Arc::from(text),
    };
    pools::warn_of_idle_pools(report, &policy, &pool_places);
    if let Some(item) = rule_item {
        warn_of_equal_weights(&policy, &item);
    }
    Some(policy)
}

/// Accumulating priority with equal rates orders by the wait alone.
fn warn_of_equal_weights(policy: &Policy, rule: &Item<'_>) {
    let terms = |at: usize| (policy.tiers[at].weight_permille, policy.tiers[at].head_start_ms);
    let equal = (1..policy.tiers.len()).all(|at| terms(at) == terms(0));
    if policy.rule == Rule::Accumulating && policy.tiers.len() > 1 && equal {
        rule.warn(
            "is first come, first served while every tier has the same weight and head start",
        );
    }
}

/// The names that a policy may refer to, in the order of its tiers and pools; empty where one is
/// missing or faulty, which has been noted then.
struct Names<'a> {
    tiers: Vec<Option<&'a str>>,
    /// Whether `tiers` is certain to be in the order of rank.
    ranks_known: bool,
    pools: Vec<Option<&'a str>>,
    skills: Vec<&'a str>,
    hours: Vec<Option<&'a str>>,
}

impl Names<'_> {
    /// The tier that the value names.
    fn tier(&self, item: &Item<'_>) -> Option<TierIx> {
        let text = item.text()?;
        self.tier_named(text, || {
            item.unknown("is no tier", self.tiers.iter().flatten().copied());
        })
    }

    fn tier_named(&self, name: &str, unknown: impl FnOnce()) -> Option<TierIx> {
        let at = self.tiers.iter().position(|tier| *tier == Some(name));
        if at.is_none() {
            unknown();
        }
        at.map(|at| TierIx(index(at)))
    }

    /// The pools that a list names: at least one, none twice.
    fn pools(&self, item: &Item<'_>) -> Option<PoolSet> {
        let list = item.list()?;
        if list.is_empty() {
            item.fault("names no pool");
            return None;
        }
        let mut pools = PoolSet::EMPTY;
        let mut complete = true;
        for item in list {
            match self.pool(&item) {
                Some(pool) if pools.contains(pool) => item.fault("is listed twice"),
                Some(pool) => pools = pools.with(pool),
                None => complete = false,
            }
        }
        complete.then_some(pools)
    }

    /// The hours that the value names.
    fn hours(&self, item: &Item<'_>) -> Option<HoursIx> {
        let text = item.text()?;
        let at = self.hours.iter().position(|hours| *hours == Some(text));
        if at.is_none() {
            item.unknown("is no [[hours]]", self.hours.iter().flatten().copied());
        }
        at.map(|at| HoursIx(index(at)))
    }

    fn pool(&self, item: &Item<'_>) -> Option<PoolIx> {
        let text = item.text()?;
        let at = self.pools.iter().position(|pool| *pool == Some(text));
        if at.is_none() {
            item.unknown("is no pool", self.pools.iter().flatten().copied());
        }
        at.map(|at| PoolIx(index(at)))
    }
}

/// The same for a list that a policy may do without.
fn tables_or_none<'a>(root: &Section<'a>, key: &'static str, max: usize) -> Vec<Section<'a>> {
    if root.get(key).is_none() { Vec::new() } else { tables(root, key, max) }
}

/// The entries of a list of tables such as `[[tier]]`: at least one, at most `max`.
fn tables<'a>(root: &Section<'a>, key: &'static str, max: usize) -> Vec<Section<'a>> {
    let Some(item) = root.get(key) else {
        root.fault(&format!("[[{key}]] is missing: a policy has at least one"));
        return Vec::new();
    };
    let Some(list) = item.list_of_tables() else {
        item.fault(&format!("is not a list: write [[{key}]] above each"));
        return Vec::new();
    };
    if list.is_empty() {
        item.fault("is empty: a policy has at least one");
    }
    if let Some(beyond) = list.get(max) {
        beyond.fault(&format!("is one too many: {max} are allowed"));
    }
    let sections = list.iter().take(max).enumerate().filter_map(|(at, item)| {
        item.section_as(|name| match name {
            Some(name) if name.chars().count() <= NAME_CHARS_MAX => format!("{key} {name:?}: "),
            Some(_) | None => format!("{key} {}: ", at + 1),
        })
    });
    sections.collect()
}

/// The entry's name, which no entry before it has.
fn unique_name<'a>(section: &Section<'a>, before: &[Option<&'a str>]) -> Option<&'a str> {
    let item = section.require("name")?;
    let name = item.name()?;
    if before.contains(&Some(name)) {
        item.fault("is taken by another above");
        return None;
    }
    Some(name)
}

/// The optional share `key`, in thousandths.
fn permille(
    section: &Section<'_>,
    key: &'static str,
    range: RangeInclusive<u32>,
    default: u32,
) -> Option<u32> {
    section.get(key).map_or(Some(default), |item| item.permille(range))
}

/// A place among tiers or pools.
fn index(at: usize) -> u8 {
    u8::try_from(at).expect("there are at most 64")
}

/// The channels' names.
fn channel_names() -> [&'static str; 6] {
    Channel::ALL.map(Channel::name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::capacity::ChannelSet;
    use crate::engine::care::Care;
    use crate::engine::coding::StaleTier;
    use crate::engine::contacts::Repeats;
    use crate::engine::life::PARK_MS_DEFAULT;
    use crate::engine::model::{AgentChoice, Overflow, Pool, Tier};
    use crate::engine::needs::{SkillIx, SkillSet};
    use crate::engine::offered::Offering;
    use crate::engine::timing::Timing;

    #[test]
    #[expect(clippy::too_many_lines, reason = "a policy with everything in it")]
    fn a_policy_is_read_as_it_is_written_with_the_highest_tier_first() {
        let text = r#"
version = "v1"
skills = ["french", "trainee"]
[dispatch]
rule = "accumulating"
starve_after = 2.5
floor_share = 0.125
[customers]
unknown = "low"
card_attributes = ["city"]
retier_later = true
[repeats]
window = "1d"
threshold = 3
pool = "c"
[[tier]]
name = "low"
rank = 20
guard = 1
pools = ["b"]
respond_within = { default = "1d 12h" }
[[tier]]
name = "high"
rank = 10
weight = 0.001
head_start = { voice = "1m" }
pools = ["a"]
overflow = [
    { after = "1s", pools = ["c"], lower_levels = 2 },
    { after = "1m", pools = ["a", "b"], lower_levels = 1, drop_skills = ["trainee"] },
    { after = "2m", drop_skills = ["french"] },
]
respond_within = { voice = "15s", chat = "16s", email = "17s", web = "18s", callback = "19s", outbound = "20s" }
solve_within = { email = "17s" }
stale = "hold-high"
queue_max = { default = 7, voice = 3 }
channels = ["web", "voice"]
not_offered = "accept"
benefits = ["fees waived"]
treatment = "by name"
[[pool]]
name = "a"
lease = "1m"
reserve = { high = 3 }
[[pool]]
name = "b"
reserve = { high = 0 }
floor_over_reserve = true
[[pool]]
name = "c"
choice = "round-robin"
"#;
        let set = |pools: &[u8]| PoolSet::of(pools.iter().copied().map(PoolIx));
        let overflow = |after_ms, pools: &[u8]| Overflow {
            after_ms,
            pools: set(pools),
            ..Overflow::default()
        };
        let pool = |name: &str, lease_ms, reserve: &[(TierIx, u32)]| Pool {
            name: name.into(),
            lease_ms,
            reserve: reserve.to_vec(),
            floor_over_reserve: name == "b",
            ..Pool::default()
        };
        let expected = Policy {
            version: "v1".into(),
            retier_later: true,
            rule: Rule::Accumulating,
            starve_after_permille: 2500,
            floor_share_permille: 125,
            channels: Default::default(),
            tiers: vec![
                Tier {
                    name: "high".into(),
                    guard_permille: 250,
                    weight_permille: 1,
                    head_start_ms: [60_000, 0, 0, 0, 0, 0],
                    respond_within_ms: [15_000, 16_000, 17_000, 18_000, 19_000, 20_000],
                    solve_within_ms: [None, None, Some(17_000), None, None, None],
                    expires_after_ms: [None; 6],
                    requeue_limit: None,
                    park_max_ms: [PARK_MS_DEFAULT; 6],
                    timing: Timing::default(),
                    stale: StaleTier::HoldHigh,
                    pools: set(&[0]),
                    queue_max: [Some(3), Some(7), Some(7), Some(7), Some(7), Some(7)],
                    offering: Offering {
                        channels: ChannelSet::of([Channel::Voice, Channel::Web]),
                        accepts_others: true,
                    },
                    care: Care {
                        benefits: ["fees waived".into()].into(),
                        treatment: "by name".into(),
                    },
                    overflow: vec![
                        Overflow { lower_levels: 2, ..overflow(1_000, &[0, 2]) },
                        Overflow {
                            lower_levels: 3,
                            drop_skills: SkillSet::of([SkillIx(1)]),
                            ..overflow(60_000, &[0, 1, 2])
                        },
                        Overflow {
                            lower_levels: 3,
                            drop_skills: SkillSet::of([SkillIx(0), SkillIx(1)]),
                            ..overflow(120_000, &[0, 1, 2])
                        },
                    ],
                    offer_callback_above_ms: None,
                },
                Tier {
                    name: "low".into(),
                    guard_permille: 1000,
                    weight_permille: 1000,
                    head_start_ms: [0; 6],
                    respond_within_ms: [129_600_000; 6],
                    solve_within_ms: [None; 6],
                    expires_after_ms: [None; 6],
                    requeue_limit: None,
                    park_max_ms: [PARK_MS_DEFAULT; 6],
                    timing: Timing::default(),
                    pools: set(&[1]),
                    ..Tier::default()
                },
            ],
            skills: ["french", "trainee"].map(Into::into).into(),
            pools: vec![
                pool("a", 60_000, &[(TierIx(0), 3)]),
                pool("b", 900_000, &[]),
                Pool { choice: AgentChoice::RoundRobin, ..pool("c", 900_000, &[]) },
            ],
            hours: Vec::new(),
            unknown_tier: TierIx(1),
            unavailable_tier: TierIx(1),
            coding: crate::engine::coding::rules::Rules::default(),
            repeats: Repeats { window_ms: 86_400_000, threshold: Some(3), pool: Some(PoolIx(2)) },
            card_attributes: ["city".into()].into(),
            source: text.into(),
        };
        let (policy, warnings) = parse("p.toml", text).expect("the policy is sound");
        assert_eq!(policy, expected);
        assert_eq!(warnings, []);
    }
}
