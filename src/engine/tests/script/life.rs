//! The lines about a ticket's life beside queue and agent.
//!
//! ```text
//! 0s  submit t1 gold email at=60s
//! 70s park t1 #1 2h
//! 80s resume t1
//! 90s legs t1 -> scheduled 60s, queue 20s (2), agent 5s, parked 5s
//! ```

use super::{duration_ms, lease_token, moment};
use crate::engine::Engine;
use crate::engine::command::Command;
use crate::engine::life::{Leg, Stay};
use crate::engine::model::{TicketId, Time};

pub(super) fn command(asked: &[&str]) -> Option<Command> {
    Some(match asked {
        ["park", id, token, rest @ ..] => Command::Park {
            ticket: TicketId::new(*id),
            token: lease_token(token),
            for_ms: rest.first().map(|by| duration_ms(by).expect("a duration")),
            reason: "asked for a receipt".into(),
        },
        ["resume", id] => Command::Resume { ticket: TicketId::new(*id) },
        _ => return None,
    })
}

/// `at=60s`: the ticket is scheduled for that instant.
pub(super) fn not_before(rest: &[&str]) -> Option<Time> {
    let at = rest.iter().find_map(|word| word.strip_prefix("at="))?;
    Some(Time(duration_ms(at).expect("a duration")))
}

/// Where the time of a ticket went, live or ended.
pub(super) fn legs(id: &str, now: Time, engine: &Engine) -> String {
    let id = TicketId::new(id);
    let ledger = if let Some(ticket) = engine.ticket(&id) {
        ticket.ledger(now)
    } else {
        let finished = engine.finished(&id).expect("it has ended");
        finished.ticket.ledger(finished.finished_at)
    };
    let leg = |(leg, Stay { ms, count }): (Leg, Stay)| {
        let spent = format!("{} {}", leg.name(), moment(Time(ms)));
        if count == 1 { spent } else { format!("{spent} ({count})") }
    };
    ledger.iter().map(leg).collect::<Vec<_>>().join(", ")
}
