//! How fast places become free, so that a caller who is turned away can be told when to come again.
//!
//! Places are freed by pick-ups and withdrawals, counted over the last one to two minutes. The nth caller
//! turned away since is told the time in which n places become free, so that they come one after another
//! and not all at once.

use crate::engine::Engine;
use crate::engine::command::{Event, Rejection};
use crate::engine::model::{Channel, State, TierIx, Time};
use std::collections::BTreeMap;

/// The rate is measured over one to two of these, in milliseconds.
const WINDOW_MS: i64 = 60_000;
/// The shortest delay that is told, in milliseconds.
pub const RETRY_MS_MIN: i64 = 1_000;
/// The longest delay that is told, in milliseconds: by then the rate is another.
pub const RETRY_MS_MAX: i64 = 300_000;
/// What is told while nothing has become free within the windows, in milliseconds.
pub const RETRY_MS_UNKNOWN: i64 = 30_000;

/// The places of one limit.
#[derive(Clone, Copy, Debug)]
struct Drain {
    from: Time,
    recent_count: u64,
    before_count: u64,
    before_ms: i64,
    turned_away_count: u64,
}

impl Drain {
    fn new(now: Time) -> Self {
        Self { from: now, recent_count: 0, before_count: 0, before_ms: 0, turned_away_count: 0 }
    }

    fn roll(&mut self, now: Time) {
        let elapsed_ms = now.since_ms(self.from);
        if elapsed_ms >= WINDOW_MS {
            (self.before_count, self.before_ms) = (self.recent_count, elapsed_ms);
            (self.recent_count, self.from) = (0, now);
        }
    }

    /// A place has become free.
    fn freed(&mut self, now: Time) {
        self.roll(now);
        self.recent_count += 1;
        self.turned_away_count = self.turned_away_count.saturating_sub(1);
    }

    /// A caller is turned away; after how many milliseconds there should be a place.
    fn turned_away(&mut self, now: Time) -> i64 {
        self.roll(now);
        self.turned_away_count = self.turned_away_count.saturating_add(1);
        let freed = i128::from(self.before_count + self.recent_count);
        if freed == 0 {
            return RETRY_MS_UNKNOWN;
        }
        let elapsed_ms = i128::from(self.before_ms + now.since_ms(self.from)).max(1);
        let delay_ms = i128::from(self.turned_away_count) * elapsed_ms / freed;
        i64::try_from(delay_ms).map_or(RETRY_MS_MAX, |ms| ms.clamp(RETRY_MS_MIN, RETRY_MS_MAX))
    }
}

/// The places of every limit on tickets.
#[derive(Clone, Debug, Default)]
pub(super) struct Drains {
    live: Option<Drain>,
    queues: BTreeMap<(TierIx, Channel), Drain>,
}

impl Drains {
    /// Counts what an event has made free; `engine` has just applied it.
    pub(super) fn observe(&mut self, now: Time, event: &Event, engine: &Engine) {
        match event {
            Event::Assigned { ticket, .. } => {
                let ticket = engine.ticket_numbered(*ticket).expect("it was just assigned");
                self.queue(now, ticket.tier, ticket.channel).freed(now);
            }
            Event::Completed { .. } | Event::Cancelled { .. } => {
                self.live(now).freed(now);
                let ended = &engine.last_finished().expect("it has just ended").ticket;
                if ended.state == State::Waiting {
                    self.queue(now, ended.tier, ended.channel).freed(now);
                }
            }
            // Tiers may have other places now.
            Event::PolicyApplied { .. } => self.queues.clear(),
            _ => {}
        }
    }

    /// After how many milliseconds a submit that `limit` refused is worth trying again; `None` if it is no
    /// limit on tickets.
    pub(super) fn retry_ms(&mut self, now: Time, limit: Rejection) -> Option<i64> {
        match limit {
            Rejection::TicketLimit { .. } => Some(self.live(now).turned_away(now)),
            Rejection::QueueFull { tier, channel, .. } => {
                Some(self.queue(now, tier, channel).turned_away(now))
            }
            _ => None,
        }
    }

    fn live(&mut self, now: Time) -> &mut Drain {
        self.live.get_or_insert_with(|| Drain::new(now))
    }

    fn queue(&mut self, now: Time, tier: TierIx, channel: Channel) -> &mut Drain {
        self.queues.entry((tier, channel)).or_insert_with(|| Drain::new(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_is_the_time_in_which_as_many_places_become_free_as_were_turned_away() {
        let mut drain = Drain::new(Time(0));
        for at in 1..=20 {
            drain.freed(Time(at * 2_000));
        }
        let told: Vec<_> = (0..3).map(|_| drain.turned_away(Time(40_000))).collect();
        assert_eq!(told, [2_000, 4_000, 6_000]);
        drain.freed(Time(40_000));
        assert_eq!(drain.turned_away(Time(40_000)), 3 * 40_000 / 21);
    }

    #[test]
    fn the_rate_is_of_the_last_minutes() {
        let mut drain = Drain::new(Time(0));
        for at in 0..60 {
            drain.freed(Time(at * 1_000));
        }
        drain.freed(Time(60_000));
        drain.freed(Time(120_000));
        // In the last minute one place became free; the sixty before it are forgotten.
        assert_eq!(drain.turned_away(Time(180_000)), 60_000);
    }

    #[test]
    fn the_delay_keeps_to_its_range_and_is_a_guess_while_nothing_is_known() {
        let mut drain = Drain::new(Time(0));
        assert_eq!(drain.turned_away(Time(5)), RETRY_MS_UNKNOWN);
        for _ in 0..1000 {
            drain.freed(Time(10));
        }
        assert_eq!(drain.turned_away(Time(10)), RETRY_MS_MIN);
        let mut slow = Drain::new(Time(0));
        slow.freed(Time(59_000));
        slow.turned_away_count = u64::MAX;
        assert_eq!(slow.turned_away(Time(59_000)), RETRY_MS_MAX);
    }
}
