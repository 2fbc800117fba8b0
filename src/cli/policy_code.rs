//! `tierline policy code`: what the coding rules of a policy file make of a customer, or of a file of them.

use super::Context;
use super::console;
use super::fault::Fault;
use super::humane;
use super::table::{Facts, Table, printable, shortened};
use super::who::{pair, pairs};
use crate::clock::Clock;
use crate::directory::csv;
use crate::engine::coding::rules::{Attributes, Coded, Day};
use crate::engine::model::{Policy, Time};
use crate::policy::{self, Error};
use clap::Args;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Columns that a reason may take in a table.
const REASON_WIDTH: usize = 60;

/// Show what tier and standing a policy file gives a customer, and why.
///
/// Either one customer, by its attributes, or every customer of a file for `customers import`.
#[derive(Args, Debug)]
#[command(after_help = "\
Exit codes: 0 done, 64 the policy is faulty, 65 some lines are faulty (the others are coded), 66 a file cannot be read.

JSON fields: customers [{customer_id, tier, because, standing, is_provisional}], tiers {tier: count}, faults [sentence].

Examples:
  tierline policy code config/schwab.toml --attribute assets=250000
  tierline policy code config/default.toml config/customers.csv")]
pub(super) struct Code {
    /// The policy file
    #[arg(value_name = "POLICY")]
    policy: PathBuf,
    /// A file of customers: UTF-8, commas, quotes as in RFC 4180
    #[arg(value_name = "FILE.csv", conflicts_with_all = ["attribute", "tier"])]
    customers: Option<PathBuf>,
    /// An attribute of the customer; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    attribute: Vec<(String, String)>,
    /// The tier stored with the customer
    #[arg(long, value_name = "TIER")]
    tier: Option<String>,
    /// The day on which it is, instead of today in UTC
    #[arg(long, value_name = "DATE", value_parser = day)]
    on: Option<Day>,
    /// Customers that are listed, at most 10000
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=10_000))]
    limit: u64,
}

#[derive(Serialize)]
struct One {
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<String>,
    tier: String,
    because: String,
    standing: &'static str,
    is_provisional: bool,
}

impl One {
    fn of(customer_id: Option<String>, coded: Coded, policy: &Policy) -> Self {
        let known = policy.tier_named(&coded.tier).is_some();
        let unknown = &policy.tier(policy.unknown_tier).name;
        let because = match (known, coded.tier.is_empty(), coded.because.is_empty()) {
            (true, _, true) => "stored with the customer".to_owned(),
            (true, _, false) => coded.because.into(),
            (false, true, _) => "nothing gives one: that of unknown customers".to_owned(),
            (false, false, _) => {
                format!("{:?} is not in the policy: that of unknown customers", coded.tier)
            }
        };
        let tier = if known { coded.tier.into() } else { unknown.to_string() };
        let (standing, is_provisional) = (coded.standing.name(), coded.is_provisional);
        Self { customer_id, tier, because, standing, is_provisional }
    }
}

#[derive(Default, Serialize)]
struct All {
    customers: Vec<One>,
    tiers: BTreeMap<String, u64>,
    faults: Vec<String>,
}

impl Code {
    pub(super) fn run(self, context: &Context) -> Result<(), Fault> {
        let (policy, _) = policy::load(&self.policy).map_err(|error| match error {
            Error::Read { path, source } => Fault::File { path, source },
            Error::Faulty(_) => Fault::Usage(error.to_string()),
        })?;
        let now = || Clock::start(Time::default(), 1.0).now();
        let today = self.on.unwrap_or_else(|| Day::of(now()));
        if let Some(file) = &self.customers {
            return self.code_all(context, &policy, file, today);
        }
        let attributes = pairs(&self.attribute)?;
        let coded = policy.code(self.tier.as_deref(), &attributes, today);
        let one = One::of(None, coded, &policy);
        if context.is_json() {
            return console::json(&one);
        }
        let mut facts = Facts::new();
        facts.add("tier", &one.tier).add("because", &one.because).add("standing", one.standing);
        facts.add("provisional", if one.is_provisional { "yes" } else { "" });
        console::say(facts)
    }

    fn code_all(
        &self,
        context: &Context,
        policy: &Policy,
        path: &Path,
        today: Day,
    ) -> Result<(), Fault> {
        let name = path.display().to_string();
        let file =
            File::open(path).map_err(|source| Fault::File { path: path.to_owned(), source })?;
        let rows =
            csv::read(file).map_err(|error| Fault::Data(printable(&format!("{name}: {error}"))))?;
        let (mut all, mut count, mut fault_count) = (All::default(), 0_u64, 0_u64);
        for (_, row) in rows {
            match row {
                Ok(customer) => {
                    let attributes: &Attributes = &customer.attributes;
                    let coded = policy.code(customer.tier.as_deref(), attributes, today);
                    let one = One::of(Some(customer.id), coded, policy);
                    *all.tiers.entry(one.tier.clone()).or_default() += 1;
                    count += 1;
                    if count <= self.limit {
                        all.customers.push(one);
                    }
                }
                Err(error) => {
                    fault_count += 1;
                    if fault_count <= self.limit {
                        all.faults.push(printable(&error.to_string()));
                    }
                }
            }
        }
        if context.is_json() {
            console::json(&all)?;
        } else {
            all.faults.iter().for_each(console::note);
            let mut table =
                Table::new().left("customer").left("tier").left("standing").left("because");
            for one in &all.customers {
                let id = one.customer_id.as_deref().unwrap_or_default();
                let sure = if one.is_provisional { "provisional: " } else { "" };
                let because = shortened(&format!("{sure}{}", one.because), REASON_WIDTH);
                table.row([id.into(), (&one.tier).into(), one.standing.into(), because.into()]);
            }
            console::say(&table)?;
            if count > self.limit {
                console::say(format_args!("and {} more\n", count - self.limit))?;
            }
            let tiers = all.tiers.iter().map(|(tier, count)| format!("{count} {tier}"));
            let tiers: Vec<_> = tiers.collect();
            let customers = humane::count(count, "customer");
            console::say(format_args!("{customers}: {}\n", tiers.join(", ")))?;
        }
        if fault_count > 0 { Err(Fault::Told(65)) } else { Ok(()) }
    }
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "not a day such as 2026-11-22".to_owned())
}
