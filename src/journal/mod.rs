//! Durable events. The shape that the driver asks for; the real one comes with the next merge.

mod finished;
use crate::engine::command::{Earlier, Event};
use crate::engine::model::Time;
use crate::engine::{Engine, Limits};
pub use finished::{FinishedRow, FinishedState};

/// The number of an event, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// What fails.
#[derive(Debug, thiserror::Error)]
#[error("journal")]
pub struct Error;

/// What fails when writing.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// No space.
    #[error("no space")]
    Full {
        /// Where.
        place: Box<str>,
        /// Why.
        reason: Box<str>,
    },
}

/// The history.
#[derive(Clone)]
pub struct History;
impl History {
    /// by id
    pub fn by_id(&self, _id: &str) -> Result<Option<FinishedRow>, Error> {
        Ok(None)
    }
    /// list
    pub fn list(&self, _filter: &Filter, _limit: usize) -> Result<Page, Error> {
        Ok(Page::default())
    }
}

/// Which finished tickets to list; an empty filter lists all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those that ended so.
    pub state: Option<FinishedState>,
    /// Only those of the tier of that name.
    pub tier: Option<Box<str>>,
    /// Only those of that customer.
    pub customer_id: Option<Box<str>>,
    /// Only those that ended before this event: where the page before stopped.
    pub before: Option<Seq>,
}

/// A page of finished tickets, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The tickets; may be fewer than asked for, even none, with more to come.
    pub rows: Vec<FinishedRow>,
    /// Where the next page starts (as [`Filter::before`]); `None` when this was the last.
    pub next: Option<Seq>,
}

/// The journal.
pub struct Journal;
impl Journal {
    /// Adds to the batch.
    pub fn push(&mut self, _at: Time, _event: &Event) {}
    /// The number of the event pushed last.
    pub fn pushed(&self) -> Seq {
        Seq(0)
    }
    /// Commits the batch.
    pub fn commit(&mut self, _finished: &[FinishedRow]) -> Result<Seq, AppendError> {
        Ok(Seq(0))
    }
    /// tidy
    pub fn tidy(&mut self, _cutoff: Time) -> Result<(), AppendError> {
        Ok(())
    }
    /// probe
    pub fn probe(&mut self) -> Result<(), AppendError> {
        Ok(())
    }
    /// The engine as the disk has it.
    pub fn recover(&mut self, limits: Limits) -> Result<Engine, Error> {
        Ok(Engine::new(limits))
    }
    /// history
    pub fn history(&self) -> Result<History, Error> {
        Ok(History)
    }
    /// earlier
    pub fn earlier(&mut self, _id: &str) -> Result<Option<Earlier>, Error> {
        Ok(None)
    }
    /// row
    pub fn ended(&mut self, _id: &str) -> Result<Option<FinishedRow>, Error> {
        Ok(None)
    }
}
