//! One act on many tickets: the batch that is carried out at once.

use super::super::{Bulk, Outcome, Refused};
use super::Driver;
use crate::engine::command::Answer;
use crate::engine::model::{TicketId, Time};

impl Driver {
    /// Acts on these tickets, one after the other.
    pub(super) fn act_on(
        &mut self,
        now: Time,
        bulk: &Bulk,
        ids: &[TicketId],
    ) -> Result<Vec<Outcome>, Refused> {
        let mut outcomes = Vec::with_capacity(ids.len());
        for id in ids {
            let outcome = match bulk.foreseen(&self.engine, id, now) {
                Outcome::Done => match self.command(now, bulk.command(id)) {
                    Ok(Answer::Ticket { .. } | Answer::Ended { .. } | Answer::Holds { .. }) => {
                        Outcome::Done
                    }
                    Ok(Answer::Done | Answer::Pool { .. } | Answer::Waits | Answer::Empty(_)) => {
                        unreachable!("the answer to such a command is about a ticket")
                    }
                    Err(Refused::Rule(rejection)) => Outcome::Refused(rejection),
                    Err(refused) => return Err(refused),
                },
                foreseen => foreseen,
            };
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}
