//! Exact formulas of queueing theory: the referee of the engine and the arithmetic of the planner.
//!
//! Everything here is a pure function of a few numbers. It knows nothing of tickets, tiers or policies, reads no
//! clock and draws no random number. What the formulas assume is the same everywhere: Poisson arrivals, and handling
//! times that are exponential with one mean for every class. The engine does not need these assumptions; its tests
//! use them because here the right answer is known.
//!
//! | model | question | type |
//! | --- | --- | --- |
//! | Erlang B | how often are all agents busy, when nobody waits | [`erlang_b`] |
//! | Erlang C | how long do callers wait who never hang up | [`ErlangC`] |
//! | Erlang A | and if they do hang up | [`ErlangA`] |
//! | static priority | how long does each class wait when the higher one always goes first | [`Priority`] |
//! | accumulating priority | and when waiting itself earns priority, at a rate a class | [`Accumulating`] |
//! | cut-off priority | and when some agents are kept free for the top class | [`CutOff`] |
//! | reserve bound | what does the top class get however many others wait | [`ReserveBound`] |
//! | staffing | how many agents does a target need | [`staffing`] |
//!
//! Arrivals are given per hour and durations in seconds, as contact centres count them. Probabilities are between 0
//! and 1. Every input is checked, and an [`Error`] says which one was wrong and what it may be.

mod accumulating;
mod cutoff;
mod erlang_a;
mod erlang_c;
mod laplace;
mod priority;
mod reserve;
pub mod staffing;

pub use accumulating::Accumulating;
pub use cutoff::CutOff;
pub use erlang_a::ErlangA;
pub use erlang_c::{ErlangC, erlang_b};
pub use priority::Priority;
pub use reserve::{ReserveBound, smallest_reserve};

/// The most agents a formula accepts. The recursions take one step an agent, so this is a matter of time, not truth.
pub const AGENTS_MAX: u32 = 1_000_000;
/// The most arrivals an hour, of one class or all together: more than [`AGENTS_MAX`] agents could take.
pub const ARRIVALS_PER_HOUR_MAX: f64 = 1e8;
/// The shortest handling time or patience, in seconds.
pub const DURATION_S_MIN: f64 = 1e-6;
/// The longest handling time, patience or threshold, in seconds: about 30 years.
pub const DURATION_S_MAX: f64 = 1e9;

/// An input that a formula cannot answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A number outside its range, or not a number.
    #[error("{parameter} = {value} is not {allowed}")]
    OutOfRange {
        /// The parameter, with the class in brackets (from 1) where there is one per class.
        parameter: String,
        /// What was given.
        value: f64,
        /// What is allowed, to be read after "is not".
        allowed: String,
    },
    /// More arrives than can be served, so the wait grows without end.
    #[error(
        "{parameter} = {value} is not below {capacity_per_hour}, the most that can be served an hour"
    )]
    Overloaded {
        /// The arrivals in question.
        parameter: String,
        /// What was given, per hour.
        value: f64,
        /// The arrivals must stay below this, per hour.
        capacity_per_hour: f64,
    },
    /// No number of agents, or of agents in reserve, holds the target.
    #[error("target = {target} is out of reach: at most {best}, with {count} {what}")]
    OutOfReach {
        /// The share in time that was asked for.
        target: f64,
        /// The best share there is.
        best: f64,
        /// The number of agents that gives it.
        count: u32,
        /// "agents" or "agents in reserve".
        what: &'static str,
    },
}

/// Staff who serve together: so many alike agents, each taking the same mean time for a ticket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pool {
    /// Number of agents, 1 to [`AGENTS_MAX`].
    pub agents: u32,
    /// Mean handling time in seconds, [`DURATION_S_MIN`] to [`DURATION_S_MAX`].
    pub handle_s: f64,
}

impl Pool {
    fn checked(self) -> Result<Self, Error> {
        if !(1..=AGENTS_MAX).contains(&self.agents) {
            return Err(out_of_range(
                "agents",
                f64::from(self.agents),
                format!("between 1 and {AGENTS_MAX}"),
            ));
        }
        check_duration("handle_s", self.handle_s)?;
        Ok(self)
    }

    /// Tickets that one agent finishes a second.
    fn service_rate(self) -> f64 {
        1.0 / self.handle_s
    }

    /// Tickets that all agents together finish a second.
    fn total_rate(self) -> f64 {
        f64::from(self.agents) / self.handle_s
    }

    /// Refuses what the pool cannot serve in the long run. `rate` is per second.
    fn check_stable(self, parameter: impl Into<String>, rate: f64) -> Result<(), Error> {
        if rate < self.total_rate() {
            return Ok(());
        }
        Err(overloaded(parameter, rate, self.total_rate()))
    }
}

/// By how much a set of mean waits misses the conservation law of Kleinrock (1965), as a share: 0 when it holds,
/// 0.01 when there is one per cent too much waiting.
///
/// Whatever order a pool serves its classes in, if it looks at no handling time before it is over, leaves no agent
/// idle while someone waits and interrupts nobody, `sum rho_k W_k` stays the same, and so equals what first come first
/// served gives. A reserve leaves agents idle, so the law does not hold for it.
///
/// `arrivals_per_hour` and `mean_waits_s` have one entry a class; the waits may be measured ones. Without any waiting
/// under first come first served the gap is the waiting there is, in seconds a ticket.
pub fn conservation_gap(
    pool: Pool,
    arrivals_per_hour: &[f64],
    mean_waits_s: &[f64],
) -> Result<f64, Error> {
    let rates = class_rates(arrivals_per_hour)?;
    if mean_waits_s.len() != rates.len() {
        let given = u32::try_from(mean_waits_s.len()).unwrap_or(u32::MAX);
        return Err(out_of_range(
            "number of mean_waits_s",
            f64::from(given),
            format!("{}, one for each class", rates.len()),
        ));
    }
    for (index, &wait) in mean_waits_s.iter().enumerate() {
        if !(wait.is_finite() && wait >= 0.0) {
            return Err(out_of_range(
                format!("mean_waits_s[{}]", index + 1),
                wait,
                "zero or more, and finite",
            ));
        }
    }
    let total: f64 = rates.iter().sum();
    let fifo = ErlangC::new(pool, per_hour(total))?;
    if total == 0.0 {
        return Ok(0.0);
    }
    let weighted: f64 = rates.iter().zip(mean_waits_s).map(|(rate, wait)| rate * wait).sum();
    let overall_s = weighted / total;
    if fifo.mean_wait_s() == 0.0 {
        return Ok(overall_s);
    }
    Ok(overall_s / fifo.mean_wait_s() - 1.0)
}

fn out_of_range(parameter: impl Into<String>, value: f64, allowed: impl Into<String>) -> Error {
    Error::OutOfRange { parameter: parameter.into(), value, allowed: allowed.into() }
}

/// `rate` and `capacity` are per second. The error shows them per hour, without the digits that the conversion made up.
fn overloaded(parameter: impl Into<String>, rate: f64, capacity: f64) -> Error {
    let shown = |rate: f64| {
        let digits = format!("{:.11e}", per_hour(rate));
        digits.parse().expect("a number that was just formatted")
    };
    Error::Overloaded {
        parameter: parameter.into(),
        value: shown(rate),
        capacity_per_hour: shown(capacity),
    }
}

fn per_hour(rate: f64) -> f64 {
    rate * 3600.0
}

/// Arrivals an hour, checked, as a rate per second.
fn arrival_rate(parameter: impl Into<String>, arrivals_per_hour: f64) -> Result<f64, Error> {
    if (0.0..=ARRIVALS_PER_HOUR_MAX).contains(&arrivals_per_hour) {
        return Ok(arrivals_per_hour / 3600.0);
    }
    Err(out_of_range(
        parameter,
        arrivals_per_hour,
        format!("between 0 and {ARRIVALS_PER_HOUR_MAX:e}"),
    ))
}

/// Arrivals of every class, checked, as rates per second.
fn class_rates(arrivals_per_hour: &[f64]) -> Result<Vec<f64>, Error> {
    if arrivals_per_hour.is_empty() {
        return Err(out_of_range("number of classes", 0.0, "at least 1"));
    }
    let rates = arrivals_per_hour
        .iter()
        .enumerate()
        .map(|(index, &arrivals)| {
            arrival_rate(format!("arrivals_per_hour[{}]", index + 1), arrivals)
        })
        .collect::<Result<Vec<f64>, Error>>()?;
    arrival_rate("arrivals_per_hour of all classes", arrivals_per_hour.iter().sum())?;
    Ok(rates)
}

fn check_duration(parameter: &str, seconds: f64) -> Result<(), Error> {
    if (DURATION_S_MIN..=DURATION_S_MAX).contains(&seconds) {
        return Ok(());
    }
    let allowed = format!("between {DURATION_S_MIN:e} and {DURATION_S_MAX:e} seconds");
    Err(out_of_range(parameter, seconds, allowed))
}

/// A wait to compare with: like a duration, but zero is allowed.
fn check_threshold(threshold_s: f64) -> Result<(), Error> {
    if (0.0..=DURATION_S_MAX).contains(&threshold_s) {
        return Ok(());
    }
    let allowed = format!("between 0 and {DURATION_S_MAX:e} seconds");
    Err(out_of_range("threshold_s", threshold_s, allowed))
}

/// A share of tickets that shall be in time.
fn check_target(target: f64) -> Result<(), Error> {
    if target > 0.0 && target < 1.0 {
        return Ok(());
    }
    Err(out_of_range("target", target, "above 0 and below 1"))
}

/// The zero-based index of a class that is counted from 1.
fn class_index(class: usize, class_count: usize) -> Result<usize, Error> {
    if (1..=class_count).contains(&class) {
        return Ok(class - 1);
    }
    let value = f64::from(u32::try_from(class).unwrap_or(u32::MAX));
    Err(out_of_range("class", value, format!("between 1 and {class_count}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: Pool = Pool { agents: 8, handle_s: 176.9 };

    fn message<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
        result.expect_err("the input should be refused").to_string()
    }

    #[test]
    fn a_refusal_names_the_parameter_the_value_and_what_is_allowed() {
        let nobody = Pool { agents: 0, ..POOL };
        assert_eq!(message(ErlangC::new(nobody, 1.0)), "agents = 0 is not between 1 and 1000000");
        let never_done = Pool { handle_s: f64::INFINITY, ..POOL };
        assert_eq!(
            message(ErlangC::new(never_done, 1.0)),
            "handle_s = inf is not between 1e-6 and 1e9 seconds"
        );
        assert_eq!(
            message(Priority::new(POOL, &[40.0, f64::NAN])),
            "arrivals_per_hour[2] = NaN is not between 0 and 1e8"
        );
        assert_eq!(
            message(ErlangC::new(Pool { agents: 2, handle_s: 900.0 }, 8.0)),
            "arrivals_per_hour = 8 is not below 8, the most that can be served an hour"
        );
        assert_eq!(
            message(ReserveBound::new(POOL, 8, 40.0)),
            "reserve = 8 is not between 0 and 7, one less than the agents"
        );
        assert_eq!(message(Priority::new(POOL, &[])), "number of classes = 0 is not at least 1");
        assert_eq!(
            message(ErlangA::new(POOL, 40.0, 0.0)),
            "patience_s = 0 is not between 1e-6 and 1e9 seconds"
        );
        let calm = ErlangC::new(POOL, 40.0).expect("a stable pool");
        assert_eq!(
            message(calm.service_level(-1.0)),
            "threshold_s = -1 is not between 0 and 1e9 seconds"
        );
    }

    #[test]
    fn no_input_that_is_not_a_number_or_negative_is_taken() {
        for bad in [f64::NAN, -1.0, f64::INFINITY, f64::NEG_INFINITY] {
            let odd = Pool { handle_s: bad, ..POOL };
            assert!(ErlangC::new(odd, 1.0).is_err());
            assert!(ErlangC::new(POOL, bad).is_err());
            assert!(ErlangA::new(POOL, bad, 100.0).is_err());
            assert!(ErlangA::new(POOL, 1.0, bad).is_err());
            assert!(Priority::new(POOL, &[bad, 1.0]).is_err());
            assert!(Accumulating::new(POOL, &[(1.0, bad)]).is_err());
            assert!(Accumulating::new(POOL, &[(bad, 1.0)]).is_err());
            assert!(CutOff::new(POOL, 1, bad, 1.0).is_err());
            assert!(CutOff::new(POOL, 1, 1.0, bad).is_err());
            assert!(ReserveBound::new(POOL, 1, bad).is_err());
            assert!(smallest_reserve(POOL, 1.0, bad, 0.9).is_err());
            assert!(smallest_reserve(POOL, 1.0, 15.0, bad).is_err());
            assert!(erlang_b(bad, 3).is_err());
            assert!(staffing::agents_by_erlang_c(bad, 240.0, 20.0, 0.8).is_err());
            assert!(staffing::agents_by_erlang_a(60.0, 240.0, bad, 20.0, 0.8).is_err());
            assert!(staffing::halfin_whitt_beta(bad).is_err());
            assert!(conservation_gap(POOL, &[1.0], &[bad]).is_err());
        }
    }

    #[test]
    fn the_conservation_gap_is_the_share_of_waiting_too_much() {
        let fifo = ErlangC::new(POOL, 126.2).expect("a stable pool").mean_wait_s();
        let gap = |waits: &[f64]| conservation_gap(POOL, &[40.0, 86.2], waits);
        assert!(gap(&[fifo, fifo]).expect("valid").abs() < 1e-12);
        let tenth_more = gap(&[1.1 * fifo, 1.1 * fifo]).expect("valid");
        assert!((tenth_more - 0.1).abs() < 1e-12);
        assert!(gap(&[fifo]).is_err());
    }
}
