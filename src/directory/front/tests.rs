//! The path of a lookup in paused time, over a store that does as it is told.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU32;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::*;
use crate::directory::customer::IdentifierKind;
use crate::directory::{Outcome, Source};

/// A store that does as it is told: answers after `delay`, as `behaviour` says.
struct Script {
    behaviour: Mutex<Behaviour>,
    reads: AtomicU32,
    probes: AtomicU32,
    renewed: AtomicU32,
    connections: watch::Sender<u64>,
}

#[derive(Clone)]
struct Behaviour {
    delay: Duration,
    answer: Result<Option<&'static str>, ReadError>,
}

impl Script {
    fn set(&self, delay_ms: u64, answer: Result<Option<&'static str>, ReadError>) {
        let delay = Duration::from_millis(delay_ms);
        *self.behaviour.lock().unwrap() = Behaviour { delay, answer };
    }

    fn reads(&self) -> u32 {
        self.reads.load(Ordering::SeqCst)
    }

    async fn behave(&self) -> Result<Option<Customer>, ReadError> {
        let Behaviour { delay, answer } = self.behaviour.lock().unwrap().clone();
        sleep(delay).await;
        Ok(answer?.map(customer))
    }
}

impl Backend for Script {
    async fn read(&self, _: &Identifier) -> Result<Option<Customer>, ReadError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.behave().await
    }

    fn renew(&self) {
        self.renewed.fetch_add(1, Ordering::SeqCst);
    }

    fn connections(&self) -> Option<watch::Receiver<u64>> {
        Some(self.connections.subscribe())
    }

    async fn probe(&self, budget: Duration) -> Result<(), ReadError> {
        self.probes.fetch_add(1, Ordering::SeqCst);
        timeout(budget, self.behave()).await.unwrap_or(Err(ReadError::TimedOut)).map(|_| ())
    }
}

#[derive(Default)]
struct Seen {
    outcomes: Mutex<Vec<Outcome>>,
    asked: Mutex<Vec<Answered>>,
    opened: AtomicU32,
    hits: Mutex<Vec<bool>>,
}

impl Observer for Seen {
    fn looked_up(&self, outcome: Outcome, _: Duration) {
        self.outcomes.lock().unwrap().push(outcome);
    }
    fn cached(&self, hit: bool) {
        self.hits.lock().unwrap().push(hit);
    }
    fn asked(&self, answered: Answered, _: Duration) {
        self.asked.lock().unwrap().push(answered);
    }
    fn breaker_opened(&self) {
        self.opened.fetch_add(1, Ordering::SeqCst);
    }
}

fn customer(tier: &str) -> Customer {
    Customer {
        id: "C-1".into(),
        tier: Some(tier.into()),
        name: None,
        identifiers: vec![],
        attributes: BTreeMap::new(),
    }
}

fn found(tier: &str) -> Lookup {
    Lookup::Found { customer: Arc::new(customer(tier)) }
}

fn stale(tier: &str, age_ms: u64) -> Lookup {
    let age = Duration::from_millis(age_ms);
    Lookup::Stale { customer: Arc::new(customer(tier)), age }
}

fn phone(n: u32) -> Identifier {
    Identifier::new(IdentifierKind::Phone, &format!("+1202555{n:04}")).unwrap()
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn failed() -> Result<Option<&'static str>, ReadError> {
    Err(ReadError::Failed("told to".to_owned()))
}

/// Budget 40 ms, fresh for 30 s, unknown for 5 s, stale for 60 s, 5 failures, cool-down 1 s.
fn front() -> (Arc<Front<Script>>, Arc<Seen>) {
    let behaviour = Behaviour { delay: Duration::ZERO, answer: Ok(Some("gold")) };
    let script = Script {
        behaviour: Mutex::new(behaviour),
        reads: AtomicU32::new(0),
        probes: AtomicU32::new(0),
        renewed: AtomicU32::new(0),
        connections: watch::Sender::new(0),
    };
    let settings = Settings {
        source: Source::Embedded { path: "unused".into() },
        stale_for: Duration::from_secs(60),
        ..Settings::default()
    };
    let seen = Arc::new(Seen::default());
    let observer: Arc<dyn Observer> = Arc::<Seen>::clone(&seen);
    (Front::new(script, &settings, Health::Up, observer), seen)
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_fresh_until_its_time_and_the_store_is_asked_once() {
    let (front, seen) = front();
    assert_eq!(front.lookup(&phone(1)).await, found("gold"));
    front.backend.set(0, Ok(Some("silver")));
    sleep(ms(29_999)).await;
    assert_eq!(front.lookup(&phone(1)).await, found("gold"));
    assert_eq!(front.backend.reads(), 1);
    sleep(ms(1)).await;
    assert_eq!(front.lookup(&phone(1)).await, found("silver"));
    assert_eq!(*seen.hits.lock().unwrap(), [false, true, false]);
    assert_eq!(*seen.outcomes.lock().unwrap(), [Outcome::Found; 3]);
    assert_eq!(*seen.asked.lock().unwrap(), [Answered::Properly; 2]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_remembered_for_a_shorter_time() {
    let (front, _) = front();
    front.backend.set(0, Ok(None));
    assert_eq!(front.lookup(&phone(1)).await, Lookup::Unknown);
    front.backend.set(0, Ok(Some("gold")));
    sleep(ms(4999)).await;
    assert_eq!(front.lookup(&phone(1)).await, Lookup::Unknown);
    sleep(ms(1)).await;
    assert_eq!(front.lookup(&phone(1)).await, found("gold"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_store_costs_the_budget_and_not_a_millisecond_more() {
    let (front, seen) = front();
    front.backend.set(60_000, Ok(Some("gold")));
    let begun = Instant::now();
    assert_eq!(front.lookup(&phone(1)).await, Lookup::Unavailable);
    assert_eq!(begun.elapsed(), ms(40));
    assert_eq!(*seen.asked.lock().unwrap(), [Answered::TimedOut]);
    assert_eq!(*front.health().borrow(), Health::Down);
}

#[tokio::test(start_paused = true)]
async fn a_known_customer_is_stale_with_the_age_while_the_store_fails_and_not_for_ever() {
    let (front, seen) = front();
    front.lookup(&phone(1)).await;
    front.backend.set(0, failed());
    sleep(ms(30_000)).await;
    assert_eq!(front.lookup(&phone(1)).await, stale("gold", 30_000));
    assert_eq!(front.lookup(&phone(2)).await, Lookup::Unavailable);
    sleep(ms(30_000)).await;
    assert_eq!(front.lookup(&phone(1)).await, stale("gold", 60_000));
    sleep(ms(1)).await;
    assert_eq!(front.lookup(&phone(1)).await, Lookup::Unavailable);
    let outcomes = seen.outcomes.lock().unwrap();
    let [_, rest @ ..] = outcomes.as_slice() else { panic!() };
    assert_eq!(rest, [Outcome::Stale, Outcome::Unavailable, Outcome::Stale, Outcome::Unavailable]);
}

#[tokio::test(start_paused = true)]
async fn a_customer_unknown_before_is_unavailable_while_the_store_fails() {
    let (front, _) = front();
    front.backend.set(0, Ok(None));
    front.lookup(&phone(1)).await;
    front.backend.set(0, failed());
    sleep(ms(5000)).await;
    assert_eq!(front.lookup(&phone(1)).await, Lookup::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_customer_is_unavailable_and_is_not_held_against_the_store() {
    let (front, seen) = front();
    front.backend.set(0, Err(ReadError::Malformed("told to")));
    for n in 0..20 {
        assert_eq!(front.lookup(&phone(n)).await, Lookup::Unavailable);
    }
    assert_eq!(front.breaker(), BreakerState::Closed);
    assert_eq!(*front.health().borrow(), Health::Up);
    assert_eq!(*seen.asked.lock().unwrap(), [Answered::Malformed; 20]);
}

#[tokio::test(start_paused = true)]
async fn all_who_ask_the_same_at_one_time_share_one_question() {
    let (front, _) = front();
    front.backend.set(20, Ok(Some("gold")));
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let front = Arc::clone(&front);
        callers.spawn(async move { front.lookup(&phone(1)).await });
    }
    let answers = callers.join_all().await;
    assert_eq!(answers, vec![found("gold"); 100]);
    assert_eq!(front.backend.reads(), 1);
    front.lookup(&phone(2)).await;
    assert_eq!(front.backend.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_takes_the_answer_from_nobody() {
    let (front, _) = front();
    front.backend.set(20, Ok(Some("gold")));
    let first = tokio::spawn({
        let front = Arc::clone(&front);
        async move { front.lookup(&phone(1)).await }
    });
    sleep(ms(5)).await;
    let second = tokio::spawn({
        let front = Arc::clone(&front);
        async move { front.lookup(&phone(1)).await }
    });
    sleep(ms(5)).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(second.await.unwrap(), found("gold"));
    assert_eq!(front.backend.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn five_failures_open_the_breaker_and_then_nobody_waits() {
    let (front, seen) = front();
    front.backend.set(60_000, Ok(Some("gold")));
    for n in 0..5 {
        front.lookup(&phone(n)).await;
    }
    assert_eq!(front.breaker(), BreakerState::Open);
    let begun = Instant::now();
    for n in 0..1000 {
        assert_eq!(front.lookup(&phone(n)).await, Lookup::Unavailable);
        assert_eq!(front.lookup_fresh(&phone(n)).await, Lookup::Unavailable);
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(front.backend.reads(), 5);
    assert_eq!(seen.opened.load(Ordering::SeqCst), 1);
}

/// A server that froze with callers asking all the time was never given up: each time the breaker let
/// one question through, a caller was quicker than the probe, and only the probe could tell.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_silent_is_tried_another_way_though_no_probe_gets_through() {
    let (front, _) = front();
    front.backend.set(60_000, Ok(Some("gold")));
    for n in 0..5 {
        assert_eq!(front.backend.renewed.load(Ordering::SeqCst), 0);
        front.lookup(&phone(n)).await;
    }
    assert_eq!(front.backend.renewed.load(Ordering::SeqCst), 1);
    sleep(Duration::from_secs(1)).await;
    front.lookup(&phone(1)).await;
    assert_eq!(front.backend.renewed.load(Ordering::SeqCst), 2);
    front.backend.set(0, failed());
    sleep(Duration::from_secs(1)).await;
    front.lookup(&phone(1)).await;
    assert_eq!(front.backend.renewed.load(Ordering::SeqCst), 2, "an error is an answer");
}

#[tokio::test(start_paused = true)]
async fn a_lookup_past_the_cache_may_be_the_one_that_finds_the_store_back() {
    let (front, _) = front();
    front.backend.set(0, failed());
    for n in 0..5 {
        front.lookup(&phone(n)).await;
    }
    front.backend.set(0, Ok(Some("gold")));
    assert_eq!(front.lookup_fresh(&phone(1)).await, Lookup::Unavailable);
    sleep(ms(1000)).await;
    assert_eq!(front.lookup_fresh(&phone(1)).await, found("gold"));
    assert_eq!(front.breaker(), BreakerState::Closed);
    assert_eq!(*front.health().borrow(), Health::Up);
}

#[tokio::test(start_paused = true)]
async fn a_lookup_past_the_cache_sees_a_change_that_the_cache_does_not() {
    let (front, seen) = front();
    front.lookup(&phone(1)).await;
    front.backend.set(0, Ok(Some("silver")));
    assert_eq!(front.lookup(&phone(1)).await, found("gold"));
    assert_eq!(front.lookup_fresh(&phone(1)).await, found("silver"));
    assert_eq!(front.lookup(&phone(1)).await, found("silver"));
    assert_eq!(seen.outcomes.lock().unwrap().len(), 3, "it is not counted as a lookup");
}

#[tokio::test(start_paused = true)]
async fn health_comes_back_without_any_lookup() {
    let (front, _) = front();
    front.watch_over();
    let mut health = front.health();
    front.backend.set(0, failed());
    front.lookup(&phone(1)).await;
    assert_eq!(*health.borrow_and_update(), Health::Down);
    front.backend.set(0, Ok(None));
    let begun = Instant::now();
    health.wait_for(|h| *h == Health::Up).await.unwrap();
    assert!(begun.elapsed() <= ms(1000), "{:?}", begun.elapsed());
    assert_eq!(front.backend.reads(), 1);
}

/// A server that was back was found so only when the cool-down was over, up to a second later.
#[tokio::test(start_paused = true)]
async fn a_store_that_is_connected_to_again_is_asked_at_once() {
    let (front, _) = front();
    front.watch_over();
    front.backend.set(0, failed());
    for n in 0..5 {
        front.lookup(&phone(n)).await;
    }
    assert_eq!(front.breaker(), BreakerState::Open);
    sleep(ms(300)).await;
    front.backend.set(0, Ok(None));
    let begun = Instant::now();
    front.backend.connections.send_replace(1);
    front.health().wait_for(|h| *h == Health::Up).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(front.breaker(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_connections_and_gives_no_answers_is_not_asked_without_end() {
    let (front, _) = front();
    front.watch_over();
    front.backend.set(0, failed());
    for n in 0..5 {
        front.lookup(&phone(n)).await;
    }
    for number in 1..=1000 {
        front.backend.connections.send_replace(number);
        sleep(ms(10)).await;
    }
    let probes = front.backend.probes.load(Ordering::SeqCst);
    assert!((10..=22).contains(&probes), "{probes} in ten cool-downs");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_goes_down_while_nobody_asks_is_noticed() {
    let (front, _) = front();
    front.watch_over();
    front.backend.set(0, failed());
    let begun = Instant::now();
    front.health().wait_for(|h| *h == Health::Down).await.unwrap();
    assert!(begun.elapsed() <= PROBE_EVERY, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_watch_ends_with_the_directory() {
    let (front, _) = front();
    front.watch_over();
    let weak = Arc::downgrade(&front);
    let mut health = front.health();
    drop(front);
    // The channel closes when the last owner, the watching task included, has let go.
    while health.changed().await.is_ok() {}
    assert!(weak.upgrade().is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_before_a_write_does_not_outlive_it_in_the_cache() {
    let (front, _) = front();
    front.backend.set(20, Ok(Some("gold")));
    let before = tokio::spawn({
        let front = Arc::clone(&front);
        async move { front.lookup(&phone(1)).await }
    });
    sleep(ms(10)).await;
    front.backend.set(1, Ok(Some("silver")));
    front.forget(&[Change::Identifier(phone(1))]);
    assert_eq!(front.lookup(&phone(1)).await, found("silver"));
    assert_eq!(before.await.unwrap(), found("gold"), "it was asked before");
    assert_eq!(front.lookup(&phone(1)).await, found("silver"));
    assert_eq!(front.backend.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_customer_is_seen_through_every_identifier_at_once() {
    let (front, _) = front();
    let mut changes = front.changes();
    for n in 1..=3 {
        assert_eq!(front.lookup(&phone(n)).await, found("gold"));
    }
    front.backend.set(0, Ok(Some("silver")));
    front.announce(Change::Customer("C-2".into()));
    assert_eq!(front.lookup(&phone(1)).await, found("gold"), "somebody else changed");
    front.announce(Change::Customer("C-1".into()));
    for n in 1..=3 {
        assert_eq!(front.lookup(&phone(n)).await, found("silver"));
    }
    assert_eq!(changes.next().await, Some(Change::Customer("C-2".into())));
    assert_eq!(changes.next().await, Some(Change::Customer("C-1".into())));
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_after_a_change_is_not_answered_from_before_it() {
    let (front, _) = front();
    front.backend.set(20, Ok(Some("gold")));
    let early = Arc::clone(&front);
    let early = tokio::spawn(async move { early.lookup(&phone(1)).await });
    sleep(ms(10)).await;
    // The question is on its way and nobody knows yet that it is about this customer.
    front.announce(Change::Customer("C-1".into()));
    front.backend.set(20, Ok(Some("silver")));
    assert_eq!(front.lookup(&phone(1)).await, found("silver"));
    assert_eq!(early.await.unwrap(), found("gold"));
    assert_eq!(front.lookup(&phone(1)).await, found("silver"), "and that is what is kept");
    assert_eq!(front.backend.reads(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_on_its_way_when_its_customer_changed_is_not_kept() {
    let (front, _) = front();
    for (id, reads) in [("C-2", 1), ("C-1", 3)] {
        front.backend.set(20, Ok(Some("gold")));
        let asking = Arc::clone(&front);
        let asking = tokio::spawn(async move { asking.lookup(&phone(1)).await });
        sleep(ms(10)).await;
        front.announce(Change::Customer(id.into()));
        asking.await.unwrap();
        front.lookup(&phone(1)).await;
        assert_eq!(front.backend.reads(), reads, "{id}");
        front.forget(&[Change::Identifier(phone(1))]);
    }
}

#[tokio::test(start_paused = true)]
async fn when_everything_may_have_changed_all_is_asked_again_and_still_known_if_silent() {
    let (front, _) = front();
    front.lookup(&phone(1)).await;
    front.lookup(&phone(2)).await;
    sleep(ms(1)).await;
    front.announce(Change::Everything);
    front.backend.set(0, Ok(Some("silver")));
    assert_eq!(front.lookup(&phone(1)).await, found("silver"));
    assert_eq!(front.lookup(&phone(1)).await, found("silver"));
    assert_eq!(front.backend.reads(), 3);
    front.backend.set(0, failed());
    assert_eq!(front.lookup(&phone(2)).await, stale("gold", 1));
}

#[test]
fn a_change_too_long_ago_to_be_remembered_counts_as_one_of_whoever_is_asked_for() {
    let mut changed = Changed::default();
    changed.note("C-1".into());
    for n in 0..CHANGED_MAX - 1 {
        changed.note(format!("other {n}"));
    }
    assert!(changed.since(0, "C-1"));
    assert!(!changed.since(1, "C-1"));
    assert!(!changed.since(0, "C-2"));
    changed.note("one more".into());
    assert!(changed.since(0, "C-2"), "nobody knows any more");
    assert!(!changed.since(1, "C-2"));
}

#[tokio::test(start_paused = true)]
async fn more_questions_than_there_is_room_for_are_answered_at_once() {
    let (front, _) = front();
    front.backend.set(39, Ok(Some("gold")));
    let mut callers = JoinSet::new();
    for n in 0..=u32::try_from(FLIGHTS_MAX).unwrap() {
        let front = Arc::clone(&front);
        callers.spawn(async move {
            let begun = Instant::now();
            (front.lookup(&phone(n)).await, begun.elapsed())
        });
    }
    let answers = callers.join_all().await;
    let shed: Vec<_> = answers.iter().filter(|(l, _)| *l == Lookup::Unavailable).collect();
    assert_eq!(shed.len(), 1);
    assert_eq!(shed[0].1, Duration::ZERO);
}
