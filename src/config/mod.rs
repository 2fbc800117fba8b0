//! The server's settings: one struct a section, every key with a default and a range.
//!
//! They come from a TOML file (`config/tierline.toml` shows every key) and from the environment,
//! which goes before the file: `TIERLINE_<SECTION>_<KEY>`, so `TIERLINE_LISTEN_GRPC` for `grpc` in
//! `[listen]`. Relative paths start at the working directory of the process. Secrets never stand in
//! the file. This module reads and checks; it opens no port and no database.

mod read;

pub use crate::settings::{Error, Finding};

use crate::directory::PhoneRegion;
use crate::settings::{self, Report, Section, Variables};
use std::ffi::OsString;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How every environment variable of ours begins.
pub const VARIABLE_PREFIX: &str = "TIERLINE_";

/// All settings of the server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Config {
    /// Where it listens, and how much it takes.
    pub listen: Listen,
    /// What it keeps on disk.
    pub data: Data,
    /// By which policy it serves.
    pub policy: PolicyFile,
    /// Where customers are looked up.
    pub directory: Directory,
    /// The most of everything it holds.
    pub limits: Limits,
    /// How it keeps Work streams.
    pub work: Work,
    /// What it writes to its log.
    pub log: Log,
    /// How it audits itself.
    pub audit: Audit,
    /// How it stops.
    pub drain: Drain,
    /// How fast time goes.
    pub clock: Clock,
}

/// `[listen]`: where the server listens, and how much it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address of the gRPC services. Port 0 lets the system choose.
    pub grpc: SocketAddr,
    /// The address of metrics and health. Port 0 lets the system choose.
    pub http: SocketAddr,
    /// Whether addresses that other machines reach are allowed, although nothing is encrypted.
    pub insecure: bool,
    /// Connections at once, gRPC and HTTP each. 1 to 100,000.
    pub connections_max: usize,
    /// A connection that has not spoken for this long after it opened is closed. 1 s to 5 min.
    pub silent_timeout: Duration,
    /// Calls at once on one connection. 1 to 10,000.
    pub streams_max: u32,
    /// The largest message that is read, in bytes. 128 KiB to 16 MiB: the largest payload always
    /// fits.
    pub message_max: usize,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            grpc: SocketAddr::from((Ipv4Addr::LOCALHOST, 7700)),
            http: SocketAddr::from((Ipv4Addr::LOCALHOST, 7780)),
            insecure: false,
            connections_max: 10_000,
            silent_timeout: Duration::from_secs(10),
            streams_max: 128,
            message_max: 256 << 10,
        }
    }
}

/// `[data]`: what the server keeps on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// The data directory; made if it is missing. One server at a time.
    pub dir: PathBuf,
    /// How long finished tickets are kept. 1 h to 3650 d.
    pub history: Duration,
    /// Events between two snapshots. 1,000 to 100,000,000.
    pub snapshot_every: u64,
    /// The most bytes `tierline.db` may take, 64 MiB to 16 TiB; `None` sets no limit.
    pub size_max: Option<u64>,
}

impl Default for Data {
    fn default() -> Self {
        Self {
            dir: "./data".into(),
            history: Duration::from_secs(30 * 86_400),
            snapshot_every: 500_000,
            size_max: None,
        }
    }
}

/// `[policy]`: by which policy the server serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile {
    /// The policy file.
    pub file: PathBuf,
}

impl Default for PolicyFile {
    fn default() -> Self {
        Self { file: "config/default.toml".into() }
    }
}

/// Where customers are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryKind {
    /// In the data directory, filled by `tierline customers import`.
    Embedded,
    /// In Redis.
    Redis,
}

/// `[directory]`: where customers are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// Embedded, or Redis.
    pub kind: DirectoryKind,
    /// The address of Redis; holds no password.
    pub url: String,
    /// What every key in Redis begins with, before a colon.
    pub prefix: String,
    /// The country whose national telephone numbers are brought into E.164.
    pub phone_region: PhoneRegion,
    /// How long a ticket waits for its lookup. 1 ms to 1 s.
    pub budget: Duration,
    /// Customers kept in memory. 1 to 10,000,000.
    pub cache_entries: usize,
    /// How long a customer in memory counts as fresh. 0 s to 1 h.
    pub cache_ttl: Duration,
    /// How long an unknown customer is taken for unknown. 0 s to 1 h.
    pub unknown_ttl: Duration,
    /// How old an answer may be that is used while the directory is silent. 0 s to 30 d.
    pub stale_for: Duration,
    /// How often every live ticket is looked up anew, in case a change was not heard of. 1 s to 1 d.
    pub sweep: Duration,
    /// Failures in a row after which lookups stop for a while. 1 to 1000.
    pub breaker_failures: u32,
    /// How long lookups stop then. 10 ms to 1 min.
    pub breaker_cooldown: Duration,
    /// A file whose first line is the password.
    pub password_file: Option<PathBuf>,
    /// The password: from `TIERLINE_DIRECTORY_PASSWORD` or from `password_file`.
    pub password: Option<Secret>,
}

impl Default for Directory {
    fn default() -> Self {
        Self {
            kind: DirectoryKind::Embedded,
            url: "redis://127.0.0.1:6379".to_owned(),
            prefix: "tierline".to_owned(),
            phone_region: PhoneRegion::NONE,
            budget: Duration::from_millis(40),
            cache_entries: 100_000,
            cache_ttl: Duration::from_secs(30),
            unknown_ttl: Duration::from_secs(5),
            stale_for: Duration::from_secs(86_400),
            sweep: Duration::from_secs(60),
            breaker_failures: 5,
            breaker_cooldown: Duration::from_secs(1),
            password_file: None,
            password: None,
        }
    }
}

/// A text that stays out of logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// `[limits]`: the most of everything the server holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Live tickets. 1 to 50,000,000.
    pub tickets_max: u64,
    /// Registered agents. 1 to 1,000,000.
    pub agents_max: u64,
    /// The longest a pull may wait for work. 1 s to 10 min.
    pub pull_wait_max: Duration,
    /// The largest payload of a ticket in bytes. 0 to 64 KiB.
    pub payload_max: usize,
    /// Commands that go to disk in one sync. 1 to 65,536.
    pub batch_max: usize,
    /// Commands that wait for the driver. 1 to 1,000,000.
    pub commands_max: usize,
    /// Calls that watch tickets or queues at once. 0 to 100,000.
    pub watchers_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tickets_max: 2_000_000,
            agents_max: 20_000,
            pull_wait_max: Duration::from_secs(60),
            payload_max: 64 << 10,
            batch_max: 1024,
            commands_max: 8192,
            watchers_max: 1000,
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs: one JSON object a line.
    Json,
}

/// `[work]`: how the server keeps Work streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// How often something must be heard on a Work stream; it is closed after twice that time in silence.
    /// 100 ms to 5 min.
    pub heartbeat: Duration,
    /// Agents with a Work stream at once. 0 to 100,000.
    pub streams_max: usize,
}

impl Default for Work {
    fn default() -> Self {
        Self { heartbeat: Duration::from_secs(10), streams_max: 10_000 }
    }
}

/// `[log]`: what the server writes to its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Text or JSON.
    pub format: LogFormat,
    /// What is logged: a level, or levels by module (`info,tierline::journal=debug`).
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// `[audit]`: how the server audits itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The time between two steps, each of which looks at 256 tickets, agents or timers. 10 ms to 1 h.
    pub every: Duration,
}

impl Default for Audit {
    fn default() -> Self {
        Self { every: Duration::from_millis(100) }
    }
}

/// `[drain]`: how the server stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// How long calls in progress may take to end once it has been told to stop. 0 s to 10 min.
    pub limit: Duration,
}

impl Default for Drain {
    fn default() -> Self {
        Self { limit: Duration::from_secs(20) }
    }
}

/// `[clock]`: how fast time goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    /// Seconds of the server to a second of the world, for rehearsals only. 1 to 10,000.
    pub speed: f64,
}

impl Default for Clock {
    fn default() -> Self {
        Self { speed: 1.0 }
    }
}

/// Reads and checks the settings in `file`, or the defaults without one, overlaid by `variables`
/// (`std::env::vars_os()` in the server). The error tells everything that is wrong, each with file
/// and line, or the variable, with key, value and what is allowed.
pub fn load(
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config, Error> {
    let Some(file) = file else {
        return parse("defaults", "", variables);
    };
    let text = settings::read_text(file)?;
    parse(&file.display().to_string(), &text, variables)
}

/// Like [`load`] with the text at hand; `name` is what faults call it.
pub fn parse(
    name: &str,
    text: &str,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config, Error> {
    let variables = Variables::of(variables, VARIABLE_PREFIX);
    let report = Report::new(name, text);
    let tree = report.tree()?;
    let root = Section::root(&report, &tree);
    let (config, _) = read::read(&root, &variables);
    root.finish();
    report.finish()?;
    Ok(config)
}

/// Every key there is, as `section.key`: each can also be given as `TIERLINE_<SECTION>_<KEY>`, and
/// `directory.password` only so.
pub fn keys() -> Vec<String> {
    let report = Report::new("defaults", "");
    let tree = report.tree().expect("an empty text is TOML");
    let none = Variables::of([], VARIABLE_PREFIX);
    read::read(&Section::root(&report, &tree), &none).1
}
