//! One act on many tickets, over the wire.

use crate::server::{TestServer, ticket_of, told};
use tierline::api::proto::v1 as pb;
use tonic::Code;

fn of_tier(tier: &str) -> pb::BulkFilter {
    pb::BulkFilter { tiers: vec![tier.into()], ..Default::default() }
}

fn act(kind: pb::BulkKind, filter: pb::BulkFilter) -> pb::BulkActionRequest {
    pb::BulkActionRequest {
        filter: Some(filter),
        kind: kind.into(),
        reason: "outage".into(),
        by: "sue".into(),
        ..Default::default()
    }
}

async fn bulk(server: &TestServer, request: pb::BulkActionRequest) -> pb::BulkActionResponse {
    server.ops().bulk_action(request).await.expect("it is taken").into_inner()
}

/// Five silver tickets, two gold ones, and one of the five with ann.
async fn floor() -> TestServer {
    let server = TestServer::start().await;
    server.hire("ann", &["general"]).await;
    server.hire("bob", &["general"]).await;
    for at in 1..=5 {
        server.submit(ticket_of(&format!("S-{at}"), "silver")).await;
    }
    assert_eq!(server.take("ann").await.ticket.expect("it has one").ticket_id, "S-1");
    for at in 1..=2 {
        server.submit(ticket_of(&format!("G-{at}"), "gold")).await;
    }
    server
}

fn ids(answer: &pb::BulkActionResponse) -> Vec<&str> {
    answer.tickets.iter().map(|ticket| ticket.ticket_id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_tells_what_the_act_then_does_to_what_waits_and_to_nothing_else() {
    let server = floor().await;
    let before = server.engine().await;
    let request = act(pb::BulkKind::Withdraw, of_tier("silver"));
    let dry = bulk(&server, pb::BulkActionRequest { dry_run: true, ..request.clone() }).await;
    assert_eq!((dry.dry_run, dry.matched_count, dry.done_count), (true, 4, 4));
    assert_eq!(ids(&dry), ["S-2", "S-3", "S-4", "S-5"], "in order of arrival");
    assert_eq!(server.engine().await.image().tickets, before.image().tickets, "nothing changed");

    // Somebody else has come to the line: what was looked at is no longer what would be done.
    server.submit(ticket_of("S-6", "silver")).await;
    let expecting = pb::BulkActionRequest { expected_count: Some(4), ..request.clone() };
    let refused = server.ops().bulk_action(expecting.clone()).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "BULK_COUNT_CHANGED".to_owned()));
    assert_eq!(server.get("S-2").await.unwrap().state(), pb::TicketState::Waiting);

    let expecting = pb::BulkActionRequest { expected_count: Some(5), ..request.clone() };
    let done = bulk(&server, expecting).await;
    assert_eq!((done.matched_count, done.done_count, done.refused_count), (5, 5, 0));
    let first = &done.tickets[0];
    assert_eq!((first.tier.as_str(), first.outcome()), ("silver", pb::BulkOutcome::Done));
    for (id, state) in [
        ("S-1", pb::TicketState::Assigned),
        ("S-2", pb::TicketState::Cancelled),
        ("S-6", pb::TicketState::Cancelled),
        ("G-1", pb::TicketState::Waiting),
    ] {
        assert_eq!(server.get(id).await.unwrap().state(), state, "{id}");
    }
    assert_eq!(server.get("S-2").await.unwrap().reason, "outage");
    let again = bulk(&server, request).await;
    assert_eq!((again.matched_count, again.done_count), (0, 0), "a repetition finds nothing left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn named_tickets_are_moved_to_the_front_as_far_as_they_wait_and_pass_the_filter() {
    let server = floor().await;
    let named = ["S-5", "S-1", "S-5", "G-1", "S-9", "S-4"].map(str::to_owned).to_vec();
    let filter = pb::BulkFilter { ticket_ids: named, ..of_tier("silver") };
    let request = act(pb::BulkKind::MoveToFront, filter);
    for dry_run in [true, false] {
        let answer = bulk(&server, pb::BulkActionRequest { dry_run, ..request.clone() }).await;
        assert_eq!(ids(&answer), ["S-5", "S-1", "S-9", "S-4"], "each once, and not the gold one");
        assert_eq!((answer.matched_count, answer.done_count, answer.refused_count), (4, 2, 2));
        let refused: Vec<_> = answer.refusals.iter().map(|r| (r.reason(), r.count)).collect();
        let (busy, unknown) = (pb::ErrorReason::TicketNotWaiting, pb::ErrorReason::TicketNotFound);
        assert_eq!(refused, [(busy, 1), (unknown, 1)], "dry run: {dry_run}");
    }
    let again = bulk(&server, request).await;
    assert_eq!((again.done_count, again.unchanged_count), (0, 2));
    assert_eq!(server.take("bob").await.ticket.unwrap().ticket_id, "S-4");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_hands_is_put_back_and_every_act_says_who_and_why() {
    let server = floor().await;
    let filter = pb::BulkFilter { pools: vec!["general".into()], ..Default::default() };
    let done = bulk(&server, act(pb::BulkKind::Requeue, filter)).await;
    assert_eq!((ids(&done), done.done_count), (vec!["S-1"], 1));
    assert_eq!(server.get("S-1").await.unwrap().state(), pb::TicketState::Waiting);
    let request = pb::WatchEventsRequest {
        from_seq: Some(0),
        types: vec![pb::EventType::Intervened.into()],
        ..Default::default()
    };
    let mut answers = server.ops().watch_events(request).await.unwrap().into_inner();
    let mut acts = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        acts.extend(
            answer.events.into_iter().map(|event| (event.ticket_id, event.by, event.reason)),
        );
    }
    assert_eq!(acts, [("S-1".to_owned(), "sue".to_owned(), "outage".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_looks_at_channel_customer_attributes_and_the_wait() {
    let server = TestServer::start().await;
    let mut mail = ticket_of("S-1", "silver");
    mail.channel = pb::Channel::Email.into();
    mail.attributes = [("order".to_owned(), "4711".to_owned())].into();
    server.submit(mail).await;
    server.submit(ticket_of("S-2", "silver")).await;
    let an_hour = prost_types::Duration { seconds: 3600, nanos: 0 };
    let attribute = |value: &str| [("order".to_owned(), value.to_owned())].into();
    let any = pb::BulkFilter::default;
    for (filter, expected) in [
        (pb::BulkFilter { channels: vec![pb::Channel::Email.into()], ..any() }, vec!["S-1"]),
        (pb::BulkFilter { attributes: attribute("4711"), ..any() }, vec!["S-1"]),
        (pb::BulkFilter { attributes: attribute("4712"), ..any() }, vec![]),
        (pb::BulkFilter { customer_id: "c-1".into(), ..any() }, vec![]),
        (pb::BulkFilter { waited_at_least: Some(an_hour), ..any() }, vec![]),
        (pb::BulkFilter { pools: vec!["desk".into()], ..any() }, vec![]),
        (
            pb::BulkFilter { states: vec![pb::TicketState::Waiting.into()], ..any() },
            vec!["S-1", "S-2"],
        ),
    ] {
        let dry_run = true;
        let request =
            pb::BulkActionRequest { dry_run, ..act(pb::BulkKind::Withdraw, filter.clone()) };
        assert_eq!(ids(&bulk(&server, request).await), expected, "{filter:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_are_acted_on_in_batches_and_a_hundred_of_them_told() {
    let server = TestServer::start().await;
    for at in 0..450 {
        server.submit(ticket_of(&format!("S-{at}"), "silver")).await;
    }
    let done = bulk(&server, act(pb::BulkKind::Withdraw, of_tier("silver"))).await;
    assert_eq!((done.matched_count, done.done_count, done.tickets.len()), (450, 450, 100));
    assert!(done.tickets.iter().all(|ticket| ticket.outcome() == pb::BulkOutcome::Done));
    assert_eq!(server.engine().await.ticket_count(), 0);
}
