//! Takes each section of the settings out of the file and the environment.

use super::{
    Audit, Clock, Config, Data, Directory, DirectoryKind, Drain, Limits, Listen, Log, LogFormat,
    PolicyFile, Secret, VARIABLE_PREFIX, Work,
};
use crate::directory::{Invalid, PhoneRegion};
use crate::settings::{DAY, HOUR, Item, MINUTE, SECOND, Section, Variables, format_bytes};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

/// The largest payload a ticket may have, in bytes.
const PAYLOAD_MAX: u64 = 64 * KIB;
/// The smallest limit of a message: the largest payload, and as much again for names, attributes
/// and framing.
const MESSAGE_MIN: u64 = 2 * PAYLOAD_MAX;
/// The smallest limit of the data directory that leaves room to work in.
const DATA_SIZE_MIN: u64 = 64 * MIB;
/// The longest text that is not a name: an address, a path, a filter.
const TEXT_CHARS_MAX: usize = 1024;
/// The longest password, in bytes.
const PASSWORD_BYTES_MAX: usize = 4096;

/// The settings, with defaults for what is missing or faulty, and every key there is.
pub(super) fn read(root: &Section<'_>, variables: &Variables) -> (Config, Vec<String>) {
    let mut keys = Vec::new();
    let mut section = |name: &'static str, read: &mut dyn FnMut(&Section<'_>)| {
        let prefix = format!("{VARIABLE_PREFIX}{}_", name.to_ascii_uppercase());
        let section = root.section(name).overlaid(variables, prefix);
        read(&section);
        keys.extend(section.finish().iter().map(|key| format!("{name}.{key}")));
    };
    let mut config = Config::default();
    section("listen", &mut |from| config.listen = Listen::read(from));
    section("data", &mut |from| config.data = Data::read(from));
    section("policy", &mut |from| {
        config.policy.file = path(from, "file").unwrap_or_else(|| PolicyFile::default().file);
    });
    section("directory", &mut |from| {
        config.directory = Directory::read(from);
    });
    section("limits", &mut |from| config.limits = Limits::read(from));
    section("work", &mut |from| config.work = Work::read(from));
    section("log", &mut |from| config.log = Log::read(from));
    section("audit", &mut |from| {
        config.audit.every = duration(from, "every", 10..=60 * MINUTE, Audit::default().every);
    });
    section("drain", &mut |from| {
        config.drain.limit = duration(from, "limit", 0..=10 * MINUTE, Drain::default().limit);
    });
    section("clock", &mut |from| {
        let speed = from.get("speed").and_then(|item| item.decimal(1.0..=10_000.0));
        config.clock.speed = speed.unwrap_or_else(|| Clock::default().speed);
    });
    (config, keys)
}

impl Listen {
    fn read(from: &Section<'_>) -> Self {
        let default = Self::default();
        let insecure =
            from.get("insecure").and_then(|item| item.flag()).unwrap_or(default.insecure);
        let address = |key, default| {
            let item = from.get(key);
            let address = item.and_then(|item| address(&item, insecure));
            address.unwrap_or(default)
        };
        let grpc = address("grpc", default.grpc);
        let http = address("http", default.http);
        if grpc == http && grpc.port() != 0 {
            from.fault_of("http", "is the address of listen.grpc too");
        }
        let message_range = MESSAGE_MIN..=16 * MIB;
        Self {
            grpc,
            http,
            insecure,
            connections_max: count(from, "connections_max", 1..=100_000, default.connections_max),
            silent_timeout: duration(
                from,
                "silent_timeout",
                SECOND..=5 * MINUTE,
                default.silent_timeout,
            ),
            streams_max: count(from, "streams_max", 1..=10_000, default.streams_max),
            message_max: size(from, "message_max", message_range, default.message_max),
        }
    }
}

impl Data {
    fn read(from: &Section<'_>) -> Self {
        let default = Self::default();
        let size_max = from.get("size_max").and_then(|item| {
            let bytes = item.bytes(0..=16 * TIB)?;
            if (1..DATA_SIZE_MIN).contains(&bytes) {
                let least = format_bytes(DATA_SIZE_MIN);
                item.fault(&format!("is neither 0, for no limit, nor at least {least}"));
            }
            (bytes > 0).then_some(bytes)
        });
        let every_range = 1_000..=100_000_000;
        Self {
            dir: path(from, "dir").unwrap_or(default.dir),
            history: duration(from, "history", HOUR..=3650 * DAY, default.history),
            snapshot_every: count(from, "snapshot_every", every_range, default.snapshot_every),
            size_max,
        }
    }
}

impl Directory {
    fn read(from: &Section<'_>) -> Self {
        let default = Self::default();
        let kinds = [("embedded", DirectoryKind::Embedded), ("redis", DirectoryKind::Redis)];
        let kind = from.get("kind").and_then(|item| item.choice(&kinds));
        let url = from.get("url").and_then(|item| url(&item));
        let prefix = from.get("prefix").and_then(|item| item.name().map(str::to_owned));
        let region = from.get("phone_region").and_then(|item| region(&item));
        let failures_range = 1..=1000;
        let (password_file, password) = password(from);
        Self {
            kind: kind.unwrap_or(default.kind),
            url: url.unwrap_or(default.url),
            prefix: prefix.unwrap_or(default.prefix),
            phone_region: region.unwrap_or(default.phone_region),
            budget: duration(from, "budget", 1..=SECOND, default.budget),
            cache_entries: count(from, "cache_entries", 1..=10_000_000, default.cache_entries),
            cache_ttl: duration(from, "cache_ttl", 0..=HOUR, default.cache_ttl),
            unknown_ttl: duration(from, "unknown_ttl", 0..=HOUR, default.unknown_ttl),
            stale_for: duration(from, "stale_for", 0..=30 * DAY, default.stale_for),
            sweep: duration(from, "sweep", SECOND..=DAY, default.sweep),
            breaker_failures: count(
                from,
                "breaker_failures",
                failures_range,
                default.breaker_failures,
            ),
            breaker_cooldown: duration(
                from,
                "breaker_cooldown",
                10..=MINUTE,
                default.breaker_cooldown,
            ),
            password_file,
            password,
        }
    }
}

impl Limits {
    fn read(from: &Section<'_>) -> Self {
        let default = Self::default();
        let wait_range = SECOND..=10 * MINUTE;
        Self {
            tickets_max: count(from, "tickets_max", 1..=50_000_000, default.tickets_max),
            agents_max: count(from, "agents_max", 1..=1_000_000, default.agents_max),
            pull_wait_max: duration(from, "pull_wait_max", wait_range, default.pull_wait_max),
            payload_max: size(from, "payload_max", 0..=PAYLOAD_MAX, default.payload_max),
            batch_max: count(from, "batch_max", 1..=65_536, default.batch_max),
            commands_max: count(from, "commands_max", 1..=1_000_000, default.commands_max),
            watchers_max: count(from, "watchers_max", 0..=100_000, default.watchers_max),
        }
    }
}

impl Work {
    fn read(from: &Section<'_>) -> Self {
        let default = Self::default();
        Self {
            heartbeat: duration(from, "heartbeat", 100..=5 * MINUTE, default.heartbeat),
            streams_max: count(from, "streams_max", 0..=100_000, default.streams_max),
        }
    }
}

impl Log {
    fn read(from: &Section<'_>) -> Self {
        let default = Self::default();
        let formats = [("text", LogFormat::Text), ("json", LogFormat::Json)];
        let format = from.get("format").and_then(|item| item.choice(&formats));
        let filter = from.get("filter").and_then(|item| {
            let filter = short_text(&item)?;
            if let Err(error) = EnvFilter::builder().parse(filter) {
                item.fault(&format!("is not a log filter: {error}"));
                return None;
            }
            Some(filter.to_owned())
        });
        Self { format: format.unwrap_or(default.format), filter: filter.unwrap_or(default.filter) }
    }
}

/// An address; one that other machines reach only if `insecure` allows it.
fn address(item: &Item<'_>, insecure: bool) -> Option<SocketAddr> {
    let Ok(address) = item.text()?.parse::<SocketAddr>() else {
        item.fault("is not an IP address and port such as 127.0.0.1:7700");
        return None;
    };
    if !address.ip().is_loopback() && !insecure {
        item.fault(
            "can be reached from other machines, and nothing is encrypted: \
             set listen.insecure = true if the network between is trusted",
        );
        return None;
    }
    Some(address)
}

/// An address of Redis without a password; a fault shows nothing of it, for it may hold one.
fn url(item: &Item<'_>) -> Option<String> {
    let url = item.text()?;
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    if scheme.is_empty() || rest.is_empty() || url.chars().count() > TEXT_CHARS_MAX {
        item.fault_hidden("is not an address such as redis://127.0.0.1:6379");
        return None;
    }
    let login = rest.rsplit_once('@').map_or("", |(login, _)| login);
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    if login.contains(':') || query.split('&').any(|pair| pair.starts_with("pass")) {
        item.fault_hidden(
            "holds a password: give it in TIERLINE_DIRECTORY_PASSWORD or in directory.password_file",
        );
        return None;
    }
    Some(url.to_owned())
}

/// A country of ISO 3166; an empty text for none.
fn region(item: &Item<'_>) -> Option<PhoneRegion> {
    let text = item.text()?;
    if text.is_empty() {
        return Some(PhoneRegion::NONE);
    }
    match text.parse() {
        Ok(region) => Some(region),
        Err(invalid) => {
            let invalid: Invalid = invalid;
            item.fault(&format!("is not {}, or \"\" for none", invalid.range));
            None
        }
    }
}

/// The password and the file it comes from.
fn password(from: &Section<'_>) -> (Option<PathBuf>, Option<Secret>) {
    let item = from.get("password").filter(|item| {
        if !item.is_variable() {
            item.fault_hidden(
                "does not belong into a file with settings: \
                 give it in TIERLINE_DIRECTORY_PASSWORD or in directory.password_file",
            );
        }
        item.is_variable() && item.text().is_some_and(|text| !text.is_empty())
    });
    let file_item = from.get("password_file");
    let file = file_item.as_ref().and_then(short_text).filter(|file| !file.is_empty());
    if let (Some(item), Some(_)) = (&item, file) {
        item.fault_hidden("is given, and so is directory.password_file: one of them is enough");
        return (None, None);
    }
    let password = match (&item, file.zip(file_item.as_ref())) {
        (Some(item), _) => item.text().map(str::to_owned),
        (None, Some((file, item))) => first_line(Path::new(file), item),
        (None, None) => None,
    };
    (file.map(PathBuf::from), password.map(Secret))
}

/// The first line of a file with a secret; a fault if there is none.
fn first_line(file: &Path, item: &Item<'_>) -> Option<String> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            item.fault(&format!("cannot be read: {error}"));
            return None;
        }
    };
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() || line.len() > PASSWORD_BYTES_MAX {
        item.fault("does not begin with a password in a line of its own");
        return None;
    }
    Some(line.to_owned())
}

/// A path; never empty.
fn path(from: &Section<'_>, key: &'static str) -> Option<PathBuf> {
    let item = from.get(key)?;
    let text = short_text(&item)?;
    if text.is_empty() {
        item.fault("is not a path");
        return None;
    }
    Some(PathBuf::from(text))
}

/// A text of at most 1024 characters.
fn short_text<'a>(item: &Item<'a>) -> Option<&'a str> {
    let text = item.text()?;
    if text.chars().count() > TEXT_CHARS_MAX {
        item.fault(&format!("is longer than {TEXT_CHARS_MAX} characters"));
        return None;
    }
    Some(text)
}

/// A duration of the section; `range` is in milliseconds.
fn duration(
    from: &Section<'_>,
    key: &'static str,
    range: RangeInclusive<i64>,
    default: Duration,
) -> Duration {
    let ms = from.get(key).and_then(|item| item.ms(range));
    ms.map_or(default, |ms| {
        Duration::from_millis(u64::try_from(ms).expect("no range begins below zero"))
    })
}

/// A size of the section, in bytes.
fn size(
    from: &Section<'_>,
    key: &'static str,
    range: RangeInclusive<u64>,
    default: usize,
) -> usize {
    let bytes = from.get(key).and_then(|item| item.bytes(range));
    bytes.map_or(default, |bytes| usize::try_from(bytes).expect("16 MiB fit every machine"))
}

/// A number of the section.
fn count<N: TryFrom<u64>>(
    from: &Section<'_>,
    key: &'static str,
    range: RangeInclusive<u64>,
    default: N,
) -> N {
    let number = from.get(key).and_then(|item| item.whole(range));
    number.map_or(default, |number| N::try_from(number).ok().expect("every range fits its type"))
}
