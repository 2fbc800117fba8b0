//! What falls on a day. Pure: rules, customer and day go in.

use crate::directory::Customer;
use crate::policy::{Cause, ContactRule};
use jiff::civil::Date;

/// A contact that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The day on which it is due.
    pub day: Date,
    /// The name of its rule.
    pub rule: Box<str>,
    /// The customer's id.
    pub customer_id: String,
    /// The id of its ticket: the same for the same rule, customer and day, on every machine.
    pub ticket_id: String,
    /// What it is about.
    pub subject: Box<str>,
}

/// Whom these rules contact on `day`: the contacts of one customer, who is in the tier of this name.
pub fn due(rules: &[ContactRule], customer: &Customer, tier: &str, day: Date) -> Vec<Contact> {
    let wanted = |rule: &&ContactRule| {
        let is_for = rule.tiers.is_empty() || rule.tiers.iter().any(|name| **name == *tier);
        is_for && falls_on(&rule.cause, customer, day)
    };
    let contact = |rule: &ContactRule| Contact {
        day,
        rule: rule.name.clone(),
        customer_id: customer.id.clone(),
        ticket_id: ticket_id(rule, &customer.id, day),
        subject: rule.subject.clone(),
    };
    rules.iter().filter(wanted).map(contact).collect()
}

fn falls_on(cause: &Cause, customer: &Customer, day: Date) -> bool {
    let dated = |key: &str| customer.attributes.get(key).and_then(|text| date(text));
    match cause {
        Cause::Every { days, from } => match dated(from) {
            Some(from) => day > from && days_between(from, day) % days == 0,
            None => days_between(EPOCH, day).rem_euclid(*days) == spread(&customer.id, *days),
        },
        Cause::Yearly { on } => dated(on).is_some_and(|on| {
            let leaps = on.month() == 2 && on.day() == 29 && !day.in_leap_year();
            let (month, of_month) = if leaps { (3, 1) } else { (on.month(), on.day()) };
            day > on && (day.month(), day.day()) == (month, of_month)
        }),
        Cause::After { days, from } => {
            dated(from).is_some_and(|from| days_between(from, day) == *days)
        }
    }
}

/// A date as people write it into a customer's attributes: `2024-03-01`.
fn date(text: &str) -> Option<Date> {
    text.trim().parse().ok()
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

fn days_between(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

/// A day of the round that follows from the id alone.
fn spread(id: &str, days: i32) -> i32 {
    let days = u64::from(days.unsigned_abs().max(1));
    i32::try_from(digest(id) % days).expect("it is below an i32")
}

/// FNV-1a (Fowler, Noll, Vo 1991). Ids of tickets hold it, so it must never change.
pub(super) fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// At most 24 + 16 + 8 characters and what is between them; the customer's own id may hold characters that a
/// ticket's may not.
fn ticket_id(rule: &ContactRule, customer_id: &str, day: Date) -> String {
    let digest = digest(customer_id);
    format!("contact:{}:{digest:016x}:{}", rule.name, day.strftime("%Y%m%d"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn customer(attributes: &[(&str, &str)]) -> Customer {
        Customer {
            id: "C-17".into(),
            tier: Some("gold".into()),
            name: None,
            identifiers: Vec::new(),
            attributes: attributes
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>(),
        }
    }

    fn rule(cause: Cause) -> ContactRule {
        ContactRule { name: "r".into(), tiers: vec!["gold".into()], cause, subject: "hello".into() }
    }

    fn days(rule: &ContactRule, customer: &Customer, from: &str, count: i32) -> Vec<String> {
        let from: Date = from.parse().unwrap();
        let days = (0..count).map(|n| from.checked_add(jiff::Span::new().days(n)).unwrap());
        days.flat_map(|day| due(std::slice::from_ref(rule), customer, "gold", day))
            .map(|contact| contact.day.to_string())
            .collect()
    }

    #[test]
    fn every_ninety_days_counts_from_the_customers_date() {
        let rule = rule(Cause::Every { days: 90, from: "since".into() });
        let ada = customer(&[("since", "2026-01-01")]);
        assert_eq!(days(&rule, &ada, "2026-01-01", 200), ["2026-04-01", "2026-06-30"]);
    }

    #[test]
    fn a_birthday_comes_once_a_year_also_of_those_who_were_born_on_a_leap_day() {
        let rule = rule(Cause::Yearly { on: "birthday".into() });
        let ada = customer(&[("birthday", "1984-11-22")]);
        assert_eq!(days(&rule, &ada, "2026-01-01", 730), ["2026-11-22", "2027-11-22"]);
        let leap = customer(&[("birthday", "1984-02-29")]);
        assert_eq!(days(&rule, &leap, "2027-01-01", 731), ["2027-03-01", "2028-02-29"]);
    }

    #[test]
    fn after_the_first_order_there_is_one_contact() {
        let rule = rule(Cause::After { days: 14, from: "first_order".into() });
        let new = customer(&[("first_order", "2026-11-01")]);
        assert_eq!(days(&rule, &new, "2026-10-01", 400), ["2026-11-15"]);
    }

    #[test]
    fn what_is_no_date_is_no_contact_and_another_tier_none_either() {
        let yearly = rule(Cause::Yearly { on: "birthday".into() });
        for text in ["", "soon", "1984-13-01", "22.11.1984"] {
            assert!(days(&yearly, &customer(&[("birthday", text)]), "2026-01-01", 400).is_empty());
        }
        let day = "2026-11-22".parse().unwrap();
        let ada = customer(&[("birthday", "1984-11-22")]);
        assert_eq!(due(std::slice::from_ref(&yearly), &ada, "silver", day), []);
        assert_eq!(due(&[ContactRule { tiers: vec![], ..yearly }], &ada, "silver", day).len(), 1);
    }

    #[test]
    fn the_id_of_a_contact_is_the_same_in_every_release() {
        // Ids are on disks: a test that fails here must not be changed, but the code.
        let yearly = rule(Cause::Yearly { on: "birthday".into() });
        let id = ticket_id(&yearly, "C-17", "2026-11-22".parse().unwrap());
        assert_eq!(id, "contact:r:72354c9e5ec21a19:20261122");
        let longest = ContactRule { name: "x".repeat(24).into(), ..yearly };
        let id = ticket_id(&longest, &"ü".repeat(128), "2026-11-22".parse().unwrap());
        assert!(id.len() <= 64, "{id}");
    }

    proptest! {
        #[test]
        fn whoever_has_no_date_is_contacted_once_in_every_round(
            id in "[A-Z0-9-]{1,20}", round in 1..400_i32,
        ) {
            let rule = rule(Cause::Every { days: round, from: "since".into() });
            let someone = Customer { id, ..customer(&[]) };
            prop_assert_eq!(days(&rule, &someone, "2026-11-22", round).len(), 1);
        }
    }
}
