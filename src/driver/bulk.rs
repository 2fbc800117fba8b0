//! One act on many tickets, a batch at a time: each ticket is looked at again before it is touched, for
//! the floor has gone on since it was chosen.

use crate::engine::Engine;
use crate::engine::command::{Command, Intervention, Rejection};
use crate::engine::model::{Ticket, TicketId, Time};
use std::fmt;
use std::sync::Arc;

/// Tickets that the driver acts on before others have their turn.
pub const BULK_BATCH_MAX: usize = 200;

/// Whether a live ticket is still one of those that are meant.
type Meant = Arc<dyn Fn(&Engine, &Ticket, Time) -> bool + Send + Sync>;

/// What is to be done to each ticket.
#[derive(Clone)]
pub struct Bulk {
    /// What.
    pub action: Intervention,
    /// Who asks.
    pub by: Box<str>,
    /// Why.
    pub reason: Box<str>,
    /// Which live tickets are meant.
    pub meant: Meant,
}

impl fmt::Debug for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, by, reason, meant: _ } = self;
        write!(f, "Bulk({action:?} by {by:?}, because {reason:?})")
    }
}

/// What became of one ticket, or would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It was so already.
    Unchanged,
    /// It is no longer among those that are meant.
    Elsewhere,
    /// The rules refuse it.
    Refused(Rejection),
}

impl Bulk {
    /// What would become of a ticket at `now`: asked of the same rules, and changes nothing.
    pub fn foreseen(&self, engine: &Engine, id: &TicketId, now: Time) -> Outcome {
        if !self.means(engine, id, now) {
            return Outcome::Elsewhere;
        }
        match engine.decide(now, self.command(id)) {
            Ok(decision) if decision.events.is_empty() => Outcome::Unchanged,
            Ok(_) => Outcome::Done,
            Err(rejection) => Outcome::Refused(rejection),
        }
    }

    /// A ticket that is not live is for the rules to refuse.
    fn means(&self, engine: &Engine, id: &TicketId, now: Time) -> bool {
        engine.ticket(id).is_none_or(|ticket| (self.meant)(engine, ticket, now))
    }

    pub(super) fn command(&self, id: &TicketId) -> Command {
        Command::Intervene {
            ticket: id.clone(),
            action: self.action.clone(),
            by: self.by.clone(),
            reason: self.reason.clone(),
            earlier: None,
        }
    }
}
