//! Reading customers from a CSV file, and writing them into one.
//!
//! The first row names the columns, in any order. `id` must be there; `tier`, `name`, `phone`,
//! `card`, `email`, `account` and any number of `attr:KEY` may be. A cell may hold several phones,
//! cards, emails or accounts with `;` between them. Cells are trimmed; an empty cell is the same as
//! no column. UTF-8, commas, quotes as in RFC 4180.
//!
//! ```text
//! id,tier,name,phone,email,attr:city
//! C-17,gold,Ada Example,+1 202 555 0117;+1 202 555 0118,ada@example.com,Springfield
//! ```

mod write;

pub use self::write::{Columns, Unwritable};

use std::collections::BTreeMap;
use std::io::Read;

use ::csv::{ByteRecord, Reader, ReaderBuilder, Trim};

use super::customer::{
    Customer, Identifier, IdentifierKind, KEY_CHARS_MAX, VALUE_CHARS_MAX, is_text,
};

/// What is wrong with one row. The message holds the value, for the person who has the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct RowError {
    /// Where the row begins, empty lines before it included; the first line of the file is 1.
    pub line: u64,
    /// The column's name, or `row` if it is the row as a whole.
    pub column: String,
    /// The value and what was expected.
    pub problem: String,
}

/// What one column means.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Column {
    Id,
    Tier,
    Name,
    Identifier(IdentifierKind),
    Attribute(String),
}

impl Column {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "tier" => Self::Tier,
            "name" => Self::Name,
            _ => match name.strip_prefix("attr:") {
                Some(key) => Self::Attribute(
                    Some(key).filter(|key| is_text(key, 1, KEY_CHARS_MAX))?.to_owned(),
                ),
                None => Self::Identifier(name.parse().ok()?),
            },
        })
    }

    fn name(&self) -> String {
        match self {
            Self::Id => "id".to_owned(),
            Self::Tier => "tier".to_owned(),
            Self::Name => "name".to_owned(),
            Self::Identifier(kind) => kind.as_str().to_owned(),
            Self::Attribute(key) => format!("attr:{key}"),
        }
    }
}

/// The customers of one file, row by row, each with the line it begins on.
#[derive(Debug)]
pub struct Rows<R> {
    reader: Reader<R>,
    columns: Vec<Column>,
    record: ByteRecord,
    /// The file itself cannot be read any further.
    ended: bool,
}

/// Begins to read a file; buffers by itself.
///
/// # Errors
/// When the first row names a column that is not known, one twice, or no `id`, or
/// cannot be read at all.
pub fn read<R: Read>(file: R) -> Result<Rows<R>, RowError> {
    let mut reader = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(file);
    let refuse = |column: &str, problem: &str| {
        Err(RowError { line: 1, column: column.to_owned(), problem: problem.to_owned() })
    };
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return refuse("row", &error.to_string()),
    };
    let mut columns = vec![];
    for name in &header {
        let Some(column) = Column::parse(name) else {
            return refuse(
                name,
                "is not one of id, tier, name, phone, card, email, account, attr:KEY",
            );
        };
        if columns.contains(&column) {
            return refuse(name, "is there twice");
        }
        columns.push(column);
    }
    if !columns.contains(&Column::Id) {
        return refuse(&Column::Id.name(), "is missing");
    }
    Ok(Rows { reader, columns, record: ByteRecord::new(), ended: false })
}

impl<R: Read> Iterator for Rows<R> {
    type Item = (u64, Result<Customer, RowError>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.reader.read_byte_record(&mut self.record);
        let line = self.record.position().map_or(0, ::csv::Position::line);
        match read {
            Ok(true) => Some((line, self.customer(line))),
            Ok(false) => None,
            Err(error) => {
                self.ended = true;
                let line = self.reader.position().line();
                let problem = error.to_string();
                Some((line, Err(RowError { line, column: "row".to_owned(), problem })))
            }
        }
    }
}

impl<R> Rows<R> {
    fn customer(&self, line: u64) -> Result<Customer, RowError> {
        let refuse =
            |column: &str, problem: String| RowError { line, column: column.to_owned(), problem };
        if self.record.len() != self.columns.len() {
            let (has, wants) = (self.record.len(), self.columns.len());
            let problem = format!("has {has} cells where the first row has {wants}");
            return Err(refuse("row", problem));
        }
        let mut customer = Customer {
            id: String::new(),
            tier: None,
            name: None,
            identifiers: vec![],
            attributes: BTreeMap::new(),
        };
        for (column, cell) in self.columns.iter().zip(&self.record) {
            let Ok(cell) = std::str::from_utf8(cell) else {
                let shown: String =
                    String::from_utf8_lossy(cell).chars().take(VALUE_CHARS_MAX).collect();
                return Err(refuse(&column.name(), format!("{shown:?} is not UTF-8")));
            };
            match column {
                Column::Id => cell.clone_into(&mut customer.id),
                Column::Tier => customer.tier = Some(cell.to_owned()),
                Column::Name => customer.name = Some(cell.to_owned()),
                Column::Identifier(kind) => {
                    for value in cell.split(';').map(str::trim).filter(|v| !v.is_empty()) {
                        let identifier = Identifier::new(*kind, value)
                            .map_err(|invalid| refuse(&column.name(), told(&invalid)))?;
                        customer.identifiers.push(identifier);
                    }
                }
                Column::Attribute(key) if !cell.is_empty() => {
                    customer.attributes.insert(key.clone(), cell.to_owned());
                }
                Column::Attribute(_) => {}
            }
        }
        customer.checked().map_err(|invalid| {
            let column = invalid
                .field
                .strip_prefix("attributes.")
                .map_or_else(|| invalid.field.clone(), |key| format!("attr:{key}"));
            refuse(&column, told(&invalid))
        })
    }
}

fn told(invalid: &super::Invalid) -> String {
    format!("{:?} is not {}", invalid.value, invalid.range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<(u64, Result<Customer, RowError>)> {
        read(text.as_bytes()).unwrap().collect()
    }

    fn refused(text: &str, message: &str) {
        assert_eq!(read(text.as_bytes()).unwrap_err().to_string(), message);
    }

    #[test]
    fn every_column_is_read_in_any_order() {
        let text = "\u{feff}tier, phone ,id,attr:city,card,email,account,name\n\
            gold,+1 202-555-0117; (202) 555 0118 ;,C-1,\"Springfield, IL\",SC-1,ADA@example.com,A-1,\
            \"Ada \"\"the\"\" Example\"\n";
        let [(line, customer)] = rows(text).try_into().unwrap();
        let customer = customer.unwrap();
        assert_eq!(line, 2);
        assert_eq!((customer.id.as_str(), customer.tier.as_deref()), ("C-1", Some("gold")));
        assert_eq!(customer.name.as_deref(), Some("Ada \"the\" Example"));
        assert_eq!(
            customer.attributes,
            BTreeMap::from([("city".to_owned(), "Springfield, IL".to_owned())])
        );
        let identifier = |kind, value| Identifier::new(kind, value).unwrap();
        assert_eq!(
            customer.identifiers,
            [
                identifier(IdentifierKind::Phone, "+12025550117"),
                identifier(IdentifierKind::Phone, "2025550118"),
                identifier(IdentifierKind::Card, "SC-1"),
                identifier(IdentifierKind::Email, "ada@example.com"),
                identifier(IdentifierKind::Account, "A-1"),
            ]
        );
    }

    #[test]
    fn an_empty_cell_is_the_same_as_no_column() {
        let [(_, customer)] =
            rows("id,tier,name,phone,attr:city\nC-1,gold, ,,\n").try_into().unwrap();
        let customer = customer.unwrap();
        assert_eq!(customer.name, None);
        assert!(customer.identifiers.is_empty());
        assert!(customer.attributes.is_empty());
    }

    #[test]
    fn a_bad_row_says_line_column_and_value_and_the_next_row_is_read_all_the_same() {
        let long = "x".repeat(129);
        let text = format!(
            "id,tier,email,attr:note\n\
             ,gold,,\n\
             C-2,\"a\u{7}b\",,\n\
             C-3,gold,\"a\u{7}b\",\n\
             \n\
             C-4,gold,\"{long}\",\"two\nlines\"\n\
             C-5,gold\n\
             C-6,gold,,{}\n\
             C-7,gold,,\n",
            "y".repeat(1025)
        );
        let rows = rows(&text);
        let messages: Vec<_> = rows
            .iter()
            .map(|(line, row)| match row {
                Ok(customer) => format!("line {line}: {}", customer.id),
                Err(error) => {
                    assert_eq!(error.line, *line);
                    error.to_string().replace(&long[..128], "XXX").replace(&"y".repeat(128), "YYY")
                }
            })
            .collect();
        let range = "is not 1 to 128 characters without control characters";
        assert_eq!(
            messages,
            [
                format!("line 2, column id: \"\" {range}"),
                "line 3, column tier: \"a\\u{7}b\" is not at most 64 characters without control \
                 characters"
                    .to_owned(),
                format!("line 4, column email: \"a\\u{{7}}b\" {range}"),
                // Where the empty line before it is.
                format!("line 5, column email: \"XXX\" {range}"),
                "line 8, column row: has 2 cells where the first row has 4".to_owned(),
                "line 9, column attr:note: \"YYY\" is not at most 1024 characters without control \
                 characters"
                    .to_owned(),
                "line 10: C-7".to_owned(),
            ]
        );
    }

    #[test]
    fn a_cell_that_is_not_utf_8_is_refused_and_the_next_row_is_read() {
        let rows: Vec<_> =
            read(&b"id,tier,name\nC-1,gold,Ren\xe9\nC-2,gold,Rene\n"[..]).unwrap().collect();
        let error = rows[0].1.clone().unwrap_err();
        assert_eq!(error.to_string(), "line 2, column name: \"Ren\u{fffd}\" is not UTF-8");
        assert!(rows[1].1.is_ok());
    }

    #[test]
    fn a_first_row_that_cannot_be_meant_is_refused() {
        refused("", "line 1, column id: is missing");
        refused("tier,name\n", "line 1, column id: is missing");
        refused("id,tier,id\n", "line 1, column id: is there twice");
        refused(
            "id,tier,fax\n",
            "line 1, column fax: is not one of id, tier, name, phone, card, email, account, \
             attr:KEY",
        );
        refused(
            "id,tier,attr:\n",
            "line 1, column attr:: is not one of id, tier, name, phone, card, email, account, \
             attr:KEY",
        );
    }

    #[test]
    fn a_file_that_breaks_off_is_one_error_and_then_the_end() {
        struct Broken<'a>(&'a [u8]);
        impl Read for Broken<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                match self.0.read(buffer)? {
                    0 => Err(std::io::Error::other("the disk is gone")),
                    count => Ok(count),
                }
            }
        }
        let mut rows = read(Broken(b"id,tier\nC-1,gold\nC-2,go")).unwrap();
        assert!(rows.next().unwrap().1.is_ok());
        let error = rows.next().unwrap().1.unwrap_err();
        assert_eq!(error.to_string(), "line 3, column row: the disk is gone");
        assert!(rows.next().is_none());
    }

    #[test]
    fn the_sample_file_is_read_without_errors() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/customers.csv");
        let file = std::fs::File::open(path).expect("config/customers.csv is there");
        let mut tiers = BTreeMap::new();
        for (line, customer) in read(file).unwrap() {
            let customer = customer.unwrap_or_else(|error| panic!("line {line}: {error}"));
            assert!(!customer.identifiers.is_empty(), "line {line} can be found by its id only");
            *tiers.entry(customer.tier.expect("the sample names one")).or_insert(0) += 1;
        }
        assert_eq!(tiers.keys().collect::<Vec<_>>(), ["gold", "silver", "standard"]);
        assert_eq!(tiers.values().sum::<i32>(), 30);
    }
}
