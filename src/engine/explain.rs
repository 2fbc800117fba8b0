//! Why a ticket is where it is: the same survey that dispatches, told instead of acted on.

use super::Engine;
use super::dispatch::Survey;
use super::model::{Policy, PoolSet, Ticket, TicketId, Time};
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
    /// While it waits: what each crew that may serve it would be given at this instant.
    pub crews: Vec<CrewSurvey>,
}

/// What an agent of one crew would be given if one asked at this instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrewSurvey {
    /// The pools that the crew's agents serve in.
    pub crew: PoolSet,
    /// Whether any agent of this crew waits for work.
    pub waiting: bool,
    /// Every competing head and the choice.
    pub survey: Survey,
}

impl Engine {
    /// Why the live ticket of that id is where it is at `now`; `None` if no such ticket is live.
    ///
    /// A crew is a set of pools that registered agents serve in; where nobody is registered for any
    /// of the ticket's pools, each of these pools is surveyed as if someone were.
    pub fn explain(&self, id: &TicketId, now: Time) -> Option<Explanation> {
        let ticket = self.ticket(id)?;
        let waits = ticket.is_waiting();
        let mut crews: Vec<_> = self
            .roster
            .crews()
            .into_iter()
            .filter(|crew| !crew.and(ticket.pools).is_empty())
            .take(EXPLAINED_CREWS_MAX)
            .collect();
        if crews.is_empty() {
            crews = ticket.pools.iter().map(|pool| PoolSet::of([pool])).collect();
        }
        if !waits {
            crews.clear();
        }
        let survey = |crew| CrewSurvey {
            crew,
            waiting: self.roster.crew_waits(crew),
            survey: self.survey(crew, now),
        };
        Some(Explanation {
            ticket: ticket.clone(),
            policy: self.policy.clone(),
            ahead_count: waits.then(|| self.ahead_of(ticket)),
            crews: crews.into_iter().map(survey).collect(),
        })
    }
}
