//! `tierline audit`: has the running server audit itself, and releases what it quarantined.

use super::console;
use super::fault::Fault;
use super::{Context, ask, humane};
use crate::api::proto::v1;
use clap::Args;
use serde::Serialize;
use std::time::Duration;

/// Have the server audit everything it holds
///
/// Each ticket must be in exactly one place, each lease with an agent who lists it, each timer at what falls due next,
/// and the counts must add up. Work goes on beside it. A ticket at fault is quarantined: list them with
/// `tierline ticket list --state quarantined`, release one with --release, withdraw one with `tierline ticket cancel`.
/// What is on disk is checked by `tierline journal verify`.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes: 0 no fault and nothing in quarantine, 65 otherwise.

JSON fields: took_ms, ticket_count, agent_count, timer_count, fault_count, faults [{flaw, ticket_id, agent_id}], \
quarantined_count.

Examples:
  tierline audit
  tierline audit --release T-1042")]
pub(crate) struct Audit {
    /// Put this quarantined ticket into its old place in its queue again; audits nothing
    #[arg(long, value_name = "TICKET")]
    release: Option<String>,
}

/// An audit for programs.
#[derive(Serialize)]
struct Report {
    took_ms: u64,
    ticket_count: u64,
    agent_count: u64,
    timer_count: u64,
    fault_count: u64,
    faults: Vec<Found>,
    quarantined_count: u64,
}

/// A fault for programs.
#[derive(Serialize)]
struct Found {
    flaw: String,
    ticket_id: String,
    agent_id: String,
}

impl Audit {
    /// Runs it.
    pub(crate) fn run(self, context: &Context) -> Result<(), Fault> {
        match self.release {
            Some(ticket_id) => ask(release(context, ticket_id)),
            None => ask(audit(context)),
        }
    }
}

async fn release(context: &Context, ticket_id: String) -> Result<(), Fault> {
    let connection = context.connect().await?;
    let request = v1::ReleaseQuarantinedRequest { ticket_id };
    let answer = connection.call(connection.ops().release_quarantined(request)).await?;
    let ticket = answer.ticket.ok_or(Fault::Answer("ticket"))?;
    if context.is_json() {
        return console::json(&super::view::Ticket::from(ticket));
    }
    console::say(format_args!("{} waits in {}\n", ticket.ticket_id, ticket.queue_id))
}

async fn audit(context: &Context) -> Result<(), Fault> {
    let connection = context.connect().await?;
    let answer = connection.call(connection.ops().audit(v1::AuditRequest {})).await?;
    let took = answer.took.and_then(|took| Duration::try_from(took).ok()).unwrap_or_default();
    let found = |fault: v1::AuditFault| Found {
        flaw: fault.flaw,
        ticket_id: fault.ticket_id,
        agent_id: fault.agent_id,
    };
    let report = Report {
        took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        ticket_count: answer.ticket_count,
        agent_count: answer.agent_count,
        timer_count: answer.timer_count,
        fault_count: answer.fault_count,
        faults: answer.faults.into_iter().map(found).collect(),
        quarantined_count: answer.quarantined_count,
    };
    if context.is_json() {
        console::json(&report)?;
    } else {
        told(&report)?;
    }
    let whole = report.fault_count == 0 && report.quarantined_count == 0;
    if whole { Ok(()) } else { Err(Fault::Told(65)) }
}

fn told(report: &Report) -> Result<(), Fault> {
    let Report { took_ms, ticket_count, agent_count, timer_count, .. } = report;
    let (faults, quarantined) = (report.fault_count, report.quarantined_count);
    console::say(format_args!(
        "{}, {} and {} in {took_ms} ms: {}, {quarantined} in quarantine\n",
        humane::count(*ticket_count, "ticket"),
        humane::count(*agent_count, "agent"),
        humane::count(*timer_count, "timer"),
        humane::count(faults, "fault"),
    ))?;
    for fault in &report.faults {
        let Found { flaw, ticket_id, agent_id } = fault;
        console::say(format_args!("  {flaw} {ticket_id}{agent_id}\n"))?;
    }
    Ok(())
}
