//! Whether the engine is what it must be: every index rebuilt from scratch and compared.

use super::Engine;
use super::model::State;

impl Engine {
    /// Checks every invariant: each live ticket is in exactly one place, each lease belongs to an
    /// agent who holds the ticket, and every index is what the tickets and agents say. Takes time in
    /// proportion to what is held. The error names the first thing that does not hold.
    pub fn audit(&self) -> Result<(), String> {
        let rebuilt = Self::from_image(self.image(), self.limits);
        for (part, same) in [
            ("roster", rebuilt.roster == self.roster),
            ("ids", rebuilt.ids == self.ids),
            ("queues", rebuilt.queues == self.queues),
            ("needs", rebuilt.needs == self.needs),
            ("timers", rebuilt.timers == self.timers),
            ("unconfirmed tickets", rebuilt.unconfirmed == self.unconfirmed),
            ("finished tickets", rebuilt.finished_by_id == self.finished_by_id),
        ] {
            if !same {
                return Err(format!("the index of {part} is not what tickets and agents say"));
            }
        }
        let waiting: usize = self.queues.iter().map(|(_, queue)| queue.len()).sum();
        if waiting != self.queues.waiting_count() {
            return Err(format!("{waiting} tickets wait, counted {}", self.queues.waiting_count()));
        }
        let mut held = 0;
        for ticket in self.tickets.values() {
            if let State::Assigned(assignment) | State::Offered(assignment) = &ticket.state {
                held += 1;
                let holder = self.roster.get(&assignment.agent);
                if !holder.is_some_and(|agent| agent.held.contains(&ticket.number)) {
                    return Err(format!("ticket {} is held by nobody", ticket.number.0));
                }
                if assignment.token >= self.next_token {
                    return Err(format!("ticket {} has a token from the future", ticket.number.0));
                }
            }
        }
        for agent in self.roster.iter().filter(|agent| agent.wait.is_some()) {
            if agent.stream.is_some() {
                return Err(format!("agent {} waits and has a stream", agent.id));
            }
        }
        for agent in self.roster.iter() {
            for number in agent.declined.keys() {
                if self.ticket_numbered(*number).is_none() {
                    return Err(format!("agent {} remembers a ticket that has ended", agent.id));
                }
            }
        }
        let listed: usize = self.roster.iter().map(|agent| agent.held.len()).sum();
        if listed != held {
            return Err(format!("agents list {listed} tickets, {held} are assigned"));
        }
        Ok(())
    }
}
