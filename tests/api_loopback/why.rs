//! `OpsService`: what an agent would get, and why not a certain ticket.

use crate::server::{TestServer, ticket, ticket_of};
use tierline::api::proto::v1 as pb;

async fn why_not(server: &TestServer, ticket: &str, agent: &str) -> pb::WhyNotResponse {
    let request = pb::WhyNotRequest { ticket_id: ticket.into(), agent_id: agent.into() };
    server.ops().why_not(request).await.expect("both are known").into_inner()
}

async fn explain(server: &TestServer, agent: &str) -> pb::ExplainAgentResponse {
    let request = pb::ExplainAgentRequest { agent_id: agent.into() };
    server.ops().explain_agent(request).await.expect("a registered agent").into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_learns_what_a_pull_would_bring_and_why_no_other_ticket() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior", "general"]).await;
    server.hire("bob", &["general"]).await;
    server.submit(ticket_of("gold-1", "gold")).await;
    server.submit(ticket_of("gold-2", "gold")).await;
    server.submit(ticket("T-1")).await;

    let anns = why_not(&server, "gold-1", "ann").await;
    assert!(anns.would_get && anns.conditions.is_empty(), "{anns:?}");
    assert!(anns.summary.contains("ann would get gold-1"), "{}", anns.summary);
    let decision = anns.decision.unwrap();
    assert_eq!(
        (decision.policy_version.as_str(), decision.rule(), decision.step()),
        ("test-1", pb::DispatchRule::GuardedEdf, pb::DecisionStep::AtRisk)
    );
    let told = anns.ticket.unwrap();
    assert_eq!((told.tier.as_str(), told.tier_source()), ("gold", pb::TierSource::Given));
    assert_eq!(anns.queue_id, "gold/voice/senior");

    let behind = why_not(&server, "gold-2", "ann").await;
    let [failed] = &behind.conditions[..] else { panic!("{:?}", behind.conditions) };
    assert_eq!(
        (failed.kind(), failed.ticket_id.as_str(), failed.actual),
        (pb::ConditionKind::Behind, "gold-1", 1)
    );
    let bobs = why_not(&server, "gold-2", "bob").await;
    let kinds: Vec<_> = bobs.conditions.iter().map(pb::FailedCondition::kind).collect();
    assert_eq!(kinds, [pb::ConditionKind::PoolsApart, pb::ConditionKind::Behind]);
    assert!(bobs.summary.contains("serves in none of the ticket's pools"), "{}", bobs.summary);

    let bob = explain(&server, "bob").await;
    let decision = bob.decision.unwrap();
    assert_eq!(
        (decision.chosen_ticket_id.as_str(), decision.step()),
        ("", pb::DecisionStep::HeldForTier)
    );
    let hold = decision.candidates[0].held_by.clone().expect("the reserve holds it");
    assert_eq!((hold.idle_count, hold.reserve_count), (1, 1));
    assert_eq!(bob.passed_queue_count, 1);
    let passed = &bob.passed_queues[0];
    assert_eq!((passed.queue_id.as_str(), passed.depth), ("gold/voice/senior", 2));
    assert_eq!(passed.conditions[0].kind(), pb::ConditionKind::PoolsApart);
    assert!(bob.summary.contains("bob would get nothing"), "{}", bob.summary);

    // The question has given nothing away: the pull brings what was foretold.
    let taken = server.take("ann").await;
    assert_eq!(taken.ticket.unwrap().ticket_id, "gold-1");
    let full = explain(&server, "ann").await.decision.unwrap();
    assert_eq!(full.conditions[0].kind(), pb::ConditionKind::Full);
    assert_eq!((full.conditions[0].actual, full.conditions[0].limit), (1, 1));

    let cancel = pb::CancelTicketRequest { ticket_id: "T-1".into(), ..Default::default() };
    server.intake().cancel_ticket(cancel).await.expect("it waits");
    let request = pb::WhyNotRequest { ticket_id: "T-1".into(), agent_id: "ann".into() };
    let over = server.ops().why_not(request).await.expect_err("it has ended");
    assert_eq!(over.code(), tonic::Code::FailedPrecondition, "{over}");
    assert!(over.message().contains("has been cancelled"), "{over}");
}
