//! Hears from Redis what changes, whoever changes it, without any setting on the server.
//!
//! A connection of its own has the server say which keys with our prefix were written, deleted,
//! evicted or have expired: client-side caching in broadcast mode
//! (`CLIENT TRACKING ON BCAST PREFIX ..`, Redis 6 or newer, over RESP3). In a cluster there is one
//! such connection to every master, and the masters are looked for again and again.
//!
//! Why not the other ways:
//! - Keyspace events (`notify-keyspace-events`) are off by default, and many who run a Redis for us
//!   cannot or may not set them; they say nothing of FLUSHALL, and each of a cluster's nodes has its
//!   own.
//! - A stream or a channel that writers add to needs the cooperation of every writer, for ever: one
//!   script that only does HSET, and a tier is wrong in silence.
//! - Asking again and again finds everything, but late or at a price. That is what the sweep of the
//!   waiting tickets does, seldom.
//!
//! Notifications are not stored: what happens while the connection is broken is not heard. So every
//! connection made begins with one [`Change::Everything`], and a server that says nothing is asked
//! every [`PING_EVERY`], since a connection may be dead without a word. What is lost all the same
//! costs a waiting ticket the right tier until the sweep comes by, and a new one until its cached
//! answer is no longer fresh.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ErrorKind, ProtocolVersion, PushInfo, PushKind,
    RedisError, RedisResult, ServerErrorKind, Value, cmd,
};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::Health;
use super::changes::Change;
use super::cluster;
use super::customer::Identifier;
use super::link::{CONNECT_MAX, PAUSE_MAX, PAUSE_MIN, Target};

/// How often a connection is asked whether it is still one.
const PING_EVERY: Duration = Duration::from_secs(1);
/// Longest wait for that answer, if the budget is not longer still. Nobody waits for it, and a false
/// alarm costs looking at everything again: so it is more than a server needs for a long script.
const PONG_MAX: Duration = Duration::from_secs(1);
/// Pause after a server refused: it is too old, or this user may not ask it. Somebody may change that.
const PAUSE_REFUSED: Duration = Duration::from_secs(60);
/// How often a cluster is asked for its masters, beside every time a connection ends.
const DISCOVER_EVERY: Duration = Duration::from_secs(10);

/// Who is told what is heard. Called on the task that reads the connection: it must not block.
pub(super) trait Ear: Send + Sync + 'static {
    /// Something changed.
    fn hear(&self, change: Change);
    /// From now on every change is heard, or is not.
    fn listen(&self, all: bool);
}

/// Begins to listen. Ends with the ear, or with the sender of `alive`.
pub(super) fn begin(
    target: Arc<Target>,
    prefix: &str,
    budget: Duration,
    ear: Weak<dyn Ear>,
    alive: watch::Receiver<Health>,
) {
    let tracker = Arc::new(Tracker {
        ear,
        prefix: prefix.to_owned(),
        pong_max: budget.max(PONG_MAX),
        nodes: Mutex::new(BTreeMap::new()),
        broken: Notify::new(),
        refused: Mutex::new(false),
    });
    tokio::spawn(async move {
        let mut alive = alive;
        tokio::select! {
            () = tracker.run(target) => {}
            // An error is the end of the sender; no value is waited for.
            _ = alive.wait_for(|_| false) => {}
        }
    });
}

struct Tracker {
    ear: Weak<dyn Ear>,
    prefix: String,
    pong_max: Duration,
    /// Every node that is to be heard, by address, and whether it is.
    nodes: Mutex<BTreeMap<String, bool>>,
    /// A connection ended: a cluster may have other masters now.
    broken: Notify,
    /// Whether it has been said that a server refuses.
    refused: Mutex<bool>,
}

/// Aborts the task when it is dropped.
struct Following(AbortHandle);

impl Drop for Following {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Tracker {
    async fn run(self: Arc<Self>, target: Arc<Target>) {
        if let Target::Cluster { seeds, .. } = &*target {
            return self.follow_masters(seeds).await;
        }
        let address = String::new();
        self.set(&address, false);
        self.follow(address, || target.node()).await;
    }

    /// Keeps one connection to every master of a cluster.
    async fn follow_masters(self: Arc<Self>, seeds: &[ConnectionInfo]) {
        let mut following: BTreeMap<String, (Following, ConnectionInfo)> = BTreeMap::new();
        loop {
            let known = following.values().map(|(_, node)| node.clone());
            let candidates: Vec<_> = known.chain(seeds.iter().cloned()).collect();
            if let Some(masters) = cluster::masters(&candidates).await {
                following.retain(|address, _| masters.contains_key(address));
                self.nodes().retain(|address, _| masters.contains_key(address));
                for (address, node) in masters {
                    following.entry(address.clone()).or_insert_with(|| {
                        self.set(&address, false);
                        let (tracker, info) = (Arc::clone(&self), node.clone());
                        let task = tokio::spawn(async move {
                            tracker.follow(address, || async { Client::open(info.clone()) }).await;
                        });
                        (Following(task.abort_handle()), node)
                    });
                }
                self.tell();
            }
            // The pause keeps a cluster that is falling apart from being asked without end.
            sleep(PAUSE_MAX).await;
            let _ = timeout(DISCOVER_EVERY, self.broken.notified()).await;
        }
    }

    /// Keeps one connection to one node, for ever.
    async fn follow<N>(&self, address: String, node: impl Fn() -> N)
    where
        N: Future<Output = RedisResult<Client>>,
    {
        let mut pause = PAUSE_MIN;
        loop {
            let attach = async { self.attach(node().await?).await };
            match timeout(CONNECT_MAX, attach).await {
                Ok(Ok(attached)) => {
                    pause = PAUSE_MIN;
                    self.hear(Change::Everything);
                    self.set(&address, true);
                    attached.stay(self.pong_max).await;
                    self.set(&address, false);
                    self.broken.notify_one();
                }
                Ok(Err(Trouble::Refused(error))) => {
                    self.note_refusal(&error);
                    sleep(PAUSE_REFUSED).await;
                    continue;
                }
                Ok(Err(Trouble::Away(error))) => tracing::debug!(%error, "cannot listen to redis"),
                Err(_) => tracing::debug!("cannot listen to redis: no connection in time"),
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Connects, and has the server tell of every change under the prefix.
    async fn attach(&self, client: Client) -> Result<Attached, Trouble> {
        let info = client.get_connection_info().clone();
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.set_redis_settings(settings))?;
        let ended = Arc::new(Notify::new());
        let (told, ear) = (Arc::clone(&ended), self.ear.clone());
        let reader = Reader::new(&self.prefix);
        let push = move |push: PushInfo| -> Result<(), redis::aio::SendError> {
            let ear = ear.upgrade().ok_or(redis::aio::SendError)?;
            match push.kind {
                PushKind::Invalidate => reader.read(&push.data, |change| ear.hear(change)),
                PushKind::Disconnection => told.notify_one(),
                _ => {}
            }
            Ok(())
        };
        // `follow` limits the time of the whole, and `stay` that of each answer.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(None)
            .set_push_sender(push);
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut tracking = cmd("CLIENT");
        tracking.arg("TRACKING").arg("ON").arg("BCAST");
        for part in PARTS {
            tracking.arg("PREFIX").arg(format!("{}{part}", self.prefix));
        }
        tracking.exec_async(&mut connection).await.map_err(|error| match error.kind() {
            ErrorKind::Server(ServerErrorKind::NoPerm | ServerErrorKind::ResponseError) => {
                Trouble::Refused(error)
            }
            _ => Trouble::Away(error),
        })?;
        Ok(Attached { connection, ended })
    }

    fn hear(&self, change: Change) {
        if let Some(ear) = self.ear.upgrade() {
            ear.hear(change);
        }
    }

    fn set(&self, address: &str, heard: bool) {
        self.nodes().insert(address.to_owned(), heard);
        if heard {
            *self.refused.lock().expect("nobody panics with it") = false;
        }
        self.tell();
    }

    /// A cluster is heard when each of its masters is.
    fn tell(&self) {
        let all = {
            let nodes = self.nodes();
            !nodes.is_empty() && nodes.values().all(|heard| *heard)
        };
        if let Some(ear) = self.ear.upgrade() {
            ear.listen(all);
        }
    }

    fn note_refusal(&self, error: &RedisError) {
        let mut refused = self.refused.lock().expect("nobody panics with it");
        if !std::mem::replace(&mut refused, true) {
            tracing::warn!(
                %error,
                "redis does not tell of changes: it is older than 6.0, or its user may not use \
                 CLIENT TRACKING; changes are noticed by looking again now and then"
            );
        }
    }

    fn nodes(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, bool>> {
        self.nodes.lock().expect("nobody panics with it")
    }
}

/// A connection on which a server tells of changes.
struct Attached {
    connection: MultiplexedConnection,
    /// The connection broke.
    ended: Arc<Notify>,
}

impl Attached {
    /// Returns when it is of no more use.
    async fn stay(mut self, pong_max: Duration) {
        loop {
            tokio::select! {
                () = self.ended.notified() => return,
                () = sleep(PING_EVERY) => {}
            }
            let ping = cmd("PING");
            let answer = timeout(pong_max, ping.exec_async(&mut self.connection)).await;
            if !matches!(answer, Ok(Ok(()))) {
                return;
            }
        }
    }
}

/// Why there is no such connection.
enum Trouble {
    /// Asking again soon is in vain.
    Refused(RedisError),
    /// There is no server, or not at the moment.
    Away(RedisError),
}

impl From<RedisError> for Trouble {
    fn from(error: RedisError) -> Self {
        match error.kind() {
            // A server before 6.0 does not know HELLO, and not every user may say it.
            ErrorKind::RESP3NotSupported | ErrorKind::Server(ServerErrorKind::NoPerm) => {
                Self::Refused(error)
            }
            _ => Self::Away(error),
        }
    }
}

/// What follows the prefix in the keys that matter.
const PARTS: [&str; 2] = [":customer:", ":ident:"];

/// Reads changes out of the names of keys.
struct Reader {
    customer: String,
    ident: String,
}

impl Reader {
    fn new(prefix: &str) -> Self {
        let [customer, ident] = PARTS.map(|part| format!("{prefix}{part}"));
        Self { customer, ident }
    }

    /// One push: a list of keys, or nothing, which is what FLUSHALL and FLUSHDB say.
    fn read(&self, data: &[Value], mut hear: impl FnMut(Change)) {
        let [Value::Array(keys)] = data else {
            return hear(Change::Everything);
        };
        for key in keys {
            let Value::BulkString(key) = key else {
                return hear(Change::Everything);
            };
            if let Some(change) = std::str::from_utf8(key).ok().and_then(|key| self.change(key)) {
                hear(change);
            }
        }
    }

    /// `None` for a key that no lookup ever asks for, such as one that is not in normal form.
    fn change(&self, key: &str) -> Option<Change> {
        if let Some(id) = key.strip_prefix(&self.customer) {
            return Some(Change::Customer(id.to_owned()));
        }
        let (kind, value) = key.strip_prefix(&self.ident)?.split_once(':')?;
        let identifier = Identifier::new(kind.parse().ok()?, value).ok()?;
        (identifier.value() == value).then_some(Change::Identifier(identifier))
    }
}

#[cfg(test)]
mod tests {
    use super::super::customer::IdentifierKind;
    use super::*;

    fn read(data: &[Value]) -> Vec<Change> {
        let mut changes = vec![];
        Reader::new("t").read(data, |change| changes.push(change));
        changes
    }

    fn key(name: &str) -> Value {
        Value::BulkString(name.as_bytes().to_vec())
    }

    #[test]
    fn keys_are_read_as_what_changed_and_others_are_left_alone() {
        let keys = [
            "t:customer:C-1",
            "t:customer:a:b",
            "t:ident:phone:+12025550101",
            "t:ident:account:A:1",
            "t:ident:phone:+1 202 555 0101",
            "t:ident:fax:1",
            "t:ident:phone",
            "t:other:1",
            "u:customer:C-1",
        ];
        let identifier = |kind, value| Change::Identifier(Identifier::new(kind, value).unwrap());
        assert_eq!(
            read(&[Value::Array(keys.map(key).to_vec())]),
            [
                Change::Customer("C-1".into()),
                Change::Customer("a:b".into()),
                identifier(IdentifierKind::Phone, "+12025550101"),
                identifier(IdentifierKind::Account, "A:1"),
            ]
        );
        let not_text = Value::Array(vec![Value::BulkString(vec![0xff])]);
        assert_eq!(read(&[not_text]), []);
    }

    #[test]
    fn a_flush_and_whatever_is_not_understood_is_everything() {
        assert_eq!(read(&[Value::Nil]), [Change::Everything]);
        assert_eq!(read(&[]), [Change::Everything]);
        assert_eq!(read(&[Value::Array(vec![Value::Int(1)])]), [Change::Everything]);
    }
}
