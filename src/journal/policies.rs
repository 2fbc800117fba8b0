//! Every policy that came into force, with its text: a table beside the journal, so that versions stay
//! known when the events that brought them are pruned, and old events keep the names of their time.

use super::sqlite::schema::failed;
use super::{Error, Seq, record};
use crate::engine::command::{Event, PolicyChange, PolicyOrigin};
use crate::engine::model::{Policy, Time};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::sync::Arc;

/// How many versions are kept; the oldest go first. At a few kB each, a file of megabytes at most.
pub const POLICY_VERSIONS_MAX: u32 = 1000;

/// Made when it is missing: earlier releases neither need nor touch it.
pub(super) const TABLE: &str = "
CREATE TABLE IF NOT EXISTS policy_versions (
  seq INTEGER PRIMARY KEY,      -- number of the event that put it in force
  at INTEGER NOT NULL,          -- when; ms since 1970-01-01 UTC
  version TEXT NOT NULL,        -- the policy's own name for it; may come again
  origin TEXT NOT NULL,         -- start, reload, call, rollback
  changed_by TEXT NOT NULL,     -- who asked for it, as far as they said
  reason TEXT NOT NULL,         -- why, likewise
  source TEXT NOT NULL,         -- its text, in TOML
  compiled BLOB NOT NULL        -- what the text meant to the release that read it
);";

const COLUMNS: &str = "seq, at, version, origin, changed_by, reason, source, compiled";

/// A policy that came into force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVersion {
    /// The event that put it in force.
    pub seq: Seq,
    /// When.
    pub at: Time,
    /// How, by whom and why.
    pub change: PolicyChange,
    /// The policy, with its text.
    pub policy: Arc<Policy>,
}

impl PolicyVersion {
    /// What event `seq` put in force, if it did.
    pub fn of(seq: Seq, at: Time, event: &Event) -> Option<Self> {
        let Event::PolicyApplied { policy, change } = event else { return None };
        let at_start =
            || PolicyChange { origin: PolicyOrigin::Start, by: "".into(), reason: "".into() };
        let change = change.as_deref().cloned().unwrap_or_else(at_start);
        Some(Self { seq, at, change, policy: policy.clone() })
    }

    /// A policy that is in force since `seq` or longer, from before versions were kept.
    pub(super) fn found(seq: Seq, at: Time, policy: &Arc<Policy>) -> Self {
        let event = Event::PolicyApplied { policy: policy.clone(), change: None };
        Self::of(seq, at, &event).expect("the event is of that kind")
    }
}

/// Writes a version, and forgets the oldest beyond [`POLICY_VERSIONS_MAX`].
pub(super) fn insert(connection: &Connection, version: &PolicyVersion) -> rusqlite::Result<()> {
    connection
        .prepare_cached(&format!(
            "INSERT OR REPLACE INTO policy_versions ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        ))?
        .execute(params![
            version.seq.0.cast_signed(),
            version.at.0,
            &*version.policy.version,
            version.change.origin.name(),
            &*version.change.by,
            &*version.change.reason,
            &*version.policy.source,
            record::policy_bytes(&version.policy),
        ])?;
    connection
        .prepare_cached(
            "DELETE FROM policy_versions WHERE seq IN \
             (SELECT seq FROM policy_versions ORDER BY seq DESC LIMIT -1 OFFSET ?1)",
        )?
        .execute([POLICY_VERSIONS_MAX])?;
    Ok(())
}

/// The versions that came into force before event `before`, the newest first.
pub(super) fn list(
    connection: &Connection,
    before: Seq,
    rows_max: usize,
) -> rusqlite::Result<Vec<PolicyVersion>> {
    let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM policy_versions WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2"
        ))?
        .query_map(params![before.0.cast_signed(), limit], read)?
        .collect()
}

/// The text that the policy file had when it was read last: at a start, or again.
pub(super) fn last_of_file(connection: &Connection) -> rusqlite::Result<Option<Box<str>>> {
    connection
        .prepare_cached(
            "SELECT source FROM policy_versions WHERE origin IN ('start', 'reload') \
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row([], |row| row.get(0))
        .optional()
}

/// Makes the table if it is missing.
pub(super) fn prepare(connection: &Connection, place: &str) -> Result<(), Error> {
    connection.execute_batch(TABLE).map_err(failed(place, "make the table of policies"))
}

fn read(row: &Row<'_>) -> rusqlite::Result<PolicyVersion> {
    let unreadable = |at, problem: String| {
        rusqlite::Error::FromSqlConversionFailure(at, Type::Text, problem.into())
    };
    let origin: Box<str> = row.get(3)?;
    let known = PolicyOrigin::ALL.into_iter().find(|known| known.name() == &*origin);
    let origin = known.ok_or_else(|| unreadable(3, format!("{origin:?} is no origin")))?;
    let policy = record::policy_of(row.get_ref(7)?.as_blob()?);
    let policy = policy.map_err(|error| unreadable(7, error.to_string()))?;
    Ok(PolicyVersion {
        seq: Seq(row.get::<_, i64>(0)?.cast_unsigned()),
        at: Time(row.get(1)?),
        change: PolicyChange { origin, by: row.get(4)?, reason: row.get(5)? },
        policy: Arc::new(policy),
    })
}
