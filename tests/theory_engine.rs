//! Queueing theory as the referee: the engine under Poisson arrivals and exponential handling times
//! gives the waits that the formulas give.
//!
//! The reference values stand in `tests/reference/`; every row there is met by a simulation here.
//! A run leaves out its first 2 % of calls, while the queue fills.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "reference values are small, a fault ends the test, and every figure is worth seeing"
)]

mod policies;

use policies::{policy, tier};
use std::collections::BTreeMap;
use tierline::engine::model::{Channel, PoolIx, PoolSet, Rule, TierIx};
use tierline::rehearse::simulate::{Backlog, Crew, Observer, Outcome, Setting, simulate};
use tierline::rehearse::streams::{Poisson, Service, Stream};

/// The rows of one case of a reference file, each a map from column to value.
fn rows(file: &str, model: &str, name: &str) -> Vec<BTreeMap<String, String>> {
    let path = format!("{}/tests/reference/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut reader = csv::Reader::from_path(path).unwrap();
    let rows = reader.deserialize().map(|row| row.unwrap());
    let wanted = |row: &BTreeMap<String, String>| {
        row["name"] == name && row.get("model").is_none_or(|is| is == model)
    };
    let rows: Vec<_> = rows.filter(wanted).collect();
    assert!(!rows.is_empty(), "{file} has {model} {name}");
    rows
}

fn number(row: &BTreeMap<String, String>, column: &str) -> Option<f64> {
    let text = &row[column];
    (!text.is_empty()).then(|| text.parse().unwrap())
}

fn needed(row: &BTreeMap<String, String>, column: &str) -> f64 {
    number(row, column).unwrap()
}

/// What theory speaks of: how many waited at all, how many longer than a threshold, the mean.
#[derive(Clone, Copy, Debug, Default)]
struct Waits {
    threshold_ms: i64,
    calls: f64,
    waited: f64,
    beyond: f64,
    sum_s: f64,
}

struct Referee {
    warm_up: usize,
    seen: usize,
    tiers: Vec<Waits>,
}

impl Observer for Referee {
    fn ended(&mut self, outcome: &Outcome) {
        self.seen += 1;
        if self.seen <= self.warm_up {
            return;
        }
        let waits = &mut self.tiers[usize::from(outcome.arrival.tier.0)];
        waits.calls += 1.0;
        waits.waited += f64::from(u8::from(outcome.waited_ms > 0));
        waits.beyond += f64::from(u8::from(outcome.waited_ms > waits.threshold_ms));
        waits.sum_s += outcome.waited_ms as f64 / 1000.0;
    }
}

/// Lets `calls` callers come and tells how the callers of each tier waited.
fn waits(
    setting: &Setting,
    calls: usize,
    seed: u64,
    streams: &[Stream],
    thresholds_s: &[f64],
) -> Vec<Waits> {
    let waits = |s: &f64| Waits { threshold_ms: (s * 1000.0).round() as i64, ..Waits::default() };
    let tiers = thresholds_s.iter().map(waits).collect();
    let mut referee = Referee { warm_up: calls / 50, seen: 0, tiers };
    simulate(setting, Poisson::new(streams, seed).take(calls), &mut referee);
    referee.tiers
}

/// Callers who wait do so in company: about as many of them count as one throw of the dice.
const COMPANY: f64 = 3.0;

/// What measured values say of theory. `tolerance` is what is asked for; where so few callers are
/// expected that luck alone exceeds it, twice that luck is allowed.
struct Verdict {
    faults: Vec<String>,
    tolerance: f64,
}

impl Verdict {
    fn within(tolerance: f64) -> Self {
        Self { faults: Vec::new(), tolerance }
    }

    fn mean(&mut self, what: &str, measured: f64, theory: f64, waited: f64) {
        self.compare(&format!("{what}: mean wait in s"), measured, theory, waited);
    }

    fn chance(&mut self, what: &str, measured: f64, theory: f64, calls: f64) {
        self.compare(what, measured, theory, theory * calls);
    }

    fn compare(&mut self, what: &str, measured: f64, theory: f64, expected_count: f64) {
        let off = measured / theory - 1.0;
        let allowed = self.tolerance.max(2.0 * (COMPANY / expected_count).sqrt());
        let line = format!(
            "{what}: {measured:.6}, theory {theory:.6}, off {:+.2} %, allowed {:.1} %",
            100.0 * off,
            100.0 * allowed
        );
        println!("{line}");
        if off.abs() > allowed {
            self.faults.push(line);
        }
    }

    #[track_caller]
    fn must_be_good(self) {
        assert!(self.faults.is_empty(), "{}", self.faults.join("\n"));
    }
}

fn stream(tier: u8, per_hour: f64, mean_s: f64) -> Stream {
    Stream {
        tier: TierIx(tier),
        channel: Channel::Voice,
        per_hour,
        service: Service::Exponential { mean_ms: mean_s * 1000.0 },
        patience_mean_ms: None,
    }
}

fn agents(row: &BTreeMap<String, String>) -> Vec<Crew> {
    vec![Crew { pools: PoolSet::of([PoolIx(0)]), count: needed(row, "agents") as usize }]
}

/// One case of `priority.csv`: `calls` callers under `rule`, and every value of the rows within
/// `tolerance`.
#[track_caller]
fn check_priority(model: &str, name: &str, rule: Rule, calls: usize, tolerance: f64) {
    let rows = rows("priority.csv", model, name);
    let mut tiers = Vec::new();
    let mut streams = Vec::new();
    let mut reserve = 0;
    for (at, row) in rows.iter().enumerate() {
        let mut tier = tier(&row["class"], 3600);
        if let Some(weight) = row["param"].strip_prefix("b=") {
            tier.weight_permille = (weight.parse::<f64>().unwrap() * 1000.0).round() as u32;
        }
        if let Some(kept) = row["param"].strip_prefix("reserve=") {
            reserve = kept.parse().unwrap();
        }
        tiers.push(tier);
        streams.push(stream(at as u8, needed(row, "arrivals_per_hour"), needed(row, "aht_s")));
    }
    let policy = policy(rule, reserve, tiers);
    let setting = Setting { policy, crews: agents(&rows[0]), backlog: None };
    let threshold = |row| number(row, "threshold_s").unwrap_or(0.0);
    let thresholds: Vec<_> = rows.iter().map(threshold).collect();

    let measured = waits(&setting, calls, 1, &streams, &thresholds);
    let mut verdict = Verdict::within(tolerance);
    for (row, waits) in rows.iter().zip(measured) {
        let what = format!("{name}, {} calls, tier {}", calls, row["class"]);
        let share = |count: f64| count / waits.calls;
        verdict.mean(&what, waits.sum_s / waits.calls, needed(row, "mean_wait_s"), waits.waited);
        let p_wait = needed(row, "p_wait");
        verdict.chance(&format!("{what}: P(wait)"), share(waits.waited), p_wait, waits.calls);
        if let Some(tail) = number(row, "p_wait_gt_threshold") {
            verdict.chance(&format!("{what}: P(W > T)"), share(waits.beyond), tail, waits.calls);
        }
    }
    verdict.must_be_good();
}

/// One row of `reserve.csv`: callers of the top tier while the lower tier never has an end.
#[track_caller]
fn check_reserve(name: &str, reserves: std::ops::RangeInclusive<u32>, calls: usize) {
    let mut verdict = Verdict::within(0.03);
    for row in rows("reserve.csv", "", name) {
        let reserve: u32 = row["reserve"].parse().unwrap();
        if !reserves.contains(&reserve) {
            continue;
        }
        let mean_s = needed(&row, "aht_s");
        let setting = Setting {
            policy: policy(Rule::StaticPriority, reserve, vec![tier("top", 15), tier("rest", 180)]),
            crews: agents(&row),
            backlog: Some(Backlog {
                tier: TierIx(1),
                service_mean_ms: mean_s * 1000.0,
                seed: u64::from(reserve),
            }),
        };
        let top = [stream(0, needed(&row, "vip_arrivals_per_hour"), mean_s)];
        let thresholds = [needed(&row, "threshold_s"), 0.0];
        let waits = waits(&setting, calls, 1, &top, &thresholds)[0];
        let what = format!("{name}, {calls} calls, reserve {reserve}");
        let mut chance = |of, count, column| {
            let theory = needed(&row, column);
            verdict.chance(&format!("{what}: {of}"), count / waits.calls, theory, waits.calls);
        };
        chance("P(wait)", waits.waited, "p_wait_bound");
        chance("P(W > T)", waits.beyond, "p_wait_gt_T_bound");
    }
    verdict.must_be_good();
}

const COBHAM: &str = "nonpreemptive_priority_mmc";
const CUT_OFF: &str = "cutoff_priority_mmc_ctmc";
const KLEINROCK: &str = "apq_mmc_kleinrock";

#[test]
fn static_priority_of_a_single_server_waits_as_cobham_says() {
    check_priority(COBHAM, "single_server", Rule::StaticPriority, 1_000_000, 0.03);
}

#[test]
fn static_priority_of_eight_agents_waits_as_cobham_says() {
    check_priority(COBHAM, "bank_8", Rule::StaticPriority, 1_000_000, 0.03);
}

#[test]
fn static_priority_of_three_agents_waits_as_cobham_says() {
    check_priority(COBHAM, "small_3", Rule::StaticPriority, 1_000_000, 0.03);
}

#[test]
fn static_priority_near_the_limit_waits_as_cobham_says() {
    check_priority(COBHAM, "tight_98pct", Rule::StaticPriority, 4_000_000, 0.10);
}

#[test]
fn three_tiers_of_sixty_agents_wait_as_cobham_says() {
    check_priority(COBHAM, "three_tier_60", Rule::StaticPriority, 3_000_000, 0.03);
}

#[test]
fn a_reserve_of_two_of_forty_agents_gives_both_tiers_the_exact_waits() {
    check_priority(CUT_OFF, "schwab_40_r2", Rule::StaticPriority, 4_000_000, 0.03);
}

#[test]
fn a_reserve_of_two_of_eight_agents_gives_both_tiers_the_exact_waits() {
    check_priority(CUT_OFF, "utility_8_r2", Rule::StaticPriority, 4_000_000, 0.03);
}

#[test]
fn accumulating_priority_of_eight_agents_waits_as_kleinrock_says() {
    check_priority(KLEINROCK, "apq_bank8_0.1", Rule::Accumulating, 1_000_000, 0.03);
}

#[test]
fn accumulating_priority_at_equal_rates_is_first_come_first_served() {
    check_priority(KLEINROCK, "apq_bank8_1_is_fifo", Rule::Accumulating, 1_000_000, 0.03);
    check_priority(KLEINROCK, "apq_bank8_1_is_fifo", Rule::Fifo, 1_000_000, 0.03);
}

#[test]
fn accumulating_priority_of_three_tiers_waits_as_kleinrock_says() {
    check_priority(KLEINROCK, "apq_three_12", Rule::Accumulating, 3_000_000, 0.03);
}

#[test]
fn a_small_reserve_among_forty_agents_holds_against_any_backlog_as_exactly_as_the_bound() {
    check_reserve("schwab_40", 0..=2, 600_000);
}

#[test]
fn a_large_reserve_among_forty_agents_holds_against_any_backlog_as_exactly_as_the_bound() {
    check_reserve("schwab_40", 3..=4, 400_000);
}

#[test]
fn a_reserve_among_eight_agents_holds_against_any_backlog_as_exactly_as_the_bound() {
    check_reserve("bank_8", 0..=2, 300_000);
    check_reserve("bank_8", 3..=4, 1_000_000);
}

#[test]
fn a_reserve_among_a_hundred_agents_holds_against_any_backlog_as_exactly_as_the_bound() {
    check_reserve("team_100", 0..=4, 400_000);
}
