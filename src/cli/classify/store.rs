//! The classes into the directory of a server: the tier of each customer who moves, and nothing else.

use super::super::connect::Connection;
use super::super::fault::Fault;
use super::super::who;
use crate::api::proto::v1;
use crate::directory::IdentifierKind;
use serde::Serialize;
use tokio::task::JoinSet;
use tonic::Code;

/// Customers on their way at once.
const UNDERWAY_MAX: usize = 64;

/// What became of the customers who move.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[expect(clippy::struct_field_names, reason = "the names that programs read")]
pub(super) struct Stored {
    /// Whose tier is now the class.
    stored_count: u64,
    /// Whose tier was the class already.
    unchanged_count: u64,
    /// Whom the server does not know.
    unknown_count: u64,
}

enum Became {
    Stored,
    Unchanged,
    Unknown,
}

impl Stored {
    fn count(&mut self, became: &Became) {
        *match became {
            Became::Stored => &mut self.stored_count,
            Became::Unchanged => &mut self.unchanged_count,
            Became::Unknown => &mut self.unknown_count,
        } += 1;
    }

    pub(super) fn told(self) -> String {
        format!(
            "the directory: {} stored, {} had the tier already, {} not known there\n",
            self.stored_count, self.unchanged_count, self.unknown_count
        )
    }
}

/// Stores the class of each customer as its tier; stops at the first that fails. What is stored stays.
pub(super) async fn store(
    connection: &Connection,
    tiers: impl Iterator<Item = (String, String)>,
) -> (Stored, Result<(), Fault>) {
    let mut stored = Stored::default();
    let mut underway = JoinSet::new();
    let mut end = Ok(());
    for (id, tier) in tiers {
        if underway.len() == UNDERWAY_MAX
            && let Some(one) = underway.join_next().await
            && let Err(fault) = settle(one, &mut stored)
        {
            end = Err(fault);
            break;
        }
        let connection = connection.clone();
        underway.spawn(async move { store_one(&connection, &id, tier).await });
    }
    while let Some(one) = underway.join_next().await {
        let settled = settle(one, &mut stored);
        end = end.and(settled);
    }
    (stored, end)
}

fn settle(
    one: Result<Result<Became, Fault>, tokio::task::JoinError>,
    stored: &mut Stored,
) -> Result<(), Fault> {
    let became = one.expect("storing a customer does not panic")?;
    stored.count(&became);
    Ok(())
}

async fn store_one(connection: &Connection, id: &str, tier: String) -> Result<Became, Fault> {
    let identifier = Some(who::identifier(IdentifierKind::Id, id)?);
    let request = v1::GetCustomerRequest { identifier };
    let customer = match connection.call(connection.admin().get_customer(request)).await {
        Ok(answer) => answer.customer.ok_or(Fault::Answer("customer"))?,
        Err(Fault::Refused(status)) if status.code() == Code::NotFound => {
            return Ok(Became::Unknown);
        }
        Err(fault) => return Err(fault),
    };
    if customer.tier == tier {
        return Ok(Became::Unchanged);
    }
    let request = v1::PutCustomerRequest { customer: Some(v1::Customer { tier, ..customer }) };
    connection.call(connection.admin().put_customer(request)).await?;
    Ok(Became::Stored)
}
