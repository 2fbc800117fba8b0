//! Telephone numbers in one form: E.164 (`+` and the digits) where that can be told, else as dialled.
//!
//! Two steps. [`normal`] needs to know nothing: it drops punctuation and writes numbers with a
//! country code, `+..` or `00..`, in E.164. A [`PhoneRegion`] brings the national numbers of one
//! country into E.164 too. Whatever is neither keeps the form in which it was dialled, so that short
//! codes, extensions and service codes can be looked up as well; no number is refused here.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use phonenumber::country;
use phonenumber::metadata::DATABASE;

use super::customer::Invalid;

/// Most digits of an E.164 number (ITU-T E.164, 2010, 6.1).
const DIGITS_MAX: usize = 15;
/// Fewest digits that are taken for a number with a country code: the shortest in use.
const DIGITS_MIN: usize = 7;

/// The country whose national numbers are brought into E.164. Without one they stay as dialled.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct PhoneRegion(Option<country::Id>);

impl PhoneRegion {
    /// No country: only numbers with a country code are written in E.164.
    pub const NONE: Self = Self(None);

    /// A national number of this country in E.164. `normal` is what [`normal`] made of it.
    ///
    /// `None` for numbers that have a country code already, and for those that the country's
    /// numbering plan does not have: an extension such as 2001 must not become somebody's number.
    pub(super) fn e164(self, normal: &str) -> Option<String> {
        let region = self.0?;
        let digits = without_punctuation(normal);
        if digits.starts_with('+') || !is_digits(&digits, DIGITS_MIN - 2..=DIGITS_MAX + 5) {
            return None;
        }
        parsed(region, &digits)
    }
}

impl FromStr for PhoneRegion {
    type Err = Invalid;

    /// Reads two capital letters of ISO 3166-1.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let known =
            text.parse().ok().filter(|id: &country::Id| DATABASE.by_id(id.as_ref()).is_some());
        known.map(|id| Self(Some(id))).ok_or_else(|| {
            Invalid::new(
                "phone_region",
                text,
                "a country of ISO 3166 in two letters such as DE or US",
            )
        })
    }
}

impl fmt::Debug for PhoneRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneRegion({})", self.0.as_ref().map_or("none", AsRef::as_ref))
    }
}

/// Reads the numbering plans, which takes some ten milliseconds the first time they are wanted.
pub(super) fn prepare() {
    has_zero_as_prefix("1");
}

/// The number as it is looked up where no country is assumed.
pub(super) fn normal(text: &str) -> String {
    let dialled = text.strip_prefix("tel:").unwrap_or(text);
    let dialled: String = dialled.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    international(&dialled).unwrap_or(dialled)
}

/// A number with a country code in E.164; `None` if it has none.
///
/// Most come as `+` and digits from the network, and those are done here without asking more of the
/// numbering plans than one word: its patterns cost microseconds for one country and milliseconds
/// where callers of many follow each other (5 ms for twenty, measured), for only some are kept ready.
fn international(dialled: &str) -> Option<String> {
    let bare = without_punctuation(dialled);
    let digits = bare.strip_prefix('+').or_else(|| bare.strip_prefix("00"))?;
    if !is_digits(digits, DIGITS_MIN..=DIGITS_MAX + 1) || digits.starts_with('0') {
        return None;
    }
    let (code, national) = digits.split_at(country_code_digits(digits));
    // The zero in `+49 (0)30` is for callers inside the country; the one in `+39 06` is part of the
    // number.
    let national = if national.starts_with('0') && has_zero_as_prefix(code) {
        national.trim_start_matches('0')
    } else {
        national
    };
    let count = code.len() + national.len();
    (DIGITS_MIN..=DIGITS_MAX).contains(&count).then(|| format!("+{code}{national}"))
}

/// Whether callers inside the country dial a zero before the area code.
fn has_zero_as_prefix(country_code: &str) -> bool {
    let countries = country_code.parse::<u16>().ok().and_then(|code| DATABASE.by_code(&code));
    let main = countries.and_then(|countries| countries.into_iter().next());
    main.and_then(phonenumber::Metadata::national_prefix) == Some("0")
}

/// A number as dialled in a country, if the numbering plans have it.
fn parsed(region: country::Id, digits: &str) -> Option<String> {
    let number = phonenumber::parse(Some(region), digits).ok().filter(phonenumber::is_valid)?;
    let mut e164 = String::with_capacity(DIGITS_MAX + 1);
    write!(e164, "+{}{}", number.code().value(), number.national()).expect("a string takes all");
    Some(e164)
}

fn without_punctuation(dialled: &str) -> String {
    // What people write between digits beside what the plain form drops; U+2010 to U+2015 are dashes.
    let between = |c: char| {
        matches!(c, '.' | '/' | '\u{a0}' | '\u{2009}' | '\u{202f}' | '\u{2010}'..='\u{2015}')
    };
    dialled.chars().filter(|c| !between(*c)).collect()
}

fn is_digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// How many digits the country code has, by the zones of ITU-T E.164 (its list of assigned codes).
fn country_code_digits(digits: &str) -> usize {
    match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7' | b'8', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn region(name: &str) -> PhoneRegion {
        name.parse().expect("a country")
    }

    /// What is looked up where this country is the default.
    fn looked_up(region: PhoneRegion, text: &str) -> String {
        let normal = normal(text);
        region.e164(&normal).unwrap_or(normal)
    }

    #[test]
    fn a_number_with_a_country_code_is_e_164_however_it_is_written() {
        for text in [
            "+12025550101",
            "+1 (202) 555-0101",
            "+1.202.555.0101",
            "+1\u{2011}202\u{2011}555\u{2011}0101",
            "tel:+1-202-555-0101",
            "0012025550101",
            "00 1 202 555 0101",
        ] {
            assert_eq!(normal(text), "+12025550101", "{text}");
        }
        assert_eq!(normal("+44 20/7946 0018"), "+442079460018");
    }

    #[test]
    fn a_national_prefix_in_brackets_is_dropped_and_a_zero_of_the_number_stays() {
        assert_eq!(normal("+49 (0)30 123456"), "+4930123456");
        assert_eq!(normal("+44 (0)20 7946 0018"), "+442079460018");
        assert_eq!(normal("+39 06 6982"), "+39066982");
        assert_eq!(normal("+39 02 3661 8300"), "+390236618300");
    }

    #[test]
    fn what_has_no_country_code_stays_as_it_was_dialled() {
        for text in ["2001", "*21#", "112", "030123456", "2025550101", "1-800-FLOWERS", "+", "+1"] {
            let dialled = text.replace('-', "");
            assert_eq!(normal(text), dialled, "{text}");
        }
        // Longer than any number may be; not a number at all.
        assert_eq!(normal("+1234567890123456"), "+1234567890123456");
        assert_eq!(normal("+12025550101x5"), "+12025550101x5");
        assert_eq!(normal("000012345678"), "000012345678");
    }

    #[test]
    fn national_numbers_of_the_region_are_e_164_and_its_extensions_are_not() {
        let (us, de) = (region("US"), region("DE"));
        for text in ["(202) 555-0101", "202.555.0101", "1 202 555 0101", "011 1 202 555 0101"] {
            assert_eq!(looked_up(us, text), "+12025550101", "{text}");
        }
        for text in ["030 123456", "030/123456", "(030) 12 34 56", "0049 30 123456"] {
            assert_eq!(looked_up(de, text), "+4930123456", "{text}");
        }
        for text in ["2001", "110", "*21#", "115", "911", "200100"] {
            assert_eq!(looked_up(de, text), text);
            assert_eq!(looked_up(us, text), text);
        }
        assert_eq!(looked_up(us, "555-0101"), "5550101", "which area it is in nobody knows");
        assert_eq!(looked_up(us, "+49 30 123456"), "+4930123456", "abroad is abroad");
        assert_eq!(looked_up(PhoneRegion::NONE, "(202) 555-0101"), "2025550101");
    }

    #[test]
    fn a_region_is_a_country_in_two_letters() {
        for good in ["DE", "US", "GB", "CH"] {
            assert_eq!(format!("{:?}", region(good)), format!("PhoneRegion({good})"));
        }
        for bad in ["", "de", "DEU", "XX", "Germany", "49"] {
            let error = bad.parse::<PhoneRegion>().expect_err(bad).to_string();
            let expected = format!(
                "phone_region = {bad:?} is not a country of ISO 3166 in two letters such as DE or US"
            );
            assert_eq!(error, expected);
        }
    }

    proptest! {
        /// What is stored in normal form is found again: the form of the form is the form. And nothing
        /// that a caller sends makes the numbering plans fall over.
        #[test]
        fn a_normal_form_is_its_own_normal_form(
            text in "(tel:)?[+*]?[0-9 ()./-]{0,22}[#x]?[0-9]{0,3}",
            at in 0_usize..12,
        ) {
            let regions = ["US", "DE", "AR", "BR", "MX", "IT", "RU", "CN", "JP", "IN", "HU", "FR"];
            for region in [PhoneRegion::NONE, region(regions[at])] {
                let once = looked_up(region, &text);
                prop_assert_eq!(looked_up(region, &once), once.clone(), "{:?} {}", region, text);
            }
        }
    }
}
