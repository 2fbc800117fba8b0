//! How fast places become free, so that a caller who is turned away can be told when to come again.
//!
//! Places that become free are counted over the last one to two minutes. The nth caller turned away since
//! is told the time in which n places become free, so that they come one after another and not all at
//! once. Whatever makes a place free counts, without a list of events: a place in line is free when the
//! ticket that had it no longer waits there, a live ticket's when it is no longer live.

use crate::engine::Engine;
use crate::engine::command::{Event, Rejection};
use crate::engine::model::{Channel, State, Ticket, TicketNumber, TierIx, Time};
use crate::engine::queue::QueueKey;
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
pub struct Drain {
    from: Time,
    recent_count: u64,
    before_count: u64,
    before_ms: i64,
    turned_away_count: u64,
}

impl Drain {
    /// Nothing has become free by `now`.
    pub fn new(now: Time) -> Self {
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
    pub fn freed(&mut self, now: Time) {
        self.roll(now);
        self.recent_count += 1;
        self.turned_away_count = self.turned_away_count.saturating_sub(1);
    }

    /// A caller is turned away; after how many milliseconds there should be a place: from [`RETRY_MS_MIN`]
    /// to [`RETRY_MS_MAX`], [`RETRY_MS_UNKNOWN`] while none has become free.
    pub fn turned_away(&mut self, now: Time) -> i64 {
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

/// A limit that refuses a command, and what the caller is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// How much there is of what is limited.
    pub(super) present: u64,
    /// When it is worth trying again, in milliseconds from now.
    pub(super) retry_ms: i64,
}

/// The places that a ticket takes before something happens to it.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    ticket: TicketNumber,
    /// In line: an offer that is declined brings the ticket back, so only its accept makes the place free.
    line: Option<(TierIx, Channel)>,
    /// The queue of its own that its needs have opened.
    queue: Option<QueueKey>,
}

impl Taken {
    /// The places that `ticket` takes as it is.
    pub(super) fn by(ticket: &Ticket) -> Self {
        let needs_queue = ticket.needs.is_some() && ticket.state == State::Waiting;
        Self {
            ticket: ticket.number,
            line: line(ticket),
            queue: needs_queue.then(|| QueueKey::of(ticket)),
        }
    }
}

/// The line that a ticket stands in.
fn line(ticket: &Ticket) -> Option<(TierIx, Channel)> {
    match ticket.state {
        State::Waiting | State::Offered(_) => Some((ticket.tier, ticket.channel)),
        State::Scheduled { .. } | State::Assigned(_) | State::Parked(_) | State::Quarantined(_) => {
            None
        }
    }
}

/// The places of every limit on what the engine holds.
#[derive(Clone, Debug, Default)]
pub(super) struct Drains {
    live: Option<Drain>,
    agents: Option<Drain>,
    /// Queues that needs have opened.
    kinds: Option<Drain>,
    lines: BTreeMap<(TierIx, Channel), Drain>,
}

impl Drains {
    /// Counts what an event has made free, which `engine` has just applied; before it the event's ticket
    /// took these places.
    pub(super) fn observe(
        &mut self,
        now: Time,
        event: &Event,
        before: Option<&Taken>,
        engine: &Engine,
    ) {
        if let Event::PolicyApplied { .. } = event {
            // Tiers may have other places now.
            self.lines.clear();
        }
        if let Event::AgentDeleted { .. } = event {
            of(&mut self.agents, now).freed(now);
        }
        let Some(Taken { ticket, line: was_in, queue }) = before else { return };
        let ticket = engine.ticket_numbered(*ticket);
        if ticket.is_none() {
            of(&mut self.live, now).freed(now);
        }
        if let Some(left) = was_in.filter(|was_in| ticket.and_then(line) != Some(*was_in)) {
            self.line(now, left).freed(now);
        }
        if queue.as_ref().is_some_and(|queue| engine.queues().get(queue).is_none()) {
            of(&mut self.kinds, now).freed(now);
        }
    }

    /// What a caller is told whom `limit` has just refused; `None` if it is no limit on what `engine` holds.
    pub(super) fn told(&mut self, now: Time, limit: Rejection, engine: &Engine) -> Option<Told> {
        let (drain, present) = match limit {
            Rejection::TicketLimit { .. } => {
                (of(&mut self.live, now), engine.ticket_count() as u64)
            }
            Rejection::AgentLimit { .. } => {
                (of(&mut self.agents, now), engine.roster().len() as u64)
            }
            Rejection::QueueLimit { .. } => {
                (of(&mut self.kinds, now), engine.queues().len() as u64)
            }
            Rejection::QueueFull { tier, channel, .. } => {
                (self.line(now, (tier, channel)), engine.queues().depth(tier, channel))
            }
            _ => return None,
        };
        Some(Told { present, retry_ms: drain.turned_away(now) })
    }

    fn line(&mut self, now: Time, line: (TierIx, Channel)) -> &mut Drain {
        self.lines.entry(line).or_insert_with(|| Drain::new(now))
    }
}

fn of(drain: &mut Option<Drain>, now: Time) -> &mut Drain {
    drain.get_or_insert_with(|| Drain::new(now))
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
