//! The reserve bound: what agents kept free for the top class guarantee it, however many others wait.

use super::erlang_c::delay_share;
use super::{Error, Pool, arrival_rate, check_target, check_threshold, out_of_range};

/// The wait of a top class for which `reserve` agents are kept free, in the worst case: everybody else always waits.
///
/// Other tickets are taken only while more than `reserve` agents are idle, so at most `agents - reserve` serve them.
/// Lower classes that are always there keep at least so many agents busy, and the busy agents above that number are
/// the top class's own: a birth and death process from `agents - reserve` upward. Any real load of the others gives
/// the top class less waiting. With a reserve of 0 everybody waits, and only the order helps.
///
/// Source: the cut-off priority queue of Taylor and Templeton (1980) and Schaack and Larson (1986), in the limit of
/// heavy lower-class traffic; Gurvich, Armony and Mandelbaum (2008) for its use in call centres.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReserveBound {
    p_wait: f64,
    /// By this the tail falls, a second.
    spare_rate: f64,
}

impl ReserveBound {
    /// `reserve` is 0 to one less than the agents; `top_per_hour` are the arrivals of the top class alone.
    pub fn new(pool: Pool, reserve: u32, top_per_hour: f64) -> Result<Self, Error> {
        let pool = pool.checked()?;
        check_reserve(pool, reserve)?;
        let rate = arrival_rate("top_per_hour", top_per_hour)?;
        pool.check_stable("top_per_hour", rate)?;
        // pi_j ~ prod_{i=c-r+1}^{c-r+j} l/(i mu) and P(wait) = tail/(sum_{j<r} pi_j + tail) are Erlang's recursion,
        // begun with c - r agents busy.
        let p_wait = delay_share(rate * pool.handle_s, pool.agents - reserve, pool.agents);
        Ok(Self { p_wait, spare_rate: pool.total_rate() - rate })
    }

    /// The largest share of the top class that waits at all.
    pub fn p_wait(&self) -> f64 {
        self.p_wait
    }

    /// The largest mean wait of the top class, in seconds.
    pub fn mean_wait_s(&self) -> f64 {
        self.p_wait / self.spare_rate
    }

    /// The largest share of the top class that waits longer than `threshold_s` seconds.
    pub fn p_wait_longer(&self, threshold_s: f64) -> Result<f64, Error> {
        check_threshold(threshold_s)?;
        Ok(self.p_wait * (-self.spare_rate * threshold_s).exp())
    }
}

/// The smallest reserve that holds `target`, the share of the top class taken within `threshold_s` seconds, under any
/// load of the other classes. [`Error::OutOfReach`] if not even all agents but one in reserve do.
pub fn smallest_reserve(
    pool: Pool,
    top_per_hour: f64,
    threshold_s: f64,
    target: f64,
) -> Result<u32, Error> {
    let pool = pool.checked()?;
    check_target(target)?;
    let in_time = |reserve: u32| -> Result<f64, Error> {
        Ok(1.0 - ReserveBound::new(pool, reserve, top_per_hour)?.p_wait_longer(threshold_s)?)
    };
    let most = pool.agents - 1;
    let best = in_time(most)?;
    if best < target {
        return Err(Error::OutOfReach { target, best, count: most, what: "agents in reserve" });
    }
    // One more in reserve never harms the top class, so halving finds the border.
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low.midpoint(high);
        if in_time(middle)? >= target {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(high)
}

pub(super) fn check_reserve(pool: Pool, reserve: u32) -> Result<(), Error> {
    if reserve < pool.agents {
        return Ok(());
    }
    let allowed = format!("between 0 and {}, one less than the agents", pool.agents - 1);
    Err(out_of_range("reserve", f64::from(reserve), allowed))
}

#[cfg(test)]
mod tests {
    use super::super::Priority;
    use super::*;

    const POOL: Pool = Pool { agents: 40, handle_s: 240.0 };

    #[test]
    fn forty_agents_hold_fifteen_seconds_for_99_per_cent_with_two_in_reserve() {
        assert_eq!(smallest_reserve(POOL, 117.0, 15.0, 0.99), Ok(2));
        assert_eq!(smallest_reserve(POOL, 117.0, 15.0, 0.85), Ok(0));
        assert_eq!(smallest_reserve(POOL, 117.0, 15.0, 0.97), Ok(1));
    }

    #[test]
    fn the_smallest_reserve_holds_and_one_less_does_not() {
        for target in [0.5, 0.9, 0.99, 0.9999, 0.999_999_9] {
            for top in [1.0, 80.0, 400.0] {
                let Ok(reserve) = smallest_reserve(POOL, top, 15.0, target) else {
                    continue;
                };
                let late = |reserve| {
                    let bound = ReserveBound::new(POOL, reserve, top).expect("valid");
                    bound.p_wait_longer(15.0).expect("valid")
                };
                assert!(1.0 - late(reserve) >= target);
                assert!(reserve == 0 || 1.0 - late(reserve - 1) < target);
            }
        }
    }

    #[test]
    fn a_target_out_of_reach_says_what_is_in_reach() {
        let lone = Pool { agents: 1, handle_s: 240.0 };
        let refused = smallest_reserve(lone, 10.0, 0.0, 0.9).expect_err("one agent, no reserve");
        assert_eq!(
            refused.to_string(),
            "target = 0.9 is out of reach: at most 0, with 0 agents in reserve"
        );
    }

    #[test]
    fn without_a_reserve_the_bound_is_priority_over_a_flood() {
        let bound = ReserveBound::new(POOL, 0, 80.0).expect("valid");
        let flooded = Priority::new(POOL, &[80.0, 1e6]).expect("valid");
        assert!(bound.p_wait() >= 1.0, "everybody waits");
        assert!(
            (bound.mean_wait_s() / flooded.mean_wait_s(1).expect("stable") - 1.0).abs() < 1e-12
        );
        let tail = flooded.p_wait_longer(1, 15.0).expect("stable");
        assert!((bound.p_wait_longer(15.0).expect("valid") / tail - 1.0).abs() < 1e-12);
    }
}
