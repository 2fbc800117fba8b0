//! What an agent would get, and why not a certain ticket, in messages and sentences.

use super::Api;
use super::convert::{self, AgentSeen, Payload, queue_id, timestamp};
use super::explain::{candidate, reason, seconds};
use super::pools;
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::Checks;
use crate::driver::{Live, Seen};
use crate::engine::dispatch::{Choice, Head};
use crate::engine::model::{Policy, TicketId, TicketNumber, Time};
use crate::engine::queue::QueueKey;
use crate::engine::{AgentExplanation, Condition, Engine, WhyNot};
use std::collections::BTreeMap;

/// What sentences need beside an explanation, read at the same instant.
struct Beside {
    at: Time,
    agent: AgentSeen,
    ids: BTreeMap<TicketNumber, TicketId>,
}

impl Beside {
    /// Reads the ids of every ticket that the explanation names; `conditions` are those outside it.
    fn of(engine: &Engine, told: &AgentExplanation, conditions: &[Condition], at: Time) -> Self {
        let heads = told.survey.heads.iter().map(|head| head.ticket);
        let turns = told.before.iter().map(|turn| turn.ticket);
        let gets = told.gets.iter().map(|(ticket, _)| *ticket);
        let passed = told.passed.iter().map(|passed| passed.front);
        let named = conditions.iter().filter_map(named);
        let all = heads.chain(turns).chain(gets).chain(passed).chain(named);
        let ids = all.filter_map(|number| {
            engine.ticket_numbered(number).map(|ticket| (number, ticket.id.clone()))
        });
        Self { at, agent: AgentSeen::of(engine, &told.agent), ids: ids.collect() }
    }

    fn id(&self, number: TicketNumber) -> String {
        self.ids.get(&number).map(ToString::to_string).unwrap_or_default()
    }
}

impl Api {
    /// Answers `ExplainAgent`.
    pub(super) async fn agent_explained(
        &self,
        request: &pb::ExplainAgentRequest,
    ) -> Result<pb::ExplainAgentResponse, Fault> {
        let mut checks = Checks::default();
        let id = checks.agent_id(&request.agent_id);
        checks.done()?;
        let wanted = id.clone();
        let read = self.handle.read(move |engine, now| {
            let told = engine.explain_agent(&wanted, now)?;
            let beside = Beside::of(engine, &told, &[], now);
            Some((told, beside))
        });
        let seen = read.await.map_err(|refused| Fault::refused(refused, id.as_str()))?;
        let (told, beside) = seen.ok_or_else(|| Fault::agent_not_found(id.as_str()))?;
        let policy = &told.policy;
        let passed = told.passed.iter().map(|passed| pb::PassedQueue {
            queue_id: queue_id(policy, &passed.queue),
            depth: passed.depth as u64,
            next_ticket_id: beside.id(passed.front),
            conditions: failed(&passed.conditions, policy, &beside),
        });
        Ok(pb::ExplainAgentResponse {
            summary: agent_summary(&told, &beside),
            passed_queues: passed.collect(),
            passed_queue_count: u32::try_from(told.passed_count).unwrap_or(u32::MAX),
            decision: Some(decision(&told, &beside)),
        })
    }

    /// Answers `WhyNot`.
    pub(super) async fn why_not_explained(
        &self,
        request: &pb::WhyNotRequest,
    ) -> Result<pb::WhyNotResponse, Fault> {
        let mut checks = Checks::default();
        let ticket = checks.ticket_id(&request.ticket_id);
        let agent = checks.agent_id(&request.agent_id);
        checks.done()?;
        let (told, beside) = loop {
            let wanted = (ticket.clone(), agent.clone());
            let read = self.handle.read(move |engine, now| {
                let (ticket, agent) = wanted;
                let Some(told) = engine.why_not(&ticket, &agent, now) else {
                    return Err(engine.ticket(&ticket).is_some());
                };
                let beside = Beside::of(engine, &told.agent, &told.conditions, now);
                Ok((told, beside))
            });
            match read.await.map_err(|refused| Fault::refused(refused, ticket.as_str()))? {
                Ok(seen) => break seen,
                Err(true) => return Err(Fault::agent_not_found(agent.as_str())),
                Err(false) => {
                    if let Seen::Ended(row) = self.seen(&ticket).await? {
                        return Err(Fault::ticket_ended(&row));
                    }
                    // It was submitted between the two questions: it can be answered now.
                }
            }
        };
        let policy = told.agent.policy.clone();
        let conditions = failed(&told.conditions, &policy, &beside);
        Ok(pb::WhyNotResponse {
            summary: why_not_summary(&told, &conditions, &beside),
            decision: Some(decision(&told.agent, &beside)),
            would_get: told.would_get,
            conditions,
            queue_id: queue_id(&policy, &QueueKey::of(&told.ticket)),
            ticket: Some(convert::live_ticket(
                &Live { ticket: told.ticket, policy, at: beside.at, forecast: None },
                Payload::LeftOut,
            )),
        })
    }
}

fn decision(told: &AgentExplanation, beside: &Beside) -> pb::AgentDecision {
    let AgentExplanation { policy, before, survey, .. } = told;
    let step = match (told.gets, survey.choice) {
        (Some((_, step)), _) => step.into(),
        (None, Choice::HeldForTier) => pb::DecisionStep::HeldForTier,
        (None, Choice::Nothing | Choice::Take(..)) => pb::DecisionStep::Nothing,
    };
    let before = before.iter().map(|turn| pb::ServedFirst {
        agent_id: turn.agent.to_string(),
        ticket_id: beside.id(turn.ticket),
        step: pb::DecisionStep::from(turn.step).into(),
    });
    let hold = |head: &Head| {
        head.held_by.map(|pool| pb::ReserveHold {
            pool: policy.pool(pool).name.to_string(),
            idle_count: told.idle_counts[usize::from(pool.0)],
            reserve_count: policy.pool(pool).kept_against(head.queue.tier, head.queue.channel),
            behind_others: head.behind_others,
        })
    };
    let heads = survey.heads.iter();
    let heads = heads.map(|head| candidate(head, policy, beside.id(head.ticket), hold(head)));
    pb::AgentDecision {
        agent: Some(beside.agent.clone().into()),
        at: Some(timestamp(beside.at)),
        policy_version: policy.version.to_string(),
        rule: pb::DispatchRule::from(policy.rule).into(),
        chosen_ticket_id: told.gets.map(|(ticket, _)| beside.id(ticket)).unwrap_or_default(),
        step: step.into(),
        conditions: failed(&told.conditions, policy, beside),
        paused_pools: pools::messages(&told.paused, policy),
        served_first: before.collect(),
        candidates: heads.collect(),
    }
}

fn agent_summary(told: &AgentExplanation, beside: &Beside) -> String {
    let agent = &told.agent.id;
    let before = served_first(told, beside);
    if let Some((ticket, step)) = told.gets {
        let id = beside.id(ticket);
        return format!("{before}{agent} would get {id}, by the step {} of the rule.", step.name());
    }
    let conditions = failed(&told.conditions, &told.policy, beside);
    if !conditions.is_empty() {
        return format!("{agent} would get nothing: {}.", joined(&conditions));
    }
    let why = match told.survey.choice {
        Choice::HeldForTier => "what waits is kept from this agent by a reserve for higher tiers",
        Choice::Nothing | Choice::Take(..) if told.passed_count > 0 => {
            "nothing waits that this agent may serve"
        }
        Choice::Nothing | Choice::Take(..) => "nothing waits",
    };
    format!("{before}{agent} would get nothing: {why}.")
}

fn why_not_summary(told: &WhyNot, failed: &[pb::FailedCondition], beside: &Beside) -> String {
    let (ticket, agent) = (&told.ticket.id, &told.agent.agent.id);
    let before = served_first(&told.agent, beside);
    if told.would_get {
        let step = told.agent.gets.map_or("", |(_, step)| step.name());
        return format!("{before}{agent} would get {ticket}, by the step {step} of the rule.");
    }
    let mut summary = format!("{agent} would not get {ticket}: {}.", joined(failed));
    let heads = &told.agent.survey.heads;
    let key = QueueKey::of(&told.ticket);
    let own = heads.iter().find(|head| head.queue == key);
    if let (Some(own), Some((chosen, step))) = (own, told.agent.survey.taken())
        && chosen.queue != key
    {
        let why = reason(step, chosen, own, told.agent.policy.rule);
        summary = format!("{summary} {} goes first: {why}.", beside.id(chosen.ticket));
    }
    summary
}

/// Who would be served before, as sentences that end in a space.
fn served_first(told: &AgentExplanation, beside: &Beside) -> String {
    told.before.iter().fold(String::new(), |sentences, turn| {
        format!("{sentences}{} would first get {}. ", turn.agent, beside.id(turn.ticket))
    })
}

fn joined(conditions: &[pb::FailedCondition]) -> String {
    let sentences: Vec<_> = conditions.iter().map(|failed| failed.description.as_str()).collect();
    sentences.join("; ")
}

fn failed(conditions: &[Condition], policy: &Policy, beside: &Beside) -> Vec<pb::FailedCondition> {
    conditions.iter().map(|condition| message(condition, policy, beside)).collect()
}

/// The ticket that a condition names, if it names one.
fn named(condition: &Condition) -> Option<TicketNumber> {
    match condition {
        Condition::Behind { front, .. } => Some(*front),
        Condition::RulePrefers { ticket, .. } => Some(*ticket),
        Condition::Assigned { .. }
        | Condition::Offered { .. }
        | Condition::Quarantined
        | Condition::Resting { .. }
        | Condition::Away
        | Condition::Draining
        | Condition::PoolPaused { .. }
        | Condition::BackOffs { .. }
        | Condition::BackOff { .. }
        | Condition::Full { .. }
        | Condition::ChannelClosed { .. }
        | Condition::PoolsApart
        | Condition::SkillTooLow { .. }
        | Condition::SkillExcluded { .. }
        | Condition::Barred
        | Condition::OnlyFor { .. }
        | Condition::Reserve { .. }
        | Condition::GoesTo { .. } => None,
    }
}

/// A condition as a message.
fn message(condition: &Condition, policy: &Policy, beside: &Beside) -> pb::FailedCondition {
    use pb::ConditionKind as Kind;
    let of = |kind: Kind| pb::FailedCondition {
        kind: kind.into(),
        description: sentence(condition, policy, beside),
        ..pb::FailedCondition::default()
    };
    match condition {
        Condition::Assigned { agent } => {
            pb::FailedCondition { agent_id: agent.to_string(), ..of(Kind::Assigned) }
        }
        Condition::Offered { agent } => {
            pb::FailedCondition { agent_id: agent.to_string(), ..of(Kind::Offered) }
        }
        Condition::Quarantined => of(Kind::Quarantined),
        Condition::Resting { until } => {
            pb::FailedCondition { until: Some(timestamp(*until)), ..of(Kind::Resting) }
        }
        Condition::Away => of(Kind::Away),
        Condition::Draining => of(Kind::Draining),
        Condition::PoolPaused { pool, pause: _ } => pb::FailedCondition {
            pool: policy.pool(*pool).name.to_string(),
            ..of(Kind::PoolPaused)
        },
        Condition::BackOffs { count } => {
            pb::FailedCondition { actual: *count as u64, ..of(Kind::BackOffs) }
        }
        Condition::BackOff { until } => {
            pb::FailedCondition { until: Some(timestamp(*until)), ..of(Kind::BackOff) }
        }
        Condition::Full { held_count, capacity } => pb::FailedCondition {
            actual: (*held_count).into(),
            limit: (*capacity).into(),
            ..of(Kind::Full)
        },
        Condition::ChannelClosed { channel } => pb::FailedCondition {
            channel: pb::Channel::from(*channel).into(),
            ..of(Kind::ChannelClosed)
        },
        Condition::PoolsApart => of(Kind::PoolsApart),
        Condition::SkillTooLow { skill, required, level } => pb::FailedCondition {
            skill: policy.skill(*skill).to_string(),
            actual: (*level).into(),
            limit: (*required).into(),
            ..of(Kind::SkillTooLow)
        },
        Condition::SkillExcluded { skill } => pb::FailedCondition {
            skill: policy.skill(*skill).to_string(),
            ..of(Kind::SkillExcluded)
        },
        Condition::Barred => of(Kind::Barred),
        Condition::OnlyFor { agent, while_available: _ } => {
            pb::FailedCondition { agent_id: agent.to_string(), ..of(Kind::OnlyFor) }
        }
        Condition::Reserve { pool, idle_count, reserve_count } => pb::FailedCondition {
            pool: policy.pool(*pool).name.to_string(),
            actual: (*idle_count).into(),
            limit: (*reserve_count).into(),
            ..of(Kind::Reserve)
        },
        Condition::Behind { front, ahead_count } => pb::FailedCondition {
            ticket_id: beside.id(*front),
            actual: *ahead_count as u64,
            ..of(Kind::Behind)
        },
        Condition::RulePrefers { ticket, step } => pb::FailedCondition {
            ticket_id: beside.id(*ticket),
            step: pb::DecisionStep::from(*step).into(),
            ..of(Kind::RulePrefers)
        },
        Condition::GoesTo { agent } => {
            pb::FailedCondition { agent_id: agent.to_string(), ..of(Kind::GoesTo) }
        }
    }
}

/// A condition as a sentence, without a full stop.
fn sentence(condition: &Condition, policy: &Policy, beside: &Beside) -> String {
    match condition {
        Condition::Assigned { agent } => format!("the ticket is in the hands of {agent}"),
        Condition::Offered { agent } => format!("the ticket is offered to {agent}"),
        Condition::Resting { until } => {
            let left_ms = until.since_ms(beside.at);
            format!("the ticket is scheduled or parked, for {} at most", seconds(left_ms))
        }
        Condition::Quarantined => {
            "the ticket is quarantined: the audit found a fault in it".to_owned()
        }
        Condition::Away => "the agent is away".to_owned(),
        Condition::Draining => "the agent is draining and is given nothing new".to_owned(),
        Condition::PoolPaused { pool, pause } => {
            pools::told(&policy.pool(*pool).name, pause, beside.at)
        }
        Condition::BackOffs { count } => format!(
            "{count} tickets that the agent has declined or missed are not offered again yet, and \
             nothing is given until one of them may be"
        ),
        Condition::BackOff { until } => {
            let left_ms = until.since_ms(beside.at);
            format!(
                "the agent has declined or missed it, and may be offered it again in {}",
                seconds(left_ms)
            )
        }
        Condition::Full { held_count, capacity } => {
            format!(
                "the agent holds {held_count} tickets, and {capacity} units leave no channel open"
            )
        }
        Condition::ChannelClosed { channel } => {
            format!("the agent may take nothing more of the channel {}", channel.name())
        }
        Condition::PoolsApart => "the agent serves in none of the ticket's pools".to_owned(),
        Condition::SkillTooLow { skill, required, level } => {
            let has = match level {
                0 => "does not have it".to_owned(),
                level => format!("has level {level}"),
            };
            let skill = policy.skill(*skill);
            format!("the skill {skill} is required at level {required} and the agent {has}")
        }
        Condition::SkillExcluded { skill } => {
            format!("the agent has the skill {}, which is excluded", policy.skill(*skill))
        }
        Condition::Barred => "the ticket excludes this agent by name".to_owned(),
        Condition::OnlyFor { agent, while_available: true } => {
            format!("the ticket waits for the agent {agent} first")
        }
        Condition::OnlyFor { agent, while_available: false } => {
            format!("the ticket is only for the agent {agent}")
        }
        Condition::Reserve { pool, idle_count, reserve_count } => {
            let pool = &policy.pool(*pool).name;
            format!(
                "the pool {pool} keeps {reserve_count} agents free for higher tiers, and with this \
                 one {idle_count} are idle"
            )
        }
        Condition::Behind { front, ahead_count } => {
            let front = beside.id(*front);
            format!("{ahead_count} stand before it in its own queue, {front} the first of them")
        }
        Condition::RulePrefers { ticket, step } => {
            let (step, ticket) = (step.name(), beside.id(*ticket));
            format!("the step {step} of the rule prefers {ticket}, the first of another queue")
        }
        Condition::GoesTo { agent } => {
            format!("{agent}, who waits for work too, would get it first")
        }
    }
}
