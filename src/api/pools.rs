//! Pools that are paused: pausing, resuming, and how a pause is told.

use super::Api;
use super::convert::timestamp;
use super::explain::seconds;
use super::names::no_pool;
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::{Checks, NAME_CHARS_MAX};
use crate::driver::{PoolAsk, PoolSeen, Refused};
use crate::engine::command::Rejection;
use crate::engine::model::{Policy, PoolIx, Time};
use crate::engine::pause::Pause;
use std::sync::Arc;

impl Api {
    pub(super) async fn pool_paused(
        &self,
        request: &pb::PausePoolRequest,
    ) -> Result<pb::PausePoolResponse, Fault> {
        let pb::PausePoolRequest { pool, reason, by } = request;
        let mut checks = Checks::default();
        if reason.is_empty() {
            checks.fault("reason", "is required");
        }
        let ask = checked(checks, pool, reason, by)?;
        let PoolSeen { name, pause, repeated } = self.switched(ask, true).await?;
        let paused = pause.map(|pause| message(&name, &pause));
        Ok(pb::PausePoolResponse { paused, already: repeated })
    }

    pub(super) async fn pool_resumed(
        &self,
        request: &pb::ResumePoolRequest,
    ) -> Result<pb::ResumePoolResponse, Fault> {
        let pb::ResumePoolRequest { pool, reason, by } = request;
        let ask = checked(Checks::default(), pool, reason, by)?;
        let seen = self.switched(ask, false).await?;
        Ok(pb::ResumePoolResponse { already: seen.repeated })
    }

    async fn switched(&self, ask: PoolAsk, pause: bool) -> Result<PoolSeen, Fault> {
        let pool = ask.pool.clone();
        self.handle.switch_pool(ask, pause).await.map_err(|refused| match refused {
            Refused::Rule(Rejection::PoolNotFound) => {
                Fault::field("pool", no_pool(&pool, &self.handle.view().policy))
            }
            refused => Fault::refused(refused, &pool),
        })
    }
}

/// What is asked of a pool. `checks` has the faults found so far.
fn checked(mut checks: Checks, pool: &str, reason: &str, by: &str) -> Result<PoolAsk, Fault> {
    checks.name("pool", pool);
    let by = checks.line("by", by, NAME_CHARS_MAX);
    let reason = checks.reason(reason);
    checks.done()?;
    Ok(PoolAsk { pool: pool.into(), by, reason })
}

/// A pause as a message.
pub(super) fn message(pool: &str, pause: &Pause) -> pb::PausedPool {
    pb::PausedPool {
        pool: pool.to_owned(),
        since: Some(timestamp(pause.since)),
        by: pause.by.to_string(),
        reason: pause.reason.to_string(),
    }
}

/// Pauses as messages, with the names of `policy`.
pub(super) fn messages(paused: &[(PoolIx, Arc<Pause>)], policy: &Policy) -> Vec<pb::PausedPool> {
    paused.iter().map(|(pool, pause)| message(&policy.pool(*pool).name, pause)).collect()
}

/// A pause as a sentence, without a full stop.
pub(super) fn told(pool: &str, pause: &Pause, now: Time) -> String {
    let Pause { since, by, reason } = pause;
    let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
    let ago = seconds(now.since_ms(*since));
    format!("the pool {pool} is paused, since {ago} ago{by}, because: {reason}")
}
