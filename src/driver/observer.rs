//! Who looks on while things happen.

use crate::engine::Engine;
use crate::engine::command::{Event, Rejection};
use crate::engine::model::Time;
use std::time::Duration;

/// Counts and measures what the driver does. It is called on the driver's thread and must be quick.
pub trait Observer: Send + Sync {
    /// `engine` has just applied `event`; it is not on disk yet.
    fn happened(&self, now: Time, event: &Event, engine: &Engine);

    /// `engine` has just refused a command; nothing has changed.
    fn refused(&self, _rejection: &Rejection, _engine: &Engine) {}

    /// One commit of the journal has taken so long.
    fn committed(&self, took: Duration, event_count: usize);
}
