//! Amounts as people write them: decimals with up to three places, kept as whole thousandths.
//!
//! No floating point: the same text is the same number on every machine.

use std::fmt;

/// Thousandths in one.
const ONE: i64 = 1000;
/// Most digits before the point. A million sums of the largest amounts still fit 128 bits many times over.
const DIGITS_MAX: usize = 12;
/// Most digits after the point.
const PLACES_MAX: usize = 3;

/// A number between -999,999,999,999.999 and 999,999,999,999.999 with at most three places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal(i64);

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// What a text must be to be read.
    pub const RANGE: &'static str =
        "a number of at most 12 digits with at most 3 places after the point";

    /// A whole number; `None` beyond twelve digits.
    pub fn whole(number: i64) -> Option<Self> {
        let largest = 10_i64.pow(12) - 1;
        (-largest..=largest).contains(&number).then_some(Self(number * ONE))
    }

    /// So many thousandths, as [`Self::thousandths`] gave them; `None` beyond the range.
    pub fn from_thousandths(thousandths: i64) -> Option<Self> {
        let largest = 10_i64.pow(15) - 1;
        (-largest..=largest).contains(&thousandths).then_some(Self(thousandths))
    }

    /// Reads `100000`, `-3.5` or `+0.125`, with blanks around it. Nothing else is a number: no thousands'
    /// separators, no exponents, no currency.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (whole, places) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let is_number = |digits: &str, most: usize| {
            (1..=most).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !is_number(whole, DIGITS_MAX) || !is_number(places, PLACES_MAX) {
            return None;
        }
        let digits = whole.bytes().chain(places.bytes()).map(|byte| i64::from(byte - b'0'));
        let missing = u32::try_from(PLACES_MAX - places.len()).ok()?;
        let size = digits.fold(0, |number, digit| number * 10 + digit) * 10_i64.pow(missing);
        Some(Self(if text.starts_with('-') { -size } else { size }))
    }

    /// The number in thousandths.
    pub fn thousandths(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Decimal {
    /// The shortest text that is read as the same number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let size = self.0.unsigned_abs();
        let (whole, places) = (size / 1000, size % 1000);
        if places == 0 {
            return write!(f, "{sign}{whole}");
        }
        let places = format!("{places:03}");
        write!(f, "{sign}{whole}.{}", places.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_people_write_as_a_number_is_read() {
        let read = |text| Decimal::parse(text).map(Decimal::thousandths);
        assert_eq!(read("100000"), Some(100_000_000));
        assert_eq!(read(" -3.5 "), Some(-3500));
        assert_eq!(read("+0.125"), Some(125));
        assert_eq!(read("007"), Some(7000));
        assert_eq!(read("999999999999.999"), Some(999_999_999_999_999));
        for other in [
            "",
            ".",
            "-",
            "1.",
            ".5",
            "1e3",
            "1,000",
            "1 000",
            "0.1234",
            "--1",
            "٣",
            "9999999999999",
        ] {
            assert_eq!(read(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_read_back_from_its_text(size in -999_999_999_999_999_i64..=999_999_999_999_999) {
            let number = Decimal::from_thousandths(size).expect("it is in range");
            prop_assert_eq!(Decimal::parse(&number.to_string()), Some(number));
        }

        #[test]
        fn no_text_is_too_odd_to_be_refused(text in ".*") {
            let _ = Decimal::parse(&text);
        }
    }
}
