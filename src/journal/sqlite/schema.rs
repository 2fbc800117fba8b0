//! The tables of `tierline.db`, and how a connection to it is opened.
//!
//! The comments inside the statements are kept by `SQLite`: `.schema finished` shows them to whoever
//! looks with any client.

use crate::journal::Error;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// The format of the tables; a file with a larger one is refused.
pub(super) const FORMAT: u32 = 4;

/// Marks the file as Tierline's in its header ("TIRL"), for `file` and the like.
const APPLICATION_ID: i32 = 0x5449_524c;

/// The oldest `SQLite` to be trusted: before 3.51.3 a WAL written and checkpointed by two connections
/// could be corrupted.
const VERSION_MIN: i32 = 3_051_003;

/// How long a write waits for another program's lock before it is refused.
const BUSY: Duration = Duration::from_secs(1);

/// A commit writes whole pages to the WAL, two calls of the system a page, so small pages write less and call more
/// often. In KB per commit that finishes 1, 10, 32 and 256 tickets of random ids with 200,000 in the history: 9, 46,
/// 128 and 912 with pages of 2 KiB; 15, 78, 205 and 1,422 with 4 KiB; 27, 129, 350 and 2,300 with 8 KiB. But
/// `tierline bench` at 8 x 8 called the system 43 times a commit with 2 KiB instead of 23 times, and did 6 to 13 %
/// fewer calls a second than with 4 KiB. A file keeps the size it was made with.
const PAGE_BYTES: u32 = 4096;

const TABLES: &str = "
CREATE TABLE meta (
  name TEXT PRIMARY KEY,        -- what is said
  value TEXT NOT NULL           -- e.g. format: the version of these tables
) WITHOUT ROWID;

CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,      -- number of the first event in the batch; events count from 1
  count INTEGER NOT NULL,       -- how many events
  crc INTEGER NOT NULL,         -- crc32c that stands for the journal up to here
  data BLOB NOT NULL            -- the batch: header and events; `tierline journal verify` checks it
);

CREATE TABLE finished (
  seq INTEGER PRIMARY KEY,      -- number of the event that ended the ticket: the order of ending
  number INTEGER NOT NULL,      -- the ticket's place in the order of arrival
  id TEXT NOT NULL,             -- the name callers know it by; may come again once it has ended
  channel TEXT NOT NULL,        -- voice, chat, email, web, callback, outbound
  tier TEXT NOT NULL,           -- the tier that served it
  tier_source TEXT NOT NULL,    -- found, unknown_customer, stale, unavailable, given, unknown_tier
  customer_id TEXT,             -- the customer, as far as known
  subject TEXT NOT NULL,        -- one line for people
  state TEXT NOT NULL,          -- completed, cancelled, expired
  agent TEXT,                   -- who completed it, or held it when it was cancelled
  pool TEXT,                    -- the pool that agent served in
  submitted_at INTEGER NOT NULL,-- ms since 1970-01-01 UTC, as all *_at and *_by
  picked_up_at INTEGER,         -- when an agent first picked it up
  finished_at INTEGER NOT NULL, -- when it ended
  wait_ms INTEGER NOT NULL,     -- submit to first pick-up, or to the end if nobody picked it up
  handle_ms INTEGER,            -- last pick-up to completion
  respond_by INTEGER NOT NULL,  -- when it had to be picked up
  solve_by INTEGER,             -- when it had to be completed, if that was promised
  response_in_time INTEGER NOT NULL, -- 1 when picked up by respond_by, else 0
  solution_in_time INTEGER,     -- 1 when completed by solve_by, 0 when not; null when not promised
  assigned_count INTEGER NOT NULL, -- how many times an agent received it
  outcome TEXT,                 -- completed: one word on how it went
  note TEXT,                    -- completed: a line for people
  reason TEXT,                  -- cancelled: why
  fingerprint INTEGER NOT NULL, -- digest of the submit, to tell a retry from a clash of ids
  token INTEGER,                -- completed: the fencing token that completed it
  payload BLOB NOT NULL,        -- opaque bytes of the calling system
  attributes TEXT NOT NULL,     -- JSON object of named values
  legs TEXT,                    -- JSON: by leg the ms spent there, and how many times if not once; null before
                                -- format 2
  urgency TEXT,                 -- low, normal, high, critical; null before format 2
  escalation_step INTEGER,      -- steps of its tier's ladder that were taken; null before format 2
  decision TEXT,                -- JSON: why its last agent got it, and the heads that competed, if others did.
                                -- What is left out is this row's (agent, pool, tier, tier_source, channel,
                                -- number; at: finished_at - handle_ms), of a head also the decision's (tier,
                                -- slack_ms; via: pool; pools: via), and heads_count their number; null if nobody
                                -- had it, and before format 2
  topic TEXT,                   -- what it was about in one word; null if nobody said, and before format 3
  contact_count INTEGER,        -- contacts of its customer about that by then, this one included
  previous_id TEXT,             -- the contact before it
  work TEXT,                    -- JSON: by pool the ms in hand; null where that is handle_ms in pool, and before
                                -- format 4
  burden TEXT                   -- completed: one word on what made the customer a burden; null if nothing did
);
CREATE INDEX finished_by_id ON finished (id);
CREATE INDEX finished_by_customer ON finished (customer_id) WHERE customer_id IS NOT NULL;

FINISHED_TICKETS
CREATE TABLE filler (           -- empty but for a moment: a test whether there is space to write
  data BLOB NOT NULL
);

INSERT INTO meta VALUES ('format', '4');
";

/// The view of the history for people, made anew whenever the table has got a column.
const VIEW: &str = "
CREATE VIEW finished_tickets AS -- finished, with ISO 8601 instants in UTC
SELECT seq, number, id, channel, tier, tier_source, customer_id, subject, state, agent, pool,
  strftime('%Y-%m-%dT%H:%M:%fZ', submitted_at / 1000.0, 'unixepoch') AS submitted_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', picked_up_at / 1000.0, 'unixepoch') AS picked_up_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', finished_at / 1000.0, 'unixepoch') AS finished_at,
  wait_ms, handle_ms,
  strftime('%Y-%m-%dT%H:%M:%fZ', respond_by / 1000.0, 'unixepoch') AS respond_by,
  strftime('%Y-%m-%dT%H:%M:%fZ', solve_by / 1000.0, 'unixepoch') AS solve_by,
  response_in_time, solution_in_time, assigned_count, outcome, note, reason, attributes,
  legs ->> '$.scheduled.ms' AS scheduled_ms, legs ->> '$.queue.ms' AS queue_ms,
  legs ->> '$.offer.ms' AS offer_ms, legs ->> '$.agent.ms' AS agent_ms,
  legs ->> '$.parked.ms' AS parked_ms, legs ->> '$.wrap_up.ms' AS wrap_up_ms,
  urgency, escalation_step, decision ->> '$.step' AS decided_by, decision ->> '$.policy' AS decided_under,
  topic, contact_count, previous_id, work, burden
FROM finished;
";

/// What brings the tables of each earlier format to the next one: the first is of format 1.
const MIGRATIONS: [&str; FORMAT as usize - 1] = [
    "
ALTER TABLE finished ADD COLUMN legs TEXT;
ALTER TABLE finished ADD COLUMN urgency TEXT;
ALTER TABLE finished ADD COLUMN escalation_step INTEGER;
ALTER TABLE finished ADD COLUMN decision TEXT;",
    "
ALTER TABLE finished ADD COLUMN topic TEXT;
ALTER TABLE finished ADD COLUMN contact_count INTEGER;
ALTER TABLE finished ADD COLUMN previous_id TEXT;",
    "
ALTER TABLE finished ADD COLUMN work TEXT;
ALTER TABLE finished ADD COLUMN burden TEXT;",
];

/// A failure of `SQLite` while `doing`.
pub(in crate::journal) fn failed(
    place: &str,
    doing: &str,
) -> impl FnOnce(rusqlite::Error) -> Error {
    move |source| Error::Sqlite { place: place.into(), doing: doing.into(), source }
}

/// The writer's connection: the file is made if it is not there, checked, and set to lose nothing.
pub(super) fn open_writer(path: &Path, place: &str) -> Result<Connection, Error> {
    let version = rusqlite::version_number();
    if version < VERSION_MIN {
        return Err(Error::Setting {
            place: place.into(),
            name: "the SQLite library",
            expected: "3.51.3 or later",
            found: rusqlite::version().into(),
        });
    }
    let connection = Connection::open(path).map_err(failed(place, "open"))?;
    connection.busy_timeout(BUSY).map_err(failed(place, "set the busy timeout"))?;
    if is_empty(&connection, place)? {
        create(&connection, place)?;
    }
    let found = check_format(&connection, place)?;
    migrate(&connection, place, found)?;
    let set = |name: &'static str, value: &str, expected: &'static str| {
        let found = connection
            .pragma_update_and_check(None, name, value, text)
            .map_err(failed(place, name))?;
        if found == expected {
            return Ok(());
        }
        Err(Error::Setting { place: place.into(), name, expected, found })
    };
    set("journal_mode", "wal", "wal")?;
    set("wal_autocheckpoint", "0", "0")?;
    // These answer nothing when set, and are asked afterwards.
    for (name, value, expected) in [
        ("synchronous", "full", "2"),
        ("cell_size_check", "on", "1"),
        ("trusted_schema", "off", "0"),
    ] {
        connection.pragma_update(None, name, value).map_err(failed(place, name))?;
        let found = connection.pragma_query_value(None, name, text).map_err(failed(place, name))?;
        if found != expected {
            return Err(Error::Setting { place: place.into(), name, expected, found });
        }
    }
    Ok(connection)
}

/// A connection that only reads, beside the writer's and in other threads.
pub(in crate::journal) fn open_reader(path: &Path, place: &str) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(failed(place, "open for reading"))?;
    connection.busy_timeout(BUSY).map_err(failed(place, "set the busy timeout"))?;
    check_format(&connection, place)?;
    Ok(connection)
}

/// A pragma's value as text, whatever its type.
fn text(row: &rusqlite::Row<'_>) -> rusqlite::Result<String> {
    use rusqlite::types::ValueRef;
    Ok(match row.get_ref(0)? {
        ValueRef::Integer(value) => value.to_string(),
        ValueRef::Text(value) => String::from_utf8_lossy(value).into_owned(),
        other => format!("{other:?}"),
    })
}

fn is_empty(connection: &Connection, place: &str) -> Result<bool, Error> {
    let count: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed(place, "read the schema"))?;
    Ok(count == 0)
}

fn create(connection: &Connection, place: &str) -> Result<(), Error> {
    let doing = "create the tables";
    connection.pragma_update(None, "page_size", PAGE_BYTES).map_err(failed(place, doing))?;
    let tables = TABLES.replace("FINISHED_TICKETS", VIEW);
    // One transaction: a crash in between leaves an empty file, which is made again.
    connection
        .execute_batch(&format!(
            "BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; {tables} COMMIT;"
        ))
        .map_err(failed(place, doing))
}

/// Brings tables of the format `found` to the present one, in one transaction.
fn migrate(connection: &Connection, place: &str, found: u32) -> Result<(), Error> {
    if found == FORMAT {
        return Ok(());
    }
    let at = usize::try_from(found).expect("a format is a small number");
    let steps = MIGRATIONS[at - 1..].concat();
    tracing::info!(place, found, to = FORMAT, "the tables of an earlier release are extended");
    connection
        .execute_batch(&format!(
            "BEGIN IMMEDIATE; DROP VIEW finished_tickets; {steps} {VIEW} \
             UPDATE meta SET value = '{FORMAT}' WHERE name = 'format'; COMMIT;"
        ))
        .map_err(failed(place, "extend the tables of an earlier release"))
}

/// The format of the file, if this release can read it.
fn check_format(connection: &Connection, place: &str) -> Result<u32, Error> {
    let id: i32 = connection
        .pragma_query_value(None, "application_id", |row| row.get(0))
        .map_err(failed(place, "read the application id"))?;
    if id != APPLICATION_ID {
        return Err(Error::Foreign {
            place: place.into(),
            found: format!("application_id {id:#x}"),
        });
    }
    let value: String = connection
        .query_row("SELECT value FROM meta WHERE name = 'format'", [], |row| row.get(0))
        .map_err(failed(place, "read the format"))?;
    match value.parse() {
        Ok(found @ 1..=FORMAT) => Ok(found),
        Ok(found) if found > FORMAT => {
            Err(Error::NewerFormat { place: place.into(), found, known: FORMAT })
        }
        Ok(_) | Err(_) => {
            Err(Error::Foreign { place: place.into(), found: format!("format {value:?}") })
        }
    }
}
