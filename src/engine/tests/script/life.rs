//! The lines about a ticket's life beside queue and agent.
//!
//! ```text
//! 0s  submit t1 gold email at=60s
//! 70s park t1 #1 2h          or with keep=10m
//! 80s resume t1
//! 90s legs t1 -> scheduled 60s, queue 20s (2), agent 5s, parked 5s
//! ```

use super::{duration_ms, lease_token, moment};
use crate::engine::Engine;
use crate::engine::command::Command;
use crate::engine::life::{CallbackNumber, Destination, Leg, ReturnReason, Stay, Worked};
use crate::engine::model::{AgentId, TicketId, Time};

pub(super) fn command(asked: &[&str]) -> Option<Command> {
    Some(match asked {
        ["park", id, token, rest @ ..] => Command::Park {
            ticket: TicketId::new(*id),
            token: lease_token(token),
            for_ms: rest
                .first()
                .filter(|by| !by.starts_with("keep="))
                .map(|by| duration_ms(by).expect("a duration")),
            keep_ms: rest
                .iter()
                .find_map(|word| word.strip_prefix("keep="))
                .map(|by| duration_ms(by).expect("a duration")),
            reason: "asked for a receipt".into(),
        },
        ["transfer", id, token, kind, name, rest @ ..] => Command::Transfer {
            ticket: TicketId::new(*id),
            token: lease_token(token),
            to: destination(kind, name),
            restart_clocks: rest.contains(&"anew"),
            reason: "not mine".into(),
        },
        ["callback", id, number, rest @ ..] => Command::RequestCallback {
            ticket: TicketId::new(*id),
            number: CallbackNumber((*number).into()),
            not_before: not_before(rest),
            due_at: instant("by=", rest),
        },
        ["finish", agent, id, token, rest @ ..] => Command::FinishWrapUp {
            agent: AgentId::new(*agent),
            ticket: TicketId::new(*id),
            token: lease_token(token),
            earlier: super::earlier(rest, 0),
        },
        ["resume", id] => Command::Resume { ticket: TicketId::new(*id) },
        _ => return None,
    })
}

/// `pool back`, `agent ann`, `tier gold`.
pub(super) fn destination(kind: &str, name: &str) -> Destination {
    match kind {
        "pool" => Destination::Pool(name.into()),
        "agent" => Destination::Agent(AgentId::new(name)),
        "tier" => Destination::Tier(name.into()),
        _ => panic!("to a pool, an agent or a tier"),
    }
}

/// `at=60s`: the ticket is scheduled for that instant.
pub(super) fn not_before(rest: &[&str]) -> Option<Time> {
    instant("at=", rest)
}

fn instant(prefix: &str, rest: &[&str]) -> Option<Time> {
    let at = rest.iter().find_map(|word| word.strip_prefix(prefix))?;
    Some(Time(duration_ms(at).expect("a duration")))
}

/// How often a ticket has come back, and how the last time.
pub(super) fn came_back(id: &str, engine: &Engine) -> String {
    let ticket = engine.ticket(&TicketId::new(id)).expect("a live ticket");
    let last = ticket.life.as_ref().and_then(|life| life.last_return.as_deref());
    let last = last.map_or_else(String::new, |last| {
        let why = match &last.why {
            ReturnReason::Released(why) => format!("released, {why}"),
            ReturnReason::LeaseEnded => "lease ended".to_owned(),
            ReturnReason::Transferred(why) => format!("transferred, {why}"),
        };
        format!(", by {} at {}: {why}", last.agent, moment(last.at))
    });
    let dead = if ticket.is_dead_letter() { ", dead letter" } else { "" };
    format!("{} times{last}{dead}", ticket.requeue_count())
}

/// Where the time of a ticket went, live or ended.
pub(super) fn legs(id: &str, now: Time, engine: &Engine) -> String {
    let id = TicketId::new(id);
    let ledger = if let Some(ticket) = engine.ticket(&id) {
        ticket.ledger(now)
    } else {
        let finished = engine.finished(&id).expect("it has ended");
        finished.ledger()
    };
    let leg = |(leg, Stay { ms, count }): (Leg, Stay)| {
        let spent = format!("{} {}", leg.name(), moment(Time(ms)));
        if count == 1 { spent } else { format!("{spent} ({count})") }
    };
    ledger.iter().map(leg).collect::<Vec<_>>().join(", ")
}

/// How long agents had a ticket before it came back from them, by pool.
pub(super) fn worked(id: &str, engine: &Engine) -> String {
    let ticket = engine.ticket(&TicketId::new(id)).expect("a live ticket");
    let worked = ticket.life.as_ref().map(|life| &*life.worked).unwrap_or_default();
    let told = worked.iter().map(|Worked { pool, ms }| {
        let pool = pool.map_or("nowhere", |pool| &*engine.policy().pool(pool).name);
        format!("{pool} {}", moment(Time(*ms)))
    });
    told.collect::<Vec<_>>().join(", ")
}
