//! What supervisors do to single tickets, past the rule: each with who and why.

use super::Engine;
use super::command::{Answer, Earlier, Event, Intervened, Intervention, Rejection, Revocation};
use super::decide::Decision;
use super::model::{AgentId, Presence, Ticket, TicketId, TicketNumber, Time};
use super::model::{PoolIx, State, Step, TierSet};

/// What is asked of one ticket.
pub(super) struct Asked {
    pub(super) ticket: TicketId,
    pub(super) action: Intervention,
    pub(super) by: Box<str>,
    pub(super) reason: Box<str>,
    pub(super) earlier: Option<Earlier>,
}

impl Asked {
    pub(super) fn event(&self, ticket: TicketNumber, action: Intervention) -> Event {
        let (by, reason) = (self.by.clone(), self.reason.clone());
        Event::Intervened(Box::new(Intervened { ticket, action, by, reason }))
    }
}

impl Engine {
    pub(super) fn decide_intervention(
        &self,
        now: Time,
        asked: &Asked,
    ) -> Result<Decision, Rejection> {
        let live = match self.live(&asked.ticket, asked.earlier) {
            Err(Rejection::TicketCancelled) if asked.action == Intervention::Withdraw => {
                let past = self.past(&asked.ticket, asked.earlier).expect("it was just found");
                let answer = Answer::Ended { number: past.number };
                return Ok(Decision { events: Vec::new(), answer });
            }
            found => found?,
        };
        let number = live.number;
        let waits = live.is_waiting();
        let is_quarantined = matches!(live.state, State::Quarantined(_));
        if is_quarantined && asked.action != Intervention::Withdraw {
            return Err(Rejection::TicketQuarantined);
        }
        let mut events = Vec::new();
        let mut answer = Answer::Ticket { number, repeated: false };
        match &asked.action {
            Intervention::Assign { .. } | Intervention::Requeue
                if matches!(live.state, State::Scheduled { .. } | State::Parked(_)) =>
            {
                return Err(Rejection::TicketNotWaiting);
            }
            Intervention::Assign { agent } => {
                return self.decide_force(now, live, agent, asked);
            }
            Intervention::Move { to, restart_clocks } => {
                return self.decide_move(now, live, to, *restart_clocks, asked);
            }
            Intervention::MoveToFront if !waits => return Err(Rejection::TicketNotWaiting),
            Intervention::MoveToFront if live.promoted_at().is_some() => {
                answer = Answer::Ticket { number, repeated: true };
            }
            Intervention::Requeue if waits => {
                answer = Answer::Ticket { number, repeated: true };
            }
            Intervention::MoveToFront | Intervention::Requeue => {
                events.push(asked.event(number, asked.action.clone()));
                events.extend(taken_back(live, None));
            }
            Intervention::Withdraw => {
                events.push(asked.event(number, Intervention::Withdraw));
                events.push(Event::Cancelled { ticket: number, reason: asked.reason.clone() });
                answer = Answer::Ended { number };
            }
        }
        Ok(Decision { events, answer })
    }

    /// The agent must be available and have room on the ticket's channel, and need neither serve in the
    /// ticket's pools nor have its skills: the supervisor answers for that. A ticket in other hands is
    /// taken from them first, and an offer is taken back. Who works on a stream is offered the ticket,
    /// since nothing else is told there; all others hold it at once.
    fn decide_force(
        &self,
        now: Time,
        live: &Ticket,
        agent: &AgentId,
        asked: &Asked,
    ) -> Result<Decision, Rejection> {
        let number = live.number;
        let known = self.roster.get(agent).ok_or(Rejection::AgentNotFound)?;
        if live.offer_to(agent).is_some() {
            // Nobody else has it to answer any more; the agent keeps the offer that is open.
            let mut events: Vec<_> = taken_back(live, Some(agent)).collect();
            let repeated = events.is_empty();
            if !repeated {
                events.push(asked.event(number, asked.action.clone()));
            }
            return Ok(Decision { events, answer: Answer::Ticket { number, repeated } });
        }
        if live.assignment().is_some_and(|held| held.agent == *agent) {
            let answer = Answer::Holds { number, repeated: true };
            return Ok(Decision { events: Vec::new(), answer });
        }
        match known.presence {
            Presence::Available => {}
            Presence::Away => return Err(Rejection::AgentAway),
            Presence::Draining => return Err(Rejection::AgentDraining),
        }
        if !self.roster.open_channels(known).contains(live.channel) {
            return Err(Rejection::AgentFull);
        }
        let shared = live.pools.and(known.pools).first();
        let pool: Option<PoolIx> =
            shared.or_else(|| live.pools.first()).or_else(|| known.pools.first());
        let pool = pool.ok_or(Rejection::PoolNotFound)?;
        let mut events = Vec::new();
        if live.assignment().is_some() {
            events.push(asked.event(number, Intervention::Requeue));
        }
        events.extend(taken_back(live, None));
        events.push(asked.event(number, asked.action.clone()));
        let (agent, token) = (agent.clone(), self.next_token);
        let (step, passed) = (Step::Forced, TierSet::EMPTY);
        let slack_ms = live.respond_by.since_ms(now);
        let rule = self.policy.pool(pool);
        if known.stream.is_some() {
            let until = now.plus_ms(rule.offer.offer_ms);
            let ticket = number;
            events.push(Event::Offered {
                ticket,
                agent,
                pool,
                token,
                until,
                step,
                slack_ms,
                passed,
                compared: None,
                also: Vec::new(),
            });
            return Ok(Decision { events, answer: Answer::Ticket { number, repeated: false } });
        }
        events.push(Event::Assigned {
            ticket: number,
            agent,
            pool,
            token,
            lease_until: now.plus_ms(rule.lease_ms),
            request: known.wait.as_ref().and_then(|wait| wait.request.clone()),
            step,
            slack_ms,
            passed,
            compared: None,
        });
        Ok(Decision { events, answer: Answer::Holds { number, repeated: false } })
    }

    pub(super) fn intervened(&mut self, at: Time, intervened: &Intervened) {
        let number = intervened.ticket;
        match &intervened.action {
            // The event that follows does it.
            Intervention::Assign { .. } | Intervention::Withdraw | Intervention::Move { .. } => {}
            Intervention::MoveToFront => {
                self.re_key(number, |ticket| ticket.life_mut().promoted_at = Some(at));
            }
            Intervention::Requeue => {
                let ticket = self.ticket_numbered(number).expect("an event names a live ticket");
                // An offer is taken back by the event that follows.
                if let Some(token) = ticket.assignment().map(|held| held.token) {
                    self.back_to_queue(at, number, token, false, None, None);
                }
            }
        }
    }
}

/// The events that take the ticket's offers back, but for one to `kept`.
pub(super) fn taken_back(ticket: &Ticket, kept: Option<&AgentId>) -> impl Iterator<Item = Event> {
    let (number, why) = (ticket.number, Revocation::Supervisor);
    let ended = ticket.offers().filter(move |offer| Some(&offer.agent) != kept);
    ended.map(move |offer| Event::OfferRevoked { ticket: number, token: offer.token, why })
}
