//! What can go wrong in the directory, for whoever opens or writes it.

use std::path::PathBuf;
use std::time::Duration;

use super::customer::Invalid;

/// What can go wrong when the directory is opened or written. A lookup has no errors.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A customer or a setting outside its limits.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The Redis URL cannot be read.
    #[error("directory url {url:?}: {reason}")]
    Url {
        /// The URL, without its password.
        url: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// There is no connection to Redis at the moment; another one is being made.
    #[error("redis: {operation}: not connected: {reason}")]
    NotConnected {
        /// What was to be done.
        operation: &'static str,
        /// Why the last attempt to connect failed.
        reason: String,
    },
    /// Redis answered with an error, or the connection broke and broke again.
    #[error("redis: {operation}: {source}")]
    Redis {
        /// What was to be done.
        operation: &'static str,
        /// What the client library says.
        source: ::redis::RedisError,
    },
    /// No answer in time. A write may or may not have happened; it can safely be repeated.
    #[error("directory: {operation}: no answer within {after:?}")]
    TimedOut {
        /// What was to be done.
        operation: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The stored customer is not one: a key of a wrong type, no tier, not UTF-8.
    #[error("directory: {operation}: {reason}")]
    Malformed {
        /// What was to be done.
        operation: &'static str,
        /// What is wrong with the stored form; never its content.
        reason: &'static str,
    },
    /// A cluster has no transaction over the keys of one customer, so nothing is written to it, and no
    /// one list of its keys.
    #[error("redis: {operation}: not in a cluster: let the system that owns it do that")]
    ReadOnlyCluster {
        /// What was to be done.
        operation: &'static str,
    },
    /// The SQLite file failed.
    #[error("{path}: {operation}: {source}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What was to be done.
        operation: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The SQLite file was made by a newer release.
    #[error("{path}: its layout has version {found}, this release knows up to {known}")]
    TooNew {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: i64,
        /// The newest version that can be read.
        known: i64,
    },
}
