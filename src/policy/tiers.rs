//! `[[tier]]`: a class of customer, its targets and its pools.

use super::care;
use super::channels::channel_set;
use super::skills;
use super::{
    EXPIRES_AFTER_MS, GUARD_PERMILLE, GUARD_PERMILLE_DEFAULT, HEAD_START_MS, Names,
    OFFER_CALLBACK_ABOVE_MS, OVERFLOW_AFTER_MS, PARK_MAX_MS, QUEUE_MAX, RANK, REQUEUES_MAX,
    TARGET_MS, WEIGHT_PERMILLE, WEIGHT_PERMILLE_DEFAULT, channel_names, permille, tables, timing,
    unique_name,
};
use crate::engine::coding::StaleTier;
use crate::engine::life::{PARK_MS_DEFAULT, RequeueLimit};
use crate::engine::model::{Channel, Overflow, PoolSet, TIERS_MAX, Tier};
use crate::engine::needs::{LEVEL_MAX, SkillSet};
use crate::engine::offered::Offering;
use crate::settings::{Item, Section, format_ms};
use std::ops::RangeInclusive;

/// The channels' number.
const CHANNELS: usize = Channel::ALL.len();

/// A tier whose name and rank have been read.
pub(super) struct TierEntry<'a> {
    pub(super) section: Section<'a>,
    pub(super) name: Option<&'a str>,
    pub(super) rank: Option<u64>,
}

/// Every tier in the order of the file.
pub(super) fn entries<'a>(root: &Section<'a>) -> Vec<TierEntry<'a>> {
    let mut names = Vec::new();
    let mut ranks = Vec::new();
    tables(root, "tier", TIERS_MAX)
        .into_iter()
        .map(|section| {
            let name = unique_name(&section, &names);
            names.push(name);
            let rank = section.require("rank").and_then(|item| {
                let rank = item.whole(RANK)?;
                if ranks.contains(&rank) {
                    item.fault("is the rank of another tier above");
                    return None;
                }
                Some(rank)
            });
            ranks.extend(rank);
            TierEntry { section, name, rank }
        })
        .collect()
}

impl TierEntry<'_> {
    /// The whole tier; faults are noted.
    pub(super) fn read(&self, names: &Names<'_>) -> Option<Tier> {
        let section = &self.section;
        let guard = permille(section, "guard", GUARD_PERMILLE, GUARD_PERMILLE_DEFAULT);
        let weight = permille(section, "weight", WEIGHT_PERMILLE, WEIGHT_PERMILLE_DEFAULT);
        let head_start = optional_targets(section, "head_start", HEAD_START_MS);
        let timing = timing::read(section, names);
        let stales = StaleTier::ALL.map(|stale| (stale.name(), stale));
        let stale = section
            .get("stale")
            .map_or_else(|| Some(StaleTier::default()), |item| item.choice(&stales));
        let pools = section.require("pools").and_then(|item| names.pools(&item));
        let overflow = overflow(section, names, pools);
        let offer_callback_above_ms = match section.get("offer_callback_above") {
            Some(item) => Some(item.ms(OFFER_CALLBACK_ABOVE_MS)?),
            None => None,
        };
        let respond_item = section.require("respond_within");
        let respond = respond_item.as_ref().and_then(|item| Targets::read(item, TARGET_MS));
        let respond_within_ms = respond
            .as_ref()
            .zip(respond_item.as_ref())
            .and_then(|(respond, item)| respond.of_every_channel(item));
        let solve = optional_targets(section, "solve_within", TARGET_MS);
        let queue_max = queue_max(section);
        if let (Some(respond), Some(solve)) = (&respond, &solve) {
            solve.check_not_before(respond);
        }
        let expires = optional_targets(section, "expires_after", EXPIRES_AFTER_MS);
        let requeue_limit = requeue_limit(section, names);
        let park = optional_targets(section, "park_max", PARK_MAX_MS);
        let offering = offering(section);
        let care = care::of_tier(section);
        Some(Tier {
            name: self.name?.into(),
            guard_permille: guard?,
            weight_permille: weight?,
            head_start_ms: head_start?.per_channel().map(Option::unwrap_or_default),
            respond_within_ms: respond_within_ms?,
            solve_within_ms: solve?.per_channel(),
            expires_after_ms: expires?.per_channel(),
            requeue_limit: requeue_limit.ok()?,
            park_max_ms: park?.per_channel().map(|ms| ms.unwrap_or(PARK_MS_DEFAULT)),
            timing: timing?,
            stale: stale?,
            pools: pools?,
            overflow: overflow?,
            offer_callback_above_ms,
            queue_max: queue_max?,
            offering: offering?,
            care: care?,
        })
    }
}

/// The channels that are offered, and what becomes of a submit on another.
fn offering(section: &Section<'_>) -> Option<Offering> {
    let default = Offering::default();
    let channels_item = section.get("channels");
    let channels = channels_item.as_ref().map_or(Some(default.channels), |item| {
        let channels = channel_set(item)?;
        if channels.is_empty() {
            item.fault("names no channel");
            return None;
        }
        Some(channels)
    });
    let accepts_others = section.get("not_offered").map_or(Some(default.accepts_others), |item| {
        let accepts = item.choice(&[("refuse", false), ("accept", true)])?;
        if channels == Some(default.channels) {
            item.warn("has no effect: the tier offers every channel");
        }
        Some(accepts)
    });
    Some(Offering { channels: channels?, accepts_others: accepts_others? })
}

/// A fault has been noted.
struct Noted;

/// What becomes of tickets that come back again and again.
fn requeue_limit(section: &Section<'_>, names: &Names<'_>) -> Result<Option<RequeueLimit>, Noted> {
    let max_item = section.get("requeues_max");
    let pool_item = section.get("dead_letter");
    match (max_item, pool_item) {
        (None, None) => Ok(None),
        (Some(max), Some(pool)) => {
            let max = max.whole(REQUEUES_MAX);
            let dead_letter = names.pool(&pool).ok_or(Noted)?;
            let requeues_max = u32::try_from(max.ok_or(Noted)?).expect("it is at most 1000");
            Ok(Some(RequeueLimit { requeues_max, dead_letter }))
        }
        (Some(max), None) => {
            max.fault("has no effect without dead_letter, the pool for tickets beyond it");
            Err(Noted)
        }
        (None, Some(pool)) => {
            pool.fault("gets nothing without requeues_max, the number of returns before it");
            Err(Noted)
        }
    }
}

/// The durations by channel of an optional table.
fn optional_targets<'a>(
    section: &Section<'a>,
    key: &'static str,
    range: RangeInclusive<i64>,
) -> Option<Targets<'a>> {
    section.get(key).map_or_else(|| Some(Targets::default()), |item| Targets::read(&item, range))
}

/// How many may wait on each channel, where that is limited.
fn queue_max(section: &Section<'_>) -> Option<[Option<u32>; CHANNELS]> {
    let Some(item) = section.get("queue_max") else {
        return Some([None; CHANNELS]);
    };
    let section = item.section()?;
    let mut complete = true;
    let mut count = |key| {
        let count = section.get(key)?.whole(QUEUE_MAX);
        complete &= count.is_some();
        Some(u32::try_from(count?).expect("the range ends below"))
    };
    let default = count("default");
    let own = channel_names().map(|channel| count(channel).or(default));
    section.finish();
    complete.then_some(own)
}

/// The overflow steps, each with all pools that serve from then on.
fn overflow(
    section: &Section<'_>,
    names: &Names<'_>,
    first: Option<PoolSet>,
) -> Option<Vec<Overflow>> {
    let Some(steps_item) = section.get("overflow") else {
        return Some(Vec::new());
    };
    let mut steps = Vec::new();
    let mut complete = true;
    let mut so_far = first.unwrap_or(PoolSet::EMPTY);
    let (mut lower_levels, mut drop_skills) = (0, SkillSet::EMPTY);
    let mut after_before = 0;
    for (at, item) in steps_item.list()?.iter().enumerate() {
        let label = format!("{} step {}: ", steps_item.label(), at + 1);
        let Some(step) = item.section_as(|_| label) else {
            complete = false;
            continue;
        };
        let after = step.require("after").and_then(|item| {
            let after = item.ms(OVERFLOW_AFTER_MS)?;
            if after <= after_before {
                let before = format_ms(after_before);
                item.fault(&format!("does not come after the step before it, {before}"));
                return None;
            }
            after_before = after;
            Some(after)
        });
        let may_lack_pools =
            step.get("lower_levels").is_some() || step.get("drop_skills").is_some();
        let pools = match step.get("pools") {
            None if may_lack_pools => Some(PoolSet::EMPTY),
            None => step.require("pools").and(None),
            Some(item) => names.pools(&item).filter(|pools| {
                let adds = pools.and(so_far) != *pools;
                if !adds {
                    item.fault("adds no pool: all of them serve the tier by then");
                }
                adds
            }),
        };
        let relaxed = skills::relaxed(&step, &names.skills);
        so_far = pools.into_iter().flat_map(PoolSet::iter).fold(so_far, PoolSet::with);
        step.finish();
        if let Some((lower, dropped)) = relaxed {
            lower_levels = LEVEL_MAX.min(lower_levels + lower);
            drop_skills = drop_skills.or(dropped);
        }
        match after.zip(pools).zip(relaxed) {
            Some(((after_ms, _), _)) => {
                steps.push(Overflow { after_ms, pools: so_far, lower_levels, drop_skills });
            }
            None => complete = false,
        }
    }
    complete.then_some(steps)
}

/// Targets by channel, as they were written.
#[derive(Default)]
struct Targets<'a> {
    default: Option<Target<'a>>,
    own: [Option<Target<'a>>; CHANNELS],
}

/// One target and where it stands.
#[derive(Clone)]
struct Target<'a> {
    ms: i64,
    item: Item<'a>,
}

impl<'a> Targets<'a> {
    /// The targets of a table such as `[tier.respond_within]`.
    fn read(item: &Item<'a>, range: RangeInclusive<i64>) -> Option<Self> {
        let section = item.section()?;
        let mut complete = true;
        let mut target = |key| {
            let item = section.get(key)?;
            let ms = item.ms(range.clone());
            complete &= ms.is_some();
            Some(Target { ms: ms?, item })
        };
        let targets = Self { default: target("default"), own: channel_names().map(&mut target) };
        section.finish();
        complete.then_some(targets)
    }

    /// The target of a channel: its own, or the default.
    fn of(&self, channel: Channel) -> Option<&Target<'a>> {
        self.own[channel.index()].as_ref().or(self.default.as_ref())
    }

    fn per_channel(&self) -> [Option<i64>; CHANNELS] {
        Channel::ALL.map(|channel| self.of(channel).map(|target| target.ms))
    }

    /// The targets in milliseconds; a fault if a channel has none.
    fn of_every_channel(&self, item: &Item<'_>) -> Option<[i64; CHANNELS]> {
        let missing: Vec<_> = Channel::ALL
            .into_iter()
            .filter(|channel| self.of(*channel).is_none())
            .map(Channel::name)
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            item.fault(&format!("has no default, and no target for {missing}"));
            return None;
        }
        Some(self.per_channel().map(|ms| ms.expect("no channel is missing")))
    }

    /// Notes every target here that ends before the one `respond` gives the same channel: nothing can
    /// be finished before it is picked up.
    fn check_not_before(&self, respond: &Targets<'_>) {
        let mut default_noted = false;
        for channel in Channel::ALL {
            let (Some(solve), Some(respond)) = (self.of(channel), respond.of(channel)) else {
                continue;
            };
            let from_default = self.own[channel.index()].is_none();
            // One fault for the default is enough, for the first channel that it fails.
            if solve.ms < respond.ms && !(from_default && default_noted) {
                default_noted |= from_default;
                let respond = format_ms(respond.ms);
                let channel = channel.name();
                solve.item.fault(&format!("ends before {channel} must be answered, {respond}"));
            }
        }
    }
}
