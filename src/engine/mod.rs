//! THE RULES. Pure and synchronous: no clock, no I/O, no async, no randomness, no order from a hash.
//!
//! [`Engine::decide`], [`Engine::route`] and [`Engine::expire`] are questions: they take `&self` and
//! the instant, and answer with events. [`Engine::apply`] is the only code that changes anything, for
//! live traffic and for replay alike: the same events give the same state.

mod apply;
mod audit;
pub mod capacity;
pub mod care;
mod choice;
pub mod coding;
pub mod command;
pub mod compared;
pub mod contacts;
pub mod deadlines;
pub mod decide;
pub mod decimal;
pub mod dispatch;
pub mod duty;
pub mod escalation;
mod explain;
pub mod flow;
pub mod hours;
mod ids;
mod impact;
pub mod life;
pub mod model;
mod moves;
pub mod needs;
pub mod offered;
mod offers;
pub mod outlook;
pub mod pause;
pub mod push;
pub mod quarantine;
pub mod queue;
pub mod roster;
pub mod several;
mod shelf;
mod starvation;
mod supervise;
pub mod timers;
pub mod timing;
mod trial;
mod why;
pub mod wish;
pub mod wrap_up;

pub use audit::{Audit, Fault};
pub use explain::{CrewSurvey, EXPLAINED_CREWS_MAX, Explanation};
pub use impact::{IMPACT_IDS_MAX, Impact, QueueImpact, Stranded};
pub use life::Resting;
pub use trial::Turn;
pub use why::{AgentExplanation, Condition, PASSED_QUEUES_MAX, PassedQueue, WhyNot};

use coding::{Callers, Standing};
use command::{Event, ResumedBy, WaitEnd};
use compared::Compared;
use contacts::Contacts;
use dispatch::{Choice, Floor, Survey};
use flow::Flow;
use ids::{Ids, Tickets};
use model::{
    Agent, Channel, Finished, Image, LeaseToken, Policy, PoolIx, PoolRecord, PoolSet, Ticket,
    TicketId, TicketNumber, TierIx, TierSet, Time,
};
use needs::{Crew, NeedsBook};
use queue::Queues;
use roster::Roster;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use timers::{Due, Timers};

/// Longest extension of a lease, in milliseconds: a day.
pub const EXTEND_MS_MAX: i64 = 86_400_000;
/// The lease of an assignment whose pool a later policy has dropped, in milliseconds.
pub const LEASE_MS_WITHOUT_POOL: i64 = 900_000;
/// How many tickets that ended last stay in memory, so that a retry in the same batch finds them.
pub const FINISHED_KEPT_MAX: usize = 4096;
/// How many queues there may be for a ticket to be accepted that needs one of its own: each kind of
/// needs is a queue, and a choice compares the heads of all that an agent may serve.
pub const QUEUES_MAX: usize = 4096;
/// A ticket's place is exact up to this many tickets before it in each queue.
pub const PLACE_EXACT_MAX: usize = 1000;

/// How much an engine may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Live tickets, in whatever state.
    pub tickets_max: u64,
    /// Registered agents.
    pub agents_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { tickets_max: 2_000_000, agents_max: 20_000 }
    }
}

/// Every ticket and agent, and the rules that bring them together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    limits: Limits,
    at: Time,
    policy: Arc<Policy>,
    records: Vec<PoolRecord>,
    flow: Flow,
    roster: Roster,
    tickets: Tickets,
    ids: Ids,
    queues: Queues,
    needs: NeedsBook,
    timers: Timers,
    unconfirmed: BTreeSet<TicketNumber>,
    callers: Callers,
    resting: Resting,
    quarantined: BTreeSet<TicketNumber>,
    contacts: Contacts,
    finished: VecDeque<Box<Finished>>,
    finished_by_id: BTreeMap<TicketId, TicketNumber>,
    next_number: TicketNumber,
    next_token: LeaseToken,
}

impl Default for Engine {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Engine {
    /// An engine without agents, tickets or a policy; the first event must bring one.
    pub fn new(limits: Limits) -> Self {
        let policy = Policy {
            version: "none".into(),
            starve_after_permille: 2000,
            floor_share_permille: 100,
            ..Policy::default()
        };
        Self {
            limits,
            at: Time::default(),
            queues: Queues::new(policy.rule),
            policy: Arc::new(policy),
            records: Vec::new(),
            flow: Flow::default(),
            roster: Roster::default(),
            tickets: Tickets::default(),
            ids: Ids::default(),
            needs: NeedsBook::default(),
            timers: Timers::default(),
            unconfirmed: BTreeSet::new(),
            callers: Callers::default(),
            resting: Resting::default(),
            quarantined: BTreeSet::new(),
            contacts: Contacts::default(),
            finished: VecDeque::new(),
            finished_by_id: BTreeMap::new(),
            next_number: TicketNumber(1),
            next_token: LeaseToken(1),
        }
    }

    /// The engine that `image` describes.
    pub fn from_image(mut image: Image, limits: Limits) -> Self {
        image.fill_hands();
        let mut engine = Self {
            at: image.at,
            queues: Queues::new(image.policy.rule),
            policy: image.policy,
            records: image.pools,
            flow: image.flow,
            next_number: image.next_number,
            next_token: image.next_token,
            contacts: Contacts::of(image.contacts),
            ..Self::new(limits)
        };
        engine.roster.set_rules(engine.policy.channels);
        engine.roster.set_paused(engine.paused_pools());
        for agent in image.agents {
            engine.timers.add_wait(&agent);
            engine.timers.add_back_offs(&agent);
            engine.timers.add_wrap_ups(&agent);
            engine.roster.put(agent);
        }
        for ticket in image.tickets {
            engine.add_ticket(ticket);
        }
        engine.ids = Ids::of(&engine.tickets);
        for finished in image.finished {
            engine.remember(finished);
        }
        engine
    }

    /// The whole engine as data.
    pub fn image(&self) -> Image {
        Image {
            at: self.at,
            policy: self.policy.clone(),
            pools: self.records.clone(),
            flow: self.flow.clone(),
            agents: self.roster.iter().cloned().collect(),
            tickets: self.tickets.values().map(|ticket| (**ticket).clone()).collect(),
            finished: self.finished.iter().map(|finished| (**finished).clone()).collect(),
            next_number: self.next_number,
            next_token: self.next_token,
            contacts: self.contacts.image(),
        }
    }

    /// Holds from now on no more than `limits`; what is held already stays.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The limits in force.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// The instant of the last event.
    pub fn at(&self) -> Time {
        self.at
    }

    /// The policy in force.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// What a pool has learnt.
    pub fn record(&self, pool: PoolIx) -> &PoolRecord {
        &self.records[usize::from(pool.0)]
    }

    /// What is learnt of the flow of work.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The agents.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The queues.
    pub fn queues(&self) -> &Queues {
        &self.queues
    }

    /// The live ticket of that id.
    pub fn ticket(&self, id: &TicketId) -> Option<&Ticket> {
        self.ids.find(id, &self.tickets)
    }

    /// The live ticket of that number.
    pub fn ticket_numbered(&self, number: TicketNumber) -> Option<&Ticket> {
        self.tickets.get(number).map(|ticket| &**ticket)
    }

    /// The ids of those of the numbered tickets that are live or ended a short while ago.
    pub fn ids_of(
        &self,
        numbers: impl Iterator<Item = TicketNumber>,
    ) -> BTreeMap<TicketNumber, TicketId> {
        let mut ids = BTreeMap::new();
        let mut gone = BTreeSet::new();
        for number in numbers {
            match self.ticket_numbered(number) {
                Some(ticket) => drop(ids.insert(number, ticket.id.clone())),
                None => drop(gone.insert(number)),
            }
        }
        if !gone.is_empty() {
            let ended = self.finished.iter().map(|finished| &finished.ticket);
            let ended = ended.filter(|ticket| gone.contains(&ticket.number));
            ids.extend(ended.map(|ticket| (ticket.number, ticket.id.clone())));
        }
        ids
    }

    /// The live tickets after `number`, in order of arrival.
    pub fn tickets_after(&self, number: TicketNumber) -> impl Iterator<Item = &Ticket> {
        self.tickets.after(number).map(|(_, ticket)| &**ticket)
    }

    /// The number of the ticket that came last; 0 before the first.
    pub fn newest(&self) -> TicketNumber {
        TicketNumber(self.next_number.0 - 1)
    }

    /// How many live tickets are neither in a queue nor in anyone's hands.
    pub fn resting(&self) -> Resting {
        self.resting
    }

    /// How many tickets are live, in whatever state.
    pub fn ticket_count(&self) -> usize {
        self.tickets.len()
    }

    /// A ticket of that id that ended a short while ago.
    pub fn finished(&self, id: &TicketId) -> Option<&Finished> {
        let number = *self.finished_by_id.get(id)?;
        self.finished.iter().rev().find(|f| f.ticket.number == number).map(|f| &**f)
    }

    /// The ticket that ended last.
    pub fn last_finished(&self) -> Option<&Finished> {
        self.finished.back().map(|finished| &**finished)
    }

    /// Live tickets after `number` whose tier the directory has yet to confirm, in order of arrival.
    pub fn unconfirmed_after(&self, number: TicketNumber) -> impl Iterator<Item = &Ticket> {
        use std::ops::Bound::{Excluded, Unbounded};
        let rest = self.unconfirmed.range((Excluded(number), Unbounded));
        rest.map(|number| self.ticket_numbered(*number).expect("only live tickets are listed"))
    }

    /// How many live tickets have a tier that the directory has yet to confirm.
    pub fn unconfirmed_count(&self) -> usize {
        self.unconfirmed.len()
    }

    /// How many of its own and higher tiers stand before a waiting ticket; exact up to
    /// [`PLACE_EXACT_MAX`] a queue.
    pub fn ahead_of(&self, ticket: &Ticket) -> usize {
        self.queues.ahead_of(ticket, PLACE_EXACT_MAX)
    }

    /// Which ticket an agent of `crew` would get at `now`, and why.
    pub fn survey(&self, crew: &Crew, now: Time) -> Survey {
        self.floor().survey(crew, self.roster.crew_waits(crew), now)
    }

    /// The next thing that is due at `now`. Asked again after each until there is none.
    pub fn expire(&self, now: Time) -> Option<Event> {
        if let Some(event) = self.loosened() {
            return Some(event);
        }
        if let Some(opened) = self.opened_as_forsaken() {
            return Some(opened);
        }
        if let Some(number) = self.timers.due_ticket(now) {
            let ticket = self.ticket_numbered(number).expect("only live tickets have timers");
            return Some(self.due_event(ticket, now));
        }
        if let Some(agent) = self.timers.due_wait(now) {
            let known = self.roster.get(agent).expect("who waits is registered");
            let crew = self.roster.crew_of(known);
            let why = match self.floor().survey(&crew, true, now).choice {
                Choice::HeldForTier => WaitEnd::HeldForTier,
                Choice::Nothing | Choice::Take(..) => WaitEnd::Nothing,
            };
            return Some(Event::WaitEnded { agent: agent.clone(), why });
        }
        if let Some(ended) = self.wrap_up_over(now) {
            return Some(ended);
        }
        let (agent, ticket) = self.timers.due_back_off(now)?;
        Some(Event::BackOffEnded { agent: agent.clone(), ticket })
    }

    /// The first instant at which `expire` will have something.
    pub fn next_deadline(&self) -> Option<Time> {
        self.timers.next_at()
    }

    fn floor(&self) -> Floor<'_> {
        Floor {
            policy: &self.policy,
            tickets: &self.tickets,
            queues: &self.queues,
            roster: &self.roster,
            records: &self.records,
            leaving: &[],
        }
    }

    fn assignment(
        &self,
        survey: &Survey,
        agent: &Agent,
        request: Option<Box<str>>,
        now: Time,
    ) -> Option<Event> {
        let (head, step) = survey.taken()?;
        Some(Event::Assigned {
            ticket: head.ticket,
            agent: agent.id.clone(),
            pool: head.pool,
            token: self.next_token,
            lease_until: now.plus_ms(self.policy.pool(head.pool).lease_ms),
            request,
            step,
            slack_ms: head.slack_ms,
            compared: Compared::of(survey),
            passed: self.passed_by(survey),
        })
    }

    /// The starving tiers that the choice of a survey passes by, where the floor counts them.
    fn passed_by(&self, survey: &Survey) -> TierSet {
        if self.policy.floor_every().is_some() { survey.passed() } else { TierSet::EMPTY }
    }

    fn due_event(&self, ticket: &Ticket, now: Time) -> Event {
        let (_, due) =
            timers::next_due(ticket, &self.policy).expect("a ticket in the timers has one");
        let number = ticket.number;
        let breached = |deadline| Event::Breached { ticket: number, deadline };
        match due {
            Due::Overflow => self.overflowed(ticket),
            Due::Escalation => self.escalated(ticket),
            Due::PreferenceEnd => self
                .opened(ticket, command::OpenReason::Waited)
                .expect("it waits for its preferred agent"),
            Due::ResponseBreach => breached(command::Deadline::Response),
            Due::SolutionBreach => breached(command::Deadline::Solution),
            Due::LeaseEnd => {
                let token = ticket.assignment().expect("only leases end so").token;
                let dead_letter = self.dead_letter_after_return(ticket);
                Event::LeaseExpired { ticket: number, token, dead_letter }
            }
            Due::Opening => Event::Queued { ticket: number },
            Due::ParkEnd => self.resumed(ticket, ResumedBy::Limit, now),
            Due::Expiry => Event::Expired { ticket: number },
            Due::OfferEnd => self.missed(ticket, now),
        }
    }

    /// The next step of the ladder, taken.
    fn escalated(&self, ticket: &Ticket) -> Event {
        let tier = self.policy.tier(ticket.tier);
        let step = &tier.timing.escalation[usize::from(ticket.escalation_step)];
        let taken = ticket.escalation_step + 1;
        Event::Escalated {
            ticket: ticket.number,
            escalation_step: taken,
            pools: escalation::pools_after(
                tier,
                taken,
                Self::routed(&self.policy, ticket.tier, ticket.standing(), ticket.overflow_step),
            ),
            guard_permille: escalation::guard_after(tier, taken),
            notify: step.notify.clone(),
        }
    }

    /// The pools that may serve a ticket of that tier after so many overflow steps, whose customer stands so.
    fn routed(policy: &Policy, tier: TierIx, standing: Standing, overflow_step: u8) -> PoolSet {
        let tier = policy.tier(tier);
        let last = usize::from(overflow_step).checked_sub(1);
        let by_wait = last.map_or(tier.pools, |last| tier.overflow[last].pools);
        policy.treatment(standing).pools_of(by_wait)
    }

    /// The pools that may serve a ticket of that tier after a wait of `waited_ms`, whose customer stands
    /// so, and the overflow steps taken by then.
    fn route_after(
        policy: &Policy,
        tier: TierIx,
        standing: Standing,
        waited_ms: i64,
    ) -> (u8, PoolSet) {
        let steps = policy.tier(tier).overflow.iter();
        let taken = steps.take_while(|step| step.after_ms <= waited_ms).count();
        let taken = u8::try_from(taken).expect("a tier has at most 63 overflow steps");
        (taken, Self::routed(policy, tier, standing, taken))
    }

    /// When a ticket of that tier and channel whose clocks begin at `starts_at` ends by itself.
    fn expiry(policy: &Policy, tier: TierIx, channel: Channel, starts_at: Time) -> Option<Time> {
        let after_ms = policy.tier(tier).expires_after_ms[channel.index()];
        after_ms.map(|ms| starts_at.plus_ms(ms))
    }

    /// The dead-letter pool, if one return more is too much for the ticket.
    fn dead_letter_after_return(&self, ticket: &Ticket) -> Option<PoolIx> {
        let limit = self.policy.tier(ticket.tier).requeue_limit?;
        let is_too_much = ticket.requeue_count() >= limit.requeues_max;
        (is_too_much && !ticket.is_dead_letter()).then_some(limit.dead_letter)
    }
}

#[cfg(test)]
mod tests;
