//! How a tier measures time: `hours`, `urgency` and `escalation`.

use super::{Names, escalation, hours, permille};
use crate::engine::timing::{Timing, Urgency};
use crate::settings::Section;
use std::ops::RangeInclusive;

/// `urgency`: what a target is multiplied by, in thousandths.
const URGENCY_PERMILLE: RangeInclusive<u32> = 10..=100_000;

/// The timing of a tier; faults are noted.
pub(super) fn read(tier: &Section<'_>, names: &Names<'_>) -> Option<Timing> {
    let hours = hours::of_tier(tier, names);
    let urgency_permille = urgency(tier);
    let escalation = escalation::read(tier, names);
    Some(Timing { hours: hours?, urgency_permille: urgency_permille?, escalation: escalation? })
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

#[cfg(test)]
mod tests {
    use crate::engine::escalation::Escalation;
    use crate::engine::model::{PoolIx, PoolSet};

    fn text(tier: &str) -> String {
        format!(
            "version = \"v1\"\n[[tier]]\nname = \"gold\"\nrank = 1\npools = [\"a\"]\n\
             respond_within = {{ default = \"2h\" }}\n{tier}\n\
             [[pool]]\nname = \"a\"\n[[pool]]\nname = \"b\"\n[[pool]]\nname = \"c\"\n"
        )
    }

    #[test]
    fn urgency_and_ladder_are_read_as_they_are_written() {
        let text = text(
            "urgency = { low = 1.5, high = 0.5 }\n[[tier.escalation]]\nat = 0.5\nguard = 1\n\
             pools = [\"b\"]\n[[tier.escalation]]\nat = 2\nhand_to = \"c\"\nnotify = \"lead\"",
        );
        let (policy, warnings) = super::super::parse("p.toml", &text).expect("it is sound");
        assert_eq!(warnings, [], "the ladder's pools serve somebody");
        let timing = &policy.tiers[0].timing;
        assert_eq!(timing.urgency_permille, [1500, 1000, 500, 500]);
        let step = |at_permille, guard_permille, pools, hand_to, notify: Option<&str>| Escalation {
            at_permille,
            guard_permille,
            pools,
            hand_to,
            notify: notify.map(Into::into),
        };
        let b = PoolSet::of([PoolIx(1)]);
        let first = step(500, Some(1000), b, None, None);
        let second = step(2000, None, PoolSet::EMPTY, Some(PoolIx(2)), Some("lead"));
        assert_eq!(timing.escalation, [first, second]);
    }

    #[test]
    fn what_is_wrong_with_urgency_and_ladder_is_told_with_the_value_and_the_range() {
        for (tier, message) in [
            (
                "urgency = { low = 0.5 }",
                "7: tier \"gold\": urgency = { low = 0.5 } gives more time to a higher urgency: low >= 1 >= high >= critical",
            ),
            ("urgency = { high = 0.001 }", "urgency.high = 0.001 is not between 0.01 and 100"),
            ("urgency = { normal = 1 }", "unknown key normal; "),
            (
                "escalation = [{ at = 0.01, notify = \"x\" }]",
                "escalation step 1: at = 0.01 is not between 0.05 and 10",
            ),
            (
                "escalation = [{ at = 0.5 }]",
                "escalation step 1: does nothing: give it guard, pools, hand_to or notify",
            ),
            (
                "escalation = [{ at = 0.5, guard = 2 }]",
                "escalation step 1: guard = 2 is not between 0 and 1",
            ),
            (
                "escalation = [{ at = 0.5, hand_to = \"d\" }]",
                "escalation step 1: hand_to = \"d\" is no pool; ",
            ),
            (
                "escalation = [{ at = 0.5, notify = \"x\" }, { at = 0.5, notify = \"y\" }]",
                "escalation step 2: at = 0.5 does not come after the step before it",
            ),
            (
                "hours = { voice = \"office\" }",
                "hours.voice = \"office\" is no [[hours]]; none is known",
            ),
        ] {
            let error = super::super::parse("p.toml", &text(tier)).expect_err(message);
            assert!(error.to_string().contains(message), "{error}\n{message}");
        }
    }
}
