//! What is promised, and until when: the one place where a deadline is made.
//!
//! A clock begins at the submit and counts the tier's hours. Nothing that happens later moves its
//! beginning: a corrected tier and a changed urgency give the deadline that would have been given then,
//! and a correction keeps an earlier one.

use super::Engine;
use super::coding::Standing;
use super::command::{Answer, Event, Rejection};
use super::decide::Decision;
use super::hours;
use super::hours::Hours;
use super::model::{Channel, Policy, State, Ticket, TicketId, TierIx, Time};
use super::timing::{Urgency, ratio_of};

/// What deadlines follow from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Promise {
    pub(super) tier: TierIx,
    pub(super) channel: Channel,
    pub(super) urgency: Urgency,
    pub(super) standing: Standing,
}

impl Promise {
    /// That of a ticket as it is.
    pub(super) fn of(ticket: &Ticket) -> Self {
        Self {
            tier: ticket.tier,
            channel: ticket.channel,
            urgency: ticket.urgency,
            standing: ticket.standing(),
        }
    }

    /// The response deadline and the solution deadline of clocks that begin at `start`.
    pub(super) fn deadlines(self, policy: &Policy, start: Time) -> (Time, Option<Time>) {
        let hours = policy.hours(self.tier, self.channel);
        let (respond_ms, solve_ms) = self.targets_ms(policy);
        let by = |ms| hours::add(hours, start, ms);
        (by(respond_ms), solve_ms.map(by))
    }

    /// The response target in milliseconds of the time that counts.
    pub(super) fn respond_within_ms(self, policy: &Policy) -> i64 {
        self.targets_ms(policy).0
    }

    /// Both targets in milliseconds of the time that counts.
    fn targets_ms(self, policy: &Policy) -> (i64, Option<i64>) {
        let (tier, at) = (policy.tier(self.tier), self.channel.index());
        let treatment = policy.treatment(self.standing);
        let scaled = |ms| treatment.scaled(tier.timing.scaled(ms, self.urgency));
        (scaled(tier.respond_within_ms[at]), tier.solve_within_ms[at].map(scaled))
    }
}

impl Engine {
    /// A changed urgency gives the deadlines that it would have given from the submit. Where the ticket
    /// has a better promise than its tier gives today, of an earlier tier or policy, that promise is
    /// scaled; and a lower urgency never brings a deadline forward.
    pub(super) fn decide_urgency(
        &self,
        ticket: &TicketId,
        urgency: Urgency,
    ) -> Result<Decision, Rejection> {
        let live = self.live(ticket, None)?;
        let answer = Answer::Ticket { number: live.number, repeated: live.urgency == urgency };
        if live.urgency == urgency {
            return Ok(Decision { events: Vec::new(), answer });
        }
        let policy = &*self.policy;
        let hours = policy.hours(live.tier, live.channel);
        let (respond_ms, solve_ms) = Promise { urgency, ..Promise::of(live) }.targets_ms(policy);
        let factors = policy.tier(live.tier).timing.urgency_permille;
        let (old, new) = (factors[live.urgency.index()], factors[urgency.index()]);
        let by = |deadline: Time, target_ms: i64| {
            let given_ms = hours::between(hours, live.counts_from(), deadline);
            let scaled_ms = ratio_of(given_ms, new, old).clamp(1, target_ms);
            if urgency > live.urgency && scaled_ms < given_ms {
                hours::add(hours, live.counts_from(), scaled_ms).min(deadline)
            } else if urgency < live.urgency && scaled_ms > given_ms {
                hours::add(hours, live.counts_from(), scaled_ms).max(deadline)
            } else {
                deadline
            }
        };
        let event = Event::UrgencySet {
            ticket: live.number,
            urgency,
            respond_by: by(live.respond_by, respond_ms),
            // A policy that promises no solution any more does not change one that was promised.
            solve_by: live.solve_by.map(|at| solve_ms.map_or(at, |ms| by(at, ms))),
        };
        Ok(Decision { events: vec![event], answer })
    }
}

/// How a clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockState {
    /// It runs towards its deadline.
    Running,
    /// It stands still: its hours are closed, or the ticket is parked or not yet in a queue.
    Paused,
    /// What was promised happened in time.
    Met,
    /// The deadline passed first.
    Breached,
}

/// One of the two clocks of a live ticket, as it stands at an instant.
#[derive(Clone, Debug)]
pub struct Clock<'a> {
    /// How it stands.
    pub state: ClockState,
    /// The deadline.
    pub due: Time,
    /// The time that counts until the deadline, in milliseconds, negative once it has passed; `None`
    /// when what was promised has happened.
    pub remaining_ms: Option<i64>,
    /// The hours in which it runs; `None`: always.
    pub hours: Option<&'a Hours>,
    /// When these hours open, while they are closed.
    pub opens_at: Option<Time>,
}

impl Ticket {
    /// The response clock and the solution clock, if a solution is promised, at `now`, which must not be
    /// before the last event.
    pub fn clocks<'a>(&self, policy: &'a Policy, now: Time) -> (Clock<'a>, Option<Clock<'a>>) {
        let hours = policy.hours(self.tier, self.channel);
        let closed = hours.filter(|hours| !hours.is_open(now));
        // A parked ticket's clocks stand where they stood; a scheduled one's have yet to begin.
        let (counted_to, stands) = match &self.state {
            State::Parked(parked) => (parked.since, true),
            State::Scheduled { opens_at } => (*opens_at, true),
            State::Waiting | State::Offered(_) | State::Assigned(_) | State::Quarantined(_) => {
                (now, closed.is_some())
            }
        };
        let clock = |due: Time, breached: bool, happened: bool| Clock {
            state: match (breached || (!happened && counted_to > due), happened, stands) {
                (true, _, _) => ClockState::Breached,
                (false, true, _) => ClockState::Met,
                (false, false, true) => ClockState::Paused,
                (false, false, false) => ClockState::Running,
            },
            due,
            remaining_ms: (!happened).then(|| hours::between(hours, counted_to, due)),
            hours,
            opens_at: closed.filter(|_| !happened).map(|hours| hours.opens_at(now)),
        };
        let response = clock(self.respond_by, self.response_breached, self.picked_up_at.is_some());
        let solution = self.solve_by.map(|due| clock(due, self.solution_breached, false));
        (response, solution)
    }
}
