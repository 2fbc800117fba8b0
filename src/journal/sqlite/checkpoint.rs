//! Keeps the WAL short without making the writer wait: a thread of its own with a connection of its own.
//!
//! The writer rings when the WAL has grown; the thread copies it into the database (a PASSIVE
//! checkpoint blocks nobody). Under load the writer has appended more meanwhile, and a WAL begins anew
//! only when all of it has been copied, so the small rest is left to the writer, who does it between two
//! batches. A writer who is far ahead waits for the thread: the WAL has a limit.

use super::schema::failed;
use crate::journal::Error;
use rusqlite::Connection;
use rusqlite::hooks::Wal;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;

/// Bytes written to the WAL between two checkpoints. The thread takes turns with the server where there is one
/// core, so a longer checkpoint is a longer wait: submits of `tierline bench` at 8 x 8 took 7.5 ms at p99 with 8 MiB,
/// 5.9 ms with 2 and 4.8 ms with 1, at the same rate; but each also syncs the database.
const CHECKPOINT_BYTES: u64 = 2 << 20;
/// Bytes written during one checkpoint after which the writer waits for its end.
const AHEAD_BYTES_MAX: u64 = 32 << 20;
/// The rest that the writer may do itself, in pages: about a millisecond.
const REST_PAGES_MAX: i64 = 256;
/// How often the thread runs after the writer before it gives the rest away however large it is.
const ROUNDS_MAX: u32 = 4;

/// The writer's end.
#[derive(Debug)]
pub(super) struct Checkpointer {
    ring: Option<SyncSender<()>>,
    done: Receiver<Outcome>,
    thread: Option<JoinHandle<()>>,
    is_running: bool,
    has_failed: bool,
    /// Pages written to the WAL since the last checkpoint ended, or since the running one began.
    written: Arc<AtomicU64>,
    page_bytes: u64,
}

/// What the thread answers to a ring. A sync of the database that failed means that what it did not
/// write is gone: the WAL must be kept, and the process must stop.
type Outcome = rusqlite::Result<()>;

/// Adds the pages of each commit of `writer` to `written`.
fn count_pages(writer: &mut Connection, written: Arc<AtomicU64>) -> rusqlite::Result<()> {
    let mut before = 0;
    writer.wal_hook(Some(move |_: &mut Wal, in_wal: i32| {
        let in_wal = u64::from(in_wal.unsigned_abs());
        // A WAL that has become shorter has begun anew.
        let grown = in_wal.checked_sub(before).unwrap_or(in_wal);
        before = in_wal;
        written.fetch_add(grown, Ordering::Relaxed);
        Ok(())
    }))
}

/// How far a checkpoint came, in pages.
struct Progress {
    in_wal: i64,
    copied: i64,
}

impl Checkpointer {
    /// Looks after the WAL of the file at `path`, into which `writer` writes.
    pub(super) fn start(
        writer: &mut Connection,
        path: PathBuf,
        place: Box<str>,
    ) -> Result<Self, Error> {
        let doing = failed(&place, "read the size of a page");
        let page_bytes: i64 =
            writer.pragma_query_value(None, "page_size", |row| row.get(0)).map_err(doing)?;
        let written = Arc::new(AtomicU64::new(0));
        count_pages(writer, written.clone()).map_err(failed(&place, "watch the WAL"))?;
        let connection = Connection::open(&path).map_err(failed(&place, "open for checkpoints"))?;
        connection
            .pragma_update(None, "synchronous", "full")
            .map_err(failed(&place, "synchronous"))?;
        let (ring, bell) = sync_channel(1);
        let (tell, done) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("tierline-checkpoint".into())
            .spawn(move || run(&connection, &bell, &tell, &place))
            .map_err(|source| Error::Io { path, source })?;
        Ok(Self {
            ring: Some(ring),
            done,
            thread: Some(thread),
            is_running: false,
            has_failed: false,
            written,
            page_bytes: page_bytes.unsigned_abs(),
        })
    }

    /// Told after every commit; may copy a small rest on `connection`, the writer's.
    pub(super) fn wrote(&mut self, connection: &Connection) -> Outcome {
        let outcome = self.turn(connection);
        self.has_failed |= outcome.is_err();
        outcome
    }

    /// Whether a sync of the database has failed, so that nothing may be written any more.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed
    }

    fn turn(&mut self, connection: &Connection) -> Outcome {
        const ALIVE: &str = "the thread answers every ring before it ends";
        let written = self.written.load(Ordering::Relaxed) * self.page_bytes;
        if self.is_running {
            let outcome = if written < AHEAD_BYTES_MAX {
                match self.done.try_recv() {
                    Err(TryRecvError::Empty) => return Ok(()),
                    other => other.expect(ALIVE),
                }
            } else {
                self.done.recv().expect(ALIVE)
            };
            self.is_running = false;
            self.written.store(0, Ordering::Relaxed);
            outcome?;
            unless_harmless(checkpoint(connection).map(drop))?;
        } else if written >= CHECKPOINT_BYTES {
            let ring = self.ring.as_ref().expect("taken only when dropped");
            ring.send(()).expect("the thread ends only after a failure");
            self.is_running = true;
            self.written.store(0, Ordering::Relaxed);
        }
        Ok(())
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        drop(self.ring.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

fn run(connection: &Connection, bell: &Receiver<()>, tell: &SyncSender<Outcome>, place: &str) {
    while bell.recv().is_ok() {
        let outcome = copy_most(connection);
        if let Err(error) = &outcome {
            tracing::warn!(%error, place, "checkpoint failed");
        }
        let outcome = unless_harmless(outcome);
        let is_last = outcome.is_err();
        // Nobody listens any more when the journal is closing.
        if tell.send(outcome).is_err() || is_last {
            return;
        }
    }
}

/// Copies until what the writer has added meanwhile is small.
fn copy_most(connection: &Connection) -> Outcome {
    for _ in 0..ROUNDS_MAX {
        let Progress { in_wal, copied } = checkpoint(connection)?;
        if in_wal - copied <= REST_PAGES_MAX {
            break;
        }
    }
    Ok(())
}

fn checkpoint(connection: &Connection) -> rusqlite::Result<Progress> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok(Progress { in_wal: row.get(1)?, copied: row.get(2)? })
    })
}

/// Without space, or beside another checkpoint, nothing is lost: the WAL keeps everything and grows.
fn unless_harmless(outcome: Outcome) -> Outcome {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
    match &outcome {
        Err(error)
            if matches!(
                error.sqlite_error_code(),
                Some(DatabaseBusy | DatabaseLocked | DiskFull)
            ) =>
        {
            Ok(())
        }
        _ => outcome,
    }
}
