//! Hours and urgencies in the words of the script.
//!
//! `hours office 0@+60,1000s@+120 mon-fri=8-12,13-18 1970-01-05=closed` has clocks one hour ahead of UTC,
//! two from the thousandth second on, and a Monday of its own. The script begins on a Thursday: 0s is
//! 1970-01-01 in UTC.
//!
//! `at 500 guard=1000,add=a+b,hand=c,tell=boss` is a step of a tier's ladder.

use super::{duration_ms, moment};
use crate::engine::Engine;
use crate::engine::deadlines::{Clock, ClockState};
use crate::engine::escalation::Escalation;
use crate::engine::hours::{Hours, HoursIx, Offset, Plan, Span, SpecialDay};
use crate::engine::model::{PoolSet, Ticket, Time};
use crate::engine::timing::{Timing, Urgency};
use std::sync::Arc;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

pub(super) fn urgency(word: &str) -> Option<Urgency> {
    Urgency::ALL.into_iter().find(|urgency| urgency.name() == word)
}

pub(super) fn of_tier(words: &[&str], hours: &[&str], pools: impl Fn(&str) -> PoolSet) -> Timing {
    let after = |key: &str| {
        let at = words.iter().position(|word| *word == key)?;
        Some(words[at + 1])
    };
    let mut timing = Timing::default();
    for urgency in Urgency::ALL {
        let given = words.iter().filter_map(|word| word.split_once('='));
        for (_, factor) in given.filter(|(name, _)| *name == urgency.name()) {
            timing.urgency_permille[urgency.index()] = factor.parse().expect("a number");
        }
    }
    for window in words.windows(3).filter(|window| window[0] == "at") {
        let mut step = Escalation {
            at_permille: window[1].parse().expect("thousandths"),
            guard_permille: None,
            pools: PoolSet::EMPTY,
            hand_to: None,
            notify: None,
        };
        for what in window[2].split(',') {
            match what.split_once('=').expect("what the step does") {
                ("guard", guard) => step.guard_permille = guard.parse().ok(),
                ("add", names) => step.pools = pools(names),
                ("hand", name) => step.hand_to = pools(name).first(),
                ("tell", name) => step.notify = Some(name.into()),
                _ => panic!("the step says {what}"),
            }
        }
        timing.escalation.push(step);
    }
    if let Some(name) = after("within") {
        let at = hours.iter().position(|known| *known == name).expect("hours of the policy");
        timing.hours = [Some(HoursIx(u8::try_from(at).expect("few hours"))); 6];
    }
    timing
}

pub(super) fn hours(words: &[&str]) -> Arc<Hours> {
    let offsets = words[2].split(',').map(|offset| {
        let (from, ahead) = offset.split_once('@').expect("an instant and minutes ahead");
        let from_s = if from == "0" { 0 } else { duration_ms(from).expect("an instant") / 1000 };
        let ahead_minutes: i32 = ahead.parse().expect("minutes ahead of UTC");
        Offset { from_s, ahead_s: ahead_minutes * 60 }
    });
    let mut week: [Box<[Span]>; 7] = Default::default();
    let mut special = Vec::new();
    for word in &words[3..] {
        let (days, open) = word.split_once('=').expect("a day and its spans");
        let open: Box<[Span]> = match open {
            "closed" => Box::default(),
            open => open.split(',').map(span).collect(),
        };
        if let Some(day) = days.strip_prefix("1970-01-") {
            let day = day.parse::<i32>().expect("a day") - 1;
            special.push(SpecialDay { day, name: "special".into(), open });
            continue;
        }
        let (first, last) = days.split_once('-').unwrap_or((days, days));
        let at = |day| DAYS.iter().position(|known| *known == day).expect("a day of the week");
        week[at(first)..=at(last)].fill(open);
    }
    let plan = Plan {
        name: words[1].into(),
        zone: "Test/Zone".into(),
        offsets: offsets.collect(),
        week,
        special: special.into(),
    };
    Arc::new(Hours::new(plan).expect("a sound plan"))
}

fn span(word: &str) -> Span {
    let (from, to) = word.split_once('-').expect("two hours");
    let minute = |hour: &str| hour.parse::<u16>().expect("an hour") * 60;
    Span { from_minute: minute(from), to_minute: minute(to) }
}

/// Both clocks in one line.
pub(super) fn clocks(ticket: &Ticket, now: Time, engine: &Engine) -> String {
    let told = |clock: &Clock<'_>| {
        let state = match clock.state {
            ClockState::Running => "running",
            ClockState::Paused => "paused",
            ClockState::Met => "met",
            ClockState::Breached => "breached",
        };
        let left = clock
            .remaining_ms
            .map_or(String::new(), |ms| format!(" with {} left", moment(Time(ms))));
        let opens = clock.opens_at.map_or(String::new(), |at| format!(" until {}", moment(at)));
        format!("{state}{opens}{left}, due {}", moment(clock.due))
    };
    let (response, solution) = ticket.clocks(engine.policy(), now);
    match solution {
        None => format!("response {}", told(&response)),
        Some(solution) => format!("response {}; solution {}", told(&response), told(&solution)),
    }
}

/// Whether the hours are open, and until when.
pub(super) fn told(name: &str, now: Time, engine: &Engine) -> String {
    let hours = engine.policy().hours.iter().find(|hours| hours.name() == name);
    let hours = hours.expect("hours of the policy");
    if hours.is_open(now) {
        return hours
            .closes_at(now)
            .map_or("always open".to_owned(), |at| format!("open until {}", moment(at)));
    }
    format!("closed until {}", moment(hours.opens_at(now)))
}
