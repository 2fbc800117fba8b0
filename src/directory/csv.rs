//! Reading customers from a CSV file.
//!
//! The first row names the columns, in any order. `id` and `tier` must be there; `name`, `phone`,
//! `card`, `email`, `account` and any number of `attr:KEY` may be. A cell may hold several phones,
//! cards, emails or accounts with `;` between them. Cells are trimmed; an empty cell is the same as
//! no column. UTF-8, commas, quotes as in RFC 4180.
//!
//! ```text
//! id,tier,name,phone,email,attr:city
//! C-17,gold,Ada Example,+1 202 555 0117;+1 202 555 0118,ada@example.com,Springfield
//! ```

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
    /// Where the row begins; the first line of the file is 1.
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
                    Some(key)
                        .filter(|key| is_text(key, 1, KEY_CHARS_MAX))?
                        .to_owned(),
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
/// When the first row names a column that is not known, one twice, or neither `id` nor `tier`, or
/// cannot be read at all.
pub fn read<R: Read>(file: R) -> Result<Rows<R>, RowError> {
    let mut reader = ReaderBuilder::new()
        .trim(Trim::All)
        .flexible(true)
        .from_reader(file);
    let refuse = |column: &str, problem: &str| {
        Err(RowError {
            line: 1,
            column: column.to_owned(),
            problem: problem.to_owned(),
        })
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
    for must in [Column::Id, Column::Tier] {
        if !columns.contains(&must) {
            return refuse(&must.name(), "is missing");
        }
    }
    Ok(Rows {
        reader,
        columns,
        record: ByteRecord::new(),
        ended: false,
    })
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
                Some((
                    line,
                    Err(RowError {
                        line,
                        column: "row".to_owned(),
                        problem,
                    }),
                ))
            }
        }
    }
}

impl<R> Rows<R> {
    fn customer(&self, line: u64) -> Result<Customer, RowError> {
        let refuse = |column: &str, problem: String| RowError {
            line,
            column: column.to_owned(),
            problem,
        };
        if self.record.len() != self.columns.len() {
            let (has, wants) = (self.record.len(), self.columns.len());
            let problem = format!("has {has} cells where the first row has {wants}");
            return Err(refuse("row", problem));
        }
        let mut customer = Customer {
            id: String::new(),
            tier: String::new(),
            name: None,
            identifiers: vec![],
            attributes: BTreeMap::new(),
        };
        for (column, cell) in self.columns.iter().zip(&self.record) {
            let Ok(cell) = std::str::from_utf8(cell) else {
                let shown: String = String::from_utf8_lossy(cell)
                    .chars()
                    .take(VALUE_CHARS_MAX)
                    .collect();
                return Err(refuse(&column.name(), format!("{shown:?} is not UTF-8")));
            };
            match column {
                Column::Id => cell.clone_into(&mut customer.id),
                Column::Tier => cell.clone_into(&mut customer.tier),
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
