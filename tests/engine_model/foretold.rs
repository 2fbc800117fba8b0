//! What the engine says an agent would get, before a pull; and that the pull brings just that.

use std::collections::BTreeSet;
use tierline::engine::Engine;
use tierline::engine::command::Command;
use tierline::engine::model::{AgentId, TicketNumber, Time};

pub(crate) struct Foretold {
    agent: AgentId,
    held: BTreeSet<TicketNumber>,
    gets: Option<TicketNumber>,
}

impl Foretold {
    /// Before a pull of a registered agent: what each live ticket's explanation says. No two say yes,
    /// and a condition fails exactly where the answer is no.
    pub(crate) fn of(command: &Command, now: Time, engine: &Engine) -> Option<Self> {
        let Command::Pull { agent, .. } = command else { return None };
        let told = engine.explain_agent(agent, now)?;
        let gets = told.gets.map(|(ticket, _)| ticket);
        for ticket in engine.tickets_after(TicketNumber(0)) {
            let why_not = engine.why_not(&ticket.id, agent, now).expect("both are known");
            assert_eq!(why_not.would_get, gets == Some(ticket.number), "{why_not:?}");
            assert_eq!(why_not.would_get, why_not.conditions.is_empty(), "{why_not:?}");
        }
        Some(Self { agent: agent.clone(), held: told.agent.held.iter().copied().collect(), gets })
    }

    /// After it: the agent holds what was foretold, and nothing else that is new.
    pub(crate) fn check(&self, engine: &Engine, asked: &str) {
        let agent = engine.roster().get(&self.agent).expect("nobody is deleted by a pull");
        let held: BTreeSet<_> = agent.held.iter().copied().collect();
        let got: Vec<_> = held.difference(&self.held).copied().collect();
        assert_eq!(got, Vec::from_iter(self.gets), "{asked}");
    }
}
