//! `tierline supervise`: what supervisors do to single tickets, past the rule, and to pools.

use super::Context;
use super::console;
use super::fault::Fault;
use super::ticket::To;
use super::view::{self, Ticket};
use super::words;
use crate::api::proto::v1;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

const HELP: &str = "\
Every act is an event with who and why; see `tierline events --type intervened`.

JSON: the ticket; its fields are those of `tierline ticket get`.

Example:
  tierline supervise";

const POOL_HELP: &str = "\
It is an event with who and why; see `tierline events --type pool-paused`.

JSON fields: pool, paused (true or false), already (it was so before), since, by, reason (of the pause in force; null
without one).

Example:
  tierline supervise";

/// A pool after it was paused or resumed, for programs.
#[derive(Debug, Serialize)]
struct Switched {
    pool: String,
    paused: bool,
    already: bool,
    since: Option<Timestamp>,
    by: Option<String>,
    reason: Option<String>,
}

/// What a supervisor can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Give a ticket to an agent, whoever waits and whatever the rule says
    ///
    /// The agent must be available and have room. A ticket in other hands is taken from them first.
    #[command(after_help = format!("{HELP} assign TICKET ada --reason 'she knows the case'"))]
    Assign {
        #[command(flatten)]
        what: What,
        /// The agent
        #[arg(value_name = "AGENT")]
        agent: String,
    },
    /// Move a waiting ticket before everything that the same agents may serve
    ///
    /// Reserves still hold it. Of several, the one that was moved first goes first.
    #[command(after_help = format!("{HELP} front TICKET --reason 'called three times'"))]
    Front {
        #[command(flatten)]
        what: What,
    },
    /// Take a ticket from its agent and put it back into its place
    #[command(after_help = format!("{HELP} requeue TICKET --reason 'ada went home'"))]
    Requeue {
        #[command(flatten)]
        what: What,
    },
    /// Give a ticket on to a pool, an agent or another tier, whosever hands it is in
    ///
    /// A ticket that is scheduled or parked stays so, and goes there when it enters its queue.
    #[command(after_help = format!("{HELP} move TICKET --pool back --reason 'needs a technician'"))]
    Move {
        #[command(flatten)]
        what: What,
        #[command(flatten)]
        to: To,
        /// Let wait and deadlines count anew; otherwise arrival and deadlines stay
        #[arg(long)]
        restart_clocks: bool,
    },
    /// End a ticket wherever it is
    #[command(after_help = format!("{HELP} withdraw TICKET --reason 'sent twice'"))]
    Withdraw {
        #[command(flatten)]
        what: What,
    },
    /// Do the same to all live tickets that pass a filter
    ///
    /// At most 10,000, in order of arrival. A ticket that no longer passes when its turn comes is left alone.
    #[command(after_help = super::bulk::HELP)]
    Bulk(super::bulk::Bulk),
    /// Dispatch nothing more on behalf of a pool; what its agents hold stays with them
    ///
    /// Tickets that another pool may serve too go there, the others wait and their clocks run on. It lasts until
    /// the pool is resumed, over restarts and changes of the policy. A pool that is paused stays as it is.
    #[command(after_help = format!("{POOL_HELP} pause-pool desk --reason 'fire drill'"))]
    PausePool {
        #[command(flatten)]
        which: Which,
        /// Why; at most 200 characters
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Dispatch on behalf of a paused pool again
    #[command(after_help = format!("{POOL_HELP} resume-pool desk"))]
    ResumePool {
        #[command(flatten)]
        which: Which,
        /// Why; at most 200 characters
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
}

/// Which pool, and why.
#[derive(Args, Debug)]
pub(crate) struct Which {
    /// The pool
    #[arg(value_name = "POOL")]
    pool: String,
    /// Who asks for it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "", hide_env_values = true)]
    by: String,
}

/// Which ticket, and why.
#[derive(Args, Debug)]
pub(crate) struct What {
    /// The ticket
    #[arg(value_name = "TICKET")]
    ticket: String,
    /// Why; at most 200 characters
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who asks for it
    #[arg(long, value_name = "NAME", env = "USER", default_value = "", hide_env_values = true)]
    by: String,
}

impl Command {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        let mut ops = connection.ops();
        let ticket = match self {
            Self::Assign { what: What { ticket: ticket_id, reason, by }, agent: agent_id } => {
                let request = v1::ForceAssignRequest { ticket_id, agent_id, reason, by };
                connection.call(ops.force_assign(request)).await?.ticket
            }
            Self::Front { what: What { ticket: ticket_id, reason, by } } => {
                let request = v1::MoveToFrontRequest { ticket_id, reason, by };
                connection.call(ops.move_to_front(request)).await?.ticket
            }
            Self::Requeue { what: What { ticket: ticket_id, reason, by } } => {
                let request = v1::RequeueTicketRequest { ticket_id, reason, by };
                connection.call(ops.requeue_ticket(request)).await?.ticket
            }
            Self::Move { what: What { ticket: ticket_id, reason, by }, to, restart_clocks } => {
                let to = to.into();
                let request = v1::MoveTicketRequest { ticket_id, to, restart_clocks, reason, by };
                connection.call(ops.move_ticket(request)).await?.ticket
            }
            Self::Withdraw { what: What { ticket: ticket_id, reason, by } } => {
                let request = v1::WithdrawTicketRequest { ticket_id, reason, by };
                connection.call(ops.withdraw_ticket(request)).await?.ticket
            }
            Self::Bulk(bulk) => return bulk.run(context, &connection).await,
            Self::PausePool { which: Which { pool, by }, reason } => {
                let request = v1::PausePoolRequest { pool: pool.clone(), reason, by };
                let answer = connection.call(ops.pause_pool(request)).await?;
                return show_pool(context, pool, answer.paused, answer.already);
            }
            Self::ResumePool { which: Which { pool, by }, reason } => {
                let request = v1::ResumePoolRequest { pool: pool.clone(), reason, by };
                let answer = connection.call(ops.resume_pool(request)).await?;
                return show_pool(context, pool, None, answer.already);
            }
        };
        let ticket = ticket.ok_or(Fault::Answer("ticket"))?;
        if context.is_json() {
            return console::json(&Ticket::from(ticket));
        }
        let state = words::ticket_state(ticket.state);
        let with =
            ticket.holder.map_or_else(String::new, |holder| format!(" with {}", holder.agent_id));
        console::say(format_args!("{} is {state}{with}\n", ticket.ticket_id))
    }
}

/// Says how a pool is now.
fn show_pool(
    context: &Context,
    pool: String,
    paused: Option<v1::PausedPool>,
    already: bool,
) -> Result<(), Fault> {
    if context.is_json() {
        let since = paused.as_ref().and_then(|paused| view::instant(paused.since));
        return console::json(&Switched {
            pool,
            paused: paused.is_some(),
            already,
            since,
            by: paused.as_ref().map(|paused| paused.by.clone()),
            reason: paused.map(|paused| paused.reason),
        });
    }
    match (paused, already) {
        (Some(paused), already) => {
            let was = if already { "was paused already" } else { "is paused" };
            let by =
                if paused.by.is_empty() { String::new() } else { format!(" by {}", paused.by) };
            console::say(format_args!("pool {pool} {was}{by}: {}\n", paused.reason))
        }
        (None, true) => console::say(format_args!("pool {pool} was not paused\n")),
        (None, false) => console::say(format_args!("pool {pool} is resumed\n")),
    }
}
