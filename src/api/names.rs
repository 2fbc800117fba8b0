//! Names that the policy does not have: each is told with those it has.

use super::validate::echo;
use crate::engine::model::Policy;

/// The policy has no skill of that name.
pub(super) fn no_skill(name: &str, policy: &Policy) -> String {
    none_of("skill", name, policy.skills.iter().map(|skill| &**skill))
}

/// The policy has no tier of that name.
pub(super) fn no_tier(name: &str, policy: &Policy) -> String {
    none_of("tier", name, policy.tiers.iter().map(|tier| &*tier.name))
}

/// The policy has no pool of that name.
pub(super) fn no_pool(name: &str, policy: &Policy) -> String {
    none_of("pool", name, policy.pools.iter().map(|pool| &*pool.name))
}

fn none_of<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.collect();
    let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
    format!("the policy has no {kind} {}; it has {known}", echo(name))
}
