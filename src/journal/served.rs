//! What agents worked for customers, out of the history: who, in which pool, how long.

use super::finished::Work;
use super::history::Source;
use super::sqlite::rows;
use super::{Error, FinishedRow, History, Seq};
use crate::engine::life::Leg;
use crate::engine::model::Time;
use rusqlite::{Connection, Row};
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
        period: Range<Time>,
        place: Option<&(Box<str>, Seq)>,
        limit: usize,
    ) -> Result<Vec<Served>, Error> {
        match self.source() {
            Source::Sqlite(reader) => reader.ask("list what customers were served", |connection| {
                served(connection, &period, place, limit)
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
}

const COLUMNS: &str = "SELECT customer_id, seq, tier, pool, handle_ms, \
    coalesce(legs ->> '$.wrap_up.ms', 0), work, burden FROM finished INDEXED BY finished_by_customer";

/// The rest of the customer at whom the page before stopped, then the customers after.
fn served(
    connection: &Connection,
    period: &Range<Time>,
    place: Option<&(Box<str>, Seq)>,
    limit: usize,
) -> rusqlite::Result<Vec<Served>> {
    let (from, to) = (period.start.0, period.end.0);
    let mut found = Vec::new();
    let count = |found: &Vec<Served>| i64::try_from(limit - found.len()).unwrap_or(i64::MAX);
    let after = place.map_or("", |(id, _)| id);
    if let Some((id, seq)) = place {
        let mut statement = connection.prepare_cached(&format!(
            "{COLUMNS} WHERE customer_id = ?1 AND seq > ?2 AND finished_at >= ?3 AND finished_at < ?4 \
             ORDER BY customer_id, seq LIMIT ?5"
        ))?;
        let limit = count(&found);
        let rows = statement.query_map((&**id, seq.0.cast_signed(), from, to, limit), read)?;
        found = rows.collect::<rusqlite::Result<_>>()?;
    }
    let mut statement = connection.prepare_cached(&format!(
        "{COLUMNS} WHERE customer_id > ?1 AND finished_at >= ?2 AND finished_at < ?3 \
         ORDER BY customer_id, seq LIMIT ?4"
    ))?;
    let limit = count(&found);
    for row in statement.query_map((after, from, to, limit), read)? {
        found.push(row?);
    }
    Ok(found)
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
