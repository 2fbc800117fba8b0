//! Places for calls that go on: how many are taken, and how soon one becomes free.
//!
//! Such calls end when their callers like, so the delay that is told to one too many comes from how fast
//! others ended of late: many watch a ticket for a minute, an agent's stream lasts a shift.

use super::status::Fault;
use crate::driver::Drain;
use crate::engine::model::Time;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places of one limit of `GetServerInfo`. Clones share them.
#[derive(Clone)]
pub(super) struct Places {
    name: &'static str,
    max: usize,
    free: Arc<Semaphore>,
    drain: Arc<Mutex<Drain>>,
    /// The present instant by the driver's clock.
    now: Arc<dyn Fn() -> Time + Send + Sync>,
}

/// A place that is taken until this is dropped.
pub(super) struct Place {
    places: Places,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(
        name: &'static str,
        max: usize,
        now: impl Fn() -> Time + Send + Sync + 'static,
    ) -> Self {
        let drain = Arc::new(Mutex::new(Drain::new(now())));
        Self { name, max, free: Arc::new(Semaphore::new(max)), drain, now: Arc::new(now) }
    }

    /// Takes a place; without one the fault ends with what the others do: "1000 calls are watching".
    pub(super) fn take(&self, others: &str) -> Result<Place, Fault> {
        if let Ok(permit) = self.free.clone().try_acquire_owned() {
            return Ok(Place { places: self.clone(), _permit: permit });
        }
        let max = self.max as u64;
        let retry_ms = self.drain().turned_away((self.now)());
        let fault = Fault::limit(self.name, max, format!("{max} {others}"));
        Err(fault.measured(self.taken_count() as u64, retry_ms))
    }

    /// How many places are taken.
    pub(super) fn taken_count(&self) -> usize {
        self.max - self.free.available_permits()
    }

    fn drain(&self) -> MutexGuard<'_, Drain> {
        // Counts are whole after every step.
        self.drain.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.drain().freed((self.places.now)());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Status;

    #[test]
    fn one_too_many_is_told_how_many_there_are_and_when_a_place_should_be_free() {
        let places = Places::new("watchers_max", 2, || Time(5));
        let told = |places: &Places| {
            use tonic_types::StatusExt as _;
            let status =
                Status::from(places.take("calls are watching already").err().expect("full"));
            let details = status.get_error_details();
            let info = details.error_info().expect("every refusal has a reason").clone();
            let delay = details.retry_info().and_then(|info| info.retry_delay);
            let of = |key: &str| info.metadata[key].clone();
            ([of("limit"), of("value"), of("current")], delay.expect("it says when").as_millis())
        };
        let (first, second) = (places.take(""), places.take(""));
        let expected = ["watchers_max", "2", "2"].map(str::to_owned);
        assert_eq!(told(&places), (expected.clone(), 30_000), "nobody has ended yet");
        drop(second);
        assert_eq!(places.taken_count(), 1);
        let third = places.take("");
        assert!(third.is_ok());
        assert_eq!(told(&places), (expected, 1_000), "one has ended just now");
        drop(first);
    }
}
