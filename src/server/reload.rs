//! The policy file read again while the server runs.

use super::settings;
use crate::config::PolicyFile;
use crate::driver::Handle;
use crate::engine::Engine;
use crate::engine::command::{PolicyChange, PolicyOrigin};
use crate::policy;
use std::sync::Arc;

/// Reads the policy file again whenever told to.
#[derive(Clone)]
pub struct Reloader {
    file: PolicyFile,
    handle: Handle,
}

impl Reloader {
    pub(super) fn new(file: PolicyFile, handle: Handle) -> Self {
        Self { file, handle }
    }

    /// Reads the file and puts it in force, with the difference in the log. A file that is faulty, or
    /// that would leave live tickets behind, changes nothing and is told.
    pub async fn reload(&self) {
        match self.try_reload().await {
            Ok(()) => {}
            Err(problem) => tracing::error!(%problem, "the policy stays as it was"),
        }
    }

    async fn try_reload(&self) -> Result<(), String> {
        let file = self.file.clone();
        let read = tokio::task::spawn_blocking(move || settings::policy(&file)).await;
        let read = read.map_err(|error| error.to_string())?;
        let policy = Arc::new(read.map_err(|error| error.to_string())?);
        let asked = policy.clone();
        let look =
            move |engine: &Engine, now| (engine.policy().clone(), engine.impact(&asked, now));
        let (old, impact) = self.handle.read(look).await.map_err(|refused| refused.to_string())?;
        for stranded in &impact.stranded {
            let (tier, count) = (&stranded.tier, stranded.count);
            tracing::error!(%tier, count, tickets = ?stranded.tickets, "would be left behind");
        }
        let change =
            PolicyChange { origin: PolicyOrigin::Reload, by: "".into(), reason: "".into() };
        let done = self.handle.change_policy(policy.clone(), None, change).await;
        done.map_err(|refused| refused.to_string())?;
        let changes = policy::difference(&old, &policy);
        if changes.is_empty() {
            tracing::info!(version = %policy.version, "the policy file says what is in force");
        }
        for change in &changes {
            tracing::info!(key = %change.path, before = %change.before, after = %change.after, "policy");
        }
        if !changes.is_empty() {
            tracing::info!(before = %old.version, version = %policy.version, "a new policy is in force");
        }
        Ok(())
    }
}
