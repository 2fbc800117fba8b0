//! Which ticket and which agent, where several wait.
//!
//! The first crew in turn with a choice fixes the ticket. Among the crews whose own choice is the same
//! ticket, those come first who have more of the skills that it prefers, and then the agent is chosen in
//! the order that the ticket's pool asks for.

use super::Engine;
use super::command::Event;
use super::dispatch::Survey;
use super::model::{AgentChoice, AgentId, Time};
use super::needs::Crew;
use super::roster::Standing;
use super::wish::Wish;
use std::cmp::Reverse;

impl Engine {
    /// The next match, if an agent who waits can have a ticket that waits. Asked again after each
    /// until there is none.
    pub fn route(&self, now: Time) -> Option<Event> {
        if !self.roster.anyone_waits() || self.queues.waiting_count() == 0 {
            return None;
        }
        let turns = self.roster.next_turns();
        let (at, survey) = turns.iter().enumerate().find_map(|(at, (_, crew))| {
            let survey = self.floor().survey(crew, true, now);
            survey.taken().is_some().then_some((at, survey))
        })?;
        let (agent, survey) = self.chosen_agent(&turns[at..], survey, now);
        let agent = self.roster.get(agent).expect("who waits is registered");
        if agent.stream.is_some() {
            let also = self.also_chosen(&turns[at..], agent, &survey, now);
            return self.offer(&survey, agent, also, now);
        }
        let request = agent.wait.as_ref().and_then(|wait| wait.request.clone());
        self.assignment(&survey, agent, request, now)
    }

    /// Who of these crews, the first of which made `survey`, gets the ticket that it takes; with the
    /// survey of the agent's own crew.
    fn chosen_agent<'a>(
        &'a self,
        turns: &[(&'a AgentId, &'a Crew)],
        survey: Survey,
        now: Time,
    ) -> (&'a AgentId, Survey) {
        let (first, crew) = turns[0];
        let (head, _) = survey.taken().expect("its crew has a choice");
        let choice = self.policy.pool(head.pool).choice;
        let ticket = self.ticket_numbered(head.ticket).expect("only live tickets wait");
        let wish = ticket.wish();
        if choice == AgentChoice::LeastLoaded && !wish.is_some_and(Wish::prefers_skills) {
            return (first, survey);
        }
        let head = head.clone();
        let mut best = (self.standing(crew, wish, choice), survey);
        for (_, crew) in &turns[1..] {
            if crew.serves(&head.queue).is_none() {
                continue;
            }
            let standing = self.standing(crew, wish, choice);
            if standing < best.0 {
                let survey = self.floor().survey(crew, true, now);
                if survey.taken().is_some_and(|(own, _)| own.ticket == head.ticket) {
                    best = (standing, survey);
                }
            }
        }
        (best.0.agent, best.1)
    }

    /// How the first of a crew stands in the order of choice: less is chosen.
    fn standing<'a>(
        &'a self,
        crew: &Crew,
        wish: Option<&Wish>,
        choice: AgentChoice,
    ) -> Candidate<'a> {
        self.standings(crew, wish, choice).next().expect("an empty crew is removed")
    }

    /// How those of a crew who wait stand in the order of choice: less is chosen.
    pub(super) fn standings<'a>(
        &'a self,
        crew: &Crew,
        wish: Option<&Wish>,
        choice: AgentChoice,
    ) -> impl Iterator<Item = Candidate<'a>> + use<'a> {
        let level = match choice {
            AgentChoice::BestLevel => wish.map_or(0, |wish| wish.levels(&crew.skills)),
            AgentChoice::LeastLoaded | AgentChoice::LongestIdle | AgentChoice::RoundRobin => 0,
        };
        let preferred = wish.map_or(0, |wish| wish.preferred_count(&crew.skills));
        let (preferred, level) = (Reverse(preferred), Reverse(level));
        let in_order = self.roster.in_order(crew, choice);
        in_order.map(move |(standing, agent)| Candidate { preferred, level, standing, agent })
    }
}

/// An agent who may get a ticket, by what decides among several: less is chosen.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate<'a> {
    /// How many of the skills that the ticket prefers.
    preferred: Reverse<u32>,
    /// The levels in what it requires or prefers, where the pool asks for the best.
    level: Reverse<u32>,
    standing: Standing,
    pub(super) agent: &'a AgentId,
}
