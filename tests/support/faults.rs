//! The faults that a Redis can have, played on real ones: which servers there are, the customers they
//! hold, how they break and how they are mended. What that costs the directory alone is measured in
//! `directory_faults.rs`, what it costs those who submit tickets in `server_faults`.

#![allow(dead_code, reason = "every test that includes this file uses its own part of it")]

use crate::redis_groups::{Cluster, Sentinels};
use crate::redis_server::RedisServer;

/// What happens to a Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The process is killed, and started again on what it had on disk.
    Killed,
    /// The process is stopped with its connections open, and goes on.
    Frozen,
    /// FLUSHALL; then every customer is stored again.
    Emptied,
    /// Every key holds something else than it should; then every customer is stored again.
    WrongTypes,
    /// The master is killed; the sentinels make the replica one.
    MasterKilled,
    /// The master is stopped; the sentinels make the replica one.
    MasterFrozen,
    /// A master that was replaced while it was stopped goes on, and becomes a replica.
    OldMasterThawed,
    /// One of three masters of a cluster is killed, and started again.
    ClusterMasterKilled,
    /// One of three masters of a cluster is stopped, and goes on.
    ClusterMasterFrozen,
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed, started again",
            Self::Frozen => "frozen, thawed",
            Self::Emptied => "emptied, filled again",
            Self::WrongTypes => "wrong types in keys, put right",
            Self::MasterKilled => "Sentinel, master killed",
            Self::MasterFrozen => "Sentinel, master frozen",
            Self::OldMasterThawed => "Sentinel, old master thawed",
            Self::ClusterMasterKilled => "Cluster, one of three killed",
            Self::ClusterMasterFrozen => "Cluster, one of three frozen",
        }
    }

    /// Whether the sentinels mend it, in their own time.
    pub(crate) fn heals_itself(self) -> bool {
        matches!(self, Self::MasterKilled | Self::MasterFrozen)
    }

    /// Starts what is to be broken, with so many customers in it, from 0 on, all of them gold.
    pub(crate) async fn start(self, customers: usize) -> FaultyRedis {
        let servers = match self {
            Self::Killed => Servers::One(RedisServer::start_with(
                &["--appendonly", "yes", "--appendfsync", "always"],
                None,
            )),
            Self::Frozen | Self::Emptied | Self::WrongTypes => Servers::One(RedisServer::start()),
            Self::MasterKilled | Self::MasterFrozen | Self::OldMasterThawed => {
                Servers::Sentinels { group: Sentinels::start().await, master: 0 }
            }
            Self::ClusterMasterKilled | Self::ClusterMasterFrozen => {
                Servers::Cluster(Cluster::start(3).await)
            }
        };
        let mut redis = FaultyRedis { fault: self, customers, servers };
        redis.write_all();
        if let (Self::OldMasterThawed, Servers::Sentinels { group, master }) =
            (self, &mut redis.servers)
        {
            group.until_in_step().await;
            group.servers[0].freeze();
            group.until_master(1).await;
            *master = 1;
        }
        redis
    }
}

/// The servers of one fault.
pub(crate) struct FaultyRedis {
    fault: Fault,
    customers: usize,
    servers: Servers,
}

enum Servers {
    One(RedisServer),
    /// `master` is the place of the master in the group.
    Sentinels {
        group: Sentinels,
        master: usize,
    },
    Cluster(Cluster),
}

impl FaultyRedis {
    pub(crate) fn url(&self) -> String {
        match &self.servers {
            Servers::One(server) => server.url(),
            Servers::Sentinels { group, .. } => group.url(),
            Servers::Cluster(cluster) => cluster.url(),
        }
    }

    /// Begins the fault.
    pub(crate) fn breaks(&mut self) {
        match (self.fault, &mut self.servers) {
            (Fault::Killed, Servers::One(server)) => server.kill(),
            (Fault::Frozen, Servers::One(server)) => server.freeze(),
            (Fault::Emptied, Servers::One(server)) => drop(server.command(&["FLUSHALL"])),
            (Fault::WrongTypes, _) => self.spoil_all(),
            (Fault::MasterKilled, Servers::Sentinels { group, .. }) => group.servers[0].kill(),
            (Fault::MasterFrozen, Servers::Sentinels { group, .. }) => group.servers[0].freeze(),
            (Fault::OldMasterThawed, Servers::Sentinels { group, .. }) => group.servers[0].thaw(),
            (Fault::ClusterMasterKilled, Servers::Cluster(cluster)) => cluster.masters[0].kill(),
            (Fault::ClusterMasterFrozen, Servers::Cluster(cluster)) => cluster.masters[0].freeze(),
            (fault, _) => unreachable!("{fault:?} was started with other servers"),
        }
    }

    /// Ends the fault. Returns when every customer can be had again, as it was stored.
    pub(crate) async fn mends(&mut self) {
        match (self.fault, &mut self.servers) {
            (Fault::Killed, Servers::One(server)) => server.restart(),
            (Fault::Frozen, Servers::One(server)) => server.thaw(),
            (Fault::Emptied, _) => self.write_all(),
            (Fault::WrongTypes, Servers::One(server)) => {
                server.command(&["FLUSHALL"]);
                self.write_all();
            }
            (Fault::MasterKilled | Fault::MasterFrozen, Servers::Sentinels { group, master }) => {
                group.until_master(1).await;
                *master = 1;
            }
            (Fault::OldMasterThawed, _) => {}
            (Fault::ClusterMasterKilled, Servers::Cluster(cluster)) => {
                cluster.masters[0].restart();
                cluster.until_whole().await;
            }
            (Fault::ClusterMasterFrozen, Servers::Cluster(cluster)) => {
                cluster.masters[0].thaw();
                cluster.until_whole().await;
            }
            (fault, _) => unreachable!("{fault:?} was started with other servers"),
        }
    }

    /// Gives customers another tier, as a system that keeps them would.
    pub(crate) fn set_tier(&self, customers: impl Iterator<Item = usize>, tier: &str) {
        let commands = customers.map(|n| hset(n, tier));
        self.send(&commands.collect::<Vec<_>>());
    }

    fn write_all(&self) {
        let commands: Vec<_> = (0..self.customers)
            .flat_map(|n| [hset(n, "gold"), words(&["SET", &ident_key(n), &id(n)])])
            .collect();
        self.send(&commands);
    }

    fn spoil_all(&self) {
        let keys = (0..self.customers).flat_map(|n| [customer_key(n), ident_key(n)]);
        let commands: Vec<_> = keys
            .enumerate()
            .flat_map(|(at, key)| {
                let spoilt = match at % 3 {
                    0 => words(&["RPUSH", &key, "nonsense"]),
                    1 => words(&["HSET", &key, "name", "nobody's tier"]),
                    _ => words(&["SET", &key, "\n"]),
                };
                [words(&["DEL", &key]), spoilt]
            })
            .collect();
        self.send(&commands);
    }

    /// Sends commands to whoever has their keys: each is taken once.
    fn send(&self, commands: &[Vec<String>]) {
        let replies = match &self.servers {
            Servers::One(server) => server.commands(commands),
            Servers::Sentinels { group, master } => group.servers[*master].commands(commands),
            // Who has not the key says who has.
            Servers::Cluster(cluster) => {
                cluster.masters.iter().flat_map(|master| master.commands(commands)).collect()
            }
        };
        let taken: Vec<_> = replies.iter().filter(|reply| !reply.starts_with("-MOVED")).collect();
        assert_eq!(taken.len(), commands.len());
        assert!(!taken.iter().any(|reply| reply.starts_with('-')), "{taken:?}");
    }
}

pub(crate) fn id(n: usize) -> String {
    format!("C-{n}")
}

/// The telephone number by which a customer is found, in E.164; at most 10,000 have one.
pub(crate) fn number(n: usize) -> String {
    format!("+1202555{n:04}")
}

fn customer_key(n: usize) -> String {
    format!("tierline:customer:{}", id(n))
}

fn ident_key(n: usize) -> String {
    format!("tierline:ident:phone:{}", number(n))
}

fn hset(n: usize, tier: &str) -> Vec<String> {
    words(&["HSET", &customer_key(n), "tier", tier])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
