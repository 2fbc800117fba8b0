//! A customer's earlier contacts, out of the history, for whoever speaks to the customer next.

use super::history::Source;
use super::sqlite::rows;
use super::{Error, FinishedRow, FinishedState, History};
use crate::engine::model::{Channel, Time};
use rusqlite::Connection;

/// Contacts that are looked at for the sums.
pub const CONTACTS_LOOKED_AT_MAX: usize = 100;

/// A contact that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastContact {
    /// The ticket's name.
    pub id: Box<str>,
    /// How the customer reached us.
    pub channel: Channel,
    /// What it was about.
    pub subject: Box<str>,
    /// Completed, cancelled or expired.
    pub state: FinishedState,
    /// One word on how it went, when completed.
    pub outcome: Option<Box<str>>,
    /// When it ended.
    pub finished_at: Time,
    /// Until it was picked up, or until it ended if it never was; milliseconds.
    pub wait_ms: i64,
    /// Nobody picked it up by its response deadline.
    pub was_late: bool,
}

/// A customer's contacts of the past.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastContacts {
    /// The last ones, the newest first.
    pub last: Vec<PastContact>,
    /// How many there are, [`CONTACTS_LOOKED_AT_MAX`] at most.
    pub count: u32,
    /// How many of these were late.
    pub late_count: u32,
}

impl PastContacts {
    fn add(&mut self, contact: PastContact, shown_max: usize) {
        self.count += 1;
        self.late_count += u32::from(contact.was_late);
        if self.last.len() < shown_max {
            self.last.push(contact);
        }
    }
}

impl History {
    /// The last `shown_max` contacts of that customer, and the sums over [`CONTACTS_LOOKED_AT_MAX`].
    pub fn contacts_of(&self, customer_id: &str, shown_max: usize) -> Result<PastContacts, Error> {
        match self.source() {
            Source::Sqlite(reader) => reader.ask("list the contacts of a customer", |connection| {
                contacts_of(connection, customer_id, shown_max)
            }),
            Source::Memory(store) => {
                let all = store.finished();
                let own =
                    all.iter().rev().filter(|r| r.customer_id.as_deref() == Some(customer_id));
                let mut found = PastContacts::default();
                for row in own.take(CONTACTS_LOOKED_AT_MAX) {
                    found.add(PastContact::from(row), shown_max);
                }
                Ok(found)
            }
        }
    }
}

impl From<&FinishedRow> for PastContact {
    fn from(row: &FinishedRow) -> Self {
        Self {
            id: row.id.as_str().into(),
            channel: row.channel,
            subject: row.content.subject.clone(),
            state: row.state,
            outcome: row.outcome.clone(),
            finished_at: row.finished_at,
            wait_ms: row.wait_ms,
            was_late: match row.picked_up_at {
                Some(_) => !row.response_in_time,
                None => row.finished_at > row.respond_by,
            },
        }
    }
}

/// No column here lies behind the payload, so none of its pages is read.
fn contacts_of(
    connection: &Connection,
    customer_id: &str,
    shown_max: usize,
) -> rusqlite::Result<PastContacts> {
    let limit = i64::try_from(CONTACTS_LOOKED_AT_MAX).expect("it is a small number");
    let mut statement = connection.prepare_cached(
        "SELECT id, channel, subject, state, outcome, finished_at, wait_ms, \
         CASE WHEN picked_up_at IS NULL THEN finished_at > respond_by \
         ELSE response_in_time = 0 END \
         FROM finished WHERE customer_id = ?1 ORDER BY seq DESC LIMIT ?2",
    )?;
    let mut rows = statement.query((customer_id, limit))?;
    let mut found = PastContacts::default();
    while let Some(row) = rows.next()? {
        let contact = PastContact {
            id: row.get(0)?,
            channel: rows::known(row, 1, &Channel::ALL, Channel::name)?,
            subject: row.get(2)?,
            state: rows::known(row, 3, &FinishedState::ALL, FinishedState::name)?,
            outcome: row.get(4)?,
            finished_at: Time(row.get(5)?),
            wait_ms: row.get(6)?,
            was_late: row.get(7)?,
        };
        found.add(contact, shown_max);
    }
    Ok(found)
}
