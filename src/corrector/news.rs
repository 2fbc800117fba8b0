//! What changes in the directory reaches the tickets that are live.
//!
//! One change concerns the tickets of one customer, or those that were submitted with one identifier:
//! the engine finds them without looking at the others. Changes come in bursts, as of an import, so all
//! that have come are taken together. "Everything may have changed" (a new connection, more news than
//! could be kept, another policy) is a sweep: every ticket is looked up anew, a page at a time. A sweep
//! is made now and then in any case, for a notification is not a promise.

use super::{Asked, PAGE, correct_all, is_directorys};
use crate::coding;
use crate::directory::{Change, Directory};
use crate::driver::{Handle, Refused};
use crate::engine::Engine;
use crate::engine::model::{Ticket, TicketNumber};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// Changes that are taken together.
const CHANGES_MAX: usize = 1024;
/// Live tickets of the engine that one question about a sweep looks at.
const STRIDE: usize = 4096;
/// How long a burst is gathered, once something has changed: a small part of the second in which a
/// change is to arrive.
const GATHER: Duration = Duration::from_millis(5);
/// The least pause between sweeps, so that a connection that comes and goes does not make one of another.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// Follows the directory until the driver stops or the directory is gone.
pub(super) async fn run(handle: Handle, directory: Directory, every: Duration) {
    let mut changes = directory.changes();
    let mut views = handle.views();
    let mut policy = views.borrow_and_update().policy.clone();
    // What was live before the start may have changed meanwhile.
    let mut sweep_at = Instant::now();
    let mut sweep: Option<Sweep> = None;
    loop {
        let mut heard = Vec::new();
        // A sweep waits for its next page as long as there is news: that is to arrive within a second.
        tokio::select! {
            biased;
            change = changes.next() => {
                let Some(change) = change else { return };
                heard.push(change);
                let gathering = async {
                    while heard.len() < CHANGES_MAX && let Some(change) = changes.next().await {
                        heard.push(change);
                    }
                };
                let _ = timeout(GATHER, gathering).await;
            }
            seen = views.changed(), if sweep.is_none() => {
                if seen.is_err() {
                    return;
                }
                let in_force = views.borrow_and_update().policy.clone();
                if in_force != policy {
                    // The rules that code customers may be others.
                    policy = in_force;
                    sweep_at = sweep_at.min(Instant::now());
                }
            }
            () = sleep_until(sweep_at), if sweep.is_none() => {}
            () = std::future::ready(()), if sweep.is_some() => {}
        }
        if heard.contains(&Change::Everything) {
            sweep_at = sweep_at.min(Instant::now());
        }
        if sweep.is_none() && sweep_at <= Instant::now() {
            sweep_at = Instant::now() + every.max(SWEEP_PAUSE);
            sweep = Some(Sweep::default());
        }
        let told = if heard.is_empty() {
            match &mut sweep {
                Some(under_way) => under_way.step(&handle, &directory).await.map(|goes_on| {
                    if !goes_on {
                        sweep = None;
                    }
                }),
                None => Ok(()),
            }
        } else {
            tell(&handle, &directory, heard).await
        };
        match told {
            Ok(()) => {}
            Err(Refused::Stopping) => return,
            Err(refused) => {
                sweep = None;
                tracing::warn!(
                    ?refused,
                    "tiers could not be corrected; the next sweep tries again"
                );
            }
        }
    }
}

/// Looks up the tickets that these changes concern.
async fn tell(handle: &Handle, directory: &Directory, news: Vec<Change>) -> Result<(), Refused> {
    let mut concerned = handle.read(move |engine, _| concerned(engine, &news)).await?;
    while !concerned.is_empty() {
        let rest = concerned.split_off(concerned.len().min(PAGE));
        correct_all(handle, directory, concerned).await?;
        concerned = rest;
    }
    Ok(())
}

/// The live tickets that changes concern, each once and in the order of arrival.
fn concerned(engine: &Engine, news: &[Change]) -> Vec<Asked> {
    let mut found: BTreeMap<TicketNumber, &Ticket> = BTreeMap::new();
    for change in news {
        match change {
            Change::Customer(id) => {
                found.extend(engine.tickets_of(id).map(|ticket| (ticket.number, ticket)));
            }
            Change::Identifier(identifier) => {
                let kind = coding::engine_kind(identifier.kind());
                let named = engine.tickets_naming(kind, identifier.value());
                found.extend(named.map(|ticket| (ticket.number, ticket)));
            }
            Change::Everything => {}
        }
    }
    found.into_values().filter(|ticket| is_directorys(ticket)).map(Asked::of).collect()
}

/// How far every ticket has been looked up.
#[derive(Default)]
struct Sweep {
    after: TicketNumber,
}

impl Sweep {
    /// Looks up the next page; whether there is more.
    async fn step(&mut self, handle: &Handle, directory: &Directory) -> Result<bool, Refused> {
        let after = self.after;
        let (asked, last) = handle.read(move |engine, _| page(engine, after)).await?;
        let Some(last) = last else { return Ok(false) };
        self.after = last;
        let all = correct_all(handle, directory, asked).await?;
        // A directory that is silent is left alone; the next sweep comes.
        Ok(all.unanswered == 0)
    }
}

/// The next tickets after this one that the directory has a say in, and how far was looked.
fn page(engine: &Engine, after: TicketNumber) -> (Vec<Asked>, Option<TicketNumber>) {
    let (mut asked, mut last) = (Vec::new(), None);
    for ticket in engine.tickets_after(after).take(STRIDE) {
        last = Some(ticket.number);
        if is_directorys(ticket) {
            asked.push(Asked::of(ticket));
            if asked.len() == PAGE {
                break;
            }
        }
    }
    (asked, last)
}
