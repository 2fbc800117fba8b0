//! A ticket that has ended, as the history keeps it: one row with names instead of places, so that it
//! means the same under every later policy.

use super::{Decided, Seq};
use crate::engine::command::{Earlier, Event};
use crate::engine::contacts::{Contact, Previous};
use crate::engine::life::{Ledger, Worked, add_work};
use crate::engine::model::{
    AgentId, Channel, Content, Ending, Finished, LeaseToken, Policy, PoolIx, Ticket, TicketId,
    TicketNumber, TierSource, Time,
};
use crate::engine::timing::Urgency;
use std::sync::Arc;

/// How a ticket of the history ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FinishedState {
    /// An agent completed it.
    Completed,
    /// It was withdrawn, or the customer hung up.
    Cancelled,
    /// Its time to live was over before anyone picked it up.
    Expired,
}

impl FinishedState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Completed, Self::Cancelled, Self::Expired];

    /// The state's name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
        }
    }
}

/// A ticket of the history whose agent has written it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenUp {
    /// Its name.
    pub id: TicketId,
    /// Its place in the order of arrival.
    pub number: TicketNumber,
    /// How long that took, in milliseconds.
    pub spent_ms: i64,
}

impl WrittenUp {
    /// What an event says of it.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let Event::WrapUpEnded { ticket, id, spent_ms, .. } = event else { return None };
        Some(Self { id: id.clone(), number: *ticket, spent_ms: *spent_ms })
    }
}

/// One row of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedRow {
    /// The event that ended it.
    pub seq: Seq,
    /// Its place in the order of arrival.
    pub number: TicketNumber,
    /// The name callers know it by; a name may come again after its ticket has ended.
    pub id: TicketId,
    /// How the customer reached us.
    pub channel: Channel,
    /// The tier that served it, by name.
    pub tier: Arc<str>,
    /// Where the tier came from.
    pub tier_source: TierSource,
    /// The customer's id, as far as it was known.
    pub customer_id: Option<Box<str>>,
    /// What it was about.
    pub content: Arc<Content>,
    /// Completed, cancelled or expired.
    pub state: FinishedState,
    /// Who completed it, or held it when it was withdrawn.
    pub agent: Option<AgentId>,
    /// The pool on whose behalf, by name.
    pub pool: Option<Arc<str>>,
    /// When it was submitted.
    pub submitted_at: Time,
    /// When an agent first picked it up, if one did.
    pub picked_up_at: Option<Time>,
    /// When it ended.
    pub finished_at: Time,
    /// From the beginning of its clocks until it was picked up, or until it ended if it never was; milliseconds.
    pub wait_ms: i64,
    /// From the last assignment until it was completed; milliseconds; `None` when cancelled.
    pub handle_ms: Option<i64>,
    /// When someone had to have picked it up.
    pub respond_by: Time,
    /// When it had to be completed, if that was promised.
    pub solve_by: Option<Time>,
    /// Whether an agent picked it up by `respond_by`.
    pub response_in_time: bool,
    /// Whether it was completed by `solve_by`. `None` when nothing was promised, and when it was
    /// withdrawn before the promise was broken.
    pub solution_in_time: Option<bool>,
    /// How many times it was assigned.
    pub assigned_count: u32,
    /// One word on how it went, when completed.
    pub outcome: Option<Box<str>>,
    /// A line for people, when completed.
    pub note: Option<Box<str>>,
    /// Why it was withdrawn, when cancelled.
    pub reason: Option<Box<str>>,
    /// What made the customer a burden, when completed and something did.
    pub burden: Option<Box<str>>,
    /// How long agents had it in hand, by pool, where that is not `handle_ms` in `pool` alone.
    pub work: Box<[Work]>,
    /// A digest of the submit as it was asked.
    pub fingerprint: u64,
    /// The token that completed it.
    pub token: Option<LeaseToken>,
    /// Where its time went, and its agent's after its end; empty for tickets that earlier releases ended.
    pub legs: Ledger,
    /// How soon it mattered in the end; `None` for tickets that earlier releases ended.
    pub urgency: Option<Urgency>,
    /// How many steps of its tier's ladder were taken; `None` likewise.
    pub escalation_step: Option<u8>,
    /// The decision by which the agent got it in whose hands or before whom it was when it ended; `None` if
    /// it was nobody's, and likewise.
    pub decided: Option<Box<Decided>>,
    /// Its topic, and its place among the contacts of its customer; `None` without a topic, and likewise. The
    /// number of the contact before it is not kept, and 0.
    pub contact: Option<Box<Contact>>,
}

/// How long agents of one pool had a ticket in hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The pool by name; empty for pools that a later policy has dropped.
    pub pool: Arc<str>,
    /// Milliseconds, at least 0.
    pub ms: i64,
}

/// All work on a ticket, unless it was one agent's who completed it: that is said without it.
fn work_of(ticket: &Ticket, ending: &Ending, at: Time, policy: &Policy) -> Box<[Work]> {
    let earlier = ticket.life.as_deref().map(|life| &*life.worked).unwrap_or_default();
    let last = ticket
        .assignment()
        .filter(|_| !(earlier.is_empty() && matches!(ending, Ending::Completed { .. })));
    let last = last.map(|held| Worked { pool: held.pool, ms: at.since_ms(held.assigned_at) });
    let mut all = earlier.to_vec();
    if let Some(last) = last {
        add_work(&mut all, last);
    }
    let name =
        |pool: Option<PoolIx>| pool.map_or_else(Arc::default, |p| policy.pool(p).name.clone());
    let mut all: Vec<_> =
        all.iter().map(|worked| Work { pool: name(worked.pool), ms: worked.ms }).collect();
    all.sort_unstable_by(|a, b| a.pool.cmp(&b.pool));
    all.into()
}

/// Its place among the contacts of its customer, as a row keeps it.
fn contact_of(ticket: &Ticket) -> Option<Box<Contact>> {
    let mut contact = ticket.contact()?.clone();
    contact.previous =
        contact.previous.map(|previous| Previous { number: TicketNumber(0), ..previous });
    Some(Box::new(contact))
}

impl FinishedRow {
    /// The row of a ticket that event `seq` ended under `policy`.
    pub fn of(finished: &Finished, policy: &Policy, seq: Seq) -> Self {
        let Finished { ticket, ending, finished_at, wrap_up_ms: _ } = finished;
        let assignment = ticket.assignment();
        let decision = assignment.or(ticket.offer());
        let decided = decision.map(|decision| Box::new(Decided::of(ticket, decision, policy)));
        let mut row = Self {
            seq,
            number: ticket.number,
            id: ticket.id.clone(),
            channel: ticket.channel,
            tier: policy.tier(ticket.tier).name.clone(),
            tier_source: ticket.tier_source,
            customer_id: ticket.customer_id().map(Into::into),
            content: ticket.content.clone(),
            state: FinishedState::Cancelled,
            agent: assignment.map(|assignment| assignment.agent.clone()),
            pool: assignment
                .and_then(|assignment| assignment.pool)
                .map(|pool| policy.pool(pool).name.clone()),
            submitted_at: ticket.submitted_at,
            picked_up_at: ticket.picked_up_at,
            finished_at: *finished_at,
            // Who is withdrawn before the clocks begin has not waited.
            wait_ms: ticket
                .picked_up_at
                .unwrap_or(*finished_at)
                .since_ms(ticket.starts_at())
                .max(0),
            handle_ms: None,
            respond_by: ticket.respond_by,
            solve_by: ticket.solve_by,
            // Parking moves the deadline of a ticket that was answered long before.
            response_in_time: ticket.picked_up_at.is_some() && !ticket.response_breached,
            solution_in_time: ticket.solve_by.filter(|by| finished_at > by).map(|_| false),
            assigned_count: ticket.assigned_count,
            outcome: None,
            note: None,
            reason: None,
            burden: None,
            work: work_of(ticket, ending, *finished_at, policy),
            fingerprint: ticket.fingerprint,
            token: None,
            legs: finished.ledger(),
            urgency: Some(ticket.urgency),
            escalation_step: Some(ticket.escalation_step),
            decided,
            contact: contact_of(ticket),
        };
        match ending {
            Ending::Completed { agent, token, assigned_at, report } => {
                row.state = FinishedState::Completed;
                row.agent = Some(agent.clone());
                row.handle_ms = Some(finished_at.since_ms(*assigned_at));
                row.solution_in_time = ticket.solve_by.map(|by| *finished_at <= by);
                row.outcome = Some(report.outcome.clone());
                row.note = Some(report.note.clone());
                row.burden = Some(report.burden.clone()).filter(|burden| !burden.is_empty());
                row.token = Some(*token);
            }
            Ending::Cancelled { reason } => row.reason = Some(reason.clone()),
            Ending::Expired => row.state = FinishedState::Expired,
        }
        row
    }

    /// What the engine asks about a ticket that has left memory.
    pub fn earlier(&self) -> Earlier {
        Earlier {
            number: self.number,
            fingerprint: self.fingerprint,
            completed_with: self.token,
            has_expired: self.state == FinishedState::Expired,
        }
    }
}
