//! The crews of all registered agents, whether they wait or not: how many there are in each, so that an
//! explanation asks crews and not agents.

use super::Roster;
use crate::engine::needs::Crew;
use std::collections::BTreeMap;

/// How many registered agents each crew has; only crews that have any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Crews(BTreeMap<Crew, u32>);

impl Crews {
    pub(super) fn enter(&mut self, crew: &Crew) {
        if let Some(count) = self.0.get_mut(crew) {
            *count += 1;
        } else {
            self.0.insert(crew.clone(), 1);
        }
    }

    pub(super) fn leave(&mut self, crew: &Crew) {
        let count = self.0.get_mut(crew).expect("who leaves a crew has entered it");
        *count -= 1;
        if *count == 0 {
            self.0.remove(crew);
        }
    }
}

impl Roster {
    /// The distinct crews of registered agents, in order.
    pub fn crews(&self) -> impl Iterator<Item = &Crew> {
        self.crews.0.keys()
    }

    /// How many agents are of that crew, and how many of them wait for work.
    pub fn crew_counts(&self, crew: &Crew) -> (u32, u32) {
        let agent_count = self.crews.0.get(crew).copied().unwrap_or(0);
        let idle = self.waiting.get(crew).map_or(0, |idle| idle.least_loaded.len());
        (agent_count, u32::try_from(idle).expect("no more wait than are registered"))
    }

    /// How many agents all crews have together: as many as are registered.
    pub(in crate::engine) fn crew_member_count(&self) -> u64 {
        self.crews.0.values().map(|count| u64::from(*count)).sum()
    }

    /// Whether the agent's crew is listed.
    pub(in crate::engine) fn lists_crew(&self, crew: &Crew) -> bool {
        self.crews.0.contains_key(crew)
    }
}
