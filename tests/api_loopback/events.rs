//! `OpsService.WatchEvents`: every event in order, old and new, for readers of every speed.

use crate::server::{TestServer, Wish, ticket_of, told};
use std::time::Duration;
use tierline::api::Settings;
use tierline::api::proto::v1::ops_service_client::OpsServiceClient;
use tierline::api::proto::v1::{self as pb, EventType as Type};
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tonic_types::StatusExt as _;

/// Everything that is kept, in one go.
async fn all(server: &TestServer, request: pb::WatchEventsRequest) -> Vec<pb::Event> {
    let mut answers = server.ops().watch_events(request).await.expect("a stream").into_inner();
    let mut events = Vec::new();
    while let Some(answer) = answers.message().await.expect("it ends well") {
        assert!(answer.events.iter().all(|event| event.seq <= answer.through_seq));
        events.extend(answer.events);
    }
    events
}

fn from(seq: u64) -> pb::WatchEventsRequest {
    pb::WatchEventsRequest { from_seq: Some(seq), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_told_with_the_ids_and_names_of_their_time() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior", "general"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let taken = server.take("ann").await;
    server.complete("T-1", taken.lease_token).await.expect("she holds it");

    let events = all(&server, from(0)).await;
    let numbers: Vec<_> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    let types: Vec<_> = events.iter().map(pb::Event::r#type).collect();
    assert_eq!(
        types,
        [
            Type::Started,
            Type::PolicyApplied,
            Type::AgentPut,
            Type::PresenceSet,
            Type::Submitted,
            Type::Assigned,
            Type::Completed
        ]
    );
    assert_eq!(events[1].policy_version, "test-1");
    assert_eq!((events[2].agent_id.as_str(), events[2].pools.len()), ("ann", 2));
    for event in &events[4..] {
        assert_eq!((event.ticket_id.as_str(), event.ticket_number), ("T-1", 1), "{event:?}");
        assert_eq!(event.tier, "gold");
    }
    assert_eq!(
        (events[5].agent_id.as_str(), &events[5].pools[..]),
        ("ann", &["senior".into()][..])
    );
    assert_eq!(events[6].details["outcome"], "solved");
    // After a restart they are all still there, with the same words, and the new start.
    let server = server.restart().await;
    let later = all(&server, from(0)).await;
    assert_eq!(later[..events.len()], events[..]);
    assert_eq!(later.last().expect("the start").r#type(), Type::Started);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_leave_out_and_still_count_on() {
    let server = TestServer::start().await;
    for number in 0..20 {
        let tier = if number % 2 == 0 { "gold" } else { "silver" };
        server.submit(ticket_of(&format!("T-{number}"), tier)).await;
    }
    let request = pb::WatchEventsRequest {
        types: vec![pb::EventType::Submitted.into()],
        tiers: vec!["silver".into()],
        ..from(1)
    };
    let events = all(&server, request).await;
    let ids: Vec<_> = events.iter().map(|event| event.ticket_id.as_str()).collect();
    assert_eq!(ids, (0..10).map(|n| format!("T-{}", 2 * n + 1)).collect::<Vec<_>>());
    let request =
        pb::WatchEventsRequest { types: vec![pb::EventType::Completed.into()], ..from(1) };
    let mut answers = server.ops().watch_events(request).await.unwrap().into_inner();
    let only = answers.message().await.unwrap().expect("how far it has come");
    assert_eq!((only.events.len(), only.through_seq), (0, 22));
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_and_new_events_join_without_a_gap_and_without_a_duplicate_under_load() {
    let server = TestServer::start().await;
    let count = 300;
    let submit = |range: std::ops::Range<u32>| {
        let mut intake = server.intake();
        async move {
            for number in range {
                intake.submit_ticket(ticket_of(&format!("T-{number}"), "gold")).await.unwrap();
            }
        }
    };
    submit(0..100).await;
    let readers = (0..4).map(|reader| {
        let mut ops = server.ops();
        tokio::spawn(async move {
            let request = pb::WatchEventsRequest { follow: true, ..from(1 + 20 * reader) };
            let mut answers = ops.watch_events(request).await.unwrap().into_inner();
            let mut next = 1 + 20 * reader;
            let mut seen = 0;
            // The start, the policy and every ticket.
            while next <= u64::from(count) + 2 {
                let answer = answers.message().await.unwrap().expect("it goes on");
                for event in answer.events {
                    assert_eq!(event.seq, next, "in order, each once");
                    next += 1;
                    seen += 1;
                }
                assert_eq!(answer.through_seq + 1, next);
            }
            seen
        })
    });
    let readers: Vec<_> = readers.collect();
    tokio::join!(submit(100..200), submit(200..count));
    for (reader, seen) in readers.into_iter().zip([302, 282, 262, 242]) {
        assert_eq!(reader.await.unwrap(), seen);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_is_not_there_is_out_of_range_and_says_what_is() {
    let server = TestServer::start().await;
    let ahead = server.ops().watch_events(from(99)).await.unwrap_err();
    assert_eq!(told(&ahead), (Code::OutOfRange, "EVENT_NOT_KEPT".to_owned()));
    assert_eq!(ahead.get_error_details().error_info().unwrap().metadata["next"], "3");
    let unknown = pb::WatchEventsRequest {
        types: vec![0, 4711],
        tiers: vec!["nobody".into()],
        ..Default::default()
    };
    let refused = server.ops().watch_events(unknown).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    for field in ["types[0]", "types[1]: 4711"] {
        assert!(refused.message().contains(field), "{}", refused.message());
    }
    let unknown = pb::WatchEventsRequest { tiers: vec!["nobody".into()], ..Default::default() };
    let refused = server.ops().watch_events(unknown).await.unwrap_err();
    assert!(refused.message().contains("tiers[0]: the policy has no tier \"nobody\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_who_takes_nothing_is_told_where_to_go_on_and_slows_nobody() {
    let settings = Settings { reader_patience: Duration::from_millis(50), ..Settings::default() };
    let server = TestServer::start_as(Wish { settings, ..Wish::default() }).await;
    // More than what a connection buffers, with reasons of the greatest length.
    let count = 1000;
    let mut ended = tokio::task::JoinSet::new();
    for number in 0..count {
        let mut intake = server.intake();
        ended.spawn(async move {
            let id = format!("{number:064}");
            intake.submit_ticket(ticket_of(&id, "gold")).await.unwrap();
            // Four bytes a character.
            let request =
                pb::CancelTicketRequest { ticket_id: id, reason: "\u{1f4de}".repeat(200) };
            intake.cancel_ticket(request).await.unwrap();
        });
    }
    while let Some(done) = ended.join_next().await {
        done.unwrap();
    }
    let mut lazy = lazy_client(&server).await;
    let request = pb::WatchEventsRequest { follow: true, ..from(1) };
    let mut unread = lazy.watch_events(request).await.unwrap().into_inner();
    let in_use = || async {
        let info = server.admin().get_server_info(pb::GetServerInfoRequest {}).await.unwrap();
        let limits = info.into_inner().limits;
        limits.iter().find(|limit| limit.name == "watchers_max").and_then(|limit| limit.current)
    };
    // Everybody else goes on while it reads nothing, until it has lost its place.
    let mut more = 0;
    while in_use().await == Some(1) {
        server.submit(ticket_of(&format!("T-{more}"), "gold")).await;
        more += 1;
    }
    let mut next = 1;
    let status = loop {
        match unread.message().await {
            Ok(answer) => {
                for event in answer.expect("it does not end well").events {
                    assert_eq!(event.seq, next);
                    next += 1;
                }
            }
            Err(status) => break status,
        }
    };
    assert_eq!(told(&status), (Code::Aborted, "READER_TOO_SLOW".to_owned()));
    let details = status.get_error_details();
    let resume = &details.error_info().unwrap().metadata["resume_from"];
    assert_eq!(*resume, next.to_string());
    // From there it misses nothing.
    let rest = all(&server, from(next)).await;
    assert_eq!(rest.first().map(|event| event.seq), Some(next));
    assert_eq!(rest.last().map(|event| event.seq), Some(2 + 2 * count + more));
}

/// A client on a connection of its own, which buffers little.
async fn lazy_client(server: &TestServer) -> OpsServiceClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address)).expect("an address");
    let endpoint = endpoint.initial_stream_window_size(65_535);
    OpsServiceClient::new(endpoint.connect().await.expect("the server listens"))
}
