//! A million tickets that wait: what each costs in memory, and how soon a killed server is back.

use super::{Child, Failed, load, progress};
use crate::clock::stopwatch;
use serde::Serialize;
use std::fmt;
use std::path::Path;

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Million {
    ticket_count: u64,
    bytes_a_ticket: u64,
    fill_s: f64,
    restart_s: f64,
    after_restart_count: u64,
}

impl fmt::Display for Million {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} waiting: {} B of memory a ticket", self.ticket_count, self.bytes_a_ticket)?;
        writeln!(
            f,
            "killed and answering again after {:.2} s with {} tickets",
            self.restart_s, self.after_restart_count
        )
    }
}

/// Fills a server, weighs it, kills it, and waits until it answers again.
pub(super) async fn measure(
    dir: Option<&Path>,
    core: Option<usize>,
    count: u64,
    payload: u32,
) -> Result<Million, Failed> {
    let mut child = Child::tierline(dir, core, load::POLICY, &[]).await?;
    progress(&format!("filling {count} waiting tickets"));
    let empty = child.memory()?;
    let begun = stopwatch();
    load::fill(&child, count, payload).await?;
    let fill_s = begun.elapsed().as_secs_f64();
    let full = child.memory()?;
    progress("killing the server and waiting until it answers again");
    let begun = stopwatch();
    child.kill_and_restart().await?;
    let restart_s = begun.elapsed().as_secs_f64();
    let after_restart_count = child.ticket_count().await?;
    let bytes_a_ticket = full.saturating_sub(empty) / count;
    Ok(Million { ticket_count: count, bytes_a_ticket, fill_s, restart_s, after_restart_count })
}
