//! Causes become answers: one place maps everything that can go wrong to gRPC codes with google.rpc
//! details.

use super::limits::queue_max_name;
use super::offered;
use super::proto::v1::{self as pb, ErrorReason};
use crate::directory;
use crate::driver::Refused;
use crate::engine::command::Rejection;
use crate::engine::model::Policy;
use crate::engine::{Impact, Stranded};
use crate::journal::{FinishedRow, FinishedState};
use std::collections::HashMap;
use std::time::Duration;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// Whose reasons `ErrorInfo` carries.
pub const DOMAIN: &str = "tierline";

/// A batch takes milliseconds: by then the driver has taken what waits.
const RETRY_BUSY: Duration = Duration::from_millis(100);
/// The driver looks for space, and the directory for its store, once a second.
const RETRY_OUTAGE: Duration = Duration::from_secs(1);
/// Live tickets and agents become fewer as people work, not sooner.
const RETRY_LIMIT: Duration = Duration::from_secs(5);
/// Most violations that the message itself lists; all of them are in the details.
const LISTED_MAX: usize = 4;

/// Why a call fails, on its way to a status or to a message inside a stream.
#[derive(Debug)]
pub(super) struct Fault(Box<Told>);

#[derive(Debug)]
struct Told {
    code: Code,
    reason: ErrorReason,
    message: String,
    field: String,
    metadata: HashMap<String, String>,
    details: ErrorDetails,
    not_offered: Option<pb::ChannelNotOffered>,
}

impl Fault {
    fn new(code: Code, reason: ErrorReason, message: impl Into<String>) -> Self {
        Self(Box::new(Told {
            code,
            reason,
            message: message.into(),
            field: String::new(),
            metadata: HashMap::new(),
            details: ErrorDetails::new(),
            not_offered: None,
        }))
    }

    /// These fields are missing, too large, malformed or unknown; there is at least one.
    pub(super) fn fields(violations: Vec<FieldViolation>) -> Self {
        let listed = violations.iter().take(LISTED_MAX);
        let listed: Vec<_> = listed.map(|v| format!("{}: {}", v.field, v.description)).collect();
        let mut message = listed.join("; ");
        if violations.len() > LISTED_MAX {
            let more = violations.len() - LISTED_MAX;
            message = format!("{message}; and {more} more");
        }
        let mut fault = Self::new(Code::InvalidArgument, ErrorReason::InvalidField, message);
        fault.0.field = violations.first().map(|v| v.field.clone()).unwrap_or_default();
        fault.0.details.set_bad_request(violations);
        fault
    }

    /// This one field is at fault.
    pub(super) fn field(field: &str, description: impl Into<String>) -> Self {
        Self::fields(vec![FieldViolation::new(field, description)])
    }

    /// There is no such ticket.
    pub(super) fn ticket_not_found(id: &str) -> Self {
        Self::refused(Refused::Rule(Rejection::TicketNotFound), id)
    }

    /// It is too late for a ticket of the history.
    pub(super) fn ticket_ended(row: &FinishedRow) -> Self {
        let rejection = match row.state {
            FinishedState::Completed => Rejection::TicketCompleted,
            FinishedState::Cancelled => Rejection::TicketCancelled,
            FinishedState::Expired => Rejection::TicketExpired,
        };
        Self::refused(Refused::Rule(rejection), row.id.as_str())
    }

    /// There is no such agent.
    pub(super) fn agent_not_found(id: &str) -> Self {
        Self::refused(Refused::Rule(Rejection::AgentNotFound), id)
    }

    /// There is no such customer. Who was asked for is personal, and not repeated.
    pub(super) fn customer_not_found() -> Self {
        let fault = Self::new(Code::NotFound, ErrorReason::CustomerNotFound, "no such customer");
        fault.not_found("customer", "")
    }

    /// The directory does not answer.
    pub(super) fn directory_unavailable() -> Self {
        let reason = ErrorReason::DirectoryUnavailable;
        Self::new(Code::Unavailable, reason, "the customer directory does not answer")
            .retry(RETRY_OUTAGE)
    }

    /// The history cannot be read.
    pub(super) fn history_unreadable() -> Self {
        Self::refused(Refused::Unreadable, "")
    }

    /// A text of a policy with these faults.
    pub(super) fn fields_of(field: &str, faults: Vec<String>) -> Self {
        let faults = faults.into_iter().take(super::validate::VIOLATIONS_MAX);
        Self::fields(faults.map(|fault| FieldViolation::new(field, fault)).collect())
    }

    /// No version of the policy has that name.
    pub(super) fn policy_not_found(version: &str) -> Self {
        let text = format!("no version {version:?} of the policy is known");
        let fault = Self::new(Code::NotFound, ErrorReason::PolicyNotFound, text);
        fault.not_found("policy", version)
    }

    /// The policy would leave these tickets behind.
    pub(super) fn policy_strands(impact: &Impact) -> Self {
        let count: u64 = impact.stranded.iter().map(|stranded| stranded.count).sum();
        let mut listed = Vec::new();
        let mut details = ErrorDetails::new();
        for stranded in &impact.stranded {
            let Stranded { tier, pools, skill, count, tickets } = stranded;
            let why = if let Some(skill) = skill {
                format!("the policy has no skill {skill}")
            } else if pools.is_empty() {
                "the policy has no such tier".to_owned()
            } else {
                let pools: Vec<_> = pools.iter().map(ToString::to_string).collect();
                format!("nobody is in {}", pools.join(", "))
            };
            let ids: Vec<_> = tickets.iter().map(ToString::to_string).collect();
            let text = format!("{count} of tier {tier}: {why}: {}", ids.join(", "));
            details.add_precondition_failure_violation("STRANDED", format!("tier {tier}"), &text);
            listed.push(text);
        }
        listed.truncate(LISTED_MAX);
        let text = format!("{count} live tickets would be left behind: {}", listed.join("; "));
        let mut fault = Self::new(Code::FailedPrecondition, ErrorReason::PolicyStrands, text);
        fault.0.details = details;
        fault
    }

    /// The event is no longer in the journal.
    pub(super) fn event_not_kept(wanted: u64, first: u64) -> Self {
        let text = format!("event {wanted} is no longer kept; the first that is kept is {first}");
        Self::new(Code::OutOfRange, ErrorReason::EventNotKept, text).told("first_kept", first)
    }

    /// The event that made a decision is not in the journal, any more or yet.
    pub(super) fn decision_not_kept(wanted: u64, first: u64) -> Self {
        let text = format!("event {wanted} is not kept; the first that is kept is {first}");
        Self::new(Code::NotFound, ErrorReason::EventNotKept, text).told("first_kept", first)
    }

    /// The event is further ahead than the next one.
    pub(super) fn event_ahead(wanted: u64, next: u64) -> Self {
        let text = format!("event {wanted} is ahead of the journal; the next one is {next}");
        Self::new(Code::OutOfRange, ErrorReason::EventNotKept, text).told("next", next)
    }

    /// The reader has taken nothing for so long.
    pub(super) fn reader_too_slow(patience: Duration, resume_from: u64) -> Self {
        let text = format!("nothing was taken for {patience:?}; go on from event {resume_from}");
        let fault = Self::new(Code::Aborted, ErrorReason::ReaderTooSlow, text);
        fault.told("resume_from", resume_from)
    }

    /// Another number of tickets passes a filter than was expected.
    pub(super) fn bulk_changed(expected: u64, found: u64) -> Self {
        let text = format!("{found} tickets pass the filter, {expected} were expected");
        Self::new(Code::FailedPrecondition, ErrorReason::BulkCountChanged, text)
    }

    /// The server is stopping.
    pub(super) fn stopping() -> Self {
        Self::refused(Refused::Stopping, "")
    }

    /// Nothing was heard on a Work stream for too long, or what was sent on it was not read.
    pub(super) fn stream_lost(message: &str) -> Self {
        Self::new(Code::Unavailable, ErrorReason::StreamLost, message).retry(RETRY_BUSY)
    }

    /// A newer Work stream of the same agent goes on.
    pub(super) fn stream_replaced() -> Self {
        let message = "a newer stream of the same agent took this one's place";
        Self::new(Code::Aborted, ErrorReason::StreamReplaced, message)
    }

    /// A limit of `GetServerInfo` is reached: as much is there as may be, and there is no telling for how
    /// long.
    pub(super) fn limit(name: &str, max: u64, message: impl Into<String>) -> Self {
        Self::new(Code::ResourceExhausted, ErrorReason::LimitReached, message)
            .quota(name, max)
            .retry(RETRY_LIMIT)
    }

    /// The same where it is known how much there is, and when there should be a place: in milliseconds.
    pub(super) fn measured(self, present: u64, retry_ms: i64) -> Self {
        let delay = Duration::from_millis(retry_ms.unsigned_abs());
        self.told("current", present).retry(delay)
    }

    /// A submit that the driver or the rules refuse, with the names of `policy`.
    pub(super) fn submit(refused: Refused, id: &str, policy: &Policy) -> Self {
        match refused {
            Refused::Full {
                limit: Rejection::QueueFull { tier, channel, max },
                present,
                retry_ms,
            } => {
                let name = queue_max_name(policy, tier, channel);
                Self::queue_full(&name, max).measured(present, retry_ms)
            }
            other => Self::refused(other, id),
        }
    }

    fn queue_full(name: &str, max: u64) -> Self {
        Self::limit(name, max, format!("the queue is full: {name} is {max}, and as many wait"))
    }

    /// What the driver or the rules refuse; `id` is the ticket or agent that the call is about.
    pub(super) fn refused(refused: Refused, id: &str) -> Self {
        let fault = |code, reason| Self::new(code, reason, refused.to_string());
        match refused {
            Refused::Rule(rejection) => Self::rejected(rejection, id),
            Refused::Full { limit, present, retry_ms } => {
                Self::rejected(limit, id).measured(present, retry_ms)
            }
            Refused::Busy { max } => fault(Code::ResourceExhausted, ErrorReason::Overloaded)
                .quota("commands_max", max as u64)
                .retry(RETRY_BUSY),
            Refused::NoSpace => fault(Code::ResourceExhausted, ErrorReason::DiskFull)
                .violated("journal", "the journal has no space left")
                .retry(RETRY_OUTAGE),
            Refused::Watched { max } => {
                Self::limit("watchers_max", max as u64, refused.to_string())
            }
            Refused::Unreadable => {
                fault(Code::Unavailable, ErrorReason::HistoryUnreadable).retry(RETRY_OUTAGE)
            }
            Refused::Stopping | Refused::JournalFailed => {
                fault(Code::Unavailable, ErrorReason::ShuttingDown).retry(RETRY_OUTAGE)
            }
        }
    }

    fn rejected(rejection: Rejection, id: &str) -> Self {
        let fault = |code, reason| Self::new(code, reason, format!("{rejection}: {id:?}"));
        let gone = |reason| fault(Code::FailedPrecondition, reason);
        match rejection {
            Rejection::TicketNotFound => {
                fault(Code::NotFound, ErrorReason::TicketNotFound).not_found("ticket", id)
            }
            Rejection::TicketExists => {
                let fault = fault(Code::AlreadyExists, ErrorReason::TicketExists);
                fault.resource("ticket", id, "it was submitted with other content")
            }
            Rejection::TicketCompleted => gone(ErrorReason::TicketCompleted),
            Rejection::TicketCancelled => gone(ErrorReason::TicketCancelled),
            Rejection::TicketExpired => gone(ErrorReason::TicketExpired),
            Rejection::TicketQuarantined => gone(ErrorReason::TicketQuarantined),
            Rejection::LeaseEnded => gone(ErrorReason::LeaseEnded),
            Rejection::LeaseSuperseded => gone(ErrorReason::LeaseSuperseded),
            Rejection::TokenUnknown => {
                let mut fault = Self::field("lease_token", rejection.to_string());
                fault.0.reason = ErrorReason::LeaseTokenUnknown;
                fault
            }
            Rejection::TicketNotCompleted => gone(ErrorReason::TicketNotCompleted),
            Rejection::OfferEnded => gone(ErrorReason::OfferEnded),
            Rejection::OfferAccepted => gone(ErrorReason::OfferAccepted),
            Rejection::OfferNotAccepted => gone(ErrorReason::OfferNotAccepted),
            Rejection::AgentStreams => gone(ErrorReason::AgentStreams),
            Rejection::AgentNotFound => {
                fault(Code::NotFound, ErrorReason::AgentNotFound).not_found("agent", id)
            }
            Rejection::TicketNotWaiting => gone(ErrorReason::TicketNotWaiting),
            Rejection::AgentFull => gone(ErrorReason::AgentFull),
            Rejection::AgentAway => gone(ErrorReason::AgentAway),
            Rejection::AgentDraining => gone(ErrorReason::AgentDraining),
            Rejection::AgentBusy => gone(ErrorReason::AgentHoldsTickets),
            Rejection::PoolNotFound => Self::field("pools", rejection.to_string()),
            Rejection::SkillNotFound { at } => {
                Self::field(&format!("skills[{at}].skill"), rejection.to_string())
            }
            Rejection::OnlyAgentNotFound => Self::field("only_agent_id", rejection.to_string()),
            Rejection::QueueLimit { max } => {
                Self::limit("queues_max", max as u64, rejection.to_string())
            }
            Rejection::TierNotFound => Self::field("tier", rejection.to_string()),
            Rejection::ExtensionOutOfRange => Self::field("by", rejection.to_string()),
            Rejection::NotCallable => gone(ErrorReason::NotCallable),
            Rejection::DueTooEarly => Self::field("due_at", rejection.to_string()),
            Rejection::ScheduleOutOfRange => Self::field("not_before", rejection.to_string()),
            Rejection::ParkOutOfRange { .. } => Self::field("for_at_most", rejection.to_string()),
            Rejection::TicketLimit { max } => {
                Self::limit("tickets_max", max, rejection.to_string())
            }
            Rejection::QueueFull { channel, max, .. } => {
                Self::queue_full(&format!("queue_max.{}", channel.name()), max)
            }
            Rejection::ChannelNotOffered { .. } => gone(ErrorReason::ChannelNotOffered),
            Rejection::AgentLimit { max } => Self::limit("agents_max", max, rejection.to_string()),
            Rejection::PolicyNotExpected => gone(ErrorReason::PolicyNotExpected),
            Rejection::PolicyVersionTaken => gone(ErrorReason::PolicyVersionTaken),
            Rejection::PolicyStrands { .. } | Rejection::PolicyStrandsSkill { .. } => {
                gone(ErrorReason::PolicyStrands)
            }
            Rejection::PolicyStrandsTickets { .. } => {
                unreachable!("policies are applied at the start, by no call")
            }
        }
    }

    /// A step of a farewell that cannot be taken: `PreconditionFailure` has the attribute or field, and why.
    pub(super) fn farewell(reason: ErrorReason, subject: &str, text: &str) -> Self {
        let mut fault = Self::new(Code::FailedPrecondition, reason, text);
        subject.clone_into(&mut fault.0.field);
        fault.0.details.add_precondition_failure_violation("FAREWELL", subject, text);
        fault
    }

    /// Somebody else changed the customer meanwhile.
    pub(super) fn customer_changed() -> Self {
        let text = "the customer was changed at the same moment: ask again";
        Self::new(Code::Aborted, ErrorReason::CustomerChanged, text).retry(RETRY_BUSY)
    }

    /// What the directory could not do. Its own words go into the log alone: they name paths.
    pub(super) fn directory(error: &directory::Error) -> Self {
        match error {
            // The value is the customer's, and is not repeated.
            directory::Error::Invalid(invalid) => {
                Self::field("customer", format!("{} is not {}", invalid.field, invalid.range))
            }
            directory::Error::Malformed { .. } => Self::new(
                Code::FailedPrecondition,
                ErrorReason::CustomerMalformed,
                "what the directory holds under this id is not a customer",
            ),
            directory::Error::ReadOnlyCluster { .. } => Self::new(
                Code::FailedPrecondition,
                ErrorReason::DirectoryReadOnly,
                "the customer directory is only read here",
            ),
            directory::Error::Url { .. }
            | directory::Error::NotConnected { .. }
            | directory::Error::Redis { .. }
            | directory::Error::TimedOut { .. }
            | directory::Error::Sqlite { .. }
            | directory::Error::TooNew { .. } => {
                tracing::warn!(%error, "the customer directory does not answer");
                Self::directory_unavailable()
            }
        }
    }

    /// The same fault told of a request inside another: `prefix` goes before every field.
    pub(super) fn within(mut self, prefix: &str) -> Self {
        let Some(request) = self.0.details.bad_request() else { return self };
        let inside = |v: &FieldViolation| {
            FieldViolation::new(format!("{prefix}{}", v.field), v.description.clone())
        };
        let violations: Vec<_> = request.field_violations.iter().map(inside).collect();
        let reason = self.0.reason;
        self = Self::fields(violations);
        self.0.reason = reason;
        self
    }

    fn resource(mut self, kind: &str, id: &str, what: &str) -> Self {
        self.0.details.set_resource_info(kind, id, "", what);
        self
    }

    fn not_found(self, kind: &str, id: &str) -> Self {
        self.resource(kind, id, "not found")
    }

    fn quota(mut self, name: &str, max: u64) -> Self {
        self.0.metadata.insert("limit".to_owned(), name.to_owned());
        self.0.metadata.insert("value".to_owned(), max.to_string());
        self.0.metadata.insert("current".to_owned(), max.to_string());
        self.violated(name, &format!("the limit is {max}"))
    }

    fn violated(mut self, subject: &str, description: &str) -> Self {
        self.0.details.add_quota_failure_violation(subject, description);
        self
    }

    /// What is offered instead of the channel that was asked for.
    pub(super) fn offered_instead(mut self, instead: pb::ChannelNotOffered) -> Self {
        self.0.not_offered = Some(instead);
        self
    }

    /// A number for programs.
    fn told(mut self, name: &str, value: u64) -> Self {
        self.0.metadata.insert(name.to_owned(), value.to_string());
        self
    }

    fn retry(mut self, after: Duration) -> Self {
        self.0.details.set_retry_info(Some(after));
        self
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        let Told { code, reason, message, metadata, mut details, not_offered, .. } = *fault.0;
        let reason = reason.as_str_name().trim_start_matches("ERROR_REASON_");
        details.set_error_info(reason, DOMAIN, metadata);
        let status = Self::with_error_details(code, &*message, details);
        match not_offered {
            None => status,
            Some(not_offered) => {
                let details = offered::beside(status.details(), &not_offered);
                Self::with_details(code, message, details)
            }
        }
    }
}

impl From<Fault> for pb::Error {
    fn from(fault: Fault) -> Self {
        let Told { code, reason, message, field, not_offered, .. } = *fault.0;
        let reason = reason.into();
        Self { code: code.into(), message, field, reason, channel_not_offered: not_offered }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_told_with_name_value_and_when_to_come_back() {
        let refused = Refused::Rule(Rejection::TicketLimit { max: 7 });
        let status = Status::from(Fault::refused(refused, "T-1"));
        assert_eq!(status.code(), Code::ResourceExhausted);
        let details = status.get_error_details();
        let info = details.error_info().expect("every refusal has a reason");
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("LIMIT_REACHED", "tierline"));
        assert_eq!(
            (info.metadata["limit"].as_str(), info.metadata["value"].as_str()),
            ("tickets_max", "7")
        );
        assert_eq!(details.quota_failure().unwrap().violations[0].subject, "tickets_max");
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(RETRY_LIMIT));
    }

    #[test]
    fn a_driver_that_is_busy_is_a_limit_for_a_moment() {
        let status = Status::from(Fault::refused(Refused::Busy { max: 3 }, ""));
        assert_eq!(status.code(), Code::ResourceExhausted);
        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.metadata["value"].as_str()), ("OVERLOADED", "3"));
        assert_eq!(details.quota_failure().unwrap().violations[0].subject, "commands_max");
        assert_eq!(details.retry_info().unwrap().retry_delay, Some(RETRY_BUSY));
    }

    #[test]
    fn a_full_disk_is_resource_exhausted_and_says_so() {
        let status = Status::from(Fault::refused(Refused::NoSpace, ""));
        assert_eq!(status.code(), Code::ResourceExhausted);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "DISK_FULL");
        assert!(details.retry_info().is_some());
    }

    #[test]
    fn a_fault_inside_a_request_names_the_whole_path() {
        let fault = Fault::field("tier", "is none").within("ticket.");
        let error = pb::Error::from(fault);
        assert_eq!((error.field.as_str(), error.code), ("ticket.tier", 3));
        assert_eq!(error.message, "ticket.tier: is none");
    }

    #[test]
    fn what_the_directory_says_of_a_customer_is_not_repeated() {
        let secret = "ada@example.com ".repeat(20);
        let invalid = directory::Identifier::new(directory::IdentifierKind::Email, &secret);
        let fault = Fault::directory(&invalid.unwrap_err().into());
        assert!(!pb::Error::from(fault).message.contains("ada"));
    }
}
