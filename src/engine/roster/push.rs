//! The roster's part in pushing: streams, offers in hand, and what agents have declined.

use super::Roster;
use crate::engine::model::{Agent, AgentId, Channel, LeaseToken, Presence, TicketNumber, Time};
use crate::engine::push::{BACK_OFFS_MAX, DECLINED_MAX, Declined, Stream};

impl Roster {
    /// Whether that agent would be given work that is there: a pull that waits, or an open stream, and
    /// capacity to spare.
    pub fn is_idle(&self, agent: &Agent) -> bool {
        agent.presence == Presence::Available
            && (agent.wait.is_some() || agent.stream.is_some())
            && agent.back_off_count() < BACK_OFFS_MAX
            && !self.open_channels(agent).is_empty()
    }

    /// Whether that agent keeps a wait or an offer that nothing can come of, or drains with nothing left.
    pub(super) fn is_loose(&self, agent: &Agent) -> bool {
        let is_away = agent.presence != Presence::Available;
        let waits_in_vain =
            agent.wait.is_some() && (is_away || self.open_after_wrap_ups(agent).is_empty());
        let offered_in_vain = !agent.offered.is_empty() && (is_away || agent.stream.is_none());
        waits_in_vain || offered_in_vain || agent.is_drained()
    }

    /// The first agent who keeps a wait or an offer that nothing can come of, or drains with nothing left.
    pub(in crate::engine) fn loose(&self) -> Option<&AgentId> {
        self.loose.first()
    }

    /// Who has declined or missed that live ticket, by id.
    pub(in crate::engine) fn decliners(&self, number: TicketNumber) -> Vec<AgentId> {
        self.decliners.get(&number).into_iter().flatten().cloned().collect()
    }

    pub(in crate::engine) fn open_work(
        &mut self,
        id: &AgentId,
        stream: Stream,
        presence: Presence,
        at: Time,
    ) {
        self.set_presence(id, presence, at);
        self.change(id, |agent| {
            agent.stream = Some(stream);
            agent.missed_count = 0;
        });
    }

    pub(in crate::engine) fn close_work(&mut self, id: &AgentId, at: Time) {
        self.set_presence(id, Presence::Away, at);
        self.change(id, |agent| agent.stream = None);
    }

    pub(in crate::engine) fn offer(
        &mut self,
        id: &AgentId,
        ticket: TicketNumber,
        channel: Channel,
        token: LeaseToken,
    ) {
        self.change(id, |agent| {
            agent.last_token = token;
            agent.held.push(ticket);
            agent.offered.push(ticket);
            agent.in_hand[channel.index()] += 1;
        });
    }

    pub(in crate::engine) fn accept(&mut self, id: &AgentId, ticket: TicketNumber) {
        self.forget_declined(id, ticket);
        self.change(id, |agent| {
            agent.offered.retain(|offered| *offered != ticket);
            agent.missed_count = 0;
        });
    }

    /// The offer is over, and the agent has not worked: the turn stays what it was.
    pub(in crate::engine) fn take_offer(
        &mut self,
        id: &AgentId,
        ticket: TicketNumber,
        channel: Channel,
    ) {
        self.change(id, |agent| {
            agent.held.retain(|held| *held != ticket);
            agent.offered.retain(|offered| *offered != ticket);
            agent.in_hand[channel.index()] -= 1;
        });
    }

    pub(in crate::engine) fn decline(
        &mut self,
        id: &AgentId,
        ticket: TicketNumber,
        declined: Declined,
        missed_count: u16,
    ) {
        let mut dropped = None;
        self.change(id, |agent| {
            agent.missed_count = missed_count;
            agent.declined.insert(ticket, declined);
            if agent.declined.len() > DECLINED_MAX {
                // Fewer are in back-off than are remembered, so one that is over can be forgotten.
                let over = agent.declined.iter().find(|(_, declined)| declined.until.is_none());
                dropped = over.map(|(number, _)| *number);
            }
        });
        self.decliners.entry(ticket).or_default().insert(id.clone());
        if let Some(dropped) = dropped {
            self.forget_declined(id, dropped);
        }
    }

    pub(in crate::engine) fn end_back_off(&mut self, id: &AgentId, ticket: TicketNumber) {
        self.change(id, |agent| {
            let declined = agent.declined.get_mut(&ticket).expect("a back-off is remembered");
            declined.until = None;
        });
    }

    pub(in crate::engine) fn forget_declined(&mut self, id: &AgentId, ticket: TicketNumber) {
        if let Some(decliners) = self.decliners.get_mut(&ticket) {
            decliners.remove(id);
            if decliners.is_empty() {
                self.decliners.remove(&ticket);
            }
        }
        self.change(id, |agent| {
            agent.declined.remove(&ticket);
        });
    }
}
