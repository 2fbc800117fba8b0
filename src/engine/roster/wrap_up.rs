//! The roster's part in wrap-ups: who is at which, and what would be free without them.

use super::Roster;
use crate::engine::capacity::{ChannelSet, open_channels};
use crate::engine::model::{Agent, AgentId, TicketNumber, Time};
use crate::engine::wrap_up::WrapUp;

impl Roster {
    /// Who writes up that ticket.
    pub(in crate::engine) fn wraps_up(&self, ticket: TicketNumber) -> Option<&AgentId> {
        self.wrapping.get(&ticket)
    }

    /// The channels that will be open to that agent once all wrap-ups are over.
    pub(in crate::engine) fn open_after_wrap_ups(&self, agent: &Agent) -> ChannelSet {
        if agent.wrapping.is_empty() {
            return self.open_channels(agent);
        }
        let mut free = agent.clone();
        for wrap in std::mem::take(&mut free.wrapping) {
            free.in_hand[wrap.channel.index()] -= 1;
        }
        open_channels(&free, &self.rules)
    }

    /// The ticket has left the agent's hands; its units have not.
    pub(in crate::engine) fn begin_wrap_up(&mut self, id: &AgentId, wrap: WrapUp) {
        self.change(id, |agent| {
            agent.in_hand[wrap.channel.index()] += 1;
            agent.wrapping.push(wrap);
        });
    }

    /// The agent has had nothing more to do with that ticket since `at`.
    pub(in crate::engine) fn end_wrap_up(
        &mut self,
        id: &AgentId,
        ticket: TicketNumber,
        at: Time,
    ) -> WrapUp {
        let mut ended = None;
        self.change(id, |agent| {
            let place = agent.wrapping.iter().position(|wrap| wrap.ticket == ticket);
            let wrap = agent.wrapping.remove(place.expect("an event names a running wrap-up"));
            agent.in_hand[wrap.channel.index()] -= 1;
            agent.idle_since = at;
            ended = Some(wrap);
        });
        ended.expect("it was just removed")
    }
}
