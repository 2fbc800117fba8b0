//! Keeps the tiers of tickets what the directory says of their customers.
//!
//! Two tasks. `unconfirmed` looks again at tickets that came in while the directory was silent, as soon
//! as it answers. `news` follows what changes in the directory, whoever changes it, and brings it to the
//! tickets of that customer; as news can be lost, it looks at every ticket now and then besides: the
//! sweep. Neither decides anything: what an answer means is the engine's business.

mod news;
mod unconfirmed;

use crate::coding::{self, Freshness};
use crate::directory::{Directory, Identifier};
use crate::driver::{Handle, Refused};
use crate::engine::coding::rules::Day;
use crate::engine::command::Lookup;
use crate::engine::model::{Ticket, TicketId, TicketNumber, TierSource};
use std::time::Duration;
use tokio::task::JoinSet;

/// Tickets that are looked up at once, and corrected with one sync or two.
const PAGE: usize = 64;

/// Corrects tiers until the driver stops; every `sweep` all tickets are looked at. Cancel it by dropping.
pub async fn run(handle: Handle, directory: Directory, sweep: Duration) {
    tokio::join!(
        unconfirmed::run(handle.clone(), directory.clone()),
        news::run(handle, directory, sweep)
    );
}

/// A ticket to be asked about.
struct Asked {
    number: TicketNumber,
    id: TicketId,
    identifiers: Vec<Identifier>,
}

impl Asked {
    fn of(ticket: &Ticket) -> Self {
        let identifiers = ticket.caller.as_deref().map(coding::identifiers);
        Self {
            number: ticket.number,
            id: ticket.id.clone(),
            identifiers: identifiers.unwrap_or_default(),
        }
    }
}

/// Whether the directory has a say in the ticket's tier: not where somebody named the tier or nobody the
/// customer.
fn is_directorys(ticket: &Ticket) -> bool {
    ticket.caller.is_some() && ticket.tier_source != TierSource::Given
}

/// How many of some tickets got an answer, and how many none.
#[derive(Clone, Copy, Debug, Default)]
struct Answered {
    answered: usize,
    unanswered: usize,
}

/// Asks the directory about each of these tickets anew, all at once, and has their tiers corrected.
async fn correct_all(
    handle: &Handle,
    directory: &Directory,
    asked: Vec<Asked>,
) -> Result<Answered, Refused> {
    let mut corrections = JoinSet::new();
    for asked in asked {
        let (handle, directory) = (handle.clone(), directory.clone());
        corrections.spawn(async move { correct(&handle, &directory, asked).await });
    }
    let mut all = Answered::default();
    while let Some(corrected) = corrections.join_next().await {
        if corrected.expect("a correction does not panic")? {
            all.answered += 1;
        } else {
            all.unanswered += 1;
        }
    }
    Ok(all)
}

/// Asks the directory about one ticket; whether it answered.
async fn correct(handle: &Handle, directory: &Directory, asked: Asked) -> Result<bool, Refused> {
    let policy = handle.view().policy.clone();
    let today = Day::of(handle.clock().now());
    let lookup =
        coding::look_up(directory, &policy, &asked.identifiers, today, Freshness::Now).await;
    if matches!(lookup, Lookup::Stale { .. } | Lookup::Unavailable) {
        return Ok(false);
    }
    match handle.retier(asked.id, lookup).await {
        // A refusal says that it ended meanwhile.
        Ok(_) | Err(Refused::Rule(_)) => Ok(true),
        Err(refused) => Err(refused),
    }
}
