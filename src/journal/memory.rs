//! The storage double for tests: the same frames in memory, with live and durable bytes apart, and
//! every fault a disk can have.
//!
//! A write changes the live bytes; only a sync copies them to the durable ones. After a crash the
//! durable bytes are there and any prefix of what had been written since.

use super::frame::{self, Frame};
use super::store::Visit;
use super::{AppendError, Batch, Error, FinishedRow, History, PolicyVersion, Seq, Store};
use crate::engine::command::Earlier;
use crate::engine::life::{Leg, Stay};
use crate::engine::model::Time;
use std::sync::{Arc, Mutex, MutexGuard};

/// A journal in memory. Clones are the same store: a test keeps one and looks into it.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Debug, Default)]
struct Disk {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// In the order of `seq`; lives and dies with the frames.
    finished: Vec<FinishedRow>,
    /// Likewise.
    policies: Vec<PolicyVersion>,
    last: Seq,
    sync_count: u64,
    fail_sync: Option<u64>,
    is_full: bool,
    has_failed: bool,
}

impl MemoryStore {
    /// A store that holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a disk that holds `bytes` is found to hold after a crash: a frame that ends too early is the
    /// tail that was being written, and is cut. Anything else that does not agree is damage.
    pub fn reopen(bytes: &[u8]) -> Result<Self, Error> {
        let mut rest = bytes;
        let mut last = Seq(0);
        loop {
            match Frame::parse_first(rest) {
                Ok((frame, more)) => {
                    last = frame.last();
                    rest = more;
                }
                Err(frame::Error::Torn { .. }) => break,
                Err(source) => {
                    return Err(Error::Frame { place: PLACE.into(), row: Seq(last.0 + 1), source });
                }
            }
        }
        let whole = bytes[..bytes.len() - rest.len()].to_vec();
        let disk = Disk { live: whole.clone(), durable: whole, last, ..Disk::default() };
        Ok(Self { disk: Arc::new(Mutex::new(disk)) })
    }

    /// The same store after a crash: the durable bytes, and `torn` bytes of what was written since.
    pub fn crash(&self, torn: usize) -> Result<Self, Error> {
        let disk = self.lock();
        let kept = (disk.durable.len() + torn).min(disk.live.len());
        let after = Self::reopen(&disk.live[..kept])?;
        let mut new = after.lock();
        let last = new.last;
        new.finished.clone_from(&disk.finished);
        new.finished.retain(|row| row.seq <= last);
        new.policies.clone_from(&disk.policies);
        new.policies.retain(|version| version.seq <= last);
        drop(new);
        Ok(after)
    }

    /// Everything written, synced or not.
    pub fn live(&self) -> Vec<u8> {
        self.lock().live.clone()
    }

    /// Everything that survives a crash for certain.
    pub fn durable(&self) -> Vec<u8> {
        self.lock().durable.clone()
    }

    /// Every finished ticket, in the order of ending.
    pub fn finished(&self) -> Vec<FinishedRow> {
        self.lock().finished.clone()
    }

    /// The last event that is durable.
    pub(super) fn last_durable(&self) -> Seq {
        self.lock().last
    }

    /// Adds the durable frames from the one with the event after `after`, until they hold `bytes_max`.
    pub(super) fn frames_after(&self, after: Seq, bytes_max: usize, frames: &mut Vec<Vec<u8>>) {
        let disk = self.lock();
        let mut rest = &*disk.durable;
        let mut bytes = 0;
        while bytes < bytes_max
            && let Ok((frame, more)) = Frame::parse_first(rest)
        {
            if frame.last() > after {
                bytes += frame.bytes().len();
                frames.push(frame.bytes().to_vec());
            }
            rest = more;
        }
    }

    /// The policies that came into force before event `before`, the newest first.
    pub(super) fn policies(&self, before: Seq, rows_max: usize) -> Vec<PolicyVersion> {
        let disk = self.lock();
        let older = disk.policies.iter().rev().filter(|version| version.seq < before);
        older.take(rows_max).cloned().collect()
    }

    /// Makes the `n`th sync from now fail (1 is the next), and everything after it.
    pub fn fail_sync(&self, n: u64) {
        let mut disk = self.lock();
        disk.fail_sync = Some(disk.sync_count + n);
    }

    /// Refuses every write for want of space, until told otherwise.
    pub fn set_full(&self, is_full: bool) {
        self.lock().is_full = is_full;
    }

    fn lock(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().expect("no test panics while holding it")
    }
}

/// Its name in messages.
const PLACE: &str = "memory";

impl Disk {
    fn check_space(&self) -> Result<(), AppendError> {
        if self.has_failed {
            return Err(unknown("an earlier sync failed"));
        }
        if self.is_full {
            return Err(AppendError::Full {
                place: PLACE.into(),
                reason: "told to be full".into(),
            });
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), AppendError> {
        self.sync_count += 1;
        if self.fail_sync.is_some_and(|at| self.sync_count >= at) {
            self.has_failed = true;
            return Err(unknown("told to fail the sync"));
        }
        self.durable.clone_from(&self.live);
        Ok(())
    }
}

fn unknown(problem: &str) -> AppendError {
    AppendError::Unknown { place: PLACE.into(), source: problem.into() }
}

impl Store for MemoryStore {
    fn place(&self) -> &str {
        PLACE
    }

    fn last(&self) -> Seq {
        self.lock().last
    }

    fn append(
        &mut self,
        expected: Seq,
        frame: &Frame<'_>,
        batch: &Batch<'_>,
    ) -> Result<(), AppendError> {
        let mut disk = self.lock();
        disk.check_space()?;
        if disk.last != expected {
            let found = disk.last;
            return Err(AppendError::Conflict { expected, found });
        }
        disk.live.extend_from_slice(frame.bytes());
        disk.finished.extend_from_slice(batch.finished);
        disk.policies.extend_from_slice(batch.policies);
        disk.sync()?;
        for written_up in batch.written_up {
            let row = disk.finished.iter_mut().rev().find(|row| row.number == written_up.number);
            if let Some(row) = row {
                let stay = Stay { ms: written_up.spent_ms, count: 1 };
                row.legs.set(Leg::WrapUp, stay);
            }
        }
        disk.last = frame.last();
        Ok(())
    }

    fn replay(&mut self, after: Seq, visit: &mut Visit<'_>) -> Result<(), Error> {
        let bytes = self.durable();
        let mut rest = &*bytes;
        let mut row = Seq(1);
        while !rest.is_empty() {
            let (frame, more) = Frame::parse_first(rest).map_err(|source| Error::Frame {
                place: PLACE.into(),
                row,
                source,
            })?;
            if frame.first() > after {
                visit(frame.first(), frame.bytes())?;
            }
            row = Seq(frame.last().0 + 1);
            rest = more;
        }
        Ok(())
    }

    fn probe(&mut self) -> Result<(), AppendError> {
        let mut disk = self.lock();
        disk.check_space()?;
        disk.sync()
    }

    fn earlier(&mut self, id: &str) -> Result<Option<Earlier>, Error> {
        let disk = self.lock();
        let newest = disk.finished.iter().rev().find(|row| row.id.as_str() == id);
        Ok(newest.map(FinishedRow::earlier))
    }

    fn ended(&mut self, id: &str) -> Result<Option<FinishedRow>, Error> {
        self.history()?.by_id(id)
    }

    fn last_policy_of_file(&mut self) -> Result<Option<Box<str>>, Error> {
        let disk = self.lock();
        let of_file = |version: &&PolicyVersion| version.change.origin.is_file();
        let newest = disk.policies.iter().rev().find(of_file);
        Ok(newest.map(|version| (&*version.policy.source).into()))
    }

    fn keep_policies(&mut self, policies: &[PolicyVersion]) -> Result<(), AppendError> {
        let mut disk = self.lock();
        disk.check_space()?;
        disk.policies.extend_from_slice(policies);
        Ok(())
    }

    fn history(&self) -> Result<History, Error> {
        Ok(History::of_memory(self.clone()))
    }

    fn truncate_before(&mut self, _seq: Seq, _rows_max: usize) -> Result<usize, AppendError> {
        // It has no snapshots, so all frames are needed.
        Ok(0)
    }

    fn purge_history(&mut self, cutoff: Time, rows_max: usize) -> Result<usize, AppendError> {
        let mut disk = self.lock();
        disk.check_space()?;
        let is_old = |row: &&FinishedRow| row.finished_at < cutoff;
        let count = disk.finished.iter().take(rows_max).take_while(is_old).count();
        disk.finished.drain(..count);
        disk.sync()?;
        Ok(count)
    }
}
