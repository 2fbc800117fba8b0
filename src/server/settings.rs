//! The configuration as each part of the house wants it.

use super::Error;
use crate::config::{Config, Data, DirectoryKind, Limits, PolicyFile, Secret};
use crate::directory::{self, Source};
use crate::engine::model::Policy;
use crate::{api, driver, engine, journal, policy};

/// The policy that is served by when the configuration names none and none is there.
const BUILT_IN: &str = include_str!("../../config/default.toml");
/// The file of the embedded directory, in the data directory.
const CUSTOMERS_FILE: &str = "customers.db";

/// The policy, with its warnings in the log.
pub(super) fn policy(config: &PolicyFile) -> Result<Policy, Error> {
    let file = &config.file;
    let is_default = *config == PolicyFile::default();
    let (policy, warnings) = if is_default && !file.exists() {
        tracing::info!("no {} here: serving by the built-in policy", file.display());
        policy::parse("built-in policy", BUILT_IN)
    } else {
        policy::load(file)
    }
    .map_err(Error::Policy)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(policy)
}

pub(super) fn limits(config: &Limits) -> engine::Limits {
    engine::Limits { tickets_max: config.tickets_max, agents_max: config.agents_max }
}

pub(super) fn journal(config: &Data) -> journal::Settings {
    journal::Settings {
        size_max: config.size_max,
        snapshot_events: config.snapshot_every,
        ..journal::Settings::default()
    }
}

pub(super) fn driver(config: &Config) -> driver::Settings {
    driver::Settings {
        queue_max: config.limits.commands_max,
        batch_max: config.limits.batch_max,
        watched_max: config.limits.watchers_max,
        history_ms: i64::try_from(config.data.history.as_millis()).unwrap_or(i64::MAX),
        ..driver::Settings::default()
    }
}

pub(super) fn api(config: &Config) -> api::Settings {
    let wait_ms_max = config.limits.pull_wait_max.as_millis();
    api::Settings {
        pull_wait_ms_max: i64::try_from(wait_ms_max).unwrap_or(i64::MAX),
        payload_bytes_max: config.limits.payload_max,
        message_bytes_max: config.listen.message_max,
        watchers_max: config.limits.watchers_max,
        directory: match config.directory.kind {
            DirectoryKind::Embedded => "embedded",
            DirectoryKind::Redis => "redis",
        },
        driver: driver(config),
        ..api::Settings::default()
    }
}

pub(super) fn directory(config: &Config) -> directory::Settings {
    let from = &config.directory;
    let source = match from.kind {
        DirectoryKind::Embedded => Source::Embedded { path: config.data.dir.join(CUSTOMERS_FILE) },
        DirectoryKind::Redis => Source::Redis {
            url: from.url.clone(),
            password: from.password.as_ref().map(Secret::expose).map(str::to_owned),
            prefix: from.prefix.clone(),
        },
    };
    directory::Settings {
        source,
        budget: from.budget,
        fresh_for: from.cache_ttl,
        unknown_for: from.unknown_ttl,
        stale_for: from.stale_for,
        cache_entries_max: from.cache_entries,
        failures_max: from.breaker_failures,
        cool_down: from.breaker_cooldown,
        ..directory::Settings::default()
    }
}
