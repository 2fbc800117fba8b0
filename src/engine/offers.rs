//! Offers: what opening a stream, accepting and declining lead to, what falls due on an offer, and how
//! each of these changes the engine.
//!
//! An offer that its agent can no longer accept (away, or the stream is closed) is *loose*; `expire`
//! takes such offers back before anything else, so that no event has to list them.

use super::Engine;
use super::command::{Answer, Event, OpenReason, Rejection, Revocation, WaitEnd, WorkEnd};
use super::compared::Compared;
use super::decide::Decision;
use super::dispatch::Survey;
use super::model::{
    Agent, AgentId, Assignment, LeaseToken, Presence, State, Ticket, TicketId, TicketNumber, Time,
};
use super::push::{Declined, OfferRule, Stream};
use super::several::{AlsoOffered, Offers};

impl Engine {
    /// Opening a stream takes the place of a pull in progress and of a stream that is open already.
    pub(super) fn decide_open(
        &self,
        agent: AgentId,
        stream: Stream,
        presence: Presence,
    ) -> Result<Decision, Rejection> {
        let known = self.roster.get(&agent).ok_or(Rejection::AgentNotFound)?;
        let mut events = Vec::new();
        if known.wait.is_some() {
            events.push(Event::WaitEnded { agent: agent.clone(), why: WaitEnd::Replaced });
        }
        if known.stream.is_some() {
            events.extend(self.revoked(known, Revocation::StreamClosed));
            events.push(Event::WorkClosed { agent: agent.clone(), why: WorkEnd::Replaced });
        }
        events.push(Event::WorkOpened { agent, stream, presence });
        Ok(Decision { events, answer: Answer::Done })
    }

    /// Closing a stream that is closed already changes nothing.
    pub(super) fn decide_close(&self, agent: AgentId, why: WorkEnd) -> Decision {
        let known = self.roster.get(&agent);
        let is_open = known.is_some_and(|known| known.stream.is_some());
        let closed = is_open.then_some(Event::WorkClosed { agent, why });
        Decision { events: closed.into_iter().collect(), answer: Answer::Done }
    }

    pub(super) fn decide_accept(
        &self,
        now: Time,
        ticket: &TicketId,
        token: LeaseToken,
    ) -> Result<Decision, Rejection> {
        let live = self.live(ticket, None)?;
        let number = live.number;
        if let Some(offer) = live.offers().find(|offer| offer.token == token) {
            let lease_until = now.plus_ms(self.lease_ms(offer));
            let others = live.offers().filter(|other| other.token != token);
            let why = Revocation::TakenByAnother;
            let mut events: Vec<_> = others
                .map(|other| Event::OfferRevoked { ticket: number, token: other.token, why })
                .collect();
            events.push(Event::Accepted { ticket: number, token, lease_until });
            return Ok(Decision { events, answer: Answer::Holds { number, repeated: false } });
        }
        match &live.state {
            State::Assigned(held) if held.token == token => Ok(Decision {
                events: Vec::new(),
                answer: Answer::Holds { number, repeated: true },
            }),
            State::Quarantined(_) => Err(Rejection::TicketQuarantined),
            State::Scheduled { .. }
            | State::Waiting
            | State::Offered(_)
            | State::Assigned(_)
            | State::Parked(_) => Err(self.ended_offer(token)),
        }
    }

    pub(super) fn decide_decline(
        &self,
        now: Time,
        ticket: &TicketId,
        token: LeaseToken,
        reason: Box<str>,
    ) -> Result<Decision, Rejection> {
        let live = self.live(ticket, None)?;
        let number = live.number;
        if let Some(offer) = live.offers().find(|offer| offer.token == token) {
            let declined = self.declined_once_more(number, offer, now);
            // Whoever was preferred does not want it: it need wait for that agent no longer.
            let preferred = live.needs.as_ref().is_some_and(|needs| needs.prefer(&offer.agent));
            let opened = self.opened(live, OpenReason::GivenBack).filter(|_| preferred);
            let declined = Event::Declined { ticket: number, token, reason, declined };
            return Ok(Decision {
                events: std::iter::once(declined).chain(opened).collect(),
                answer: Answer::Ticket { number, repeated: false },
            });
        }
        match &live.state {
            State::Assigned(held) if held.token == token => Err(Rejection::OfferAccepted),
            State::Quarantined(_) => Err(Rejection::TicketQuarantined),
            State::Scheduled { .. }
            | State::Waiting
            | State::Offered(_)
            | State::Assigned(_)
            | State::Parked(_) => Err(self.ended_offer(token)),
        }
    }

    /// What an older token says of an offer. Nobody keeps a list of the offers of a ticket: a token
    /// that was given for another ticket is taken for one of this ticket's.
    fn ended_offer(&self, token: LeaseToken) -> Rejection {
        let was_given = token.0 > 0 && token < self.next_token;
        if was_given { Rejection::OfferEnded } else { Rejection::TokenUnknown }
    }

    /// The events that take every offer of an agent back.
    pub(super) fn revoked(&self, agent: &Agent, why: Revocation) -> Vec<Event> {
        let revoked = agent.offered.iter().map(|number| {
            let token = self.offer_of(*number, &agent.id).token;
            Event::OfferRevoked { ticket: *number, token, why }
        });
        revoked.collect()
    }

    /// What an agent on a stream is offered, with those who are offered it `also`.
    pub(super) fn offer(
        &self,
        survey: &Survey,
        agent: &Agent,
        also: Vec<AlsoOffered>,
        now: Time,
    ) -> Option<Event> {
        let (head, step) = survey.taken()?;
        Some(Event::Offered {
            ticket: head.ticket,
            agent: agent.id.clone(),
            pool: head.pool,
            token: self.next_token,
            until: now.plus_ms(self.policy.pool(head.pool).offer.offer_ms),
            step,
            slack_ms: head.slack_ms,
            compared: Compared::of(survey),
            passed: self.passed_by(survey),
            also,
        })
    }

    /// What an agent who can no longer keep a wait or an offer gives up next; one who has drained goes away.
    pub(super) fn loosened(&self) -> Option<Event> {
        let agent = self.roster.get(self.roster.loose()?).expect("who is loose is registered");
        let is_away = agent.presence != Presence::Available;
        if agent.is_drained() && agent.wait.is_none() {
            let (agent, presence) = (agent.id.clone(), Presence::Away);
            return Some(Event::PresenceSet { agent, presence });
        }
        if agent.wait.is_some() {
            let why = if is_away { WaitEnd::Away } else { WaitEnd::Nothing };
            return Some(Event::WaitEnded { agent: agent.id.clone(), why });
        }
        let number = *agent.offered.first().expect("only waits and offers can be loose");
        let why = if agent.stream.is_none() { Revocation::StreamClosed } else { Revocation::Away };
        Some(Event::OfferRevoked {
            ticket: number,
            token: self.offer_of(number, &agent.id).token,
            why,
        })
    }

    /// An offer whose time is up; of several the first.
    pub(super) fn missed(&self, ticket: &Ticket, now: Time) -> Event {
        let offer = ticket.offer().expect("only offers end so");
        let agent = self.roster.get(&offer.agent).expect("an offer's agent is registered");
        let missed_count = agent.missed_count.saturating_add(1);
        Event::OfferMissed {
            ticket: ticket.number,
            token: offer.token,
            declined: self.declined_once_more(ticket.number, offer, now),
            missed_count,
            set_away: missed_count >= self.offer_rule(offer).misses_max,
        }
    }

    fn declined_once_more(&self, number: TicketNumber, offer: &Assignment, now: Time) -> Declined {
        let agent = self.roster.get(&offer.agent).expect("an offer's agent is registered");
        let before = agent.declined.get(&number).map_or(0, |declined| declined.count);
        let count = before.saturating_add(1);
        let until = now.plus_ms(self.offer_rule(offer).back_off_ms(count));
        Declined { count, until: Some(until) }
    }

    /// The rule of the pool on whose behalf it was offered; the usual one if that pool is gone.
    fn offer_rule(&self, offer: &Assignment) -> OfferRule {
        offer.pool.map_or_else(OfferRule::default, |pool| self.policy.pool(pool).offer)
    }

    fn offer_of(&self, number: TicketNumber, agent: &AgentId) -> &Assignment {
        let ticket = self.ticket_numbered(number).expect("only live tickets are offered");
        ticket.offer_to(agent).expect("an agent lists what is offered")
    }

    /// Makes an event of this file's kinds so.
    pub(super) fn apply_offer(&mut self, at: Time, event: &Event) {
        match event {
            Event::WorkOpened { agent, stream, presence } => {
                self.roster.open_work(agent, stream.clone(), *presence, at);
            }
            Event::WorkClosed { agent, why: _ } => self.roster.close_work(agent, at),
            Event::Offered { .. } => self.offered(at, event),
            Event::Accepted { ticket, token, lease_until } => {
                self.accepted(at, *ticket, *token, *lease_until);
            }
            Event::Declined { ticket, token, reason: _, declined } => {
                let agent = self.offer_back(*ticket, *token);
                self.remember_declined(&agent, *ticket, *declined, 0);
            }
            Event::OfferMissed { ticket, token, declined, missed_count, set_away } => {
                let agent = self.offer_back(*ticket, *token);
                self.remember_declined(&agent, *ticket, *declined, *missed_count);
                if *set_away {
                    self.roster.set_presence(&agent, Presence::Away, at);
                }
            }
            Event::OfferRevoked { ticket, token, why: _ } => drop(self.offer_back(*ticket, *token)),
            Event::BackOffEnded { agent, ticket } => {
                let known = self.roster.get(agent).expect("an event names a registered agent");
                self.timers.remove_back_off(known, *ticket);
                self.roster.end_back_off(agent, *ticket);
            }
            _ => unreachable!("called for the events of streams and offers only"),
        }
    }

    fn offered(&mut self, at: Time, event: &Event) {
        let Event::Offered {
            ticket: number,
            agent,
            pool,
            token,
            until,
            step,
            slack_ms,
            compared,
            passed,
            also,
        } = event
        else {
            unreachable!("called for this event only")
        };
        let tokens = std::iter::once(*token).chain(also.iter().map(|other| other.token));
        for token in tokens {
            assert_eq!(token, self.next_token, "every offer has its own token");
            self.next_token = LeaseToken(token.0 + 1);
        }
        let offer = |agent: &AgentId, pool, token, step, compared: &Option<Compared>| Assignment {
            agent: agent.clone(),
            pool: Some(pool),
            token,
            assigned_at: at,
            lease_until: *until,
            request: None,
            step,
            slack_ms: *slack_ms,
            policy_version: self.policy.version.clone(),
            compared: compared.clone(),
            in_doubt: false,
        };
        let others = also.iter();
        let others = others.map(|o| offer(&o.agent, o.pool, o.token, o.step, &o.compared));
        let offers =
            Offers { first: offer(agent, *pool, *token, *step, compared), also: others.collect() };
        let mut place = None;
        self.re_key(*number, |ticket| {
            assert_eq!(ticket.state, State::Waiting, "only a waiting ticket is offered");
            place = Some((ticket.tier, ticket.channel));
            ticket.state = State::Offered(Box::new(offers));
        });
        let (tier, channel) = place.expect("it was just changed");
        self.roster.offer(agent, *number, channel, *token);
        let mut agents = vec![(agent, *passed)];
        for other in also {
            self.roster.offer(&other.agent, *number, channel, other.token);
            agents.push((&other.agent, other.passed));
        }
        self.count_dispatch_to(tier, &agents);
    }

    /// The agent says that the ticket is taken: that is the pick-up, and nobody is in doubt of it.
    fn accepted(&mut self, at: Time, number: TicketNumber, token: LeaseToken, lease_until: Time) {
        let (mut agent, mut pick_up) = (None, None);
        self.re_key(number, |ticket| {
            let offers = offered(ticket, token);
            assert!(offers.also.is_empty(), "the other offers were taken back before");
            let mut offer = offers.first.clone();
            agent = Some(offer.agent.clone());
            let is_first = ticket.picked_up_at.is_none();
            let first_wait_ms = is_first.then(|| at.since_ms(ticket.counts_from()));
            pick_up = Some(((ticket.tier, ticket.channel), first_wait_ms));
            offer.assigned_at = at;
            offer.lease_until = lease_until;
            ticket.picked_up_at.get_or_insert(at);
            ticket.assigned_count += 1;
            ticket.state = State::Assigned(Box::new(offer));
        });
        let (agent, (kind, first_wait_ms)) = agent.zip(pick_up).expect("it was just changed");
        let holder = self.roster.get(&agent).expect("it holds the ticket");
        self.flow.took(at, kind, holder.pools, first_wait_ms);
        self.timers.remove_back_off(holder, number);
        self.roster.accept(&agent, number);
    }

    /// Without that offer the ticket waits in its old place again, unless others have yet to answer;
    /// answers with the agent it was offered to.
    fn offer_back(&mut self, number: TicketNumber, token: LeaseToken) -> AgentId {
        let mut place = None;
        self.re_key(number, |ticket| {
            let channel = ticket.channel;
            let offers = offered(ticket, token);
            let ended = offers.with_token(token).expect("it was just found");
            place = Some((ended.agent.clone(), channel));
            if offers.end(token) {
                ticket.state = State::Waiting;
            }
        });
        let (agent, channel) = place.expect("it was just changed");
        self.roster.take_offer(&agent, number, channel);
        agent
    }

    fn remember_declined(
        &mut self,
        agent: &AgentId,
        number: TicketNumber,
        declined: Declined,
        missed_count: u16,
    ) {
        self.timers.remove_back_offs(self.roster.get(agent).expect("it was offered the ticket"));
        self.roster.decline(agent, number, declined, missed_count);
        self.timers.add_back_offs(self.roster.get(agent).expect("it was just changed"));
    }

    /// A ticket has ended: nobody need remember having declined it.
    pub(super) fn forget_declined(&mut self, number: TicketNumber) {
        for agent in self.roster.decliners(number) {
            self.timers.remove_back_off(self.roster.get(&agent).expect("it declined"), number);
            self.roster.forget_declined(&agent, number);
        }
    }
}

/// The ticket's offers, of which one has that token.
fn offered(ticket: &mut Ticket, token: LeaseToken) -> &mut Offers {
    match &mut ticket.state {
        State::Offered(offers) if offers.with_token(token).is_some() => offers,
        State::Offered(_)
        | State::Waiting
        | State::Scheduled { .. }
        | State::Assigned(_)
        | State::Parked(_)
        | State::Quarantined(_) => panic!("the event's token offers the ticket"),
    }
}
