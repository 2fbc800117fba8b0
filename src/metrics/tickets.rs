//! What happens to tickets, counted by tier and channel on the driver's own path.
//!
//! The counters of every tier and channel are held by their indexes, so that an event costs a few
//! nanoseconds: no name is hashed and nothing is allocated. They are looked up anew when the policy
//! changes.

use super::wrap_ups::WrapUps;
use super::{Counters, Histograms, seconds};
use crate::engine::Engine;
use crate::engine::command::{Deadline, Event};
use crate::engine::model::{Channel, Ending, Policy, Ticket, TierIx, TierSource, Time};
use crate::engine::quarantine::{Audited, Flaw};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::sync::{Arc, Mutex, OnceLock};

/// Waits: from seconds on the telephone to days in the mail.
const WAIT_BUCKETS: [f64; 24] = [
    0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0, 90.0, 120.0, 180.0, 300.0, 600.0,
    1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 86_400.0, 172_800.0, 604_800.0,
];
/// Handling: from a word to a working day.
pub(super) const HANDLE_BUCKETS: [f64; 18] = [
    1.0, 5.0, 10.0, 30.0, 60.0, 90.0, 120.0, 180.0, 240.0, 300.0, 420.0, 600.0, 900.0, 1800.0,
    3600.0, 7200.0, 14_400.0, 28_800.0,
];

/// The counters by tier and channel, each under its names.
struct Families {
    submitted: Counters<2>,
    picked_up: Counters<2>,
    in_time: Counters<2>,
    completed: Counters<2>,
    cancelled: Counters<2>,
    abandoned: Counters<2>,
    breached: Counters<3>,
    lease_expired: Counters<2>,
    retiered: Counters<2>,
    expired: Counters<2>,
    parked: Counters<2>,
    transferred: Counters<2>,
    dead_lettered: Counters<2>,
    callbacks: Counters<2>,
    escalated: Counters<2>,
    wait: Histograms<2>,
    handle: Histograms<2>,
}

/// The series of one tier and channel.
struct Cell {
    labels: super::Labels<2>,
    submitted: Counter,
    picked_up: Counter,
    in_time: Counter,
    completed: Counter,
    cancelled: Counter,
    abandoned: Counter,
    response_breached: Counter,
    solution_breached: Counter,
    lease_expired: Counter,
    retiered: Counter,
    expired: Counter,
    parked: Counter,
    transferred: Counter,
    dead_lettered: Counter,
    callbacks: Counter,
    // A histogram is two dozen series: most tiers use few of the channels.
    wait: OnceLock<Histogram>,
    handle: OnceLock<Histogram>,
}

/// The cells of one policy, by tier and then by channel.
struct Keyed {
    policy: Arc<Policy>,
    cells: Vec<Cell>,
}

pub(super) struct Tickets {
    families: Families,
    sources: [Counter; TierSource::ALL.len()],
    audit_faults: [Counter; Flaw::ALL.len()],
    wrap_ups: WrapUps,
    // Nobody but the driver's thread ever takes this lock.
    keyed: Mutex<Option<Keyed>>,
}

impl Tickets {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let tickets = registry.sub_registry_with_prefix("tickets");
        let mut counters = |name: &str, help: &str| {
            let family = Counters::default();
            tickets.register(name, help, Family::clone(&family));
            family
        };
        let submitted = counters("submitted", "Tickets taken in");
        let picked_up = counters("picked_up", "Tickets that an agent picked up");
        let in_time = counters("in_time", "Tickets picked up by their response deadline");
        let completed = counters("completed", "Tickets completed");
        let cancelled = counters("cancelled", "Tickets withdrawn, picked up or not");
        let abandoned = counters("abandoned", "Tickets withdrawn before anyone picked them up");
        let lease_expired = counters("lease_expired", "Leases that ended by themselves");
        let retiered = counters("retiered", "Tickets whose tier was corrected, by the new tier");
        let expired =
            counters("expired", "Tickets that ended by themselves before anyone picked them up");
        let parked = counters("parked", "Times that a ticket was parked for its customer");
        let transferred = counters("transferred", "Times that an agent gave a ticket on");
        let dead_lettered = counters(
            "dead_lettered",
            "Tickets that came back too often and went to their dead-letter pool",
        );
        let callbacks = counters(
            "callbacks_requested",
            "Times that a waiting ticket became a callback or was given another number or time",
        );
        let escalated =
            counters("escalated", "Steps of the tiers' ladders that were taken, by step");
        let breached = Counters::default();
        tickets.register(
            "breached",
            "Deadlines that passed: response (nobody there yet) or solution (not completed)",
            Family::clone(&breached),
        );
        let source = Counters::default();
        tickets.register(
            "tier_source",
            "Tickets taken in, by where their tier came from: found, unknown_customer, stale, \
             unavailable, given, unknown_tier",
            Family::clone(&source),
        );
        let wait: Histograms<2> = Family::new_with_constructor(|| Histogram::new(WAIT_BUCKETS));
        registry.register_with_unit(
            "wait",
            "How long tickets waited until an agent picked them up",
            Unit::Seconds,
            Family::clone(&wait),
        );
        let handle: Histograms<2> = Family::new_with_constructor(|| Histogram::new(HANDLE_BUCKETS));
        registry.register_with_unit(
            "handle",
            "How long the agent who completed a ticket had held it",
            Unit::Seconds,
            Family::clone(&handle),
        );
        let faults = Counters::default();
        registry.register(
            "audit_faults",
            "What audits found not to hold, each made harmless: a fault of a ticket (queue, timer, holder, \
             token, id, confirmation) quarantines it, the others (agent, stray, counts) are repaired",
            Family::clone(&faults),
        );
        let audit_faults =
            Flaw::ALL.map(|flaw| faults.get_or_create_owned(&[("flaw", flaw.name().into())]));
        let sources = TierSource::ALL
            .map(|from| source.get_or_create_owned(&[("source", from.name().into())]));
        let families = Families {
            submitted,
            picked_up,
            in_time,
            completed,
            cancelled,
            abandoned,
            breached,
            lease_expired,
            retiered,
            expired,
            parked,
            transferred,
            dead_lettered,
            callbacks,
            escalated,
            wait,
            handle,
        };
        let wrap_ups = WrapUps::register(registry);
        Self { families, sources, audit_faults, wrap_ups, keyed: Mutex::new(None) }
    }

    /// Counts an event that `engine` has just applied.
    #[expect(clippy::too_many_lines, reason = "one arm for each event")]
    pub(super) fn observe(&self, now: Time, event: &Event, engine: &Engine) {
        let mut keyed = self.keyed.lock().expect("nothing panics while it is held");
        let current = keyed.as_ref().is_some_and(|k| Arc::ptr_eq(&k.policy, engine.policy()));
        if !current {
            *keyed = Some(self.families.keyed(engine.policy()));
        }
        let keyed = keyed.as_ref().expect("it was just set");
        let live = |number| engine.ticket_numbered(number).expect("an event names a live ticket");
        match event {
            Event::Submitted(submitted) => {
                keyed.cell(submitted.tier, submitted.channel).submitted.inc();
                self.sources[submitted.tier_source as usize].inc();
            }
            Event::Assigned { ticket, .. } | Event::Accepted { ticket, .. } => {
                let ticket = live(*ticket);
                if ticket.picked_up_at == Some(now) {
                    let cell = keyed.of(ticket);
                    cell.picked_up.inc();
                    if now <= ticket.respond_by {
                        cell.in_time.inc();
                    }
                    let wait = cell
                        .wait
                        .get_or_init(|| self.families.wait.get_or_create_owned(&cell.labels));
                    wait.observe(seconds(now.since_ms(ticket.counts_from())));
                }
            }
            Event::Breached { ticket, deadline } => {
                let cell = keyed.of(live(*ticket));
                match deadline {
                    Deadline::Response => cell.response_breached.inc(),
                    Deadline::Solution => cell.solution_breached.inc(),
                };
            }
            Event::Escalated { ticket, escalation_step, .. } => {
                let tier = &engine.policy().tier(live(*ticket).tier).name;
                let step = escalation_step.to_string().into();
                let labels = [("tier", tier.clone()), ("step", step)];
                self.families.escalated.get_or_create_owned(&labels).inc();
            }
            Event::LeaseExpired { ticket, dead_letter, .. } => {
                let cell = keyed.of(live(*ticket));
                cell.lease_expired.inc();
                cell.dead_lettered.inc_by(u64::from(dead_letter.is_some()));
            }
            Event::Released { ticket, dead_letter, .. } => {
                let cell = keyed.of(live(*ticket));
                cell.dead_lettered.inc_by(u64::from(dead_letter.is_some()));
            }
            Event::Transferred(moved) => {
                let cell = keyed.of(live(moved.ticket));
                // What supervisors move is an event of its own.
                cell.transferred.inc_by(u64::from(moved.token.is_some()));
                cell.dead_lettered.inc_by(u64::from(moved.is_dead_letter));
            }
            Event::CallbackRequested { ticket, .. } => {
                keyed.of(live(*ticket)).callbacks.inc();
            }
            Event::Retiered { ticket, .. } => {
                keyed.of(live(*ticket)).retiered.inc();
            }
            Event::Parked { ticket, .. } => {
                keyed.of(live(*ticket)).parked.inc();
            }
            Event::Completed { .. } | Event::Cancelled { .. } | Event::Expired { .. } => {
                let finished = engine.last_finished().expect("a ticket has just ended");
                let cell = keyed.of(&finished.ticket);
                match &finished.ending {
                    Ending::Completed { assigned_at, .. } => {
                        cell.completed.inc();
                        let handle = cell
                            .handle
                            .get_or_init(|| self.families.handle.get_or_create_owned(&cell.labels));
                        handle.observe(seconds(now.since_ms(*assigned_at)));
                    }
                    Ending::Cancelled { .. } => {
                        cell.cancelled.inc();
                        let ticket = &finished.ticket;
                        // Who is to be called back has left the line already.
                        if ticket.picked_up_at.is_none() && ticket.callback_number().is_none() {
                            cell.abandoned.inc();
                        }
                    }
                    Ending::Expired => {
                        cell.expired.inc();
                    }
                }
            }
            Event::WrapUpEnded { by, spent_ms, .. } => self.wrap_ups.ended(*by, *spent_ms),
            Event::Audited(Audited::Quarantined { flaw, .. } | Audited::Repaired { flaw }) => {
                self.audit_faults[*flaw as usize].inc();
            }
            Event::Audited(Audited::Released { .. })
            | Event::Started
            | Event::WorkOpened { .. }
            | Event::WorkClosed { .. }
            | Event::Offered { .. }
            | Event::Declined { .. }
            | Event::OfferMissed { .. }
            | Event::OfferRevoked { .. }
            | Event::BackOffEnded { .. }
            | Event::PolicyApplied { .. }
            | Event::AgentPut(_)
            | Event::AgentDeleted { .. }
            | Event::PresenceSet { .. }
            | Event::PoolPaused(_)
            | Event::PoolResumed(_)
            | Event::Updated { .. }
            | Event::UrgencySet { .. }
            | Event::Intervened(_)
            | Event::Overflowed { .. }
            | Event::Opened { .. }
            | Event::WaitStarted { .. }
            | Event::WaitEnded { .. }
            | Event::Extended { .. }
            | Event::Queued { .. }
            | Event::Resumed { .. } => {}
        }
    }
}

impl Families {
    /// The series of every tier and channel of `policy`; a tier that was there before counts on.
    fn keyed(&self, policy: &Arc<Policy>) -> Keyed {
        for tier in &policy.tiers {
            // A series from the start, so that the first step is seen as a rise.
            for step in 1..=tier.timing.escalation.len().max(1) {
                let labels = [("tier", tier.name.clone()), ("step", step.to_string().into())];
                self.escalated.get_or_create_owned(&labels);
            }
        }
        let cells = policy.tiers.iter().flat_map(|tier| {
            Channel::ALL.map(|channel| self.cell(&tier.name, channel.name().into()))
        });
        Keyed { policy: policy.clone(), cells: cells.collect() }
    }

    fn cell(&self, tier: &Arc<str>, channel: Arc<str>) -> Cell {
        let labels = [("tier", tier.clone()), ("channel", channel)];
        let breached = |deadline: &str| {
            let [tier, channel] = labels.clone();
            self.breached.get_or_create_owned(&[tier, channel, ("deadline", deadline.into())])
        };
        let counter = |family: &Counters<2>| family.get_or_create_owned(&labels);
        Cell {
            submitted: counter(&self.submitted),
            picked_up: counter(&self.picked_up),
            in_time: counter(&self.in_time),
            completed: counter(&self.completed),
            cancelled: counter(&self.cancelled),
            abandoned: counter(&self.abandoned),
            response_breached: breached("response"),
            solution_breached: breached("solution"),
            lease_expired: counter(&self.lease_expired),
            retiered: counter(&self.retiered),
            expired: counter(&self.expired),
            parked: counter(&self.parked),
            transferred: counter(&self.transferred),
            dead_lettered: counter(&self.dead_lettered),
            callbacks: counter(&self.callbacks),
            wait: OnceLock::new(),
            handle: OnceLock::new(),
            labels,
        }
    }
}

impl Keyed {
    fn of(&self, ticket: &Ticket) -> &Cell {
        self.cell(ticket.tier, ticket.channel)
    }

    fn cell(&self, tier: TierIx, channel: Channel) -> &Cell {
        &self.cells[usize::from(tier.0) * Channel::ALL.len() + channel.index()]
    }
}
