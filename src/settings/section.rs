//! A table whose keys are asked for by name, and overlaid by environment variables if wished.
//!
//! A question that cannot be answered notes a fault and returns `None`; the caller goes on, and
//! [`Report::finish`] decides. Keys that nobody asked for are faults as well.

use super::item::{Item, NAME_CHARS_MAX, shortened};
use super::{Place, Report};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// How many known names a message lists before it says "and more".
const LISTED_MAX: usize = 20;

/// A table whose keys are asked for by name.
pub(crate) struct Section<'a> {
    report: &'a Report<'a>,
    place: Place,
    /// What stands before a key in messages: `tier "gold": `, `dispatch.`.
    prefix: String,
    /// Empty when the file does not have the section.
    table: Option<&'a DeTable<'a>>,
    /// The variables that go before the file, and how theirs are named: `TIERLINE_LISTEN_`.
    overlay: Option<(&'a Variables, String)>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// The whole file as a section.
    pub(crate) fn root(report: &'a Report<'a>, table: &'a DeTable<'a>) -> Self {
        Self::new(report, report.place(0), String::new(), Some(table))
    }

    /// The section that `table` is; `place` and `prefix` are what its messages begin with.
    pub(super) fn new(
        report: &'a Report<'a>,
        place: Place,
        prefix: String,
        table: Option<&'a DeTable<'a>>,
    ) -> Self {
        Self { report, place, prefix, table, overlay: None, asked: RefCell::default() }
    }

    /// The section called `key` in this one; an empty one when the file has none.
    pub(crate) fn section(&self, key: &'static str) -> Self {
        let absent = || {
            let prefix = format!("{}{key}.", self.prefix);
            Self::new(self.report, self.place.clone(), prefix, None)
        };
        self.get(key).and_then(|item| item.section()).unwrap_or_else(absent)
    }

    /// This section, with the variables that begin with `prefix` going before the file.
    pub(crate) fn overlaid(mut self, variables: &'a Variables, prefix: String) -> Self {
        self.overlay = Some((variables, prefix));
        self
    }

    /// Where the section begins.
    pub(crate) fn place(&self) -> Place {
        self.place.clone()
    }

    /// What `key` is called in messages.
    pub(crate) fn label(&self, key: &str) -> String {
        format!("{}{}", self.prefix, shown_key(key))
    }

    /// Notes a fault of the section itself.
    pub(crate) fn fault(&self, message: &str) {
        let message = format!("{}{message}", self.prefix);
        self.report.fault(self.place.clone(), message);
    }

    /// Notes a fault of `key`, whether it is given or left to its default.
    pub(crate) fn fault_of(&self, key: &'static str, what: &str) {
        match self.get(key) {
            Some(item) => item.fault(what),
            None => self.fault(&format!("{key} {what}")),
        }
    }

    /// The value of `key`, if it is given.
    pub(crate) fn get(&self, key: &'static str) -> Option<Item<'a>> {
        self.asked.borrow_mut().push(key);
        if let Some((variables, prefix)) = &self.overlay {
            let name = format!("{prefix}{}", key.to_ascii_uppercase());
            if let Some(value) = variables.0.get(&name) {
                return self.variable(name, value);
            }
        }
        let (at, value) = self.table?.get_key_value(key)?;
        Some(self.item(self.label(key), at.span().start, value))
    }

    /// The value of `key`; a fault when it is not given.
    pub(crate) fn require(&self, key: &'static str) -> Option<Item<'a>> {
        let item = self.get(key);
        if item.is_none() {
            self.fault(&format!("{key} is missing"));
        }
        item
    }

    /// Every value with its key, for tables whose keys are names that people choose.
    pub(crate) fn entries(&self) -> Vec<(&'a str, Item<'a>)> {
        let entries = self.table.into_iter().flat_map(DeTable::iter);
        entries
            .map(|(key, value)| {
                let name: &str = key.get_ref();
                (name, self.item(self.label(name), key.span().start, value))
            })
            .collect()
    }

    /// Notes every key that nobody has asked for. Returns those that were.
    pub(crate) fn finish(self) -> Vec<&'static str> {
        let asked = self.asked.into_inner();
        for key in self.table.into_iter().flat_map(DeTable::keys) {
            let name: &str = key.get_ref();
            if !asked.contains(&name) {
                let hint = unknown_hint(name, asked.iter().copied());
                let owner = match self.prefix.strip_suffix('.') {
                    Some(table) => format!("{table}: "),
                    None => self.prefix.clone(),
                };
                let message = format!("{owner}unknown key {}; {hint}", shown_key(name));
                self.report.fault(self.report.place(key.span().start), message);
            }
        }
        if let Some((variables, prefix)) = &self.overlay {
            let known: Vec<_> =
                asked.iter().map(|key| format!("{prefix}{}", key.to_ascii_uppercase())).collect();
            let named = variables.0.keys().filter(|name| name.starts_with(prefix));
            for name in named.filter(|name| !known.contains(name)) {
                let hint = unknown_hint(name, known.iter().map(String::as_str));
                let message = format!("unknown variable {name}; {hint}");
                self.report.fault(Place::Environment, message);
            }
        }
        asked
    }

    fn variable(&self, name: String, value: &'a OsString) -> Option<Item<'a>> {
        let Some(text) = value.to_str() else {
            let message = format!("{name} is not UTF-8 text");
            self.report.fault(Place::Environment, message);
            return None;
        };
        Some(Item::of_variable(self.report, name, text))
    }

    fn item(&self, label: String, at: usize, value: &'a Spanned<DeValue<'a>>) -> Item<'a> {
        Item::of_file(self.report, label, at, value)
    }
}

/// The environment variables that settings may come from.
pub(crate) struct Variables(BTreeMap<String, OsString>);

impl Variables {
    /// Those of `variables` whose names begin with `prefix`.
    pub(crate) fn of(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        prefix: &str,
    ) -> Self {
        let named = variables
            .into_iter()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self(named.filter(|(name, _)| name.starts_with(prefix)).collect())
    }
}

/// What an unknown name may have meant, or the names there are.
pub(super) fn unknown_hint<'n>(
    given: &str,
    known: impl Iterator<Item = &'n str> + Clone,
) -> String {
    // A name longer than any known one can be is no typing error.
    let lower: String = given.chars().take(2 * NAME_CHARS_MAX).collect();
    let lower = lower.to_ascii_lowercase();
    let distance = |name: &str| strsim::damerau_levenshtein(&lower, &name.to_ascii_lowercase());
    let nearest = known.clone().min_by_key(|name| distance(name));
    // A third of the letters wrong is a typing error; more is another word.
    if let Some(near) = nearest.filter(|near| distance(near) <= near.chars().count().div_ceil(3)) {
        return format!("did you mean {near}?");
    }
    let mut names: Vec<_> = known.clone().take(LISTED_MAX).collect();
    if known.count() > LISTED_MAX {
        names.push("and more");
    }
    match names.as_slice() {
        [] => "none is known".to_owned(),
        names => format!("known: {}", names.join(", ")),
    }
}

/// A key as messages show it: one that needs quotes in TOML may hold anything.
fn shown_key(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if key.chars().all(bare) { shortened(key) } else { shortened(&format!("{key:?}")) }
}
