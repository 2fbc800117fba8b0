//! Why a ticket is where it is: the same survey that dispatches, told instead of acted on.

use super::Engine;
use super::capacity::ChannelSet;
use super::dispatch::Survey;
use super::model::{Policy, PoolIx, PoolSet, Ticket, TicketId, Time};
use super::needs::Crew;
use super::pause::Pause;
use super::queue::QueueKey;
use std::sync::Arc;

/// Most crews an explanation surveys.
pub const EXPLAINED_CREWS_MAX: usize = 16;

/// Why a live ticket is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The ticket as it is.
    pub ticket: Ticket,
    /// The policy in force.
    pub policy: Arc<Policy>,
    /// How many of its own and higher tiers stand before it, while it waits.
    pub ahead_count: Option<usize>,
    /// Those of its pools that are paused: nothing is dispatched on their behalf.
    pub paused: Vec<(PoolIx, Arc<Pause>)>,
    /// While it waits: what each crew that may serve it would be given at this instant.
    pub crews: Vec<CrewSurvey>,
}

/// What an agent of one crew would be given if one asked at this instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrewSurvey {
    /// What the crew's agents have in common.
    pub crew: Crew,
    /// Whether any agent of this crew waits for work.
    pub waiting: bool,
    /// Every competing head and the choice.
    pub survey: Survey,
}

impl Engine {
    /// Why the live ticket of that id is where it is at `now`; `None` if no such ticket is live.
    ///
    /// The crews are those of registered agents who may serve it; where there is none, each of the
    /// ticket's pools that is not paused is surveyed as if someone were there who has just the skills that it requires.
    pub fn explain(&self, id: &TicketId, now: Time) -> Option<Explanation> {
        let ticket = self.ticket(id)?;
        let waits = ticket.is_waiting();
        let queue = QueueKey::of(ticket);
        let mut crews: Vec<_> = self
            .roster
            .crews()
            .into_iter()
            .filter(|crew| crew.serves(&queue).is_some())
            .take(EXPLAINED_CREWS_MAX)
            .collect();
        if crews.is_empty() {
            let needs = ticket.needs.as_deref();
            let crew = |pool| Crew {
                pools: PoolSet::of([pool]),
                skills: needs
                    .map(|needs| needs.required.iter().copied().collect())
                    .unwrap_or_default(),
                channels: ChannelSet::ALL,
                own: needs.and_then(|needs| needs.only.clone()),
            };
            crews = ticket.pools.minus(self.roster.paused()).iter().map(crew).collect();
        }
        if !waits {
            crews.clear();
        }
        let survey = |crew: Crew| CrewSurvey {
            waiting: self.roster.crew_waits(&crew),
            survey: self.survey(&crew, now),
            crew,
        };
        Some(Explanation {
            ticket: ticket.clone(),
            policy: self.policy.clone(),
            paused: self.pauses(ticket.pools),
            ahead_count: waits.then(|| self.ahead_of(ticket)),
            crews: crews.into_iter().map(survey).collect(),
        })
    }
}
