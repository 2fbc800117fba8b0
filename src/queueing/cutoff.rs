//! Cut-off priority: a reserve of agents for the top class, exactly, while the others wait only now and then.

use super::erlang_c::all_busy_share;
use super::laplace::{Complex, invert};
use super::priority::interrupted;
use super::{Error, Pool, ReserveBound, arrival_rate, check_threshold, overloaded, per_hour};

/// A pool with two classes: the top class is taken by any idle agent and before all others; the rest only while more
/// than `reserve` agents are idle. Each class is first come first served, and nobody is interrupted.
///
/// Let `m` be the busy agents and the waiting top tickets together. While `m` is below `c - r` both classes start at
/// once, as in Erlang B. From `c - r` on, `m` is a birth and death process of the top class alone, and the rest is
/// served, at rate `(c - r) mu`, only while `m` is exactly `c - r`: a single server with breakdowns. Cutting the chain
/// at every `m`, and at the number of waiting rest, gives all below in closed form, with no truncation.
///
/// Source of the model: Taylor and Templeton (1980), Schaack and Larson (1986). Queues with breakdowns: Avi-Itzhak and
/// Naor (1963). The wait from the number waiting: Keilson and Servi (1988).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CutOff {
    top_p_wait: f64,
    top_spare_rate: f64,
    rest_p_wait: f64,
    rest_mean_given_wait_s: f64,
    rest_capacity: f64,
    breakdowns: Breakdowns,
    rest_rate: f64,
}

impl CutOff {
    /// `reserve` is 0 to one less than the agents. Refused when the rest brings more than the reserve leaves to it
    /// (see [`Self::rest_capacity_per_hour`]).
    pub fn new(
        pool: Pool,
        reserve: u32,
        top_per_hour: f64,
        rest_per_hour: f64,
    ) -> Result<Self, Error> {
        let bound = ReserveBound::new(pool, reserve, top_per_hour)?;
        let top_rate = arrival_rate("top_per_hour", top_per_hour)?;
        let rest_rate = arrival_rate("rest_per_hour", rest_per_hour)?;
        let breakdowns = Breakdowns::new(pool, reserve, top_rate);

        let rest_capacity = breakdowns.capacity();
        let rest_mean_given_wait_s = breakdowns.mean_given_wait_s(rest_rate);
        // A reserve so large that the rest is never served, for all that f64 can tell, is an overload too.
        if !(rest_rate < rest_capacity && rest_mean_given_wait_s.is_finite()) {
            return Err(overloaded("rest_per_hour", rest_rate, rest_capacity));
        }
        // P(m >= c - r): the Erlang B share of the lower part, joined to the upper one, of whose time this share is
        // spent at c - r with none of the rest waiting.
        let blocked =
            all_busy_share((top_rate + rest_rate) * pool.handle_s, 0, pool.agents - reserve);
        let clear = breakdowns.clear_share(rest_rate);
        let rest_p_wait = blocked / (blocked + clear * (1.0 - blocked));
        Ok(Self {
            top_p_wait: rest_p_wait * bound.p_wait(),
            top_spare_rate: pool.total_rate() - top_rate,
            rest_p_wait,
            rest_mean_given_wait_s,
            rest_capacity,
            breakdowns,
            rest_rate,
        })
    }

    /// Share of the top class that waits at all.
    pub fn top_p_wait(&self) -> f64 {
        self.top_p_wait
    }

    /// Mean wait of the top class, in seconds.
    pub fn top_mean_wait_s(&self) -> f64 {
        self.top_p_wait / self.top_spare_rate
    }

    /// Share of the top class that waits longer than `threshold_s` seconds.
    pub fn top_p_wait_longer(&self, threshold_s: f64) -> Result<f64, Error> {
        check_threshold(threshold_s)?;
        Ok(self.top_p_wait * (-self.top_spare_rate * threshold_s).exp())
    }

    /// Share of the rest that waits at all: all who find `reserve` agents or fewer idle.
    pub fn rest_p_wait(&self) -> f64 {
        self.rest_p_wait
    }

    /// Mean wait of the rest, in seconds.
    pub fn rest_mean_wait_s(&self) -> f64 {
        self.rest_p_wait * self.rest_mean_given_wait_s
    }

    /// Share of the rest that waits longer than `threshold_s` seconds, to about 1e-11.
    pub fn rest_p_wait_longer(&self, threshold_s: f64) -> Result<f64, Error> {
        check_threshold(threshold_s)?;
        if threshold_s == 0.0 {
            return Ok(self.rest_p_wait);
        }
        let given_wait = invert(threshold_s, |s| self.breakdowns.tail(s, self.rest_rate));
        Ok(self.rest_p_wait * given_wait.clamp(0.0, 1.0))
    }

    /// The rest must stay below this, per hour: what the top class and its reserve leave of the pool.
    pub fn rest_capacity_per_hour(&self) -> f64 {
        per_hour(self.rest_capacity)
    }
}

/// The server that the rest sees while it must wait: it works at `work_rate`, breaks down when a top ticket arrives,
/// and is repaired when as many top tickets have gone.
///
/// With `eta(s) = s + l (1 - E(s))`, `E` the transform of a repair, one second of work costs `eta` of time. `stretch`
/// and `bend` are its first two terms: `eta(s) = stretch s - bend s^2 + ...`
#[derive(Debug, Clone, Copy, PartialEq)]
struct Breakdowns {
    pool: Pool,
    reserve: u32,
    top_rate: f64,
    work_rate: f64,
    stretch: f64,
    bend: f64,
}

impl Breakdowns {
    fn new(pool: Pool, reserve: u32, top_rate: f64) -> Self {
        // With all agents busy a repair is a busy period of a single server of rate c mu.
        let all = pool.total_rate();
        let free = 1.0 - top_rate / all;
        let mut stretch = 1.0 / free;
        let mut bend = top_rate * (stretch / all).powi(2) / free;
        // Then one agent less at a time: E_j = j mu / (j mu + eta_j), eta_(j-1) = s + l (1 - E_j).
        for busy in (pool.agents - reserve + 1..=pool.agents).rev() {
            let rate = f64::from(busy) * pool.service_rate();
            bend = top_rate * (bend / rate + (stretch / rate).powi(2));
            stretch = 1.0 + top_rate * stretch / rate;
        }
        let work_rate = f64::from(pool.agents - reserve) * pool.service_rate();
        Self { pool, reserve, top_rate, work_rate, stretch, bend }
    }

    /// `eta(s)`.
    fn eta(&self, s: Complex) -> Complex {
        let (most, least) = (self.pool.agents, self.pool.agents - self.reserve + 1);
        (least..=most).rev().fold(
            interrupted(s, self.top_rate, self.pool.total_rate()),
            |eta, busy| {
                let rate = f64::from(busy) * self.pool.service_rate();
                // 1 - E_j = eta_j / (j mu + eta_j), which does not cancel.
                s + eta / (eta + rate) * self.top_rate
            },
        )
    }

    /// What the server can do in the long run, a second.
    fn capacity(&self) -> f64 {
        self.work_rate / self.stretch
    }

    /// Share of the time in which the rest must wait that the server works and has none to serve.
    fn clear_share(&self, rest_rate: f64) -> f64 {
        1.0 / self.stretch - rest_rate / self.work_rate
    }

    fn mean_given_wait_s(&self, rest_rate: f64) -> f64 {
        self.bend / self.stretch
            + (rest_rate * self.bend + self.stretch) / (self.work_rate - rest_rate * self.stretch)
    }

    /// Transform of P(wait > t), given a wait. The wait has the transform `p v eta / (v s - (l - s) eta)`, with `v` the
    /// work rate, `l` the arrivals of the rest and `p` the share of time that is clear.
    fn tail(&self, s: Complex, rest_rate: f64) -> Complex {
        let eta = self.eta(s);
        let both = s * self.work_rate + s * eta;
        (both - eta * (self.work_rate / self.stretch)) / (s * (both - eta * rest_rate))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Priority;
    use super::*;

    #[test]
    fn without_a_reserve_it_is_static_priority() {
        for (agents, handle_s, top, rest) in
            [(1, 180.0, 6.0, 6.0), (8, 176.9, 40.0, 86.2), (300, 240.0, 500.0, 3_900.0)]
        {
            let pool = Pool { agents, handle_s };
            let cut = CutOff::new(pool, 0, top, rest).expect("stable");
            let plain = Priority::new(pool, &[top, rest]).expect("valid");
            assert!((cut.top_p_wait() - plain.p_wait()).abs() < 1e-12);
            assert!((cut.rest_p_wait() - plain.p_wait()).abs() < 1e-12);
            for (mine, class) in [(cut.top_mean_wait_s(), 1), (cut.rest_mean_wait_s(), 2)] {
                let theirs = plain.mean_wait_s(class).expect("stable");
                assert!((mine / theirs - 1.0).abs() < 1e-9, "{agents} agents, class {class}");
            }
            for t in [0.0, 0.5, 20.0, 300.0, 5_000.0] {
                let mine = cut.rest_p_wait_longer(t).expect("valid");
                let theirs = plain.p_wait_longer(2, t).expect("stable");
                assert!((mine - theirs).abs() < 1e-10, "{agents} agents, {t} s");
            }
        }
    }

    /// The chain itself, (m, waiting rest) truncated far out, by repeated sweeps: slow, plain, and independent.
    fn solve_chain(agents: usize, reserve: usize, top: f64, rest: f64) -> [f64; 4] {
        let (levels, waiting_max) = (agents + 40, 120);
        let cut = agents - reserve;
        let width = waiting_max + 1;
        let at = |m: usize, waiting: usize| m * width + waiting;
        let mut moves: Vec<(usize, usize, f64)> = Vec::new();
        for m in 0..=levels {
            for waiting in 0..=if m < cut { 0 } else { waiting_max } {
                let here = at(m, waiting);
                if m < levels {
                    moves.push((here, at(m + 1, waiting), top));
                }
                if m < cut {
                    moves.push((here, at(m + 1, 0), rest));
                } else if waiting < waiting_max {
                    moves.push((here, at(m, waiting + 1), rest));
                }
                let busy = f64::from(u32::try_from(m.min(agents)).expect("small"));
                if m == cut && waiting > 0 {
                    moves.push((here, at(m, waiting - 1), busy));
                } else if m > 0 {
                    moves.push((here, at(m - 1, waiting), busy));
                }
            }
        }
        let states = (levels + 1) * width;
        let (mut into, mut out) = (vec![Vec::new(); states], vec![0.0; states]);
        for &(from, to, rate) in &moves {
            into[to].push((from, rate));
            out[from] += rate;
        }
        let mut p: Vec<f64> = out.iter().map(|&rate| if rate > 0.0 { 1.0 } else { 0.0 }).collect();
        for _ in 0..6_000 {
            for state in (0..states).filter(|&state| out[state] > 0.0) {
                p[state] = into[state].iter().map(|&(from, rate)| p[from] * rate).sum::<f64>()
                    / out[state];
            }
            let sum: f64 = p.iter().sum();
            for value in &mut p {
                *value /= sum;
            }
        }
        let mut found = [0.0; 4];
        for m in 0..=levels {
            for waiting in 0..width {
                let weight = p[at(m, waiting)];
                let count = |number: usize| f64::from(u32::try_from(number).expect("small"));
                if m >= agents {
                    found[0] += weight;
                    found[1] += weight * count(m - agents) / top;
                }
                if m >= cut {
                    found[2] += weight;
                }
                found[3] += weight * count(waiting) / rest;
            }
        }
        found
    }

    #[test]
    fn the_closed_form_is_the_solution_of_the_chain() {
        // Time is counted in handling times here: one a second makes 3600 an hour.
        for (agents, reserve, top, rest) in
            [(3, 1, 0.6, 0.9), (4, 2, 1.0, 0.5), (2, 1, 0.3, 0.3), (3, 0, 0.5, 1.5)]
        {
            let pool = Pool { agents, handle_s: 1.0 };
            let cut = CutOff::new(pool, reserve, top * 3600.0, rest * 3600.0).expect("stable");
            let closed = [
                cut.top_p_wait(),
                cut.top_mean_wait_s(),
                cut.rest_p_wait(),
                cut.rest_mean_wait_s(),
            ];
            let chain = solve_chain(agents as usize, reserve as usize, top, rest);
            for (mine, theirs) in closed.iter().zip(chain) {
                assert!(
                    (mine / theirs - 1.0).abs() < 1e-7,
                    "{agents}/{reserve}: {closed:?} {chain:?}"
                );
            }
        }
    }

    #[test]
    fn the_tail_of_the_rest_integrates_to_its_mean_and_only_falls() {
        let pool = Pool { agents: 40, handle_s: 240.0 };
        for reserve in [0, 1, 2, 3] {
            let cut = CutOff::new(pool, reserve, 80.0, 440.0).expect("stable");
            let mean = cut.rest_mean_wait_s();
            let tail = |t| cut.rest_p_wait_longer(t).expect("valid");
            // Midpoint rule in x with t = x^3: the points lie where the tail falls fastest.
            let (points, width) = (20_000_u32, (60.0 * mean / cut.rest_p_wait()).cbrt());
            let step = width / f64::from(points);
            let (mut sum, mut last) = (0.0, tail(0.0));
            for index in 0..points {
                let x = (f64::from(index) + 0.5) * step;
                let value = tail(x * x * x);
                assert!(value <= last + 1e-11, "reserve {reserve} at {} s", x * x * x);
                last = value;
                sum += 3.0 * x * x * step * value;
            }
            assert!((sum / mean - 1.0).abs() < 1e-6, "reserve {reserve}: {sum} for {mean}");
        }
    }

    #[test]
    fn the_bound_holds_and_is_met_as_the_rest_floods_in() {
        let pool = Pool { agents: 40, handle_s: 240.0 };
        for reserve in 0..10 {
            let bound = ReserveBound::new(pool, reserve, 80.0).expect("valid");
            let capacity =
                CutOff::new(pool, reserve, 80.0, 0.0).expect("stable").rest_capacity_per_hour();
            let mut last = 0.0;
            for share in [0.0, 0.5, 0.9, 0.99, 0.999_999_9] {
                let cut = CutOff::new(pool, reserve, 80.0, share * capacity).expect("stable");
                assert!(cut.top_p_wait() >= last && cut.top_p_wait() <= bound.p_wait());
                last = cut.top_p_wait();
            }
            assert!((last / bound.p_wait() - 1.0).abs() < 1e-5);
            let flood = CutOff::new(pool, reserve, 80.0, capacity * 1.000_001);
            assert!(matches!(flood, Err(Error::Overloaded { .. })));
        }
    }

    #[test]
    fn a_reserve_that_leaves_nothing_is_refused_and_not_a_strange_number() {
        let pool = Pool { agents: 5_000, handle_s: 240.0 };
        let nothing_left = CutOff::new(pool, 4_999, 74_000.0, 1.0);
        assert!(matches!(nothing_left, Err(Error::Overloaded { .. })), "{nothing_left:?}");
        assert!(CutOff::new(pool, 4_999, 74_000.0, 0.0).is_err());
        let quiet = CutOff::new(pool, 100, 0.0, 0.0).expect("stable");
        assert_eq!((quiet.top_p_wait(), quiet.rest_mean_wait_s()), (0.0, 0.0));
    }
}
