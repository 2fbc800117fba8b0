//! Where a ticket goes besides its queue and its agent, at somebody's word: parked, given on, or turned
//! into a callback. What it leads to; changes nothing.

use super::Engine;
use super::command::{Answer, Event, Intervention, Rejection, ResumedBy, Transferred};
use super::deadlines::Promise;
use super::decide::Decision;
use super::hours;
use super::life::{CallbackNumber, Destination, SCHEDULE_MS_MAX};
use super::model::{
    AgentId, Channel, LeaseToken, PoolSet, State, Ticket, TicketId, TierIx, TierSource, Time,
};
use super::needs::Needs;
use super::supervise::{Asked, taken_back};
use super::wish::opened_needs;
use std::sync::Arc;

impl Engine {
    pub(super) fn decide_park(
        &self,
        now: Time,
        ticket: &TicketId,
        token: LeaseToken,
        for_ms: Option<i64>,
        keep_ms: Option<i64>,
        reason: Box<str>,
    ) -> Result<Decision, Rejection> {
        let live = self.live(ticket, None)?;
        let number = live.number;
        if let State::Parked(parked) = &live.state
            && parked.token == token
        {
            return Ok(Decision::nothing(Answer::Ticket { number, repeated: true }));
        }
        self.held_with(ticket, token, None)?;
        let max_ms = self.policy.tier(live.tier).park_max_ms[live.channel.index()];
        let for_ms = for_ms.unwrap_or(max_ms);
        if !(1..=max_ms).contains(&for_ms) {
            return Err(Rejection::ParkOutOfRange { max_ms });
        }
        let until = now.plus_ms(for_ms);
        let event = Event::Parked { ticket: number, token, until, keep_ms, reason };
        Ok(Decision::of(event, Answer::Ticket { number, repeated: false }))
    }

    /// The return of a parked ticket to its queue: its clocks go on from where they stood.
    pub(super) fn resumed(&self, ticket: &Ticket, by: ResumedBy, now: Time) -> Event {
        let State::Parked(parked) = &ticket.state else {
            unreachable!("only parked tickets are resumed")
        };
        // As much later as there was time that counts meanwhile.
        let hours = self.policy.hours(ticket.tier, ticket.channel);
        let parked_ms = hours::between(hours, parked.since, now);
        let later = |instant| hours::add(hours, instant, parked_ms);
        Event::Resumed {
            ticket: ticket.number,
            by,
            counts_from: later(ticket.counts_from()),
            respond_by: later(ticket.respond_by),
            solve_by: ticket.solve_by.map(later),
            kept_until: parked
                .keep_ms
                .filter(|_| self.may_be_kept(ticket, &parked.agent))
                .map(|ms| now.plus_ms(ms)),
        }
    }

    /// Whether a ticket may wait for the agent who parked it: who is not available is not waited for, and an
    /// agent to whom it was given by name comes first.
    fn may_be_kept(&self, ticket: &Ticket, agent: &AgentId) -> bool {
        let given = ticket.needs.as_ref().filter(|needs| !needs.while_available);
        let is_given = given.is_some_and(|needs| needs.only.is_some());
        self.roster.is_available(agent) && !is_given && !ticket.is_dead_letter()
    }

    /// Arrival and deadlines stay unless the clocks begin anew. Giving a ticket on is one more return: the
    /// one that is too much leads to the dead-letter pool, wherever it was to go. From there it may be
    /// given on, and starts with a clean sheet.
    pub(super) fn decide_transfer(
        &self,
        now: Time,
        ticket: &TicketId,
        token: LeaseToken,
        to: Destination,
        restart_clocks: bool,
        reason: Box<str>,
    ) -> Result<Decision, Rejection> {
        let live = self.held_with(ticket, token, None)?;
        let mut moved = Self::as_it_is(live, Some(token), reason);
        moved.requeue_count += 1;
        self.redirect(&mut moved, live, to, restart_clocks, now)?;
        if live.is_dead_letter() {
            moved.requeue_count = 0;
        } else if let Some(pool) = self.dead_letter_after_return(live) {
            moved.pools = PoolSet::of([pool]);
            moved.has_fixed_route = true;
            moved.needs = None;
            moved.is_dead_letter = true;
        }
        let answer = Answer::Ticket { number: live.number, repeated: false };
        Ok(Decision::of(Event::Transferred(Box::new(moved)), answer))
    }

    /// Given on by a supervisor it has not come back: nothing is counted, and what came back too often
    /// starts with a clean sheet. A ticket that is scheduled or parked stays so, and its new pools wait for
    /// it. One that goes to just these already stays where it is, in whosever hands.
    pub(super) fn decide_move(
        &self,
        now: Time,
        live: &Ticket,
        to: &Destination,
        restart_clocks: bool,
        asked: &Asked,
    ) -> Result<Decision, Rejection> {
        let number = live.number;
        let mut moved = Self::as_it_is(live, None, asked.reason.clone());
        let unmoved = moved.clone();
        self.redirect(&mut moved, live, to.clone(), restart_clocks, now)?;
        if live.is_dead_letter() {
            moved.requeue_count = 0;
        } else if moved == unmoved && !live.is_to_be_kept() {
            return Ok(Decision::nothing(Answer::Ticket { number, repeated: true }));
        }
        let mut events = Vec::new();
        if live.assignment().is_some() {
            events.push(asked.event(number, Intervention::Requeue));
        }
        events.extend(taken_back(live, None));
        events.push(asked.event(number, asked.action.clone()));
        events.push(Event::Transferred(Box::new(moved)));
        Ok(Decision { events, answer: Answer::Ticket { number, repeated: false } })
    }

    /// Makes `moved` lead there.
    fn redirect(
        &self,
        moved: &mut Transferred,
        live: &Ticket,
        to: Destination,
        restart_clocks: bool,
        now: Time,
    ) -> Result<(), Rejection> {
        match to {
            Destination::Pool(name) => {
                let pool = self.policy.pool_named(&name).ok_or(Rejection::PoolNotFound)?;
                moved.pools = PoolSet::of([pool]);
                moved.has_fixed_route = true;
                moved.needs = self.asked_of_anyone(live, moved.tier, moved.overflow_step);
            }
            Destination::Agent(agent) => {
                self.roster.get(&agent).ok_or(Rejection::AgentNotFound)?;
                moved.needs = Needs { only: Some(agent), ..Needs::default() }.shared();
            }
            Destination::Tier(name) => {
                moved.tier = self.policy.tier_named(&name).ok_or(Rejection::TierNotFound)?;
                moved.tier_source = TierSource::Given;
                let waited_ms = if restart_clocks { 0 } else { live.waited_ms(now) };
                (moved.overflow_step, moved.pools) =
                    Self::route_after(&self.policy, moved.tier, live.standing(), waited_ms);
                moved.has_fixed_route = false;
                moved.needs = self.asked_of_anyone(live, moved.tier, moved.overflow_step);
            }
        }
        if restart_clocks {
            // A clock that stands still begins anew where it stands.
            let begins = match &live.state {
                State::Scheduled { opens_at } => *opens_at,
                State::Parked(parked) => parked.since,
                State::Waiting | State::Offered(_) | State::Assigned(_) | State::Quarantined(_) => {
                    now
                }
            };
            moved.counts_from = begins;
            let promise = Promise { tier: moved.tier, ..Promise::of(live) };
            (moved.respond_by, moved.solve_by) = promise.deadlines(&self.policy, begins);
            moved.has_restarted = true;
        }
        Ok(())
    }

    /// What the ticket's wish needs of whoever may serve it, with nobody waited for by name.
    pub(super) fn asked_of_anyone(
        &self,
        live: &Ticket,
        tier: TierIx,
        step: u8,
    ) -> Option<Arc<Needs>> {
        let wish = live.wish()?;
        opened_needs(&self.policy, tier, step, wish, wish.relaxed_ms)
    }

    /// A transfer that changes nothing.
    fn as_it_is(live: &Ticket, token: Option<LeaseToken>, reason: Box<str>) -> Transferred {
        Transferred {
            ticket: live.number,
            token,
            reason,
            tier: live.tier,
            tier_source: live.tier_source,
            overflow_step: live.overflow_step,
            pools: live.pools,
            has_fixed_route: live.has_fixed_route(),
            needs: live.needs.clone(),
            is_dead_letter: false,
            requeue_count: live.requeue_count(),
            counts_from: live.counts_from(),
            respond_by: live.respond_by,
            solve_by: live.solve_by,
            has_restarted: false,
        }
    }

    /// The callback keeps the caller's place: its arrival stays, and its deadline unless the customer
    /// asks to be called later.
    pub(super) fn decide_callback(
        &self,
        now: Time,
        ticket: &TicketId,
        number: CallbackNumber,
        not_before: Option<Time>,
        due_at: Option<Time>,
    ) -> Result<Decision, Rejection> {
        let live = self.live(ticket, None)?;
        let present = match &live.state {
            State::Waiting => None,
            State::Scheduled { opens_at } => Some(*opens_at),
            State::Offered(_) | State::Assigned(_) | State::Parked(_) | State::Quarantined(_) => {
                return Err(Rejection::TicketNotWaiting);
            }
        };
        let opens_at = not_before.filter(|at| *at > now);
        let earliest = opens_at.unwrap_or(now);
        if earliest.since_ms(now) > SCHEDULE_MS_MAX {
            return Err(Rejection::ScheduleOutOfRange);
        }
        let known = live.callback_number();
        let is_callable = matches!(live.channel, Channel::Voice | Channel::Chat) || known.is_some();
        if !is_callable {
            return Err(Rejection::NotCallable);
        }
        let answer = |repeated| Answer::Ticket { number: live.number, repeated };
        let same_due = due_at.is_none_or(|at| at == live.respond_by);
        if known == Some(&number) && opens_at == present && same_due {
            return Ok(Decision::nothing(answer(true)));
        }
        if due_at.is_some_and(|at| at < earliest) {
            return Err(Rejection::DueTooEarly);
        }
        let respond_by = due_at.unwrap_or_else(|| {
            opens_at.map_or(live.respond_by, |opens_at| live.respond_by.max(opens_at))
        });
        let later_ms = respond_by.since_ms(live.respond_by).max(0);
        let channel = Channel::Callback;
        let event = Event::CallbackRequested {
            ticket: live.number,
            number,
            opens_at,
            counts_from: live.counts_from().min(earliest),
            respond_by,
            solve_by: live.solve_by.map(|by| by.plus_ms(later_ms)),
            expires_at: Self::expiry(&self.policy, live.tier, channel, earliest),
        };
        Ok(Decision::of(event, answer(false)))
    }
}
