//! Durable events: what is acknowledged is on disk, and what is on disk can be read or is named.
//!
//! ```text
//!  data/LOCK            one server a directory
//!  data/tierline.db     SQLite: journal (frames of events), finished (the history, for people)
//!  data/snapshots/      the engine after some event; two are kept
//! ```
//!
//! [`Journal`] gathers events and commits them as one [`frame`] of [`record`]s into a [`Store`]:
//! [`SqliteStore`], or [`MemoryStore`] in tests. Snapshots come from a thread that replays the files.
//! The journal decides nothing and reads no clock; it names the engine, and nothing but the engine.

mod contacts;
mod decided;
mod error;
mod feed;
mod finished;
pub mod frame;
mod history;
mod lock;
pub mod memory;
mod policies;
pub mod record;
mod replay;
mod served;
pub mod snapshot;
mod snapshotter;
mod sqlite;
mod store;
mod verify;

pub use contacts::{CONTACTS_LOOKED_AT_MAX, PastContact, PastContacts};
pub use decided::{Decided, DecidedHead};
pub use error::{Error, SnapshotDamage};
pub use feed::{Entry, Feed, Stretch};
pub use finished::{FinishedRow, FinishedState, Work, WrittenUp};
pub use frame::Link;
pub use history::{Filter, History, Page};
pub use memory::MemoryStore;
pub use policies::{POLICY_VERSIONS_MAX, PolicyVersion};
pub use record::{About, state_hash};
pub use served::Served;
pub use snapshotter::Trouble;
pub use sqlite::SqliteStore;
pub use store::{AppendError, Batch, Store, Visit};
pub use verify::{Report, verify};

use crate::engine::command::{Earlier, Event};
use crate::engine::model::{TicketId, TierIx, Time};
use crate::engine::{Engine, Limits};
use frame::Builder;
use lock::Lock;
use replay::Replay;
use snapshotter::Snapshotter;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Events between two slices of [`Journal::tidy`]: a slice is a commit of its own, so not too few, and
/// its length grows with their number, so not too many.
const TIDY_EVENTS: u64 = 256;
/// Rows that one transaction removes while room is made.
const ROOM_ROWS: usize = 4096;

/// The number of an event: 1 for the first of a data directory, and no gaps. 0 is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a journal on disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Largest size of `tierline.db` in bytes; `None` is as large as the disk.
    pub size_max: Option<u64>,
    /// A snapshot is made after this many events, at least 1.
    pub snapshot_events: u64,
    /// A snapshot is made after this many bytes of frames as well, at least 1.
    pub snapshot_bytes: u64,
}

impl Default for Settings {
    /// A million events or 256 MiB: a second or two of replay at a start.
    fn default() -> Self {
        Self { size_max: None, snapshot_events: 1_000_000, snapshot_bytes: 256 << 20 }
    }
}

/// What a start found.
#[derive(Debug)]
pub struct Recovered {
    /// The engine after the last event.
    pub engine: Engine,
    /// The last event; 0 when the journal is new.
    pub last_seq: Seq,
    /// Its instant.
    pub last_at: Time,
    /// The snapshot that was loaded, if one was.
    pub snapshot_seq: Option<Seq>,
    /// How many events were replayed after it.
    pub replayed_count: u64,
}

/// The one writer of a data directory.
pub struct Journal {
    // Dropped in this order: the threads end before the lock is given up.
    snapshotter: Option<Snapshotter>,
    store: Box<dyn Store>,
    builder: Builder,
    /// The policies that the batch puts in force.
    policies: Vec<PolicyVersion>,
    /// The tickets of the history that the batch has seen written up.
    written_up: Vec<WrittenUp>,
    link: Link,
    settings: Settings,
    /// Events and bytes since the last snapshot was asked for.
    events_since: u64,
    bytes_since: u64,
    tidying: Tidying,
    /// The data directory; `None` when the store is in memory.
    dir: Option<PathBuf>,
    _lock: Option<Lock>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("place", &self.store.place())
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

impl Journal {
    /// Opens the data directory `dir`, or makes it: takes its lock, loads the newest snapshot and
    /// replays the journal after it.
    ///
    /// With a limit on the size, a snapshot is made after a quarter of it at the latest, so that what
    /// two snapshots make superfluous can be removed in time.
    pub fn open(
        dir: &Path,
        mut settings: Settings,
        limits: Limits,
    ) -> Result<(Self, Recovered), Error> {
        if let Some(size_max) = settings.size_max {
            settings.snapshot_bytes = settings.snapshot_bytes.min(size_max / 4).max(1);
        }
        fs::create_dir_all(dir).map_err(|source| Error::Io { path: dir.into(), source })?;
        let lock = Lock::take(dir)?;
        snapshot::prepare(dir)?;
        let mut store = SqliteStore::open(dir, settings.size_max)?;
        let mut replay = snapshotter::newest(dir)?;
        replay.engine.set_limits(limits);
        let snapshot_seq = Some(replay.link.last).filter(|seq| *seq > Seq(0));
        if let Some(snapshot) = snapshot_seq.filter(|seq| *seq > store.last()) {
            let newest = snapshot::list(dir)?.pop();
            return Err(Error::Behind {
                place: store.place().into(),
                last: store.last(),
                path: newest.map(|(_, path)| path).unwrap_or_default(),
                snapshot,
            });
        }
        let bytes_since = replay_store(&mut store, &mut replay)?;
        keep_policy(&mut store, dir, &replay)?;
        let journal = Self {
            snapshotter: Some(Snapshotter::start(dir)?),
            store: Box::new(store),
            builder: Builder::default(),
            policies: Vec::new(),
            written_up: Vec::new(),
            link: replay.link,
            settings,
            events_since: replay.event_count,
            bytes_since,
            tidying: Tidying::default(),
            dir: Some(dir.into()),
            _lock: Some(lock),
        };
        Ok((journal, recovered(replay, snapshot_seq)))
    }

    /// A journal on any store, without snapshots: everything is replayed.
    pub fn with_store(
        mut store: Box<dyn Store>,
        limits: Limits,
    ) -> Result<(Self, Recovered), Error> {
        let mut replay = Replay::new(Engine::new(limits), Link::default());
        replay_store(&mut *store, &mut replay)?;
        let journal = Self {
            snapshotter: None,
            store,
            builder: Builder::default(),
            policies: Vec::new(),
            written_up: Vec::new(),
            link: replay.link,
            settings: Settings::default(),
            events_since: 0,
            bytes_since: 0,
            tidying: Tidying::default(),
            dir: None,
            _lock: None,
        };
        Ok((journal, recovered(replay, None)))
    }

    /// Adds an event to the batch.
    pub fn push(&mut self, at: Time, event: &Event) {
        self.push_about(at, event, None);
    }

    /// Adds an event to the batch, with the id and the tier of the ticket it is about.
    pub fn push_about(&mut self, at: Time, event: &Event, about: Option<(&TicketId, TierIx)>) {
        self.builder.push_about(at, event, about);
        self.policies.extend(PolicyVersion::of(self.pushed(), at, event));
        self.written_up.extend(WrittenUp::of(event));
    }

    /// The number of the event pushed last.
    pub fn pushed(&self) -> Seq {
        Seq(self.link.last.0 + u64::from(self.builder.count()))
    }

    /// Makes the batch and the tickets it ended durable, and empties it; gives the last event that is
    /// durable. An empty batch costs nothing.
    ///
    /// After [`AppendError::Full`] the batch is still there: the same call may succeed later, or
    /// [`Self::recover`] forgets it. After any other error the process must stop.
    pub fn commit(&mut self, finished: &[FinishedRow]) -> Result<Seq, AppendError> {
        if self.builder.is_empty() {
            assert!(finished.is_empty(), "only events end tickets");
            return Ok(self.link.last);
        }
        let frame = self.builder.seal(self.link);
        let batch = Batch { finished, written_up: &self.written_up, policies: &self.policies };
        self.store.append(self.link.last, &frame, &batch)?;
        self.link = frame.link();
        self.events_since += u64::from(frame.count());
        self.bytes_since += frame.bytes().len() as u64;
        self.tidying.committed(u64::from(frame.count()));
        self.builder.clear();
        self.policies.clear();
        self.written_up.clear();
        if self.events_since >= self.settings.snapshot_events
            || self.bytes_since >= self.settings.snapshot_bytes
        {
            self.ask_for_snapshot();
        }
        Ok(self.link.last)
    }

    /// How many events wait for [`Self::commit`].
    pub fn pending_count(&self) -> u32 {
        self.builder.count()
    }

    /// How many bytes wait for [`Self::commit`]. A batch is best kept below a few MiB.
    pub fn pending_bytes(&self) -> usize {
        self.builder.len()
    }

    /// The last event that is durable.
    pub fn last(&self) -> Seq {
        self.link.last
    }

    /// Whether there is space again after [`AppendError::Full`]; costs two commits.
    pub fn probe(&mut self) -> Result<(), AppendError> {
        self.store.probe()
    }

    /// The ticket of that id that ended last and may have left the engine's memory: a point query.
    pub fn earlier(&mut self, id: &str) -> Result<Option<Earlier>, Error> {
        self.store.earlier(id)
    }

    /// The ticket of that id that ended last: a point query.
    pub fn ended(&mut self, id: &str) -> Result<Option<FinishedRow>, Error> {
        self.store.ended(id)
    }

    /// The history's read side, for other threads.
    pub fn history(&self) -> Result<History, Error> {
        self.store.history()
    }

    /// The text that the policy file had when it was read last, at a start or later; `None` when no
    /// policy has been kept.
    pub fn last_policy_of_file(&mut self) -> Result<Option<Box<str>>, Error> {
        self.store.last_policy_of_file()
    }

    /// Forgets the batch, and gives the engine as the disk has it: what to do after
    /// [`AppendError::Full`] when the engine has gone ahead. Takes as long as a start.
    pub fn recover(&mut self, limits: Limits) -> Result<Engine, Error> {
        self.builder.clear();
        self.policies.clear();
        self.written_up.clear();
        let mut replay = self.start_point()?;
        replay_store(&mut *self.store, &mut replay)?;
        assert_eq!(replay.link, self.link, "the one writer knows where its journal ends");
        replay.engine.set_limits(limits);
        Ok(replay.engine)
    }

    /// Removes a small slice of what is needed no longer: finished tickets that ended before `cutoff`,
    /// and journal rows before the older snapshot. Meant to be called after every commit: most calls do
    /// nothing, and together they keep up with any load.
    pub fn tidy(&mut self, cutoff: Time) -> Result<(), AppendError> {
        if !self.tidying.is_due() {
            return Ok(());
        }
        let slice = self.tidying.slice();
        self.store.purge_history(cutoff, slice)?;
        let spare = self.snapshotter.as_ref().map_or(Seq(0), Snapshotter::spare);
        if spare > self.tidying.truncated && self.store.truncate_before(spare, slice)? < slice {
            self.tidying.truncated = spare;
        }
        self.tidying.done();
        Ok(())
    }

    /// Makes the next [`Self::tidy`] do something however little has happened: for quiet times.
    pub fn tidy_soon(&mut self) {
        self.tidying.events = self.tidying.events.max(TIDY_EVENTS);
    }

    /// What can be done about a journal without space: removes all that is needed no longer, and asks
    /// for a snapshot, after which more may be.
    pub fn make_room(&mut self, cutoff: Time) -> Result<(), AppendError> {
        while self.store.purge_history(cutoff, ROOM_ROWS)? == ROOM_ROWS {}
        if let Some(snapshotter) = &self.snapshotter {
            let spare = snapshotter.spare();
            while self.store.truncate_before(spare, ROOM_ROWS)? == ROOM_ROWS {}
        }
        self.ask_for_snapshot();
        Ok(())
    }

    /// The engine and the point of the journal from which to replay.
    fn start_point(&self) -> Result<Replay, Error> {
        match &self.dir {
            Some(dir) => snapshotter::newest(dir),
            None => Ok(Replay::new(Engine::new(Limits::default()), Link::default())),
        }
    }

    /// Asks for a snapshot now, in the background; nothing happens while one is being asked for.
    pub fn ask_for_snapshot(&mut self) {
        let Some(snapshotter) = &self.snapshotter else {
            return;
        };
        if self.link.last > snapshotter.newest() && snapshotter.ask(self.link.last) {
            self.events_since = 0;
            self.bytes_since = 0;
        }
    }

    /// The newest snapshot, if there is one.
    pub fn snapshot(&self) -> Option<Seq> {
        let newest = self.snapshotter.as_ref()?.newest();
        Some(newest).filter(|seq| *seq > Seq(0))
    }

    /// Why the last snapshot failed; `None` when it did not.
    pub fn trouble(&self) -> Option<Trouble> {
        self.snapshotter.as_ref()?.trouble()
    }
}

/// When to tidy, and how much at once.
#[derive(Debug, Default)]
struct Tidying {
    /// Events since the last slice.
    events: u64,
    /// Journal rows up to here are gone.
    truncated: Seq,
}

impl Tidying {
    fn committed(&mut self, events: u64) {
        self.events += events;
    }

    fn is_due(&self) -> bool {
        self.events >= TIDY_EVENTS
    }

    /// At least as many rows as can have been added since, so that a backlog shrinks: every row of the
    /// journal has an event, and so has every ticket's end.
    fn slice(&self) -> usize {
        usize::try_from(self.events).unwrap_or(usize::MAX)
    }

    fn done(&mut self) {
        self.events = 0;
    }
}

/// Makes sure that the policy in force is among those that are kept. It is not after a release that
/// kept none: then those of the journal's rows are gathered, and that of the oldest snapshot before them.
fn keep_policy(store: &mut SqliteStore, dir: &Path, replay: &Replay) -> Result<(), Error> {
    if replay.link.last == Seq(0) {
        return Ok(());
    }
    let feed = store.history()?.feed();
    let known = feed.policies(Seq(i64::MAX.cast_unsigned()), 1)?;
    let in_force = replay.engine.policy();
    if known.first().is_some_and(|known| known.policy == *in_force) {
        return Ok(());
    }
    let mut found = Vec::new();
    if known.is_empty() {
        if let Some((_, oldest)) = snapshot::list(dir)?.first() {
            let (link, image) = snapshot::read(oldest)?;
            found.push(PolicyVersion::found(link.last, image.at, &image.policy));
        }
        let place = store.place().to_owned();
        store.replay(Seq(0), &mut |row, bytes| {
            let broken = |source| Error::Frame { place: place.as_str().into(), row, source };
            let events = frame::Frame::parse(bytes).and_then(|frame| frame.events());
            let numbered = (row.0..).map(Seq).zip(events.map_err(broken)?);
            found.extend(
                numbered.filter_map(|(seq, (at, event))| PolicyVersion::of(seq, at, &event)),
            );
            Ok(())
        })?;
    }
    if found.last().is_none_or(|last| last.policy != *in_force) {
        found.push(PolicyVersion::found(replay.link.last, replay.engine.at(), in_force));
    }
    match store.keep_policies(&found) {
        Ok(()) => Ok(()),
        // They are gathered again at the next start; until then old events may lack names.
        Err(error) => {
            tracing::warn!(%error, "the versions of the policy were not kept");
            Ok(())
        }
    }
}

/// Replays all of `store` after the replay's own point; how many bytes that was.
fn replay_store(store: &mut dyn Store, replay: &mut Replay) -> Result<u64, Error> {
    let place = store.place().to_owned();
    let mut bytes = 0;
    store.replay(replay.link.last, &mut |row, frame| {
        bytes += frame.len() as u64;
        replay.row(&place, row, frame)
    })?;
    Ok(bytes)
}

fn recovered(replay: Replay, snapshot_seq: Option<Seq>) -> Recovered {
    Recovered {
        last_seq: replay.link.last,
        last_at: replay.engine.at(),
        engine: replay.engine,
        snapshot_seq,
        replayed_count: replay.event_count,
    }
}
