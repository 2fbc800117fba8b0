//! What is faulty in the calls that pause pools.

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
