//! Whoever watches a ticket hears when its expected wait changes noticeably.
//!
//! Nothing polls: while things happen, the driver looks at some of the watched tickets after each round
//! of its loop, in turn, and tells those whose forecast has moved. What was told is in the watch itself.

use super::run::see_live;
use super::{Live, Seen};
use crate::clock::stopwatch;
use crate::engine::Engine;
use crate::engine::model::{TicketNumber, Time};
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Watched tickets that are looked at in one turn: about a tenth of a millisecond's work.
const LOOKED_AT_MAX: usize = 128;
/// The least real time between two turns: 10,000 watched tickets are looked at within 4 seconds.
const TURN_EVERY: Duration = Duration::from_millis(50);
/// A ticket's watchers hear of its forecast no more often than this, in the clock's milliseconds.
const TOLD_EVERY_MS: i64 = 2000;
/// A forecast has changed noticeably when the expected instant has moved by this, in milliseconds,
const STEP_MS_MIN: i64 = 5000;
/// and by one part in so many of the time that is left.
const STEP_PART: i64 = 10;

/// Whose turn it is to be looked at.
pub(super) struct Turn {
    at: Instant,
    after: TicketNumber,
    /// Whole rounds to go: one that may have begun before something happened, and one after it.
    rounds_left: u8,
}

impl Default for Turn {
    fn default() -> Self {
        Self { at: stopwatch(), after: TicketNumber(0), rounds_left: 0 }
    }
}

impl Turn {
    /// Something has happened: every forecast may have moved.
    pub(super) fn stir(&mut self) {
        self.rounds_left = 2;
    }

    /// When to look next; `None` while nothing has happened that nobody looked at.
    pub(super) fn due_in(&self) -> Option<Duration> {
        (self.rounds_left > 0).then(|| TURN_EVERY.saturating_sub(self.at.elapsed()))
    }

    /// Looks at some of the watched tickets and tells those whose forecast has moved.
    pub(super) fn look(
        &mut self,
        watched: &BTreeMap<TicketNumber, watch::Sender<Seen>>,
        engine: &Engine,
        now: Time,
    ) {
        if watched.is_empty() {
            self.rounds_left = 0;
        }
        if self.due_in().is_none_or(|wait| !wait.is_zero()) {
            return;
        }
        self.at = stopwatch();
        let rest = watched.range((Excluded(self.after), Unbounded));
        let mut looked_at = 0;
        for (number, told) in rest.take(LOOKED_AT_MAX) {
            looked_at += 1;
            self.after = *number;
            if told.is_closed() || engine.ticket_numbered(*number).is_none() {
                continue;
            }
            let seen = see_live(engine, *number, now);
            let moved = match (&*told.borrow(), &seen) {
                (Seen::Live(before), Seen::Live(after)) => has_moved(before, after),
                (Seen::Ended(_), _) | (_, Seen::Ended(_)) => Moved::No,
            };
            match moved {
                Moved::No => {}
                Moved::TooSoon => self.rounds_left = 2,
                Moved::Yes => drop(told.send_replace(seen)),
            }
        }
        if looked_at < LOOKED_AT_MAX {
            self.after = TicketNumber(0);
            self.rounds_left = self.rounds_left.saturating_sub(1);
        }
    }
}

/// Whether a forecast has moved.
enum Moved {
    No,
    /// It has, and its watchers heard of it a moment ago.
    TooSoon,
    Yes,
}

/// Whether a forecast differs noticeably from the one that was told: in its verdict, in whether there is
/// a number, or by a step in the instant until which four in five are picked up.
fn has_moved(told: &Live, now: &Live) -> Moved {
    let (told_at, at) = (told.at, now.at);
    let (Some(told), Some(forecast)) = (&told.forecast, &now.forecast) else {
        return Moved::No;
    };
    let moved = match (told.wait, forecast.wait) {
        (Some(told_wait), Some(wait)) => {
            let until = |at: Time, wait_ms| at.plus_ms(wait_ms);
            let moved_ms = until(at, wait.p80_ms).since_ms(until(told_at, told_wait.p80_ms)).abs();
            told.verdict != forecast.verdict || moved_ms >= STEP_MS_MIN.max(wait.p80_ms / STEP_PART)
        }
        (None, None) => told.verdict != forecast.verdict,
        (Some(_), None) | (None, Some(_)) => true,
    };
    match moved {
        false => Moved::No,
        true if at.since_ms(told_at) < TOLD_EVERY_MS => Moved::TooSoon,
        true => Moved::Yes,
    }
}
