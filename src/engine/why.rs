//! Why an agent would be given this ticket, another, or none: every condition that fails, and not only
//! the first. Told from the surveys and the matches that dispatch; nothing changes.

use super::Engine;
use super::capacity::ChannelSet;
use super::dispatch::Survey;
use super::model::{
    Agent, AgentId, Channel, Policy, PoolIx, Presence, State, Step, Ticket, TicketId, TicketNumber,
    Time,
};
use super::needs::{Crew, SkillIx, level_in};
use super::pause::Pause;
use super::push::BACK_OFFS_MAX;
use super::queue::QueueKey;
use super::trial::{Trial, Turn};
use std::sync::Arc;

/// Most queues that the explanation of an agent lists of those that the agent may not serve.
pub const PASSED_QUEUES_MAX: usize = 16;

/// One reason why an agent would not be given a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The ticket is in an agent's hands.
    Assigned {
        /// Whose.
        agent: AgentId,
    },
    /// The ticket is offered to an agent.
    Offered {
        /// Whom.
        agent: AgentId,
    },
    /// The ticket is scheduled or parked.
    Resting {
        /// Until when at the latest.
        until: Time,
    },
    /// The audit found a fault in the ticket: it is in no queue and in nobody's hands.
    Quarantined,
    /// The agent is away.
    Away,
    /// The agent is draining: what is held is finished, and nothing new is given.
    Draining,
    /// So many tickets are in back-off with the agent that nothing more is given until one is over.
    BackOffs {
        /// How many.
        count: usize,
    },
    /// The agent has declined or missed the ticket, and it is not offered again yet.
    BackOff {
        /// Until when.
        until: Time,
    },
    /// What the agent holds leaves no channel open.
    Full {
        /// How many tickets.
        held_count: u32,
        /// How many units of work at most.
        capacity: u16,
    },
    /// The agent may take nothing more of the ticket's channel.
    ChannelClosed {
        /// The channel.
        channel: Channel,
    },
    /// The agent serves in none of the ticket's pools.
    PoolsApart,
    /// What the agent could serve the ticket through is paused.
    PoolPaused {
        /// Which pool.
        pool: PoolIx,
        /// Since when, by whom and why.
        pause: Arc<Pause>,
    },
    /// The agent lacks a skill that the ticket requires, or has too little of it.
    SkillTooLow {
        /// Which.
        skill: SkillIx,
        /// The least level.
        required: u8,
        /// The agent's level; 0 without the skill.
        level: u8,
    },
    /// The agent has a skill that whoever serves the ticket must not have.
    SkillExcluded {
        /// Which.
        skill: SkillIx,
    },
    /// The ticket is barred from this agent by name.
    Barred,
    /// The ticket waits for another agent.
    OnlyFor {
        /// For whom.
        agent: AgentId,
        /// Only as long as that agent is available.
        while_available: bool,
    },
    /// A pool of the agent keeps its idle agents for higher tiers.
    Reserve {
        /// Which pool.
        pool: PoolIx,
        /// Agents idle in it, this one included.
        idle_count: u32,
        /// Idle agents it keeps free.
        reserve_count: u32,
    },
    /// Others stand before it in its own queue.
    Behind {
        /// The first of the queue.
        front: TicketNumber,
        /// How many stand before it, exact up to [`super::PLACE_EXACT_MAX`].
        ahead_count: usize,
    },
    /// The rule prefers the head of another queue.
    RulePrefers {
        /// Which ticket.
        ticket: TicketNumber,
        /// By which step.
        step: Step,
    },
    /// Another agent who waits would get it first.
    GoesTo {
        /// Who.
        agent: AgentId,
    },
}

/// What an agent would be given on asking, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentExplanation {
    /// The agent as it is.
    pub agent: Agent,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// What keeps the agent from any ticket.
    pub conditions: Vec<Condition>,
    /// Those of the agent's pools that are paused: nothing is dispatched on their behalf.
    pub paused: Vec<(PoolIx, Arc<Pause>)>,
    /// Others who would be served first because this agent asks, in this order.
    pub before: Vec<Turn>,
    /// What competes when it is the agent's turn, and the choice. For one who may not ask: as if one
    /// could.
    pub survey: Survey,
    /// Idle agents by pool at that moment, in the policy's order, this agent included.
    pub idle_counts: Vec<u32>,
    /// What the agent would get, and the step that chooses it.
    pub gets: Option<(TicketNumber, Step)>,
    /// Filled queues that the agent may not serve: the first [`PASSED_QUEUES_MAX`].
    pub passed: Vec<PassedQueue>,
    /// How many there are of them altogether.
    pub passed_count: usize,
}

/// A filled queue that an agent may not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PassedQueue {
    /// Which.
    pub queue: QueueKey,
    /// How many wait in it.
    pub depth: usize,
    /// Its first ticket.
    pub front: TicketNumber,
    /// Why not.
    pub conditions: Vec<Condition>,
}

/// Why an agent would not be given a certain ticket on asking, or that the agent would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhyNot {
    /// The ticket as it is.
    pub ticket: Ticket,
    /// What the agent would be given.
    pub agent: AgentExplanation,
    /// Whether it would be this ticket.
    pub would_get: bool,
    /// Every condition that fails; none if the agent would get it.
    pub conditions: Vec<Condition>,
}

impl Engine {
    /// What a registered agent would be given on asking at `now`; `None` if nobody of that id is
    /// registered.
    pub fn explain_agent(&self, id: &AgentId, now: Time) -> Option<AgentExplanation> {
        let agent = self.roster.get(id)?;
        let mut told = self.told(agent, &self.trial(agent, now));
        let crew = self.crew_as_if(agent);
        let paused = self.pauses(agent.pools);
        for (key, queue) in self.queues.iter() {
            let Some(front) = queue.front() else { continue };
            if crew.serves(key).is_some() {
                continue;
            }
            told.passed_count += 1;
            if told.passed.len() < PASSED_QUEUES_MAX {
                told.passed.push(PassedQueue {
                    queue: key.clone(),
                    depth: queue.len(),
                    front: front.number,
                    conditions: unserved(&crew, key, &paused),
                });
            }
        }
        Some(told)
    }

    /// Why a registered agent who asks at `now` would not be given a live ticket, or that the agent
    /// would; `None` if there is no such ticket or agent.
    pub fn why_not(&self, ticket: &TicketId, agent: &AgentId, now: Time) -> Option<WhyNot> {
        let (ticket, agent) = (self.ticket(ticket)?, self.roster.get(agent)?);
        let trial = self.trial(agent, now);
        let would_get = trial.gets.is_some_and(|(number, _)| number == ticket.number);
        let conditions = if would_get { Vec::new() } else { self.failed(ticket, agent, &trial) };
        let agent = self.told(agent, &trial);
        Some(WhyNot { ticket: ticket.clone(), agent, would_get, conditions })
    }

    fn told(&self, agent: &Agent, trial: &Trial<'_>) -> AgentExplanation {
        let paused = self.pauses(agent.pools);
        let mut conditions = unready(agent, self.roster.open_channels(agent));
        if self.roster.open_pools(agent).is_empty() {
            let all = paused.iter().cloned();
            conditions.extend(all.map(|(pool, pause)| Condition::PoolPaused { pool, pause }));
        }
        AgentExplanation {
            agent: agent.clone(),
            policy: self.policy.clone(),
            conditions,
            paused,
            before: trial.before.clone(),
            survey: trial.survey.clone(),
            idle_counts: trial.idle_counts(agent),
            gets: trial.gets,
            passed: Vec::new(),
            passed_count: 0,
        }
    }

    /// Everything that keeps `ticket` from `agent`.
    fn failed(&self, ticket: &Ticket, agent: &Agent, trial: &Trial<'_>) -> Vec<Condition> {
        let mut failed = Vec::new();
        let waits = match &ticket.state {
            State::Waiting => true,
            State::Assigned(held) => {
                failed.push(Condition::Assigned { agent: held.agent.clone() });
                false
            }
            State::Offered(offers) => {
                let agents = offers.iter().map(|offer| offer.agent.clone());
                failed.extend(agents.map(|agent| Condition::Offered { agent }));
                false
            }
            State::Scheduled { opens_at: until } => {
                failed.push(Condition::Resting { until: *until });
                false
            }
            State::Parked(parked) => {
                failed.push(Condition::Resting { until: parked.until });
                false
            }
            State::Quarantined(_) => {
                failed.push(Condition::Quarantined);
                false
            }
        };
        failed.extend(unready(agent, self.roster.open_channels(agent)));
        let key = QueueKey::of(ticket);
        failed.extend(unserved(&self.crew_as_if(agent), &key, &self.pauses(agent.pools)));
        let declined = agent.declined.get(&ticket.number);
        let back_off = declined.and_then(|declined| declined.until);
        failed.extend(back_off.map(|until| Condition::BackOff { until }));
        if let Some(turn) = trial.before.iter().find(|turn| turn.ticket == ticket.number) {
            // What else held it back before that turn no longer matters.
            failed.push(Condition::GoesTo { agent: turn.agent.clone() });
            return failed;
        }
        let reserves = trial.reserves(agent, (ticket.tier, ticket.channel)).into_iter();
        failed.extend(reserves.map(|(pool, idle_count, reserve_count)| Condition::Reserve {
            pool,
            idle_count,
            reserve_count,
        }));
        if !waits {
            return failed;
        }
        let front = trial.front(&key).filter(|front| *front != ticket.number && back_off.is_none());
        if let Some(front) = front {
            let ahead_count = self.queues.ahead_in_queue(ticket, super::PLACE_EXACT_MAX);
            failed.push(Condition::Behind { front, ahead_count });
        }
        let competes = trial.survey.heads.iter().any(|head| head.queue == key);
        let chosen = trial.survey.taken().filter(|(head, _)| competes && head.queue != key);
        if let Some((chosen, step)) = chosen {
            failed.push(Condition::RulePrefers { ticket: chosen.ticket, step });
        }
        failed
    }
}

/// What keeps an agent to whom these channels are open from any ticket.
pub(super) fn unready(agent: &Agent, open: ChannelSet) -> Vec<Condition> {
    let away = match agent.presence {
        Presence::Available => None,
        Presence::Away => Some(Condition::Away),
        Presence::Draining => Some(Condition::Draining),
    };
    let full = open.is_empty().then(|| Condition::Full {
        held_count: u32::try_from(agent.held.len() + agent.wrapping.len())
            .expect("a capacity is at most 100"),
        capacity: agent.capacity,
    });
    let count = agent.back_off_count();
    let back_offs = (count >= BACK_OFFS_MAX).then_some(Condition::BackOffs { count });
    away.into_iter().chain(full).chain(back_offs).collect()
}

/// Why agents of `crew`, whose other pools are `paused`, may not serve a queue: every reason, where
/// [`Crew::serves`] says no; else none.
fn unserved(crew: &Crew, key: &QueueKey, paused: &[(PoolIx, Arc<Pause>)]) -> Vec<Condition> {
    let told = |concerns: &dyn Fn(PoolIx) -> bool| -> Vec<Condition> {
        let concerned = paused.iter().filter(|(pool, _)| concerns(*pool));
        concerned
            .map(|(pool, pause)| Condition::PoolPaused { pool: *pool, pause: pause.clone() })
            .collect()
    };
    let mut failed = Vec::new();
    if !crew.channels.contains(key.channel) {
        failed.push(Condition::ChannelClosed { channel: key.channel });
    }
    let needs = key.needs.as_deref();
    if let Some(only) = needs.and_then(|needs| needs.only.as_ref()) {
        if crew.own.as_ref() != Some(only) {
            let while_available = needs.is_some_and(|needs| needs.while_available);
            failed.push(Condition::OnlyFor { agent: only.clone(), while_available });
        } else if crew.pools.is_empty() {
            // Asked for by name, any pool of the agent would do.
            failed.extend(told(&|_| true));
            failed.extend(paused.is_empty().then_some(Condition::PoolsApart));
        }
        return failed;
    }
    if key.pools.and(crew.pools).is_empty() {
        let through = told(&|pool| key.pools.contains(pool));
        if through.is_empty() {
            failed.push(Condition::PoolsApart);
        }
        failed.extend(through);
    }
    let Some(needs) = needs else { return failed };
    let level = |skill| level_in(&crew.skills, skill);
    let low = needs.required.iter().filter(|(skill, least)| level(*skill) < *least);
    failed.extend(low.map(|(skill, least)| Condition::SkillTooLow {
        skill: *skill,
        required: *least,
        level: level(*skill),
    }));
    let excluded = crew.skills.iter().filter(|(skill, _)| needs.excluded.contains(*skill));
    failed.extend(excluded.map(|(skill, _)| Condition::SkillExcluded { skill: *skill }));
    if crew.own.as_ref().is_some_and(|own| needs.barred.binary_search(own).is_ok()) {
        failed.push(Condition::Barred);
    }
    failed
}
