//! How the callers of each tier fared: counted, and printed as a table.

use super::simulate::{Ending, Observer, Outcome};
use super::told::Told;
use crate::engine::Engine;
use crate::engine::command::Event;
use crate::engine::model::{Policy, Time};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// How the callers of one tier fared.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TierReport {
    /// The tier's name.
    pub tier: String,
    /// Calls that came.
    pub offered: f64,
    /// The share of them that an agent took within the response target, in percent. Who hung up was
    /// missed, however soon.
    pub in_deadline_percent: f64,
    /// The mean wait of those whom an agent took, in seconds. So are the next four.
    pub mean_s: f64,
    /// Half of them waited no longer.
    pub p50_s: f64,
    /// 95 % of them waited no longer.
    pub p95_s: f64,
    /// 99 % of them waited no longer.
    pub p99_s: f64,
    /// The longest wait.
    pub max_s: f64,
    /// Callers who hung up.
    pub abandoned: f64,
    /// Calls that waited still when nothing more could happen: every agent is kept for higher tiers.
    pub left: f64,
    /// How the waits came out that callers were told; `None` where nobody was told any.
    pub forecast: Option<ForecastReport>,
}

/// How the waits that callers of one tier were told came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ForecastReport {
    /// The share of waits no longer than the p50 that was told, in percent; of the callers who were
    /// delayed. So are the next two.
    pub within_p50_percent: f64,
    /// No longer than the p80.
    pub within_p80_percent: f64,
    /// No longer than the p95.
    pub within_p95_percent: f64,
    /// By how much the p50 was off: the root of the mean square, in seconds.
    pub error_s: f64,
    /// By how much a moving average of the waits would have been off (three parts of what it was, one of
    /// the new wait), likewise.
    pub average_error_s: f64,
}

/// How the callers of every tier fared, highest tier first. Displays as a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// One for each tier of the policy.
    pub tiers: Vec<TierReport>,
}

impl Report {
    /// The mean of several reports on the same tiers, number by number; of the longest waits the
    /// longest.
    ///
    /// Panics without a report, or if their tiers differ in number.
    pub fn mean(reports: &[Self]) -> Self {
        let (first, others) = reports.split_first().expect("at least one report");
        let mut mean = first.clone();
        for (at, tier) in mean.tiers.iter_mut().enumerate() {
            for other in others.iter().map(|other| &other.tiers[at]) {
                for (sum, value) in tier.numbers().into_iter().zip(other.clone().numbers()) {
                    *sum += *value;
                }
                tier.max_s = tier.max_s.max(other.max_s);
            }
            let told: Vec<_> = reports.iter().filter_map(|one| one.tiers[at].forecast).collect();
            tier.forecast = ForecastReport::mean(&told);
            for sum in tier.numbers() {
                *sum /= u32::try_from(reports.len()).map_or(f64::NAN, f64::from);
            }
        }
        mean
    }
}

impl ForecastReport {
    fn mean(told: &[Self]) -> Option<Self> {
        let count = u32::try_from(told.len()).map_or(f64::NAN, f64::from);
        let mean = |of: fn(&Self) -> f64| told.iter().map(of).sum::<f64>() / count;
        (!told.is_empty()).then(|| Self {
            within_p50_percent: mean(|one| one.within_p50_percent),
            within_p80_percent: mean(|one| one.within_p80_percent),
            within_p95_percent: mean(|one| one.within_p95_percent),
            error_s: mean(|one| one.error_s),
            average_error_s: mean(|one| one.average_error_s),
        })
    }
}

impl TierReport {
    /// All that a mean can be taken of.
    fn numbers(&mut self) -> [&mut f64; 8] {
        [
            &mut self.offered,
            &mut self.in_deadline_percent,
            &mut self.mean_s,
            &mut self.p50_s,
            &mut self.p95_s,
            &mut self.p99_s,
            &mut self.abandoned,
            &mut self.left,
        ]
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let longest = self.tiers.iter().map(|tier| tier.tier.chars().count()).max();
        let width = longest.unwrap_or(0).max("tier".len());
        writeln!(
            f,
            "{:width$} {:>9} {:>11} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "tier", "offered", "in deadline", "mean", "p50", "p95", "p99", "max", "abandoned"
        )?;
        for tier in &self.tiers {
            write!(
                f,
                "{:width$} {:>9.0} {:>9.1} % {:>9} {:>9} {:>9} {:>9} {:>9} {:>9.0}",
                tier.tier,
                tier.offered,
                tier.in_deadline_percent,
                Wait(tier.mean_s),
                Wait(tier.p50_s),
                Wait(tier.p95_s),
                Wait(tier.p99_s),
                Wait(tier.max_s),
                tier.abandoned,
            )?;
            if tier.left > 0.0 {
                write!(f, "  ({:.0} never served)", tier.left)?;
            }
            writeln!(f)?;
        }
        if self.tiers.iter().any(|tier| tier.forecast.is_some()) {
            writeln!(
                f,
                "\n{:width$} {:>11} {:>11} {:>11} {:>9} {:>18}",
                "told", "within p50", "within p80", "within p95", "error", "moving average's"
            )?;
        }
        for tier in &self.tiers {
            let Some(told) = tier.forecast else { continue };
            writeln!(
                f,
                "{:width$} {:>9.1} % {:>9.1} % {:>9.1} % {:>9} {:>18}",
                tier.tier,
                told.within_p50_percent,
                told.within_p80_percent,
                told.within_p95_percent,
                Wait(told.error_s),
                Wait(told.average_error_s),
            )?;
        }
        Ok(())
    }
}

/// A wait in seconds, in the unit that suits it.
struct Wait(f64);

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = match self.0 {
            s if s < 1000.0 => (s, "s"),
            s if s < 36_000.0 => (s / 60.0, "min"),
            s => (s / 3600.0, "h"),
        };
        f.pad(&format!("{value:.1} {unit}"))
    }
}

/// Counts how calls end. Waits are kept to three digits.
#[derive(Clone, Debug)]
pub struct Recorder {
    tiers: Vec<Tally>,
    told: Told,
}

#[derive(Clone, Debug)]
struct Tally {
    tier: Arc<str>,
    offered_count: u64,
    in_deadline_count: u64,
    hung_up_count: u64,
    left_count: u64,
    /// The waits of those whom an agent took, in milliseconds.
    waits: Histogram<u64>,
    wait_ms_sum: f64,
}

impl Recorder {
    /// Nothing counted yet, for the tiers of `policy`.
    pub fn new(policy: &Policy) -> Self {
        let tally = |tier: Arc<str>| Tally {
            tier,
            offered_count: 0,
            in_deadline_count: 0,
            hung_up_count: 0,
            left_count: 0,
            waits: Histogram::new(3).expect("three digits are allowed"),
            wait_ms_sum: 0.0,
        };
        let tiers = policy.tiers.iter().map(|tier| tally(tier.name.clone())).collect();
        Self { tiers, told: Told::new(policy) }
    }

    /// Counts a call that is over.
    pub fn count(&mut self, outcome: &Outcome) {
        let tally = &mut self.tiers[usize::from(outcome.arrival.tier.0)];
        tally.offered_count += 1;
        tally.in_deadline_count += u64::from(outcome.in_deadline());
        match outcome.ending {
            Ending::Answered => {
                let wait_ms = u64::try_from(outcome.waited_ms).expect("a wait is not negative");
                tally.waits.record(wait_ms).expect("the histogram grows to any wait");
                tally.wait_ms_sum += float(wait_ms);
            }
            Ending::HungUp => tally.hung_up_count += 1,
            Ending::Left => tally.left_count += 1,
        }
    }

    /// What has been counted.
    pub fn report(&self) -> Report {
        let forecasts = (0..self.tiers.len()).map(|tier| self.told.report(tier));
        let tiers = self.tiers.iter().zip(forecasts);
        let tiers = tiers.map(|(tally, forecast)| TierReport { forecast, ..tally.report() });
        Report { tiers: tiers.collect() }
    }
}

impl Observer for Recorder {
    fn ended(&mut self, outcome: &Outcome) {
        self.count(outcome);
    }

    fn applied(&mut self, after: &Engine, now: Time, event: &Event) {
        self.told.observe(after, now, event);
    }
}

impl Tally {
    fn report(&self) -> TierReport {
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        let quantile_s = |q| float(self.waits.value_at_quantile(q)) / 1000.0;
        let in_deadline = share(float(self.in_deadline_count), float(self.offered_count));
        TierReport {
            tier: self.tier.to_string(),
            offered: float(self.offered_count),
            in_deadline_percent: 100.0 * in_deadline,
            mean_s: share(self.wait_ms_sum, float(self.waits.len())) / 1000.0,
            p50_s: quantile_s(0.5),
            p95_s: quantile_s(0.95),
            p99_s: quantile_s(0.99),
            max_s: float(self.waits.max()) / 1000.0,
            abandoned: float(self.hung_up_count),
            left: float(self.left_count),
            forecast: None,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and waits stay far below 2^53")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}
