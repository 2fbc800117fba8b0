//! `tierline explain TICKET` and `tierline ticket explain`: why a ticket is where it is, as a sentence and a table for each crew.

use super::Context;
use super::console;
use super::fault::Fault;
use super::humane;
use super::past::Past;
use super::table::{Cell, Table, Tone, printable};
use super::view;
use super::words;
use crate::api::proto::v1;
use jiff::Timestamp;
use serde::Serialize;
use std::fmt::Write as _;

/// The end of its help.
pub(crate) const HELP: &str = "\
For a waiting ticket every crew is shown: the agents who serve in the same pools, what they would take next, \
and the heads of all queues that the rule compared. The ticket asked about is marked with *.

JSON fields (policy_version and rule are null for a finished ticket): ticket_id, state, at, policy_version, rule, place, summary, crews [{pools, agent_count, idle_count, step, \
chosen_ticket_id, why, candidates [{queue_id, tier, ticket_id, waited_ms, slack_ms, guard_ms, at_risk, starving, \
via_pool, held_by {pool, idle_count, reserve_count}}]}], past for one that an agent has, was offered or had last \
{agent_id, pool, assigned_at, step, slack_ms, policy_version, tier, tier_source, candidate_count, candidates \
[{queue_id, tier, ticket_number, ticket_id while it is known, slack_ms, at_risk, starving, via_pool, held_by}]}.";

/// An explanation for programs.
#[derive(Serialize)]
struct Explanation {
    ticket_id: String,
    state: String,
    at: Option<Timestamp>,
    policy_version: Option<String>,
    rule: Option<String>,
    place: Option<u64>,
    summary: String,
    crews: Vec<Crew>,
    past: Option<Past>,
}

#[derive(Serialize)]
struct Crew {
    pools: Vec<String>,
    agent_count: u32,
    idle_count: u32,
    step: String,
    chosen_ticket_id: Option<String>,
    why: String,
    candidates: Vec<Candidate>,
}

/// A head that was compared, for programs.
#[derive(Serialize)]
pub(crate) struct Candidate {
    queue_id: String,
    tier: String,
    ticket_id: String,
    waited_ms: i64,
    slack_ms: i64,
    guard_ms: i64,
    at_risk: bool,
    starving: bool,
    via_pool: String,
    held_by: Option<Hold>,
}

#[derive(Serialize)]
struct Hold {
    pool: String,
    idle_count: u32,
    reserve_count: u32,
}

impl From<v1::CandidateHead> for Candidate {
    fn from(head: v1::CandidateHead) -> Self {
        Self {
            queue_id: head.queue_id,
            tier: head.tier,
            ticket_id: head.ticket_id,
            waited_ms: head.waited_ms,
            slack_ms: head.slack_ms,
            guard_ms: head.guard_ms,
            at_risk: head.at_risk,
            starving: head.starving,
            via_pool: head.via_pool,
            held_by: head.held_by.map(|hold| Hold {
                pool: hold.pool,
                idle_count: hold.idle_count,
                reserve_count: hold.reserve_count,
            }),
        }
    }
}

/// Prints an explanation.
pub(crate) fn show(context: &Context, answer: v1::ExplainTicketResponse) -> Result<(), Fault> {
    let ticket = answer.ticket.ok_or(Fault::Answer("ticket"))?;
    let crews = answer.crews.into_iter().map(|crew| Crew {
        pools: crew.pools,
        agent_count: crew.agent_count,
        idle_count: crew.idle_count,
        step: words::decision_step(crew.step),
        chosen_ticket_id: view::filled(crew.chosen_ticket_id),
        why: crew.why,
        candidates: crew.candidates.into_iter().map(Into::into).collect(),
    });
    let explanation = Explanation {
        state: words::ticket_state(ticket.state),
        ticket_id: ticket.ticket_id,
        at: view::instant(answer.at),
        policy_version: view::filled(answer.policy_version),
        rule: (answer.rule != 0).then(|| words::dispatch_rule(answer.rule)),
        place: answer.place,
        summary: answer.summary,
        crews: crews.collect(),
        past: answer.past.map(Into::into),
    };
    if context.is_json() {
        return console::json(&explanation);
    }
    console::say(text(&explanation))
}

fn text(explanation: &Explanation) -> String {
    let mut text = format!("{}\n", printable(&explanation.summary));
    for crew in &explanation.crews {
        let agents = humane::count(u64::from(crew.agent_count), "agent");
        let pools = crew.pools.join(" + ");
        let _ = write!(
            text,
            "\n{agents} of {pools}, {} idle: {}\n",
            crew.idle_count,
            printable(&crew.why)
        );
        if !crew.candidates.is_empty() {
            let chosen = crew.chosen_ticket_id.as_deref().map(|id| (id, &*crew.step));
            let _ = write!(text, "{}", heads(&crew.candidates, chosen, &explanation.ticket_id));
        }
    }
    if let Some(table) =
        explanation.past.as_ref().and_then(|past| past.table(&explanation.ticket_id))
    {
        let _ = write!(text, "\nwhat competed then:\n{table}");
    }
    if let (Some(rule), Some(version)) = (&explanation.rule, &explanation.policy_version) {
        let _ = write!(text, "\nrule {rule}, policy {version}\n");
    }
    text
}

/// The heads that were compared: `chosen` is the ticket that is next and the step that says so, `asked`
/// the one to be marked.
pub(crate) fn heads(candidates: &[Candidate], chosen: Option<(&str, &str)>, asked: &str) -> Table {
    let mut table = Table::new()
        .left("")
        .left("queue")
        .left("head")
        .right("waited")
        .left("deadline")
        .right("at risk below")
        .left("standing")
        .left("via pool");
    for head in candidates {
        let mut standing = vec![];
        if let Some((_, step)) = chosen.filter(|(id, _)| *id == head.ticket_id) {
            standing.push(format!("next ({step})"));
        }
        if let Some(hold) = &head.held_by {
            standing.push(format!(
                "held: {} of {} idle, {} kept free",
                hold.idle_count, hold.pool, hold.reserve_count
            ));
        }
        for (is_so, word) in [(head.starving, "starving"), (head.at_risk, "at risk")] {
            if is_so {
                standing.push(word.to_owned());
            }
        }
        let late = if head.slack_ms < 0 { Tone::Late } else { Tone::Plain };
        table.row([
            if head.ticket_id == asked { "*" } else { "" }.into(),
            (&head.queue_id).into(),
            (&head.ticket_id).into(),
            humane::duration(head.waited_ms).into(),
            Cell::toned(humane::slack(head.slack_ms), late),
            humane::duration(head.guard_ms).into(),
            standing.join(", ").into(),
            (&head.via_pool).into(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heads_that_were_compared_stand_in_a_table() {
        let head = |tier: &str, id: &str, slack_ms| Candidate {
            queue_id: format!("{tier}/desk"),
            tier: tier.to_owned(),
            ticket_id: id.to_owned(),
            waited_ms: 17_000,
            slack_ms,
            guard_ms: 15_000,
            at_risk: slack_ms <= 15_000,
            starving: false,
            via_pool: "desk".to_owned(),
            held_by: (tier == "silver").then(|| Hold {
                pool: "desk".to_owned(),
                idle_count: 1,
                reserve_count: 2,
            }),
        };
        let explanation = Explanation {
            ticket_id: "T-2".to_owned(),
            state: "waiting".to_owned(),
            at: None,
            policy_version: Some("v7".to_owned()),
            rule: Some("guarded-edf".to_owned()),
            place: Some(1),
            summary: "T-2 waits in silver/desk.".to_owned(),
            crews: vec![Crew {
                pools: vec!["desk".to_owned()],
                agent_count: 2,
                idle_count: 1,
                step: "at-risk".to_owned(),
                chosen_ticket_id: Some("T-1".to_owned()),
                why: "T-1 is at risk.".to_owned(),
                candidates: vec![head("gold", "T-1", -2_000), head("silver", "T-2", 80_000)],
            }],
            past: None,
        };
        insta::assert_snapshot!(text(&explanation), @r"
        T-2 waits in silver/desk.

        2 agents of desk, 1 idle: T-1 is at risk.
           queue        head  waited  deadline     at risk below  standing                           via pool
           gold/desk    T-1      17s  2s late                15s  next (at-risk), at risk            desk
        *  silver/desk  T-2      17s  1m 20s left            15s  held: 1 of desk idle, 2 kept free  desk

        rule guarded-edf, policy v7
        ");
    }
}
