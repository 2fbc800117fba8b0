//! What changes in the directory reaches the tickets that are live.
//!
//! One change concerns the tickets of one customer, or those that were submitted with one identifier:
//! the engine finds them without looking at the others. Changes come in bursts, as of an import, so all
//! that have come are taken together. "Everything may have changed" (a new connection, more news than
//! could be kept, another policy) is a sweep: every ticket is looked up anew, a page at a time. A sweep
//! is made now and then in any case, for a notification is not a promise.

use super::{Asked, PAGE, correct_all, is_directorys};
use crate::coding;
use crate::directory::{Change, Directory, Health};
use crate::driver::{Handle, Refused};
use crate::engine::Engine;
use crate::engine::model::{IdentifierKind, Ticket, TicketNumber};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Changes that are taken together.
const CHANGES_MAX: usize = 1024;
/// Live tickets of the engine that one question about a sweep looks at.
const STRIDE: usize = 4096;
/// How long a burst is gathered, once something has changed: a small part of the second in which a
/// change is to arrive.
const GATHER: Duration = Duration::from_millis(5);
/// How long a sweep waits for a directory that is silent.
const SILENT_PAUSE: Duration = Duration::from_millis(250);
/// How often a page is looked up again that was answered in part.
const TRIES_MAX: u32 = 3;
/// The least pause between sweeps, so that a connection that comes and goes does not make one of another.
const SWEEP_PAUSE: Duration = Duration::from_secs(1);

/// Follows the directory until the driver stops or the directory is gone.
pub(super) async fn run(handle: Handle, directory: Directory, every: Duration) {
    let mut changes = directory.changes();
    let mut views = handle.views();
    let mut policy = views.borrow_and_update().policy.clone();
    // What was live before the start may have changed meanwhile.
    let mut sweep_at = Instant::now();
    let mut pause_until = sweep_at;
    let mut sweep: Option<Sweep> = None;
    loop {
        let mut heard = Vec::new();
        // News goes before the next page of a sweep: it is to arrive within a second.
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
            sweep_at = sweep_at.min(Instant::now()).max(pause_until);
        }
        if sweep.is_none() && sweep_at <= Instant::now() {
            pause_until = Instant::now() + SWEEP_PAUSE;
            sweep_at = Instant::now() + every.max(SWEEP_PAUSE);
            sweep = Some(Sweep::default());
        }
        let step = async {
            let all_told = tell(&handle, &directory, heard).await?;
            // News that does not end, as of an import, must not keep a sweep from its next page.
            let goes_on = match &mut sweep {
                Some(under_way) => under_way.step(&handle, &directory).await?,
                None => Step::Over,
            };
            Ok((all_told, goes_on))
        };
        match step.await {
            Ok((all_told, went)) => {
                match went {
                    Step::More => {}
                    Step::Over => sweep = None,
                    // It goes on from where it was when the directory answers again.
                    Step::Silent => sleep(SILENT_PAUSE).await,
                }
                if !all_told {
                    sweep_at = sweep_at.min(pause_until.max(Instant::now()));
                }
            }
            Err(Refused::Stopping) => return,
            Err(refused) => {
                sweep = None;
                sweep_at = sweep_at.min(Instant::now() + SWEEP_PAUSE);
                tracing::warn!(?refused, "tiers could not be corrected; a sweep tries again");
            }
        }
    }
}

/// Looks up the tickets that these changes concern; whether each got an answer.
async fn tell(handle: &Handle, directory: &Directory, news: Vec<Change>) -> Result<bool, Refused> {
    if news.is_empty() {
        return Ok(true);
    }
    let mut concerned = handle.read(move |engine, _| concerned(engine, &news)).await?;
    let mut all_told = true;
    while !concerned.is_empty() {
        let rest = concerned.split_off(concerned.len().min(PAGE));
        all_told &= correct_all(handle, directory, concerned).await?.unanswered == 0;
        concerned = rest;
    }
    Ok(all_told)
}

/// The live tickets that changes concern, each once and in the order of arrival.
fn concerned(engine: &Engine, news: &[Change]) -> Vec<Asked> {
    let mut found: BTreeMap<TicketNumber, &Ticket> = BTreeMap::new();
    for change in news {
        match change {
            Change::Customer(id) => {
                // Also those that named this id when there was nobody of it, or when another name went first.
                let named = engine.tickets_naming(IdentifierKind::Id, id);
                let all = engine.tickets_of(id).chain(named);
                found.extend(all.map(|ticket| (ticket.number, ticket)));
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

/// How far every ticket that was there when it began has been looked up. Those that come later were looked
/// up then: it would never end if it followed them.
#[derive(Default)]
struct Sweep {
    after: TicketNumber,
    newest: Option<TicketNumber>,
    /// How often the page after `after` was looked up with an answer for some only.
    tries: u32,
}

impl Sweep {
    /// Looks up the next page. A page of which a silent directory answered nothing is looked up again until it
    /// answers. Where it answered some, it may have come back or gone in the middle of the page: that is looked up
    /// again a few times. What has no answer then, or while the directory was there all the time, is nonsense about
    /// one customer or a part of the directory that is gone, and is left to the next sweep.
    async fn step(&mut self, handle: &Handle, directory: &Directory) -> Result<Step, Refused> {
        let (after, newest) = (self.after, self.newest);
        let mut health = directory.health();
        let was_down = *health.borrow_and_update() == Health::Down;
        let (asked, last, newest) = handle
            .read(move |engine, _| {
                let newest = newest.unwrap_or_else(|| engine.newest());
                let (asked, last) = page(engine, after, newest);
                (asked, last, newest)
            })
            .await?;
        self.newest = Some(newest);
        let Some(last) = last else { return Ok(Step::Over) };
        let all = correct_all(handle, directory, asked).await?;
        if all.unanswered > 0 {
            let is_down = *health.borrow() == Health::Down;
            if is_down && all.answered == 0 {
                return Ok(Step::Silent);
            }
            let came_or_went = is_down || was_down || health.has_changed().unwrap_or(false);
            if came_or_went && self.tries < TRIES_MAX {
                self.tries += 1;
                return Ok(if self.tries == 1 { Step::More } else { Step::Silent });
            }
        }
        self.tries = 0;
        self.after = last;
        Ok(Step::More)
    }
}

/// How a step of a sweep ended.
enum Step {
    More,
    Over,
    Silent,
}

/// The next tickets after this one, up to the newest, that the directory has a say in, and how far was looked. Those
/// that wait for its first word are looked up by the other task.
fn page(
    engine: &Engine,
    after: TicketNumber,
    newest: TicketNumber,
) -> (Vec<Asked>, Option<TicketNumber>) {
    let (mut asked, mut last) = (Vec::new(), None);
    let rest = engine.tickets_after(after).take_while(|ticket| ticket.number <= newest);
    for ticket in rest.take(STRIDE) {
        last = Some(ticket.number);
        if is_directorys(ticket) && !ticket.tier_source.is_unconfirmed() {
            asked.push(Asked::of(ticket));
            if asked.len() == PAGE {
                break;
            }
        }
    }
    (asked, last)
}
