//! docs/redis.md does not lie: its commands are run as they stand against a real server, and what it
//! says is found is looked up.

#[path = "support/redis.rs"]
mod redis_server;

use std::sync::Arc;
use std::time::Duration;

use redis_server::RedisServer;
use tierline::directory::{
    Amendment, Customer, Directory, Health, Identifier, Lookup, Settings, Source,
};
use tokio::time::{Instant, sleep, timeout};

const DOCUMENT: &str = include_str!("../docs/redis.md");
/// Longest wait for anything that must happen. Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(20);

/// The blocks of code in one of these languages, in the order of the page.
fn blocks<'a>(languages: &[&str]) -> Vec<(&'a str, Vec<&'a str>)> {
    let mut blocks: Vec<(&str, Vec<&str>)> = vec![];
    let mut inside = false;
    for line in DOCUMENT.lines() {
        match line.strip_prefix("```") {
            Some("") => inside = false,
            Some(language) => {
                inside = languages.contains(&language);
                assert!(["redis", "lookups"].contains(&language), "what is {language}?");
                if inside {
                    blocks.push((language, vec![]));
                }
            }
            None if inside => blocks.last_mut().expect("inside one").1.push(line),
            None => {}
        }
    }
    blocks
}

/// The words of a command as redis-cli reads them.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![];
    for (at, part) in line.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

fn run(server: &RedisServer, line: &str) {
    let words = words(line);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let reply = server.command(&words);
    assert!(
        reply.starts_with(['+', ':']) && reply != ":0\r\n" || is_update(&words),
        "{line}: {reply}"
    );
}

/// HSET says how many fields are new, and a change has none.
fn is_update(words: &[&str]) -> bool {
    words[0] == "HSET"
}

async fn open(url: String, password: Option<&str>) -> Directory {
    let password = password.map(str::to_owned);
    let settings = Settings {
        source: Source::Redis { url, password, prefix: "tierline".into() },
        budget: Duration::from_secs(5),
        fresh_for: Duration::ZERO,
        unknown_for: Duration::ZERO,
        ..Settings::default()
    };
    let directory = Directory::open(settings, Arc::new(())).await.expect("settings are right");
    timeout(PATIENCE, directory.health().wait_for(|health| *health == Health::Up))
        .await
        .expect("it comes up")
        .expect("the directory lives");
    directory
}

/// `phone +1 (202) 555-0117 = C-17 gold`
async fn check(directory: &Directory, line: &str) {
    let (by, expected) = line.split_once(" = ").expect("an identifier and what it finds");
    let (kind, value) = by.split_once(' ').expect("a kind and a value");
    let by = Identifier::new(kind.parse().expect("a kind"), value).expect("an identifier");
    let found = match directory.lookup(&by).await {
        Lookup::Found { customer } => {
            let shown = format!("{:?}", customer.tier);
            let tier = shown.trim_start_matches("Some(").trim_end_matches(')').trim_matches('"');
            format!("{} {tier}", customer.id)
        }
        Lookup::Unknown => "nobody".to_owned(),
        other => panic!("{line}: {other:?}"),
    };
    assert_eq!(found, expected, "{line}");
}

#[tokio::test]
async fn the_commands_do_what_the_page_says() {
    let server = RedisServer::start();
    let directory = open(server.url(), None).await;
    let mut checked = 0;
    for (language, lines) in blocks(&["redis", "lookups"]) {
        for line in lines {
            if language == "redis" {
                run(&server, line);
            } else {
                check(&directory, line).await;
                checked += 1;
            }
        }
    }
    assert!(checked > 10, "only {checked} lookups on the page");
}

#[tokio::test]
async fn the_users_of_the_page_may_do_what_it_says_and_no_more() {
    let server = RedisServer::start();
    for (_, lines) in blocks(&["redis"]) {
        lines.iter().filter(|line| line.starts_with("ACL")).for_each(|line| run(&server, line));
    }
    let url = |user: &str| format!("redis://{user}@127.0.0.1:{}", server.port());
    let reader = open(url("tierline-read"), Some("a-long-secret")).await;
    let writer = open(url("tierline-write"), Some("another-secret")).await;
    let customers = b"id,tier,phone\nC-1,gold,+12025550101\n";
    let customers = || tierline::directory::csv::read(&customers[..]).expect("a good file");
    let ada = customers().next().expect("a row").1.expect("a good row");
    writer.put(ada.clone()).await.expect("it may write");
    assert_eq!(writer.get("C-1").await.expect("it may read"), Some(ada.clone()));
    check(&reader, "phone +12025550101 = C-1 gold").await;
    let mut amended = ada.clone();
    let change = |from: &Customer, to: &Customer| Amendment::between(from, to, &["city"]);
    amended.attributes.insert("city".into(), "Bern".into());
    assert!(writer.amend(&amended, change(&ada, &amended)).await.expect("it may amend"));
    assert!(writer.amend(&ada, change(&amended, &ada)).await.expect("and take away"));
    reader.amend(&amended, change(&ada, &amended)).await.expect_err("it may not write");
    reader.put(ada).await.expect_err("it may not write");
    for directory in [&reader, &writer] {
        let begun = Instant::now();
        while !directory.listens() {
            assert!(begun.elapsed() < PATIENCE, "it does not hear of changes");
            sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(writer.delete("C-1").await.expect("it may remove"));
}
