//! The agents: who is registered, who waits for work, who holds what, and whom tickets name.

mod crews;
mod excerpt;
mod push;
mod wrap_up;

use super::capacity::{ChannelRules, ChannelSet, open_channels, used_units};
use super::duty::{Duties, Duty};
use super::model::{
    Agent, AgentChoice, AgentId, Channel, LeaseToken, POOLS_MAX, PoolIx, PoolSet, Presence,
    TicketNumber, Time, Wait,
};
use super::needs::{Crew, Needs};
use crews::Crews;
use std::collections::{BTreeMap, BTreeSet};

/// Every agent, and those who wait for work by their crew: agents of one crew may serve the same
/// tickets, so one question answers for all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    agents: BTreeMap<AgentId, Agent>,
    waiting: BTreeMap<Crew, Idle>,
    crews: Crews,
    idle_by_pool: [u32; POOLS_MAX],
    /// What work on each channel asks of an agent.
    rules: ChannelRules,
    /// Pools on whose behalf nothing is dispatched.
    paused: PoolSet,
    /// Those who keep a wait, an offer or a last presence that nothing can come of.
    loose: BTreeSet<AgentId>,
    /// Who has declined or missed which live ticket.
    decliners: BTreeMap<TicketNumber, BTreeSet<AgentId>>,
    /// Who writes up which ticket that has ended.
    wrapping: BTreeMap<TicketNumber, AgentId>,
    duties: Duties,
    /// By how many kinds of needs of live tickets an agent is named, for or against.
    named: BTreeMap<AgentId, u32>,
    /// How many filled queues wait for one agent.
    called: BTreeMap<AgentId, Calls>,
    /// Those among them whose queues have to be opened to others: see [`Roster::forsaken`].
    forsaken: BTreeSet<AgentId>,
}

/// The agents of one crew who wait, in every order that a choice among them may take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Idle {
    least_loaded: BTreeSet<Turn>,
    longest_waiting: BTreeSet<(Time, AgentId)>,
    least_recent: BTreeSet<(LeaseToken, AgentId)>,
}

/// How many filled queues wait for one agent: as long as that agent is available, or is registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Calls {
    while_available: u32,
    while_registered: u32,
}

/// Whose turn it is among agents who wait: the lowest load first (in thousandths of the capacity), then
/// the longest idle, then the first by id.
type Turn = (u32, Time, AgentId);

/// What an order of choice compares of an agent before the id: less is first.
pub(super) type Standing = (i128, i128);

impl Default for Roster {
    fn default() -> Self {
        Self {
            agents: BTreeMap::new(),
            waiting: BTreeMap::new(),
            crews: Crews::default(),
            idle_by_pool: [0; POOLS_MAX],
            rules: ChannelRules::default(),
            paused: PoolSet::EMPTY,
            loose: BTreeSet::new(),
            decliners: BTreeMap::new(),
            wrapping: BTreeMap::new(),
            duties: Duties::default(),
            named: BTreeMap::new(),
            called: BTreeMap::new(),
            forsaken: BTreeSet::new(),
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

    /// The agents on duty in any of `pools` that are not paused, each counted once.
    pub fn duty(&self, pools: PoolSet) -> Duty {
        self.duties.of(pools.minus(self.paused))
    }

    /// Those of them who may serve tickets of these needs.
    pub fn duty_for(&self, pools: PoolSet, needs: Option<&Needs>) -> Duty {
        let Some(needs) = needs else { return self.duty(pools) };
        if let Some(only) = &needs.only {
            let only = self.agents.get(only).filter(|agent| !self.open_pools(agent).is_empty());
            return only.map(|agent| Duty::of(agent, &self.rules)).unwrap_or_default();
        }
        let pools = pools.minus(self.paused);
        let able =
            |agent: &&Agent| !agent.pools.and(pools).is_empty() && needs.allow(&agent.skills);
        let barred = needs.barred.iter().filter_map(|id| self.agents.get(id)).filter(able);
        barred.fold(self.duties.able(pools, needs), |sum, agent| {
            sum.minus(Duty::of(agent, &self.rules))
        })
    }

    /// Whether any agent waits for work.
    pub fn anyone_waits(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many agents wait for work.
    pub(super) fn waiting_count(&self) -> usize {
        self.waiting.values().map(|idle| idle.least_loaded.len()).sum()
    }

    /// Of each crew with someone waiting, who has the next turn; in the order of their turns.
    pub fn next_turns(&self) -> Vec<(&AgentId, &Crew)> {
        let mut first: Vec<_> = self
            .waiting
            .iter()
            .map(|(crew, idle)| {
                (idle.least_loaded.first().expect("an empty crew is removed"), crew)
            })
            .collect();
        first.sort_unstable();
        first.into_iter().map(|((_, _, agent), crew)| (agent, crew)).collect()
    }

    /// Those of a crew in which someone waits, in that order of choice, with what the order compares: less
    /// is first.
    pub(super) fn in_order<'a>(
        &'a self,
        crew: &Crew,
        choice: AgentChoice,
    ) -> impl Iterator<Item = (Standing, &'a AgentId)> + use<'a> {
        let idle = &self.waiting[crew];
        let (mut loads, mut waits, mut recents) = (None, None, None);
        match choice {
            AgentChoice::LeastLoaded | AgentChoice::BestLevel => {
                loads = Some(idle.least_loaded.iter());
            }
            AgentChoice::LongestIdle => waits = Some(idle.longest_waiting.iter()),
            AgentChoice::RoundRobin => recents = Some(idle.least_recent.iter()),
        }
        let loads = loads
            .into_iter()
            .flatten()
            .map(|(load, since, agent)| ((i128::from(*load), i128::from(since.0)), agent));
        let waits = waits.into_iter().flatten();
        let waits = waits.map(|(since, agent)| ((i128::from(since.0), 0), agent));
        let recents = recents.into_iter().flatten();
        let recents = recents.map(|(token, agent)| ((i128::from(token.0), 0), agent));
        loads.chain(waits).chain(recents)
    }

    /// Whether the agent is among those of the crew who wait.
    pub(super) fn lists_wait(&self, agent: &Agent) -> bool {
        let idle = self.waiting.get(&self.crew_of(agent));
        idle.is_some_and(|idle| idle.least_loaded.contains(&self.turn(agent)))
    }

    /// Whether anyone of this crew waits.
    pub fn crew_waits(&self, crew: &Crew) -> bool {
        self.waiting.contains_key(crew)
    }

    /// The crew that an agent belongs to.
    pub fn crew_of(&self, agent: &Agent) -> Crew {
        Crew {
            pools: self.open_pools(agent),
            skills: agent.skills.clone(),
            channels: self.open_channels(agent),
            own: (self.named.contains_key(&agent.id) || agent.back_off_count() > 0)
                .then(|| agent.id.clone()),
        }
    }

    /// The first agent for whom tickets wait that must be opened to others: a preferred agent who is
    /// not available, or one who alone may serve and is not registered.
    pub fn forsaken(&self) -> Option<&AgentId> {
        self.forsaken.first()
    }

    /// Whether that agent is registered and available.
    pub fn is_available(&self, id: &AgentId) -> bool {
        self.agents.get(id).is_some_and(|agent| agent.presence == Presence::Available)
    }

    /// Live tickets have begun to have these needs.
    pub(super) fn name(&mut self, needs: &Needs) {
        for id in needs.named() {
            self.regroup(id, |named| *named.entry(id.clone()).or_default() += 1);
        }
    }

    /// No live ticket has these needs any more.
    pub(super) fn unname(&mut self, needs: &Needs) {
        for id in needs.named() {
            self.regroup(id, |named| {
                let count = named.get_mut(id).expect("it was named");
                *count -= 1;
                if *count == 0 {
                    named.remove(id);
                }
            });
        }
    }

    /// A queue of these needs is filled from now on.
    pub(super) fn call(&mut self, needs: &Needs) {
        if let Some(id) = &needs.only {
            *self.called.entry(id.clone()).or_default().of(needs) += 1;
            self.judge(id);
        }
    }

    /// A queue of these needs has run empty.
    pub(super) fn call_off(&mut self, needs: &Needs) {
        if let Some(id) = &needs.only {
            let calls = self.called.get_mut(id).expect("it was called");
            *calls.of(needs) -= 1;
            if *calls == Calls::default() {
                self.called.remove(id);
            }
            self.judge(id);
        }
    }

    /// Forgets what tickets name and call: they are about to tell it anew.
    pub(super) fn forget_tickets(&mut self) {
        self.called.clear();
        self.forsaken.clear();
        let named: Vec<_> = self.named.keys().cloned().collect();
        for id in named {
            self.regroup(&id, |named| {
                named.remove(&id);
            });
        }
    }

    /// Changes who is named and keeps the crews true.
    fn regroup(&mut self, id: &AgentId, change: impl FnOnce(&mut BTreeMap<AgentId, u32>)) {
        let agent = self.agents.remove(id);
        if let Some(agent) = &agent {
            self.leave(agent);
        }
        change(&mut self.named);
        if let Some(agent) = agent {
            self.enter(&agent);
            self.agents.insert(agent.id.clone(), agent);
        }
    }

    /// Finds out whether queues that wait for that agent have to be opened.
    fn judge(&mut self, id: &AgentId) {
        let Some(calls) = self.called.get(id) else {
            self.forsaken.remove(id);
            return;
        };
        let gone = match self.agents.get(id).map(|agent| agent.presence) {
            None => true,
            Some(Presence::Away | Presence::Draining) => calls.while_available > 0,
            Some(Presence::Available) => false,
        };
        if gone {
            self.forsaken.insert(id.clone());
        } else {
            self.forsaken.remove(id);
        }
    }

    /// The channels on which that agent can begin one more piece of work.
    pub fn open_channels(&self, agent: &Agent) -> ChannelSet {
        open_channels(agent, &self.rules)
    }

    /// Works by these rules of the channels from now on.
    pub(super) fn set_rules(&mut self, rules: ChannelRules) {
        self.regroup_all(|roster| roster.rules = rules);
    }

    /// Dispatches nothing on behalf of these pools from now on, and no others.
    pub(super) fn set_paused(&mut self, paused: PoolSet) {
        if paused != self.paused {
            self.regroup_all(|roster| roster.paused = paused);
        }
    }

    /// The pools on whose behalf that agent may be given work: those that are not paused.
    pub fn open_pools(&self, agent: &Agent) -> PoolSet {
        agent.pools.minus(self.paused)
    }

    /// The pools that are paused.
    pub fn paused(&self) -> PoolSet {
        self.paused
    }

    /// Changes what every agent's place depends on, and keeps the places true.
    fn regroup_all(&mut self, change: impl FnOnce(&mut Self)) {
        let agents = std::mem::take(&mut self.agents);
        for agent in agents.values() {
            self.leave(agent);
        }
        change(self);
        for agent in agents.values() {
            self.enter(agent);
        }
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
        let id = agent.id.clone();
        self.agents.insert(id.clone(), agent);
        self.judge(&id);
    }

    pub(super) fn remove(&mut self, id: &AgentId) {
        for ticket in self.get(id).map(|agent| agent.declined.clone()).unwrap_or_default().keys() {
            self.forget_declined(id, *ticket);
        }
        let old = self.agents.remove(id).expect("a forgotten agent was registered");
        self.leave(&old);
        self.judge(id);
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

    pub(super) fn give(
        &mut self,
        id: &AgentId,
        ticket: TicketNumber,
        channel: Channel,
        token: LeaseToken,
    ) {
        self.change(id, |agent| {
            agent.wait = None;
            agent.last_token = token;
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
        if !self.called.is_empty() {
            self.judge(id);
        }
    }

    fn enter(&mut self, agent: &Agent) {
        self.duties.enter(agent, &self.rules);
        for wrap in &agent.wrapping {
            self.wrapping.insert(wrap.ticket, agent.id.clone());
        }
        if self.is_loose(agent) {
            self.loose.insert(agent.id.clone());
        }
        let crew = self.crew_of(agent);
        self.crews.enter(&crew);
        if self.is_idle(agent) {
            let turn = self.turn(agent);
            let idle = self.waiting.entry(crew).or_default();
            assert!(idle.least_loaded.insert(turn));
            assert!(idle.longest_waiting.insert((agent.idle_since, agent.id.clone())));
            assert!(idle.least_recent.insert((agent.last_token, agent.id.clone())));
            for pool in agent.pools.iter() {
                self.idle_by_pool[usize::from(pool.0)] += 1;
            }
        }
    }

    fn leave(&mut self, agent: &Agent) {
        self.duties.leave(agent, &self.rules);
        for wrap in &agent.wrapping {
            self.wrapping.remove(&wrap.ticket);
        }
        self.loose.remove(&agent.id);
        let crew = self.crew_of(agent);
        self.crews.leave(&crew);
        if self.is_idle(agent) {
            let turn = self.turn(agent);
            let idle = self.waiting.get_mut(&crew).expect("who waits is in a crew");
            assert!(idle.least_loaded.remove(&turn));
            assert!(idle.longest_waiting.remove(&(agent.idle_since, agent.id.clone())));
            assert!(idle.least_recent.remove(&(agent.last_token, agent.id.clone())));
            if idle.least_loaded.is_empty() {
                self.waiting.remove(&crew);
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

impl Calls {
    fn of(&mut self, needs: &Needs) -> &mut u32 {
        if needs.while_available { &mut self.while_available } else { &mut self.while_registered }
    }
}
