//! The configuration as each part of the house wants it.

use super::Error;
use super::speech::{HEADERS_MAX, PAGE_REQUEST_MAX, RESETS_MAX};
use crate::api::ToldLimit;
use crate::config::{Config, Data, DirectoryKind, Limits, PolicyFile, Secret};
use crate::directory::{self, Source};
use crate::engine::model::Policy;
use crate::{api, driver, engine, journal, policy};
use std::time::Duration;

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
        audit_every_ms: u64::try_from(config.audit.every.as_millis()).unwrap_or(u64::MAX),
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
        work_streams_max: config.work.streams_max,
        work_heartbeat: config.work.heartbeat,
        directory: match config.directory.kind {
            DirectoryKind::Embedded => "embedded",
            DirectoryKind::Redis => "redis",
        },
        driver: driver(config),
        more: more_limits(config),
        ..api::Settings::default()
    }
}

/// The limits that the services do not keep themselves.
fn more_limits(config: &Config) -> Vec<ToldLimit> {
    let (listen, from) = (&config.listen, directory(config));
    let journal = journal(&config.data);
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let limit = |name, description, value| ToldLimit { name, description, value };
    vec![
        limit(
            "connections_max",
            "Connections at once, for gRPC and for HTTP each.",
            listen.connections_max as u64,
        ),
        limit(
            "silent_ms_max",
            "How long a connection may say nothing after it opened.",
            ms(listen.silent_timeout),
        ),
        limit("streams_max", "Calls at once on one connection.", listen.streams_max.into()),
        limit("headers_bytes_max", "The headers of a call.", HEADERS_MAX.into()),
        limit(
            "resets_max",
            "Calls of one connection that were taken back before they were looked at.",
            RESETS_MAX as u64,
        ),
        limit(
            "page_request_bytes_max",
            "The request line and headers of a request for a page.",
            PAGE_REQUEST_MAX as u64,
        ),
        limit(
            "drain_ms_max",
            "How long calls in progress may take once the server has been told to stop.",
            ms(config.drain.limit),
        ),
        limit(
            "data_bytes_max",
            "The largest size of tierline.db in bytes; 0: as large as the disk.",
            journal.size_max.unwrap_or(0),
        ),
        limit("snapshot_events_max", "Events between two snapshots.", journal.snapshot_events),
        limit(
            "snapshot_bytes_max",
            "Bytes of the journal between two snapshots.",
            journal.snapshot_bytes,
        ),
        limit(
            "directory_budget_ms_max",
            "How long a ticket waits for the lookup of its customer.",
            ms(from.budget),
        ),
        limit(
            "directory_write_ms_max",
            "How long a customer may take to store.",
            ms(from.write_timeout),
        ),
        limit("directory_cache_max", "Customers kept in memory.", from.cache_entries_max as u64),
        limit(
            "directory_fresh_ms_max",
            "How long a customer in memory counts as fresh.",
            ms(from.fresh_for),
        ),
        limit(
            "directory_unknown_ms_max",
            "How long an unknown customer is taken for unknown.",
            ms(from.unknown_for),
        ),
        limit(
            "directory_stale_ms_max",
            "How old an answer may be that is used while the directory is silent.",
            ms(from.stale_for),
        ),
        limit(
            "directory_failures_max",
            "Failures in a row after which lookups stop for a while.",
            from.failures_max.into(),
        ),
        limit("directory_cooldown_ms_max", "How long they stop then.", ms(from.cool_down)),
    ]
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
        phone_region: from.phone_region,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use std::collections::BTreeSet;

    /// Every key with a number, a size or a duration that limits something, and another value of it.
    const KEYS: [(&str, &str); 24] = [
        ("listen.connections_max", "7"),
        ("listen.silent_timeout", "7s"),
        ("listen.streams_max", "7"),
        ("listen.message_max", "512KiB"),
        ("data.history", "7h"),
        ("data.snapshot_every", "7000"),
        ("data.size_max", "7GiB"),
        ("directory.budget", "7ms"),
        ("directory.cache_entries", "7"),
        ("directory.cache_ttl", "7s"),
        ("directory.unknown_ttl", "7s"),
        ("directory.stale_for", "7h"),
        ("directory.breaker_failures", "7"),
        ("directory.breaker_cooldown", "7s"),
        ("limits.tickets_max", "7"),
        ("limits.agents_max", "7"),
        ("limits.pull_wait_max", "7s"),
        ("limits.payload_max", "7KiB"),
        ("limits.batch_max", "7"),
        ("limits.commands_max", "7"),
        ("limits.watchers_max", "7"),
        ("work.heartbeat", "7s"),
        ("work.streams_max", "7"),
        ("drain.limit", "7s"),
    ];

    /// Keys that say where, which and how, and limit nothing.
    const OTHERS: [&str; 16] = [
        "listen.grpc",
        "listen.http",
        "listen.insecure",
        "data.dir",
        "policy.file",
        "directory.kind",
        "directory.url",
        "directory.prefix",
        "directory.phone_region",
        "directory.sweep",
        "directory.password",
        "directory.password_file",
        "log.format",
        "log.filter",
        "audit.every",
        "clock.speed",
    ];

    fn told(variables: &[(&str, &str)]) -> Vec<(String, u64)> {
        let variables = variables.iter().map(|(key, value)| {
            let name = key.replace('.', "_").to_uppercase();
            (format!("{}{name}", config::VARIABLE_PREFIX).into(), (*value).into())
        });
        let config = config::parse("test", "", variables).expect("the values are in range");
        let told = api::limits(limits(&config.limits), &api(&config));
        told.into_iter().map(|limit| (limit.name, limit.value)).collect()
    }

    #[test]
    fn every_limit_of_the_configuration_is_told_to_callers_under_one_name() {
        let listed: BTreeSet<_> =
            KEYS.iter().map(|(key, _)| *key).chain(OTHERS).map(str::to_owned).collect();
        let all: BTreeSet<_> = config::keys().into_iter().collect();
        assert_eq!(listed, all, "a new key is put into one of the lists");
        let defaults = told(&[]);
        for (key, value) in KEYS {
            let changed = told(&[(key, value)]);
            let differ = defaults.iter().zip(&changed).filter(|(one, other)| one != other).count();
            assert_eq!(differ, 1, "{key}");
        }
    }

    #[test]
    fn limits_have_names_of_their_own_that_end_alike_and_sentences() {
        let config = Config::default();
        let told = api::limits(limits(&config.limits), &api(&config));
        let names: BTreeSet<_> = told.iter().map(|limit| limit.name.as_str()).collect();
        assert_eq!(names.len(), told.len());
        for limit in &told {
            assert!(limit.name.ends_with("_max"), "{}", limit.name);
            assert!(limit.description.ends_with('.'), "{}", limit.name);
        }
    }
}
