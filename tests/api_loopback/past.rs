//! Decisions told later: of a ticket that is offered, and of one that has ended.

use crate::server::{TestServer, ticket_of, told};
use crate::work::Line;
use tierline::api::proto::v1 as pb;

async fn explain(server: &TestServer, ticket: &str) -> pb::ExplainTicketResponse {
    let request = pb::ExplainTicketRequest { ticket_id: ticket.into(), ..Default::default() };
    server.ops().explain_ticket(request).await.expect("it is known").into_inner()
}

/// Who got it, by which step under which policy and tier, and what competed.
fn decision(told: &pb::PastDecision) -> (String, pb::DecisionStep, String, Vec<String>, u32) {
    let heads = told.candidates.iter().map(|head| head.ticket_id.clone()).collect();
    let under =
        format!("{} {} {}", told.policy_version, told.tier, told.tier_source().as_str_name());
    (told.agent_id.clone(), told.step(), under, heads, told.candidate_count)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_decision_is_told_of_an_offer_of_a_ticket_in_hand_and_after_its_end() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("S-1", "silver")).await;
    server
        .submit(pb::SubmitTicketRequest {
            urgency: pb::Urgency::High.into(),
            ..ticket_of("G-1", "gold")
        })
        .await;
    let mut line = Line::open(&server, "ann").await;
    let offer = line.offer().await;
    let offered = explain(&server, "G-1").await;
    let expected = (
        "ann".to_owned(),
        pb::DecisionStep::AtRisk,
        "test-1 gold TIER_SOURCE_GIVEN".to_owned(),
        vec!["G-1".to_owned(), "S-1".to_owned()],
        2,
    );
    assert_eq!(decision(&offered.past.expect("an offer was decided")), expected);
    assert!(offered.summary.contains("offered to agent ann"), "{}", offered.summary);
    assert!(offered.summary.contains("left to accept"), "{}", offered.summary);

    let taken = line.accept(&offer).await;
    let held = explain(&server, "G-1").await.past.expect("it was decided");
    assert_eq!(decision(&held), expected);
    server.complete("G-1", taken.lease_token).await.expect("she holds it");

    // From memory, and from the disk after a restart and under another policy.
    let ended = explain(&server, "G-1").await;
    assert!(ended.summary.starts_with("It was completed by agent ann"), "{}", ended.summary);
    assert!(ended.summary.contains("by the step at-risk"), "{}", ended.summary);
    assert_eq!(decision(&ended.past.expect("it is kept")), expected);
    drop(line);
    let other =
        crate::server::POLICY.replace("test-1", "test-2").replace("\"senior\"", "\"elders\"");
    let server = server.restart_with(&other).await;
    let later = explain(&server, "G-1").await;
    assert_eq!(later.policy_version, "", "it decides nothing any more");
    let past = later.past.expect("it is kept");
    assert_eq!(decision(&past), expected);
    assert_eq!(past.candidates[0].queue_id, "gold/voice/senior");
    let ticket = server.get("G-1").await.expect("it is known");
    assert_eq!(ticket.urgency(), pb::Urgency::High);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_nobody_ever_had_has_no_decision() {
    let server = TestServer::start().await;
    server.submit(ticket_of("G-1", "gold")).await;
    let cancel = pb::CancelTicketRequest { ticket_id: "G-1".into(), reason: "hung up".into() };
    server.intake().cancel_ticket(cancel).await.expect("it waits");
    let ended = explain(&server, "G-1").await;
    assert_eq!(ended.past, None);
    assert!(ended.summary.starts_with("It was cancelled"), "{}", ended.summary);
    let request = pb::ExplainTicketRequest { ticket_id: "G-1".into(), assigned_seq: Some(0) };
    let refused = server.ops().explain_ticket(request).await.unwrap_err();
    assert_eq!(told(&refused), (tonic::Code::InvalidArgument, "INVALID_FIELD".to_owned()));
    assert!(refused.message().contains("assigned_seq: is 0; events count from 1"), "{refused}");
    let later = pb::ExplainTicketRequest { ticket_id: "G-1".into(), assigned_seq: Some(999) };
    let refused = server.ops().explain_ticket(later).await.unwrap_err();
    assert_eq!(told(&refused), (tonic::Code::NotFound, "EVENT_NOT_KEPT".to_owned()));
}
