//! Limits that speak: what one too many is told, and what makes a place free.

use crate::server::{TestServer, Wish, ticket_of, told};
use crate::work::Line;
use std::time::Duration;
use tierline::api::Settings;
use tierline::api::proto::v1 as pb;
use tierline::engine::Limits;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The limit's name, its value, how much there is, and when to come again.
fn limit_of(refused: &Status) -> (String, u64, u64, Duration) {
    assert_eq!(told(refused), (Code::ResourceExhausted, "LIMIT_REACHED".to_owned()));
    let details = refused.get_error_details();
    let info = details.error_info().expect("every refusal has a reason");
    let number = |key: &str| info.metadata[key].parse().expect("a number");
    let delay = details.retry_info().and_then(|info| info.retry_delay);
    (
        info.metadata["limit"].clone(),
        number("value"),
        number("current"),
        delay.expect("a limit says when to come again"),
    )
}

/// The policy of the tests with these keys in the tier gold.
fn with_gold(keys: &str) -> String {
    let policy = Wish::default().policy;
    let (head, rest) = policy.split_once("[[tier]]").expect("it has tiers");
    format!("{head}[[tier]]\n{keys}{rest}")
}

/// What the server says of a limit.
async fn shown(server: &TestServer, name: &str) -> (u64, Option<u64>) {
    let info = server.admin().get_server_info(pb::GetServerInfoRequest {}).await;
    let limits = info.expect("it answers").into_inner().limits;
    let limit = limits.iter().find(|limit| limit.name == name).expect("it is told");
    (limit.value, limit.current)
}

const UNKNOWN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_accepted_offer_makes_a_place_in_line_free_and_one_that_is_declined_does_not() {
    let policy = with_gold("queue_max = { voice = 1 }\n");
    let server = TestServer::start_as(Wish { policy, ..Wish::default() }).await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let mut line = Line::open(&server, "ann").await;
    let offer = line.offer().await;
    line.decline(&offer).await;
    server.until(|view| view.waiting_count == 1).await;
    let refused = server.intake().submit_ticket(ticket_of("T-2", "gold")).await.unwrap_err();
    let (name, value, current, delay) = limit_of(&refused);
    assert_eq!((&*name, value, current, delay), ("queue_max.gold.voice", 1, 1, UNKNOWN));
    // Another agent, who has not declined it, while the first is away.
    drop(line);
    server.until(|view| view.pools[0].away_count == 1).await;
    server.hire("bob", &["senior"]).await;
    let mut line = Line::open(&server, "bob").await;
    let offer = line.offer().await;
    line.accept(&offer).await;
    server.submit(ticket_of("T-2", "gold")).await;
    let refused = server.intake().submit_ticket(ticket_of("T-3", "gold")).await.unwrap_err();
    let (_, _, current, delay) = limit_of(&refused);
    assert_eq!(current, 1);
    assert!(delay < UNKNOWN, "{delay:?} is not from the rate");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_whose_time_is_over_makes_its_places_free() {
    let policy = with_gold("queue_max = { voice = 1 }\nexpires_after = { voice = \"1s\" }\n");
    let limits = Limits { tickets_max: 1, ..Limits::default() };
    let server = TestServer::start_as(Wish { policy, limits, ..Wish::default() }).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let refused = server.intake().submit_ticket(ticket_of("S-1", "silver")).await.unwrap_err();
    let (name, value, current, delay) = limit_of(&refused);
    assert_eq!((&*name, value, current, delay), ("tickets_max", 1, 1, UNKNOWN));
    server.until(|view| view.tiers[0].expired_count == 1).await;
    server.submit(ticket_of("S-1", "silver")).await;
    let refused = server.intake().submit_ticket(ticket_of("S-2", "silver")).await.unwrap_err();
    let (_, _, _, delay) = limit_of(&refused);
    assert!(delay < UNKNOWN, "{delay:?} is not from the rate");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_agent_too_many_is_told_how_many_there_are_and_when_others_left() {
    let limits = Limits { agents_max: 1, ..Limits::default() };
    let server = TestServer::start_as(Wish { limits, ..Wish::default() }).await;
    server.hire("ann", &["senior"]).await;
    let put = |id: &str| pb::PutAgentRequest {
        agent_id: id.into(),
        pools: vec!["senior".into()],
        ..Default::default()
    };
    let refused = server.admin().put_agent(put("bob")).await.unwrap_err();
    assert_eq!(limit_of(&refused), ("agents_max".to_owned(), 1, 1, UNKNOWN));
    let gone = pb::DeleteAgentRequest { agent_id: "ann".into() };
    server.admin().delete_agent(gone).await.expect("nobody needs her");
    server.admin().put_agent(put("bob")).await.expect("there is a place");
    let refused = server.admin().put_agent(put("cid")).await.unwrap_err();
    let (_, _, _, delay) = limit_of(&refused);
    assert!(delay < UNKNOWN, "{delay:?} is not from the rate");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stream_too_many_is_told_when_others_ended() {
    let settings = Settings { work_streams_max: 1, ..Settings::default() };
    let server = TestServer::start_as(Wish { settings, ..Wish::default() }).await;
    for agent in ["ann", "bob"] {
        server.hire(agent, &["senior"]).await;
    }
    let refused = async || {
        let hello = pb::WorkHello { agent_id: "bob".into(), ..Default::default() };
        Line::hello(&server, hello).await.err()
    };
    let line = Line::open(&server, "ann").await;
    let full = refused().await.expect("there is no place");
    assert_eq!(limit_of(&full), ("work_streams_max".to_owned(), 1, 1, UNKNOWN));
    assert_eq!(shown(&server, "work_streams_max").await, (1, Some(1)));
    drop(line);
    // The server hears of it with the next frames of the connection.
    while shown(&server, "work_streams_max").await != (1, Some(0)) {
        tokio::task::yield_now().await;
    }
    let _line = Line::open(&server, "ann").await;
    let full = refused().await.expect("there is no place");
    let (_, _, _, delay) = limit_of(&full);
    assert!(delay < UNKNOWN, "{delay:?} is not from the rate");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_was_foretold_ends_with_the_accept_and_one_whose_time_is_over_was_too_long() {
    let policy = with_gold("expires_after = { voice = \"1h\" }\n")
        .replace("lease = \"10m\"", "lease = \"4h\"\noffer = \"10m\"");
    let server = TestServer::start_as(Wish { policy, speed: 2000.0, ..Wish::default() }).await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let mut line = Line::open(&server, "ann").await;
    let first = line.offer().await;
    let first = line.accept(&first).await;
    server.submit(ticket_of("T-2", "gold")).await;
    server.complete("T-1", first.lease_token).await.expect("she holds it");
    let second = line.offer().await;
    line.accept(&second).await;
    let counted = server.until(|view| view.tiers[0].coverage.delayed_count == 2);
    tokio::time::timeout(Duration::from_secs(30), counted).await.expect("the accept ends the wait");
    // Nobody comes to the third, who was told of minutes and waits an hour.
    server.submit(ticket_of("T-3", "gold")).await;
    let view = server.until(|view| view.tiers[0].expired_count == 1).await;
    let [p50, ..] = view.tiers[0].coverage.beyond_counts;
    let told = view.tiers[0].coverage.within_counts[0] + p50;
    assert_eq!((told, view.tiers[0].coverage.delayed_count), (3, 2));
}
