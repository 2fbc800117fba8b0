//! A new policy over all that there is.

use super::super::life::{Worked, add_work};
use super::super::model::{Assignment, Policy, PoolRecord, PoolSet, State, TierIx};
use super::super::needs::NeedsBook;
use super::super::queue::Queues;
use super::super::timers::Timers;
use super::super::wish::{needs_after, skills_under};
use super::super::{Engine, escalation};
use std::sync::Arc;

impl Engine {
    /// Puts a policy in force. Tickets keep the deadlines they were promised; their queues, pools and
    /// order follow the new policy. What pools have learnt goes with their names. The tickets that
    /// ended are forgotten here: the history has them, under the names of their time.
    pub(super) fn change_policy(&mut self, policy: &Arc<Policy>) {
        let old = std::mem::replace(&mut self.policy, policy.clone());
        let tier_of = |tier: TierIx| {
            policy.tier_named(&old.tier(tier).name).expect("no live ticket's tier is dropped")
        };
        let pool_of = |pool| policy.pool_named(&old.pool(pool).name);
        let set_of = |pools: PoolSet| PoolSet::of(pools.iter().filter_map(pool_of));
        let skill_of = |skill| policy.skill_named(old.skill(skill));

        self.records = policy
            .pools
            .iter()
            .map(|pool| match old.pool_named(&pool.name) {
                Some(ix) => {
                    let record = self.records[usize::from(ix.0)].clone();
                    let named = |(tier, count): (TierIx, u32)| {
                        Some((policy.tier_named(&old.tier(tier).name)?, count))
                    };
                    let passed_by = record.passed_by.into_iter().filter_map(named).collect();
                    PoolRecord { passed_by, ..record }
                }
                None => PoolRecord::default(),
            })
            .collect();
        self.flow = self.flow.re_keyed(&old, policy);
        self.roster.forget_tickets();
        let agents: Vec<_> = self.roster.iter().cloned().collect();
        for mut agent in agents {
            agent.pools = set_of(agent.pools);
            agent.skills = skills_under(&agent.skills, skill_of);
            agent.wrapping =
                agent.wrapping.into_iter().map(|wrap| wrap.under(&old, policy)).collect();
            self.roster.put(agent);
        }
        self.roster.set_rules(policy.channels);
        self.roster.set_paused(self.paused_pools());
        self.queues = Queues::new(policy.rule);
        let waits = self.roster.iter().filter(|agent| agent.wait.is_some());
        let mut timers = Timers::default();
        waits.for_each(|agent| timers.add_wait(agent));
        self.roster.iter().for_each(|agent| timers.add_back_offs(agent));
        self.roster.iter().for_each(|agent| timers.add_wrap_ups(agent));
        self.timers = timers;
        self.needs = NeedsBook::default();
        self.finished.clear();
        self.finished_by_id.clear();
        for ticket in self.tickets.values_mut() {
            let waited_ms = ticket.waited_ms(self.at);
            let old_tier = old.tier(ticket.tier);
            ticket.tier = tier_of(ticket.tier);
            let (overflow_step, routed) =
                Self::route_after(policy, ticket.tier, ticket.standing(), waited_ms);
            ticket.overflow_step = overflow_step;
            let tier = policy.tier(ticket.tier);
            ticket.escalation_step =
                escalation::taken_under(ticket, old_tier, policy, ticket.tier, self.at);
            ticket.guard_permille = escalation::guard_after(tier, ticket.escalation_step);
            let fixed = set_of(ticket.pools);
            if ticket.has_fixed_route() && !fixed.is_empty() {
                ticket.pools = fixed;
            } else {
                ticket.pools = escalation::pools_after(tier, ticket.escalation_step, routed);
                if let Some(life) = &mut ticket.life {
                    life.has_fixed_route = false;
                    life.is_dead_letter = false;
                }
            }
            let renamed = |held: &mut Assignment| {
                held.pool = held.pool.and_then(pool_of);
                held.compared = held.compared.as_ref().map(|compared| compared.under(&old, policy));
            };
            match &mut ticket.state {
                State::Assigned(held) => renamed(held),
                State::Offered(offers) => offers.iter_mut().for_each(renamed),
                State::Scheduled { .. }
                | State::Waiting
                | State::Parked(_)
                | State::Quarantined(_) => {}
            }
            if let Some(wish) = ticket.wish_mut() {
                *wish = wish.under(skill_of);
            }
            let (step, wish) = (ticket.overflow_step, ticket.wish());
            ticket.needs = if ticket.is_dead_letter() {
                None
            } else {
                needs_after(policy, ticket.tier, step, wish, ticket.needs.as_ref())
            };
            if let Some(life) = &mut ticket.life {
                for worked in std::mem::take(&mut life.worked) {
                    let pool = worked.pool.and_then(pool_of);
                    add_work(&mut life.worked, Worked { pool, ..worked });
                }
            }
            ticket.settle_life();
            self.needs.enter(&mut ticket.needs, &mut self.roster);
            if ticket.is_waiting() {
                self.queues.insert(ticket, &mut self.roster);
            }
            self.timers.add_ticket(ticket, policy);
        }
    }
}
