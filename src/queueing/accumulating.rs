//! Accumulating priority: waiting itself earns priority, at a rate that depends on the class.

use super::erlang_c::delay_share;
use super::{Error, Pool, class_index, class_rates, out_of_range};

/// A pool that takes the waiting ticket with the most priority, where a ticket of class k has `b_k` times its wait
/// (accumulating priority queue M/M/c, one mean handling time, nobody interrupted).
///
/// Classes are counted from 1 in the order given, which need not be the order of their rates. Equal rates make first
/// come first served; rates far apart approach static priority.
///
/// Source: Kleinrock (1964); Sharif, Stanford, Taylor and Ziedins (2014) for several servers.
#[derive(Debug, Clone, PartialEq)]
pub struct Accumulating {
    p_wait: f64,
    mean_waits_s: Vec<f64>,
}

impl Accumulating {
    /// `classes` has arrivals per hour and the rate `b` (above 0; only ratios matter) of each class.
    pub fn new(pool: Pool, classes: &[(f64, f64)]) -> Result<Self, Error> {
        let pool = pool.checked()?;
        let arrivals: Vec<f64> = classes.iter().map(|class| class.0).collect();
        let rates = class_rates(&arrivals)?;
        for (index, &(_, b)) in classes.iter().enumerate() {
            if !(b.is_finite() && b > 0.0) {
                return Err(out_of_range(format!("b[{}]", index + 1), b, "above 0, and finite"));
            }
        }
        let total: f64 = rates.iter().sum();
        pool.check_stable("arrivals_per_hour of all classes", total)?;

        let p_wait = delay_share(total * pool.handle_s, 0, pool.agents);
        let fifo_wait_s = p_wait / (pool.total_rate() - total);
        let load = |class: usize| rates[class] / pool.total_rate();
        let b = |class: usize| classes[class].1;
        let mut slowest_first: Vec<usize> = (0..classes.len()).collect();
        slowest_first.sort_by(|&one, &other| b(one).total_cmp(&b(other)));

        // W_p = (W_fifo - sum_{b_i < b_p} r_i W_i (1 - b_i/b_p)) / (1 - sum_{b_i > b_p} r_i (1 - b_p/b_i)):
        // every wait needs only those of slower classes.
        let mut mean_waits_s = vec![0.0; classes.len()];
        for &class in &slowest_first {
            let (mut numerator, mut denominator) = (fifo_wait_s, 1.0);
            for (other, slower_wait_s) in mean_waits_s.iter().enumerate() {
                if b(other) < b(class) {
                    numerator -= load(other) * slower_wait_s * (1.0 - b(other) / b(class));
                } else {
                    denominator -= load(other) * (1.0 - b(class) / b(other));
                }
            }
            mean_waits_s[class] = numerator / denominator;
        }
        Ok(Self { p_wait, mean_waits_s })
    }

    /// Share of arrivals that wait at all, the same for every class.
    pub fn p_wait(&self) -> f64 {
        self.p_wait
    }

    /// Mean wait of a class, in seconds.
    pub fn mean_wait_s(&self, class: usize) -> Result<f64, Error> {
        class_index(class, self.mean_waits_s.len()).map(|index| self.mean_waits_s[index])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ErlangC, Priority, conservation_gap};
    use super::*;

    const POOL: Pool = Pool { agents: 12, handle_s: 240.0 };

    fn waits(classes: &[(f64, f64)]) -> Vec<f64> {
        let queue = Accumulating::new(POOL, classes).expect("stable");
        (1..=classes.len()).map(|class| queue.mean_wait_s(class).expect("in range")).collect()
    }

    #[test]
    fn equal_rates_are_first_come_first_served() {
        let fifo = ErlangC::new(POOL, 165.0).expect("stable").mean_wait_s();
        for wait in waits(&[(20.0, 0.3), (50.0, 0.3), (95.0, 0.3)]) {
            assert!((wait / fifo - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn rates_far_apart_are_static_priority() {
        let fixed = Priority::new(POOL, &[20.0, 50.0, 95.0]).expect("valid");
        for (index, wait) in waits(&[(20.0, 1.0), (50.0, 1e-9), (95.0, 1e-18)]).iter().enumerate() {
            let limit = fixed.mean_wait_s(index + 1).expect("stable");
            assert!((wait / limit - 1.0).abs() < 1e-6, "class {}", index + 1);
        }
    }

    #[test]
    fn the_order_of_the_classes_does_not_matter_and_waiting_is_conserved() {
        let ranked = [(20.0, 1.0), (50.0, 0.4), (10.0, 0.4), (40.0, 0.1), (45.0, 0.01)];
        let mixed = [ranked[3], ranked[0], ranked[4], ranked[2], ranked[1]];
        let (one, other) = (waits(&ranked), waits(&mixed));
        for (place, original) in [3, 0, 4, 2, 1].into_iter().enumerate() {
            assert!((other[place] / one[original] - 1.0).abs() < 1e-12);
        }
        assert!((one[1] / one[2] - 1.0).abs() < 1e-12, "the same rate is the same wait");
        let arrivals = ranked.map(|class| class.0);
        let gap = conservation_gap(POOL, &arrivals, &one).expect("stable");
        assert!(gap.abs() < 1e-12, "{gap}");
        assert!(one.is_sorted());
    }
}
