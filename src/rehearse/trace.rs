//! Traces of calls: the CSV format, read with the line and the value in every error, and written.
//!
//! A trace has a header line and one line a call, comma separated, in any order of columns:
//!
//! | column | meaning |
//! | --- | --- |
//! | `arrival_s` | when the call came: seconds since midnight of the trace's first day (not of its own) |
//! | `day` | the date of that instant, `1999-02-01` |
//! | `type` | what the call was about: any word, 1 to 32 characters |
//! | `priority` | the priority the recording system gave it; kept out of the rehearsal |
//! | `queue_s` | how long the caller waited then, in seconds |
//! | `outcome` | `AGENT`: an agent took the call; `HANG`: the caller hung up |
//! | `service_s` | how long the agent was busy with it, in seconds; empty or 0 when not known |
//! | `server` | who took it; kept out of the rehearsal |
//!
//! Other columns are passed over; `priority` and `server` may be missing. Seconds may have a fraction.

use super::simulate::whole_ms;
use csv::StringRecord;
use jiff::civil::Date;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::str::FromStr;

/// The most calls a trace may have.
pub const CALLS_MAX: usize = 5_000_000;
/// The most types of calls a trace may have.
pub const KINDS_MAX: usize = 1000;
/// The longest name of a type, in characters.
pub const KIND_CHARS_MAX: usize = 32;
/// The latest arrival, in seconds: ten years after the first midnight.
pub const ARRIVAL_S_MAX: f64 = 315_360_000.0;
/// The longest wait and the longest handling time, in seconds: a week.
pub const DURATION_S_MAX: f64 = 604_800.0;

/// Why a trace could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be opened.
    #[error("{path}: cannot be opened: {source}")]
    Open {
        /// The file.
        path: String,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is not readable as CSV.
    #[error("{path}: {source}")]
    Csv {
        /// The file.
        path: String,
        /// What the reader says, with the line.
        source: csv::Error,
    },
    /// A column that is needed is missing.
    #[error(
        "{path}: line 1: no column \"{column}\"; a trace has arrival_s, day, type, queue_s, outcome \
         and service_s"
    )]
    NoColumn {
        /// The file.
        path: String,
        /// The column.
        column: &'static str,
    },
    /// A value is not what its column holds.
    #[error("{path}: line {line}: {column} = \"{value}\" is not {expected}")]
    Value {
        /// The file.
        path: String,
        /// The line, the header being line 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The value as it stands there.
        value: String,
        /// What it should be.
        expected: String,
    },
    /// More lines or types than a rehearsal takes.
    #[error("{path}: line {line}: more than {max} {what}")]
    TooMany {
        /// The file.
        path: String,
        /// The first line too many.
        line: u64,
        /// Of what.
        what: &'static str,
        /// How many are allowed.
        max: usize,
    },
}

/// How a recorded call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// An agent took it.
    Agent,
    /// The caller hung up.
    HangUp,
}

impl Outcome {
    /// The word in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "AGENT",
            Self::HangUp => "HANG",
        }
    }
}

/// A recorded call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// When it came, in milliseconds since midnight of the trace's first day.
    pub arrival_ms: i64,
    /// The date of that.
    pub day: Date,
    /// What it was about: the place in [`Trace::kinds`].
    pub kind: usize,
    /// How long its caller waited then, in milliseconds.
    pub queue_ms: i64,
    /// How it ended then.
    pub outcome: Outcome,
    /// How long the agent was busy with it, in milliseconds; above 0 where it is known.
    pub service_ms: Option<i64>,
}

impl Call {
    /// Whether the call was answered or at least queued. What is left is no call for an agent: a caller
    /// who hung up before there was a queue to wait in.
    pub fn was_answered_or_queued(&self) -> bool {
        self.outcome == Outcome::Agent || self.queue_ms > 0
    }
}

/// Recorded calls in the order of their arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The types of calls, in the order in which they first appear.
    pub kinds: Vec<String>,
    /// The calls.
    pub calls: Vec<Call>,
}

impl Trace {
    /// Reads the trace in a file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(|source| Error::Open { path: name.clone(), source })?;
        Self::parse(&name, file)
    }

    /// Reads a trace; `name` is what errors call it.
    pub fn parse(name: &str, text: impl Read) -> Result<Self, Error> {
        let csv_error = |source| Error::Csv { path: name.to_owned(), source };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text);
        let columns = Columns::of(name, reader.headers().map_err(csv_error)?)?;
        let mut trace = Self::default();
        // Midnight of the first day is known from the first call: its date less its whole days.
        let mut first_day = None;
        let mut record = StringRecord::new();
        while reader.read_record(&mut record).map_err(csv_error)? {
            let line = record.position().map_or(0, csv::Position::line);
            let row = Row { name, line, record: &record };
            if trace.calls.len() == CALLS_MAX {
                return Err(row.too_many("calls", CALLS_MAX));
            }
            let call = trace.call(&row, &columns)?;
            let days = call.arrival_ms / DAY_MS;
            let midnight = call.day.checked_sub(jiff::Span::new().days(days));
            let midnight =
                midnight.map_err(|_| row.wrong(columns.day, "a date after year -9000"))?;
            if *first_day.get_or_insert(midnight) != midnight {
                let expected = format!("day {} of the trace, where arrival_s lies", days + 1);
                return Err(row.wrong(columns.day, &expected));
            }
            trace.calls.push(call);
        }
        trace.calls.sort_by_key(|call| call.arrival_ms);
        Ok(trace)
    }

    fn call(&mut self, row: &Row<'_>, columns: &Columns) -> Result<Call, Error> {
        let service_ms = match row.text(columns.service) {
            "" => 0,
            _ => row.ms(columns.service, DURATION_S_MAX)?,
        };
        let outcomes = [Outcome::Agent, Outcome::HangUp];
        let outcome = outcomes.into_iter().find(|o| o.name() == row.text(columns.outcome));
        let kind = row.text(columns.kind);
        if !(1..=KIND_CHARS_MAX).contains(&kind.chars().count()) {
            return Err(row.wrong(columns.kind, "a word of 1 to 32 characters"));
        }
        let known = self.kinds.iter().position(|known| known == kind);
        let kind_at = match known {
            Some(at) => at,
            None if self.kinds.len() == KINDS_MAX => return Err(row.too_many("types", KINDS_MAX)),
            None => {
                self.kinds.push(kind.to_owned());
                self.kinds.len() - 1
            }
        };
        Ok(Call {
            arrival_ms: row.ms(columns.arrival, ARRIVAL_S_MAX)?,
            day: row.parsed(columns.day, "a date like 1999-02-01")?,
            kind: kind_at,
            queue_ms: row.ms(columns.queue, DURATION_S_MAX)?,
            outcome: outcome.ok_or_else(|| row.wrong(columns.outcome, "AGENT or HANG"))?,
            service_ms: (service_ms > 0).then_some(service_ms),
        })
    }

    /// Only the calls that were answered or queued.
    #[must_use]
    pub fn answered_or_queued(self) -> Self {
        self.only(Call::was_answered_or_queued)
    }

    /// Only the calls of one day.
    #[must_use]
    pub fn of_day(self, day: Date) -> Self {
        self.only(|call| call.day == day)
    }

    fn only(mut self, wanted: impl Fn(&Call) -> bool) -> Self {
        self.calls.retain(wanted);
        self
    }

    /// Writes the trace as [`Trace::read`] reads it, with times in whole seconds. Who served a call is
    /// not known here: `server` stays empty, and `priority` is 0.
    pub fn write(&self, out: impl Write) -> Result<(), csv::Error> {
        let mut writer = csv::Writer::from_writer(out);
        let header =
            ["arrival_s", "day", "type", "priority", "queue_s", "outcome", "service_s", "server"];
        writer.write_record(header)?;
        for call in &self.calls {
            let seconds = |ms: i64| (ms / 1000).to_string();
            writer.write_record([
                &seconds(call.arrival_ms),
                &call.day.to_string(),
                &self.kinds[call.kind],
                "0",
                &seconds(call.queue_ms),
                call.outcome.name(),
                &seconds(call.service_ms.unwrap_or(0)),
                "",
            ])?;
        }
        Ok(writer.flush()?)
    }
}

/// A day in milliseconds.
pub(super) const DAY_MS: i64 = 86_400_000;

/// A column's name and place.
type Column = (&'static str, usize);

/// The columns that a rehearsal needs.
struct Columns {
    arrival: Column,
    day: Column,
    kind: Column,
    queue: Column,
    outcome: Column,
    service: Column,
}

impl Columns {
    fn of(name: &str, header: &StringRecord) -> Result<Self, Error> {
        let find = |column| match header.iter().position(|field| field == column) {
            Some(at) => Ok((column, at)),
            None => Err(Error::NoColumn { path: name.to_owned(), column }),
        };
        Ok(Self {
            arrival: find("arrival_s")?,
            day: find("day")?,
            kind: find("type")?,
            queue: find("queue_s")?,
            outcome: find("outcome")?,
            service: find("service_s")?,
        })
    }
}

/// A line of the file.
struct Row<'a> {
    name: &'a str,
    line: u64,
    record: &'a StringRecord,
}

impl Row<'_> {
    /// Every line has as many fields as the header: the reader has seen to that.
    fn text(&self, column: Column) -> &str {
        &self.record[column.1]
    }

    fn parsed<T: FromStr>(&self, column: Column, expected: &str) -> Result<T, Error> {
        self.text(column).parse().map_err(|_| self.wrong(column, expected))
    }

    fn ms(&self, column: Column, max_s: f64) -> Result<i64, Error> {
        let expected = || format!("a number of seconds between 0 and {max_s}");
        let seconds: f64 = self.parsed(column, &expected())?;
        if (0.0..=max_s).contains(&seconds) {
            Ok(whole_ms(seconds * 1000.0))
        } else {
            Err(self.wrong(column, &expected()))
        }
    }

    fn wrong(&self, column: Column, expected: &str) -> Error {
        Error::Value {
            path: self.name.to_owned(),
            line: self.line,
            column: column.0,
            value: self.text(column).to_owned(),
            expected: expected.to_owned(),
        }
    }

    fn too_many(&self, what: &'static str, max: usize) -> Error {
        Error::TooMany { path: self.name.to_owned(), line: self.line, what, max }
    }
}
