//! Pools that are paused: who paused them, and what that changes.
//!
//! Nothing is dispatched on behalf of a paused pool, and what its agents hold they keep. A pool is paused in
//! its record, which goes with its name from policy to policy; the roster takes it out of the pools of its
//! agents where crews are made, so that no survey looks at a head it must not take.

use super::Engine;
use super::command::{Answer, Event, PoolSwitched, Rejection};
use super::decide::Decision;
use super::model::{PoolIx, PoolSet, Time};
use std::sync::Arc;

/// Since when, by whom and why a pool is paused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// Since when.
    pub since: Time,
    /// Who asked for it, as they call themselves. At most 64 characters; may be empty.
    pub by: Box<str>,
    /// Why. At most 200 characters.
    pub reason: Box<str>,
}

impl Engine {
    /// The pause of a pool, if it is paused.
    pub fn pause(&self, pool: PoolIx) -> Option<&Arc<Pause>> {
        self.records.get(usize::from(pool.0))?.paused.as_ref()
    }

    /// Those of `pools` that are paused, in the policy's order.
    pub fn pauses(&self, pools: PoolSet) -> Vec<(PoolIx, Arc<Pause>)> {
        let paused = pools.and(self.roster.paused()).iter();
        paused.filter_map(|pool| Some((pool, self.pause(pool)?.clone()))).collect()
    }

    pub(super) fn decide_pause(
        &self,
        pool: &str,
        by: Box<str>,
        reason: Box<str>,
    ) -> Result<Decision, Rejection> {
        let pool = self.policy.pool_named(pool).ok_or(Rejection::PoolNotFound)?;
        if self.pause(pool).is_some() {
            return Ok(Decision::nothing(Answer::Pool { pool, repeated: true }));
        }
        let event = Event::PoolPaused(Box::new(PoolSwitched { pool, by, reason }));
        Ok(Decision::of(event, Answer::Pool { pool, repeated: false }))
    }

    pub(super) fn decide_resume(
        &self,
        pool: &str,
        by: Box<str>,
        reason: Box<str>,
    ) -> Result<Decision, Rejection> {
        let pool = self.policy.pool_named(pool).ok_or(Rejection::PoolNotFound)?;
        if self.pause(pool).is_none() {
            return Ok(Decision::nothing(Answer::Pool { pool, repeated: true }));
        }
        let event = Event::PoolResumed(Box::new(PoolSwitched { pool, by, reason }));
        Ok(Decision::of(event, Answer::Pool { pool, repeated: false }))
    }

    pub(super) fn set_pause(&mut self, pool: PoolIx, pause: Option<Arc<Pause>>) {
        self.records[usize::from(pool.0)].paused = pause;
        self.roster.set_paused(self.paused_pools());
    }

    /// The pools that are paused by their records.
    pub(super) fn paused_pools(&self) -> PoolSet {
        let paused = self.records.iter().zip(0..).filter(|(record, _)| record.paused.is_some());
        PoolSet::of(paused.map(|(_, at)| PoolIx(at)))
    }
}
