//! `[[contact]]`: whom we contact without being asked, and when.

use super::{Names, tables_or_none, unique_name};
use crate::settings::{Item, Section};
use std::ops::RangeInclusive;

/// Most rules of one policy.
pub(super) const CONTACTS_MAX: usize = 64;
/// The longest name of a rule, in characters: it is part of tickets' ids.
const NAME_CHARS_MAX: usize = 24;
/// The longest name of a customer's attribute, in characters.
const KEY_CHARS_MAX: usize = 64;
/// The longest subject of a ticket, in characters.
const SUBJECT_CHARS_MAX: usize = 200;
const DAY_MS: i64 = 86_400_000;
/// `every`: from daily to once in ten years.
const EVERY_MS: RangeInclusive<i64> = DAY_MS..=3650 * DAY_MS;
/// `after`: from the day itself to ten years later.
const AFTER_MS: RangeInclusive<i64> = 0..=3650 * DAY_MS;

/// Whom to contact, and what about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactRule {
    /// The rule's name; part of the ids of its tickets. 1 to 24 characters of A-Z a-z 0-9 . _ -
    pub name: Box<str>,
    /// The names of the tiers whose customers it is for; empty for all.
    pub tiers: Vec<Box<str>>,
    /// When.
    pub cause: Cause,
    /// What the ticket is about, for the agent. At most 200 characters.
    pub subject: Box<str>,
}

/// When a customer is to be contacted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Every so many days, counted from the date in the attribute; customers without one are spread over
    /// the days by their ids.
    Every {
        /// 1 to 3650 days.
        days: i32,
        /// The attribute, for example `since`.
        from: Box<str>,
    },
    /// Once a year, on the day of the date in the attribute; the 29th of February is the 1st of March in
    /// other years.
    Yearly {
        /// The attribute, for example `birthday`.
        on: Box<str>,
    },
    /// Once, so many days after the date in the attribute.
    After {
        /// 0 to 3650 days.
        days: i32,
        /// The attribute, for example `first_order`.
        from: Box<str>,
    },
}

/// Every rule in the order of the file; a policy needs none.
pub(super) fn read(root: &Section<'_>, names: &Names<'_>) -> Option<Vec<ContactRule>> {
    let mut taken = Vec::new();
    let mut rules = Some(Vec::new());
    for section in tables_or_none(root, "contact", CONTACTS_MAX) {
        let name = unique_name(&section, &taken);
        taken.push(name);
        match (rule(&section, name, names), &mut rules) {
            (Some(rule), Some(rules)) => rules.push(rule),
            _ => rules = None,
        }
        section.finish();
    }
    rules
}

fn rule(section: &Section<'_>, name: Option<&str>, names: &Names<'_>) -> Option<ContactRule> {
    if name.is_some_and(|name| name.chars().count() > NAME_CHARS_MAX) {
        section.fault_of("name", "has more than 24 characters");
        return None;
    }
    let tiers = match section.get("tiers") {
        None => Some(Vec::new()),
        Some(item) => item.list().map(|list| {
            let tiers = list.iter().filter_map(|item| {
                names.tier(item)?;
                item.text().map(Into::into)
            });
            tiers.collect()
        }),
    };
    let subject = section.require("subject").and_then(|item| line(&item, SUBJECT_CHARS_MAX));
    let cause = cause(section);
    Some(ContactRule { name: name?.into(), tiers: tiers?, cause: cause?, subject: subject? })
}

/// Exactly one of `every`, `yearly_on` and `after`.
fn cause(section: &Section<'_>) -> Option<Cause> {
    let (every, yearly, after) =
        (section.get("every"), section.get("yearly_on"), section.get("after"));
    let from = section.get("from");
    let key = |item: Option<Item<'_>>| item.and_then(|item| line(&item, KEY_CHARS_MAX));
    match (every, yearly, after) {
        (Some(every), None, None) => {
            let from = match from {
                Some(from) => key(Some(from)),
                None => Some("since".into()),
            };
            Some(Cause::Every { days: days(&every, EVERY_MS)?, from: from? })
        }
        (None, Some(on), None) => {
            if let Some(from) = from {
                from.fault("is only for every and after; yearly_on names its attribute itself");
                return None;
            }
            Some(Cause::Yearly { on: key(Some(on))? })
        }
        (None, None, Some(after)) => {
            if from.is_none() {
                section.fault("after needs from, the customer's attribute with the date");
            }
            Some(Cause::After { days: days(&after, AFTER_MS)?, from: key(from)? })
        }
        _ => {
            section.fault("needs exactly one of every, yearly_on and after");
            None
        }
    }
}

fn days(item: &Item<'_>, range: RangeInclusive<i64>) -> Option<i32> {
    let ms = item.ms(range)?;
    if ms % DAY_MS != 0 {
        item.fault("is not a whole number of days");
        return None;
    }
    i32::try_from(ms / DAY_MS).ok()
}

fn line(item: &Item<'_>, chars_max: usize) -> Option<Box<str>> {
    let text = item.text()?;
    let count = text.chars().count();
    if !(1..=chars_max).contains(&count) || text.chars().any(char::is_control) {
        item.fault(&format!("is not 1 to {chars_max} characters without control characters"));
        return None;
    }
    Some(text.into())
}
