//! `tierline customers farewell`: parting from a customer, which takes two people.

use super::Context;
use super::connect::Connection;
use super::console;
use super::customers;
use super::fault::Fault;
use super::table::printable;
use super::view::CUSTOMER_FIELDS;
use super::who;
use crate::api::proto::v1;
use crate::coding::farewell;
use crate::directory::IdentifierKind;
use clap::{Args, Subcommand};

/// Part from a customer fairly: one person proposes, another confirms, and one agent explains
///
/// No rule does this: people compare what a customer brings with what it costs, and two of them decide. From the
/// confirmation on, the customer's standing is farewell: its tickets, those that wait included, are treated as the
/// policy says under [standing.farewell], usually by the named agent alone, and the card shows the day of the
/// transition. A customer whose attribute strategic is true, yes or 1 is exempt.
///
/// A standing "farewell" that another system writes without both names does not count.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Example:
  tierline customers farewell propose C-1007 --by kim --agent vera --date 2027-03-31 \\
      --reason 'costs three times what it brings, two talks without a change'
  tierline customers farewell confirm C-1007 --by lee")]
pub(crate) enum Command {
    Propose(Propose),
    Confirm(Confirm),
    Withdraw(Withdraw),
}

/// Propose to part from a customer; somebody else has to confirm it
///
/// Nothing changes for the customer's tickets yet. The customer's attributes `farewell_proposed_by`,
/// `farewell_agent`, `farewell_date` and `farewell_reason` keep the proposal.
#[derive(Args, Debug)]
#[command(after_help = help("\
  tierline customers farewell propose C-1007 --by kim --agent vera --date 2027-03-31 --reason 'two talks without a change'"))]
pub(crate) struct Propose {
    /// The customer's id
    id: String,
    /// Who proposes it, at most 64 characters
    #[arg(long, value_name = "NAME")]
    by: String,
    /// The agent who is to explain
    #[arg(long, value_name = "AGENT")]
    agent: String,
    /// The day of the transition, today in UTC or later
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: String,
    /// Why, at most 200 characters
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Confirm a farewell that somebody else has proposed; it counts from now on
///
/// The customer's agent (`account_manager`) and day of transition (`transition_date`)
/// become those of the proposal, which is told first; one that changes meanwhile is not confirmed.
#[derive(Args, Debug)]
#[command(after_help = help("  tierline customers farewell confirm C-1007 --by lee"))]
pub(crate) struct Confirm {
    /// The customer's id
    id: String,
    /// Who confirms it, at most 64 characters: not who proposed it
    #[arg(long, value_name = "NAME")]
    by: String,
}

/// Take back a proposal or a farewell; one person is enough
///
/// Standing, agent and day of transition are what they were before the confirmation, but for what was changed since,
/// and waiting tickets follow.
#[derive(Args, Debug)]
#[command(after_help = help("  tierline customers farewell withdraw C-1007 --by kim"))]
pub(crate) struct Withdraw {
    /// The customer's id
    id: String,
    /// Who takes it back, at most 64 characters
    #[arg(long, value_name = "NAME")]
    by: String,
}

fn help(example: &str) -> String {
    format!("{CUSTOMER_FIELDS}\n\nExample:\n{example}")
}

impl Command {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        let mut admin = connection.admin();
        let customer = match self {
            Self::Propose(Propose { id, by, agent, date, reason }) => {
                let request = v1::ProposeFarewellRequest {
                    customer_id: id,
                    by,
                    agent_id: agent,
                    transition_date: date,
                    reason,
                };
                connection.call(admin.propose_farewell(request)).await?.customer
            }
            Self::Confirm(Confirm { id, by }) => {
                let (agent_id, transition_date) = show_proposal(&connection, &id).await?;
                let request =
                    v1::ConfirmFarewellRequest { customer_id: id, by, agent_id, transition_date };
                let answer = connection.call(admin.confirm_farewell(request)).await?;
                if !answer.agent_serves {
                    console::note(
                        "note: [standing.farewell] of the policy in force does not give this customer's tickets to \
                         the agent of the farewell: others serve them",
                    );
                }
                answer.customer
            }
            Self::Withdraw(Withdraw { id, by }) => {
                let request = v1::WithdrawFarewellRequest { customer_id: id, by };
                connection.call(admin.withdraw_farewell(request)).await?.customer
            }
        };
        customers::show(context, customer)
    }
}

/// Tells what is about to be confirmed: agent and date of the proposal, empty where there is none.
async fn show_proposal(connection: &Connection, id: &str) -> Result<(String, String), Fault> {
    let identifier = Some(who::identifier(IdentifierKind::Id, id)?);
    let request = v1::GetCustomerRequest { identifier };
    let answer = connection.call(connection.admin().get_customer(request)).await?;
    let attributes = answer.customer.ok_or(Fault::Answer("customer"))?.attributes;
    let text = |key| attributes.get(key).map(|text| text.trim().to_owned()).unwrap_or_default();
    let (agent, date) = (text(farewell::AGENT), text(farewell::DATE));
    if !agent.is_empty() {
        let reason = text(farewell::REASON);
        let told = format!("proposed: {agent} explains, by {date}, because: {reason}");
        console::note(printable(&told));
    }
    Ok((agent, date))
}
