//! Journal rows back into an engine: every frame checked, every event applied, nothing skipped.

use super::frame::{Frame, Link};
use super::{Error, Seq};
use crate::engine::Engine;
use crate::engine::command::Event;
use crate::engine::model::Time;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An engine and the point of the journal that it has come to.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) engine: Engine,
    pub(super) link: Link,
    /// How many events have been applied.
    pub(super) event_count: u64,
}

impl Replay {
    pub(super) fn new(engine: Engine, link: Link) -> Self {
        Self { engine, link, event_count: 0 }
    }

    /// Applies the journal row `row`, which must be the next one.
    pub(super) fn row(&mut self, place: &str, row: Seq, bytes: &[u8]) -> Result<(), Error> {
        let broken = |source| Error::Frame { place: place.into(), row, source };
        let frame = Frame::parse(bytes).map_err(broken)?;
        let link = frame.follows(self.link).map_err(broken)?;
        for (at, event) in frame.events().map_err(broken)? {
            let seq = Seq(self.link.last.0 + 1);
            apply(&mut self.engine, at, &event).map_err(|problem| Error::Contradiction {
                place: place.into(),
                row,
                seq,
                problem,
            })?;
            self.link.last = seq;
            self.event_count += 1;
        }
        self.link = link;
        Ok(())
    }
}

/// Applies an event that may be none of this engine's. The engine is of no use after an error.
fn apply(engine: &mut Engine, at: Time, event: &Event) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| engine.apply(at, event))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("the engine stopped").into()
    })
}
