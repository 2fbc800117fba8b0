//! The naive engine: lists and linear scans, pools and tiers by name, no index. Written from the rules
//! as ARCHITECTURE.md and the policy's documentation state them, not from the engine's code.

mod asked;
mod next;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tierline::engine::coding::Known;
use tierline::engine::command::{Deadline, Event, Rejection, ResumedBy, WaitEnd};
use tierline::engine::life::Leg;
use tierline::engine::model::{
    AgentId, Channel, Content, LeaseToken, Policy, Pool, PoolSet, Presence, Rule, Step, TicketId,
    Tier, TierSource, Time,
};
use tierline::engine::timing::Urgency;

type Name = Arc<str>;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lease {
    pub(crate) agent: AgentId,
    pub(crate) pool: Option<Name>,
    pub(crate) token: u64,
    pub(crate) began: i64,
    pub(crate) until: i64,
    pub(crate) request: Option<Box<str>>,
    pub(crate) heard_of: bool,
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "a list of facts; no two of them exclude each other"
)]
#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) id: TicketId,
    pub(crate) number: u64,
    pub(crate) fingerprint: u64,
    pub(crate) channel: Channel,
    pub(crate) urgency: Urgency,
    pub(crate) tier: Name,
    pub(crate) source: TierSource,
    /// The caller was named, so that there is someone to have an id.
    pub(crate) named: bool,
    pub(crate) customer: Option<Box<str>>,
    /// What else was told of the customer.
    pub(crate) known: Known,
    pub(crate) content: Arc<Content>,
    pub(crate) submitted: i64,
    pub(crate) respond_by: i64,
    pub(crate) solve_by: Option<i64>,
    pub(crate) pools: BTreeSet<Name>,
    pub(crate) steps: usize,
    pub(crate) picked_up: Option<i64>,
    pub(crate) late: bool,
    pub(crate) unsolved: bool,
    pub(crate) tokens: Vec<u64>,
    pub(crate) lease: Option<Lease>,
    /// When its clocks began, whatever happened since.
    pub(crate) starts: i64,
    /// Since when its wait counts.
    pub(crate) counts_from: i64,
    pub(crate) expires: Option<i64>,
    pub(crate) scheduled: Option<i64>,
    pub(crate) parked: Option<Parked>,
    /// How many times it has come back.
    pub(crate) returns: u32,
    /// Its pools were fixed by hand or by coming back too often.
    pub(crate) fixed: bool,
    pub(crate) dead: bool,
    pub(crate) number_to_call: Option<Box<str>>,
    /// Every leg it has been in, and since when.
    pub(crate) trail: Vec<(i64, Leg)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Parked {
    pub(crate) token: u64,
    pub(crate) since: i64,
    pub(crate) until: i64,
}

impl Ticket {
    pub(crate) fn is_waiting(&self) -> bool {
        self.leg() == Leg::Queue
    }

    pub(crate) fn leg(&self) -> Leg {
        let places = [
            self.scheduled.as_ref().map(|_| Leg::Scheduled),
            self.parked.as_ref().map(|_| Leg::Parked),
            self.lease.as_ref().map(|_| Leg::Agent),
        ];
        let mut places = places.into_iter().flatten();
        let place = places.next().unwrap_or(Leg::Queue);
        assert!(places.next().is_none(), "a ticket is in one place");
        place
    }

    /// What it spent in every kind of leg, and how many times it came there.
    pub(crate) fn legs(&self, now: i64) -> Vec<(Leg, (i64, u32))> {
        let spent = |leg: Leg| {
            let mut total = (0, 0);
            for (at, (since, place)) in self.trail.iter().enumerate() {
                if *place == leg {
                    let until = self.trail.get(at + 1).map_or(now, |(next, _)| *next);
                    total = (total.0 + until - since, total.1 + 1);
                }
            }
            (leg, total)
        };
        Leg::ALL.map(spent).into()
    }

    /// Notes the place where it has come.
    fn track(&mut self, now: i64) {
        let place = self.leg();
        if self.trail.last().is_none_or(|(_, last)| *last != place) {
            self.trail.push((now, place));
        }
    }

    /// How long its wait has been.
    fn waited(&self, now: i64) -> i64 {
        self.parked.as_ref().map_or(now, |parked| parked.since) - self.counts_from
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) id: AgentId,
    pub(crate) pools: BTreeSet<Name>,
    pub(crate) capacity: u16,
    pub(crate) presence: Presence,
    pub(crate) idle_since: i64,
    pub(crate) wait: Option<(i64, Option<Box<str>>)>,
    pub(crate) held: Vec<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct Ended {
    pub(crate) id: TicketId,
    pub(crate) number: u64,
    pub(crate) fingerprint: u64,
    pub(crate) token: Option<u64>,
    pub(crate) expired: bool,
    /// The engine may have forgotten it; the history has not.
    pub(crate) forgotten: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Learnt {
    pub(crate) handled: i64,
    pub(crate) mean_us: i64,
    /// Dispatches that passed a starving tier by since it was last served.
    pub(crate) passed_by: BTreeMap<Name, u32>,
}

/// What happens by itself.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Happening {
    Match { ticket: u64, agent: AgentId, pool: Name, step: Step },
    Overflow(u64),
    Late(u64, Deadline),
    LeaseEnds(u64),
    WaitEnds(AgentId, WaitEnd),
    Drained(AgentId),
    Opens(u64),
    Returns(u64),
    Expires(u64),
}

/// What an agent who asks would get.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Next {
    Take { ticket: u64, pool: Name, step: Step },
    Held,
    Nothing,
}

pub(crate) struct Model {
    pub(crate) policy: Arc<Policy>,
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) agents: Vec<Agent>,
    pub(crate) ended: Vec<Ended>,
    pub(crate) learnt: BTreeMap<Name, Learnt>,
    pub(crate) paused: BTreeSet<Name>,
    pub(crate) tickets_max: u64,
    pub(crate) agents_max: u64,
    pub(crate) next_number: u64,
    pub(crate) next_token: u64,
}

impl Model {
    pub(crate) fn new(policy: &Arc<Policy>, tickets_max: u64, agents_max: u64) -> Self {
        let mut model = Self {
            policy: policy.clone(),
            tickets: Vec::new(),
            agents: Vec::new(),
            ended: Vec::new(),
            learnt: BTreeMap::new(),
            paused: BTreeSet::new(),
            tickets_max,
            agents_max,
            next_number: 1,
            next_token: 1,
        };
        model.put_policy(policy);
        model
    }

    // ---- the policy by names

    fn tier(&self, name: &str) -> &Tier {
        self.policy.tiers.iter().find(|tier| &*tier.name == name).expect("a tier of the policy")
    }

    pub(crate) fn rank(&self, name: &str) -> i64 {
        let at = self.policy.tiers.iter().position(|tier| &*tier.name == name);
        i64::try_from(at.expect("a tier of the policy")).expect("few tiers")
    }

    fn pool(&self, name: &str) -> &Pool {
        self.policy.pools.iter().find(|pool| &*pool.name == name).expect("a pool of the policy")
    }

    /// The pools through which an agent may be given work.
    pub(crate) fn open(&self, agent: &Agent) -> BTreeSet<Name> {
        agent.pools.difference(&self.paused).cloned().collect()
    }

    pub(crate) fn names(&self, pools: PoolSet) -> BTreeSet<Name> {
        let bits = 0..self.policy.pools.len();
        let of = |bit: &usize| pools.0 >> bit & 1 == 1;
        bits.filter(of).map(|bit| self.policy.pools[bit].name.clone()).collect()
    }

    fn route_of(&self, tier: &str, waited_ms: i64) -> (usize, BTreeSet<Name>) {
        let tier = self.tier(tier);
        let mut pools = tier.pools;
        let mut steps = 0;
        for overflow in &tier.overflow {
            if overflow.after_ms <= waited_ms {
                steps += 1;
                pools = overflow.pools;
            }
        }
        (steps, self.names(pools))
    }

    /// What an urgency makes of a tier's targets, in thousandths.
    fn factor(&self, tier: &str, urgency: Urgency) -> i64 {
        let [low, normal, high, critical] = self.tier(tier).timing.urgency_permille;
        let factor = match urgency {
            Urgency::Low => low,
            Urgency::Normal => normal,
            Urgency::High => high,
            Urgency::Critical => critical,
        };
        factor.into()
    }

    fn promises(
        &self,
        tier: &str,
        channel: Channel,
        urgency: Urgency,
        from: i64,
    ) -> (i64, Option<i64>) {
        let factor = self.factor(tier, urgency);
        let scaled = |ms: i64| (ms * factor / 1000).max(1);
        let tier = self.tier(tier);
        let at = Channel::ALL.iter().position(|known| *known == channel).expect("a channel");
        let solve_by = tier.solve_within_ms[at].map(|ms| from + scaled(ms));
        (from + scaled(tier.respond_within_ms[at]), solve_by)
    }

    // ---- what happens by itself

    /// The next match: whoever waits in the order of load, idle time and id, as far as there is work.
    pub(crate) fn next_match(&self, now: i64) -> Option<Happening> {
        let mut waiting: Vec<&Agent> = self.agents.iter().filter(|a| a.wait.is_some()).collect();
        waiting.sort_by_key(|a| {
            (a.held.len() * 1000 / usize::from(a.capacity), a.idle_since, a.id.clone())
        });
        waiting.into_iter().find_map(|agent| match self.next(&self.open(agent), true, now) {
            Next::Take { ticket, pool, step } => {
                Some(Happening::Match { ticket, agent: agent.id.clone(), pool, step })
            }
            Next::Held | Next::Nothing => None,
        })
    }

    /// Everything that falls due, with its instant, in the order in which it is told.
    fn due(&self, now: i64) -> Vec<(i64, Happening)> {
        let mut due = Vec::new();
        let mut of_tickets = Vec::new();
        for t in &self.tickets {
            let number = t.number;
            if let Some(at) = t.scheduled {
                of_tickets.push((at, number, 4, Happening::Opens(number)));
                continue;
            }
            if let Some(parked) = &t.parked {
                of_tickets.push((parked.until, number, 5, Happening::Returns(number)));
                continue;
            }
            if let Some(at) = t.expires.filter(|_| t.is_waiting() && t.picked_up.is_none()) {
                of_tickets.push((at, number, 6, Happening::Expires(number)));
            }
            if t.lease.is_none()
                && !t.fixed
                && let Some(step) = self.tier(&t.tier).overflow.get(t.steps)
            {
                let at = t.counts_from + step.after_ms;
                of_tickets.push((at, number, 0, Happening::Overflow(number)));
            }
            if t.picked_up.is_none() && !t.late {
                let late = Happening::Late(number, Deadline::Response);
                of_tickets.push((t.respond_by + 1, number, 1, late));
            }
            if let Some(by) = t.solve_by.filter(|_| !t.unsolved) {
                of_tickets.push((by + 1, number, 2, Happening::Late(number, Deadline::Solution)));
            }
            if let Some(lease) = &t.lease {
                of_tickets.push((lease.until, number, 3, Happening::LeaseEnds(number)));
            }
        }
        of_tickets.sort_by_key(|(at, number, kind, _)| (*at, *number, *kind));
        due.extend(of_tickets.into_iter().map(|(at, _, _, what)| (at, what)));
        let mut waits: Vec<_> =
            self.agents.iter().filter_map(|a| Some((a.wait.as_ref()?.0, a.id.clone()))).collect();
        waits.sort();
        for (until, id) in waits {
            let pools = self.open(self.agent(&id).expect("it waits"));
            let why = match self.next(&pools, true, now) {
                Next::Held => WaitEnd::HeldForTier,
                Next::Take { .. } | Next::Nothing => WaitEnd::Nothing,
            };
            due.push((until, Happening::WaitEnds(id, why)));
        }
        due
    }

    pub(crate) fn next_due(&self, now: i64) -> Option<Happening> {
        let drained = |a: &&Agent| a.presence == Presence::Draining && a.held.is_empty();
        let drained = self.agents.iter().filter(drained).map(|agent| agent.id.clone()).min();
        let due = || self.due(now).into_iter().find(|(at, _)| *at <= now).map(|(_, what)| what);
        drained.map(Happening::Drained).or_else(due)
    }

    pub(crate) fn next_deadline(&self, now: i64) -> Option<i64> {
        self.due(now).into_iter().map(|(at, _)| at).min()
    }

    pub(crate) fn happen(&mut self, what: &Happening, now: i64) {
        match what {
            Happening::Match { ticket, agent, pool, step: _ } => {
                let wait = self.agent(agent).and_then(|agent| agent.wait.clone());
                let request = wait.expect("who is matched waits").1;
                self.assign(*ticket, agent, pool, request, now);
            }
            Happening::Overflow(number) => {
                let tier = self.ticket(*number).tier.clone();
                let steps = self.ticket(*number).steps;
                let pools = self.names(self.tier(&tier).overflow[steps].pools);
                let ticket = self.ticket_mut(*number);
                ticket.steps += 1;
                ticket.pools = pools;
            }
            Happening::Late(number, Deadline::Response) => self.ticket_mut(*number).late = true,
            Happening::Late(number, Deadline::Solution) => self.ticket_mut(*number).unsolved = true,
            Happening::LeaseEnds(number) => {
                self.give_back(*number, true, now);
                self.count_return(*number);
            }
            Happening::WaitEnds(agent, _) => self.agent_mut(agent).wait = None,
            Happening::Drained(agent) => self.agent_mut(agent).presence = Presence::Away,
            Happening::Opens(number) => self.ticket_mut(*number).scheduled = None,
            Happening::Returns(number) => self.resume(*number, now),
            Happening::Expires(number) => self.end(*number, None, now),
        }
        if let Happening::Expires(_) = what {
            self.ended.last_mut().expect("it has just ended").expired = true;
        }
        self.track(now);
    }

    /// One return more; whether that is too much, so that only the dead-letter pool is left.
    fn count_return(&mut self, number: u64) {
        let limit = self.tier(&self.ticket(number).tier).requeue_limit;
        let pool = limit.map(|limit| {
            let pool = &self.policy.pools[usize::from(limit.dead_letter.0)];
            (limit.requeues_max, pool.name.clone())
        });
        let ticket = self.ticket_mut(number);
        ticket.returns += 1;
        if let Some((most, pool)) = pool
            && ticket.returns > most
            && !ticket.dead
        {
            ticket.pools = [pool].into();
            ticket.fixed = true;
            ticket.dead = true;
        }
    }

    /// Notes where every ticket has come.
    fn track(&mut self, now: i64) {
        self.tickets.iter_mut().for_each(|ticket| ticket.track(now));
    }

    /// A parked ticket waits again, as if the time in between had not passed.
    fn resume(&mut self, number: u64, now: i64) {
        let ticket = self.ticket_mut(number);
        let away = now - ticket.parked.take().expect("it is parked").since;
        ticket.counts_from += away;
        ticket.respond_by += away;
        ticket.solve_by = ticket.solve_by.map(|by| by + away);
    }

    fn assign(
        &mut self,
        number: u64,
        agent: &AgentId,
        pool: &Name,
        request: Option<Box<str>>,
        now: i64,
    ) {
        let pools = self.open(self.agent(agent).expect("a registered agent"));
        let counted = self.agents.iter().any(|a| a.wait.is_some() && a.id == *agent);
        let starving = self.starving(&pools, counted, now);
        self.agent_mut(agent).wait = None;
        let token = self.next_token;
        self.next_token += 1;
        let until = now + self.pool(pool).lease_ms;
        let tier = self.ticket(number).tier.clone();
        let ticket = self.ticket_mut(number);
        let heard_of = ticket.picked_up.is_some();
        ticket.picked_up = ticket.picked_up.or(Some(now));
        ticket.tokens.push(token);
        let (agent_id, pool_name) = (agent.clone(), Some(pool.clone()));
        ticket.lease = Some(Lease {
            agent: agent_id,
            pool: pool_name,
            token,
            began: now,
            until,
            request,
            heard_of,
        });
        self.agent_mut(agent).held.push(number);
        for name in &pools {
            let learnt = self.learnt.get_mut(name).expect("a pool of the policy");
            for starved in &starving {
                *learnt.passed_by.entry(starved.clone()).or_default() += 1;
            }
            learnt.passed_by.remove(&tier);
        }
    }

    fn give_back(&mut self, number: u64, unseen: bool, now: i64) {
        let ticket = self.ticket_mut(number);
        let lease = ticket.lease.take().expect("it is held");
        if unseen && !lease.heard_of {
            ticket.picked_up = None;
        }
        let agent = self.agent_mut(&lease.agent);
        agent.held.retain(|held| *held != number);
        agent.idle_since = now;
    }

    fn end(&mut self, number: u64, token: Option<u64>, now: i64) {
        let at = self.tickets.iter().position(|t| t.number == number).expect("it is live");
        let ticket = self.tickets.remove(at);
        if let Some(lease) = &ticket.lease {
            let agent = self.agent_mut(&lease.agent);
            agent.held.retain(|held| *held != number);
            agent.idle_since = now;
        }
        let (id, fingerprint) = (ticket.id, ticket.fingerprint);
        self.ended.push(Ended { id, number, fingerprint, token, expired: false, forgotten: false });
    }

    fn put_policy(&mut self, policy: &Arc<Policy>) {
        let now_known = |name: &Name| policy.pools.iter().any(|pool| pool.name == *name);
        self.learnt.retain(|name, _| now_known(name));
        self.paused.retain(now_known);
        let tier_known = |name: &Name| policy.tiers.iter().any(|tier| tier.name == *name);
        for learnt in self.learnt.values_mut() {
            learnt.passed_by.retain(|tier, _| tier_known(tier));
        }
        for pool in &policy.pools {
            self.learnt.entry(pool.name.clone()).or_default();
        }
        self.agents.iter_mut().for_each(|agent| agent.pools.retain(now_known));
        self.ended.iter_mut().for_each(|ended| ended.forgotten = true);
        for ticket in &mut self.tickets {
            if let Some(lease) = &mut ticket.lease {
                lease.pool = lease.pool.take().filter(now_known);
            }
        }
        self.policy = policy.clone();
    }

    // ---- looking things up

    pub(crate) fn ticket(&self, number: u64) -> &Ticket {
        self.tickets.iter().find(|t| t.number == number).expect("a live ticket")
    }

    fn ticket_mut(&mut self, number: u64) -> &mut Ticket {
        self.tickets.iter_mut().find(|t| t.number == number).expect("a live ticket")
    }

    pub(crate) fn agent(&self, id: &AgentId) -> Option<&Agent> {
        self.agents.iter().find(|agent| agent.id == *id)
    }

    fn agent_mut(&mut self, id: &AgentId) -> &mut Agent {
        self.agents.iter_mut().find(|agent| agent.id == *id).expect("a registered agent")
    }

    /// The last ticket of that id that ended, as far as the engine can know of it.
    pub(crate) fn past(&self, id: &TicketId, from_history: bool) -> Option<Ended> {
        let last = self.ended.iter().rev().find(|ended| ended.id == *id)?;
        (from_history || !last.forgotten).then(|| last.clone())
    }

    fn live(&self, id: &TicketId, past: Option<&Ended>) -> Result<u64, Rejection> {
        if let Some(live) = self.tickets.iter().find(|t| t.id == *id) {
            return Ok(live.number);
        }
        let remembered = self.past(id, false);
        Err(match past.or(remembered.as_ref()) {
            None => Rejection::TicketNotFound,
            Some(Ended { token: Some(_), .. }) => Rejection::TicketCompleted,
            Some(Ended { expired: true, .. }) => Rejection::TicketExpired,
            Some(Ended { token: None, .. }) => Rejection::TicketCancelled,
        })
    }

    fn held(
        &self,
        id: &TicketId,
        token: LeaseToken,
        past: Option<&Ended>,
    ) -> Result<u64, Rejection> {
        let ticket = self.ticket(self.live(id, past)?);
        let was_given = ticket.tokens.contains(&token.0);
        match &ticket.lease {
            Some(lease) if lease.token == token.0 => Ok(ticket.number),
            Some(_) if was_given => Err(Rejection::LeaseSuperseded),
            None if was_given => Err(Rejection::LeaseEnded),
            Some(_) | None => Err(Rejection::TokenUnknown),
        }
    }

    /// How many waiting tickets of its own and higher tiers, for pools it shares, come before it.
    pub(crate) fn ahead_of(&self, ticket: &Ticket) -> usize {
        let order = |t: &Ticket| match self.policy.rule {
            Rule::Fifo | Rule::Accumulating => (t.counts_from, t.number),
            Rule::GuardedEdf | Rule::StaticPriority | Rule::Edf => (t.respond_by, t.number),
        };
        let before = |t: &&Ticket| {
            t.is_waiting()
                && !t.pools.is_disjoint(&ticket.pools)
                && (self.rank(&t.tier) < self.rank(&ticket.tier)
                    || t.tier == ticket.tier && order(t) < order(ticket))
        };
        self.tickets.iter().filter(before).count()
    }

    /// What the engine's event says, in the model's words; `None` for what only a command causes.
    pub(crate) fn happening(&self, event: &Event) -> Option<Happening> {
        Some(match event {
            Event::Assigned { ticket, agent, pool, step, .. } => Happening::Match {
                ticket: ticket.0,
                agent: agent.clone(),
                pool: self.policy.pools[usize::from(pool.0)].name.clone(),
                step: *step,
            },
            Event::Overflowed { ticket, .. } => Happening::Overflow(ticket.0),
            Event::Breached { ticket, deadline } => Happening::Late(ticket.0, *deadline),
            Event::LeaseExpired { ticket, .. } => Happening::LeaseEnds(ticket.0),
            Event::PresenceSet { agent, presence: Presence::Away } => {
                Happening::Drained(agent.clone())
            }
            Event::WaitEnded { agent, why } => Happening::WaitEnds(agent.clone(), *why),
            Event::Queued { ticket } => Happening::Opens(ticket.0),
            Event::Resumed { ticket, by: ResumedBy::Limit, .. } => Happening::Returns(ticket.0),
            Event::Expired { ticket } => Happening::Expires(ticket.0),
            _ => return None,
        })
    }
}

/// The engine's instant as the model counts it.
pub(crate) fn ms(at: Time) -> i64 {
    at.0
}
