//! Durations and sizes as people write them: `1h 30m`, `250ms`, `64KiB`.

use jiff::{Span, SpanRelativeTo, SpanRound, Unit};

/// A second in milliseconds.
pub(crate) const SECOND: i64 = 1_000;
/// A minute in milliseconds.
pub(crate) const MINUTE: i64 = 60 * SECOND;
/// An hour in milliseconds.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// A day of 24 hours in milliseconds.
pub(crate) const DAY: i64 = 24 * HOUR;

/// What a byte unit is called and how many bytes it has, largest first.
const BYTE_UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads a duration such as `250ms`, `15s`, `1h 30m`, `1.5h` or `2d` in milliseconds. A day has 24
/// hours and a week seven days. The error says what is expected, to follow the value and "is".
pub fn parse_ms(text: &str) -> Result<i64, &'static str> {
    const EXPECTED: &str = "not a duration such as 250ms, 15s, 1h 30m or 2d";
    let span: Span = text.parse().map_err(|_| EXPECTED)?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| EXPECTED)?;
    if duration.subsec_nanos() % 1_000_000 != 0 {
        return Err("finer than a millisecond");
    }
    i64::try_from(duration.as_millis()).map_err(|_| EXPECTED)
}

/// Writes milliseconds the way [`parse_ms`] reads them, in days and smaller: `1d 12h`.
pub fn format_ms(ms: i64) -> String {
    let in_days = SpanRound::new().largest(Unit::Day).days_are_24_hours();
    Span::new()
        .try_milliseconds(ms)
        .and_then(|span| span.round(in_days))
        .map_or_else(|_| format!("{ms}ms"), |span| format!("{span:#}"))
}

/// Reads a size such as `64KiB`, `16 GiB` or `512B` in bytes; `0` needs no unit. The error says what
/// is expected, to follow the value and "is".
pub fn parse_bytes(text: &str) -> Result<u64, &'static str> {
    const EXPECTED: &str = "not a size such as 512B, 64KiB, 256MiB or 16GiB";
    let text = text.trim();
    if text == "0" {
        return Ok(0);
    }
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or(EXPECTED)?;
    let (digits, unit) = text.split_at(unit_at);
    let unit = unit.trim_start();
    let (_, factor) = BYTE_UNITS.iter().find(|(name, _)| *name == unit).ok_or(EXPECTED)?;
    let count: u64 = digits.parse().map_err(|_| EXPECTED)?;
    count.checked_mul(*factor).ok_or("beyond any disk")
}

/// Writes bytes the way [`parse_bytes`] reads them, in the largest unit that needs no fraction.
pub fn format_bytes(bytes: u64) -> String {
    if bytes == 0 {
        return "0".to_owned();
    }
    let (name, factor) = BYTE_UNITS
        .iter()
        .find(|(_, factor)| bytes.is_multiple_of(*factor))
        .expect("the last unit divides everything");
    format!("{}{name}", bytes / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, ms) in [
            ("250ms", 250),
            ("15s", 15_000),
            ("1h 30m", 5_400_000),
            ("1h30m", 5_400_000),
            ("1.5h", 5_400_000),
            ("1d", 86_400_000),
            ("1d 12h", 129_600_000),
            ("1w", 604_800_000),
            ("0s", 0),
            ("-3s", -3_000),
        ] {
            assert_eq!(parse_ms(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn durations_without_a_fixed_length_or_unit_are_refused() {
        for text in ["", "15", "1mo", "1y", "soon", "99999999999d", "15 S"] {
            assert!(parse_ms(text).is_err(), "{text}");
        }
        assert_eq!(parse_ms("0.5ms"), Err("finer than a millisecond"));
    }

    #[test]
    fn durations_are_written_as_they_are_read() {
        for (ms, text) in [
            (0, "0s"),
            (250, "250ms"),
            (90_000, "1m 30s"),
            (86_400_000, "1d"),
            (129_600_000, "1d 12h"),
            (2_592_000_000, "30d"),
        ] {
            assert_eq!(format_ms(ms), text);
            assert_eq!(parse_ms(text), Ok(ms));
        }
    }

    #[test]
    fn sizes_are_read_and_written_alike() {
        for (text, bytes) in
            [("0", 0), ("512B", 512), ("64KiB", 65_536), ("1GiB", 1 << 30), ("1500MiB", 1500 << 20)]
        {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
            assert_eq!(format_bytes(bytes), text);
        }
        assert_eq!(parse_bytes(" 16 GiB "), Ok(16 << 30));
        for text in ["", "64", "64kb", "64 K", "-1B", "1.5GiB", "99999999999TiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
