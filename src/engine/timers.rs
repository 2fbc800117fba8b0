//! What falls due when. A ticket's next instant is a pure function of the ticket and the policy, so
//! the index holds one entry a ticket, and nothing can be forgotten by cancelling the wrong timer.

use super::escalation;
use super::model::{Agent, AgentId, Policy, State, Ticket, TicketNumber, Time};
use super::shelf::Shelf;
use super::wish::Wish;
use super::wrap_up::WrapUp;
use std::collections::BTreeSet;

/// What falls due on a ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// Its wait opens it to more pools, or less is required.
    Overflow,
    /// Its preferred agent is waited for no longer.
    PreferenceEnd,
    /// The next step of its tier's ladder.
    Escalation,
    /// Its response deadline has passed.
    ResponseBreach,
    /// Its solution deadline has passed.
    SolutionBreach,
    /// Its lease has ended.
    LeaseEnd,
    /// It was scheduled for this instant.
    Opening,
    /// It has been parked for as long as it may be.
    ParkEnd,
    /// Its time to live is over.
    Expiry,
    /// Its offer has ended.
    OfferEnd,
}

/// The first thing that falls due on a ticket, and when; ties in the order of [`Due`].
pub fn next_due(ticket: &Ticket, policy: &Policy) -> Option<(Time, Due)> {
    // A deadline holds up to and including its own instant.
    let response = || {
        (ticket.picked_up_at.is_none() && !ticket.response_breached)
            .then(|| (ticket.respond_by.plus_ms(1), Due::ResponseBreach))
    };
    let solution = || {
        let open = ticket.solve_by.filter(|_| !ticket.solution_breached);
        open.map(|by| (by.plus_ms(1), Due::SolutionBreach))
    };
    match &ticket.state {
        State::Waiting => {
            let step = policy.tier(ticket.tier).overflow.get(usize::from(ticket.overflow_step));
            let drop_ms = ticket.wish().and_then(Wish::next_drop_ms);
            let after_ms = step.map(|step| step.after_ms).into_iter().chain(drop_ms).min();
            let overflow = after_ms
                .filter(|_| !ticket.has_fixed_route())
                .map(|ms| (ticket.counts_from().plus_ms(ms), Due::Overflow));
            let preference = ticket.preference_until().map(|at| (at, Due::PreferenceEnd));
            let expiry = ticket.expires_at().filter(|_| ticket.picked_up_at.is_none());
            let expiry = expiry.map(|at| (at, Due::Expiry));
            let escalation = escalation::next_at(ticket, policy).map(|at| (at, Due::Escalation));
            let all = [response(), solution(), overflow, preference, escalation, expiry];
            all.into_iter().flatten().min()
        }
        // Of several offers the first ends first, and the next is then the first.
        State::Offered(offers) => {
            let end = Some((offers.first.lease_until, Due::OfferEnd));
            [response(), solution(), end].into_iter().flatten().min()
        }
        State::Assigned(held) => {
            let lease = Some((held.lease_until, Due::LeaseEnd));
            [response(), solution(), lease].into_iter().flatten().min()
        }
        // Nobody's clock runs while a ticket is scheduled or parked.
        State::Scheduled { opens_at } => Some((*opens_at, Due::Opening)),
        State::Parked(parked) => Some((parked.until, Due::ParkEnd)),
        State::Quarantined(_) => [response(), solution()].into_iter().flatten().min(),
    }
}

/// The instants that something falls due, first to last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timers {
    tickets: Shelf<(Time, TicketNumber)>,
    waits: BTreeSet<(Time, AgentId)>,
    back_offs: BTreeSet<(Time, AgentId, TicketNumber)>,
    wrap_ups: BTreeSet<(Time, AgentId, TicketNumber)>,
}

impl Timers {
    /// The first instant at which anything falls due.
    pub fn next_at(&self) -> Option<Time> {
        let ticket = self.tickets.first().map(|(at, _)| at);
        let wait = self.waits.first().map(|(at, _)| *at);
        let back_off = self.back_offs.first().map(|(at, ..)| *at);
        let wrap_up = self.wrap_ups.first().map(|(at, ..)| *at);
        ticket.into_iter().chain(wait).chain(back_off).chain(wrap_up).min()
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

    /// The first agent to whom a ticket may be offered again by `now`, and the ticket.
    pub fn due_back_off(&self, now: Time) -> Option<(&AgentId, TicketNumber)> {
        let (_, agent, ticket) = self.back_offs.first().filter(|(at, ..)| *at <= now)?;
        Some((agent, *ticket))
    }

    /// The first agent with a wrap-up that is over by `now`, and the ticket.
    pub fn due_wrap_up(&self, now: Time) -> Option<(&AgentId, TicketNumber)> {
        let (_, agent, ticket) = self.wrap_ups.first().filter(|(at, ..)| *at <= now)?;
        Some((agent, *ticket))
    }

    /// Whether the end of each of the agent's wrap-ups is noted.
    pub(super) fn holds_wrap_ups(&self, agent: &Agent) -> bool {
        let noted = |wrap: &WrapUp| (wrap.until, agent.id.clone(), wrap.ticket);
        agent.wrapping.iter().all(|wrap| self.wrap_ups.contains(&noted(wrap)))
    }

    pub(super) fn add_wrap_up(&mut self, agent: &AgentId, wrap: &WrapUp) {
        let is_new = self.wrap_ups.insert((wrap.until, agent.clone(), wrap.ticket));
        assert!(is_new, "a wrap-up ends once");
    }

    pub(super) fn add_wrap_ups(&mut self, agent: &Agent) {
        agent.wrapping.iter().for_each(|wrap| self.add_wrap_up(&agent.id, wrap));
    }

    pub(super) fn remove_wrap_up(&mut self, agent: &AgentId, wrap: &WrapUp) {
        let known = self.wrap_ups.remove(&(wrap.until, agent.clone(), wrap.ticket));
        assert!(known, "a wrap-up's end is known");
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

    pub(super) fn add_back_offs(&mut self, agent: &Agent) {
        for (number, declined) in &agent.declined {
            if let Some(until) = declined.until {
                let is_new = self.back_offs.insert((until, agent.id.clone(), *number));
                assert!(is_new, "a back-off ends once");
            }
        }
    }

    pub(super) fn remove_back_offs(&mut self, agent: &Agent) {
        for number in agent.declined.keys() {
            self.remove_back_off(agent, *number);
        }
    }

    /// Forgets the back-off of that ticket, if one is running.
    pub(super) fn remove_back_off(&mut self, agent: &Agent, number: TicketNumber) {
        let declined = agent.declined.get(&number);
        if let Some(until) = declined.and_then(|declined| declined.until) {
            let known = self.back_offs.remove(&(until, agent.id.clone(), number));
            assert!(known, "a back-off's end is known");
        }
    }
}
