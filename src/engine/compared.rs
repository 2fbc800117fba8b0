//! What is remembered of a decision: the heads that competed, so that it can be explained later.
//!
//! Nothing is remembered where only one head competed: then there was no choice.

use super::dispatch::{Head, Survey};
use super::model::{Channel, Policy, PoolIx, PoolSet, TicketNumber, TierIx};
use std::sync::Arc;

/// Most heads that are remembered of a decision: the one taken, and the first others in the order of
/// their queues.
pub const COMPARED_MAX: usize = 16;

/// The heads that competed in a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Those remembered, in the order of their queues. At most [`COMPARED_MAX`].
    pub heads: Arc<[ComparedHead]>,
    /// How many there were altogether, at least 2.
    pub heads_count: u32,
}

/// One of them, as the rule saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComparedHead {
    /// The ticket.
    pub ticket: TicketNumber,
    /// The tier of its queue.
    pub tier: TierIx,
    /// The channel of its queue.
    pub channel: Channel,
    /// The pools of its queue.
    pub pools: PoolSet,
    /// What was left to its response deadline, in ms; negative when it had passed.
    pub slack_ms: i64,
    /// It was at risk.
    pub at_risk: bool,
    /// It was starving.
    pub starving: bool,
    /// The pool through which it would have been taken.
    pub via: PoolIx,
    /// The pool whose reserve kept it back, if one did.
    pub held_by: Option<PoolIx>,
}

impl Compared {
    /// What is remembered of a survey; nothing where there was no choice.
    pub(super) fn of(survey: &Survey) -> Option<Self> {
        let heads = &survey.heads;
        if heads.len() < 2 {
            return None;
        }
        let taken = survey.taken().map(|(head, _)| head.ticket);
        let has_room = heads.len() <= COMPARED_MAX;
        let mut others_left = COMPARED_MAX - 1;
        let kept = heads.iter().filter(|head| {
            let kept = has_room || Some(head.ticket) == taken || others_left > 0;
            if kept && Some(head.ticket) != taken {
                others_left = others_left.saturating_sub(1);
            }
            kept
        });
        let heads_count = u32::try_from(heads.len()).expect("there are not so many queues");
        Some(Self { heads: kept.map(ComparedHead::of).collect(), heads_count })
    }

    /// The same under another policy, without the heads whose tier or pool it lacks.
    pub(super) fn under(&self, old: &Policy, new: &Policy) -> Self {
        let pool_of = |pool| new.pool_named(&old.pool(pool).name);
        let heads = self.heads.iter().filter_map(|head| {
            Some(ComparedHead {
                tier: new.tier_named(&old.tier(head.tier).name)?,
                pools: PoolSet::of(head.pools.iter().filter_map(pool_of)),
                via: pool_of(head.via)?,
                held_by: match head.held_by {
                    Some(pool) => Some(pool_of(pool)?),
                    None => None,
                },
                ..*head
            })
        });
        Self { heads: heads.collect(), heads_count: self.heads_count }
    }
}

impl ComparedHead {
    fn of(head: &Head) -> Self {
        Self {
            ticket: head.ticket,
            tier: head.queue.tier,
            channel: head.queue.channel,
            pools: head.queue.pools,
            slack_ms: head.slack_ms,
            at_risk: head.at_risk,
            starving: head.starving,
            via: head.pool,
            held_by: head.held_by,
        }
    }
}
