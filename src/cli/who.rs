//! Arguments that name a customer, and pairs such as `city=Berlin`; shared by several commands.

use super::fault::Fault;
use crate::api::proto::v1;
use crate::directory::{Identifier, IdentifierKind};
use clap::Args;
use std::collections::BTreeMap;

/// One identifier of a customer: any of these, one at most.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub(crate) struct Who {
    /// The customer by any identifier, for example card:SC-4000-1001
    ///
    /// The kinds are id, phone, card, email and account.
    #[arg(long, value_name = "KIND:VALUE", help_heading = "Customer")]
    customer: Option<String>,
    /// The customer by telephone number, for example "+1 202 555 0101"
    #[arg(long, value_name = "NUMBER", help_heading = "Customer")]
    phone: Option<String>,
    /// The customer by card number
    #[arg(long, value_name = "NUMBER", help_heading = "Customer")]
    card: Option<String>,
    /// The customer by e-mail address
    #[arg(long, value_name = "ADDRESS", help_heading = "Customer")]
    email: Option<String>,
    /// The customer by account number
    #[arg(long, value_name = "NUMBER", help_heading = "Customer")]
    account: Option<String>,
    /// The customer by the directory's own id
    #[arg(long, value_name = "ID", help_heading = "Customer")]
    customer_id: Option<String>,
}

impl Who {
    /// The identifier that was given, in the form in which the directory keeps it.
    pub(crate) fn identifier(&self) -> Result<Option<v1::CustomerIdentifier>, Fault> {
        let by_kind = [
            (IdentifierKind::Phone, &self.phone),
            (IdentifierKind::Card, &self.card),
            (IdentifierKind::Email, &self.email),
            (IdentifierKind::Account, &self.account),
            (IdentifierKind::Id, &self.customer_id),
        ];
        if let Some((kind, value)) =
            by_kind.into_iter().find_map(|(kind, value)| Some((kind, value.as_ref()?)))
        {
            return identifier(kind, value).map(Some);
        }
        let Some(text) = &self.customer else {
            return Ok(None);
        };
        of_kind("--customer", text).map(Some)
    }
}

/// The identifier that `KIND:VALUE` names, given with this option.
pub(crate) fn of_kind(option: &str, text: &str) -> Result<v1::CustomerIdentifier, Fault> {
    let usage = |why: &str| {
        let form = "write KIND:VALUE with KIND one of id, phone, card, email, account";
        Fault::Usage(format!("{option} = {text:?} {why}: {form}"))
    };
    let (kind, value) = text.split_once(':').ok_or_else(|| usage("has no colon"))?;
    let kind = kind.parse().map_err(|_| usage("is of no known kind"))?;
    identifier(kind, value)
}

/// An identifier in the form in which the directory keeps it, so that spaces in a number do not matter.
pub(crate) fn identifier(
    kind: IdentifierKind,
    value: &str,
) -> Result<v1::CustomerIdentifier, Fault> {
    let identifier =
        Identifier::new(kind, value).map_err(|invalid| Fault::Usage(invalid.to_string()))?;
    Ok(v1::CustomerIdentifier {
        kind: contract_kind(kind) as i32,
        value: identifier.value().to_owned(),
    })
}

/// The contract's word for a kind of identifier.
pub(crate) fn contract_kind(kind: IdentifierKind) -> v1::IdentifierKind {
    match kind {
        IdentifierKind::Id => v1::IdentifierKind::Id,
        IdentifierKind::Phone => v1::IdentifierKind::Phone,
        IdentifierKind::Card => v1::IdentifierKind::Card,
        IdentifierKind::Email => v1::IdentifierKind::Email,
        IdentifierKind::Account => v1::IdentifierKind::Account,
    }
}

/// Reads `KEY=VALUE`, for clap.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

/// The pairs as a map; a key given twice is a mistake.
pub(crate) fn pairs(given: &[(String, String)]) -> Result<BTreeMap<String, String>, Fault> {
    let mut map = BTreeMap::new();
    for (key, value) in given {
        if map.insert(key.clone(), value.clone()).is_some() {
            return Err(Fault::Usage(format!("--attribute {key}: is given twice")));
        }
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(customer: &str) -> Result<Option<v1::CustomerIdentifier>, Fault> {
        Who { customer: Some(customer.to_owned()), ..Who::default() }.identifier()
    }

    #[test]
    fn a_telephone_number_may_be_written_with_spaces() {
        let found = who("phone:+1 202 555 0101").expect("sound").expect("given");
        assert_eq!(found.kind(), v1::IdentifierKind::Phone);
        assert_eq!(found.value, "+12025550101");
    }

    #[test]
    fn a_kind_that_is_none_is_named_with_those_there_are() {
        for bad in ["17", "fax:1", "phone:"] {
            let fault = who(bad).expect_err(bad);
            assert_eq!(fault.exit_code(), 64);
        }
        let text = who("fax:1").expect_err("no such kind").to_string();
        assert!(text.contains("id, phone, card, email, account"), "{text}");
    }

    #[test]
    fn an_attribute_given_twice_is_a_mistake() {
        let given = [pair("a=1").expect("a pair"), pair("a=2=3").expect("a pair")];
        assert_eq!(given[1].1, "2=3");
        assert!(pairs(&given).is_err());
        assert!(pair("=1").is_err());
    }
}
