//! The driver on a real journal: answers come after the sync, waits end when they should, and a disk
//! that is full or broken loses nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::Arc;
use std::time::Duration;
use tierline::clock::Clock;
use tierline::driver::{
    self, Bulk, CompleteAsk, Completed, Handle, Outcome, PullAsk, Pulled, Receipt, Refused, Seen,
    Settings, Stopped,
};
use tierline::engine::Limits;
use tierline::engine::command::{AgentProfile, Intervention, Lookup, Rejection, Submit, WaitEnd};
use tierline::engine::model::{
    AgentId, Channel, LeaseToken, Policy, PoolIx, PoolSet, Presence, Report, TicketId,
};
use tierline::engine::timing::Urgency;
use tierline::journal::frame::Frame;
use tierline::journal::memory::MemoryStore;
use tierline::journal::{self, Journal};
use tierline::metrics::Metrics;

const POLICY: &str = r#"
version = "driver-test"
[customers]
unknown = "low"
unavailable = "low"
[[tier]]
name = "high"
rank = 1
pools = ["desk"]
respond_within = { default = "15s" }
[[tier]]
name = "low"
rank = 2
pools = ["desk"]
respond_within = { default = "5m" }
[[pool]]
name = "desk"
lease = "1h"
"#;

fn policy(text: &str) -> Arc<Policy> {
    Arc::new(tierline::policy::parse("policy.toml", text).expect("the policy is sound").0)
}

type Thread = std::thread::JoinHandle<Result<(), Stopped>>;

fn start(opened: (Journal, journal::Recovered), policy: &Arc<Policy>) -> (Handle, Thread) {
    start_as(opened, policy, Settings::default())
}

fn start_as(
    opened: (Journal, journal::Recovered),
    policy: &Arc<Policy>,
    settings: Settings,
) -> (Handle, Thread) {
    let (journal, recovered) = opened;
    let clock = Clock::start(recovered.last_at, 1.0);
    let metrics = Arc::new(Metrics::default());
    driver::start(journal, recovered.engine, clock, policy, settings, metrics)
        .expect("the driver starts")
}

fn on_disk(folder: &tempfile::TempDir, size_max: Option<u64>) -> (Journal, journal::Recovered) {
    let settings = journal::Settings { size_max, ..journal::Settings::default() };
    Journal::open(folder.path(), settings, Limits::default()).expect("the journal opens")
}

fn in_memory(store: &MemoryStore) -> (Journal, journal::Recovered) {
    Journal::with_store(Box::new(store.clone()), Limits::default()).expect("the journal opens")
}

fn ticket(id: &str, payload: usize) -> Submit {
    Submit {
        id: TicketId::new(id),
        fingerprint: 7,
        channel: Channel::Voice,
        urgency: Urgency::Normal,
        caller: None,
        content: Arc::new(tierline::engine::model::Content {
            payload: vec![b'x'; payload].into(),
            ..Default::default()
        }),
        lookup: Lookup::Given { tier: "low".into() },
        not_before: None,
        earlier: None,
        asked: None,
        topic: None,
    }
}

async fn submit(handle: &Handle, id: &str) -> Result<Receipt, Refused> {
    handle.submit(ticket(id, 10), true).await
}

async fn available(handle: &Handle, id: &str) -> AgentId {
    let agent = AgentId::new(id);
    let pools = PoolSet::of([PoolIx(0)]);
    let profile = AgentProfile { id: agent.clone(), pools, capacity: 1, ..AgentProfile::default() };
    handle.put_agent(profile).await.unwrap();
    handle.set_presence(agent.clone(), Presence::Available).await.unwrap();
    agent
}

fn ask(agent: &AgentId, wait_ms: i64) -> PullAsk {
    PullAsk { agent: agent.clone(), request: None, wait_ms }
}

fn complete(id: &str, token: LeaseToken) -> CompleteAsk {
    let ticket = TicketId::new(id);
    CompleteAsk { ticket, token, report: Report { outcome: "done".into(), ..Report::default() } }
}

fn assigned(pulled: Pulled) -> (String, LeaseToken) {
    match pulled {
        Pulled::Assignment { live, .. } => {
            let token = live.ticket.assignment().expect("it is assigned").token;
            (live.ticket.id.to_string(), token)
        }
        Pulled::Empty(why) => panic!("nothing was pulled: {why:?}"),
    }
}

/// Waits until the driver has an agent waiting.
async fn until_waiting(handle: &Handle) {
    while !handle.read(|engine, _| engine.roster().anyone_waits()).await.unwrap() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_act_on_many_leaves_alone_whom_the_floor_has_moved_on_since() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, _thread) = start(on_disk(&folder, None), &policy(POLICY));
    let agent = available(&handle, "ann").await;
    for id in ["t1", "t2"] {
        submit(&handle, id).await.unwrap();
    }
    // Chosen while both waited; before the act the first is picked up.
    let chosen = ["t1", "t2", "t3"].map(TicketId::new).to_vec();
    assert_eq!(assigned(handle.pull(ask(&agent, 0)).await.unwrap()).0, "t1");
    let bulk = Bulk {
        action: Intervention::Withdraw,
        by: "sue".into(),
        reason: "outage".into(),
        meant: Arc::new(|_, ticket, _| ticket.is_waiting()),
    };
    let outcomes = handle.act_on(bulk, chosen).await.unwrap();
    let unknown = Outcome::Refused(Rejection::TicketNotFound);
    assert_eq!(outcomes, [Outcome::Elsewhere, Outcome::Done, unknown]);
    let left = handle.read(|engine, _| engine.ticket_count()).await.unwrap();
    assert_eq!(left, 1, "the one that is worked on");
}

#[tokio::test]
async fn a_waiting_pull_is_answered_by_the_submit_that_brings_the_ticket() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, _thread) = start(on_disk(&folder, None), &policy(POLICY));
    let agent = available(&handle, "ann").await;
    let (puller, asked) = (handle.clone(), ask(&agent, 60_000));
    let pull = tokio::spawn(async move { puller.pull(asked).await });
    until_waiting(&handle).await;
    let receipt = submit(&handle, "t1").await.unwrap();
    assert_eq!(assigned(pull.await.unwrap().unwrap()).0, "t1");
    assert!(!receipt.repeated);
}

#[tokio::test]
async fn a_caller_who_goes_away_waits_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, _thread) = start(on_disk(&folder, None), &policy(POLICY));
    let agent = available(&handle, "ann").await;
    let (puller, asked) = (handle.clone(), ask(&agent, 60_000));
    let pull = tokio::spawn(async move { puller.pull(asked).await });
    until_waiting(&handle).await;
    pull.abort();
    while handle.read(|engine, _| engine.roster().anyone_waits()).await.unwrap() {
        tokio::task::yield_now().await;
    }
    let receipt = submit(&handle, "t1").await.unwrap();
    assert!(matches!(receipt.seen, Seen::Live(live) if live.ticket.assignment().is_none()));
}

#[tokio::test]
async fn a_pull_that_does_not_want_to_wait_is_answered_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, _thread) = start(on_disk(&folder, None), &policy(POLICY));
    let agent = available(&handle, "ann").await;
    let pulled = handle.pull(ask(&agent, 0)).await.unwrap();
    assert!(matches!(pulled, Pulled::Empty(WaitEnd::Nothing)));
}

#[tokio::test]
async fn a_newer_pull_of_the_same_agent_takes_the_place_of_the_older() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, _thread) = start(on_disk(&folder, None), &policy(POLICY));
    let agent = available(&handle, "ann").await;
    let (puller, asked) = (handle.clone(), ask(&agent, 60_000));
    let older = tokio::spawn(async move { puller.pull(asked).await });
    until_waiting(&handle).await;
    let (puller, asked) = (handle.clone(), ask(&agent, 60_000));
    let newer = tokio::spawn(async move { puller.pull(asked).await });
    assert!(matches!(older.await.unwrap().unwrap(), Pulled::Empty(WaitEnd::Replaced)));
    submit(&handle, "t1").await.unwrap();
    assert_eq!(assigned(newer.await.unwrap().unwrap()).0, "t1");
}

#[tokio::test]
async fn completing_and_pulling_the_next_is_one_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, _thread) = start(on_disk(&folder, None), &policy(POLICY));
    let agent = available(&handle, "ann").await;
    submit(&handle, "t1").await.unwrap();
    submit(&handle, "t2").await.unwrap();
    let (id, token) = assigned(handle.pull(ask(&agent, 0)).await.unwrap());
    let next = Some(ask(&agent, 0));
    let Completed { seen, pulled, .. } = handle.complete(complete(&id, token), next).await.unwrap();
    assert!(matches!(seen, Seen::Ended(row) if row.id.as_str() == "t1"));
    assert_eq!(assigned(pulled.unwrap().unwrap()).0, "t2");
}

#[tokio::test]
async fn everything_acknowledged_is_there_after_a_restart_and_retries_get_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let rules = policy(POLICY);
    let (handle, thread) = start(on_disk(&folder, None), &rules);
    let agent = available(&handle, "ann").await;
    for id in ["t1", "t2", "t3"] {
        submit(&handle, id).await.unwrap();
    }
    let (_, token) = assigned(handle.pull(ask(&agent, 0)).await.unwrap());
    handle.complete(complete("t1", token), None).await.unwrap();
    let (_, held) = assigned(handle.pull(ask(&agent, 0)).await.unwrap());
    handle.stop().await;
    thread.join().unwrap().unwrap();
    drop(handle);

    let (handle, _thread) = start(on_disk(&folder, None), &rules);
    // The assignment that was lost on the way, the submit and the completion, all asked for again.
    assert_eq!(assigned(handle.pull(ask(&agent, 0)).await.unwrap()), ("t2".to_owned(), held));
    assert!(submit(&handle, "t1").await.unwrap().repeated);
    assert!(submit(&handle, "t3").await.unwrap().repeated);
    let Completed { seen, .. } = handle.complete(complete("t1", token), None).await.unwrap();
    assert!(matches!(seen, Seen::Ended(row) if row.outcome.as_deref() == Some("done")));
    let wrong = handle.complete(complete("t1", LeaseToken(token.0 + 1)), None).await;
    assert_eq!(wrong.unwrap_err(), Refused::Rule(Rejection::TicketCompleted));
    handle.cancel(TicketId::new("t3"), "no more".into()).await.unwrap();
    handle.cancel(TicketId::new("t3"), "no more".into()).await.unwrap();
    let late = handle.cancel(TicketId::new("t1"), "no more".into()).await;
    assert_eq!(late.unwrap_err(), Refused::Rule(Rejection::TicketCompleted));
}

#[tokio::test]
async fn a_cancel_repeated_after_the_ticket_left_memory_gets_the_same_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, thread) = start(on_disk(&folder, None), &policy(POLICY));
    submit(&handle, "t1").await.unwrap();
    handle.cancel(TicketId::new("t1"), "hung up".into()).await.unwrap();
    handle.stop().await;
    thread.join().unwrap().unwrap();
    drop(handle);
    // Another policy: what ended is forgotten by the engine, and known to the history alone.
    let (handle, _thread) =
        start(on_disk(&folder, None), &policy(&POLICY.replace("driver-test", "another")));
    let seen = handle.cancel(TicketId::new("t1"), "hung up".into()).await.unwrap();
    assert!(matches!(seen, Seen::Ended(row) if row.reason.as_deref() == Some("hung up")));
    let mut other = ticket("t1", 10);
    other.fingerprint = 8;
    let clash = handle.submit(other, true).await;
    assert_eq!(clash.unwrap_err(), Refused::Rule(Rejection::TicketExists));
}

#[tokio::test]
async fn a_watched_ticket_tells_each_change_and_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, _thread) = start(on_disk(&folder, None), &policy(POLICY));
    let agent = available(&handle, "ann").await;
    submit(&handle, "t1").await.unwrap();
    let mut watched = handle.watch(TicketId::new("t1")).await.unwrap().expect("it is live");
    assert!(matches!(&*watched.borrow_and_update(), Seen::Live(live)
        if live.ticket.assignment().is_none()));
    let (_, token) = assigned(handle.pull(ask(&agent, 0)).await.unwrap());
    watched.changed().await.unwrap();
    assert!(matches!(&*watched.borrow_and_update(), Seen::Live(live)
        if live.ticket.assignment().is_some()));
    handle.complete(complete("t1", token), None).await.unwrap();
    watched.changed().await.unwrap();
    assert!(matches!(&*watched.borrow_and_update(), Seen::Ended(_)));
    assert!(watched.changed().await.is_err(), "after its end nothing is told");
    assert!(handle.watch(TicketId::new("t1")).await.unwrap().is_none());
}

#[tokio::test]
async fn stopping_answers_those_who_wait() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, thread) = start(on_disk(&folder, None), &policy(POLICY));
    let agent = available(&handle, "ann").await;
    let (puller, asked) = (handle.clone(), ask(&agent, 60_000));
    let pull = tokio::spawn(async move { puller.pull(asked).await });
    until_waiting(&handle).await;
    handle.stop().await;
    assert_eq!(pull.await.unwrap().unwrap_err(), Refused::Stopping);
    thread.join().unwrap().unwrap();
    assert_eq!(submit(&handle, "t1").await.unwrap_err(), Refused::Stopping);
}

#[tokio::test]
async fn a_policy_that_would_strand_waiting_tickets_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, thread) = start(on_disk(&folder, None), &policy(POLICY));
    submit(&handle, "t1").await.unwrap();
    handle.stop().await;
    thread.join().unwrap().unwrap();
    drop(handle);
    let (journal, recovered) = on_disk(&folder, None);
    let clock = Clock::start(recovered.last_at, 1.0);
    let renamed = policy(&POLICY.replace("\"low\"", "\"other\""));
    let settings = Settings::default();
    let metrics = Arc::new(Metrics::default());
    let stopped = driver::start(journal, recovered.engine, clock, &renamed, settings, metrics);
    assert!(matches!(stopped.err(), Some(Stopped::PolicyStrands { tier, count: 1, .. })
        if &*tier == "low"));
}

#[tokio::test]
async fn without_space_nothing_is_accepted_nothing_is_lost_and_work_goes_on_when_there_is_some() {
    let store = MemoryStore::new();
    let (handle, _thread) = start(in_memory(&store), &policy(POLICY));
    let agent = available(&handle, "ann").await;
    submit(&handle, "t1").await.unwrap();
    let (puller, asked) = (handle.clone(), ask(&available(&handle, "bob").await, 60_000));
    let (_, token) = assigned(handle.pull(ask(&agent, 0)).await.unwrap());
    let pull = tokio::spawn(async move { puller.pull(asked).await });
    until_waiting(&handle).await;

    store.set_full(true);
    assert_eq!(submit(&handle, "t2").await.unwrap_err(), Refused::NoSpace);
    assert_eq!(pull.await.unwrap().unwrap_err(), Refused::NoSpace, "who waits is told as well");
    assert_eq!(handle.complete(complete("t1", token), None).await.unwrap_err(), Refused::NoSpace);
    // Reads are still answered, and show what is on disk.
    assert!(handle.ticket(TicketId::new("t2")).await.unwrap().is_none());
    assert!(matches!(handle.ticket(TicketId::new("t1")).await.unwrap(), Some(Seen::Live(_))));

    store.set_full(false);
    while matches!(submit(&handle, "t2").await, Err(Refused::NoSpace)) {
        tokio::task::yield_now().await;
    }
    handle.complete(complete("t1", token), None).await.unwrap();
    handle.read(|engine, _| engine.audit()).await.unwrap().unwrap();
    assert!(!handle.read(|engine, _| engine.roster().anyone_waits()).await.unwrap());
}

#[tokio::test]
async fn that_there_is_no_space_and_that_there_is_again_is_told_before_the_next_view_is_due() {
    let store = MemoryStore::new();
    let settings = Settings { view_every_ms: 3_600_000, ..Settings::default() };
    let (handle, _thread) = start_as(in_memory(&store), &policy(POLICY), settings);
    let mut views = handle.views();
    for is_full in [true, false] {
        store.set_full(is_full);
        // Refused while there is none, and taken or refused while that is being found out.
        let _ = submit(&handle, "t1").await;
        let told = views.wait_for(|view| view.is_full == is_full);
        let told = tokio::time::timeout(Duration::from_secs(60), told).await;
        told.expect("it is told").expect("the driver runs");
    }
}

#[tokio::test]
async fn a_real_file_that_may_not_grow_refuses_and_keeps_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let rules = policy(POLICY);
    let (handle, thread) = start(on_disk(&folder, Some(1 << 20)), &rules);
    let mut accepted = Vec::new();
    let refused = loop {
        let id = format!("t{}", accepted.len());
        match handle.submit(ticket(&id, 20_000), true).await {
            Ok(_) => accepted.push(id),
            Err(refused) => break refused,
        }
        assert!(accepted.len() < 1000, "a megabyte does not hold this many");
    };
    assert_eq!(refused, Refused::NoSpace);
    handle.stop().await;
    thread.join().unwrap().unwrap();
    drop(handle);
    // With more room the same directory goes on, and has all that was acknowledged.
    let (handle, _thread) = start(on_disk(&folder, Some(8 << 20)), &rules);
    for id in &accepted {
        let seen = handle.ticket(TicketId::new(id.as_str())).await.unwrap();
        assert!(matches!(seen, Some(Seen::Live(_))), "{id} was acknowledged");
    }
    assert_eq!(handle.read(|engine, _| engine.ticket_count()).await.unwrap(), accepted.len());
    handle.submit(ticket("more", 20_000), true).await.unwrap();
}

#[tokio::test]
async fn after_a_failed_sync_nobody_is_told_yes_and_the_driver_ends() {
    let store = MemoryStore::new();
    let (handle, thread) = start(in_memory(&store), &policy(POLICY));
    submit(&handle, "t1").await.unwrap();
    store.fail_sync(1);
    assert_eq!(submit(&handle, "t2").await.unwrap_err(), Refused::JournalFailed);
    assert!(matches!(thread.join().unwrap(), Err(Stopped::Append(_))));
    // What was acknowledged is in the durable bytes.
    let survivor = MemoryStore::reopen(&store.durable()).unwrap();
    let (_, recovered) = in_memory(&survivor);
    assert!(recovered.engine.ticket(&TicketId::new("t1")).is_some());
}

#[tokio::test]
async fn a_completion_is_not_acknowledged_by_the_pull_that_came_with_it_when_the_sync_fails() {
    for waiting in [0, 1] {
        let store = MemoryStore::new();
        let (handle, thread) = start(in_memory(&store), &policy(POLICY));
        let agent = available(&handle, "ann").await;
        submit(&handle, "t1").await.unwrap();
        let (_, token) = assigned(handle.pull(ask(&agent, 0)).await.unwrap());
        for _ in 0..waiting {
            submit(&handle, "t2").await.unwrap();
        }
        store.fail_sync(1);
        let done = handle.complete(complete("t1", token), Some(ask(&agent, 0))).await;
        assert_eq!(done.unwrap_err(), Refused::JournalFailed, "{waiting} waiting");
        assert!(thread.join().unwrap().is_err());
    }
}

#[tokio::test]
async fn what_a_batch_showed_that_never_reached_the_disk_is_not_shown() {
    let store = MemoryStore::new();
    let (handle, _thread) = start(in_memory(&store), &policy(POLICY));
    let (free, busy) = std::sync::mpsc::channel::<()>();
    let mut blocked = Box::pin(handle.read(move |_, _| busy.recv().is_ok()));
    assert!(polled_once(&mut blocked).await.is_none());
    submit_unanswered(&handle, "t1").await;
    let mut read = Box::pin(handle.read(|engine, _| engine.ticket_count()));
    assert!(polled_once(&mut read).await.is_none());
    store.set_full(true);
    free.send(()).unwrap();
    assert_eq!(read.await.unwrap_err(), Refused::NoSpace);
    assert_eq!(handle.read(|engine, _| engine.ticket_count()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_start_without_space_says_so_instead_of_serving_by_an_older_policy() {
    let store = MemoryStore::new();
    store.set_full(true);
    let (journal, recovered) = in_memory(&store);
    let clock = Clock::start(recovered.last_at, 1.0);
    let (settings, metrics) = (Settings::default(), Arc::new(Metrics::default()));
    let rules = policy(POLICY);
    let stopped = driver::start(journal, recovered.engine, clock, &rules, settings, metrics);
    assert!(matches!(stopped.err(), Some(Stopped::NoSpace)));
}

#[tokio::test]
async fn a_caller_who_leaves_with_the_answer_on_its_way_has_not_seen_the_ticket() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, _thread) = start(on_disk(&folder, None), &policy(POLICY));
    let agent = available(&handle, "ann").await;
    submit(&handle, "t1").await.unwrap();
    // The driver is kept busy until pull and read wait for it, in this order.
    let (free, busy) = std::sync::mpsc::channel::<()>();
    let mut blocked = Box::pin(handle.read(move |_, _| busy.recv().is_ok()));
    assert!(polled_once(&mut blocked).await.is_none());
    let mut pull = Box::pin(handle.pull(ask(&agent, 0)));
    assert!(polled_once(&mut pull).await.is_none());
    let is_held = |engine: &tierline::engine::Engine, _| {
        engine.ticket(&TicketId::new("t1")).is_some_and(|ticket| ticket.assignment().is_some())
    };
    let mut read = Box::pin(handle.read(is_held));
    assert!(polled_once(&mut read).await.is_none());
    free.send(()).unwrap();
    // This is answered after the pull, which nobody has looked at since.
    assert!(read.await.unwrap());
    drop(pull);
    while handle.read(is_held).await.unwrap() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_caller_who_leaves_while_the_queue_to_the_driver_is_full_keeps_no_ticket() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { queue_max: 2, ..Settings::default() };
    let (handle, _thread) = start_as(on_disk(&folder, None), &policy(POLICY), settings);
    let agent = available(&handle, "ann").await;
    submit(&handle, "t1").await.unwrap();
    let (begun, begins) = std::sync::mpsc::channel::<()>();
    let (free, busy) = std::sync::mpsc::channel::<()>();
    let blocking = handle.read(move |_, _| begun.send(()).is_ok() && busy.recv().is_ok());
    let mut blocked = Box::pin(blocking);
    assert!(polled_once(&mut blocked).await.is_none());
    begins.recv().unwrap();
    let mut pull = Box::pin(handle.pull(ask(&agent, 0)));
    assert!(polled_once(&mut pull).await.is_none());
    let is_held = |engine: &tierline::engine::Engine, _| {
        engine.ticket(&TicketId::new("t1")).is_some_and(|ticket| ticket.assignment().is_some())
    };
    let mut read = Box::pin(handle.read(is_held));
    assert!(polled_once(&mut read).await.is_none());
    let refused = handle.read(is_held).await.unwrap_err();
    assert_eq!(refused, Refused::Busy { max: 2 }, "the queue is full");
    drop(pull);
    free.send(()).unwrap();
    assert!(read.await.unwrap(), "it was handed over, and nobody was there");
    while handle.read(is_held).await != Ok(false) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn everything_that_falls_due_at_once_goes_to_disk_in_batches() {
    const TICKETS: u64 = 100_000;
    let store = MemoryStore::new();
    let rules = policy(POLICY);
    let (handle, thread) = start(in_memory(&store), &rules);
    for nth in 0..TICKETS {
        submit_unanswered(&handle, &format!("t{nth}")).await;
        if nth % 1000 == 999 {
            handle.read(|_, _| ()).await.unwrap();
        }
    }
    handle.stop().await;
    thread.join().unwrap().unwrap();
    let before = store.durable().len();
    // A day later every deadline has passed.
    let (journal, recovered) = in_memory(&store);
    let clock = Clock::start(recovered.last_at.plus_ms(86_400_000), 1.0);
    let metrics = Arc::new(Metrics::default());
    let engine = recovered.engine;
    let (handle, _thread) =
        driver::start(journal, engine, clock, &rules, Settings::default(), metrics).unwrap();
    let late = |engine: &tierline::engine::Engine, _| {
        engine.queues().iter().map(|(_, queue)| queue.late_count()).sum::<u64>()
    };
    assert_eq!(handle.read(late).await.unwrap(), TICKETS);
    let durable = store.durable();
    let (mut rest, mut sizes) = (&durable[before..], Vec::new());
    while !rest.is_empty() {
        let (frame, more) = Frame::parse_first(rest).unwrap();
        sizes.push(frame.bytes().len());
        rest = more;
    }
    assert!(sizes.len() >= 2, "more than one batch: {sizes:?}");
    assert!(sizes.iter().all(|size| *size < 1_500_000), "{sizes:?}");
}

#[tokio::test]
async fn a_ticket_whose_answer_nobody_hears_goes_back_unless_a_repeated_pull_brings_it() {
    let folder = tempfile::tempdir().unwrap();
    let (handle, _thread) = start(on_disk(&folder, None), &policy(POLICY));
    let agent = available(&handle, "ann").await;
    // The driver is kept busy until both pulls wait for it, so that they share a batch.
    let (free, busy) = std::sync::mpsc::channel::<()>();
    let (driver, blocked) = (handle.clone(), handle.read(move |_, _| busy.recv().is_ok()));
    let mut blocked = Box::pin(blocked);
    assert!(polled_once(&mut blocked).await.is_none());
    submit_unanswered(&driver, "t1").await;
    let named = PullAsk { request: Some("p1".into()), ..ask(&agent, 0) };
    let mut first = Box::pin(driver.pull(named.clone()));
    assert!(polled_once(&mut first).await.is_none());
    let mut again = Box::pin(driver.pull(named.clone()));
    assert!(polled_once(&mut again).await.is_none());
    drop(first);
    free.send(()).unwrap();
    let (id, token) = assigned(again.await.unwrap());
    assert_eq!(id, "t1");
    // It is still in the agent's hands: the repeated pull has brought it.
    let pulled = handle.pull(named).await.unwrap();
    assert_eq!(assigned(pulled), (id, token));
    handle.complete(complete("t1", token), None).await.unwrap();
}

/// Polls once, and says whether it is ready.
async fn polled_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        let polled = std::pin::Pin::new(&mut *future).poll(context);
        std::task::Poll::Ready(match polled {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

/// Hands a submit to the driver without waiting for its answer.
async fn submit_unanswered(handle: &Handle, id: &str) {
    let mut submit = Box::pin(handle.submit(ticket(id, 10), true));
    // A quick driver may have answered already; either way the submit has been sent.
    let _ = polled_once(&mut submit).await;
}
