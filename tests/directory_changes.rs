//! What changes in Redis is heard, whoever changes it, and the cache forgets it first.

#[path = "support/redis_groups.rs"]
mod redis_groups;
#[path = "support/redis.rs"]
mod redis_server;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis_groups::{Cluster, Sentinels};
use redis_server::RedisServer;
use tierline::directory::{
    Change, ChangeKind, Changes, Customer, Directory, Identifier, IdentifierKind, Lookup, Observer,
    Settings, Source,
};
use tokio::time::{Instant, sleep, timeout};

/// Longest wait for anything that must happen. Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(30);
/// The cache keeps an answer far longer than any test runs: only a change can make it forget.
const LONG: Duration = Duration::from_secs(3600);

fn settings(url: String) -> Settings {
    Settings {
        source: Source::Redis { url, password: None, prefix: "tierline".into() },
        budget: Duration::from_secs(5),
        fresh_for: LONG,
        unknown_for: LONG,
        cool_down: Duration::from_millis(100),
        ..Settings::default()
    }
}

async fn open(settings: Settings) -> Directory {
    Directory::open(settings, Arc::new(())).await.expect("settings are right")
}

/// A directory that hears everything, and what it hears from then on.
async fn listening(url: String) -> (Directory, Changes) {
    let directory = open(settings(url)).await;
    let changes = directory.changes();
    until_it_listens(&directory, true).await;
    (directory, drained(changes).await)
}

async fn until_it_listens(directory: &Directory, wanted: bool) {
    let begun = Instant::now();
    while directory.listens() != wanted {
        assert!(begun.elapsed() < PATIENCE, "it never came to listen: {wanted}");
        sleep(Duration::from_millis(5)).await;
    }
}

/// Without the changes that connecting brought.
async fn drained(mut changes: Changes) -> Changes {
    while timeout(Duration::from_millis(50), changes.next()).await.is_ok() {}
    changes
}

/// Waits for this change; others before it do not matter.
async fn heard(changes: &mut Changes, wanted: &Change) {
    let hear = async {
        loop {
            let change = changes.next().await.expect("the directory lives");
            if change == *wanted {
                return;
            }
        }
    };
    timeout(PATIENCE, hear).await.unwrap_or_else(|_| panic!("{wanted:?} was never heard"));
}

fn identifier(kind: IdentifierKind, value: &str) -> Identifier {
    Identifier::new(kind, value).expect("a good identifier")
}

fn phone(value: &str) -> Identifier {
    identifier(IdentifierKind::Phone, value)
}

fn customer(id: &str) -> Change {
    Change::Customer(id.to_owned())
}

async fn tier_of(directory: &Directory, by: &Identifier) -> String {
    match directory.lookup(by).await {
        Lookup::Found { customer } => customer.tier.clone().unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_tier_that_another_system_writes_is_heard_and_looked_up_anew() {
    let server = RedisServer::start();
    server.command(&["HSET", "tierline:customer:C-1", "tier", "silver"]);
    server.command(&["SET", "tierline:ident:phone:+12025550101", "C-1"]);
    let (directory, mut changes) = listening(server.url()).await;
    let number = phone("+12025550101");
    let id = identifier(IdentifierKind::Id, "C-1");
    for by in [&number, &id] {
        assert_eq!(tier_of(&directory, by).await, "silver");
    }
    server.command(&["HSET", "tierline:customer:C-1", "tier", "gold"]);
    heard(&mut changes, &customer("C-1")).await;
    for by in [&number, &id] {
        assert_eq!(tier_of(&directory, by).await, "gold", "{by:?}");
    }
}

#[tokio::test]
async fn an_identifier_that_is_written_moved_removed_or_expires_is_heard() {
    let server = RedisServer::start();
    server.command(&["HSET", "tierline:customer:C-1", "tier", "silver"]);
    server.command(&["HSET", "tierline:customer:C-2", "tier", "gold"]);
    let (directory, mut changes) = listening(server.url()).await;
    let number = phone("+12025550101");
    let key = "tierline:ident:phone:+12025550101";
    let wanted = Change::Identifier(number.clone());
    assert_eq!(directory.lookup(&number).await, Lookup::Unknown);
    server.command(&["SET", key, "C-1"]);
    heard(&mut changes, &wanted).await;
    assert_eq!(tier_of(&directory, &number).await, "silver");
    server.command(&["SET", key, "C-2"]);
    heard(&mut changes, &wanted).await;
    assert_eq!(tier_of(&directory, &number).await, "gold");
    server.command(&["DEL", key]);
    heard(&mut changes, &wanted).await;
    assert_eq!(directory.lookup(&number).await, Lookup::Unknown);
    server.command(&["SET", key, "C-1"]);
    heard(&mut changes, &wanted).await;
    server.command(&["PEXPIRE", key, "20"]);
    heard(&mut changes, &wanted).await;
    // That was the word of an end to come; this is the end.
    heard(&mut changes, &wanted).await;
    assert_eq!(directory.lookup(&number).await, Lookup::Unknown);
}

#[tokio::test]
async fn keys_of_others_are_not_heard() {
    let server = RedisServer::start();
    let (_directory, mut changes) = listening(server.url()).await;
    server.command(&["SET", "session:1", "x"]);
    server.command(&["HSET", "tierline2:customer:C-1", "tier", "gold"]);
    server.command(&["HSET", "tierline:customer:C-9", "tier", "gold"]);
    assert_eq!(changes.next().await, Some(customer("C-9")));
}

#[tokio::test]
async fn a_flush_is_everything_and_nothing_is_fresh_after_it() {
    let server = RedisServer::start();
    server.command(&["HSET", "tierline:customer:C-1", "tier", "silver"]);
    let (directory, mut changes) = listening(server.url()).await;
    let id = identifier(IdentifierKind::Id, "C-1");
    assert_eq!(tier_of(&directory, &id).await, "silver");
    server.command(&["FLUSHALL"]);
    heard(&mut changes, &Change::Everything).await;
    assert_eq!(directory.lookup(&id).await, Lookup::Unknown);
}

#[tokio::test]
async fn a_restart_of_the_server_is_everything_though_nobody_saw_it() {
    let mut server = RedisServer::start();
    server.command(&["HSET", "tierline:customer:C-1", "tier", "silver"]);
    let (directory, mut changes) = listening(server.url()).await;
    let id = identifier(IdentifierKind::Id, "C-1");
    assert_eq!(tier_of(&directory, &id).await, "silver");
    server.kill();
    until_it_listens(&directory, false).await;
    server.restart();
    server.command(&["HSET", "tierline:customer:C-1", "tier", "gold"]);
    heard(&mut changes, &Change::Everything).await;
    assert_eq!(tier_of(&directory, &id).await, "gold");
    assert!(directory.listens());
}

#[tokio::test]
async fn a_frozen_server_is_noticed_and_what_came_meanwhile_is_everything() {
    let server = RedisServer::start();
    server.command(&["HSET", "tierline:customer:C-1", "tier", "silver"]);
    let directory =
        open(Settings { budget: Duration::from_millis(100), ..settings(server.url()) }).await;
    until_it_listens(&directory, true).await;
    let mut changes = drained(directory.changes()).await;
    let id = identifier(IdentifierKind::Id, "C-1");
    directory.lookup(&id).await;
    server.freeze();
    until_it_listens(&directory, false).await;
    server.thaw();
    heard(&mut changes, &Change::Everything).await;
    until_it_listens(&directory, true).await;
    server.command(&["HSET", "tierline:customer:C-1", "tier", "gold"]);
    heard(&mut changes, &customer("C-1")).await;
    let begun = Instant::now();
    while directory.lookup(&id).await.customer().is_none_or(|c| c.tier.as_deref() != Some("gold")) {
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_listener_that_lags_behind_an_import_is_told_everything() {
    let server = RedisServer::start();
    let (directory, mut changes) = listening(server.url()).await;
    let by = |n: usize| phone(&format!("+1202{n:07}"));
    let customers = |tier: &str| -> Vec<Customer> {
        let customer = |n: usize| Customer {
            id: format!("C-{n}"),
            tier: Some(tier.into()),
            name: None,
            identifiers: vec![by(n)],
            attributes: BTreeMap::new(),
        };
        (0..6000).map(customer).collect()
    };
    directory.import(customers("silver")).await.expect("it is there");
    assert_eq!(tier_of(&directory, &by(5999)).await, "silver");
    directory.import(customers("gold")).await.expect("it is there");
    heard(&mut changes, &Change::Everything).await;
    for n in [0, 3000, 5999] {
        assert_eq!(tier_of(&directory, &by(n)).await, "gold", "{n}");
    }
    server.command(&["HSET", "tierline:customer:C-1", "tier", "bronze"]);
    heard(&mut changes, &customer("C-1")).await;
    assert_eq!(tier_of(&directory, &by(1)).await, "bronze");
}

/// Counts what it is told.
#[derive(Default)]
struct Counting {
    heard: [AtomicUsize; 3],
    listens: AtomicUsize,
}

impl Observer for Counting {
    fn heard(&self, change: ChangeKind) {
        self.heard[change as usize].fetch_add(1, Ordering::SeqCst);
    }
    fn listens(&self, all: bool) {
        self.listens.store(usize::from(all), Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_user_who_may_not_track_is_served_without_notifications() {
    let server = RedisServer::start();
    server.command(&[
        "ACL",
        "SETUSER",
        "poor",
        "on",
        ">pw",
        "~tierline:*",
        "+@all",
        "-client|tracking",
    ]);
    let url = format!("redis://poor@127.0.0.1:{}", server.port());
    let source =
        Source::Redis { url: url.clone(), password: Some("pw".into()), prefix: "tierline".into() };
    let seen = Arc::new(Counting::default());
    let observer: Arc<dyn Observer> = Arc::<Counting>::clone(&seen);
    let settings = Settings { source, ..settings(url) };
    let directory = Directory::open(settings, observer).await.expect("settings are right");
    let mut changes = directory.changes();
    let mut ada = Customer {
        id: "C-1".into(),
        tier: Some("silver".into()),
        name: None,
        identifiers: vec![phone("+12025550101")],
        attributes: BTreeMap::new(),
    };
    let begun = Instant::now();
    while directory.put(ada.clone()).await.is_err() {
        assert!(begun.elapsed() < PATIENCE);
        sleep(Duration::from_millis(5)).await;
    }
    // What this process writes it knows all the same.
    heard(&mut changes, &customer("C-1")).await;
    assert_eq!(tier_of(&directory, &phone("+12025550101")).await, "silver");
    ada.tier = Some("gold".into());
    directory.put(ada).await.expect("it is there");
    heard(&mut changes, &customer("C-1")).await;
    assert_eq!(tier_of(&directory, &phone("+12025550101")).await, "gold");
    assert!(!directory.listens());
    assert_eq!(seen.listens.load(Ordering::SeqCst), 0);
    assert!(seen.heard[ChangeKind::Customer as usize].load(Ordering::SeqCst) >= 2);
    assert_eq!(seen.heard[ChangeKind::Everything as usize].load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_write_of_this_process_is_heard_from_redis_once() {
    let server = RedisServer::start();
    let (directory, mut changes) = listening(server.url()).await;
    let ada = Customer {
        id: "C-1".into(),
        tier: Some("silver".into()),
        name: None,
        identifiers: vec![phone("+12025550101")],
        attributes: BTreeMap::new(),
    };
    directory.put(ada).await.expect("it is there");
    let mut seen = vec![];
    while let Ok(Some(change)) = timeout(Duration::from_millis(300), changes.next()).await {
        seen.push(change);
    }
    assert_eq!(seen.iter().filter(|change| **change == customer("C-1")).count(), 1, "{seen:?}");
    assert!(seen.contains(&Change::Identifier(phone("+12025550101"))), "{seen:?}");
}

#[tokio::test]
async fn the_embedded_directory_tells_what_this_process_writes() {
    let place = tempfile::tempdir().expect("a directory for the file");
    let source = Source::Embedded { path: place.path().join("customers.db") };
    let directory = open(Settings { source, ..settings(String::new()) }).await;
    assert!(directory.listens());
    let mut changes = directory.changes();
    let ada = |identifiers| Customer {
        id: "C-1".into(),
        tier: Some("silver".into()),
        name: None,
        identifiers,
        attributes: BTreeMap::new(),
    };
    let (old, new) = (phone("+12025550101"), phone("+12025550102"));
    directory.put(ada(vec![old.clone()])).await.expect("stored");
    heard(&mut changes, &customer("C-1")).await;
    heard(&mut changes, &Change::Identifier(old.clone())).await;
    directory.import(vec![ada(vec![new.clone()])]).await.expect("stored");
    heard(&mut changes, &customer("C-1")).await;
    heard(&mut changes, &Change::Identifier(new.clone())).await;
    heard(&mut changes, &Change::Identifier(old)).await;
    directory.delete("C-1").await.expect("removed");
    heard(&mut changes, &customer("C-1")).await;
    heard(&mut changes, &Change::Identifier(new)).await;
    drop(directory);
    assert_eq!(changes.next().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_the_new_master_is_heard() {
    let mut group = Sentinels::start().await;
    group.servers[0].command(&["HSET", "tierline:customer:C-1", "tier", "silver"]);
    let (directory, mut changes) = listening(group.url()).await;
    let id = identifier(IdentifierKind::Id, "C-1");
    assert_eq!(tier_of(&directory, &id).await, "silver");
    group.servers[0].kill();
    until_it_listens(&directory, false).await;
    group.until_master(1).await;
    heard(&mut changes, &Change::Everything).await;
    group.servers[1].command(&["HSET", "tierline:customer:C-1", "tier", "gold"]);
    heard(&mut changes, &customer("C-1")).await;
    assert_eq!(tier_of(&directory, &id).await, "gold");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_master_of_a_cluster_is_heard_and_one_that_is_gone_is_missed() {
    let mut cluster = Cluster::start(3).await;
    let (directory, mut changes) = listening(cluster.url()).await;
    let write = |cluster: &Cluster, n: usize, tier: &str| {
        let key = format!("tierline:customer:C-{n}");
        cluster.command(&key, &["HSET", &key, "tier", tier])
    };
    for n in 0..12 {
        write(&cluster, n, "gold");
        heard(&mut changes, &customer(&format!("C-{n}"))).await;
    }
    let lost = cluster.owner("tierline:customer:C-1");
    cluster.masters[lost].kill();
    until_it_listens(&directory, false).await;
    cluster.masters[lost].restart();
    cluster.until_whole().await;
    heard(&mut changes, &Change::Everything).await;
    until_it_listens(&directory, true).await;
    write(&cluster, 1, "silver");
    heard(&mut changes, &customer("C-1")).await;
    let id = identifier(IdentifierKind::Id, "C-1");
    assert_eq!(tier_of(&directory, &id).await, "silver");
}
