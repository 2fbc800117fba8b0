//! The only reader of the operating system's clock.
//!
//! Times never run backwards: they count on from one reading of the wall clock with the monotonic
//! clock, and never start before the journal's last event. For rehearsals they can run faster.

#![expect(clippy::disallowed_methods, reason = "this is the module that may read the clock")]

use crate::engine::model::Time;
use std::time::{Duration, Instant, SystemTime};

/// Fastest clock that can be asked for: an hour passes in 0.36 seconds.
pub const SPEED_MAX: f64 = 10_000.0;

/// A clock that all its copies share.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    base: Time,
    ahead_ms: i64,
    started: Instant,
    speed: f64,
}

impl Clock {
    /// A clock that starts at the wall clock's time, or at `not_before` if that is later, and runs
    /// `speed` times as fast as the wall clock; 1 for real work, up to [`SPEED_MAX`] for rehearsals.
    pub fn start(not_before: Time, speed: f64) -> Self {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let wall_ms = since_epoch.map_or(0, ms_of);
        let base = Time(wall_ms).max(not_before);
        let ahead_ms = base.since_ms(Time(wall_ms));
        Self { base, ahead_ms, started: Instant::now(), speed }
    }

    /// The present instant.
    pub fn now(&self) -> Time {
        let elapsed = self.started.elapsed();
        if (self.speed - 1.0).abs() < f64::EPSILON {
            return self.base.plus_ms(ms_of(elapsed));
        }
        self.base.plus_ms(ms_of(elapsed.mul_f64(self.speed)))
    }

    /// How long to sleep until `at`: zero when it has come.
    pub fn until(&self, at: Time) -> Duration {
        let ms = u64::try_from(at.since_ms(self.now())).unwrap_or(0);
        Duration::from_millis(ms).div_f64(self.speed)
    }

    /// How far ahead of the wall clock it started, in milliseconds; 0 unless `not_before` was later.
    pub fn started_ahead_ms(&self) -> i64 {
        self.ahead_ms
    }

    /// How many times as fast as the wall clock it runs.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Real time since the clock was started.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A reading for measuring how long something takes in real time.
pub fn stopwatch() -> Instant {
    Instant::now()
}

fn ms_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
