//! A decision of the past, as a table and for programs.

use super::humane;
use super::table::{Cell, Table, Tone};
use super::view;
use super::words;
use crate::api::proto::v1;
use jiff::Timestamp;
use serde::Serialize;

/// The decision by which an agent got a ticket, for programs.
#[derive(Serialize)]
pub(crate) struct Past {
    agent_id: String,
    pool: Option<String>,
    assigned_at: Option<Timestamp>,
    step: String,
    slack_ms: i64,
    policy_version: String,
    tier: String,
    tier_source: Option<String>,
    candidate_count: u32,
    candidates: Vec<Competed>,
}

/// A head that competed.
#[derive(Serialize)]
struct Competed {
    queue_id: String,
    tier: String,
    ticket_number: u64,
    /// As far as it is still known.
    ticket_id: Option<String>,
    slack_ms: i64,
    at_risk: bool,
    starving: bool,
    via_pool: String,
    held_by: Option<String>,
}

impl From<v1::PastDecision> for Past {
    fn from(past: v1::PastDecision) -> Self {
        let competed = |head: v1::CandidateHead| Competed {
            queue_id: head.queue_id,
            tier: head.tier,
            ticket_number: head.ticket_number,
            ticket_id: view::filled(head.ticket_id),
            slack_ms: head.slack_ms,
            at_risk: head.at_risk,
            starving: head.starving,
            via_pool: head.via_pool,
            held_by: head.held_by.map(|hold| hold.pool),
        };
        Self {
            agent_id: past.agent_id,
            pool: view::filled(past.pool),
            assigned_at: view::instant(past.assigned_at),
            step: words::decision_step(past.step),
            slack_ms: past.slack_ms,
            policy_version: past.policy_version,
            tier: past.tier,
            tier_source: (past.tier_source != 0).then(|| words::tier_source(past.tier_source)),
            candidate_count: past.candidate_count,
            candidates: past.candidates.into_iter().map(competed).collect(),
        }
    }
}

impl Past {
    /// What competed, with the ticket asked about marked; nothing where there was no choice.
    pub(crate) fn table(&self, asked: &str) -> Option<Table> {
        if self.candidates.is_empty() {
            return None;
        }
        let mut table = Table::new()
            .left("")
            .left("queue")
            .left("head")
            .left("deadline then")
            .left("standing")
            .left("via pool");
        for head in &self.candidates {
            let is_asked = head.ticket_id.as_deref() == Some(asked);
            let mut standing = Vec::new();
            if is_asked {
                standing.push(format!("taken ({})", self.step));
            }
            standing.extend(head.held_by.iter().map(|pool| format!("held by {pool}")));
            for (is_so, word) in [(head.starving, "starving"), (head.at_risk, "at risk")] {
                if is_so {
                    standing.push(word.to_owned());
                }
            }
            let late = if head.slack_ms < 0 { Tone::Late } else { Tone::Plain };
            let number = format!("#{}", head.ticket_number);
            table.row([
                if is_asked { "*" } else { "" }.into(),
                (&head.queue_id).into(),
                head.ticket_id.as_ref().unwrap_or(&number).into(),
                Cell::toned(humane::slack(head.slack_ms), late),
                standing.join(", ").into(),
                (&head.via_pool).into(),
            ]);
        }
        Some(table)
    }
}
