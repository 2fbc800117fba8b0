//! The connection to Redis: made in the background, made again when it breaks, never waited for
//! longer than its user likes.
//!
//! One task owns the connecting. It publishes what there is: a connection, none yet, or a failure;
//! a lookup waits only while the first attempt is under way, and a failure is known at once. The
//! client library's own reconnecting is not used: it retries inside the caller's call, and it would
//! return to the same server where a sentinel already names another.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, IntoConnectionInfo, Pipeline, RedisError,
    RedisResult, Value,
};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Error;

/// Longest one attempt to connect may take, sentinels and authentication included.
pub(super) const CONNECT_MAX: Duration = Duration::from_secs(2);
/// How often sentinels are asked for the master while the one that they named does not answer.
const ASK_AGAIN: Duration = Duration::from_millis(250);
/// Pause after the first failed attempt; it doubles up to the longest.
pub(super) const PAUSE_MIN: Duration = Duration::from_millis(50);
/// Longest pause: how long after its return a server may go unnoticed.
pub(super) const PAUSE_MAX: Duration = Duration::from_millis(500);

/// What is connected to, as the URL says it.
pub(super) enum Target {
    Single(Client),
    Sentinel { sentinels: Vec<ConnectionInfo>, master: String, node: SentinelNodeConnectionInfo },
    Cluster { client: Box<ClusterClient>, seeds: Vec<ConnectionInfo> },
}

/// A connection that many can use at one time.
#[derive(Clone)]
pub(super) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// What is asked in one round trip.
#[derive(Clone, Copy)]
pub(super) enum Question<'a> {
    One(&'a Cmd),
    /// The answers come as one list.
    Many(&'a Pipeline),
}

impl Connection {
    pub(super) async fn ask(&mut self, question: Question<'_>) -> RedisResult<Value> {
        match (self, question) {
            (Self::Single(connection), Question::One(cmd)) => cmd.query_async(connection).await,
            (Self::Single(connection), Question::Many(all)) => all.query_async(connection).await,
            (Self::Cluster(connection), Question::One(cmd)) => cmd.query_async(connection).await,
            (Self::Cluster(connection), Question::Many(all)) => all.query_async(connection).await,
        }
    }
}

pub(super) struct Link {
    state: watch::Receiver<State>,
    broken: mpsc::Sender<u64>,
    made: watch::Receiver<u64>,
}

enum State {
    /// Nobody can tell yet.
    Connecting,
    /// Connected, for the n-th time.
    Ready(Connection, u64),
    /// The last attempt failed; the next one will come.
    Failed(String),
}

impl Link {
    /// Begins to connect. Ends with the last handle.
    pub(super) fn to(target: Arc<Target>) -> Self {
        let (publish, state) = watch::channel(State::Connecting);
        // One report is enough: more are about the same connection or an older one.
        let (broken, reports) = mpsc::channel(1);
        let (count, made) = watch::channel(0);
        tokio::spawn(keep(target, publish, count, reports));
        Self { state, broken, made }
    }

    /// How many connections have been made; it changes with every one.
    pub(super) fn made(&self) -> watch::Receiver<u64> {
        self.made.clone()
    }

    /// A connection made after the one with the number `after`, with its own number. Waits while
    /// one is being made.
    pub(super) async fn ready(&self, after: u64) -> Result<(Connection, u64), String> {
        let mut state = self.state.clone();
        let settled = state.wait_for(|state| match state {
            State::Connecting => false,
            State::Ready(_, number) => *number > after,
            State::Failed(_) => true,
        });
        match &*settled.await.map_err(|_| "the connecting task is gone".to_owned())? {
            State::Ready(connection, number) => Ok((connection.clone(), *number)),
            State::Failed(reason) => Err(reason.clone()),
            State::Connecting => unreachable!("it was waited for the end of this"),
        }
    }

    /// Reports that connection `number` is of no more use. Does not wait.
    pub(super) fn broken(&self, number: u64) {
        // Full means that a report is on its way already.
        let _ = self.broken.try_send(number);
    }

    /// Gives up whatever connection there is, for one that does not even answer.
    pub(super) fn renew(&self) {
        if let State::Ready(_, number) = &*self.state.borrow() {
            self.broken(*number);
        }
    }
}

async fn keep(
    target: Arc<Target>,
    publish: watch::Sender<State>,
    made: watch::Sender<u64>,
    mut reports: mpsc::Receiver<u64>,
) {
    let mut number = 0;
    let mut pause = PAUSE_MIN;
    loop {
        let attempt = timeout(CONNECT_MAX, target.connect()).await;
        let failure = match attempt {
            Ok(Ok(connection)) => {
                number += 1;
                pause = PAUSE_MIN;
                tracing::debug!(number, "connected to redis");
                publish.send_replace(State::Ready(connection, number));
                made.send_replace(number);
                loop {
                    match reports.recv().await {
                        Some(broken) if broken == number => break,
                        Some(_) => {}
                        None => return,
                    }
                }
                publish.send_replace(State::Connecting);
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no connection within {CONNECT_MAX:?}"),
        };
        tracing::debug!(failure, "cannot connect to redis");
        publish.send_replace(State::Failed(failure));
        tokio::select! {
            () = sleep(pause) => {}
            () = publish.closed() => return,
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

impl Target {
    async fn connect(&self) -> RedisResult<Connection> {
        if let Self::Cluster { client, .. } = self {
            return Ok(Connection::Cluster(client.get_async_connection().await?));
        }
        // Whoever asks limits the time of an answer, and `keep` the time of the whole attempt.
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(None);
        let client = self.node().await?;
        let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        Ok(Connection::Single(connection))
    }

    /// The server to talk to: the only one, or the one that the sentinels call the master now. Of a
    /// cluster, whichever was named first.
    pub(super) async fn node(&self) -> RedisResult<Client> {
        match self {
            Self::Single(client) => Ok(client.clone()),
            Self::Sentinel { sentinels, master, node } => master_of(sentinels, master, node).await,
            Self::Cluster { seeds, .. } => Client::open(seeds[0].clone()),
        }
    }

    /// Reads a URL of one of the three forms; see [`super::Source::Redis`].
    pub(super) fn parse(url: &str, password: Option<&str>) -> Result<Self, Error> {
        let refuse =
            |reason: &str| Error::Url { url: without_password(url), reason: reason.to_owned() };
        let unreadable = |error: RedisError| refuse(&error.to_string());
        let node = |address: &str| -> Result<ConnectionInfo, Error> {
            let info = format!("redis://{address}").into_connection_info().map_err(unreadable)?;
            let Some(password) = password else {
                return Ok(info);
            };
            let settings = info.redis_settings().clone().set_password(password);
            Ok(info.set_redis_settings(settings))
        };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| refuse(SCHEMES))?;
        match scheme {
            "redis" => Client::open(node(rest)?).map(Self::Single).map_err(unreadable),
            "redis-sentinel" => {
                let (user, rest) = split_user(rest);
                let (hosts, master) = rest
                    .split_once('/')
                    .filter(|(_, master)| !master.is_empty())
                    .ok_or_else(|| refuse("the master's name is missing: host:port,.../name"))?;
                let (master, database) = master.split_once('/').unwrap_or((master, "0"));
                // The host of this one is never used: the sentinels say where the master is.
                let settings =
                    node(&format!("{user}127.0.0.1/{database}"))?.redis_settings().clone();
                let sentinels = hosts
                    .split(',')
                    .map(|host| {
                        let port = if host.contains(':') { "" } else { ":26379" };
                        format!("redis://{host}{port}").into_connection_info().map_err(unreadable)
                    })
                    .collect::<Result<_, _>>()?;
                Ok(Self::Sentinel {
                    sentinels,
                    master: master.to_owned(),
                    node: SentinelNodeConnectionInfo::default().set_redis_connection_info(settings),
                })
            }
            "redis-cluster" => {
                let (user, hosts) = split_user(rest);
                let seeds = hosts
                    .split(',')
                    .map(|host| node(&format!("{user}{host}")))
                    .collect::<Result<Vec<_>, _>>()?;
                let client = ClusterClient::builder(seeds.clone())
                    .connection_timeout(CONNECT_MAX)
                    .build()
                    .map_err(unreadable)?;
                Ok(Self::Cluster { client: Box::new(client), seeds })
            }
            _ => Err(refuse(SCHEMES)),
        }
    }
}

/// The server that sentinels call the master, and that says so itself. One that is frozen says nothing, and
/// the sentinels name another soon: so they are asked again meanwhile, and whoever answers first is taken.
async fn master_of(
    sentinels: &[ConnectionInfo],
    master: &str,
    node: &SentinelNodeConnectionInfo,
) -> RedisResult<Client> {
    let mut asking = JoinSet::new();
    loop {
        let mut client = SentinelClient::build(
            sentinels.to_vec(),
            master.to_owned(),
            Some(node.clone()),
            SentinelServerType::Master,
        )?;
        asking.spawn(async move { client.async_get_client().await });
        let again_at = Instant::now() + ASK_AGAIN;
        while let Ok(Some(answer)) = timeout_at(again_at, asking.join_next()).await {
            let answer = answer.expect("asking does not panic");
            if answer.is_ok() || asking.is_empty() {
                return answer;
            }
        }
    }
}

const SCHEMES: &str = "it begins with none of redis://, redis-sentinel://, redis-cluster:// \
                       (encrypted connections are not supported yet)";

/// `user:password@` and what follows it; the first part is empty if there is none.
fn split_user(rest: &str) -> (&str, &str) {
    rest.rfind('@').map_or(("", rest), |at| rest.split_at(at + 1))
}

/// The URL as it may be shown.
pub(super) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        // It may be anything, a password too.
        return "(not a URL)".to_owned();
    };
    let (user, address) = split_user(rest);
    let shown = match user.split_once(':') {
        Some((name, _)) => format!("{name}:***@"),
        None => user.to_owned(),
    };
    format!("{scheme}://{shown}{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        let check = |url, shown: &str| assert_eq!(without_password(url), shown);
        check("redis://127.0.0.1:6379/2", "redis://127.0.0.1:6379/2");
        check("redis://me@host", "redis://me@host");
        check("redis://me:p@ss@host", "redis://me:***@host");
        check("redis-sentinel://:secret@a:1,b:2/main", "redis-sentinel://:***@a:1,b:2/main");
        check("secret", "(not a URL)");
    }

    #[test]
    fn every_form_of_url_is_read() {
        let single = Target::parse("redis://me:old@localhost:7000/3", Some("new")).unwrap();
        let Target::Single(client) = single else { panic!("not a single server") };
        let settings = client.get_connection_info().redis_settings();
        assert_eq!(settings.username(), Some("me"));
        assert_eq!(settings.password(), Some("new"), "the password beside the URL wins");
        assert_eq!(settings.db(), 3);
        assert_eq!(client.get_connection_info().addr().to_string(), "localhost:7000");

        let sentinel = Target::parse("redis-sentinel://:pw@one,two:5/main/2", None).unwrap();
        let Target::Sentinel { sentinels, master, node } = sentinel else {
            panic!("not sentinels")
        };
        let addresses: Vec<_> = sentinels.iter().map(|s| s.addr().to_string()).collect();
        assert_eq!(addresses, ["one:26379", "two:5"]);
        assert!(sentinels.iter().all(|s| s.redis_settings().password().is_none()));
        assert_eq!(master, "main");
        assert!(format!("{node:?}").contains("db: 2"), "{node:?}");

        let cluster = Target::parse("redis-cluster://me:pw@one:1,two:2", None).unwrap();
        assert!(matches!(cluster, Target::Cluster { .. }));
    }

    #[test]
    fn a_url_that_cannot_be_read_is_refused_with_what_is_wrong_and_without_its_password() {
        let check = |url, reason: &str| {
            let error = Target::parse(url, None).err().expect("a bad url").to_string();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
        };
        check("rediss://me:hunter2@host", "none of redis://");
        check("hunter2", "none of redis://");
        check("redis-sentinel://me:hunter2@one,two", "the master's name is missing");
        check("redis://me:hunter2@host:port", "redis://me:***@host:port");
        check("redis://me:hunter2@host/db", "redis://me:***@host/db");
        check("redis-cluster://me:hunter2@", "redis-cluster://me:***@");
    }
}
