//! What supervisors and administrators ask, in the words of the script.

use crate::engine::command::{Command, Intervention, PolicyChange, PolicyOrigin};
use crate::engine::model::{AgentId, TicketId};
use std::sync::Arc;

/// `change POLICY`: the policy of a running server, by call. `assign TICKET AGENT`, `front TICKET`,
/// `requeue TICKET`, `withdraw TICKET`, `move TICKET pool|agent|tier NAME [anew]`, `pause POOL WHY`,
/// `resume-pool POOL`: what supervisors do.
pub(super) fn command(asked: &[&str]) -> Command {
    match asked {
        ["change", rest @ ..] => Command::ChangePolicy {
            policy: Arc::new(super::policy(&rest.join(" "))),
            expected: None,
            change: Arc::new(PolicyChange {
                origin: PolicyOrigin::Call,
                by: "ada".into(),
                reason: "more staff".into(),
            }),
        },
        ["assign", ticket, agent] => {
            intervene(ticket, Intervention::Assign { agent: AgentId::new(*agent) })
        }
        ["front", ticket] => intervene(ticket, Intervention::MoveToFront),
        ["withdraw", ticket] => intervene(ticket, Intervention::Withdraw),
        ["move", ticket, kind, name, rest @ ..] => {
            let to = super::life::destination(kind, name);
            let restart_clocks = rest.contains(&"anew");
            intervene(ticket, Intervention::Move { to, restart_clocks })
        }
        ["requeue", ticket] => intervene(ticket, Intervention::Requeue),
        ["pause", pool, reason @ ..] => Command::PausePool {
            pool: (*pool).into(),
            by: "ada".into(),
            reason: reason.join(" ").into(),
        },
        ["resume-pool", pool] => {
            Command::ResumePool { pool: (*pool).into(), by: "ada".into(), reason: "".into() }
        }
        _ => panic!("the script says {asked:?}"),
    }
}

fn intervene(ticket: &str, action: Intervention) -> Command {
    let (by, reason) = ("ada".into(), "she said so".into());
    Command::Intervene { ticket: TicketId::new(ticket), action, by, reason, earlier: None }
}
