//! What is told of a ticket's wait: at the submit, when it is read, and while it is watched.

use crate::server::{POLICY, TestServer, Wish, ticket_of};
use tierline::api::proto::v1 as pb;

/// The usual policy, in which gold is offered a callback above a minute.
fn with_callbacks() -> Wish {
    let policy = POLICY.replacen("rank = 1\n", "rank = 1\noffer_callback_above = \"1m\"\n", 1);
    Wish { policy, ..Wish::default() }
}

async fn told_at_submit(server: &TestServer, id: &str, tier: &str) -> pb::Forecast {
    let request =
        pb::SubmitTicketRequest { channel: pb::Channel::Voice.into(), ..ticket_of(id, tier) };
    let receipt = server.intake().submit_ticket(request).await.expect("it is taken").into_inner();
    receipt.forecast.expect("it waits")
}

async fn read(server: &TestServer, id: &str) -> pb::Ticket {
    let request = pb::GetTicketRequest { ticket_id: id.into() };
    let answer = server.intake().get_ticket(request).await.expect("it is there").into_inner();
    answer.ticket.expect("it has one")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_nobody_signed_in_a_caller_is_told_so_and_offered_a_callback() {
    let server = TestServer::start_as(with_callbacks()).await;
    let told = told_at_submit(&server, "G-1", "gold").await;
    assert_eq!((told.wait_p50_ms, told.wait_p80_ms, told.wait_p95_ms), (None, None, None));
    assert_eq!(told.basis(), pb::ForecastBasis::Unspecified);
    assert_eq!(told.feasibility(), pb::Feasibility::LateAlready);
    assert_eq!(told.miss_permille, None);
    assert!(told.reason.starts_with("nobody signed in for senior, "), "{}", told.reason);
    assert!(told.callback_offered);
    // Silver's policy offers none.
    assert!(!told_at_submit(&server, "S-1", "silver").await.callback_offered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_wait_is_told_in_three_quantiles_with_the_reason_in_numbers() {
    let server = TestServer::start_as(with_callbacks()).await;
    server.hire("ann", &["senior"]).await;
    told_at_submit(&server, "G-1", "gold").await;
    server.take("ann").await;
    let told = told_at_submit(&server, "G-2", "gold").await;
    let waits =
        [told.wait_p50_ms, told.wait_p80_ms, told.wait_p95_ms].map(|ms| ms.expect("ann is there"));
    // One hand, 300 s a ticket until twenty are known: an exponential wait of that mean.
    assert!(waits.is_sorted() && (200_000..216_000).contains(&waits[0]), "{waits:?}");
    assert_eq!(told.basis(), pb::ForecastBasis::Assumed);
    assert_eq!(told.feasibility(), pb::Feasibility::AtRisk);
    assert!(told.miss_permille.is_some_and(|permille| permille > 900), "{:?}", told.miss_permille);
    assert_eq!((told.ahead_count, told.agent_count, told.mean_handle_ms), (0, 1, 300_000));
    assert!(told.callback_offered, "four in five wait more than a minute");
    let behind = told_at_submit(&server, "G-3", "gold").await;
    assert_eq!(behind.ahead_count, 1);
    assert!(behind.wait_p80_ms > told.wait_p80_ms);

    assert_eq!(read(&server, "G-3").await.forecast.expect("it waits").ahead_count, 1);
    assert_eq!(read(&server, "G-1").await.forecast, None, "it is with ann");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_hears_when_the_expected_wait_changes() {
    let server = TestServer::start_as(Wish { speed: 100.0, ..with_callbacks() }).await;
    server.hire("ann", &["senior"]).await;
    told_at_submit(&server, "G-1", "gold").await;
    server.take("ann").await;
    told_at_submit(&server, "G-2", "gold").await;
    told_at_submit(&server, "G-3", "gold").await;
    let request = pb::WatchTicketRequest { ticket_id: "G-3".into() };
    let mut watched = server.intake().watch_ticket(request).await.unwrap().into_inner();
    let mut next = async || {
        let answer = watched.message().await.unwrap().expect("it goes on");
        answer.ticket.expect("it has one").forecast.expect("it waits")
    };
    let first = next().await;
    assert_eq!((first.ahead_count, first.agent_count), (1, 1));
    // Nothing happens to the ticket itself: someone comes to help.
    server.hire("bob", &["senior"]).await;
    let told = loop {
        let told = next().await;
        if told.agent_count == 2 {
            break told;
        }
    };
    assert!(told.wait_p80_ms.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn how_often_the_told_waits_held_is_counted_by_tier() {
    // So fast that a wait of no time at all, which is no delay, cannot be.
    let server = TestServer::start_as(Wish { speed: 50.0, ..with_callbacks() }).await;
    server.hire("ann", &["senior"]).await;
    told_at_submit(&server, "G-1", "gold").await;
    let taken = server.take("ann").await;
    told_at_submit(&server, "G-2", "gold").await;
    server.complete("G-1", taken.lease_token).await.unwrap();
    let back = pb::ReleaseTicketRequest {
        ticket_id: "G-2".into(),
        lease_token: server.take("ann").await.lease_token,
        ..Default::default()
    };
    server.agent().release_ticket(back).await.expect("ann holds it");
    // Its wait has been decided: to be told of another by submitting it again begins no second one.
    told_at_submit(&server, "G-2", "gold").await;
    let taken = server.take("ann").await;
    server.complete("G-2", taken.lease_token).await.unwrap();
    told_at_submit(&server, "G-3", "gold").await;
    server.take("ann").await;
    let overview = loop {
        let answer = server.ops().list_queues(pb::ListQueuesRequest::default()).await.unwrap();
        let overview = answer.into_inner().overview.expect("it has one");
        if overview.tiers[0].picked_up_count == 3 {
            break overview;
        }
    };
    // All three waited some milliseconds, far less than they were told.
    let gold = &overview.tiers[0];
    let counted: Vec<_> = gold
        .forecast_coverage
        .iter()
        .map(|told| (told.percent, told.within_count, told.beyond_count))
        .collect();
    assert_eq!(counted, [(50, 3, 0), (80, 3, 0), (95, 3, 0)]);
    assert!(gold.forecast_error_ms.is_some_and(|ms| ms > 100_000), "{:?}", gold.forecast_error_ms);
    assert_eq!(overview.tiers[1].forecast_error_ms, None);
}
