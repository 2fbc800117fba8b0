//! The store on disk: one `SQLite` file, `tierline.db`, with the journal and the history.
//!
//! WAL with `synchronous=FULL`: one sync a commit, and what is acknowledged survives a power cut. A
//! batch and the tickets it ended are one transaction. Pages that the journal's old rows leave are used
//! again by its new ones, so the file stops growing without ever being rewritten. Anybody may read the
//! file with any client meanwhile.

mod checkpoint;
mod decision;
pub(super) mod rows;
pub(super) mod schema;

use super::frame::Frame;
use super::store::Visit;
use super::{AppendError, Batch, Error, FinishedRow, History, PolicyVersion, Seq, Store, policies};
use crate::engine::command::Earlier;
use crate::engine::model::Time;
use checkpoint::Checkpointer;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, params};
use schema::failed;
use std::path::{Path, PathBuf};

/// The file's name in the data directory.
const FILE: &str = "tierline.db";

/// What [`Store::probe`] writes: more than a batch of usual size needs.
const PROBE_BYTES: i32 = 64 << 10;

/// A journal in one `SQLite` file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    checkpointer: Checkpointer,
    path: PathBuf,
    place: Box<str>,
    last: Seq,
    has_failed: bool,
}

impl SqliteStore {
    /// Opens the file in `dir`, or makes it. `size_max` limits its size in bytes; the WAL beside it comes
    /// to some MB more, and to 40 MB at most unless a reader holds it. The caller holds the directory's lock.
    pub fn open(dir: &Path, size_max: Option<u64>) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let place: Box<str> = path.display().to_string().into();
        let mut connection = schema::open_writer(&path, &place)?;
        limit_size(&connection, &place, size_max)?;
        policies::prepare(&connection, &place)?;
        connection.execute("DELETE FROM filler", []).map_err(failed(&place, "empty the filler"))?;
        let last = rows::last(&connection).map_err(failed(&place, "find the last event"))?;
        let checkpointer = Checkpointer::start(&mut connection, path.clone(), place.clone())?;
        Ok(Self { connection, checkpointer, path, place, last, has_failed: false })
    }

    /// The path of the file in `dir`.
    pub fn path(dir: &Path) -> PathBuf {
        dir.join(FILE)
    }

    /// Runs `write` as one durable transaction, or not at all.
    fn transaction<T>(
        &mut self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, WriteError> {
        if self.has_failed || self.checkpointer.has_failed() {
            return Err(WriteError::Unknown(
                "an earlier write failed, and nothing may follow it".into(),
            ));
        }
        let result = self.try_transaction(write);
        let result = result.and_then(|value| {
            self.checkpointer.wrote(&self.connection).map_err(WriteError::unknown)?;
            Ok(value)
        });
        self.has_failed = matches!(result, Err(WriteError::Unknown(_) | WriteError::Constraint(_)));
        result
    }

    fn try_transaction<T>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, WriteError> {
        let run = |sql| {
            self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([]))
        };
        run("BEGIN IMMEDIATE").map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy) => {
                WriteError::NotWritten("another program holds its write lock".into())
            }
            _ => WriteError::before_commit(error),
        })?;
        let result = write(&self.connection)
            .and_then(|value| run("COMMIT").map(|_| value))
            .map_err(WriteError::before_commit);
        // A failed COMMIT may have ended the transaction, or left it open.
        if result.is_err() && !self.connection.is_autocommit() {
            run("ROLLBACK").map_err(WriteError::unknown)?;
        }
        result
    }

    fn refused(&self, error: WriteError) -> AppendError {
        match error {
            WriteError::NotWritten(reason) => {
                AppendError::Full { place: self.place.clone(), reason }
            }
            WriteError::Constraint(source) => self.unknown(source),
            WriteError::Unknown(source) => self.unknown(source),
        }
    }

    fn unknown(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AppendError {
        AppendError::Unknown { place: self.place.clone(), source: source.into() }
    }
}

impl Store for SqliteStore {
    fn place(&self) -> &str {
        &self.place
    }

    fn last(&self) -> Seq {
        self.last
    }

    fn append(
        &mut self,
        expected: Seq,
        frame: &Frame<'_>,
        batch: &Batch<'_>,
    ) -> Result<(), AppendError> {
        let Batch { finished, written_up, policies } = *batch;
        let conflict = |found| AppendError::Conflict { expected, found };
        if expected != self.last {
            return Err(conflict(self.last));
        }
        let written = self.transaction(|connection| {
            connection.prepare_cached("INSERT INTO journal VALUES (?1, ?2, ?3, ?4)")?.execute(
                params![frame.first().0.cast_signed(), frame.count(), frame.crc(), frame.bytes()],
            )?;
            if !finished.is_empty() {
                let mut insert = connection.prepare_cached(rows::INSERT)?;
                for row in finished {
                    rows::insert(&mut insert, row)?;
                }
            }
            rows::write_up(connection, written_up)?;
            policies.iter().try_for_each(|version| policies::insert(connection, version))
        });
        match written {
            Ok(()) => {
                self.last = frame.last();
                Ok(())
            }
            Err(error) => {
                // What the file itself says decides between nothing and something written.
                let found = rows::last(&self.connection).map_err(|error| self.unknown(error))?;
                match error {
                    WriteError::Constraint(_) if found != expected => Err(conflict(found)),
                    WriteError::NotWritten(_) if found != expected => {
                        self.has_failed = true;
                        Err(self.unknown(format!("the journal ends with event {found}")))
                    }
                    error => Err(self.refused(error)),
                }
            }
        }
    }

    fn replay(&mut self, after: Seq, visit: &mut Visit<'_>) -> Result<(), Error> {
        rows::replay(&self.connection, &self.place, after, &mut |row, frame| {
            visit(row, frame).map(|()| rows::Next::Go)
        })
    }

    fn probe(&mut self) -> Result<(), AppendError> {
        self.transaction(|connection| {
            // A rest of an earlier probe must not add up.
            connection.prepare_cached("DELETE FROM filler")?.execute([])?;
            connection
                .prepare_cached("INSERT INTO filler VALUES (zeroblob(?1))")?
                .execute([PROBE_BYTES])
        })
        .map_err(|error| self.refused(error))?;
        self.transaction(|connection| connection.prepare_cached("DELETE FROM filler")?.execute([]))
            .map_err(|error| self.refused(error))?;
        Ok(())
    }

    fn earlier(&mut self, id: &str) -> Result<Option<Earlier>, Error> {
        rows::earlier(&self.connection, id)
            .map_err(failed(&self.place, "look up a finished ticket"))
    }

    fn ended(&mut self, id: &str) -> Result<Option<FinishedRow>, Error> {
        rows::by_id(&self.connection, id).map_err(failed(&self.place, "look up a finished ticket"))
    }

    fn last_policy_of_file(&mut self) -> Result<Option<Box<str>>, Error> {
        policies::last_of_file(&self.connection)
            .map_err(failed(&self.place, "look up the policy file's last text"))
    }

    fn keep_policies(&mut self, policies: &[PolicyVersion]) -> Result<(), AppendError> {
        self.transaction(|connection| {
            policies.iter().try_for_each(|version| policies::insert(connection, version))
        })
        .map_err(|error| self.refused(error))
    }

    fn history(&self) -> Result<History, Error> {
        History::at(self.path.clone())
    }

    fn truncate_before(&mut self, seq: Seq, rows_max: usize) -> Result<usize, AppendError> {
        let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
        self.transaction(|connection| {
            // The newest row stays whatever happens: it says where the journal ends.
            connection
                .prepare_cached(
                    "DELETE FROM journal WHERE seq IN (SELECT seq FROM journal \
                     WHERE seq <= ?1 AND seq + count - 1 <= ?1 \
                     AND seq < (SELECT max(seq) FROM journal) ORDER BY seq LIMIT ?2)",
                )?
                .execute(params![seq.0.cast_signed(), rows_max])
        })
        .map_err(|error| self.refused(error))
    }

    fn purge_history(&mut self, cutoff: Time, rows_max: usize) -> Result<usize, AppendError> {
        let rows_max = i64::try_from(rows_max).unwrap_or(i64::MAX);
        // Tickets end in the order of time, so the old ones are the first ones, and a look at the first
        // is enough to know that there is nothing to do.
        let old = |connection: &Connection| -> rusqlite::Result<Option<i64>> {
            let first: Option<i64> = connection
                .prepare_cached("SELECT finished_at FROM finished ORDER BY seq LIMIT 1")?
                .query_row([], |row| row.get(0))
                .optional()?;
            if first.is_none_or(|at| at >= cutoff.0) {
                return Ok(None);
            }
            connection
                .prepare_cached(
                    "SELECT max(seq) FROM (SELECT seq, finished_at FROM finished \
                     ORDER BY seq LIMIT ?2) WHERE finished_at < ?1",
                )?
                .query_row(params![cutoff.0, rows_max], |row| row.get(0))
        };
        let Some(seq) = old(&self.connection).map_err(|error| self.unknown(error))? else {
            return Ok(0);
        };
        self.transaction(|connection| {
            connection.prepare_cached("DELETE FROM finished WHERE seq <= ?1")?.execute([seq])
        })
        .map_err(|error| self.refused(error))
    }
}

fn limit_size(connection: &Connection, place: &str, size_max: Option<u64>) -> Result<(), Error> {
    let Some(size_max) = size_max else {
        return Ok(());
    };
    let doing = "limit the size";
    let page_bytes: u32 = connection
        .pragma_query_value(None, "page_size", |row| row.get(0))
        .map_err(failed(place, doing))?;
    let pages = size_max / u64::from(page_bytes);
    // The answer is the limit in force: a file that is larger already keeps its size.
    connection
        .pragma_update_and_check(None, "max_page_count", pages.cast_signed(), |_| Ok(()))
        .map_err(failed(place, doing))
}

/// How a transaction failed.
enum WriteError {
    /// Rolled back: nothing is on disk.
    NotWritten(Box<str>),
    /// A key was there already; rolled back.
    Constraint(rusqlite::Error),
    /// Nobody knows.
    Unknown(Box<dyn std::error::Error + Send + Sync>),
}

impl WriteError {
    /// An error of a statement up to and including COMMIT. `SQLITE_FULL` comes from a write that found
    /// no space, before the sync that would have made anything durable.
    fn before_commit(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => {
                Self::NotWritten("the disk is full, or the configured size is reached".into())
            }
            Some(ErrorCode::ConstraintViolation) => Self::Constraint(error),
            _ => Self::unknown(error),
        }
    }

    fn unknown(error: rusqlite::Error) -> Self {
        Self::Unknown(Box::new(error))
    }
}
