//! Tickets that wait for their customers, and come back.

use super::super::Engine;
use super::super::command::Event;
use super::super::life::{Kept, Parked};
use super::super::model::{State, TicketNumber, Time};
use super::super::needs::Needs;
use super::held;
use std::sync::Arc;

impl Engine {
    /// It waits for its customer, and its agent is free.
    pub(super) fn parked(&mut self, at: Time, event: &Event) {
        let Event::Parked { ticket: number, token, until, keep_ms, reason } = event else {
            unreachable!("called for this event only")
        };
        let mut place = None;
        // It has been in somebody's hands since it was kept: what becomes of it now is for this park to say.
        let needs = self.needs_without_keeping(*number);
        self.re_key(*number, |ticket| {
            ticket.needs = needs;
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

    /// Whom a ticket needs if it is kept for nobody any more.
    pub(super) fn needs_without_keeping(&self, number: TicketNumber) -> Option<Arc<Needs>> {
        let ticket = self.ticket_numbered(number).expect("an event names a live ticket");
        match ticket.kept() {
            Some(_) => self.asked_of_anyone(ticket, ticket.tier, ticket.overflow_step),
            None => ticket.needs.clone(),
        }
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
