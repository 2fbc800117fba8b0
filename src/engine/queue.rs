//! The queues: the waiting tickets of one tier and channel that the same agents may serve, in the
//! order of the rule.
//!
//! Queues stand in groups by whom they need: anyone of their pools, at least one certain skill, or one
//! agent by name. An agent's survey looks at the groups of that agent's skills and name and at no other,
//! so that rare skills are served as fast as none.
//!
//! A sorted set rather than a heap: the order is total, any ticket can leave from the middle, the next
//! behind the head can be seen, and growth never pauses for a rehash. Each queue keeps what the
//! dispatch rule compares of its head beside it, so that a choice reads no ticket at all.

use super::ids::Tickets;
use super::model::{AgentId, Channel, PoolIx, PoolSet, Rule, Ticket, TicketNumber, TierIx, Time};
use super::needs::{Crew, Needs, SkillIx};
use super::roster::Roster;
use super::shelf::Shelf;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which tickets a queue holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueKey {
    /// Their tier.
    pub tier: TierIx,
    /// Their channel.
    pub channel: Channel,
    /// The pools that may serve them now.
    pub pools: PoolSet,
    /// Whom they need beyond these; `None` when anyone of the pools will do.
    pub needs: Option<Arc<Needs>>,
    /// The guard that their tier's ladder has raised, in thousandths; `None`: the tier's.
    pub guard_permille: Option<u16>,
}

impl QueueKey {
    /// The queue a ticket belongs to while it waits.
    pub fn of(ticket: &Ticket) -> Self {
        Self {
            tier: ticket.tier,
            channel: ticket.channel,
            pools: ticket.pools,
            needs: ticket.needs.clone(),
            guard_permille: ticket.guard_permille,
        }
    }
}

/// What the dispatch rule compares of a queue's head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    /// Which ticket.
    pub number: TicketNumber,
    /// Since when its wait counts: the submit, unless it was scheduled or parked.
    pub submitted_at: Time,
    /// Its response deadline.
    pub respond_by: Time,
    /// Since when a supervisor has had it at the front.
    pub promoted_at: Option<Time>,
}

impl Front {
    fn of(ticket: &Ticket) -> Self {
        Self {
            number: ticket.number,
            submitted_at: ticket.counts_from(),
            respond_by: ticket.respond_by,
            promoted_at: ticket.promoted_at(),
        }
    }
}

/// The waiting tickets of one [`QueueKey`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    order: Shelf<(Time, TicketNumber)>,
    front: Option<Front>,
    late_count: u64,
}

impl Queue {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The ticket to be served next of this queue.
    pub fn front(&self) -> Option<&Front> {
        self.front.as_ref()
    }

    /// The first ticket that is not to be `skipped`. Looks at no more than are skipped, and one more.
    pub(super) fn front_but(
        &self,
        skipped: impl Fn(TicketNumber) -> bool,
        tickets: &Tickets,
    ) -> Option<Front> {
        let number = self.iter().find(|number| !skipped(*number))?;
        Some(Front::of(tickets.get(number).expect("only live tickets wait")))
    }

    /// How many of the waiting have missed their response deadline.
    pub fn late_count(&self) -> u64 {
        self.late_count
    }

    /// The tickets in the order of the rule.
    pub fn iter(&self) -> impl Iterator<Item = TicketNumber> {
        self.order.iter().map(|((_, number), ())| number)
    }

    /// How many come before the ticket with that key, counted no further than `most`.
    fn ahead_of(&self, key: (Time, TicketNumber), most: usize) -> usize {
        match self.order.last() {
            Some(last) if last < key => self.order.len(),
            Some(last) if last == key => self.order.len() - 1,
            Some(_) | None => self.order.count_before(key, most).min(most),
        }
    }

    /// How many stand before an instant in the order of the rule; beyond `most` at least that many.
    pub fn count_before(&self, instant: Time, number: TicketNumber, most: usize) -> usize {
        self.ahead_of((instant, number), most)
    }
}

/// Where in the order of a queue those begin that were moved to the front: before any instant that a
/// ticket can have, in the order in which they were moved.
const PROMOTED_FROM: Time = Time(i64::MIN / 2);

/// Queues by their keys.
type Group = BTreeMap<QueueKey, Queue>;

/// Every queue, and the rule that orders them.
#[derive(Clone, Debug)]
pub struct Queues {
    rule: Rule,
    /// Those that need no skill and no agent by name.
    anyone: Group,
    /// Those that need skills, under the first of them.
    by_skill: BTreeMap<SkillIx, Group>,
    /// Those that wait for one agent.
    by_agent: BTreeMap<AgentId, Group>,
    /// How many wait, by tier and channel; only where any do.
    depths: BTreeMap<(TierIx, Channel), u64>,
    waiting_count: usize,
}

/// A queue that ran empty is as good as one that never was: an image does not hold it.
impl PartialEq for Queues {
    fn eq(&self, other: &Self) -> bool {
        let filled = |(_, queue): &(&QueueKey, &Queue)| !queue.is_empty();
        self.rule == other.rule
            && self.waiting_count == other.waiting_count
            && self.depths == other.depths
            && self.iter().filter(filled).eq(other.iter().filter(filled))
    }
}

impl Eq for Queues {}

impl Queues {
    /// No tickets yet, to be ordered for `rule`.
    pub fn new(rule: Rule) -> Self {
        Self {
            rule,
            anyone: Group::new(),
            by_skill: BTreeMap::new(),
            by_agent: BTreeMap::new(),
            depths: BTreeMap::new(),
            waiting_count: 0,
        }
    }

    /// The instant that orders a ticket inside its queue: since when its wait counts for the rules that look at
    /// waits, its response deadline for those that look at deadlines.
    fn order_of(&self, ticket: &Ticket) -> (Time, TicketNumber) {
        if let Some(promoted_at) = ticket.promoted_at() {
            return (PROMOTED_FROM.plus_ms(promoted_at.0), ticket.number);
        }
        let instant = match self.rule {
            Rule::Fifo | Rule::Accumulating => ticket.counts_from(),
            Rule::GuardedEdf | Rule::StaticPriority | Rule::Edf => ticket.respond_by,
        };
        (instant, ticket.number)
    }

    /// Puts a waiting ticket into its place; `roster` learns whom it calls by name.
    pub(super) fn insert(&mut self, ticket: &Ticket, roster: &mut Roster) {
        let order = self.order_of(ticket);
        let key = QueueKey::of(ticket);
        let group = match key.needs.as_deref() {
            Some(Needs { only: Some(agent), .. }) => {
                self.by_agent.entry(agent.clone()).or_default()
            }
            Some(Needs { required, .. }) if !required.is_empty() => {
                self.by_skill.entry(required[0].0).or_default()
            }
            Some(_) | None => &mut self.anyone,
        };
        let called = key.needs.clone();
        let queue = group.entry(key).or_default();
        if let (true, Some(needs)) = (queue.is_empty(), &called) {
            roster.call(needs);
        }
        queue.order.insert(order, ());
        if queue.order.first() == Some(order) {
            queue.front = Some(Front::of(ticket));
        }
        queue.late_count += u64::from(ticket.response_breached);
        *self.depths.entry((ticket.tier, ticket.channel)).or_default() += 1;
        self.waiting_count += 1;
    }

    /// Takes a ticket out of its place; `tickets` finds the one that stands behind it.
    pub(super) fn remove(&mut self, ticket: &Ticket, tickets: &Tickets, roster: &mut Roster) {
        let order = self.order_of(ticket);
        let key = QueueKey::of(ticket);
        self.waiting_count -= 1;
        let at = (ticket.tier, ticket.channel);
        match self.depths.get_mut(&at).expect("a waiting ticket is counted") {
            1 => drop(self.depths.remove(&at)),
            depth => *depth -= 1,
        }
        let queue = self.group_mut(&key).and_then(|group| group.get_mut(&key));
        let queue = queue.expect("a waiting ticket has its queue");
        assert!(queue.order.remove(order).is_some(), "a waiting ticket is in its queue");
        if queue.front.is_some_and(|front| front.number == ticket.number) {
            queue.front = queue
                .order
                .first()
                .map(|(_, next)| Front::of(tickets.get(next).expect("only live tickets wait")));
        }
        queue.late_count -= u64::from(ticket.response_breached);
        if let (true, Some(needs)) = (queue.is_empty(), &key.needs) {
            roster.call_off(needs);
            self.forget(&key);
        }
    }

    /// Queues that need someone come and go with their tickets: there is no end to their kinds.
    fn forget(&mut self, key: &QueueKey) {
        let group = self.group_mut(key).expect("a queue is in its group");
        group.remove(key);
        if group.is_empty() {
            match key.needs.as_deref() {
                Some(Needs { only: Some(agent), .. }) => drop(self.by_agent.remove(agent)),
                Some(Needs { required, .. }) if !required.is_empty() => {
                    self.by_skill.remove(&required[0].0);
                }
                Some(_) | None => {}
            }
        }
    }

    fn group_mut(&mut self, key: &QueueKey) -> Option<&mut Group> {
        match key.needs.as_deref() {
            Some(Needs { only: Some(agent), .. }) => self.by_agent.get_mut(agent),
            Some(Needs { required, .. }) if !required.is_empty() => {
                self.by_skill.get_mut(&required[0].0)
            }
            Some(_) | None => Some(&mut self.anyone),
        }
    }

    fn group(&self, key: &QueueKey) -> Option<&Group> {
        match key.needs.as_deref() {
            Some(Needs { only: Some(agent), .. }) => self.by_agent.get(agent),
            Some(Needs { required, .. }) if !required.is_empty() => {
                self.by_skill.get(&required[0].0)
            }
            Some(_) | None => Some(&self.anyone),
        }
    }

    /// How many tickets wait in all queues.
    pub fn waiting_count(&self) -> usize {
        self.waiting_count
    }

    /// Whether the ticket is in the queue that it would wait in.
    pub(super) fn holds(&self, ticket: &Ticket) -> bool {
        let queue = self.get(&QueueKey::of(ticket));
        queue.is_some_and(|queue| queue.order.get(self.order_of(ticket)).is_some())
    }

    /// How many wait by the counts of tiers and channels.
    pub(super) fn depths_sum(&self) -> u64 {
        self.depths.values().sum()
    }

    /// How many tickets of a tier wait on a channel.
    pub fn depth(&self, tier: TierIx, channel: Channel) -> u64 {
        self.depths.get(&(tier, channel)).copied().unwrap_or(0)
    }

    /// The queue of that key, if there is one.
    pub fn get(&self, key: &QueueKey) -> Option<&Queue> {
        self.group(key)?.get(key)
    }

    /// How many queues there are, those included that ran empty and are kept.
    pub fn len(&self) -> usize {
        let needing = self.by_skill.values().chain(self.by_agent.values());
        self.anyone.len() + needing.map(Group::len).sum::<usize>()
    }

    /// Whether there is no queue.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every queue that needs nobody in particular and was ever used under this policy, and every
    /// filled queue that does. In the order of tier, channel, pools and needs, first those that anyone
    /// may take, then those under a skill, then those under an agent.
    pub fn iter(&self) -> impl Iterator<Item = (&QueueKey, &Queue)> {
        let needing = self.by_skill.values().chain(self.by_agent.values());
        self.anyone.iter().chain(needing.flatten())
    }

    /// The queues that such agents may serve, each with the pool on whose behalf. Looks at no queue
    /// under a skill or a name that they do not have.
    pub fn of_crew(&self, crew: &Crew) -> impl Iterator<Item = (&QueueKey, &Queue, PoolIx)> {
        self.near(crew).filter_map(|(key, queue)| Some((key, queue, crew.serves(key)?)))
    }

    /// The queues that such agents come near: all that a survey looks at.
    pub(super) fn near(&self, crew: &Crew) -> impl Iterator<Item = (&QueueKey, &Queue)> {
        let skills = if self.by_skill.is_empty() { &[] } else { &*crew.skills };
        let skilled = skills.iter().filter_map(|(skill, _)| self.by_skill.get(skill));
        let own = crew.own.as_ref().and_then(|agent| self.by_agent.get(agent));
        self.anyone.iter().chain(skilled.chain(own).flatten())
    }

    /// The queues that wait for that agent.
    pub fn of_agent(&self, agent: &AgentId) -> impl Iterator<Item = (&QueueKey, &Queue)> {
        self.by_agent.get(agent).into_iter().flatten()
    }

    /// How many stand before a waiting ticket in its own queue; exact up to `most`.
    pub(super) fn ahead_in_queue(&self, ticket: &Ticket, most: usize) -> usize {
        let queue = self.get(&QueueKey::of(ticket)).expect("a waiting ticket has its queue");
        queue.ahead_of(self.order_of(ticket), most)
    }

    /// The queues that agents who may serve a ticket of such pools and needs may serve too: of those that
    /// wait for one agent the others of that agent, else those that wait for nobody by name.
    pub fn beside(
        &self,
        pools: PoolSet,
        needs: Option<&Needs>,
    ) -> impl Iterator<Item = (&QueueKey, &Queue)> {
        let only = needs.and_then(|needs| needs.only.as_ref());
        let own = only.into_iter().flat_map(|agent| self.of_agent(agent));
        let open = self.anyone.iter().chain(self.by_skill.values().flatten());
        let open = open.filter(move |(key, _)| only.is_none() && !key.pools.and(pools).is_empty());
        own.chain(open).filter(|(_, queue)| !queue.is_empty())
    }

    /// How many tickets of its own and higher tiers stand before a waiting ticket; exact up to
    /// `most` per queue. Counts the tickets of shared pools, whatever skills they need; of a ticket
    /// that waits for one agent, those that wait for that agent.
    pub fn ahead_of(&self, ticket: &Ticket, most: usize) -> usize {
        let order = self.order_of(ticket);
        let only = ticket.needs.as_ref().and_then(|needs| needs.only.as_ref());
        let is_promoted = ticket.promoted_at().is_some();
        let ahead = |(key, queue): (&QueueKey, &Queue)| match key.tier.cmp(&ticket.tier) {
            // At the front no tier counts.
            _ if is_promoted => queue.ahead_of(order, most),
            std::cmp::Ordering::Less => queue.len(),
            std::cmp::Ordering::Equal => queue.ahead_of(order, most),
            std::cmp::Ordering::Greater => 0,
        };
        if let Some(agent) = only {
            return self.of_agent(agent).map(ahead).sum();
        }
        let open = self.anyone.iter().chain(self.by_skill.values().flatten());
        open.filter(|(key, _)| !key.pools.and(ticket.pools).is_empty()).map(ahead).sum()
    }
}
