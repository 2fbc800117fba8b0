//! Whether the engine is what it must be: at once, every index rebuilt from scratch and compared, for tests;
//! or in small steps beside the work, for a running server.

use super::capacity::PerChannel;
use super::model::{Agent, AgentId, Assignment, PoolIx, State, Ticket, TicketNumber, Time};
use super::quarantine::{Audited, Flaw, holders, is_holder};
use super::queue::Queue;
use super::wrap_up::WrapUp;
use super::{Engine, timers};
use std::collections::BTreeSet;

impl Engine {
    /// Checks every invariant: each live ticket is in exactly one place, each lease belongs to an
    /// agent who holds the ticket, and every index is what the tickets and agents say. Takes time in
    /// proportion to what is held. The error names the first thing that does not hold.
    pub fn audit(&self) -> Result<(), String> {
        let rebuilt = Self::from_image(self.image(), self.limits);
        for (part, same) in [
            ("roster", rebuilt.roster == self.roster),
            ("ids", rebuilt.ids == self.ids),
            ("queues", rebuilt.queues == self.queues),
            ("needs", rebuilt.needs == self.needs),
            ("timers", rebuilt.timers == self.timers),
            ("resting tickets", rebuilt.resting == self.resting),
            ("unconfirmed tickets", rebuilt.unconfirmed == self.unconfirmed),
            ("callers", rebuilt.callers == self.callers),
            ("quarantined tickets", rebuilt.quarantined == self.quarantined),
            ("contacts", rebuilt.contacts == self.contacts),
            ("finished tickets", rebuilt.finished_by_id == self.finished_by_id),
        ] {
            if !same {
                return Err(format!("the index of {part} is not what tickets and agents say"));
            }
        }
        let waiting: usize = self.queues.iter().map(|(_, queue)| queue.len()).sum();
        if waiting != self.queues.waiting_count() {
            return Err(format!("{waiting} tickets wait, counted {}", self.queues.waiting_count()));
        }
        let mut held = 0;
        for ticket in self.tickets.values() {
            let age_ms = self.at.since_ms(ticket.submitted_at);
            if ticket.ledger(self.at).total_ms() != age_ms {
                return Err(format!("the legs of ticket {} are not its age", ticket.number.0));
            }
            for assignment in in_hand(ticket) {
                held += 1;
                let holder = self.roster.get(&assignment.agent);
                if !holder.is_some_and(|agent| agent.held.contains(&ticket.number)) {
                    return Err(format!("ticket {} is held by nobody", ticket.number.0));
                }
                if assignment.token >= self.next_token {
                    return Err(format!("ticket {} has a token from the future", ticket.number.0));
                }
            }
        }
        for agent in self.roster.iter().filter(|agent| agent.wait.is_some()) {
            if agent.stream.is_some() {
                return Err(format!("agent {} waits and has a stream", agent.id));
            }
        }
        for agent in self.roster.iter() {
            for number in agent.declined.keys() {
                if self.ticket_numbered(*number).is_none() {
                    return Err(format!("agent {} remembers a ticket that has ended", agent.id));
                }
            }
            for wrap in &agent.wrapping {
                if !self.wrap_is_sound(agent, wrap) {
                    return Err(format!("agent {} writes up a live ticket", agent.id));
                }
            }
        }
        let listed: usize = self.roster.iter().map(|agent| agent.held.len()).sum();
        if listed != held {
            return Err(format!("agents list {listed} tickets, {held} are assigned"));
        }
        // The audit of a running server sees no fault where there is none.
        let mut steps = Audit::default();
        while !steps.is_over() {
            if let Some(fault) = self.audit_step(&mut steps, usize::MAX).first() {
                return Err(format!("the audit in steps finds {fault:?}"));
            }
        }
        Ok(())
    }
}

/// What an audit found, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What does not hold.
    pub flaw: Flaw,
    /// The ticket that is at fault, if it is one.
    pub ticket: Option<TicketNumber>,
    /// The agent who is at fault, if it is one.
    pub agent: Option<AgentId>,
}

impl Fault {
    fn of(flaw: Flaw) -> Self {
        Self { flaw, ticket: None, agent: None }
    }

    /// What makes it harmless.
    pub fn remedy(&self) -> Audited {
        match self.ticket {
            Some(ticket) => Audited::Quarantined { ticket, flaw: self.flaw },
            None => Audited::Repaired { flaw: self.flaw },
        }
    }
}

/// An audit in small steps, between which the engine may change: how far it has come.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    place: Place,
    /// Tickets looked at.
    pub ticket_count: u64,
    /// Agents looked at.
    pub agent_count: u64,
    /// Timers looked at.
    pub timer_count: u64,
}

/// What is looked at next: all after this.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Tickets(TicketNumber),
    Agents(Option<AgentId>),
    Timers((Time, TicketNumber)),
    Totals,
    Over,
}

impl Default for Place {
    fn default() -> Self {
        Self::Tickets(TicketNumber(0))
    }
}

impl Audit {
    /// Whether everything has been looked at.
    pub fn is_over(&self) -> bool {
        self.place == Place::Over
    }
}

/// Queues up to this length are counted through at the end of an audit.
const COUNTED_LEN_MAX: usize = 4096;

impl Engine {
    /// One step of an audit: looks at `most` tickets, agents or timers, or at all totals, and tells what
    /// does not hold. A ticket that is in order then is in exactly one place, which is found from it; that
    /// no place holds more than there is follows from the totals.
    pub fn audit_step(&self, audit: &mut Audit, most: usize) -> Vec<Fault> {
        let mut faults = Vec::new();
        match &mut audit.place {
            Place::Tickets(after) => {
                let from = *after;
                let mut seen = 0;
                for ticket in self.tickets_after(from).take(most) {
                    seen += 1;
                    *after = ticket.number;
                    let fault = self.flaw_of(ticket);
                    let ticket = Some(ticket.number);
                    faults.extend(fault.map(|flaw| Fault { ticket, ..Fault::of(flaw) }));
                }
                audit.ticket_count += seen as u64;
                if seen < most {
                    audit.place = Place::Agents(None);
                }
            }
            Place::Agents(after) => {
                let from = after.clone();
                let mut seen = 0;
                for agent in self.roster.after(from.as_ref()).take(most) {
                    seen += 1;
                    *after = Some(agent.id.clone());
                    if !self.agent_is_sound(agent) {
                        faults.push(Fault { agent: after.clone(), ..Fault::of(Flaw::Agent) });
                    }
                }
                audit.agent_count += seen as u64;
                if seen < most {
                    audit.place = Place::Timers((Time(i64::MIN), TicketNumber(0)));
                }
            }
            Place::Timers(after) => {
                let from = *after;
                let mut seen = 0;
                for (at, number) in self.timers.tickets_after(from).take(most) {
                    seen += 1;
                    *after = (at, number);
                    let ticket = self.ticket_numbered(number);
                    let due = ticket.and_then(|ticket| timers::next_due(ticket, &self.policy));
                    if due.map(|(at, _)| at) != Some(at) {
                        faults.push(Fault::of(Flaw::Stray));
                    }
                }
                audit.timer_count += seen as u64;
                if seen < most {
                    audit.place = Place::Totals;
                }
            }
            Place::Totals => {
                faults.extend(self.wrong_total().map(Fault::of));
                audit.place = Place::Over;
            }
            Place::Over => {}
        }
        faults
    }

    fn flaw_of(&self, ticket: &Ticket) -> Option<Flaw> {
        let found = self.ids.find(&ticket.id, &self.tickets).map(|found| found.number);
        let waits = ticket.state == State::Waiting;
        let due = timers::next_due(ticket, &self.policy).map(|(at, _)| at);
        let lists_once = |agent: &AgentId| {
            let agent = self.roster.get(agent);
            let listed = agent.map(|agent| agent.held.iter().filter(|n| **n == ticket.number));
            listed.is_some_and(|listed| listed.count() == 1)
        };
        let each_once: BTreeSet<_> = holders(ticket).collect();
        let is_held = each_once.len() == holders(ticket).count() && holders(ticket).all(lists_once);
        let unconfirmed = self.unconfirmed.contains(&ticket.number);
        [
            (Flaw::Id, found == Some(ticket.number) && self.callers.hold(ticket)),
            (Flaw::Queue, self.queues.holds(ticket) == waits),
            (Flaw::Timer, due.is_none_or(|at| self.timers.holds(at, ticket.number))),
            (Flaw::Holder, is_held),
            (Flaw::Token, in_hand(ticket).all(|held| held.token < self.next_token)),
            (Flaw::Confirmation, unconfirmed == ticket.tier_source.is_unconfirmed()),
        ]
        .into_iter()
        .find_map(|(flaw, holds)| (!holds).then_some(flaw))
    }

    /// Whether the agent holds what is listed, each once, and waits where those who wait are looked for.
    fn agent_is_sound(&self, agent: &Agent) -> bool {
        let holds = |number: &TicketNumber| is_holder(self.ticket_numbered(*number), &agent.id);
        let is_offered = |number: &&TicketNumber| {
            let ticket = self.ticket_numbered(**number);
            ticket.is_some_and(|ticket| ticket.offer_to(&agent.id).is_some())
        };
        let each_once: BTreeSet<_> = agent.held.iter().collect();
        let mut in_hand = PerChannel::default();
        for wrap in &agent.wrapping {
            in_hand[wrap.channel.index()] += 1;
        }
        for ticket in agent.held.iter().filter_map(|number| self.ticket_numbered(*number)) {
            in_hand[ticket.channel.index()] += 1;
        }
        agent.held.iter().all(holds)
            && each_once.len() == agent.held.len()
            && agent.in_hand == in_hand
            && agent.held.iter().filter(is_offered).eq(&agent.offered)
            && self.roster.lists_wait(agent) == self.roster.is_idle(agent)
            && self.roster.lists_crew(&self.roster.crew_of(agent))
            && self.timers.holds_wait(agent)
            && self.timers.holds_wrap_ups(agent)
            && agent.wrapping.iter().all(|wrap| self.wrap_is_sound(agent, wrap))
    }

    /// Whether what is written up has ended, and is found under its agent.
    fn wrap_is_sound(&self, agent: &Agent, wrap: &WrapUp) -> bool {
        self.ticket_numbered(wrap.ticket).is_none()
            && self.roster.wraps_up(wrap.ticket) == Some(&agent.id)
            && wrap.token < self.next_token
    }

    /// How many tickets an agent has in hand, those left out that are offered to another agent first.
    fn counted_hand(&self, agent: &Agent) -> usize {
        let is_beside = |number: &&TicketNumber| {
            let ticket = self.ticket_numbered(**number);
            let first = ticket.and_then(|ticket| ticket.offer());
            first.is_some_and(|first| first.agent != agent.id)
        };
        agent.held.len() - agent.offered.iter().filter(is_beside).count().min(agent.held.len())
    }

    /// The first of the sums that do not come out.
    fn wrong_total(&self) -> Option<Flaw> {
        let waiting: usize = self.queues.iter().map(|(_, queue)| queue.len()).sum();
        let held: usize = self.roster.iter().map(|agent| self.counted_hand(agent)).sum();
        let resting = self.resting.scheduled_count + self.resting.parked_count;
        let everywhere = (waiting + held + self.quarantined.len()) as u64 + resting;
        let late = |queue: &Queue| {
            let late = queue.iter().filter(|number| {
                self.ticket_numbered(*number).is_some_and(|ticket| ticket.response_breached)
            });
            late.count() as u64
        };
        let queue_is_sound = |(_, queue): (_, &Queue)| {
            queue.front().map(|front| front.number) == queue.iter().next()
                && (queue.len() > COUNTED_LEN_MAX || queue.late_count() == late(queue))
        };
        let idle_is_sound = |at: usize| {
            let pool = PoolIx(u8::try_from(at).expect("a policy has at most 64 pools"));
            let idle = |agent: &&Agent| self.roster.is_idle(agent) && agent.pools.contains(pool);
            self.roster.iter().filter(idle).count() == self.roster.idle_count(pool) as usize
        };
        [
            (Flaw::Counts, waiting == self.queues.waiting_count()),
            (Flaw::Counts, self.queues.depths_sum() == waiting as u64),
            (Flaw::Counts, everywhere == self.tickets.len() as u64),
            (Flaw::Counts, self.queues.iter().all(queue_is_sound)),
            (Flaw::Counts, (0..self.policy.pools.len()).all(idle_is_sound)),
            (Flaw::Counts, self.roster.crew_member_count() == self.roster.len() as u64),
            (Flaw::Stray, self.ids.len() == self.tickets.len()),
            (
                Flaw::Stray,
                self.unconfirmed.iter().all(|number| self.tickets.get(*number).is_some()),
            ),
        ]
        .into_iter()
        .find_map(|(flaw, holds)| (!holds).then_some(flaw))
    }
}

/// What says in whose hands a ticket is: an assignment, or each of its offers.
fn in_hand(ticket: &Ticket) -> impl Iterator<Item = &Assignment> {
    ticket.assignment().into_iter().chain(ticket.offers())
}
