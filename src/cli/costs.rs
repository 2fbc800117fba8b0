//! `tierline customers costs`: what customers cost beside what they bring.

use super::console;
use super::fault::Fault;
use super::table::{Cell, Table, Tone};
use super::{Context, humane, view, words};
use crate::api::proto::v1;
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::BTreeMap;

/// Compare what customers bring with what serving them cost
///
/// Cost is agents' time out of the history, times what an hour of their pools costs; the margin is the customer's
/// attribute margin, or revenue less cost, of a year. Who costs more than it brings, or was a burden too often, is listed as a
/// candidate for a farewell. The history reaches as far back as `data.history` says. Nothing is decided here: one person proposes a farewell, another confirms it.
#[derive(Args, Debug)]
#[command(after_help = "\
JSON fields: from, to, tiers [{tier, customer_count, unknown_margin_count, margin, cost, ticket_count, burden_count, \
pools_ms {pool: ms}}], customers and candidates [{customer_id, tier, forgotten, standing, margin, cost, ticket_count, \
pools_ms, burdens {word: count}, burden_count, strategic, farewell_proposed, reasons}], candidate_count, \
unpriced_pools.

Examples:
  tierline customers costs
  tierline customers costs --from 2026-01-01 --to 2026-07-01 --limit 20
  tierline customers costs --output json | jq -r '.candidates[].customer_id'")]
pub(crate) struct Costs {
    /// Tickets that ended on this day (of UTC) or later [default: a year before the end]
    #[arg(long, value_name = "DAY")]
    from: Option<Date>,
    /// Tickets that ended before this day (of UTC) [default: now]
    #[arg(long, value_name = "DAY")]
    to: Option<Date>,
    /// The most customers and the most candidates to list
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
}

/// The report for programs.
#[derive(Serialize)]
struct Report {
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    tiers: Vec<Tier>,
    customers: Vec<Customer>,
    candidates: Vec<Customer>,
    candidate_count: u64,
    unpriced_pools: Vec<String>,
}

#[derive(Serialize)]
struct Tier {
    #[serde(rename = "tier")]
    name: Option<String>,
    customer_count: u64,
    unknown_margin_count: u64,
    margin: String,
    cost: String,
    ticket_count: u64,
    burden_count: u64,
    pools_ms: BTreeMap<String, i64>,
}

#[derive(Serialize)]
struct Customer {
    #[serde(rename = "customer_id")]
    id: String,
    tier: Option<String>,
    forgotten: bool,
    standing: Option<String>,
    margin: Option<String>,
    cost: String,
    ticket_count: u64,
    pools_ms: BTreeMap<String, i64>,
    burdens: BTreeMap<String, u32>,
    burden_count: u32,
    strategic: bool,
    farewell_proposed: bool,
    reasons: Vec<String>,
}

impl From<v1::TierCosts> for Tier {
    fn from(tier: v1::TierCosts) -> Self {
        Self {
            name: view::filled(tier.tier),
            customer_count: tier.customer_count,
            unknown_margin_count: tier.unknown_margin_count,
            margin: tier.margin,
            cost: tier.cost,
            ticket_count: tier.ticket_count,
            burden_count: tier.burden_count,
            pools_ms: pools_ms(tier.times),
        }
    }
}

impl From<v1::CustomerCosts> for Customer {
    fn from(customer: v1::CustomerCosts) -> Self {
        let standing = (!customer.forgotten).then(|| words::standing(customer.standing));
        Self {
            id: customer.customer_id,
            tier: view::filled(customer.tier),
            forgotten: customer.forgotten,
            standing,
            margin: view::filled(customer.margin),
            cost: customer.cost,
            ticket_count: customer.ticket_count,
            pools_ms: pools_ms(customer.times),
            burdens: customer.burdens,
            burden_count: customer.burden_count,
            strategic: customer.strategic,
            farewell_proposed: customer.farewell_proposed,
            reasons: customer.reasons,
        }
    }
}

fn pools_ms(times: Vec<v1::PoolTime>) -> BTreeMap<String, i64> {
    times.into_iter().map(|time| (time.pool, view::ms(time.spent.as_ref()))).collect()
}

impl Costs {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        let request = v1::ReportCostsRequest {
            from: self.from.map(midnight).transpose()?,
            to: self.to.map(midnight).transpose()?,
            page_size: self.limit,
        };
        let answer = connection.call(connection.ops().report_costs(request)).await?;
        let report = Report {
            from: view::instant(answer.from),
            to: view::instant(answer.to),
            tiers: answer.tiers.into_iter().map(Tier::from).collect(),
            customers: answer.customers.into_iter().map(Customer::from).collect(),
            candidates: answer.candidates.into_iter().map(Customer::from).collect(),
            candidate_count: answer.candidate_count,
            unpriced_pools: answer.unpriced_pools,
        };
        if context.is_json() {
            return console::json(&report);
        }
        console::say(text(&report))
    }
}

fn midnight(day: Date) -> Result<prost_types::Timestamp, Fault> {
    let at = day.to_zoned(TimeZone::UTC).map_err(|error| Fault::Usage(error.to_string()))?;
    Ok(view::timestamp(at.timestamp()))
}

fn text(report: &Report) -> String {
    let day =
        |at: Option<Timestamp>| at.map_or_else(String::new, |at| at.strftime("%F").to_string());
    let period = format!("tickets that ended from {} to {}\n", day(report.from), day(report.to));
    if report.tiers.is_empty() {
        return format!("{period}no known customer had one\n");
    }
    let worst = customers(&report.customers);
    let parts = [
        period,
        tiers(&report.tiers).to_string(),
        notes(report),
        format!("\nleast left of the margin\n{worst}\n"),
        candidates(report),
    ];
    parts.concat()
}

fn tiers(all: &[Tier]) -> Table {
    let mut table = Table::new()
        .left("tier")
        .right("customers")
        .right("margin?")
        .right("tickets")
        .right("margin")
        .right("cost")
        .right("burdens")
        .left("time by pool");
    for tier in all {
        table.row([
            tier.name.as_deref().unwrap_or("none").into(),
            tier.customer_count.to_string().into(),
            tier.unknown_margin_count.to_string().into(),
            tier.ticket_count.to_string().into(),
            (&tier.margin).into(),
            (&tier.cost).into(),
            tier.burden_count.to_string().into(),
            by_pool(&tier.pools_ms).into(),
        ]);
    }
    table
}

/// What the sums do not say.
fn notes(report: &Report) -> String {
    let unknown: u64 = report.tiers.iter().map(|tier| tier.unknown_margin_count).sum();
    let margins = (unknown > 0).then(|| {
        let customers = humane::count(unknown, "customer");
        format!(
            "margin?: that of {customers} is not known (attribute margin, or revenue and cost)\n"
        )
    });
    let price = |pool: &String| match &**pool {
        "" => "time in pools that the policy no longer has counts as nothing\n".to_owned(),
        pool => format!("pool {pool} has no cost_per_hour: its time counts as nothing\n"),
    };
    margins.into_iter().chain(report.unpriced_pools.iter().map(price)).collect()
}

fn customers(all: &[Customer]) -> Table {
    let mut table = Table::new()
        .left("customer")
        .left("tier")
        .right("margin")
        .right("cost")
        .right("tickets")
        .left("burdens")
        .left("time by pool");
    for customer in all {
        table.row([
            (&customer.id).into(),
            customer.tier.as_deref().unwrap_or("none").into(),
            customer.margin.as_deref().unwrap_or("?").into(),
            (&customer.cost).into(),
            customer.ticket_count.to_string().into(),
            burdens(customer).into(),
            by_pool(&customer.pools_ms).into(),
        ]);
    }
    table
}

fn candidates(report: &Report) -> String {
    if report.candidate_count == 0 {
        return "no candidates for a farewell\n".to_owned();
    }
    let mut table = Table::new().left("customer").left("tier").left("why").left("so far");
    for customer in &report.candidates {
        let so_far = if customer.farewell_proposed { "proposed" } else { "" };
        table.row([
            (&customer.id).into(),
            customer.tier.as_deref().unwrap_or("none").into(),
            Cell::toned(customer.reasons.join("; "), Tone::Late),
            so_far.into(),
        ]);
    }
    let count = humane::count(report.candidate_count, "candidate");
    format!(
        "{count} for a farewell, for people to decide\n{table}\
         one person proposes (tierline customers farewell propose), another confirms\n"
    )
}

/// `desk 3h 20m, back 12m`.
fn by_pool(pools_ms: &BTreeMap<String, i64>) -> String {
    let name = |pool: &str| if pool.is_empty() { "former pools" } else { pool }.to_owned();
    let time = |(pool, ms): (&String, &i64)| format!("{} {}", name(pool), humane::duration(*ms));
    pools_ms.iter().map(time).collect::<Vec<_>>().join(", ")
}

fn burdens(customer: &Customer) -> String {
    let told = |(word, count): (&String, &u32)| format!("{word} {count}");
    customer.burdens.iter().map(told).collect::<Vec<_>>().join(", ")
}
