//! Calls of agents at work: presence, pulls, what is in hand, offers.

use super::server::TestServer;
use super::{Table, pb, seconds};

pub(super) async fn agents_at_work(server: &TestServer, table: &mut Table, token: u64) {
    let available = i32::from(pb::Presence::Available);
    for (agent_id, presence, field) in [
        ("", available, "agent_id"),
        ("a b", available, "agent_id"),
        ("ann", 0, "presence"),
        ("ann", 3, "presence"),
        ("ann", -1, "presence"),
    ] {
        let request = pb::SetPresenceRequest { agent_id: agent_id.into(), presence };
        table.invalid("SetPresence", server.agent().set_presence(request), &[field]).await;
    }
    let request = pb::SetPresenceRequest { agent_id: "nobody".into(), presence: available };
    let mut client = server.agent();
    let asked = client.set_presence(request);
    table.not_found("SetPresence", asked, "AGENT_NOT_FOUND").await;

    let pull = |agent: &str, request: &str, wait| pb::PullTicketRequest {
        agent_id: agent.into(),
        request_id: request.into(),
        wait,
    };
    let odd = |seconds, nanos| Some(prost_types::Duration { seconds, nanos });
    for (request, field) in [
        (pull("", "", None), "agent_id"),
        (pull("a/b", "", None), "agent_id"),
        (pull("ann", "a b", None), "request_id"),
        (pull("ann", &"x".repeat(65), None), "request_id"),
        (pull("ann", "", seconds(61)), "wait"),
        (pull("ann", "", seconds(-1)), "wait"),
        (pull("ann", "", odd(0, -1)), "wait"),
        (pull("ann", "", odd(1, 1_000_000_000)), "wait"),
        (pull("ann", "", odd(i64::MAX, 0)), "wait"),
    ] {
        table.invalid("PullTicket", server.agent().pull_ticket(request), &[field]).await;
    }
    let mut client = server.agent();
    let asked = client.pull_ticket(pull("nobody", "", None));
    table.not_found("PullTicket", asked, "AGENT_NOT_FOUND").await;
    held(server, table, token).await;
    offers(server, table, token).await;
}

/// Calls about offers, and the stream on which they come.
async fn offers(server: &TestServer, table: &mut Table, token: u64) {
    let mut faulty = vec![("", token, "ticket_id"), ("a b", token, "ticket_id")];
    faulty.extend([("T-1", 0, "lease_token"), ("T-1", u64::MAX, "lease_token")]);
    for (ticket_id, lease_token, field) in faulty {
        let ticket_id = ticket_id.to_owned();
        let request = pb::AcceptOfferRequest { ticket_id: ticket_id.clone(), lease_token };
        table.invalid("AcceptOffer", server.agent().accept_offer(request), &[field]).await;
        let request = pb::DeclineOfferRequest { ticket_id, lease_token, reason: String::new() };
        table.invalid("DeclineOffer", server.agent().decline_offer(request), &[field]).await;
    }
    let request = pb::DeclineOfferRequest {
        ticket_id: "T-1".into(),
        lease_token: token,
        reason: "x".repeat(201),
    };
    table.invalid("DeclineOffer", server.agent().decline_offer(request), &["reason"]).await;
    let hello = |agent: &str, session: &str| pb::WorkHello {
        agent_id: agent.into(),
        session_id: session.into(),
        ..Default::default()
    };
    for (hello, field) in [
        (hello("", ""), "hello.agent_id"),
        (hello("ann", "a b"), "hello.session_id"),
        (pb::WorkHello { presence: 3, ..hello("ann", "") }, "hello.presence"),
    ] {
        let request = Some(pb::work_request::Request::Hello(hello));
        let requests = tokio_stream::iter([pb::WorkRequest { request }]);
        table.invalid("Work", server.agent().work(requests), &[field]).await;
    }
}

/// Calls about a ticket in hand.
async fn held(server: &TestServer, table: &mut Table, token: u64) {
    // The token is missing, was never given, or is another ticket's.
    let mut faulty = vec![("", token, "ticket_id"), ("a b", token, "ticket_id")];
    faulty.extend([("T-held", 0, "lease_token"), ("T-held", token + 1, "lease_token")]);
    faulty.extend([("T-held", u64::MAX, "lease_token"), ("T-1", token, "lease_token")]);
    for (ticket, lease_token, field) in faulty {
        let ticket_id = ticket.to_owned();
        let request =
            pb::ExtendLeaseRequest { ticket_id: ticket_id.clone(), lease_token, by: None };
        table.invalid("ExtendLease", server.agent().extend_lease(request), &[field]).await;
        let request = pb::ReleaseTicketRequest {
            ticket_id: ticket_id.clone(),
            lease_token,
            reason: String::new(),
        };
        table.invalid("ReleaseTicket", server.agent().release_ticket(request), &[field]).await;
        let request = pb::CompleteTicketRequest { ticket_id, lease_token, ..Default::default() };
        table.invalid("CompleteTicket", server.agent().complete_ticket(request), &[field]).await;
    }
    let ticket_id = || "T-held".to_owned();
    for by in [seconds(0), seconds(-1), seconds(86_401), seconds(i64::MAX)] {
        let request = pb::ExtendLeaseRequest { ticket_id: ticket_id(), lease_token: token, by };
        table.invalid("ExtendLease", server.agent().extend_lease(request), &["by"]).await;
    }
    let reason = "x".repeat(201);
    let request = pb::ReleaseTicketRequest { ticket_id: ticket_id(), lease_token: token, reason };
    table.invalid("ReleaseTicket", server.agent().release_ticket(request), &["reason"]).await;
    let good = || pb::CompleteTicketRequest {
        ticket_id: ticket_id(),
        lease_token: token,
        ..Default::default()
    };
    let next = |agent: &str, request: &str, wait| pb::CompleteTicketRequest {
        pull_next: Some(pb::PullNext { agent_id: agent.into(), request_id: request.into(), wait }),
        ..good()
    };
    for (request, field) in [
        (pb::CompleteTicketRequest { outcome: "x".repeat(65), ..good() }, "outcome"),
        (pb::CompleteTicketRequest { outcome: "a\nb".into(), ..good() }, "outcome"),
        (pb::CompleteTicketRequest { burden: "x".repeat(65), ..good() }, "burden"),
        (pb::CompleteTicketRequest { burden: "Mrs Smith".into(), ..good() }, "burden"),
        (pb::CompleteTicketRequest { note: "x".repeat(1001), ..good() }, "note"),
        (next("", "", None), "pull_next.agent_id"),
        (next("ann", "a b", None), "pull_next.request_id"),
        (next("ann", "", seconds(61)), "pull_next.wait"),
    ] {
        table.invalid("CompleteTicket", server.agent().complete_ticket(request), &[field]).await;
    }
    let ticket_id = || "T-9".to_owned();
    let none = "TICKET_NOT_FOUND";
    let request = pb::ExtendLeaseRequest { ticket_id: ticket_id(), lease_token: token, by: None };
    table.not_found("ExtendLease", server.agent().extend_lease(request), none).await;
    let request = pb::ReleaseTicketRequest {
        ticket_id: ticket_id(),
        lease_token: token,
        reason: String::new(),
    };
    table.not_found("ReleaseTicket", server.agent().release_ticket(request), none).await;
    let request = pb::CompleteTicketRequest { ticket_id: ticket_id(), ..good() };
    table.not_found("CompleteTicket", server.agent().complete_ticket(request), none).await;
}
