//! What supervisors do to single tickets, over the wire.

use crate::server::{TestServer, ticket_of, told};
use tierline::api::proto::v1 as pb;
use tonic::Code;

fn front(id: &str, reason: &str) -> pb::MoveToFrontRequest {
    pb::MoveToFrontRequest { ticket_id: id.into(), reason: reason.into(), by: "sue".into() }
}

fn force(id: &str, agent: &str) -> pb::ForceAssignRequest {
    pb::ForceAssignRequest {
        ticket_id: id.into(),
        agent_id: agent.into(),
        reason: "she knows the case".into(),
        by: "sue".into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_moved_given_taken_back_and_withdrawn_and_every_act_says_who_and_why() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.hire("dan", &["desk"]).await;
    server.submit(ticket_of("G-1", "gold")).await;
    server.submit(ticket_of("G-2", "gold")).await;

    let moved = server.ops().move_to_front(front("G-2", "called three times")).await.unwrap();
    assert_eq!(moved.into_inner().ticket.unwrap().state(), pb::TicketState::Waiting);
    let taken = server.take("ann").await;
    assert_eq!(taken.ticket.unwrap().ticket_id, "G-2");
    assert_eq!(taken.decision.unwrap().step(), pb::DecisionStep::Promoted);

    // From her hands into those of someone who serves other pools.
    let given = server.ops().force_assign(force("G-2", "dan")).await.unwrap().into_inner();
    let holder = given.ticket.unwrap().holder.unwrap();
    assert_eq!(holder.agent_id, "dan");
    assert_eq!(holder.decision.unwrap().step(), pb::DecisionStep::Forced);
    let late = server.complete("G-2", taken.lease_token).await.unwrap_err();
    assert_eq!(told(&late), (Code::FailedPrecondition, "LEASE_SUPERSEDED".to_owned()));
    let full = server.ops().force_assign(force("G-1", "dan")).await.unwrap_err();
    assert_eq!(told(&full), (Code::FailedPrecondition, "AGENT_FULL".to_owned()));

    let request = pb::RequeueTicketRequest {
        ticket_id: "G-2".into(),
        reason: "dan went home".into(),
        by: "sue".into(),
    };
    let back = server.ops().requeue_ticket(request).await.unwrap().into_inner();
    assert_eq!(back.ticket.unwrap().state(), pb::TicketState::Waiting);
    let request = pb::WithdrawTicketRequest {
        ticket_id: "G-2".into(),
        reason: "sent twice".into(),
        by: "sue".into(),
    };
    for _ in 0..2 {
        let gone = server.ops().withdraw_ticket(request.clone()).await.unwrap().into_inner();
        let gone = gone.ticket.unwrap();
        assert_eq!(
            (gone.state(), gone.reason.as_str()),
            (pb::TicketState::Cancelled, "sent twice")
        );
    }

    let request = pb::WatchEventsRequest {
        from_seq: Some(0),
        types: vec![pb::EventType::Intervened.into()],
        ..Default::default()
    };
    let mut answers = server.ops().watch_events(request).await.unwrap().into_inner();
    let mut acts = Vec::new();
    while let Some(answer) = answers.message().await.unwrap() {
        for event in answer.events {
            assert_eq!((event.ticket_id.as_str(), event.by.as_str()), ("G-2", "sue"));
            acts.push((event.details["action"].clone(), event.agent_id, event.reason));
        }
    }
    let act = |action: &str, agent: &str, reason: &str| {
        (action.to_owned(), agent.to_owned(), reason.to_owned())
    };
    assert_eq!(
        acts,
        [
            act("move_to_front", "", "called three times"),
            act("requeue", "", "she knows the case"),
            act("assign", "dan", "she knows the case"),
            act("requeue", "", "dan went home"),
            act("withdraw", "", "sent twice"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_act_without_a_reason_or_on_nothing_is_refused() {
    let server = TestServer::start().await;
    let refused = server.ops().move_to_front(front("G 1", "")).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    for field in ["ticket_id", "reason: is required"] {
        assert!(refused.message().contains(field), "{}", refused.message());
    }
    let refused = server.ops().move_to_front(front("G-1", "why not")).await.unwrap_err();
    assert_eq!(told(&refused), (Code::NotFound, "TICKET_NOT_FOUND".to_owned()));
    server.submit(ticket_of("G-1", "gold")).await;
    let refused = server.ops().force_assign(force("G-1", "nobody")).await.unwrap_err();
    assert_eq!(told(&refused), (Code::NotFound, "AGENT_NOT_FOUND".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_gives_on_what_waits_is_in_hand_or_is_parked() {
    use pb::move_ticket_request::To;
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.hire("bob", &["general"]).await;
    server.submit(ticket_of("G-1", "gold")).await;
    let request = |to, reason: &str| pb::MoveTicketRequest {
        ticket_id: "G-1".into(),
        to,
        restart_clocks: false,
        reason: reason.into(),
        by: "sue".into(),
    };
    let taken = server.take("ann").await;
    let to_bob = request(Some(To::AgentId("bob".into())), "speaks French");
    for _ in 0..2 {
        let moved = server.ops().move_ticket(to_bob.clone()).await.unwrap().into_inner();
        let moved = moved.ticket.unwrap();
        assert_eq!((moved.state(), moved.requeue_count), (pb::TicketState::Waiting, 0));
        assert_eq!(moved.respond_by, taken.ticket.as_ref().unwrap().respond_by);
    }
    let late = server.complete("G-1", taken.lease_token).await.unwrap_err();
    assert_eq!(told(&late), (Code::FailedPrecondition, "LEASE_ENDED".to_owned()));
    let lease_token = server.take("bob").await.lease_token;
    let park = pb::ParkTicketRequest {
        ticket_id: "G-1".into(),
        lease_token,
        for_at_most: None,
        keep_for: None,
        reason: "asked for a receipt".into(),
    };
    server.agent().park_ticket(park).await.unwrap();
    let to_pool = request(Some(To::Pool("senior".into())), "bob went home");
    let moved = server.ops().move_ticket(to_pool).await.unwrap().into_inner().ticket.unwrap();
    assert_eq!(moved.state(), pb::TicketState::Parked);
    assert_eq!(moved.pools, ["senior"]);
    // What was decided outlives a restart.
    let server = server.restart().await;
    let resume = pb::ResumeTicketRequest { ticket_id: "G-1".into() };
    server.intake().resume_ticket(resume).await.unwrap();
    assert_eq!(server.take("ann").await.ticket.unwrap().ticket_id, "G-1");

    let nowhere = request(Some(To::Pool("nowhere".into())), "why");
    let refused = server.ops().move_ticket(nowhere).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("pool"), "{}", refused.message());
    let nobody = request(Some(To::AgentId("joe".into())), "why");
    let refused = server.ops().move_ticket(nobody).await.unwrap_err();
    assert_eq!(told(&refused), (Code::NotFound, "AGENT_NOT_FOUND".to_owned()));
}
