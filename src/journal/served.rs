//! What agents worked for customers, out of the history: who, in which pool, how long.

use super::finished::Work;
use super::history::Source;
use super::sqlite::rows;
use super::{Error, FinishedRow, History, Seq};
use crate::engine::life::Leg;
use crate::engine::model::Time;
use rusqlite::{Connection, OptionalExtension as _, Row};
use std::ops::Range;
use std::sync::Arc;

/// A finished ticket, as far as it says what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// The customer's id.
    pub customer_id: Box<str>,
    /// The event that ended it.
    pub seq: Seq,
    /// The tier that served it, by name.
    pub tier: Arc<str>,
    /// How long agents were taken up by it, by pool, writing it up included; empty if nobody was.
    pub work: Box<[Work]>,
    /// What made the customer a burden, if something did.
    pub burden: Option<Box<str>>,
}

impl Served {
    fn of(row: &FinishedRow) -> Option<Self> {
        let wrap_up_ms = row.legs.of(Leg::WrapUp).ms;
        let work = work(&row.work, row.pool.as_ref(), row.handle_ms, wrap_up_ms);
        Some(Self {
            customer_id: row.customer_id.clone()?,
            seq: row.seq,
            tier: row.tier.clone(),
            work,
            burden: row.burden.clone(),
        })
    }

    /// Where the page after this ticket starts.
    pub fn place(&self) -> (Box<str>, Seq) {
        (self.customer_id.clone(), self.seq)
    }
}

/// All work: that in hand, and the last pool's on writing it up.
fn work(
    told: &[Work],
    pool: Option<&Arc<str>>,
    handle_ms: Option<i64>,
    wrap_up_ms: i64,
) -> Box<[Work]> {
    let last = || pool.cloned().unwrap_or_default();
    let mut all = told.to_vec();
    if let Some(ms) = handle_ms.filter(|_| told.is_empty()) {
        all.push(Work { pool: last(), ms });
    }
    if wrap_up_ms > 0 {
        all.push(Work { pool: last(), ms: wrap_up_ms });
    }
    all.into()
}

impl History {
    /// At most `limit` tickets of known customers that ended in `period`, in the order of the customers' ids and
    /// of ending; those after `place`, the last of the page before. None means that there are no more.
    pub fn served(
        &self,
        period: &Range<Time>,
        place: Option<&(Box<str>, Seq)>,
        limit: usize,
    ) -> Result<Vec<Served>, Error> {
        match self.source() {
            Source::Sqlite(reader) => reader.ask("list what customers were served", |connection| {
                served(connection, period, place, limit)
            }),
            Source::Memory(store) => {
                let all = store.finished();
                let inside = all.iter().filter(|row| period.contains(&row.finished_at));
                let mut own: Vec<_> = inside.filter_map(Served::of).collect();
                own.sort_by_key(Served::place);
                own.retain(|one| place.is_none_or(|place| one.place() > *place));
                own.truncate(limit);
                Ok(own)
            }
        }
    }

    /// When the oldest ticket ended that is kept; `None` while there is none.
    pub fn begins(&self) -> Result<Option<Time>, Error> {
        match self.source() {
            Source::Sqlite(reader) => {
                reader.ask("find the beginning of the history", |connection| {
                    connection
                        .prepare_cached("SELECT finished_at FROM finished ORDER BY seq LIMIT 1")?
                        .query_row([], |row| row.get(0).map(Time))
                        .optional()
                })
            }
            Source::Memory(store) => Ok(store.finished().first().map(|row| row.finished_at)),
        }
    }
}

const COLUMNS: &str = "SELECT customer_id, seq, tier, pool, handle_ms, \
    coalesce(legs ->> '$.wrap_up.ms', 0), work, burden FROM finished INDEXED BY finished_by_customer";

/// The rest of the customer at whom the page before stopped, then the customers after. The index holds customers
/// and numbers of events, so that rows outside the period are passed over without being read.
fn served(
    connection: &Connection,
    period: &Range<Time>,
    place: Option<&(Box<str>, Seq)>,
    limit: usize,
) -> rusqlite::Result<Vec<Served>> {
    let (from, to) = (first_from(connection, period.start)?, first_from(connection, period.end)?);
    let room = |found: &Vec<Served>| i64::try_from(limit - found.len()).unwrap_or(i64::MAX);
    let mut found = Vec::new();
    if let Some((id, seq)) = place {
        let mut statement = connection.prepare_cached(&format!(
            "{COLUMNS} WHERE customer_id = ?1 AND seq >= ?2 AND seq < ?3 ORDER BY customer_id, seq LIMIT ?4"
        ))?;
        let after = from.max(seq.0.cast_signed().saturating_add(1));
        let rows = statement.query_map((&**id, after, to, room(&found)), read)?;
        found = rows.collect::<rusqlite::Result<_>>()?;
    }
    let mut statement = connection.prepare_cached(&format!(
        "{COLUMNS} WHERE customer_id > ?1 AND seq >= ?2 AND seq < ?3 ORDER BY customer_id, seq LIMIT ?4"
    ))?;
    let after = place.map_or("", |(id, _)| id);
    let limit = room(&found);
    for row in statement.query_map((after, from, to, limit), read)? {
        found.push(row?);
    }
    Ok(found)
}

/// The number from which on rows ended at `at` or later: both grow together, so it is found by halves.
fn first_from(connection: &Connection, at: Time) -> rusqlite::Result<i64> {
    let (mut low, mut high): (i64, i64) = connection
        .prepare_cached("SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) + 1 FROM finished")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut next = connection.prepare_cached(
        "SELECT seq, finished_at FROM finished WHERE seq >= ?1 ORDER BY seq LIMIT 1",
    )?;
    while low < high {
        let middle = low + (high - low) / 2;
        let found = next.query_row([middle], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        match found {
            Some((seq, ended)) if Time(ended) < at => low = i64::max(seq, middle) + 1,
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Served> {
    let pool: Option<Arc<str>> = row.get_ref(3)?.as_str_or_null()?.map(Into::into);
    let work = work(&rows::work(row, 6)?, pool.as_ref(), row.get(4)?, row.get(5)?);
    Ok(Served {
        customer_id: row.get(0)?,
        seq: Seq(row.get::<_, i64>(1)?.cast_unsigned()),
        tier: row.get_ref(2)?.as_str()?.into(),
        work,
        burden: row.get(7)?,
    })
}
