//! What a command leads to: the events and the answer, or the rejection. Changes nothing.

mod customer;

use super::coding::Standing;
use super::command::{
    AgentProfile, Answer, Command, Earlier, Event, OpenReason, PolicyChange, PolicyOrigin,
    Rejection, ReleaseReason, ResumedBy, Revocation, Submit, Submitted, WaitEnd, WorkEnd,
};
use super::deadlines::Promise;
use super::dispatch::Choice;
use super::life::SCHEDULE_MS_MAX;
use super::model::{
    Agent, AgentId, Assignment, Channel, Ending, LeaseToken, Policy, PoolSet, Presence, Report,
    State, Ticket, TicketId, TicketNumber, TierIx, Time,
};
use super::needs::SkillIx;
use super::quarantine::Audited;
use super::queue::QueueKey;
use super::supervise::Asked;
use super::wish::{SkillMode, SkillWish};
use super::{EXTEND_MS_MAX, Engine, LEASE_MS_WITHOUT_POOL, QUEUES_MAX};
use std::sync::Arc;

/// What a command leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What happens, to be applied in this order.
    pub events: Vec<Event>,
    /// What the answer is about.
    pub answer: Answer,
}

impl Decision {
    pub(super) fn of(event: Event, answer: Answer) -> Self {
        Self { events: vec![event], answer }
    }

    pub(super) fn nothing(answer: Answer) -> Self {
        Self { events: Vec::new(), answer }
    }
}

/// A ticket that has ended, however it is remembered.
pub(super) struct Past {
    pub(super) number: TicketNumber,
    fingerprint: u64,
    pub(super) completed_with: Option<LeaseToken>,
    has_expired: bool,
}

impl Engine {
    /// What `command` leads to at `now`, which must not be before the last event.
    pub fn decide(&self, now: Time, command: Command) -> Result<Decision, Rejection> {
        assert!(now >= self.at, "time does not run backwards");
        match command {
            Command::Start => Ok(Decision::of(Event::Started, Answer::Done)),
            Command::ApplyPolicy { policy } => self.decide_policy(policy),
            Command::ChangePolicy { policy, expected, change } => {
                self.decide_change(policy, expected.as_deref(), change)
            }
            Command::PutAgent(profile) => self.decide_agent(profile),
            Command::DeleteAgent { agent } => {
                let known = self.roster.get(&agent).ok_or(Rejection::AgentNotFound)?;
                if known.held.len() > known.offered.len() {
                    return Err(Rejection::AgentBusy);
                }
                let mut events = self.wait_ended(&agent, WaitEnd::Away);
                events.extend(self.revoked(known, Revocation::AgentDeleted));
                events.extend(self.decide_close(agent.clone(), WorkEnd::AgentDeleted).events);
                events.extend(Self::wrap_ups_dropped(known, now));
                events.push(Event::AgentDeleted { agent });
                Ok(Decision { events, answer: Answer::Done })
            }
            Command::SetPresence { agent, presence } => self.decide_presence(agent, presence),
            Command::PausePool { pool, by, reason } => self.decide_pause(&pool, by, reason),
            Command::ResumePool { pool, by, reason } => self.decide_resume(&pool, by, reason),
            Command::Submit(submit) => self.decide_submit(now, *submit),
            Command::Update { ticket, content } => {
                let number = self.live(&ticket, None)?.number;
                let answer = Answer::Ticket { number, repeated: false };
                Ok(Decision::of(Event::Updated { ticket: number, content }, answer))
            }
            Command::SetUrgency { ticket, urgency } => self.decide_urgency(&ticket, urgency),
            Command::Retier { ticket, lookup } => self.decide_retier(now, &ticket, lookup),
            Command::Cancel { ticket, reason, earlier } => {
                self.decide_cancel(&ticket, reason, earlier)
            }
            Command::Intervene { ticket, action, by, reason, earlier } => {
                let asked = Asked { ticket, action, by, reason, earlier };
                self.decide_intervention(now, &asked)
            }
            Command::Pull { agent, request, wait_until } => {
                self.decide_pull(now, agent, request, wait_until)
            }
            Command::StopWaiting { agent } => Ok(Decision {
                events: self.wait_ended(&agent, WaitEnd::CallerGone),
                answer: Answer::Done,
            }),
            Command::OpenWork { agent, stream, presence } => {
                self.decide_open(agent, stream, presence)
            }
            Command::CloseWork { agent, why } => Ok(self.decide_close(agent, why)),
            Command::Accept { ticket, token } => self.decide_accept(now, &ticket, token),
            Command::Decline { ticket, token, reason } => {
                self.decide_decline(now, &ticket, token, reason)
            }
            Command::Extend { ticket, token, by_ms } => {
                self.decide_extend(now, &ticket, token, by_ms)
            }
            Command::Complete { ticket, token, report, earlier } => {
                self.decide_complete(now, &ticket, token, report, earlier)
            }
            Command::FinishWrapUp { agent, ticket, token, earlier } => {
                self.decide_finish_wrap_up(now, &agent, &ticket, token, earlier)
            }
            Command::ReleaseQuarantined { ticket } => self.decide_release_quarantined(&ticket),
            Command::Park { ticket, token, for_ms, keep_ms, reason } => {
                self.decide_park(now, &ticket, token, for_ms, keep_ms, reason)
            }
            Command::Transfer { ticket, token, to, restart_clocks, reason } => {
                self.decide_transfer(now, &ticket, token, to, restart_clocks, reason)
            }
            Command::RequestCallback { ticket, number, not_before, due_at } => {
                self.decide_callback(now, &ticket, number, not_before, due_at)
            }
            Command::Resume { ticket } => {
                let live = self.live(&ticket, None)?;
                let answer = |repeated| Answer::Ticket { number: live.number, repeated };
                Ok(match &live.state {
                    State::Parked(_) => {
                        Decision::of(self.resumed(live, ResumedBy::Caller, now), answer(false))
                    }
                    // It has returned already.
                    State::Scheduled { .. }
                    | State::Waiting
                    | State::Offered(_)
                    | State::Assigned(_)
                    | State::Quarantined(_) => Decision::nothing(answer(true)),
                })
            }
            Command::Release { ticket, token, reason } => {
                self.decide_release(&ticket, token, reason)
            }
        }
    }

    fn decide_release(
        &self,
        ticket: &TicketId,
        token: LeaseToken,
        reason: ReleaseReason,
    ) -> Result<Decision, Rejection> {
        let held = self.held_with(ticket, token, None)?;
        let number = held.number;
        // Whom it waited for has seen it and does not want it.
        let holder = held.assignment().map(|assignment| &assignment.agent);
        let preferred = held
            .needs
            .as_ref()
            .is_some_and(|needs| holder.is_some_and(|holder| needs.prefer(holder)));
        let by_hand = matches!(reason, ReleaseReason::ByAgent(_));
        let dead_letter = self.dead_letter_after_return(held).filter(|_| by_hand);
        let opened = self.opened(held, OpenReason::GivenBack);
        let opens = preferred && by_hand && dead_letter.is_none();
        let mut events = vec![Event::Released { ticket: number, token, reason, dead_letter }];
        events.extend(opened.filter(|_| opens));
        Ok(Decision { events, answer: Answer::Ticket { number, repeated: false } })
    }

    /// The event that gives back a ticket whose assignment its caller never saw.
    pub fn undelivered(&self, number: TicketNumber, token: LeaseToken) -> Option<Event> {
        let held = self.ticket_numbered(number)?.assignment()?;
        (held.token == token).then_some(Event::Released {
            ticket: number,
            token,
            reason: ReleaseReason::Undelivered,
            dead_letter: None,
        })
    }

    fn decide_release_quarantined(&self, ticket: &TicketId) -> Result<Decision, Rejection> {
        let live = self.live(ticket, None)?;
        let number = live.number;
        Ok(if matches!(live.state, State::Quarantined(_)) {
            let event = Event::Audited(Audited::Released { ticket: number });
            Decision::of(event, Answer::Ticket { number, repeated: false })
        } else {
            Decision::nothing(Answer::Ticket { number, repeated: true })
        })
    }

    fn decide_agent(&self, profile: AgentProfile) -> Result<Decision, Rejection> {
        let known = self.policy.pools.len();
        if profile.pools.is_empty() || profile.pools.iter().any(|p| usize::from(p.0) >= known) {
            return Err(Rejection::PoolNotFound);
        }
        let skills = self.policy.skills.len();
        let unknown = |(skill, _): &(SkillIx, u8)| usize::from(skill.0) >= skills;
        if let Some(at) = profile.skills.iter().position(unknown) {
            return Err(Rejection::SkillNotFound { at });
        }
        let max = self.limits.agents_max;
        if self.roster.get(&profile.id).is_none() && self.roster.len() as u64 >= max {
            return Err(Rejection::AgentLimit { max });
        }
        let mut events = Vec::new();
        if let Some(known) = self.roster.get(&profile.id) {
            let (capacity, maxima) = (profile.capacity, profile.maxima);
            let changed = Agent { capacity, maxima, ..known.clone() };
            if self.roster.open_after_wrap_ups(&changed).is_empty() {
                events = self.wait_ended(&profile.id, WaitEnd::Nothing);
            }
        }
        events.push(Event::AgentPut(profile));
        Ok(Decision { events, answer: Answer::Done })
    }

    fn decide_presence(&self, agent: AgentId, presence: Presence) -> Result<Decision, Rejection> {
        let known = self.roster.get(&agent).ok_or(Rejection::AgentNotFound)?;
        let mut events = Vec::new();
        if known.presence != presence {
            match presence {
                Presence::Available => {}
                Presence::Away | Presence::Draining => {
                    events = self.wait_ended(&agent, WaitEnd::Away);
                }
            }
            events.push(Event::PresenceSet { agent, presence });
        }
        Ok(Decision { events, answer: Answer::Done })
    }

    fn decide_cancel(
        &self,
        ticket: &TicketId,
        reason: Box<str>,
        earlier: Option<Earlier>,
    ) -> Result<Decision, Rejection> {
        match self.live(ticket, earlier) {
            Ok(live) => {
                let number = live.number;
                let event = Event::Cancelled { ticket: number, reason };
                Ok(Decision::of(event, Answer::Ended { number }))
            }
            Err(Rejection::TicketCancelled) => {
                let past = self.past(ticket, earlier).expect("it was just found");
                Ok(Decision::nothing(Answer::Ended { number: past.number }))
            }
            Err(rejection) => Err(rejection),
        }
    }

    fn decide_extend(
        &self,
        now: Time,
        ticket: &TicketId,
        token: LeaseToken,
        by_ms: Option<i64>,
    ) -> Result<Decision, Rejection> {
        let live = self.held_with(ticket, token, None)?;
        if by_ms.is_some_and(|ms| !(1..=EXTEND_MS_MAX).contains(&ms)) {
            return Err(Rejection::ExtensionOutOfRange);
        }
        let lease_ms = self.lease_ms(live.assignment().expect("it was just found"));
        let lease_until = now.plus_ms(by_ms.unwrap_or(lease_ms));
        let answer = Answer::Holds { number: live.number, repeated: false };
        Ok(Decision::of(Event::Extended { ticket: live.number, token, lease_until }, answer))
    }

    /// How long an agent holds what was given on behalf of that assignment's pool.
    pub(super) fn lease_ms(&self, held: &Assignment) -> i64 {
        held.pool.map_or(LEASE_MS_WITHOUT_POOL, |pool| self.policy.pool(pool).lease_ms)
    }

    fn decide_policy(&self, policy: Arc<Policy>) -> Result<Decision, Rejection> {
        for (at, tier) in self.policy.tiers.iter().enumerate() {
            let ix = TierIx(u8::try_from(at).expect("a policy has at most 64 tiers"));
            if policy.tier_named(&tier.name).is_none() {
                let count = self.tickets.values().filter(|ticket| ticket.tier == ix).count() as u64;
                if count > 0 {
                    return Err(Rejection::PolicyStrandsTickets { tier: ix, count });
                }
            }
        }
        for (name, ix) in self.policy.skills.iter().zip(0..).map(|(name, ix)| (name, SkillIx(ix))) {
            if policy.skill_named(name).is_none() {
                let asks = |wish: &SkillWish| wish.skill == ix && wish.mode == SkillMode::Require;
                let wishes = self.tickets.values().filter_map(|ticket| ticket.wish());
                let count = wishes.filter(|wish| wish.skills.iter().any(asks)).count() as u64;
                if count > 0 {
                    return Err(Rejection::PolicyStrandsSkill { skill: ix, count });
                }
            }
        }
        Ok(Decision::of(Event::PolicyApplied { policy, change: None }, Answer::Done))
    }

    /// The policy in force again changes nothing, so that a call may be repeated.
    fn decide_change(
        &self,
        policy: Arc<Policy>,
        expected: Option<&str>,
        change: Arc<PolicyChange>,
    ) -> Result<Decision, Rejection> {
        if *policy == *self.policy {
            return Ok(Decision::nothing(Answer::Done));
        }
        if expected.is_some_and(|expected| *expected != *self.policy.version) {
            return Err(Rejection::PolicyNotExpected);
        }
        let is_text = change.origin != PolicyOrigin::Reload;
        if is_text && policy.version == self.policy.version && policy.source != self.policy.source {
            return Err(Rejection::PolicyVersionTaken);
        }
        match self.stranded_count(&policy) {
            0 => {
                // What a start refuses is refused here too.
                self.decide_policy(policy.clone())?;
                let event = Event::PolicyApplied { policy, change: Some(change) };
                Ok(Decision::of(event, Answer::Done))
            }
            count => Err(Rejection::PolicyStrands { count }),
        }
    }

    fn decide_submit(&self, now: Time, submit: Submit) -> Result<Decision, Rejection> {
        if let Some(live) = self.ticket(&submit.id) {
            if live.fingerprint != submit.fingerprint {
                return Err(Rejection::TicketExists);
            }
            return Ok(Decision::nothing(Answer::Ticket { number: live.number, repeated: true }));
        }
        if let Some(past) = self.past(&submit.id, submit.earlier) {
            if past.fingerprint != submit.fingerprint {
                return Err(Rejection::TicketExists);
            }
            return Ok(Decision::nothing(Answer::Ended { number: past.number }));
        }
        let max = self.limits.tickets_max;
        if self.tickets.len() as u64 >= max {
            return Err(Rejection::TicketLimit { max });
        }
        let coding = self.code(submit.lookup)?;
        self.policy.check_offered(coding.tier, coding.source, submit.channel)?;
        self.check_queue(coding.tier, submit.channel)?;
        let caller = submit.caller.map(|mut caller| {
            if coding.found.is_some() {
                Arc::make_mut(&mut caller).learn(coding.customer_id(), coding.known());
            }
            caller
        });
        let not_before = submit.not_before.filter(|at| *at > now);
        if not_before.is_some_and(|at| at.since_ms(now) > SCHEDULE_MS_MAX) {
            return Err(Rejection::ScheduleOutOfRange);
        }
        let starts_at = not_before.unwrap_or(now);
        let wish = submit.asked.map(|asked| self.wish(*asked)).transpose()?.map(Box::new);
        // Who is not known by anything has no card to keep a standing on.
        let standing = if caller.is_some() { coding.standing() } else { Standing::default() };
        let wish = self.attended(wish, coding.known().filter(|_| caller.is_some()));
        let needs = wish.as_ref().and_then(|wish| self.first_needs(coding.tier, 0, wish));
        let repeats = &self.policy.repeats;
        let contact = submit
            .topic
            .map(|topic| self.contacts.next(&topic, caller.as_deref(), now, repeats.window_ms));
        let process = repeats.pool_for(contact.as_ref());
        let routed = Self::routed(&self.policy, coding.tier, standing, 0);
        let pools = process.map_or(routed, |process| PoolSet::of([process]));
        if needs.is_some() && self.queues.len() >= QUEUES_MAX {
            let key = QueueKey {
                tier: coding.tier,
                channel: submit.channel,
                pools,
                needs: needs.clone(),
                guard_permille: None,
            };
            if self.queues.get(&key).is_none() {
                return Err(Rejection::QueueLimit { max: QUEUES_MAX });
            }
        }
        let (channel, urgency) = (submit.channel, submit.urgency);
        let promise = Promise { tier: coding.tier, channel, urgency, standing };
        let (respond_by, solve_by) = promise.deadlines(&self.policy, starts_at);
        let expires_at = Self::expiry(&self.policy, coding.tier, submit.channel, starts_at);
        let number = self.next_number;
        let submitted = Submitted {
            id: submit.id,
            number,
            fingerprint: submit.fingerprint,
            channel: submit.channel,
            urgency: submit.urgency,
            caller,
            content: submit.content,
            tier: coding.tier,
            tier_source: coding.source,
            tier_age_ms: coding.age_ms,
            respond_by,
            solve_by,
            pools,
            wish,
            needs,
            not_before,
            expires_at,
            has_fixed_route: process.is_some(),
            contact: contact.map(Box::new),
        };
        Ok(Decision::of(
            Event::Submitted(Box::new(submitted)),
            Answer::Ticket { number, repeated: false },
        ))
    }

    /// A full queue refuses its own tier and channel, and nobody else.
    fn check_queue(&self, tier: TierIx, channel: Channel) -> Result<(), Rejection> {
        let max = self.policy.tier(tier).queue_max[channel.index()].map(u64::from);
        match max.filter(|max| self.queues.depth(tier, channel) >= *max) {
            Some(max) => Err(Rejection::QueueFull { tier, channel, max }),
            None => Ok(()),
        }
    }

    fn decide_pull(
        &self,
        now: Time,
        agent: AgentId,
        request: Option<Box<str>>,
        wait_until: Time,
    ) -> Result<Decision, Rejection> {
        let known = self.roster.get(&agent).ok_or(Rejection::AgentNotFound)?;
        if known.presence == Presence::Away {
            return Err(Rejection::AgentAway);
        }
        if known.stream.is_some() {
            return Err(Rejection::AgentStreams);
        }
        let asked_before = |number: &&TicketNumber| {
            let held = self.ticket_numbered(**number).and_then(Ticket::assignment);
            let held = held.expect("offers go to streams only, so it is assigned");
            request.is_some() && held.request == request
        };
        // Who writes up waits for the end of it.
        let full = self.roster.open_after_wrap_ups(known).is_empty();
        let repeated =
            known.held.iter().find(asked_before).or(if full { known.held.last() } else { None });
        if let Some(number) = repeated {
            return Ok(Decision::nothing(Answer::Holds { number: *number, repeated: true }));
        }
        // What was given before stays the answer; nothing new is given.
        if known.presence == Presence::Draining {
            return Err(Rejection::AgentDraining);
        }
        if !self.roster.anyone_waits() {
            let survey = self.floor().survey(&self.roster.crew_of(known), false, now);
            if let Some((head, _)) = survey.taken() {
                let answer = Answer::Holds { number: head.ticket, repeated: false };
                let event = self.assignment(&survey, known, request, now);
                return Ok(Decision { events: event.into_iter().collect(), answer });
            }
            if wait_until <= now {
                let why = match survey.choice {
                    Choice::HeldForTier => WaitEnd::HeldForTier,
                    Choice::Nothing | Choice::Take(..) => WaitEnd::Nothing,
                };
                return Ok(Decision::nothing(Answer::Empty(why)));
            }
        }
        // With others waiting too, this agent joins them and `route` decides who gets what.
        let mut events = self.wait_ended(&agent, WaitEnd::Replaced);
        events.push(Event::WaitStarted { agent, until: wait_until.max(now), request });
        Ok(Decision { events, answer: Answer::Waits })
    }

    fn decide_complete(
        &self,
        now: Time,
        ticket: &TicketId,
        token: LeaseToken,
        report: Report,
        earlier: Option<Earlier>,
    ) -> Result<Decision, Rejection> {
        match self.held_with(ticket, token, earlier) {
            Ok(live) => {
                let wrap_up_until = self.wrap_up_until(live, now);
                let ticket = live.number;
                let event = Event::Completed { ticket, token, report, wrap_up_until };
                Ok(Decision::of(event, Answer::Ended { number: ticket }))
            }
            Err(Rejection::TicketCompleted) => {
                let past = self.past(ticket, earlier).expect("it was just found");
                if past.completed_with == Some(token) {
                    return Ok(Decision::nothing(Answer::Ended { number: past.number }));
                }
                Err(Rejection::TicketCompleted)
            }
            Err(rejection) => Err(rejection),
        }
    }

    fn wait_ended(&self, agent: &AgentId, why: WaitEnd) -> Vec<Event> {
        let waits = self.roster.get(agent).is_some_and(|known| known.wait.is_some());
        waits.then(|| Event::WaitEnded { agent: agent.clone(), why }).into_iter().collect()
    }

    pub(super) fn past(&self, id: &TicketId, earlier: Option<Earlier>) -> Option<Past> {
        let kept = self.finished(id).map(|finished| Past {
            number: finished.ticket.number,
            fingerprint: finished.ticket.fingerprint,
            completed_with: match finished.ending {
                Ending::Completed { token, .. } => Some(token),
                Ending::Cancelled { .. } | Ending::Expired => None,
            },
            has_expired: finished.ending == Ending::Expired,
        });
        kept.or(earlier.map(|earlier| Past {
            number: earlier.number,
            fingerprint: earlier.fingerprint,
            completed_with: earlier.completed_with,
            has_expired: earlier.has_expired,
        }))
    }

    pub(super) fn live(
        &self,
        id: &TicketId,
        earlier: Option<Earlier>,
    ) -> Result<&Ticket, Rejection> {
        if let Some(live) = self.ticket(id) {
            return Ok(live);
        }
        Err(match self.past(id, earlier) {
            None => Rejection::TicketNotFound,
            Some(Past { completed_with: Some(_), .. }) => Rejection::TicketCompleted,
            Some(Past { has_expired: true, .. }) => Rejection::TicketExpired,
            Some(Past { completed_with: None, .. }) => Rejection::TicketCancelled,
        })
    }

    /// The live ticket that `token` holds, or why it does not.
    pub(super) fn held_with(
        &self,
        id: &TicketId,
        token: LeaseToken,
        earlier: Option<Earlier>,
    ) -> Result<&Ticket, Rejection> {
        let live = self.live(id, earlier)?;
        let was_given = token.0 > 0 && token < self.next_token && live.assigned_count > 0;
        match &live.state {
            State::Assigned(held) if held.token == token => Ok(live),
            State::Assigned(held) if was_given && token < held.token => {
                Err(Rejection::LeaseSuperseded)
            }
            State::Quarantined(_) => Err(Rejection::TicketQuarantined),
            State::Offered(offers) if offers.with_token(token).is_some() => {
                Err(Rejection::OfferNotAccepted)
            }
            State::Waiting | State::Offered(_) | State::Scheduled { .. } | State::Parked(_)
                if was_given =>
            {
                Err(Rejection::LeaseEnded)
            }
            State::Assigned(_)
            | State::Offered(_)
            | State::Waiting
            | State::Scheduled { .. }
            | State::Parked(_) => Err(Rejection::TokenUnknown),
        }
    }
}
