//! How long a ticket will wait, and whether it will be in time: never one false number.
//!
//! Pure functions of what the engine counts ([`Outlook`]); floating point, and so outside the engine,
//! which decides nothing by them. `passage` is the distribution of a wait, `coverage` counts whether
//! what was told came true.

mod coverage;
mod passage;

pub use coverage::{Coverage, TOLD_MAX, TOLD_SHARES, TierCoverage, Told};
pub use passage::Passage;

use crate::engine::Engine;
use crate::engine::model::{PoolSet, Ticket, Time};
use crate::engine::outlook::{Outlook, Prospect};
use std::fmt::{self, Write as _};

/// Up to this probability of missing it a deadline is "on time".
pub const ON_TIME_MAX: f64 = 0.05;
/// From this probability of missing it on a deadline is "late already".
pub const LATE_MIN: f64 = 0.95;
/// While nobody is signed in, a deadline nearer than this is "late already": it takes people longer to
/// come. In milliseconds.
pub const SIGN_IN_MS: i64 = 900_000;
/// The wait of the last one picked up counts for nothing after this, in milliseconds.
const LAST_ENTERED_MS_MAX: i64 = 1_800_000;
/// Who waited less was not delayed, and says nothing of those who are.
const LAST_ENTERED_MS_MIN: i64 = 1000;
/// Nothing is forecast further than this, in milliseconds: 30 days.
const WAIT_MS_MAX: f64 = 2_592_000_000.0;

/// What an expected wait rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// What is ahead, who is on duty, and their measured handling time.
    Measured,
    /// The handling time is not known yet: the wait of the last one who was picked up.
    LastEntered,
    /// Neither is known: an assumed handling time.
    Assumed,
}

impl Basis {
    /// The basis in answers and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::LastEntered => "last-entered",
            Self::Assumed => "assumed",
        }
    }
}

/// Expected wait from now: not exceeded in so many of 100 cases. In milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantiles {
    /// In 50.
    pub p50_ms: i64,
    /// In 80.
    pub p80_ms: i64,
    /// In 95.
    pub p95_ms: i64,
}

impl Quantiles {
    /// In the order of [`TOLD_SHARES`].
    pub fn all_ms(self) -> [i64; 3] {
        [self.p50_ms, self.p80_ms, self.p95_ms]
    }
}

/// Whether a response deadline will be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Missed in at most [`ON_TIME_MAX`] of all cases.
    OnTime,
    /// It may be missed.
    AtRisk,
    /// Missed in at least [`LATE_MIN`] of all cases, or nobody is there.
    LateAlready,
}

impl Verdict {
    /// The verdict in answers and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnTime => "on-time",
            Self::AtRisk => "at-risk",
            Self::LateAlready => "late-already",
        }
    }
}

/// What is expected of a ticket that waits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// How much longer it will wait; `None` while nobody is signed in.
    pub wait: Option<Quantiles>,
    /// What that rests on.
    pub basis: Basis,
    /// Whether it will be picked up by its response deadline.
    pub verdict: Verdict,
    /// The probability that it will not; `None` while nobody is signed in.
    pub miss: Option<f64>,
    /// What it rests on, in numbers: in the pools that will serve it soonest.
    pub prospect: Prospect,
    /// Milliseconds to its response deadline; negative when it has passed.
    pub slack_ms: i64,
}

impl Forecast {
    /// The forecast for a ticket that waits in `engine`.
    pub fn of(engine: &Engine, ticket: &Ticket, now: Time) -> Self {
        Self::from_outlook(&engine.outlook(ticket, now))
    }

    /// The forecast that an outlook gives.
    pub fn from_outlook(outlook: &Outlook) -> Self {
        let slack_ms = outlook.respond_by.since_ms(outlook.at);
        let prospects = || std::iter::once(&outlook.now).chain(&outlook.later);
        let staffed = prospects().filter(|prospect| prospect.signed_in_count > 0);
        let ways = staffed.map(|prospect| Way::of(prospect, outlook));
        let best = ways.clone().min_by(|a, b| a.mean_ms().total_cmp(&b.mean_ms()));
        let Some(best) = best else {
            let late = slack_ms <= SIGN_IN_MS;
            return Self {
                wait: None,
                basis: Basis::Assumed,
                verdict: if late { Verdict::LateAlready } else { Verdict::AtRisk },
                miss: None,
                prospect: outlook.now,
                slack_ms,
            };
        };
        // Whichever pools come first: of each quantile, and of the chance, the best.
        let at = |share| {
            let best = ways.clone().map(|way| way.quantile_ms(share)).min_by(f64::total_cmp);
            whole_ms(best.expect("there is a way"))
        };
        let misses = ways.clone().map(|way| way.longer_than(slack_ms));
        let miss = misses.min_by(f64::total_cmp).expect("there is a way");
        Self {
            wait: Some(Quantiles { p50_ms: at(0.5), p80_ms: at(0.8), p95_ms: at(0.95) }),
            basis: best.basis,
            verdict: match miss {
                miss if miss <= ON_TIME_MAX => Verdict::OnTime,
                miss if miss < LATE_MIN => Verdict::AtRisk,
                _ => Verdict::LateAlready,
            },
            miss: Some(miss),
            prospect: *best.prospect,
            slack_ms,
        }
    }

    /// Why, in a sentence; `pools` appends the names of a set of pools.
    pub fn reason(&self, pools: impl Fn(&mut String, PoolSet)) -> String {
        let mut text = String::with_capacity(128);
        self.write_reason(&mut text, pools).expect("a text takes what is written");
        text
    }

    /// Every submit is told it: written in one text, without others on the way.
    fn write_reason(&self, text: &mut String, pools: impl Fn(&mut String, PoolSet)) -> fmt::Result {
        let Prospect { pools: set, ahead_count, signed_in_count, handle_ms, .. } = self.prospect;
        let paused = self.prospect.paused;
        if signed_in_count == 0 && !paused.is_empty() && paused == set {
            pools(text, set);
            text.push_str(" paused, so nobody is given work there, ");
        } else if signed_in_count == 0 {
            text.push_str("nobody signed in for ");
            pools(text, set);
            text.push_str(", ");
        } else {
            let hands = self.prospect.hand_count.max(1);
            let agents = if signed_in_count == 1 { "agent" } else { "agents" };
            write!(text, "{ahead_count} ahead, {signed_in_count} {agents} on duty for ")?;
            pools(text, set);
            let handling = if self.prospect.handle_known { "takes" } else { "is assumed to take" };
            write!(text, " with {hands} in hand or free, a ticket {handling} ")?;
            write_span(text, handle_ms)?;
            text.push_str(", ");
        }
        if self.slack_ms < 0 {
            text.push_str("the deadline passed ");
            write_span(text, self.slack_ms.saturating_neg())?;
            text.push_str(" ago");
        } else {
            write_span(text, self.slack_ms)?;
            text.push_str(" left");
        }
        if signed_in_count > 0 && self.basis == Basis::LastEntered {
            text.push_str("; judged by the wait of the last one picked up");
        }
        Ok(())
    }
}

/// One way to an agent: pools, from when on, and the wait there.
#[derive(Clone, Copy)]
struct Way<'a> {
    prospect: &'a Prospect,
    basis: Basis,
    passage: Passage,
    from_ms: f64,
}

impl<'a> Way<'a> {
    fn of(prospect: &'a Prospect, outlook: &Outlook) -> Self {
        let fresh = outlook.last_entered_ms.filter(|(_, ago_ms)| *ago_ms <= LAST_ENTERED_MS_MAX);
        let (basis, passage) = match fresh {
            _ if prospect.handle_known
                || u64::from(prospect.spare_count) > prospect.ahead_count =>
            {
                (Basis::Measured, Passage::of(prospect))
            }
            Some((wait_ms, _)) if wait_ms >= LAST_ENTERED_MS_MIN => {
                let waited_ms = outlook.at.since_ms(outlook.submitted_at);
                let rest_ms = wait_ms.saturating_sub(waited_ms).max(wait_ms / 4);
                (Basis::LastEntered, Passage::exponential(float(rest_ms)))
            }
            Some(_) | None => (Basis::Assumed, Passage::of(prospect)),
        };
        Self { prospect, basis, passage, from_ms: float(prospect.from_ms) }
    }

    fn mean_ms(&self) -> f64 {
        self.from_ms + self.passage.mean_ms()
    }

    fn quantile_ms(&self, share: f64) -> f64 {
        self.from_ms + self.passage.quantile_ms(share)
    }

    fn longer_than(&self, ms: i64) -> f64 {
        self.passage.longer_than(float(ms) - self.from_ms)
    }
}

fn float(ms: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a wait is told to a second, not to 2^-53")]
    let float = ms as f64;
    float
}

fn whole_ms(ms: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "it is within the range before the cast")]
    let whole = ms.clamp(0.0, WAIT_MS_MAX).round() as i64;
    whole
}

/// Writes a length of time for people, to two units.
fn write_span(text: &mut String, ms: i64) -> fmt::Result {
    let seconds = ms / 1000;
    match seconds {
        0..60 if ms % 1000 == 0 || seconds >= 10 => write!(text, "{seconds} s"),
        0..60 => write!(text, "{}.{} s", seconds, ms % 1000 / 100),
        60..3600 if seconds % 60 == 0 => write!(text, "{} min", seconds / 60),
        60..3600 => write!(text, "{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => write!(text, "{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => write!(text, "{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests;
