//! A decision as the history keeps it: JSON, so that any `SQLite` client can look into it.

use crate::engine::model::{AgentId, Channel, Step, TicketNumber, TierSource, Time};
use crate::journal::{Decided, DecidedHead};
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

/// Bytes that most decisions need: a text that grows is copied each time.
const JSON_LEN: usize = 384;

/// A decision; names stand for whatever has a name.
#[derive(Deserialize)]
struct Decision<'a> {
    #[serde(borrow)]
    agent: Cow<'a, str>,
    #[serde(borrow, default)]
    pool: Option<Cow<'a, str>>,
    at: i64,
    #[serde(borrow)]
    step: Cow<'a, str>,
    slack_ms: i64,
    #[serde(borrow)]
    policy: Cow<'a, str>,
    #[serde(borrow)]
    tier: Cow<'a, str>,
    #[serde(borrow, default)]
    tier_source: Option<Cow<'a, str>>,
    heads_count: u32,
    #[serde(borrow, default)]
    heads: Vec<Head<'a>>,
}

/// A head that competed.
#[derive(Deserialize)]
struct Head<'a> {
    number: u64,
    #[serde(borrow)]
    tier: Cow<'a, str>,
    /// Left out where it is the ticket's.
    #[serde(borrow, default)]
    channel: Option<Cow<'a, str>>,
    /// Left out where it is `via` alone.
    #[serde(borrow, default)]
    pools: Vec<Cow<'a, str>>,
    slack_ms: i64,
    #[serde(default)]
    at_risk: bool,
    #[serde(default)]
    starving: bool,
    #[serde(borrow)]
    via: Cow<'a, str>,
    #[serde(borrow, default)]
    held_by: Option<Cow<'a, str>>,
}

/// The decision about a ticket of `channel` as text. Written for every ticket that ends: what goes without
/// saying is not said, and pieces are appended, which takes two thirds of what a serializer does for them.
pub(super) fn json(decided: &Decided, channel: Channel) -> String {
    let mut object = Object::begin(String::with_capacity(JSON_LEN));
    object.name("agent", decided.agent.as_str());
    object.name_if_any("pool", decided.pool.as_deref());
    object.number("at", decided.assigned_at.0);
    object.name("step", decided.step.name());
    object.number("slack_ms", decided.slack_ms);
    object.name("policy", &decided.policy_version);
    object.name("tier", &decided.tier);
    object.name_if_any("tier_source", decided.tier_source.map(TierSource::name));
    object.number("heads_count", decided.heads_count.into());
    if !decided.heads.is_empty() {
        object.key("heads");
        for (at, one) in decided.heads.iter().enumerate() {
            object.text.push(if at == 0 { '[' } else { ',' });
            object.text = head(object.text, one, channel);
        }
        object.text.push(']');
    }
    object.end()
}

fn head(text: String, head: &DecidedHead, own: Channel) -> String {
    let mut object = Object::begin(text);
    object.number("number", head.ticket.0.cast_signed());
    object.name("tier", &head.tier);
    object.name_if_any("channel", (head.channel != own).then(|| head.channel.name()));
    if !matches!(&*head.pools, [pool] if *pool == head.via) {
        object.key("pools");
        for (at, pool) in head.pools.iter().enumerate() {
            object.text.push(if at == 0 { '[' } else { ',' });
            push_quoted(&mut object.text, pool);
        }
        object.text.push_str(if head.pools.is_empty() { "[]" } else { "]" });
    }
    object.number("slack_ms", head.slack_ms);
    for (key, is_so) in [("at_risk", head.at_risk), ("starving", head.starving)] {
        if is_so {
            object.key(key);
            object.text.push_str("true");
        }
    }
    object.name("via", &head.via);
    object.name_if_any("held_by", head.held_by.as_deref());
    object.end()
}

/// A JSON object that is being written.
struct Object {
    text: String,
    is_empty: bool,
}

impl Object {
    fn begin(mut text: String) -> Self {
        text.push('{');
        Self { text, is_empty: true }
    }

    /// Keys need no escape.
    fn key(&mut self, key: &str) {
        self.text.push_str(if self.is_empty { "\"" } else { ",\"" });
        self.is_empty = false;
        self.text.push_str(key);
        self.text.push_str("\":");
    }

    fn name(&mut self, key: &str, name: &str) {
        self.key(key);
        push_quoted(&mut self.text, name);
    }

    fn name_if_any(&mut self, key: &str, name: Option<&str>) {
        if let Some(name) = name {
            self.name(key, name);
        }
    }

    fn number(&mut self, key: &str, number: i64) {
        self.key(key);
        write!(self.text, "{number}").expect("a text takes what is written");
    }

    fn end(mut self) -> String {
        self.text.push('}');
        self.text
    }
}

/// Most names need no escape.
fn push_quoted(text: &mut String, name: &str) {
    if name.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        text.push('"');
        text.push_str(name);
        text.push('"');
    } else {
        text.push_str(&serde_json::Value::from(name).to_string());
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
