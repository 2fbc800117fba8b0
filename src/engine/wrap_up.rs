//! After the work: a ticket has ended for its customer, and its agent still writes it up.
//!
//! The ticket is finished and in the history. What is left of it is a [`WrapUp`] in its agent's hands, which
//! uses the units that the ticket used, until the agent says that it is done or its limit is over.

use super::Engine;
use super::command::{Answer, Earlier, Event, Rejection};
use super::decide::Decision;
use super::model::{
    Agent, AgentId, Channel, LeaseToken, Policy, PoolIx, Ticket, TicketId, TicketNumber, TierIx,
    Time,
};

/// The longest limit that a policy can set, in milliseconds: an hour.
pub const WRAP_UP_MS_MAX: i64 = 3_600_000;

/// A ticket that an agent has completed and still writes up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapUp {
    /// Which.
    pub ticket: TicketNumber,
    /// The name callers knew it by.
    pub id: TicketId,
    /// Its channel, which says what units it uses.
    pub channel: Channel,
    /// Its tier; `None` once a later policy has dropped that tier.
    pub tier: Option<TierIx>,
    /// The pool on whose behalf it was held; `None` once a later policy has dropped that pool.
    pub pool: Option<PoolIx>,
    /// The token that completed it.
    pub token: LeaseToken,
    /// When the agent had received it.
    pub assigned_at: Time,
    /// When it was completed.
    pub since: Time,
    /// When the wrap-up ends by itself.
    pub until: Time,
}

/// What ended a wrap-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WrapUpEnd {
    /// The agent said so.
    Agent,
    /// Its time was up.
    Limit,
    /// The agent is to be forgotten.
    AgentDeleted,
}

impl WrapUpEnd {
    /// Every end.
    pub const ALL: [Self; 3] = [Self::Agent, Self::Limit, Self::AgentDeleted];

    /// Its name in events and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Limit => "limit",
            Self::AgentDeleted => "agent_deleted",
        }
    }
}

impl WrapUp {
    /// The same under another policy.
    pub(super) fn under(self, old: &Policy, new: &Policy) -> Self {
        let tier = self.tier.and_then(|tier| new.tier_named(&old.tier(tier).name));
        let pool = self.pool.and_then(|pool| new.pool_named(&old.pool(pool).name));
        Self { tier, pool, ..self }
    }
}

impl Agent {
    /// The wrap-up of the ticket of that id and token, while it lasts.
    pub fn wrap_up(&self, id: &TicketId, token: LeaseToken) -> Option<&WrapUp> {
        self.wrapping.iter().find(|wrap| wrap.token == token && wrap.id == *id)
    }
}

impl Engine {
    /// The wrap-up of that ticket, and who is at it.
    pub fn wrap_up(&self, ticket: TicketNumber) -> Option<(&Agent, &WrapUp)> {
        let agent = self.roster.get(self.roster.wraps_up(ticket)?)?;
        Some((agent, agent.wrapping.iter().find(|wrap| wrap.ticket == ticket)?))
    }

    /// Whether that agent still writes up the ticket of that id and token.
    pub fn is_wrapping_up(&self, agent: &AgentId, id: &TicketId, token: LeaseToken) -> bool {
        self.roster.get(agent).is_some_and(|agent| agent.wrap_up(id, token).is_some())
    }

    /// Until when the agent may write up a ticket that is completed at `now`, if the policy gives time for it.
    pub(super) fn wrap_up_until(&self, ticket: &Ticket, now: Time) -> Option<Time> {
        let limit_ms = self.policy.channels[ticket.channel.index()].wrap_up_ms;
        (limit_ms > 0).then(|| now.plus_ms(limit_ms))
    }

    /// Ending a wrap-up that is over already changes nothing.
    pub(super) fn decide_finish_wrap_up(
        &self,
        now: Time,
        agent: &AgentId,
        ticket: &TicketId,
        token: LeaseToken,
        earlier: Option<Earlier>,
    ) -> Result<Decision, Rejection> {
        let known = self.roster.get(agent).ok_or(Rejection::AgentNotFound)?;
        if let Some(wrap) = known.wrap_up(ticket, token) {
            let event = wrap_up_ended(agent, wrap, WrapUpEnd::Agent, now);
            return Ok(Decision::of(event, Answer::Done));
        }
        match self.held_with(ticket, token, earlier) {
            Ok(_) => Err(Rejection::TicketNotCompleted),
            Err(Rejection::TicketCompleted) => {
                let past = self.past(ticket, earlier).expect("it was just found");
                if past.completed_with != Some(token) {
                    return Err(Rejection::TicketCompleted);
                }
                // Somebody else is at it.
                if self.wrap_up(past.number).is_some() {
                    return Err(Rejection::TokenUnknown);
                }
                Ok(Decision::nothing(Answer::Done))
            }
            Err(rejection) => Err(rejection),
        }
    }

    /// The events that end every wrap-up of an agent who is to be forgotten.
    pub(super) fn wrap_ups_dropped(agent: &Agent, now: Time) -> impl Iterator<Item = Event> {
        let end = move |wrap| wrap_up_ended(&agent.id, wrap, WrapUpEnd::AgentDeleted, now);
        agent.wrapping.iter().map(end)
    }

    /// A wrap-up whose time is up at `now`.
    pub(super) fn wrap_up_over(&self, now: Time) -> Option<Event> {
        let (agent, ticket) = self.timers.due_wrap_up(now)?;
        let (_, wrap) = self.wrap_up(ticket).expect("only running wrap-ups have timers");
        Some(wrap_up_ended(agent, wrap, WrapUpEnd::Limit, now))
    }

    /// The agent has completed a ticket and writes it up from now on.
    pub(super) fn begin_wrap_up(&mut self, agent: &AgentId, wrap: WrapUp) {
        self.timers.add_wrap_up(agent, &wrap);
        self.roster.begin_wrap_up(agent, wrap);
    }

    /// The agent is free of it; only now is it known how long the work took.
    pub(super) fn wrap_up_ended(&mut self, at: Time, agent: &AgentId, ticket: TicketNumber) {
        let wrap = self.roster.end_wrap_up(agent, ticket, at);
        self.timers.remove_wrap_up(agent, &wrap);
        let ended = self.finished.iter_mut().rev().find(|ended| ended.ticket.number == ticket);
        if let Some(ended) = ended {
            ended.wrap_up_ms = Some(at.since_ms(wrap.since));
        }
        if let Some(pool) = wrap.pool {
            self.records[usize::from(pool.0)].learn(at.since_ms(wrap.assigned_at));
        }
    }
}

fn wrap_up_ended(agent: &AgentId, wrap: &WrapUp, by: WrapUpEnd, now: Time) -> Event {
    Event::WrapUpEnded {
        agent: agent.clone(),
        ticket: wrap.ticket,
        id: wrap.id.clone(),
        by,
        spent_ms: now.since_ms(wrap.since),
    }
}
