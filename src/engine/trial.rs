//! What a pull would lead to, tried out beside the engine.
//!
//! An agent who asks while others wait joins them, and that may set others free first: one more idle
//! agent can be just what a reserve waited for. So the answer is not in any one survey. It is found by
//! playing the pull on an excerpt of the engine, by the code that plays it in earnest.

use super::Engine;
use super::command::Event;
use super::dispatch::Survey;
use super::model::{Agent, AgentId, PoolIx, Presence, Step, TicketNumber, TierIx, Time};
use super::queue::Queues;

/// A ticket that another agent would get first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who.
    pub agent: AgentId,
    /// Which ticket.
    pub ticket: TicketNumber,
    /// The step of the rule that chose it.
    pub step: Step,
}

/// What a pull would lead to.
pub(super) struct Trial<'a> {
    live: &'a Engine,
    /// The engine's excerpt at the moment that the agent is served; `None` where that is the live one.
    supposed: Option<Engine>,
    /// Whether the agent counts as idle in it.
    counted: bool,
    /// Who is served before the agent, in this order, because the agent asks.
    pub(super) before: Vec<Turn>,
    /// What competes for the agent then, and the choice.
    pub(super) survey: Survey,
    /// What the agent gets, and by which step.
    pub(super) gets: Option<(TicketNumber, Step)>,
}

impl Engine {
    /// Plays a pull of `agent`, which is registered, at `now`. One who cannot ask gets nothing and is
    /// surveyed as if one could.
    pub(super) fn trial(&self, agent: &Agent, now: Time) -> Trial<'_> {
        let waits = agent.wait.is_some();
        let others_wait =
            if waits { self.roster.waiting_count() > 1 } else { self.roster.anyone_waits() };
        let may_ask = can_ask(agent);
        if !may_ask || !others_wait {
            let survey = self.floor().survey(&self.roster.crew_of(agent), waits, now);
            let gets = survey.taken().filter(|_| may_ask).map(|(head, step)| (head.ticket, step));
            let (supposed, before) = (None, Vec::new());
            return Trial { live: self, supposed, counted: waits, before, survey, gets };
        }
        let mut supposed = self.excerpt(agent, now);
        let mut before = Vec::new();
        let mut gets = None;
        while let Some(event) = supposed.route(now) {
            let Some(turn) = turn_of(&event) else { break };
            if turn.agent == agent.id {
                gets = Some((turn.ticket, turn.step));
                break;
            }
            before.push(turn);
            supposed.apply(now, &event);
        }
        let known = supposed.roster.get(&agent.id).expect("the excerpt has the agent");
        let survey = supposed.floor().survey(&supposed.roster.crew_of(known), true, now);
        Trial { live: self, supposed: Some(supposed), counted: true, before, survey, gets }
    }

    /// The engine with no more than a pull of `agent` can touch, and `agent` waiting.
    ///
    /// Whoever waits has found nothing, so one idle agent more opens at most one ticket for each of that
    /// agent's pools: the reserve of a pool has one to spare, once. So of each queue, and of each crew,
    /// as many as the agent has pools can go before the agent is served.
    pub(super) fn excerpt(&self, agent: &Agent, now: Time) -> Self {
        let most = agent.pools.iter().count() + 1;
        let mut few = Self {
            at: self.at,
            queues: Queues::new(self.policy.rule),
            policy: self.policy.clone(),
            records: self.records.clone(),
            roster: self.roster.excerpt(agent, most),
            next_number: self.next_number,
            next_token: self.next_token,
            ..Self::new(self.limits)
        };
        few.roster.iter().for_each(|agent| few.timers.add_wait(agent));
        let pools = few.roster.iter().fold(0, |pools, agent| pools | agent.pools.0);
        for (key, queue) in self.queues.iter() {
            let only = key.needs.as_ref().and_then(|needs| needs.only.as_ref());
            let near = match only {
                Some(only) => few.roster.get(only).is_some(),
                None => key.pools.0 & pools != 0,
            };
            for number in queue.iter().take(if near { most } else { 0 }) {
                let ticket = self.ticket_numbered(number).expect("only live tickets wait");
                few.add_ticket(ticket.clone());
            }
        }
        few.roster.count_idle_as(&self.roster);
        if agent.wait.is_none() {
            let agent = agent.id.clone();
            few.apply(now, &Event::WaitStarted { agent, until: now, request: None });
        }
        few
    }
}

impl Trial<'_> {
    /// The engine at the moment that the agent is served.
    fn then(&self) -> &Engine {
        self.supposed.as_ref().unwrap_or(self.live)
    }

    /// The first of a queue at that moment.
    pub(super) fn front(&self, key: &super::queue::QueueKey) -> Option<TicketNumber> {
        self.then().queues.get(key)?.front().map(|front| front.number)
    }

    /// Idle agents by pool at that moment, in the policy's order, `agent` included.
    pub(super) fn idle_counts(&self, agent: &Agent) -> Vec<u32> {
        let then = self.then();
        let pools = (0..then.policy.pools.len()).map(|at| u8::try_from(at).expect("at most 64"));
        let idle = |pool| {
            let uncounted = !self.counted && agent.pools.contains(pool);
            then.roster.idle_count(pool) + u32::from(uncounted)
        };
        pools.map(|at| idle(PoolIx(at))).collect()
    }

    /// The pools of the agent whose reserves keep a ticket of that tier from the agent, each with the
    /// idle agents in it, this one included, and how many it keeps free.
    pub(super) fn reserves(&self, agent: &Agent, tier: TierIx) -> Vec<(PoolIx, u32, u32)> {
        let then = self.then();
        let spares = |pool: &PoolIx| then.floor().may_spare(*pool, tier, self.counted);
        let counts = |pool| {
            let idle = then.roster.idle_count(pool) + u32::from(!self.counted);
            (pool, idle, then.policy.pool(pool).reserve_against(tier))
        };
        agent.pools.iter().filter(|pool| !spares(pool)).map(counts).collect()
    }
}

/// Whether an agent may be given a ticket more.
pub(super) fn can_ask(agent: &Agent) -> bool {
    agent.presence == Presence::Available && agent.held.len() < usize::from(agent.capacity)
}

/// What the answer of `route` gives to whom.
fn turn_of(event: &Event) -> Option<Turn> {
    let Event::Assigned { ticket, agent, step, .. } = event else { return None };
    Some(Turn { agent: agent.clone(), ticket: *ticket, step: *step })
}
