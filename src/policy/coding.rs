//! `[coding]` and `[standing]`: what gives customers their tier and their standing, and what a standing does.

use super::{Names, TARGET_SCALE_PERMILLE, permille};
use crate::engine::coding::Standing;
use crate::engine::coding::rules::{
    CONDITIONS_MAX, Condition, First, Provisional, RULES_MAX, Rule, Rules, Test, VALUES_MAX,
};
use crate::engine::coding::treatment::{Contact, Treatment, Who};
use crate::engine::decimal::Decimal;
use crate::engine::model::{AgentId, PoolSet, TierIx};
use crate::settings::{DAY, Item, SECOND, Section};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Longest attribute key, in characters; the directory's limit.
const KEY_CHARS_MAX: usize = 64;
/// Longest text that an attribute is compared with, in characters.
const VALUE_CHARS_MAX: usize = 128;
/// Longest id of an agent, in characters.
const AGENT_CHARS_MAX: usize = 64;
/// `older_than`, `younger_than` and `until_age`: a day to a hundred years.
const AGE_MS: RangeInclusive<i64> = DAY..=36_500 * DAY;
/// `until_orders`.
const ORDERS: RangeInclusive<u64> = 1..=1000;
/// `lift`: as many ranks as there can be.
const LIFT: RangeInclusive<u64> = 0..=63;
/// `agent_wait`: as long as a ticket itself may ask for.
const AGENT_WAIT_MS: RangeInclusive<i64> = SECOND..=7 * DAY;
/// The word for the agent whom the directory names.
const CUSTOMERS: &str = "customer";
/// What a condition may ask.
const TESTS: &str =
    "at_least, below, is, is_not, one_of, present, absent, older_than or younger_than";

/// Both sections; faults are noted.
pub(super) fn read(root: &Section<'_>, names: &Names<'_>) -> Option<Rules> {
    let coding = root.section("coding");
    let standing = root.section("standing");
    let choices = First::ALL.map(|first| (first.name(), first));
    let first = coding.get("first").map_or(Some(First::default()), |item| item.choice(&choices));
    let default = match coding.get("default") {
        Some(item) => names.tier(&item).map(Some),
        None => Some(None),
    };
    let tier = |section: &Section<'_>| section.require("tier").and_then(|item| names.tier(&item));
    let tiers = rules(&coding, &tier);
    let provisional = match coding.get("provisional") {
        Some(item) => item.section().and_then(|section| provisional(section, &tier)).map(Some),
        None => Some(None),
    };
    let kinds = Standing::ALL.map(|standing| (standing.name(), standing));
    let standings = rules(&standing, &|section| {
        let item = section.require("standing")?;
        let gives = item.choice(&kinds)?;
        if gives == Standing::Farewell {
            item.fault("is not new, regular or at_risk: a farewell is decided by two people, not by a rule");
            return None;
        }
        Some(gives)
    });
    let treatments = Standing::ALL.map(|kind| match standing.get(kind.name()) {
        Some(item) => item.section().and_then(|section| treatment(section, names)),
        None => Some(Treatment::default()),
    });
    coding.finish();
    standing.finish();
    let [new, regular, at_risk, farewell] = treatments;
    Some(Rules {
        first: first?,
        default: default?,
        tiers: tiers?,
        provisional: provisional?,
        standings: standings?,
        treatments: [new?, regular?, at_risk?, farewell?],
    })
}

/// The rules in the list `rule`, in order.
fn rules<T: Copy + PartialEq>(
    section: &Section<'_>,
    gives: &impl Fn(&Section<'_>) -> Option<T>,
) -> Option<Vec<Rule<T>>> {
    let Some(list) = section.get("rule") else {
        return Some(Vec::new());
    };
    let items = list.list()?;
    if let Some(beyond) = items.get(RULES_MAX) {
        beyond.fault(&format!("is one too many: {RULES_MAX} are allowed"));
        return None;
    }
    let mut rules: Vec<Rule<T>> = Vec::new();
    let mut complete = true;
    for (at, item) in items.iter().enumerate() {
        let label = format!("{} {}: ", list.label(), at + 1);
        let Some(section) = item.section_as(|_| label) else {
            complete = false;
            continue;
        };
        let (gives, all) = (gives(&section), conditions(&section));
        section.finish();
        let Some((gives, all)) = gives.zip(all) else {
            complete = false;
            continue;
        };
        let rule = Rule { gives, all };
        // The places are those of the file as long as no rule before is faulty.
        if let Some(before) =
            rules.iter().position(|before| before.covers(&rule)).filter(|_| complete)
        {
            let effect = if rules[before].gives == gives { "is superfluous" } else { "never wins" };
            item.warn(&format!("{effect}: rule {} holds wherever it does", before + 1));
        }
        rules.push(rule);
    }
    complete.then_some(rules)
}

fn conditions(rule: &Section<'_>) -> Option<Vec<Condition>> {
    let all = rule.require("all")?;
    let items = all.list()?;
    if items.is_empty() {
        all.fault("has no condition: a rule for everybody is coding.default");
        return None;
    }
    if let Some(beyond) = items.get(CONDITIONS_MAX) {
        beyond.fault(&format!("is one too many: {CONDITIONS_MAX} are allowed"));
        return None;
    }
    let read = items.iter().map(|item| {
        let section = item.section_as(|_| format!("{}.", all.label()))?;
        let condition = condition(&section, item);
        section.finish();
        condition
    });
    // Every fault is told, not the first alone.
    let read: Vec<_> = read.collect();
    read.into_iter().collect()
}

fn condition(section: &Section<'_>, item: &Item<'_>) -> Option<Condition> {
    let attribute = section.require("attribute").and_then(|item| text(&item, KEY_CHARS_MAX));
    let number = |item: &Item<'_>| {
        let number = item.number().and_then(|number| Decimal::parse(&number));
        if number.is_none() {
            item.fault(&format!("is not {}", Decimal::RANGE));
        }
        number
    };
    let words = |item: &Item<'_>| text(item, VALUE_CHARS_MAX);
    let only_true = |item: &Item<'_>, test: Test| {
        if item.flag()? {
            return Some(test);
        }
        item.fault("is not true: leave it out, or ask for the opposite");
        None
    };
    let get = |key| section.get(key);
    let mut tests = vec![];
    tests.extend(get("at_least").map(|item| number(&item).map(Test::AtLeast)));
    tests.extend(get("below").map(|item| number(&item).map(Test::Below)));
    tests.extend(get("is").map(|item| words(&item).map(Test::Is)));
    tests.extend(get("is_not").map(|item| words(&item).map(Test::IsNot)));
    tests.extend(get("one_of").map(|item| one_of(&item).map(Test::OneOf)));
    tests.extend(get("present").map(|item| only_true(&item, Test::Present)));
    tests.extend(get("absent").map(|item| only_true(&item, Test::Absent)));
    tests.extend(get("older_than").map(|item| whole_days(&item).map(Test::OlderThan)));
    tests.extend(get("younger_than").map(|item| whole_days(&item).map(Test::YoungerThan)));
    let Ok([test]) = <[Option<Test>; 1]>::try_from(tests) else {
        item.fault(&format!("asks not exactly one thing: {TESTS}"));
        return None;
    };
    Some(Condition { attribute: attribute?, test: test? })
}

fn whole_days(item: &Item<'_>) -> Option<u32> {
    let ms = item.ms(AGE_MS)?;
    if ms % DAY != 0 {
        item.fault("is not in whole days");
        return None;
    }
    Some(u32::try_from(ms / DAY).expect("the range ends below"))
}

fn one_of(item: &Item<'_>) -> Option<Vec<Arc<str>>> {
    let list = item.list()?;
    if !(1..=VALUES_MAX).contains(&list.len()) {
        item.fault(&format!("has {} values, 1 to {VALUES_MAX} are allowed", list.len()));
        return None;
    }
    let read: Vec<_> = list.iter().map(|item| text(item, VALUE_CHARS_MAX)).collect();
    read.into_iter().collect()
}

fn text(item: &Item<'_>, chars_max: usize) -> Option<Arc<str>> {
    let text = item.text()?;
    let fits = (1..=chars_max).contains(&text.chars().count()) && text.trim() == text;
    if !fits || text.chars().any(char::is_control) {
        let range = format!("1 to {chars_max} characters without blanks at the ends");
        item.fault(&format!("is not {range} and without control characters"));
        return None;
    }
    Some(text.into())
}

fn agent<'a>(item: &Item<'a>) -> Option<&'a str> {
    let text = item.text()?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    if !(1..=AGENT_CHARS_MAX).contains(&text.len()) || !text.chars().all(allowed) {
        item.fault(
            "is not \"customer\" or an agent's id, 1 to 64 characters of A-Z a-z 0-9 . _ : -",
        );
        return None;
    }
    Some(text)
}

fn provisional(
    section: Section<'_>,
    tier: &impl Fn(&Section<'_>) -> Option<TierIx>,
) -> Option<Provisional> {
    let read = rules(&section, tier);
    let until_orders = match section.get("until_orders") {
        Some(item) => item.whole(ORDERS).map(Some),
        None => Some(None),
    };
    let until_age = match section.get("until_age") {
        Some(item) => whole_days(&item).map(Some),
        None => Some(None),
    };
    let is_endless = until_orders == Some(None) && until_age == Some(None);
    if is_endless {
        section.fault("until_orders is missing, and until_age too: when has a customer a history?");
    }
    let is_empty = read.as_ref().is_some_and(Vec::is_empty);
    if is_empty {
        section.fault("rule is missing: write [[coding.provisional.rule]]");
    }
    section.finish();
    let orders = until_orders?.map(|orders| u32::try_from(orders).expect("the range ends below"));
    let rules = read.filter(|_| !is_endless && !is_empty)?;
    Some(Provisional { rules, until_orders: orders, until_days: until_age? })
}

fn treatment(section: Section<'_>, names: &Names<'_>) -> Option<Treatment> {
    let scale = permille(&section, "scale", TARGET_SCALE_PERMILLE, 1000);
    let lift = section.get("lift").map_or(Some(0), |item| item.whole(LIFT));
    let pools = |key| section.get(key).map_or(Some(PoolSet::EMPTY), |item| names.pools(&item));
    let (replaced, added) = (pools("pools"), pools("add_pools"));
    let agent = match section.get("agent") {
        Some(item) => agent(&item).map(Some),
        None => Some(None),
    };
    let wait = match section.get("agent_wait") {
        Some(item) if agent == Some(None) => {
            item.fault("waits for nobody without agent");
            None
        }
        Some(item) => item.ms(AGENT_WAIT_MS).map(Some),
        None => Some(None),
    };
    section.finish();
    let (agent, wait_ms) = (agent?, wait?);
    let contact = agent.map(|agent| {
        let who = if agent == CUSTOMERS { Who::Customers } else { Who::Named(AgentId::new(agent)) };
        Contact { who, wait_ms }
    });
    Some(Treatment {
        scale_permille: scale?,
        lift: u8::try_from(lift?).expect("the range ends below"),
        pools: replaced?,
        add_pools: added?,
        contact,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::model::PoolIx;

    fn text(more: &str) -> String {
        format!(
            "version = \"v1\"\n[[tier]]\nname = \"gold\"\nrank = 1\npools = [\"a\"]\n\
             respond_within = {{ default = \"1h\" }}\n[[tier]]\nname = \"low\"\nrank = 2\n\
             pools = [\"a\"]\nrespond_within = {{ default = \"1d\" }}\n\
             [[pool]]\nname = \"a\"\n[[pool]]\nname = \"b\"\n{more}"
        )
    }

    #[test]
    fn rules_and_standings_are_read_as_they_are_written() {
        let text = text(
            r#"
[coding]
first = "rules"
default = "low"
[[coding.rule]]
tier = "gold"
all = [
    { attribute = "assets", at_least = 100_000 }, { attribute = "debt", below = 0.5 },
    { attribute = "segment", is = "vip" }, { attribute = "segment", is_not = "ex" },
    { attribute = "city", one_of = ["Bonn", "Ulm"] }, { attribute = "card", present = true },
    { attribute = "blocked", absent = true }, { attribute = "since", older_than = "365d" },
    { attribute = "first_order", younger_than = "30d" },
]
[coding.provisional]
until_orders = 3
until_age = "90d"
[[coding.provisional.rule]]
tier = "gold"
all = [{ attribute = "predicted_margin", at_least = -1.125 }]
[[standing.rule]]
standing = "at_risk"
all = [{ attribute = "late", at_least = 2 }]
[standing.at_risk]
scale = 0.5
lift = 1
add_pools = ["b"]
agent = "customer"
agent_wait = "5m"
[standing.farewell]
pools = ["b"]
agent = "ann"
"#,
        );
        let (policy, warnings) = super::super::parse("p.toml", &text).expect("it is sound");
        assert_eq!(warnings, [], "the standings' pools serve somebody");
        let asks = |attribute: &str, test| Condition { attribute: attribute.into(), test };
        let number = |text| Decimal::parse(text).expect("a number");
        let b = PoolSet::of([PoolIx(1)]);
        let mut treatments: [Treatment; 4] = Default::default();
        treatments[Standing::AtRisk.index()] = Treatment {
            scale_permille: 500,
            lift: 1,
            pools: PoolSet::EMPTY,
            add_pools: b,
            contact: Some(Contact { who: Who::Customers, wait_ms: Some(300_000) }),
        };
        treatments[Standing::Farewell.index()] = Treatment {
            pools: b,
            contact: Some(Contact { who: Who::Named(AgentId::new("ann")), wait_ms: None }),
            ..Treatment::default()
        };
        let all = vec![
            asks("assets", Test::AtLeast(number("100000"))),
            asks("debt", Test::Below(number("0.5"))),
            asks("segment", Test::Is("vip".into())),
            asks("segment", Test::IsNot("ex".into())),
            asks("city", Test::OneOf(vec!["Bonn".into(), "Ulm".into()])),
            asks("card", Test::Present),
            asks("blocked", Test::Absent),
            asks("since", Test::OlderThan(365)),
            asks("first_order", Test::YoungerThan(30)),
        ];
        let least = asks("predicted_margin", Test::AtLeast(number("-1.125")));
        let late = asks("late", Test::AtLeast(number("2")));
        let expected = Rules {
            first: First::Rules,
            default: Some(TierIx(1)),
            tiers: vec![Rule { gives: TierIx(0), all }],
            provisional: Some(Provisional {
                rules: vec![Rule { gives: TierIx(0), all: vec![least] }],
                until_orders: Some(3),
                until_days: Some(90),
            }),
            standings: vec![Rule { gives: Standing::AtRisk, all: vec![late] }],
            treatments,
        };
        assert_eq!(policy.coding, expected);
        let told = super::super::describe(&policy).to_string();
        let (_, told) = told.split_once("\n\ncoding: ").expect("the coding is told");
        insta::assert_snapshot!(told, @r#"
        the first rule that holds, else the tier stored with the customer, else low
          provisionally, until 3 orders or 90d since the first:
            1. gold when predicted_margin at least -1.125
          1. gold when assets at least 100000 and debt below 0.5 and segment is "vip" and segment is not "ex" and city is one of ["Bonn", "Ulm"] and card present and blocked absent and since older than 365d and first_order younger than 30d

        standing 1. at_risk when late at least 2
        standing at_risk: targets x 0.5, tier higher by 1, pools b too, waits 5m for the customer's agent
        standing farewell: pools b instead of the tier's, only for ann
        "#);
    }

    #[test]
    fn a_rule_that_an_earlier_one_leaves_nothing_is_warned_of() {
        let warned = |rules: &str| {
            let (_, warnings) = super::super::parse(
                "p.toml",
                &text(&format!(
                    "[standing.new]\nadd_pools = [\"b\"]\n[coding]\nrule = [{rules}]\n"
                )),
            )
            .expect("it is sound");
            let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
            warnings.join("\n")
        };
        let least = |tier: &str, least: i64| {
            format!(
                "{{ tier = \"{tier}\", all = [{{ attribute = \"a\", at_least = {least} }}] }}, "
            )
        };
        assert_eq!(warned(&(least("gold", 5) + &least("low", 4))), "");
        let told = warned(&(least("low", 4) + &least("gold", 5)));
        assert!(told.contains("never wins: rule 1 holds wherever it does"), "{told}");
        let told = warned(&(least("low", 4) + &least("low", 5)));
        assert!(told.contains("is superfluous: rule 1 holds wherever it does"), "{told}");
    }
}
