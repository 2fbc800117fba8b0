//! What becomes known of a ticket's customer after the submit.

use super::super::Engine;
use super::super::coding::Known;
use super::super::command::Event;
use super::super::contacts::Who;
use super::super::model::TicketNumber;
use std::sync::Arc;

impl Engine {
    /// Who is asking is better known.
    pub(super) fn learn(
        &mut self,
        number: TicketNumber,
        customer_id: Option<&str>,
        known: Option<&Known>,
    ) {
        let ticket = self.tickets.get_mut(number).expect("an event names a live ticket");
        if let Some(caller) = &mut ticket.caller {
            self.callers.remove(number, caller);
            Arc::make_mut(caller).learn(customer_id, known);
            self.callers.add(number, caller);
        }
    }

    pub(super) fn retiered(&mut self, event: &Event) {
        let Event::Retiered {
            ticket: number,
            tier,
            source,
            was: _,
            customer_id,
            known,
            respond_by,
            solve_by,
            overflow_step,
            pools,
            expires_at,
            needs,
            wish,
        } = event
        else {
            unreachable!("called for this event only")
        };
        let live = self.ticket_numbered(*number);
        let before = live.and_then(|live| live.caller.as_deref()).map(Who::of);
        self.learn(*number, customer_id.as_deref(), known.as_deref());
        self.re_key(*number, |ticket| {
            if ticket.tier != *tier {
                // Another ladder is climbed from its foot: what is due of it by now follows at once.
                ticket.escalation_step = 0;
                ticket.guard_permille = None;
            }
            ticket.tier = *tier;
            ticket.tier_source = *source;
            ticket.tier_age_ms = 0;
            ticket.respond_by = *respond_by;
            ticket.solve_by = *solve_by;
            ticket.overflow_step = *overflow_step;
            ticket.pools = *pools;
            if ticket.expires_at() != *expires_at {
                ticket.life_mut().expires_at = *expires_at;
            }
            ticket.needs.clone_from(needs);
            if wish.is_some() {
                ticket.life_mut().wish.clone_from(wish);
            }
        });
        self.contact_known(*number, before);
        if source.is_unconfirmed() {
            self.unconfirmed.insert(*number);
        } else {
            self.unconfirmed.remove(number);
        }
    }
}
