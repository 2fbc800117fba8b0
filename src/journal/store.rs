//! What a journal needs of a disk: the one trait, and what can go wrong when writing.

use super::frame::Frame;
use super::{Error, FinishedRow, History, PolicyVersion, Seq, WrittenUp};
use crate::engine::command::Earlier;
use crate::engine::model::Time;

/// What a frame means for the tables beside the journal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch<'a> {
    /// The tickets it ended.
    pub finished: &'a [FinishedRow],
    /// The tickets, ended by it or before, whose agents have written them up.
    pub written_up: &'a [WrittenUp],
    /// The policies it brought.
    pub policies: &'a [PolicyVersion],
}

/// A durable, append-only row of frames with the history beside it.
///
/// One writer. What [`Store::append`] has answered with `Ok` survives the loss of the process and of
/// the machine's power.
pub trait Store: Send {
    /// What it is called in messages: the path of its file.
    fn place(&self) -> &str;

    /// The last event that is durable; 0 when there is none.
    fn last(&self) -> Seq;

    /// Makes `frame` and what it means for the tables beside it durable, all or nothing.
    /// `expected` is the last event before the frame.
    fn append(
        &mut self,
        expected: Seq,
        frame: &Frame<'_>,
        batch: &Batch<'_>,
    ) -> Result<(), AppendError>;

    /// Gives every frame after event `after` to `visit`, in order, as bytes that nobody has checked,
    /// with the number the store keeps it under (its first event's).
    fn replay(&mut self, after: Seq, visit: &mut Visit<'_>) -> Result<(), Error>;

    /// Whether there is space to write again: writes something of real size, durably, and removes it.
    fn probe(&mut self) -> Result<(), AppendError>;

    /// The ticket of that id that ended last. Cheap enough for every submit (a point query).
    fn earlier(&mut self, id: &str) -> Result<Option<Earlier>, Error>;

    /// The whole row of that ticket: a point query as well.
    fn ended(&mut self, id: &str) -> Result<Option<FinishedRow>, Error>;

    /// The text that the policy file had when it was read last; `None` before policies were kept.
    fn last_policy_of_file(&mut self) -> Result<Option<Box<str>>, Error>;

    /// Keeps policies that came into force before policies were kept.
    fn keep_policies(&mut self, policies: &[PolicyVersion]) -> Result<(), AppendError>;

    /// The history's read side, for other threads.
    fn history(&self) -> Result<History, Error>;

    /// Removes at most `rows_max` of the oldest frames that end at or before event `seq`; how many
    /// were removed.
    fn truncate_before(&mut self, seq: Seq, rows_max: usize) -> Result<usize, AppendError>;

    /// Removes at most `rows_max` of the oldest tickets of the history that ended before `cutoff`;
    /// how many were removed.
    fn purge_history(&mut self, cutoff: Time, rows_max: usize) -> Result<usize, AppendError>;
}

/// What [`Store::replay`] calls for each frame.
pub type Visit<'a> = dyn FnMut(Seq, &[u8]) -> Result<(), Error> + 'a;

/// Why a write was not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another writer was there: this one must stop.
    #[error(
        "the journal ends with event {found}, and this writer expected {expected}: another writer was there"
    )]
    Conflict {
        /// Where this writer believed the journal to end.
        expected: Seq,
        /// Where it ends.
        found: Seq,
    },
    /// Definitely nothing was written: no space, or the configured size is reached, or another program
    /// holds the file's write lock. The same write may succeed later.
    #[error("no space in {place}: {reason}")]
    Full {
        /// The file.
        place: Box<str>,
        /// Which limit, and what to do.
        reason: Box<str>,
    },
    /// Nobody knows what is on disk: the process must stop, and find out when it starts again. A failed
    /// sync is never tried again, for the pages it did not write are gone.
    #[error("{place}: it is unknown what is on disk: {source}")]
    Unknown {
        /// The file.
        place: Box<str>,
        /// What failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
