//! Traces in and out, what is drawn from them, and what a report says.

#![expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "counts are small, and what is compared exactly is exact"
)]

use super::generate::{Month, PATIENCE_MEAN_MS, generate};
use super::report::{Recorder, Report};
use super::simulate::{Arrival, Crew, Ending, Observer, Outcome, Setting, simulate};
use super::trace::{self, Trace};
use super::{Callers, Rehearsal, Unfit, callers, in_process};
use crate::engine::model::{Channel, Policy, Pool, PoolIx, PoolSet, Rule, Tier, TierIx};
use crate::engine::timing::Timing;

const HEADER: &str = "arrival_s,day,type,priority,queue_s,outcome,service_s,server\n";

fn parse(lines: &str) -> Result<Trace, trace::Error> {
    Trace::parse("calls.csv", format!("{HEADER}{lines}").as_bytes())
}

/// Two tiers, 20 s and 180 s, one pool.
fn policy(rule: Rule) -> Policy {
    let tier = |name: &str, respond_s: i64| Tier {
        name: name.into(),
        guard_permille: 250,
        weight_permille: 1000,
        head_start_ms: [0; 6],
        respond_within_ms: [respond_s * 1000; 6],
        solve_within_ms: [None; 6],
        expires_after_ms: [None; 6],
        requeue_limit: None,
        park_max_ms: [1000; 6],
        timing: Timing::default(),
        pools: PoolSet::of([PoolIx(0)]),
        ..Tier::default()
    };
    Policy {
        version: "test".into(),
        rule,
        starve_after_permille: 2000,
        floor_share_permille: 100,
        channels: Default::default(),
        tiers: vec![tier("top", 20), tier("rest", 180)],
        pools: vec![Pool { name: "desk".into(), lease_ms: 60_000, ..Pool::default() }],
        unknown_tier: TierIx(1),
        unavailable_tier: TierIx(1),
        ..Policy::default()
    }
}

fn all_of_one_tier() -> Callers {
    Callers {
        tier_shares: vec![0.0, 1.0],
        patience_mean_ms: None,
        channel: Channel::Voice,
        seed: 1,
    }
}

const ONE_AGENT: Rehearsal = Rehearsal { agents: 1, rule: None, reserve: None };

#[test]
fn a_trace_is_read_with_its_columns_in_any_order_and_sorted_by_arrival() {
    let text = "outcome,extra,service_s,queue_s,type,day,arrival_s\n\
                HANG,x,0,12,NW,1999-02-02,86500\n\
                AGENT,x,61.5,0,PS,1999-02-01,706\n";
    let trace = Trace::parse("calls.csv", text.as_bytes()).unwrap();
    assert_eq!(trace.kinds, ["NW", "PS"]);
    let first = trace.calls[0];
    assert_eq!((first.arrival_ms, first.kind, first.service_ms), (706_000, 1, Some(61_500)));
    let second = trace.calls[1];
    assert_eq!((second.arrival_ms, second.queue_ms, second.service_ms), (86_500_000, 12_000, None));
    assert_eq!(second.day, jiff::civil::date(1999, 2, 2));
}

#[test]
fn a_fault_in_a_trace_is_named_with_line_column_and_value() {
    let good = "706,1999-02-01,NW,0,0,HANG,0,\n";
    let faults = [
        (
            "7x,1999-02-01,NW,0,0,HANG,0,",
            "arrival_s = \"7x\" is not a number of seconds between 0 and 315360000",
        ),
        (
            "-1,1999-02-01,NW,0,0,HANG,0,",
            "arrival_s = \"-1\" is not a number of seconds between 0 and 315360000",
        ),
        (
            "NaN,1999-02-01,NW,0,0,HANG,0,",
            "arrival_s = \"NaN\" is not a number of seconds between 0 and 315360000",
        ),
        ("706,1.2.1999,NW,0,0,HANG,0,", "day = \"1.2.1999\" is not a date like 1999-02-01"),
        (
            "706,1999-02-02,NW,0,0,HANG,0,",
            "day = \"1999-02-02\" is not day 1 of the trace, where arrival_s lies",
        ),
        (
            "86400,1999-02-01,NW,0,0,HANG,0,",
            "day = \"1999-02-01\" is not day 2 of the trace, where arrival_s lies",
        ),
        ("706,1999-02-01,,0,0,HANG,0,", "type = \"\" is not a word of 1 to 32 characters"),
        (
            "706,1999-02-01,NW,0,,HANG,0,",
            "queue_s = \"\" is not a number of seconds between 0 and 604800",
        ),
        ("706,1999-02-01,NW,0,0,LOST,0,", "outcome = \"LOST\" is not AGENT or HANG"),
        (
            "706,1999-02-01,NW,0,0,AGENT,604801,",
            "service_s = \"604801\" is not a number of seconds between 0 and 604800",
        ),
    ];
    for (line, message) in faults {
        let error = parse(&format!("{good}{line}\n")).unwrap_err().to_string();
        assert_eq!(error, format!("calls.csv: line 3: {message}"));
    }
}

#[test]
fn a_trace_without_a_column_or_with_a_short_line_is_refused() {
    let error = Trace::parse("calls.csv", "arrival_s,day,type\n".as_bytes()).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("calls.csv: line 1: no column \"queue_s\""), "{message}");
    let message = parse("706,1999-02-01,NW\n").unwrap_err().to_string();
    assert!(message.contains("line: 2"), "{message}");
    let message = Trace::read("nowhere/calls.csv".as_ref()).unwrap_err().to_string();
    assert!(message.starts_with("nowhere/calls.csv: cannot be opened"), "{message}");
}

#[test]
fn callers_who_hung_up_before_there_was_a_queue_are_left_out() {
    let trace = parse(
        "706,1999-02-01,NW,0,0,HANG,0,\n\
         707,1999-02-01,NW,0,5,HANG,0,\n\
         708,1999-02-01,NW,0,0,AGENT,9,A01\n",
    )
    .unwrap()
    .answered_or_queued();
    assert_eq!(
        trace.calls.iter().map(|call| call.arrival_ms).collect::<Vec<_>>(),
        [707_000, 708_000]
    );
}

#[test]
fn one_day_of_a_trace_keeps_its_absolute_times() {
    let trace =
        parse("706,1999-02-01,NW,0,0,AGENT,9,\n86406,1999-02-02,NW,0,0,AGENT,9,\n").unwrap();
    let day = trace.of_day(jiff::civil::date(1999, 2, 2));
    assert_eq!(day.calls.iter().map(|call| call.arrival_ms).collect::<Vec<_>>(), [86_406_000]);
}

#[test]
fn a_call_without_a_service_time_draws_one_of_its_type() {
    let trace = parse(
        "1,1999-02-01,NW,0,0,AGENT,9,\n2,1999-02-01,PS,0,0,AGENT,100,\n\
         3,1999-02-01,PS,0,0,AGENT,200,\n4,1999-02-01,PS,0,5,HANG,777,\n\
         5,1999-02-01,PS,0,5,HANG,0,\n6,1999-02-01,TT,0,5,HANG,0,\n",
    )
    .unwrap();
    let mut drawn = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let callers =
            callers(&trace, &policy(Rule::Fifo), &Callers { seed, ..all_of_one_tier() }).unwrap();
        let service_s: Vec<_> = callers.iter().map(|call| call.service_ms / 1000).collect();
        assert_eq!(service_s[..4], [9, 100, 200, 777]);
        drawn.insert(service_s[4]);
        assert!([9, 100, 200].contains(&service_s[5]), "a type without any draws from all");
    }
    assert_eq!(drawn.into_iter().collect::<Vec<_>>(), [100, 200]);
}

#[test]
fn callers_are_the_same_for_the_same_seed_and_of_the_tiers_asked_for() {
    let trace = generate(&Month { days: 7, ..Month::default() });
    let asked = Callers {
        tier_shares: vec![15.0, 85.0],
        patience_mean_ms: Some(PATIENCE_MEAN_MS),
        ..all_of_one_tier()
    };
    let one = callers(&trace, &policy(Rule::Fifo), &asked).unwrap();
    assert_eq!(one, callers(&trace, &policy(Rule::Fifo), &asked).unwrap());
    assert_ne!(one, callers(&trace, &policy(Rule::Fifo), &Callers { seed: 2, ..asked }).unwrap());
    let count = |tier| one.iter().filter(|call| call.tier == TierIx(tier)).count() as f64;
    let share = count(0) / one.len() as f64;
    assert!((0.14..0.16).contains(&share), "{share}");
    let patience = |call: &Arrival| call.patience_ms.unwrap() as f64;
    let mean = one.iter().map(patience).sum::<f64>() / one.len() as f64;
    assert!((0.97..1.03).contains(&(mean / PATIENCE_MEAN_MS)), "{mean}");
}

#[test]
fn callers_that_cannot_be_drawn_are_refused() {
    let trace = parse("1,1999-02-01,NW,0,0,AGENT,9,\n").unwrap();
    let refused =
        |callers| in_process(&trace, &policy(Rule::Fifo), &ONE_AGENT, &callers).unwrap_err();
    for tier_shares in [vec![1.0], vec![0.0, 0.0], vec![-1.0, 2.0], vec![f64::NAN, 1.0]] {
        let given = tier_shares.len();
        let error = refused(Callers { tier_shares, ..all_of_one_tier() });
        assert_eq!(error, Unfit::Shares { given, tiers: 2 });
    }
    for mean_ms in [0.0, -1.0, f64::INFINITY] {
        let error = refused(Callers { patience_mean_ms: Some(mean_ms), ..all_of_one_tier() });
        assert_eq!(error, Unfit::Patience { mean_ms });
    }
    let silent = parse("1,1999-02-01,NW,0,5,HANG,0,\n").unwrap();
    let error = in_process(&silent, &policy(Rule::Fifo), &ONE_AGENT, &all_of_one_tier());
    assert_eq!(error, Err(Unfit::NoServiceTime));
}

#[test]
fn a_generated_month_looks_like_the_call_centre_it_was_fitted_to() {
    let trace = generate(&Month::default());
    let calls = trace.calls.len() as f64;
    assert!((30_000.0..36_000.0).contains(&calls), "{calls} calls");
    assert!(trace.calls.is_sorted_by_key(|call| call.arrival_ms));
    let share = |wanted: &dyn Fn(&trace::Call) -> bool| {
        trace.calls.iter().filter(|call| wanted(call)).count() as f64 / calls
    };
    let hung_up = share(&|call| call.outcome == trace::Outcome::HangUp);
    assert!((0.15..0.21).contains(&hung_up), "{hung_up} hang up");
    let queued = share(&trace::Call::was_answered_or_queued);
    assert!((0.92..0.96).contains(&queued), "{queued} answered or queued");
    let served: Vec<_> = trace.calls.iter().filter_map(|call| call.service_ms).collect();
    let mean_s = served.iter().sum::<i64>() as f64 / served.len() as f64 / 1000.0;
    assert!((168.0..186.0).contains(&mean_s), "handled in {mean_s} s");
    let at_ten = |call: &trace::Call| (call.arrival_ms / 3_600_000) % 24 == 10;
    let workdays = trace.calls.iter().filter(|call| at_ten(call)).count() as f64 / 22.0;
    assert!((100.0..155.0).contains(&workdays), "{workdays} calls at ten o'clock");
}

#[test]
fn a_generated_trace_is_read_as_it_was_written() {
    let trace = generate(&Month { days: 3, seed: 5, ..Month::default() });
    assert_ne!(trace, generate(&Month { days: 3, seed: 6, ..Month::default() }));
    let mut text = Vec::new();
    trace.write(&mut text).unwrap();
    let mut read = Trace::parse("calls.csv", &text[..]).unwrap();
    // Types are numbered as they appear; by name the calls are the same.
    let named = |trace: &Trace| {
        trace
            .calls
            .iter()
            .map(|c| (trace.kinds[c.kind].clone(), trace::Call { kind: 0, ..*c }))
            .collect::<Vec<_>>()
    };
    assert_eq!(named(&read), named(&trace));
    assert_eq!(read.calls.len(), trace.calls.len());
    read.calls.clear();
    assert!(read.answered_or_queued().calls.is_empty());
}

/// The calls that ended, in the order in which they did: tier, wait in seconds, ending.
#[derive(Default)]
struct Endings(Vec<(u8, i64, Ending)>);

impl Observer for Endings {
    fn ended(&mut self, outcome: &Outcome) {
        self.0.push((outcome.arrival.tier.0, outcome.waited_ms / 1000, outcome.ending));
    }
}

fn call(at_s: i64, tier: u8, service_s: i64, patience_s: Option<i64>) -> Arrival {
    Arrival {
        at_ms: at_s * 1000,
        tier: TierIx(tier),
        channel: Channel::Voice,
        service_ms: service_s * 1000,
        patience_ms: patience_s.map(|s| s * 1000),
    }
}

fn endings(policy: Policy, agents: usize, calls: Vec<Arrival>) -> Vec<(u8, i64, Ending)> {
    let crews = vec![Crew { pools: PoolSet::of([PoolIx(0)]), count: agents }];
    let mut endings = Endings::default();
    simulate(&Setting { policy, crews, backlog: None }, calls, &mut endings);
    endings.0
}

#[test]
fn callers_wait_are_served_and_hang_up_as_they_would() {
    let calls = vec![
        call(0, 1, 100, None),
        call(10, 1, 50, Some(60)), // gone at 70
        call(20, 1, 50, Some(90)), // served at 100
        call(30, 0, 30, None),     // after it, in turn
    ];
    let expected = [
        (1, 0, Ending::Answered),
        (1, 60, Ending::HungUp),
        (1, 80, Ending::Answered),
        (0, 120, Ending::Answered),
    ];
    assert_eq!(endings(policy(Rule::Fifo), 1, calls), expected);
}

#[test]
fn who_calls_in_the_second_in_which_an_agent_becomes_free_is_there_in_time() {
    let calls = vec![call(0, 1, 100, None), call(10, 1, 50, None), call(100, 0, 30, None)];
    let expected = [(1, 0, Ending::Answered), (0, 0, Ending::Answered), (1, 120, Ending::Answered)];
    assert_eq!(endings(policy(Rule::StaticPriority), 1, calls), expected);
}

#[test]
fn a_call_that_nobody_may_ever_take_is_reported_as_left() {
    let mut kept = policy(Rule::StaticPriority);
    kept.pools[0].reserve = vec![(TierIx(0), 1)];
    let calls = vec![call(0, 1, 10, None), call(5, 0, 10, None)];
    let left = endings(kept.clone(), 1, calls.clone());
    assert_eq!(left, [(0, 0, Ending::Answered), (1, 180, Ending::Left)]);

    let crews = vec![Crew { pools: PoolSet::of([PoolIx(0)]), count: 1 }];
    let mut recorder = Recorder::new(&kept);
    simulate(&Setting { policy: kept, crews, backlog: None }, calls, &mut recorder);
    let rest = &recorder.report().tiers[1];
    assert_eq!((rest.offered, rest.left, rest.in_deadline_percent), (1.0, 1.0, 0.0));
}

#[test]
fn a_rehearsal_may_take_another_rule_and_another_reserve() {
    let rehearsal = Rehearsal { agents: 3, rule: Some(Rule::Edf), reserve: Some(2) };
    let setting = rehearsal.setting(&policy(Rule::Fifo));
    assert_eq!(setting.policy.rule, Rule::Edf);
    assert_eq!(setting.policy.pools[0].reserve, [(TierIx(0), 2)]);
    assert_eq!(setting.crews, [Crew { pools: PoolSet(1), count: 3 }]);
    let unchanged = ONE_AGENT.setting(&policy(Rule::Fifo));
    assert_eq!(unchanged.policy, policy(Rule::Fifo));
}

fn report_of(outcomes: &[(u8, i64, Ending)]) -> Report {
    let mut recorder = Recorder::new(&policy(Rule::Fifo));
    for (tier, waited_s, ending) in outcomes {
        recorder.count(&Outcome {
            arrival: call(0, *tier, 1, None),
            respond_within_ms: if *tier == 0 { 20_000 } else { 180_000 },
            waited_ms: waited_s * 1000,
            ending: *ending,
        });
    }
    recorder.report()
}

#[test]
fn a_report_counts_a_hang_up_as_missed_and_its_wait_not_at_all() {
    let report = report_of(&[
        (0, 20, Ending::Answered),
        (0, 21, Ending::Answered),
        (0, 1, Ending::HungUp),
        (0, 0, Ending::Answered),
    ]);
    let top = &report.tiers[0];
    assert_eq!((top.offered, top.abandoned, top.in_deadline_percent), (4.0, 1.0, 50.0));
    assert!((top.mean_s - 41.0 / 3.0).abs() < 1e-9);
    assert!((top.p50_s - 20.0).abs() < 0.02 && (top.max_s - 21.0).abs() < 0.03);
    assert_eq!(report.tiers[1].offered, 0.0);
    assert_eq!(report.tiers[1].in_deadline_percent, 0.0);
}

#[test]
fn the_mean_of_reports_is_taken_number_by_number() {
    let one = report_of(&[(0, 10, Ending::Answered), (1, 100, Ending::Answered)]);
    let other = report_of(&[(0, 30, Ending::Answered), (1, 5, Ending::HungUp)]);
    let mean = Report::mean(&[one, other]);
    assert_eq!(mean.tiers[0].in_deadline_percent, 50.0);
    assert!((mean.tiers[0].mean_s - 20.0).abs() < 1e-9);
    assert!((mean.tiers[0].max_s - 30.0).abs() < 0.03);
    assert_eq!(mean.tiers[1].abandoned, 0.5);
}

#[test]
fn a_report_prints_as_an_aligned_table() {
    let report = report_of(&[
        (0, 10, Ending::Answered),
        (1, 2000, Ending::Answered),
        (1, 50_000, Ending::Answered),
        (1, 7, Ending::Left),
    ]);
    let expected = "\
tier   offered in deadline      mean       p50       p95       p99       max abandoned
top          1     100.0 %    10.0 s    10.0 s    10.0 s    10.0 s    10.0 s         0
rest         3       0.0 % 433.3 min  33.3 min    13.9 h    13.9 h    13.9 h         0  (1 never served)
";
    assert_eq!(report.to_string(), expected);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["tiers"][0]["tier"], "top");
    assert_eq!(json["tiers"][0]["in_deadline_percent"], 100.0);
}
