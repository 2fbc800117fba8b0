//! What a customer that replaces a stored one may say of a farewell.
//!
//! Whoever stores a whole customer writes the names of the two people too. They are kept as they are stored, or they
//! go with everything else of the farewell: only the steps in [`super::farewell`] set them.

use super::farewell::TRACES;
use crate::directory::{Customer, Directory, Error};
use crate::engine::coding::farewell::{self as rule, CONFIRMED_BY, PROPOSED_BY};
use crate::engine::coding::rules::{Attributes, STANDING};

/// What a customer may not be stored with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The attribute at fault.
    pub key: &'static str,
    /// What is wrong with it, and what to do; without any value.
    pub text: String,
}

/// Looks at a customer before it is stored in place of what the directory has under its id.
///
/// # Errors
/// When the directory cannot tell what it has. It is not asked about a customer with no word of a farewell, which
/// may replace anybody.
pub async fn check(directory: &Directory, customer: &Customer) -> Result<Result<(), Fault>, Error> {
    if !speaks_of_farewell(&customer.attributes) {
        return Ok(Ok(()));
    }
    let stored = match directory.get(&customer.id).await {
        // What is no customer is on no way out.
        Err(Error::Malformed { .. }) => None,
        stored => stored?,
    };
    let before = stored.map(|stored| stored.attributes).unwrap_or_default();
    Ok(between(&before, &customer.attributes))
}

/// The same for an import. With `with_farewells` it takes over farewells and proposals that were decided elsewhere, as
/// of an export: the names in it are believed.
///
/// # Errors
/// As for [`check`].
pub async fn check_import(
    directory: &Directory,
    customer: &Customer,
    with_farewells: bool,
) -> Result<Result<(), Fault>, Error> {
    let is_whole = rule::fault(&customer.attributes).is_none();
    if with_farewells && is_whole {
        return Ok(Ok(()));
    }
    let mut checked = check(directory, customer).await?;
    if let Err(fault) = &mut checked
        && is_whole
    {
        fault.text += "; --with-farewells takes over what was decided elsewhere";
    }
    Ok(checked)
}

fn speaks_of_farewell(attributes: &Attributes) -> bool {
    rule::is_claimed(attributes) || TRACES.iter().any(|key| attributes.contains_key(*key))
}

/// Whether a customer with the attributes `before`, none if there is no such customer, may be replaced by one with
/// the attributes `after`.
fn between(before: &Attributes, after: &Attributes) -> Result<(), Fault> {
    let fault = |key, text: &str| Err(Fault { key, text: text.to_owned() });
    if !speaks_of_farewell(after) {
        return Ok(());
    }
    if rule::is_claimed(after) && !rule::is_claimed(before) {
        let undecided = rule::fault(after);
        let text = undecided.as_deref().unwrap_or(
            "\"farewell\" is decided by two people, in two steps: use `tierline customers farewell`",
        );
        return fault(STANDING, text);
    }
    let text = |attributes: &Attributes, key| {
        attributes.get(key).map_or("", |text: &String| text.trim()).to_owned()
    };
    for key in [PROPOSED_BY, CONFIRMED_BY] {
        if text(before, key) != text(after, key) {
            let text = "is not as it is stored: leave it so, or leave out the whole farewell with the standing; \
                        it is set by `tierline customers farewell` alone";
            return fault(key, text);
        }
    }
    if rule::is_farewell(after) && !rule::is_farewell(before) {
        let text = "\"farewell\" would count again by one person's word: use `tierline customers farewell`";
        return fault(STANDING, text);
    }
    if rule::is_farewell(before) && !rule::is_claimed(after) {
        let text = "would end a farewell and leave its names behind: use `tierline customers farewell withdraw`, or \
                    leave out every attribute farewell_*";
        return fault(STANDING, text);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: (&str, &str) = (STANDING, "farewell");
    const RISK: (&str, &str) = (STANDING, "at_risk");
    const KIM: (&str, &str) = (PROPOSED_BY, "kim");
    const LEE: (&str, &str) = (CONFIRMED_BY, "lee");
    const FLAG: (&str, &str) = (rule::STRATEGIC, "true");
    const AGENT: (&str, &str) = (super::super::farewell::AGENT, "vera");

    fn with(pairs: &[(&str, &str)]) -> Attributes {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn refused(before: &[(&str, &str)], after: &[(&str, &str)]) -> Option<&'static str> {
        between(&with(before), &with(after)).err().map(|fault| fault.key)
    }

    #[test]
    fn no_customer_becomes_a_farewell_by_being_replaced() {
        let whole = [SAID, KIM, LEE];
        let befores: [&[_]; 6] =
            [&[], &[RISK], &[RISK, KIM, LEE], &[KIM, AGENT], &[RISK, LEE], &[KIM, LEE]];
        for before in befores {
            assert_eq!(refused(before, &whole), Some(STANDING), "{before:?}");
            assert_eq!(refused(before, &[SAID]), Some(STANDING), "{before:?}");
        }
        assert_eq!(refused(&[SAID], &whole), Some(PROPOSED_BY));
        assert_eq!(refused(&[SAID, KIM], &whole), Some(CONFIRMED_BY));
    }

    #[test]
    fn the_flag_ends_a_farewell_and_one_person_cannot_take_it_away_again() {
        let (whole, flagged) = ([SAID, KIM, LEE], [SAID, KIM, LEE, FLAG]);
        assert_eq!(refused(&whole, &flagged), None);
        assert_eq!(refused(&flagged, &flagged), None);
        assert_eq!(refused(&flagged, &whole), Some(STANDING));
        assert_eq!(refused(&flagged, &[FLAG]), None, "all of it goes");
    }

    #[test]
    fn the_names_stay_or_go_with_the_whole_farewell() {
        let whole = [SAID, KIM, LEE];
        let city = ("city", "Bern");
        assert_eq!(refused(&whole, &[SAID, KIM, LEE, city]), None, "left as it is");
        assert_eq!(refused(&whole, &[SAID, (PROPOSED_BY, " kim "), LEE]), None, "the same name");
        assert_eq!(refused(&whole, &[city]), None, "all of it goes");
        assert_eq!(refused(&whole, &[RISK]), None, "all of it goes");
        assert_eq!(refused(&whole, &[SAID]), Some(PROPOSED_BY), "not by halves");
        assert_eq!(refused(&whole, &[RISK, KIM, LEE]), Some(STANDING), "names left behind");
        assert_eq!(refused(&whole, &[SAID, KIM, (CONFIRMED_BY, "max")]), Some(CONFIRMED_BY));
        let open = [KIM, AGENT];
        assert_eq!(refused(&open, &[KIM, AGENT, RISK]), None, "left as it is");
        assert_eq!(refused(&open, &[(PROPOSED_BY, "x"), AGENT]), Some(PROPOSED_BY));
        assert_eq!(refused(&open, &[AGENT]), Some(PROPOSED_BY), "not by halves");
        assert_eq!(refused(&open, &[KIM, AGENT, LEE]), Some(CONFIRMED_BY));
        assert_eq!(refused(&open, &[]), None, "all of it goes");
        assert_eq!(refused(&[], &open), Some(PROPOSED_BY), "a proposal is a step too");
    }

    #[test]
    fn what_another_system_stored_may_be_stored_again() {
        for before in [&[SAID][..], &[SAID, KIM], &[RISK, KIM, LEE], &[LEE]] {
            assert_eq!(refused(before, before), None, "{before:?}");
        }
    }
}
