//! Several redis-servers of one test's own that belong together: a master with a replica and
//! sentinels, and a cluster. All on loopback, killed when the test ends.

#![allow(dead_code, reason = "every test that includes this file uses its own part of it")]

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::redis_server::RedisServer;

/// Longest wait for a group to come together.
const TOGETHER_MAX: Duration = Duration::from_secs(60);
/// How often one is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// When a server that does not answer counts as gone: short, so that a test need not wait, and long
/// enough for a machine that is busy with other tests.
const DOWN_AFTER_MS: u32 = 1000;

/// What a server of a group keeps on disk survives a kill; what was acknowledged is there again.
const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// A master named `main`, a replica and three sentinels.
pub(crate) struct Sentinels {
    /// The master at first, then the replica.
    pub(crate) servers: [RedisServer; 2],
    pub(crate) sentinels: Vec<RedisServer>,
}

impl Sentinels {
    /// Starts them and returns when the sentinels could fail over.
    pub(crate) async fn start() -> Self {
        let master = RedisServer::start_with(&DURABLE, None);
        let of = format!("127.0.0.1 {}", master.port());
        let replica =
            RedisServer::start_with(&["--replicaof", &of, "--repl-diskless-sync-delay", "0"], None);
        until("the replica has found its master", || has_master(&replica)).await;
        let port = master.port();
        let lines = format!(
            "sentinel monitor main 127.0.0.1 {port} 2\n\
             sentinel down-after-milliseconds main {DOWN_AFTER_MS}\n\
             sentinel failover-timeout main 5000\n"
        );
        let sentinels: Vec<_> =
            (0..3).map(|_| RedisServer::start_with(&["--sentinel"], Some(&lines))).collect();
        for sentinel in &sentinels {
            until("a sentinel knows the replica and the others", || {
                let known = sentinel.command(&["SENTINEL", "MASTER", "main"]);
                field(&known, "num-slaves") == "1" && field(&known, "num-other-sentinels") == "2"
            })
            .await;
        }
        Self { servers: [master, replica], sentinels }
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<_> =
            self.sentinels.iter().map(|s| format!("127.0.0.1:{}", s.port())).collect();
        format!("redis-sentinel://{}/main", hosts.join(","))
    }

    /// Waits until the replica has all that the master has.
    pub(crate) async fn until_in_step(&self) {
        until("the replica is in step", || {
            let [master, replica] =
                [0, 1].map(|at| self.servers[at].command(&["INFO", "replication"]));
            let offset = |told: &str| info(told, "master_repl_offset").to_owned();
            offset(&master) == offset(&replica)
        })
        .await;
    }

    /// Whether the server at this place says that it is the master.
    pub(crate) fn is_master(&self, at: usize) -> bool {
        let told = self.servers[at].try_command(&["INFO", "replication"]);
        told.is_ok_and(|told| told.contains("role:master"))
    }

    /// Waits until the server at this place is the master, and the sentinels tell so: a sentinel looks only
    /// once a second whether the one that it has chosen has become it.
    pub(crate) async fn until_master(&self, at: usize) {
        until("the sentinels fail over", || self.is_master(at)).await;
        let port = self.servers[at].port().to_string();
        for sentinel in &self.sentinels {
            until("the sentinels name the new master", || {
                let told = sentinel.command(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"]);
                told.lines().any(|line| line == port)
            })
            .await;
        }
    }
}

/// Masters without replicas, with a third of the slots each if there are three.
pub(crate) struct Cluster {
    pub(crate) masters: Vec<RedisServer>,
}

impl Cluster {
    /// Starts them and returns when every one of them says that the cluster is whole.
    pub(crate) async fn start(count: u32) -> Self {
        let timeout = DOWN_AFTER_MS.to_string();
        let mut arguments = vec!["--cluster-enabled", "yes", "--cluster-node-timeout", &timeout];
        // Who has a customer of a master that lives should not wait for one that is dead.
        arguments.extend(["--cluster-require-full-coverage", "no"]);
        arguments.extend(DURABLE);
        let masters: Vec<_> =
            (0..count).map(|_| RedisServer::start_with(&arguments, None)).collect();
        for (at, master) in (0..count).zip(&masters) {
            let slots = [at * 16384 / count, (at + 1) * 16384 / count - 1].map(|s| s.to_string());
            let added = master.command(&["CLUSTER", "ADDSLOTSRANGE", &slots[0], &slots[1]]);
            assert_eq!(added, "+OK\r\n");
            let epoch = (at + 1).to_string();
            assert_eq!(master.command(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]), "+OK\r\n");
        }
        for master in &masters[1..] {
            let port = masters[0].port().to_string();
            assert_eq!(master.command(&["CLUSTER", "MEET", "127.0.0.1", &port]), "+OK\r\n");
        }
        let cluster = Self { masters };
        cluster.until_whole().await;
        cluster
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<_> =
            self.masters.iter().map(|s| format!("127.0.0.1:{}", s.port())).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// Waits until every master knows who has which slot.
    pub(crate) async fn until_whole(&self) {
        let nodes = format!("cluster_known_nodes:{}", self.masters.len());
        for master in &self.masters {
            until("the cluster is whole", || {
                let info = master.command(&["CLUSTER", "INFO"]);
                ["cluster_state:ok", "cluster_slots_ok:16384", &nodes]
                    .iter()
                    .all(|line| info.contains(line))
            })
            .await;
        }
    }

    /// Sends a command to the master that has the key, as any other system would.
    pub(crate) fn command(&self, key: &str, words: &[&str]) -> String {
        self.masters[self.owner(key)].command(words)
    }

    /// Which master has the key.
    pub(crate) fn owner(&self, key: &str) -> usize {
        let moved = |master: &RedisServer| master.command(&["TYPE", key]).starts_with("-MOVED");
        self.masters.iter().position(|master| !moved(master)).expect("every slot has a master")
    }
}

async fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < TOGETHER_MAX, "not within {TOGETHER_MAX:?}: {what}");
        sleep(LOOK_EVERY).await;
    }
}

fn has_master(replica: &RedisServer) -> bool {
    info(&replica.command(&["INFO", "replication"]), "master_link_status") == "up"
}

/// The value of a name in a reply to INFO.
fn info<'a>(reply: &'a str, name: &str) -> &'a str {
    let value = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':');
    reply.lines().find_map(value).unwrap_or_default()
}

/// The value that follows a name in a flat reply.
fn field<'a>(reply: &'a str, name: &str) -> &'a str {
    let mut lines = reply.lines().filter(|line| !line.starts_with(['$', '*']));
    lines.find(|line| *line == name).and_then(|_| lines.next()).unwrap_or_default()
}
