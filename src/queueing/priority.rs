//! Static priority without interruption: the waiting ticket of the highest class always goes first.

use super::erlang_c::delay_share;
use super::laplace::{Complex, invert};
use super::{Error, Pool, check_threshold, class_index, class_rates, overloaded};

/// A pool that serves classes in order of rank, first come first served inside a class, and interrupts nobody
/// (non-preemptive priority M/M/c, one mean handling time).
///
/// Classes are counted from 1, the highest. Lower classes may bring more than the pool can serve: then all agents are
/// always busy, and those above still have finite waits.
///
/// Source: Cobham (1954) for the means; Davis (1966) and Kella and Yechiali (1985) for several servers and the
/// distribution.
#[derive(Debug, Clone, PartialEq)]
pub struct Priority {
    pool: Pool,
    /// Arrivals a second of this class and all above it, for every class.
    up_to: Vec<f64>,
    p_wait: f64,
}

impl Priority {
    /// One entry of `arrivals_per_hour` for each class, the highest first.
    pub fn new(pool: Pool, arrivals_per_hour: &[f64]) -> Result<Self, Error> {
        let pool = pool.checked()?;
        let up_to: Vec<f64> = class_rates(arrivals_per_hour)?
            .iter()
            .scan(0.0, |sum, rate| {
                *sum += rate;
                Some(*sum)
            })
            .collect();
        let total = up_to.last().copied().expect("class_rates refuses an empty list");
        let p_wait = if total < pool.total_rate() {
            delay_share(total * pool.handle_s, 0, pool.agents)
        } else {
            1.0
        };
        Ok(Self { pool, up_to, p_wait })
    }

    /// Offered load of all classes an agent. 1 or more when the lowest classes are never all served.
    pub fn rho(&self) -> f64 {
        self.up_to.last().map_or(0.0, |total| total / self.pool.total_rate())
    }

    /// Share of arrivals that wait at all, the same for every class.
    pub fn p_wait(&self) -> f64 {
        self.p_wait
    }

    /// Mean wait of a class in seconds: `(C / (c mu)) / ((1 - s_(k-1)) (1 - s_k))`, with `s_k` the load an agent of
    /// class k and above. Refused when these alone are more than the pool can serve.
    pub fn mean_wait_s(&self, class: usize) -> Result<f64, Error> {
        let (above, with) = self.rates(class)?;
        let total_rate = self.pool.total_rate();
        Ok(self.p_wait * total_rate / ((total_rate - above) * (total_rate - with)))
    }

    /// Share of a class that waits longer than `threshold_s` seconds.
    ///
    /// For class 1 that is `C exp(-(c mu - l_1) t)`. A lower class waits, besides, for all who arrive above it
    /// meanwhile: given that it waits its wait has the transform `d / (d + eta(s))` with `d = c mu - l_1 - ... - l_k`,
    /// `eta(s) = s + l (1 - B(s))`, `l` the arrivals above class k taken together and `B` the transform of their busy
    /// period. That is inverted numerically, to about 1e-12.
    pub fn p_wait_longer(&self, class: usize, threshold_s: f64) -> Result<f64, Error> {
        check_threshold(threshold_s)?;
        let (above, with) = self.rates(class)?;
        let total_rate = self.pool.total_rate();
        let spare = total_rate - with;
        if threshold_s == 0.0 {
            return Ok(self.p_wait);
        }
        let given_wait = if above == 0.0 {
            (-spare * threshold_s).exp()
        } else {
            invert(threshold_s, |s| {
                let eta = interrupted(s, above, total_rate);
                eta / (s * (eta + spare))
            })
        };
        Ok(self.p_wait * given_wait.clamp(0.0, 1.0))
    }

    /// Arrivals a second above a class, and with it.
    fn rates(&self, class: usize) -> Result<(f64, f64), Error> {
        let index = class_index(class, self.up_to.len())?;
        let above = if index == 0 { 0.0 } else { self.up_to[index - 1] };
        let with = self.up_to[index];
        if with >= self.pool.total_rate() {
            let parameter = format!("arrivals_per_hour of classes 1 to {class}");
            return Err(overloaded(parameter, with, self.pool.total_rate()));
        }
        Ok((above, with))
    }
}

/// `eta(s) = s + l (1 - B(s))`, with `B` the transform of the busy period of a single server (M/M/1) with arrivals
/// `rate` and service `service` a second: what a second of service costs when the arrivals interrupt it.
///
/// `B = m / (m + eta)` makes it the root of `eta^2 + (m - l - s) eta - s m = 0` that is zero at `s = 0`. The
/// discriminant is `(s + a)(s + b)`; with one square root for each factor it has no cut but between `-a` and `-b`.
pub(super) fn interrupted(s: Complex, rate: f64, service: f64) -> Complex {
    let (outer, inner) = (service.sqrt() + rate.sqrt(), service.sqrt() - rate.sqrt());
    let root = (s + outer * outer).sqrt() * (s + inner * inner).sqrt();
    let linear = Complex::new(service - rate, 0.0) - s;
    // Two forms of the same root: the one whose terms do not cancel.
    if (root - linear).abs() >= (root + linear).abs() {
        (root - linear) * 0.5
    } else {
        s * (2.0 * service) / (root + linear)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ErlangC, conservation_gap};
    use super::*;

    const POOL: Pool = Pool { agents: 12, handle_s: 240.0 };

    fn simpson(intervals: u32, width: f64, value: impl Fn(f64) -> f64) -> f64 {
        let step = width / f64::from(intervals);
        let sum: f64 = (0..=intervals)
            .map(|index| {
                let weight = match index {
                    0 => 1.0,
                    last if last == intervals => 1.0,
                    odd if odd % 2 == 1 => 4.0,
                    _ => 2.0,
                };
                weight * value(f64::from(index) * step)
            })
            .sum();
        sum * step / 3.0
    }

    #[test]
    fn an_interrupted_second_keeps_its_digits_near_zero_and_far_out() {
        // eta(s) = s / (1 - l/m) - ... near zero, and s + l - ... far out.
        let near = interrupted(Complex::new(1e-12, 0.0), 0.3, 1.0).re;
        assert!((near * 0.7 / 1e-12 - 1.0).abs() < 1e-10, "{near}");
        let far = interrupted(Complex::new(1e12, 0.0), 0.3, 1.0).re;
        assert!((far - 1e12 - 0.3).abs() < 1e-3, "{far}");
    }

    #[test]
    fn the_tail_of_every_class_integrates_to_its_mean() {
        let classes = Priority::new(POOL, &[20.0, 50.0, 0.0, 70.0]).expect("valid");
        for class in 1..=4 {
            let mean = classes.mean_wait_s(class).expect("stable");
            let tail = |t| classes.p_wait_longer(class, t).expect("stable");
            // t = x^3 puts the points where the tail falls fastest.
            let width = (40.0 * mean / classes.p_wait()).cbrt();
            let sum = simpson(4000, width, |x| 3.0 * x * x * tail(x * x * x));
            assert!((sum / mean - 1.0).abs() < 1e-8, "class {class}: {sum} for {mean}");
        }
    }

    #[test]
    fn tails_fall_with_time_and_rise_with_the_class() {
        let classes = Priority::new(POOL, &[20.0, 50.0, 40.0, 60.0]).expect("valid");
        let mut last = [1.0; 4];
        for step in 0..200 {
            let t = 1e-3 * 1.1_f64.powi(step);
            let tails = [1, 2, 3, 4].map(|class| classes.p_wait_longer(class, t).expect("stable"));
            for class in 0..4 {
                assert!(tails[class] <= last[class] + 1e-12, "class {class} at {t}");
                assert!(class == 0 || tails[class] >= tails[class - 1] - 1e-12, "{class} at {t}");
            }
            last = tails;
        }
        assert!(last.iter().all(|&tail| tail < 1e-10), "{last:?}");
        assert_eq!(classes.p_wait_longer(4, 0.0), Ok(classes.p_wait()));
    }

    #[test]
    fn a_single_class_is_first_come_first_served() {
        let fifo = ErlangC::new(POOL, 170.0).expect("stable");
        for arrivals in [vec![170.0], vec![0.0, 170.0], vec![170.0, 0.0]] {
            let classes = Priority::new(POOL, &arrivals).expect("valid");
            let class = 1 + arrivals.iter().position(|&a| a > 0.0).expect("one class arrives");
            assert!((classes.p_wait() - fifo.p_wait()).abs() < 1e-14);
            assert!(
                (classes.mean_wait_s(class).expect("stable") - fifo.mean_wait_s()).abs() < 1e-9
            );
            let tail = classes.p_wait_longer(class, 100.0).expect("stable");
            assert!((tail - fifo.p_wait_longer(100.0).expect("valid")).abs() < 1e-12);
        }
        // A trickle above makes no jump: the inverted transform meets the closed form.
        let trickle = Priority::new(POOL, &[1e-9, 170.0]).expect("valid");
        let tail = trickle.p_wait_longer(2, 100.0).expect("stable");
        assert!((tail - fifo.p_wait_longer(100.0).expect("valid")).abs() < 1e-9);
    }

    #[test]
    fn priorities_move_waiting_about_and_do_not_change_how_much_there_is() {
        for arrivals in
            [vec![20.0, 50.0, 95.0], vec![1.0, 1.0, 170.0], vec![3.0; 50], vec![1e-6, 179.999]]
        {
            let classes = Priority::new(POOL, &arrivals).expect("valid");
            let waits: Vec<f64> = (1..=arrivals.len())
                .map(|class| classes.mean_wait_s(class).expect("stable"))
                .collect();
            let gap = conservation_gap(POOL, &arrivals, &waits).expect("stable");
            assert!(gap.abs() < 1e-8, "{arrivals:?}: {gap}");
            assert!(waits.is_sorted());
        }
    }

    #[test]
    fn the_classes_above_a_flood_keep_finite_waits() {
        // With everybody busy for ever the top class is a single server of rate c mu.
        let flooded = Priority::new(POOL, &[20.0, 50.0, 1e5]).expect("valid");
        assert!(flooded.p_wait() >= 1.0, "everybody waits");
        let top = flooded.mean_wait_s(1).expect("stable");
        assert!((top - 3600.0 / 160.0).abs() < 1e-9);
        assert!(flooded.mean_wait_s(2).expect("stable") > top);
        let refused = flooded.mean_wait_s(3).expect_err("overloaded").to_string();
        assert!(
            refused.starts_with("arrivals_per_hour of classes 1 to 3 = 100070 is not below 180")
        );
        assert!(flooded.p_wait_longer(3, 1.0).is_err());
        assert!(flooded.mean_wait_s(0).is_err() && flooded.mean_wait_s(4).is_err());
    }
}
