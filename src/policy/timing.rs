//! How a tier measures time: `hours` and `urgency`.

use super::{Names, hours, permille};
use crate::engine::timing::{Timing, Urgency};
use crate::settings::Section;
use std::ops::RangeInclusive;

/// `urgency`: what a target is multiplied by, in thousandths.
const URGENCY_PERMILLE: RangeInclusive<u32> = 10..=100_000;

/// The timing of a tier; faults are noted.
pub(super) fn read(tier: &Section<'_>, names: &Names<'_>) -> Option<Timing> {
    let hours = hours::of_tier(tier, names);
    let urgency_permille = urgency(tier);
    Some(Timing { hours: hours?, urgency_permille: urgency_permille? })
}

/// The factors of `urgency`, `normal` being 1.
fn urgency(tier: &Section<'_>) -> Option<[u32; 4]> {
    let mut factors = Timing::default().urgency_permille;
    let Some(item) = tier.get("urgency") else {
        return Some(factors);
    };
    let table = item.section()?;
    let mut complete = true;
    for urgency in [Urgency::Low, Urgency::High, Urgency::Critical] {
        // What is not given goes as the urgency below it: a policy that knows high knows critical.
        let otherwise = match urgency {
            Urgency::Low | Urgency::Normal | Urgency::High => 1000,
            Urgency::Critical => factors[Urgency::High.index()],
        };
        match permille(&table, urgency.name(), URGENCY_PERMILLE, otherwise) {
            Some(given) => factors[urgency.index()] = given,
            None => complete = false,
        }
    }
    table.finish();
    if complete && factors.windows(2).any(|pair| pair[0] < pair[1]) {
        item.fault("gives more time to a higher urgency: low >= 1 >= high >= critical");
        complete = false;
    }
    complete.then_some(factors)
}
