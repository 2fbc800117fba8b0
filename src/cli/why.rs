//! `tierline explain` and `tierline why-not`: what an agent would get now, and why not a certain ticket.

use super::Context;
use super::console;
use super::explain::{self, Candidate, heads};
use super::fault::Fault;
use super::humane;
use super::table::{Table, printable};
use super::view;
use super::words;
use crate::api::proto::v1;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use std::fmt::Write as _;

/// The end of the help of `why-not`.
const WHY_NOT_HELP: &str = "\
Nothing is given and nothing changes: the answer is what a pull of this agent would lead to at this instant.

JSON fields: ticket_id, agent_id, would_get, summary, tier, tier_source, queue_id, conditions [{kind, description, \
agent_id, ticket_id, pool, skill, step, actual, limit}], decision {at, policy_version, rule, chosen_ticket_id, step, \
conditions, served_first [{agent_id, ticket_id, step}], candidates as of `tierline explain TICKET`}.

Example:
  tierline why-not T-17 ada";

/// The end of the help of `explain`.
fn explain_help() -> String {
    format!(
        "{}\n\nJSON fields with --agent: agent_id, summary, decision as of `tierline why-not`, passed_queues [{{queue_id, depth, \
         next_ticket_id, conditions}}], passed_queue_count.\n\n\
         Examples:\n  tierline explain T-17\n  tierline explain T-17 --decision 4711\n  tierline explain --agent ada",
        explain::HELP
    )
}

/// Explain where a ticket is and why, or what an agent would get now
#[derive(Args, Debug)]
#[command(after_help = explain_help())]
pub(crate) struct Explain {
    /// The ticket
    #[arg(required_unless_present = "agent", conflicts_with = "agent")]
    ticket: Option<String>,
    /// Explain what this agent would get on asking now
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// Explain the decision by which this event assigned or offered the ticket; `tierline events` has the numbers
    #[arg(long, value_name = "SEQ", conflicts_with = "agent")]
    decision: Option<u64>,
}

/// Explain why an agent would not get a certain ticket now: every condition that fails
#[derive(Args, Debug)]
#[command(after_help = WHY_NOT_HELP)]
pub(crate) struct WhyNot {
    /// The ticket
    ticket: String,
    /// The agent
    agent: String,
}

impl Explain {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        if let Some(agent) = self.agent {
            let request = v1::ExplainAgentRequest { agent_id: agent };
            let answer = connection.call(connection.ops().explain_agent(request)).await?;
            return show_agent(context, answer);
        }
        let request = v1::ExplainTicketRequest {
            ticket_id: self.ticket.unwrap_or_default(),
            assigned_seq: self.decision,
        };
        let answer = connection.call(connection.ops().explain_ticket(request)).await?;
        explain::show(context, answer)
    }
}

impl WhyNot {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        let request = v1::WhyNotRequest { ticket_id: self.ticket, agent_id: self.agent };
        let answer = connection.call(connection.ops().why_not(request)).await?;
        show_why_not(context, answer)
    }
}

/// A condition that fails, for programs.
#[derive(Serialize)]
struct Condition {
    kind: String,
    description: String,
    agent_id: Option<String>,
    ticket_id: Option<String>,
    pool: Option<String>,
    skill: Option<String>,
    step: Option<String>,
    actual: u64,
    limit: u64,
}

impl From<v1::FailedCondition> for Condition {
    fn from(failed: v1::FailedCondition) -> Self {
        Self {
            kind: words::condition_kind(failed.kind),
            description: failed.description,
            agent_id: view::filled(failed.agent_id),
            ticket_id: view::filled(failed.ticket_id),
            pool: view::filled(failed.pool),
            skill: view::filled(failed.skill),
            step: (failed.step != 0).then(|| words::decision_step(failed.step)),
            actual: failed.actual,
            limit: failed.limit,
        }
    }
}

#[derive(Serialize)]
struct Decision {
    at: Option<Timestamp>,
    policy_version: String,
    rule: String,
    chosen_ticket_id: Option<String>,
    step: String,
    conditions: Vec<Condition>,
    served_first: Vec<Turn>,
    candidates: Vec<Candidate>,
}

#[derive(Serialize)]
struct Turn {
    agent_id: String,
    ticket_id: String,
    step: String,
}

impl From<v1::AgentDecision> for Decision {
    fn from(decision: v1::AgentDecision) -> Self {
        let turns = decision.served_first.into_iter().map(|turn| Turn {
            agent_id: turn.agent_id,
            ticket_id: turn.ticket_id,
            step: words::decision_step(turn.step),
        });
        Self {
            at: view::instant(decision.at),
            policy_version: decision.policy_version,
            rule: words::dispatch_rule(decision.rule),
            chosen_ticket_id: view::filled(decision.chosen_ticket_id),
            step: words::decision_step(decision.step),
            conditions: decision.conditions.into_iter().map(Into::into).collect(),
            served_first: turns.collect(),
            candidates: decision.candidates.into_iter().map(Into::into).collect(),
        }
    }
}

#[derive(Serialize)]
struct AgentAnswer {
    agent_id: String,
    summary: String,
    decision: Decision,
    passed_queues: Vec<PassedQueue>,
    passed_queue_count: u32,
}

#[derive(Serialize)]
struct PassedQueue {
    queue_id: String,
    depth: u64,
    next_ticket_id: String,
    conditions: Vec<Condition>,
}

#[derive(Serialize)]
struct WhyNotAnswer {
    ticket_id: String,
    agent_id: String,
    would_get: bool,
    summary: String,
    tier: String,
    tier_source: String,
    queue_id: String,
    conditions: Vec<Condition>,
    decision: Decision,
}

fn show_agent(context: &Context, answer: v1::ExplainAgentResponse) -> Result<(), Fault> {
    let decision = answer.decision.ok_or(Fault::Answer("decision"))?;
    let passed = answer.passed_queues.into_iter().map(|passed| PassedQueue {
        queue_id: passed.queue_id,
        depth: passed.depth,
        next_ticket_id: passed.next_ticket_id,
        conditions: passed.conditions.into_iter().map(Into::into).collect(),
    });
    let answer = AgentAnswer {
        agent_id: decision.agent.as_ref().map(|agent| agent.agent_id.clone()).unwrap_or_default(),
        summary: answer.summary,
        passed_queues: passed.collect(),
        passed_queue_count: answer.passed_queue_count,
        decision: decision.into(),
    };
    if context.is_json() { console::json(&answer) } else { console::say(agent_text(&answer)) }
}

fn show_why_not(context: &Context, answer: v1::WhyNotResponse) -> Result<(), Fault> {
    let decision = answer.decision.ok_or(Fault::Answer("decision"))?;
    let ticket = answer.ticket.ok_or(Fault::Answer("ticket"))?;
    let answer = WhyNotAnswer {
        ticket_id: ticket.ticket_id,
        agent_id: decision.agent.as_ref().map(|agent| agent.agent_id.clone()).unwrap_or_default(),
        would_get: answer.would_get,
        summary: answer.summary,
        tier: ticket.tier,
        tier_source: words::tier_source(ticket.tier_source),
        queue_id: answer.queue_id,
        conditions: answer.conditions.into_iter().map(Into::into).collect(),
        decision: decision.into(),
    };
    if context.is_json() { console::json(&answer) } else { console::say(why_not_text(&answer)) }
}

fn agent_text(answer: &AgentAnswer) -> String {
    let mut text = format!("{}\n", printable(&answer.summary));
    text.push_str(&decided(&answer.decision, ""));
    if !answer.passed_queues.is_empty() {
        let queues = humane::count(u64::from(answer.passed_queue_count), "queue");
        let _ = write!(text, "\n{queues} of other agents\n");
        let mut table = Table::new().left("queue").right("waiting").left("next").left("why not");
        for passed in &answer.passed_queues {
            let why: Vec<_> = passed.conditions.iter().map(|c| c.description.as_str()).collect();
            table.row([
                (&passed.queue_id).into(),
                passed.depth.to_string().into(),
                (&passed.next_ticket_id).into(),
                why.join("; ").into(),
            ]);
        }
        let _ = write!(text, "{table}");
    }
    text + &footer(&answer.decision)
}

fn why_not_text(answer: &WhyNotAnswer) -> String {
    let mut text = format!("{}\n", printable(&answer.summary));
    if !answer.conditions.is_empty() {
        let mut table = Table::new().left("condition").left("what fails");
        for failed in &answer.conditions {
            table.row([(&failed.kind).into(), (&failed.description).into()]);
        }
        let _ = write!(text, "\n{table}");
    }
    text.push_str(&decided(&answer.decision, &answer.ticket_id));
    let WhyNotAnswer { tier, tier_source, queue_id, .. } = answer;
    let _ = write!(text, "\ntier {tier} ({tier_source}), queue {queue_id}");
    text + &footer(&answer.decision)
}

/// The heads that compete when it is the agent's turn.
fn decided(decision: &Decision, asked: &str) -> String {
    if decision.candidates.is_empty() {
        return String::new();
    }
    let chosen = decision.chosen_ticket_id.as_deref().map(|id| (id, &*decision.step));
    format!("\n{}", heads(&decision.candidates, chosen, asked))
}

fn footer(decision: &Decision) -> String {
    format!("\nrule {}, policy {}\n", decision.rule, decision.policy_version)
}
