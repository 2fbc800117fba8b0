//! `tierline submit`: brings a ticket in, or many for trying.

use super::Context;
use super::clocks::{UrgencyWord, told_urgency};
use super::connect::Connection;
use super::console;
use super::fault::Fault;
use super::forecast::Forecast;
use super::humane;
use super::known::Known;
use super::offered::{self, Offered};
use super::table::{Facts, Table};
use super::view;
use super::who::{self, Who, pair, pairs};
use super::wish::Wish;
use super::words::{self, ChannelWord};
use crate::api::proto::v1;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Receipts printed one by one in a table; of more only the sum is told.
const RECEIPTS_SHOWN_MAX: usize = 20;

/// Submit a ticket or a call.
///
/// The customer's tier is looked up, deadlines follow from it, and the ticket waits in its queue or goes to an agent at
/// once. Name the customer by any identifier, or nobody.
#[derive(Args, Debug)]
#[command(after_help = "\
JSON fields: ticket_id, number, state, customer_id, tier, tier_source, tier_age_ms, known, submitted_at, respond_by, \
solve_by, place, duplicate, urgency, open_now, opens_at, hours, channel_not_offered, offered, contact_count, \
previous_ticket_id. With --count a receipt on each line.

Examples:
  tierline submit --phone '+1 202 555 0101' --subject 'card lost'
  tierline submit --channel email --customer card:SC-4000-1001 --payload mail.txt
  tierline submit --phone '+1 202 555 0101' --also card:SC-4000-1001 --also email:ada@example.com
  tierline submit --tier gold --id order-4711 --attribute order=4711
  tierline submit --tier gold --require french=3 --prefer billing --first-agent ada=30s
  tierline submit --channel web --count 100")]
pub(crate) struct Submit {
    /// How it comes in
    #[arg(long, default_value = "voice", value_name = "CHANNEL")]
    channel: ChannelWord,
    #[command(flatten)]
    who: Who,
    /// Another identifier of the same customer, asked when those before it find nobody; 7 at most
    #[arg(long, value_name = "KIND:VALUE", help_heading = "Customer")]
    also: Vec<String>,
    /// The tier, if you decide it yourself: the directory is not asked
    #[arg(long, value_name = "TIER", default_value = "", hide_default_value = true)]
    tier: String,
    /// How soon it matters; the policy says what that makes of the deadlines
    #[arg(long, default_value = "normal", value_name = "URGENCY")]
    urgency: UrgencyWord,
    /// What it is about in a line, at most 200 characters
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    subject: String,
    /// What it is about in one word: contacts of a customer with the same topic are linked and counted
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    topic: String,
    /// A fact of your own; may be given several times, 32 at most
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    attribute: Vec<(String, String)>,
    #[command(flatten)]
    wish: Wish,
    /// The ticket's id, which makes it safe to submit again; the server makes one if you do not
    ///
    /// 1 to 64 characters of A-Z a-z 0-9 . _ : -. With --count, a dash and a number follow it.
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    id: String,
    /// A file whose content goes along unread, at most 64 KiB; - is standard input
    #[arg(long, value_name = "FILE")]
    payload: Option<PathBuf>,
    /// Let it enter its queue so much later, for example 20m or 2d; its deadlines count from then
    #[arg(long, value_name = "DURATION", value_parser = super::duration)]
    after: Option<Duration>,
    /// Submit so many of them, for trying
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
}

/// A receipt for programs.
#[derive(Serialize)]
struct Receipt {
    ticket_id: String,
    number: u64,
    state: String,
    customer_id: Option<String>,
    tier: String,
    tier_source: String,
    tier_age_ms: Option<i64>,
    known: Option<Known>,
    submitted_at: Option<Timestamp>,
    respond_by: Option<Timestamp>,
    solve_by: Option<Timestamp>,
    place: u64,
    duplicate: bool,
    forecast: Option<Forecast>,
    urgency: Option<String>,
    open_now: Option<bool>,
    opens_at: Option<Timestamp>,
    hours: Option<String>,
    channel_not_offered: bool,
    offered: Vec<Offered>,
    contact_count: u32,
    previous_ticket_id: Option<String>,
}

impl From<v1::SubmitTicketResponse> for Receipt {
    fn from(answer: v1::SubmitTicketResponse) -> Self {
        Self {
            ticket_id: answer.ticket_id,
            number: answer.number,
            state: words::ticket_state(answer.state),
            customer_id: view::filled(answer.customer_id),
            tier: answer.tier,
            tier_source: super::ticket::source(answer.tier_source, None),
            tier_age_ms: answer.tier_age_ms,
            known: answer.known.map(Known::from),
            submitted_at: view::instant(answer.submitted_at),
            respond_by: view::instant(answer.respond_by),
            solve_by: view::instant(answer.solve_by),
            place: answer.place,
            duplicate: answer.duplicate,
            forecast: answer.forecast.map(Forecast::from),
            urgency: told_urgency(answer.urgency),
            open_now: answer.open_now,
            opens_at: view::instant(answer.opens_at),
            hours: view::filled(answer.hours),
            channel_not_offered: answer.channel_not_offered,
            offered: answer.offered.into_iter().map(Into::into).collect(),
            contact_count: answer.contact_count,
            previous_ticket_id: view::filled(answer.previous_ticket_id),
        }
    }
}

impl Submit {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let mut request = v1::SubmitTicketRequest {
            ticket_id: self.id,
            channel: v1::Channel::from(self.channel) as i32,
            customer: self.who.identifier()?,
            other_identifiers: self
                .also
                .iter()
                .map(|text| who::of_kind("--also", text))
                .collect::<Result<_, _>>()?,
            tier: self.tier,
            subject: self.subject,
            topic: self.topic,
            payload: self.payload.as_deref().map(read).transpose()?.unwrap_or_default().into(),
            attributes: pairs(&self.attribute)?,
            urgency: v1::Urgency::from(self.urgency) as i32,
            ..self.wish.request()
        };
        let connection = context.connect().await?;
        request.not_before = super::ticket::instant_after(&connection, self.after).await?;
        if self.count > 1 {
            return many(context, &connection, &request, self.count).await;
        }
        let answer = connection.call(connection.intake().submit_ticket(request)).await?;
        let receipt = Receipt::from(answer);
        if context.is_json() {
            return console::json(&receipt);
        }
        console::say(text(&receipt))?;
        if receipt.channel_not_offered {
            console::say(
                "the tier does not offer this channel; the ticket is taken all the same\n",
            )?;
            console::say(offered::table(&receipt.offered))?;
        }
        Ok(())
    }
}

/// The payload. More than the server takes is refused by the server, with its limit.
fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    /// No server takes more, whatever its settings.
    const BYTES_MAX: u64 = 1 << 20;
    let failed = |source| Fault::File { path: path.to_owned(), source };
    let mut bytes = vec![];
    let size = if path == Path::new("-") {
        std::io::stdin().take(BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    if size.map_err(failed)? as u64 > BYTES_MAX {
        return Err(Fault::Usage(format!("--payload {}: is larger than 64 KiB", path.display())));
    }
    Ok(bytes)
}

fn text(receipt: &Receipt) -> Facts {
    let mut facts = Facts::new();
    let again = if receipt.duplicate { ", submitted before" } else { "" };
    facts.add("ticket", format!("{} (number {}{again})", receipt.ticket_id, receipt.number));
    let age = receipt
        .tier_age_ms
        .map_or_else(String::new, |age| format!(", {} old", humane::duration(age)));
    let customer = receipt.customer_id.as_ref().map_or_else(String::new, |id| format!(" {id}"));
    facts.add("tier", format!("{} ({}{customer}{age})", receipt.tier, receipt.tier_source));
    if let Some(known) = &receipt.known {
        known.tell(&mut facts);
    }
    facts.add("respond by", deadline(receipt, receipt.respond_by));
    facts.add("solve by", deadline(receipt, receipt.solve_by));
    if let (Some(hours), Some(at), Some(submitted)) =
        (&receipt.hours, receipt.opens_at, receipt.submitted_at)
    {
        facts.add("closed now", format!("{hours} opens {}", humane::instant(at, submitted)));
    }
    let ahead = match receipt.place {
        _ if receipt.state != "waiting" => String::new(),
        0 => ", next in line".to_owned(),
        place => format!(", {} ahead", humane::count(place, "ticket")),
    };
    facts.add("state", format!("{}{ahead}", receipt.state));
    if let Some(previous) = &receipt.previous_ticket_id {
        facts.add("contact", format!("number {}, after {previous}", receipt.contact_count));
    }
    if let Some(forecast) = &receipt.forecast {
        forecast.tell(&mut facts);
    }
    facts
}

fn deadline(receipt: &Receipt, at: Option<Timestamp>) -> String {
    let (Some(submitted), Some(at)) = (receipt.submitted_at, at) else {
        return String::new();
    };
    let within = humane::duration(humane::between_ms(submitted, at));
    format!("{} (within {within})", humane::instant(at, submitted))
}

/// Submits `count` tickets over one stream; one that is refused does not keep the others out.
async fn many(
    context: &Context,
    connection: &Connection,
    request: &v1::SubmitTicketRequest,
    count: u32,
) -> Result<(), Fault> {
    let base = request.clone();
    let requests = tokio_stream::iter((1..=count).map(move |at| {
        let mut ticket = base.clone();
        if !ticket.ticket_id.is_empty() {
            ticket.ticket_id = format!("{}-{at}", ticket.ticket_id);
        }
        v1::SubmitTicketsRequest { r#ref: String::new(), ticket: Some(ticket) }
    }));
    let mut answers = connection.call(connection.intake().submit_tickets(requests)).await?;
    let (mut receipts, mut errors, mut refused) = (vec![], vec![], 0_u64);
    while let Some(answer) = next(connection, &mut answers).await? {
        match answer.result.ok_or(Fault::Answer("result"))? {
            v1::submit_tickets_response::Result::Receipt(receipt) if context.is_json() => {
                console::json_line(&Receipt::from(receipt))?;
            }
            v1::submit_tickets_response::Result::Receipt(receipt) => {
                receipts.push((answer.index, Receipt::from(receipt)));
            }
            v1::submit_tickets_response::Result::Error(error) => {
                refused += 1;
                if errors.len() < RECEIPTS_SHOWN_MAX {
                    errors.push((answer.index, error));
                }
            }
        }
    }
    receipts.sort_by_key(|(index, _)| *index);
    if !receipts.is_empty() {
        console::say(summary(&receipts))?;
    }
    for (index, error) in &errors {
        console::note(format_args!("error: ticket {}: {}", index + 1, super::import::told(error)));
        if let Some(refused) = &error.channel_not_offered {
            console::note(offered::instead(refused.clone()));
        }
    }
    if refused == 0 {
        return Ok(());
    }
    Err(Fault::Data(format!("{} of {count} refused", humane::count(refused, "ticket"))))
}

async fn next<T>(
    connection: &Connection,
    answers: &mut tonic::Streaming<T>,
) -> Result<Option<T>, Fault> {
    match tokio::time::timeout(connection.timeout, answers.message()).await {
        Ok(answer) => answer.map_err(|status| connection.fault(status)),
        Err(_) => Err(connection.timed_out(connection.timeout)),
    }
}

fn summary(receipts: &[(u64, Receipt)]) -> String {
    let mut table = Table::new()
        .right("number")
        .left("ticket")
        .left("tier")
        .left("source")
        .right("respond within")
        .left("state")
        .right("ahead");
    for (_, receipt) in receipts.iter().take(RECEIPTS_SHOWN_MAX) {
        let within = receipt.submitted_at.zip(receipt.respond_by).map_or_else(
            || "-".to_owned(),
            |(from, to)| humane::duration(humane::between_ms(from, to)),
        );
        table.row([
            receipt.number.to_string().into(),
            (&receipt.ticket_id).into(),
            (&receipt.tier).into(),
            (&receipt.tier_source).into(),
            within.into(),
            (&receipt.state).into(),
            receipt.place.to_string().into(),
        ]);
    }
    let count = humane::count(receipts.len() as u64, "ticket");
    match receipts.len().saturating_sub(RECEIPTS_SHOWN_MAX) {
        0 => format!("{table}{count}\n"),
        more => format!("{table}and {more} more: {count}\n"),
    }
}
