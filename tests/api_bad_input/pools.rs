//! What is faulty in the calls that pause pools and act on many tickets.

use super::Table;
use crate::server::TestServer;
use tierline::api::proto::v1 as pb;

pub(super) async fn pauses(server: &TestServer, table: &mut Table) {
    let faulty = [
        ("", "why", 0, "pool"),
        ("no name", "why", 0, "pool"),
        ("nowhere", "why", 0, "pool"),
        ("desk", "", 0, "reason"),
        ("desk", "a\nb", 0, "reason"),
        ("desk", "why", 65, "by"),
    ];
    for (pool, reason, by, field) in faulty {
        let (pool, by) = (pool.to_owned(), "x".repeat(by));
        let request =
            pb::PausePoolRequest { pool: pool.clone(), reason: reason.to_owned(), by: by.clone() };
        table.invalid("PausePool", server.ops().pause_pool(request), &[field]).await;
        // Resuming needs no reason.
        if !reason.is_empty() {
            let request = pb::ResumePoolRequest { pool, reason: reason.to_owned(), by };
            table.invalid("ResumePool", server.ops().resume_pool(request), &[field]).await;
        }
    }
}

pub(super) async fn bulk(server: &TestServer, table: &mut Table) {
    let gold = || pb::BulkFilter { tiers: vec!["gold".into()], ..Default::default() };
    let sound = || pb::BulkActionRequest {
        filter: Some(gold()),
        kind: pb::BulkKind::Withdraw.into(),
        reason: "why".into(),
        ..Default::default()
    };
    let of = |filter: pb::BulkFilter| pb::BulkActionRequest { filter: Some(filter), ..sound() };
    let any = pb::BulkFilter::default;
    let long = prost_types::Duration { seconds: 366 * 86_400 + 1, nanos: 0 };
    let many = (0..1001).map(|at| format!("t{at}")).collect();
    for (request, field) in [
        (of(any()), "filter"),
        (pb::BulkActionRequest { filter: None, ..sound() }, "filter"),
        (pb::BulkActionRequest { kind: 0, ..sound() }, "kind"),
        (pb::BulkActionRequest { kind: 99, ..sound() }, "kind"),
        (pb::BulkActionRequest { reason: String::new(), ..sound() }, "reason"),
        (pb::BulkActionRequest { reason: "x".repeat(201), ..sound() }, "reason"),
        (pb::BulkActionRequest { by: "x".repeat(65), ..sound() }, "by"),
        (of(pb::BulkFilter { states: vec![0], ..any() }), "filter.states[0]"),
        (
            of(pb::BulkFilter { states: vec![pb::TicketState::Completed.into()], ..any() }),
            "filter.states[0]",
        ),
        (of(pb::BulkFilter { tiers: vec!["nowhere".into()], ..any() }), "filter.tiers[0]"),
        (of(pb::BulkFilter { tiers: vec!["gold".into(); 65], ..any() }), "filter.tiers"),
        (of(pb::BulkFilter { pools: vec!["nowhere".into()], ..any() }), "filter.pools[0]"),
        (of(pb::BulkFilter { channels: vec![0], ..any() }), "filter.channels[0]"),
        (of(pb::BulkFilter { channels: vec![1; 7], ..any() }), "filter.channels"),
        (of(pb::BulkFilter { customer_id: "x".repeat(1000), ..any() }), "filter.customer_id"),
        (of(pb::BulkFilter { waited_at_least: Some(long), ..any() }), "filter.waited_at_least"),
        (of(pb::BulkFilter { ticket_ids: vec!["no id".into()], ..any() }), "filter.ticket_ids[0]"),
        (of(pb::BulkFilter { ticket_ids: many, ..any() }), "filter.ticket_ids"),
    ] {
        table.invalid("BulkAction", server.ops().bulk_action(request), &[field]).await;
    }
}
