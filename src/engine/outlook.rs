//! What a waiting ticket has before it: counts and rates, from which a forecast is made outside.
//!
//! Only integers, and nothing is decided here. What counts as "before it" follows the rule of dispatch:
//! who would be served first if every agent asked now, and what work is likely to come later and still
//! be served first.

use super::Engine;
use super::dispatch::{HANDLED_KNOWN_COUNT, permille_of};
use super::duty::Duty;
use super::flow::Kind;
use super::model::{Channel, PoolSet, Rule, Ticket, TierIx, Time};
use super::queue::{Queue, QueueKey};

/// Each queue is counted exactly up to this many tickets.
const AHEAD_EXACT_MAX: usize = super::PLACE_EXACT_MAX;

/// What a ticket that waits has before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The instant.
    pub at: Time,
    /// Its tier.
    pub tier: TierIx,
    /// Its channel.
    pub channel: Channel,
    /// When it was submitted.
    pub submitted_at: Time,
    /// Its response deadline.
    pub respond_by: Time,
    /// In the pools that may serve it now.
    pub now: Prospect,
    /// In the pools that each later overflow step opens.
    pub later: Vec<Prospect>,
    /// The wait of the one of its tier and channel who was picked up last, and how long ago that was,
    /// both in milliseconds.
    pub last_entered_ms: Option<(i64, i64)>,
}

/// What stands between a ticket and an agent of certain pools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prospect {
    /// From when on these pools may serve it, in milliseconds from now.
    pub from_ms: i64,
    /// The pools.
    pub pools: PoolSet,
    /// Those of them that are paused: nothing is dispatched on their behalf, and their agents count for
    /// nothing.
    pub paused: PoolSet,
    /// Tickets that would be served before it.
    pub ahead_count: u64,
    /// How many of a million of those ahead hang up in a second.
    pub hang_ups_per_million_s: u64,
    /// Agents who are available, whatever they do.
    pub signed_in_count: u32,
    /// Tickets that are worked on at once.
    pub hand_count: u32,
    /// Of these hands, those that are free just now.
    pub free_count: u32,
    /// Free agents whom no reserve keeps from its tier.
    pub spare_count: u32,
    /// How many more agents must become free before a reserve lets its tier be served.
    pub reserve_gap: u32,
    /// The mean handling time, in milliseconds.
    pub handle_ms: i64,
    /// Whether that is measured; an assumption if not.
    pub handle_known: bool,
    /// Tickets an hour, in thousandths, that come later and are served before it.
    pub overtaking_per_hour_milli: u64,
    /// The share of dispatches that starving lower tiers take first, in thousandths.
    pub floor_permille: u32,
}

impl Engine {
    /// What a ticket that waits has before it at `now`. Takes time in proportion to the queues in use.
    pub fn outlook(&self, ticket: &Ticket, now: Time) -> Outlook {
        let tier = self.policy.tier(ticket.tier);
        let waited_ms = now.since_ms(ticket.counts_from());
        let waits = self.flow.waits((ticket.tier, ticket.channel));
        let last_entered_ms = (waits.last_at > Time::default())
            .then(|| (waits.last_wait_ms, now.since_ms(waits.last_at).max(0)));
        let sight = Sight { engine: self, ticket, now, last_wait_ms: waits.last_wait_ms };
        let later = tier.overflow.iter().skip(ticket.overflow_step.into()).map(|step| {
            let from_ms = step.after_ms.saturating_sub(waited_ms).max(0);
            sight.prospect(step.pools, from_ms)
        });
        Outlook {
            at: now,
            tier: ticket.tier,
            channel: ticket.channel,
            submitted_at: ticket.counts_from(),
            respond_by: ticket.respond_by,
            now: sight.prospect(ticket.pools, 0),
            later: later.collect(),
            last_entered_ms,
        }
    }
}

/// The engine as one ticket sees it.
struct Sight<'a> {
    engine: &'a Engine,
    ticket: &'a Ticket,
    now: Time,
    last_wait_ms: i64,
}

impl Sight<'_> {
    fn prospect(&self, pools: PoolSet, from_ms: i64) -> Prospect {
        let engine = self.engine;
        let needs = self.ticket.needs.as_deref();
        let all_pools = pools;
        // Nothing is dispatched through those that are paused.
        let pools = pools.minus(engine.roster.paused());
        let duty = engine.roster.duty_for(pools, needs);
        let (handle_ms, handle_known, pooled_count) =
            self.handling(if pools.is_empty() { all_pools } else { pools });
        let mut ahead_count = 0;
        let mut leaving = 0;
        let mut starves = false;
        for (key, queue) in engine.queues.beside(pools, needs) {
            let count = self.rivals(key, self.ahead_in(key, queue, handle_ms) as u64, pools, duty);
            ahead_count += count;
            if count > 0 {
                let kind = (key.tier, key.channel);
                leaving += count * engine.flow.waits(kind).hang_ups_per_million_s();
            }
            starves |= key.tier > self.ticket.tier && self.starves(queue);
        }
        let kept =
            |pool| engine.policy.pool(pool).kept_against(self.ticket.tier, self.ticket.channel);
        let idle = |pool| engine.roster.idle_count(pool);
        let gap = |pool| kept(pool).saturating_sub(idle(pool));
        let spare = |pool| idle(pool).saturating_sub(kept(pool));
        let has_floor = engine.policy.rule == Rule::GuardedEdf && starves;
        Prospect {
            from_ms,
            pools: all_pools,
            paused: all_pools.minus(pools),
            ahead_count,
            hang_ups_per_million_s: leaving.checked_div(ahead_count).unwrap_or(0),
            signed_in_count: duty.signed_in_count,
            hand_count: duty.hand_count(),
            free_count: duty.waiting_count,
            spare_count: pools.iter().map(spare).max().unwrap_or(0),
            reserve_gap: pools.iter().map(gap).min().unwrap_or(0),
            handle_ms,
            handle_known,
            overtaking_per_hour_milli: self.overtaking(pools, handle_ms, pooled_count),
            floor_permille: if has_floor { engine.policy.floor_share_permille } else { 0 },
        }
    }

    /// Of `count` tickets ahead that need others, the part that falls to the hands that could take the
    /// ticket itself: the rest of these hands goes past them.
    fn rivals(&self, key: &QueueKey, count: u64, pools: PoolSet, duty: Duty) -> u64 {
        if count == 0 || key.needs.is_none() || key.needs == self.ticket.needs {
            return count;
        }
        let able = self.engine.roster.duty_for(key.pools.and(pools), key.needs.as_deref());
        let hands = u64::from(duty.hand_count().max(1));
        (count * u64::from(able.hand_count())).div_ceil(hands).min(count)
    }

    /// The mean handling time of the pools by the hands in each, whether all of them know it, and the
    /// hands of all pools together, those of several pools counted in each.
    fn handling(&self, pools: PoolSet) -> (i64, bool, u64) {
        let (mut sum_ms, mut hands, mut known) = (0, 0, true);
        for pool in pools.iter() {
            let record = self.engine.record(pool);
            let count = i64::from(self.engine.roster.duty(PoolSet::of([pool])).hand_count());
            sum_ms += record.handle_ms().saturating_mul(count);
            hands += count;
            known &= count == 0 || record.handled_count >= HANDLED_KNOWN_COUNT;
        }
        let first_ms = pools.first().map_or(0, |pool| self.engine.record(pool).handle_ms());
        let mean_ms = if hands > 0 { sum_ms / hands } else { first_ms };
        (mean_ms.max(1), known && hands > 0, hands.unsigned_abs())
    }

    fn target_ms(&self, (tier, channel): Kind) -> i64 {
        self.engine.policy.tier(tier).respond_within_ms[channel.index()]
    }

    /// `guarded-edf`: with this slack a ticket of that kind is at risk.
    fn guard_ms(&self, kind: Kind, handle_ms: i64) -> i64 {
        let target_ms = self.target_ms(kind);
        let share_ms = permille_of(target_ms, self.engine.policy.tier(kind.0).guard_permille);
        target_ms.min(share_ms.max(handle_ms.saturating_mul(2)))
    }

    fn slack_ms(&self) -> i64 {
        self.ticket.respond_by.since_ms(self.now)
    }

    fn at_risk(&self, handle_ms: i64) -> bool {
        let target_ms = self.ticket.respond_within_ms();
        let tier = self.engine.policy.tier(self.ticket.tier);
        let guard_ms = permille_of(target_ms, tier.guard_permille);
        self.slack_ms() <= target_ms.min(guard_ms.max(handle_ms.saturating_mul(2)))
    }

    fn starves(&self, queue: &Queue) -> bool {
        queue.front().is_some_and(|front| {
            let target_ms = front.respond_by.since_ms(front.submitted_at).max(1);
            let after_ms = permille_of(target_ms, self.engine.policy.starve_after_permille);
            self.now.since_ms(front.submitted_at) > after_ms
        })
    }

    /// How many of a queue would be served before the ticket.
    fn ahead_in(&self, key: &QueueKey, queue: &Queue, handle_ms: i64) -> usize {
        let number = self.ticket.number;
        let before = |instant: Time| queue.count_before(instant, number, AHEAD_EXACT_MAX);
        let by_tier = |own: Time| match key.tier.cmp(&self.ticket.tier) {
            std::cmp::Ordering::Less => queue.len(),
            std::cmp::Ordering::Equal => before(own),
            std::cmp::Ordering::Greater => 0,
        };
        match self.engine.policy.rule {
            Rule::Fifo => before(self.ticket.counts_from()),
            Rule::StaticPriority => by_tier(self.ticket.respond_by),
            Rule::Accumulating => before(self.overtaken_until((key.tier, key.channel))),
            Rule::GuardedEdf if self.at_risk(handle_ms) => {
                if key.tier < self.ticket.tier {
                    // Those of a higher tier who are at risk by now, or are by the time they matter.
                    let guard_ms = self.guard_ms((key.tier, key.channel), handle_ms);
                    before(self.now.plus_ms(guard_ms.max(self.slack_ms())))
                } else {
                    by_tier(self.ticket.respond_by)
                }
            }
            Rule::GuardedEdf | Rule::Edf => before(self.ticket.respond_by),
        }
    }

    /// `accumulating`: who of that kind came before this instant has more priority than the ticket when
    /// it has waited as long as the last of its own.
    fn overtaken_until(&self, kind: Kind) -> Time {
        let served_at = self.ticket.counts_from().plus_ms(self.last_wait_ms).max(self.now);
        let wait_ms = served_at.since_ms(self.ticket.counts_from());
        served_at.plus_ms(self.equal_wait_ms(kind, wait_ms).saturating_neg())
    }

    /// `accumulating`: the wait with which a ticket of that kind has as much priority as this one with
    /// its `wait_ms`; below 0 where its head start is more than that.
    fn equal_wait_ms(&self, kind: Kind, wait_ms: i64) -> i64 {
        let terms = |(tier, channel): Kind| {
            let tier = self.engine.policy.tier(tier);
            (i128::from(tier.weight_permille.max(1)), tier.head_start_ms[channel.index()])
        };
        let (own_weight, own_start_ms) = terms((self.ticket.tier, self.ticket.channel));
        let (weight, start_ms) = terms(kind);
        let credit_ms = i128::from(wait_ms.saturating_add(own_start_ms)) * own_weight / weight;
        i64::try_from(credit_ms).unwrap_or(i64::MAX).saturating_sub(start_ms)
    }

    /// Work an hour, in thousandths, that will come and be served before the ticket.
    fn overtaking(&self, pools: PoolSet, handle_ms: i64, pooled_count: u64) -> u64 {
        let mut sum = 0;
        for pool in pools.iter() {
            let Some(taken) = self.engine.flow.taken.get(usize::from(pool.0)) else { continue };
            for (kind, window) in taken {
                let share = self.overtaking_permille(*kind, handle_ms);
                if share > 0 {
                    sum += window.per_hour_milli(self.now).saturating_mul(share) / 1000;
                }
            }
        }
        // Who serves in several of the pools has been counted in each.
        let hands = u64::from(self.engine.roster.duty(pools).hand_count());
        if pooled_count > hands { sum.saturating_mul(hands) / pooled_count } else { sum }
    }

    /// Of later tickets of that kind, how many of a thousand are served before this one.
    fn overtaking_permille(&self, kind: Kind, handle_ms: i64) -> u64 {
        let is_higher = kind.0 < self.ticket.tier;
        // Due sooner, as long as it comes early enough.
        let due_sooner = || {
            let (target_ms, slack_ms) = (self.target_ms(kind), self.slack_ms());
            if target_ms >= slack_ms {
                return 0;
            }
            permille(slack_ms - target_ms, slack_ms)
        };
        match self.engine.policy.rule {
            Rule::Fifo => 0,
            Rule::StaticPriority => {
                if is_higher {
                    1000
                } else {
                    0
                }
            }
            Rule::Accumulating => {
                // Of those who come while it waits as long as the last of its kind did.
                let wait_ms = self.last_wait_ms.max(1000);
                permille(wait_ms.saturating_sub(self.equal_wait_ms(kind, wait_ms)), wait_ms)
                    .min(1000)
            }
            Rule::GuardedEdf if self.at_risk(handle_ms) => {
                // At risk at once, or before this one is late.
                let sooner_ms = self.target_ms(kind) - self.guard_ms(kind, handle_ms);
                let soon = sooner_ms <= self.slack_ms().max(0);
                if is_higher && soon { 1000 } else { 0 }
            }
            Rule::GuardedEdf | Rule::Edf => due_sooner(),
        }
    }
}

/// `part` of a positive `whole`, in thousandths.
fn permille(part: i64, whole: i64) -> u64 {
    let share = i128::from(part) * 1000 / i128::from(whole.max(1));
    u64::try_from(share).unwrap_or(0)
}
