//! Writing customers in the form that [`super::read`] reads.
//!
//! Which attributes there are is known only when all customers have been seen, and a file begins with
//! the names of its columns. So rows are written as long as they are at the time, and filled up when the
//! columns are known: see [`Columns::count`].

use std::collections::BTreeMap;

use super::super::customer::{Customer, IdentifierKind};

/// Most attributes with a column of their own.
const ATTRIBUTE_COLUMNS_MAX: usize = 1000;
/// What every file has, in this order.
const FIXED: [&str; 7] = ["id", "tier", "name", "phone", "card", "email", "account"];
/// The kinds of identifier among them, in this order.
const KINDS: [IdentifierKind; 4] =
    [IdentifierKind::Phone, IdentifierKind::Card, IdentifierKind::Email, IdentifierKind::Account];

/// Why a customer has no row: reading it back would not give the same customer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Unwritable {
    /// The field that a file cannot hold.
    pub field: String,
    /// Why not.
    pub problem: &'static str,
}

/// The columns of a file as it grows.
#[derive(Debug, Default)]
pub struct Columns {
    attributes: BTreeMap<String, usize>,
}

impl Columns {
    /// The row of a customer. Attributes not seen before get columns at the end.
    ///
    /// # Errors
    /// A field that a file cannot hold as it is: an identifier with `;`, an attribute that is empty or
    /// begins or ends with a space, or one attribute too many.
    pub fn row(&mut self, customer: &Customer) -> Result<Vec<String>, Unwritable> {
        let mut row = Vec::with_capacity(FIXED.len() + self.attributes.len());
        row.push(customer.id.clone());
        row.push(customer.tier.clone().unwrap_or_default());
        row.push(customer.name.clone().unwrap_or_default());
        for kind in KINDS {
            let of_kind = customer.identifiers.iter().filter(|i| i.kind() == kind);
            let values: Vec<_> = of_kind.map(super::super::Identifier::value).collect();
            if values.iter().any(|value| value.contains(';')) {
                let field = kind.as_str().to_owned();
                let problem = "has a ; in it, which is what stands between two of them";
                return Err(Unwritable { field, problem });
            }
            row.push(values.join(";"));
        }
        for (key, value) in &customer.attributes {
            self.check(key, value)?;
        }
        for (key, value) in &customer.attributes {
            let next = self.attributes.len();
            let at = FIXED.len() + *self.attributes.entry(key.clone()).or_insert(next);
            row.resize(row.len().max(at + 1), String::new());
            value.clone_into(&mut row[at]);
        }
        Ok(row)
    }

    /// The names of the columns.
    pub fn header(&self) -> Vec<String> {
        let mut header: Vec<_> = FIXED.map(str::to_owned).to_vec();
        header.resize(self.count(), String::new());
        for (key, at) in &self.attributes {
            header[FIXED.len() + at] = format!("attr:{key}");
        }
        header
    }

    /// How many columns there are; a row that was written before the last of them has fewer cells.
    pub fn count(&self) -> usize {
        FIXED.len() + self.attributes.len()
    }

    fn check(&self, key: &str, value: &str) -> Result<(), Unwritable> {
        let problem = if value.is_empty() {
            "is empty, which a file cannot tell from none"
        } else if value.trim() != value || key.trim() != key {
            "begins or ends with a space"
        } else if self.attributes.len() >= ATTRIBUTE_COLUMNS_MAX
            && !self.attributes.contains_key(key)
        {
            "is one attribute more than a file has columns for, which are 1000"
        } else {
            return Ok(());
        };
        Err(Unwritable { field: format!("attr:{key}"), problem })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::customer::Identifier;
    use super::*;

    fn customer(id: &str, attributes: &[(&str, &str)]) -> Customer {
        let attributes = attributes.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Customer {
            id: id.into(),
            tier: Some("gold".into()),
            name: None,
            identifiers: vec![],
            attributes: attributes.collect(),
        }
    }

    /// The file of these customers, and those that it cannot hold.
    fn written(customers: &[Customer]) -> (Vec<u8>, Vec<Unwritable>) {
        let mut columns = Columns::default();
        let (mut rows, mut left_out) = (vec![], vec![]);
        for customer in customers {
            match columns.row(customer) {
                Ok(row) => rows.push(row),
                Err(unwritable) => left_out.push(unwritable),
            }
        }
        let mut file = ::csv::Writer::from_writer(vec![]);
        file.write_record(columns.header()).unwrap();
        for mut row in rows {
            row.resize(columns.count(), String::new());
            file.write_record(row).unwrap();
        }
        (file.into_inner().unwrap(), left_out)
    }

    fn read_back(file: &[u8]) -> Vec<Customer> {
        super::super::read(file).unwrap().map(|(_, row)| row.unwrap()).collect()
    }

    #[test]
    fn an_attribute_that_comes_late_is_an_empty_cell_in_the_rows_before() {
        let all = [
            customer("C-1", &[]),
            customer("C-2", &[("city", "Bonn")]),
            customer("C-3", &[("a", "1"), ("city", "Köln, \"am\" Rhein")]),
        ];
        let (file, left_out) = written(&all);
        assert!(left_out.is_empty());
        assert_eq!(read_back(&file), all);
        let text = String::from_utf8(file).unwrap();
        assert!(
            text.starts_with("id,tier,name,phone,card,email,account,attr:city,attr:a\n"),
            "{text}"
        );
    }

    #[test]
    fn what_a_file_cannot_hold_is_said_with_the_field_and_the_rest_is_written() {
        let mut split = customer("C-1", &[]);
        split.identifiers = vec![Identifier::new(IdentifierKind::Account, "A;1").unwrap()];
        let all = [
            split,
            customer("C-2", &[("note", "")]),
            customer("C-3", &[("note", " x")]),
            customer("C-4", &[("note", "x")]),
        ];
        let (file, left_out) = written(&all);
        let fields: Vec<_> = left_out.iter().map(|unwritable| unwritable.field.as_str()).collect();
        assert_eq!(fields, ["account", "attr:note", "attr:note"]);
        assert_eq!(read_back(&file), all[3..]);
    }

    proptest! {
        /// Whatever is written is read back as the same customer.
        #[test]
        fn what_is_written_is_read_back_the_same(
            all in proptest::collection::vec(
                (
                    "\\PC{1,6}",
                    proptest::option::of("\\PC{1,6}"),
                    proptest::collection::vec((0_usize..4, "\\PC{1,6}"), 0..4),
                    proptest::collection::btree_map("[a-c \"]{1,2}", "\\PC{0,6}", 0..3),
                ),
                0..8,
            ),
        ) {
            let known = all.into_iter().filter_map(|(id, name, identifiers, attributes)| {
                let identifiers = identifiers
                    .into_iter()
                    .filter_map(|(kind, value)| Identifier::new(KINDS[kind], &value).ok())
                    .collect();
                let tier = Some("gold".into());
                Customer { id, tier, name, identifiers, attributes }.checked().ok()
            });
            let mut columns = Columns::default();
            let fit: Vec<_> = known.filter(|customer| columns.row(customer).is_ok()).collect();
            let (file, left_out) = written(&fit);
            prop_assert!(left_out.is_empty());
            prop_assert_eq!(read_back(&file), fit);
        }
    }
}
