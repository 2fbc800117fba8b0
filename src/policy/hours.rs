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
    if root.get("hours").is_none() {
        return Vec::new();
    }
    let mut names = Vec::new();
    super::tables(root, "hours", PLANS_MAX)
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
