//! A roster of those only who could be served next, for trying out what a pull would lead to.

use super::Roster;
use crate::engine::model::{Agent, AgentId};
use std::collections::BTreeSet;

impl Roster {
    /// Of each crew with someone waiting, the first `most` in every order of choice; and `agent`.
    pub(in crate::engine) fn excerpt(&self, agent: &Agent, most: usize) -> Self {
        let mut chosen: BTreeSet<&AgentId> = BTreeSet::from([&agent.id]);
        for idle in self.waiting.values() {
            chosen.extend(idle.least_loaded.iter().take(most).map(|(_, _, id)| id));
            chosen.extend(idle.longest_waiting.iter().take(most).map(|(_, id)| id));
            chosen.extend(idle.least_recent.iter().take(most).map(|(_, id)| id));
        }
        let mut few = Self { rules: self.rules, paused: self.paused, ..Self::default() };
        for id in chosen {
            few.put(self.agents[id].clone());
        }
        few
    }

    /// Whether anyone waits for offers.
    pub(in crate::engine) fn anyone_streams(&self) -> bool {
        self.waiting
            .values()
            .any(|idle| idle.least_loaded.iter().any(|(_, _, id)| self.agents[id].stream.is_some()))
    }

    /// Counts as many idle agents as `whole`, of which this is an excerpt: reserves hold as there.
    pub(in crate::engine) fn count_idle_as(&mut self, whole: &Self) {
        self.idle_by_pool = whole.idle_by_pool;
    }
}
