//! What a forecast says of counts that are made by hand.

use super::*;
use crate::engine::model::{Channel, PoolIx, TierIx};
use proptest::prelude::*;

fn prospect() -> Prospect {
    Prospect {
        from_ms: 0,
        pools: PoolSet::of([PoolIx(0)]),
        paused: PoolSet::EMPTY,
        ahead_count: 0,
        hang_ups_per_million_s: 0,
        signed_in_count: 10,
        hand_count: 10,
        free_count: 0,
        spare_count: 0,
        reserve_gap: 0,
        handle_ms: 200_000,
        handle_known: true,
        overtaking_per_hour_milli: 0,
        floor_permille: 0,
    }
}

fn outlook(now: Prospect, slack_ms: i64) -> Outlook {
    Outlook {
        at: Time(1_000_000),
        tier: TierIx(0),
        channel: Channel::Voice,
        submitted_at: Time(1_000_000),
        respond_by: Time(1_000_000 + slack_ms),
        now,
        later: Vec::new(),
        last_entered_ms: None,
    }
}

fn told(now: Prospect, slack_ms: i64) -> Forecast {
    Forecast::from_outlook(&outlook(now, slack_ms))
}

#[track_caller]
fn close(is: f64, expected: f64, off_max: f64) {
    assert!((is / expected - 1.0).abs() <= off_max, "{is} is not near {expected}");
}

fn ms(wait: i64) -> f64 {
    float(wait)
}

#[test]
fn the_next_in_line_waits_for_the_first_of_all_hands() {
    // Ten hands of 200 s: one is free every 20 s, exponentially.
    let wait = told(prospect(), 60_000).wait.unwrap();
    close(ms(wait.p50_ms), 20_000.0 * 2_f64.ln(), 0.02);
    close(ms(wait.p80_ms), 20_000.0 * 5_f64.ln(), 0.02);
    close(ms(wait.p95_ms), 20_000.0 * 20_f64.ln(), 0.02);
}

#[test]
fn with_nine_ahead_the_quantiles_are_erlangs() {
    let wait = told(Prospect { ahead_count: 9, ..prospect() }, 60_000).wait.unwrap();
    // Half of the chi-squared quantiles with 20 degrees of freedom, times 20 s.
    close(ms(wait.p50_ms), 9.6687 * 20_000.0, 0.005);
    close(ms(wait.p80_ms), 12.5188 * 20_000.0, 0.005);
    close(ms(wait.p95_ms), 15.7052 * 20_000.0, 0.005);
}

#[test]
fn later_work_of_higher_tiers_makes_the_wait_longer_and_less_certain() {
    let busy = Prospect { ahead_count: 9, ..prospect() };
    // A fifth of what the hands can do: 36 an hour of 180.
    let overtaken = Prospect { overtaking_per_hour_milli: 36_000, ..busy };
    let passage = Passage::of(&overtaken);
    close(passage.mean_ms(), Passage::of(&busy).mean_ms() / 0.8, 1e-9);
    let spread = |passage: Passage| passage.quantile_ms(0.95) / passage.mean_ms();
    assert!(spread(passage) > spread(Passage::of(&busy)));
}

#[test]
fn callers_who_hang_up_make_room() {
    let patient = Prospect { ahead_count: 50, ..prospect() };
    let leaving = Prospect { hang_ups_per_million_s: 4000, ..patient };
    let exact: f64 = (0..=50).map(|at| 1.0 / (1.0 / 20_000.0 + f64::from(at) * 4e-6)).sum();
    close(Passage::of(&leaving).mean_ms(), exact, 1e-9);
    let many = Prospect { ahead_count: 900, ..leaving };
    let exact: f64 = (0..=900).map(|at| 1.0 / (1.0 / 20_000.0 + f64::from(at) * 4e-6)).sum();
    close(Passage::of(&many).mean_ms(), exact, 1e-3);
}

#[test]
fn a_reserve_makes_a_lower_tier_wait_for_more_than_one_hand() {
    // Two of ten are free, and both are kept: one more must become free.
    let kept = Prospect { free_count: 2, reserve_gap: 0, ..prospect() };
    close(Passage::of(&kept).mean_ms(), 25_000.0, 1e-9);
    let gap = Prospect { free_count: 1, reserve_gap: 1, ..prospect() };
    close(Passage::of(&gap).mean_ms(), 2.0 * 200_000.0 / 9.0, 1e-9);
}

#[test]
fn a_free_hand_is_no_wait_at_all() {
    let free = Prospect { free_count: 3, spare_count: 3, ahead_count: 2, ..prospect() };
    let forecast = told(free, 0);
    assert_eq!(forecast.wait, Some(Quantiles::default()));
    assert_eq!((forecast.verdict, forecast.miss), (Verdict::OnTime, Some(0.0)));
    let taken = Prospect { ahead_count: 3, ..free };
    assert!(told(taken, 0).wait.unwrap().p50_ms > 0);
}

#[test]
fn a_deadline_is_on_time_at_risk_or_late_already_by_the_chance_of_missing_it() {
    // The mean is 20 s: e^-3.1 is 4.5 %, e^-1 is 37 %.
    let early = told(prospect(), 62_000);
    assert_eq!(early.verdict, Verdict::OnTime);
    let risky = told(prospect(), 20_000);
    assert_eq!(risky.verdict, Verdict::AtRisk);
    close(risky.miss.unwrap(), 0.368, 0.02);
    let behind = Prospect { ahead_count: 40, ..prospect() };
    assert_eq!(told(behind, 20_000).verdict, Verdict::LateAlready);
    assert_eq!(told(prospect(), -1).miss, Some(1.0));
    assert_eq!(told(prospect(), -1).verdict, Verdict::LateAlready);
}

#[test]
fn with_nobody_signed_in_there_is_no_number_and_a_near_deadline_is_late() {
    let nobody = Prospect { signed_in_count: 0, hand_count: 0, ..prospect() };
    let near = told(nobody, 15_000);
    assert_eq!((near.wait, near.miss, near.verdict), (None, None, Verdict::LateAlready));
    assert_eq!(
        near.reason(|text, _| text.push_str("desk")),
        "nobody signed in for desk, 15 s left"
    );
    assert_eq!(told(nobody, SIGN_IN_MS + 1).verdict, Verdict::AtRisk);
}

#[test]
fn an_overflow_to_those_who_are_there_bounds_the_wait() {
    let nobody = Prospect { signed_in_count: 0, hand_count: 0, ..prospect() };
    let mut outlook = outlook(nobody, 100_000);
    let second = PoolSet::of([PoolIx(1)]);
    outlook.later = vec![Prospect { from_ms: 40_000, pools: second, ..prospect() }];
    let forecast = Forecast::from_outlook(&outlook);
    let wait = forecast.wait.unwrap();
    close(ms(wait.p50_ms), 40_000.0 + 13_863.0, 0.01);
    assert_eq!(forecast.prospect.pools, second);
}

#[test]
fn before_the_handling_time_is_known_the_last_wait_is_told() {
    let unknown = Prospect { handle_known: false, ..prospect() };
    assert_eq!(told(unknown, 60_000).basis, Basis::Assumed);
    let mut seen = outlook(unknown, 60_000);
    seen.last_entered_ms = Some((90_000, 1000));
    let forecast = Forecast::from_outlook(&seen);
    assert_eq!(forecast.basis, Basis::LastEntered);
    close(ms(forecast.wait.unwrap().p50_ms), 90_000.0 * 2_f64.ln(), 0.02);
    seen.last_entered_ms = Some((90_000, LAST_ENTERED_MS_MAX + 1));
    assert_eq!(Forecast::from_outlook(&seen).basis, Basis::Assumed);
}

#[test]
fn the_reason_is_in_numbers() {
    let forecast = told(Prospect { ahead_count: 12, signed_in_count: 4, ..prospect() }, 90_500);
    assert_eq!(
        forecast.reason(|text, _| text.push_str("desk")),
        "12 ahead, 4 agents on duty for desk with 10 in hand or free, a ticket takes 3 min 20 s, \
         1 min 30 s left"
    );
}

/// A chance is told to a thousandth.
const A_THOUSANDTH: f64 = 0.001;

/// Work that overtakes takes up to three quarters of what the hands can do; callers have patience for two
/// minutes or more.
fn prospects() -> impl Strategy<Value = Prospect> {
    let ahead = 0..1500_u64;
    let rates = (0..750_u64, prop_oneof![Just(0), 0..8000_u64]);
    (ahead, 1..200_u32, 1000..3_600_000_i64, rates, 0..4_u32).prop_map(
        |(ahead_count, hands, handle_ms, (overtaking_permille, hang_ups), reserve_gap)| Prospect {
            ahead_count,
            signed_in_count: hands,
            hand_count: hands,
            handle_ms,
            overtaking_per_hour_milli: u64::from(hands) * 3_600_000 * overtaking_permille
                / handle_ms.unsigned_abs(),
            hang_ups_per_million_s: hang_ups,
            reserve_gap,
            ..prospect()
        },
    )
}

proptest! {
    /// More ahead never promises more, more hands and more time never less.
    #[test]
    fn the_chance_of_missing_grows_with_what_is_ahead_and_falls_with_hands_and_time(
        known in prospects(), slack_ms in 0..7_200_000_i64, more in 1..50_u32
    ) {
        let miss = |prospect, slack_ms| told(prospect, slack_ms).miss.unwrap();
        let now = miss(known, slack_ms);
        prop_assert!((0.0..=1.0).contains(&now));
        // Where callers hang up, two moments order the chances to a hundredth only.
        let off = if known.hang_ups_per_million_s == 0 { A_THOUSANDTH } else { 0.01 };
        let crowded = Prospect { ahead_count: known.ahead_count + u64::from(more), ..known };
        prop_assert!(miss(crowded, slack_ms) >= now - off);
        prop_assert!(miss(known, slack_ms + i64::from(more) * 1000) <= now + A_THOUSANDTH);
        let hands = known.hand_count + more;
        let staffed = Prospect { hand_count: hands, signed_in_count: hands, ..known };
        // There the p80 is ordered by hands, but two moments do not order every chance.
        if known.hang_ups_per_million_s == 0 {
            prop_assert!(miss(staffed, slack_ms) <= now + A_THOUSANDTH);
        }
        let quantiles = told(known, slack_ms).wait.unwrap();
        prop_assert!(quantiles.p50_ms <= quantiles.p80_ms && quantiles.p80_ms <= quantiles.p95_ms);
        // A quantile is found in steps, to a hundredth.
        let p80 = |prospect| ms(told(prospect, slack_ms).wait.unwrap().p80_ms);
        prop_assert!(p80(staffed) <= p80(known) * 1.01);
        prop_assert!(p80(crowded) >= p80(known) * 0.99);
    }
}
