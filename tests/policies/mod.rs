//! Policies made by hand for the tests: one pool, voice only, and what each test turns.

use tierline::engine::model::{Policy, Pool, PoolIx, PoolSet, Rule, Tier, TierIx};
use tierline::engine::timing::Timing;

/// A tier of the first pool with that response target on every channel.
pub(crate) fn tier(name: &str, respond_within_s: i64) -> Tier {
    Tier {
        name: name.into(),
        guard_permille: 250,
        weight_permille: 1000,
        head_start_ms: [0; 6],
        respond_within_ms: [respond_within_s * 1000; 6],
        solve_within_ms: [None; 6],
        expires_after_ms: [None; 6],
        requeue_limit: None,
        park_max_ms: [1000; 6],
        timing: Timing::default(),
        pools: PoolSet::of([PoolIx(0)]),
        ..Tier::default()
    }
}

/// A policy of one pool in which `reserve` agents are kept for the first tier.
pub(crate) fn policy(rule: Rule, reserve: u32, tiers: Vec<Tier>) -> Policy {
    Policy {
        version: "test".into(),
        rule,
        starve_after_permille: 2000,
        floor_share_permille: 100,
        channels: Default::default(),
        tiers,
        pools: vec![Pool {
            name: "desk".into(),
            lease_ms: 900_000,
            reserve: vec![(TierIx(0), reserve)],
            ..Pool::default()
        }],
        hours: Vec::new(),
        unknown_tier: TierIx(0),
        unavailable_tier: TierIx(0),
        ..Policy::default()
    }
}
