//! What is faulty in the calls that change policies, follow events and step in by hand.

use super::{Table, bad_ids};
use crate::server::TestServer;
use tierline::api::proto::v1 as pb;

const LONG_REASON: usize = 201;
const LONG_NAME: usize = 65;

pub(super) async fn policies(server: &TestServer, table: &mut Table) {
    let toml = "version =".to_owned();
    let request = pb::DiffPolicyRequest { toml: toml.clone() };
    table.invalid("DiffPolicy", server.admin().diff_policy(request), &["toml"]).await;

    let apply =
        |toml: &str, expected_version: String, by: usize, reason: usize| pb::ApplyPolicyRequest {
            toml: toml.to_owned(),
            expected_version,
            reason: "x".repeat(reason),
            by: "x".repeat(by),
        };
    for (request, field) in [
        (apply(&toml, String::new(), 0, 0), "toml"),
        (apply(&toml, "no name".into(), 0, 0), "expected_version"),
        (apply(&toml, String::new(), LONG_NAME, 0), "by"),
        (apply(&toml, String::new(), 0, LONG_REASON), "reason"),
    ] {
        table.invalid("ApplyPolicy", server.admin().apply_policy(request), &[field]).await;
    }

    let roll_back = |version: &str, by: usize, reason: usize| pb::RollbackPolicyRequest {
        version: version.to_owned(),
        expected_version: String::new(),
        reason: "x".repeat(reason),
        by: "x".repeat(by),
    };
    for (request, field) in [
        (roll_back("", 0, 0), "version"),
        (roll_back("no name", 0, 0), "version"),
        (roll_back("v1", LONG_NAME, 0), "by"),
        (roll_back("v1", 0, LONG_REASON), "reason"),
    ] {
        table.invalid("RollbackPolicy", server.admin().rollback_policy(request), &[field]).await;
    }
    let mut client = server.admin();
    let asked = client.rollback_policy(roll_back("never-was", 0, 0));
    table.not_found("RollbackPolicy", asked, "POLICY_NOT_FOUND").await;

    let request = pb::ListPolicyVersionsRequest { page_size: 10_000, ..Default::default() };
    let mut client = server.admin();
    let asked = client.list_policy_versions(request);
    table.invalid("ListPolicyVersions", asked, &["page_size"]).await;

    // A faulty text is what this call is for: its faults are its answer.
    let request = pb::CheckPolicyRequest { toml };
    let checked = server.admin().check_policy(request).await.expect("an answer").into_inner();
    table.note("CheckPolicy");
    if checked.faults.is_empty() || checked.policy.is_some() {
        table.wrong.push(format!("CheckPolicy: {checked:?}"));
    }
}

pub(super) async fn events(server: &TestServer, table: &mut Table) {
    let watch = |types: Vec<i32>, tiers: Vec<&str>| pb::WatchEventsRequest {
        types,
        tiers: tiers.into_iter().map(ToOwned::to_owned).collect(),
        ..Default::default()
    };
    for (request, field) in [
        (watch(vec![0], vec![]), "types[0]"),
        (watch(vec![1, 9999], vec![]), "types[1]"),
        (watch(vec![], vec!["no name"]), "tiers[0]"),
        (watch(vec![], vec!["nowhere"]), "tiers[0]"),
    ] {
        table.invalid("WatchEvents", server.ops().watch_events(request), &[field]).await;
    }
}

/// Every call that steps in takes a ticket, a reason, and who asks.
pub(super) async fn interventions(server: &TestServer, table: &mut Table) {
    use pb::move_ticket_request::To;
    let long = "x".repeat(LONG_REASON);
    let who = "x".repeat(LONG_NAME);
    let mut faulty: Vec<(String, String, String, &str)> = bad_ids()
        .into_iter()
        .chain([String::new()])
        .map(|id| (id, "why".to_owned(), String::new(), "ticket_id"))
        .collect();
    faulty.push(("T-1".into(), String::new(), String::new(), "reason"));
    faulty.push(("T-1".into(), long, String::new(), "reason"));
    faulty.push(("T-1".into(), "why".into(), who, "by"));
    for (ticket_id, reason, by, field) in faulty {
        let request = pb::ForceAssignRequest {
            ticket_id: ticket_id.clone(),
            agent_id: "ann".into(),
            reason: reason.clone(),
            by: by.clone(),
        };
        table.invalid("ForceAssign", server.ops().force_assign(request), &[field]).await;
        let request = pb::MoveToFrontRequest {
            ticket_id: ticket_id.clone(),
            reason: reason.clone(),
            by: by.clone(),
        };
        table.invalid("MoveToFront", server.ops().move_to_front(request), &[field]).await;
        let request = pb::WithdrawTicketRequest {
            ticket_id: ticket_id.clone(),
            reason: reason.clone(),
            by: by.clone(),
        };
        table.invalid("WithdrawTicket", server.ops().withdraw_ticket(request), &[field]).await;
        let request = pb::MoveTicketRequest {
            ticket_id: ticket_id.clone(),
            to: Some(To::Pool("senior".into())),
            restart_clocks: false,
            reason: reason.clone(),
            by: by.clone(),
        };
        table.invalid("MoveTicket", server.ops().move_ticket(request), &[field]).await;
        let request = pb::RequeueTicketRequest { ticket_id, reason, by };
        table.invalid("RequeueTicket", server.ops().requeue_ticket(request), &[field]).await;
    }
    for (to, field) in [
        (None, "to"),
        (Some(To::Pool("junior".into())), "pool"),
        (Some(To::Tier("platinum".into())), "tier"),
        (Some(To::AgentId("a b".into())), "agent_id"),
    ] {
        let request = pb::MoveTicketRequest {
            ticket_id: "T-1".into(),
            to,
            restart_clocks: true,
            reason: "why".into(),
            by: String::new(),
        };
        table.invalid("MoveTicket", server.ops().move_ticket(request), &[field]).await;
    }
    for agent_id in bad_ids() {
        let request = pb::ForceAssignRequest {
            ticket_id: "T-1".into(),
            agent_id,
            reason: "why".into(),
            by: String::new(),
        };
        table.invalid("ForceAssign", server.ops().force_assign(request), &["agent_id"]).await;
    }
    for ticket_id in bad_ids().into_iter().chain([String::new()]) {
        let request = pb::ReleaseQuarantinedRequest { ticket_id };
        let mut client = server.ops();
        let asked = client.release_quarantined(request);
        table.invalid("ReleaseQuarantined", asked, &["ticket_id"]).await;
    }
    let none = "TICKET_NOT_FOUND";
    let (ticket_id, reason, by) = ("T-none".to_owned(), "why".to_owned(), String::new());
    let request = pb::MoveToFrontRequest {
        ticket_id: ticket_id.clone(),
        reason: reason.clone(),
        by: by.clone(),
    };
    table.not_found("MoveToFront", server.ops().move_to_front(request), none).await;
    let request = pb::RequeueTicketRequest { ticket_id, reason, by };
    table.not_found("RequeueTicket", server.ops().requeue_ticket(request), none).await;
}
