//! The audit beside the work: a small step at a time, so that nobody waits for it; and a whole one when it is
//! asked for, in larger steps between the batches.

use super::super::{AuditFault, AuditReport, Delivery, Refused};
use super::{Driver, Phase};
use crate::clock::stopwatch;
use crate::engine::command::Event;
use crate::engine::model::Time;
use crate::engine::quarantine::Flaw;
use crate::engine::{Audit, Fault};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Tickets, agents or timers of one step on the timer: about a tenth of a millisecond.
const STEP: usize = 256;
/// And of one that is asked for: a millisecond or two between two batches.
const STEP_ASKED: usize = 2048;
/// Most faults that a report lists; all of them are counted, logged and made harmless.
pub(in crate::driver) const FAULTS_TOLD_MAX: usize = 100;

/// The shortest time between two repairs of the same flaw. Each that does not hold doubles it.
const AGAIN_AFTER_MIN: Duration = Duration::from_secs(60);
/// And the longest.
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(3600);

/// When which flaw was repaired: building everything anew takes as long as reading a snapshot, so what
/// does not hold is not tried again and again.
#[derive(Debug, Default)]
struct Repairs {
    last: BTreeMap<Flaw, (Instant, Duration)>,
}

impl Repairs {
    /// Whether the flaw may be repaired at `now`; if so, it counts as repaired then.
    fn may_repair(&mut self, flaw: Flaw, now: Instant) -> bool {
        let again_after = match self.last.get(&flaw) {
            None => AGAIN_AFTER_MIN,
            Some((at, pause)) if now.duration_since(*at) < *pause => return false,
            // It held for long: this is a new fault.
            Some((at, _)) if now.duration_since(*at) > 2 * AGAIN_AFTER_MAX => AGAIN_AFTER_MIN,
            Some((_, pause)) => (*pause * 2).min(AGAIN_AFTER_MAX),
        };
        self.last.insert(flaw, (now, again_after));
        true
    }
}

/// How far the audit has come, and who waits for its report.
pub(super) struct Auditing {
    audit: Audit,
    begun_at: Instant,
    stepped_at: Instant,
    report: AuditReport,
    asked: Vec<Delivery<AuditReport>>,
    repairs: Repairs,
}

impl Auditing {
    pub(super) fn new(now: Time) -> Self {
        Self {
            audit: Audit::default(),
            begun_at: stopwatch(),
            stepped_at: stopwatch(),
            report: AuditReport::begun(now),
            asked: Vec::new(),
            repairs: Repairs::default(),
        }
    }

    pub(super) fn is_asked_for(&self) -> bool {
        !self.asked.is_empty()
    }

    fn begin(&mut self, now: Time) {
        self.audit = Audit::default();
        self.begun_at = stopwatch();
        self.report = AuditReport::begun(now);
    }
}

impl Driver {
    /// Audits everything from the beginning; the answer comes when that is done.
    pub(super) fn audit_all(&mut self, now: Time, reply: Delivery<AuditReport>) {
        if self.phase >= Phase::Draining {
            self.answer(reply, Err(Refused::Stopping));
            return;
        }
        self.auditing.begin(now);
        self.auditing.asked.push(reply);
    }

    /// How long until the next step.
    pub(super) fn audit_due_in(&self) -> Duration {
        let every = Duration::from_millis(self.settings.audit_every_ms);
        every.saturating_sub(self.auditing.stepped_at.elapsed())
    }

    /// The next step of the audit, if it is due.
    pub(super) fn audit_some(&mut self, now: Time) {
        let is_asked = self.auditing.is_asked_for();
        if self.no_space {
            for reply in std::mem::take(&mut self.auditing.asked) {
                self.answer(reply, Err(Refused::NoSpace));
            }
            return;
        }
        if !is_asked && !self.audit_due_in().is_zero() {
            return;
        }
        self.auditing.stepped_at = stopwatch();
        let step = if is_asked { STEP_ASKED } else { STEP };
        for fault in self.engine.audit_step(&mut self.auditing.audit, step) {
            self.remedy(now, &fault);
        }
        if self.auditing.audit.is_over() {
            let mut report = std::mem::replace(&mut self.auditing.report, AuditReport::begun(now));
            let audit = &self.auditing.audit;
            report.ticket_count = audit.ticket_count;
            report.agent_count = audit.agent_count;
            report.timer_count = audit.timer_count;
            report.took = self.auditing.begun_at.elapsed();
            report.quarantined_count = self.engine.quarantined_count() as u64;
            for reply in std::mem::take(&mut self.auditing.asked) {
                self.answer(reply, Ok(report.clone()));
            }
            self.auditing.begin(now);
        }
    }

    /// Makes a fault harmless, and says so. One that the last repair did not mend is counted, and waits.
    fn remedy(&mut self, now: Time, fault: &Fault) {
        let is_repair = fault.ticket.is_none();
        let waits = is_repair && !self.auditing.repairs.may_repair(fault.flaw, stopwatch());
        let ticket = fault.ticket.and_then(|number| self.engine.ticket_numbered(number));
        let ticket = ticket.map(|ticket| ticket.id.clone());
        if waits {
            tracing::debug!(flaw = fault.flaw.name(), "the fault is there again; its repair waits");
        } else {
            tracing::error!(
                flaw = fault.flaw.name(),
                ticket = ticket.as_ref().map(tracing::field::display),
                agent = fault.agent.as_ref().map(tracing::field::display),
                "the audit found a fault: a ticket at fault is quarantined, all else is built anew"
            );
        }
        let report = &mut self.auditing.report;
        report.fault_count += 1;
        if report.faults.len() < FAULTS_TOLD_MAX {
            report.faults.push(AuditFault { flaw: fault.flaw, ticket, agent: fault.agent.clone() });
        }
        if !waits {
            self.happen(now, &Event::Audited(fault.remedy()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repair_that_does_not_hold_is_tried_again_after_twice_as_long_each_time() {
        let mut repairs = Repairs::default();
        let start = stopwatch();
        let mut tried = Vec::new();
        for second in 0..20_000 {
            if repairs.may_repair(Flaw::Counts, start + Duration::from_secs(second)) {
                tried.push(second);
            }
        }
        assert_eq!(tried, [0, 60, 180, 420, 900, 1860, 3780, 7380, 10980, 14580, 18180]);
        assert!(repairs.may_repair(Flaw::Stray, start), "another flaw has its own time");
        let much_later = start + Duration::from_secs(18_180 + 7_201);
        assert!(repairs.may_repair(Flaw::Counts, much_later));
        assert!(repairs.may_repair(Flaw::Counts, much_later + AGAIN_AFTER_MIN));
    }
}
