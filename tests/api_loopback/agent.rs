//! `AgentService`: waiting for work and every way in which the wait ends.

use crate::server::{TestServer, assigned, empty, ticket_of, told};
use std::time::Duration;
use tierline::api::proto::v1 as pb;
use tonic::Code;

fn long_pull(agent: &str) -> pb::PullTicketRequest {
    pb::PullTicketRequest {
        agent_id: agent.into(),
        request_id: String::new(),
        wait: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
    }
}

/// A pull that waits, in a task of its own.
fn waiting_pull(
    server: &TestServer,
    agent: &str,
) -> tokio::task::JoinHandle<Result<pb::PullTicketResponse, tonic::Status>> {
    let (mut client, request) = (server.agent(), long_pull(agent));
    tokio::spawn(async move { client.pull_ticket(request).await.map(tonic::Response::into_inner) })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_pull_is_woken_by_the_ticket() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let pull = waiting_pull(&server, "ann");
    server.until_idle([1, 0, 0]).await;
    let receipt = server.submit(ticket_of("T-1", "gold")).await;
    assert_eq!(receipt.state(), pb::TicketState::Waiting);
    let assignment = assigned(pull.await.unwrap().unwrap());
    assert_eq!(assignment.ticket.unwrap().ticket_id, "T-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_goes_away_waits_no_longer() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let pull = waiting_pull(&server, "ann");
    server.until_idle([1, 0, 0]).await;
    pull.abort();
    server.until_idle([0, 0, 0]).await;
    let receipt = server.submit(ticket_of("T-1", "gold")).await;
    assert_eq!(receipt.state(), pb::TicketState::Waiting);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_ends_its_waits() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let channel = server.connect().await;
    let mut client = pb::agent_service_client::AgentServiceClient::new(channel);
    let pull = tokio::spawn(async move { client.pull_ticket(long_pull("ann")).await });
    server.until_idle([1, 0, 0]).await;
    pull.abort();
    assert!(pull.await.unwrap_err().is_cancelled());
    server.until_idle([0, 0, 0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_pull_takes_the_place_of_an_older_one() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let older = waiting_pull(&server, "ann");
    server.until_idle([1, 0, 0]).await;
    let newer = waiting_pull(&server, "ann");
    assert_eq!(empty(&older.await.unwrap().unwrap()), pb::EmptyReason::Replaced);
    server.submit(ticket_of("T-1", "gold")).await;
    assert_eq!(assigned(newer.await.unwrap().unwrap()).ticket.unwrap().ticket_id, "T-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn going_away_ends_the_wait_and_pulls_are_refused_until_the_agent_is_back() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let pull = waiting_pull(&server, "ann");
    server.until_idle([1, 0, 0]).await;
    let away =
        pb::SetPresenceRequest { agent_id: "ann".into(), presence: pb::Presence::Away.into() };
    let agent = server.agent().set_presence(away).await.unwrap().into_inner().agent.unwrap();
    assert_eq!((agent.presence(), agent.state()), (pb::Presence::Away, pb::AgentState::Away));
    assert_eq!(empty(&pull.await.unwrap().unwrap()), pb::EmptyReason::Away);
    let refused = server.agent().pull_ticket(long_pull("ann")).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "AGENT_AWAY".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_that_finds_nothing_says_whether_a_reserve_keeps_it_back() {
    let server = TestServer::start().await;
    server.hire("ann", &["general"]).await;
    assert_eq!(empty(&server.pull("ann", "").await), pb::EmptyReason::NothingWaiting);
    server.submit(ticket_of("T-1", "standard")).await;
    assert_eq!(empty(&server.pull("ann", "").await), pb::EmptyReason::HeldForTier);
    // A wait that runs out says the same.
    let short = pb::PullTicketRequest {
        wait: Some(prost_types::Duration { seconds: 0, nanos: 1_000_000 }),
        ..long_pull("ann")
    };
    let pulled = server.agent().pull_ticket(short).await.unwrap().into_inner();
    assert_eq!(empty(&pulled), pb::EmptyReason::HeldForTier);
    // A silver ticket is what the agent was kept for.
    server.submit(ticket_of("T-2", "silver")).await;
    assert_eq!(server.take("ann").await.ticket.unwrap().ticket_id, "T-2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_stands_when_the_pull_after_it_is_refused_or_waits() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let taken = server.take("ann").await;
    let complete = |agent: &str, wait: Option<prost_types::Duration>| pb::CompleteTicketRequest {
        ticket_id: "T-1".into(),
        lease_token: taken.lease_token,
        pull_next: Some(pb::PullNext { agent_id: agent.into(), request_id: "p-2".into(), wait }),
        ..Default::default()
    };
    let done = server.agent().complete_ticket(complete("nobody", None)).await.unwrap().into_inner();
    let Some(pb::complete_ticket_response::Next::PullError(error)) = done.next else {
        panic!("the pull cannot succeed");
    };
    assert_eq!(error.reason(), pb::ErrorReason::AgentNotFound);
    assert_eq!(error.code, 5);
    assert_eq!(server.get("T-1").await.unwrap().state(), pb::TicketState::Completed);

    // The same completion again, and this time the pull waits until there is something.
    let mut client = server.agent();
    let wait = Some(prost_types::Duration { seconds: 60, nanos: 0 });
    let request = complete("ann", wait);
    let completing = tokio::spawn(async move { client.complete_ticket(request).await });
    server.until_idle([1, 0, 0]).await;
    server.submit(ticket_of("T-2", "gold")).await;
    let done = completing.await.unwrap().unwrap().into_inner();
    let Some(pb::complete_ticket_response::Next::Pulled(pulled)) = done.next else {
        panic!("a ticket came");
    };
    assert_eq!(assigned(pulled).ticket.unwrap().ticket_id, "T-2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_extension_ends_when_it_says_and_without_one_the_pool_decides() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let taken = server.take("ann").await;
    let extend = async |by: Option<Duration>| {
        let by = by.map(|by| prost_types::Duration::try_from(by).expect("it is short"));
        let request =
            pb::ExtendLeaseRequest { ticket_id: "T-1".into(), lease_token: taken.lease_token, by };
        let extended = server.agent().extend_lease(request).await.unwrap().into_inner();
        extended.lease_until.unwrap().seconds - taken.assigned_at.unwrap().seconds
    };
    assert!(extend(Some(Duration::from_hours(24))).await >= 86_400);
    assert!((600..700).contains(&extend(None).await));
}
