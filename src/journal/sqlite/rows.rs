//! Rows of the history and of the journal between `SQLite` and Rust.

use super::decision::{self, Own};
use super::schema::failed;
use crate::engine::command::Earlier;
use crate::engine::contacts::{Contact, Previous};
use crate::engine::life::{Ledger, Leg, Stay};
use crate::engine::model::{
    AgentId, Channel, Content, LeaseToken, TicketId, TicketNumber, TierSource, Time,
};
use crate::engine::timing::Urgency;
use crate::journal::frame::Frame;
use crate::journal::{Error, FinishedRow, FinishedState, Seq, Work, WrittenUp};
use rusqlite::types::{Type, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Row, params};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Rows read in one go. A read transaction keeps the WAL from beginning anew, so none is long.
const SLICE_ROWS: i64 = 64;

/// The columns in the order in which [`read`] takes them.
pub(in crate::journal) const COLUMNS: &str = "seq, number, id, channel, tier, tier_source, \
    customer_id, subject, state, agent, pool, submitted_at, picked_up_at, finished_at, wait_ms, \
    handle_ms, respond_by, solve_by, response_in_time, solution_in_time, assigned_count, outcome, \
    note, reason, fingerprint, token, payload, attributes, legs, urgency, escalation_step, decision, \
    topic, contact_count, previous_id, work, burden";

pub(super) const INSERT: &str = "INSERT INTO finished VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, \
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Adds a row. Its values go by place, in the order of the table, which is that of [`COLUMNS`]: looking 32
/// names up took a third as long as all that `SQLite` does to write the row.
pub(super) fn insert(
    statement: &mut CachedStatement<'_>,
    row: &FinishedRow,
) -> rusqlite::Result<usize> {
    statement.execute(params![
        row.seq.0.cast_signed(),
        row.number.0.cast_signed(),
        row.id.as_str(),
        row.channel.name(),
        &*row.tier,
        row.tier_source.name(),
        row.customer_id.as_deref(),
        &*row.content.subject,
        row.state.name(),
        row.agent.as_ref().map(AgentId::as_str),
        row.pool.as_deref(),
        row.submitted_at.0,
        row.picked_up_at.map(|at| at.0),
        row.finished_at.0,
        row.wait_ms,
        row.handle_ms,
        row.respond_by.0,
        row.solve_by.map(|at| at.0),
        row.response_in_time,
        row.solution_in_time,
        row.assigned_count,
        row.outcome.as_deref(),
        row.note.as_deref(),
        row.reason.as_deref(),
        row.fingerprint.cast_signed(),
        row.token.map(|token| token.0.cast_signed()),
        &*row.content.payload,
        attributes_json(&row.content),
        legs_json(&row.legs),
        row.urgency.map(Urgency::name),
        row.escalation_step,
        row.decided.as_deref().map(|decided| decision::json(decided, Own::of(row))),
        row.contact.as_ref().map(|contact| &*contact.topic),
        row.contact.as_ref().map(|contact| contact.count),
        row.contact.as_ref().and_then(|contact| Some(contact.previous.as_ref()?.id.as_str())),
        work_json(&row.work),
        row.burden.as_deref(),
    ])
}

/// Adds the time of their wrap-ups to rows that are there already; those that are gone stay gone.
pub(super) fn write_up(connection: &Connection, all: &[WrittenUp]) -> rusqlite::Result<()> {
    for WrittenUp { id, number, spent_ms } in all {
        connection
            .prepare_cached(
                "UPDATE finished SET legs = json_set(coalesce(legs, '{}'), '$.wrap_up', \
                 json_object('ms', ?3)) WHERE id = ?1 AND number = ?2",
            )?
            .execute(params![id.as_str(), number.0.cast_signed(), spent_ms])?;
    }
    Ok(())
}

/// Reads the row under [`COLUMNS`].
pub(in crate::journal) fn read(row: &Row<'_>) -> rusqlite::Result<FinishedRow> {
    let arc = |at| -> rusqlite::Result<Arc<str>> { Ok(row.get_ref(at)?.as_str()?.into()) };
    let some_arc = |at| -> rusqlite::Result<Option<Arc<str>>> {
        Ok(row.get_ref(at)?.as_str_or_null()?.map(Into::into))
    };
    let unsigned = |at| -> rusqlite::Result<u64> { Ok(row.get::<_, i64>(at)?.cast_unsigned()) };
    let mut read = FinishedRow {
        seq: Seq(unsigned(0)?),
        number: TicketNumber(unsigned(1)?),
        id: TicketId::new(arc(2)?),
        channel: known(row, 3, &Channel::ALL, Channel::name)?,
        tier: arc(4)?,
        tier_source: known(row, 5, &TierSource::ALL, TierSource::name)?,
        customer_id: row.get(6)?,
        content: Arc::new(Content {
            subject: row.get(7)?,
            payload: row.get_ref(26)?.as_blob()?.into(),
            attributes: attributes(row, 27)?,
        }),
        state: known(row, 8, &FinishedState::ALL, FinishedState::name)?,
        agent: some_arc(9)?.map(AgentId::new),
        pool: some_arc(10)?,
        submitted_at: Time(row.get(11)?),
        picked_up_at: row.get::<_, Option<i64>>(12)?.map(Time),
        finished_at: Time(row.get(13)?),
        wait_ms: row.get(14)?,
        handle_ms: row.get(15)?,
        respond_by: Time(row.get(16)?),
        solve_by: row.get::<_, Option<i64>>(17)?.map(Time),
        response_in_time: row.get(18)?,
        solution_in_time: row.get(19)?,
        assigned_count: row.get(20)?,
        outcome: row.get(21)?,
        note: row.get(22)?,
        reason: row.get(23)?,
        fingerprint: unsigned(24)?,
        token: row.get::<_, Option<i64>>(25)?.map(|token| LeaseToken(token.cast_unsigned())),
        legs: legs(row, 28)?,
        urgency: match row.get_ref(29)? {
            ValueRef::Null => None,
            _ => Some(known(row, 29, &Urgency::ALL, Urgency::name)?),
        },
        escalation_step: row.get(30)?,
        decided: None,
        contact: match some_arc(32)? {
            None => None,
            Some(topic) => {
                let previous = some_arc(34)?.map(TicketId::new);
                let previous = previous.map(|id| Previous { number: TicketNumber(0), id });
                let count = row.get::<_, Option<u32>>(33)?.unwrap_or(1);
                Some(Box::new(Contact { topic, count, previous }))
            }
        },
        work: work(row, 35)?,
        burden: row.get(36)?,
    };
    if let Some(text) = row.get_ref(31)?.as_str_or_null()? {
        let decided = decision::read(text, Own::of(&read)).map_err(|why| unreadable(31, why))?;
        read.decided = Some(Box::new(decided));
    }
    Ok(read)
}

/// The ticket of that id that ended last, as the engine asks for it.
pub(in crate::journal) fn earlier(
    connection: &Connection,
    id: &str,
) -> rusqlite::Result<Option<Earlier>> {
    connection
        .prepare_cached(
            "SELECT number, fingerprint, token, state FROM finished WHERE id = ?1 \
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row([id], |row| {
            Ok(Earlier {
                number: TicketNumber(row.get::<_, i64>(0)?.cast_unsigned()),
                fingerprint: row.get::<_, i64>(1)?.cast_unsigned(),
                completed_with: row
                    .get::<_, Option<i64>>(2)?
                    .map(|token| LeaseToken(token.cast_unsigned())),
                has_expired: row.get_ref(3)?.as_str()? == FinishedState::Expired.name(),
            })
        })
        .optional()
}

/// The ticket of that id that ended last.
pub(in crate::journal) fn by_id(
    connection: &Connection,
    id: &str,
) -> rusqlite::Result<Option<FinishedRow>> {
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM finished WHERE id = ?1 ORDER BY seq DESC LIMIT 1"
        ))?
        .query_row([id], read)
        .optional()
}

/// The last event in the journal; 0 when it is empty.
pub(in crate::journal) fn last(connection: &Connection) -> rusqlite::Result<Seq> {
    let last: Option<i64> = connection
        .prepare_cached("SELECT seq + count - 1 FROM journal ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(Seq(last.unwrap_or(0).cast_unsigned()))
}

/// Whether a replay goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::journal) enum Next {
    Go,
    Stop,
}

/// What [`replay`] calls for each row.
pub(in crate::journal) type Visit<'a> = dyn FnMut(Seq, &[u8]) -> Result<Next, Error> + 'a;

/// Gives every journal row after event `after` to `visit`, in slices, until it says stop.
pub(in crate::journal) fn replay(
    connection: &Connection,
    place: &str,
    after: Seq,
    visit: &mut Visit<'_>,
) -> Result<(), Error> {
    let mut after = after.0.cast_signed();
    loop {
        let failed_here = |source| Error::Sqlite {
            place: place.into(),
            doing: format!("read the journal after event {after}").into(),
            source,
        };
        let mut statement = connection
            .prepare_cached(
                "SELECT seq, count, crc, data FROM journal WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )
            .map_err(failed_here)?;
        let mut rows = statement.query(params![after, SLICE_ROWS]).map_err(failed_here)?;
        let mut seen = 0;
        let mut last = after;
        while let Some(row) = rows.next().map_err(failed_here)? {
            let columns = || -> rusqlite::Result<(i64, i64, i64)> {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            };
            let (seq, count, crc) = columns().map_err(failed_here)?;
            let data = match row.get_ref(3).map_err(failed_here)? {
                ValueRef::Blob(data) => data,
                other => {
                    return Err(failed_here(rusqlite::Error::InvalidColumnType(
                        3,
                        "data".into(),
                        other.data_type(),
                    )));
                }
            };
            let row = Seq(seq.cast_unsigned());
            columns_agree(place, row, count, crc, data)?;
            if visit(row, data)? == Next::Stop {
                return Ok(());
            }
            last = seq;
            seen += 1;
        }
        if seen < SLICE_ROWS {
            return Ok(());
        }
        after = last;
    }
}

fn columns_agree(place: &str, row: Seq, count: i64, crc: i64, data: &[u8]) -> Result<(), Error> {
    let frame =
        Frame::parse(data).map_err(|source| Error::Frame { place: place.into(), row, source })?;
    for (column, found, expected) in [
        ("seq", row.0, frame.first().0),
        ("count", count.cast_unsigned(), frame.count().into()),
        ("crc", crc.cast_unsigned(), frame.crc().into()),
    ] {
        if found != expected {
            return Err(Error::Column { place: place.into(), row, column, expected, found });
        }
    }
    Ok(())
}

/// Adds the journal's rows from the one with the event after `after`, until they hold `bytes_max`. The
/// first is a later one where that event is no longer kept.
pub(in crate::journal) fn frames_after(
    connection: &Connection,
    after: Seq,
    bytes_max: usize,
    frames: &mut Vec<Vec<u8>>,
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT data FROM journal WHERE seq + count > ?1 AND \
         seq >= coalesce((SELECT max(seq) FROM journal WHERE seq <= ?1), 0) ORDER BY seq",
    )?;
    let next = after.0.saturating_add(1).cast_signed();
    let mut rows = statement.query([next])?;
    let mut bytes = 0;
    while bytes < bytes_max
        && let Some(row) = rows.next()?
    {
        let frame = row.get_ref(0)?.as_blob()?;
        bytes += frame.len();
        frames.push(frame.to_vec());
    }
    Ok(())
}

/// The journal's first row, if it has any.
pub(in crate::journal) fn first(
    connection: &Connection,
    place: &str,
) -> Result<Option<Seq>, Error> {
    let first: Option<i64> = connection
        .query_row("SELECT min(seq) FROM journal", [], |row| row.get(0))
        .map_err(failed(place, "read the journal's first row"))?;
    Ok(first.map(|seq| Seq(seq.cast_unsigned())))
}

/// The value of that name.
pub(in crate::journal) fn known<T: Copy>(
    row: &Row<'_>,
    at: usize,
    all: &[T],
    name: fn(T) -> &'static str,
) -> rusqlite::Result<T> {
    let text = row.get_ref(at)?.as_str()?;
    all.iter()
        .copied()
        .find(|value| name(*value) == text)
        .ok_or_else(|| unreadable(at, format!("{text:?} is not a value this release knows")))
}

fn unreadable(
    at: usize,
    problem: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, Type::Text, problem.into())
}

fn attributes_json(content: &Content) -> String {
    if content.attributes.is_empty() {
        return "{}".into();
    }
    let object: serde_json::Map<String, serde_json::Value> = content
        .attributes
        .iter()
        .map(|(name, value)| ((&**name).into(), (&**value).into()))
        .collect();
    serde_json::Value::Object(object).to_string()
}

/// `{"queue":{"ms":1200},"agent":{"ms":90,"count":2}}`: the legs the ticket has been in, and how many times if
/// not once. Their names need no escape.
fn legs_json(legs: &Ledger) -> String {
    let mut text = String::with_capacity(96);
    for (leg, Stay { ms, count }) in legs.iter() {
        text.push(if text.is_empty() { '{' } else { ',' });
        let name = leg.name();
        let written = match count {
            1 => write!(text, "\"{name}\":{{\"ms\":{ms}}}"),
            _ => write!(text, "\"{name}\":{{\"ms\":{ms},\"count\":{count}}}"),
        };
        written.expect("a text takes what is written");
    }
    text.push_str(if text.is_empty() { "{}" } else { "}" });
    text
}

/// `{"desk":312000,"back":4000}`; nothing where there is nothing to say.
fn work_json(work: &[Work]) -> Option<String> {
    let named = work.iter().map(|Work { pool, ms }| ((**pool).to_owned(), (*ms).into()));
    let object: serde_json::Map<String, serde_json::Value> = named.collect();
    (!object.is_empty()).then(|| serde_json::Value::Object(object).to_string())
}

/// The work, by the name of its pool.
pub(in crate::journal) fn work(row: &Row<'_>, at: usize) -> rusqlite::Result<Box<[Work]>> {
    let Some(text) = row.get_ref(at)?.as_str_or_null()? else { return Ok(Box::default()) };
    let object: BTreeMap<String, i64> =
        serde_json::from_str(text).map_err(|error| unreadable(at, error))?;
    Ok(object.into_iter().map(|(pool, ms)| Work { pool: pool.into(), ms }).collect())
}

/// The legs; rows of earlier releases have none.
fn legs(row: &Row<'_>, at: usize) -> rusqlite::Result<Ledger> {
    let mut ledger = Ledger::default();
    let Some(text) = row.get_ref(at)?.as_str_or_null()? else { return Ok(ledger) };
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|error| unreadable(at, error))?;
    for (name, stay) in object {
        let leg = Leg::ALL.into_iter().find(|leg| leg.name() == name);
        let count = match stay.get("count") {
            None => Some(1),
            Some(count) => count.as_u64().and_then(|count| u32::try_from(count).ok()),
        };
        match (leg, stay["ms"].as_i64(), count) {
            (Some(leg), Some(ms), Some(count)) => ledger.set(leg, Stay { ms, count }),
            _ => {
                return Err(unreadable(
                    at,
                    format!("{name:?} is not a leg with ms, and a count if any"),
                ));
            }
        }
    }
    Ok(ledger)
}

/// The attributes of a [`Content`].
type Attributes = Box<[(Box<str>, Box<str>)]>;

fn attributes(row: &Row<'_>, at: usize) -> rusqlite::Result<Attributes> {
    let text = row.get_ref(at)?.as_str()?;
    if text == "{}" {
        return Ok(Box::default());
    }
    let object: std::collections::BTreeMap<Box<str>, Box<str>> =
        serde_json::from_str(text).map_err(|error| unreadable(at, error))?;
    Ok(object.into_iter().collect())
}
