//! Urgencies and the two clocks of a ticket, as people and programs read them.

use super::humane;
use super::table::Facts;
use super::view;
use super::words::{clock_state, urgency};
use crate::api::proto::v1;
use clap::ValueEnum;
use jiff::Timestamp;
use serde::Serialize;

/// How soon a ticket matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum UrgencyWord {
    /// It can wait.
    Low,
    /// As the tier promises.
    Normal,
    /// It should go faster.
    High,
    /// Somebody's work stands still.
    Critical,
}

impl From<UrgencyWord> for v1::Urgency {
    fn from(word: UrgencyWord) -> Self {
        match word {
            UrgencyWord::Low => Self::Low,
            UrgencyWord::Normal => Self::Normal,
            UrgencyWord::High => Self::High,
            UrgencyWord::Critical => Self::Critical,
        }
    }
}

/// The urgency's word, where one is told.
pub(crate) fn told_urgency(value: i32) -> Option<String> {
    (value != v1::Urgency::Unspecified as i32).then(|| urgency(value))
}

/// One of the two clocks, for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Clock {
    pub(crate) state: String,
    pub(crate) due: Option<Timestamp>,
    pub(crate) remaining_ms: Option<i64>,
    pub(crate) hours: Option<String>,
    pub(crate) opens_at: Option<Timestamp>,
}

impl From<v1::Clock> for Clock {
    fn from(clock: v1::Clock) -> Self {
        Self {
            state: clock_state(clock.state),
            due: view::instant(clock.due),
            remaining_ms: clock.remaining_ms,
            hours: view::filled(clock.hours),
            opens_at: view::instant(clock.opens_at),
        }
    }
}

/// Adds to a ticket's card what its clocks say beyond the deadlines: nothing for a plain ticket whose
/// clocks always run.
pub(crate) fn add_to_card(facts: &mut Facts, ticket: &v1::Ticket, now: Timestamp) {
    if !matches!(ticket.urgency(), v1::Urgency::Unspecified | v1::Urgency::Normal) {
        facts.add("urgency", urgency(ticket.urgency));
    }
    if ticket.escalation_step > 0 {
        let guard = ticket.guard_permille.map_or_else(String::new, |guard| {
            format!(", at risk with {} % left", f64::from(guard) / 10.0)
        });
        facts.add("escalated", format!("step {}{guard}", ticket.escalation_step));
    }
    let clocks =
        [("response clock", &ticket.response_clock), ("solution clock", &ticket.solution_clock)];
    for (name, clock) in clocks {
        if let Some(clock) = clock.as_ref().filter(|clock| !clock.hours.is_empty()) {
            facts.add(name, phrase(clock, now));
        }
    }
}

/// `paused, 2h left in office, opens tomorrow`.
fn phrase(clock: &v1::Clock, now: Timestamp) -> String {
    let left = clock
        .remaining_ms
        .map_or_else(String::new, |ms| format!(", {} in hours {}", humane::slack(ms), clock.hours));
    let opens = view::instant(clock.opens_at)
        .map_or_else(String::new, |at| format!(", opens {}", humane::instant(at, now)));
    format!("{}{left}{opens}", clock_state(clock.state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> prost_types::Timestamp {
        prost_types::Timestamp { seconds: 1_795_290_768 + second, nanos: 0 }
    }

    #[test]
    fn a_clock_outside_its_hours_says_what_is_left_and_when_they_open() {
        let clock = v1::Clock {
            state: v1::ClockState::Paused as i32,
            due: Some(at(10_800)),
            remaining_ms: Some(7_200_000),
            hours: "office".to_owned(),
            opens_at: Some(at(3600)),
        };
        let ticket = v1::Ticket {
            urgency: v1::Urgency::High as i32,
            response_clock: Some(clock),
            ..Default::default()
        };
        let mut facts = Facts::new();
        let now = view::instant(Some(at(0))).expect("an instant");
        add_to_card(&mut facts, &ticket, now);
        let text = facts.to_string();
        assert!(text.contains("high"), "{text}");
        assert!(text.contains("paused, 2h left in hours office, opens "), "{text}");
    }

    #[test]
    fn a_plain_ticket_has_nothing_to_add() {
        let ticket = v1::Ticket {
            urgency: v1::Urgency::Normal as i32,
            response_clock: Some(v1::Clock::default()),
            ..Default::default()
        };
        let mut facts = Facts::new();
        add_to_card(&mut facts, &ticket, Timestamp::UNIX_EPOCH);
        assert_eq!(facts.to_string().trim(), "");
    }
}
