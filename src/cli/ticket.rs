//! `tierline ticket`: looks at tickets, follows, explains and cancels them.

mod card;

use super::Context;
use super::connect::Connection;
use super::console;
use super::explain;
use super::fault::Fault;
use super::forecast::Forecast;
use super::humane;
use super::table::{Cell, Table, Tone, shortened};
use super::view::{self, TICKET_FIELDS};
use super::who::Who;
use super::words::{self, TicketStateWord};
use crate::api::proto::v1;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use std::time::Duration;

pub(crate) use card::{card, source};

/// Columns of a list that a subject may take.
const SUBJECT_WIDTH: usize = 40;
/// Tickets asked for in one page, as many as the contract allows.
const PAGE: u64 = 500;

/// What can be done with tickets.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show one ticket, also after its end while the history has it
    #[command(after_help = TICKET_FIELDS)]
    Get {
        /// The ticket
        id: String,
        /// Print the payload as it is, and nothing else
        #[arg(long)]
        payload: bool,
    },
    /// List tickets: live ones in the order of arrival, then finished ones, the latest first
    #[command(after_help = list_help())]
    List(List),
    /// End a ticket: the caller hung up, or it was withdrawn
    #[command(after_help = TICKET_FIELDS)]
    Cancel {
        /// The ticket
        id: String,
        /// Why, at most 200 characters
        #[arg(long, default_value = "", value_name = "TEXT")]
        reason: String,
    },
    /// Let a ticket wait for its customer: its clocks stand still, and its agent is free
    #[command(after_help = TICKET_FIELDS)]
    Park {
        /// The ticket
        id: String,
        /// The token of the assignment, as `tierline work --output json` shows it
        #[arg(long)]
        token: u64,
        /// Return to the queue after so long at the latest, for example 2h or 1d; the policy's `park_max` if not given
        #[arg(long, value_name = "DURATION", value_parser = super::duration)]
        at_most: Option<Duration>,
        /// Once it is back, keep it for me so long, for example 30m, while I am available; at most 7d
        #[arg(long, value_name = "DURATION", value_parser = super::duration)]
        keep_for: Option<Duration>,
        /// Why, at most 200 characters
        #[arg(long, default_value = "", value_name = "TEXT")]
        reason: String,
    },
    /// Put a parked ticket back into its queue: its customer has answered
    #[command(after_help = TICKET_FIELDS)]
    Resume {
        /// The ticket
        id: String,
    },
    /// Give a ticket on to a pool, an agent or another tier
    #[command(after_help = TICKET_FIELDS)]
    Transfer(Transfer),
    /// Turn a waiting call or chat into a promise to call back; its place in the queue stays
    #[command(after_help = TICKET_FIELDS)]
    Callback {
        /// The ticket
        id: String,
        /// The number to call
        #[arg(long)]
        number: String,
        /// Not before so long from now, for example 20m or 2h
        #[arg(long, value_name = "DURATION", value_parser = super::duration)]
        after: Option<Duration>,
        /// Within so long from now; the deadline stays if not given
        #[arg(long, value_name = "DURATION", value_parser = super::duration)]
        within: Option<Duration>,
    },
    /// Follow a ticket until it ends: a line for each change
    #[command(after_help = watch_help())]
    Watch {
        /// The ticket
        id: String,
    },
    /// Say how soon a ticket matters
    ///
    /// Both deadlines become what this urgency would have made of them at the submission. Neither clock begins anew.
    #[command(after_help = TICKET_FIELDS)]
    Urgency {
        /// The ticket
        id: String,
        /// How soon it matters
        urgency: super::clocks::UrgencyWord,
    },
    /// Explain where a ticket is, and why there and not elsewhere
    #[command(after_help = explain::HELP)]
    Explain {
        /// The ticket
        id: String,
    },
}

/// A ticket to give on, and to whom.
#[derive(Args, Debug)]
pub(crate) struct Transfer {
    /// The ticket
    id: String,
    /// The token of the assignment, as `tierline work --output json` shows it
    #[arg(long)]
    token: u64,
    #[command(flatten)]
    to: To,
    /// Let wait and deadlines count from now; otherwise arrival and deadlines stay
    #[arg(long)]
    restart_clocks: bool,
    /// Why, at most 200 characters
    #[arg(long, default_value = "", value_name = "TEXT")]
    reason: String,
}

/// To whom; exactly one.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct To {
    /// To the agents of this pool
    #[arg(long, value_name = "POOL")]
    pool: Option<String>,
    /// To this agent and nobody else
    #[arg(long, value_name = "AGENT")]
    agent: Option<String>,
    /// To the pools of this tier
    #[arg(long, value_name = "TIER")]
    tier: Option<String>,
}

impl From<To> for Option<v1::transfer_ticket_request::To> {
    fn from(to: To) -> Self {
        use v1::transfer_ticket_request::To as Named;
        let To { pool, agent, tier } = to;
        pool.map(Named::Pool).or(agent.map(Named::AgentId)).or(tier.map(Named::Tier))
    }
}

impl From<To> for Option<v1::move_ticket_request::To> {
    fn from(to: To) -> Self {
        use v1::move_ticket_request::To as Named;
        let To { pool, agent, tier } = to;
        pool.map(Named::Pool).or(agent.map(Named::AgentId)).or(tier.map(Named::Tier))
    }
}

/// Which tickets to list; several filters together must all hold.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only tickets in this state; may be given several times
    #[arg(long, value_name = "STATE")]
    state: Vec<TicketStateWord>,
    /// Only tickets of this tier
    #[arg(long, value_name = "TIER", default_value = "", hide_default_value = true)]
    tier: String,
    /// Only tickets waiting in this queue, as `tierline top` names it
    #[arg(long, value_name = "QUEUE", default_value = "", hide_default_value = true)]
    queue: String,
    /// List so many at most
    #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    #[command(flatten)]
    who: Who,
}

fn list_help() -> String {
    format!(
        "JSON: a list of tickets, without payloads.\n{TICKET_FIELDS}\n\n\
         Examples:\n  tierline ticket list --state waiting --tier gold\n  \
         tierline ticket list --phone '+1 202 555 0101' --limit 10"
    )
}

fn watch_help() -> String {
    format!("JSON: a ticket on each line, without payload.\n{TICKET_FIELDS}")
}

impl Command {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        let mut intake = connection.intake();
        match self {
            Self::Get { id, payload } => {
                let request = v1::GetTicketRequest { ticket_id: id };
                let answer = connection.call(intake.get_ticket(request)).await?;
                if payload {
                    let ticket = answer.ticket.ok_or(Fault::Answer("ticket"))?;
                    return console::raw(&ticket.payload);
                }
                show(context, &connection, answer.ticket).await
            }
            Self::List(list) => list.run(context, &connection).await,
            Self::Cancel { id, reason } => {
                let request = v1::CancelTicketRequest { ticket_id: id, reason };
                let answer = connection.call(intake.cancel_ticket(request)).await?;
                show(context, &connection, answer.ticket).await
            }
            Self::Park { id, token, at_most, keep_for, reason } => {
                let request = v1::ParkTicketRequest {
                    ticket_id: id,
                    lease_token: token,
                    for_at_most: at_most.map(super::contract_duration),
                    keep_for: keep_for.map(super::contract_duration),
                    reason,
                };
                let answer = connection.call(connection.agent().park_ticket(request)).await?;
                show(context, &connection, answer.ticket).await
            }
            Self::Resume { id } => {
                let request = v1::ResumeTicketRequest { ticket_id: id };
                let answer = connection.call(intake.resume_ticket(request)).await?;
                show(context, &connection, answer.ticket).await
            }
            Self::Transfer(Transfer { id, token, to, restart_clocks, reason }) => {
                let request = v1::TransferTicketRequest {
                    ticket_id: id,
                    lease_token: token,
                    to: to.into(),
                    restart_clocks,
                    reason,
                };
                let answer = connection.call(connection.agent().transfer_ticket(request)).await?;
                show(context, &connection, answer.ticket).await
            }
            Self::Callback { id, number, after, within } => {
                let request = v1::RequestCallbackRequest {
                    ticket_id: id,
                    number,
                    not_before: instant_after(&connection, after).await?,
                    due_at: instant_after(&connection, within).await?,
                };
                let answer = connection.call(intake.request_callback(request)).await?;
                show(context, &connection, answer.ticket).await
            }
            Self::Urgency { id, urgency } => {
                let request = v1::UpdateTicketRequest {
                    ticket_id: id,
                    update_mask: Some(prost_types::FieldMask { paths: vec!["urgency".to_owned()] }),
                    urgency: v1::Urgency::from(urgency) as i32,
                    ..Default::default()
                };
                let answer = connection.call(intake.update_ticket(request)).await?;
                show(context, &connection, answer.ticket).await
            }
            Self::Watch { id } => watch(context, &connection, id).await,
            Self::Explain { id } => {
                let request = v1::ExplainTicketRequest { ticket_id: id, ..Default::default() };
                let answer = connection.call(connection.ops().explain_ticket(request)).await?;
                explain::show(context, answer)
            }
        }
    }
}

impl List {
    async fn run(self, context: &Context, connection: &Connection) -> Result<(), Fault> {
        let mut intake = connection.intake();
        let mut request = v1::ListTicketsRequest {
            states: self.state.iter().map(|state| v1::TicketState::from(*state) as i32).collect(),
            tier: self.tier,
            queue_id: self.queue,
            customer_id: customer_id(connection, &self.who).await?,
            page_size: 0,
            page_token: String::new(),
        };
        let mut tickets: Vec<v1::Ticket> = vec![];
        let mut has_more = true;
        let mut left = self.limit;
        while has_more && left > 0 {
            request.page_size = u32::try_from(left.min(PAGE)).expect("a page is small");
            let page = connection.call(intake.list_tickets(request.clone())).await?;
            left = left.saturating_sub(page.tickets.len() as u64);
            tickets.extend(page.tickets);
            has_more = !page.next_page_token.is_empty();
            request.page_token = page.next_page_token;
        }
        if context.is_json() {
            let views: Vec<_> = tickets.into_iter().map(view::Ticket::from).collect();
            return console::json(&views);
        }
        if tickets.is_empty() {
            console::note("no such tickets");
            return Ok(());
        }
        let now = server_now(connection).await?;
        console::say(table(&tickets, now))?;
        if has_more {
            let shown = humane::count(tickets.len() as u64, "ticket");
            console::note(format_args!("{shown} shown, there are more: see --limit"));
        }
        Ok(())
    }
}

/// The id of the customer that was named, looked up if need be; empty if none was.
async fn customer_id(connection: &Connection, who: &Who) -> Result<String, Fault> {
    let identifier = match who.identifier()? {
        None => return Ok(String::new()),
        Some(named) if named.kind() == v1::IdentifierKind::Id => return Ok(named.value),
        other => other,
    };
    let request = v1::GetCustomerRequest { identifier };
    let answer = connection.call(connection.admin().get_customer(request)).await?;
    Ok(answer.customer.ok_or(Fault::Answer("customer"))?.customer_id)
}

fn table(tickets: &[v1::Ticket], now: Timestamp) -> Table {
    let mut table = Table::new()
        .right("number")
        .left("ticket")
        .left("state")
        .left("tier")
        .left("channel")
        .left("submitted")
        .left("response")
        .left("agent")
        .left("subject");
    for ticket in tickets {
        let at = |at: Option<prost_types::Timestamp>| {
            view::instant(at).map_or_else(String::new, |at| humane::instant(at, now))
        };
        let agent = ticket.holder.as_ref().map_or("", |holder| holder.agent_id.as_str());
        table.row([
            ticket.number.to_string().into(),
            (&ticket.ticket_id).into(),
            words::ticket_state(ticket.state).into(),
            (&ticket.tier).into(),
            words::channel(ticket.channel).into(),
            at(ticket.submitted_at).into(),
            response(ticket, now),
            agent.into(),
            shortened(&ticket.subject, SUBJECT_WIDTH).into(),
        ]);
    }
    table
}

/// How the response stands: in time, late, or the time left.
fn response(ticket: &v1::Ticket, now: Timestamp) -> Cell {
    let tone = if ticket.response_breached { Tone::Late } else { Tone::Plain };
    let by = view::instant(ticket.respond_by);
    let text = match ticket.state() {
        v1::TicketState::Waiting if ticket.picked_up_at.is_none() => {
            by.map_or_else(String::new, |by| humane::slack(humane::between_ms(now, by)))
        }
        _ if ticket.response_breached => "late".to_owned(),
        _ if ticket.picked_up_at.is_some() => "in time".to_owned(),
        _ => String::new(),
    };
    Cell::toned(text, tone)
}

async fn show(
    context: &Context,
    connection: &Connection,
    ticket: Option<v1::Ticket>,
) -> Result<(), Fault> {
    let ticket = ticket.ok_or(Fault::Answer("ticket"))?;
    if context.is_json() {
        return console::json(&view::Ticket::from(ticket));
    }
    console::say(card(&ticket, server_now(connection).await?))
}

async fn watch(context: &Context, connection: &Connection, id: String) -> Result<(), Fault> {
    let request = v1::WatchTicketRequest { ticket_id: id };
    let mut changes = connection.call(connection.intake().watch_ticket(request)).await?;
    while let Some(change) = connection.next(&mut changes).await? {
        let ticket = change.ticket.ok_or(Fault::Answer("ticket"))?;
        if context.is_json() {
            console::json_line(&view::Ticket::from(ticket))?;
        } else {
            let now = server_now(connection).await?;
            console::say(format_args!("{}\n", change_line(&ticket, now)))?;
        }
    }
    Ok(())
}

/// What a ticket is now, on one line.
fn change_line(ticket: &v1::Ticket, now: Timestamp) -> String {
    let left = view::instant(ticket.respond_by)
        .map_or_else(String::new, |by| humane::slack(humane::between_ms(now, by)));
    let holder = ticket.holder.as_ref();
    let agent = holder.map_or("nobody", |holder| holder.agent_id.as_str());
    let what = match ticket.state() {
        v1::TicketState::Waiting => {
            let wait = ticket.forecast.clone().map(|forecast| Forecast::from(forecast).wait());
            let wait = wait.filter(|wait| !wait.is_empty());
            let wait = wait.map_or_else(String::new, |wait| format!(", expected wait {wait}"));
            format!("in {}, {left}{wait}", ticket.queue_id)
        }
        v1::TicketState::Assigned => format!("with {agent}"),
        v1::TicketState::Offered => {
            let offer = ticket.offer.as_ref();
            let agents = offer.into_iter().chain(&ticket.also_offered_to);
            let agents: Vec<_> = agents.map(|offer| offer.agent_id.as_str()).collect();
            let agents = if agents.is_empty() { "nobody".to_owned() } else { agents.join(", ") };
            format!("to {agents}, {left}")
        }
        v1::TicketState::Completed => {
            let took = ticket.handle_ms.map_or_else(String::new, humane::duration);
            format!("by {agent} in {took} {}", ticket.outcome)
        }
        v1::TicketState::Cancelled => ticket.reason.clone(),
        v1::TicketState::Scheduled => {
            let opens = view::instant(ticket.not_before);
            opens.map_or_else(String::new, |at| format!("until {}", humane::instant(at, now)))
        }
        v1::TicketState::Parked => {
            let until = ticket.parked.as_ref().and_then(|parked| view::instant(parked.until));
            until.map_or_else(String::new, |at| format!("until {}", humane::instant(at, now)))
        }
        v1::TicketState::Quarantined => "in quarantine".to_owned(),
        v1::TicketState::Expired | v1::TicketState::Unspecified => String::new(),
    };
    let at = humane::instant(now, now);
    let line = format!("{at}  {:9}  {what}", words::ticket_state(ticket.state));
    super::table::printable(line.trim_end())
}

/// The instant so long from now, on the server's clock.
pub(crate) async fn instant_after(
    connection: &Connection,
    after: Option<Duration>,
) -> Result<Option<prost_types::Timestamp>, Fault> {
    let Some(after) = after else { return Ok(None) };
    let now = server_now(connection).await?;
    let at = now.checked_add(after).map_err(|error| Fault::Usage(error.to_string()))?;
    Ok(Some(view::timestamp(at)))
}

/// The server's clock: deadlines are measured by it, not by the clock of this machine.
pub(crate) async fn server_now(connection: &Connection) -> Result<Timestamp, Fault> {
    let request = v1::GetServerInfoRequest {};
    let info = connection.call(connection.admin().get_server_info(request)).await?;
    view::instant(info.now).ok_or(Fault::Answer("time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> prost_types::Timestamp {
        prost_types::Timestamp { seconds: 1_795_290_768 + second, nanos: 0 }
    }

    fn waiting() -> v1::Ticket {
        v1::Ticket {
            ticket_id: "T-1".to_owned(),
            number: 7,
            state: v1::TicketState::Waiting as i32,
            channel: v1::Channel::Voice as i32,
            tier: "gold".to_owned(),
            tier_source: v1::TierSource::Stale as i32,
            tier_age_ms: Some(80_000),
            submitted_at: Some(at(0)),
            respond_by: Some(at(15)),
            queue_id: "gold/desk".to_owned(),
            ..Default::default()
        }
    }

    fn now(second: i64) -> Timestamp {
        view::instant(Some(at(second))).expect("an instant")
    }

    #[test]
    fn a_waiting_ticket_shows_the_time_left() {
        let text = card(&waiting(), now(3)).to_string();
        assert!(text.contains("(12s left)"), "{text}");
        assert!(text.contains("gold (stale, 1m 20s old)"), "{text}");
        assert_eq!(response(&waiting(), now(17)).text, "2s late");
    }

    #[test]
    fn a_picked_up_ticket_was_in_time_or_late() {
        let mut ticket = v1::Ticket { picked_up_at: Some(at(5)), ..waiting() };
        ticket.set_state(v1::TicketState::Assigned);
        assert_eq!(response(&ticket, now(30)).text, "in time");
        ticket.response_breached = true;
        assert_eq!(response(&ticket, now(30)), Cell::toned("late", Tone::Late));
    }

    #[test]
    fn a_change_is_one_line_whatever_the_text() {
        let mut ticket = v1::Ticket { reason: "gone\nfor good".to_owned(), ..waiting() };
        ticket.set_state(v1::TicketState::Cancelled);
        let line = change_line(&ticket, now(3));
        assert!(line.ends_with("cancelled  gone\u{b7}for good"), "{line}");
    }
}
