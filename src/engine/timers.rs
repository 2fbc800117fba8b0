//! What falls due when. A ticket's next instant is a pure function of the ticket and the policy, so
//! the index holds one entry a ticket, and nothing can be forgotten by cancelling the wrong timer.

use super::Engine;
use super::model::{Agent, AgentId, Policy, State, Ticket, TicketNumber, Time};
use super::shelf::Shelf;
use std::collections::BTreeSet;

/// What falls due on a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// Its wait opens it to more pools, or less is required.
    Overflow,
    /// Its preferred agent is waited for no longer.
    PreferenceEnd,
    /// Its response deadline has passed.
    ResponseBreach,
    /// Its solution deadline has passed.
    SolutionBreach,
    /// Its lease has ended.
    LeaseEnd,
}

/// The first thing that falls due on a ticket, and when; ties in the order of [`Due`].
pub fn next_due(ticket: &Ticket, policy: &Policy) -> Option<(Time, Due)> {
    // A deadline holds up to and including its own instant.
    let response = (ticket.picked_up_at.is_none() && !ticket.response_breached)
        .then(|| (ticket.respond_by.plus_ms(1), Due::ResponseBreach));
    let solution = ticket
        .solve_by
        .filter(|_| !ticket.solution_breached)
        .map(|by| (by.plus_ms(1), Due::SolutionBreach));
    let other = match &ticket.state {
        State::Waiting => {
            let step = policy.tier(ticket.tier).overflow.get(usize::from(ticket.overflow_step));
            let drop_ms = ticket.wish.as_ref().and_then(|wish| wish.next_drop_ms());
            let after_ms = step.map(|step| step.after_ms).into_iter().chain(drop_ms).min();
            let overflow = after_ms.map(|ms| (ticket.submitted_at.plus_ms(ms), Due::Overflow));
            let preference = Engine::preference_until(ticket).map(|at| (at, Due::PreferenceEnd));
            overflow.into_iter().chain(preference).min()
        }
        State::Assigned(assignment) => Some((assignment.lease_until, Due::LeaseEnd)),
        State::Quarantined(_) => None,
    };
    [response, solution, other].into_iter().flatten().min()
}

/// The instants that something falls due, first to last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timers {
    tickets: Shelf<(Time, TicketNumber)>,
    waits: BTreeSet<(Time, AgentId)>,
}

impl Timers {
    /// The first instant at which anything falls due.
    pub fn next_at(&self) -> Option<Time> {
        let ticket = self.tickets.first().map(|(at, _)| at);
        let wait = self.waits.first().map(|(at, _)| *at);
        ticket.into_iter().chain(wait).min()
    }

    /// The first ticket on which something is due by `now`.
    pub fn due_ticket(&self, now: Time) -> Option<TicketNumber> {
        self.tickets.first().filter(|(at, _)| *at <= now).map(|(_, number)| number)
    }

    /// The first agent whose wait is over by `now`.
    pub fn due_wait(&self, now: Time) -> Option<&AgentId> {
        self.waits.first().filter(|(at, _)| *at <= now).map(|(_, agent)| agent)
    }

    /// Whether something is noted for that ticket at that instant.
    pub(super) fn holds(&self, at: Time, number: TicketNumber) -> bool {
        self.tickets.get((at, number)).is_some()
    }

    /// Whether the end of the agent's wait is noted, if the agent waits.
    pub(super) fn holds_wait(&self, agent: &Agent) -> bool {
        let wait = agent.wait.as_ref();
        wait.is_none_or(|wait| self.waits.contains(&(wait.until, agent.id.clone())))
    }

    /// What is noted of tickets after that place, first to last.
    pub(super) fn tickets_after(
        &self,
        after: (Time, TicketNumber),
    ) -> impl Iterator<Item = (Time, TicketNumber)> {
        self.tickets.after(after).map(|(key, ())| key)
    }

    pub(super) fn add_ticket(&mut self, ticket: &Ticket, policy: &Policy) {
        if let Some((at, _)) = next_due(ticket, policy) {
            self.tickets.insert((at, ticket.number), ());
        }
    }

    pub(super) fn remove_ticket(&mut self, ticket: &Ticket, policy: &Policy) {
        if let Some((at, _)) = next_due(ticket, policy) {
            let known = self.tickets.remove((at, ticket.number));
            assert!(known.is_some(), "a ticket's timer is known");
        }
    }

    pub(super) fn add_wait(&mut self, agent: &Agent) {
        if let Some(wait) = &agent.wait {
            assert!(self.waits.insert((wait.until, agent.id.clone())), "an agent waits once");
        }
    }

    pub(super) fn remove_wait(&mut self, agent: &Agent) {
        if let Some(wait) = &agent.wait {
            assert!(self.waits.remove(&(wait.until, agent.id.clone())), "a wait's end is known");
        }
    }
}
