//! A made-up trace that looks like a real call centre's month: arrivals by hour and weekday, lognormal
//! handling times by type, impatient callers.
//!
//! The figures are those of a bank's call centre in 1999 (Mandelbaum, Sakov and Zeltyn 2000: its
//! callers' patience, types and days), rounded. What happened to each call then (`queue_s`, `outcome`)
//! comes from serving them first come, first served with as many agents as the hour needs.

use super::simulate::whole_ms;
use super::streams::{Service, place_of};
use super::trace::{Call, DAY_MS, Outcome, Trace};
use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The most days a trace is generated for.
pub const DAYS_MAX: u16 = 366;
/// The mean patience of a caller, in milliseconds.
pub const PATIENCE_MEAN_MS: f64 = 231_600.0;

/// What is generated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Month {
    /// The first day.
    pub first_day: Date,
    /// How many days, at most [`DAYS_MAX`].
    pub days: u16,
    /// How many times as many calls as that call centre had; 1 is about 1,200 a day.
    pub scale: f64,
    /// The seed of all that is drawn.
    pub seed: u64,
}

impl Default for Month {
    /// February 1999, as that call centre had it.
    fn default() -> Self {
        Self { first_day: jiff::civil::date(1999, 2, 1), days: 28, scale: 1.0, seed: 1 }
    }
}

/// Calls an hour by hour of the day, Sunday to Thursday.
const WORKDAY: [f64; 24] = [
    5.0, 1.5, 0.7, 0.2, 0.2, 0.9, 5.0, 41.0, 95.0, 109.0, 126.0, 113.0, 94.0, 121.0, 115.0, 113.0,
    116.0, 95.0, 84.0, 67.0, 59.0, 62.0, 53.0, 41.0,
];
/// The same on Friday, when the bank closes early.
const FRIDAY: [f64; 24] = [
    6.5, 0.5, 1.8, 0.8, 1.2, 0.8, 2.2, 24.0, 76.0, 74.0, 69.0, 75.0, 71.0, 47.0, 20.0, 6.5, 2.0,
    1.0, 1.2, 0.8, 2.0, 0.8, 0.0, 0.2,
];
/// The same on Saturday, when it opens in the evening.
const SATURDAY: [f64; 24] = [
    0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.2, 0.2, 0.5, 0.0, 0.0, 1.0, 1.0, 1.2, 1.5, 5.2,
    59.0, 41.0, 36.0, 31.0, 34.0,
];

/// A type of call.
struct Kind {
    name: &'static str,
    /// Its share of all calls, in thousandths.
    share_permille: f64,
    /// The share of calls of at most ten seconds, wrong numbers and the like, in thousandths.
    short_permille: f64,
    /// Of the longer ones: mean and standard deviation of the logarithm of the seconds.
    mu: f64,
    sigma: f64,
}

/// The types: regular business, prospective customers, stock exchange, messages left, internet help,
/// regular business in English.
const KINDS: [Kind; 6] = [
    Kind { name: "PS", share_permille: 643.0, short_permille: 49.0, mu: 4.87, sigma: 0.87 },
    Kind { name: "NW", share_permille: 229.0, short_permille: 76.0, mu: 4.29, sigma: 0.92 },
    Kind { name: "NE", share_permille: 83.0, short_permille: 66.0, mu: 5.25, sigma: 0.97 },
    Kind { name: "TT", share_permille: 32.0, short_permille: 353.0, mu: 4.37, sigma: 1.20 },
    Kind { name: "IN", share_permille: 9.0, short_permille: 61.0, mu: 5.13, sigma: 1.04 },
    Kind { name: "PE", share_permille: 4.0, short_permille: 167.0, mu: 5.19, sigma: 0.96 },
];
/// Days, and hours beyond them, bring more or fewer calls than usual by a lognormal factor of mean 1
/// with this spread. Without it a month would be far easier to serve than a real one.
const DAY_SIGMA: f64 = 0.13;
const HOUR_SIGMA: f64 = 0.3;
/// Share of callers who hang up at once, before they are in the queue.
const GONE_AT_ONCE: f64 = 0.06;
/// The longest handling time, in milliseconds: agents do not stay on one call for ever.
const SERVICE_MS_MAX: i64 = 7_200_000;
/// Agents there for each call that comes in an hour of the day, and the fewest.
const AGENTS_PER_CALL_AN_HOUR: f64 = 1.0 / 20.0;
const AGENTS_MIN: f64 = 2.0;

/// Draws a trace.
///
/// Panics if `month` is outside its ranges: that is for the caller to check.
pub fn generate(month: &Month) -> Trace {
    assert!(month.days <= DAYS_MAX && month.scale > 0.0, "the month is within its ranges");
    let mut random = Pcg64Mcg::seed_from_u64(month.seed);
    let mut trace = Trace::default();
    trace.kinds.extend(KINDS.iter().map(|kind| kind.name.to_owned()));
    let mut desk = Desk::default();
    for day_at in 0..month.days {
        let day = month.first_day.saturating_add(i32::from(day_at).days());
        let profile = match day.weekday() {
            Weekday::Friday => FRIDAY,
            Weekday::Saturday => SATURDAY,
            Weekday::Sunday
            | Weekday::Monday
            | Weekday::Tuesday
            | Weekday::Wednesday
            | Weekday::Thursday => WORKDAY,
        };
        let of_day = luck(DAY_SIGMA, &mut random);
        for (hour, usual) in (0..).zip(profile) {
            let from_ms = i64::from(day_at) * DAY_MS + hour * HOUR_MS;
            let usual = usual * month.scale;
            let per_hour = usual * of_day * luck(HOUR_SIGMA, &mut random);
            desk.staff((usual * AGENTS_PER_CALL_AN_HOUR).ceil().max(AGENTS_MIN), from_ms);
            for arrival_ms in arrivals_ms(from_ms, per_hour, &mut random) {
                trace.calls.push(draw_call(arrival_ms, day, &mut desk, &mut random));
            }
        }
    }
    trace
}

/// An hour in milliseconds.
const HOUR_MS: i64 = 3_600_000;

/// A lognormal factor of mean 1.
fn luck(sigma: f64, random: &mut impl Rng) -> f64 {
    Service::Lognormal { mu: -sigma * sigma / 2.0, sigma }.draw_ms(random) / 1000.0
}

/// Poisson arrivals in one hour, in whole seconds as recorders give them.
fn arrivals_ms(from_ms: i64, per_hour: f64, random: &mut impl Rng) -> Vec<i64> {
    let mut arrivals = Vec::new();
    if per_hour > 0.0 {
        let gap = Service::Exponential { mean_ms: 3_600_000.0 / per_hour };
        let mut at_ms = gap.draw_ms(random);
        while at_ms < 3_600_000.0 {
            arrivals.push(from_ms + whole_seconds(at_ms));
            at_ms += gap.draw_ms(random);
        }
    }
    arrivals
}

fn draw_call(arrival_ms: i64, day: Date, desk: &mut Desk, random: &mut impl Rng) -> Call {
    let kind_at = place_of(KINDS.iter().map(|kind| kind.share_permille), random);
    let kind = &KINDS[kind_at];
    let drawn_ms = if random.random_bool(kind.short_permille / 1000.0) {
        random.random_range(1000.0..11_000.0)
    } else {
        Service::Lognormal { mu: kind.mu, sigma: kind.sigma }.draw_ms(random)
    };
    let service_ms = whole_seconds(drawn_ms).clamp(1000, SERVICE_MS_MAX);
    let patience = Service::Exponential { mean_ms: PATIENCE_MEAN_MS }.draw_ms(random);
    let patience_ms = if random.random_bool(GONE_AT_ONCE) { 0 } else { whole_seconds(patience) };
    let (queue_ms, outcome) = desk.serve(arrival_ms, service_ms, patience_ms);
    Call {
        arrival_ms,
        day,
        kind: kind_at,
        queue_ms,
        outcome,
        service_ms: (outcome == Outcome::Agent).then_some(service_ms),
    }
}

fn whole_seconds(ms: f64) -> i64 {
    whole_ms(ms) / 1000 * 1000
}

/// The agents as the recorded past had them: first come, first served.
#[derive(Default)]
struct Desk {
    /// When each agent is free, soonest first.
    free_at_ms: BinaryHeap<Reverse<i64>>,
}

impl Desk {
    /// From `at_ms` on so many agents serve; who goes is the one who is free first.
    fn staff(&mut self, agents: f64, at_ms: i64) {
        let wanted = usize::try_from(whole_ms(agents)).unwrap_or(0);
        while self.free_at_ms.len() < wanted {
            self.free_at_ms.push(Reverse(at_ms));
        }
        while self.free_at_ms.len() > wanted {
            self.free_at_ms.pop();
        }
    }

    /// How long the caller waits, and who ends the wait. A caller of no patience at all hangs up even
    /// where an agent is free.
    fn serve(&mut self, arrival_ms: i64, service_ms: i64, patience_ms: i64) -> (i64, Outcome) {
        let mut soonest = self.free_at_ms.peek_mut().expect("somebody serves at all times");
        let wait_ms = (soonest.0 - arrival_ms).max(0);
        if patience_ms == 0 || wait_ms > patience_ms {
            return (patience_ms.min(wait_ms), Outcome::HangUp);
        }
        soonest.0 = arrival_ms + wait_ms + service_ms;
        (wait_ms, Outcome::Agent)
    }
}
