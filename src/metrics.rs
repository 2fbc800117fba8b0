//! Every metric: name, help, labels, buckets.

use crate::engine::Engine;
use crate::engine::command::Event;
use crate::engine::model::Time;
use std::time::Duration;

/// Every metric of the server.
#[derive(Debug, Default)]
pub struct Metrics {}

impl Metrics {
    /// Counts an event that `engine` has just applied.
    pub fn observe(&self, _now: Time, _event: &Event, _engine: &Engine) {}

    /// Measures one commit of the journal.
    pub fn committed(&self, _took: Duration, _event_count: usize) {}
}
