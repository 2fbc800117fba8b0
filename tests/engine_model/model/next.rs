//! Which ticket next, by looking at every ticket.

use super::{Model, Name, Next, Ticket};
use std::collections::BTreeSet;
use tierline::engine::model::{Rule, Step};

impl Model {
    fn handle_ms(&self, pool: &str) -> i64 {
        let learnt = &self.learnt[pool];
        if learnt.handled < 20 { 300_000 } else { learnt.mean_us / 1000 }
    }

    fn idle_count(&self, pool: &Name) -> u32 {
        let idle = self.agents.iter().filter(|a| a.wait.is_some() && a.pools.contains(pool));
        u32::try_from(idle.count()).expect("few agents")
    }

    /// Whether a pool keeps `tier` from an agent who serves in `pools`; in a starving tier's turn those
    /// whose reserve yields to it do not.
    fn kept_back(&self, pools: &BTreeSet<Name>, tier: &str, counted: bool, turn: bool) -> bool {
        pools.iter().any(|name| {
            let idle = self.idle_count(name) + u32::from(!counted);
            let higher = |kept: u8| i64::from(kept) < self.rank(tier);
            let pool = self.pool(name);
            let reserves = pool.reserve.iter();
            let yields = turn && pool.floor_over_reserve;
            !yields && reserves.filter(|(kept, _)| higher(kept.0)).any(|(_, count)| idle <= *count)
        })
    }

    /// The heads that an agent who serves in `pools` could be given, were it not for reserves.
    fn heads(&self, pools: &BTreeSet<Name>) -> Vec<&Ticket> {
        let mine = self.tickets.iter();
        mine.filter(|t| t.is_waiting() && !t.pools.is_disjoint(pools))
            .filter(|t| self.is_head(t))
            .collect()
    }

    /// The heads that starve and could be given to that agent, by the floor at least.
    fn starving_heads(&self, pools: &BTreeSet<Name>, counted: bool, now: i64) -> Vec<&Ticket> {
        if self.policy.rule != Rule::GuardedEdf || self.policy.floor_share_permille == 0 {
            return Vec::new();
        }
        let mut heads = self.heads(pools);
        heads.retain(|t| {
            let limit = target(t) * i64::from(self.policy.starve_after_permille) / 1000;
            now - t.counts_from > limit && !self.kept_back(pools, &t.tier, counted, true)
        });
        heads
    }

    /// Their tiers, each once.
    pub(crate) fn starving(&self, pools: &BTreeSet<Name>, counted: bool, now: i64) -> Vec<Name> {
        let starving = self.starving_heads(pools, counted, now);
        let mut tiers: Vec<Name> = starving.iter().map(|t| t.tier.clone()).collect();
        tiers.sort_by_key(|tier| self.rank(tier));
        tiers.dedup();
        tiers
    }

    /// The tier whose turn it is because it was passed by too often.
    fn turn(&self, pools: &BTreeSet<Name>, counted: bool, now: i64) -> Option<Name> {
        let mut rest = self.starving(pools, counted, now);
        let heads = self.starving_heads(pools, counted, now);
        // In which of the agent's pools it starves, it counts.
        let count = |tier: &Name| {
            let own = heads.iter().filter(|t| t.tier == *tier).flat_map(|t| &t.pools);
            let own = own.filter(|pool| pools.contains(*pool));
            let counts = own.map(|pool| self.learnt[pool].passed_by.get(tier));
            counts.flatten().copied().max().unwrap_or(0)
        };
        let every = 1000_u32.div_ceil(self.policy.floor_share_permille.max(1));
        let first =
            rest.iter().min_by_key(|tier| (u32::MAX - count(tier), self.rank(tier)))?.clone();
        // The last in the row must come within one period, the one before it within two, and so on.
        let mut periods = 0;
        while !rest.is_empty() {
            periods += 1;
            let last = rest.iter().max_by_key(|tier| (u32::MAX - count(tier), self.rank(tier)));
            let last = last.expect("it is not empty").clone();
            if count(&last) + 1 >= every * periods {
                return Some(first);
            }
            rest.retain(|tier| *tier != last);
        }
        None
    }

    fn is_head(&self, ticket: &Ticket) -> bool {
        let same = |other: &&Ticket| {
            other.is_waiting()
                && (&other.tier, other.channel, &other.pools)
                    == (&ticket.tier, ticket.channel, &ticket.pools)
        };
        let order = |t: &Ticket| match self.policy.rule {
            Rule::Fifo | Rule::Accumulating => (t.counts_from, t.number),
            Rule::GuardedEdf | Rule::StaticPriority | Rule::Edf => (t.respond_by, t.number),
        };
        self.tickets.iter().filter(same).all(|other| order(other) >= order(ticket))
    }

    pub(crate) fn next(&self, pools: &BTreeSet<Name>, counted: bool, now: i64) -> Next {
        let mine = self.heads(pools);
        if mine.is_empty() {
            return Next::Nothing;
        }
        // A tier's turn goes to its earliest deadline, whoever it was that starved.
        if let Some(tier) = self.turn(pools, counted, now) {
            let own: Vec<&Ticket> = mine.into_iter().filter(|t| t.tier == tier).collect();
            let ticket = least(&own, |t| self.by_deadline(t));
            let pool = self.served_by(ticket, pools);
            return Next::Take { ticket: ticket.number, pool, step: Step::Floor };
        }
        let open: Vec<&Ticket> =
            mine.into_iter().filter(|t| !self.kept_back(pools, &t.tier, counted, false)).collect();
        if open.is_empty() {
            return Next::Held;
        }
        let (ticket, step) = match self.policy.rule {
            Rule::Fifo => (least(&open, |t| (t.counts_from, 0, 0, t.number)), Step::Fifo),
            Rule::StaticPriority => (least(&open, |t| self.by_tier(t)), Step::Priority),
            Rule::Edf => (least(&open, |t| self.by_deadline(t)), Step::EarliestDeadline),
            Rule::Accumulating => {
                let grown = |t: &Ticket| {
                    let tier = self.tier(&t.tier);
                    let start = tier.head_start_ms[t.channel.index()];
                    (now - t.counts_from + start) * i64::from(tier.weight_permille)
                };
                let ticket = least(&open, |t| (-grown(t), self.rank(&t.tier), 0, t.number));
                (ticket, Step::Accumulated)
            }
            Rule::GuardedEdf => self.guarded(&open, pools, now),
        };
        let pool = self.served_by(ticket, pools);
        Next::Take { ticket: ticket.number, pool, step }
    }

    fn by_tier(&self, t: &Ticket) -> (i64, i64, i64, u64) {
        (self.rank(&t.tier), t.respond_by, 0, t.number)
    }

    fn by_deadline(&self, t: &Ticket) -> (i64, i64, i64, u64) {
        (t.respond_by, self.rank(&t.tier), 0, t.number)
    }

    /// The first pool, in the policy's order, that agent and ticket have in common.
    fn served_by(&self, ticket: &Ticket, pools: &BTreeSet<Name>) -> Name {
        let names = self.policy.pools.iter().map(|pool| &pool.name);
        let mut common = names.filter(|name| ticket.pools.contains(*name) && pools.contains(*name));
        common.next().expect("they have one").clone()
    }

    fn guarded<'a>(
        &self,
        open: &[&'a Ticket],
        pools: &BTreeSet<Name>,
        now: i64,
    ) -> (&'a Ticket, Step) {
        let foremost = |tier: &Name| {
            let own: Vec<&Ticket> = open.iter().copied().filter(|t| t.tier == *tier).collect();
            least(&own, |t| self.by_deadline(t))
        };
        let at_risk: Vec<&Ticket> = open
            .iter()
            .copied()
            .filter(|t| {
                let share = i64::from(self.tier(&t.tier).guard_permille);
                let two = 2 * self.handle_ms(&self.served_by(t, pools));
                let guard = target(t).min(two.max(target(t) * share / 1000));
                t.respond_by - now <= guard
            })
            .collect();
        if at_risk.is_empty() {
            (least(open, |t| self.by_deadline(t)), Step::EarliestDeadline)
        } else {
            (foremost(&least(&at_risk, |t| self.by_tier(t)).tier), Step::AtRisk)
        }
    }
}

/// The response target it was given, in milliseconds.
fn target(ticket: &Ticket) -> i64 {
    (ticket.respond_by - ticket.counts_from).max(1)
}

fn least<'a, K: Ord>(tickets: &[&'a Ticket], key: impl Fn(&Ticket) -> K) -> &'a Ticket {
    tickets.iter().copied().min_by_key(|ticket| key(ticket)).expect("there is one")
}
