//! A farewell is decided by two people, and never by a rule.
//!
//! The standing `farewell` counts only where the customer's attributes name two different people: one who
//! proposed it and one who confirmed it, and where the customer is not exempt. Whoever writes the attributes,
//! the directory's own calls or another system, is held to that here, where the standing is read.

use super::Standing;
use super::rules::{Attributes, STANDING};
use std::fmt;

/// The attribute with the name of who proposed the farewell.
pub const PROPOSED_BY: &str = "farewell_proposed_by";
/// The attribute with the name of who confirmed it.
pub const CONFIRMED_BY: &str = "farewell_confirmed_by";
/// The attribute that exempts a customer: no farewell can be proposed, and none counts.
pub const STRATEGIC: &str = "strategic";
/// Longest name of a person, in characters.
pub const NAME_CHARS_MAX: usize = 64;
/// What a flag says that is set, in any case.
const TRUE: [&str; 3] = ["true", "yes", "1"];

/// Why a standing of `farewell` does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// This attribute names nobody: it is missing, blank or longer than [`NAME_CHARS_MAX`].
    NoName(&'static str),
    /// Both attributes name the same person.
    SamePerson,
    /// The customer is exempt: the flag [`STRATEGIC`] is set.
    Exempt,
}

impl fmt::Display for Undecided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoName(key) => write!(f, "{key} names nobody"),
            Self::SamePerson => write!(f, "{PROPOSED_BY} and {CONFIRMED_BY} name the same person"),
            Self::Exempt => write!(f, "{STRATEGIC} exempts this customer"),
        }
    }
}

/// What is wrong with attributes that say farewell where it does not count, for whoever would store them.
pub fn fault(attributes: &Attributes) -> Option<String> {
    let undecided = counts(attributes).err().filter(|_| is_claimed(attributes))?;
    Some(format!(
        "\"farewell\" is decided by two people, and {undecided}: use `tierline customers farewell`"
    ))
}

/// Whether a standing of `farewell` would count.
fn counts(attributes: &Attributes) -> Result<(), Undecided> {
    decided(attributes)?;
    if is_exempt(attributes) { Err(Undecided::Exempt) } else { Ok(()) }
}

/// The name in an attribute: 1 to [`NAME_CHARS_MAX`] characters without blanks at the ends.
pub fn name<'a>(attributes: &'a Attributes, key: &str) -> Option<&'a str> {
    let name = attributes.get(key)?.trim();
    (1..=NAME_CHARS_MAX).contains(&name.chars().count()).then_some(name)
}

/// Whether two names are one person's: blanks at the ends and upper case make no difference.
pub fn is_same_person(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// Whether two different people have decided, whatever the standing says.
pub fn decided(attributes: &Attributes) -> Result<(), Undecided> {
    let by = |key| name(attributes, key).ok_or(Undecided::NoName(key));
    if is_same_person(by(PROPOSED_BY)?, by(CONFIRMED_BY)?) {
        return Err(Undecided::SamePerson);
    }
    Ok(())
}

/// Whether the attribute `standing` says farewell, decided or not.
pub fn is_claimed(attributes: &Attributes) -> bool {
    attributes.get(STANDING).is_some_and(|text| text.trim() == Standing::Farewell.name())
}

/// Whether the customer is on the way out, by the word of two people, and not exempt.
pub fn is_farewell(attributes: &Attributes) -> bool {
    is_claimed(attributes) && counts(attributes).is_ok()
}

/// Whether the customer is exempt: the flag [`STRATEGIC`] is set.
pub fn is_exempt(attributes: &Attributes) -> bool {
    let flag = attributes.get(STRATEGIC).map(|text| text.trim());
    flag.is_some_and(|flag| TRUE.iter().any(|word| flag.eq_ignore_ascii_case(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(pairs: &[(&str, &str)]) -> Attributes {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_farewell_counts_only_with_two_different_names() {
        let long = "x".repeat(65);
        let no_name = |key| Err(Undecided::NoName(key));
        let same = Err(Undecided::SamePerson);
        let table: &[(&[(&str, &str)], _)] = &[
            (&[], no_name(PROPOSED_BY)),
            (&[(CONFIRMED_BY, "lee")], no_name(PROPOSED_BY)),
            (&[(PROPOSED_BY, "kim")], no_name(CONFIRMED_BY)),
            (&[(PROPOSED_BY, " "), (CONFIRMED_BY, "lee")], no_name(PROPOSED_BY)),
            (&[(PROPOSED_BY, "kim"), (CONFIRMED_BY, "\t")], no_name(CONFIRMED_BY)),
            (&[(PROPOSED_BY, "kim"), (CONFIRMED_BY, &long)], no_name(CONFIRMED_BY)),
            (&[(PROPOSED_BY, "kim"), (CONFIRMED_BY, "kim")], same),
            (&[(PROPOSED_BY, "kim"), (CONFIRMED_BY, " KIM ")], same),
            (&[(PROPOSED_BY, "Änne"), (CONFIRMED_BY, "änne")], same),
            (&[(PROPOSED_BY, "kim"), (CONFIRMED_BY, "lee")], Ok(())),
            (&[(PROPOSED_BY, &long[1..]), (CONFIRMED_BY, "l")], Ok(())),
        ];
        for (given, expected) in table {
            let mut given = with(given);
            assert_eq!(decided(&given), *expected, "{given:?}");
            assert!(!is_farewell(&given), "nobody said farewell: {given:?}");
            given.insert(STANDING.to_owned(), " farewell ".to_owned());
            assert_eq!(is_farewell(&given), expected.is_ok(), "{given:?}");
        }
    }

    #[test]
    fn a_farewell_of_an_exempt_customer_does_not_count() {
        let mut given =
            with(&[(STANDING, "farewell"), (PROPOSED_BY, "kim"), (CONFIRMED_BY, "lee")]);
        assert!(is_farewell(&given));
        assert_eq!(fault(&given), None);
        given.insert(STRATEGIC.to_owned(), "yes".to_owned());
        assert!(!is_farewell(&given));
        assert!(fault(&given).is_some_and(|fault| fault.contains("strategic exempts")));
        given.insert(STRATEGIC.to_owned(), "no".to_owned());
        assert!(is_farewell(&given));
    }

    #[test]
    fn the_flag_exempts_however_it_is_written() {
        for set in ["true", "TRUE", " yes ", "1"] {
            assert!(is_exempt(&with(&[(STRATEGIC, set)])), "{set:?}");
        }
        for unset in ["", "false", "no", "0", "perhaps"] {
            assert!(!is_exempt(&with(&[(STRATEGIC, unset)])), "{unset:?}");
        }
        assert!(!is_exempt(&Attributes::new()));
    }
}
