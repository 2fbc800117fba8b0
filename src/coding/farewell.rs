//! The steps of a farewell on a customer's attributes: one person proposes, another confirms, anybody withdraws.
//!
//! Pure: the attributes as the directory has them go in, and as they are to be come out. A step that has been
//! taken already leaves them as they are, so that a call may be repeated. What counts as a farewell is the
//! engine's rule, see [`rule`].

use super::{AGENT_ATTRIBUTE, TRANSITION_ATTRIBUTE};
use crate::directory::ATTRIBUTES_MAX;
use crate::engine::coding::Standing;
use crate::engine::coding::farewell::{self as rule, CONFIRMED_BY, PROPOSED_BY, STRATEGIC};
use crate::engine::coding::rules::{Attributes, Day, STANDING};
use std::fmt;

/// Why it was proposed.
pub const REASON: &str = "farewell_reason";
/// The agent who is to explain; stays after the confirmation, which a withdrawal compares with.
pub const AGENT: &str = "farewell_agent";
/// The day of the transition; stays as the agent does.
pub const DATE: &str = "farewell_date";
/// Who withdrew the last proposal or farewell.
pub const WITHDRAWN_BY: &str = "farewell_withdrawn_by";
/// What a confirmation replaces, and where it keeps what was there before. Missing where nothing was: a file cannot
/// hold what is empty.
const REPLACED: [(&str, &str); 3] = [
    (STANDING, "farewell_before_standing"),
    (AGENT_ATTRIBUTE, "farewell_before_account_manager"),
    (TRANSITION_ATTRIBUTE, "farewell_before_transition_date"),
];
/// Every attribute that a step reads or writes.
pub const KEYS: [&str; 13] = [
    STANDING,
    AGENT_ATTRIBUTE,
    TRANSITION_ATTRIBUTE,
    STRATEGIC,
    PROPOSED_BY,
    CONFIRMED_BY,
    REASON,
    AGENT,
    DATE,
    WITHDRAWN_BY,
    REPLACED[0].1,
    REPLACED[1].1,
    REPLACED[2].1,
];

/// What a proposal and a confirmation leave on a customer, beside what they replace.
pub const TRACES: [&str; 8] =
    [PROPOSED_BY, CONFIRMED_BY, REASON, AGENT, DATE, REPLACED[0].1, REPLACED[1].1, REPLACED[2].1];

/// What is proposed. Texts are without blanks at the ends.
#[derive(Clone, PartialEq, Eq)]
pub struct Proposal<'a> {
    /// Who proposes it. 1 to [`rule::NAME_CHARS_MAX`] characters.
    pub by: &'a str,
    /// The agent who is to explain.
    pub agent: &'a str,
    /// The day of the transition, such as `2027-03-31`.
    pub date: &'a str,
    /// Why. 1 to 200 characters.
    pub reason: &'a str,
}

/// Why a step cannot be taken.
#[derive(Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The customer's flag `strategic` is set.
    Exempt,
    /// Another proposal is open; who made it.
    Proposed(String),
    /// It is decided; who confirmed it.
    Confirmed(String),
    /// Nothing is proposed.
    NotProposed,
    /// Who confirms is who proposed; the name in the proposal.
    SamePerson(String),
    /// Confirmed, the customer would have more attributes than [`ATTRIBUTES_MAX`]; how many.
    Full(usize),
    /// What the proposal says in this attribute is not what was seen; its text.
    Unseen(&'static str, String),
    /// What the proposal says in this attribute is missing or past; its text.
    Outdated(&'static str, String),
}

impl fmt::Debug for Refusal {
    /// Names of people stay out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exempt => "Exempt",
            Self::Proposed(_) => "Proposed",
            Self::Confirmed(_) => "Confirmed",
            Self::NotProposed => "NotProposed",
            Self::SamePerson(_) => "SamePerson",
            Self::Full(_) => "Full",
            Self::Unseen(key, _) | Self::Outdated(key, _) => key,
        })
    }
}

/// Somebody proposes a farewell.
pub fn proposed(now: &Attributes, proposal: &Proposal<'_>) -> Result<Attributes, Refusal> {
    if rule::is_farewell(now) {
        return Err(Refusal::Confirmed(text(now, CONFIRMED_BY)));
    }
    if rule::is_exempt(now) {
        return Err(Refusal::Exempt);
    }
    if let Some(by) = rule::name(now, PROPOSED_BY) {
        let Proposal { agent, date, reason, .. } = *proposal;
        let is_same = rule::name(now, CONFIRMED_BY).is_none()
            && rule::is_same_person(by, proposal.by)
            && [(AGENT, agent), (DATE, date), (REASON, reason)]
                .iter()
                .all(|(key, value)| text(now, key) == *value);
        return if is_same { Ok(now.clone()) } else { Err(Refusal::Proposed(by.to_owned())) };
    }
    let mut next = without_decision(now);
    set(&mut next, PROPOSED_BY, proposal.by);
    set(&mut next, AGENT, proposal.agent);
    set(&mut next, DATE, proposal.date);
    set(&mut next, REASON, proposal.reason);
    // Of what the steps make of a customer, the confirmed farewell has the most attributes.
    let count = counting(&next, proposal.by, proposal.agent, proposal.date).len();
    if count > ATTRIBUTES_MAX { Err(Refusal::Full(count)) } else { Ok(next) }
}

/// Refuses a proposal that is not what somebody has seen of it: an agent and a date, empty where it makes no difference.
pub fn as_seen(now: &Attributes, agent: &str, date: &str) -> Result<(), Refusal> {
    let mut seen = [(AGENT, agent), (DATE, date)].into_iter();
    let other = seen.find(|(key, seen)| !seen.is_empty() && text(now, key) != *seen);
    other.map_or(Ok(()), |(key, _)| Err(Refusal::Unseen(key, text(now, key))))
}

/// Somebody else confirms it: from now on it counts.
pub fn confirmed(now: &Attributes, by: &str, today: Day) -> Result<Attributes, Refusal> {
    let proposer = rule::name(now, PROPOSED_BY).ok_or(Refusal::NotProposed)?;
    if rule::is_same_person(proposer, by) {
        return Err(Refusal::SamePerson(proposer.to_owned()));
    }
    if rule::is_farewell(now) {
        let other = text(now, CONFIRMED_BY);
        let is_same = rule::is_same_person(&other, by);
        return if is_same { Ok(now.clone()) } else { Err(Refusal::Confirmed(other)) };
    }
    if rule::is_exempt(now) {
        return Err(Refusal::Exempt);
    }
    // A farewell that has ended otherwise does not come back by one more word.
    if let Some(other) = rule::name(now, CONFIRMED_BY) {
        return Err(Refusal::Outdated(CONFIRMED_BY, other.to_owned()));
    }
    let (agent, date) = (text(now, AGENT), text(now, DATE));
    if agent.is_empty() {
        return Err(Refusal::Outdated(AGENT, agent));
    }
    if date_of(&date).is_none_or(|day| day < today) {
        return Err(Refusal::Outdated(DATE, date));
    }
    Ok(counting(now, by, &agent, &date))
}

/// The attributes with a farewell that counts.
fn counting(now: &Attributes, by: &str, agent: &str, date: &str) -> Attributes {
    let mut next = now.clone();
    for (key, before) in REPLACED {
        // A standing that did not count is none to go back to.
        let kept = Some(text(now, key))
            .filter(|text| !text.is_empty() && *text != Standing::Farewell.name());
        match kept {
            Some(kept) => set(&mut next, before, &kept),
            None => drop(next.remove(before)),
        }
    }
    set(&mut next, STANDING, Standing::Farewell.name());
    set(&mut next, CONFIRMED_BY, by);
    set(&mut next, AGENT_ATTRIBUTE, agent);
    set(&mut next, TRANSITION_ATTRIBUTE, date);
    next
}

/// Somebody takes a proposal or a farewell back: the customer is what it was before, but for what somebody has
/// changed since.
pub fn withdrawn(now: &Attributes, by: &str) -> Result<Attributes, Refusal> {
    if rule::name(now, PROPOSED_BY).is_none() {
        let last = rule::name(now, WITHDRAWN_BY);
        let is_same = last.is_some_and(|last| rule::is_same_person(last, by));
        return if is_same { Ok(now.clone()) } else { Err(Refusal::NotProposed) };
    }
    let mut next = without_decision(now);
    if rule::name(now, CONFIRMED_BY).is_some() {
        let given = [Standing::Farewell.name().to_owned(), text(now, AGENT), text(now, DATE)];
        for ((key, before), given) in REPLACED.into_iter().zip(given) {
            let before = text(now, before);
            // Whoever wrote the farewell by other means did not say what it gave, nor what was before.
            let is_the_farewells = !given.is_empty() && text(now, key) == given;
            match &*before {
                _ if !is_the_farewells => {}
                "" => drop(next.remove(key)),
                before => set(&mut next, key, before),
            }
        }
    }
    set(&mut next, WITHDRAWN_BY, by);
    Ok(next)
}

/// Reads `2027-03-31`, and nothing shorter.
pub fn date_of(text: &str) -> Option<Day> {
    Day::parse(text).filter(|_| text.len() == "2027-03-31".len())
}

/// The attributes without any trace of a proposal or a decision, but for what a confirmation has replaced.
fn without_decision(now: &Attributes) -> Attributes {
    let mut next = now.clone();
    TRACES.iter().chain(&[WITHDRAWN_BY]).for_each(|key| drop(next.remove(*key)));
    next
}

fn set(attributes: &mut Attributes, key: &str, value: &str) {
    attributes.insert(key.to_owned(), value.to_owned());
}

/// An attribute without blanks at its ends; empty if there is none.
fn text(attributes: &Attributes, key: &str) -> String {
    attributes.get(key).map_or("", |text| text.trim()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day(20_000);

    fn with(pairs: &[(&str, &str)]) -> Attributes {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    fn by_kim() -> Proposal<'static> {
        Proposal {
            by: "kim",
            agent: "vera",
            date: "2027-03-31",
            reason: "costs more than it brings",
        }
    }

    fn is_farewell(attributes: &Attributes) -> bool {
        rule::is_farewell(attributes)
    }

    #[test]
    fn one_proposes_another_confirms_and_a_withdrawal_restores_what_was() {
        let before = with(&[("city", "Bern"), (STANDING, "at_risk"), (AGENT_ATTRIBUTE, "max")]);
        let open = proposed(&before, &by_kim()).expect("it may be proposed");
        assert!(!is_farewell(&open));
        assert_eq!(open[STANDING], "at_risk");
        let decided = confirmed(&open, "lee", TODAY).expect("another confirms");
        assert!(is_farewell(&decided));
        assert_eq!(
            (&*decided[AGENT_ATTRIBUTE], &*decided[TRANSITION_ATTRIBUTE]),
            ("vera", "2027-03-31")
        );
        for stage in [&open, &decided] {
            let mut back = withdrawn(stage, "max").expect("it can be withdrawn");
            assert_eq!(back.remove(WITHDRAWN_BY).as_deref(), Some("max"));
            assert_eq!(back, before);
        }
        let listed = |attributes: &Attributes| {
            let changed = attributes.keys().filter(|key| *key != "city");
            changed.filter(|key| !KEYS.contains(&key.as_str())).count()
        };
        assert_eq!((listed(&open), listed(&decided)), (0, 0), "every key is one of KEYS");
    }

    #[test]
    fn the_same_person_cannot_do_both() {
        let open = proposed(&Attributes::new(), &by_kim()).expect("it may be proposed");
        let refused = Err(Refusal::SamePerson("kim".to_owned()));
        assert_eq!(confirmed(&open, "kim", TODAY), refused);
        assert_eq!(confirmed(&open, " Kim", TODAY), refused);
        let decided = confirmed(&open, "lee", TODAY).expect("another confirms");
        assert_eq!(confirmed(&decided, "KIM", TODAY), refused, "also afterwards");
    }

    #[test]
    fn every_step_may_be_repeated_and_changes_nothing() {
        let open = proposed(&Attributes::new(), &by_kim()).expect("it may be proposed");
        assert_eq!(proposed(&open, &by_kim()), Ok(open.clone()));
        let decided = confirmed(&open, "lee", TODAY).expect("another confirms");
        assert_eq!(confirmed(&decided, "Lee ", TODAY), Ok(decided.clone()));
        let back = withdrawn(&decided, "lee").expect("it can be withdrawn");
        assert_eq!(withdrawn(&back, "lee"), Ok(back.clone()));
        assert_eq!(withdrawn(&back, "kim"), Err(Refusal::NotProposed));
        let again = proposed(&back, &by_kim()).expect("it may be proposed again");
        assert_eq!(again, open);
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let nothing = Attributes::new();
        assert_eq!(confirmed(&nothing, "lee", TODAY), Err(Refusal::NotProposed));
        assert_eq!(withdrawn(&nothing, "lee"), Err(Refusal::NotProposed));
        let exempt = with(&[(STRATEGIC, "Yes")]);
        assert_eq!(proposed(&exempt, &by_kim()), Err(Refusal::Exempt));
        let open = proposed(&nothing, &by_kim()).expect("it may be proposed");
        let by_lee = Proposal { by: "lee", ..by_kim() };
        assert_eq!(proposed(&open, &by_lee), Err(Refusal::Proposed("kim".to_owned())));
        let later = Proposal { date: "2027-04-30", ..by_kim() };
        assert_eq!(proposed(&open, &later), Err(Refusal::Proposed("kim".to_owned())));
        let mut flagged = open.clone();
        set(&mut flagged, STRATEGIC, "true");
        assert_eq!(confirmed(&flagged, "lee", TODAY), Err(Refusal::Exempt), "flagged meanwhile");
        let late = Day::parse("2027-04-01").expect("a day");
        let outdated = Err(Refusal::Outdated(DATE, "2027-03-31".to_owned()));
        assert_eq!(confirmed(&open, "lee", late), outdated);
        let decided = confirmed(&open, "lee", TODAY).expect("another confirms");
        assert_eq!(proposed(&decided, &by_kim()), Err(Refusal::Confirmed("lee".to_owned())));
        assert_eq!(confirmed(&decided, "max", TODAY), Err(Refusal::Confirmed("lee".to_owned())));
    }

    #[test]
    fn what_others_left_behind_does_not_stand_in_for_the_second_person() {
        let left = with(&[(STANDING, "farewell"), (CONFIRMED_BY, "lee")]);
        let open = proposed(&left, &by_kim()).expect("nothing is decided");
        assert!(!is_farewell(&open), "one call must not be enough");
        let decided = confirmed(&open, "lee", TODAY).expect("another confirms");
        let back = withdrawn(&decided, "lee").expect("it can be withdrawn");
        assert!(!back.contains_key(STANDING), "what did not count does not come back");
    }

    #[test]
    fn a_farewell_written_by_other_means_keeps_its_agent_when_it_is_withdrawn() {
        let written = with(&[
            (STANDING, "farewell"),
            (PROPOSED_BY, "kim"),
            (CONFIRMED_BY, "lee"),
            (AGENT_ATTRIBUTE, "vera"),
        ]);
        let back = withdrawn(&written, "max").expect("it can be withdrawn");
        assert_eq!(back, with(&[(AGENT_ATTRIBUTE, "vera"), (WITHDRAWN_BY, "max")]));
    }

    #[test]
    fn what_somebody_has_changed_since_stays_when_it_is_withdrawn() {
        let before = with(&[(STANDING, "new"), (AGENT_ATTRIBUTE, "max")]);
        let open = proposed(&before, &by_kim()).expect("it may be proposed");
        let decided = confirmed(&open, "lee", TODAY).expect("another confirms");
        let since =
            [(STANDING, "at_risk"), (AGENT_ATTRIBUTE, "zoe"), (TRANSITION_ATTRIBUTE, "2027-05-01")];
        for (changed, value) in since {
            let mut now = decided.clone();
            set(&mut now, changed, value);
            let mut expected = before.clone();
            set(&mut expected, changed, value);
            set(&mut expected, WITHDRAWN_BY, "lee");
            assert_eq!(withdrawn(&now, "lee"), Ok(expected), "{changed}");
            now.remove(changed);
            let mut expected = before.clone();
            expected.remove(changed);
            set(&mut expected, WITHDRAWN_BY, "lee");
            assert_eq!(withdrawn(&now, "lee"), Ok(expected), "{changed} is gone");
        }
    }

    #[test]
    fn a_farewell_out_of_a_file_is_withdrawn_like_any_other() {
        let open = proposed(&Attributes::new(), &by_kim()).expect("it may be proposed");
        let mut decided = confirmed(&open, "lee", TODAY).expect("another confirms");
        assert!(decided.values().all(|value| !value.is_empty()), "a file could not hold it");
        let back = with(&[(WITHDRAWN_BY, "lee")]);
        assert_eq!(withdrawn(&decided, "lee"), Ok(back.clone()));
        for (_, before) in REPLACED {
            set(&mut decided, before, "");
        }
        assert_eq!(withdrawn(&decided, "lee"), Ok(back), "empty is as good as missing");
    }

    #[test]
    fn a_farewell_that_ended_otherwise_is_not_confirmed_by_one_more_person() {
        let open = proposed(&Attributes::new(), &by_kim()).expect("it may be proposed");
        let mut ended = confirmed(&open, "lee", TODAY).expect("another confirms");
        set(&mut ended, STANDING, "at_risk");
        for by in ["lee", "max"] {
            let refused = Err(Refusal::Outdated(CONFIRMED_BY, "lee".to_owned()));
            assert_eq!(confirmed(&ended, by, TODAY), refused);
        }
        assert_eq!(proposed(&ended, &by_kim()), Err(Refusal::Proposed("kim".to_owned())));
        let back = withdrawn(&ended, "max").expect("it can be taken back");
        assert_eq!(back, with(&[(STANDING, "at_risk"), (WITHDRAWN_BY, "max")]));
    }

    #[test]
    fn what_could_not_be_confirmed_for_want_of_room_is_not_proposed() {
        // The standing is replaced; the steps add eight.
        let of = |count: usize| {
            let mut given = with(&[(STANDING, "at_risk")]);
            (1..count).for_each(|at| set(&mut given, &format!("k{at}"), "x"));
            given
        };
        let open = proposed(&of(ATTRIBUTES_MAX - 8), &by_kim()).expect("there is room");
        let decided = confirmed(&open, "lee", TODAY).expect("another confirms");
        assert_eq!(decided.len(), ATTRIBUTES_MAX);
        let refused = Err(Refusal::Full(ATTRIBUTES_MAX + 1));
        assert_eq!(proposed(&of(ATTRIBUTES_MAX - 7), &by_kim()), refused);
    }

    #[test]
    fn a_date_is_written_in_full() {
        assert_eq!(date_of("1970-01-02"), Some(Day(1)));
        for bad in ["2027", "2027-02-30", "31.03.2027", "", "2027-3-31", " 2027-03-31"] {
            assert_eq!(date_of(bad), None, "{bad:?}");
        }
    }
}
