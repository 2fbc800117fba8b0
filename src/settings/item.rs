//! One value of a file or of the environment: what it is called, what it may be, and the words when it
//! is something else.

use super::section::{Section, unknown_hint};
use super::{Place, Report, format_bytes, format_ms, parse_bytes, parse_ms};
use std::ops::RangeInclusive;
use toml::Spanned;
use toml::de::DeValue;

/// How much of a value a message shows, in characters.
const SHOWN_CHARS_MAX: usize = 60;
/// The longest name of a tier, a pool or a version, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 64;

/// One value and what it is called.
#[derive(Clone)]
pub(crate) struct Item<'a> {
    report: &'a Report<'a>,
    label: String,
    raw: Raw<'a>,
}

#[derive(Clone, Copy)]
enum Raw<'a> {
    /// A value of the file, and the offset of its key.
    Toml { at: usize, value: &'a Spanned<DeValue<'a>> },
    /// The text of an environment variable.
    Variable(&'a str),
}

impl<'a> Item<'a> {
    /// A value of the file; its key stands at the offset `at`.
    pub(super) fn of_file(
        report: &'a Report<'a>,
        label: String,
        at: usize,
        value: &'a Spanned<DeValue<'a>>,
    ) -> Self {
        Self { report, label, raw: Raw::Toml { at, value } }
    }

    /// The text of an environment variable.
    pub(super) fn of_variable(report: &'a Report<'a>, name: String, text: &'a str) -> Self {
        Self { report, label: name, raw: Raw::Variable(text) }
    }

    /// Where the value stands.
    pub(crate) fn place(&self) -> Place {
        match self.raw {
            Raw::Toml { at, .. } => self.report.place(at),
            Raw::Variable(_) => Place::Environment,
        }
    }

    /// What the value is called in messages.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Whether the value comes from an environment variable.
    pub(crate) fn is_variable(&self) -> bool {
        matches!(self.raw, Raw::Variable(_))
    }

    /// Notes that the value is wrong: `what` follows "key = value".
    pub(crate) fn fault(&self, what: &str) {
        let message = match self.shown() {
            Some(value) => format!("{} = {value} {what}", self.label),
            None => format!("{} {what}", self.label),
        };
        self.report.fault(self.place(), message);
    }

    /// Notes that the value is wrong without showing it, for secrets.
    pub(crate) fn fault_hidden(&self, what: &str) {
        let message = format!("{} {what}", self.label);
        self.report.fault(self.place(), message);
    }

    /// Notes that the value is worth a second look.
    pub(crate) fn warn(&self, what: &str) {
        let message = match self.shown() {
            Some(value) => format!("{} = {value} {what}", self.label),
            None => format!("{} {what}", self.label),
        };
        self.report.warn(self.place(), message);
    }

    /// The value as text.
    pub(crate) fn text(&self) -> Option<&'a str> {
        self.text_or("not a text in quotes")
    }

    /// The value as a name: 1 to 64 characters of `[A-Za-z0-9._-]`.
    pub(crate) fn name(&self) -> Option<&'a str> {
        let text = self.text()?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let fits = (1..=NAME_CHARS_MAX).contains(&text.chars().count());
        if !fits || !text.chars().all(allowed) {
            self.fault("is not a name of 1 to 64 characters of [A-Za-z0-9._-]");
            return None;
        }
        Some(text)
    }

    /// The value as one of these names.
    pub(crate) fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(name, _)| *name == text);
        if found.is_none() {
            self.unknown("is not a choice", choices.iter().map(|(name, _)| *name));
        }
        found.map(|(_, choice)| *choice)
    }

    /// Notes that the text names nothing known, and what it may have meant.
    pub(crate) fn unknown<'n>(&self, what: &str, known: impl Iterator<Item = &'n str> + Clone) {
        let given = match self.raw {
            Raw::Toml { value, .. } => value.get_ref().as_str().unwrap_or_default(),
            Raw::Variable(text) => text,
        };
        self.fault(&format!("{what}; {}", unknown_hint(given, known)));
    }

    /// Notes that the key itself, in a table of [`Section::entries`], names nothing known.
    pub(crate) fn unknown_key<'n>(
        &self,
        key: &str,
        what: &str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) {
        let message = format!("{} {what}; {}", self.label, unknown_hint(key, known));
        self.report.fault(self.place(), message);
    }

    /// The value as a duration within `range`, in milliseconds.
    pub(crate) fn ms(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let text = self.text_or("not a duration such as 250ms, 15s, 1h 30m or 2d")?;
        let ms = parse_ms(text).map_err(|what| self.fault(&format!("is {what}"))).ok()?;
        self.within(ms, range, |ms| format_ms(*ms))
    }

    /// The value as a size within `range`, in bytes.
    pub(crate) fn bytes(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let text = self.text_or("not a size such as 512B, 64KiB, 256MiB or 16GiB")?;
        let bytes = parse_bytes(text).map_err(|what| self.fault(&format!("is {what}"))).ok()?;
        self.within(bytes, range, |bytes| format_bytes(*bytes))
    }

    /// The value as a whole number within `range`.
    pub(crate) fn whole(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let number = match self.raw {
            Raw::Toml { value, .. } => value.get_ref().as_integer().map(|integer| {
                // A negative number, or one beyond all ranges, is a number all the same.
                let digits = integer.as_str();
                let beyond = if digits.starts_with('-') { i128::MIN } else { i128::MAX };
                i128::from_str_radix(digits, integer.radix()).unwrap_or(beyond)
            }),
            Raw::Variable(text) => text.parse().ok(),
        };
        let Some(number) = number else {
            self.fault("is not a whole number");
            return None;
        };
        let range = i128::from(*range.start())..=i128::from(*range.end());
        let number = self.within(number, range, ToString::to_string)?;
        Some(u64::try_from(number).expect("it is in a range of u64"))
    }

    /// The value as a number within `range`.
    pub(crate) fn decimal(&self, range: RangeInclusive<f64>) -> Option<f64> {
        let number = match self.raw {
            Raw::Toml { value, .. } => match value.get_ref() {
                DeValue::Float(float) => float.as_str().parse().ok(),
                DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
                _ => None,
            },
            Raw::Variable(text) => text.parse().ok(),
        };
        let Some(number) = number else {
            self.fault("is not a number");
            return None;
        };
        self.within(number, range, ToString::to_string)
    }

    /// The value, a number in decimal notation, as it was written but for marks between digits.
    pub(crate) fn number(&self) -> Option<String> {
        let text = match self.raw {
            Raw::Toml { value, .. } => match value.get_ref() {
                DeValue::Float(float) => float.as_str(),
                DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
                _ => return None,
            },
            Raw::Variable(text) => text,
        };
        Some(text.replace('_', ""))
    }

    /// The value, a number of at most three decimals within `range`, in parts per thousand.
    pub(crate) fn permille(&self, range: RangeInclusive<u32>) -> Option<u32> {
        let in_ones = |permille: u32| f64::from(permille) / 1000.0;
        let number = self.decimal(in_ones(*range.start())..=in_ones(*range.end()))?;
        let permille = number * 1000.0;
        // What a policy says must be what the engine does: no silent rounding.
        if (permille - permille.round()).abs() > 1e-6 {
            self.fault("has more than three decimals");
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is whole and in a range of u32"
        )]
        Some(permille.round() as u32)
    }

    /// The value as true or false.
    pub(crate) fn flag(&self) -> Option<bool> {
        let flag = match self.raw {
            Raw::Toml { value, .. } => value.get_ref().as_bool(),
            Raw::Variable(text) => text.parse().ok(),
        };
        if flag.is_none() {
            self.fault("is not true or false");
        }
        flag
    }

    /// The values of a list, each under the list's own label.
    pub(crate) fn list(&self) -> Option<Vec<Self>> {
        let Raw::Toml { value, .. } = self.raw else {
            self.fault("is not a list");
            return None;
        };
        let Some(list) = value.get_ref().as_array() else {
            self.fault("is not a list");
            return None;
        };
        let element = |value: &'a Spanned<DeValue<'a>>| Self {
            report: self.report,
            label: self.label.clone(),
            raw: Raw::Toml { at: value.span().start, value },
        };
        Some(list.iter().map(element).collect())
    }

    /// The tables written under `[[key]]`, or as a list of tables; `None` for anything else.
    pub(crate) fn list_of_tables(&self) -> Option<Vec<Self>> {
        match self.raw {
            Raw::Toml { value, .. } if value.get_ref().is_array() => self.list(),
            Raw::Toml { .. } | Raw::Variable(_) => None,
        }
    }

    /// The table as a section whose keys follow this value's label and a dot.
    pub(crate) fn section(&self) -> Option<Section<'a>> {
        self.section_as(|_| format!("{}.", self.label))
    }

    /// The table as a section whose messages begin with what `prefix` makes of its key `name`.
    pub(crate) fn section_as(
        &self,
        prefix: impl FnOnce(Option<&'a str>) -> String,
    ) -> Option<Section<'a>> {
        let table = match self.raw {
            Raw::Toml { value, .. } => value.get_ref().as_table(),
            Raw::Variable(_) => None,
        };
        let Some(table) = table else {
            self.fault("is not a table");
            return None;
        };
        let name = table.get("name").and_then(|name| name.get_ref().as_str());
        // A table written as `[x]` or `[[x]]` spans its header, which is where people look.
        let at = match self.raw {
            Raw::Toml { at, value } if value.span().is_empty() => at,
            Raw::Toml { value, .. } => value.span().start,
            Raw::Variable(_) => 0,
        };
        let place = self.report.place(at);
        Some(Section::new(self.report, place, prefix(name), Some(table)))
    }

    fn text_or(&self, expected: &str) -> Option<&'a str> {
        match self.raw {
            Raw::Toml { value, .. } => {
                let text = value.get_ref().as_str();
                if text.is_none() {
                    self.fault(&format!("is {expected}"));
                }
                text
            }
            Raw::Variable(text) => Some(text),
        }
    }

    fn within<N: PartialOrd>(
        &self,
        number: N,
        range: RangeInclusive<N>,
        shown: impl Fn(&N) -> String,
    ) -> Option<N> {
        if range.contains(&number) {
            return Some(number);
        }
        let (low, high) = (shown(range.start()), shown(range.end()));
        self.fault(&format!("is not between {low} and {high}"));
        None
    }

    /// The value as it was written, its first line and not too much of it; nothing for a table that
    /// is written under a header.
    fn shown(&self) -> Option<String> {
        let source = match self.raw {
            Raw::Variable(text) => format!("{text:?}"),
            Raw::Toml { value, .. } => {
                let source = self.report.source(value.span());
                if value.get_ref().is_table() && !source.starts_with('{') {
                    return None;
                }
                source.to_owned()
            }
        };
        Some(shortened(&source))
    }
}

/// The first line of what was written, and not too much of it.
pub(super) fn shortened(source: &str) -> String {
    let line = source.lines().next().unwrap_or_default();
    let mut shown: String = line.chars().take(SHOWN_CHARS_MAX).collect();
    if shown.len() < source.len() {
        shown.push_str("...");
    }
    shown
}
