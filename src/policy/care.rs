//! What the card of a customer says by the policy: benefits, treatment, and the attributes that are shown.

use crate::engine::care::{
    BENEFIT_CHARS_MAX, BENEFITS_MAX, CARD_ATTRIBUTES_MAX, Care, TREATMENT_CHARS_MAX,
};
use crate::settings::{Item, Section};

/// Longest name of a customer's attribute, in characters.
const ATTRIBUTE_CHARS_MAX: usize = 64;

/// What agents are told of a tier; faults are noted.
pub(super) fn of_tier(section: &Section<'_>) -> Option<Care> {
    let benefits = section
        .get("benefits")
        .map_or_else(|| Some(Box::default()), |item| texts(&item, BENEFITS_MAX, BENEFIT_CHARS_MAX));
    let treatment = section
        .get("treatment")
        .map_or_else(|| Some(Box::default()), |item| text(&item, 0, TREATMENT_CHARS_MAX));
    Some(Care { benefits: benefits?, treatment: treatment? })
}

/// The attributes of customers that cards show; faults are noted.
pub(super) fn card_attributes(customers: &Section<'_>) -> Option<Box<[Box<str>]>> {
    let shown = customers.get("card_attributes");
    shown.map_or_else(
        || Some(Box::default()),
        |item| texts(&item, CARD_ATTRIBUTES_MAX, ATTRIBUTE_CHARS_MAX),
    )
}

/// Texts, none of them twice.
fn texts(item: &Item<'_>, count_max: usize, chars_max: usize) -> Option<Box<[Box<str>]>> {
    let list = item.list()?;
    if list.len() > count_max {
        item.fault(&format!("has {} entries, {count_max} are allowed", list.len()));
        return None;
    }
    let mut found: Vec<Box<str>> = Vec::new();
    let mut complete = true;
    for item in list {
        match text(&item, 1, chars_max) {
            Some(text) if found.contains(&text) => {
                item.fault("is listed twice");
                complete = false;
            }
            Some(text) => found.push(text),
            None => complete = false,
        }
    }
    complete.then_some(found.into())
}

fn text(item: &Item<'_>, chars_min: usize, chars_max: usize) -> Option<Box<str>> {
    let text = item.text()?;
    let is_line = text.chars().all(|c| !c.is_control() || (chars_min == 0 && c == '\n'));
    if !(chars_min..=chars_max).contains(&text.chars().count()) || !is_line {
        item.fault(&format!("is not a text of {chars_min} to {chars_max} characters"));
        return None;
    }
    Some(text.into())
}
