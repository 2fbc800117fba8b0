//! What can be wrong with a data directory, named so that an operator can act on it.

use super::{Seq, frame, record};
use std::path::PathBuf;

/// The journal could not be opened, read or trusted. Nothing is ever skipped: any of these stops the
/// server with this message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another server has the directory.
    #[error("{}: another server uses this data directory{}", dir.display(), pid_text(*.pid))]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// The other server's process id, as far as it could be read.
        pid: Option<u32>,
    },
    /// `SQLite` refused, or found its file damaged.
    #[error("{place}: {doing}: {source}")]
    Sqlite {
        /// The file.
        place: Box<str>,
        /// What was being done.
        doing: Box<str>,
        /// Why.
        source: rusqlite::Error,
    },
    /// A setting did not take, and without it nothing is safe.
    #[error("{place}: {name} is {found} and must be {expected}")]
    Setting {
        /// The file.
        place: Box<str>,
        /// The setting.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// `SQLite`'s own check found damage.
    #[error("{place}: damaged: {found}")]
    Damaged {
        /// The file.
        place: Box<str>,
        /// What `SQLite` said.
        found: String,
    },
    /// The file holds something else.
    #[error("{place}: not a journal of Tierline: {found}")]
    Foreign {
        /// The file.
        place: Box<str>,
        /// What it holds instead.
        found: String,
    },
    /// A later release wrote it.
    #[error(
        "{place}: written in format {found}, and this release knows {known}: use a later release"
    )]
    NewerFormat {
        /// The file.
        place: Box<str>,
        /// The format found.
        found: u32,
        /// The newest format this release knows.
        known: u32,
    },
    /// A batch is damaged, missing or out of place.
    #[error("{place}: journal row {row}: {source}")]
    Frame {
        /// The file.
        place: Box<str>,
        /// The row: the number of its first event.
        row: Seq,
        /// What is wrong.
        source: frame::Error,
    },
    /// A row's columns contradict the batch in it.
    #[error("{place}: journal row {row}: column {column} says {found}, and its batch {expected}")]
    Column {
        /// The file.
        place: Box<str>,
        /// The row.
        row: Seq,
        /// The column.
        column: &'static str,
        /// What the batch says.
        expected: u64,
        /// What the column says.
        found: u64,
    },
    /// The journal ends before the newest snapshot does.
    #[error("{place}: the journal ends with event {last}, and {} holds the state after event {snapshot}: the file was put back from an older copy", path.display())]
    Behind {
        /// The journal's file.
        place: Box<str>,
        /// Its last event.
        last: Seq,
        /// The newest snapshot.
        path: PathBuf,
        /// Its event.
        snapshot: Seq,
    },
    /// A snapshot is whole and yet not what the journal gives.
    #[error("{}: differs from what the journal gives at event {seq}", path.display())]
    Differs {
        /// The snapshot.
        path: PathBuf,
        /// Its event.
        seq: Seq,
    },
    /// A snapshot is damaged.
    #[error("{}: offset {offset}: {source}; {}", path.display(), advice(*.is_spare_there))]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is wrong there.
        source: SnapshotDamage,
        /// Whether an older snapshot is there, which with the journal holds everything.
        is_spare_there: bool,
    },
    /// The engine finds that an event contradicts what was before it.
    #[error("{place}: journal row {row}: event {seq} contradicts the events before it: {problem}")]
    Contradiction {
        /// The file.
        place: Box<str>,
        /// The row.
        row: Seq,
        /// The event.
        seq: Seq,
        /// What the engine said.
        problem: String,
    },
    /// Writing was refused.
    #[error(transparent)]
    Append(#[from] super::AppendError),
}

/// What is wrong with a snapshot file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotDamage {
    /// The file ends too early.
    #[error("the file ends in the middle of the snapshot")]
    Torn,
    /// It does not begin as a snapshot does.
    #[error("not a snapshot of Tierline")]
    Foreign,
    /// A later release wrote it.
    #[error("format version {0} is of a later release")]
    Version(u16),
    /// Its name and its header name different events.
    #[error("the file holds the state after event {0}, and its name says another")]
    Name(Seq),
    /// A checksum does not agree.
    #[error("damaged: crc32c {found:08x}, and the file says {stored:08x}")]
    Crc {
        /// What the file says.
        stored: u32,
        /// What the bytes give.
        found: u32,
    },
    /// More bytes after the end.
    #[error("bytes after the end")]
    Trailing,
    /// The content means nothing.
    #[error(transparent)]
    Record(#[from] record::Error),
}

fn pid_text(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

fn advice(is_spare_there: bool) -> &'static str {
    if is_spare_there {
        "move this file away and start again: the older snapshot and the journal hold everything"
    } else {
        "no older snapshot is there; if the journal still begins with event 1, move this file away and start again"
    }
}
