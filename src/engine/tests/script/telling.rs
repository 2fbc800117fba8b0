//! What happened, in the words of the script.

use super::moment;
use super::wishes::needing;
use crate::engine::Engine;
use crate::engine::command::{Answer, Deadline, Event, ResumedBy, WaitEnd};
use crate::engine::dispatch::Choice;
use crate::engine::model::{
    PoolSet, State, Ticket, TicketId, TicketNumber, TierIx, TierSource, Time,
};
use crate::engine::queue::QueueKey;
use crate::engine::timing::Urgency;
use crate::engine::wrap_up::WrapUpEnd;
use std::fmt::Write as _;

/// Events that no command asks for by name, in words.
pub(super) fn told_unasked(event: &Event, engine: &Engine) -> Option<String> {
    match event {
        Event::Overflowed { ticket, pools, needs, .. } => {
            let (id, pools) = (id_of(*ticket, engine), pool_names(*pools, engine));
            Some(format!("{id} opens to {pools}{}", needing(needs.as_ref(), engine)))
        }
        Event::Opened { ticket, needs, why } => {
            let (id, needs) = (id_of(*ticket, engine), needing(needs.as_ref(), engine));
            Some(format!("{id} is for others too{needs}: {why:?}"))
        }
        Event::Escalated { ticket, escalation_step, pools, guard_permille, notify } => {
            let id = id_of(*ticket, engine);
            let mut told = format!(
                "{id} escalates to step {escalation_step} in {}",
                pool_names(*pools, engine)
            );
            if let Some(guard) = guard_permille {
                write!(told, ", guard {guard}").expect("a string takes it");
            }
            if let Some(whom) = notify {
                write!(told, ", tells {whom}").expect("a string takes it");
            }
            Some(told)
        }
        Event::Breached { ticket, deadline } => {
            let what = match deadline {
                Deadline::Response => "response",
                Deadline::Solution => "solution",
            };
            Some(format!("{} late for {what}", id_of(*ticket, engine)))
        }
        Event::LeaseExpired { ticket, token, .. } => {
            Some(format!("lease #{} of {} ends", token.0, id_of(*ticket, engine)))
        }
        Event::WaitEnded { agent, why } => Some(format!("{agent} waits no more: {why:?}")),
        Event::Queued { ticket } => Some(format!("{} enters its queue", id_of(*ticket, engine))),
        Event::Resumed { ticket, by: ResumedBy::Limit, .. } => {
            Some(format!("{} returns by itself", id_of(*ticket, engine)))
        }
        Event::Expired { ticket } => Some(format!("{} expires", id_of(*ticket, engine))),
        Event::OfferMissed { ticket, token, set_away, .. } => {
            let away = if *set_away { ", set away" } else { "" };
            Some(format!("offer #{} of {} is missed{away}", token.0, id_of(*ticket, engine)))
        }
        Event::OfferRevoked { ticket, token, why } => {
            Some(format!("offer #{} of {} is taken back: {why:?}", token.0, id_of(*ticket, engine)))
        }
        Event::WorkClosed { agent, why } => Some(format!("{agent}'s stream closes: {why:?}")),
        Event::BackOffEnded { agent, ticket } => {
            Some(format!("{agent} may be offered {} again", id_of(*ticket, engine)))
        }
        Event::WrapUpEnded { agent, id, by, .. } if *by != WrapUpEnd::Agent => {
            Some(format!("{agent}'s wrap-up of {id} ends: {by:?}"))
        }
        Event::WorkOpened { .. }
        | Event::Offered { .. }
        | Event::Accepted { .. }
        | Event::Declined { .. }
        | Event::Started
        | Event::PolicyApplied { .. }
        | Event::Intervened(_)
        | Event::AgentPut(_)
        | Event::AgentDeleted { .. }
        | Event::PresenceSet { .. }
        | Event::PoolPaused(_)
        | Event::PoolResumed(_)
        | Event::Submitted(_)
        | Event::Updated { .. }
        | Event::UrgencySet { .. }
        | Event::Retiered { .. }
        | Event::Cancelled { .. }
        | Event::WaitStarted { .. }
        | Event::Assigned { .. }
        | Event::Extended { .. }
        | Event::Released { .. }
        | Event::Transferred(_)
        | Event::CallbackRequested { .. }
        | Event::Parked { .. }
        | Event::Resumed { by: ResumedBy::Caller, .. }
        | Event::Audited(_)
        | Event::Completed { .. }
        | Event::WrapUpEnded { .. } => None,
    }
}

pub(super) fn answer(answer: &Answer, engine: &Engine) -> String {
    match answer {
        Answer::Done
        | Answer::Pool { repeated: false, .. }
        | Answer::Ticket { repeated: false, .. } => String::new(),
        Answer::Ticket { number, repeated: true } => {
            format!(" -> again {}", id_of(*number, engine))
        }
        Answer::Pool { repeated: true, .. } => " -> already".to_owned(),
        Answer::Ended { number } => format!(" -> ended {}", number.0),
        Answer::Holds { number, repeated } => {
            let held = engine.ticket_numbered(*number).expect("it was just answered");
            let by = held.assignment().expect("it is held");
            let again = if *repeated { "again " } else { "" };
            format!(" -> {again}{} #{} {}", held.id, by.token.0, by.step.name())
        }
        Answer::Waits => " -> waits".to_owned(),
        Answer::Empty(WaitEnd::HeldForTier) => " -> held".to_owned(),
        Answer::Empty(_) => " -> nothing".to_owned(),
    }
}

pub(super) fn id_of(number: TicketNumber, engine: &Engine) -> String {
    let ticket = engine.ticket_numbered(number);
    ticket.map_or_else(|| format!("number {}", number.0), |ticket| ticket.id.to_string())
}

pub(super) fn tier_name(tier: TierIx, engine: &Engine) -> String {
    engine.policy().tier(tier).name.to_string()
}

pub(super) fn pool_names(pools: PoolSet, engine: &Engine) -> String {
    if pools.is_empty() {
        return "no pool".to_owned();
    }
    let names = pools.iter().map(|pool| engine.policy().pool(pool).name.to_string());
    names.collect::<Vec<_>>().join("+")
}

/// A queue by tier, channel, pools and needs.
pub(super) fn queue_name(key: &QueueKey, engine: &Engine) -> String {
    let (tier, pools) = (tier_name(key.tier, engine), pool_names(key.pools, engine));
    let needs = super::wishes::needing(key.needs.as_ref(), engine);
    format!("{tier}/{}/{pools}{needs}", key.channel.name())
}

/// A ticket in one line.
pub(super) fn seen(ticket: &Ticket, engine: &Engine) -> String {
    let state = match &ticket.state {
        State::Quarantined(quarantine) => format!("in quarantine for {}", quarantine.flaw.name()),
        State::Waiting => "waiting".to_owned(),
        State::Scheduled { opens_at } => format!("scheduled for {}", moment(*opens_at)),
        State::Parked(parked) => format!("parked until {}", moment(parked.until)),
        State::Offered(to) => {
            let agents: Vec<_> = to.iter().map(|offer| offer.agent.as_str()).collect();
            format!("offered to {} until {}", agents.join("+"), moment(to.first.lease_until))
        }
        State::Assigned(by) => {
            let pool = by.pool.map_or("no pool", |pool| &engine.policy().pool(pool).name);
            format!("with {} of {pool} until {}", by.agent, moment(by.lease_until))
        }
    };
    let source = match ticket.tier_source {
        TierSource::Given => String::new(),
        source => format!(" ({})", source.name()),
    };
    let mut line = format!(
        "{state}, {}{source}, in {}, due {}",
        tier_name(ticket.tier, engine),
        pool_names(ticket.pools, engine),
        moment(ticket.respond_by)
    );
    line.push_str(&needing(ticket.needs.as_ref(), engine));
    if let Some(by) = ticket.solve_by {
        write!(line, ", solved by {}", moment(by)).expect("a string takes it");
    }
    if let Some(at) = ticket.picked_up_at {
        write!(line, ", picked up {}", moment(at)).expect("a string takes it");
    }
    if ticket.urgency != Urgency::Normal {
        write!(line, ", {}", ticket.urgency.name()).expect("a string takes it");
    }
    if ticket.tier_age_ms > 0 {
        write!(line, ", known for {}", moment(Time(ticket.tier_age_ms))).expect("it takes it");
    }
    if !ticket.content.subject.is_empty() {
        write!(line, ", about {}", ticket.content.subject).expect("a string takes it");
    }
    if let Some(id) = ticket.caller.as_ref().and_then(|caller| caller.customer_id()) {
        write!(line, ", of {id}").expect("a string takes it");
    }
    line
}

/// One crew after the other: the heads with slack, guard and marks, and the choice.
pub(super) fn explained(id: &str, now: Time, engine: &Engine) -> String {
    let Some(told) = engine.explain(&TicketId::new(id), now) else { return "gone".to_owned() };
    let mut line = format!("by {}", told.policy.version);
    if let Some(ahead) = told.ahead_count {
        write!(line, ", {ahead} ahead").expect("a string takes it");
    }
    for (pool, pause) in &told.paused {
        let pool = &engine.policy().pool(*pool).name;
        write!(line, "; {pool} paused since {}", moment(pause.since)).expect("a string takes it");
    }
    for crew in &told.crews {
        let waits = if crew.waiting { " waiting" } else { "" };
        write!(line, "; {}{waits}:", pool_names(crew.crew.pools, engine))
            .expect("a string takes it");
        for head in &crew.survey.heads {
            let (slack, guard) = (moment(Time(head.slack_ms)), moment(Time(head.guard_ms)));
            write!(line, " {} {slack}/{guard}", id_of(head.ticket, engine)).expect("it takes it");
            line.push_str(if head.at_risk { " risk" } else { "" });
            line.push_str(if head.starving { " starving" } else { "" });
            if let Some(pool) = head.held_by {
                write!(line, " held by {}", engine.policy().pool(pool).name).expect("it takes it");
            }
            line.push(',');
        }
        match crew.survey.choice {
            Choice::Take(at, step) => {
                let next = id_of(crew.survey.heads[at].ticket, engine);
                write!(line, " {next} by {}", step.name()).expect("a string takes it");
            }
            Choice::HeldForTier => line.push_str(" held"),
            Choice::Nothing => line.push_str(" nothing"),
        }
    }
    line
}
