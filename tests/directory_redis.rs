//! The directory beside a real Redis: what it finds, what others wrote, and what it does while the
//! server is frozen, dead or back.

#[path = "support/redis.rs"]
mod redis_server;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use redis_server::RedisServer;
use tierline::directory::{
    Amendment, BreakerState, Customer, Directory, Error, Health, Identifier, IdentifierKind,
    Lookup, Settings, Source,
};
use tokio::io::{copy, copy_bidirectional, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// The budget where a server is silent, and what a lookup may take beside it on a busy machine.
const BUDGET: Duration = Duration::from_millis(200);
const MARGIN: Duration = Duration::from_millis(300);
/// Longest wait for anything that must happen. Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(20);

fn settings(url: String) -> Settings {
    let source = Source::Redis { url, password: None, prefix: "tierline".into() };
    // Nothing is fresh: every lookup asks the server, and what the cache holds is the last known.
    // A server that answers has time to do so, however busy the machine is.
    Settings {
        source,
        budget: Duration::from_secs(5),
        fresh_for: Duration::ZERO,
        unknown_for: Duration::ZERO,
        cool_down: Duration::from_millis(100),
        ..Settings::default()
    }
}

async fn open(settings: Settings) -> Directory {
    Directory::open(settings, Arc::new(())).await.expect("settings are right")
}

/// The same for a server that will be silent.
fn impatient(url: String) -> Settings {
    Settings { budget: BUDGET, ..settings(url) }
}

/// A directory that has found its server.
async fn open_up(server: &RedisServer) -> Directory {
    let directory = open(settings(server.url())).await;
    wait_for(&directory, Health::Up).await;
    directory
}

async fn wait_for(directory: &Directory, wanted: Health) {
    timeout(PATIENCE, directory.health().wait_for(|health| *health == wanted))
        .await
        .unwrap_or_else(|_| panic!("not {wanted:?} within {PATIENCE:?}"))
        .expect("the directory lives");
}

fn identifier(kind: IdentifierKind, value: &str) -> Identifier {
    Identifier::new(kind, value).expect("a good identifier")
}

fn phone(value: &str) -> Identifier {
    identifier(IdentifierKind::Phone, value)
}

fn ada() -> Customer {
    Customer {
        id: "C-1".into(),
        tier: Some("gold".into()),
        name: Some("Ada \"Ä\" Example".into()),
        identifiers: vec![
            phone("+12025550101"),
            identifier(IdentifierKind::Card, "SC-1"),
            identifier(IdentifierKind::Email, "ada@example.com"),
            identifier(IdentifierKind::Account, "A:1"),
        ],
        attributes: BTreeMap::from([
            ("city".into(), "Springfield".into()),
            ("note".into(), String::new()),
        ]),
    }
}

fn bare(id: &str, tier: &str, identifiers: Vec<Identifier>) -> Customer {
    Customer {
        id: id.into(),
        tier: Some(tier.into()),
        name: None,
        identifiers,
        attributes: BTreeMap::new(),
    }
}

fn found(customer: Customer) -> Lookup {
    Lookup::Found { customer: Arc::new(customer) }
}

#[tokio::test]
async fn a_customer_is_found_by_every_kind_of_identifier_and_nobody_by_any_other() {
    let server = RedisServer::start();
    let directory = open_up(&server).await;
    directory.put(ada()).await.unwrap();
    let ada = ada().checked().unwrap();
    let id = identifier(IdentifierKind::Id, "C-1");
    for by in ada.identifiers.iter().chain([&id]) {
        assert_eq!(directory.lookup(by).await, found(ada.clone()), "{by:?}");
    }
    for kind in IdentifierKind::ALL {
        assert_eq!(directory.lookup(&identifier(kind, "nobody 000")).await, Lookup::Unknown);
    }
    assert_eq!(directory.get("C-1").await.unwrap(), Some(ada));
    assert_eq!(directory.get("C-2").await.unwrap(), None);
}

#[tokio::test]
async fn what_another_system_writes_by_plain_commands_is_understood() {
    let server = RedisServer::start();
    let directory = open_up(&server).await;
    server.command(&["HSET", "tierline:customer:77", "tier", "silver", "attr:city", "Bonn"]);
    server.command(&["HSET", "tierline:customer:77", "name", "Bo Example", "segment", "theirs"]);
    server.command(&["SET", "tierline:ident:phone:+12025550177", "77"]);
    let Lookup::Found { customer } = directory.lookup(&phone("+1 (202) 555-0177")).await else {
        panic!("not found")
    };
    assert_eq!((customer.id.as_str(), customer.tier.as_deref()), ("77", Some("silver")));
    assert_eq!(customer.name.as_deref(), Some("Bo Example"));
    assert_eq!(customer.attributes, BTreeMap::from([("city".into(), "Bonn".into())]));

    server.command(&["HSET", "tierline:customer:77", "tier", "gold"]);
    let lookup = directory.lookup(&phone("+12025550177")).await;
    assert_eq!(lookup.customer().expect("still there").tier.as_deref(), Some("gold"));

    server.command(&["SET", "tierline:ident:card:lost", "nobody"]);
    let dangling = identifier(IdentifierKind::Card, "lost");
    assert_eq!(directory.lookup(&dangling).await, Lookup::Unknown);
}

#[tokio::test]
async fn a_prefix_of_ones_own_keeps_two_directories_apart() {
    let server = RedisServer::start();
    let source =
        Source::Redis { url: server.url(), password: None, prefix: "elsewhere".to_owned() };
    let directory = open(Settings { source, ..settings(server.url()) }).await;
    wait_for(&directory, Health::Up).await;
    directory.put(ada()).await.unwrap();
    assert_eq!(server.command(&["EXISTS", "elsewhere:customer:C-1"]), ":1\r\n");
    assert_eq!(server.command(&["DBSIZE"]), ":5\r\n");
    assert_eq!(server.command(&["EXISTS", "tierline:customer:C-1"]), ":0\r\n");
}

#[tokio::test]
async fn storing_again_takes_away_the_identifiers_that_went_away() {
    let server = RedisServer::start();
    let directory = open_up(&server).await;
    directory.put(ada()).await.unwrap();
    let moved = bare("C-1", "silver", vec![phone("+12025550102")]);
    directory.put(moved.clone()).await.unwrap();
    assert_eq!(directory.lookup(&phone("+12025550101")).await, Lookup::Unknown);
    assert_eq!(directory.lookup(&phone("+12025550102")).await, found(moved.clone()));
    assert_eq!(directory.get("C-1").await.unwrap(), Some(moved), "no attribute of old is left");
    assert_eq!(server.command(&["DBSIZE"]), ":2\r\n");
}

#[tokio::test]
async fn an_identifier_belongs_to_whom_it_was_given_last() {
    let server = RedisServer::start();
    let directory = open_up(&server).await;
    let number = phone("+12025550101");
    let card = identifier(IdentifierKind::Card, "SC-1");
    let first = bare("C-1", "gold", vec![number.clone(), card.clone()]);
    let second = bare("C-2", "silver", vec![number.clone()]);
    directory.put(first).await.unwrap();
    directory.put(second.clone()).await.unwrap();
    assert_eq!(directory.lookup(&number).await, found(second.clone()));
    let left = bare("C-1", "gold", vec![card]);
    assert_eq!(directory.get("C-1").await.unwrap(), Some(left));
    // What the first no longer has does not go with it.
    assert!(directory.delete("C-1").await.unwrap());
    assert_eq!(directory.lookup(&number).await, found(second));
    assert_eq!(server.command(&["DBSIZE"]), ":2\r\n");
}

#[tokio::test]
async fn an_identifier_that_another_system_moved_stays_where_it_was_moved() {
    let server = RedisServer::start();
    let directory = open_up(&server).await;
    let (number, other) = (phone("+12025550101"), phone("+12025550102"));
    directory.put(bare("C-2", "silver", vec![])).await.unwrap();
    directory.put(bare("C-1", "gold", vec![number.clone(), other.clone()])).await.unwrap();
    server.command(&["SET", "tierline:ident:phone:+12025550101", "C-2"]);
    server.command(&["SET", "tierline:ident:phone:+12025550102", "C-2"]);
    directory.put(bare("C-1", "gold", vec![other.clone()])).await.unwrap();
    server.command(&["SET", "tierline:ident:phone:+12025550102", "C-2"]);
    assert!(directory.delete("C-1").await.unwrap());
    for moved in [number, other] {
        let lookup = directory.lookup(&moved).await;
        assert_eq!(lookup.customer().expect("found").id, "C-2");
    }
}

#[tokio::test]
async fn a_deleted_customer_leaves_nothing_behind() {
    let server = RedisServer::start();
    let directory = open_up(&server).await;
    directory.put(ada()).await.unwrap();
    assert!(directory.delete("C-1").await.unwrap());
    assert!(!directory.delete("C-1").await.unwrap());
    assert_eq!(directory.lookup(&phone("+12025550101")).await, Lookup::Unknown);
    assert_eq!(server.command(&["DBSIZE"]), ":0\r\n");
}

#[tokio::test]
async fn an_import_is_seen_at_once_though_the_cache_is_fresh() {
    let server = RedisServer::start();
    let long = Duration::from_secs(60);
    let settings = Settings { fresh_for: long, unknown_for: long, ..settings(server.url()) };
    let directory = open(settings).await;
    wait_for(&directory, Health::Up).await;
    let by = |n: usize| phone(&format!("+1202{n:07}"));
    let customers = |tier: &str| -> Vec<Customer> {
        (0..1234).map(|n| bare(&format!("C-{n}"), tier, vec![by(n)])).collect()
    };
    assert_eq!(directory.lookup(&by(1233)).await, Lookup::Unknown);
    for tier in ["gold", "silver"] {
        directory.import(customers(tier)).await.unwrap();
        for n in [0, 99, 100, 777, 1233] {
            let expected = found(bare(&format!("C-{n}"), tier, vec![by(n)]));
            assert_eq!(directory.lookup(&by(n)).await, expected, "{n}");
            assert_eq!(directory.lookup(&by(n)).await, expected, "{n} from the cache");
        }
    }
    assert_eq!(server.command(&["DBSIZE"]), ":2468\r\n");
    assert!(directory.delete("C-777").await.unwrap());
    assert_eq!(directory.lookup(&by(777)).await, Lookup::Unknown);
}

#[tokio::test]
async fn an_import_with_one_bad_customer_stores_none() {
    let server = RedisServer::start();
    let directory = open_up(&server).await;
    let error = directory.import(vec![ada(), bare("C-2", &"t".repeat(65), vec![])]).await;
    let error = error.expect_err("a long tier");
    assert!(matches!(&error, Error::Invalid(invalid) if invalid.field == "tier"), "{error}");
    assert_eq!(server.command(&["DBSIZE"]), ":0\r\n");
}

#[tokio::test]
async fn keys_of_wrong_types_are_unavailable_and_can_be_stored_over() {
    let server = RedisServer::start();
    let directory = open_up(&server).await;
    server.command(&["RPUSH", "tierline:ident:phone:+12025550101", "C-1"]);
    server.command(&["SET", "tierline:ident:card:SC-1", "C-1"]);
    server.command(&["SET", "tierline:customer:C-1", "gold"]);
    server.command(&["SET", "tierline:ident:email:ada@example.com", "C-2"]);
    server.command(&["HSET", "tierline:customer:C-2", "tier", &"t".repeat(65)]);
    let email = identifier(IdentifierKind::Email, "ada@example.com");
    for _ in 0..10 {
        assert_eq!(directory.lookup(&phone("+12025550101")).await, Lookup::Unavailable);
        let card = identifier(IdentifierKind::Card, "SC-1");
        assert_eq!(directory.lookup(&card).await, Lookup::Unavailable);
        assert_eq!(directory.lookup(&email).await, Lookup::Unavailable);
    }
    assert_eq!(directory.breaker(), BreakerState::Closed, "the server is not to blame");
    assert_eq!(*directory.health().borrow(), Health::Up);
    for id in ["C-1", "C-2"] {
        let error = directory.get(id).await.expect_err("no customer");
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
    }
    directory.put(ada()).await.unwrap();
    assert_eq!(directory.lookup(&phone("+12025550101")).await, found(ada().checked().unwrap()));
    server.command(&["SET", "tierline:customer:C-2", "gold"]);
    assert!(directory.delete("C-2").await.unwrap());
    assert_eq!(server.command(&["EXISTS", "tierline:customer:C-2"]), ":0\r\n");
}

#[tokio::test]
async fn a_frozen_server_costs_no_lookup_more_than_the_budget() {
    let server = RedisServer::start();
    let directory = open(impatient(server.url())).await;
    wait_for(&directory, Health::Up).await;
    directory.put(ada()).await.unwrap();
    let known = phone("+12025550101");
    assert_eq!(directory.lookup(&known).await, found(ada().checked().unwrap()));
    server.freeze();
    let mut slow = 0;
    for n in 0..40 {
        let begun = Instant::now();
        let lookup = directory.lookup(&known).await;
        let Lookup::Stale { customer, age } = lookup else { panic!("{n}: {lookup:?}") };
        assert_eq!(customer.tier.as_deref(), Some("gold"));
        assert!(age <= PATIENCE, "{age:?}");
        assert_eq!(directory.lookup(&phone(&n.to_string())).await, Lookup::Unavailable);
        let took = begun.elapsed();
        assert!(took <= 2 * BUDGET + MARGIN, "{n}: both took {took:?}");
        slow += u32::from(took >= BUDGET);
    }
    assert!(slow < 40, "the breaker never opened");
    assert_eq!(*directory.health().borrow(), Health::Down);
    server.thaw();
    wait_for(&directory, Health::Up).await;
    assert_eq!(directory.lookup_fresh(&known).await, found(ada().checked().unwrap()));
    assert_eq!(directory.breaker(), BreakerState::Closed);
}

#[tokio::test]
async fn a_killed_server_is_found_again_when_it_is_back() {
    let mut server = RedisServer::start();
    let directory = open_up(&server).await;
    directory.put(ada()).await.unwrap();
    let known = phone("+12025550101");
    directory.lookup(&known).await;
    server.kill();
    let begun = Instant::now();
    assert!(matches!(directory.lookup(&known).await, Lookup::Stale { .. }));
    assert_eq!(directory.lookup(&phone("+1")).await, Lookup::Unavailable);
    assert!(begun.elapsed() <= BUDGET + MARGIN, "{:?}", begun.elapsed());
    let error = directory.put(ada()).await.expect_err("nobody is there");
    assert!(matches!(error, Error::NotConnected { .. } | Error::Redis { .. }), "{error}");
    assert_eq!(*directory.health().borrow(), Health::Down);

    server.restart();
    wait_for(&directory, Health::Up).await;
    // It forgot everything, and that is what there is to know now.
    assert_eq!(directory.lookup(&known).await, Lookup::Unknown);
    directory.put(ada()).await.unwrap();
    assert_eq!(directory.lookup(&known).await, found(ada().checked().unwrap()));
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced_within_the_same_lookup() {
    let server = RedisServer::start();
    let directory = open_up(&server).await;
    directory.put(ada()).await.unwrap();
    for _ in 0..20 {
        server.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        let lookup = directory.lookup(&phone("+12025550101")).await;
        assert_eq!(lookup, found(ada().checked().unwrap()));
    }
}

#[tokio::test]
async fn a_directory_opens_without_its_server_and_finds_it_later() {
    let mut server = RedisServer::start();
    server.kill();
    let directory = open(settings(server.url())).await;
    assert_eq!(*directory.health().borrow(), Health::Down);
    let begun = Instant::now();
    assert_eq!(directory.lookup(&phone("+1")).await, Lookup::Unavailable);
    assert!(begun.elapsed() <= BUDGET + MARGIN, "{:?}", begun.elapsed());
    server.restart();
    wait_for(&directory, Health::Up).await;
    assert_eq!(directory.lookup(&phone("+1")).await, Lookup::Unknown);
}

#[tokio::test]
async fn a_server_that_wants_a_password_gets_it_and_a_wrong_one_is_no_connection() {
    let server = RedisServer::start();
    server.command(&["CONFIG", "SET", "requirepass", "hunter2"]);
    let with = |password: &str| {
        let password = Some(password.to_owned());
        let source = Source::Redis { url: server.url(), password, prefix: "tierline".into() };
        Settings { source, ..settings(server.url()) }
    };
    let right = open(with("hunter2")).await;
    wait_for(&right, Health::Up).await;
    right.put(ada()).await.unwrap();
    let wrong = open(with("hunter3")).await;
    assert_eq!(wrong.lookup(&phone("+12025550101")).await, Lookup::Unavailable);
    let error = wrong.get("C-1").await.expect_err("the wrong password").to_string();
    assert!(error.contains("not connected"), "{error}");
    assert!(!error.contains("hunter"), "{error}");
}

#[tokio::test]
async fn the_sentinels_master_is_found_by_its_name() {
    let server = RedisServer::start();
    let lines = format!("sentinel monitor main 127.0.0.1 {} 1\n", server.port());
    let sentinel = RedisServer::start_with(&["--sentinel"], Some(&lines));
    let url = format!("redis-sentinel://127.0.0.1:{}/main", sentinel.port());
    let directory = open(settings(url)).await;
    wait_for(&directory, Health::Up).await;
    directory.put(ada()).await.unwrap();
    assert_eq!(directory.lookup(&phone("+12025550101")).await, found(ada().checked().unwrap()));
    assert_eq!(server.command(&["DBSIZE"]), ":5\r\n");
}

#[tokio::test]
async fn a_cluster_is_read_and_not_written() {
    let server = RedisServer::start_with(&["--cluster-enabled", "yes"], None);
    assert_eq!(server.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]), "+OK\r\n");
    let ready = async {
        while !server.command(&["CLUSTER", "INFO"]).contains("cluster_state:ok") {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, ready).await.expect("a cluster of one forms");
    server.command(&["HSET", "tierline:customer:77", "tier", "gold"]);
    server.command(&["SET", "tierline:ident:phone:+12025550177", "77"]);
    let directory = open(settings(format!("redis-cluster://127.0.0.1:{}", server.port()))).await;
    wait_for(&directory, Health::Up).await;
    let expected = found(bare("77", "gold", vec![]));
    assert_eq!(directory.lookup(&phone("+12025550177")).await, expected);
    assert_eq!(directory.lookup(&phone("+1")).await, Lookup::Unknown);
    let error = directory.put(ada()).await.expect_err("read only");
    assert!(matches!(error, Error::ReadOnlyCluster { .. }), "{error}");
    let error = directory.delete("77").await.expect_err("read only");
    assert!(matches!(error, Error::ReadOnlyCluster { .. }), "{error}");
}

/// Forwards to the server, as a firewall does until it forgets a connection: then that connection
/// stays open, takes everything and brings nothing. Returns the port and the switch.
async fn forgetful_firewall(to: u16) -> (u16, watch::Sender<bool>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let port = listener.local_addr().expect("a bound port").port();
    let (forget, forgotten) = watch::channel(false);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut forgotten = forgotten.clone();
            forgotten.mark_unchanged();
            tokio::spawn(async move {
                let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else {
                    return;
                };
                tokio::select! {
                    _ = copy_bidirectional(&mut client, &mut server) => {}
                    _ = forgotten.changed() => {
                        let _ = copy(&mut client, &mut sink()).await;
                    }
                }
            });
        }
    });
    (port, forget)
}

#[tokio::test]
async fn a_connection_that_fell_silent_is_given_up_for_a_new_one() {
    let server = RedisServer::start();
    let (port, forget) = forgetful_firewall(server.port()).await;
    let directory = open(impatient(format!("redis://127.0.0.1:{port}"))).await;
    wait_for(&directory, Health::Up).await;
    directory.put(ada()).await.unwrap();
    forget.send_replace(true);
    assert_eq!(directory.lookup(&phone("+12025550101")).await, Lookup::Unavailable);
    assert_eq!(*directory.health().borrow(), Health::Down);
    wait_for(&directory, Health::Up).await;
    assert_eq!(directory.lookup(&phone("+12025550101")).await, found(ada().checked().unwrap()));
}

#[tokio::test]
async fn attributes_are_amended_only_if_they_are_still_what_they_were_and_the_rest_is_left_alone() {
    let server = RedisServer::start();
    let directory = open_up(&server).await;
    directory.put(ada()).await.unwrap();
    server.command(&["HSET", "tierline:customer:C-1", "segment", "theirs"]);
    let before = directory.get("C-1").await.unwrap().unwrap();
    let mut after = before.clone();
    after.attributes.remove("city");
    after.attributes.insert("note".into(), "Zürich \"x\"".into());
    let amendment = || Amendment::between(&before, &after, &["city", "note", "other"]);
    // Somebody else is faster.
    server.command(&["HSET", "tierline:customer:C-1", "attr:other", ""]);
    assert!(!directory.amend(&after, amendment()).await.unwrap());
    assert_eq!(directory.get("C-1").await.unwrap().unwrap().attributes["city"], "Springfield");
    server.command(&["HDEL", "tierline:customer:C-1", "attr:other"]);
    assert!(directory.amend(&after, amendment()).await.unwrap());
    assert_eq!(directory.lookup(&phone("+12025550101")).await, found(after));
    let theirs = server.command(&["HGET", "tierline:customer:C-1", "segment"]);
    assert!(theirs.contains("theirs"), "{theirs}");
    let nobody = bare("C-2", "gold", vec![]);
    let amendment = Amendment::between(&nobody, &nobody, &["city"]);
    assert!(!directory.amend(&nobody, amendment).await.unwrap(), "there is no such customer");
    assert_eq!(directory.get("C-2").await.unwrap(), None);
}
