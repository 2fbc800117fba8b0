//! Durations and instants as people read them: `1m 20s`, `2h 5m`, `19:52:48`.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// One of each unit, in milliseconds.
const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A length of time in its two largest units, rounded down; below ten seconds with a decimal.
pub(crate) fn duration(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.saturating_abs();
    let two = |big: i64, big_unit: &str, small: i64, small_unit: &str| {
        let rest = ms % big / small;
        let head = format!("{sign}{}{big_unit}", ms / big);
        if rest == 0 { head } else { format!("{head} {rest}{small_unit}") }
    };
    if ms == 0 {
        "0s".to_owned()
    } else if ms < SECOND {
        format!("{sign}{ms}ms")
    } else if ms < 10 * SECOND && ms % SECOND >= 100 {
        format!("{sign}{}.{}s", ms / SECOND, ms % SECOND / 100)
    } else if ms < MINUTE {
        format!("{sign}{}s", ms / SECOND)
    } else if ms < HOUR {
        two(MINUTE, "m", SECOND, "s")
    } else if ms < DAY {
        two(HOUR, "h", MINUTE, "m")
    } else {
        two(DAY, "d", HOUR, "h")
    }
}

/// The time left to a deadline: `15s left`, or `2m 3s late`.
pub(crate) fn slack(ms: i64) -> String {
    if ms < 0 {
        format!("{} late", duration(ms.saturating_neg()))
    } else {
        format!("{} left", duration(ms))
    }
}

/// An instant in the local time zone: the time of day on the day of `now`, else with the date.
pub(crate) fn instant(at: Timestamp, now: Timestamp) -> String {
    instant_in(at, now, &TimeZone::system())
}

fn instant_in(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let at = at.to_zoned(zone.clone());
    let form = if at.date() == now.to_zoned(zone.clone()).date() { "%H:%M:%S" } else { "%F %H:%M" };
    at.strftime(form).to_string()
}

/// From one instant to a later one, in milliseconds; negative if it is earlier.
pub(crate) fn between_ms(from: Timestamp, to: Timestamp) -> i64 {
    to.as_millisecond().saturating_sub(from.as_millisecond())
}

/// A share of a whole in per cent, `-` of nothing.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    // Tenths of a per cent, rounded down: 100.0 means all of them.
    let tenths = u128::from(part) * 1000 / u128::from(whole);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A number with its noun: `1 ticket`, `2 tickets`.
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let cases = [
            (0, "0s"),
            (250, "250ms"),
            (1_000, "1s"),
            (2_450, "2.4s"),
            (15_000, "15s"),
            (15_999, "15s"),
            (80_000, "1m 20s"),
            (7_500_000, "2h 5m"),
            (7_200_000, "2h"),
            (183_600_000, "2d 3h"),
            (-80_000, "-1m 20s"),
            (i64::MIN, "-106751991167d 7h"),
        ];
        for (ms, text) in cases {
            assert_eq!(duration(ms), text, "{ms} ms");
        }
    }

    #[test]
    fn a_missed_deadline_is_late_by_so_much() {
        assert_eq!(slack(15_000), "15s left");
        assert_eq!(slack(-123_000), "2m 3s late");
    }

    #[test]
    fn another_day_is_named() {
        let now: Timestamp = "2026-11-21T19:52:48Z".parse().expect("an instant");
        let other: Timestamp = "2026-11-23T07:00:00Z".parse().expect("an instant");
        assert_eq!(instant_in(now, now, &TimeZone::UTC), "19:52:48");
        assert_eq!(instant_in(other, now, &TimeZone::UTC), "2026-11-23 07:00");
        assert_eq!(between_ms(now, other), 126_432_000);
    }

    #[test]
    fn all_but_one_is_not_a_hundred_per_cent() {
        assert_eq!(percent(0, 0), "-");
        assert_eq!(percent(9_999, 10_000), "99.9");
        assert_eq!(percent(u64::MAX, u64::MAX), "100.0");
    }
}
