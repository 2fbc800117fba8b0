//! Whole ways of tickets: from the first call to the last, through retries and a restart.

use crate::server::{TestServer, assigned, identifier, ticket, ticket_of, told};
use tierline::api::proto::v1 as pb;
use tierline::engine::FINISHED_KEPT_MAX;
use tierline::engine::model::TicketId;
use tonic::Code;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_finds_its_tier_its_agent_and_its_end() {
    let server = TestServer::start().await;
    let phone = identifier(pb::IdentifierKind::Phone, "+1 (202) 555-0101");
    let customer = pb::Customer {
        customer_id: "C-1".into(),
        tier: "gold".into(),
        identifiers: vec![phone],
        ..Default::default()
    };
    let request = pb::PutCustomerRequest { customer: Some(customer) };
    server.admin().put_customer(request).await.expect("the customer is stored");
    server.hire("ann", &["senior"]).await;

    let call = pb::SubmitTicketRequest {
        // Another spelling of the same number.
        customer: Some(identifier(pb::IdentifierKind::Phone, "+12025550101")),
        subject: "card lost".into(),
        payload: vec![0, 255].into(),
        attributes: [("ivr".to_owned(), "4".to_owned())].into(),
        ..ticket("")
    };
    let receipt = server.submit(call).await;
    assert_eq!(uuid::Uuid::parse_str(&receipt.ticket_id).map(|id| id.get_version_num()), Ok(7));
    assert_eq!((receipt.tier.as_str(), receipt.tier_source()), ("gold", pb::TierSource::Found));
    assert_eq!((receipt.customer_id.as_str(), receipt.place), ("C-1", 0));
    assert_eq!((receipt.state(), receipt.duplicate), (pb::TicketState::Waiting, false));
    let (submitted, respond_by) = (receipt.submitted_at.unwrap(), receipt.respond_by.unwrap());
    assert_eq!(respond_by.seconds - submitted.seconds, 15);
    assert_eq!(receipt.solve_by, None);

    let waiting = server.get(&receipt.ticket_id).await.unwrap();
    assert_eq!(waiting.queue_id, "gold/voice/senior");
    assert_eq!((&waiting.payload[..], waiting.payload_size), (&[0, 255][..], 2));
    assert_eq!(waiting.attributes["ivr"], "4");
    assert_eq!(waiting.customer, Some(identifier(pb::IdentifierKind::Phone, "+12025550101")));

    let taken = server.take("ann").await;
    assert_eq!((taken.agent_id.as_str(), taken.pool.as_str()), ("ann", "senior"));
    let decision = taken.decision.unwrap();
    assert_eq!(decision.step(), pb::DecisionStep::AtRisk);
    assert_eq!(decision.policy_version, "test-1");
    let shown = taken.ticket.unwrap();
    assert_eq!((shown.state(), &shown.payload[..]), (pb::TicketState::Assigned, &[0, 255][..]));
    let lease = taken.lease_until.unwrap().seconds - taken.assigned_at.unwrap().seconds;
    assert_eq!(lease, 600);

    let extend = pb::ExtendLeaseRequest {
        ticket_id: receipt.ticket_id.clone(),
        lease_token: taken.lease_token,
        by: Some(prost_types::Duration { seconds: 7200, nanos: 0 }),
    };
    let extended = server.agent().extend_lease(extend).await.unwrap().into_inner();
    assert!(extended.lease_until.unwrap().seconds >= taken.assigned_at.unwrap().seconds + 7200);

    let next = server.submit(ticket_of("T-2", "gold")).await;
    let complete = pb::CompleteTicketRequest {
        ticket_id: receipt.ticket_id.clone(),
        lease_token: taken.lease_token,
        outcome: "solved".into(),
        note: "a new card\nis on its way".into(),
        burden: "abusive".into(),
        pull_next: Some(pb::PullNext {
            agent_id: "ann".into(),
            request_id: "p-2".into(),
            wait: None,
        }),
    };
    let done = server.agent().complete_ticket(complete).await.unwrap().into_inner();
    assert!(done.response_in_deadline);
    assert_eq!(done.solution_in_deadline, None);
    let Some(pb::complete_ticket_response::Next::Pulled(pulled)) = done.next else {
        panic!("the next ticket was asked for");
    };
    assert_eq!(assigned(pulled).ticket.unwrap().ticket_id, next.ticket_id);

    let ended = server.get(&receipt.ticket_id).await.unwrap();
    assert_eq!(ended.state(), pb::TicketState::Completed);
    assert_eq!(
        [&*ended.outcome, &*ended.note, &*ended.burden],
        ["solved", "a new card\nis on its way", "abusive"]
    );
    assert_eq!((ended.customer_id.as_str(), &ended.payload[..]), ("C-1", &[0, 255][..]));
    let holder = ended.holder.unwrap();
    assert_eq!((holder.agent_id.as_str(), holder.pool.as_str()), ("ann", "senior"));
    assert_eq!(holder.assigned_at, taken.assigned_at);
    assert!(!ended.response_breached);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_submit_twice_is_one_ticket_whatever_became_of_it() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let first = server.submit(ticket_of("T-1", "gold")).await;
    let again = server.submit(ticket_of("T-1", "gold")).await;
    assert_eq!((again.number, again.duplicate), (first.number, true));
    assert_eq!(again.submitted_at, first.submitted_at);

    let other = pb::SubmitTicketRequest { subject: "other".into(), ..ticket_of("T-1", "gold") };
    let clash = server.intake().submit_ticket(other.clone()).await.unwrap_err();
    assert_eq!(told(&clash), (Code::AlreadyExists, "TICKET_EXISTS".to_owned()));

    let taken = server.take("ann").await;
    let again = server.submit(ticket_of("T-1", "gold")).await;
    assert_eq!((again.state(), again.duplicate), (pb::TicketState::Assigned, true));
    server.complete("T-1", taken.lease_token).await.unwrap();
    let again = server.submit(ticket_of("T-1", "gold")).await;
    assert_eq!((again.state(), again.duplicate), (pb::TicketState::Completed, true));
    let clash = server.intake().submit_ticket(other).await.unwrap_err();
    assert_eq!(clash.code(), Code::AlreadyExists);
    assert_eq!(server.engine().await.ticket_count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_pull_is_the_same_assignment_and_a_new_one_is_not() {
    let server = TestServer::start().await;
    let request = pb::PutAgentRequest {
        agent_id: "ann".into(),
        pools: vec!["senior".into()],
        capacity: 2,
        ..Default::default()
    };
    server.admin().put_agent(request).await.unwrap();
    let presence = pb::Presence::Available.into();
    let request = pb::SetPresenceRequest { agent_id: "ann".into(), presence };
    server.agent().set_presence(request).await.unwrap();
    for id in ["T-1", "T-2", "T-3"] {
        server.submit(ticket_of(id, "gold")).await;
    }

    let first = assigned(server.pull("ann", "p-1").await);
    let again = assigned(server.pull("ann", "p-1").await);
    assert_eq!((first.redelivered, again.redelivered), (false, true));
    assert_eq!(again.lease_token, first.lease_token);
    let second = assigned(server.pull("ann", "p-2").await);
    assert!(second.lease_token > first.lease_token);
    assert_eq!(second.ticket.unwrap().ticket_id, "T-2");
    // Both hands are full: the latest again, and T-3 waits on.
    let full = assigned(server.pull("ann", "p-3").await);
    assert_eq!((full.lease_token, full.redelivered), (second.lease_token, true));
    assert_eq!(server.get("T-3").await.unwrap().state(), pb::TicketState::Waiting);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_token_is_refused_with_the_reason_and_a_repeated_completion_is_the_same_answer() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.hire("bob", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;

    let old = server.take("ann").await;
    let release = pb::ReleaseTicketRequest {
        ticket_id: "T-1".into(),
        lease_token: old.lease_token,
        reason: "wrong language".into(),
    };
    let released = server.agent().release_ticket(release.clone()).await.unwrap().into_inner();
    assert_eq!(released.ticket.unwrap().state(), pb::TicketState::Waiting);
    let refused = server.complete("T-1", old.lease_token).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "LEASE_ENDED".to_owned()));

    let new = server.take("bob").await;
    let refused = server.complete("T-1", old.lease_token).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "LEASE_SUPERSEDED".to_owned()));
    let refused = server.agent().release_ticket(release).await.unwrap_err();
    assert_eq!(told(&refused).1, "LEASE_SUPERSEDED");
    let extend =
        pb::ExtendLeaseRequest { ticket_id: "T-1".into(), lease_token: old.lease_token, by: None };
    let refused = server.agent().extend_lease(extend).await.unwrap_err();
    assert_eq!(told(&refused).1, "LEASE_SUPERSEDED");

    let done = server.complete("T-1", new.lease_token).await.unwrap();
    let again = server.complete("T-1", new.lease_token).await.unwrap();
    assert_eq!(again, done);
    let refused = server.complete("T-1", old.lease_token).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "TICKET_COMPLETED".to_owned()));
    let cancel = pb::CancelTicketRequest { ticket_id: "T-1".into(), reason: String::new() };
    let refused = server.intake().cancel_ticket(cancel).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "TICKET_COMPLETED".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_forgets_nothing_and_retries_stay_safe_across_it() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    server.submit(ticket_of("T-2", "gold")).await;
    server.submit(ticket_of("T-3", "silver")).await;
    let first = server.take("ann").await;
    let done = server.complete("T-1", first.lease_token).await.unwrap();
    let held = assigned(server.pull("ann", "p-2").await);

    let server = server.restart().await;
    assert_eq!(server.complete("T-1", first.lease_token).await.unwrap(), done);
    let again = assigned(server.pull("ann", "p-2").await);
    assert_eq!((again.lease_token, again.redelivered), (held.lease_token, true));
    let again = server.submit(ticket_of("T-3", "silver")).await;
    assert_eq!((again.state(), again.duplicate), (pb::TicketState::Waiting, true));
    server.complete("T-2", held.lease_token).await.unwrap();
    let next = server.take("ann").await;
    assert!(next.lease_token > held.lease_token);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retries_are_safe_for_tickets_that_have_long_left_memory() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let taken = server.take("ann").await;
    let done = server.complete("T-1", taken.lease_token).await.unwrap();
    // As many others end after it as are kept in memory.
    let mut others = tokio::task::JoinSet::new();
    for worker in 0..64 {
        let mut client = server.intake();
        others.spawn(async move {
            for number in 0..FINISHED_KEPT_MAX / 64 {
                let id = format!("other-{worker}-{number}");
                client.submit_ticket(ticket_of(&id, "gold")).await.expect("it is taken");
                let cancel = pb::CancelTicketRequest { ticket_id: id, reason: String::new() };
                client.cancel_ticket(cancel).await.expect("it is cancelled");
            }
        });
    }
    others.join_all().await;
    let engine = server.engine().await;
    assert!(engine.finished(&TicketId::new("T-1")).is_none(), "it has left memory");

    let again = server.submit(ticket_of("T-1", "gold")).await;
    assert_eq!((again.state(), again.duplicate), (pb::TicketState::Completed, true));
    let other = pb::SubmitTicketRequest { subject: "other".into(), ..ticket_of("T-1", "gold") };
    let clash = server.intake().submit_ticket(other).await.unwrap_err();
    assert_eq!(clash.code(), Code::AlreadyExists);
    assert_eq!(server.complete("T-1", taken.lease_token).await.unwrap(), done);
    let refused = server.complete("T-1", taken.lease_token + 1).await.unwrap_err();
    assert_eq!(told(&refused).1, "TICKET_COMPLETED");
    assert_eq!(server.get("T-1").await.unwrap().state(), pb::TicketState::Completed);
}
