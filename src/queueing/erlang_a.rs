//! Erlang A: a queue whose callers hang up when their patience ends.
//!
//! The closed form (with an incomplete gamma function) overflows for hundreds of agents. Here the probabilities come
//! from the stationary distribution itself, summed outward from its largest term, and the wait from an integral
//! scaled by its peak; both add positive numbers only and hold for any load, size and patience.

use super::{Error, Pool, arrival_rate, check_duration, check_threshold};

/// First come first served by a pool, with exponential patience (M/M/n+M). Overload is allowed: patience ends it.
///
/// Source: Palm (1957); Garnett, Mandelbaum and Reiman (2002); Zeltyn and Mandelbaum (2005).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErlangA {
    pool: Pool,
    rate: f64,
    /// Hang-ups a second of one waiting caller.
    impatience: f64,
    p_wait: f64,
    p_no_wait: f64,
    mean_queue: f64,
    occupancy: f64,
}

/// A state this much rarer than the sum so far ends the sum. What is left out is smaller than the rounding, even when
/// the terms fall as slowly as the accepted inputs allow.
const NEGLIGIBLE: f64 = 1e-28;

impl ErlangA {
    /// `patience_s` is the mean time until a waiting caller hangs up, in seconds.
    pub fn new(pool: Pool, arrivals_per_hour: f64, patience_s: f64) -> Result<Self, Error> {
        let pool = pool.checked()?;
        let rate = arrival_rate("arrivals_per_hour", arrivals_per_hour)?;
        check_duration("patience_s", patience_s)?;
        let impatience = 1.0 / patience_s;
        let agents = f64::from(pool.agents);

        // Departures a second with `present` tickets, waiting and in service.
        let departures = |present: f64| {
            let waiting = (present - agents).max(0.0);
            present.min(agents) * pool.service_rate() + waiting * impatience
        };
        // The most likely state: where the departures reach the arrivals.
        let excess = rate - pool.total_rate();
        let mode = if excess < 0.0 {
            (rate * pool.handle_s).floor().min(agents)
        } else {
            agents + (excess * patience_s).floor()
        };

        let mut sums = Sums::default();
        sums.add(mode, agents, 1.0);
        let (mut present, mut weight) = (mode, 1.0);
        loop {
            present += 1.0;
            weight *= rate / departures(present);
            // Past the last agent only the waiting matters: small as it is, it is to be right in proportion.
            if weight == 0.0 || (present > agents && weight < NEGLIGIBLE * sums.wait) {
                break;
            }
            sums.add(present, agents, weight);
        }
        (present, weight) = (mode, 1.0);
        while present > 0.0 {
            weight *= departures(present) / rate;
            present -= 1.0;
            if weight < NEGLIGIBLE * sums.total() {
                break;
            }
            sums.add(present, agents, weight);
        }

        let total = sums.total();
        Ok(Self {
            pool,
            rate,
            impatience,
            p_wait: sums.wait / total,
            p_no_wait: sums.no_wait / total,
            mean_queue: sums.queue / total,
            occupancy: sums.busy / total / agents,
        })
    }

    /// Arrivals times mean handling time, in erlang.
    pub fn offered_load(&self) -> f64 {
        self.rate * self.pool.handle_s
    }

    /// Offered load an agent; may be 1 or more.
    pub fn rho(&self) -> f64 {
        self.offered_load() / f64::from(self.pool.agents)
    }

    /// Share of arrivals that wait at all.
    pub fn p_wait(&self) -> f64 {
        self.p_wait
    }

    /// Share of arrivals that hang up.
    pub fn p_abandon(&self) -> f64 {
        self.impatience * self.mean_wait_s()
    }

    /// Mean time in the queue of all arrivals, in seconds, whether it ends with an agent or a hang-up.
    pub fn mean_wait_s(&self) -> f64 {
        if self.rate == 0.0 { 0.0 } else { self.mean_queue / self.rate }
    }

    /// Mean number of waiting callers.
    pub fn mean_queue(&self) -> f64 {
        self.mean_queue
    }

    /// Share of the agents' time that is taken.
    pub fn occupancy(&self) -> f64 {
        self.occupancy
    }

    /// Share of *all* arrivals that an agent takes within `threshold_s` seconds. A hang-up counts as missed, however
    /// early it comes.
    pub fn service_level(&self, threshold_s: f64) -> Result<f64, Error> {
        check_threshold(threshold_s)?;
        let served = ServedAfterWait::new(self.rate, self.pool.total_rate(), self.impatience);
        let share = served.share_within(threshold_s).clamp(0.0, 1.0);
        Ok((self.p_no_wait + self.p_wait * share).min(1.0))
    }
}

/// Weights of the states, summed by what they mean.
#[derive(Default)]
struct Sums {
    no_wait: f64,
    wait: f64,
    queue: f64,
    busy: f64,
}

impl Sums {
    fn add(&mut self, present: f64, agents: f64, weight: f64) {
        if present < agents {
            self.no_wait += weight;
        } else {
            self.wait += weight;
            self.queue += (present - agents) * weight;
        }
        self.busy += present.min(agents) * weight;
    }

    fn total(&self) -> f64 {
        self.no_wait + self.wait
    }
}

/// When those who find all agents busy are taken by one.
///
/// Let `V` be the wait of a caller of endless patience who finds all agents busy. Its density at `u` is proportional to
/// `exp(l (1 - e^(-th u)) / th - n mu u)` (Zeltyn and Mandelbaum 2005), and such a caller is still there
/// after `u` with `e^(-th u)`. So the share taken within T is `I(T) / J` with
/// `I(T) = int_0^T exp(psi(u)) du`, `psi(u) = l (1 - e^(-th u)) / th - (n mu + th) u`,
/// and, because `int (n mu - l e^(-th u)) exp(...) du = 1`, `n mu J = 1 + l I(infinity)`.
///
/// `psi` is concave. All is counted from its peak, where `exp` is 1, so that nothing overflows.
struct ServedAfterWait {
    rate: f64,
    total_rate: f64,
    impatience: f64,
    /// Where `psi` is largest, in seconds.
    peak_s: f64,
    /// `exp(-psi(peak))`.
    scale: f64,
    /// Slope and curvature on the way down from the peak.
    slope: f64,
    curve: f64,
    /// Beyond these times the integrand is not worth a digit.
    from_s: f64,
    to_s: f64,
}

/// exp(-45) is below 3e-20.
const LOG_DROP_MAX: f64 = 45.0;

impl ServedAfterWait {
    fn new(rate: f64, total_rate: f64, impatience: f64) -> Self {
        let leave_rate = total_rate + impatience;
        let overload = rate / leave_rate - 1.0;
        let (peak_s, peak, slope, curve) = if overload > 0.0 {
            let log = overload.ln_1p();
            let curve = leave_rate / impatience;
            (log / impatience, curve * (overload - log), 0.0, curve)
        } else {
            (0.0, 0.0, leave_rate - rate, rate / impatience)
        };
        let mut it = Self {
            rate,
            total_rate,
            impatience,
            peak_s,
            scale: (-peak).exp(),
            slope,
            curve,
            from_s: 0.0,
            to_s: 0.0,
        };
        // psi falls at least as steeply as a line of slope `leave_rate` from some point on, and by the curve before.
        let mut reach = 1.0 / leave_rate;
        while it.log_drop(reach) < LOG_DROP_MAX {
            reach *= 2.0;
        }
        it.to_s = peak_s + it.distance_of_drop(reach);
        it.from_s = if it.log_drop(-peak_s) > LOG_DROP_MAX {
            peak_s + it.distance_of_drop(-peak_s)
        } else {
            0.0
        };
        it
    }

    /// `psi(peak) - psi(peak + v)`.
    fn log_drop(&self, v: f64) -> f64 {
        self.slope * v + self.curve * exp_less_line(self.impatience * v)
    }

    /// The point between the peak and `beyond` where the drop reaches its maximum, by bisection.
    fn distance_of_drop(&self, beyond: f64) -> f64 {
        let (mut inside, mut outside) = (0.0, beyond);
        for _ in 0..60 {
            let middle = 0.5 * (inside + outside);
            if self.log_drop(middle) < LOG_DROP_MAX {
                inside = middle;
            } else {
                outside = middle;
            }
        }
        outside
    }

    /// Share of those who wait that an agent takes within `threshold_s` seconds.
    fn share_within(&self, threshold_s: f64) -> f64 {
        let all = self.integral(self.to_s);
        let within = self.integral(threshold_s.min(self.to_s));
        self.total_rate * within / (self.scale + self.rate * all)
    }

    /// `I(to) exp(-psi(peak))`, by Gauss-Legendre quadrature in panels that are short beside every feature of a
    /// concave exponent that falls by [`LOG_DROP_MAX`] over all of them.
    fn integral(&self, to_s: f64) -> f64 {
        const PANELS: u32 = 64;
        // Abscissae and weights of the 8-point rule: Abramowitz and Stegun (1964), table 25.4.
        const RULE: [(f64, f64); 4] = [
            (0.183_434_642_495_649_8, 0.362_683_783_378_362),
            (0.525_532_409_916_329, 0.313_706_645_877_887_3),
            (0.796_666_477_413_626_7, 0.222_381_034_453_374_5),
            (0.960_289_856_497_536_3, 0.101_228_536_290_376_3),
        ];
        if to_s <= self.from_s {
            return 0.0;
        }
        let half = 0.5 * (to_s - self.from_s) / f64::from(PANELS);
        let value = |u: f64| (-self.log_drop(u - self.peak_s)).exp();
        let panel = |index: u32| {
            let middle = self.from_s + half * (2.0 * f64::from(index) + 1.0);
            RULE.iter()
                .map(|(x, w)| w * (value(middle - half * x) + value(middle + half * x)))
                .sum::<f64>()
        };
        half * (0..PANELS).map(panel).sum::<f64>()
    }
}

/// `e^(-z) - 1 + z`, without losing digits near zero.
fn exp_less_line(z: f64) -> f64 {
    if z.abs() > 0.1 {
        return (-z).exp_m1() + z;
    }
    // The Taylor series from z^2/2 to z^9/9!; the next term is below 1e-15 of the first.
    (3..=9).rev().fold(1.0, |inner, power| 1.0 - inner * z / f64::from(power)) * 0.5 * z * z
}

#[cfg(test)]
mod tests {
    use super::super::{ErlangC, erlang_b};
    use super::*;

    fn queue(agents: u32, handle_s: f64, arrivals_per_hour: f64, patience_s: f64) -> ErlangA {
        ErlangA::new(Pool { agents, handle_s }, arrivals_per_hour, patience_s).expect("valid")
    }

    /// Sizes, loads and patience from a lone agent to a thousand, from idle to ten times too much.
    fn cases() -> impl Iterator<Item = ErlangA> {
        let agents = [1, 2, 8, 60, 518, 1000];
        let loads = [0.001, 0.5, 0.95, 1.0, 1.05, 2.0, 10.0];
        let patience = [0.5, 30.0, 240.0, 5_000.0, 1e6];
        agents.into_iter().flat_map(move |agents| {
            loads.into_iter().flat_map(move |load| {
                let arrivals = load * f64::from(agents) * 3600.0 / 240.0;
                patience.into_iter().map(move |patience| queue(agents, 240.0, arrivals, patience))
            })
        })
    }

    #[test]
    fn the_series_agrees_with_the_function_it_replaces() {
        for z in [0.1_f64, -0.1, 0.099, -0.05] {
            let direct = (-z).exp_m1() + z;
            assert!((exp_less_line(z) / direct - 1.0).abs() < 1e-13, "{z}");
        }
        assert!((exp_less_line(1e-9) / 0.5e-18 - 1.0).abs() < 1e-9);
    }

    #[test]
    fn arrivals_are_served_or_hang_up_and_agents_are_as_busy_as_that_makes_them() {
        for case in cases() {
            let served = case.rate * (1.0 - case.p_abandon());
            let busy = case.occupancy() * case.pool.total_rate();
            assert!((served / busy - 1.0).abs() < 1e-9, "{case:?}");
        }
    }

    #[test]
    fn all_who_do_not_hang_up_are_served_in_the_end() {
        // Two independent ways: the stationary distribution, and the integral over the wait.
        for case in cases() {
            let served = case.service_level(1e9).expect("valid");
            assert!((served - (1.0 - case.p_abandon())).abs() < 1e-10, "{case:?}: {served}");
        }
    }

    #[test]
    fn the_service_level_rises_with_the_threshold_from_those_who_need_not_wait() {
        for case in cases() {
            let mut last = case.service_level(0.0).expect("valid");
            assert!((last - (1.0 - case.p_wait())).abs() < 1e-12);
            for threshold in [0.1, 1.0, 20.0, 100.0, 240.0, 1e3, 1e4, 1e5, 1e7] {
                let level = case.service_level(threshold).expect("valid");
                assert!(level >= last - 1e-13, "{case:?} at {threshold}: {level} after {last}");
                last = level;
            }
        }
    }

    #[test]
    fn the_closed_form_gives_the_same_where_it_can_be_summed() {
        // A = 1 + y/(x+1) (1 + y/(x+2) (...)), P(W>0) = A B / (1 + (A-1) B), P(Ab | W>0) = 1/(rho A) + 1 - 1/rho.
        for (agents, load, patience) in
            [(1, 0.5, 60.0), (6, 6.2, 231.6), (40, 44.0, 300.0), (518, 500.0, 240.0)]
        {
            let handle_s = 240.0;
            let case = queue(agents, handle_s, load * 3600.0 / handle_s, patience);
            let (x, y) = (f64::from(agents) * patience / handle_s, load * patience / handle_s);
            let (mut a, mut term) = (0.0, 1.0);
            for step in 1..20_000 {
                a += term;
                term *= y / (x + f64::from(step));
            }
            let b = erlang_b(load, agents).expect("valid");
            let p_wait = a * b / (1.0 + (a - 1.0) * b);
            let rho = load / f64::from(agents);
            let p_abandon = p_wait * (1.0 / (rho * a) + 1.0 - 1.0 / rho);
            assert!((case.p_wait() / p_wait - 1.0).abs() < 1e-10, "{case:?}");
            assert!((case.p_abandon() / p_abandon - 1.0).abs() < 1e-9, "{case:?}");
        }
    }

    #[test]
    fn patience_as_long_as_the_handling_time_makes_every_ticket_its_own_server() {
        // M/M/n+M with th = mu is M/M/infinity: the number present is Poisson, whatever n is.
        let case = queue(3, 200.0, 54.0, 200.0);
        let below: f64 = (1.0 + 3.0 + 4.5) * (-3.0_f64).exp();
        assert!((case.p_wait() - (1.0 - below)).abs() < 1e-13);
    }

    #[test]
    fn endless_patience_is_erlang_c() {
        for (agents, arrivals) in [(1, 5.0), (8, 100.0), (40, 540.0), (518, 7_400.0)] {
            let pool = Pool { agents, handle_s: 240.0 };
            let patient = ErlangA::new(pool, arrivals, 1e9).expect("valid");
            let endless = ErlangC::new(pool, arrivals).expect("stable");
            assert!((patient.p_wait() - endless.p_wait()).abs() < 1e-5);
            assert!((patient.mean_wait_s() / endless.mean_wait_s() - 1.0).abs() < 1e-4);
            for threshold in [0.0, 15.0, 300.0] {
                let level = patient.service_level(threshold).expect("valid");
                let limit = endless.service_level(threshold).expect("valid");
                assert!((level - limit).abs() < 1e-5, "{agents} agents, {threshold} s");
            }
        }
    }

    #[test]
    fn a_crushing_overload_and_a_quiet_night_both_give_numbers() {
        let crushed = queue(1, 1e6, 1e8, 1e6);
        assert!((crushed.occupancy() - 1.0).abs() < 1e-12);
        assert!((crushed.p_abandon() - 1.0).abs() < 1e-6);
        let never = crushed.service_level(3600.0).expect("valid");
        assert!((0.0..1e-12).contains(&never));
        let quiet = queue(518, 300.0, 0.0, 60.0);
        assert_eq!((quiet.p_wait(), quiet.p_abandon(), quiet.mean_wait_s()), (0.0, 0.0, 0.0));
        assert_eq!(quiet.service_level(10.0), Ok(1.0));
        let whisper = queue(2, 300.0, 1e-9, 60.0);
        assert!(whisper.p_wait() > 0.0 && whisper.p_wait() < 1e-18);
    }
}
