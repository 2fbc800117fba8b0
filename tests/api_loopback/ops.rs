//! `OpsService`: queues, agents and explanations.

use crate::server::{TestServer, ticket, ticket_of, told};
use tierline::api::proto::v1 as pb;
use tonic::Code;

async fn explain(server: &TestServer, id: &str) -> pb::ExplainTicketResponse {
    let request = pb::ExplainTicketRequest { ticket_id: id.into(), ..Default::default() };
    server.ops().explain_ticket(request).await.expect("there is such a ticket").into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_names_every_head_and_says_why_another_goes_first() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior", "general"]).await;
    server.hire("bob", &["general"]).await;
    server.submit(ticket_of("gold-1", "gold")).await;
    server.submit(ticket_of("gold-2", "gold")).await;
    let chat = pb::SubmitTicketRequest {
        channel: pb::Channel::Chat.into(),
        ..ticket_of("silver-1", "silver")
    };
    server.submit(chat).await;

    let waiting = explain(&server, "silver-1").await;
    assert_eq!(
        (waiting.rule(), waiting.policy_version.as_str()),
        (pb::DispatchRule::GuardedEdf, "test-1")
    );
    assert_eq!(waiting.place, Some(2));
    assert!(waiting.summary.contains("silver/chat/senior+general"), "{}", waiting.summary);
    let [bobs, anns] = &waiting.crews[..] else { panic!("two crews: {:?}", waiting.crews) };
    assert_eq!(
        (&anns.pools[..], anns.agent_count, anns.idle_count),
        (&["senior".to_owned(), "general".to_owned()][..], 1, 0)
    );
    assert_eq!((anns.step(), anns.chosen_ticket_id.as_str()), (pb::DecisionStep::AtRisk, "gold-1"));
    let heads: Vec<_> = anns.candidates.iter().map(|head| head.ticket_id.as_str()).collect();
    assert_eq!(heads, ["gold-1", "silver-1"]);
    let gold = &anns.candidates[0];
    assert!(gold.at_risk && gold.slack_ms <= gold.guard_ms && gold.slack_ms > 0);
    assert_eq!((gold.via_pool.as_str(), &gold.held_by), ("senior", &None));
    assert!(!anns.candidates[1].at_risk);
    assert!(anns.why.contains("gold-1 of tier gold goes first: it is at risk"), "{}", anns.why);
    // Bob does not serve gold yet, so for him the chat is next.
    assert_eq!(bobs.pools, ["general"]);
    assert_eq!(bobs.chosen_ticket_id, "silver-1");
    assert!(bobs.why.contains("It is next for these agents"), "{}", bobs.why);

    let behind = explain(&server, "gold-2").await;
    let anns = behind.crews.iter().find(|crew| crew.pools.len() == 2).unwrap();
    assert!(anns.why.contains("gold-1 stands before it in the same queue"), "{}", anns.why);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_explanation_shows_the_reserve_that_holds_a_ticket_back() {
    let server = TestServer::start().await;
    server.hire("bob", &["general"]).await;
    server.submit(ticket("T-1")).await;
    let held = explain(&server, "T-1").await;
    let crew = &held.crews[0];
    assert_eq!((crew.step(), crew.chosen_ticket_id.as_str()), (pb::DecisionStep::HeldForTier, ""));
    let reserve = crew.candidates[0].held_by.clone().expect("the reserve holds it");
    assert_eq!(
        (reserve.pool.as_str(), reserve.idle_count, reserve.reserve_count),
        ("general", 1, 1)
    );
    assert!(crew.why.contains("keeps 1 agents free"), "{}", crew.why);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_in_hand_and_one_that_has_ended_are_explained_too() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let taken = server.take("ann").await;
    let assigned = explain(&server, "T-1").await;
    assert!(assigned.crews.is_empty() && assigned.place.is_none());
    let decision = assigned.ticket.unwrap().holder.unwrap().decision;
    assert_eq!(decision, taken.decision);
    assert!(assigned.summary.contains("agent ann by the step at-risk"), "{}", assigned.summary);
    server.complete("T-1", taken.lease_token).await.unwrap();
    let ended = explain(&server, "T-1").await;
    assert!(ended.summary.contains("completed by agent ann"), "{}", ended.summary);
    assert!(ended.at.is_some());
    // What is in force now need not have decided: it is not shown as if it had.
    assert_eq!((ended.policy_version.as_str(), ended.rule()), ("", pb::DispatchRule::Unspecified));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_queues_show_what_waits_and_what_was_done() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    for id in ["T-1", "T-2", "T-3"] {
        server.submit(ticket_of(id, "gold")).await;
    }
    let taken = server.take("ann").await;
    server.complete("T-1", taken.lease_token).await.unwrap();
    server.take("ann").await;
    server.until(|view| view.waiting_count == 1 && view.ticket_count == 2).await;

    let listed = server.ops().list_queues(pb::ListQueuesRequest {}).await.unwrap().into_inner();
    let overview = listed.overview.unwrap();
    assert_eq!((overview.waiting_count, overview.assigned_count, overview.agent_count), (1, 1, 1));
    let [queue] = &overview.queues[..] else { panic!("{:?}", overview.queues) };
    assert_eq!(
        (queue.queue_id.as_str(), queue.depth, queue.tier_rank),
        ("gold/voice/senior", 1, 1)
    );
    assert_eq!(
        (queue.channel(), &queue.pools[..]),
        (pb::Channel::Voice, &["senior".to_owned()][..])
    );
    assert!(queue.next_deadline.is_some() && queue.next_wait_ms >= 0);
    let gold = &overview.tiers[0];
    assert_eq!((gold.tier.as_str(), gold.submitted_count, gold.picked_up_count), ("gold", 3, 2));
    assert_eq!((gold.completed_count, gold.waiting_count, gold.in_deadline_count), (1, 1, 2));
    assert!(gold.wait_p95_ms.is_some());
    let general = &overview.pools[1];
    assert_eq!(general.reserves, [pb::Reserve { tier: "silver".into(), agent_count: 1 }]);
    let senior = &overview.pools[0];
    assert_eq!((senior.agent_count, senior.busy_count, senior.handled_count), (1, 1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_the_queues_sees_each_change() {
    let server = TestServer::start().await;
    let request = pb::WatchQueuesRequest {
        min_interval: Some(prost_types::Duration { seconds: 0, nanos: 100_000_000 }),
    };
    let mut watched = server.ops().watch_queues(request).await.unwrap().into_inner();
    let mut until_waiting = async |count| {
        loop {
            let answer = watched.message().await.unwrap().expect("the server runs");
            let seen = answer.overview.expect("it has one").waiting_count;
            assert!(seen <= count, "{seen} instead of {count}");
            if seen == count {
                return;
            }
        }
    };
    until_waiting(0).await;
    server.submit(ticket_of("T-1", "gold")).await;
    until_waiting(1).await;
    server.submit(ticket_of("T-2", "gold")).await;
    until_waiting(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn agents_are_listed_by_id_a_page_at_a_time() {
    let server = TestServer::start().await;
    for number in 0..5 {
        let pools: &[&str] = if number == 0 { &["senior"] } else { &["general", "senior"] };
        server.hire(&format!("agent-{number}"), pools).await;
    }
    server.submit(ticket_of("T-1", "gold")).await;
    server.take("agent-3").await;
    let list = async |mut request: pb::ListAgentsRequest| {
        let mut agents = Vec::new();
        loop {
            let page = server.ops().list_agents(request.clone()).await.unwrap().into_inner();
            agents.extend(page.agents);
            if page.next_page_token.is_empty() {
                return agents;
            }
            request.page_token = page.next_page_token;
        }
    };
    let ids = |agents: &[pb::Agent]| -> Vec<_> {
        agents.iter().map(|agent| agent.agent_id.clone()).collect()
    };
    let all = list(pb::ListAgentsRequest { page_size: 2, ..Default::default() }).await;
    assert_eq!(ids(&all), ["agent-0", "agent-1", "agent-2", "agent-3", "agent-4"]);
    assert_eq!(all[3].held[0].ticket_id, "T-1");
    let general =
        list(pb::ListAgentsRequest { pool: "general".into(), page_size: 1, ..Default::default() });
    assert_eq!(general.await.len(), 4);
    let states = vec![pb::AgentState::Busy.into()];
    let busy = list(pb::ListAgentsRequest { states, ..Default::default() }).await;
    assert_eq!(ids(&busy), ["agent-3"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_looks_at_everything_beside_the_work_and_finds_a_sound_server_sound() {
    let server = TestServer::start().await;
    server.hire("ann", &["desk"]).await;
    for at in 0..30 {
        server.submit(ticket_of(&format!("T-{at}"), "brief")).await;
    }
    server.take("ann").await;
    let mut ops = server.ops();
    let report = ops.audit(pb::AuditRequest {}).await.unwrap().into_inner();
    assert_eq!((report.ticket_count, report.agent_count), (30, 1));
    assert_eq!(report.timer_count, 30, "each has a deadline or a lease");
    assert_eq!((report.fault_count, report.faults, report.quarantined_count), (0, vec![], 0));
    assert!(report.begun_at.is_some() && report.took.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_release_from_quarantine_can_be_repeated_and_names_what_is_wrong() {
    let server = TestServer::start().await;
    server.submit(ticket_of("T-1", "gold")).await;
    let mut ops = server.ops();
    let request = pb::ReleaseQuarantinedRequest { ticket_id: "T-1".into() };
    let released = ops.release_quarantined(request).await.unwrap().into_inner();
    assert_eq!(released.ticket.unwrap().state(), pb::TicketState::Waiting);
    let nobody = pb::ReleaseQuarantinedRequest { ticket_id: "T-2".into() };
    let refused = ops.release_quarantined(nobody).await.unwrap_err();
    assert_eq!(told(&refused), (Code::NotFound, "TICKET_NOT_FOUND".to_owned()));
    let none = pb::ReleaseQuarantinedRequest::default();
    let refused = ops.release_quarantined(none).await.unwrap_err();
    assert_eq!(told(&refused), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
}
