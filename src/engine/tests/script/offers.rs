//! The words of the script for capacity, streams and offers.
//!
//! ```text
//! policy ..; pool desk offer 20s to 3 off 10s 5m misses 3; channel voice cost 4 alone over chat+email
//! agent ann desk capacity 8 most chat=3
//! work ann                  ann opens a stream, available
//! work ann Away most chat=1 away at first, with maxima of the stream
//! leave ann                 the stream closes
//! accept t1 #1, decline t1 #1
//! ```

use super::{duration_ms, id_of, lease_token, moment};
use crate::engine::Engine;
use crate::engine::capacity::{ChannelRules, ChannelSet, Maxima};
use crate::engine::command::{Command, Event, WorkEnd};
use crate::engine::model::{Agent, AgentId, Channel, Presence, TicketId};
use crate::engine::push::{OfferRule, Stream};
use std::fmt::Write as _;

/// Who is offered what by an event: a line for each.
pub(super) fn offered(event: &Event, engine: &Engine) -> Vec<String> {
    let Event::Offered { ticket, agent, token, step, also, .. } = event else { return Vec::new() };
    let ticket = id_of(*ticket, engine);
    let mut told = vec![format!("{agent} is offered {ticket} #{} {}", token.0, step.name())];
    told.extend(also.iter().map(|other| {
        let (agent, token, step) = (&other.agent, other.token.0, other.step.name());
        format!("{agent} is offered {ticket} too #{token} {step}")
    }));
    told
}

/// The commands of this file's words.
pub(super) fn command(asked: &[&str]) -> Option<Command> {
    Some(match asked {
        ["work", agent, rest @ ..] => Command::OpenWork {
            agent: AgentId::new(*agent),
            stream: Stream { session: None, maxima: maxima(rest) },
            presence: match rest {
                ["Away", ..] => Presence::Away,
                _ => Presence::Available,
            },
        },
        ["leave", agent] => {
            Command::CloseWork { agent: AgentId::new(*agent), why: WorkEnd::ByAgent }
        }
        ["accept", id, token] => {
            Command::Accept { ticket: TicketId::new(*id), token: lease_token(token) }
        }
        ["decline", id, token] => Command::Decline {
            ticket: TicketId::new(*id),
            token: lease_token(token),
            reason: "lunch".into(),
        },
        _ => return None,
    })
}

/// `most chat=3 voice=1`, at the end of the line.
pub(super) fn maxima(words: &[&str]) -> Maxima {
    let mut maxima = Maxima::default();
    let said = words.iter().skip_while(|word| **word != "most");
    for (name, most) in said.filter_map(|word| word.split_once('=')) {
        maxima.0[channel(name).index()] = most.parse().expect("a number");
    }
    maxima
}

fn channel(name: &str) -> Channel {
    Channel::ALL.into_iter().find(|channel| channel.name() == name).expect("a channel")
}

/// The offer rule in the words of a pool.
pub(super) fn rule(words: &[&str]) -> OfferRule {
    let mut rule = OfferRule::default();
    let after = |key: &str, by: usize| {
        let at = words.iter().position(|word| *word == key)?;
        words.get(at + by).copied()
    };
    let ms = |word: &str| duration_ms(word).expect("a duration");
    if let Some(word) = after("offer", 1) {
        rule.offer_ms = ms(word);
    }
    if let (Some(first), Some(max)) = (after("off", 1), after("off", 2)) {
        (rule.back_off_first_ms, rule.back_off_max_ms) = (ms(first), ms(max));
    }
    if let Some(word) = after("to", 1) {
        rule.offer_to = word.parse().expect("a number");
    }
    if let Some(word) = after("misses", 1) {
        rule.misses_max = word.parse().expect("a number");
    }
    rule
}

/// The rules of the channels that the policy names.
pub(super) fn channels(parts: &[Vec<&str>]) -> ChannelRules {
    let mut rules = ChannelRules::default();
    for words in parts.iter().filter(|words| words[0] == "channel") {
        let rule = &mut rules[channel(words[1]).index()];
        let after = |key: &str| {
            let at = words.iter().position(|word| *word == key)?;
            words.get(at + 1)
        };
        if let Some(cost) = after("cost") {
            rule.cost = cost.parse().expect("a number");
        }
        rule.exclusive = words.contains(&"alone");
        if let Some(limit) = after("wrap") {
            rule.wrap_up_ms = duration_ms(limit).expect("a duration");
        }
        if let Some(over) = after("over") {
            rule.interrupts = ChannelSet::of(over.split('+').map(channel));
        }
    }
    rules
}

/// What an agent's stream, offers and memory add to `agent?`.
pub(super) fn agent(agent: &Agent, engine: &Engine) -> String {
    let mut told = String::new();
    if agent.stream.is_some() {
        told.push_str(", streams");
    }
    if !agent.offered.is_empty() {
        let offered: Vec<_> = agent.offered.iter().map(|n| id_of(*n, engine)).collect();
        write!(told, ", offered {}", offered.join(" ")).expect("a string takes it");
    }
    for (number, declined) in &agent.declined {
        let until = declined.until.map_or_else(String::new, |at| format!(" until {}", moment(at)));
        let id = id_of(*number, engine);
        write!(told, ", declined {id} x{}{until}", declined.count).expect("a string takes it");
    }
    for wrap in &agent.wrapping {
        write!(told, ", writes up {} until {}", wrap.id, moment(wrap.until)).expect("it takes it");
    }
    if agent.missed_count > 0 {
        write!(told, ", missed {}", agent.missed_count).expect("a string takes it");
    }
    told
}
