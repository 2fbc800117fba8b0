//! The agents: who is registered, who waits for work, who holds what.

use super::duty::{Duties, Duty};
use super::model::{
    Agent, AgentId, POOLS_MAX, PoolIx, PoolSet, Presence, TicketNumber, Time, Wait,
};
use std::collections::{BTreeMap, BTreeSet};

/// Every agent, and those who wait for work by the set of pools they serve in (their *crew*: agents
/// of one crew may serve the same tickets, so one question answers for all of them).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    agents: BTreeMap<AgentId, Agent>,
    waiting: BTreeMap<PoolSet, BTreeSet<Turn>>,
    idle_by_pool: [u32; POOLS_MAX],
    duties: Duties,
}

/// Whose turn it is among agents who wait: the lowest load first (in thousandths of the capacity), then
/// the longest idle, then the first by id.
type Turn = (u32, Time, AgentId);

impl Default for Roster {
    fn default() -> Self {
        Self {
            agents: BTreeMap::new(),
            waiting: BTreeMap::new(),
            idle_by_pool: [0; POOLS_MAX],
            duties: Duties::default(),
        }
    }
}

impl Roster {
    /// The agent of that id.
    pub fn get(&self, id: &AgentId) -> Option<&Agent> {
        self.agents.get(id)
    }

    /// Every agent, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.agents.values()
    }

    /// The agents after `id`, or all, by id.
    pub fn after(&self, id: Option<&AgentId>) -> impl Iterator<Item = &Agent> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = id.map_or(Unbounded, Excluded);
        self.agents.range::<AgentId, _>((from, Unbounded)).map(|(_, agent)| agent)
    }

    /// How many agents are registered.
    pub fn len(&self) -> usize {
        self.agents.len()
    }

    /// Whether nobody is registered.
    pub fn is_empty(&self) -> bool {
        self.agents.is_empty()
    }

    /// How many agents of a pool wait for work.
    pub fn idle_count(&self, pool: PoolIx) -> u32 {
        self.idle_by_pool[usize::from(pool.0)]
    }

    /// The agents on duty in any of `pools`, each counted once.
    pub fn duty(&self, pools: PoolSet) -> Duty {
        self.duties.of(pools)
    }

    /// Whether any agent waits for work.
    pub fn anyone_waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Of each crew with someone waiting, who has the next turn; in the order of their turns.
    pub fn next_turns(&self) -> Vec<(&AgentId, PoolSet)> {
        let mut first: Vec<_> = self
            .waiting
            .iter()
            .map(|(crew, idle)| (idle.first().expect("an empty crew is removed"), *crew))
            .collect();
        first.sort_unstable();
        first.into_iter().map(|((_, _, agent), crew)| (agent, crew)).collect()
    }

    /// Whether anyone of this crew waits.
    pub fn crew_waits(&self, crew: PoolSet) -> bool {
        self.waiting.contains_key(&crew)
    }

    /// The distinct sets of pools that registered agents serve in.
    pub fn crews(&self) -> BTreeSet<PoolSet> {
        self.agents.values().map(|agent| agent.pools).collect()
    }

    pub(super) fn put(&mut self, agent: Agent) {
        if let Some(old) = self.agents.remove(&agent.id) {
            self.leave(&old);
        }
        self.enter(&agent);
        self.agents.insert(agent.id.clone(), agent);
    }

    pub(super) fn remove(&mut self, id: &AgentId) {
        let old = self.agents.remove(id).expect("a forgotten agent was registered");
        self.leave(&old);
    }

    pub(super) fn start_wait(&mut self, id: &AgentId, wait: Wait) {
        self.change(id, |agent| agent.wait = Some(wait));
    }

    pub(super) fn end_wait(&mut self, id: &AgentId) {
        self.change(id, |agent| agent.wait = None);
    }

    pub(super) fn set_presence(&mut self, id: &AgentId, presence: Presence, at: Time) {
        self.change(id, |agent| {
            if agent.presence != presence && presence == Presence::Available {
                agent.idle_since = at;
            }
            agent.presence = presence;
        });
    }

    pub(super) fn give(&mut self, id: &AgentId, ticket: TicketNumber) {
        self.change(id, |agent| {
            agent.wait = None;
            agent.held.push(ticket);
        });
    }

    pub(super) fn take(&mut self, id: &AgentId, ticket: TicketNumber, at: Time) {
        self.change(id, |agent| {
            agent.held.retain(|held| *held != ticket);
            agent.idle_since = at;
        });
    }

    /// Changes one agent and keeps the indexes true.
    fn change(&mut self, id: &AgentId, change: impl FnOnce(&mut Agent)) {
        let mut agent = self.agents.remove(id).expect("an event names a registered agent");
        self.leave(&agent);
        change(&mut agent);
        self.enter(&agent);
        self.agents.insert(agent.id.clone(), agent);
    }

    fn enter(&mut self, agent: &Agent) {
        self.duties.enter(agent);
        if agent.wait.is_some() {
            assert!(self.waiting.entry(agent.pools).or_default().insert(turn(agent)));
            for pool in agent.pools.iter() {
                self.idle_by_pool[usize::from(pool.0)] += 1;
            }
        }
    }

    fn leave(&mut self, agent: &Agent) {
        self.duties.leave(agent);
        if agent.wait.is_some() {
            let crew = self.waiting.get_mut(&agent.pools).expect("who waits is in a crew");
            assert!(crew.remove(&turn(agent)));
            if crew.is_empty() {
                self.waiting.remove(&agent.pools);
            }
            for pool in agent.pools.iter() {
                self.idle_by_pool[usize::from(pool.0)] -= 1;
            }
        }
    }
}

fn turn(agent: &Agent) -> Turn {
    let held_count = u32::try_from(agent.held.len()).expect("a capacity is at most 100");
    (held_count * 1000 / u32::from(agent.capacity).max(1), agent.idle_since, agent.id.clone())
}
