//! What became of offers, and how many streams agents opened and lost.

use super::{Counters, Labels};
use crate::engine::Engine;
use crate::engine::command::{Event, Revocation, WorkEnd};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// The counters of offers and streams.
pub(super) struct Offers {
    made: Counter,
    accepted: Counter,
    declined: Counter,
    missed: Counter,
    taken_back: Counter,
    taken_by_another: Counter,
    set_away: Counter,
    opened: Counter,
    closed: Counters<1>,
}

impl Offers {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let outcomes = Counters::<1>::default();
        registry.register(
            "offers",
            "Offers by outcome: made, and of those accepted, declined, missed, taken_back, taken_by_another",
            Family::clone(&outcomes),
        );
        let outcome = |name: &str| {
            let labels: Labels<1> = [("outcome", name.into())];
            outcomes.get_or_create_owned(&labels)
        };
        let set_away = Counter::default();
        registry.register(
            "agents_set_away",
            "Agents set away for offers missed in a row",
            set_away.clone(),
        );
        let opened = Counter::default();
        registry.register("work_streams_opened", "Work streams opened", opened.clone());
        let closed = Counters::<1>::default();
        registry.register("work_streams_closed", "Work streams closed, by reason", closed.clone());
        for reason in ["by_agent", "silent", "replaced", "slow", "by_server", "agent_deleted"] {
            closed.get_or_create_owned(&[("reason", reason.into())]);
        }
        Self {
            made: outcome("made"),
            accepted: outcome("accepted"),
            declined: outcome("declined"),
            missed: outcome("missed"),
            taken_back: outcome("taken_back"),
            taken_by_another: outcome("taken_by_another"),
            set_away,
            opened,
            closed,
        }
    }

    /// Counts an event that `engine` has just applied.
    pub(super) fn observe(&self, event: &Event, engine: &Engine) {
        match event {
            Event::Offered { also, .. } => drop(self.made.inc_by(1 + also.len() as u64)),
            Event::Accepted { .. } => drop(self.accepted.inc()),
            Event::Declined { .. } => drop(self.declined.inc()),
            Event::OfferMissed { set_away, .. } => {
                self.missed.inc();
                if *set_away {
                    self.set_away.inc();
                }
            }
            Event::OfferRevoked { why: Revocation::TakenByAnother, .. } => {
                self.taken_by_another.inc();
            }
            Event::OfferRevoked { .. } => drop(self.taken_back.inc()),
            Event::Cancelled { .. } => {
                let last = engine.last_finished().expect("a ticket has just ended");
                self.taken_back.inc_by(last.ticket.offers().count() as u64);
            }
            Event::WorkOpened { .. } => drop(self.opened.inc()),
            Event::WorkClosed { why, .. } => {
                let labels: Labels<1> = [("reason", reason(*why).into())];
                self.closed.get_or_create_owned(&labels).inc();
            }
            // Nothing else is about an offer or a stream.
            Event::Started
            | Event::BackOffEnded { .. }
            | Event::PolicyApplied { .. }
            | Event::PoolPaused(_)
            | Event::PoolResumed(_)
            | Event::WrapUpEnded { .. }
            | Event::AgentPut(_)
            | Event::AgentDeleted { .. }
            | Event::PresenceSet { .. }
            | Event::Submitted(_)
            | Event::Updated { .. }
            | Event::UrgencySet { .. }
            | Event::Breached { .. }
            | Event::Escalated { .. }
            | Event::Retiered { .. }
            | Event::Intervened(_)
            | Event::Overflowed { .. }
            | Event::Opened { .. }
            | Event::WaitStarted { .. }
            | Event::WaitEnded { .. }
            | Event::Assigned { .. }
            | Event::Extended { .. }
            | Event::Released { .. }
            | Event::LeaseExpired { .. }
            | Event::Completed { .. }
            | Event::Expired { .. }
            | Event::Audited(_)
            | Event::Transferred(_)
            | Event::CallbackRequested { .. }
            | Event::Queued { .. }
            | Event::Parked { .. }
            | Event::Resumed { .. } => {}
        }
    }
}

fn reason(why: WorkEnd) -> &'static str {
    match why {
        WorkEnd::ByAgent => "by_agent",
        WorkEnd::Silent => "silent",
        WorkEnd::Replaced => "replaced",
        WorkEnd::Slow => "slow",
        WorkEnd::ByServer => "by_server",
        WorkEnd::AgentDeleted => "agent_deleted",
    }
}
