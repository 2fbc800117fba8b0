//! What a pull would lead to, tried out beside the engine.
//!
//! An agent who asks while others wait joins them, and that may set others free first: one more idle
//! agent can be just what a reserve waited for. So the answer is not in any one survey. It is found by
//! playing the pull on an excerpt of the engine, by the code that plays it in earnest.

use super::Engine;
use super::capacity::ChannelSet;
use super::command::Event;
use super::dispatch::Survey;
use super::model::{Agent, AgentId, Channel, PoolIx, Step, TicketNumber, TierIx, Time};
use super::needs::Crew;
use super::queue::{QueueKey, Queues};
use super::why::unready;

/// Where agents get offers on streams: as many of them, and of the tickets of a queue, are tried.
const TRIED_MAX: usize = 256;

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
    /// Plays a pull of `agent`, which is registered, at `now`; for one on a stream, what is offered then.
    /// One who cannot ask gets nothing and is surveyed as if one could.
    pub(super) fn trial(&self, agent: &Agent, now: Time) -> Trial<'_> {
        let counted = self.roster.is_idle(agent);
        let others_wait = self.roster.waiting_count() > usize::from(counted);
        let may_ask = unready(agent, self.roster.open_channels(agent)).is_empty();
        if !may_ask || !others_wait {
            let survey = self.floor().survey(&self.crew_as_if(agent), counted, now);
            let gets = survey.taken().filter(|_| may_ask).map(|(head, step)| (head.ticket, step));
            let (supposed, before) = (None, Vec::new());
            return Trial { live: self, supposed, counted, before, survey, gets };
        }
        let mut supposed = self.excerpt(agent, now);
        let mut before = Vec::new();
        let mut gets = None;
        while let Some(event) = supposed.route(now) {
            let mut turns = turns_of(&event);
            if let Some(own) = turns.iter().find(|turn| turn.agent == agent.id) {
                gets = Some((own.ticket, own.step));
                break;
            }
            if turns.is_empty() {
                break;
            }
            before.append(&mut turns);
            supposed.apply(now, &event);
        }
        let known = supposed.roster.get(&agent.id).expect("the excerpt has the agent");
        let survey = supposed.floor().survey(&supposed.crew_as_if(known), true, now);
        Trial { live: self, supposed: Some(supposed), counted: true, before, survey, gets }
    }

    /// The agent's crew; of one who has no channel open, as if all were.
    pub(super) fn crew_as_if(&self, agent: &Agent) -> Crew {
        let crew = self.roster.crew_of(agent);
        let channels = if crew.channels.is_empty() { ChannelSet::ALL } else { crew.channels };
        Crew { channels, ..crew }
    }

    /// The engine with no more than a pull of `agent` can touch, and `agent` waiting.
    ///
    /// Whoever waits has found nothing, so one idle agent more opens at most one ticket for each of that
    /// agent's pools: the reserve of a pool has one to spare, once. So of each queue, and of each crew,
    /// as many as the agent has pools can go before the agent is served. One on a stream stays idle
    /// with an offer and can get more than one: where anyone streams, as many as [`TRIED_MAX`] are kept.
    pub(super) fn excerpt(&self, agent: &Agent, now: Time) -> Self {
        let least = agent.pools.iter().count() + 1;
        let most = if self.roster.anyone_streams() { least.max(TRIED_MAX) } else { least };
        let mut few = Self {
            at: self.at,
            queues: Queues::new(self.policy.rule),
            policy: self.policy.clone(),
            records: self.records.clone(),
            flow: self.flow.clone(),
            roster: self.roster.excerpt(agent, most),
            next_number: self.next_number,
            next_token: self.next_token,
            ..Self::new(self.limits)
        };
        few.roster.iter().for_each(|agent| few.timers.add_wait(agent));
        let pools = few.roster.iter().fold(0, |pools, agent| pools | agent.pools.0);
        // Those in back-off are stepped past.
        let passed = few.roster.iter().map(Agent::back_off_count).max().unwrap_or(0);
        for (key, queue) in self.queues.iter() {
            let only = key.needs.as_ref().and_then(|needs| needs.only.as_ref());
            let near = match only {
                Some(only) => few.roster.get(only).is_some(),
                None => key.pools.0 & pools != 0,
            };
            for number in queue.iter().take(if near { most + passed } else { 0 }) {
                let ticket = self.ticket_numbered(number).expect("only live tickets wait");
                few.add_ticket(ticket.clone());
            }
        }
        few.roster.count_idle_as(&self.roster);
        if agent.wait.is_none() && agent.stream.is_none() {
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

    /// The ticket of a queue that the agent comes to first at that moment.
    pub(super) fn front(&self, key: &QueueKey) -> Option<TicketNumber> {
        let head = self.survey.heads.iter().find(|head| head.queue == *key);
        let front = || self.then().queues.get(key)?.front().map(|front| front.number);
        head.map(|head| head.ticket).or_else(front)
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

    /// The pools of the agent whose reserves keep a ticket of that kind from the agent, each with the
    /// idle agents in it, this one included, and how many it keeps free.
    pub(super) fn reserves(
        &self,
        agent: &Agent,
        kind: (TierIx, Channel),
    ) -> Vec<(PoolIx, u32, u32)> {
        let then = self.then();
        let spares = |pool: &PoolIx| then.floor().may_spare(*pool, kind, self.counted);
        let counts = |pool| {
            let idle = then.roster.idle_count(pool) + u32::from(!self.counted);
            (pool, idle, then.policy.pool(pool).kept_against(kind.0, kind.1))
        };
        then.roster.open_pools(agent).iter().filter(|pool| !spares(pool)).map(counts).collect()
    }
}

/// What the answer of `route` gives to whom.
fn turns_of(event: &Event) -> Vec<Turn> {
    let turn = |agent: &AgentId, ticket, step| Turn { agent: agent.clone(), ticket, step };
    match event {
        Event::Assigned { ticket, agent, step, .. } => vec![turn(agent, *ticket, *step)],
        Event::Offered { ticket, agent, step, also, .. } => {
            let others = also.iter().map(|other| turn(&other.agent, *ticket, other.step));
            std::iter::once(turn(agent, *ticket, *step)).chain(others).collect()
        }
        _ => Vec::new(),
    }
}
