//! A decision as the history keeps it: JSON, so that any `SQLite` client can look into it.

use crate::engine::model::{AgentId, Channel, Step, TicketNumber, TierSource, Time};
use crate::journal::{Decided, DecidedHead};
use serde::{Deserialize, Serialize};

/// A decision; names stand for whatever has a name.
#[derive(Serialize, Deserialize)]
struct Decision {
    agent: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pool: Option<Box<str>>,
    at: i64,
    step: Box<str>,
    slack_ms: i64,
    policy: Box<str>,
    tier: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tier_source: Option<Box<str>>,
    heads_count: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    heads: Vec<Head>,
}

/// A head that competed.
#[derive(Serialize, Deserialize)]
struct Head {
    number: u64,
    tier: Box<str>,
    channel: Box<str>,
    pools: Vec<Box<str>>,
    slack_ms: i64,
    #[serde(default, skip_serializing_if = "is_false")]
    at_risk: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    starving: bool,
    via: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    held_by: Option<Box<str>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The decision as text.
pub(super) fn json(decided: &Decided) -> String {
    let head = |head: &DecidedHead| Head {
        number: head.ticket.0,
        tier: (&*head.tier).into(),
        channel: head.channel.name().into(),
        pools: head.pools.iter().map(|pool| (&**pool).into()).collect(),
        slack_ms: head.slack_ms,
        at_risk: head.at_risk,
        starving: head.starving,
        via: (&*head.via).into(),
        held_by: head.held_by.as_deref().map(Into::into),
    };
    let decision = Decision {
        agent: decided.agent.as_str().into(),
        pool: decided.pool.as_deref().map(Into::into),
        at: decided.assigned_at.0,
        step: decided.step.name().into(),
        slack_ms: decided.slack_ms,
        policy: (&*decided.policy_version).into(),
        tier: (&*decided.tier).into(),
        tier_source: decided.tier_source.map(|source| source.name().into()),
        heads_count: decided.heads_count,
        heads: decided.heads.iter().map(head).collect(),
    };
    serde_json::to_string(&decision).expect("names and numbers are JSON")
}

/// The decision that a text tells, or what is wrong with it.
pub(super) fn read(text: &str) -> Result<Decided, String> {
    let decision: Decision = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let head = |head: Head| -> Result<DecidedHead, String> {
        Ok(DecidedHead {
            ticket: TicketNumber(head.number),
            tier: head.tier.into(),
            channel: named(&head.channel, &Channel::ALL, Channel::name)?,
            pools: head.pools.into_iter().map(Into::into).collect(),
            slack_ms: head.slack_ms,
            at_risk: head.at_risk,
            starving: head.starving,
            via: head.via.into(),
            held_by: head.held_by.map(Into::into),
        })
    };
    Ok(Decided {
        agent: AgentId::new(decision.agent),
        pool: decision.pool.map(Into::into),
        assigned_at: Time(decision.at),
        step: named(&decision.step, &Step::ALL, Step::name)?,
        slack_ms: decision.slack_ms,
        policy_version: decision.policy.into(),
        tier: decision.tier.into(),
        tier_source: match decision.tier_source {
            Some(source) => Some(named(&source, &TierSource::ALL, TierSource::name)?),
            None => None,
        },
        heads: decision.heads.into_iter().map(head).collect::<Result<_, _>>()?,
        heads_count: decision.heads_count,
    })
}

fn named<T: Copy>(text: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|value| name(*value) == text);
    found.ok_or_else(|| format!("{text:?} is not a value this release knows"))
}
