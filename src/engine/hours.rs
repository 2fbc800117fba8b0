//! Business hours: when a plan is open, and where a deadline lies that counts open time only.
//!
//! A plan says which hours its wall clock is open: by the day of the week, and by the date for special
//! days. An instant is open when the plan's clock, at that instant, shows an open time. So an hour that
//! a change of the clocks leaves out is not there to be worked in, and an hour that comes twice is open
//! twice. The zone's history and future are a list of offsets: who reads the policy takes it from the
//! time zone database; here are integers only.
//!
//! Every question is two binary searches over the stretches between changes of the clocks and special
//! days, however far away the answer is.

use super::model::Time;
use std::fmt;
use std::sync::Arc;

/// A day in milliseconds.
const DAY_MS: i64 = 86_400_000;
/// A minute in milliseconds.
const MINUTE_MS: i64 = 60_000;
/// A week in milliseconds.
const WEEK_MS: i64 = 7 * DAY_MS;
/// 1970-01-01 was a Thursday: so long before it a week had begun, in milliseconds.
const MONDAY_BEFORE_EPOCH_MS: i64 = 3 * DAY_MS;
/// Where time begins and ends for hours, in milliseconds from the epoch: some eight thousand years.
const HORIZON_MS: i64 = 253_402_300_800_000;
/// After so many spans without a gap a plan counts as always open.
const SPANS_WITHOUT_GAP_MAX: usize = 4096;

/// Most plans a policy may have.
pub const PLANS_MAX: usize = 16;
/// Most spans in one day.
pub const SPANS_MAX: usize = 8;
/// Most special days of one plan.
pub const SPECIAL_DAYS_MAX: usize = 1000;
/// Most changes of the clocks of one plan: two a year for longer than anybody lives.
pub const OFFSETS_MAX: usize = 1000;

/// A plan by its place in the policy. Below [`PLANS_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoursIx(pub u8);

/// Open from one minute of the day to another, the second not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first minute, 0 to 1439.
    pub from_minute: u16,
    /// The minute after the last, up to 1440.
    pub to_minute: u16,
}

/// A date with hours of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialDay {
    /// The date, in days since 1970-01-01.
    pub day: i32,
    /// What people call it. At most 64 characters.
    pub name: Arc<str>,
    /// When it is open; never for most.
    pub open: Box<[Span]>,
}

/// What the zone's clocks show from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offset {
    /// Since when, in seconds from the epoch, UTC. The first also holds for all time before it.
    pub from_s: i64,
    /// How far the clocks are ahead of UTC, in seconds; at most a day either way.
    pub ahead_s: i32,
}

/// Business hours as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name. 1 to 64 characters.
    pub name: Arc<str>,
    /// The zone's name, for people. 1 to 64 characters.
    pub zone: Arc<str>,
    /// The zone's clocks, in the order of time; at least one. The last holds for ever.
    pub offsets: Box<[Offset]>,
    /// The spans of each day of the week, Monday first, in the order of the day, none touching
    /// another's inside; at least one in the week.
    pub week: [Box<[Span]>; 7],
    /// Dates with hours of their own, in their order.
    pub special: Box<[SpecialDay]>,
}

/// Why a plan cannot be worked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanFault {
    /// No day of the week has a span: a deadline could never come.
    #[error("is never open")]
    NeverOpen,
    /// A span is empty, beyond the day, or not after the one before it.
    #[error("has a span that is empty, beyond the day or not after the one before")]
    Span,
    /// The offsets are missing, too many, out of order or beyond a day.
    #[error("has no usable clock")]
    Clock,
    /// The special days are too many, out of order, or beyond the calendar.
    #[error("has special days out of order")]
    SpecialDays,
}

/// A run of time in which the clocks go evenly and one kind of day rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stretch {
    from_ms: i64,
    ahead_ms: i64,
    /// Open time from the beginning of time to `from_ms`.
    open_before_ms: i64,
    /// Which special day it is, or is part of; otherwise the week rules.
    special: Option<u16>,
}

/// A plan ready to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    plan: Plan,
    stretches: Box<[Stretch]>,
    /// Open time from Monday's midnight to each day's; the last is that of the whole week.
    open_before_day_ms: [i64; 8],
}

impl Hours {
    /// The plan, checked and ready.
    pub fn new(plan: Plan) -> Result<Self, PlanFault> {
        check(&plan)?;
        let mut open_before_day_ms = [0; 8];
        for (at, spans) in plan.week.iter().enumerate() {
            open_before_day_ms[at + 1] = open_before_day_ms[at] + open_in(spans, DAY_MS);
        }
        if open_before_day_ms[7] == 0 {
            return Err(PlanFault::NeverOpen);
        }
        let mut hours = Self { plan, stretches: Box::default(), open_before_day_ms };
        hours.stretches = hours.stretch();
        Ok(hours)
    }

    /// The plan as it was written.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The plan's name.
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// How far the zone's clocks are ahead of UTC at `at`, in milliseconds.
    pub fn ahead_ms(&self, at: Time) -> i64 {
        self.stretch_at(at.0).ahead_ms
    }

    /// The special day that `at` lies in, if it lies in one.
    pub fn special_day(&self, at: Time) -> Option<&SpecialDay> {
        let special = self.stretch_at(at.0).special?;
        Some(&self.plan.special[usize::from(special)])
    }

    /// Whether the plan is open at `at`. A span's first instant is, the one after its last is not.
    pub fn is_open(&self, at: Time) -> bool {
        self.span_at(within_horizon(at)).is_some()
    }

    /// The first open instant at or after `at`.
    pub fn opens_at(&self, at: Time) -> Time {
        // A millisecond of work ends one millisecond after the work could begin.
        self.add_open(at, 1).plus_ms(-1)
    }

    /// The first instant at or after `at` that is not open; `None` where the plan does not close.
    pub fn closes_at(&self, at: Time) -> Option<Time> {
        let mut ms = within_horizon(at);
        for _ in 0..SPANS_WITHOUT_GAP_MAX {
            match self.span_at(ms) {
                None => return Some(Time(ms)),
                Some(end_ms) => ms = end_ms,
            }
        }
        None
    }

    /// The first instant by which `ms` of open time have passed since `start`; `start` itself for none.
    pub fn add_open(&self, start: Time, ms: i64) -> Time {
        if ms <= 0 {
            return start;
        }
        let wanted_ms = self.open_until(within_horizon(start)).saturating_add(ms);
        let after = self.stretches.partition_point(|known| known.open_before_ms < wanted_ms);
        let stretch = &self.stretches[after - 1];
        let from_local_ms = stretch.from_ms + stretch.ahead_ms;
        let rest_ms = wanted_ms - stretch.open_before_ms;
        let local_ms = match self.special_of(stretch) {
            Some(day) => {
                let midnight_ms = i64::from(day.day) * DAY_MS;
                let before_ms = open_in(&day.open, from_local_ms - midnight_ms);
                midnight_ms + reached_in(&day.open, before_ms + rest_ms)
            }
            None => {
                self.reached_in_weeks(self.open_in_weeks(from_local_ms).saturating_add(rest_ms))
            }
        };
        Time((local_ms - stretch.ahead_ms).min(HORIZON_MS))
    }

    /// Open time from `from` to `to` in milliseconds; negative when `to` comes first.
    pub fn open_between(&self, from: Time, to: Time) -> i64 {
        self.open_until(within_horizon(to)) - self.open_until(within_horizon(from))
    }

    /// The runs of time, first to last, each with the open time before it.
    fn stretch(&self) -> Box<[Stretch]> {
        let mut stretches: Vec<Stretch> = Vec::new();
        let plan = &self.plan;
        for (at, offset) in plan.offsets.iter().enumerate() {
            let ahead_ms = i64::from(offset.ahead_s) * 1000;
            let mut from_ms = if at == 0 { -HORIZON_MS } else { offset.from_s * 1000 };
            let to_ms = plan.offsets.get(at + 1).map_or(HORIZON_MS, |next| next.from_s * 1000);
            let mut push = |from_ms, special| {
                let open_before_ms = stretches.last().map_or(0, |last: &Stretch| {
                    last.open_before_ms + self.open_since_start(last, from_ms)
                });
                stretches.push(Stretch { from_ms, ahead_ms, open_before_ms, special });
            };
            for (special, day) in (0..).zip(&plan.special) {
                let midnight_ms = i64::from(day.day) * DAY_MS - ahead_ms;
                let starts_ms = midnight_ms.max(from_ms);
                let ends_ms = midnight_ms.saturating_add(DAY_MS).min(to_ms);
                if starts_ms >= ends_ms {
                    continue;
                }
                if starts_ms > from_ms {
                    push(from_ms, None);
                }
                push(starts_ms, Some(special));
                from_ms = ends_ms;
            }
            if from_ms < to_ms {
                push(from_ms, None);
            }
        }
        stretches.into()
    }

    fn stretch_at(&self, ms: i64) -> &Stretch {
        let after = self.stretches.partition_point(|known| known.from_ms <= ms);
        &self.stretches[after.max(1) - 1]
    }

    fn special_of(&self, stretch: &Stretch) -> Option<&SpecialDay> {
        stretch.special.map(|special| &self.plan.special[usize::from(special)])
    }

    /// Open time from the beginning of time to `ms`.
    fn open_until(&self, ms: i64) -> i64 {
        let stretch = self.stretch_at(ms);
        stretch.open_before_ms + self.open_since_start(stretch, ms)
    }

    /// Open time from the start of a stretch to an instant that is not after its end.
    fn open_since_start(&self, stretch: &Stretch, to_ms: i64) -> i64 {
        let from_local_ms = stretch.from_ms + stretch.ahead_ms;
        let to_local_ms = to_ms + stretch.ahead_ms;
        match self.special_of(stretch) {
            Some(day) => {
                let midnight_ms = i64::from(day.day) * DAY_MS;
                open_in(&day.open, to_local_ms - midnight_ms)
                    - open_in(&day.open, from_local_ms - midnight_ms)
            }
            None => self.open_in_weeks(to_local_ms) - self.open_in_weeks(from_local_ms),
        }
    }

    /// Open time of a plan of equal weeks up to a reading of its clock.
    fn open_in_weeks(&self, local_ms: i64) -> i64 {
        let since_monday_ms = local_ms + MONDAY_BEFORE_EPOCH_MS;
        let (weeks, rest_ms) =
            (since_monday_ms.div_euclid(WEEK_MS), since_monday_ms.rem_euclid(WEEK_MS));
        let day = weekday(rest_ms);
        let today_ms = open_in(&self.plan.week[day], rest_ms % DAY_MS);
        weeks * self.open_before_day_ms[7] + self.open_before_day_ms[day] + today_ms
    }

    /// The first reading of the clock at which a plan of equal weeks has been open for so long.
    fn reached_in_weeks(&self, open_ms: i64) -> i64 {
        let week_ms = self.open_before_day_ms[7];
        let weeks = (open_ms - 1).div_euclid(week_ms);
        let rest_ms = open_ms - weeks * week_ms;
        let day = self.open_before_day_ms.partition_point(|before| *before < rest_ms) - 1;
        let day_ms = i64::try_from(day).expect("a week has seven days") * DAY_MS;
        let today_ms = reached_in(&self.plan.week[day], rest_ms - self.open_before_day_ms[day]);
        weeks.saturating_mul(WEEK_MS).saturating_add(day_ms + today_ms - MONDAY_BEFORE_EPOCH_MS)
    }

    /// When the span that holds this instant ends, or the stretch before it; `None` when none does.
    fn span_at(&self, ms: i64) -> Option<i64> {
        let stretch = self.stretch_at(ms);
        let local_ms = ms + stretch.ahead_ms;
        let midnight_ms = local_ms - local_ms.rem_euclid(DAY_MS);
        let spans = self.special_of(stretch).map_or_else(
            || {
                let day = weekday((local_ms + MONDAY_BEFORE_EPOCH_MS).rem_euclid(WEEK_MS));
                &self.plan.week[day]
            },
            |day| &day.open,
        );
        let today_ms = local_ms - midnight_ms;
        let span =
            spans.iter().find(|span| (span.begins_ms()..span.ends_ms()).contains(&today_ms))?;
        let span_end_ms = midnight_ms + span.ends_ms() - stretch.ahead_ms;
        let after = self.stretches.partition_point(|known| known.from_ms <= ms);
        let stretch_end_ms = self.stretches.get(after).map_or(i64::MAX, |next| next.from_ms);
        Some(span_end_ms.min(stretch_end_ms))
    }
}

impl fmt::Display for Span {
    /// As policies write it: `08:00-12:00`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from_minute, self.to_minute);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

impl SpecialDay {
    /// The date as policies write it: `2026-12-25`. The algorithm is `civil_from_days` of Howard Hinnant
    /// (chrono-compatible low-level date algorithms, 2013), for the years 0 to 9999.
    pub fn date(&self) -> String {
        let since_march_0000 = i64::from(self.day) + 719_468;
        let era = since_march_0000.div_euclid(146_097);
        let day_of_era = since_march_0000.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        format!("{year:04}-{month:02}-{day:02}")
    }
}

impl Span {
    fn begins_ms(self) -> i64 {
        i64::from(self.from_minute) * MINUTE_MS
    }

    fn ends_ms(self) -> i64 {
        i64::from(self.to_minute) * MINUTE_MS
    }
}

/// `start` and `ms` of the time that counts: open time where there are hours, all time where not.
pub fn add(hours: Option<&Hours>, start: Time, ms: i64) -> Time {
    hours.map_or_else(|| start.plus_ms(ms), |hours| hours.add_open(start, ms))
}

/// The time that counts from `from` to `to`, in milliseconds; negative when `to` comes first.
pub fn between(hours: Option<&Hours>, from: Time, to: Time) -> i64 {
    hours.map_or_else(|| to.since_ms(from), |hours| hours.open_between(from, to))
}

/// Where a deadline lies after its clock stood still from `paused_from` to `resumed_at`: as much time
/// that counts is left as was left then. A deadline that had passed stays where it was.
pub fn shift_after_pause(
    hours: Option<&Hours>,
    deadline: Time,
    paused_from: Time,
    resumed_at: Time,
) -> Time {
    if deadline <= paused_from || resumed_at <= paused_from {
        return deadline;
    }
    let left_ms = between(hours, paused_from, deadline);
    // With nothing left but closed hours, the deadline is not brought forward.
    add(hours, resumed_at, left_ms).max(deadline)
}

fn within_horizon(at: Time) -> i64 {
    at.0.clamp(-HORIZON_MS, HORIZON_MS)
}

fn weekday(since_monday_ms: i64) -> usize {
    usize::try_from(since_monday_ms / DAY_MS).expect("it is within a week")
}

/// Open time of a day up to a time of day.
fn open_in(spans: &[Span], until_ms: i64) -> i64 {
    let open = |span: &Span| until_ms.min(span.ends_ms()) - until_ms.min(span.begins_ms());
    spans.iter().map(open).sum()
}

/// The first time of day at which the day has been open for so long; it must be that long.
fn reached_in(spans: &[Span], open_ms: i64) -> i64 {
    let mut rest_ms = open_ms;
    for span in spans {
        let length_ms = span.ends_ms() - span.begins_ms();
        if rest_ms <= length_ms {
            return span.begins_ms() + rest_ms;
        }
        rest_ms -= length_ms;
    }
    unreachable!("no more open time is asked of a day than it has")
}

fn check(plan: &Plan) -> Result<(), PlanFault> {
    let sound = |spans: &[Span]| {
        spans.len() <= SPANS_MAX
            && spans.iter().all(|span| span.from_minute < span.to_minute && span.to_minute <= 1440)
            && spans.windows(2).all(|pair| pair[0].to_minute <= pair[1].from_minute)
    };
    let days = plan.special.iter().map(|day| &day.open);
    if !plan.week.iter().chain(days).all(|spans| sound(spans)) {
        return Err(PlanFault::Span);
    }
    let offsets = &plan.offsets;
    let in_order = offsets.windows(2).all(|pair| pair[0].from_s < pair[1].from_s);
    let usable = |offset: &Offset| {
        offset.ahead_s.unsigned_abs() <= 86_400
            && offset.from_s.unsigned_abs() < (HORIZON_MS / 1000).unsigned_abs()
    };
    if offsets.is_empty() || offsets.len() > OFFSETS_MAX || !in_order || !offsets.iter().all(usable)
    {
        return Err(PlanFault::Clock);
    }
    let special = &plan.special;
    let in_order = special.windows(2).all(|pair| pair[0].day < pair[1].day);
    let far = |day: &SpecialDay| i64::from(day.day).abs() > HORIZON_MS / DAY_MS - 2;
    if special.len() > SPECIAL_DAYS_MAX || !in_order || special.iter().any(far) {
        return Err(PlanFault::SpecialDays);
    }
    Ok(())
}
