//! Why a command failed, in words for people, and the exit code that programs read.
//!
//! The codes are those of BSD's `sysexits.h`; `tierline --help` lists them.

use crate::api::proto::v1;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// A command that did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The arguments make no sense together, or a value is out of range.
    #[error("{0}")]
    Usage(String),
    /// A file's content is at fault, or part of it.
    #[error("{0}")]
    Data(String),
    /// Nobody listens where the server should be.
    #[error(
        "no server at {server}: start one with `tierline serve` (or `make run`), or name another with --server{cause}"
    )]
    NoServer {
        /// The address asked.
        server: String,
        /// What went wrong beyond nobody listening: empty, or ` (why)`.
        cause: String,
    },
    /// A directory that the command worked on directly does not do what it should.
    #[error("{0}")]
    NoDirectory(String),
    /// No answer in time; whether the server did what was asked is not known.
    #[error("no answer from {server} within {after}; ask again, or wait longer with --timeout")]
    TimedOut {
        /// The address asked.
        server: String,
        /// How long was waited, for people.
        after: String,
    },
    /// The server's answer was an error.
    #[error("{}", explained(.0))]
    Refused(Box<Status>),
    /// Something came between.
    #[error("{0}")]
    Denied(String),
    /// The server's answer lacks what the contract promises.
    #[error("the server's answer has no {0}: it is of another release than this program")]
    Answer(&'static str),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A server that the command started for itself failed.
    #[error(transparent)]
    Child(#[from] super::child::Failed),
    /// Standard output or the terminal could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[source] io::Error),
    /// All has been said already; only the exit code is left.
    #[error("")]
    Told(u8),
}

impl Fault {
    /// The exit code: 64 usage, 65 data, 66 no input, 69 unavailable, 74 output, 75 try again, 1 other.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::Data(_) => 65,
            Self::NoServer { .. } | Self::NoDirectory(_) => 69,
            Self::TimedOut { .. } => 75,
            Self::Refused(status) => match status.code() {
                Code::InvalidArgument | Code::OutOfRange => 64,
                Code::Unavailable => 69,
                Code::ResourceExhausted | Code::DeadlineExceeded | Code::Aborted => 75,
                _ => 1,
            },
            Self::Answer(_) | Self::Denied(_) | Self::Child(_) => 1,
            Self::File { .. } => 66,
            Self::Output(_) => 74,
            Self::Told(code) => *code,
        }
    }

    /// Whether whoever reads our output has gone: no failure, and nothing to say.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Whether the same may succeed a little later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::NoServer { .. } | Self::TimedOut { .. } => true,
            Self::Refused(status) => {
                matches!(status.code(), Code::Unavailable | Code::ResourceExhausted)
            }
            _ => false,
        }
    }

    /// The rule that refused, if it was one.
    pub(crate) fn reason(&self) -> Option<v1::ErrorReason> {
        let Self::Refused(status) = self else {
            return None;
        };
        let info = status.get_details_error_info()?;
        v1::ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason))
    }
}

impl From<Status> for Fault {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status))
    }
}

/// A status in words: every field at fault, the limit that is reached, and what to do about it.
fn explained(status: &Status) -> String {
    let details = status.get_error_details();
    let mut text = String::new();
    for violation in details.bad_request().iter().flat_map(|bad| &bad.field_violations) {
        let newline = if text.is_empty() { "" } else { "\n" };
        let _ = write!(text, "{newline}{}: {}", violation.field, violation.description);
        if ["tier", "pool", "pools"].iter().any(|name| violation.field.starts_with(name)) {
            text.push_str("; see `tierline policy show`");
        }
    }
    if text.is_empty() {
        text.push_str(status.message());
    }
    if text.is_empty() {
        text = format!("the server says {:?}", status.code()).to_lowercase();
    }
    for violation in details.quota_failure().iter().flat_map(|quota| &quota.violations) {
        if !text.contains(&violation.description) {
            let _ = write!(text, "\n{}: {}", violation.subject, violation.description);
        }
    }
    if let Some(refused) = crate::api::offered::of_status(status) {
        let _ = write!(text, "\n{}", super::offered::instead(refused));
    }
    let reason = details
        .error_info()
        .and_then(|info| v1::ErrorReason::from_str_name(&format!("ERROR_REASON_{}", info.reason)));
    if let Some(hint) = reason.and_then(hint) {
        let _ = write!(text, "\n{hint}");
    } else if let Some(delay) = details.retry_info().and_then(|retry| retry.retry_delay) {
        let ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        let _ = write!(text, "\ntry again in {}", super::humane::duration(ms));
    }
    text
}

/// What to do about a refusal, where a command of ours helps.
pub(crate) fn hint(reason: v1::ErrorReason) -> Option<&'static str> {
    use v1::ErrorReason as Reason;
    Some(match reason {
        Reason::TicketQuarantined => {
            "see `tierline ticket explain`; release it with `tierline audit --release`, or cancel it"
        }
        Reason::AgentNotFound => {
            "make the agent with `tierline agents put ID --pool POOL`, or see `tierline agents list`"
        }
        Reason::CustomerNotFound => {
            "add the customer with `tierline customers put`, or many with `tierline customers import`"
        }
        Reason::TicketNotFound => "see `tierline ticket list`",
        Reason::TicketExists => "choose another --id, or see `tierline ticket get ID`",
        Reason::BulkCountChanged => "look again with --dry-run, and expect what it tells",
        Reason::AgentDraining => {
            "the agent finishes what is held and is given nothing new; make the agent available with \
             `tierline agents available ID`"
        }
        Reason::AgentAway => "make the agent available with `tierline agents available ID`",
        Reason::AgentHoldsTickets => {
            "complete or give back what the agent holds first; see `tierline agents get ID`"
        }
        Reason::LimitReached => "see the limit in the server's settings under [limits]",
        Reason::DiskFull => {
            "make room on the server's disk; nothing is lost, and work goes on then"
        }
        Reason::AgentStreams => {
            "end the agent's Work stream first, or let its owner accept what is offered"
        }
        Reason::OfferAccepted => "give the ticket back with its lease token",
        Reason::Overloaded
        | Reason::ShuttingDown
        | Reason::StreamLost
        | Reason::CustomerChanged => "try again in a moment",
        Reason::DirectoryUnavailable => {
            "is Redis running? tickets are accepted all the same; try this again later"
        }
        Reason::DirectoryReadOnly => "write to the system that owns the Redis cluster",
        Reason::TicketNotWaiting => "take it back first with `tierline supervise requeue ID`",
        Reason::AgentFull => {
            "give the agent more capacity with `tierline agents put`, or take a ticket back"
        }
        Reason::TicketNotCompleted => "complete it first",
        Reason::PolicyNotFound => "see `tierline policy versions`",
        Reason::PolicyNotExpected => "see what is in force with `tierline policy show`",
        Reason::PolicyVersionTaken => "change `version` in the file",
        Reason::PolicyStrands => "see `tierline policy diff FILE`",
        Reason::EventNotKept => "see what is kept with `tierline events --from 0`",
        Reason::ReaderTooSlow => "go on with `tierline events --from` and that number",
        Reason::FarewellNotProposed => "propose it with `tierline customers farewell propose`",
        Reason::FarewellSamePerson => {
            "somebody else has to confirm it; see who proposed it with `tierline customers get ID`"
        }
        Reason::FarewellDecided => "take it back first with `tierline customers farewell withdraw`",
        Reason::CustomerMalformed => "put the customer again with `tierline customers put`",
        Reason::Unspecified
        | Reason::InvalidField
        | Reason::TicketCompleted
        | Reason::TicketCancelled
        | Reason::TicketExpired
        | Reason::NotCallable
        | Reason::LeaseEnded
        | Reason::LeaseSuperseded
        | Reason::LeaseTokenUnknown
        | Reason::OfferEnded
        | Reason::OfferNotAccepted
        | Reason::StreamReplaced
        | Reason::ChannelNotOffered
        | Reason::FarewellExempt
        | Reason::HistoryUnreadable => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use tonic_types::ErrorDetails;

    #[test]
    fn every_field_at_fault_is_named_and_the_code_is_usage() {
        let mut details = ErrorDetails::new();
        details.add_bad_request_violation("subject", "has 300 characters, 200 are allowed");
        details.add_bad_request_violation("tier", "the policy has no tier \"gould\"");
        let status = Status::with_error_details(Code::InvalidArgument, "invalid", details);
        let fault = Fault::from(status);
        assert_eq!(
            fault.to_string(),
            "subject: has 300 characters, 200 are allowed\n\
             tier: the policy has no tier \"gould\"; see `tierline policy show`"
        );
        assert_eq!(fault.exit_code(), 64);
    }

    #[test]
    fn a_refusal_says_what_to_do() {
        let details = ErrorDetails::with_error_info("AGENT_AWAY", "tierline", HashMap::new());
        let status =
            Status::with_error_details(Code::FailedPrecondition, "agent ada is away", details);
        let fault = Fault::from(status);
        assert_eq!(fault.reason(), Some(v1::ErrorReason::AgentAway));
        assert_eq!(
            fault.to_string(),
            "agent ada is away\nmake the agent available with `tierline agents available ID`"
        );
        assert_eq!(fault.exit_code(), 1);
    }

    #[test]
    fn what_may_pass_is_told_from_what_will_not() {
        assert!(Fault::from(Status::unavailable("stopping")).is_passing());
        assert!(!Fault::from(Status::invalid_argument("no")).is_passing());
        assert_eq!(Fault::from(Status::resource_exhausted("full")).exit_code(), 75);
        assert_eq!(Fault::from(Status::unavailable("gone")).exit_code(), 69);
    }
}
