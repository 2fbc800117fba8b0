//! The customers to be classified, as compact as a million of them should be.

use super::scheme::{CLASSES_MAX, Scheme};
use crate::engine::decimal::Decimal;

/// Most customers in one book.
const ENTRIES_MAX: usize = 20_000_000;
/// Most names of tiers, the classes included.
const TIERS_MAX: usize = CLASSES_MAX + 64;

/// One customer as it comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The line of its file, for messages.
    pub line: u64,
    /// The customer's id.
    pub id: &'a str,
    /// The tier it has now; empty for none.
    pub tier: &'a str,
    /// What it brings.
    pub revenue: Decimal,
    /// What it costs to serve.
    pub cost: Decimal,
}

/// Why a customer is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// More tiers than anybody has.
    #[error("is the {}th tier of the file that is no class, at most 64 are allowed", TIERS_MAX - CLASSES_MAX + 1)]
    Tiers,
    /// More customers than fit.
    #[error("is beyond the {ENTRIES_MAX} customers that one book may have")]
    Entries,
}

/// A customer as it is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    id_at: usize,
    id_len: u32,
    /// Its tier now, an index of the book's tiers.
    pub(super) tier: Option<u16>,
    pub(super) line: u64,
    /// In thousandths.
    pub(super) revenue: i64,
    /// In thousandths.
    pub(super) margin: i64,
}

/// Customers in the order in which they came.
#[derive(Clone, Debug)]
pub struct Book {
    /// The classes in their order, then the other tiers in the order in which they came.
    tiers: Vec<String>,
    class_count: usize,
    ids: String,
    pub(super) kept: Vec<Kept>,
}

impl Book {
    /// An empty book for these classes.
    pub fn new(scheme: &Scheme) -> Self {
        let tiers = scheme.names.clone();
        Self { class_count: tiers.len(), tiers, ids: String::new(), kept: vec![] }
    }

    /// One more customer.
    ///
    /// # Errors
    /// When a limit of the book is reached; the book is as it was.
    pub fn push(&mut self, entry: Entry<'_>) -> Result<(), Problem> {
        if self.kept.len() == ENTRIES_MAX {
            return Err(Problem::Entries);
        }
        let tier = self.tier(entry.tier)?;
        let id_len = u32::try_from(entry.id.len()).map_err(|_| Problem::Entries)?;
        let revenue = entry.revenue.thousandths();
        // Twice the largest amount is far from the end of 64 bits.
        let margin = revenue - entry.cost.thousandths();
        let id_at = self.ids.len();
        self.ids.push_str(entry.id);
        self.kept.push(Kept { id_at, id_len, tier, line: entry.line, revenue, margin });
        Ok(())
    }

    fn tier(&mut self, name: &str) -> Result<Option<u16>, Problem> {
        if name.is_empty() {
            return Ok(None);
        }
        let at = match self.tiers.iter().position(|tier| tier == name) {
            Some(at) => at,
            None if self.tiers.len() - self.class_count == TIERS_MAX - CLASSES_MAX => {
                return Err(Problem::Tiers);
            }
            None => {
                self.tiers.push(name.to_owned());
                self.tiers.len() - 1
            }
        };
        Ok(u16::try_from(at).ok())
    }

    /// How many customers have come.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether none has come.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// The id of the customer that came at this place, from 0.
    pub fn id(&self, at: usize) -> &str {
        let kept = &self.kept[at];
        &self.ids[kept.id_at..kept.id_at + kept.id_len as usize]
    }

    /// The name of a class or of another tier that a customer has.
    pub fn tier_name(&self, at: usize) -> &str {
        &self.tiers[at]
    }

    /// The class that the customer is in now, if its tier is one.
    pub(super) fn class_now(&self, at: usize) -> Option<usize> {
        self.kept[at].tier.map(usize::from).filter(|tier| *tier < self.class_count)
    }
}
