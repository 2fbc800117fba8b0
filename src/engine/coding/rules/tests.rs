use super::*;
use crate::engine::coding::treatment::Treatment;
use crate::engine::model::Tier;
use proptest::prelude::*;

/// 2026-11-22.
const TODAY: Day = Day(20_779);

fn attributes(given: &[(&str, &str)]) -> Attributes {
    given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn number(number: i64) -> Decimal {
    Decimal::whole(number).unwrap()
}

fn asks(attribute: &str, test: Test) -> Condition {
    Condition { attribute: attribute.into(), test }
}

fn rule<T>(gives: T, all: impl Into<Vec<Condition>>) -> Rule<T> {
    Rule { gives, all: all.into() }
}

fn holds(attribute: &str, test: Test, given: &[(&str, &str)]) -> bool {
    asks(attribute, test).holds(&attributes(given), TODAY)
}

/// Tiers gold, silver, low.
fn policy(coding: Rules) -> Policy {
    let tier = |name: &str| Tier { name: name.into(), ..Tier::default() };
    Policy { tiers: ["gold", "silver", "low"].map(tier).into(), coding, ..Policy::default() }
}

fn by_assets() -> Rules {
    Rules {
        default: Some(TierIx(2)),
        tiers: vec![
            rule(TierIx(0), [asks("assets", Test::AtLeast(number(100_000)))]),
            rule(TierIx(1), [asks("assets", Test::AtLeast(number(1000)))]),
        ],
        ..Rules::default()
    }
}

fn coded(rules: &Rules, stored: Option<&str>, given: &[(&str, &str)]) -> (String, String) {
    let coded = policy(rules.clone()).code(stored, &attributes(given), TODAY);
    (coded.tier.into(), coded.because.into())
}

#[test]
fn numbers_are_compared_as_numbers_and_what_is_none_does_not_match() {
    let least = || Test::AtLeast(number(100_000));
    assert!(holds("assets", least(), &[("assets", "100000")]));
    assert!(holds("assets", least(), &[("assets", " 100000.001 ")]));
    assert!(!holds("assets", least(), &[("assets", "99999.999")]));
    for odd in ["", "much", "1e6", "100,000", "9999999999999999999"] {
        assert!(!holds("assets", least(), &[("assets", odd)]), "{odd}");
        assert!(!holds("assets", Test::Below(number(5)), &[("assets", odd)]), "{odd}");
    }
    assert!(!holds("assets", least(), &[]));
    assert!(holds("assets", Test::Below(number(0)), &[("assets", "-1")]));
}

#[test]
fn texts_are_compared_whole_and_an_empty_one_is_absent() {
    let vip = || Test::Is("vip".into());
    assert!(holds("segment", vip(), &[("segment", "vip ")]));
    assert!(!holds("segment", vip(), &[("segment", "VIP")]));
    assert!(holds("segment", Test::IsNot("vip".into()), &[]));
    assert!(holds("segment", Test::Absent, &[("segment", " ")]));
    assert!(holds("segment", Test::Present, &[("segment", "x")]));
    let either = Test::OneOf(vec!["a".into(), "b".into()]);
    assert!(holds("segment", either.clone(), &[("segment", "b")]));
    assert!(!holds("segment", either, &[("segment", "c")]));
}

#[test]
fn ages_are_counted_in_days_from_a_date_or_a_year() {
    let older = |days, text: &str| holds("since", Test::OlderThan(days), &[("since", text)]);
    assert!(older(365, "2025-11-22") && !older(365, "2025-11-23"));
    assert!(older(9000, "1998"));
    let younger = |days, text: &str| holds("since", Test::YoungerThan(days), &[("since", text)]);
    assert!(younger(30, "2026-11-01") && younger(30, "2027-01-01") && !younger(30, "2026-10-23"));
    for odd in
        ["", "yesterday", "2026-02-30", "2026-13-01", "0000", "20261122", "2026/11/22", "２０２６"]
    {
        assert!(!older(0, odd) && !younger(36_500, odd), "{odd}");
    }
}

#[test]
fn a_day_is_its_distance_from_1970() {
    assert_eq!(Day::parse("1970-01-01"), Some(Day(0)));
    assert_eq!(Day::parse("2026-11-22"), Some(TODAY));
    assert_eq!(Day::of(Time(-1)), Day(-1));
    // Every day from 1600 to 2400 follows the one before it.
    let mut last = Day::parse("1600-01-01").unwrap().0 - 1;
    for year in 1600..2400 {
        for month in 1..=12 {
            for day in 1..=31 {
                if let Some(Day(number)) = Day::parse(&format!("{year}-{month:02}-{day:02}")) {
                    assert_eq!(number, last + 1, "{year}-{month}-{day}");
                    last = number;
                }
            }
        }
    }
}

#[test]
fn a_margin_follows_from_revenue_and_cost_unless_it_is_given() {
    let least = || Test::AtLeast(number(50));
    assert!(holds("margin", least(), &[("revenue", "100.5"), ("cost", "50.5")]));
    assert!(!holds("margin", least(), &[("revenue", "100"), ("cost", "50.001")]));
    assert!(holds("margin", least(), &[("revenue", "50")]));
    assert!(!holds("margin", least(), &[("revenue", "50"), ("cost", "unknown")]));
    assert!(!holds("margin", least(), &[("revenue", "100"), ("margin", "10")]));
    let predicted = [("predicted_revenue", "80"), ("predicted_cost", "20")];
    assert!(holds("predicted_margin", least(), &predicted));
    assert!(holds("predicted_margin", Test::Present, &predicted));
    assert!(holds("predicted_margin", Test::Absent, &[]));
}

#[test]
fn the_first_rule_that_holds_gives_the_tier_and_the_reason() {
    let rules = by_assets();
    let told = |given: &[(&str, &str)]| coded(&rules, None, given);
    assert_eq!(told(&[("assets", "250000")]), ("gold".into(), "assets 250000 >= 100000".into()));
    assert_eq!(told(&[("assets", "2000")]), ("silver".into(), "assets 2000 >= 1000".into()));
    assert_eq!(told(&[("assets", "5")]), ("low".into(), "no rule holds".into()));
    let without = Rules { default: None, ..rules };
    assert_eq!(coded(&without, None, &[]), (String::new(), String::new()));
}

#[test]
fn the_stored_tier_or_the_rules_win_as_the_policy_says() {
    let rich = [("assets", "250000")];
    let stored = by_assets();
    assert_eq!(coded(&stored, Some("low"), &rich), ("low".into(), String::new()));
    let first = Rules { first: First::Rules, ..stored };
    assert_eq!(coded(&first, Some("low"), &rich).0, "gold");
    assert_eq!(coded(&first, Some("silver"), &[]), ("silver".into(), String::new()));
    assert_eq!(coded(&first, Some(""), &[]).0, "low");
}

#[test]
fn a_customer_without_a_history_gets_a_provisional_tier_until_there_is_one() {
    let rules = Rules {
        provisional: Some(Provisional {
            rules: vec![rule(TierIx(0), [asks("predicted_margin", Test::AtLeast(number(500)))])],
            until_orders: Some(3),
            until_days: Some(90),
        }),
        ..by_assets()
    };
    let code = |more: &[(&str, &str)]| {
        let given = [("predicted_revenue", "900"), ("predicted_cost", "300"), ("assets", "2000")];
        let given: Vec<_> = given.iter().chain(more).copied().collect();
        policy(rules.clone()).code(None, &attributes(&given), TODAY)
    };
    let first = code(&[]);
    assert_eq!((&*first.tier, first.is_provisional), ("gold", true));
    assert_eq!(&*first.because, "predicted_margin 600 >= 500");
    assert!(code(&[("orders", "2"), ("first_order", "2026-11-01")]).is_provisional);
    for history in [("orders", "3"), ("first_order", "2026-08-24")] {
        let known = code(&[history]);
        assert_eq!((&*known.tier, known.is_provisional), ("silver", false), "{history:?}");
    }
}

#[test]
fn a_standing_by_hand_wins_over_the_rules_and_may_lift_the_tier() {
    let mut rules = Rules {
        standings: vec![
            rule(Standing::AtRisk, [asks("late_deliveries_90d", Test::AtLeast(number(2)))]),
            rule(Standing::New, [asks("first_order", Test::YoungerThan(30))]),
        ],
        ..by_assets()
    };
    rules.treatments[Standing::AtRisk.index()] = Treatment { lift: 1, ..Treatment::default() };
    let policy = policy(rules);
    let code = |stored, given: &[(&str, &str)]| policy.code(stored, &attributes(given), TODAY);
    let late = ("late_deliveries_90d", "2");
    assert_eq!(code(None, &[("first_order", "2026-11-20")]).standing, Standing::New);
    let lifted = code(Some("silver"), &[late]);
    assert_eq!((&*lifted.tier, lifted.standing), ("gold", Standing::AtRisk));
    assert_eq!(&*lifted.because, "lifted from silver as at_risk (late_deliveries_90d 2 >= 2)");
    // There is nothing above the first.
    assert_eq!(&*code(Some("gold"), &[late]).tier, "gold");
    // Who has a tier that the policy lacks is not lifted into one.
    assert_eq!(&*code(Some("mithril"), &[late]).tier, "mithril");
    let by_hand = code(Some("silver"), &[late, ("standing", "regular")]);
    assert_eq!((&*by_hand.tier, by_hand.standing), ("silver", Standing::Regular));
    assert_eq!(code(None, &[late, ("standing", "odd")]).standing, Standing::AtRisk);
}

#[test]
fn a_farewell_without_two_people_is_as_if_nobody_had_said_it() {
    let late = asks("late_deliveries_90d", Test::AtLeast(number(2)));
    let rules = Rules {
        standings: vec![
            // What an earlier release let a policy say.
            Rule { gives: Standing::Farewell, all: vec![late.clone()] },
            Rule { gives: Standing::AtRisk, all: vec![late] },
        ],
        ..Rules::default()
    };
    let policy = policy(rules);
    let stands = |given: &[(&str, &str)]| policy.code(None, &attributes(given), TODAY).standing;
    let (late, said) = (("late_deliveries_90d", "2"), ("standing", "farewell"));
    let (kim, lee) = (("farewell_proposed_by", "kim"), ("farewell_confirmed_by", "lee"));
    assert_eq!(stands(&[said]), Standing::Regular);
    assert_eq!(stands(&[said, kim]), Standing::Regular);
    assert_eq!(stands(&[said, kim, ("farewell_confirmed_by", "Kim ")]), Standing::Regular);
    assert_eq!(stands(&[said, kim, late]), Standing::AtRisk);
    assert_eq!(stands(&[kim, lee, late]), Standing::AtRisk, "nobody said it");
    assert_eq!(stands(&[said, kim, lee, late]), Standing::Farewell);
}

#[test]
fn a_reason_is_never_longer_than_its_limit() {
    let all: Vec<_> = (0..16).map(|n| asks(&format!("a{n}"), Test::Present)).collect();
    let given: Attributes = (0..16).map(|n| (format!("a{n}"), "ü".repeat(1000))).collect();
    let rules = Rules { tiers: vec![rule(TierIx(0), all)], ..Rules::default() };
    let because = policy(rules).code(None, &given, TODAY).because;
    assert_eq!(because.chars().count(), BECAUSE_CHARS_MAX);
}

/// Conditions and values close enough to each other to hold often.
fn conditions() -> impl Strategy<Value = Condition> {
    let word = || prop::sample::select(vec!["1", "2", "3", "x", "2026-11-01"]);
    let test = prop_oneof![
        (0_i64..4).prop_map(|n| Test::AtLeast(number(n))),
        (0_i64..4).prop_map(|n| Test::Below(number(n))),
        word().prop_map(|text| Test::Is(text.into())),
        word().prop_map(|text| Test::IsNot(text.into())),
        prop::collection::vec(word(), 1..3)
            .prop_map(|all| Test::OneOf(all.into_iter().map(Into::into).collect())),
        Just(Test::Present),
        Just(Test::Absent),
        (0_u32..40).prop_map(Test::OlderThan),
        (0_u32..40).prop_map(Test::YoungerThan),
    ];
    let key = prop::sample::select(vec!["a", "b", "margin", "revenue"]);
    (key, test).prop_map(|(key, test)| asks(key, test))
}

fn values() -> impl Strategy<Value = Attributes> {
    let value = prop::sample::select(vec!["", "0", "1", "2", "3", "x", "2026-11-01", "2026-10-01"]);
    let key = prop::sample::select(vec!["a", "b", "margin", "revenue", "cost"]);
    prop::collection::btree_map(key.prop_map(str::to_owned), value.prop_map(str::to_owned), 0..5)
}

proptest! {
    #[test]
    fn the_tier_is_that_of_the_first_rule_whose_conditions_all_hold(
        rules in prop::collection::vec((0_u8..3, prop::collection::vec(conditions(), 1..4)), 0..8),
        given in values(),
    ) {
        let tiers: Vec<_> = rules.iter().map(|(to, all)| rule(TierIx(*to), all.clone())).collect();
        let expected = tiers.iter().find(|rule| {
            rule.all.iter().all(|condition| condition.holds(&given, TODAY))
        });
        let policy = policy(Rules { tiers: tiers.clone(), ..Rules::default() });
        let coded = policy.code(None, &given, TODAY);
        prop_assert_eq!(&*coded.tier, expected.map_or("", |rule| &policy.tier(rule.gives).name));
        prop_assert_eq!(coded.because.is_empty(), expected.is_none());
    }

    #[test]
    fn a_rule_that_covers_another_holds_wherever_it_does(
        one in prop::collection::vec(conditions(), 1..3),
        other in prop::collection::vec(conditions(), 1..3),
        given in prop::collection::vec(values(), 20),
    ) {
        let (one, other) = (rule((), one), rule((), other));
        for given in given.iter().filter(|_| one.covers(&other)) {
            prop_assert!(!other.holds(given, TODAY) || one.holds(given, TODAY), "{given:?}");
        }
    }

    #[test]
    fn no_text_makes_it_fail(
        given in prop::collection::btree_map("[a-z]{0,3}|margin|revenue|first_order|orders", ".*", 0..6),
        conditions in prop::collection::vec(conditions(), 1..4),
        stored in proptest::option::of(".*"),
        today in -4_000_000_i64..4_000_000,
    ) {
        let rules = Rules {
            tiers: vec![rule(TierIx(1), conditions.clone())],
            provisional: Some(Provisional {
                rules: vec![rule(TierIx(0), conditions)],
                until_orders: Some(1),
                until_days: Some(1),
            }),
            ..by_assets()
        };
        let coded = policy(rules).code(stored.as_deref(), &given, Day(today));
        prop_assert!(coded.because.chars().count() <= BECAUSE_CHARS_MAX);
    }
}
