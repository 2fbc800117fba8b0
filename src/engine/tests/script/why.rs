//! What an agent would get, in the words of the script; and the proof, at every pull of every script,
//! that it is what the agent gets.

use super::telling::{id_of, queue_name};
use crate::engine::command::Event;
use crate::engine::compared::ComparedHead;
use crate::engine::model::{AgentId, TicketId, TicketNumber, Time};
use crate::engine::{AgentExplanation, Condition, Engine};

/// What every live ticket's explanation says about an agent who is about to pull.
pub(super) struct Foretold {
    agent: AgentId,
    gets: Option<TicketNumber>,
}

impl Foretold {
    /// Asks about every ticket, and that no answer contradicts another.
    pub(super) fn of(agent: &str, now: Time, engine: &Engine) -> Option<Self> {
        let agent = AgentId::new(agent);
        let gets = engine.explain_agent(&agent, now)?.gets.map(|(ticket, _)| ticket);
        for ticket in engine.tickets_after(TicketNumber(0)) {
            let told = engine.why_not(&ticket.id, &agent, now).expect("both are known");
            assert_eq!(told.would_get, gets == Some(ticket.number), "{} for {agent}", ticket.id);
            let none_fails = told.conditions.is_empty();
            assert_eq!(told.would_get, none_fails, "{} for {agent}: {told:?}", ticket.id);
        }
        Some(Self { agent, gets })
    }

    /// Fails unless `events` bring the agent what was foretold.
    pub(super) fn check<'a>(&self, events: impl Iterator<Item = &'a Event>) {
        let own = events.filter_map(|event| match event {
            Event::Assigned { ticket, agent, .. } if *agent == self.agent => Some(*ticket),
            _ => None,
        });
        let got: Vec<_> = own.collect();
        assert_eq!(got, Vec::from_iter(self.gets), "what {} gets", self.agent);
    }
}

/// Whether an agent would get a ticket, and why not.
pub(super) fn why(ticket: &str, agent: &str, now: Time, engine: &Engine) -> String {
    let told = engine.why_not(&TicketId::new(ticket), &AgentId::new(agent), now);
    let Some(told) = told else { return "gone".to_owned() };
    if told.would_get {
        return format!("gets it{}", first(&told.agent, engine));
    }
    let told = told.conditions.iter().map(|condition| failed(condition, engine));
    told.collect::<Vec<_>>().join("; ")
}

/// What an agent would get, and why nothing.
pub(super) fn gets(agent: &str, now: Time, engine: &Engine) -> String {
    let told = engine.explain_agent(&AgentId::new(agent), now).expect("a registered agent");
    if let Some((ticket, step)) = told.gets {
        return format!("{} by {}{}", id_of(ticket, engine), step.name(), first(&told, engine));
    }
    let mut words = vec!["nothing".to_owned()];
    words.extend(told.conditions.iter().map(|condition| failed(condition, engine)));
    words.extend(told.survey.heads.iter().filter_map(|head| {
        let pool = &engine.policy().pool(head.held_by?).name;
        Some(format!("{} held by {pool}", id_of(head.ticket, engine)))
    }));
    for passed in &told.passed {
        let why: Vec<_> = passed.conditions.iter().map(|c| failed(c, engine)).collect();
        words.push(format!("{}: {}", queue_name(&passed.queue, engine), why.join(", ")));
    }
    words.join("; ")
}

/// What is remembered of the decision by which a ticket came to its agent.
pub(super) fn past(ticket: &str, engine: &Engine) -> String {
    let ticket = engine.ticket(&TicketId::new(ticket)).expect("a live ticket");
    let assignment = ticket.assignment().expect("an agent holds it");
    let Some(compared) = &assignment.compared else { return "no choice".to_owned() };
    let ids = engine.ids_of(compared.heads.iter().map(|head| head.ticket));
    let head = |head: &ComparedHead| {
        let id = ids.get(&head.ticket).map_or("unknown", TicketId::as_str);
        let marks = [(head.at_risk, " risk"), (head.starving, " starving")];
        let marks = marks.map(|(is_so, mark)| if is_so { mark } else { "" }).concat();
        let policy = engine.policy();
        let held_by = head.held_by.map(|pool| format!(" held by {}", policy.pool(pool).name));
        let slack = super::moment(Time(head.slack_ms));
        format!("{id} {slack}{marks}{}", held_by.unwrap_or_default())
    };
    let heads: Vec<_> = compared.heads.iter().map(head).collect();
    format!("{} of {}: {}", assignment.step.name(), compared.heads_count, heads.join(", "))
}

fn first(told: &AgentExplanation, engine: &Engine) -> String {
    let turns = told.before.iter();
    let turns = turns.map(|turn| format!(", after {} {}", turn.agent, id_of(turn.ticket, engine)));
    turns.collect::<Vec<_>>().concat()
}

fn failed(condition: &Condition, engine: &Engine) -> String {
    let policy = engine.policy();
    match condition {
        Condition::Assigned { agent } => format!("with {agent}"),
        Condition::Quarantined => "quarantined".to_owned(),
        Condition::Offered { agent } => format!("offered to {agent}"),
        Condition::Away => "away".to_owned(),
        Condition::Draining => "draining".to_owned(),
        Condition::PoolPaused { pool, pause } => {
            let (pool, since) = (&policy.pool(*pool).name, super::moment(pause.since));
            format!("{pool} paused since {since} by {}: {}", pause.by, pause.reason)
        }
        Condition::Resting { until } => format!("rests until {}", super::moment(*until)),
        Condition::BackOffs { count } => format!("{count} back-offs"),
        Condition::BackOff { until } => format!("back-off until {}", super::moment(*until)),
        Condition::Full { held_count, capacity } => format!("full {held_count}/{capacity}"),
        Condition::ChannelClosed { channel } => format!("no {}", channel.name()),
        Condition::PoolsApart => "other pools".to_owned(),
        Condition::SkillTooLow { skill, required, level } => {
            format!("{} {level}<{required}", policy.skill(*skill))
        }
        Condition::SkillExcluded { skill } => format!("not with {}", policy.skill(*skill)),
        Condition::Barred => "barred".to_owned(),
        Condition::OnlyFor { agent, .. } => format!("only for {agent}"),
        Condition::Reserve { pool, idle_count, reserve_count } => {
            format!("{} keeps {reserve_count} of {idle_count}", policy.pool(*pool).name)
        }
        Condition::Behind { front, ahead_count } => {
            format!("behind {} and {} more", id_of(*front, engine), ahead_count - 1)
        }
        Condition::RulePrefers { ticket, step } => {
            format!("{} goes first by {}", id_of(*ticket, engine), step.name())
        }
        Condition::GoesTo { agent } => format!("{agent} gets it"),
    }
}
