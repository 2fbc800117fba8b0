//! What keeps queues, timers, indexes and ledgers true while a ticket comes, changes or goes.

use super::super::life::Worked;
use super::super::model::{Finished, State, Ticket, TicketNumber};
use super::super::{Engine, FINISHED_KEPT_MAX};

impl Engine {
    /// Takes a ticket into every index but that of the ids.
    pub(in crate::engine) fn add_ticket(&mut self, mut ticket: Ticket) {
        let number = ticket.number;
        self.needs.enter(&mut ticket.needs, &mut self.roster);
        self.contacts.enter(&ticket);
        if ticket.tier_source.is_unconfirmed() {
            self.unconfirmed.insert(number);
        }
        if let Some(caller) = &ticket.caller {
            self.callers.add(number, caller);
        }
        self.enter(&ticket);
        self.tickets.insert(number, Box::new(ticket));
    }

    /// Remembers a ticket that has ended, and forgets the one that ended longest ago.
    pub(in crate::engine) fn remember(&mut self, finished: Finished) {
        if self.finished.len() == FINISHED_KEPT_MAX {
            let oldest = self.finished.pop_front().expect("it is full").ticket;
            if self.finished_by_id.get(&oldest.id) == Some(&oldest.number) {
                self.finished_by_id.remove(&oldest.id);
            }
        }
        self.finished_by_id.insert(finished.ticket.id.clone(), finished.ticket.number);
        self.finished.push_back(Box::new(finished));
    }

    pub(super) fn ticket_mut(&mut self, number: TicketNumber) -> &mut Ticket {
        self.tickets.get_mut(number).expect("an event names a live ticket")
    }

    pub(super) fn enter(&mut self, ticket: &Ticket) {
        if matches!(ticket.state, State::Quarantined(_)) {
            self.quarantined.insert(ticket.number);
        }
        if ticket.is_waiting() {
            self.queues.insert(ticket, &mut self.roster);
        }
        self.resting.enter(&ticket.state);
        self.timers.add_ticket(ticket, &self.policy);
    }

    pub(super) fn leave(&mut self, ticket: &Ticket) {
        self.quarantined.remove(&ticket.number);
        if ticket.is_waiting() {
            self.queues.remove(ticket, &self.tickets, &mut self.roster);
        }
        self.resting.leave(&ticket.state);
        self.timers.remove_ticket(ticket, &self.policy);
    }

    /// Changes one ticket and keeps queue, timers and ledger true.
    pub(in crate::engine) fn re_key(
        &mut self,
        number: TicketNumber,
        change: impl FnOnce(&mut Ticket),
    ) {
        let ticket = self.tickets.get(number).expect("an event names a live ticket");
        if ticket.is_waiting() {
            self.queues.remove(ticket, &self.tickets, &mut self.roster);
        }
        self.resting.leave(&ticket.state);
        self.timers.remove_ticket(ticket, &self.policy);
        let ticket = self.tickets.get_mut(number).expect("it was just found");
        let needed = ticket.needs.clone();
        let (before, so_far) = (ticket.leg(), ticket.ledger(self.at));
        let held = ticket.assignment().map(|held| (held.token, held.pool, held.assigned_at));
        change(ticket);
        ticket.settle_life();
        if let Some((token, pool, since)) = held
            && ticket.assignment().is_none_or(|now| now.token != token)
            // An answer that nobody heard was no work: its pick-up has just been undone.
            && ticket.picked_up_at.is_some()
        {
            ticket.add_work(Worked { pool, ms: self.at.since_ms(since) });
        }
        if ticket.leg() != before {
            ticket.enter_leg(before, so_far, self.at);
        }
        self.needs.enter(&mut ticket.needs, &mut self.roster);
        self.needs.leave(needed.as_ref(), &mut self.roster);
        if ticket.is_waiting() {
            self.queues.insert(ticket, &mut self.roster);
        }
        self.resting.enter(&ticket.state);
        self.timers.add_ticket(ticket, &self.policy);
    }
}
