//! After the work: completed tickets that their agents still write up, over real gRPC.

use crate::server::{POLICY, TestServer, Wish, assigned, empty, ticket_of, told};
use tierline::api::proto::v1 as pb;
use tonic::Code;

/// The usual policy, with a limit for the wrap-up of calls.
async fn start(limit: &str) -> TestServer {
    let policy = format!("{POLICY}\n[channel.voice]\nwrap_up = \"{limit}\"\n");
    TestServer::start_as(Wish { policy, ..Wish::default() }).await
}

fn finish(agent: &str, ticket: &str, lease_token: u64) -> pb::FinishWrapUpRequest {
    pb::FinishWrapUpRequest { agent_id: agent.into(), ticket_id: ticket.into(), lease_token }
}

async fn wrap_ups(server: &TestServer) -> Vec<pb::Event> {
    let types = vec![pb::EventType::WrapUpEnded.into()];
    let request = pb::WatchEventsRequest { from_seq: Some(0), types, ..Default::default() };
    let mut answers =
        server.ops().watch_events(request).await.expect("events can be read").into_inner();
    let mut events = Vec::new();
    while let Some(answer) = answers.message().await.expect("the stream goes on") {
        events.extend(answer.events);
    }
    events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_is_over_for_its_customer_keeps_its_agent_until_it_is_written_up() {
    let server = start("1h").await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    server.submit(ticket_of("T-2", "gold")).await;
    let token = server.take("ann").await.lease_token;
    let completed = server.complete("T-1", token).await.unwrap();
    let (finished_at, until) = (completed.finished_at.unwrap(), completed.wrap_up_until.unwrap());
    assert_eq!(until.seconds - finished_at.seconds, 3600);
    assert_eq!(server.get("T-1").await.unwrap().state(), pb::TicketState::Completed);
    assert_eq!(empty(&server.pull("ann", "").await), pb::EmptyReason::NothingWaiting);

    // The wrap-up outlives a restart, and the completion repeated tells the same of it.
    let server = server.restart().await;
    assert_eq!(server.complete("T-1", token).await.unwrap().wrap_up_until, Some(until));
    let states = vec![pb::AgentState::WrappingUp.into()];
    let request = pb::ListAgentsRequest { states, ..Default::default() };
    let listed = server.ops().list_agents(request).await.unwrap().into_inner().agents;
    let [ann] = &listed[..] else { panic!("one agent writes up: {listed:?}") };
    assert_eq!((ann.used_units, ann.held.len(), ann.open_channels.len()), (1, 0, 0));
    assert_eq!(ann.wrap_ups[0].ticket_id, "T-1");
    assert_eq!(ann.wrap_ups[0].until, Some(until));

    for _ in 0..2 {
        let done = server.agent().finish_wrap_up(finish("ann", "T-1", token)).await.unwrap();
        let ann = done.into_inner().agent.unwrap();
        assert_eq!((ann.state(), ann.used_units), (pb::AgentState::Ready, 0));
    }
    assert_eq!(server.complete("T-1", token).await.unwrap().wrap_up_until, None);
    let legs = |ticket: &pb::Ticket| {
        let wrap_up = ticket.legs.iter().find(|leg| leg.kind() == pb::LegKind::WrapUp);
        wrap_up.map(|leg| (leg.entry_count, leg.spent_ms))
    };
    let events = wrap_ups(&server).await;
    let [event] = &events[..] else { panic!("one wrap-up has ended: {events:?}") };
    assert_eq!((event.ticket_id.as_str(), event.agent_id.as_str()), ("T-1", "ann"));
    assert_eq!((event.tier.as_str(), event.details["ended_by"].as_str()), ("gold", "agent"));
    let spent_ms: i64 = event.details["spent_ms"].parse().unwrap();
    assert_eq!(legs(&server.get("T-1").await.unwrap()), Some((1, spent_ms)));
    // The history says the same once the ticket has left memory.
    let server = server.restart_with(&POLICY.replace("test-1", "test-2")).await;
    assert_eq!(legs(&server.get("T-1").await.unwrap()), Some((1, spent_ms)));
    server.agent().finish_wrap_up(finish("ann", "T-1", token)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completion_that_pulls_the_next_waits_until_the_wrap_up_is_over() {
    let server = start("200ms").await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    server.submit(ticket_of("T-2", "gold")).await;
    let token = server.take("ann").await.lease_token;
    let request = pb::CompleteTicketRequest {
        ticket_id: "T-1".into(),
        lease_token: token,
        pull_next: Some(pb::PullNext {
            agent_id: "ann".into(),
            wait: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
            ..Default::default()
        }),
        ..Default::default()
    };
    let completed = server.agent().complete_ticket(request).await.unwrap().into_inner();
    let Some(pb::complete_ticket_response::Next::Pulled(pulled)) = completed.next else {
        panic!("the pull was answered")
    };
    let next = assigned(pulled);
    assert_eq!(next.ticket.unwrap().ticket_id, "T-2");
    let (until, at) = (completed.wrap_up_until.unwrap(), next.assigned_at.unwrap());
    assert!((at.seconds, at.nanos) >= (until.seconds, until.nanos), "{at:?} before {until:?}");
    assert_eq!(wrap_ups(&server).await[0].details["ended_by"], "limit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_was_completed_by_the_agent_with_the_token_is_written_up() {
    let server = start("1h").await;
    server.hire("ann", &["senior"]).await;
    server.hire("bob", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let token = server.take("ann").await.lease_token;
    let refusal = async |request| {
        told(&server.agent().finish_wrap_up(request).await.expect_err("it is refused"))
    };
    let gone = |reason: &str| (Code::FailedPrecondition, reason.to_owned());
    assert_eq!(refusal(finish("ann", "T-1", token)).await, gone("TICKET_NOT_COMPLETED"));
    server.complete("T-1", token).await.unwrap();
    assert_eq!(refusal(finish("ann", "T-1", token + 1)).await, gone("TICKET_COMPLETED"));
    let invalid = (Code::InvalidArgument, "LEASE_TOKEN_UNKNOWN".to_owned());
    assert_eq!(refusal(finish("bob", "T-1", token)).await, invalid);
    let nobody = (Code::NotFound, "AGENT_NOT_FOUND".to_owned());
    assert_eq!(refusal(finish("joe", "T-1", token)).await, nobody);
    let nothing = (Code::NotFound, "TICKET_NOT_FOUND".to_owned());
    assert_eq!(refusal(finish("ann", "T-9", token)).await, nothing);
}
