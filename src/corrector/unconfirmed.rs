//! Looks unconfirmed tiers up again when the directory is back, and has them corrected by an event.
//!
//! A ticket that comes in while the directory is silent gets a tier from what is known: its tier is
//! *unconfirmed*, and the engine remembers it, over restarts too. This task sleeps until there is such
//! a ticket; then it asks the directory anew whenever its health changes, and now and then besides,
//! until all are confirmed. It decides nothing: what the answer means is the engine's business.

use super::{Asked, PAGE, correct_all};
use crate::directory::{Directory, Health};
use crate::driver::{Handle, Refused};
use crate::engine::Engine;
use crate::engine::model::TicketNumber;
use std::time::Duration;

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
pub(super) async fn run(handle: Handle, directory: Directory) {
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
        let Some(last) = page.last() else { break };
        after = last.number;
        let all = correct_all(handle, directory, page).await?;
        corrected_count += all.answered;
        if all.unanswered > 0 {
            round = Round::Rest;
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

fn page(engine: &Engine, after: TicketNumber) -> Vec<Asked> {
    engine.unconfirmed_after(after).take(PAGE).map(Asked::of).collect()
}
