//! Calls about a ticket's life: transferred, parked, resumed, called back.

use super::server::TestServer;
use super::{Table, bad_ids, pb, seconds};

/// What is wrong with a transfer or a parking of `T-held` beside its destination.
fn faulty(token: u64) -> Vec<(String, u64, String, &'static str)> {
    let ids = bad_ids().into_iter().chain([String::new()]);
    let mut faulty: Vec<_> =
        ids.map(|ticket_id| (ticket_id, token, String::new(), "ticket_id")).collect();
    let held = || "T-held".to_owned();
    faulty.push((held(), 0, String::new(), "lease_token"));
    faulty.push((held(), u64::MAX, String::new(), "lease_token"));
    faulty.push((held(), token, "x".repeat(201), "reason"));
    faulty.push((held(), token, "two\nlines".into(), "reason"));
    faulty
}

pub(super) async fn calls(server: &TestServer, table: &mut Table, token: u64) {
    use pb::transfer_ticket_request::To;
    for (ticket_id, lease_token, reason, field) in faulty(token) {
        let request = pb::TransferTicketRequest {
            ticket_id: ticket_id.clone(),
            lease_token,
            to: Some(To::Pool("senior".into())),
            restart_clocks: false,
            reason: reason.clone(),
        };
        table.invalid("TransferTicket", server.agent().transfer_ticket(request), &[field]).await;
        let request =
            pb::ParkTicketRequest { ticket_id, lease_token, reason, ..Default::default() };
        table.invalid("ParkTicket", server.agent().park_ticket(request), &[field]).await;
    }
    for (ticket_id, lease_token, reason, field) in faulty(token) {
        if !reason.is_empty() {
            continue;
        }
        let agent_id = "ann".to_owned();
        let request = pb::FinishWrapUpRequest { agent_id, ticket_id, lease_token };
        table.invalid("FinishWrapUp", server.agent().finish_wrap_up(request), &[field]).await;
    }
    for agent_id in bad_ids().into_iter().chain([String::new()]) {
        let ticket_id = "T-held".to_owned();
        let request = pb::FinishWrapUpRequest { agent_id, ticket_id, lease_token: token };
        table.invalid("FinishWrapUp", server.agent().finish_wrap_up(request), &["agent_id"]).await;
    }
    for (to, field) in [
        (None, "to"),
        (Some(To::Pool(String::new())), "pool"),
        (Some(To::Pool("se nior".into())), "pool"),
        (Some(To::Pool("junior".into())), "pool"),
        (Some(To::Tier("platinum".into())), "tier"),
        (Some(To::Tier("x".repeat(65))), "tier"),
        (Some(To::AgentId("a b".into())), "agent_id"),
    ] {
        let request = pb::TransferTicketRequest {
            ticket_id: "T-held".into(),
            lease_token: token,
            to,
            restart_clocks: true,
            reason: String::new(),
        };
        table.invalid("TransferTicket", server.agent().transfer_ticket(request), &[field]).await;
    }
    let year = 366 * 86_400;
    let at_mosts = [seconds(0), seconds(-1), seconds(year + 1), seconds(i64::MAX)];
    let parks = at_mosts.map(|for_at_most| (for_at_most, None, "for_at_most"));
    let week = 7 * 86_400;
    let keeps = [seconds(0), seconds(-1), seconds(week + 1), seconds(i64::MAX)];
    let keeps = keeps.map(|keep_for| (None, keep_for, "keep_for"));
    for (for_at_most, keep_for, field) in parks.into_iter().chain(keeps) {
        let request = pb::ParkTicketRequest {
            ticket_id: "T-held".into(),
            lease_token: token,
            for_at_most,
            keep_for,
            reason: String::new(),
        };
        table.invalid("ParkTicket", server.agent().park_ticket(request), &[field]).await;
    }
    callers(server, table).await;
}

async fn callers(server: &TestServer, table: &mut Table) {
    for ticket_id in bad_ids().into_iter().chain([String::new()]) {
        let request = pb::ResumeTicketRequest { ticket_id: ticket_id.clone() };
        table.invalid("ResumeTicket", server.intake().resume_ticket(request), &["ticket_id"]).await;
        let request = callback(&ticket_id, "5551", None, None);
        let mut client = server.intake();
        let asked = client.request_callback(request);
        table.invalid("RequestCallback", asked, &["ticket_id"]).await;
    }
    let at = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
    for (number, not_before, due_at, field) in [
        ("", None, None, "number"),
        ("  ", None, None, "number"),
        (&*"1".repeat(65), None, None, "number"),
        ("55\n51", None, None, "number"),
        ("5551", at(i64::MAX, 0), None, "not_before"),
        ("5551", at(0, -1), None, "not_before"),
        ("5551", None, at(i64::MAX, 0), "due_at"),
        ("5551", None, at(0, 1_000_000_000), "due_at"),
    ] {
        let request = callback("T-1", number, not_before, due_at);
        let mut client = server.intake();
        let asked = client.request_callback(request);
        table.invalid("RequestCallback", asked, &[field]).await;
    }
    let none = "TICKET_NOT_FOUND";
    let request = pb::ResumeTicketRequest { ticket_id: "T-9".into() };
    table.not_found("ResumeTicket", server.intake().resume_ticket(request), none).await;
    let request = callback("T-9", "5551", None, None);
    table.not_found("RequestCallback", server.intake().request_callback(request), none).await;
}

fn callback(
    ticket_id: &str,
    number: &str,
    not_before: Option<prost_types::Timestamp>,
    due_at: Option<prost_types::Timestamp>,
) -> pb::RequestCallbackRequest {
    pb::RequestCallbackRequest {
        ticket_id: ticket_id.into(),
        number: number.into(),
        not_before,
        due_at,
    }
}
