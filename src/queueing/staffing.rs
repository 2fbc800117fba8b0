//! Staffing: the fewest agents that hold a target, exactly and by the square-root rule.

use std::f64::consts::FRAC_PI_2;

use super::{
    AGENTS_MAX, ErlangA, Error, Pool, arrival_rate, check_duration, check_target, check_threshold,
    out_of_range,
};

/// The fewest agents with which the share `target` of arrivals waits `threshold_s` seconds or less, with endless
/// patience (Erlang C).
///
/// One run of Erlang's recursion, so the search costs no more than the answer. [`Error::OutOfReach`] if
/// [`AGENTS_MAX`] agents are not enough.
pub fn agents_by_erlang_c(
    arrivals_per_hour: f64,
    handle_s: f64,
    threshold_s: f64,
    target: f64,
) -> Result<u32, Error> {
    let rate = arrival_rate("arrivals_per_hour", arrivals_per_hour)?;
    check_duration("handle_s", handle_s)?;
    check_threshold(threshold_s)?;
    check_target(target)?;
    let load = rate * handle_s;
    let (mut blocked, mut best) = (1.0, 0.0);
    for agents in 1..=AGENTS_MAX {
        blocked = load * blocked / (f64::from(agents) + load * blocked);
        let rho = load / f64::from(agents);
        if rho >= 1.0 {
            continue;
        }
        let spare_rate = f64::from(agents) / handle_s - rate;
        best = 1.0 - blocked / (1.0 - rho + rho * blocked) * (-spare_rate * threshold_s).exp();
        if best >= target {
            return Ok(agents);
        }
    }
    Err(Error::OutOfReach { target, best, count: AGENTS_MAX, what: "agents" })
}

/// The fewest agents with which an agent takes the share `target` of *all* arrivals within `threshold_s` seconds, with
/// mean patience `patience_s` (Erlang A; a hang-up counts as missed).
///
/// [`Error::OutOfReach`] if [`AGENTS_MAX`] agents are not enough.
pub fn agents_by_erlang_a(
    arrivals_per_hour: f64,
    handle_s: f64,
    patience_s: f64,
    threshold_s: f64,
    target: f64,
) -> Result<u32, Error> {
    check_target(target)?;
    let level = |agents: u32| -> Result<f64, Error> {
        ErlangA::new(Pool { agents, handle_s }, arrivals_per_hour, patience_s)?
            .service_level(threshold_s)
    };
    // The level rises with every agent: double until it holds, then halve the gap.
    let (mut low, mut high) = (1, 1);
    loop {
        let best = level(high)?;
        if best >= target {
            break;
        }
        if high == AGENTS_MAX {
            return Err(Error::OutOfReach { target, best, count: AGENTS_MAX, what: "agents" });
        }
        low = high + 1;
        high = (2 * high).min(AGENTS_MAX);
    }
    while low < high {
        let middle = low.midpoint(high);
        if level(middle)? >= target {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(high)
}

/// Share of arrivals that wait in a large pool of `a + beta sqrt(a)` agents for a load of `a` erlang:
/// `1 / (1 + beta Phi(beta) / phi(beta))`, with the normal distribution and its density.
///
/// `beta` is 0 or more. Source: Halfin and Whitt (1981).
pub fn halfin_whitt_p_wait(beta: f64) -> Result<f64, Error> {
    if !(beta.is_finite() && beta >= 0.0) {
        return Err(out_of_range("beta", beta, "zero or more, and finite"));
    }
    Ok(p_wait_at(beta))
}

/// The `beta` of [`halfin_whitt_p_wait`] for the share `p_wait` of arrivals that wait, above 0 and at most 1.
pub fn halfin_whitt_beta(p_wait: f64) -> Result<f64, Error> {
    if !(p_wait > 0.0 && p_wait <= 1.0) {
        return Err(out_of_range("p_wait", p_wait, "above 0 and at most 1"));
    }
    // At 39 nobody waits, for all that f64 can tell. The share only falls, so halving is safe and, at 1e-16 after 60
    // steps, exact.
    let (mut low, mut high) = (0.0, 39.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if p_wait_at(middle) > p_wait {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(0.5 * (low + high))
}

/// The square-root rule: `a + beta sqrt(a)` agents for a load of `offered_load` erlang, before rounding up.
///
/// Source: Halfin and Whitt (1981); Borst, Mandelbaum and Reiman (2004).
pub fn square_root_agents(offered_load: f64, beta: f64) -> Result<f64, Error> {
    if !(offered_load.is_finite() && offered_load >= 0.0) {
        return Err(out_of_range("offered_load", offered_load, "zero or more, and finite"));
    }
    if !beta.is_finite() {
        return Err(out_of_range("beta", beta, "finite"));
    }
    Ok(offered_load + beta * offered_load.sqrt())
}

fn p_wait_at(beta: f64) -> f64 {
    // Phi/phi = sqrt(pi/2) exp(beta^2/2) + beta + beta^3/3 + beta^5/(3 5) + ... (Marsaglia 2004): positive terms only.
    let (mut series, mut term, mut odd) = (0.0, beta, 1.0);
    while term > 1e-18 * series && term.is_finite() {
        series += term;
        odd += 2.0;
        term *= beta * beta / odd;
    }
    let ratio = FRAC_PI_2.sqrt() * (0.5 * beta * beta).exp() + series;
    1.0 / (1.0 + beta * ratio)
}

#[cfg(test)]
mod tests {
    use super::super::ErlangC;
    use super::*;

    #[test]
    fn the_answer_holds_the_target_and_one_agent_less_does_not() {
        for load in [0.001, 0.7, 6.0, 6.2, 36.0, 500.0, 3_000.0] {
            for (threshold, target) in [(0.0, 0.5), (20.0, 0.8), (180.0, 0.9), (15.0, 0.9999)] {
                let (arrivals, handle_s) = (load * 15.0, 240.0);
                let patient = |agents| {
                    ErlangC::new(Pool { agents, handle_s }, arrivals)
                        .map_or(0.0, |queue| queue.service_level(threshold).expect("valid"))
                };
                let agents =
                    agents_by_erlang_c(arrivals, handle_s, threshold, target).expect("in reach");
                assert!(patient(agents) >= target);
                assert!(agents == 1 || patient(agents - 1) < target, "{load} {threshold} {target}");

                let hanging_up = |agents| {
                    ErlangA::new(Pool { agents, handle_s }, arrivals, 90.0)
                        .expect("valid")
                        .service_level(threshold)
                        .expect("valid")
                };
                let agents = agents_by_erlang_a(arrivals, handle_s, 90.0, threshold, target)
                    .expect("in reach");
                assert!(hanging_up(agents) >= target);
                assert!(agents == 1 || hanging_up(agents - 1) < target);
            }
        }
    }

    #[test]
    fn more_work_than_a_million_agents_can_do_is_out_of_reach() {
        let refused = agents_by_erlang_c(1e8, 1e6, 20.0, 0.8).expect_err("too much");
        assert_eq!(
            refused.to_string(),
            "target = 0.8 is out of reach: at most 0, with 1000000 agents"
        );
    }

    #[test]
    fn beta_and_the_share_that_waits_undo_each_other() {
        for beta in [0.0, 1e-6, 0.3, 1.0, 2.5, 6.0, 20.0, 35.0] {
            let share = halfin_whitt_p_wait(beta).expect("valid");
            assert!((halfin_whitt_beta(share).expect("valid") - beta).abs() < 1e-12, "{beta}");
        }
        // Phi(1) = 0.841344746068543, phi(1) = 0.241970724519143.
        let one = 1.0 / (1.0 + 0.841_344_746_068_543 / 0.241_970_724_519_143);
        assert!((halfin_whitt_p_wait(1.0).expect("valid") - one).abs() < 1e-13);
        assert!(halfin_whitt_beta(0.0).is_err());
    }

    #[test]
    fn a_large_pool_waits_as_the_square_root_rule_says() {
        let load: f64 = 250_000.0;
        let agents = square_root_agents(load, 0.8).expect("valid");
        assert!((agents - 250_400.0).abs() < 1e-9);
        let pool = Pool { agents: 250_400, handle_s: 3600.0 };
        let exact = ErlangC::new(pool, load).expect("stable").p_wait();
        let rule = halfin_whitt_p_wait(0.8).expect("valid");
        assert!((exact - rule).abs() < 1e-3, "{exact} {rule}");
    }
}
