//! `tierline events`: what happened, event by event.

use super::console;
use super::fault::Fault;
use super::table::printable;
use super::view::{filled, instant};
use super::{Context, words};
use crate::api::proto::v1;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Print what happened, event by event
///
/// Every event of the journal has a number; there is no gap and no duplicate. Everything that is kept is printed;
/// with --follow what happens from now on, until you stop it.
#[derive(Args, Debug)]
#[command(after_help = "\
JSON, a line an event: seq, at, type, ticket_id, ticket_number, tier, agent_id, pools, channel, reason, by, \
respond_by, solve_by, until, step, slack_ms, policy_version, details. Instants are RFC 3339 in UTC; null means not \
known or none.

Examples:
  tierline events --follow
  tierline events                                     everything that is kept
  tierline events --from 1200 --follow --type assigned,completed --tier gold
  tierline events --output json > events.jsonl")]
pub(crate) struct Events {
    /// The number of the first event; 0: the oldest that is kept [default: 0; with --follow the next that happens]
    #[arg(long, value_name = "NUMBER")]
    from: Option<u64>,
    /// Go on with what happens, until you stop it
    #[arg(long, short)]
    follow: bool,
    /// Only events of these types, for example submitted,assigned,response-breached
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = kind)]
    types: Vec<v1::EventType>,
    /// Only events about tickets of these tiers
    #[arg(long = "tier", value_name = "TIER", value_delimiter = ',')]
    tiers: Vec<String>,
}

/// An event for programs.
#[derive(Serialize)]
struct View {
    seq: u64,
    at: Option<Timestamp>,
    r#type: String,
    ticket_id: Option<String>,
    ticket_number: Option<u64>,
    tier: Option<String>,
    agent_id: Option<String>,
    pools: Vec<String>,
    channel: Option<String>,
    reason: Option<String>,
    by: Option<String>,
    respond_by: Option<Timestamp>,
    solve_by: Option<Timestamp>,
    until: Option<Timestamp>,
    step: Option<String>,
    slack_ms: Option<i64>,
    policy_version: Option<String>,
    details: BTreeMap<String, String>,
}

impl Events {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        let request = v1::WatchEventsRequest {
            // Without a number the server begins with what happens next, which only a follower waits for.
            from_seq: self.from.or((!self.follow).then_some(0)),
            types: self.types.into_iter().map(Into::into).collect(),
            tiers: self.tiers,
            follow: self.follow,
        };
        let mut answers = connection.call(connection.ops().watch_events(request)).await?;
        while let Some(answer) = connection.next(&mut answers).await? {
            for event in answer.events {
                let view = View::from(event);
                if context.is_json() {
                    console::json_line(&view)?;
                } else {
                    console::say(line(&view))?;
                }
            }
        }
        Ok(())
    }
}

impl From<v1::Event> for View {
    fn from(event: v1::Event) -> Self {
        Self {
            seq: event.seq,
            at: instant(event.at),
            r#type: word(event.r#type()),
            channel: (event.channel() != v1::Channel::Unspecified)
                .then(|| words::channel(event.channel)),
            step: (event.step() != v1::DecisionStep::Unspecified)
                .then(|| words::decision_step(event.step)),
            ticket_id: filled(event.ticket_id),
            ticket_number: Some(event.ticket_number).filter(|number| *number > 0),
            tier: filled(event.tier),
            agent_id: filled(event.agent_id),
            pools: event.pools,
            reason: filled(event.reason),
            by: filled(event.by),
            respond_by: instant(event.respond_by),
            solve_by: instant(event.solve_by),
            until: instant(event.until),
            slack_ms: event.slack_ms,
            policy_version: filled(event.policy_version),
            details: event.details,
        }
    }
}

/// A line: the number, the instant, the type, and whatever the event has to say.
fn line(event: &View) -> String {
    let at = event.at.map_or_else(String::new, |at| format!("{at:.3}"));
    let mut text = format!("{:>8}  {at:<24}  {:<18}", event.seq, event.r#type);
    let number = event.ticket_number.map(|number| format!("#{number}"));
    let ticket = event.ticket_id.clone().or(number);
    let pools = (!event.pools.is_empty()).then(|| event.pools.join("+"));
    let by_instant = |at: Option<Timestamp>| at.map(|at| format!("{at:.3}"));
    let facts = [
        ("ticket", ticket),
        ("tier", event.tier.clone()),
        ("agent", event.agent_id.clone()),
        ("channel", event.channel.clone()),
        ("pools", pools),
        ("step", event.step.clone()),
        ("policy", event.policy_version.clone()),
        ("by", event.by.clone()),
        ("reason", event.reason.clone()),
        ("respond_by", by_instant(event.respond_by)),
        ("until", by_instant(event.until)),
    ];
    let facts = facts.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let details = event.details.iter().map(|(name, value)| (name.as_str(), value.clone()));
    for (name, value) in facts.chain(details) {
        // Writing into a text cannot fail.
        let _ = write!(text, "  {name}={}", printable(&value));
    }
    format!("{}\n", text.trim_end())
}

/// The type as people type and read it: `response-breached`.
fn word(kind: v1::EventType) -> String {
    kind.as_str_name().trim_start_matches("EVENT_TYPE_").to_lowercase().replace('_', "-")
}

fn kind(text: &str) -> Result<v1::EventType, String> {
    let name = format!("EVENT_TYPE_{}", text.to_uppercase().replace('-', "_"));
    v1::EventType::from_str_name(&name)
        .filter(|kind| *kind != v1::EventType::Unspecified)
        .ok_or_else(|| "not a type of event, such as submitted or response-breached".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_typed_as_it_is_printed() {
        let breached = v1::EventType::ResponseBreached;
        assert_eq!(word(breached), "response-breached");
        assert_eq!(kind("response-breached"), Ok(breached));
        assert!(kind("unspecified").is_err() && kind("nonsense").is_err());
    }

    #[test]
    fn a_line_says_what_there_is_and_nothing_else() {
        let event = v1::Event {
            seq: 7,
            at: Some(prost_types::Timestamp { seconds: 1_795_290_768, nanos: 120_000_000 }),
            r#type: v1::EventType::Cancelled.into(),
            ticket_id: "T-1".to_owned(),
            tier: "gold".to_owned(),
            reason: "hung\u{7} up".to_owned(),
            ..v1::Event::default()
        };
        let text = line(&event.into());
        let expected =
            "       7  2026-11-21T19:52:48.120Z  cancelled           ticket=T-1  tier=gold";
        assert!(text.starts_with(expected), "{text}");
        assert!(!text.contains('\u{7}') && !text.contains("agent="), "{text}");
    }
}
