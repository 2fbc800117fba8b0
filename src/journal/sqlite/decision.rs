//! A decision as the history keeps it: JSON, so that any `SQLite` client can look into it.

use crate::engine::model::{AgentId, Channel, Step, TicketNumber, TierSource, Time};
use crate::journal::{Decided, DecidedHead};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::Arc;

/// Bytes that most decisions need: a text that grows is copied each time.
const JSON_LEN: usize = 384;

/// A decision; names stand for whatever has a name.
#[derive(Serialize, Deserialize)]
struct Decision<'a> {
    #[serde(borrow)]
    agent: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pool: Option<Cow<'a, str>>,
    at: i64,
    #[serde(borrow)]
    step: Cow<'a, str>,
    slack_ms: i64,
    #[serde(borrow)]
    policy: Cow<'a, str>,
    #[serde(borrow)]
    tier: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    tier_source: Option<Cow<'a, str>>,
    heads_count: u32,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    heads: Vec<Head<'a>>,
}

/// A head that competed.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    number: u64,
    #[serde(borrow)]
    tier: Cow<'a, str>,
    /// Left out where it is the ticket's.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    channel: Option<Cow<'a, str>>,
    /// Left out where it is `via` alone.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pools: Vec<Cow<'a, str>>,
    slack_ms: i64,
    #[serde(default, skip_serializing_if = "is_false")]
    at_risk: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    starving: bool,
    #[serde(borrow)]
    via: Cow<'a, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    held_by: Option<Cow<'a, str>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// The decision about a ticket of `channel` as text. Written for every ticket that ends: names are not
/// copied first, and what goes without saying is not said.
pub(super) fn json(decided: &Decided, channel: Channel) -> String {
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
        heads: decided.heads.iter().map(|head| self::head(head, channel)).collect(),
    };
    let mut text = Vec::with_capacity(JSON_LEN);
    serde_json::to_writer(&mut text, &decision).expect("names and numbers are JSON");
    String::from_utf8(text).expect("JSON is UTF-8")
}

fn head(head: &DecidedHead, own: Channel) -> Head<'_> {
    let is_via_alone = matches!(&*head.pools, [pool] if *pool == head.via);
    let pools = if is_via_alone { &[] } else { &*head.pools };
    Head {
        number: head.ticket.0,
        tier: (&*head.tier).into(),
        channel: (head.channel != own).then(|| head.channel.name().into()),
        pools: pools.iter().map(|pool| (&**pool).into()).collect(),
        slack_ms: head.slack_ms,
        at_risk: head.at_risk,
        starving: head.starving,
        via: (&*head.via).into(),
        held_by: head.held_by.as_deref().map(Into::into),
    }
}

/// The decision about a ticket of `channel` that a text tells, or what is wrong with it.
pub(super) fn read(text: &str, channel: Channel) -> Result<Decided, String> {
    let decision: Decision<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let head = |head: Head<'_>| -> Result<DecidedHead, String> {
        let via: Arc<str> = head.via.into();
        let pools: Box<[_]> = head.pools.into_iter().map(Into::into).collect();
        Ok(DecidedHead {
            ticket: TicketNumber(head.number),
            tier: head.tier.into(),
            channel: match head.channel {
                Some(name) => named(&name, &Channel::ALL, Channel::name)?,
                None => channel,
            },
            pools: if pools.is_empty() { Box::new([via.clone()]) } else { pools },
            slack_ms: head.slack_ms,
            at_risk: head.at_risk,
            starving: head.starving,
            via,
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

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "in a test a panic is the report")]
mod tests {
    use super::*;

    fn decided() -> Decided {
        let head = |number, channel, pools: &[&str]| DecidedHead {
            ticket: TicketNumber(number),
            tier: "gold".into(),
            channel,
            pools: pools.iter().map(|pool| (*pool).into()).collect(),
            slack_ms: -5,
            at_risk: true,
            starving: false,
            via: "desk".into(),
            held_by: Some("desk".into()),
        };
        Decided {
            agent: AgentId::new("an \"agent\""),
            pool: Some("desk".into()),
            assigned_at: Time(7),
            step: Step::AtRisk,
            slack_ms: 12,
            policy_version: "2026-11".into(),
            tier: "gold".into(),
            tier_source: Some(TierSource::Found),
            heads: Box::new([
                head(1, Channel::Voice, &["desk"]),
                head(2, Channel::Chat, &["desk", "backup"]),
            ]),
            heads_count: 2,
        }
    }

    #[test]
    fn what_goes_without_saying_is_left_out_and_read_again() {
        let text = json(&decided(), Channel::Voice);
        assert_eq!(read(&text, Channel::Voice).unwrap(), decided());
        assert_eq!(text.matches("\"channel\"").count(), 1, "{text}");
        assert_eq!(text.matches("\"pools\"").count(), 1, "{text}");
    }

    #[test]
    fn what_was_said_in_full_is_read_as_well() {
        let text = json(&decided(), Channel::Voice);
        let full =
            text.replacen("\"via\"", "\"channel\":\"voice\",\"pools\":[\"desk\"],\"via\"", 1);
        assert_ne!(full, text);
        assert_eq!(read(&full, Channel::Email).unwrap(), decided());
    }

    #[test]
    fn a_word_that_this_release_does_not_know_is_told() {
        let text = json(&decided(), Channel::Voice).replace("\"at-risk\"", "\"guessed\"");
        assert_eq!(
            read(&text, Channel::Voice).unwrap_err(),
            "\"guessed\" is not a value this release knows"
        );
    }
}
