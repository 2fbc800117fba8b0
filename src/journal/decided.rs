//! The decision by which a ticket was given to its last agent, in names, so that it means the same
//! under every later policy; and as the text that the history keeps of it.

use crate::engine::compared::ComparedHead;
use crate::engine::model::{
    AgentId, Assignment, Channel, Policy, PoolIx, Step, Ticket, TicketNumber, TierSource, Time,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// The steps of the rule by their names.
const STEPS: [Step; 6] = [
    Step::Floor,
    Step::AtRisk,
    Step::EarliestDeadline,
    Step::Fifo,
    Step::Priority,
    Step::Accumulated,
];

/// A decision of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Who got the ticket.
    pub agent: AgentId,
    /// On behalf of which pool; `None` once a later policy has dropped it.
    pub pool: Option<Arc<str>>,
    /// When.
    pub assigned_at: Time,
    /// The step of the rule that chose it.
    pub step: Step,
    /// Milliseconds that were left to the response deadline; negative when it had passed.
    pub slack_ms: i64,
    /// The policy that chose it.
    pub policy_version: Arc<str>,
    /// The tier it was served under.
    pub tier: Arc<str>,
    /// Where that tier came from.
    pub tier_source: TierSource,
    /// The heads that are remembered, the ticket's own among them; none if it was the only one.
    pub heads: Box<[DecidedHead]>,
    /// How many heads competed.
    pub heads_count: u32,
}

/// A head that competed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedHead {
    /// The ticket.
    pub ticket: TicketNumber,
    /// The tier of its queue.
    pub tier: Arc<str>,
    /// The channel of its queue.
    pub channel: Channel,
    /// The pools of its queue.
    pub pools: Box<[Arc<str>]>,
    /// What was left to its response deadline, in ms.
    pub slack_ms: i64,
    /// It was at risk.
    pub at_risk: bool,
    /// It was starving.
    pub starving: bool,
    /// The pool through which it would have been taken.
    pub via: Arc<str>,
    /// The pool whose reserve kept it back, if one did.
    pub held_by: Option<Arc<str>>,
}

impl Decided {
    /// The decision that an assignment of `ticket` under `policy` remembers.
    pub fn of(ticket: &Ticket, assignment: &Assignment, policy: &Policy) -> Self {
        let pool_name = |pool: PoolIx| policy.pool(pool).name.clone();
        let head = |head: &ComparedHead| DecidedHead {
            ticket: head.ticket,
            tier: policy.tier(head.tier).name.clone(),
            channel: head.channel,
            pools: head.pools.iter().map(pool_name).collect(),
            slack_ms: head.slack_ms,
            at_risk: head.at_risk,
            starving: head.starving,
            via: pool_name(head.via),
            held_by: head.held_by.map(pool_name),
        };
        let compared = assignment.compared.as_ref();
        let heads = compared.iter().flat_map(|compared| compared.heads.iter());
        let heads: Box<[_]> = heads.map(head).collect();
        let own = heads.iter().find(|head| head.ticket == ticket.number);
        Self {
            agent: assignment.agent.clone(),
            pool: assignment.pool.map(pool_name),
            assigned_at: assignment.assigned_at,
            step: assignment.step,
            slack_ms: assignment.slack_ms,
            policy_version: assignment.policy_version.clone(),
            tier: own.map_or_else(|| policy.tier(ticket.tier).name.clone(), |own| own.tier.clone()),
            tier_source: ticket.tier_source,
            heads_count: compared.map_or(1, |compared| compared.heads_count),
            heads,
        }
    }

    /// As the history keeps it: what the row says otherwise is left out, and a head is a list.
    pub(super) fn to_json(&self) -> String {
        let head = |head: &DecidedHead| {
            let marks = match (head.at_risk, head.starving) {
                (false, false) => "",
                (true, false) => "r",
                (false, true) => "s",
                (true, true) => "rs",
            };
            json!([
                head.ticket.0,
                head.queue_id(),
                head.slack_ms,
                marks,
                &*head.via,
                head.held_by.as_deref(),
            ])
        };
        let mut told = json!({
            "at": self.assigned_at.0,
            "step": self.step.name(),
            "slack_ms": self.slack_ms,
            "policy": &*self.policy_version,
            "tier": &*self.tier,
        });
        if !self.heads.is_empty() {
            told["heads"] = self.heads.iter().map(head).collect();
            told["of"] = self.heads_count.into();
        }
        told.to_string()
    }

    /// What [`Decided::to_json`] made; `None` if it is not that. The rest is the row's.
    pub(super) fn from_json(
        text: &str,
        agent: AgentId,
        pool: Option<Arc<str>>,
        tier_source: TierSource,
    ) -> Option<Self> {
        let told: Value = serde_json::from_str(text).ok()?;
        let heads = match told.get("heads") {
            None => Box::default(),
            Some(heads) => heads.as_array()?.iter().map(head_of).collect::<Option<_>>()?,
        };
        let heads_count = told.get("of").map_or(Some(1), Value::as_u64)?;
        Some(Self {
            agent,
            pool,
            assigned_at: Time(told["at"].as_i64()?),
            step: STEPS.into_iter().find(|step| Some(step.name()) == told["step"].as_str())?,
            slack_ms: told["slack_ms"].as_i64()?,
            policy_version: told["policy"].as_str()?.into(),
            tier: told["tier"].as_str()?.into(),
            tier_source,
            heads,
            heads_count: u32::try_from(heads_count).ok()?,
        })
    }
}

impl DecidedHead {
    /// Its queue by tier, channel and pools.
    pub fn queue_id(&self) -> String {
        format!("{}/{}/{}", self.tier, self.channel.name(), self.pools.join("+"))
    }
}

fn head_of(told: &Value) -> Option<DecidedHead> {
    let mut queue = told[1].as_str()?.splitn(3, '/');
    let (tier, channel, pools) = (queue.next()?, queue.next()?, queue.next()?);
    let marks = told[3].as_str()?;
    Some(DecidedHead {
        ticket: TicketNumber(told[0].as_u64()?),
        tier: tier.into(),
        channel: Channel::ALL.into_iter().find(|known| known.name() == channel)?,
        pools: pools.split('+').filter(|pool| !pool.is_empty()).map(Into::into).collect(),
        slack_ms: told[2].as_i64()?,
        at_risk: marks.contains('r'),
        starving: marks.contains('s'),
        via: told[4].as_str()?.into(),
        held_by: told[5].as_str().map(Into::into),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_read_back_from_the_text_that_the_history_keeps() {
        let head = |number, tier: &str, held_by: Option<&str>| DecidedHead {
            ticket: TicketNumber(number),
            tier: tier.into(),
            channel: Channel::Voice,
            pools: ["desk".into(), "back".into()].into(),
            slack_ms: -1500,
            at_risk: true,
            starving: number == 2,
            via: "desk".into(),
            held_by: held_by.map(Into::into),
        };
        let choice = Decided {
            agent: AgentId::new("ann"),
            pool: Some("desk".into()),
            assigned_at: Time(1_700_000_000_000),
            step: Step::Floor,
            slack_ms: -1500,
            policy_version: "v 7".into(),
            tier: "gold".into(),
            tier_source: TierSource::Stale,
            heads: [head(1, "gold", None), head(2, "grey", Some("back"))].into(),
            heads_count: 17,
        };
        let alone = Decided { heads: [].into(), heads_count: 1, ..choice.clone() };
        for decided in [choice, alone] {
            let text = decided.to_json();
            let Decided { agent, pool, tier_source, .. } = decided.clone();
            assert_eq!(Decided::from_json(&text, agent, pool, tier_source), Some(decided), "{text}");
        }
        let nobody = AgentId::new("ann");
        assert_eq!(Decided::from_json("{}", nobody, None, TierSource::Found), None);
    }
}
