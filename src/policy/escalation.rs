//! `[[tier.escalation]]`: the ladder of a tier.

use super::{Names, permille};
use crate::engine::escalation::{ESCALATIONS_MAX, Escalation};
use crate::engine::model::PoolSet;
use crate::settings::Section;
use std::ops::RangeInclusive;

/// `at`, in thousandths of the response target.
const AT_PERMILLE: RangeInclusive<u32> = 50..=10_000;
/// `guard`, in thousandths.
const GUARD_PERMILLE: RangeInclusive<u32> = 0..=1000;

/// The steps of a tier's ladder; faults are noted.
pub(super) fn read(tier: &Section<'_>, names: &Names<'_>) -> Option<Vec<Escalation>> {
    let Some(list) = tier.get("escalation") else {
        return Some(Vec::new());
    };
    let items = list.list()?;
    if items.len() > ESCALATIONS_MAX {
        list.fault(&format!("has more than {ESCALATIONS_MAX} steps"));
        return None;
    }
    let mut steps: Vec<Escalation> = Vec::new();
    let mut complete = true;
    let mut before = 0;
    for (at, item) in items.iter().enumerate() {
        let label = format!("{} step {}: ", list.label(), at + 1);
        let Some(section) = item.section_as(|_| label) else {
            complete = false;
            continue;
        };
        match step(&section, names, &mut before) {
            Some(step) => steps.push(step),
            None => complete = false,
        }
        section.finish();
    }
    complete.then_some(steps)
}

fn step(section: &Section<'_>, names: &Names<'_>, before: &mut u32) -> Option<Escalation> {
    let at = section.require("at").and_then(|item| {
        let at = item.permille(AT_PERMILLE)?;
        if at <= *before {
            item.fault("does not come after the step before it");
            return None;
        }
        *before = at;
        Some(at)
    });
    let guard = match section.get("guard") {
        Some(_) => permille(section, "guard", GUARD_PERMILLE, 0).map(Some),
        None => Some(None),
    };
    let pools = match section.get("pools") {
        Some(item) => names.pools(&item),
        None => Some(PoolSet::EMPTY),
    };
    let hand_to = match section.get("hand_to") {
        Some(item) => names.pool(&item).map(Some),
        None => Some(None),
    };
    let notify = match section.get("notify") {
        Some(item) => item.name().map(Some),
        None => Some(None),
    };
    let (guard, pools, hand_to, notify) = (guard?, pools?, hand_to?, notify?);
    if guard.is_none() && pools.is_empty() && hand_to.is_none() && notify.is_none() {
        section.fault("does nothing: give it guard, pools, hand_to or notify");
        return None;
    }
    Some(Escalation {
        at_permille: at?,
        guard_permille: guard.map(|guard| u16::try_from(guard).expect("a guard is at most 1000")),
        pools,
        hand_to,
        notify: notify.map(Into::into),
    })
}
