//! What an audit of the running engine reports.

use crate::engine::model::{AgentId, TicketId, Time};
use crate::engine::quarantine::Flaw;
use std::time::Duration;

/// A whole audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// When it began.
    pub begun_at: Time,
    /// How long it took, in real time; the work went on beside it.
    pub took: Duration,
    /// Tickets looked at.
    pub ticket_count: u64,
    /// Agents looked at.
    pub agent_count: u64,
    /// Timers looked at.
    pub timer_count: u64,
    /// Faults found, each made harmless.
    pub fault_count: u64,
    /// The first of them.
    pub faults: Vec<AuditFault>,
    /// Tickets in quarantine when it ended, whenever they came there.
    pub quarantined_count: u64,
}

impl AuditReport {
    /// One that has just begun.
    pub(super) fn begun(now: Time) -> Self {
        Self {
            begun_at: now,
            took: Duration::ZERO,
            ticket_count: 0,
            agent_count: 0,
            timer_count: 0,
            fault_count: 0,
            faults: Vec::new(),
            quarantined_count: 0,
        }
    }
}

/// A fault that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditFault {
    /// What did not hold.
    pub flaw: Flaw,
    /// The ticket that was at fault and is quarantined now, if it was one.
    pub ticket: Option<TicketId>,
    /// The agent who was at fault, if it was one.
    pub agent: Option<AgentId>,
}
