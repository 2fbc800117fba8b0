//! Which ticket next, and why.
//!
//! One pure question, `survey`: an agent of this crew asks; which heads compete, which of them a
//! reserve keeps back, and which step of the rule decides. Dispatching takes the answer and
//! explaining prints it, so they cannot differ.

use super::hours;
use super::ids::Tickets;
use super::model::{
    Channel, Policy, PoolIx, PoolRecord, PoolSet, Rule, Step, TicketNumber, TierIx, Time,
};
use super::needs::Crew;
use super::queue::{Front, QueueKey, Queues};
use super::roster::Roster;
use std::cmp::Ordering;

/// Mean handling time assumed until a pool has completed [`HANDLED_KNOWN_COUNT`] tickets, in ms.
pub const HANDLE_MS_ASSUMED: i64 = 300_000;
/// Completions after which a pool's own mean handling time is believed.
pub const HANDLED_KNOWN_COUNT: u64 = 20;
/// The mean handling time forgets at this many completions: old habits fade, noise averages out.
pub const HANDLED_WINDOW: i64 = 200;

impl PoolRecord {
    /// The mean handling time the rule works with, in milliseconds.
    pub fn handle_ms(&self) -> i64 {
        if self.handled_count < HANDLED_KNOWN_COUNT {
            HANDLE_MS_ASSUMED
        } else {
            self.mean_handle_us / 1000
        }
    }

    /// Learns from one completion that took `handle_ms`.
    pub(super) fn learn(&mut self, handle_ms: i64) {
        self.handled_count += 1;
        let weight =
            i64::try_from(self.handled_count).map_or(HANDLED_WINDOW, |n| n.min(HANDLED_WINDOW));
        let sample_us = handle_ms.saturating_mul(1000);
        self.mean_handle_us += sample_us.saturating_sub(self.mean_handle_us) / weight;
    }
}

/// A queue's head, as the rule sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its queue.
    pub queue: QueueKey,
    /// The ticket.
    pub ticket: TicketNumber,
    /// The pool on whose behalf the asking agent would take it.
    pub pool: PoolIx,
    /// Its response deadline.
    pub respond_by: Time,
    /// How long it has waited, in ms.
    pub waited_ms: i64,
    /// What is left to its response deadline, in ms; negative when it has passed.
    pub slack_ms: i64,
    /// With no more than this left to its response deadline it is at risk, in ms of the time that counts:
    /// inside its hours, if it has any.
    pub guard_ms: i64,
    /// Since when a supervisor has had it at the front.
    pub promoted_at: Option<Time>,
    /// No more than `guard_ms` of the time that counts is left.
    pub at_risk: bool,
    /// It has waited longer than the policy's multiple of its response target.
    pub starving: bool,
    /// The pool whose reserve keeps it from this agent, if one does.
    pub held_by: Option<PoolIx>,
    /// The pool whose reserve keeps it from this agent even in a starving tier's turn, if one does.
    pub floor_held_by: Option<PoolIx>,
    /// It fills idle time, which this is not: another ticket waits that this agent may take.
    pub behind_others: bool,
}

/// The outcome of a survey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This head is next, by this step of the rule.
    Take(usize, Step),
    /// What waits is kept back by a reserve for higher tiers.
    HeldForTier,
    /// Nothing waits for these pools.
    Nothing,
}

/// Every competing head, and the choice among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The heads in the order of tier, channel, pools, needs.
    pub heads: Vec<Head>,
    /// What the rule makes of them.
    pub choice: Choice,
}

impl Survey {
    /// The head that is next, and the step that chose it.
    pub fn taken(&self) -> Option<(&Head, Step)> {
        match self.choice {
            Choice::Take(at, step) => Some((&self.heads[at], step)),
            Choice::HeldForTier | Choice::Nothing => None,
        }
    }
}

/// What a survey looks at.
pub(super) struct Floor<'a> {
    pub(super) policy: &'a Policy,
    pub(super) tickets: &'a Tickets,
    pub(super) queues: &'a Queues,
    pub(super) roster: &'a Roster,
    pub(super) records: &'a [PoolRecord],
    /// The pools of idle agents who are about to be offered something, and will then be idle no more.
    pub(super) leaving: &'a [PoolSet],
}

impl Floor<'_> {
    /// An agent of `crew` asks at `now`. `counted` says whether that agent already counts as idle.
    pub(super) fn survey(&self, crew: &Crew, counted: bool, now: Time) -> Survey {
        let own = crew.own.as_ref().and_then(|own| self.roster.get(own));
        let backs_off = own.filter(|agent| agent.back_off_count() > 0);
        let mut heads = Vec::with_capacity(16);
        for (key, queue, pool) in self.queues.of_crew(crew) {
            let front = match backs_off {
                None => queue.front().copied(),
                Some(agent) => queue.front_but(|number| agent.backs_off(number), self.tickets),
            };
            if let Some(front) = &front {
                heads.push(self.head(key.clone(), front, pool, crew.pools, counted, now));
            }
        }
        // The queues come in order inside each group only.
        if !heads.is_sorted_by(|a, b| a.queue <= b.queue) {
            heads.sort_unstable_by(|a, b| a.queue.cmp(&b.queue));
        }
        self.hold_fillers(&mut heads);
        let choice = self.choose(&heads, crew.pools);
        Survey { heads, choice }
    }

    /// What fills idle time waits for as long as anything else may be taken.
    fn hold_fillers(&self, heads: &mut [Head]) {
        let fills = |head: &Head| {
            let pool = self.policy.pool(head.pool);
            pool.fills_idle_time(head.queue.channel) && head.promoted_at.is_none()
        };
        if heads.iter().any(|head| head.held_by.is_none() && !fills(head)) {
            for head in heads.iter_mut().filter(|head| fills(head)) {
                head.behind_others = true;
                head.held_by = Some(head.pool);
                head.floor_held_by = Some(head.pool);
            }
        }
    }

    fn head(
        &self,
        queue: QueueKey,
        front: &Front,
        pool: PoolIx,
        pools: PoolSet,
        counted: bool,
        now: Time,
    ) -> Head {
        let hours = self.policy.hours(queue.tier, queue.channel);
        // Risk and starving are measured in the time that counts: a night is no risk.
        let target_ms = hours::between(hours, front.submitted_at, front.respond_by).max(1);
        let counted_wait_ms = hours::between(hours, front.submitted_at, now);
        let counted_slack_ms = target_ms.saturating_sub(counted_wait_ms);
        let waited_ms = now.since_ms(front.submitted_at);
        let slack_ms = front.respond_by.since_ms(now);
        let tier = self.policy.tier(queue.tier);
        let guard_permille = queue.guard_permille.map_or(tier.guard_permille, u32::from);
        let guard_share_ms = permille_of(target_ms, guard_permille);
        let handle_ms = self.records[usize::from(pool.0)].handle_ms();
        let guard_ms = target_ms.min(guard_share_ms.max(handle_ms.saturating_mul(2)));
        let keeps = |p: &PoolIx| !self.may_spare(*p, (queue.tier, queue.channel), counted);
        let held_by = pools.iter().find(keeps);
        let floor_held_by = held_by.and_then(|_| {
            let yields = |p: &PoolIx| {
                let pool = self.policy.pool(*p);
                pool.floor_over_reserve && !pool.fills_idle_time(queue.channel)
            };
            pools.iter().find(|p| keeps(p) && !yields(p))
        });
        Head {
            queue,
            ticket: front.number,
            pool,
            respond_by: front.respond_by,
            waited_ms,
            slack_ms,
            guard_ms,
            promoted_at: front.promoted_at,
            at_risk: counted_slack_ms <= guard_ms,
            starving: counted_wait_ms > permille_of(target_ms, self.policy.starve_after_permille),
            held_by,
            floor_held_by,
            behind_others: false,
        }
    }

    /// Whether the pool keeps its reserve when one of its idle agents takes a ticket of that kind. Asked of every pool the agent serves in: an agent lent out is missing in all of them.
    pub(super) fn may_spare(&self, pool: PoolIx, kind: (TierIx, Channel), counted: bool) -> bool {
        let leaving = self.leaving.iter().filter(|pools| pools.contains(pool)).count();
        let idle = self.roster.idle_count(pool) as usize + usize::from(!counted);
        idle > leaving + self.policy.pool(pool).kept_against(kind.0, kind.1) as usize
    }

    fn choose(&self, heads: &[Head], crew: PoolSet) -> Choice {
        if heads.is_empty() {
            return Choice::Nothing;
        }
        let by = |step, order: &dyn Fn(&Head, &Head) -> Ordering| {
            let at = first_open(heads, order, |_| true)?;
            Some(Choice::Take(at, step))
        };
        // What a supervisor has moved to the front goes before every rule, but takes nobody out of a reserve.
        if let Some(at) = first_open(heads, first_promoted, |head| head.promoted_at.is_some()) {
            return Choice::Take(at, Step::Promoted);
        }
        let choice = match self.policy.rule {
            Rule::Fifo => by(Step::Fifo, &longest_wait),
            Rule::StaticPriority => by(Step::Priority, &highest_tier),
            Rule::Edf => by(Step::EarliestDeadline, &earliest_deadline),
            Rule::Accumulating => by(Step::Accumulated, &|a, b| self.most_accumulated(a, b)),
            Rule::GuardedEdf => self
                .starving_turn(heads, crew)
                .map(|at| Choice::Take(at, Step::Floor))
                .or_else(|| tier_at_risk(heads).map(|at| Choice::Take(at, Step::AtRisk)))
                .or_else(|| by(Step::EarliestDeadline, &earliest_deadline)),
        };
        choice.unwrap_or(Choice::HeldForTier)
    }

    fn most_accumulated(&self, a: &Head, b: &Head) -> Ordering {
        let accumulated = |head: &Head| {
            let tier = self.policy.tier(head.queue.tier);
            let head_start_ms = tier.head_start_ms[head.queue.channel.index()];
            let credit_ms = i128::from(head.waited_ms) + i128::from(head_start_ms);
            credit_ms * i128::from(tier.weight_permille)
        };
        accumulated(b)
            .cmp(&accumulated(a))
            .then_with(|| (a.queue.tier, a.ticket).cmp(&(b.queue.tier, b.ticket)))
    }
}

/// The first in `order` of the heads that no reserve keeps back and that are `wanted`.
fn first_open(
    heads: &[Head],
    order: impl Fn(&Head, &Head) -> Ordering,
    wanted: impl Fn(&Head) -> bool,
) -> Option<usize> {
    let open = heads.iter().enumerate().filter(|(_, h)| h.held_by.is_none() && wanted(h));
    open.min_by(|(_, a), (_, b)| order(a, b)).map(|(at, _)| at)
}

/// Whom a tier's turn goes to: the earliest of its deadlines. It is not always the head for whose sake
/// the tier is served: a mail can be later than the call that starves by its short promise.
fn foremost(heads: &[Head], tier: TierIx) -> Option<usize> {
    first_open(heads, earliest_deadline, |head| head.queue.tier == tier)
}

/// The highest tier with a head at risk.
fn tier_at_risk(heads: &[Head]) -> Option<usize> {
    let at_risk = heads.iter().filter(|head| head.at_risk && head.held_by.is_none());
    foremost(heads, at_risk.map(|head| head.queue.tier).min()?)
}

fn first_promoted(a: &Head, b: &Head) -> Ordering {
    (a.promoted_at, a.ticket).cmp(&(b.promoted_at, b.ticket))
}

fn longest_wait(a: &Head, b: &Head) -> Ordering {
    b.waited_ms.cmp(&a.waited_ms).then_with(|| a.ticket.cmp(&b.ticket))
}

pub(super) fn earliest_deadline(a: &Head, b: &Head) -> Ordering {
    (a.respond_by, a.queue.tier, a.ticket).cmp(&(b.respond_by, b.queue.tier, b.ticket))
}

fn highest_tier(a: &Head, b: &Head) -> Ordering {
    (a.queue.tier, a.respond_by, a.ticket).cmp(&(b.queue.tier, b.respond_by, b.ticket))
}

/// `value` times `permille` / 1000, rounded down; stops at the end of the range.
pub(super) fn permille_of(value: i64, permille: u32) -> i64 {
    let product = i128::from(value) * i128::from(permille) / 1000;
    i64::try_from(product).unwrap_or(i64::MAX)
}
