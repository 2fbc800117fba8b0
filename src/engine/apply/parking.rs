//! Tickets that wait for their customers, and come back.

use super::super::Engine;
use super::super::command::Event;
use super::super::life::{Kept, Parked};
use super::super::model::{State, Time};
use super::super::needs::Needs;
use super::held;

impl Engine {
    /// It waits for its customer, and its agent is free.
    pub(super) fn parked(&mut self, at: Time, event: &Event) {
        let Event::Parked { ticket: number, token, until, keep_ms, reason } = event else {
            unreachable!("called for this event only")
        };
        let mut place = None;
        let ticket = self.ticket_numbered(*number).expect("an event names a live ticket");
        // Who had it kept has got it: what becomes of it now is for this park to say.
        let is_kept = ticket.life.as_ref().is_some_and(|life| life.kept.is_some());
        let open = is_kept.then(|| self.asked_of_anyone(ticket, ticket.tier, ticket.overflow_step));
        self.re_key(*number, |ticket| {
            if let Some(open) = open {
                ticket.needs = open;
            }
            let channel = ticket.channel;
            let assignment = held(ticket, *token);
            place = Some((assignment.agent.clone(), channel));
            ticket.state = State::Parked(Box::new(Parked {
                agent: assignment.agent.clone(),
                token: *token,
                since: at,
                until: *until,
                keep_ms: *keep_ms,
                reason: reason.clone(),
            }));
        });
        let (agent, channel) = place.expect("it was held");
        self.roster.take(&agent, *number, channel, at);
    }

    /// It waits again, for the agent who parked it if it is kept.
    pub(super) fn resume(&mut self, event: &Event) {
        let Event::Resumed { ticket, by: _, counts_from, respond_by, solve_by, kept_until } = event
        else {
            unreachable!("called for this event only")
        };
        self.re_key(*ticket, |ticket| {
            let parked = std::mem::replace(&mut ticket.state, State::Waiting);
            let State::Parked(parked) = parked else {
                unreachable!("only a parked ticket is resumed")
            };
            ticket.respond_by = *respond_by;
            ticket.solve_by = *solve_by;
            ticket.life_mut().counts_from = *counts_from;
            if let Some(until) = *kept_until {
                let only = Some(parked.agent.clone());
                ticket.needs = Needs { only, while_available: true, ..Needs::default() }.shared();
                ticket.life_mut().kept = Some(Box::new(Kept { agent: parked.agent, until }));
            }
        });
    }
}
