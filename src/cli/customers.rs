//! `tierline customers`: fills and looks into the customer directory.

use super::Context;
use super::classify;
use super::connect::Connection;
use super::console;
use super::costs;
use super::export;
use super::farewell;
use super::fault::Fault;
use super::import;
use super::table::Facts;
use super::view::{self, CUSTOMER_FIELDS};
use super::who::{self, Who, pair, pairs};
use super::words;
use crate::api::proto::v1;
use crate::directory::IdentifierKind;
use clap::{Args, Subcommand};

/// What can be done with customers.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Import(import::Import),
    Export(export::Export),
    Classify(Box<classify::Classify>),
    Change(Change),
    Costs(costs::Costs),
    /// Find a customer by id or by any identifier
    #[command(after_help = get_help())]
    Get {
        /// The customer's id
        #[arg(required_unless_present = "Who", conflicts_with = "Who")]
        id: Option<String>,
        #[command(flatten)]
        who: Who,
    },
    Put(Put),
    #[command(subcommand)]
    Farewell(farewell::Command),
    /// Remove a customer and all identifiers; tickets stay as they are
    Delete {
        /// The customer's id
        id: String,
    },
}

/// Make or replace one customer; what is not named is removed.
#[derive(Args, Debug)]
#[command(after_help = put_help())]
pub(crate) struct Put {
    /// The customer's id, at most 128 characters
    id: String,
    /// The customer's tier; without one the policy's coding rules give it
    #[arg(long, value_name = "TIER", default_value = "", hide_default_value = true)]
    tier: String,
    /// The customer's name, at most 256 characters
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    name: String,
    /// A telephone number; may be given several times
    #[arg(long, value_name = "NUMBER")]
    phone: Vec<String>,
    /// A card number; may be given several times
    #[arg(long, value_name = "NUMBER")]
    card: Vec<String>,
    /// An e-mail address; may be given several times
    #[arg(long, value_name = "ADDRESS")]
    email: Vec<String>,
    /// An account number; may be given several times
    #[arg(long, value_name = "NUMBER")]
    account: Vec<String>,
    /// A fact kept with the customer; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    attribute: Vec<(String, String)>,
}

fn get_help() -> String {
    format!(
        "{CUSTOMER_FIELDS}\n\n\
         Examples:\n  tierline customers get C-1001\n  tierline customers get --phone '+1 202 555 0101'"
    )
}

fn put_help() -> String {
    format!(
        "{CUSTOMER_FIELDS}\n\n\
         Example:\n  tierline customers put C-2001 --tier gold --name 'Ada Kestrel' \
         --phone '+1 202 555 0199' --attribute city=Boston"
    )
}

impl Command {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        match self {
            Self::Import(import) => import.run(context).await,
            Self::Export(export) => export.run(context).await,
            Self::Classify(classify) => classify.run(context).await,
            Self::Get { id, who } => get(context, id.as_deref(), &who).await,
            Self::Put(put) => put.run(context).await,
            Self::Change(change) => change.run(context).await,
            Self::Costs(costs) => costs.run(context).await,
            Self::Farewell(farewell) => farewell.run(context).await,
            Self::Delete { id } => {
                let connection = context.connect().await?;
                let request = v1::DeleteCustomerRequest { customer_id: id.clone() };
                connection.call(connection.admin().delete_customer(request)).await?;
                console::note(format_args!("customer {id} is removed"));
                Ok(())
            }
        }
    }
}

async fn get(context: &Context, id: Option<&str>, given: &Who) -> Result<(), Fault> {
    let identifier = match id {
        Some(id) => Some(who::identifier(IdentifierKind::Id, id)?),
        None => given.identifier()?,
    };
    let connection = context.connect().await?;
    let request = v1::GetCustomerRequest { identifier };
    let answer = connection.call(connection.admin().get_customer(request)).await?;
    show(context, answer.customer)
}

/// Change the tier or facts of a customer; the rest stays
///
/// Tickets of the customer that wait follow at once: their queue, their deadlines, their place. The standing farewell
/// takes two people: see `tierline customers farewell`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tierline customers change C-1007 --tier gold
  tierline customers change C-1007 --attribute late_deliveries_90d=2")]
pub(crate) struct Change {
    /// The customer's id
    id: String,
    /// The new tier; \"\" leaves it to the policy's coding rules
    #[arg(long, value_name = "TIER", required_unless_present = "attribute")]
    tier: Option<String>,
    /// A fact to set; an empty value removes it; may be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    attribute: Vec<(String, String)>,
}

impl Change {
    async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        let identifier = Some(who::identifier(IdentifierKind::Id, &self.id)?);
        let request = v1::GetCustomerRequest { identifier };
        let answer = connection.call(connection.admin().get_customer(request)).await?;
        let mut customer = answer.customer.ok_or(Fault::Answer("customer"))?;
        if let Some(tier) = self.tier {
            customer.tier = tier;
        }
        for (key, value) in pairs(&self.attribute)? {
            if value.is_empty() {
                customer.attributes.remove(&key);
            } else {
                customer.attributes.insert(key, value);
            }
        }
        store(context, &connection, customer).await
    }
}

/// Stores a customer and shows what was stored, with a warning if the policy has no such tier.
async fn store(
    context: &Context,
    connection: &Connection,
    customer: v1::Customer,
) -> Result<(), Fault> {
    let request = v1::PutCustomerRequest { customer: Some(customer) };
    let answer = connection.call(connection.admin().put_customer(request)).await?;
    let tiers = answer.customer.iter().map(|customer| (customer.tier.clone(), 1));
    let tiers = tiers.filter(|(tier, _)| !tier.is_empty()).collect();
    import::warn(&import::unknown_tiers(connection, tiers).await);
    show(context, answer.customer)
}

impl Put {
    async fn run(self, context: &Context) -> Result<(), Fault> {
        let by_kind = [
            (IdentifierKind::Phone, self.phone),
            (IdentifierKind::Card, self.card),
            (IdentifierKind::Email, self.email),
            (IdentifierKind::Account, self.account),
        ];
        let mut identifiers = vec![];
        for (kind, values) in by_kind {
            for value in values {
                identifiers.push(who::identifier(kind, &value)?);
            }
        }
        let customer = v1::Customer {
            customer_id: self.id,
            tier: self.tier,
            identifiers,
            attributes: pairs(&self.attribute)?,
            name: self.name,
        };
        let connection = context.connect().await?;
        store(context, &connection, customer).await
    }
}

/// Shows a customer.
pub(crate) fn show(context: &Context, customer: Option<v1::Customer>) -> Result<(), Fault> {
    let customer = customer.ok_or(Fault::Answer("customer"))?;
    if context.is_json() {
        return console::json(&view::Customer::from(customer));
    }
    let mut facts = Facts::new();
    facts.add("customer", &customer.customer_id).add("name", &customer.name);
    facts.add("tier", &customer.tier);
    for identifier in &customer.identifiers {
        let kind = words::identifier_kind(identifier.kind);
        facts.add("known as", format!("{kind} {}", identifier.value));
    }
    for (key, value) in &customer.attributes {
        facts.add("attribute", format!("{key} = {value}"));
    }
    console::say(facts)
}
