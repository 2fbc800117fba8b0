//! Who is on duty: agents counted by the pools they serve in, so that a forecast asks nobody one by one.

use super::capacity::{ChannelRules, open_channels};
use super::model::{Agent, PoolSet, Presence};
use super::needs::{Needs, Skills};
use std::collections::BTreeMap;

/// How many agents of some pools are there, and how much work they take at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duty {
    /// Agents who are available, whatever they do.
    pub signed_in_count: u32,
    /// Tickets that available agents hold or write up.
    pub held_count: u32,
    /// Agents who wait for work.
    pub waiting_count: u32,
}

impl Duty {
    /// Tickets that are worked on at once while more wait than can be taken: what is held, and one for
    /// each agent who waits.
    pub fn hand_count(self) -> u32 {
        self.held_count + self.waiting_count
    }

    pub(super) fn of(agent: &Agent, rules: &ChannelRules) -> Self {
        let in_hand_count = agent.held.len() + agent.wrapping.len();
        // Who waits for the end of a wrap-up is not free yet.
        let has_room = || agent.wrapping.is_empty() || !open_channels(agent, rules).is_empty();
        let waits = agent.wait.is_some() || agent.stream.is_some() && in_hand_count == 0;
        match agent.presence {
            Presence::Available => Self {
                signed_in_count: 1,
                held_count: u32::try_from(in_hand_count).expect("a capacity is at most 100"),
                waiting_count: u32::from(waits && has_room()),
            },
            // What an agent who is away or draining holds ends some day, and nothing follows it.
            Presence::Away | Presence::Draining => Self::default(),
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            signed_in_count: self.signed_in_count + other.signed_in_count,
            held_count: self.held_count + other.held_count,
            waiting_count: self.waiting_count + other.waiting_count,
        }
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self {
            signed_in_count: self.signed_in_count - other.signed_in_count,
            held_count: self.held_count - other.held_count,
            waiting_count: self.waiting_count - other.waiting_count,
        }
    }
}

/// The duty of every set of pools that someone available serves in, and in it of all with equal skills.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Duties {
    by_pools: BTreeMap<PoolSet, Duty>,
    by_skills: BTreeMap<(PoolSet, Skills), Duty>,
}

impl Duties {
    /// The agents who serve in any of `pools`, each counted once.
    pub(super) fn of(&self, pools: PoolSet) -> Duty {
        let served = self.by_pools.iter().filter(|(served, _)| !served.and(pools).is_empty());
        served.fold(Duty::default(), |sum, (_, duty)| sum.plus(*duty))
    }

    /// Those of them who have the skills that are needed. Looks at every distinct set of skills.
    pub(super) fn able(&self, pools: PoolSet, needs: &Needs) -> Duty {
        let able = self
            .by_skills
            .iter()
            .filter(|((served, skills), _)| !served.and(pools).is_empty() && needs.allow(skills));
        able.fold(Duty::default(), |sum, (_, duty)| sum.plus(*duty))
    }

    pub(super) fn enter(&mut self, agent: &Agent, rules: &ChannelRules) {
        let duty = Duty::of(agent, rules);
        if duty != Duty::default() {
            for sum in [
                self.by_pools.entry(agent.pools).or_default(),
                self.by_skills.entry((agent.pools, agent.skills.clone())).or_default(),
            ] {
                *sum = sum.plus(duty);
            }
        }
    }

    pub(super) fn leave(&mut self, agent: &Agent, rules: &ChannelRules) {
        let duty = Duty::of(agent, rules);
        if duty != Duty::default() {
            take(&mut self.by_pools, &agent.pools, duty);
            take(&mut self.by_skills, &(agent.pools, agent.skills.clone()), duty);
        }
    }
}

fn take<K: Ord>(sums: &mut BTreeMap<K, Duty>, key: &K, duty: Duty) {
    let sum = sums.get_mut(key).expect("who leaves has entered");
    *sum = sum.minus(duty);
    if *sum == Duty::default() {
        sums.remove(key);
    }
}
