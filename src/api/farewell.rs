//! The three steps of a farewell: proposed by one person, confirmed by another, taken back by anybody.
//!
//! Reads the customer, takes the step on its attributes and writes those alone, if they are still what the step
//! was decided on. What a step does is [`coding::farewell`]'s business; nothing is answered before it is stored.

use super::Api;
use super::proto::v1::{self as pb, ErrorReason};
use super::status::Fault;
use super::validate::{Checks, REASON_CHARS_MAX};
use crate::coding::farewell::{self, AGENT, DATE, KEYS, Proposal, Refusal};
use crate::coding::{AGENT_ATTRIBUTE, replacing};
use crate::directory::{ATTRIBUTES_MAX, Amendment, Customer};
use crate::engine::Engine;
use crate::engine::coding::Standing;
use crate::engine::coding::farewell::{self as rule, CONFIRMED_BY, NAME_CHARS_MAX, PROPOSED_BY};
use crate::engine::coding::rules::{Attributes, Day};
use crate::engine::coding::treatment::Who;
use crate::engine::model::AgentId;

/// How often a step is decided anew when somebody else changes the customer at the same moment.
const TRIES_MAX: usize = 3;

impl Api {
    pub(super) async fn propose_farewell_of(
        &self,
        request: &pb::ProposeFarewellRequest,
    ) -> Result<pb::Customer, Fault> {
        let mut checks = Checks::default();
        checks.customer_id(&request.customer_id);
        checks.filled("by", &request.by, NAME_CHARS_MAX);
        let agent = checks.agent_id(&request.agent_id);
        self.check_date(&mut checks, &request.transition_date);
        checks.filled("reason", &request.reason, REASON_CHARS_MAX);
        checks.done()?;
        let proposal = Proposal {
            by: request.by.trim(),
            agent: agent.as_str(),
            date: &request.transition_date,
            reason: request.reason.trim(),
        };
        let step = |now: &Attributes| farewell::proposed(now, &proposal);
        self.take_step(&request.customer_id, step, Some(AGENT)).await
    }

    pub(super) async fn confirm_farewell_of(
        &self,
        request: &pb::ConfirmFarewellRequest,
    ) -> Result<pb::ConfirmFarewellResponse, Fault> {
        let by = checked_by(&request.customer_id, &request.by)?;
        let today = self.today();
        let (agent, date) = (request.agent_id.trim(), request.transition_date.trim());
        let step = |now: &Attributes| {
            let next = farewell::confirmed(now, by, today)?;
            farewell::as_seen(now, agent, date).map(|()| next)
        };
        let customer = self.take_step(&request.customer_id, step, Some(AGENT_ATTRIBUTE)).await?;
        let agent_serves =
            self.is_served_by(customer.attributes.get(AGENT_ATTRIBUTE).map(|s| s.trim()));
        Ok(pb::ConfirmFarewellResponse { customer: Some(customer), agent_serves })
    }

    pub(super) async fn withdraw_farewell_of(
        &self,
        request: &pb::WithdrawFarewellRequest,
    ) -> Result<pb::Customer, Fault> {
        let by = checked_by(&request.customer_id, &request.by)?;
        let step = |now: &Attributes| farewell::withdrawn(now, by);
        self.take_step(&request.customer_id, step, None).await
    }

    fn today(&self) -> Day {
        Day::of(self.handle.clock().now())
    }

    fn check_date(&self, checks: &mut Checks, text: &str) {
        if text.is_empty() {
            checks.fault("transition_date", "is required");
            return;
        }
        let shown: String = text.chars().take(16).collect();
        match farewell::date_of(text) {
            None => {
                let fault = format!("{shown:?} is not a day such as 2027-03-31, up to 9999-12-31");
                checks.fault("transition_date", fault);
            }
            Some(day) if day < self.today() => {
                let fault = format!("{shown:?} is past: the present day, in UTC, is the first");
                checks.fault("transition_date", fault);
            }
            Some(_) => {}
        }
    }

    /// Refuses an agent who is not registered: the tickets would go to anybody.
    async fn check_agent(&self, id: &str) -> Result<(), Fault> {
        let agent = AgentId::new(id);
        let look = move |engine: &Engine, _| engine.roster().get(&agent).is_some();
        match self.handle.read(look).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::agent_not_found(id)),
            Err(refused) => Err(Fault::refused(refused, id)),
        }
    }

    /// Whether the policy in force gives the tickets of farewells of this agent to this agent.
    fn is_served_by(&self, agent: Option<&str>) -> bool {
        let view = self.handle.view();
        let treatment = &view.policy.coding.treatments[Standing::Farewell.index()];
        treatment.contact.as_ref().is_some_and(|contact| match &contact.who {
            Who::Customers => true,
            Who::Named(named) => Some(named.as_str()) == agent,
        })
    }

    /// Takes a step, after which the attribute `agent` must name somebody who is registered.
    async fn take_step(
        &self,
        id: &str,
        step: impl Fn(&Attributes) -> Result<Attributes, Refusal>,
        agent: Option<&str>,
    ) -> Result<pb::Customer, Fault> {
        for _ in 0..TRIES_MAX {
            let before = self.directory.get(id.trim()).await;
            let before = before.map_err(|error| Fault::directory(&error))?;
            let before = before.ok_or_else(Fault::customer_not_found)?;
            let attributes = step(&before.attributes).map_err(|refusal| refused(&refusal))?;
            if attributes == before.attributes {
                return Ok((&before).into());
            }
            if let Some(agent) = agent.and_then(|key| attributes.get(key)) {
                self.check_agent(agent).await?;
            }
            let after = Customer { attributes, ..before.clone() };
            let amendment = Amendment::between(&before, &after, &KEYS);
            let amended = self.directory.amend(&after, amendment).await;
            if amended.map_err(|error| Fault::directory(&error))? {
                return Ok((&after).into());
            }
        }
        Err(Fault::customer_changed())
    }
}

fn checked_by<'a>(customer_id: &str, by: &'a str) -> Result<&'a str, Fault> {
    let mut checks = Checks::default();
    checks.customer_id(customer_id);
    checks.filled("by", by, NAME_CHARS_MAX);
    checks.done()?;
    Ok(by.trim())
}

/// A customer that may not be stored in place of another.
pub(super) fn not_replacing(fault: &replacing::Fault) -> Fault {
    Fault::field(&format!("customer.attributes[{:?}]", fault.key), &*fault.text)
}

fn refused(refusal: &Refusal) -> Fault {
    let fault = |reason, subject, text: String| Fault::farewell(reason, subject, &text);
    match refusal {
        Refusal::Exempt => {
            let text = format!("no farewell: the customer's attribute {} is set", rule::STRATEGIC);
            fault(ErrorReason::FarewellExempt, rule::STRATEGIC, text)
        }
        Refusal::Proposed(by) => {
            let text = format!("another farewell is open: {PROPOSED_BY} = {by:?}");
            fault(ErrorReason::FarewellDecided, PROPOSED_BY, text)
        }
        Refusal::Confirmed(by) => {
            let text = format!("the farewell is decided: {CONFIRMED_BY} = {by:?}");
            fault(ErrorReason::FarewellDecided, CONFIRMED_BY, text)
        }
        Refusal::NotProposed => {
            let text = format!("no farewell is proposed: {PROPOSED_BY} names nobody");
            fault(ErrorReason::FarewellNotProposed, PROPOSED_BY, text)
        }
        Refusal::SamePerson(by) => {
            let text = format!(
                "by: a farewell takes two people, and {by:?} is who proposed it ({PROPOSED_BY})"
            );
            fault(ErrorReason::FarewellSamePerson, "by", text)
        }
        Refusal::Unseen(key, value) => {
            let text = format!("the proposal is not what was seen: {key} = {value:?}");
            fault(ErrorReason::FarewellNotProposed, key, text)
        }
        Refusal::Full(count) => {
            let text = format!(
                "attributes would be {count} once the farewell is confirmed: at most {ATTRIBUTES_MAX} are allowed"
            );
            Fault::field("customer", text)
        }
        Refusal::Outdated(key, value) => {
            let range = match *key {
                DATE => "a day that is not past",
                CONFIRMED_BY => "empty, as it is until somebody confirms",
                _ => "an agent",
            };
            let text = format!(
                "the proposal cannot be confirmed: {key} = {value:?} is not {range}; withdraw it, and propose anew"
            );
            fault(ErrorReason::FarewellNotProposed, key, text)
        }
    }
}
