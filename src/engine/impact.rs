//! What another policy would do to what waits: asked before it is applied, changes nothing.

use super::Engine;
use super::escalation;
use super::model::{AgentId, Channel, Policy, PoolSet, Ticket, TicketId, TierIx, Time};
use super::needs::SkillIx;
use super::wish::SkillMode;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most ids that an impact names of each kind; the counts are whole.
pub const IMPACT_IDS_MAX: usize = 20;

/// What another policy would do to the queues as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Impact {
    /// Every queue that is filled now or would be then, by tier, channel and pools.
    pub queues: Vec<QueueImpact>,
    /// Tickets that would be left without a tier or without anybody; while there are any, the policy is
    /// refused.
    pub stranded: Vec<Stranded>,
    /// How many agents would be left without a pool. They keep what they hold.
    pub agents_without_pool_count: usize,
    /// Some of them, by id; at most [`IMPACT_IDS_MAX`].
    pub agents_without_pool: Vec<AgentId>,
}

/// A queue before and after.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueueImpact {
    /// Its tier, by name.
    pub tier: Arc<str>,
    /// Its channel.
    pub channel: Channel,
    /// The names of the pools that may serve it.
    pub pools: Vec<Arc<str>>,
    /// How many wait in it now.
    pub before_count: u64,
    /// How many would wait in it then.
    pub after_count: u64,
}

/// Live tickets of one tier that would be left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranded {
    /// Their tier, by its present name.
    pub tier: Arc<str>,
    /// The pools that would serve the tier at one time or another, none of which has an agent; empty
    /// when the policy has no such tier.
    pub pools: Vec<Arc<str>>,
    /// The skill that they require and the policy lacks, if that is why.
    pub skill: Option<Arc<str>>,
    /// How many.
    pub count: u64,
    /// Some of them, in order of arrival; at most [`IMPACT_IDS_MAX`].
    pub tickets: Vec<TicketId>,
}

/// A queue by its names, for two policies know no common numbers.
type Named = (Arc<str>, Channel, Vec<Arc<str>>);

/// What becomes of a tier.
struct Fate {
    /// Its place in the new policy, if it has one.
    then: Option<TierIx>,
    /// Somebody serves it now and nobody would then.
    is_deserted: bool,
}

impl Engine {
    /// What `policy` would do at `now`. Looks at every live ticket, so it takes time in proportion to them.
    pub fn impact(&self, policy: &Policy, now: Time) -> Impact {
        let fates = self.fates(policy);
        let mut after: BTreeMap<(TierIx, Channel, PoolSet), u64> = BTreeMap::new();
        let mut left: BTreeMap<(TierIx, Option<SkillIx>), (u64, Vec<TicketId>)> = BTreeMap::new();
        for ticket in self.tickets.values() {
            let fate = &fates[usize::from(ticket.tier.0)];
            let waits = ticket.assignment().is_none();
            let skill = self.skill_lost(ticket, policy);
            if fate.then.is_none() || (waits && fate.is_deserted) || skill.is_some() {
                let (count, some) = left.entry((ticket.tier, skill)).or_default();
                *count += 1;
                if some.len() < IMPACT_IDS_MAX {
                    some.push(ticket.id.clone());
                }
            }
            if let Some(tier) = fate.then.filter(|_| ticket.is_waiting()) {
                let waited_ms = ticket.waited_ms(now);
                let (_, routed) = Self::route_after(policy, tier, ticket.standing(), waited_ms);
                let old = self.policy.tier(ticket.tier);
                let taken = escalation::taken_under(ticket, old, policy, tier, now);
                let pools = escalation::pools_after(policy.tier(tier), taken, routed);
                *after.entry((tier, ticket.channel, pools)).or_default() += 1;
            }
        }
        let stranded = left.into_iter().map(|((tier, skill), (count, tickets))| Stranded {
            skill: skill.map(|skill| self.policy.skill(skill).clone()),
            tier: self.policy.tier(tier).name.clone(),
            pools: fates[usize::from(tier.0)]
                .then
                .map(|tier| pool_names(policy, pools_ever(policy, tier)))
                .unwrap_or_default(),
            count,
            tickets,
        });
        let pool_of = |pool| policy.pool_named(&self.policy.pool(pool).name);
        let without: Vec<_> = self
            .roster
            .iter()
            .filter(|agent| {
                !agent.pools.is_empty() && agent.pools.iter().all(|p| pool_of(p).is_none())
            })
            .map(|agent| agent.id.clone())
            .collect();
        Impact {
            queues: self.queue_impacts(policy, &after),
            stranded: stranded.collect(),
            agents_without_pool_count: without.len(),
            agents_without_pool: without.into_iter().take(IMPACT_IDS_MAX).collect(),
        }
    }

    /// How many live tickets `policy` would leave behind; see [`Impact::stranded`].
    pub(super) fn stranded_count(&self, policy: &Policy) -> u64 {
        let fates = self.fates(policy);
        if fates.iter().all(|fate| fate.then.is_some() && !fate.is_deserted) {
            return 0;
        }
        let is_left = |fate: &Fate, waits| fate.then.is_none() || (waits && fate.is_deserted);
        let left = self.tickets.values().filter(|ticket| {
            is_left(&fates[usize::from(ticket.tier.0)], ticket.assignment().is_none())
        });
        left.count() as u64
    }

    /// What becomes of every tier, in the order of the policy in force.
    fn fates(&self, policy: &Policy) -> Vec<Fate> {
        let now = self.roster.iter().fold(PoolSet::EMPTY, |all, agent| all.or(agent.pools));
        let pool_of = |pool| policy.pool_named(&self.policy.pool(pool).name);
        let then = PoolSet::of(now.iter().filter_map(pool_of));
        let tiers = self.policy.tiers.iter().enumerate().map(|(at, tier)| {
            let ix = TierIx(u8::try_from(at).expect("a policy has at most 64 tiers"));
            let served_now = !pools_ever(&self.policy, ix).and(now).is_empty();
            let new = policy.tier_named(&tier.name);
            let served_then = new.is_some_and(|new| !pools_ever(policy, new).and(then).is_empty());
            Fate { then: new, is_deserted: served_now && !served_then }
        });
        tiers.collect()
    }

    /// A skill that the ticket requires and `policy` does not know.
    fn skill_lost(&self, ticket: &Ticket, policy: &Policy) -> Option<SkillIx> {
        let wish = ticket.wish()?;
        let required = wish.skills.iter().filter(|wish| wish.mode == SkillMode::Require);
        let mut required = required.map(|wish| wish.skill);
        required.find(|skill| policy.skill_named(self.policy.skill(*skill)).is_none())
    }

    fn queue_impacts(
        &self,
        policy: &Policy,
        after: &BTreeMap<(TierIx, Channel, PoolSet), u64>,
    ) -> Vec<QueueImpact> {
        let named = |policy: &Policy, tier: TierIx, pools| {
            (policy.tier(tier).name.clone(), pool_names(policy, pools))
        };
        let mut counts: BTreeMap<Named, (u64, u64)> = BTreeMap::new();
        for (key, queue) in self.queues.iter().filter(|(_, queue)| !queue.is_empty()) {
            let (tier, pools) = named(&self.policy, key.tier, key.pools);
            counts.entry((tier, key.channel, pools)).or_default().0 += queue.len() as u64;
        }
        for ((tier, channel, pools), count) in after {
            let (tier, pools) = named(policy, *tier, *pools);
            counts.entry((tier, *channel, pools)).or_default().1 += count;
        }
        let queue = |((tier, channel, pools), (before_count, after_count))| QueueImpact {
            tier,
            channel,
            pools,
            before_count,
            after_count,
        };
        counts.into_iter().map(queue).collect()
    }
}

/// Every pool that serves the tier at one time or another.
fn pools_ever(policy: &Policy, tier: TierIx) -> PoolSet {
    escalation::pools_ever(policy.tier(tier))
}

fn pool_names(policy: &Policy, pools: PoolSet) -> Vec<Arc<str>> {
    pools.iter().map(|pool| policy.pool(pool).name.clone()).collect()
}
