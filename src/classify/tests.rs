use super::*;
use crate::engine::decimal::Decimal;
use proptest::prelude::*;

/// A customer: id, tier now, revenue, cost.
type Row<'a> = (&'a str, &'a str, i64, i64);

fn book(scheme: &Scheme, rows: &[Row<'_>]) -> Book {
    let mut book = Book::new(scheme);
    for (at, (id, tier, revenue, cost)) in rows.iter().enumerate() {
        let amount = |number| Decimal::whole(number).unwrap();
        let (revenue, cost) = (amount(*revenue), amount(*cost));
        book.push(Entry { line: at as u64 + 2, id, tier, revenue, cost }).unwrap();
    }
    book
}

/// The classes in the order of the rows, by name.
fn classes(scheme: &Scheme, rows: &[Row<'_>]) -> Vec<String> {
    let outcome = scheme.classify(&book(scheme, rows));
    let name = |class: Option<usize>| scheme.names()[class.unwrap()].clone();
    outcome.classes.into_iter().map(name).collect()
}

#[test]
fn each_class_takes_its_share_of_the_customers_the_largest_margin_first() {
    let scheme = Scheme::shares("A=20, B=30 ,C=50").unwrap();
    let rows: Vec<Row<'_>> = vec![
        ("c0", "", 10, 0),
        ("c1", "", 90, 0),
        ("c2", "", 100, 70),
        ("c3", "", 80, 0),
        ("c4", "", 70, 0),
        ("c5", "", 60, 0),
        ("c6", "", 50, 0),
        ("c7", "", 20, 0),
        ("c8", "", 5, 0),
        ("c9", "", 1000, 2000),
    ];
    assert_eq!(classes(&scheme, &rows), ["C", "A", "C", "A", "B", "B", "B", "C", "C", "C"]);
    let outcome = scheme.classify(&book(&scheme, &rows));
    let whole = outcome.whole();
    assert_eq!((whole.customer_count, whole.revenue), (10, 1_485_000));
    assert_eq!(whole.margin, -585_000);
    assert_eq!(outcome.totals[0].margin, 170_000);
    assert_eq!(outcome.totals[1].margin_min, Some(50_000));
    assert_eq!(outcome.moves[&(None, 2)], 5);
}

#[test]
fn a_class_begins_at_its_threshold_and_the_last_takes_the_rest() {
    let scheme = Scheme::thresholds("gold=100,silver=10.5,standard").unwrap();
    let rows = [("a", "", 100, 0), ("b", "", 99, 0), ("c", "", 11, 0), ("d", "", 10, 0)];
    assert_eq!(classes(&scheme, &rows), ["gold", "silver", "silver", "standard"]);
}

#[test]
fn customers_with_the_same_margin_are_ordered_by_id_whatever_the_order_of_the_file() {
    let scheme = Scheme::shares("A=50,B=50").unwrap();
    assert_eq!(classes(&scheme, &[("y", "", 7, 0), ("x", "", 7, 0)]), ["B", "A"]);
    assert_eq!(classes(&scheme, &[("x", "", 7, 0), ("y", "", 7, 0)]), ["A", "B"]);
}

#[test]
fn the_first_of_two_lines_with_one_id_counts() {
    let scheme = Scheme::shares("A=50,B=50").unwrap();
    let book = book(&scheme, &[("x", "", 1, 0), ("y", "", 2, 0), ("x", "", 9, 0)]);
    let outcome = scheme.classify(&book);
    assert_eq!(outcome.classes, [Some(1), Some(0), None]);
    assert_eq!(outcome.doubles, [(4, 2)]);
    assert_eq!(outcome.whole().margin, 3000);
}

#[test]
fn who_is_in_a_class_leaves_it_only_beyond_the_band() {
    let scheme = Scheme::thresholds("gold=100,rest").unwrap().with_hysteresis("5%").unwrap();
    let class = |tier, margin| classes(&scheme, &[("x", tier, margin, 0)]).remove(0);
    assert_eq!(class("gold", 96), "gold");
    assert_eq!(class("gold", 95), "rest");
    assert_eq!(class("rest", 104), "rest");
    assert_eq!(class("rest", 105), "gold");
    // Nobody knows this one yet.
    assert_eq!(class("", 100), "gold");
    assert_eq!(class("vip", 99), "rest");
}

#[test]
fn two_boundaries_are_passed_one_after_the_other() {
    let scheme = Scheme::thresholds("a=100,b=90,c").unwrap().with_hysteresis("10").unwrap();
    let class = |tier, margin| classes(&scheme, &[("x", tier, margin, 0)]).remove(0);
    // Beyond the first band upwards, inside the second.
    assert_eq!(class("c", 105), "b");
    assert_eq!(class("c", 110), "a");
    assert_eq!(class("a", 85), "b");
    assert_eq!(class("a", 81), "c");
}

#[test]
fn a_share_too_small_for_one_customer_leaves_its_class_empty() {
    let scheme = Scheme::shares("A=1,B=99").unwrap().with_hysteresis("5%").unwrap();
    assert_eq!(classes(&scheme, &[("x", "A", 7, 0)]), ["B"]);
    let empty = scheme.classify(&Book::new(&scheme));
    assert_eq!(empty.whole(), Total::default());
    assert!(plot(&empty).starts_with("no curve"));
    assert!(svg(&empty, scheme.names()).contains("No curve"));
}

#[test]
fn a_scheme_that_cannot_be_meant_is_refused() {
    let shares = |text: &str| Scheme::shares(text).unwrap_err().to_string();
    assert_eq!(shares("A=20,B=30"), "\"A=20,B=30\" has shares that do not add up to 100 per cent");
    assert_eq!(shares("A"), "\"A\" is not a class with its share, like gold=20");
    assert_eq!(shares("A=-1"), "\"A=-1\" has a share that is not between 0 and 100 per cent");
    assert_eq!(shares("A=50,A=50"), "\"A\" is there twice");
    let long = "x".repeat(65);
    assert!(shares(&format!("{long}=100")).contains("1 to 64 characters"));
    let many: Vec<_> = (0..17).map(|n| format!("c{n}=5")).collect();
    assert!(shares(&many.join(",")).contains("17th class"));
    let thresholds = |text: &str| Scheme::thresholds(text).unwrap_err().to_string();
    assert!(thresholds("A=1,B=2,C").contains("does not begin below"));
    assert!(thresholds("A=1,B=0").contains("takes the rest"));
    assert!(thresholds("A=much,B").contains("not a number"));
    assert!(thresholds("").contains("is not a name"));
    let band = |text: &str| Scheme::shares("A=100").unwrap().with_hysteresis(text);
    assert!(band("50%").is_ok());
    for bad in ["51%", "-1", "some", ""] {
        assert!(band(bad).unwrap_err().to_string().contains("not between 0% and 50%"));
    }
}

#[test]
fn the_curve_is_drawn_in_eighty_columns_and_as_sound_xml() {
    let scheme = Scheme::shares("A & <b>=20,B=30,C=50").unwrap();
    let ids: Vec<_> = (0..1000).map(|n| format!("c{n}")).collect();
    let rows: Vec<Row<'_>> =
        ids.iter().zip(1..).map(|(id, n)| (id.as_str(), "", 1_000_000 / n, 400)).collect();
    let outcome = scheme.classify(&book(&scheme, &rows));
    assert_eq!(outcome.curve.points().len(), 201);
    assert_eq!(outcome.curve.points()[200].customer_count, 1000);
    let drawn = plot(&outcome);
    assert!(drawn.lines().all(|line| line.chars().count() <= 80), "{drawn}");
    assert!(drawn.contains('*') && drawn.contains(':') && drawn.contains("100 %"), "{drawn}");
    let picture = svg(&outcome, scheme.names());
    assert!(picture.contains("A &amp; &lt;b&gt;"), "{picture}");
    assert_is_sound(&picture);
}

/// Every element is closed, in order.
fn assert_is_sound(xml: &str) {
    let mut open = vec![];
    for part in xml.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag ends");
        assert!(!text.contains('>'), "a stray bracket: {part}");
        assert_eq!(tag.matches('"').count() % 2, 0, "an open quote: {tag}");
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name));
        } else if !tag.ends_with('/') && !tag.starts_with('?') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
}

/// Margins as a book of customers `c0`, `c1`, .. with the tiers given.
fn classified(scheme: &Scheme, margins: &[i64], now: &[Option<usize>]) -> Outcome {
    let mut book = Book::new(scheme);
    for (at, (margin, now)) in margins.iter().zip(now).enumerate() {
        let tier = now.map_or("", |now| scheme.names()[now].as_str());
        let revenue = Decimal::from_thousandths(*margin).unwrap();
        let id = format!("c{at}");
        let cost = Decimal::ZERO;
        book.push(Entry { line: at as u64, id: &id, tier, revenue, cost }).unwrap();
    }
    scheme.classify(&book)
}

fn schemes() -> impl Strategy<Value = Scheme> {
    let cut = prop_oneof![
        Just(Scheme::shares("A=20,B=30,C=50").unwrap()),
        Just(Scheme::shares("A=5,B=90,C=5").unwrap()),
        Just(Scheme::thresholds("A=800,B=300,C").unwrap()),
    ];
    (cut, 0_u32..=50).prop_map(|(cut, band)| cut.with_hysteresis(&band.to_string()).unwrap())
}

proptest! {
    /// The boundary of a share moves with the margins, by no more than the one that moves most: half of
    /// the band for the customer, half for the boundary.
    #[test]
    fn nobody_flips_while_margins_move_by_less_than_half_of_the_band(
        scheme in schemes(),
        moved in prop::collection::vec((1_i64..2_000_000, -1000_i64..=1000), 1..60),
    ) {
        let margins: Vec<i64> = moved.iter().map(|(margin, _)| *margin).collect();
        let first = classified(&scheme, &margins, &vec![None; margins.len()]);
        let band = first.boundaries.iter().filter(|b| b.margin.is_some()).map(|b| b.band).min();
        // The band shrinks with its boundary, by at most half of the move.
        let most = band.unwrap_or(0) * 2 / 5 - 1;
        prop_assume!(most > 0);
        let later: Vec<i64> =
            moved.iter().map(|(margin, part)| margin + most * part / 1000).collect();
        let second = classified(&scheme, &later, &first.classes);
        prop_assert_eq!(second.classes, first.classes);
    }

    #[test]
    fn who_moves_is_beyond_the_band_of_every_boundary_on_the_way(
        scheme in schemes(),
        rows in prop::collection::vec((-500_000_i64..2_000_000, 0_usize..3), 1..60),
    ) {
        let margins: Vec<i64> = rows.iter().map(|(margin, _)| *margin).collect();
        let now: Vec<_> = rows.iter().map(|(_, now)| Some(*now)).collect();
        let outcome = classified(&scheme, &margins, &now);
        for (at, (margin, now)) in rows.iter().enumerate() {
            let class = outcome.classes[at].unwrap();
            for passed in class.min(*now)..class.max(*now) {
                let boundary = outcome.boundaries[passed];
                if let Some(at_boundary) = boundary.margin {
                    let beyond = if class < *now { margin - at_boundary } else { at_boundary - margin };
                    prop_assert!(beyond >= boundary.band, "{margin} passed {boundary:?}");
                }
            }
        }
    }

    #[test]
    fn the_shares_hold_but_for_those_within_a_band(
        scheme in schemes(),
        rows in prop::collection::vec((-500_000_i64..2_000_000, 0_usize..3), 1..60),
    ) {
        let margins: Vec<i64> = rows.iter().map(|(margin, _)| *margin).collect();
        let now: Vec<_> = rows.iter().map(|(_, now)| Some(*now)).collect();
        let plain = classified(&scheme, &margins, &vec![None; rows.len()]);
        let outcome = classified(&scheme, &margins, &now);
        for (at, boundary) in outcome.boundaries.iter().enumerate() {
            let above: u64 = outcome.totals[..=at].iter().map(|total| total.customer_count).sum();
            let within = |margin: &&i64| {
                boundary.margin.is_some_and(|b| (*margin - b).abs() < boundary.band)
            };
            let within = margins.iter().filter(within).count() as u64;
            let should: u64 = plain.totals[..=at].iter().map(|total| total.customer_count).sum();
            prop_assert_eq!(should, boundary.customer_count);
            prop_assert!(above.abs_diff(should) <= within, "{above} for {should}, {within} within");
        }
    }

    #[test]
    fn everybody_has_one_class_and_the_sums_are_those_of_the_book(
        scheme in schemes(),
        rows in prop::collection::vec((-500_000_i64..2_000_000, 0_usize..3), 0..300),
    ) {
        let margins: Vec<i64> = rows.iter().map(|(margin, _)| *margin).collect();
        let now: Vec<_> = rows.iter().map(|(_, now)| Some(*now)).collect();
        let outcome = classified(&scheme, &margins, &now);
        let whole = outcome.whole();
        prop_assert_eq!(whole.customer_count, rows.len() as u64);
        prop_assert_eq!(whole.margin, margins.iter().map(|m| i128::from(*m)).sum::<i128>());
        prop_assert_eq!(outcome.curve.whole().margin, whole.margin);
        prop_assert!(outcome.curve.points().len() <= 201);
        prop_assert!(plot(&outcome).lines().all(|line| line.chars().count() <= 80));
        assert_is_sound(&svg(&outcome, scheme.names()));
    }
}
