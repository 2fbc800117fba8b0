//! Tickets for later, parked, given on and turned into callbacks, over real gRPC.

use crate::server::{TestServer, empty, ticket_of};
use tierline::api::proto::v1 as pb;
use tonic::Code;

fn leg(ticket: &pb::Ticket, kind: pb::LegKind) -> Option<u32> {
    ticket.legs.iter().find(|leg| leg.kind() == kind).map(|leg| leg.entry_count)
}

/// The instant so many seconds after another.
fn later(at: Option<prost_types::Timestamp>, seconds: i64) -> Option<prost_types::Timestamp> {
    at.map(|at| prost_types::Timestamp { seconds: at.seconds + seconds, ..at })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_for_later_is_in_no_queue_and_can_be_listed_and_withdrawn() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let first = server.submit(ticket_of("T-0", "gold")).await;
    let not_before = later(first.submitted_at, 3600);
    let request = pb::SubmitTicketRequest { not_before, ..ticket_of("T-1", "gold") };
    let receipt = server.submit(request.clone()).await;
    assert_eq!((receipt.state(), receipt.place), (pb::TicketState::Scheduled, 0));
    assert!(server.submit(request).await.duplicate);
    let ticket = server.get("T-1").await.unwrap();
    assert_eq!((ticket.state(), ticket.not_before), (pb::TicketState::Scheduled, not_before));
    assert_eq!(server.take("ann").await.ticket.unwrap().ticket_id, "T-0");
    let states = vec![pb::TicketState::Scheduled.into()];
    let request = pb::ListTicketsRequest { states, ..Default::default() };
    let listed = server.intake().list_tickets(request).await.unwrap().into_inner().tickets;
    assert_eq!(listed.iter().map(|ticket| ticket.ticket_id.as_str()).collect::<Vec<_>>(), ["T-1"]);
    let request = pb::CancelTicketRequest { ticket_id: "T-1".into(), ..Default::default() };
    let ended = server.intake().cancel_ticket(request).await.unwrap().into_inner().ticket.unwrap();
    assert_eq!(ended.state(), pb::TicketState::Cancelled);
    assert_eq!(leg(&ended, pb::LegKind::Scheduled), Some(1));
    assert_eq!(leg(&server.get("T-1").await.unwrap(), pb::LegKind::Queue), None);

    let not_before = later(first.submitted_at, 400 * 86_400);
    let request = pb::SubmitTicketRequest { not_before, ..ticket_of("T-2", "gold") };
    let refused = server.intake().submit_ticket(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("not_before"), "{}", refused.message());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parked_ticket_survives_a_restart_and_returns_when_it_is_resumed() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let lease_token = server.take("ann").await.lease_token;
    let park = pb::ParkTicketRequest {
        ticket_id: "T-1".into(),
        lease_token,
        for_at_most: None,
        keep_for: None,
        reason: "asked for a receipt".into(),
    };
    let parked = server.agent().park_ticket(park.clone()).await.unwrap().into_inner();
    let parked = parked.ticket.unwrap();
    assert_eq!(parked.state(), pb::TicketState::Parked);
    assert_eq!(parked.parked.as_ref().unwrap().reason, "asked for a receipt");
    assert_eq!(empty(&server.pull("ann", "").await), pb::EmptyReason::NothingWaiting);

    let server = server.restart().await;
    // The same request again is the same answer.
    let again = server.agent().park_ticket(park.clone()).await.unwrap().into_inner();
    assert_eq!(again.ticket.unwrap().parked, parked.parked);
    let far = prost_types::Duration { seconds: 30 * 86_400, nanos: 0 };
    let resume = pb::ResumeTicketRequest { ticket_id: "T-1".into() };
    for _ in 0..2 {
        let resumed = server.intake().resume_ticket(resume.clone()).await.unwrap().into_inner();
        assert_eq!(resumed.ticket.unwrap().state(), pb::TicketState::Waiting);
    }
    let lease_token = server.take("ann").await.lease_token;
    let park = pb::ParkTicketRequest { lease_token, for_at_most: Some(far), ..park };
    let refused = server.agent().park_ticket(park).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("for_at_most"), "{}", refused.message());
    server.complete("T-1", lease_token).await.unwrap();
    let ended = server.get("T-1").await.unwrap();
    assert_eq!(leg(&ended, pb::LegKind::Parked), Some(1));
    assert_eq!(leg(&ended, pb::LegKind::Agent), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_that_is_kept_comes_back_to_who_parked_it_over_a_restart() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.hire("bob", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let lease_token = server.take("ann").await.lease_token;
    let keep_for = Some(prost_types::Duration { seconds: 600, nanos: 0 });
    let park = pb::ParkTicketRequest {
        ticket_id: "T-1".into(),
        lease_token,
        keep_for,
        ..Default::default()
    };
    let parked = server.agent().park_ticket(park).await.unwrap().into_inner();
    assert_eq!(parked.ticket.unwrap().parked.unwrap().keep_for, keep_for);

    let server = server.restart().await;
    let resume = pb::ResumeTicketRequest { ticket_id: "T-1".into() };
    server.intake().resume_ticket(resume).await.unwrap();
    let server = server.restart().await;
    assert_eq!(empty(&server.pull("bob", "").await), pb::EmptyReason::NothingWaiting);
    let kept = server.get("T-1").await.unwrap();
    assert_eq!(kept.waits_for_agent_id, "ann");
    assert!(kept.waits_for_agent_until.unwrap().seconds > kept.respond_by.unwrap().seconds);
    server.take("ann").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_given_on_waits_for_those_it_was_given_to() {
    use pb::transfer_ticket_request::To;
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.hire("bob", &["general"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let taken = server.take("ann").await;
    let request = |to| pb::TransferTicketRequest {
        ticket_id: "T-1".into(),
        lease_token: taken.lease_token,
        to,
        restart_clocks: false,
        reason: "speaks French".into(),
    };
    for (to, field) in [(None, "to"), (Some(To::Pool("nowhere".into())), "pool")] {
        let refused = server.agent().transfer_ticket(request(to)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
        assert!(refused.message().starts_with(field), "{}", refused.message());
    }
    let nobody = Some(To::AgentId("joe".into()));
    let refused = server.agent().transfer_ticket(request(nobody)).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);

    let given = server.agent().transfer_ticket(request(Some(To::AgentId("bob".into())))).await;
    let given = given.unwrap().into_inner().ticket.unwrap();
    assert_eq!((given.state(), given.requeue_count), (pb::TicketState::Waiting, 1));
    assert_eq!(given.respond_by, taken.ticket.unwrap().respond_by);
    let last = given.last_return.unwrap();
    assert_eq!(
        (last.kind(), last.reason.as_str()),
        (pb::ReturnReason::Transferred, "speaks French")
    );
    assert_eq!(empty(&server.pull("ann", "").await), pb::EmptyReason::NothingWaiting);
    assert_eq!(server.take("bob").await.ticket.unwrap().ticket_id, "T-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_asks_to_be_called_back_keeps_the_place() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    let first = server.submit(ticket_of("T-1", "gold")).await;
    server.submit(ticket_of("T-2", "gold")).await;
    let request = pb::RequestCallbackRequest {
        ticket_id: "T-1".into(),
        number: "+1 202 555 0101".into(),
        ..Default::default()
    };
    for _ in 0..2 {
        let ticket = server.intake().request_callback(request.clone()).await.unwrap().into_inner();
        let ticket = ticket.ticket.unwrap();
        assert_eq!(
            (ticket.channel(), ticket.respond_by),
            (pb::Channel::Callback, first.respond_by)
        );
    }
    let nothing = pb::RequestCallbackRequest { number: String::new(), ..request.clone() };
    let refused = server.intake().request_callback(nothing).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let taken = server.take("ann").await.ticket.unwrap();
    assert_eq!(
        (taken.ticket_id.as_str(), taken.callback_number.as_str()),
        ("T-1", "+1 202 555 0101")
    );
    let refused = server.intake().request_callback(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
}
