//! A decision as the history keeps it: JSON, so that any `SQLite` client can look into it.

use crate::engine::model::{AgentId, Channel, Step, TicketNumber, TierSource, Time};
use crate::journal::{Decided, DecidedHead, FinishedRow};
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

/// Bytes that most decisions need: a text that grows is copied each time.
const JSON_LEN: usize = 160;

/// What the row itself says of its ticket: a decision says only what differs from that. Half of the bytes of
/// a row went into saying it twice.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    number: TicketNumber,
    channel: Channel,
    tier: &'a str,
    tier_source: TierSource,
    agent: Option<&'a str>,
    pool: Option<&'a str>,
    assigned_at: Option<Time>,
}

impl<'a> Own<'a> {
    pub(super) fn of(row: &'a FinishedRow) -> Self {
        Self {
            number: row.number,
            channel: row.channel,
            tier: &row.tier,
            tier_source: row.tier_source,
            agent: row.agent.as_ref().map(AgentId::as_str),
            pool: row.pool.as_deref(),
            assigned_at: row.handle_ms.map(|ms| Time(row.finished_at.0 - ms)),
        }
    }
}

/// A decision; names stand for whatever has a name, and what is left out is the row's.
#[derive(Deserialize)]
struct Decision<'a> {
    #[serde(borrow, default)]
    agent: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pool: Option<Cow<'a, str>>,
    at: Option<i64>,
    #[serde(borrow)]
    step: Cow<'a, str>,
    slack_ms: i64,
    #[serde(borrow)]
    policy: Cow<'a, str>,
    #[serde(borrow, default)]
    tier: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    tier_source: Option<Cow<'a, str>>,
    /// Left out where it is that of `heads`, or 1.
    heads_count: Option<u32>,
    #[serde(borrow, default)]
    heads: Vec<Head<'a>>,
}

/// A head that competed; what is left out is the decision's, and of number and channel the row's.
#[derive(Deserialize)]
struct Head<'a> {
    number: Option<u64>,
    #[serde(borrow, default)]
    tier: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    channel: Option<Cow<'a, str>>,
    /// Left out where it is `via` alone.
    #[serde(borrow, default)]
    pools: Vec<Cow<'a, str>>,
    slack_ms: Option<i64>,
    #[serde(default)]
    at_risk: bool,
    #[serde(default)]
    starving: bool,
    #[serde(borrow, default)]
    via: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    held_by: Option<Cow<'a, str>>,
}

/// How many heads competed if nothing is said about it.
fn counted(heads: usize) -> u32 {
    u32::try_from(heads).map_or(u32::MAX, |count| count.max(1))
}

/// The decision about the ticket of a row as text. Written for every ticket that ends: pieces are appended,
/// which takes two thirds of what a serializer does for them.
pub(super) fn json(decided: &Decided, own: Own<'_>) -> String {
    let mut object = Object::begin(String::with_capacity(JSON_LEN));
    let agent = decided.agent.as_str();
    object.name_if_any("agent", Some(agent).filter(|_| own.agent != Some(agent)));
    object.name_if_any("pool", decided.pool.as_deref().filter(|pool| own.pool != Some(pool)));
    object.number_unless("at", decided.assigned_at.0, own.assigned_at.map(|at| at.0));
    object.name("step", decided.step.name());
    object.number("slack_ms", decided.slack_ms);
    object.name("policy", &decided.policy_version);
    object.name_if_any("tier", Some(&*decided.tier).filter(|tier| *tier != own.tier));
    let source = decided.tier_source.filter(|source| *source != own.tier_source);
    object.name_if_any("tier_source", source.map(TierSource::name));
    let counted = counted(decided.heads.len());
    object.number_unless("heads_count", decided.heads_count.into(), Some(counted.into()));
    if !decided.heads.is_empty() {
        object.key("heads");
        for (at, one) in decided.heads.iter().enumerate() {
            object.text.push(if at == 0 { '[' } else { ',' });
            object.text = head(object.text, one, decided, own);
        }
        object.text.push(']');
    }
    object.end()
}

fn head(text: String, head: &DecidedHead, decided: &Decided, own: Own<'_>) -> String {
    let mut object = Object::begin(text);
    let number = |number: TicketNumber| number.0.cast_signed();
    object.number_unless("number", number(head.ticket), Some(number(own.number)));
    object.name_if_any("tier", Some(&*head.tier).filter(|tier| *tier != &*decided.tier));
    object.name_if_any("channel", (head.channel != own.channel).then(|| head.channel.name()));
    if !matches!(&*head.pools, [pool] if *pool == head.via) {
        object.key("pools");
        for (at, pool) in head.pools.iter().enumerate() {
            object.text.push(if at == 0 { '[' } else { ',' });
            push_quoted(&mut object.text, pool);
        }
        object.text.push_str(if head.pools.is_empty() { "[]" } else { "]" });
    }
    object.number_unless("slack_ms", head.slack_ms, Some(decided.slack_ms));
    for (key, is_so) in [("at_risk", head.at_risk), ("starving", head.starving)] {
        if is_so {
            object.key(key);
            object.text.push_str("true");
        }
    }
    let via = Some(&*head.via).filter(|via| decided.pool.as_deref() != Some(*via));
    object.name_if_any("via", via);
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

    fn number_unless(&mut self, key: &str, number: i64, implied: Option<i64>) {
        if implied != Some(number) {
            self.number(key, number);
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

/// The decision about the ticket of a row that a text tells, or what is wrong with it.
pub(super) fn read(text: &str, own: Own<'_>) -> Result<Decided, String> {
    let decision: Decision<'_> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let or_own = |name: Option<Cow<'_, str>>, own: Option<&str>| -> Option<Arc<str>> {
        name.map(Arc::from).or_else(|| own.map(Arc::from))
    };
    let missing = |key| move || format!("neither the decision nor its row has {key}");
    let tier: Arc<str> = decision.tier.map_or_else(|| own.tier.into(), Into::into);
    let pool = or_own(decision.pool, own.pool);
    let head = |head: Head<'_>| -> Result<DecidedHead, String> {
        let via = or_own(head.via, pool.as_deref()).ok_or_else(missing("a pool for a head"))?;
        let pools: Box<[_]> = head.pools.into_iter().map(Into::into).collect();
        Ok(DecidedHead {
            ticket: head.number.map_or(own.number, TicketNumber),
            tier: head.tier.map_or_else(|| tier.clone(), Into::into),
            channel: match head.channel {
                Some(name) => named(&name, &Channel::ALL, Channel::name)?,
                None => own.channel,
            },
            pools: if pools.is_empty() { Box::new([via.clone()]) } else { pools },
            slack_ms: head.slack_ms.unwrap_or(decision.slack_ms),
            at_risk: head.at_risk,
            starving: head.starving,
            via,
            held_by: head.held_by.map(Into::into),
        })
    };
    let heads: Box<[_]> = decision.heads.into_iter().map(head).collect::<Result<_, _>>()?;
    let agent = or_own(decision.agent, own.agent).ok_or_else(missing("an agent"))?;
    Ok(Decided {
        agent: AgentId::new(agent),
        assigned_at: decision.at.map(Time).or(own.assigned_at).ok_or_else(missing("an instant"))?,
        step: named(&decision.step, &Step::ALL, Step::name)?,
        slack_ms: decision.slack_ms,
        policy_version: decision.policy.into(),
        tier_source: Some(match decision.tier_source {
            Some(source) => named(&source, &TierSource::ALL, TierSource::name)?,
            None => own.tier_source,
        }),
        heads_count: decision.heads_count.unwrap_or_else(|| counted(heads.len())),
        heads,
        tier,
        pool,
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

    /// The row that a decision is in.
    fn own() -> Own<'static> {
        Own {
            number: TicketNumber(1),
            channel: Channel::Voice,
            tier: "gold",
            tier_source: TierSource::Found,
            agent: Some("an \"agent\""),
            pool: Some("desk"),
            assigned_at: Some(Time(7)),
        }
    }

    #[test]
    fn what_the_row_says_is_left_out_and_read_again() {
        let decided = Decided { heads: Box::default(), heads_count: 1, ..decided() };
        let text = json(&decided, own());
        assert_eq!(text, r#"{"step":"at-risk","slack_ms":12,"policy":"2026-11"}"#);
        assert_eq!(read(&text, own()).unwrap(), decided);
    }

    #[test]
    fn of_a_head_only_what_differs_from_the_ticket_is_said() {
        let text = json(&decided(), own());
        let heads = r#","heads":[{"slack_ms":-5,"at_risk":true,"held_by":"desk"},{"number":2,"channel":"chat","pools":["desk","backup"],"slack_ms":-5,"at_risk":true,"held_by":"desk"}]}"#;
        assert!(text.ends_with(heads), "{text}");
        assert_eq!(read(&text, own()).unwrap(), decided());
    }

    #[test]
    fn whatever_differs_from_the_row_is_said() {
        let rows = [
            Own { number: TicketNumber(9), ..own() },
            Own { channel: Channel::Email, ..own() },
            Own { tier: "silver", ..own() },
            Own { tier_source: TierSource::Stale, ..own() },
            Own { agent: Some("somebody else"), ..own() },
            Own { agent: None, ..own() },
            Own { pool: Some("backup"), ..own() },
            Own { pool: None, ..own() },
            Own { assigned_at: Some(Time(8)), ..own() },
            Own { assigned_at: None, ..own() },
        ];
        for row in rows {
            let told = [
                decided(),
                Decided { heads_count: 5, slack_ms: -5, ..decided() },
                Decided { heads: Box::default(), heads_count: 0, ..decided() },
            ];
            for decided in told {
                let text = json(&decided, row);
                assert_eq!(read(&text, row).unwrap(), decided, "{text}");
            }
        }
        let nameless = Decided { pool: None, ..decided() };
        let row = Own { pool: None, ..own() };
        assert_eq!(read(&json(&nameless, row), row).unwrap(), nameless);
    }

    #[test]
    fn what_earlier_releases_said_in_full_is_read_as_well() {
        let full = r#"{"agent":"an \"agent\"","pool":"desk","at":7,"step":"at-risk","slack_ms":12,"policy":"2026-11","tier":"gold","tier_source":"found","heads_count":2,"heads":[{"number":1,"tier":"gold","slack_ms":-5,"at_risk":true,"via":"desk","held_by":"desk"},{"number":2,"tier":"gold","channel":"chat","pools":["desk","backup"],"slack_ms":-5,"at_risk":true,"via":"desk","held_by":"desk"}]}"#;
        assert_eq!(read(full, own()).unwrap(), decided());
        let other =
            Own { number: TicketNumber(9), tier: "silver", agent: None, pool: None, ..own() };
        assert_eq!(read(full, other).unwrap(), decided());
    }

    #[test]
    fn a_word_that_this_release_does_not_know_is_told_and_what_is_missing_too() {
        let text = json(&decided(), own()).replace("\"at-risk\"", "\"guessed\"");
        assert_eq!(
            read(&text, own()).unwrap_err(),
            "\"guessed\" is not a value this release knows"
        );
        let text = json(&decided(), own());
        assert_eq!(
            read(&text, Own { agent: None, ..own() }).unwrap_err(),
            "neither the decision nor its row has an agent"
        );
    }
}
