//! `tierline journal`: looks after a data directory without a server.

use super::Context;
use super::console;
use super::fault::Fault;
use super::humane;
use super::table::Facts;
use crate::journal::{self, Report, SqliteStore};
use clap::Subcommand;
use serde::Serialize;
use std::path::PathBuf;

/// What can be done with a data directory.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check everything in a data directory
    ///
    /// Reads the journal, its checksums and their chain, replays every event, and compares each snapshot
    /// with what the replay gives. Changes nothing and takes no lock: it may run beside the server.
    #[command(after_help = "\
Exit codes: 0 all is whole, 65 something is damaged, 66 there is no journal.

JSON fields: whole, damage (null or a sentence), row_count, event_count, first_event, last_event, \
finished_count, ticket_count, snapshots [event], state_hash (16 hexadecimal digits, or null).

Example:
  tierline journal verify ./data")]
    Verify {
        /// The data directory
        #[arg(value_name = "DIR")]
        dir: PathBuf,
    },
}

/// A report for programs.
#[derive(Serialize)]
struct View {
    whole: bool,
    damage: Option<String>,
    row_count: u64,
    event_count: u64,
    first_event: u64,
    last_event: u64,
    finished_count: u64,
    ticket_count: u64,
    snapshots: Vec<u64>,
    state_hash: Option<String>,
}

impl Command {
    /// Runs it.
    pub(crate) fn run(&self, context: &Context) -> Result<(), Fault> {
        let Self::Verify { dir } = self;
        if let Err(source) = std::fs::read_dir(dir) {
            return Err(Fault::File { path: dir.clone(), source });
        }
        let path = SqliteStore::path(dir);
        if !path.exists() {
            let source = std::io::Error::new(std::io::ErrorKind::NotFound, "no journal is here");
            return Err(Fault::File { path, source });
        }
        let report = journal::verify(dir);
        let view = view(&report);
        if context.is_json() {
            console::json(&view)?;
        } else {
            console::say(text(&view))?;
        }
        if view.whole { Ok(()) } else { Err(Fault::Told(65)) }
    }
}

fn view(report: &Report) -> View {
    View {
        whole: report.is_whole(),
        damage: report.damage.as_ref().map(ToString::to_string),
        row_count: report.row_count,
        event_count: report.event_count,
        first_event: report.first.0,
        last_event: report.last.0,
        finished_count: report.finished_count,
        ticket_count: report.ticket_count,
        snapshots: report.snapshots.iter().map(|seq| seq.0).collect(),
        state_hash: report.state_hash.map(|hash| format!("{hash:016x}")),
    }
}

fn text(view: &View) -> String {
    let mut facts = Facts::new();
    let verdict = match &view.damage {
        None => "whole: every checksum, every event and every snapshot agrees".to_owned(),
        Some(damage) => format!("DAMAGED: {damage}"),
    };
    facts.add("journal", verdict);
    facts.add(
        "events",
        match view.event_count {
            0 => "none".to_owned(),
            events => format!(
                "{events} in {} ({} to {})",
                humane::count(view.row_count, "row"),
                view.first_event,
                view.last_event
            ),
        },
    );
    let snapshots: Vec<String> = view.snapshots.iter().map(ToString::to_string).collect();
    facts.add(
        "snapshots",
        if snapshots.is_empty() {
            "none".to_owned()
        } else {
            format!("after event {}", snapshots.join(", "))
        },
    );
    facts.add("history", humane::count(view.finished_count, "finished ticket"));
    if let Some(hash) = &view.state_hash {
        facts.add("live", humane::count(view.ticket_count, "ticket"));
        facts.add("state hash", hash);
    }
    facts.to_string()
}
