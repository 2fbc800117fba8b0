//! `tierline supervise bulk`: one act on many tickets, tried first with `--dry-run`.

use super::connect::Connection;
use super::console;
use super::fault::Fault;
use super::humane;
use super::table::Table;
use super::who::{pair, pairs};
use super::words::{self, ChannelWord, TicketStateWord};
use super::{Context, contract_duration};
use crate::api::proto::v1;
use clap::{ArgGroup, Args};
use serde::Serialize;
use std::time::Duration;

/// What the help adds.
pub(crate) const HELP: &str = "\
Each act is an event of its own with who and why; see `tierline events --type intervened`.

Exit codes: 0 all of it is done or was so already, 65 some tickets were refused or left alone.

JSON fields: dry_run, matched_count, done_count, unchanged_count, elsewhere_count, refused_count, \
refusals [{reason, message, count}], tickets (the first 100) [{ticket_id, tier, state, waited_ms, outcome, reason}], \
stopped (why it ended early; null if it did not).

Examples:
  tierline supervise bulk --withdraw --tier standard --waited 2h --reason outage --dry-run
  tierline supervise bulk --withdraw --tier standard --waited 2h --reason outage --expect 412
  tierline supervise bulk --requeue --pool desk --reason 'the desk is on fire'";

/// Which tickets, and what to do to them.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("act").required(true))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Bulk {
    /// End them
    #[arg(long, group = "act")]
    withdraw: bool,
    /// Move them before everything that the same agents may serve
    #[arg(long, group = "act")]
    front: bool,
    /// Take them from their agents and put them back into their places
    #[arg(long, group = "act")]
    requeue: bool,
    /// Only tickets in this state; may be given several times. Waiting ones, if it is not given; with --requeue
    /// those assigned and offered
    #[arg(long, value_name = "STATE")]
    state: Vec<TicketStateWord>,
    /// Only tickets of this tier; may be given several times
    #[arg(long, value_name = "TIER")]
    tier: Vec<String>,
    /// Only tickets on this channel; may be given several times
    #[arg(long, value_name = "CHANNEL")]
    channel: Vec<ChannelWord>,
    /// Only tickets that this pool may serve; may be given several times
    #[arg(long, value_name = "POOL")]
    pool: Vec<String>,
    /// Only tickets of this customer
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    customer: String,
    /// Only tickets that have waited for at least so long, for example 10m
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    waited: Option<Duration>,
    /// Only tickets with this attribute; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    attribute: Vec<(String, String)>,
    /// Only these tickets; may be given up to 1000 times
    #[arg(long, value_name = "TICKET")]
    ticket: Vec<String>,
    /// Change nothing, and say what would become of them
    #[arg(long)]
    dry_run: bool,
    /// Do nothing unless so many tickets pass the filter, as a dry run has told
    #[arg(long, value_name = "COUNT")]
    expect: Option<u64>,
    /// Why; at most 200 characters
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who asks for it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "", hide_env_values = true)]
    by: String,
}

/// What became of the tickets, for programs.
#[derive(Debug, Serialize)]
struct Report {
    dry_run: bool,
    matched_count: u64,
    done_count: u64,
    unchanged_count: u64,
    elsewhere_count: u64,
    refused_count: u64,
    refusals: Vec<Refusal>,
    tickets: Vec<Concerned>,
    stopped: Option<String>,
}

#[derive(Debug, Serialize)]
struct Refusal {
    reason: String,
    message: String,
    count: u64,
}

#[derive(Debug, Serialize)]
struct Concerned {
    ticket_id: String,
    tier: String,
    state: String,
    waited_ms: i64,
    outcome: String,
    reason: Option<String>,
}

impl Bulk {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context, connection: &Connection) -> Result<(), Fault> {
        let request = self.request()?;
        let answer = connection.call(connection.ops().bulk_action(request)).await?;
        let report = Report::from(answer);
        if context.is_json() {
            console::json(&report)?;
        } else {
            report.say()?;
        }
        if report.is_whole() { Ok(()) } else { Err(Fault::Told(65)) }
    }

    fn request(self) -> Result<v1::BulkActionRequest, Fault> {
        let kind = match (self.withdraw, self.front) {
            (true, _) => v1::BulkKind::Withdraw,
            (false, true) => v1::BulkKind::MoveToFront,
            (false, false) => v1::BulkKind::Requeue,
        };
        let filter = v1::BulkFilter {
            states: self.state.into_iter().map(|word| v1::TicketState::from(word).into()).collect(),
            tiers: self.tier,
            channels: self.channel.into_iter().map(|word| v1::Channel::from(word).into()).collect(),
            pools: self.pool,
            customer_id: self.customer,
            waited_at_least: self.waited.map(contract_duration),
            attributes: pairs(&self.attribute)?,
            ticket_ids: self.ticket,
        };
        Ok(v1::BulkActionRequest {
            filter: Some(filter),
            kind: kind.into(),
            dry_run: self.dry_run,
            reason: self.reason,
            by: self.by,
            expected_count: self.expect,
        })
    }
}

impl From<v1::BulkActionResponse> for Report {
    fn from(answer: v1::BulkActionResponse) -> Self {
        let refusal = |refusal: v1::BulkRefusal| Refusal {
            reason: words::error_reason(refusal.reason),
            message: refusal.message,
            count: refusal.count,
        };
        let concerned = |ticket: v1::BulkTicket| Concerned {
            reason: (ticket.reason != 0).then(|| words::error_reason(ticket.reason)),
            state: words::ticket_state(ticket.state),
            outcome: words::bulk_outcome(ticket.outcome),
            ticket_id: ticket.ticket_id,
            tier: ticket.tier,
            waited_ms: ticket.waited_ms,
        };
        Self {
            dry_run: answer.dry_run,
            matched_count: answer.matched_count,
            done_count: answer.done_count,
            unchanged_count: answer.unchanged_count,
            elsewhere_count: answer.elsewhere_count,
            refused_count: answer.refused_count,
            refusals: answer.refusals.into_iter().map(refusal).collect(),
            tickets: answer.tickets.into_iter().map(concerned).collect(),
            stopped: answer.stopped.map(|error| error.message),
        }
    }
}

impl Report {
    fn is_whole(&self) -> bool {
        self.dry_run || self.refused_count + self.elsewhere_count == 0 && self.stopped.is_none()
    }

    fn say(&self) -> Result<(), Fault> {
        let mut table =
            Table::new().left("ticket").left("tier").left("state").right("waited").left("outcome");
        for ticket in &self.tickets {
            let why = ticket.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            table.row([
                (&ticket.ticket_id).into(),
                (&ticket.tier).into(),
                (&ticket.state).into(),
                humane::duration(ticket.waited_ms).into(),
                format!("{}{why}", ticket.outcome).into(),
            ]);
        }
        if !self.tickets.is_empty() {
            console::say(table)?;
        }
        let would = if self.dry_run { " would be" } else { "" };
        console::say(format_args!(
            "{}:{would} {} done, {} unchanged, {} left alone, {} refused\n",
            humane::count(self.matched_count, "ticket"),
            self.done_count,
            self.unchanged_count,
            self.elsewhere_count,
            self.refused_count,
        ))?;
        for Refusal { reason, message, count } in &self.refusals {
            console::say(format_args!("  {count} {reason}: {message}\n"))?;
        }
        match &self.stopped {
            Some(why) => console::say(format_args!("it ended before all had their turn: {why}\n")),
            None => Ok(()),
        }
    }
}
