//! What supervisors do to single tickets: checked here, decided by the engine.

use super::Api;
use super::convert::{self, Payload};
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::{Checks, NAME_CHARS_MAX, echo};
use crate::driver::Refused;
use crate::engine::command::{Intervention, Rejection};
use crate::engine::life::Destination;

impl Api {
    /// The ticket after `action`. `checks` has the faults found so far.
    pub(super) async fn intervene(
        &self,
        mut checks: Checks,
        ticket_id: &str,
        action: Intervention,
        reason: &str,
        by: &str,
    ) -> Result<pb::Ticket, Fault> {
        let id = checks.ticket_id(ticket_id);
        let by = checks.line("by", by, NAME_CHARS_MAX);
        if reason.is_empty() {
            checks.fault("reason", "is required");
        }
        let reason = checks.reason(reason);
        checks.done()?;
        let agent = match &action {
            Intervention::Assign { agent }
            | Intervention::Move { to: Destination::Agent(agent), .. } => Some(agent.clone()),
            Intervention::MoveToFront
            | Intervention::Withdraw
            | Intervention::Requeue
            | Intervention::Move { .. } => None,
        };
        let pool = if let Intervention::Move { to: Destination::Pool(pool), .. } = &action {
            Some(pool.clone())
        } else {
            None
        };
        let done = self.handle.intervene(id.clone(), action, by, reason).await;
        let seen = done.map_err(|refused| match (&refused, &agent) {
            (Refused::Rule(Rejection::PoolNotFound), _) if pool.is_some() => {
                let pool = pool.unwrap_or_default();
                Fault::field("pool", format!("the policy has no pool {}", echo(&pool)))
            }
            // These are about the agent, and all others about the ticket.
            (
                Refused::Rule(
                    Rejection::AgentNotFound
                    | Rejection::AgentAway
                    | Rejection::AgentDraining
                    | Rejection::AgentFull,
                ),
                Some(agent),
            ) => Fault::refused(refused, agent.as_str()),
            (_, _) => Fault::refused(refused, id.as_str()),
        })?;
        Ok(convert::ticket(&seen, Payload::LeftOut))
    }
}
