//! The agents: who is registered, who waits for work, who holds what.

mod push;

use super::capacity::{ChannelRules, ChannelSet, open_channels, used_units};
use super::model::{
    Agent, AgentId, Channel, POOLS_MAX, PoolIx, PoolSet, Presence, TicketNumber, Time, Wait,
};
use std::collections::{BTreeMap, BTreeSet};

/// Every agent, and those who wait for work by the set of pools they serve in (their *crew*: agents
/// of one crew may serve the same tickets, so one question answers for all of them).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    agents: BTreeMap<AgentId, Agent>,
    waiting: BTreeMap<PoolSet, BTreeSet<Turn>>,
    idle_by_pool: [u32; POOLS_MAX],
    rules: ChannelRules,
    loose: BTreeSet<AgentId>,
    decliners: BTreeMap<TicketNumber, BTreeSet<AgentId>>,
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
            rules: ChannelRules::default(),
            loose: BTreeSet::new(),
            decliners: BTreeMap::new(),
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

    /// The channels on which that agent can begin one more piece of work.
    pub fn open_channels(&self, agent: &Agent) -> ChannelSet {
        open_channels(agent, &self.rules)
    }

    /// Works by these rules of the channels from now on.
    pub(super) fn set_rules(&mut self, rules: ChannelRules) {
        let agents = std::mem::take(&mut self.agents);
        agents.values().for_each(|agent| self.leave(agent));
        self.rules = rules;
        agents.values().for_each(|agent| self.enter(agent));
        self.agents = agents;
    }

    pub(super) fn put(&mut self, agent: Agent) {
        if let Some(old) = self.agents.remove(&agent.id) {
            self.leave(&old);
        }
        for ticket in agent.declined.keys() {
            self.decliners.entry(*ticket).or_default().insert(agent.id.clone());
        }
        self.enter(&agent);
        self.agents.insert(agent.id.clone(), agent);
    }

    pub(super) fn remove(&mut self, id: &AgentId) {
        for ticket in self.get(id).map(|agent| agent.declined.clone()).unwrap_or_default().keys() {
            self.forget_declined(id, *ticket);
        }
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
            if agent.presence != presence {
                agent.missed_count = 0;
            }
            agent.presence = presence;
        });
    }

    pub(super) fn give(&mut self, id: &AgentId, ticket: TicketNumber, channel: Channel) {
        self.change(id, |agent| {
            agent.wait = None;
            agent.held.push(ticket);
            agent.in_hand[channel.index()] += 1;
        });
    }

    pub(super) fn take(&mut self, id: &AgentId, ticket: TicketNumber, channel: Channel, at: Time) {
        self.change(id, |agent| {
            agent.held.retain(|held| *held != ticket);
            agent.in_hand[channel.index()] -= 1;
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
        if self.is_loose(agent) {
            self.loose.insert(agent.id.clone());
        }
        if self.is_idle(agent) {
            let turn = self.turn(agent);
            assert!(self.waiting.entry(agent.pools).or_default().insert(turn));
            for pool in agent.pools.iter() {
                self.idle_by_pool[usize::from(pool.0)] += 1;
            }
        }
    }

    fn leave(&mut self, agent: &Agent) {
        self.loose.remove(&agent.id);
        if self.is_idle(agent) {
            let turn = self.turn(agent);
            let crew = self.waiting.get_mut(&agent.pools).expect("who waits is in a crew");
            assert!(crew.remove(&turn));
            if crew.is_empty() {
                self.waiting.remove(&agent.pools);
            }
            for pool in agent.pools.iter() {
                self.idle_by_pool[usize::from(pool.0)] -= 1;
            }
        }
    }

    fn turn(&self, agent: &Agent) -> Turn {
        (self.load_permille(agent), agent.idle_since, agent.id.clone())
    }

    /// The units in use of an agent, in thousandths of the capacity.
    pub fn load_permille(&self, agent: &Agent) -> u32 {
        used_units(agent, &self.rules) * 1000 / u32::from(agent.capacity).max(1)
    }
}
