//! Coding rules: what gives a known customer a tier and a standing.
//!
//! Typed conditions on the customer's attributes, the first rule that holds wins. No expressions: what a
//! policy says can be listed, compared and checked at the load, and no attribute can make it slow or fail.
//! A text that is not a number or a day where one is asked for does not fulfil the condition. Pure: the
//! day is handed in.

use super::super::decimal::Decimal;
use super::super::model::{Policy, TierIx, Time};
use super::treatment::Treatment;
use super::{BECAUSE_CHARS_MAX, Standing, farewell};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Most rules of one list.
pub const RULES_MAX: usize = 64;
/// Most conditions of one rule.
pub const CONDITIONS_MAX: usize = 16;
/// Most values of one `one_of`.
pub const VALUES_MAX: usize = 64;
/// The attribute that sets a customer's standing by hand.
pub const STANDING: &str = "standing";
/// The attribute with the number of a customer's orders.
pub const ORDERS: &str = "orders";
/// The attribute with the day of the first order.
pub const FIRST_ORDER: &str = "first_order";
/// Attributes that follow from two others, the second taken from the first, unless they are given.
const MARGINS: [(&str, &str, &str); 2] =
    [("margin", "revenue", "cost"), ("predicted_margin", "predicted_revenue", "predicted_cost")];

/// A customer's attributes.
pub type Attributes = BTreeMap<String, String>;

/// A day, as days since 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// The day in UTC at an instant.
    pub fn of(at: Time) -> Self {
        Self(at.0.div_euclid(86_400_000))
    }

    /// Reads `2026-11-22`, or a year, which means its first day. Years 1 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let number = |from: usize, to: usize| -> Option<i64> {
            let digits = text.get(from..to)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let (month, day) = match text.len() {
            4 => (1, 1),
            10 if text.is_ascii() && text[4..].starts_with('-') && text[7..].starts_with('-') => {
                (number(5, 7)?, number(8, 10)?)
            }
            _ => return None,
        };
        let year = number(0, 4).filter(|year| *year > 0)?;
        let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let length = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if !(1..=length).contains(&day) {
            return None;
        }
        // Days from the civil calendar (Hinnant 2013, days_from_civil): years begin in March.
        let year = if month <= 2 { year - 1 } else { year };
        let month = (month + 9) % 12;
        let (era, of_era) = (year / 400, year % 400);
        let of_year = (153 * month + 2) / 5 + day - 1;
        Some(Self(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468))
    }
}

/// What an attribute is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// A number that is at least this.
    AtLeast(Decimal),
    /// A number below this.
    Below(Decimal),
    /// This text.
    Is(Arc<str>),
    /// Another text, or none.
    IsNot(Arc<str>),
    /// One of these texts.
    OneOf(Vec<Arc<str>>),
    /// Any text but an empty one.
    Present,
    /// None, or an empty one.
    Absent,
    /// A day so many days ago or more.
    OlderThan(u32),
    /// A day fewer days ago, or one to come.
    YoungerThan(u32),
}

/// One condition on one attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The attribute's key. 1 to 64 characters.
    pub attribute: Arc<str>,
    /// What it is asked.
    pub test: Test,
}

impl Condition {
    /// Whether it holds.
    pub fn holds(&self, attributes: &Attributes, today: Day) -> bool {
        let text = || attributes.get(&*self.attribute).map(|text| text.trim());
        let text = || text().filter(|text| !text.is_empty());
        let number = || number(attributes, &self.attribute);
        let age = || text().and_then(Day::parse).map(|day| today.0 - day.0);
        match &self.test {
            Test::AtLeast(least) => number().is_some_and(|number| number >= *least),
            Test::Below(end) => number().is_some_and(|number| number < *end),
            Test::Is(wanted) => text() == Some(wanted),
            Test::IsNot(other) => text() != Some(other),
            Test::OneOf(wanted) => {
                text().is_some_and(|text| wanted.iter().any(|wanted| **wanted == *text))
            }
            // A margin is there when it can be told.
            Test::Present => text().is_some() || number().is_some(),
            Test::Absent => text().is_none() && number().is_none(),
            Test::OlderThan(days) => age().is_some_and(|age| age >= i64::from(*days)),
            Test::YoungerThan(days) => age().is_some_and(|age| age < i64::from(*days)),
        }
    }

    /// Why it holds, with the customer's value: `assets 250000 >= 100000`.
    fn reason(&self, attributes: &Attributes) -> String {
        let key = &self.attribute;
        let given = attributes.get(&**key).map(|text| text.trim().to_owned());
        let value = given.filter(|text| !text.is_empty()).unwrap_or_else(|| {
            number(attributes, key).map_or_else(|| "none".to_owned(), |number| number.to_string())
        });
        match &self.test {
            Test::AtLeast(least) => format!("{key} {value} >= {least}"),
            Test::Below(end) => format!("{key} {value} < {end}"),
            Test::Is(wanted) => format!("{key} is {wanted}"),
            Test::IsNot(other) => format!("{key} {value} is not {other}"),
            Test::OneOf(_) => format!("{key} is {value}"),
            Test::Present => format!("{key} {value} is there"),
            Test::Absent => format!("no {key}"),
            Test::OlderThan(days) => format!("{key} {value} older than {days}d"),
            Test::YoungerThan(days) => format!("{key} {value} younger than {days}d"),
        }
    }

    /// Whether it holds wherever `other` does. True is certain; false is not.
    fn follows_from(&self, other: &Self) -> bool {
        if self.attribute != other.attribute {
            return false;
        }
        match (&self.test, &other.test) {
            (Test::AtLeast(mine), Test::AtLeast(theirs)) => mine <= theirs,
            (Test::Below(mine), Test::Below(theirs)) => mine >= theirs,
            (Test::OlderThan(mine), Test::OlderThan(theirs)) => mine <= theirs,
            (Test::YoungerThan(mine), Test::YoungerThan(theirs)) => mine >= theirs,
            (Test::OneOf(mine), Test::Is(theirs)) => mine.contains(theirs),
            (Test::OneOf(mine), Test::OneOf(theirs)) => theirs.iter().all(|one| mine.contains(one)),
            (Test::IsNot(mine), Test::Is(theirs)) => mine != theirs,
            (Test::Present, test) => !matches!(test, Test::IsNot(_) | Test::Absent),
            (mine, theirs) => mine == theirs,
        }
    }
}

impl fmt::Display for Condition {
    /// As people read it: `assets at least 100000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = &self.attribute;
        match &self.test {
            Test::AtLeast(least) => write!(f, "{key} at least {least}"),
            Test::Below(end) => write!(f, "{key} below {end}"),
            Test::Is(wanted) => write!(f, "{key} is {wanted:?}"),
            Test::IsNot(other) => write!(f, "{key} is not {other:?}"),
            Test::OneOf(wanted) => write!(f, "{key} is one of {wanted:?}"),
            Test::Present => write!(f, "{key} present"),
            Test::Absent => write!(f, "{key} absent"),
            Test::OlderThan(days) => write!(f, "{key} older than {days}d"),
            Test::YoungerThan(days) => write!(f, "{key} younger than {days}d"),
        }
    }
}

/// The number that an attribute is, or that follows from two others.
pub fn number(attributes: &Attributes, key: &str) -> Option<Decimal> {
    let given = |key: &str| attributes.get(key).and_then(|text| Decimal::parse(text));
    let margin = || {
        let (_, revenue, cost) = MARGINS.iter().find(|(margin, ..)| *margin == key)?;
        let cost = match attributes.get(*cost) {
            Some(text) => Decimal::parse(text)?,
            None => Decimal::ZERO,
        };
        Decimal::from_thousandths(given(revenue)?.thousandths() - cost.thousandths())
    };
    match attributes.get(key) {
        Some(_) => given(key),
        None => margin(),
    }
}

/// A result, and the conditions that must hold together for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule<T> {
    /// What it gives.
    pub gives: T,
    /// All must hold. 1 to [`CONDITIONS_MAX`].
    pub all: Vec<Condition>,
}

impl<T: Copy> Rule<T> {
    fn holds(&self, attributes: &Attributes, today: Day) -> bool {
        self.all.iter().all(|condition| condition.holds(attributes, today))
    }

    fn reason(&self, attributes: &Attributes) -> String {
        let reasons: Vec<_> = self.all.iter().map(|one| one.reason(attributes)).collect();
        reasons.join(", ")
    }

    /// Whether it holds wherever `other` does. True is certain; false is not.
    pub fn covers(&self, other: &Self) -> bool {
        self.all.iter().all(|mine| other.all.iter().any(|theirs| mine.follows_from(theirs)))
    }
}

/// The first rule that holds.
fn first<'r, T: Copy>(
    rules: &'r [Rule<T>],
    attributes: &Attributes,
    today: Day,
) -> Option<&'r Rule<T>> {
    rules.iter().find(|rule| rule.holds(attributes, today))
}

/// Which wins, where a tier is stored with the customer and a rule holds too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum First {
    /// The tier stored with the customer. The default.
    #[default]
    Stored,
    /// The rules.
    Rules,
}

impl First {
    /// Every choice.
    pub const ALL: [Self; 2] = [Self::Stored, Self::Rules];

    /// The choice's name in policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Rules => "rules",
        }
    }
}

/// The tier of customers without a history, from what is foretold of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisional {
    /// The rules. 1 to [`RULES_MAX`].
    pub rules: Vec<Rule<TierIx>>,
    /// From so many orders a customer has a history.
    pub until_orders: Option<u32>,
    /// From so many days after the first order a customer has a history.
    pub until_days: Option<u32>,
}

impl Provisional {
    /// Whether the customer's orders say enough by themselves.
    pub fn has_history(&self, attributes: &Attributes, today: Day) -> bool {
        let orders = || number(attributes, ORDERS);
        let enough = |least: u32| {
            orders().is_some_and(|orders| orders.thousandths() >= i64::from(least) * 1000)
        };
        let first_order = || attributes.get(FIRST_ORDER).and_then(|text| Day::parse(text));
        let old = |days: u32| first_order().is_some_and(|day| today.0 - day.0 >= i64::from(days));
        self.until_orders.is_some_and(enough) || self.until_days.is_some_and(old)
    }
}

/// How the customers of a policy are coded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// What wins over the other.
    pub first: First,
    /// The tier of a known customer whom nothing else gives one; `None`: that of unknown customers.
    pub default: Option<TierIx>,
    /// What gives a tier. At most [`RULES_MAX`].
    pub tiers: Vec<Rule<TierIx>>,
    /// What gives a tier to customers without a history.
    pub provisional: Option<Provisional>,
    /// What gives a standing, never farewell. At most [`RULES_MAX`].
    pub standings: Vec<Rule<Standing>>,
    /// What a standing does, in the order of [`Standing::ALL`].
    pub treatments: [Treatment; 4],
}

/// The code of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// The name of the tier; empty if nothing gives one.
    pub tier: Box<str>,
    /// Why; empty where it is the tier stored with the customer. At most [`BECAUSE_CHARS_MAX`] characters.
    pub because: Box<str>,
    /// How the customer stands.
    pub standing: Standing,
    /// Whether the tier is foretold, for want of a history.
    pub is_provisional: bool,
}

impl Policy {
    /// The code of a customer with these attributes and, perhaps, a tier stored with it, on a day in UTC.
    pub fn code(&self, stored: Option<&str>, attributes: &Attributes, today: Day) -> Coded {
        let rules = &self.coding;
        let stored = stored.filter(|tier| !tier.is_empty());
        let by_store = || stored.map(|tier| (Box::from(tier), String::new(), false));
        let by_rule = || {
            rules.tier_of(attributes, today).map(|(tier, because, is_provisional)| {
                (Box::from(&*self.tier(tier).name), because, is_provisional)
            })
        };
        let by_default = || {
            let tier = self.tier(rules.default?);
            Some((Box::from(&*tier.name), "no rule holds".to_owned(), false))
        };
        let chosen = match rules.first {
            First::Stored => by_store().or_else(by_rule),
            First::Rules => by_rule().or_else(by_store),
        };
        let (mut tier, mut because, is_provisional) =
            chosen.or_else(by_default).unwrap_or_default();
        let (standing, why) = rules.standing_of(attributes, today);
        let lift = rules.treatments[standing.index()].lift;
        if let Some(from) = self.tier_named(&tier).filter(|from| lift > 0 && from.0 > 0) {
            let to = self.tier(TierIx(from.0.saturating_sub(lift)));
            let lifted = format!("lifted from {tier} as {} ({why})", standing.name());
            because = if because.is_empty() { lifted } else { format!("{because}; {lifted}") };
            tier = Box::from(&*to.name);
        }
        Coded { tier, because: cut(&because), standing, is_provisional }
    }
}

impl Rules {
    /// The tier that a rule gives, why, and whether it is foretold.
    fn tier_of(&self, attributes: &Attributes, today: Day) -> Option<(TierIx, String, bool)> {
        let told = |rule: &Rule<TierIx>, is_provisional: bool| {
            (rule.gives, rule.reason(attributes), is_provisional)
        };
        let foretold = self.provisional.as_ref().and_then(|provisional| {
            let is_new = !provisional.has_history(attributes, today);
            is_new.then(|| first(&provisional.rules, attributes, today))?
        });
        foretold
            .map(|rule| told(rule, true))
            .or_else(|| first(&self.tiers, attributes, today).map(|rule| told(rule, false)))
    }

    /// How the customer stands, and why.
    fn standing_of(&self, attributes: &Attributes, today: Day) -> (Standing, String) {
        let by_hand = attributes.get(STANDING).map(|text| text.trim());
        let named = Standing::ALL.into_iter().find(|standing| Some(standing.name()) == by_hand);
        let counts = |standing: &Standing| {
            *standing != Standing::Farewell || farewell::is_farewell(attributes)
        };
        if let Some(standing) = named.filter(counts) {
            return (standing, "by hand".to_owned());
        }
        // A journal of an earlier release may hold a policy with a rule that gives farewell.
        let mut rules = self.standings.iter().filter(|rule| rule.gives != Standing::Farewell);
        let rule = rules.find(|rule| rule.holds(attributes, today));
        rule.map(|rule| (rule.gives, rule.reason(attributes))).unwrap_or_default()
    }
}

/// The text, at most as long as a reason may be.
fn cut(text: &str) -> Box<str> {
    if text.chars().count() <= BECAUSE_CHARS_MAX {
        return text.into();
    }
    let kept: String = text.chars().take(BECAUSE_CHARS_MAX - 1).collect();
    format!("{kept}\u{2026}").into()
}

#[cfg(test)]
mod tests;
