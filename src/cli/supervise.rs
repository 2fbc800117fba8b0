//! `tierline supervise`: what supervisors do to single tickets, past the rule.

use super::Context;
use super::console;
use super::fault::Fault;
use super::ticket::To;
use super::view::Ticket;
use super::words;
use crate::api::proto::v1;
use clap::{Args, Subcommand};

const HELP: &str = "\
Every act is an event with who and why; see `tierline events --type intervened`.

JSON: the ticket; its fields are those of `tierline ticket get`.

Example:
  tierline supervise";

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
