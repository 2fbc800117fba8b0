//! The read side of the history: tickets that have ended, looked up beside the writer.

use super::sqlite::{SqliteStore, rows, schema};
use super::{Error, Feed, FinishedRow, FinishedState, MemoryStore, Seq};
use crate::engine::command::Earlier;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections kept open for the next question.
const IDLE_MAX: usize = 4;
/// Most rows that one page looks at, whatever it finds: some 50 ms.
const SCAN_SEQS_MAX: u64 = 100_000;

/// Reads finished tickets. Clones share their connections; every method blocks on the disk, so async
/// callers wrap it in `spawn_blocking`.
#[derive(Clone, Debug)]
pub struct History {
    source: Source,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    Sqlite(Reader),
    Memory(MemoryStore),
}

/// Connections of its own to the writer's file.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    path: PathBuf,
    place: Box<str>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

/// Which finished tickets to list; an empty filter lists all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that ended so.
    pub state: Option<FinishedState>,
    /// Only those of the tier of that name.
    pub tier: Option<Box<str>>,
    /// Only those of that customer.
    pub customer_id: Option<Box<str>>,
    /// Only those that ended before this event: where the page before stopped.
    pub before: Option<Seq>,
}

/// A page of finished tickets, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The tickets; may be fewer than asked for, even none, with more to come.
    pub rows: Vec<FinishedRow>,
    /// Where the next page starts (as [`Filter::before`]); `None` when this was the last.
    pub next: Option<Seq>,
}

impl History {
    /// The history in the data directory `dir`, which a journal has opened before.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Self::at(SqliteStore::path(dir))
    }

    pub(super) fn at(path: PathBuf) -> Result<Self, Error> {
        let place: Box<str> = path.display().to_string().into();
        let first = schema::open_reader(&path, &place)?;
        let idle = Arc::new(Mutex::new(vec![first]));
        Ok(Self { source: Source::Sqlite(Reader { path, place, idle }) })
    }

    pub(super) fn of_memory(store: MemoryStore) -> Self {
        Self { source: Source::Memory(store) }
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// The events themselves, over the same connections.
    pub fn feed(&self) -> Feed {
        Feed::of(self.source.clone())
    }

    /// The ticket of that id that ended last.
    pub fn by_id(&self, id: &str) -> Result<Option<FinishedRow>, Error> {
        match &self.source {
            Source::Sqlite(reader) => {
                reader.ask("look up a finished ticket", |connection| rows::by_id(connection, id))
            }
            Source::Memory(store) => {
                Ok(store.finished().into_iter().rev().find(|row| row.id.as_str() == id))
            }
        }
    }

    /// What the engine asks about the ticket of that id that ended last.
    pub fn earlier(&self, id: &str) -> Result<Option<Earlier>, Error> {
        Ok(self.by_id(id)?.as_ref().map(FinishedRow::earlier))
    }

    /// At most `limit` tickets that match, the newest first. Looks at a limited stretch of the history,
    /// so that no filter keeps the disk busy for long: a page may be short and still have a next.
    pub fn list(&self, filter: &Filter, limit: usize) -> Result<Page, Error> {
        match &self.source {
            Source::Sqlite(reader) => {
                reader.ask("list finished tickets", |connection| list(connection, filter, limit))
            }
            Source::Memory(store) => {
                let mut all = store.finished();
                all.retain(|row| filter.takes(row));
                all.reverse();
                let has_more = all.len() > limit;
                all.truncate(limit);
                let next = all.last().filter(|_| has_more).map(|row| row.seq);
                Ok(Page { rows: all, next })
            }
        }
    }
}

impl Filter {
    /// Whether it takes this ticket.
    fn takes(&self, row: &FinishedRow) -> bool {
        self.state.is_none_or(|state| row.state == state)
            && self.tier.as_deref().is_none_or(|tier| *row.tier == *tier)
            && self.customer_id.as_deref().is_none_or(|id| row.customer_id.as_deref() == Some(id))
            && self.before.is_none_or(|before| row.seq < before)
    }
}

impl Reader {
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    pub(super) fn ask<T>(
        &self,
        doing: &str,
        question: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let idle = self.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => schema::open_reader(&self.path, &self.place)?,
        };
        let answer = question(&connection).map_err(schema::failed(&self.place, doing))?;
        let mut idle = self.lock();
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        Ok(answer)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // A list of connections is whole after every push and pop.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn list(connection: &Connection, filter: &Filter, limit: usize) -> rusqlite::Result<Page> {
    let before = filter.before.map_or(i64::MAX, |seq| seq.0.cast_signed());
    let newest: Option<i64> = connection
        .prepare_cached("SELECT max(seq) FROM finished WHERE seq < ?1")?
        .query_row([before], |row| row.get(0))?;
    let Some(newest) = newest else {
        return Ok(Page::default());
    };
    // A customer's tickets have an index, so no stretch needs to be set.
    let from = match filter.customer_id {
        Some(_) => i64::MIN,
        None => newest.saturating_sub_unsigned(SCAN_SEQS_MAX),
    };
    let mut sql = format!("SELECT {} FROM finished WHERE seq <= ? AND seq > ?", rows::COLUMNS);
    let mut values = vec![Value::from(newest), Value::from(from)];
    let text = |value: &str| Value::from(value.to_owned());
    for (condition, value) in [
        (" AND state = ?", filter.state.map(|state| text(state.name()))),
        (" AND tier = ?", filter.tier.as_deref().map(text)),
        (" AND customer_id = ?", filter.customer_id.as_deref().map(text)),
    ] {
        if let Some(value) = value {
            sql.push_str(condition);
            values.push(value);
        }
    }
    sql.push_str(" ORDER BY seq DESC LIMIT ?");
    values.push(Value::from(i64::try_from(limit).unwrap_or(i64::MAX)));
    let rows: Vec<FinishedRow> = connection
        .prepare_cached(&sql)?
        .query_map(params_from_iter(values), rows::read)?
        .collect::<rusqlite::Result<_>>()?;
    let stopped_at = match rows.last() {
        Some(last) if rows.len() == limit => last.seq.0.cast_signed(),
        _ => from.saturating_add(1),
    };
    let has_more: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM finished WHERE seq < ?1)")?
        .query_row([stopped_at], |row| row.get(0))?;
    Ok(Page { rows, next: has_more.then(|| Seq(stopped_at.cast_unsigned())) })
}
