//! The formulas of `queueing` against tables that other programs computed (`tests/reference/*.csv`).
//!
//! Every row and every column that a formula gives is compared, to the digits printed: the value must lie within half
//! a unit of the last digit, so six decimals are held to 5e-7 and eight to 5e-9. Columns that begin with `sim_` come
//! from simulations and are left out, as is `second_impl_mean_wait_s`, which repeats `mean_wait_s` with fewer digits
//! right. Three cells are not exact themselves: see [`INEXACT_TAILS`].

use std::collections::{BTreeMap, HashMap};

use tierline::queueing::{
    Accumulating, CutOff, ErlangA, ErlangC, Pool, Priority, ReserveBound, conservation_gap,
    smallest_reserve, staffing,
};

/// Systems whose `p_wait_gt_threshold` of class 2 is right to four decimals only, by up to 7.1e-5. There the formula
/// is held to the chain itself (`tail_by_uniformization`), with which it agrees to 1e-8 in all rows, and the table to
/// 1e-4. The mean waits, which these tails must integrate to, agree with the formula to every digit.
const INEXACT_TAILS: [&str; 3] = ["single_server", "bank_8", "small_3"];

/// A line of a table.
struct Row {
    table: &'static str,
    cells: HashMap<String, String>,
}

impl Row {
    fn text(&self, column: &str) -> &str {
        self.cells.get(column).unwrap_or_else(|| panic!("{} has no {column}", self.table))
    }

    fn number(&self, column: &str) -> f64 {
        let text = self.text(column);
        text.parse().unwrap_or_else(|_| panic!("{} {column}: {text:?}", self.table))
    }

    fn count(&self, column: &str) -> u32 {
        self.text(column).parse().expect("a whole number")
    }

    fn pool(&self) -> Pool {
        Pool { agents: self.count("agents"), handle_s: self.number("aht_s") }
    }

    /// The value must be what the table prints.
    fn check(&self, column: &str, value: f64) {
        let printed = self.text(column);
        let decimals = printed.split_once('.').map_or(0, |(_, digits)| digits.len());
        let decimals = i32::try_from(decimals).expect("few digits");
        let expected = self.number(column);
        // The last term is for values of which all 16 digits are used up before the last one printed.
        let tolerance = 0.5 * 10_f64.powi(-decimals) * (1.0 + 1e-6) + 1e-12 * expected.abs();
        assert!(
            (value - expected).abs() <= tolerance,
            "{} {}: {column} is {value}, the table has {printed}",
            self.table,
            self.text("name"),
        );
    }

    /// As `check`, for a column that may be empty.
    fn check_if_given(&self, column: &str, value: impl FnOnce() -> f64) {
        if !self.text(column).is_empty() {
            self.check(column, value());
        }
    }
}

fn rows(table: &'static str) -> Vec<Row> {
    let path = format!("{}/tests/reference/{table}", env!("CARGO_MANIFEST_DIR"));
    let mut reader = csv::Reader::from_path(&path).expect("the table can be opened");
    reader
        .deserialize()
        .map(|cells| Row { table, cells: cells.expect("a line of the table") })
        .collect()
}

/// Rows of the priority table that describe the classes of one system, in order.
fn systems(model: &str) -> BTreeMap<String, Vec<Row>> {
    let mut systems: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in rows("priority.csv") {
        if row.text("model") == model {
            systems.entry(row.text("name").to_owned()).or_default().push(row);
        }
    }
    systems
}

fn arrivals(classes: &[Row]) -> Vec<f64> {
    classes.iter().map(|row| row.number("arrivals_per_hour")).collect()
}

/// The loads that the table repeats with every class.
fn check_loads(classes: &[Row]) {
    let load = |row: &Row| {
        let pool = row.pool();
        row.number("arrivals_per_hour") * pool.handle_s / 3600.0 / f64::from(pool.agents)
    };
    let total: f64 = classes.iter().map(load).sum();
    for row in classes {
        row.check("rho_class", load(row));
        row.check("rho_total", total);
    }
}

#[test]
fn erlang_c_matches_the_table() {
    let mut compared = 0;
    for row in rows("erlang.csv").iter().filter(|row| row.text("model") == "erlang_c") {
        let queue = ErlangC::new(row.pool(), row.number("arrivals_per_hour")).expect("stable");
        let level = queue.service_level(row.number("threshold_s")).expect("valid");
        row.check("offered_load_erl", queue.offered_load());
        row.check("rho", queue.rho());
        row.check("p_wait", queue.p_wait());
        row.check("p_wait_impl2", queue.p_wait());
        row.check("asa_s", queue.mean_wait_s());
        row.check("service_level", level);
        row.check("service_level_impl2", level);
        row.check("mean_wait_if_delayed_s", queue.mean_wait_if_delayed_s());
        row.check("mean_queue_len", queue.mean_queue());
        compared += 1;
    }
    assert_eq!(compared, 7);
}

#[test]
fn erlang_a_matches_the_table() {
    let mut compared = 0;
    for row in rows("erlang.csv").iter().filter(|row| row.text("model") == "erlang_a") {
        let patience_s = row.number("mean_patience_s");
        let queue =
            ErlangA::new(row.pool(), row.number("arrivals_per_hour"), patience_s).expect("valid");
        let level = queue.service_level(row.number("threshold_s")).expect("valid");
        row.check("offered_load_erl", queue.offered_load());
        row.check("rho", queue.rho());
        row.check("p_wait", queue.p_wait());
        row.check("p_wait_impl2", queue.p_wait());
        row.check("asa_s", queue.mean_wait_s());
        row.check("service_level", level);
        row.check("service_level_impl2", level);
        row.check("p_abandon", queue.p_abandon());
        row.check("occupancy", queue.occupancy());
        row.check("mean_queue_len", queue.mean_queue());
        compared += 1;
    }
    assert_eq!(compared, 4);
}

#[test]
fn static_priority_matches_the_table_and_conserves_waiting() {
    let systems = systems("nonpreemptive_priority_mmc");
    assert_eq!(systems.len(), 5);
    for classes in systems.values() {
        check_loads(classes);
        let pool = classes[0].pool();
        let arrivals = arrivals(classes);
        let queue = Priority::new(pool, &arrivals).expect("valid");
        let mut waits = Vec::new();
        for (index, row) in classes.iter().enumerate() {
            let class = index + 1;
            assert_eq!(row.text("class"), class.to_string());
            let mean = queue.mean_wait_s(class).expect("stable");
            row.check("p_wait", queue.p_wait());
            row.check("mean_wait_s", mean);
            if !row.text("p_wait_gt_threshold").is_empty() {
                let threshold_s = row.number("threshold_s");
                let late = queue.p_wait_longer(class, threshold_s).expect("stable");
                let above: f64 = arrivals[..index].iter().sum();
                let chain = tail_by_uniformization(pool, above, arrivals[index], threshold_s);
                assert!((late - queue.p_wait() * chain).abs() < 1e-8, "{late}");
                if class == 2 && INEXACT_TAILS.contains(&row.text("name")) {
                    assert!((late - row.number("p_wait_gt_threshold")).abs() < 1e-4, "{late}");
                } else {
                    row.check("p_wait_gt_threshold", late);
                }
            }
            waits.push(mean);
        }
        let gap = conservation_gap(pool, &arrivals, &waits).expect("stable");
        assert!(gap.abs() < 1e-12, "{gap}");
    }
}

/// Share of the delayed of a class that still wait after `threshold_s`, step by step and with no transform: the number
/// ahead, in this class and above, is geometric at first, falls with every completion, rises with every arrival above,
/// and the wait ends when it falls below zero. The steps are a Poisson stream (Jensen 1953).
fn tail_by_uniformization(pool: Pool, above: f64, own: f64, threshold_s: f64) -> f64 {
    const AHEAD_MAX: usize = 1200;
    let completions = f64::from(pool.agents) / pool.handle_s;
    let (above, own) = (above / 3600.0, own / 3600.0);
    let events = completions + above;
    let load = (above + own) / completions;
    let mut ahead = vec![1.0 - load; AHEAD_MAX];
    for n in 1..AHEAD_MAX {
        ahead[n] = ahead[n - 1] * load;
    }
    let mean = events * threshold_s;
    let (mut poisson, mut tail, mut steps) = ((-mean).exp(), 0.0, 0.0);
    while steps < mean || poisson > 1e-18 {
        tail += poisson * ahead.iter().sum::<f64>();
        steps += 1.0;
        poisson *= mean / steps;
        let mut next = vec![0.0; AHEAD_MAX];
        for n in 0..AHEAD_MAX - 1 {
            next[n] += ahead[n + 1] * completions / events;
            next[n + 1] += ahead[n] * above / events;
        }
        ahead = next;
    }
    tail
}

#[test]
fn cut_off_priority_matches_the_table() {
    let systems = systems("cutoff_priority_mmc_ctmc");
    assert_eq!(systems.len(), 2);
    for classes in systems.values() {
        check_loads(classes);
        let [top, rest] = &classes[..] else { panic!("two classes") };
        let reserve = top.text("param").strip_prefix("reserve=").expect("the reserve");
        let reserve = reserve.parse().expect("a whole number");
        let arrivals = arrivals(classes);
        let queue = CutOff::new(top.pool(), reserve, arrivals[0], arrivals[1]).expect("stable");
        top.check("p_wait", queue.top_p_wait());
        top.check("mean_wait_s", queue.top_mean_wait_s());
        top.check_if_given("p_wait_gt_threshold", || {
            queue.top_p_wait_longer(top.number("threshold_s")).expect("valid")
        });
        rest.check("p_wait", queue.rest_p_wait());
        rest.check("mean_wait_s", queue.rest_mean_wait_s());
        rest.check_if_given("p_wait_gt_threshold", || {
            queue.rest_p_wait_longer(rest.number("threshold_s")).expect("valid")
        });
    }
}

#[test]
fn accumulating_priority_matches_the_table_and_conserves_waiting() {
    let systems = systems("apq_mmc_kleinrock");
    assert_eq!(systems.len(), 3);
    for classes in systems.values() {
        check_loads(classes);
        let pool = classes[0].pool();
        let rated: Vec<(f64, f64)> = classes
            .iter()
            .map(|row| {
                let b = row.text("param").strip_prefix("b=").expect("the rate");
                (row.number("arrivals_per_hour"), b.parse().expect("a number"))
            })
            .collect();
        let queue = Accumulating::new(pool, &rated).expect("stable");
        let mut waits = Vec::new();
        for (index, row) in classes.iter().enumerate() {
            waits.push(queue.mean_wait_s(index + 1).expect("in range"));
            row.check("p_wait", queue.p_wait());
            row.check("mean_wait_s", waits[index]);
        }
        let gap = conservation_gap(pool, &arrivals(classes), &waits).expect("stable");
        assert!(gap.abs() < 1e-12, "{gap}");
    }
}

#[test]
fn the_priority_table_has_no_row_that_nobody_reads() {
    let read: usize =
        ["nonpreemptive_priority_mmc", "cutoff_priority_mmc_ctmc", "apq_mmc_kleinrock"]
            .map(|model| systems(model).values().map(Vec::len).sum::<usize>())
            .iter()
            .sum();
    assert_eq!(read, rows("priority.csv").len());
}

#[test]
fn the_reserve_bound_matches_the_table_and_the_smallest_reserve_is_found_in_it() {
    let table = rows("reserve.csv");
    assert_eq!(table.len(), 15);
    for row in &table {
        let (reserve, top) = (row.count("reserve"), row.number("vip_arrivals_per_hour"));
        let threshold_s = row.number("threshold_s");
        let bound = ReserveBound::new(row.pool(), reserve, top).expect("valid");
        let late = bound.p_wait_longer(threshold_s).expect("valid");
        row.check("p_wait_bound", bound.p_wait());
        row.check("p_wait_gt_T_bound", late);
        // A target just met by this row needs this row's reserve, and one just missed needs the next.
        let needed = |target| smallest_reserve(row.pool(), top, threshold_s, target);
        assert_eq!(needed(1.0 - late - 1e-9), Ok(reserve));
        assert_eq!(needed(1.0 - late + 1e-9), Ok(reserve + 1));
    }
}

#[test]
fn staffing_matches_the_table() {
    let table = rows("staffing.csv");
    assert_eq!(table.len(), 4);
    for row in &table {
        let (arrivals, handle_s) = (row.number("arrivals_per_hour"), row.number("aht_s"));
        let (threshold_s, target) = (row.number("threshold_s"), row.number("target_sl"));
        let patience_s = row.number("mean_patience_s");

        let agents = staffing::agents_by_erlang_c(arrivals, handle_s, threshold_s, target)
            .expect("in reach");
        assert_eq!(agents, row.count("min_agents_erlang_c"));
        assert_eq!(agents, row.count("min_agents_pyworkforce"));
        let queue = ErlangC::new(Pool { agents, handle_s }, arrivals).expect("stable");
        row.check("offered_load", queue.offered_load());
        row.check("sl_erlang_c", queue.service_level(threshold_s).expect("valid"));
        row.check("p_wait", queue.p_wait());

        let beta = staffing::halfin_whitt_beta(queue.p_wait()).expect("valid");
        row.check("halfin_whitt_beta", beta);
        let rule = staffing::square_root_agents(queue.offered_load(), beta).expect("valid");
        row.check("sqrt_rule_agents", rule);

        let agents =
            staffing::agents_by_erlang_a(arrivals, handle_s, patience_s, threshold_s, target)
                .expect("in reach");
        assert_eq!(agents, row.count("min_agents_erlang_a"));
        let queue = ErlangA::new(Pool { agents, handle_s }, arrivals, patience_s).expect("valid");
        row.check("sl_offered_erlang_a", queue.service_level(threshold_s).expect("valid"));
        row.check("p_abandon_erlang_a", queue.p_abandon());
    }
}

/// Rounded to the digits a table prints.
#[track_caller]
fn assert_prints(value: f64, decimals: usize, printed: &str) {
    assert_eq!(format!("{value:.decimals$}"), printed);
}

#[test]
fn a_shared_pool_with_a_reserve_beats_the_utilitys_six_and_two() {
    // 4 important calls an hour and 7 others, 15 minutes each. Six for the one and two for the other:
    let six = ErlangC::new(Pool { agents: 6, handle_s: 900.0 }, 4.0).expect("stable");
    let two = ErlangC::new(Pool { agents: 2, handle_s: 900.0 }, 7.0).expect("stable");
    assert_prints(six.p_wait_longer(60.0).expect("valid"), 5, "0.00044");
    assert_prints(six.mean_wait_s(), 2, "0.11");
    assert_prints(two.mean_wait_s(), 0, "2940");
    // Or eight for all, with 0 to 4 of them kept free: share over 60 s, mean wait, mean wait of the others.
    let shared = [
        ("0.00495", "1.02", 1, "1.5"),
        ("0.00189", "0.39", 1, "5.6"),
        ("0.00074", "0.15", 1, "20.1"),
        ("0.00030", "0.06", 0, "71"),
        ("0.00013", "0.03", 0, "263"),
    ];
    for (reserve, (late, top, decimals, rest)) in (0..).zip(shared) {
        let eight = Pool { agents: 8, handle_s: 900.0 };
        let pool = CutOff::new(eight, reserve, 4.0, 7.0).expect("stable");
        assert_prints(pool.top_p_wait_longer(60.0).expect("valid"), 5, late);
        assert_prints(pool.top_mean_wait_s(), 2, top);
        assert_prints(pool.rest_mean_wait_s(), decimals, rest);
    }
}

#[test]
fn schwabs_forty_agents_buy_fifteen_seconds_with_one_or_two_in_reserve() {
    for (reserve, late, rest) in
        [(0, "0.04715", "28.5"), (1, "0.00782", "45.1"), (2, "0.00133", "82.0")]
    {
        let pool = CutOff::new(Pool { agents: 40, handle_s: 240.0 }, reserve, 80.0, 460.0);
        let pool = pool.expect("stable");
        assert_prints(pool.top_p_wait_longer(15.0).expect("valid"), 5, late);
        assert_prints(pool.rest_mean_wait_s(), 1, rest);
    }
}

#[test]
fn the_reserve_bounds_of_other_pools_and_loads_hold_too() {
    let cases = [
        (40, 240.0, 117.0, 15.0, ["0.133654", "0.026063", "0.005187", "0.001058"]),
        (4, 240.0, 10.0, 15.0, ["0.811936", "0.135323", "0.028489", "0.008458"]),
    ];
    for (agents, handle_s, top, threshold_s, late) in cases {
        for (reserve, printed) in (0..).zip(late) {
            let bound = ReserveBound::new(Pool { agents, handle_s }, reserve, top).expect("valid");
            assert_prints(bound.p_wait_longer(threshold_s).expect("valid"), 6, printed);
        }
    }
}
