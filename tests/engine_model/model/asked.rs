//! What is asked, and what the rules refuse.

use super::{Agent, Model, Name, Next, Parked, Ticket};
use std::collections::BTreeSet;
use std::sync::Arc;
use tierline::engine::coding::{Found, StaleTier};
use tierline::engine::command::{
    AgentProfile, Answer, Command, Lookup, Rejection, ReleaseReason, Submit, WaitEnd,
};
use tierline::engine::life::Destination;
use tierline::engine::model::{
    AgentId, Channel, LeaseToken, Policy, PoolIx, Presence, TicketId, TicketNumber, TierIx,
    TierSource,
};
use tierline::engine::timing::Urgency;

impl Model {
    pub(crate) fn ask(&mut self, now: i64, command: &Command) -> Result<Answer, Rejection> {
        let answer = self.answer(now, command);
        self.track(now);
        answer
    }

    #[expect(clippy::too_many_lines, reason = "one arm for each command")]
    fn answer(&mut self, now: i64, command: &Command) -> Result<Answer, Rejection> {
        match command {
            Command::Start => {
                self.agents.iter_mut().for_each(|agent| agent.wait = None);
                Ok(Answer::Done)
            }
            Command::ApplyPolicy { policy } => self.ask_policy(now, policy),
            // No act changes the policy by call, and nothing is ever at fault here.
            Command::ChangePolicy { .. }
            | Command::Intervene { .. }
            | Command::FinishWrapUp { .. }
            | Command::ReleaseQuarantined { .. } => {
                unreachable!("no act asks for it")
            }
            Command::PutAgent(profile) => self.ask_agent(now, profile),
            Command::DeleteAgent { agent } => {
                let known = self.agent(agent).ok_or(Rejection::AgentNotFound)?;
                if !known.held.is_empty() {
                    return Err(Rejection::AgentBusy);
                }
                self.agents.retain(|known| known.id != *agent);
                Ok(Answer::Done)
            }
            Command::PausePool { pool, .. } => self.ask_pause(pool, true),
            Command::ResumePool { pool, .. } => self.ask_pause(pool, false),
            Command::SetPresence { agent, presence } => self.ask_presence(now, agent, *presence),
            Command::StopWaiting { agent } => {
                if self.agent(agent).is_some() {
                    self.agent_mut(agent).wait = None;
                }
                Ok(Answer::Done)
            }
            Command::Submit(submit) => self.ask_submit(now, submit),
            Command::Update { ticket, content } => {
                let number = self.live(ticket, None)?;
                self.ticket_mut(number).content = content.clone();
                Ok(fresh(number))
            }
            Command::SetUrgency { ticket, urgency } => self.ask_urgency(ticket, *urgency),
            Command::Retier { ticket, lookup } => self.ask_retier(now, ticket, lookup),
            Command::Cancel { ticket, earlier, .. } => {
                let past = self.past(ticket, earlier.is_some());
                match (self.live(ticket, past.as_ref()), past) {
                    (Ok(number), _) => {
                        self.end(number, None, now);
                        Ok(ended(number))
                    }
                    (Err(Rejection::TicketCancelled), Some(past)) => Ok(ended(past.number)),
                    (Err(rejection), _) => Err(rejection),
                }
            }
            Command::Pull { agent, request, wait_until } => {
                self.ask_pull(now, agent, request.as_deref(), wait_until.0)
            }
            Command::Extend { ticket, token, by_ms } => {
                let number = self.held(ticket, *token, None)?;
                if by_ms.is_some_and(|ms| !(1..=86_400_000).contains(&ms)) {
                    return Err(Rejection::ExtensionOutOfRange);
                }
                let pool = self.ticket(number).lease.as_ref().and_then(|lease| lease.pool.clone());
                let usual = pool.map_or(900_000, |pool| self.pool(&pool).lease_ms);
                let lease = self.ticket_mut(number).lease.as_mut().expect("it is held");
                lease.until = now + by_ms.unwrap_or(usual);
                lease.heard_of = true;
                Ok(Answer::Holds { number: TicketNumber(number), repeated: false })
            }
            Command::Complete { ticket, token, earlier, .. } => {
                let past = self.past(ticket, earlier.is_some());
                match (self.held(ticket, *token, past.as_ref()), past) {
                    (Ok(number), _) => {
                        self.learn(number, now);
                        self.end(number, Some(token.0), now);
                        Ok(ended(number))
                    }
                    (Err(Rejection::TicketCompleted), Some(past))
                        if past.token == Some(token.0) =>
                    {
                        Ok(ended(past.number))
                    }
                    (Err(rejection), _) => Err(rejection),
                }
            }
            Command::OpenWork { .. }
            | Command::CloseWork { .. }
            | Command::Accept { .. }
            | Command::Decline { .. } => unreachable!("the acts have no streams"),
            Command::Release { ticket, token, reason } => {
                let number = self.held(ticket, *token, None)?;
                let unseen = *reason == ReleaseReason::Undelivered;
                self.give_back(number, unseen, now);
                if !unseen {
                    self.count_return(number);
                }
                Ok(fresh(number))
            }
            Command::Park { ticket, token, for_ms, .. } => {
                self.ask_park(now, ticket, *token, *for_ms)
            }
            Command::Transfer { ticket, token, to, restart_clocks, .. } => {
                self.ask_transfer(now, ticket, *token, to, *restart_clocks)
            }
            Command::RequestCallback { ticket, number, not_before, due_at } => self.ask_callback(
                now,
                ticket,
                &number.0,
                not_before.map(|at| at.0),
                due_at.map(|at| at.0),
            ),
            Command::Resume { ticket } => {
                let number = self.live(ticket, None)?;
                let repeated = self.ticket(number).parked.is_none();
                if !repeated {
                    self.resume(number, now);
                }
                Ok(Answer::Ticket { number: TicketNumber(number), repeated })
            }
        }
    }

    fn ask_presence(
        &mut self,
        now: i64,
        agent: &AgentId,
        presence: Presence,
    ) -> Result<Answer, Rejection> {
        self.agent(agent).ok_or(Rejection::AgentNotFound)?;
        let known = self.agent_mut(agent);
        let here = presence == Presence::Available;
        if here && known.presence != Presence::Available {
            known.idle_since = now;
        }
        if !here {
            known.wait = None;
        }
        known.presence = presence;
        Ok(Answer::Done)
    }

    fn ask_pause(&mut self, pool: &str, pause: bool) -> Result<Answer, Rejection> {
        let at = self.policy.pools.iter().position(|known| *known.name == *pool);
        let at = at.ok_or(Rejection::PoolNotFound)?;
        let name = self.policy.pools[at].name.clone();
        let changed = if pause { self.paused.insert(name) } else { self.paused.remove(&name) };
        let pool = PoolIx(u8::try_from(at).expect("few pools"));
        Ok(Answer::Pool { pool, repeated: !changed })
    }

    fn learn(&mut self, number: u64, now: i64) {
        let lease = self.ticket(number).lease.clone().expect("it is held");
        if let Some(pool) = lease.pool {
            let learnt = self.learnt.get_mut(&pool).expect("a pool of the policy");
            learnt.handled += 1;
            let sample_us = (now - lease.began) * 1000;
            learnt.mean_us += (sample_us - learnt.mean_us) / learnt.handled.min(200);
        }
    }

    fn ask_policy(&mut self, now: i64, policy: &Arc<Policy>) -> Result<Answer, Rejection> {
        for (at, tier) in self.policy.tiers.iter().enumerate() {
            let count = self.tickets.iter().filter(|t| t.tier == tier.name).count() as u64;
            if count > 0 && policy.tiers.iter().all(|new| new.name != tier.name) {
                let tier = tierline::engine::model::TierIx(u8::try_from(at).expect("few tiers"));
                return Err(Rejection::PolicyStrandsTickets { tier, count });
            }
        }
        self.put_policy(policy);
        for at in 0..self.tickets.len() {
            let (tier, waited) = (self.tickets[at].tier.clone(), self.tickets[at].waited(now));
            let (steps, pools) = self.route_of(&tier, waited);
            let known = |name: &Name| self.policy.pools.iter().any(|pool| pool.name == *name);
            let left: BTreeSet<Name> =
                self.tickets[at].pools.iter().filter(|name| known(name)).cloned().collect();
            let ticket = &mut self.tickets[at];
            ticket.steps = steps;
            if ticket.fixed && !left.is_empty() {
                ticket.pools = left;
            } else {
                ticket.pools = pools;
                (ticket.fixed, ticket.dead) = (false, false);
            }
        }
        Ok(Answer::Done)
    }

    fn ask_agent(&mut self, now: i64, profile: &AgentProfile) -> Result<Answer, Rejection> {
        let beyond = (self.policy.pools.len()..64).any(|bit| profile.pools.0 >> bit & 1 == 1);
        if profile.pools.0 == 0 || beyond {
            return Err(Rejection::PoolNotFound);
        }
        let pools = self.names(profile.pools);
        if self.agent(&profile.id).is_some() {
            let known = self.agent_mut(&profile.id);
            known.pools = pools;
            known.capacity = profile.capacity;
            if known.held.len() >= usize::from(profile.capacity) {
                known.wait = None;
            }
            return Ok(Answer::Done);
        }
        if self.agents.len() as u64 >= self.agents_max {
            return Err(Rejection::AgentLimit { max: self.agents_max });
        }
        self.agents.push(Agent {
            id: profile.id.clone(),
            pools,
            capacity: profile.capacity,
            presence: Presence::Away,
            idle_since: now,
            wait: None,
            held: Vec::new(),
        });
        Ok(Answer::Done)
    }

    fn ask_submit(&mut self, now: i64, submit: &Submit) -> Result<Answer, Rejection> {
        if let Some(live) = self.tickets.iter().find(|t| t.id == submit.id) {
            let number = TicketNumber(live.number);
            let same = live.fingerprint == submit.fingerprint;
            let again = Answer::Ticket { number, repeated: true };
            return if same { Ok(again) } else { Err(Rejection::TicketExists) };
        }
        if let Some(past) = self.past(&submit.id, submit.earlier.is_some()) {
            let same = past.fingerprint == submit.fingerprint;
            return if same { Ok(ended(past.number)) } else { Err(Rejection::TicketExists) };
        }
        if self.tickets.len() as u64 >= self.tickets_max {
            return Err(Rejection::TicketLimit { max: self.tickets_max });
        }
        let scheduled = submit.not_before.map(|at| at.0).filter(|at| *at > now);
        let starts = scheduled.unwrap_or(now);
        let (tier, source, told) = self.code(&submit.lookup)?;
        let offering = self.tier(&tier).offering;
        let certain = !matches!(source, TierSource::Stale | TierSource::Unavailable);
        if certain && !offering.accepts_others && !offering.channels.contains(submit.channel) {
            let tier = TierIx(u8::try_from(self.rank(&tier)).expect("few tiers"));
            return Err(Rejection::ChannelNotOffered { tier, channel: submit.channel });
        }
        if let Some(max) = self.tier(&tier).queue_max[0].map(u64::from) {
            let own = |t: &&Ticket| t.tier == tier && t.channel == submit.channel;
            if self.tickets.iter().filter(|t| t.is_waiting()).filter(own).count() as u64 >= max {
                let rank = u8::try_from(self.rank(&tier)).expect("few tiers");
                let (tier, channel) = (TierIx(rank), submit.channel);
                return Err(Rejection::QueueFull { tier, channel, max });
            }
        }
        if starts - now > 366 * 86_400_000 {
            return Err(Rejection::ScheduleOutOfRange);
        }
        let (respond_by, solve_by) = self.promises(&tier, submit.channel, submit.urgency, starts);
        let expires = self.expiry(&tier, starts);
        let number = self.next_number;
        self.next_number += 1;
        let given = submit.caller.as_ref().and_then(|caller| caller.customer_id());
        self.tickets.push(Ticket {
            id: submit.id.clone(),
            number,
            fingerprint: submit.fingerprint,
            channel: submit.channel,
            urgency: submit.urgency,
            pools: self.names(self.tier(&tier).pools),
            named: submit.caller.is_some(),
            known: submit
                .caller
                .as_ref()
                .and(told.as_ref().map(|t| t.known.clone()))
                .unwrap_or_default(),
            customer: submit
                .caller
                .as_ref()
                .and(told.map(|found| found.customer_id).or(given.map(Into::into))),
            tier,
            source,
            content: submit.content.clone(),
            submitted: now,
            respond_by,
            solve_by,
            steps: 0,
            picked_up: None,
            late: false,
            unsolved: false,
            tokens: Vec::new(),
            lease: None,
            starts,
            counts_from: starts,
            expires,
            scheduled,
            parked: None,
            returns: 0,
            fixed: false,
            dead: false,
            number_to_call: None,
            trail: Vec::new(),
        });
        Ok(fresh(number))
    }

    fn code(&self, lookup: &Lookup) -> Result<(Name, TierSource, Option<Box<Found>>), Rejection> {
        let known = |name: &str| self.policy.tiers.iter().find(|tier| *tier.name == *name);
        let fallback = |tier: usize| self.policy.tiers[tier].name.clone();
        let unknown = fallback(self.policy.unknown_tier.0.into());
        let (found, source) = match lookup {
            Lookup::Found(found) => (found, TierSource::Found),
            Lookup::Stale { found, .. } => (found, TierSource::Stale),
            Lookup::UnknownCustomer => return Ok((unknown, TierSource::UnknownCustomer, None)),
            Lookup::Unavailable => {
                let tier = fallback(self.policy.unavailable_tier.0.into());
                return Ok((tier, TierSource::Unavailable, None));
            }
            Lookup::Given { tier } => {
                let tier = known(tier).ok_or(Rejection::TierNotFound)?;
                return Ok((tier.name.clone(), TierSource::Given, None));
            }
        };
        let customer = Some(found.clone());
        let (mut tier, source) = match known(&found.tier) {
            Some(tier) => (tier.name.clone(), source),
            None if source == TierSource::Stale => (unknown, source),
            None => (unknown, TierSource::UnknownTier),
        };
        if matches!(lookup, Lookup::Stale { .. }) {
            let silent = usize::from(self.policy.unavailable_tier.0);
            let at = self.policy.tiers.iter().position(|known| known.name == tier).expect("named");
            tier = match self.policy.tiers[at].stale {
                StaleTier::Keep => tier,
                StaleTier::FallBack => fallback(silent),
                StaleTier::HoldHigh => fallback(at.min(silent)),
            };
        }
        Ok((tier, source, customer))
    }

    fn ask_retier(
        &mut self,
        now: i64,
        id: &TicketId,
        lookup: &Lookup,
    ) -> Result<Answer, Rejection> {
        let number = self.live(id, None)?;
        let ticket = self.ticket(number).clone();
        let silent = matches!(lookup, Lookup::Stale { .. } | Lookup::Unavailable);
        if silent || ticket.source == TierSource::Given {
            return Ok(fresh(number));
        }
        let (tier, source, found) = self.code(lookup)?;
        let found = found.filter(|_| ticket.named);
        let known = found.as_ref().map(|found| found.known.clone()).unwrap_or_default();
        let customer = found.map(|found| found.customer_id);
        let same = ticket.tier == tier && ticket.source == source && ticket.known == known;
        if same && (customer.is_none() || customer == ticket.customer) {
            return Ok(fresh(number));
        }
        let later = self.policy.retier_later;
        let (respond_by, solve_by) =
            self.promises(&tier, ticket.channel, ticket.urgency, ticket.counts_from);
        let (steps, pools) = self.route_of(&tier, ticket.waited(now));
        let expires = self.expiry(&tier, ticket.starts);
        let ticket = self.ticket_mut(number);
        ticket.tier = tier;
        ticket.source = source;
        ticket.customer = customer.or(ticket.customer.take());
        ticket.known = known;
        if ticket.picked_up.is_none() {
            let moves = later && !ticket.late;
            ticket.respond_by = if moves { respond_by } else { ticket.respond_by.min(respond_by) };
        }
        ticket.solve_by = match (ticket.solve_by, solve_by) {
            (_, new) if later && !ticket.unsolved => new,
            (Some(old), Some(new)) => Some(old.min(new)),
            (old, new) => old.or(new),
        };
        ticket.steps = steps;
        if !ticket.fixed {
            ticket.pools = pools;
        }
        ticket.expires = expires;
        Ok(fresh(number))
    }

    fn expiry(&self, tier: &str, starts: i64) -> Option<i64> {
        self.tier(tier).expires_after_ms[0].map(|ms| starts + ms)
    }

    fn ask_transfer(
        &mut self,
        now: i64,
        id: &TicketId,
        token: LeaseToken,
        to: &Destination,
        anew: bool,
    ) -> Result<Answer, Rejection> {
        let number = self.held(id, token, None)?;
        let mut next = self.ticket(number).clone();
        match to {
            Destination::Pool(name) => {
                let known = self.policy.pools.iter().find(|pool| *pool.name == **name);
                next.pools = [known.ok_or(Rejection::PoolNotFound)?.name.clone()].into();
                next.fixed = true;
            }
            Destination::Tier(name) => {
                let known = self.policy.tiers.iter().find(|tier| *tier.name == **name);
                next.tier = known.ok_or(Rejection::TierNotFound)?.name.clone();
                next.source = TierSource::Given;
                let waited = if anew { 0 } else { next.waited(now) };
                (next.steps, next.pools) = self.route_of(&next.tier, waited);
                next.fixed = false;
            }
            Destination::Agent(_) => unreachable!("no act names an agent"),
        }
        if anew {
            next.counts_from = now;
            (next.respond_by, next.solve_by) =
                self.promises(&next.tier, next.channel, next.urgency, now);
            next.unsolved = false;
        }
        self.give_back(number, false, now);
        let (lease, was_dead) = (self.ticket(number).lease.clone(), next.dead);
        // What is too often is said by the tier that it comes from.
        let tier = std::mem::replace(&mut next.tier, self.ticket(number).tier.clone());
        next.lease = lease;
        *self.ticket_mut(number) = next;
        if was_dead {
            (self.ticket_mut(number).returns, self.ticket_mut(number).dead) = (0, false);
        } else {
            self.count_return(number);
        }
        self.ticket_mut(number).tier = tier;
        Ok(fresh(number))
    }

    fn ask_callback(
        &mut self,
        now: i64,
        id: &TicketId,
        number_to_call: &str,
        not_before: Option<i64>,
        due_at: Option<i64>,
    ) -> Result<Answer, Rejection> {
        let number = self.live(id, None)?;
        let ticket = self.ticket(number).clone();
        if ticket.lease.is_some() || ticket.parked.is_some() {
            return Err(Rejection::TicketNotWaiting);
        }
        let later = not_before.filter(|at| *at > now);
        let earliest = later.unwrap_or(now);
        if !matches!(ticket.channel, Channel::Voice | Channel::Chat)
            && ticket.number_to_call.is_none()
        {
            return Err(Rejection::NotCallable);
        }
        let same_due = due_at.is_none_or(|at| at == ticket.respond_by);
        if ticket.number_to_call.as_deref() == Some(number_to_call)
            && ticket.scheduled == later
            && same_due
        {
            return Ok(Answer::Ticket { number: TicketNumber(number), repeated: true });
        }
        if due_at.is_some_and(|at| at < earliest) {
            return Err(Rejection::DueTooEarly);
        }
        let expires = self.expiry(&ticket.tier, earliest);
        let ticket = self.ticket_mut(number);
        let old = ticket.respond_by;
        ticket.respond_by = match (due_at, later) {
            (Some(due), _) => due,
            (None, Some(later)) => old.max(later),
            (None, None) => old,
        };
        let more = (ticket.respond_by - old).max(0);
        ticket.solve_by = ticket.solve_by.map(|by| by + more);
        ticket.expires = expires;
        ticket.channel = Channel::Callback;
        ticket.scheduled = later;
        ticket.number_to_call = Some(number_to_call.into());
        ticket.counts_from = ticket.counts_from.min(earliest);
        ticket.starts = ticket.starts.min(ticket.counts_from);
        Ok(fresh(number))
    }

    fn ask_park(
        &mut self,
        now: i64,
        id: &TicketId,
        token: LeaseToken,
        for_ms: Option<i64>,
    ) -> Result<Answer, Rejection> {
        let number = self.live(id, None)?;
        if self.ticket(number).parked.as_ref().is_some_and(|parked| parked.token == token.0) {
            return Ok(Answer::Ticket { number: TicketNumber(number), repeated: true });
        }
        self.held(id, token, None)?;
        let tier = self.ticket(number).tier.clone();
        let max_ms = self.tier(&tier).park_max_ms[0];
        let for_ms = for_ms.unwrap_or(max_ms);
        if for_ms < 1 || for_ms > max_ms {
            return Err(Rejection::ParkOutOfRange { max_ms });
        }
        self.give_back(number, false, now);
        let parked = Parked { token: token.0, since: now, until: now + for_ms };
        self.ticket_mut(number).parked = Some(parked);
        Ok(fresh(number))
    }

    /// A deadline in proportion, never later than the tier gives for the new urgency; more urgency never
    /// moves it back and less never brings it forward.
    fn ask_urgency(&mut self, id: &TicketId, urgency: Urgency) -> Result<Answer, Rejection> {
        let number = self.live(id, None)?;
        let ticket = self.ticket(number).clone();
        if ticket.urgency == urgency {
            return Ok(Answer::Ticket { number: TicketNumber(number), repeated: true });
        }
        let factor = |of| self.factor(&ticket.tier, of);
        let (old, new) = (factor(ticket.urgency), factor(urgency));
        let (respond_by, solve_by) = self.promises(&ticket.tier, ticket.channel, urgency, 0);
        let from = ticket.counts_from;
        let moved = |by: i64, at_most: i64| {
            let wanted = from + ((by - from) * new / old).max(1).min(at_most);
            if urgency > ticket.urgency { wanted.min(by) } else { wanted.max(by) }
        };
        let respond_by = moved(ticket.respond_by, respond_by);
        let solve_by = match (ticket.solve_by, solve_by) {
            (Some(by), Some(at_most)) => Some(moved(by, at_most)),
            (by, _) => by,
        };
        let ticket = self.ticket_mut(number);
        ticket.urgency = urgency;
        ticket.respond_by = respond_by;
        ticket.solve_by = solve_by;
        Ok(fresh(number))
    }

    fn ask_pull(
        &mut self,
        now: i64,
        agent: &AgentId,
        request: Option<&str>,
        until: i64,
    ) -> Result<Answer, Rejection> {
        let known = self.agent(agent).ok_or(Rejection::AgentNotFound)?.clone();
        if known.presence == Presence::Away {
            return Err(Rejection::AgentAway);
        }
        let named = |number: &&u64| {
            let lease = self.ticket(**number).lease.as_ref().expect("what is held has a lease");
            request.is_some() && lease.request.as_deref() == request
        };
        let again = known.held.iter().find(named).copied();
        let full = known.held.len() >= usize::from(known.capacity);
        if let Some(number) = again.or(known.held.last().copied().filter(|_| full)) {
            return Ok(Answer::Holds { number: TicketNumber(number), repeated: true });
        }
        if known.presence == Presence::Draining {
            return Err(Rejection::AgentDraining);
        }
        if self.agents.iter().all(|agent| agent.wait.is_none()) {
            match self.next(&self.open(&known), false, now) {
                Next::Take { ticket, pool, step: _ } => {
                    self.assign(ticket, agent, &pool, request.map(Into::into), now);
                    return Ok(Answer::Holds { number: TicketNumber(ticket), repeated: false });
                }
                Next::Held if until <= now => return Ok(Answer::Empty(WaitEnd::HeldForTier)),
                Next::Nothing if until <= now => return Ok(Answer::Empty(WaitEnd::Nothing)),
                Next::Held | Next::Nothing => {}
            }
        }
        self.agent_mut(agent).wait = Some((until.max(now), request.map(Into::into)));
        Ok(Answer::Waits)
    }
}

fn fresh(number: u64) -> Answer {
    Answer::Ticket { number: TicketNumber(number), repeated: false }
}

fn ended(number: u64) -> Answer {
    Answer::Ended { number: TicketNumber(number) }
}
