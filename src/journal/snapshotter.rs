//! Makes snapshots in a thread of its own, from what is on disk: the newest snapshot, and the journal
//! since. The server never pauses for it, and what is on disk is read back all the time.

use super::replay::Replay;
use super::sqlite::{SqliteStore, rows, schema};
use super::{Error, Seq, snapshot};
use crate::engine::{Engine, Limits};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// The journal's end.
#[derive(Debug)]
pub(super) struct Snapshotter {
    ask: Option<SyncSender<Seq>>,
    thread: Option<JoinHandle<()>>,
    shared: Arc<Shared>,
}

/// What the thread tells.
#[derive(Debug, Default)]
struct Shared {
    /// The newest snapshot; 0 when there is none.
    newest: AtomicU64,
    /// The journal is needed only after this event; 0 when all of it is.
    spare: AtomicU64,
    /// The journal is closing: give up.
    is_closing: AtomicBool,
    /// Why the last snapshot was not made.
    trouble: Mutex<Option<Trouble>>,
}

/// Why there is no newer snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// For the operator.
    pub message: String,
    /// Whether what is on disk cannot be read back: more than a disk without space.
    pub is_damage: bool,
}

impl Snapshotter {
    pub(super) fn start(dir: &Path) -> Result<Self, Error> {
        let shared = Arc::new(Shared::default());
        if let Some((seq, _)) = snapshot::list(dir)?.last() {
            shared.newest.store(seq.0, Ordering::Release);
        }
        if let Some(spare) = snapshot::remove_old(dir)? {
            shared.spare.store(spare.0, Ordering::Release);
        }
        let (ask, asked) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("tierline-snapshot".into())
            .spawn({
                let (dir, shared) = (dir.to_path_buf(), Arc::clone(&shared));
                move || run(&dir, &asked, &shared)
            })
            .map_err(|source| Error::Io { path: dir.into(), source })?;
        Ok(Self { ask: Some(ask), thread: Some(thread), shared })
    }

    /// Asks for a snapshot of the state after event `seq`, which ends a batch and is durable. `false`
    /// while an earlier wish waits: ask again later.
    pub(super) fn ask(&self, seq: Seq) -> bool {
        let ask = self.ask.as_ref().expect("taken only when dropped");
        match ask.try_send(seq) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }

    pub(super) fn newest(&self) -> Seq {
        Seq(self.shared.newest.load(Ordering::Acquire))
    }

    pub(super) fn spare(&self) -> Seq {
        Seq(self.shared.spare.load(Ordering::Acquire))
    }

    pub(super) fn trouble(&self) -> Option<Trouble> {
        let is_gone = self.thread.as_ref().is_some_and(std::thread::JoinHandle::is_finished);
        self.shared.lock_trouble().clone().or_else(|| {
            is_gone.then(|| Trouble {
                message: "the thread that makes snapshots has ended; the log says why".to_owned(),
                is_damage: true,
            })
        })
    }
}

impl Drop for Snapshotter {
    fn drop(&mut self) {
        self.shared.is_closing.store(true, Ordering::Release);
        drop(self.ask.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been reported by the panic hook already.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock_trouble(&self) -> std::sync::MutexGuard<'_, Option<Trouble>> {
        // The value is replaced whole.
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(dir: &Path, asked: &Receiver<Seq>, shared: &Shared) {
    while let Ok(mut seq) = asked.recv() {
        // Only the newest wish counts.
        while let Ok(newer) = asked.try_recv() {
            seq = newer;
        }
        let trouble = match make(dir, seq, shared) {
            Ok(Some(path)) => {
                tracing::info!(%seq, path = %path.display(), "snapshot written");
                None
            }
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, %seq, "no snapshot; the journal is kept and grows");
                Some(Trouble {
                    message: error.to_string(),
                    is_damage: !matches!(error, Error::Io { .. }),
                })
            }
        };
        *shared.lock_trouble() = trouble;
    }
}

/// Writes the snapshot of event `until`; `None` when the journal is closing.
fn make(dir: &Path, until: Seq, shared: &Shared) -> Result<Option<PathBuf>, Error> {
    let mut replay = newest(dir)?;
    let path = SqliteStore::path(dir);
    let place = path.display().to_string();
    let connection = schema::open_reader(&path, &place)?;
    let after = replay.link.last;
    let mut is_closing = false;
    rows::replay(&connection, &place, after, &mut |row, bytes| {
        is_closing |= shared.is_closing.load(Ordering::Acquire);
        if is_closing || row > until {
            return Ok(rows::Next::Stop);
        }
        replay.row(&place, row, bytes)?;
        Ok(rows::Next::Go)
    })?;
    if is_closing {
        return Ok(None);
    }
    let link = replay.link;
    let image = replay.engine.image();
    // The image has all of it; both are the size of the server's own engine.
    drop(replay);
    let path = snapshot::write(dir, link, &image)?;
    let spare = snapshot::remove_old(dir)?;
    shared.newest.store(link.last.0, Ordering::Release);
    if let Some(spare) = spare {
        shared.spare.store(spare.0, Ordering::Release);
    }
    Ok(Some(path))
}

/// The engine of the newest snapshot, or an empty one.
pub(super) fn newest(dir: &Path) -> Result<Replay, Error> {
    let Some((_, path)) = snapshot::list(dir)?.pop() else {
        return Ok(Replay::new(Engine::new(Limits::default()), super::frame::Link::default()));
    };
    let (link, image) = snapshot::read(&path)?;
    Ok(Replay::new(Engine::from_image(image, Limits::default()), link))
}
