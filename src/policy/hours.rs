//! `[[hours]]`: business hours as people write them, and the zone's clocks from the time zone database
//! that is built in, so that a policy means the same on every host.

use super::{Names, channel_names, unique_name};
use crate::engine::hours::{
    Hours, HoursIx, OFFSETS_MAX, Offset, PLANS_MAX, Plan, SPANS_MAX, SPECIAL_DAYS_MAX, Span,
    SpecialDay,
};
use crate::engine::model::Channel;
use crate::settings::{Item, Section};
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, Unit};
use std::sync::{Arc, OnceLock};

/// The days of the week, as policies name them.
pub(super) const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Until when changes of the clocks are known: the end of the year 2100, in seconds from the epoch.
const KNOWN_UNTIL_S: i64 = 4_133_980_800;
/// The years that a special day may lie in.
const SPECIAL_YEARS: std::ops::RangeInclusive<i16> = 1970..=2100;
/// The longest name of a zone or a special day, in characters.
const TEXT_CHARS_MAX: usize = 64;

/// Hours whose name has been read.
pub(super) struct HoursEntry<'a> {
    pub(super) section: Section<'a>,
    pub(super) name: Option<&'a str>,
}

/// All hours in the order of the file; a policy needs none.
pub(super) fn entries<'a>(root: &Section<'a>) -> Vec<HoursEntry<'a>> {
    let mut names = Vec::new();
    super::tables_or_none(root, "hours", PLANS_MAX)
        .into_iter()
        .map(|section| {
            let name = unique_name(&section, &names);
            names.push(name);
            HoursEntry { section, name }
        })
        .collect()
}

impl HoursEntry<'_> {
    /// The hours; faults are noted.
    pub(super) fn read(&self) -> Option<Arc<Hours>> {
        let section = &self.section;
        let zone = section.require("zone").and_then(|item| zone(&item));
        let week = WEEKDAYS.map(|day| section.get(day).map_or(Some(Box::default()), |i| spans(&i)));
        let special = section.get("holidays").map_or(Some(Vec::new()), |item| special_days(&item));
        if week.iter().flatten().count() == week.len()
            && week.iter().flatten().all(|d| d.is_empty())
        {
            section.fault("is never open: give mon, tue, wed, thu, fri, sat or sun a span");
            return None;
        }
        let (zone_name, offsets) = zone?;
        let [mon, tue, wed, thu, fri, sat, sun] = week;
        let plan = Plan {
            name: self.name?.into(),
            zone: zone_name,
            offsets,
            week: [mon?, tue?, wed?, thu?, fri?, sat?, sun?],
            special: special?.into(),
        };
        Some(Arc::new(Hours::new(plan).expect("every part of the plan has been checked")))
    }
}

/// `hours` of a tier: for each channel the hours that its table names.
pub(super) fn of_tier(tier: &Section<'_>, names: &Names<'_>) -> Option<[Option<HoursIx>; 6]> {
    let Some(item) = tier.get("hours") else {
        return Some([None; 6]);
    };
    let table = item.section()?;
    let mut complete = true;
    let mut read = |key| {
        let item = table.get(key)?;
        let ix = names.hours(&item);
        complete &= ix.is_some();
        ix
    };
    let default = read("default");
    let own = channel_names().map(&mut read);
    table.finish();
    complete.then(|| Channel::ALL.map(|channel| own[channel.index()].or(default)))
}

/// The zone's name and its clocks.
fn zone(item: &Item<'_>) -> Option<(Arc<str>, Box<[Offset]>)> {
    let name = item.text()?;
    let known = (name.chars().count() <= TEXT_CHARS_MAX)
        .then(|| database().get(name).ok())
        .flatten()
        // The database answers in any case; a policy spells a zone as everybody does.
        .filter(|zone| zone.iana_name() == Some(name));
    let Some(zone) = known else {
        let names: Vec<_> = database().available().map(|name| name.to_string()).collect();
        item.unknown("is no time zone such as Europe/Zurich", names.iter().map(String::as_str));
        return None;
    };
    let offsets = offsets(&zone);
    assert!(offsets.len() <= OFFSETS_MAX, "no zone changes its clocks that often");
    Some((name.into(), offsets))
}

/// What the zone's clocks show, from 1970 to the end of 2100.
fn offsets(zone: &TimeZone) -> Box<[Offset]> {
    let first = Offset { from_s: 0, ahead_s: zone.to_offset(Timestamp::UNIX_EPOCH).seconds() };
    let later = zone
        .following(Timestamp::UNIX_EPOCH)
        .map(|change| Offset {
            from_s: change.timestamp().as_second(),
            ahead_s: change.offset().seconds(),
        })
        .take_while(|change| change.from_s < KNOWN_UNTIL_S);
    let mut offsets = vec![first];
    for change in later {
        // A change of the zone's name alone leaves its clocks as they are.
        if offsets.last().is_some_and(|last| last.ahead_s != change.ahead_s) {
            offsets.push(change);
        }
    }
    offsets.into()
}

/// The zones that are built in.
fn database() -> &'static TimeZoneDatabase {
    static DATABASE: OnceLock<TimeZoneDatabase> = OnceLock::new();
    DATABASE.get_or_init(TimeZoneDatabase::bundled)
}

/// The spans of a day, such as `["08:00-12:00", "13:00-18:00"]`.
fn spans(item: &Item<'_>) -> Option<Box<[Span]>> {
    let list = item.list()?;
    if list.len() > SPANS_MAX {
        item.fault(&format!("has more than {SPANS_MAX} spans"));
        return None;
    }
    let mut spans: Vec<Span> = Vec::with_capacity(list.len());
    for item in list {
        let text = item.text()?;
        let Some(span) = span(text) else {
            item.fault("is not a span within one day such as 08:00-12:00 or 13:00-24:00");
            return None;
        };
        if spans.last().is_some_and(|before| before.to_minute > span.from_minute) {
            item.fault("does not come after the span before it");
            return None;
        }
        spans.push(span);
    }
    Some(spans.into())
}

fn span(text: &str) -> Option<Span> {
    let (from, to) = text.split_once('-')?;
    let span = Span { from_minute: minute(from)?, to_minute: minute(to)? };
    (span.from_minute < span.to_minute).then_some(span)
}

/// A time of day such as `08:00`; `24:00` is the end of the day.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |part: &str| {
        let two = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        two.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= 1440).then_some(minute)
}

/// `holidays`, in the order of their dates.
fn special_days(list: &Item<'_>) -> Option<Vec<SpecialDay>> {
    let items = list.list()?;
    if items.len() > SPECIAL_DAYS_MAX {
        list.fault(&format!("has more than {SPECIAL_DAYS_MAX} days"));
        return None;
    }
    let mut days: Vec<SpecialDay> = Vec::with_capacity(items.len());
    let mut complete = true;
    for (at, item) in items.iter().enumerate() {
        let label = format!("{} {}: ", list.label(), at + 1);
        let Some(section) = item.section_as(|_| label) else {
            complete = false;
            continue;
        };
        let day = section.require("date").and_then(|item| {
            let day = date(&item)?;
            if days.iter().any(|known| known.day == day) {
                item.fault("is listed twice");
                return None;
            }
            Some(day)
        });
        let name = section.require("name").and_then(|item| {
            let name = item.text()?;
            let fits = (1..=TEXT_CHARS_MAX).contains(&name.chars().count());
            if !fits || name.chars().any(char::is_control) {
                item.fault("is not a text of 1 to 64 characters");
                return None;
            }
            Some(name)
        });
        let open = section.get("open").map_or(Some(Box::default()), |item| spans(&item));
        section.finish();
        match (day, name, open) {
            (Some(day), Some(name), Some(open)) => {
                days.push(SpecialDay { day, name: name.into(), open });
            }
            _ => complete = false,
        }
    }
    days.sort_by_key(|day| day.day);
    complete.then_some(days)
}

/// A date such as `2026-12-25`, in days since 1970-01-01.
fn date(item: &Item<'_>) -> Option<i32> {
    let text = item.text()?;
    let date = Date::strptime("%Y-%m-%d", text).ok().filter(|date| date.to_string() == text);
    let Some(date) = date.filter(|date| SPECIAL_YEARS.contains(&date.year())) else {
        item.fault("is not a date such as 2026-12-25, from 1970-01-01 to 2100-12-31");
        return None;
    };
    let epoch = jiff::civil::date(1970, 1, 1);
    let days = epoch.until((Unit::Day, date)).expect("both are within the calendar");
    Some(days.get_days())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::model::{Policy, Time};
    use proptest::prelude::*;

    fn with_hours(hours: &str) -> String {
        format!(
            "version = \"v1\"\n[[tier]]\nname = \"gold\"\nrank = 1\npools = [\"desk\"]\n\
             hours = {{ default = \"office\" }}\nrespond_within = {{ default = \"2h\" }}\n\
             [[pool]]\nname = \"desk\"\n[[hours]]\nname = \"office\"\n{hours}\n"
        )
    }

    fn policy(hours: &str) -> Policy {
        let (policy, warnings) =
            super::super::parse("p.toml", &with_hours(hours)).expect("the policy is sound");
        assert_eq!(warnings, []);
        policy
    }

    fn at(text: &str) -> Time {
        Time(text.parse::<Timestamp>().expect("an instant").as_millisecond())
    }

    const ZURICH: &str = "zone = \"Europe/Zurich\"\n";

    #[test]
    fn a_night_shift_loses_an_hour_in_spring_and_wins_one_in_autumn() {
        let policy = policy(&format!("{ZURICH}sun = [\"00:00-06:00\"]"));
        let hours = &policy.hours[0];
        for (from, to, open_hours) in [
            ("2026-03-28T23:00:00Z", "2026-03-29T04:00:00Z", 5),
            ("2026-06-06T22:00:00Z", "2026-06-07T04:00:00Z", 6),
            ("2026-10-24T22:00:00Z", "2026-10-25T05:00:00Z", 7),
        ] {
            let (from, to) = (at(from), at(to));
            let open_ms = open_hours * 3_600_000;
            assert_eq!(hours.opens_at(from), from);
            assert_eq!(hours.closes_at(from), Some(to));
            assert_eq!(hours.open_between(from, to), open_ms);
            assert_eq!(hours.add_open(from, open_ms), to);
        }
    }

    #[test]
    fn a_holiday_and_the_weekend_move_a_deadline_to_monday() {
        let policy = policy(&format!(
            "{ZURICH}mon = [\"08:00-18:00\"]\ntue = [\"08:00-18:00\"]\nwed = [\"08:00-18:00\"]\n\
             thu = [\"08:00-18:00\"]\nfri = [\"08:00-18:00\"]\nholidays = [{{ date = \"2026-12-25\", \
             name = \"Christmas\" }}, {{ date = \"2026-12-24\", name = \"Eve\", open = [\"08:00-12:00\"] }}]"
        ));
        let hours = &policy.hours[0];
        // Thursday 11:00: an hour is left of the Eve, and the second is Monday's first.
        let submitted = at("2026-12-24T10:00:00Z");
        assert_eq!(hours.add_open(submitted, 2 * 3_600_000), at("2026-12-28T08:00:00Z"));
        assert_eq!(hours.closes_at(submitted), Some(at("2026-12-24T11:00:00Z")));
        assert_eq!(hours.opens_at(at("2026-12-25T10:00:00Z")), at("2026-12-28T07:00:00Z"));
        let special = hours.special_day(submitted).expect("it is the Eve");
        assert_eq!((special.date().as_str(), &*special.name), ("2026-12-24", "Eve"));
        // A deadline that ends with the day is due then, and not on the next morning.
        assert_eq!(hours.add_open(submitted, 3_600_000), at("2026-12-24T11:00:00Z"));
    }

    #[test]
    fn a_pause_leaves_as_much_open_time_as_there_was() {
        use crate::engine::hours::shift_after_pause;
        let policy = policy(&format!("{ZURICH}mon = [\"08:00-18:00\"]\ntue = [\"08:00-18:00\"]"));
        let hours = Some(&*policy.hours[0]);
        // Monday 17:00 local, two hours to go: due on Tuesday at 09:00.
        let due = at("2026-06-02T07:00:00Z");
        let paused = at("2026-06-01T15:00:00Z");
        let shifted = |resumed| shift_after_pause(hours, due, paused, at(resumed));
        assert_eq!(shifted("2026-06-02T08:00:00Z"), at("2026-06-02T10:00:00Z"));
        assert_eq!(shifted("2026-06-01T15:30:00Z"), at("2026-06-02T07:30:00Z"));
        assert_eq!(shifted("2026-06-01T20:00:00Z"), at("2026-06-02T08:00:00Z"));
        assert_eq!(shifted("2026-06-01T15:00:00Z"), due);
        let late =
            shift_after_pause(hours, due, at("2026-06-02T08:00:00Z"), at("2026-06-08T08:00:00Z"));
        assert_eq!(late, due, "a deadline that has passed stays");
        let wall = shift_after_pause(None, Time(100), Time(40), Time(70));
        assert_eq!(wall, Time(130));
    }

    #[test]
    fn what_is_wrong_with_hours_is_told_with_the_line_and_the_value() {
        let day = "mon = [\"08:00-18:00\"]";
        for (hours, message) in [
            (
                "zone = \"Europe/Zurch\"\nmon = [\"08:00-18:00\"]",
                "12: hours \"office\": zone = \"Europe/Zurch\" is no time zone such as Europe/Zurich; did you mean Europe/Zurich?",
            ),
            (
                "zone = \"europe/zurich\"\nmon = [\"08:00-18:00\"]",
                "is no time zone such as Europe/Zurich; did you mean Europe/Zurich?",
            ),
            (day, "10: hours \"office\": zone is missing"),
            (
                ZURICH,
                "10: hours \"office\": is never open: give mon, tue, wed, thu, fri, sat or sun a span",
            ),
            (
                &format!("{ZURICH}mon = [\"8-18\"]"),
                "13: hours \"office\": mon = \"8-18\" is not a span within one day such as 08:00-12:00 or 13:00-24:00",
            ),
            (
                &format!("{ZURICH}mon = [\"22:00-06:00\"]"),
                "mon = \"22:00-06:00\" is not a span within one day",
            ),
            (
                &format!("{ZURICH}mon = [\"08:00-24:01\"]"),
                "mon = \"08:00-24:01\" is not a span within one day",
            ),
            (
                &format!("{ZURICH}mon = [\"08:00-12:00\", \"11:00-13:00\"]"),
                "mon = \"11:00-13:00\" does not come after the span before it",
            ),
            (
                &format!("{ZURICH}{day}\nholidays = [{{ date = \"2026-02-30\", name = \"x\" }}]"),
                "holidays 1: date = \"2026-02-30\" is not a date such as 2026-12-25, from 1970-01-01 to 2100-12-31",
            ),
            (
                &format!(
                    "{ZURICH}{day}\nholidays = [{{ date = \"2026-02-03\", name = \"x\" }}, {{ date = \"2026-02-03\", name = \"y\" }}]"
                ),
                "holidays 2: date = \"2026-02-03\" is listed twice",
            ),
            (
                &format!("{ZURICH}{day}\nholidays = [{{ date = \"2026-02-03\" }}]"),
                "holidays 1: name is missing",
            ),
            (&format!("{ZURICH}{day}\nmonday = []"), "unknown key monday; "),
        ] {
            let error = super::super::parse("p.toml", &with_hours(hours)).expect_err(message);
            assert!(error.to_string().contains(message), "{error}\n{message}");
        }
    }

    fn day() -> impl Strategy<Value = Box<[Span]>> {
        prop::collection::btree_set(0..=1440_u16, 0..5).prop_map(|minutes| {
            let minutes: Vec<_> = minutes.into_iter().collect();
            let span = |pair: &[u16]| Span { from_minute: pair[0], to_minute: pair[1] };
            minutes.chunks_exact(2).map(span).collect()
        })
    }

    /// Zones with half hours, changes at midnight, a day left out, winter time in summer, and none.
    const ZONES: [&str; 14] = [
        "Europe/Zurich",
        "Europe/Dublin",
        "America/New_York",
        "America/Sao_Paulo",
        "America/Havana",
        "America/Asuncion",
        "America/St_Johns",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Chatham",
        "Africa/Casablanca",
        "Asia/Gaza",
        "Asia/Kathmandu",
        "Etc/UTC",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Minute by minute, what the calendar library's clock shows is what the hours say.
        #[test]
        fn hours_are_open_when_the_clock_of_the_zone_shows_it(
            zone in prop::sample::select(ZONES.to_vec()),
            week in prop::array::uniform7(day()),
            special in prop::collection::btree_map(0..12_i32, day(), 0..4),
            (change, day_before, minute) in (any::<prop::sample::Index>(), 0..6_i64, 0..1440_i64),
        ) {
            prop_assume!(week.iter().any(|day| !day.is_empty()));
            let clock = database().get(zone).expect("it is built in");
            let offsets = offsets(&clock);
            // Some days around a change of the clocks after 1973, when all zones went by whole minutes.
            let later: Vec<_> = offsets.iter().filter(|o| o.from_s > 94_694_400).collect();
            let around_s = if later.is_empty() { 1_700_000_000 } else { change.get(&later).from_s };
            let from_s = (around_s / 60 - day_before * 1440 - minute) * 60;
            let first_day = i32::try_from(from_s.div_euclid(86_400)).expect("it is in the calendar");
            let special = special.into_iter().map(|(day, open)| SpecialDay {
                day: first_day - 2 + day,
                name: "special".into(),
                open,
            });
            let plan = Plan {
                name: "test".into(),
                zone: zone.into(),
                offsets,
                week,
                special: special.collect(),
            };
            let hours = Hours::new(plan.clone()).expect("the plan is sound");
            let from = Time(from_s * 1000);
            let mut open_ms = 0;
            let mut last_open = None;
            for minute in 0..8 * 1440 {
                let second = from_s + minute * 60;
                let shown = Timestamp::from_second(second).expect("it is in the calendar");
                let shown = shown.to_zoned(clock.clone());
                let date = shown.date();
                let epoch = jiff::civil::date(1970, 1, 1);
                let days = epoch.until((Unit::Day, date)).expect("both are in the calendar").get_days();
                let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
                let spans = plan
                    .special
                    .iter()
                    .find(|special| special.day == days)
                    .map_or(&plan.week[weekday], |special| &special.open);
                let of_day = u16::try_from(i32::from(shown.hour()) * 60 + i32::from(shown.minute()))
                    .expect("it is within a day");
                let is_open = spans.iter().any(|s| (s.from_minute..s.to_minute).contains(&of_day));

                let now = Time(second * 1000);
                prop_assert_eq!(hours.is_open(now), is_open, "{} at {}", zone, shown);
                prop_assert_eq!(hours.open_between(from, now), open_ms);
                prop_assert_eq!(hours.closes_at(now) == Some(now), !is_open);
                prop_assert_eq!(hours.opens_at(now) == now, is_open);
                if is_open {
                    open_ms += 60_000;
                    prop_assert_eq!(hours.add_open(from, open_ms), now.plus_ms(60_000));
                    prop_assert_eq!(hours.add_open(now, 1), now.plus_ms(1));
                } else if let Some(last) = last_open {
                    prop_assert_eq!(hours.add_open(from, open_ms), last);
                }
                if is_open {
                    last_open = Some(now.plus_ms(60_000));
                }
            }
        }
    }
}
