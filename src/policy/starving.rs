//! What the floor promises: within how many dispatches a starving ticket is taken, or why nothing does.
//! The rule and the proof of its bound are in `engine::starvation`.

use super::pools::served_by;
use crate::engine::model::{Policy, PoolIx, TierIx};
use serde::Serialize;
use std::fmt;

/// What a pool promises to the starving tickets of a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Starving {
    /// The pool.
    pub pool: String,
    /// The ticket that comes first of its tier is taken within this many dispatches to agents of the pool
    /// who may serve it, even if every tier of the pool starves. One behind `b` others of its tier is taken
    /// within `b + 1` times as many; where agents serve in several pools, the tiers of all of them count.
    pub taken_within: Option<u64>,
    /// Why there is no bound, if there is none.
    pub no_bound: Option<String>,
}

impl fmt::Display for Starving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.taken_within, &self.no_bound) {
            (Some(count), None) => write!(f, "is taken within {count} dispatches of its pool"),
            (_, why) => write!(f, "has no bound: {}", why.as_deref().unwrap_or("no floor")),
        }
    }
}

/// The bound with so many tiers starving in one pool; `None` without a floor.
pub(super) fn bound(policy: &Policy, tier_count: usize) -> Option<u64> {
    Some(u64::from(policy.floor_every()?) * tier_count as u64)
}

/// What each pool that may serve the tier at some time promises it, in the policy's order.
pub(super) fn starving(policy: &Policy, tier: TierIx) -> Vec<Starving> {
    let of_pool = |ix: PoolIx| {
        let pool = policy.pool(ix);
        let served = policy.tiers.iter().filter(|tier| served_by(tier).contains(ix)).count();
        let bound = bound(policy, served);
        let reserve_wins = pool.reserve_against(tier) > 0 && !pool.floor_over_reserve;
        let no_bound = match bound {
            None if policy.floor_share_permille == 0 => Some("floor_share = 0".to_owned()),
            None => Some(format!("the rule {} has no floor", policy.rule.name())),
            Some(_) if reserve_wins => {
                Some(format!("the reserve of pool {} wins over the floor", pool.name))
            }
            Some(_) => None,
        };
        let taken_within = bound.filter(|_| no_bound.is_none());
        Starving { pool: pool.name.to_string(), taken_within, no_bound }
    };
    served_by(policy.tier(tier)).iter().map(of_pool).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
version = "v1"
[[tier]]
name = "gold"
rank = 1
pools = ["desk"]
respond_within = { default = "1h" }
[[tier]]
name = "standard"
rank = 2
pools = ["desk"]
respond_within = { default = "8h" }
[[pool]]
name = "desk"
reserve = { gold = 2 }
"#;

    fn told(text: &str) -> [String; 2] {
        let (policy, _) = crate::policy::parse("p.toml", text).expect("the policy is sound");
        [0, 1].map(|tier| starving(&policy, TierIx(tier))[0].to_string())
    }

    #[test]
    fn a_reserve_that_wins_leaves_the_tiers_below_it_without_a_bound() {
        let gold = "is taken within 20 dispatches of its pool";
        let [first, second] = told(POLICY);
        assert_eq!(first, gold);
        assert_eq!(second, "has no bound: the reserve of pool desk wins over the floor");
        let yields = POLICY.replace("reserve =", "floor_over_reserve = true\nreserve =");
        assert_eq!(told(&yields), [gold, gold]);
    }

    #[test]
    fn without_a_floor_nobody_has_a_bound() {
        let none = POLICY.replace(
            "[[tier]]\nname = \"gold\"",
            "[dispatch]\nfloor_share = 0\n[[tier]]\nname = \"gold\"",
        );
        assert_eq!(told(&none), ["has no bound: floor_share = 0"; 2]);
        let fifo = none.replace("floor_share = 0", "rule = \"fifo\"");
        assert_eq!(told(&fifo), ["has no bound: the rule fifo has no floor"; 2]);
    }
}
