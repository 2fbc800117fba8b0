//! Rehearsals: the real engine with callers from a trace or from a distribution, in virtual time.
//!
//! `trace` reads recorded calls, `generate` makes such a record where there is none, `streams` draws
//! callers from distributions, `simulate` plays callers and agents against the engine, `report` counts
//! how they fared. Draws are made before anything is served, and from one seed: the callers are the
//! same whatever the policy. Nothing here knows a server; a rehearsal over the network takes the same
//! [`callers`] and counts with the same [`report::Recorder`].

pub mod generate;
pub mod live;
pub mod report;
pub mod simulate;
pub mod streams;
pub mod told;
pub mod trace;

use crate::engine::model::{Channel, Policy, PoolIx, PoolSet, Rule, TierIx};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use report::{Recorder, Report};
use simulate::{Arrival, Crew, Setting, simulate};
use streams::Service;
use trace::{Call, Outcome, Trace};

/// What a trace does not say about its callers.
#[derive(Clone, Debug, PartialEq)]
pub struct Callers {
    /// How many of the callers are of each tier, in the policy's order and in any common unit
    /// (15 and 85 for 15 % of the first tier). Drawn at random, call by call.
    pub tier_shares: Vec<f64>,
    /// The mean of the callers' exponential patience, in milliseconds; `None` is endless.
    pub patience_mean_ms: Option<f64>,
    /// How they reach us.
    pub channel: Channel,
    /// The seed of everything that is drawn.
    pub seed: u64,
}

/// Why the callers cannot be drawn.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Unfit {
    /// There are not as many shares as tiers, or they are not shares.
    #[error(
        "{given} tier shares do not fit the policy's {tiers} tiers: give one for each, none negative, \
         not all 0"
    )]
    Shares {
        /// How many were given.
        given: usize,
        /// How many tiers there are.
        tiers: usize,
    },
    /// The mean patience is not a positive number.
    #[error("mean patience {mean_ms} ms is not above 0")]
    Patience {
        /// As given.
        mean_ms: f64,
    },
    /// No call of the trace has a service time to draw from.
    #[error("no call of the trace has a service time")]
    NoServiceTime,
}

/// How a policy is rehearsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsal {
    /// How many agents; they are there all the time and serve in every pool of the policy.
    pub agents: usize,
    /// Another dispatch rule than the policy's.
    pub rule: Option<Rule>,
    /// Another reserve for the first tier than the policy's, in every pool.
    pub reserve: Option<u32>,
}

/// Plays a trace against the engine, without a server and in virtual time.
pub fn in_process(
    trace: &Trace,
    policy: &Policy,
    rehearsal: &Rehearsal,
    callers: &Callers,
) -> Result<Report, Unfit> {
    let arrivals = self::callers(trace, policy, callers)?;
    let setting = rehearsal.setting(policy);
    let mut recorder = Recorder::new(policy);
    simulate(&setting, arrivals, &mut recorder);
    Ok(recorder.report())
}

impl Rehearsal {
    /// The policy with the changes asked for, and its agents.
    pub fn setting(&self, policy: &Policy) -> Setting {
        let mut policy = policy.clone();
        policy.rule = self.rule.unwrap_or(policy.rule);
        if let Some(reserve) = self.reserve {
            policy.pools.iter_mut().for_each(|pool| pool.reserve = vec![(TierIx(0), reserve)]);
        }
        let pools = (0..=u8::MAX).map(PoolIx).take(policy.pools.len());
        let crew = Crew { pools: PoolSet::of(pools), count: self.agents };
        Setting { policy, crews: vec![crew], backlog: None }
    }
}

/// The callers of a trace, in the order of their arrival: tier and patience drawn, and the service time
/// too where the trace has none, from the calls of the same type that an agent served (from all
/// served calls, where its type has none).
pub fn callers(trace: &Trace, policy: &Policy, callers: &Callers) -> Result<Vec<Arrival>, Unfit> {
    let tiers = policy.tiers.len();
    let total: f64 = callers.tier_shares.iter().sum();
    let proper = callers.tier_shares.iter().all(|share| *share >= 0.0) && total > 0.0;
    if callers.tier_shares.len() != tiers || !proper || !total.is_finite() {
        return Err(Unfit::Shares { given: callers.tier_shares.len(), tiers });
    }
    if let Some(mean_ms) = callers.patience_mean_ms.filter(|ms| !(*ms > 0.0 && ms.is_finite())) {
        return Err(Unfit::Patience { mean_ms });
    }
    let served = ServedTimes::of(trace);
    let mut random = Pcg64Mcg::seed_from_u64(callers.seed);
    let mut draw = |call: &Call| {
        let tier = streams::place_of(callers.tier_shares.iter().copied(), &mut random);
        let drawn_ms = served.draw_ms(call.kind, &mut random).ok_or(Unfit::NoServiceTime)?;
        let patience = |mean_ms| Service::Exponential { mean_ms }.draw_ms(&mut random);
        Ok(Arrival {
            at_ms: call.arrival_ms,
            tier: TierIx(u8::try_from(tier).expect("a policy has at most 64 tiers")),
            channel: callers.channel,
            service_ms: call.service_ms.unwrap_or(drawn_ms),
            patience_ms: callers.patience_mean_ms.map(patience).map(simulate::whole_ms),
        })
    };
    trace.calls.iter().map(&mut draw).collect()
}

/// The known service times of served calls, by type and all together.
struct ServedTimes {
    by_kind: Vec<Vec<i64>>,
    all: Vec<i64>,
}

impl ServedTimes {
    fn of(trace: &Trace) -> Self {
        let mut by_kind = vec![Vec::new(); trace.kinds.len()];
        let served = trace.calls.iter().filter(|call| call.outcome == Outcome::Agent);
        for (kind, service_ms) in served.filter_map(|call| Some((call.kind, call.service_ms?))) {
            by_kind[kind].push(service_ms);
        }
        let all = by_kind.concat();
        Self { by_kind, all }
    }

    fn draw_ms(&self, kind: usize, random: &mut impl Rng) -> Option<i64> {
        self.by_kind[kind].choose(random).or_else(|| self.all.choose(random)).copied()
    }
}

#[cfg(test)]
mod tests;
