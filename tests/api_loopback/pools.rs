//! Pausing pools and letting agents drain, over the wire.

use crate::server::{TestServer, empty, ticket_of, told};
use tierline::api::proto::v1 as pb;
use tonic::Code;

fn pause(pool: &str, reason: &str) -> pb::PausePoolRequest {
    pb::PausePoolRequest { pool: pool.into(), reason: reason.into(), by: "sue".into() }
}

fn resume(pool: &str) -> pb::ResumePoolRequest {
    pb::ResumePoolRequest { pool: pool.into(), reason: String::new(), by: "sue".into() }
}

async fn overview(server: &TestServer) -> pb::Overview {
    let answer = server.ops().list_queues(pb::ListQueuesRequest {}).await;
    answer.expect("it is read").into_inner().overview.expect("an answer has it")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_pool_gives_nothing_says_so_everywhere_and_outlives_a_restart() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("G-1", "gold")).await;

    let paused = server.ops().pause_pool(pause("senior", "fire drill")).await.unwrap();
    let paused = paused.into_inner();
    assert!(!paused.already);
    let again = server.ops().pause_pool(pause("senior", "lunch")).await.unwrap().into_inner();
    assert_eq!((again.already, &again.paused), (true, &paused.paused), "the first reason stays");
    let first = paused.paused.unwrap();
    assert_eq!((first.by.as_str(), first.reason.as_str()), ("sue", "fire drill"));

    let server = server.restart().await;
    assert_eq!(empty(&server.pull("ann", "").await), pb::EmptyReason::NothingWaiting);
    let view = server.until(|view| view.pools.iter().any(|pool| pool.paused.is_some())).await;
    let names: Vec<_> = view.pools.iter().filter(|pool| pool.paused.is_some()).collect();
    assert_eq!((names.len(), &*names[0].name), (1, "senior"));
    let pools = overview(&server).await.pools;
    let seen = pools.into_iter().find(|pool| pool.pool == "senior").unwrap();
    assert_eq!(seen.paused.unwrap(), first);

    let request = pb::WhyNotRequest { ticket_id: "G-1".into(), agent_id: "ann".into() };
    let why = server.ops().why_not(request).await.unwrap().into_inner();
    let paused = pb::ConditionKind::PoolPaused;
    let failed = why.conditions.iter().find(|failed| failed.kind() == paused).unwrap();
    assert_eq!(failed.pool, "senior");
    assert!(failed.description.contains("by sue, because: fire drill"), "{}", failed.description);
    let request = pb::ExplainTicketRequest { ticket_id: "G-1".into() };
    let told = server.ops().explain_ticket(request).await.unwrap().into_inner();
    assert_eq!(told.paused_pools, std::slice::from_ref(&first));
    assert!(told.summary.contains("the pool senior is paused"), "{}", told.summary);
    let request = pb::ExplainAgentRequest { agent_id: "ann".into() };
    let told = server.ops().explain_agent(request).await.unwrap().into_inner();
    assert_eq!(told.decision.unwrap().paused_pools, [first]);

    let resumed = server.ops().resume_pool(resume("senior")).await.unwrap().into_inner();
    assert!(!resumed.already);
    let resumed = server.ops().resume_pool(resume("senior")).await.unwrap().into_inner();
    assert!(resumed.already);
    assert_eq!(server.take("ann").await.ticket.unwrap().ticket_id, "G-1");

    let request = pb::WatchEventsRequest {
        from_seq: Some(0),
        types: vec![pb::EventType::PoolPaused.into(), pb::EventType::PoolResumed.into()],
        ..Default::default()
    };
    let mut answers = server.ops().watch_events(request).await.unwrap().into_inner();
    let mut events = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        events.extend(answer.events.into_iter().map(|e| (e.r#type(), e.pools, e.by, e.reason)));
    }
    let event = |kind, reason: &str| (kind, vec!["senior".into()], "sue".into(), reason.into());
    let expected =
        [event(pb::EventType::PoolPaused, "fire drill"), event(pb::EventType::PoolResumed, "")];
    assert_eq!(events, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pull_that_waits_is_answered_by_the_resumption() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.ops().pause_pool(pause("senior", "fire drill")).await.unwrap();
    let request = pb::PullTicketRequest {
        agent_id: "ann".into(),
        request_id: String::new(),
        wait: Some(prost_types::Duration { seconds: 60, nanos: 0 }),
    };
    let mut agent = server.agent();
    let pull = tokio::spawn(async move { agent.pull_ticket(request).await });
    let pulling = |view: &std::sync::Arc<tierline::driver::View>| {
        view.pools.iter().any(|pool| pool.pulling_count == 1)
    };
    server.until(pulling).await;
    server.submit(ticket_of("G-1", "gold")).await;
    server.ops().resume_pool(resume("senior")).await.unwrap();
    let pulled = pull.await.unwrap().unwrap().into_inner();
    assert_eq!(crate::server::assigned(pulled).ticket.unwrap().ticket_id, "G-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_who_drains_finishes_what_is_held_and_is_away_after_it() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("G-1", "gold")).await;
    server.submit(ticket_of("G-2", "gold")).await;
    let taken = server.take("ann").await;

    let presence = pb::Presence::Draining.into();
    let request = pb::SetPresenceRequest { agent_id: "ann".into(), presence };
    let ann = server.agent().set_presence(request).await.unwrap().into_inner().agent.unwrap();
    assert_eq!((ann.presence(), ann.state()), (pb::Presence::Draining, pb::AgentState::Draining));
    let request = pb::ListAgentsRequest {
        states: vec![pb::AgentState::Draining.into()],
        ..Default::default()
    };
    let listed = server.ops().list_agents(request).await.unwrap().into_inner().agents;
    assert_eq!(listed.len(), 1);
    server.until(|view| view.pools.iter().any(|pool| pool.draining_count == 1)).await;
    let pools = overview(&server).await.pools;
    let senior = pools.iter().find(|pool| pool.pool == "senior").unwrap();
    assert_eq!((senior.draining_count, senior.away_count, senior.busy_count), (1, 0, 1));
    let request = pb::ForceAssignRequest {
        ticket_id: "G-2".into(),
        agent_id: "ann".into(),
        reason: "she knows the case".into(),
        by: "sue".into(),
    };
    let refused = server.ops().force_assign(request).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "AGENT_DRAINING".to_owned()));

    // The next ticket is refused with the completion that ends the draining.
    let request = pb::CompleteTicketRequest {
        ticket_id: "G-1".into(),
        lease_token: taken.lease_token,
        outcome: "solved".into(),
        pull_next: Some(pb::PullNext { agent_id: "ann".into(), ..Default::default() }),
        ..Default::default()
    };
    let done = server.agent().complete_ticket(request).await.unwrap().into_inner();
    let Some(pb::complete_ticket_response::Next::PullError(error)) = done.next else {
        panic!("the pull is refused: {:?}", done.next)
    };
    assert_eq!(error.reason(), pb::ErrorReason::AgentAway);
    let request = pb::GetAgentRequest { agent_id: "ann".into() };
    let ann = server.admin().get_agent(request).await.unwrap().into_inner().agent.unwrap();
    assert_eq!((ann.presence(), ann.state()), (pb::Presence::Away, pb::AgentState::Away));
}
