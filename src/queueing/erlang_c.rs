//! Erlang B and C: agents without a queue, and agents with a queue that nobody leaves.

use super::{AGENTS_MAX, Error, Pool, arrival_rate, check_threshold, out_of_range};

/// Share of arrivals that find all `agents` busy when nobody may wait (M/M/n/n).
///
/// `offered_load` is arrivals times mean handling time (erlang, 0 or more), `agents` 0 to [`AGENTS_MAX`].
/// Source: Erlang (1917); the recursion `B_0 = 1, B_k = a B_(k-1) / (k + a B_(k-1))` keeps every step between 0 and 1,
/// so hundreds of thousands of agents neither overflow nor lose digits.
pub fn erlang_b(offered_load: f64, agents: u32) -> Result<f64, Error> {
    if !(offered_load.is_finite() && offered_load >= 0.0) {
        return Err(out_of_range("offered_load", offered_load, "zero or more, and finite"));
    }
    if agents > AGENTS_MAX {
        return Err(out_of_range(
            "agents",
            f64::from(agents),
            format!("between 0 and {AGENTS_MAX}"),
        ));
    }
    Ok(all_busy_share(offered_load, 0, agents))
}

/// Erlang's recursion begun at `busy_min` agents that are never idle: the share of time all are busy in a loss system
/// whose number of busy agents lives between `busy_min` and `agents`. With `busy_min = 0` that is Erlang B.
pub(super) fn all_busy_share(offered_load: f64, busy_min: u32, agents: u32) -> f64 {
    (busy_min + 1..=agents).fold(1.0, |share, busy| {
        let carried = offered_load * share;
        carried / (f64::from(busy) + carried)
    })
}

/// The same system with a queue instead of a loss: `C = B / (1 - rho (1 - B))`.
pub(super) fn delay_share(offered_load: f64, busy_min: u32, agents: u32) -> f64 {
    let blocked = all_busy_share(offered_load, busy_min, agents);
    let rho = offered_load / f64::from(agents);
    blocked / (1.0 - rho + rho * blocked)
}

/// First come first served by a pool, with endless patience (M/M/n).
///
/// Source: Erlang (1917); Gans, Koole and Mandelbaum (2003).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErlangC {
    pool: Pool,
    rate: f64,
    p_wait: f64,
}

impl ErlangC {
    /// Refused when the arrivals are not below what the pool can serve.
    pub fn new(pool: Pool, arrivals_per_hour: f64) -> Result<Self, Error> {
        let pool = pool.checked()?;
        let rate = arrival_rate("arrivals_per_hour", arrivals_per_hour)?;
        pool.check_stable("arrivals_per_hour", rate)?;
        Ok(Self { pool, rate, p_wait: delay_share(rate * pool.handle_s, 0, pool.agents) })
    }

    /// Arrivals times mean handling time, in erlang: the agents that are busy on average.
    pub fn offered_load(&self) -> f64 {
        self.rate * self.pool.handle_s
    }

    /// Share of the agents' time that is taken, below 1.
    pub fn rho(&self) -> f64 {
        self.offered_load() / f64::from(self.pool.agents)
    }

    /// Share of arrivals that wait at all.
    pub fn p_wait(&self) -> f64 {
        self.p_wait
    }

    /// Mean wait of all arrivals, in seconds (average speed of answer).
    pub fn mean_wait_s(&self) -> f64 {
        self.p_wait * self.mean_wait_if_delayed_s()
    }

    /// Mean wait of those who wait at all, in seconds.
    pub fn mean_wait_if_delayed_s(&self) -> f64 {
        1.0 / (self.pool.total_rate() - self.rate)
    }

    /// Mean number of waiting tickets (Little's law).
    pub fn mean_queue(&self) -> f64 {
        self.rate * self.mean_wait_s()
    }

    /// Share of arrivals that wait longer than `threshold_s` seconds.
    pub fn p_wait_longer(&self, threshold_s: f64) -> Result<f64, Error> {
        check_threshold(threshold_s)?;
        Ok(self.p_wait * (-threshold_s / self.mean_wait_if_delayed_s()).exp())
    }

    /// Share of arrivals that wait `threshold_s` seconds or less.
    pub fn service_level(&self, threshold_s: f64) -> Result<f64, Error> {
        Ok(1.0 - self.p_wait_longer(threshold_s)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::staffing::halfin_whitt_p_wait;
    use super::*;

    #[test]
    fn one_agent_is_the_textbook_single_server() {
        for rho in [1e-12, 0.3, 0.9, 0.999_999] {
            let pool = Pool { agents: 1, handle_s: 3600.0 };
            let queue = ErlangC::new(pool, rho).expect("stable");
            assert!((queue.p_wait() / rho - 1.0).abs() < 1e-9);
            let mean = rho / (1.0 - rho) * 3600.0;
            assert!((queue.mean_wait_s() / mean - 1.0).abs() < 1e-9);
        }
        assert!((erlang_b(2.0, 1).expect("valid") - 2.0 / 3.0).abs() < 1e-15);
        assert!((erlang_b(2.0, 0).expect("valid") - 1.0).abs() < 1e-15);
    }

    #[test]
    fn a_million_agents_and_no_load_at_all_both_give_numbers() {
        let huge = Pool { agents: AGENTS_MAX, handle_s: 300.0 };
        let busy = ErlangC::new(huge, 11_990_000.0).expect("stable");
        // So large a pool is where the square-root rule of Halfin and Whitt begins to be exact.
        let load = busy.offered_load();
        let beta = (f64::from(AGENTS_MAX) - load) / load.sqrt();
        let rule = halfin_whitt_p_wait(beta).expect("valid");
        assert!((busy.p_wait() - rule).abs() < 1e-3, "{} {rule}", busy.p_wait());
        let idle = ErlangC::new(huge, 0.0).expect("stable");
        assert_eq!(
            (idle.p_wait(), idle.mean_wait_s(), idle.service_level(0.0)),
            (0.0, 0.0, Ok(1.0))
        );
    }
}
