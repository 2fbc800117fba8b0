//! `tierline plan`: what the server is going to do by itself.

use super::console;
use super::fault::Fault;
use super::table::Table;
use super::{Context, ask, humane};
use crate::api::proto::v1;
use clap::{Args, Subcommand};
use serde::Serialize;

/// What can be planned.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Contacts(Contacts),
}

/// The contacts of some days as a calendar, or those of today as tickets
///
/// The policy's [[contact]] sections say whom to contact; the server goes through its directory every day (of UTC) and
/// submits an outbound ticket for each contact. A ticket's id follows from rule, customer and day: nothing is created
/// twice.
#[derive(Args, Debug)]
#[command(after_help = "\
JSON fields: contacts [{day, rule, customer_id, tier, ticket_id, subject}], days [{day, contact_count}], customer_count, \
malformed_count, created_count, existing_count, refused_count.

Examples:
  tierline plan contacts --dry-run --days 30
  tierline plan contacts --dry-run --from 2027-01-01 --days 7
  tierline plan contacts")]
pub(crate) struct Contacts {
    /// Only say what would be created
    #[arg(long)]
    dry_run: bool,
    /// The first day, in UTC, for example 2026-12-01 [default: today]
    #[arg(
        long,
        value_name = "DAY",
        requires = "dry_run",
        default_value = "",
        hide_default_value = true
    )]
    from: String,
    /// How many days
    #[arg(long, default_value_t = 1, value_name = "COUNT", requires = "dry_run",
          value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
}

#[derive(Serialize)]
struct Report {
    contacts: Vec<Planned>,
    days: Vec<Day>,
    customer_count: u64,
    malformed_count: u64,
    created_count: u64,
    existing_count: u64,
    refused_count: u64,
}

#[derive(Serialize)]
struct Planned {
    day: String,
    rule: String,
    customer_id: String,
    tier: String,
    ticket_id: String,
    subject: String,
}

#[derive(Serialize)]
struct Day {
    day: String,
    contact_count: u64,
}

impl Command {
    /// Runs it.
    pub(crate) fn run(self, context: &Context) -> Result<(), Fault> {
        match self {
            Self::Contacts(contacts) => ask(contacts.run(context)),
        }
    }
}

impl Contacts {
    async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        let request = v1::PlanContactsRequest {
            first_day: self.from,
            day_count: self.days,
            create: !self.dry_run,
        };
        let answer = connection.call(connection.admin().plan_contacts(request)).await?;
        let planned = |contact: v1::PlannedContact| Planned {
            day: contact.day,
            rule: contact.rule,
            customer_id: contact.customer_id,
            tier: contact.tier,
            ticket_id: contact.ticket_id,
            subject: contact.subject,
        };
        let day = |day: v1::PlannedDay| Day { day: day.day, contact_count: day.contact_count };
        let report = Report {
            contacts: answer.contacts.into_iter().map(planned).collect(),
            days: answer.days.into_iter().map(day).collect(),
            customer_count: answer.customer_count,
            malformed_count: answer.malformed_count,
            created_count: answer.created_count,
            existing_count: answer.existing_count,
            refused_count: answer.refused_count,
        };
        if context.is_json() { console::json(&report) } else { told(&report, self.dry_run) }
    }
}

fn told(report: &Report, dry_run: bool) -> Result<(), Fault> {
    let all: u64 = report.days.iter().map(|day| day.contact_count).sum();
    if !report.contacts.is_empty() {
        let mut table =
            Table::new().left("DAY").left("RULE").left("CUSTOMER").left("TIER").left("SUBJECT");
        let mut before = "";
        for contact in &report.contacts {
            // A calendar: each day stands once.
            let day = if contact.day == before { "" } else { &contact.day };
            before = &contact.day;
            let cells = [day, &contact.rule, &contact.customer_id, &contact.tier, &contact.subject];
            table.row(cells.map(|cell| cell.to_owned().into()));
        }
        console::say(&table)?;
    }
    if all > report.contacts.len() as u64 {
        let mut table = Table::new().left("DAY").right("CONTACTS");
        for day in &report.days {
            table.row([day.day.clone().into(), day.contact_count.to_string().into()]);
        }
        console::say(format_args!(
            "only the first {} are listed; by day:\n{table}",
            report.contacts.len()
        ))?;
    }
    let customers = humane::count(report.customer_count, "customer");
    let contacts = humane::count(all, "contact");
    if dry_run {
        console::say(format_args!("{contacts} for {customers}; nothing was created\n"))?;
    } else {
        console::say(format_args!(
            "{contacts} for {customers}: {} created, {} there already, {} refused\n",
            report.created_count, report.existing_count, report.refused_count
        ))?;
    }
    if report.malformed_count > 0 {
        let count = report.malformed_count;
        console::note(format_args!("{count} entries of the directory are not a customer"));
    }
    Ok(())
}
