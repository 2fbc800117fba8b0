//! When to stop asking: a circuit breaker.
//!
//! A directory that does not answer costs every caller the whole budget. After some failures in a
//! row the breaker opens and callers get their fallback at once; after a cool-down one question is
//! let through to try, and its answer closes the breaker or opens it for another cool-down.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

/// Where the breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Every question goes through.
    Closed,
    /// No question goes through until the cool-down is over.
    Open,
    /// One question is on its way to find out.
    HalfOpen,
}

#[derive(Debug)]
pub(super) struct Breaker {
    failures_max: u32,
    cool_down: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: BreakerState,
    /// Failures in a row; counts only while closed.
    failures: u32,
    /// When open: the end of the cool-down. When half open: when the probe counts as lost.
    until: Instant,
}

impl Breaker {
    pub(super) fn new(failures_max: u32, cool_down: Duration, now: Instant) -> Self {
        let inner = Inner { state: BreakerState::Closed, failures: 0, until: now };
        Self { failures_max, cool_down, inner: Mutex::new(inner) }
    }

    /// Whether a question may be asked now. Whoever gets `true` reports `succeeded` or `failed`; a
    /// probe of which nothing is heard for a whole cool-down makes room for the next.
    pub(super) fn admit(&self, now: Instant) -> bool {
        let mut inner = self.lock();
        match inner.state {
            BreakerState::Closed => true,
            BreakerState::Open | BreakerState::HalfOpen if now >= inner.until => {
                inner.state = BreakerState::HalfOpen;
                inner.until = now + self.cool_down;
                true
            }
            BreakerState::Open | BreakerState::HalfOpen => false,
        }
    }

    /// Ends the cool-down: there is reason to believe that the next question will be answered.
    pub(super) fn hasten(&self, now: Instant) {
        self.lock().until = now;
    }

    pub(super) fn succeeded(&self) {
        let mut inner = self.lock();
        inner.state = BreakerState::Closed;
        inner.failures = 0;
    }

    /// Says whether this opened it.
    pub(super) fn failed(&self, now: Instant) -> bool {
        let mut inner = self.lock();
        match inner.state {
            BreakerState::Closed => {
                inner.failures += 1;
                if inner.failures < self.failures_max {
                    return false;
                }
            }
            BreakerState::HalfOpen => {}
            // An answer to a question asked before it opened says nothing new.
            BreakerState::Open => return false,
        }
        inner.state = BreakerState::Open;
        inner.failures = 0;
        inner.until = now + self.cool_down;
        true
    }

    pub(super) fn state(&self) -> BreakerState {
        self.lock().state
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics with the breaker in hand")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOL_DOWN: Duration = Duration::from_secs(1);

    fn breaker(now: Instant) -> Breaker {
        Breaker::new(3, COOL_DOWN, now)
    }

    fn opened(now: Instant) -> Breaker {
        let breaker = breaker(now);
        let opened: Vec<_> = (0..3).map(|_| breaker.failed(now)).collect();
        assert_eq!(opened, [false, false, true]);
        assert_eq!(breaker.state(), BreakerState::Open);
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_the_configured_number_of_failures_in_a_row() {
        let now = Instant::now();
        let breaker = breaker(now);
        breaker.failed(now);
        breaker.failed(now);
        breaker.succeeded();
        breaker.failed(now);
        breaker.failed(now);
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert!(breaker.admit(now));
        breaker.failed(now);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(!breaker.admit(now));
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_goes_through_after_the_cool_down_and_its_success_closes() {
        let now = Instant::now();
        let breaker = opened(now);
        assert!(!breaker.admit(now + COOL_DOWN - Duration::from_millis(1)));
        assert!(breaker.admit(now + COOL_DOWN));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert!(!breaker.admit(now + COOL_DOWN), "the second waits for the first's answer");
        breaker.succeeded();
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert!(breaker.admit(now + COOL_DOWN));
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_probe_opens_for_another_cool_down() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + COOL_DOWN;
        assert!(breaker.admit(later));
        assert!(breaker.failed(later), "it opens again");
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(!breaker.admit(later + COOL_DOWN / 2));
        assert!(breaker.admit(later + COOL_DOWN));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cool_down_that_is_ended_early_lets_one_question_through() {
        let now = Instant::now();
        let breaker = opened(now);
        breaker.hasten(now);
        assert!(breaker.admit(now));
        assert!(!breaker.admit(now), "the second waits for the first's answer");
        assert!(breaker.failed(now));
        assert!(!breaker.admit(now + COOL_DOWN / 2), "and then all is as before");
    }

    #[tokio::test(start_paused = true)]
    async fn late_failures_of_old_questions_do_not_extend_the_cool_down() {
        let now = Instant::now();
        let breaker = opened(now);
        assert!(!breaker.failed(now + COOL_DOWN / 2));
        assert!(breaker.admit(now + COOL_DOWN));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lost_probe_does_not_keep_it_half_open_for_ever() {
        let now = Instant::now();
        let breaker = opened(now);
        assert!(breaker.admit(now + COOL_DOWN));
        assert!(!breaker.admit(now + COOL_DOWN * 3 / 2));
        assert!(breaker.admit(now + COOL_DOWN * 2));
    }
}
