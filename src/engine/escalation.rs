//! The ladder of a tier: what happens to a ticket that nobody has picked up, at set shares of its
//! response target, before the deadline and after it.
//!
//! A step may raise the guard, add pools, hand the ticket to one pool, and name somebody to be told. The
//! pools follow from the wait (overflow) and from the ladder together: the ladder's pools come on top of
//! those of the wait, and a pool to which a ticket is handed takes the place of all that came before it,
//! and of all that the wait adds later.

use super::hours;
use super::model::{Policy, PoolIx, PoolSet, State, Ticket, Tier, TierIx, Time};
use super::timing::ratio_of;
use std::sync::Arc;

/// Most steps of one ladder.
pub const ESCALATIONS_MAX: usize = 16;

/// One step of a ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    /// Due once so much of the time between submit and response deadline has passed, in thousandths: 1000
    /// is the deadline. Each step comes after the one before it.
    pub at_permille: u32,
    /// The guard from now on instead of the tier's, in thousandths of the target: 1000 puts the ticket at
    /// risk.
    pub guard_permille: Option<u16>,
    /// Pools that are added.
    pub pools: PoolSet,
    /// The only pool from now on, with those of this step and later ones.
    pub hand_to: Option<PoolIx>,
    /// Who is to be told. 1 to 64 characters.
    pub notify: Option<Arc<str>>,
}

/// The pools of a ticket whose wait gives it `routed`, after so many steps of the ladder.
pub(super) fn pools_after(tier: &Tier, taken: u8, routed: PoolSet) -> PoolSet {
    let steps = tier.timing.escalation.iter().take(usize::from(taken));
    steps.fold(routed, |so_far, step| {
        let kept = step.hand_to.map_or(so_far, |pool| PoolSet::of([pool]));
        step.pools.iter().fold(kept, PoolSet::with)
    })
}

/// The guard that so many steps of the ladder have raised, if one did.
pub(super) fn guard_after(tier: &Tier, taken: u8) -> Option<u16> {
    let steps = tier.timing.escalation.iter().take(usize::from(taken));
    steps.filter_map(|step| step.guard_permille).next_back()
}

/// Every pool that may serve the tier at some time, by wait or by ladder.
pub fn pools_ever(tier: &Tier) -> PoolSet {
    let by_wait = tier.overflow.iter().flat_map(|step| step.pools.iter());
    let ladder = tier.timing.escalation.iter();
    let by_ladder = ladder.flat_map(|step| step.pools.iter().chain(step.hand_to));
    by_wait.chain(by_ladder).fold(tier.pools, PoolSet::with)
}

/// When the next step of the ladder falls due on a ticket; `None` while there is none, or somebody has
/// picked it up.
pub(super) fn next_at(ticket: &Ticket, policy: &Policy) -> Option<Time> {
    if ticket.picked_up_at.is_some() || ticket.state != State::Waiting {
        return None;
    }
    due_at(ticket, policy, ticket.tier, ticket.escalation_step)
}

/// How many steps a ticket, until now of the tier `old`, has behind it at `at` when `policy` puts it into
/// `tier`. A ladder with its steps at the same shares goes on; what another would have done by now counts
/// as done, and nobody is told again.
pub(super) fn taken_under(
    ticket: &Ticket,
    old: &Tier,
    policy: &Policy,
    tier: TierIx,
    at: Time,
) -> u8 {
    let shares = |tier: &Tier| -> Vec<u32> {
        tier.timing.escalation.iter().map(|step| step.at_permille).collect()
    };
    if shares(old) == shares(policy.tier(tier)) {
        return ticket.escalation_step;
    }
    let until = ticket.picked_up_at.unwrap_or(at);
    let due = (0..).map_while(|step| due_at(ticket, policy, tier, step));
    let count = due.take_while(|due| *due <= until).count();
    u8::try_from(count).expect("a ladder has at most 16 steps")
}

fn due_at(ticket: &Ticket, policy: &Policy, tier: TierIx, step: u8) -> Option<Time> {
    let step = policy.tier(tier).timing.escalation.get(usize::from(step))?;
    let hours = policy.hours(tier, ticket.channel);
    let target_ms = hours::between(hours, ticket.submitted_at, ticket.respond_by);
    Some(hours::add(hours, ticket.submitted_at, ratio_of(target_ms, step.at_permille, 1000)))
}
