//! Who a customer is and how one is found: the words of the directory, and their limits.
//!
//! Nothing here does I/O. Everything is personal data, so nothing here prints itself: `Debug` says
//! what kind of thing it is and how long, never the value.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::phone::{self, PhoneRegion};

/// Longest identifier value and customer id, in characters.
pub const VALUE_CHARS_MAX: usize = 128;
/// Longest tier name, in characters.
pub const TIER_CHARS_MAX: usize = 64;
/// Longest customer name, in characters.
pub const NAME_CHARS_MAX: usize = 256;
/// Most identifiers of one customer, beside the id.
pub const IDENTIFIERS_MAX: usize = 32;
/// Most attributes of one customer.
pub const ATTRIBUTES_MAX: usize = 64;
/// Longest attribute key, in characters.
pub const KEY_CHARS_MAX: usize = 64;
/// Longest attribute value, in characters; it may be empty.
pub const ATTRIBUTE_CHARS_MAX: usize = 1024;

/// Something about a customer that the directory does not take. The message names the field, its
/// value and the range, for whoever sent it; `Debug`, which may end in a log, leaves the value out.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} = {value:?} is not {range}")]
pub struct Invalid {
    /// The field, as the caller knows it: `tier`, `identifiers.phone`, `directory.budget`.
    pub field: String,
    /// What was given, cut to a length that fits a message.
    pub value: String,
    /// What would have been taken.
    pub range: &'static str,
}

impl Invalid {
    pub(crate) fn new(field: impl Into<String>, value: &str, range: &'static str) -> Self {
        Self { field: field.into(), value: value.chars().take(VALUE_CHARS_MAX).collect(), range }
    }
}

impl fmt::Debug for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invalid")
            .field("field", &self.field)
            .field("range", &self.range)
            .finish_non_exhaustive()
    }
}

/// What an identifier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentifierKind {
    /// The customer's own id.
    Id,
    /// A telephone number.
    Phone,
    /// A store or bank card.
    Card,
    /// An email address.
    Email,
    /// An account or contract number.
    Account,
}

impl IdentifierKind {
    /// Every kind, in the order of the enum.
    pub const ALL: [Self; 5] = [Self::Id, Self::Phone, Self::Card, Self::Email, Self::Account];

    /// The name used in keys, files and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Phone => "phone",
            Self::Card => "card",
            Self::Email => "email",
            Self::Account => "account",
        }
    }
}

impl FromStr for IdentifierKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            Invalid::new("identifier kind", text, "one of id, phone, card, email, account")
        })
    }
}

/// One way to find a customer. The value is normalised, so that two spellings of one number are
/// one identifier: outer spaces are dropped; a phone number with a country code is in E.164, any
/// other loses its spaces, `-`, `(` and `)`; an email address is in lower case. National numbers are
/// brought into E.164 by the directory, which knows the region: see [`super::Directory::normal`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identifier {
    kind: IdentifierKind,
    value: String,
}

impl Identifier {
    /// # Errors
    /// The value, once normalised, must have 1 to [`VALUE_CHARS_MAX`] characters and no control
    /// characters; a phone number must have a digit: the network's "anonymous" names nobody.
    pub fn new(kind: IdentifierKind, value: &str) -> Result<Self, Invalid> {
        let trimmed = value.trim();
        let normal = match kind {
            IdentifierKind::Phone => phone::normal(trimmed),
            IdentifierKind::Email => trimmed.to_lowercase(),
            IdentifierKind::Id | IdentifierKind::Card | IdentifierKind::Account => {
                trimmed.to_owned()
            }
        };
        let is_phone = kind == IdentifierKind::Phone;
        let fits = is_text(&normal, 1, VALUE_CHARS_MAX)
            && (!is_phone || normal.chars().any(|c| c.is_ascii_digit()));
        if fits {
            return Ok(Self { kind, value: normal });
        }
        let range = if is_phone {
            "1 to 128 characters with a digit and without control characters"
        } else {
            "1 to 128 characters without control characters"
        };
        Err(Invalid::new(kind.as_str(), value, range))
    }

    /// The same with a national number of the region in E.164.
    pub(super) fn in_region(&self, region: PhoneRegion) -> Cow<'_, Self> {
        if self.kind == IdentifierKind::Phone
            && let Some(value) = region.e164(&self.value)
        {
            return Cow::Owned(Self { kind: self.kind, value });
        }
        Cow::Borrowed(self)
    }

    /// What the value is.
    pub fn kind(&self) -> IdentifierKind {
        self.kind
    }

    /// The normalised value.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identifier({}, {} chars)", self.kind.as_str(), self.value.chars().count())
    }
}

/// A customer as the directory knows one.
#[derive(Clone, PartialEq, Eq)]
pub struct Customer {
    /// The customer's own id, 1 to [`VALUE_CHARS_MAX`] characters.
    pub id: String,
    /// The name of the customer's tier, 1 to [`TIER_CHARS_MAX`] characters, if one is stored: the
    /// policy's coding rules can give one otherwise. Whether the policy has such a tier is not the
    /// directory's question.
    pub tier: Option<String>,
    /// What to call the customer, 1 to [`NAME_CHARS_MAX`] characters.
    pub name: Option<String>,
    /// Every other way to find the customer; never of kind [`IdentifierKind::Id`].
    pub identifiers: Vec<Identifier>,
    /// Anything else an agent or a rule may want to know.
    pub attributes: BTreeMap<String, String>,
}

impl Customer {
    /// The same customer in the one form in which customers are stored: trimmed, identifiers sorted
    /// and without doubles, an empty name left out.
    ///
    /// # Errors
    /// The first field outside the limits of this module.
    pub fn checked(mut self) -> Result<Self, Invalid> {
        self.id = Identifier::new(IdentifierKind::Id, &self.id)?.value;
        self.tier = self.tier.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        if let Some(tier) = &self.tier
            && !is_text(tier, 1, TIER_CHARS_MAX)
        {
            return Err(Invalid::new(
                "tier",
                tier,
                "at most 64 characters without control characters",
            ));
        }
        self.name = self.name.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty());
        if let Some(name) = &self.name
            && !is_text(name, 1, NAME_CHARS_MAX)
        {
            return Err(Invalid::new(
                "name",
                name,
                "at most 256 characters without control characters",
            ));
        }
        self.identifiers.sort();
        self.identifiers.dedup();
        if self.identifiers.len() > IDENTIFIERS_MAX {
            let count = self.identifiers.len().to_string();
            return Err(Invalid::new("identifiers", &count, "at most 32 of them"));
        }
        if let Some(id) = self.identifiers.iter().find(|i| i.kind == IdentifierKind::Id) {
            return Err(Invalid::new(
                "identifiers.id",
                &id.value,
                "a phone, card, email or account: a customer has one id, its own",
            ));
        }
        if self.attributes.len() > ATTRIBUTES_MAX {
            let count = self.attributes.len().to_string();
            return Err(Invalid::new("attributes", &count, "at most 64 of them"));
        }
        for (key, value) in &self.attributes {
            check_attribute(key, value)?;
        }
        Ok(self)
    }

    /// The same with national numbers of the region in E.164; not `checked` any more.
    pub(super) fn in_region(mut self, region: PhoneRegion) -> Self {
        for identifier in &mut self.identifiers {
            if let Cow::Owned(known) = identifier.in_region(region) {
                *identifier = known;
            }
        }
        self
    }
}

/// A change of some attributes of one customer, made only if they are still what they were when it was
/// decided. Nothing else of the customer is touched.
#[derive(Clone)]
pub struct Amendment {
    pub(super) id: String,
    /// Attributes, and what they must still be; `None`: not there.
    pub(super) expected: Vec<(String, Option<String>)>,
    /// Attributes, and what they become; `None`: they go.
    pub(super) changes: Vec<(String, Option<String>)>,
}

impl Amendment {
    /// What makes `after` of `before`, two states of one customer, if none of the attributes `keys` has
    /// changed meanwhile. They must differ in these attributes alone.
    pub fn between(before: &Customer, after: &Customer, keys: &[&str]) -> Self {
        let value = |customer: &Customer, key: &str| customer.attributes.get(key).cloned();
        let expected: Vec<_> =
            keys.iter().map(|key| ((*key).to_owned(), value(before, key))).collect();
        let changes = expected.iter().map(|(key, _)| (key.clone(), value(after, key)));
        let changes = changes.zip(&expected).filter(|(change, was)| change.1 != was.1);
        let changes = changes.map(|(change, _)| change).collect();
        Self { id: before.id.clone(), changes, expected }
    }
}

impl fmt::Debug for Amendment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Amendment({} attributes)", self.changes.len())
    }
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Customer(tier {:?}, {} identifiers, {} attributes)",
            self.tier,
            self.identifiers.len(),
            self.attributes.len()
        )
    }
}

/// # Errors
/// A key must have 1 to [`KEY_CHARS_MAX`] characters, a value at most [`ATTRIBUTE_CHARS_MAX`].
pub(super) fn check_attribute(key: &str, value: &str) -> Result<(), Invalid> {
    if !is_text(key, 1, KEY_CHARS_MAX) {
        return Err(Invalid::new(
            "attribute key",
            key,
            "1 to 64 characters without control characters",
        ));
    }
    if !is_text(value, 0, ATTRIBUTE_CHARS_MAX) {
        return Err(Invalid::new(
            format!("attributes.{key}"),
            value,
            "at most 1024 characters without control characters",
        ));
    }
    Ok(())
}

pub(super) fn is_text(text: &str, chars_min: usize, chars_max: usize) -> bool {
    let count = text.chars().take(chars_max + 1).count();
    (chars_min..=chars_max).contains(&count) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer() -> Customer {
        Customer {
            id: "C-1".into(),
            tier: Some("gold".into()),
            name: Some("Ada Example".into()),
            identifiers: vec![],
            attributes: BTreeMap::new(),
        }
    }

    #[test]
    fn kinds_are_read_back_from_their_names_and_from_nothing_else() {
        for kind in IdentifierKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        let error = "Phone".parse::<IdentifierKind>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"identifier kind = "Phone" is not one of id, phone, card, email, account"#
        );
    }

    #[test]
    fn two_spellings_of_one_number_or_address_are_one_identifier() {
        let check = |kind, given: &str, normal: &str| {
            assert_eq!(Identifier::new(kind, given).unwrap().value(), normal, "{given}");
        };
        check(IdentifierKind::Phone, " +1 (202) 555-0101 ", "+12025550101");
        check(IdentifierKind::Phone, "*21#", "*21#");
        check(IdentifierKind::Email, " Ada@Example.COM", "ada@example.com");
        check(IdentifierKind::Card, "4000 0012", "4000 0012");
        check(IdentifierKind::Account, "DE-77", "DE-77");
        check(IdentifierKind::Id, "  C-1\n", "C-1");
    }

    #[test]
    fn an_identifier_has_1_to_128_characters_and_no_control_characters() {
        let longest = "ü".repeat(128);
        assert!(Identifier::new(IdentifierKind::Card, &longest).is_ok());
        let too_long = "ü".repeat(129);
        for bad in ["", "   ", too_long.as_str(), "a\nb", "a\0b"] {
            let error = Identifier::new(IdentifierKind::Card, bad).unwrap_err();
            assert_eq!(error.field, "card");
            assert_eq!(error.range, "1 to 128 characters without control characters");
        }
    }

    #[test]
    fn a_phone_number_has_a_digit() {
        // Nothing but punctuation is left of the first.
        for bad in [" (-) ", "anonymous", "+", "ext."] {
            let error = Identifier::new(IdentifierKind::Phone, bad).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "phone = {bad:?} is not 1 to 128 characters with a digit and without control \
                     characters"
                )
            );
        }
    }

    #[test]
    fn a_customer_is_brought_into_one_form() {
        let phone = |v| Identifier::new(IdentifierKind::Phone, v).unwrap();
        let messy = Customer {
            id: " C-1 ".into(),
            tier: Some(" gold".into()),
            name: Some("  ".into()),
            identifiers: vec![phone("2"), phone("1"), phone("2")],
            ..customer()
        };
        let tidy = messy.checked().unwrap();
        assert_eq!(
            (tidy.id.as_str(), tidy.tier.as_deref(), tidy.name),
            ("C-1", Some("gold"), None)
        );
        assert_eq!(tidy.identifiers, [phone("1"), phone("2")]);
    }

    #[test]
    fn a_customer_outside_the_limits_is_refused_with_field_and_range() {
        let check = |spoil: &dyn Fn(&mut Customer), field: &str| {
            let mut bad = customer();
            spoil(&mut bad);
            assert_eq!(bad.checked().unwrap_err().field, field);
        };
        check(&|c| c.id = String::new(), "id");
        check(&|c| c.tier = Some("t".repeat(65)), "tier");
        check(&|c| c.name = Some("n".repeat(257)), "name");
        check(&|c| c.name = Some("a\u{7}b".into()), "name");
        check(
            &|c| c.identifiers = vec![Identifier::new(IdentifierKind::Id, "C-2").unwrap()],
            "identifiers.id",
        );
        check(
            &|c| {
                c.identifiers = (0..33)
                    .map(|n| Identifier::new(IdentifierKind::Card, &n.to_string()).unwrap())
                    .collect();
            },
            "identifiers",
        );
        check(&|c| c.attributes = BTreeMap::from([(String::new(), "x".into())]), "attribute key");
        check(
            &|c| c.attributes = BTreeMap::from([("note".into(), "x".repeat(1025))]),
            "attributes.note",
        );
        check(
            &|c| c.attributes = (0..65).map(|n| (n.to_string(), String::new())).collect(),
            "attributes",
        );
        assert!(customer().checked().is_ok());
    }

    #[test]
    fn what_may_reach_a_log_never_shows_personal_data() {
        let secret = "ada@example.com";
        let identifier = Identifier::new(IdentifierKind::Email, secret).unwrap();
        let person = Customer {
            id: secret.into(),
            name: Some(secret.into()),
            identifiers: vec![identifier.clone()],
            attributes: BTreeMap::from([(secret.into(), secret.into())]),
            ..customer()
        };
        let invalid = Invalid::new("email", secret, "something else");
        let shown = format!("{identifier:?} {person:?} {invalid:?}");
        assert!(!shown.contains("ada"), "{shown}");
        assert!(shown.contains("Identifier(email, 15 chars)"), "{shown}");
    }
}
