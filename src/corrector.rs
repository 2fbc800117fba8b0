//! Looks unconfirmed tiers up again when the directory is back, and has them corrected by an event.
//!
//! A ticket that comes in while the directory is silent gets a tier from what is known: its tier is
//! *unconfirmed*, and the engine remembers it, over restarts too. This task sleeps until there is such
//! a ticket; then it asks the directory anew whenever its health changes, and now and then besides,
//! until all are confirmed. It decides nothing: what the answer means is the engine's business.

use crate::coding::{self, Freshness};
use crate::directory::{Directory, Health, Identifier};
use crate::driver::{Handle, Refused};
use crate::engine::command::Lookup;
use crate::engine::model::{TicketId, TicketNumber};
use std::time::Duration;
use tokio::task::JoinSet;

/// Tickets that are looked up at once, and corrected with one sync or two.
const PAGE: usize = 64;
/// The pause after the first round in vain; each further one doubles it.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause while the directory is silent. Asking is cheap then, for its breaker answers most of
/// the time; and the first question that gets through is what finds it back.
const PAUSE_SILENT_MAX: Duration = Duration::from_millis(500);
/// The longest pause while it answers. Tickets may stay unconfirmed for as long as the directory holds
/// nonsense about their customers; asking about them every ten seconds costs next to nothing.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// How a round went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// Nothing is left to ask.
    Done,
    /// Some got no answer.
    Rest,
    /// The directory is silent.
    Silent,
}

/// Corrects tiers until the driver stops. Cancel it by dropping.
pub async fn run(handle: Handle, directory: Directory) {
    let mut views = handle.views();
    let mut health = directory.health();
    let mut pause = PAUSE;
    while views.wait_for(|view| view.unconfirmed_count > 0).await.is_ok() {
        health.mark_unchanged();
        let pause_max = match round(&handle, &directory).await {
            Err(Refused::Stopping) => return,
            // The next view tells whether anything is left.
            Ok(Round::Done) => {
                pause = PAUSE;
                if views.changed().await.is_err() {
                    return;
                }
                continue;
            }
            Ok(Round::Silent) => PAUSE_SILENT_MAX,
            Ok(Round::Rest) | Err(_) => PAUSE_MAX,
        };
        pause = pause.min(pause_max);
        tokio::select! {
            changed = health.changed() => {
                if changed.is_err() {
                    return;
                }
                pause = PAUSE;
            }
            () = tokio::time::sleep(pause) => pause *= 2,
        }
    }
}

/// Looks every unconfirmed ticket up once, in the order of their arrival.
async fn round(handle: &Handle, directory: &Directory) -> Result<Round, Refused> {
    let mut round = Round::Done;
    let mut after = TicketNumber(0);
    let mut corrected_count = 0;
    loop {
        let page = handle.read(move |engine, _| page(engine, after)).await?;
        let Some((last, ..)) = page.last() else { break };
        after = *last;
        let mut asked = JoinSet::new();
        for (_, id, identifiers) in page {
            let (handle, directory) = (handle.clone(), directory.clone());
            asked.spawn(async move { correct(&handle, &directory, id, &identifiers).await });
        }
        while let Some(corrected) = asked.join_next().await {
            if corrected.expect("a correction does not panic")? {
                corrected_count += 1;
            } else {
                round = Round::Rest;
            }
        }
        if round == Round::Rest && *directory.health().borrow() == Health::Down {
            round = Round::Silent;
            break;
        }
    }
    if corrected_count > 0 {
        tracing::info!(corrected_count, "tiers were confirmed or corrected by the directory");
    }
    Ok(round)
}

type Unconfirmed = (TicketNumber, TicketId, Vec<Identifier>);

fn page(engine: &crate::engine::Engine, after: TicketNumber) -> Vec<Unconfirmed> {
    let tickets = engine.unconfirmed_after(after).take(PAGE);
    tickets
        .map(|ticket| {
            let identifiers = ticket.caller.as_deref().map(coding::identifiers);
            (ticket.number, ticket.id.clone(), identifiers.unwrap_or_default())
        })
        .collect()
}

/// Asks the directory about one ticket; whether it answered.
async fn correct(
    handle: &Handle,
    directory: &Directory,
    ticket: TicketId,
    identifiers: &[Identifier],
) -> Result<bool, Refused> {
    let policy = handle.view().policy.clone();
    let lookup = coding::look_up(directory, &policy, identifiers, Freshness::Now).await;
    if matches!(lookup, Lookup::Stale { .. } | Lookup::Unavailable) {
        return Ok(false);
    }
    match handle.retier(ticket, lookup).await {
        // A refusal says that it ended meanwhile.
        Ok(_) | Err(Refused::Rule(_)) => Ok(true),
        Err(refused) => Err(refused),
    }
}
