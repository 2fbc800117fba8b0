//! A book of customers as a CSV file: read once for the amounts, and once more to write the classes.
//!
//! Nothing but id, tier, revenue and cost is looked at; every other column goes through as it is.

use super::super::table::printable;
use crate::classify::{Book, Entry, Scheme};
use crate::directory::{Identifier, IdentifierKind};
use crate::engine::decimal::Decimal;
use csv::{ByteRecord, Reader, ReaderBuilder, Trim, WriterBuilder};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

/// Faulty lines that are listed; the others are counted.
const FAULTS_MAX: usize = 100;
/// Longest text of a cell in a message, in characters.
const CELL_CHARS_MAX: usize = 40;
/// Longest name of a tier, in characters.
const TIER_CHARS_MAX: usize = 64;

/// The columns that hold the amounts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amounts<'a> {
    pub(super) revenue: &'a str,
    pub(super) cost: &'a str,
}

/// A line that is not classified, and why.
#[derive(Debug, Serialize)]
pub(super) struct LineFault {
    pub(super) line: u64,
    pub(super) message: String,
}

/// What was found in a file.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) book: Book,
    /// For each row of the file whether it is in the book.
    is_in_book: Vec<bool>,
    /// The first faults.
    pub(super) faults: Vec<LineFault>,
    pub(super) fault_count: u64,
    /// Customers without a cost: it is taken for 0.
    pub(super) without_cost_count: u64,
    pub(super) has_cost: bool,
}

/// Where the columns stand.
struct Columns {
    count: usize,
    id: usize,
    tier: Option<usize>,
    revenue: usize,
    cost: Option<usize>,
}

impl Columns {
    fn of(titles: &ByteRecord, amounts: Amounts<'_>) -> Result<Self, String> {
        let find = |name: &str| {
            let mut found =
                titles.iter().enumerate().filter(|(_, title)| *title == name.as_bytes());
            let first = found.next().map(|(at, _)| at);
            match found.next() {
                Some(_) => Err(format!("line 1, column {name}: is there twice")),
                None => Ok(first),
            }
        };
        let must = |name: &str| find(name)?.ok_or(format!("line 1, column {name}: is missing"));
        Ok(Self {
            count: titles.len(),
            id: must("id")?,
            tier: find("tier")?,
            revenue: must(amounts.revenue)?,
            cost: find(amounts.cost)?,
        })
    }
}

fn reader(path: &Path) -> io::Result<Reader<File>> {
    Ok(ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(File::open(path)?))
}

/// Why a file cannot be read at all.
pub(super) enum Unread {
    Io(io::Error),
    Data(String),
}

impl From<csv::Error> for Unread {
    fn from(error: csv::Error) -> Self {
        match error.into_kind() {
            csv::ErrorKind::Io(error) => Self::Io(error),
            other => Self::Data(format!("{other:?}")),
        }
    }
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads the file to its end.
pub(super) fn read(path: &Path, scheme: &Scheme, amounts: Amounts<'_>) -> Result<Reading, Unread> {
    let mut reader = reader(path)?;
    let columns = Columns::of(reader.byte_headers()?, amounts).map_err(Unread::Data)?;
    let mut reading = Reading {
        book: Book::new(scheme),
        is_in_book: vec![],
        faults: vec![],
        fault_count: 0,
        without_cost_count: 0,
        has_cost: columns.cost.is_some(),
    };
    let mut record = ByteRecord::new();
    while reader.read_byte_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let entered = reading.enter(line, &record, &columns, amounts);
        reading.is_in_book.push(entered.is_ok());
        if let Err(message) = entered {
            reading.fault(line, message);
        }
    }
    Ok(reading)
}

impl Reading {
    fn enter(
        &mut self,
        line: u64,
        record: &ByteRecord,
        columns: &Columns,
        amounts: Amounts<'_>,
    ) -> Result<(), String> {
        if record.len() != columns.count {
            let (has, wants) = (record.len(), columns.count);
            return Err(format!("has {has} cells where the first row has {wants}"));
        }
        let cell = |at: usize, name: &str| {
            std::str::from_utf8(&record[at]).map_err(|_| format!("{name}: is not UTF-8"))
        };
        let amount = |at: usize, name: &str| {
            let cell = cell(at, name)?;
            let shown = shown(cell);
            let fault = || format!("{name}: {shown:?} is not {}", Decimal::RANGE);
            Decimal::parse(cell).ok_or_else(fault)
        };
        let id =
            Identifier::new(IdentifierKind::Id, cell(columns.id, "id")?).map_err(|invalid| {
                format!("id: {:?} is not {}", shown(&invalid.value), invalid.range)
            })?;
        let tier = columns.tier.map_or(Ok(""), |at| cell(at, "tier"))?;
        if tier.chars().count() > TIER_CHARS_MAX {
            return Err(format!("tier: {:?} is not at most 64 characters", shown(tier)));
        }
        if record[columns.revenue].is_empty() {
            return Err(format!("{}: is empty", amounts.revenue));
        }
        let revenue = amount(columns.revenue, amounts.revenue)?;
        let cost = columns.cost.filter(|at| !record[*at].is_empty());
        let entry = Entry {
            line,
            id: id.value(),
            tier,
            revenue,
            cost: cost.map_or(Ok(Decimal::ZERO), |at| amount(at, amounts.cost))?,
        };
        self.book.push(entry).map_err(|problem| format!("{:?} {problem}", shown(tier)))?;
        self.without_cost_count += u64::from(cost.is_none());
        Ok(())
    }

    fn fault(&mut self, line: u64, message: String) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(LineFault { line, message });
        }
    }

    /// Adds the lines whose id was there before.
    pub(super) fn add_doubles(&mut self, doubles: &[(u64, u64)]) {
        self.fault_count += doubles.len() as u64;
        let told = doubles.iter().map(|(line, first)| LineFault {
            line: *line,
            message: format!("id: is there twice, first in line {first}"),
        });
        self.faults.extend(told.take(FAULTS_MAX));
        self.faults.sort_by_key(|fault| fault.line);
        self.faults.truncate(FAULTS_MAX);
    }
}

fn shown(cell: &str) -> String {
    printable(&cell.chars().take(CELL_CHARS_MAX).collect::<String>())
}

/// Writes the file again with the classes in the column `tier`, a new one at the end where there is none.
/// What is not classified keeps its tier. The file appears when it is complete.
pub(super) fn write(
    from: &Path,
    into: &Path,
    reading: &Reading,
    class_names: &[String],
    classes: &[Option<usize>],
    amounts: Amounts<'_>,
) -> Result<(), Unread> {
    let mut reader = reader(from)?;
    let titles = reader.byte_headers()?.clone();
    let columns = Columns::of(&titles, amounts).map_err(Unread::Data)?;
    let mut unfinished = into.as_os_str().to_owned();
    unfinished.push(".part");
    let out = BufWriter::new(File::create(&unfinished)?);
    let mut writer = WriterBuilder::new().flexible(true).from_writer(out);
    let changed = || Unread::Data("has changed while it was read".to_owned());
    let is_new = columns.tier.is_none();
    let tier_at = columns.tier.unwrap_or(titles.len());
    let new_title = is_new.then_some(&b"tier"[..]);
    writer.write_record(titles.iter().chain(new_title))?;
    let mut record = ByteRecord::new();
    let mut rows = reading.is_in_book.iter();
    let mut at = 0;
    while reader.read_byte_record(&mut record)? {
        let mut class = None;
        if *rows.next().ok_or_else(changed)? {
            if record.get(columns.id) != Some(reading.book.id(at).as_bytes()) {
                return Err(changed());
            }
            class = classes[at].map(|class| class_names[class].as_bytes());
            at += 1;
        }
        for (column, cell) in record.iter().enumerate() {
            writer.write_field(class.filter(|_| column == tier_at).unwrap_or(cell))?;
        }
        if is_new {
            writer.write_field(class.unwrap_or_default())?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    if rows.next().is_some() {
        return Err(changed());
    }
    let mut out = writer.into_inner().map_err(|error| Unread::Io(error.into_error()))?;
    out.flush()?;
    std::fs::rename(&unfinished, into)?;
    Ok(())
}
