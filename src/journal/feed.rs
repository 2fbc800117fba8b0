//! The read side of the journal: events in their order, a stretch at a time, beside the writer.
//!
//! Everything that is read here is on disk. Whoever reads slowly reads late, and nobody waits for it:
//! what it has not read yet is in the file, not in anybody's memory, until two snapshots have made it
//! superfluous.

use super::frame::Frame;
use super::history::Source;
use super::record::About;
use super::sqlite::rows;
use super::{Error, PolicyVersion, Seq, policies};
use crate::engine::command::Event;
use crate::engine::model::Time;

/// A stretch ends with the journal row that brings it to this many bytes.
const STRETCH_BYTES_MAX: usize = 256 << 10;

/// Reads events. Clones share their connections; every method blocks on the disk, so async callers wrap
/// it in `spawn_blocking`.
#[derive(Clone, Debug)]
pub struct Feed {
    source: Source,
}

/// An event as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub seq: Seq,
    /// When it happened.
    pub at: Time,
    /// What happened.
    pub event: Event,
    /// The ticket it is about, as it was before; `None` when it is about none, brings it with it, or
    /// was written by a release that did not say.
    pub about: Option<About>,
}

/// What there is after some event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stretch {
    /// The next events, without a gap; none when there is nothing yet.
    Events(Vec<Entry>),
    /// The next event is no longer kept; the first that is.
    Gone(Seq),
}

impl Feed {
    pub(super) fn of(source: Source) -> Self {
        Self { source }
    }

    /// The first event that is kept; `None` while there is none.
    pub fn first(&self) -> Result<Option<Seq>, Error> {
        match &self.source {
            Source::Sqlite(reader) => reader.ask("find the first event", |connection| {
                let first: Option<i64> =
                    connection.query_row("SELECT min(seq) FROM journal", [], |row| row.get(0))?;
                Ok(first.map(|seq| Seq(seq.cast_unsigned())))
            }),
            Source::Memory(store) => Ok((store.last_durable() > Seq(0)).then_some(Seq(1))),
        }
    }

    /// The events after `after`, some 256 KB of them.
    pub fn after(&self, after: Seq) -> Result<Stretch, Error> {
        self.stretch(after, STRETCH_BYTES_MAX)
    }

    /// That one event; `None` if it is not kept, or has not happened yet.
    pub fn event(&self, seq: Seq) -> Result<Option<Entry>, Error> {
        let Some(before) = seq.0.checked_sub(1) else { return Ok(None) };
        Ok(match self.stretch(Seq(before), 1)? {
            Stretch::Events(entries) => entries.into_iter().find(|entry| entry.seq == seq),
            Stretch::Gone(_) => None,
        })
    }

    /// The events after `after`, to the end of the row that brings them to `bytes_max`.
    fn stretch(&self, after: Seq, bytes_max: usize) -> Result<Stretch, Error> {
        let mut frames = Vec::new();
        let place = match &self.source {
            Source::Sqlite(reader) => {
                reader.ask("read events", |connection| {
                    rows::frames_after(connection, after, bytes_max, &mut frames)
                })?;
                reader.place()
            }
            Source::Memory(store) => {
                store.frames_after(after, bytes_max, &mut frames);
                "memory"
            }
        };
        let mut entries = Vec::new();
        let mut last = after;
        for bytes in frames {
            let broken = |source| Error::Frame { place: place.into(), row: last, source };
            let frame = Frame::parse(&bytes).map_err(broken)?;
            if frame.first() > Seq(last.0 + 1) {
                return Ok(Stretch::Gone(frame.first()));
            }
            for (seq, (at, event, about)) in
                (frame.first().0..).map(Seq).zip(frame.entries().map_err(broken)?)
            {
                if seq > after {
                    entries.push(Entry { seq, at, event, about });
                }
            }
            last = frame.last();
        }
        Ok(Stretch::Events(entries))
    }

    /// At most `rows_max` of the policies that came into force before event `before`, the newest first.
    pub fn policies(&self, before: Seq, rows_max: usize) -> Result<Vec<PolicyVersion>, Error> {
        match &self.source {
            Source::Sqlite(reader) => reader
                .ask("list policies", |connection| policies::list(connection, before, rows_max)),
            Source::Memory(store) => Ok(store.policies(before, rows_max)),
        }
    }
}
