//! What a standing does to the tickets of its customers: their deadlines, tier, pools and agent.

use super::super::Engine;
use super::super::model::{AgentId, Policy, PoolSet, Ticket, TierIx};
use super::super::needs::Needs;
use super::super::timing::ratio_of;
use super::super::wish::{Preferred, Wish, opened_needs};
use super::{Known, Standing};
use std::sync::Arc;

/// Who is to serve the tickets of a standing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The agent whom the directory names for the customer.
    Customers,
    /// This one.
    Named(AgentId),
}

/// The agent of a standing. One who is not registered, or whom the ticket excludes, is ignored, and so is
/// this where the ticket itself names an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Who.
    pub who: Who,
    /// How long since the submit the agent is waited for, in milliseconds; `None`: nobody else serves it.
    pub wait_ms: Option<i64>,
}

/// How the tickets of customers of one standing are treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// What both targets are multiplied by, in thousandths.
    pub scale_permille: u32,
    /// By how many ranks the tier is higher.
    pub lift: u8,
    /// The pools in place of those of the tier and its overflow; none: those stay.
    pub pools: PoolSet,
    /// Pools that serve beside them from the start.
    pub add_pools: PoolSet,
    /// Who is to serve.
    pub contact: Option<Contact>,
}

impl Default for Treatment {
    /// As everybody.
    fn default() -> Self {
        Self {
            scale_permille: 1000,
            lift: 0,
            pools: PoolSet::EMPTY,
            add_pools: PoolSet::EMPTY,
            contact: None,
        }
    }
}

impl Treatment {
    /// A target as the standing makes it, in milliseconds; at least 1.
    pub(in super::super) fn scaled(&self, target_ms: i64) -> i64 {
        ratio_of(target_ms, self.scale_permille, 1000).max(1)
    }

    /// The pools of a ticket that the tier and the wait give `routed`.
    pub(in super::super) fn pools_of(&self, routed: PoolSet) -> PoolSet {
        let kept = if self.pools.is_empty() { routed } else { self.pools };
        self.add_pools.iter().fold(kept, PoolSet::with)
    }
}

impl Policy {
    /// How tickets of customers of this standing are treated.
    pub fn treatment(&self, standing: Standing) -> &Treatment {
        &self.coding.treatments[standing.index()]
    }
}

impl Ticket {
    /// How its customer stands, as far as it is known.
    pub fn standing(&self) -> Standing {
        let known = self.caller.as_deref().and_then(|caller| caller.known.as_deref());
        known.map_or_else(Standing::default, |known| known.standing)
    }
}

impl Engine {
    /// What a ticket asks of its agent, with what its customer's standing asks besides.
    pub(in super::super) fn attended(
        &self,
        wish: Option<Box<Wish>>,
        known: Option<&Known>,
    ) -> Option<Box<Wish>> {
        let asks = |wish: &Wish| wish.preferred.is_some() || wish.only.is_some();
        let standing = known.map_or_else(Standing::default, |known| known.standing);
        let contact = self.policy.treatment(standing).contact.as_ref();
        let Some(contact) = contact.filter(|_| !wish.as_deref().is_some_and(asks)) else {
            return wish;
        };
        let agent = match &contact.who {
            Who::Customers => known.and_then(|known| known.agent.as_ref()),
            Who::Named(agent) => Some(agent),
        };
        let is_barred =
            |agent: &AgentId| wish.as_ref().is_some_and(|wish| wish.barred.contains(agent));
        let serves = |agent: &&AgentId| self.roster.get(agent).is_some() && !is_barred(agent);
        let Some(agent) = agent.filter(serves).cloned() else {
            return wish;
        };
        let mut wish = wish.unwrap_or_default();
        match contact.wait_ms {
            Some(wait_ms) => wish.preferred = Some(Preferred { agent, wait_ms }),
            None => wish.only = Some(agent),
        }
        wish.is_standings = true;
        Some(wish)
    }

    /// What a live ticket asks of its agent once this is known of its customer, where that is something else
    /// than now: the agent whom the standing named follows the standing, and what the ticket asked itself stays.
    pub(in super::super) fn attended_anew(
        &self,
        live: &Ticket,
        known: Option<&Known>,
    ) -> Option<Box<Wish>> {
        let own = live.wish().cloned().map(Wish::without_standing);
        let asked = self.attended(own.map(Box::new), known);
        (asked.as_deref() != live.wish()).then(|| asked.unwrap_or_default())
    }

    /// Whom a waiting ticket needs with another wish, after that wait. An agent to whom somebody gave it by
    /// name keeps it, and so does the one for whom it is kept.
    pub(in super::super) fn needs_anew(
        &self,
        live: &Ticket,
        tier: TierIx,
        overflow_step: u8,
        wish: &Wish,
        waited_ms: i64,
    ) -> Option<Arc<Needs>> {
        let only = live.needs.as_ref().and_then(|needs| needs.only.as_ref());
        let keeps = match live.kept() {
            // For whom it is kept gives way to the only one who may serve it.
            Some(_) => wish.only.is_none(),
            None => only.is_some() && only != live.wish().and_then(Wish::agent),
        };
        if keeps {
            return live.needs.clone();
        }
        let is_over = |preferred: &Preferred| waited_ms >= preferred.wait_ms;
        if wish.agent().is_some() && !wish.preferred.as_ref().is_some_and(is_over) {
            return self.first_needs(tier, overflow_step, wish);
        }
        opened_needs(&self.policy, tier, overflow_step, wish, wish.relaxed_ms)
    }
}
