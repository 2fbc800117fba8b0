//! The only code that changes the engine: one event at a time, live and in replay alike.

mod customer;
mod parking;
mod places;
mod policy;

use super::Engine;
use super::command::{
    AgentProfile, Deadline, Event, PoolSwitched, ReleaseReason, Submitted, Transferred,
};
use super::life::{Life, Return, ReturnReason};
use super::model::{
    Agent, AgentId, Assignment, Channel, Ending, Finished, LeaseToken, PoolIx, Presence, State,
    Ticket, TicketNumber, TierIx, TierSet, Time, Wait,
};
use super::pause::Pause;
use super::wrap_up::WrapUp;
use std::sync::Arc;

impl Engine {
    /// Makes `event` so, at `at`.
    ///
    /// Panics when the event contradicts the state: either the event was not decided by this engine,
    /// or the journal it came from is not this engine's.
    #[expect(clippy::too_many_lines, reason = "one arm for each event")]
    pub fn apply(&mut self, at: Time, event: &Event) {
        assert!(at >= self.at, "events come in the order of time");
        self.at = at;
        match event {
            Event::Started => self.end_all_waits(at),
            Event::PolicyApplied { policy, change: _ } => self.change_policy(policy),
            Event::AgentPut(profile) => self.agent_put(at, profile),
            Event::AgentDeleted { agent } => {
                let known = self.roster.get(agent).expect("a forgotten agent was registered");
                self.timers.remove_back_offs(known);
                self.roster.remove(agent);
            }
            Event::PresenceSet { agent, presence } => {
                self.roster.set_presence(agent, *presence, at);
            }
            Event::PoolPaused(switched) => {
                let PoolSwitched { pool, by, reason } = &**switched;
                let pause = Pause { since: at, by: by.clone(), reason: reason.clone() };
                self.set_pause(*pool, Some(Arc::new(pause)));
            }
            Event::PoolResumed(switched) => self.set_pause(switched.pool, None),
            Event::Submitted(submitted) => self.submitted(at, submitted),
            Event::Updated { ticket, content } => {
                self.ticket_mut(*ticket).content = content.clone();
            }
            Event::UrgencySet { ticket, urgency, respond_by, solve_by } => {
                self.re_key(*ticket, |ticket| {
                    ticket.urgency = *urgency;
                    ticket.respond_by = *respond_by;
                    ticket.solve_by = *solve_by;
                });
            }
            Event::Retiered { .. } => self.retiered(event),
            Event::Cancelled { ticket, reason } => {
                let live = self.ticket_numbered(*ticket).expect("an event names a live ticket");
                if live.picked_up_at.is_none() {
                    let kind = (live.tier, live.channel);
                    self.flow.hung_up(kind, at.since_ms(live.submitted_at));
                }
                self.finish(at, *ticket, Ending::Cancelled { reason: reason.clone() });
            }
            Event::Intervened(intervened) => self.intervened(at, intervened),
            Event::Overflowed { ticket, overflow_step, pools, needs, relaxed_ms } => {
                self.re_key(*ticket, |ticket| {
                    ticket.overflow_step = *overflow_step;
                    ticket.pools = *pools;
                    ticket.needs.clone_from(needs);
                    if let Some(wish) = ticket.wish_mut() {
                        wish.relaxed_ms = *relaxed_ms;
                    }
                });
            }
            Event::Opened { ticket, needs, why: _ } => {
                self.re_key(*ticket, |ticket| ticket.needs.clone_from(needs));
            }
            Event::Escalated { .. } => self.climbed(event),
            Event::Breached { ticket, deadline } => self.re_key(*ticket, |ticket| match deadline {
                Deadline::Response => ticket.response_breached = true,
                Deadline::Solution => ticket.solution_breached = true,
            }),
            Event::WaitStarted { agent, until, request } => {
                let wait = Wait { until: *until, request: request.clone() };
                self.roster.start_wait(agent, wait);
                self.timers.add_wait(self.roster.get(agent).expect("it was just changed"));
            }
            Event::WaitEnded { agent, why: _ } => {
                self.timers.remove_wait(self.roster.get(agent).expect("who waits is registered"));
                self.roster.end_wait(agent);
            }
            Event::Assigned { .. } => self.assigned(at, event),
            Event::WorkOpened { .. }
            | Event::WorkClosed { .. }
            | Event::Offered { .. }
            | Event::Accepted { .. }
            | Event::Declined { .. }
            | Event::OfferMissed { .. }
            | Event::OfferRevoked { .. }
            | Event::BackOffEnded { .. } => self.apply_offer(at, event),
            Event::Extended { ticket, token, lease_until } => {
                self.re_key(*ticket, |ticket| {
                    let assignment = held(ticket, *token);
                    assignment.lease_until = *lease_until;
                    assignment.in_doubt = false;
                });
            }
            Event::LeaseExpired { ticket, token, dead_letter } => {
                let why = ReturnReason::LeaseEnded;
                self.back_to_queue(at, *ticket, *token, true, Some(why), *dead_letter);
            }
            Event::Released { ticket, token, reason, dead_letter } => {
                let (unseen, why) = match reason {
                    ReleaseReason::Undelivered => (true, None),
                    ReleaseReason::ByAgent(why) => {
                        (false, Some(ReturnReason::Released(why.clone())))
                    }
                };
                self.back_to_queue(at, *ticket, *token, unseen, why, *dead_letter);
            }
            Event::Transferred(transferred) => self.transferred(at, transferred),
            Event::CallbackRequested { .. } => self.callback_requested(event),
            Event::Queued { ticket } => {
                self.re_key(*ticket, |ticket| ticket.state = State::Waiting);
            }
            Event::Parked { .. } => self.parked(at, event),
            Event::Resumed { .. } => self.resume(event),
            Event::Expired { ticket } => self.finish(at, *ticket, Ending::Expired),
            Event::Audited(audited) => self.audited(at, *audited),
            Event::Completed { .. } => self.completed(at, event),
            Event::WrapUpEnded { agent, ticket, .. } => {
                self.wrap_up_ended(at, agent, *ticket);
            }
        }
    }

    /// Presence, work and memory of an agent who is changed stay.
    fn agent_put(&mut self, at: Time, profile: &AgentProfile) {
        let old = self.roster.get(&profile.id).cloned();
        let agent = Agent {
            id: profile.id.clone(),
            name: profile.name.clone(),
            pools: profile.pools,
            skills: profile.skills.clone(),
            capacity: profile.capacity,
            maxima: profile.maxima,
            presence: old.as_ref().map_or(Presence::Away, |old| old.presence),
            idle_since: old.as_ref().map_or(at, |old| old.idle_since),
            last_token: old.as_ref().map(|old| old.last_token).unwrap_or_default(),
            wait: old.as_ref().and_then(|old| old.wait.clone()),
            stream: old.as_ref().and_then(|old| old.stream.clone()),
            in_hand: old.as_ref().map(|old| old.in_hand).unwrap_or_default(),
            missed_count: old.as_ref().map_or(0, |old| old.missed_count),
            offered: old.as_ref().map(|old| old.offered.clone()).unwrap_or_default(),
            declined: old.as_ref().map(|old| old.declined.clone()).unwrap_or_default(),
            wrapping: old.as_ref().map(|old| old.wrapping.clone()).unwrap_or_default(),
            held: old.map(|old| old.held).unwrap_or_default(),
        };
        self.roster.put(agent);
    }

    fn submitted(&mut self, at: Time, submitted: &Submitted) {
        assert_eq!(submitted.number, self.next_number, "tickets are numbered without a gap");
        self.next_number = TicketNumber(submitted.number.0 + 1);
        let ticket = Ticket {
            id: submitted.id.clone(),
            number: submitted.number,
            fingerprint: submitted.fingerprint,
            channel: submitted.channel,
            urgency: submitted.urgency,
            caller: submitted.caller.clone(),
            content: submitted.content.clone(),
            tier: submitted.tier,
            tier_source: submitted.tier_source,
            tier_age_ms: submitted.tier_age_ms,
            submitted_at: at,
            respond_by: submitted.respond_by,
            solve_by: submitted.solve_by,
            overflow_step: 0,
            escalation_step: 0,
            guard_permille: None,
            pools: submitted.pools,
            needs: submitted.needs.clone(),
            picked_up_at: None,
            response_breached: false,
            solution_breached: false,
            assigned_count: 0,
            state: match submitted.not_before {
                Some(opens_at) => State::Scheduled { opens_at },
                None => State::Waiting,
            },
            life: (submitted.not_before.is_some()
                || submitted.expires_at.is_some()
                || submitted.wish.is_some()
                || submitted.contact.is_some())
            .then(|| {
                let starts_at = submitted.not_before.unwrap_or(at);
                let (expires_at, wish) = (submitted.expires_at, submitted.wish.clone());
                Box::new(Life {
                    expires_at,
                    wish,
                    has_fixed_route: submitted.has_fixed_route,
                    contact: submitted.contact.clone(),
                    ..Life::starting(starts_at)
                })
            }),
        };
        self.ids.insert(&ticket, &self.tickets);
        self.record_contact(at, &ticket);
        self.add_ticket(ticket);
    }

    fn climbed(&mut self, event: &Event) {
        let Event::Escalated { ticket, escalation_step, pools, guard_permille, notify: _ } = event
        else {
            unreachable!("called for this event only")
        };
        self.re_key(*ticket, |ticket| {
            ticket.escalation_step = *escalation_step;
            ticket.pools = *pools;
            ticket.guard_permille = *guard_permille;
        });
    }

    fn assigned(&mut self, at: Time, event: &Event) {
        let Event::Assigned {
            ticket: number,
            agent,
            pool,
            token,
            lease_until,
            request,
            step,
            slack_ms,
            compared,
            passed,
        } = event
        else {
            unreachable!("called for this event only")
        };
        assert_eq!(*token, self.next_token, "every assignment has its own token");
        self.next_token = LeaseToken(token.0 + 1);
        let policy_version = self.policy.version.clone();
        let mut tier = TierIx(0);
        let mut channel = Channel::Voice;
        let mut first_wait_ms = None;
        self.re_key(*number, |ticket| {
            assert_eq!(ticket.state, State::Waiting, "only a waiting ticket is assigned");
            tier = ticket.tier;
            channel = ticket.channel;
            let in_doubt = ticket.picked_up_at.is_none();
            first_wait_ms = in_doubt.then(|| at.since_ms(ticket.submitted_at));
            ticket.picked_up_at.get_or_insert(at);
            ticket.assigned_count += 1;
            ticket.state = State::Assigned(Box::new(Assignment {
                agent: agent.clone(),
                pool: Some(*pool),
                token: *token,
                assigned_at: at,
                lease_until: *lease_until,
                request: request.clone(),
                step: *step,
                slack_ms: *slack_ms,
                policy_version,
                compared: compared.clone(),
                in_doubt,
            }));
        });
        let holder = self.roster.get(agent).expect("an event names a known agent");
        self.flow.took(at, (tier, channel), holder.pools, first_wait_ms);
        self.timers.remove_wait(holder);
        self.roster.give(agent, *number, channel, *token);
        self.count_dispatch(agent, tier, *passed);
    }

    /// A dispatch to an agent counts in every pool of the agent that is not paused.
    pub(super) fn count_dispatch(&mut self, agent: &AgentId, tier: TierIx, passed: TierSet) {
        let known = self.roster.get(agent).expect("an event names a known agent");
        for pool in self.roster.open_pools(known).iter() {
            self.records[usize::from(pool.0)].count_dispatch(tier, passed);
        }
    }

    /// The ticket waits in its old place again. When nobody has seen it, it was never picked up.
    pub(super) fn back_to_queue(
        &mut self,
        at: Time,
        number: TicketNumber,
        token: LeaseToken,
        unseen: bool,
        why: Option<ReturnReason>,
        dead_letter: Option<PoolIx>,
    ) {
        let mut place = None;
        let needs = self.needs_without_keeping(number);
        self.re_key(number, |ticket| {
            let channel = ticket.channel;
            let assignment = held(ticket, token);
            place = Some((assignment.agent.clone(), channel));
            let from = why.map(|why| Return { agent: assignment.agent.clone(), at, why });
            if unseen && assignment.in_doubt {
                ticket.picked_up_at = None;
            }
            // Whoever moved it to the front has got what they wanted, if anyone has seen it.
            if let Some(life) = ticket.life.as_mut().filter(|_| !unseen) {
                life.promoted_at = None;
            }
            ticket.state = State::Waiting;
            if let Some(from) = from {
                // It was kept for somebody, and has been in hands since.
                ticket.needs = needs;
                ticket.come_back(from, dead_letter);
            }
        });
        let (agent, channel) = place.expect("it was held");
        self.roster.take(&agent, number, channel, at);
    }

    /// The ticket is over for its customer. Its agent is free, or writes it up: what the pool learns of
    /// handling times is how long an agent is taken up, so it learns at the end of that.
    fn completed(&mut self, at: Time, event: &Event) {
        let Event::Completed { ticket: number, token, report, wrap_up_until } = event else {
            unreachable!("called for this event only")
        };
        let ticket = self.ticket_mut(*number);
        let assignment = held(ticket, *token).clone();
        let wrap = wrap_up_until.map(|until| WrapUp {
            ticket: *number,
            id: ticket.id.clone(),
            channel: ticket.channel,
            tier: Some(ticket.tier),
            pool: assignment.pool,
            token: *token,
            assigned_at: assignment.assigned_at,
            since: at,
            until,
        });
        let ending = Ending::Completed {
            agent: assignment.agent.clone(),
            token: *token,
            assigned_at: assignment.assigned_at,
            report: report.clone(),
        };
        self.finish(at, *number, ending);
        if let Some(wrap) = wrap {
            self.begin_wrap_up(&assignment.agent, wrap);
        } else if let Some(pool) = assignment.pool {
            self.records[usize::from(pool.0)].learn(at.since_ms(assignment.assigned_at));
        }
    }

    /// Its agent, if it has one, is free; the ticket is for others, now or when it enters its queue.
    fn transferred(&mut self, at: Time, moved: &Transferred) {
        let mut place = None;
        self.re_key(moved.ticket, |ticket| {
            let channel = ticket.channel;
            if let Some(token) = moved.token {
                place = Some((held(ticket, token).agent.clone(), channel));
                ticket.state = State::Waiting;
            }
            if ticket.tier != moved.tier {
                // Another tier's ladder is climbed from its foot.
                ticket.escalation_step = 0;
                ticket.guard_permille = None;
            }
            ticket.tier = moved.tier;
            ticket.tier_source = moved.tier_source;
            ticket.overflow_step = moved.overflow_step;
            ticket.pools = moved.pools;
            ticket.respond_by = moved.respond_by;
            ticket.solve_by = moved.solve_by;
            ticket.solution_breached &= !moved.has_restarted;
            // Only a supervisor gives on what nobody has picked up.
            ticket.response_breached &= !moved.has_restarted || ticket.picked_up_at.is_some();
            ticket.needs.clone_from(&moved.needs);
            if let State::Parked(parked) = &mut ticket.state {
                parked.keep_ms = None;
            }
            let life = ticket.life_mut();
            life.counts_from = moved.counts_from;
            life.has_fixed_route = moved.has_fixed_route;
            life.is_dead_letter = moved.is_dead_letter;
            life.requeue_count = moved.requeue_count;
            if let Some((agent, _)) = place.clone() {
                let why = ReturnReason::Transferred(moved.reason.clone());
                life.last_return = Some(Box::new(Return { agent, at, why }));
            }
        });
        if !moved.tier_source.is_unconfirmed() {
            self.unconfirmed.remove(&moved.ticket);
        }
        if let Some((agent, channel)) = place {
            self.roster.take(&agent, moved.ticket, channel, at);
        }
    }

    /// The ticket is a promise to call back, in its place or from later on.
    fn callback_requested(&mut self, event: &Event) {
        let Event::CallbackRequested {
            ticket: number,
            number: callback_number,
            opens_at,
            counts_from,
            respond_by,
            solve_by,
            expires_at,
        } = event
        else {
            unreachable!("called for this event only")
        };
        self.re_key(*number, |ticket| {
            ticket.channel = Channel::Callback;
            ticket.state = match opens_at {
                Some(opens_at) => State::Scheduled { opens_at: *opens_at },
                None => State::Waiting,
            };
            ticket.respond_by = *respond_by;
            ticket.solve_by = *solve_by;
            let life = ticket.life_mut();
            life.counts_from = *counts_from;
            life.starts_at = life.starts_at.min(*counts_from);
            life.expires_at = *expires_at;
            life.callback_number = Some(callback_number.clone());
        });
    }

    fn finish(&mut self, at: Time, number: TicketNumber, ending: Ending) {
        let ticket = self.tickets.remove(number).expect("an event names a live ticket");
        self.leave(&ticket);
        self.needs.leave(ticket.needs.as_ref(), &mut self.roster);
        self.contacts.leave(&ticket);
        self.ids.remove(&ticket);
        self.unconfirmed.remove(&number);
        if let Some(caller) = &ticket.caller {
            self.callers.remove(number, caller);
        }
        match &ticket.state {
            State::Waiting | State::Scheduled { .. } | State::Parked(_) | State::Quarantined(_) => {
            }
            State::Offered(offers) => offers.iter().for_each(|offer| {
                self.roster.take_offer(&offer.agent, number, ticket.channel);
            }),
            State::Assigned(held) => self.roster.take(&held.agent, number, ticket.channel, at),
        }
        self.forget_declined(number);
        self.remember(Finished { ticket: *ticket, ending, finished_at: at, wrap_up_ms: None });
    }

    /// The process before is gone, and with it every connection.
    fn end_all_waits(&mut self, at: Time) {
        let waiting: Vec<_> = self.roster.iter().filter(|a| a.wait.is_some()).cloned().collect();
        for agent in waiting {
            self.timers.remove_wait(&agent);
            self.roster.end_wait(&agent.id);
        }
        let streams: Vec<_> = self.roster.iter().filter(|a| a.stream.is_some()).cloned().collect();
        for agent in streams {
            self.roster.close_work(&agent.id, at);
        }
    }
}

fn held(ticket: &mut Ticket, token: LeaseToken) -> &mut Assignment {
    match &mut ticket.state {
        State::Assigned(assignment) if assignment.token == token => assignment,
        State::Assigned(_)
        | State::Offered(_)
        | State::Waiting
        | State::Scheduled { .. }
        | State::Parked(_)
        | State::Quarantined(_) => {
            panic!("the event's token holds the ticket")
        }
    }
}
