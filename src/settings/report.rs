//! What has been found in one text: its faults and warnings, and the places they stand.

use super::item::shortened;
use super::{Error, FILE_BYTES_MAX, Finding, Place, too_large};
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use toml::de::DeTable;

/// What has been found in one text so far.
pub(crate) struct Report<'a> {
    file: Arc<str>,
    text: &'a str,
    line_starts: Vec<usize>,
    faults: RefCell<Vec<Finding>>,
    warnings: RefCell<Vec<Finding>>,
}

impl<'a> Report<'a> {
    /// A report on `text`, which people know as `name`.
    pub(crate) fn new(name: &str, text: &'a str) -> Self {
        let after_newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            file: name.into(),
            text,
            line_starts: std::iter::once(0).chain(after_newlines).collect(),
            faults: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    /// The tree of the text. Text that is too large or not TOML ends the matter here, because faults
    /// found in a guessed tree would mislead.
    pub(crate) fn tree(&self) -> Result<DeTable<'a>, Error> {
        if self.text.len() > FILE_BYTES_MAX {
            return Err(too_large(Arc::clone(&self.file)));
        }
        let (tree, errors) = DeTable::parse_recoverable(self.text);
        if errors.is_empty() {
            return Ok(tree.into_inner());
        }
        let mut faults: Vec<_> = errors
            .iter()
            .map(|error| {
                let span = error.span().unwrap_or_default();
                let place = self.place(span.start);
                // Which key is worth saying; other sources may be a secret without its quotes.
                let message = match error.message() {
                    "duplicate key" => format!("duplicate key {}", shortened(self.source(span))),
                    message => message.to_owned(),
                };
                Finding { place, message }
            })
            .collect();
        faults.sort();
        faults.dedup();
        Err(Error::Faulty(faults))
    }

    /// Notes a fault.
    pub(crate) fn fault(&self, place: Place, message: String) {
        self.faults.borrow_mut().push(Finding { place, message });
    }

    /// Notes something worth a second look.
    pub(crate) fn warn(&self, place: Place, message: String) {
        self.warnings.borrow_mut().push(Finding { place, message });
    }

    /// The warnings if nothing is wrong, else every fault; both in the order of the lines.
    pub(crate) fn finish(self) -> Result<Vec<Finding>, Error> {
        let mut faults = self.faults.into_inner();
        if faults.is_empty() {
            let mut warnings = self.warnings.into_inner();
            warnings.sort();
            return Ok(warnings);
        }
        faults.sort();
        Err(Error::Faulty(faults))
    }

    /// The line of the byte at `offset`.
    pub(super) fn place(&self, offset: usize) -> Place {
        Place::Line {
            file: Arc::clone(&self.file),
            line: self.line_starts.partition_point(|start| *start <= offset),
        }
    }

    /// The text as it was written there.
    pub(super) fn source(&self, span: Range<usize>) -> &'a str {
        self.text.get(span).unwrap_or_default()
    }
}
