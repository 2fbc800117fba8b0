//! Offers to several agents at once, over their Work streams.

use crate::server::{TestServer, Wish, ticket_of, told};
use crate::work::{Line, accept, agent_of, decline, id_of};
use tierline::api::proto::v1 as pb;
use tierline::api::proto::v1::work_request::Request as Up;
use tierline::api::proto::v1::work_response::Event as Down;
use tonic::Code;

/// A server whose desk offers a ticket to two agents at once, with two who are there.
async fn desk() -> (TestServer, Line, Line) {
    let policy = format!("{}\noffer_to = 2\n", crate::server::POLICY);
    let server = TestServer::start_as(Wish { policy, ..Wish::default() }).await;
    for agent in ["ann", "bob"] {
        server.hire(agent, &["desk"]).await;
    }
    let ann = Line::open(&server, "ann").await;
    let bob = Line::open(&server, "bob").await;
    (server, ann, bob)
}

/// What takes an offer back, which is told next.
async fn revoked(line: &mut Line) -> pb::WorkRevoked {
    match line.next().await {
        Ok(Down::Revoked(revoked)) => revoked,
        other => panic!("not taken back: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_who_accepts_has_it_and_the_other_is_told_at_once() {
    let (server, mut ann, mut bob) = desk().await;
    server.submit(ticket_of("t1", "brief")).await;
    let (to_ann, to_bob) = (ann.offer().await, bob.offer().await);
    assert_eq!((id_of(&to_ann).as_str(), id_of(&to_bob).as_str()), ("t1", "t1"));
    assert_ne!(to_ann.lease_token, to_bob.lease_token);
    assert_eq!(to_ann.expires_at, to_bob.expires_at);
    let seen = server.get("t1").await.unwrap();
    let mut agents = vec![seen.offer.expect("it is offered").agent_id];
    agents.extend(seen.also_offered_to.into_iter().map(|offer| offer.agent_id));
    assert_eq!(agents, ["ann", "bob"]);
    let request = pb::ExplainTicketRequest { ticket_id: "t1".into(), ..Default::default() };
    let told_why = server.ops().explain_ticket(request).await.unwrap().into_inner().summary;
    assert!(told_why.contains("ann, bob"), "{told_why}");

    let assignment = bob.accept(&to_bob).await;
    assert_eq!(assignment.lease_token, to_bob.lease_token);
    let revoked = revoked(&mut ann).await;
    assert_eq!((revoked.ticket_id.as_str(), revoked.lease_token), ("t1", to_ann.lease_token));
    assert_eq!(revoked.reason(), pb::RevokeReason::TakenByAnother);
    let late = server.agent().accept_offer(accept(&to_ann)).await.unwrap_err();
    assert_eq!(told(&late), (Code::FailedPrecondition, "OFFER_ENDED".to_owned()));
    let seen = server.get("t1").await.unwrap();
    assert_eq!(seen.holder.expect("bob holds it").agent_id, "bob");
    assert_eq!((seen.offer, seen.also_offered_to.len()), (None, 0));
    assert_eq!(agent_of(&server, "ann").await.state(), pb::AgentState::Waiting);
    let again = server.agent().accept_offer(accept(&to_bob)).await.expect("a retry");
    assert_eq!(again.into_inner().assignment.unwrap().lease_token, to_bob.lease_token);
    server.complete("t1", to_bob.lease_token).await.expect("it is in hand");

    let request = pb::WatchEventsRequest {
        types: vec![pb::EventType::Offered.into(), pb::EventType::OfferRevoked.into()],
        from_seq: Some(0),
        ..Default::default()
    };
    let mut events = server.ops().watch_events(request).await.unwrap().into_inner();
    let mut seen = Vec::new();
    while let Some(answer) = events.message().await.expect("it ends well") {
        seen.extend(answer.events);
    }
    let [offered, taken] = &seen[..] else { panic!("not two events: {seen:?}") };
    assert_eq!(
        (offered.agent_id.as_str(), &offered.also_agent_ids[..]),
        ("ann", &["bob".into()][..])
    );
    assert_eq!(taken.reason, "another agent accepted it");
    assert_eq!(taken.details["lease_token"], to_ann.lease_token.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_declines_leaves_it_to_the_other_and_all_are_told_when_it_is_withdrawn() {
    let (server, mut ann, mut bob) = desk().await;
    server.submit(ticket_of("t1", "brief")).await;
    let (to_ann, to_bob) = (ann.offer().await, bob.offer().await);
    ann.say(Up::Decline(decline(&to_ann))).await;
    match ann.next().await {
        Ok(Down::Declined(_)) => {}
        other => panic!("not declined: {other:?}"),
    }
    let seen = server.get("t1").await.unwrap();
    assert_eq!(seen.state(), pb::TicketState::Offered);
    assert_eq!(seen.offer.expect("bob has it to answer").agent_id, "bob");
    bob.accept(&to_bob).await;

    server.submit(ticket_of("t2", "brief")).await;
    assert_eq!(id_of(&ann.offer().await), "t2");
    server.complete("t1", to_bob.lease_token).await.expect("it is in hand");
    server.submit(ticket_of("t3", "brief")).await;
    assert_eq!(id_of(&bob.offer().await), "t3");
    for (id, line) in [("t2", &mut ann), ("t3", &mut bob)] {
        let request = pb::CancelTicketRequest { ticket_id: id.into(), reason: "gone".into() };
        server.intake().cancel_ticket(request).await.expect("it is live");
        assert_eq!(revoked(line).await.reason(), pb::RevokeReason::TicketEnded);
    }
    server.submit(ticket_of("t4", "brief")).await;
    let both = [ann.offer().await, bob.offer().await].map(|offer| id_of(&offer));
    assert_eq!(both, ["t4", "t4"]);
    let request = pb::CancelTicketRequest { ticket_id: "t4".into(), reason: "gone".into() };
    server.intake().cancel_ticket(request).await.expect("it is live");
    for line in [&mut ann, &mut bob] {
        assert_eq!(revoked(line).await.reason(), pb::RevokeReason::TicketEnded);
    }
}
