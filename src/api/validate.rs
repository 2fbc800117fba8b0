//! Every bound of the contract, in one place. A request is checked whole: all its faults are told at
//! once, each with the field, the value where it is nobody's personal data, and the range.
//!
//! What only the policy or the state can tell (is there such a pool, such a ticket) is not checked here.

use super::proto::v1 as pb;
use super::status::Fault;
use crate::directory::{self, Identifier};
use crate::engine::EXTEND_MS_MAX;
use crate::engine::coding::OTHERS_MAX;
use crate::engine::model::{AgentId, Channel, Content, LeaseToken, POOLS_MAX, Presence, TicketId};
use crate::engine::wish::{EXCLUDED_AGENTS_MAX, SKILLS_ASKED_MAX};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use tonic_types::FieldViolation;

/// Longest id of a ticket, an agent or a pull, in characters.
pub const ID_CHARS_MAX: usize = 64;
/// Longest name of a tier or a pool, in characters.
pub const NAME_CHARS_MAX: usize = 64;
/// Longest subject of a ticket, in characters.
pub const SUBJECT_CHARS_MAX: usize = 200;
/// Most attributes of a ticket.
pub const ATTRIBUTES_MAX: usize = 32;
/// Longest key of a ticket's attribute, in characters.
pub const ATTRIBUTE_KEY_CHARS_MAX: usize = 64;
/// Longest value of a ticket's attribute, in characters.
pub const ATTRIBUTE_VALUE_CHARS_MAX: usize = 256;
/// Longest outcome of a completion, in characters.
pub const OUTCOME_CHARS_MAX: usize = 64;
/// Longest note of a completion, in characters.
pub const NOTE_CHARS_MAX: usize = 1000;
/// Longest reason of a cancellation or a release, in characters.
pub const REASON_CHARS_MAX: usize = 200;
/// Longest mark of a request in a stream, in characters.
pub const REF_CHARS_MAX: usize = 64;
/// Longest name of an agent, in characters.
pub const AGENT_NAME_CHARS_MAX: usize = 128;
/// Most tickets an agent may hold at once.
pub const CAPACITY_MAX: u32 = 100;
/// Largest page.
pub const PAGE_SIZE_MAX: u32 = 500;
/// The page of a caller who names no size.
pub const PAGE_SIZE_DEFAULT: u32 = 50;
/// Most rows in one message of an import.
pub const IMPORT_ROWS_MAX: usize = 500;
/// The least time between two answers of a stream of queues, in milliseconds.
pub const WATCH_INTERVAL_MS: RangeInclusive<i64> = 100..=60_000;
/// That time for a caller who names none, in milliseconds.
pub const WATCH_INTERVAL_MS_DEFAULT: i64 = 1000;

/// Longest page token, in bytes; those made here are shorter.
pub(super) const PAGE_TOKEN_BYTES_MAX: usize = 128;
/// Longest name of a queue, in bytes: a tier, a channel, every pool, and skills and agents.
pub(super) const QUEUE_ID_BYTES_MAX: usize = (POOLS_MAX + 2) * (NAME_CHARS_MAX + 1)
    + (SKILLS_ASKED_MAX + EXCLUDED_AGENTS_MAX + 1) * (NAME_CHARS_MAX + 4);
/// Most states in a filter; there are no more than these.
pub(super) const STATES_MAX: usize = 8;
/// Most faults that one answer tells: they travel in a header.
pub(super) const VIOLATIONS_MAX: usize = 16;
/// Longest piece of a faulty value that is repeated, in characters.
const ECHO_CHARS_MAX: usize = 48;

const ID_RANGE: &str = "1 to 64 characters of A-Z a-z 0-9 . _ : -";
const NAME_RANGE: &str = "1 to 64 characters of A-Z a-z 0-9 . _ -";

/// Whether `text` can be the id of a ticket, an agent or a pull.
pub(super) fn is_id(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '-');
    (1..=ID_CHARS_MAX).contains(&text.len()) && text.chars().all(allowed)
}

fn is_name(text: &str) -> bool {
    is_id(text) && !text.contains(':')
}

/// The attributes of a ticket as the engine keeps them.
pub(super) type Attributes = Box<[(Box<str>, Box<str>)]>;

/// The checks of one request. Each gives the value it has checked, or a stand-in if there is something
/// wrong with it: none may be used before [`Checks::done`] has agreed.
#[derive(Debug, Default)]
pub(super) struct Checks {
    prefix: String,
    violations: Vec<FieldViolation>,
}

impl Checks {
    /// Agrees if nothing was wrong.
    pub(super) fn done(self) -> Result<(), Fault> {
        if self.violations.is_empty() { Ok(()) } else { Err(Fault::fields(self.violations)) }
    }

    /// Notes a fault of a field.
    pub(super) fn fault(&mut self, field: &str, description: impl Into<String>) {
        if self.violations.len() < VIOLATIONS_MAX {
            let field = format!("{}{field}", self.prefix);
            self.violations.push(FieldViolation::new(field, description));
        }
    }

    /// Checks the fields of a message inside the request.
    pub(super) fn inside<T>(&mut self, prefix: &str, check: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.prefix.len();
        self.prefix.push_str(prefix);
        let checked = check(self);
        self.prefix.truncate(outer);
        checked
    }

    /// A required message.
    pub(super) fn required<T: Default>(&mut self, field: &str, message: Option<T>) -> T {
        if message.is_none() {
            self.fault(field, "is required");
        }
        message.unwrap_or_default()
    }

    pub(super) fn ticket_id(&mut self, id: &str) -> TicketId {
        self.id("ticket_id", id);
        TicketId::new(id)
    }

    pub(super) fn agent_id(&mut self, id: &str) -> AgentId {
        self.id("agent_id", id);
        AgentId::new(id)
    }

    /// An id; an empty one is missing.
    pub(super) fn id(&mut self, field: &str, id: &str) {
        if id.is_empty() {
            self.fault(field, "is required");
        } else if !is_id(id) {
            self.fault(field, format!("{} is not {ID_RANGE}", echo(id)));
        }
    }

    /// An id that may be left out.
    pub(super) fn optional_id(&mut self, field: &str, id: &str) -> Option<Box<str>> {
        if id.is_empty() {
            return None;
        }
        self.id(field, id);
        Some(id.into())
    }

    /// The name of a tier or a pool.
    pub(super) fn name(&mut self, field: &str, name: &str) {
        if name.is_empty() {
            self.fault(field, "is required");
        } else if !is_name(name) {
            self.fault(field, format!("{} is not {NAME_RANGE}", echo(name)));
        }
    }

    /// The name of a tier or a pool that may be left out.
    pub(super) fn optional_name(&mut self, field: &str, name: &str) -> Option<Box<str>> {
        if name.is_empty() {
            return None;
        }
        self.name(field, name);
        Some(name.into())
    }

    /// What made a customer a burden: a name, so that nobody is led to write a person into it; in small letters,
    /// so that each is counted once.
    pub(super) fn burden(&mut self, burden: &str) -> Box<str> {
        self.optional_name("burden", burden).unwrap_or_default().to_lowercase().into()
    }

    /// Text of some lines. It may be personal, so only its length is told.
    pub(super) fn text(&mut self, field: &str, text: &str, chars_max: usize) -> Box<str> {
        let count = text.chars().count();
        if count > chars_max {
            self.fault(field, format!("has {count} characters, at most {chars_max} are allowed"));
        }
        text.into()
    }

    /// Text of one line: without control characters.
    pub(super) fn line(&mut self, field: &str, text: &str, chars_max: usize) -> Box<str> {
        if text.chars().any(char::is_control) {
            self.fault(field, "has control characters, none are allowed");
        }
        self.text(field, text, chars_max)
    }

    /// Why a ticket is withdrawn or given back.
    pub(super) fn reason(&mut self, reason: &str) -> Box<str> {
        self.line("reason", reason, REASON_CHARS_MAX)
    }

    pub(super) fn token(&mut self, token: u64) -> LeaseToken {
        if token == 0 {
            self.fault("lease_token", "is required");
        }
        LeaseToken(token)
    }

    pub(super) fn channel(&mut self, channel: i32) -> Channel {
        match pb::Channel::try_from(channel) {
            Ok(pb::Channel::Unspecified) => self.fault("channel", "is required"),
            Ok(pb::Channel::Voice) => return Channel::Voice,
            Ok(pb::Channel::Chat) => return Channel::Chat,
            Ok(pb::Channel::Email) => return Channel::Email,
            Ok(pb::Channel::Web) => return Channel::Web,
            Ok(pb::Channel::Callback) => return Channel::Callback,
            Ok(pb::Channel::Outbound) => return Channel::Outbound,
            Err(_) => self.fault("channel", format!("{channel} is not a value of Channel")),
        }
        Channel::Voice
    }

    pub(super) fn presence(&mut self, presence: i32) -> Presence {
        match pb::Presence::try_from(presence) {
            Ok(pb::Presence::Unspecified) => self.fault("presence", "is required"),
            Ok(pb::Presence::Available) => return Presence::Available,
            Ok(pb::Presence::Away) => return Presence::Away,
            Ok(pb::Presence::Draining) => return Presence::Draining,
            Err(_) => self.fault("presence", format!("{presence} is not a value of Presence")),
        }
        Presence::Away
    }

    /// The states of a filter, each a value of its enum and none of them 0.
    pub(super) fn states<S: TryFrom<i32> + PartialEq>(
        &mut self,
        states: &[i32],
        of: &str,
    ) -> Vec<S> {
        if states.len() > STATES_MAX {
            let count = states.len();
            self.fault("states", format!("has {count} values, at most {STATES_MAX} are allowed"));
            return Vec::new();
        }
        let mut known = Vec::new();
        for (at, state) in states.iter().enumerate() {
            match S::try_from(*state) {
                Ok(value) if *state != 0 => known.push(value),
                Ok(_) | Err(_) => {
                    self.fault(&format!("states[{at}]"), format!("{state} is not a state of {of}"));
                }
            }
        }
        known
    }

    /// A duration in milliseconds; parts of a millisecond do not count.
    pub(super) fn duration_ms(
        &mut self,
        field: &str,
        duration: &prost_types::Duration,
        range: &RangeInclusive<i64>,
    ) -> i64 {
        // No range begins below zero, so no part of a duration may be negative.
        let makes_sense = duration.seconds >= 0 && (0..1_000_000_000).contains(&duration.nanos);
        let ms = duration
            .seconds
            .checked_mul(1000)
            .and_then(|ms| ms.checked_add(i64::from(duration.nanos / 1_000_000)));
        match ms {
            Some(ms) if makes_sense && range.contains(&ms) => ms,
            Some(_) | None => {
                let (seconds, nanos) = (duration.seconds, duration.nanos);
                let (least, most) = (range.start(), range.end());
                self.fault(
                    field,
                    format!("{seconds} s and {nanos} ns is not {least} ms to {most} ms"),
                );
                *range.start()
            }
        }
    }

    /// A pull's wait; none is no wait.
    pub(super) fn wait_ms(&mut self, wait: Option<&prost_types::Duration>, ms_max: i64) -> i64 {
        wait.map_or(0, |wait| self.duration_ms("wait", wait, &(0..=ms_max)))
    }

    /// A lease's extension; none is for the policy to say.
    pub(super) fn extend_ms(&mut self, by: Option<&prost_types::Duration>) -> Option<i64> {
        by.map(|by| self.duration_ms("by", by, &(1..=EXTEND_MS_MAX)))
    }

    /// The identifier of a customer, in the one form in which they are compared.
    pub(super) fn identifier(&mut self, identifier: &pb::CustomerIdentifier) -> Option<Identifier> {
        let kind = self.kind(identifier.kind);
        if identifier.value.is_empty() {
            self.fault("value", "is required");
            return None;
        }
        match Identifier::new(kind?, &identifier.value) {
            Ok(identifier) => Some(identifier),
            Err(invalid) => {
                self.fault("value", format!("is not {}", invalid.range));
                None
            }
        }
    }

    /// Whom a submit names: "customer" first, none of them twice. A telephone number that the network
    /// withholds ("anonymous") names nobody.
    pub(super) fn identifiers(&mut self, request: &pb::SubmitTicketRequest) -> Vec<Identifier> {
        let others = &request.other_identifiers;
        if others.len() > OTHERS_MAX {
            let count = others.len();
            let problem = format!("has {count} entries, at most {OTHERS_MAX} are allowed");
            self.fault("other_identifiers", problem);
        }
        let Some(customer) = &request.customer else {
            if !others.is_empty() {
                self.fault("other_identifiers", "is only taken together with customer");
            }
            return Vec::new();
        };
        let mut identifiers = Vec::new();
        let prefixes = (0..OTHERS_MAX).map(|at| format!("other_identifiers[{at}]."));
        let prefixes = std::iter::once("customer.".to_owned()).chain(prefixes);
        for (prefix, given) in prefixes.zip(std::iter::once(customer).chain(others)) {
            if !is_withheld(given) {
                let given = self.inside(&prefix, |checks| checks.identifier(given));
                identifiers.extend(given.filter(|given| !identifiers.contains(given)));
            }
        }
        identifiers
    }

    fn kind(&mut self, kind: i32) -> Option<directory::IdentifierKind> {
        match pb::IdentifierKind::try_from(kind) {
            Ok(pb::IdentifierKind::Unspecified) => self.fault("kind", "is required"),
            Ok(pb::IdentifierKind::Id) => return Some(directory::IdentifierKind::Id),
            Ok(pb::IdentifierKind::Phone) => return Some(directory::IdentifierKind::Phone),
            Ok(pb::IdentifierKind::Card) => return Some(directory::IdentifierKind::Card),
            Ok(pb::IdentifierKind::Email) => return Some(directory::IdentifierKind::Email),
            Ok(pb::IdentifierKind::Account) => return Some(directory::IdentifierKind::Account),
            Err(_) => self.fault("kind", format!("{kind} is not a value of IdentifierKind")),
        }
        None
    }

    pub(super) fn content(
        &mut self,
        subject: &str,
        payload: &[u8],
        attributes: &BTreeMap<String, String>,
        payload_bytes_max: usize,
    ) -> Content {
        Content {
            subject: self.subject(subject),
            payload: self.payload(payload, payload_bytes_max),
            attributes: self.attributes(attributes),
        }
    }

    pub(super) fn subject(&mut self, subject: &str) -> Box<str> {
        self.line("subject", subject, SUBJECT_CHARS_MAX)
    }

    pub(super) fn payload(&mut self, payload: &[u8], bytes_max: usize) -> Box<[u8]> {
        let size = payload.len();
        if size > bytes_max {
            self.fault("payload", format!("has {size} bytes, at most {bytes_max} are allowed"));
            return Box::default();
        }
        payload.into()
    }

    pub(super) fn attributes(&mut self, attributes: &BTreeMap<String, String>) -> Attributes {
        let bounds = (ATTRIBUTES_MAX, ATTRIBUTE_KEY_CHARS_MAX, ATTRIBUTE_VALUE_CHARS_MAX);
        self.pairs(attributes, bounds);
        let pair = |(key, value): (&String, &String)| (key.as_str().into(), value.as_str().into());
        attributes.iter().map(pair).collect()
    }

    /// Named values; `bounds` are their number, and the lengths of a name and a value.
    fn pairs(&mut self, pairs: &BTreeMap<String, String>, bounds: (usize, usize, usize)) {
        let (count_max, key_max, value_max) = bounds;
        let count = pairs.len();
        if count > count_max {
            self.fault(
                "attributes",
                format!("has {count} entries, at most {count_max} are allowed"),
            );
            return;
        }
        for (key, value) in pairs {
            let field = format!("attributes[{}]", echo(key));
            let key_count = key.chars().count();
            if !(1..=key_max).contains(&key_count) {
                self.fault(
                    &field,
                    format!("the key has {key_count} characters, 1 to {key_max} are allowed"),
                );
            } else if key.chars().any(char::is_control) {
                self.fault(&field, "the key has control characters, none are allowed");
            }
            self.text(&field, value, value_max);
        }
    }

    /// A customer, in the form in which the directory keeps them.
    pub(super) fn customer(&mut self, customer: &pb::Customer) -> directory::Customer {
        let identifiers = customer.identifiers.iter().enumerate().take(directory::IDENTIFIERS_MAX);
        let identifiers = identifiers.filter_map(|(at, identifier)| {
            self.inside(&format!("identifiers[{at}]."), |checks| {
                if identifier.kind == i32::from(pb::IdentifierKind::Id) {
                    checks.fault("kind", "a customer has one id: give it in customer_id");
                }
                checks.identifier(identifier)
            })
        });
        let identifiers = identifiers.collect();
        let count = customer.identifiers.len();
        if count > directory::IDENTIFIERS_MAX {
            let most = directory::IDENTIFIERS_MAX;
            self.fault("identifiers", format!("has {count} entries, at most {most} are allowed"));
        }
        self.customer_id(&customer.customer_id);
        self.line("tier", customer.tier.trim(), directory::TIER_CHARS_MAX);
        self.line("name", &customer.name, directory::NAME_CHARS_MAX);
        let bounds =
            (directory::ATTRIBUTES_MAX, directory::KEY_CHARS_MAX, directory::ATTRIBUTE_CHARS_MAX);
        self.pairs(&customer.attributes, bounds);
        for (key, value) in &customer.attributes {
            if value.chars().any(char::is_control) {
                let field = format!("attributes[{}]", echo(key));
                self.fault(&field, "has control characters, none are allowed");
            }
        }
        directory::Customer {
            id: customer.customer_id.clone(),
            tier: Some(customer.tier.clone()).filter(|tier| !tier.trim().is_empty()),
            name: Some(customer.name.clone()).filter(|name| !name.is_empty()),
            identifiers,
            attributes: customer.attributes.clone(),
        }
    }

    /// The id of a customer.
    pub(super) fn customer_id(&mut self, id: &str) {
        self.filled("customer_id", id, directory::VALUE_CHARS_MAX);
    }

    /// A line that is not blank.
    pub(super) fn filled(&mut self, field: &str, text: &str, chars_max: usize) {
        if text.trim().is_empty() {
            self.fault(field, "is required");
        }
        // Outer spaces do not count, as the directory takes them away.
        self.line(field, text.trim(), chars_max);
    }

    pub(super) fn capacity(&mut self, capacity: u32) -> u16 {
        if capacity > CAPACITY_MAX {
            self.fault("capacity", format!("{capacity} is not 1 to {CAPACITY_MAX}"));
        }
        u16::try_from(capacity.clamp(1, CAPACITY_MAX)).expect("it is at most 100")
    }

    /// The names of the pools of an agent: at least one.
    pub(super) fn pools(&mut self, pools: &[String]) {
        let count = pools.len();
        if pools.is_empty() {
            self.fault("pools", "is required");
        } else if count > POOLS_MAX {
            self.fault("pools", format!("has {count} entries, at most {POOLS_MAX} are allowed"));
            return;
        }
        for (at, pool) in pools.iter().enumerate() {
            self.name(&format!("pools[{at}]"), pool);
        }
    }

    pub(super) fn page_size(&mut self, size: u32) -> usize {
        if size > PAGE_SIZE_MAX {
            self.fault("page_size", format!("{size} is not 1 to {PAGE_SIZE_MAX}"));
        }
        let size = if size == 0 { PAGE_SIZE_DEFAULT } else { size.min(PAGE_SIZE_MAX) };
        usize::try_from(size).expect("it is at most 500")
    }

    /// A page token that `parse` understands; `None` for the first page.
    pub(super) fn page_token<T>(
        &mut self,
        token: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if token.is_empty() {
            return None;
        }
        let place = Some(token).filter(|token| token.len() <= PAGE_TOKEN_BYTES_MAX).and_then(parse);
        if place.is_none() {
            self.fault("page_token", "is not a next_page_token of this list with these filters");
        }
        place
    }

    /// Where a list of customers goes on; `None` for its beginning. What the place means is for the
    /// directory to know: an id, or a place of its own.
    pub(super) fn customer_place<'a>(&mut self, token: &'a str) -> Option<&'a str> {
        if token.chars().count() > directory::VALUE_CHARS_MAX {
            self.fault("page_token", "is not a next_page_token of this list");
        }
        Some(token).filter(|token| !token.is_empty())
    }

    pub(super) fn queue_id(&mut self, queue_id: &str) -> Option<Box<str>> {
        if queue_id.len() > QUEUE_ID_BYTES_MAX {
            let size = queue_id.len();
            let most = QUEUE_ID_BYTES_MAX;
            self.fault("queue_id", format!("has {size} bytes, at most {most} are allowed"));
        }
        Some(queue_id).filter(|id| !id.is_empty()).map(Into::into)
    }
}

/// A piece of a value, quoted, for a message.
pub(super) fn echo(value: &str) -> String {
    match value.char_indices().nth(ECHO_CHARS_MAX) {
        None => format!("{value:?}"),
        Some((end, _)) => format!("{:?}...", &value[..end]),
    }
}

/// Whether it is a word in place of a telephone number, as networks send for callers who withhold theirs.
fn is_withheld(given: &pb::CustomerIdentifier) -> bool {
    let value = given.value.trim();
    given.kind == i32::from(pb::IdentifierKind::Phone)
        && (1..=directory::VALUE_CHARS_MAX).contains(&value.chars().count())
        && !value.chars().any(|c| c.is_ascii_digit() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Status;
    use tonic_types::StatusExt as _;

    fn faults(check: impl FnOnce(&mut Checks)) -> Vec<(String, String)> {
        let mut checks = Checks::default();
        check(&mut checks);
        let Err(fault) = checks.done() else { return Vec::new() };
        let details = Status::from(fault).get_error_details();
        let violations = &details.bad_request().expect("faults are violations").field_violations;
        violations.iter().map(|v| (v.field.clone(), v.description.clone())).collect()
    }

    fn duration(seconds: i64, nanos: i32) -> prost_types::Duration {
        prost_types::Duration { seconds, nanos }
    }

    #[test]
    fn every_fault_of_a_request_is_told_at_once_with_its_path() {
        let told = faults(|checks| {
            checks.ticket_id("a b");
            checks.inside("pull_next.", |checks| checks.agent_id(""));
            checks.channel(99);
        });
        assert_eq!(
            told,
            [
                ("ticket_id", r#""a b" is not 1 to 64 characters of A-Z a-z 0-9 . _ : -"#),
                ("pull_next.agent_id", "is required"),
                ("channel", "99 is not a value of Channel"),
            ]
            .map(|(field, description)| (field.to_owned(), description.to_owned()))
        );
    }

    #[test]
    fn lengths_count_characters_and_end_exactly_at_the_limit() {
        let check = |count: usize, fine: bool| {
            let subject = "ü".repeat(count);
            assert_eq!(faults(|checks| drop(checks.subject(&subject))).is_empty(), fine, "{count}");
        };
        check(SUBJECT_CHARS_MAX, true);
        check(SUBJECT_CHARS_MAX + 1, false);
        let id = |count| faults(|checks| checks.id("x", &"a".repeat(count))).is_empty();
        assert!(id(1) && id(64) && !id(65) && !id(0));
    }

    #[test]
    fn a_duration_is_checked_for_sense_and_range() {
        let ms = |duration: prost_types::Duration| {
            let mut checks = Checks::default();
            let ms = checks.duration_ms("by", &duration, &(1..=EXTEND_MS_MAX));
            checks.done().ok().map(|()| ms)
        };
        assert_eq!(ms(duration(1, 500_000_000)), Some(1500));
        assert_eq!(ms(duration(0, 1_000_000)), Some(1));
        assert_eq!(ms(duration(86_400, 0)), Some(EXTEND_MS_MAX));
        for bad in [
            duration(0, 0),
            duration(0, 999_999),
            duration(86_400, 1_000_000),
            duration(-1, 0),
            duration(2, -1),
            duration(0, 1_000_000_000),
            duration(i64::MAX, 0),
            duration(i64::MIN, i32::MIN),
        ] {
            assert_eq!(ms(bad), None, "{bad:?}");
        }
        let wait = |d: prost_types::Duration| {
            faults(|checks| assert!(checks.wait_ms(Some(&d), 60_000) >= 0)).is_empty()
        };
        assert!(wait(duration(0, 0)) && wait(duration(60, 0)));
        assert!(!wait(duration(60, 1_000_000)) && !wait(duration(0, -1)) && !wait(duration(-1, 0)));
    }

    #[test]
    fn a_customers_values_are_never_repeated() {
        let secret = "ada@example.com".to_owned();
        let customer = pb::Customer {
            customer_id: secret.repeat(20),
            tier: secret.repeat(20),
            identifiers: vec![pb::CustomerIdentifier { kind: 4, value: secret.repeat(20) }],
            attributes: BTreeMap::from([("address".to_owned(), secret.repeat(200))]),
            name: secret.repeat(20),
        };
        let told = faults(|checks| drop(checks.customer(&customer)));
        let fields: Vec<_> = told.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            fields,
            ["identifiers[0].value", "customer_id", "tier", "name", r#"attributes["address"]"#]
        );
        assert!(!format!("{told:?}").contains("ada"), "{told:?}");
    }

    #[test]
    fn the_faults_told_and_the_pieces_repeated_have_a_limit() {
        let told = faults(|checks| (0..99).for_each(|n| checks.fault(&n.to_string(), "bad")));
        assert_eq!(told.len(), VIOLATIONS_MAX);
        let told = faults(|checks| checks.id("x", &"ü".repeat(1000)));
        assert!(told[0].1.chars().count() < 150, "{told:?}");
    }
}
