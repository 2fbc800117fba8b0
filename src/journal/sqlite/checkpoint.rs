//! Keeps the WAL short without making the writer wait: a thread of its own with a connection of its own.
//!
//! The writer rings when the WAL has grown; the thread copies it into the database (a PASSIVE
//! checkpoint blocks nobody). Under load the writer has appended more meanwhile, and a WAL begins anew
//! only when all of it has been copied, so the thread leaves the small rest to the writer, who does it
//! between two batches.

use super::schema::failed;
use crate::journal::Error;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// Bytes written to the WAL between two checkpoints. Half of it costs some percent of the commits,
/// twice as much keeps more than the file system writes back in time.
const CHECKPOINT_BYTES: u64 = 8 << 20;
/// The rest that the writer may do itself, in pages: about a millisecond.
const REST_PAGES_MAX: i64 = 256;
/// How often the thread runs after the writer before it gives the rest away however large it is.
const ROUNDS_MAX: u32 = 4;

/// The writer's end.
#[derive(Debug)]
pub(super) struct Checkpointer {
    ring: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
    written: u64,
}

#[derive(Debug, Default)]
struct Shared {
    /// The writer is asked to copy the rest.
    is_rest_for_writer: AtomicBool,
    /// A sync of the database failed: what it did not write is gone, so the WAL must be kept and the
    /// process must stop.
    has_failed: AtomicBool,
}

/// How far a checkpoint came, in pages.
struct Progress {
    in_wal: i64,
    copied: i64,
}

impl Checkpointer {
    pub(super) fn start(path: PathBuf, place: Box<str>) -> Result<Self, Error> {
        let connection = Connection::open(&path).map_err(failed(&place, "open for checkpoints"))?;
        connection
            .pragma_update(None, "synchronous", "full")
            .map_err(failed(&place, "synchronous"))?;
        let shared = Arc::new(Shared::default());
        let (ring, bell) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("tierline-checkpoint".into())
            .spawn({
                let shared = Arc::clone(&shared);
                move || run(&connection, &bell, &shared, &place)
            })
            .map_err(|source| Error::Io { path, source })?;
        Ok(Self { ring: Some(ring), thread: Some(thread), shared, written: 0 })
    }

    /// Told after every commit about how many bytes it wrote; may copy a small rest on `connection`.
    pub(super) fn wrote(
        &mut self,
        bytes: u64,
        connection: &Connection,
    ) -> Result<(), rusqlite::Error> {
        if self.shared.is_rest_for_writer.swap(false, Ordering::Acquire) {
            let result = checkpoint(connection);
            return self.judge(result);
        }
        self.written += bytes;
        if self.written < CHECKPOINT_BYTES {
            return Ok(());
        }
        let ring = self.ring.as_ref().expect("taken only when dropped");
        match ring.try_send(()) {
            // A full channel means that the thread will look again after this.
            Ok(()) | Err(TrySendError::Full(())) => self.written = 0,
            // It has ended, which it does only after a failure.
            Err(TrySendError::Disconnected(())) => {}
        }
        Ok(())
    }

    /// Whether a sync of the database has failed, so that nothing may be written any more.
    pub(super) fn has_failed(&self) -> bool {
        self.shared.has_failed.load(Ordering::Acquire)
    }

    fn judge(&self, result: rusqlite::Result<Progress>) -> rusqlite::Result<()> {
        match result {
            Ok(_) => Ok(()),
            Err(error) if is_harmless(&error) => Ok(()),
            Err(error) => {
                self.shared.has_failed.store(true, Ordering::Release);
                Err(error)
            }
        }
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

fn run(connection: &Connection, bell: &Receiver<()>, shared: &Shared, place: &str) {
    while bell.recv().is_ok() {
        let mut rounds = 0;
        loop {
            rounds += 1;
            match checkpoint(connection) {
                Ok(Progress { in_wal, copied }) => {
                    let rest = in_wal - copied;
                    // Even when all was copied the writer may have gone on since; it finds out at once.
                    if rest <= REST_PAGES_MAX || rounds == ROUNDS_MAX {
                        shared.is_rest_for_writer.store(true, Ordering::Release);
                        break;
                    }
                }
                Err(error) if is_harmless(&error) => {
                    tracing::warn!(%error, place, "checkpoint put off; the WAL grows until there is space");
                    break;
                }
                Err(error) => {
                    tracing::error!(%error, place, "checkpoint failed; the server must stop");
                    shared.has_failed.store(true, Ordering::Release);
                    return;
                }
            }
        }
    }
}

fn checkpoint(connection: &Connection) -> rusqlite::Result<Progress> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok(Progress { in_wal: row.get(1)?, copied: row.get(2)? })
    })
}

/// No space, or another checkpoint at the same time: the WAL keeps everything.
fn is_harmless(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked, DiskFull};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked | DiskFull))
}
