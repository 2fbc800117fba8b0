//! Audits on demand, and the release of what they quarantined.

use super::Api;
use super::convert::{self, Payload, timestamp};
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::Checks;
use crate::driver::AuditFault;

impl Api {
    /// Audits everything, and tells what was found.
    pub(super) async fn audit_report(&self) -> Result<pb::AuditResponse, Fault> {
        let report = self.handle.audit().await.map_err(|refused| Fault::refused(refused, ""))?;
        let fault = |fault: AuditFault| pb::AuditFault {
            flaw: fault.flaw.name().to_owned(),
            ticket_id: fault.ticket.map(|id| id.to_string()).unwrap_or_default(),
            agent_id: fault.agent.map(|id| id.to_string()).unwrap_or_default(),
        };
        Ok(pb::AuditResponse {
            begun_at: Some(timestamp(report.begun_at)),
            took: report.took.try_into().ok(),
            ticket_count: report.ticket_count,
            agent_count: report.agent_count,
            timer_count: report.timer_count,
            fault_count: report.fault_count,
            faults: report.faults.into_iter().map(fault).collect(),
            quarantined_count: report.quarantined_count,
        })
    }

    /// Puts a quarantined ticket into its old place; the ticket as it is now.
    pub(super) async fn quarantined_released(&self, id: &str) -> Result<pb::Ticket, Fault> {
        let mut checks = Checks::default();
        let id = checks.ticket_id(id);
        checks.done()?;
        let seen = self.handle.release_quarantined(id.clone()).await;
        let seen = seen.map_err(|refused| Fault::refused(refused, id.as_str()))?;
        Ok(convert::ticket(&seen, Payload::LeftOut))
    }
}
