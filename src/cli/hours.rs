//! `tierline policy hours`: the business hours of a policy file, and when they open next.

use super::Context;
use super::console;
use super::fault::Fault;
use super::table::Facts;
use crate::clock::Clock;
use crate::engine::hours::{Hours, Span};
use crate::engine::model::{Channel, Policy, Time};
use crate::policy::{self, Error};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde::Serialize;
use std::path::Path;

/// The days of the week, Monday first.
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// What the help of the command says at its end.
pub(super) const HELP: &str = "\
JSON: a list of hours: name, zone, served [tier/channel], week [[span]] from Monday, holidays [{date, name, open [span]}], \
at, is_open, opens_at, closes_at (null if they do not close). Instants are RFC 3339 in UTC.

Exit codes: 0 shown, 64 the policy is faulty or has no such hours, 66 the file cannot be read.

Examples:
  tierline policy hours config/default.toml
  tierline policy hours config/default.toml office --at 2026-12-24T10:00:00Z";

/// Business hours, for programs.
#[derive(Serialize)]
struct Told {
    name: String,
    zone: String,
    served: Vec<String>,
    week: [Vec<String>; 7],
    holidays: Vec<Holiday>,
    at: Timestamp,
    is_open: bool,
    opens_at: Timestamp,
    closes_at: Option<Timestamp>,
}

/// A day with hours of its own.
#[derive(Serialize)]
struct Holiday {
    date: String,
    name: String,
    open: Vec<String>,
}

/// Shows the hours of the policy in `file`, or those of that name, as they are at `at` or now.
pub(super) fn show(
    context: &Context,
    file: &Path,
    name: Option<&str>,
    at: Option<Timestamp>,
) -> Result<(), Fault> {
    let (policy, _) = policy::load(file).map_err(|error| match error {
        Error::Read { path, source } => Fault::File { path, source },
        error @ Error::Faulty(_) => Fault::Usage(error.to_string()),
    })?;
    let now = || Clock::start(Time::default(), 1.0).now();
    let at = at.map_or_else(now, |at| Time(at.as_millisecond()));
    let wanted = policy.hours.iter().filter(|hours| name.is_none_or(|name| hours.name() == name));
    let wanted: Vec<&Hours> = wanted.map(|hours| &**hours).collect();
    if let (Some(name), []) = (name, wanted.as_slice()) {
        let known: Vec<_> = policy.hours.iter().map(|hours| hours.name()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(Fault::Usage(format!("the policy has no hours {name:?}; known: {known}")));
    }
    if context.is_json() {
        let told: Vec<_> = wanted.iter().map(|hours| told(&policy, hours, at)).collect();
        return console::json(&told);
    }
    if wanted.is_empty() {
        console::note("the policy has no hours: all clocks always run");
    }
    for hours in wanted {
        console::say(format_args!("{}\n", card(&policy, hours, at)))?;
    }
    Ok(())
}

fn told(policy: &Policy, hours: &Hours, at: Time) -> Told {
    let plan = hours.plan();
    let holidays = plan.special.iter().map(|day| Holiday {
        date: day.date(),
        name: day.name.to_string(),
        open: spans(&day.open),
    });
    Told {
        name: plan.name.to_string(),
        zone: plan.zone.to_string(),
        served: served(policy, hours),
        week: plan.week.each_ref().map(|day| spans(day)),
        holidays: holidays.collect(),
        at: instant(at),
        is_open: hours.is_open(at),
        opens_at: instant(hours.opens_at(at)),
        closes_at: hours.closes_at(hours.opens_at(at)).map(instant),
    }
}

fn card(policy: &Policy, hours: &Hours, at: Time) -> Facts {
    let plan = hours.plan();
    let mut facts = Facts::new();
    facts.add("hours", format!("{} in {}", plan.name, plan.zone));
    facts.add("for", served(policy, hours).join(", "));
    for (name, day) in DAYS.into_iter().zip(&plan.week) {
        facts.add(name, open(day));
    }
    for day in &plan.special {
        facts.add("holiday", format!("{} {}: {}", day.date(), day.name, open(&day.open)));
    }
    let opens_at = hours.opens_at(at);
    let state = if hours.is_open(at) {
        "open".to_owned()
    } else {
        format!("closed, opens {}", local(hours, opens_at))
    };
    facts.add("at", format!("{}: {state}", local(hours, at)));
    facts.add(
        "closes",
        hours.closes_at(opens_at).map_or_else(|| "never".to_owned(), |at| local(hours, at)),
    );
    facts
}

/// The tiers and channels whose clocks run in these hours.
fn served(policy: &Policy, hours: &Hours) -> Vec<String> {
    let of_tier = policy.tiers.iter().flat_map(|tier| {
        Channel::ALL.into_iter().filter_map(|channel| {
            let ix = tier.timing.hours[channel.index()]?;
            let named = &policy.hours[usize::from(ix.0)];
            (named.name() == hours.name()).then(|| format!("{}/{}", tier.name, channel.name()))
        })
    });
    of_tier.collect()
}

fn open(day: &[Span]) -> String {
    if day.is_empty() { "closed".to_owned() } else { spans(day).join(", ") }
}

fn spans(day: &[Span]) -> Vec<String> {
    day.iter().map(ToString::to_string).collect()
}

/// An instant as the clock of the hours shows it, with how far that is ahead of UTC.
fn local(hours: &Hours, at: Time) -> String {
    let ahead_s = i32::try_from(hours.ahead_ms(at) / 1000).expect("it is less than a day");
    let offset = Offset::from_seconds(ahead_s).unwrap_or(Offset::UTC);
    instant(at).to_zoned(TimeZone::fixed(offset)).strftime("%a %F %H:%M %:z").to_string()
}

fn instant(at: Time) -> Timestamp {
    Timestamp::from_millisecond(at.0).unwrap_or(Timestamp::MAX)
}
