//! How much a choice looks at when many kinds of tickets wait: counted, not timed.

use super::script::policy;
use crate::engine::command::{
    AgentProfile, Answer, Asked, AskedSkill, Command, Lookup, Rejection, Submit,
};
use crate::engine::model::{AgentId, Channel, Content, PoolIx, PoolSet, Presence, TicketId, Time};
use crate::engine::needs::{LEVEL_MAX, SkillIx};
use crate::engine::wish::SkillMode;
use crate::engine::{Engine, QUEUES_MAX};
use std::sync::Arc;

const TIERS: [&str; 4] = ["gold", "silver", "bronze", "other"];
const SKILLS: usize = 50;

/// Four tiers, one pool and fifty skills.
fn desk() -> Engine {
    let skills: Vec<_> = (0..SKILLS).map(|skill| format!("s{skill}")).collect();
    let tiers = TIERS.map(|tier| format!("tier {tier} 1h desk;")).join(" ");
    let text = format!("guarded-edf v1; skills {}; {tiers} pool desk", skills.join(" "));
    let mut engine = Engine::default();
    ask(&mut engine, Command::ApplyPolicy { policy: Arc::new(policy(&text)) })
        .expect("it is sound");
    engine
}

fn ask(engine: &mut Engine, command: Command) -> Result<Answer, Rejection> {
    let decision = engine.decide(Time(0), command)?;
    decision.events.iter().for_each(|event| engine.apply(Time(0), event));
    Ok(decision.answer)
}

fn submit(engine: &mut Engine, tier: &str, skills: &[(usize, u8)]) -> Result<Answer, Rejection> {
    let skill = |(skill, level): &(usize, u8)| AskedSkill {
        name: format!("s{skill}").into(),
        level: *level,
        mode: SkillMode::Require,
        drop_after_ms: None,
    };
    let submit = Submit {
        id: TicketId::new(format!("t{}", engine.ticket_count())),
        fingerprint: 0,
        channel: Channel::Voice,
        urgency: crate::engine::timing::Urgency::Normal,
        caller: None,
        content: Arc::new(Content::default()),
        lookup: Lookup::Given { tier: tier.into() },
        not_before: None,
        earlier: None,
        topic: None,
        asked: Some(Box::new(Asked {
            skills: skills.iter().map(skill).collect(),
            ..Asked::default()
        })),
    };
    ask(engine, Command::Submit(Box::new(submit)))
}

#[test]
fn an_agent_with_a_rare_skill_looks_at_the_queues_of_that_skill_alone() {
    let mut engine = desk();
    for at in 0..4 * SKILLS * 20 {
        submit(&mut engine, TIERS[at % 4], &[(at / 4 % SKILLS, 3)]).expect("it is accepted");
    }
    assert_eq!(engine.queues().len(), 4 * SKILLS);
    let rare = AgentProfile {
        id: AgentId::new("ann"),
        pools: PoolSet::of([PoolIx(0)]),
        skills: [(SkillIx(49), 5)].into(),
        capacity: 1,
        ..AgentProfile::default()
    };
    ask(&mut engine, Command::PutAgent(rare)).expect("it is accepted");
    let crew = engine.roster().crews().next().expect("there is one agent");
    assert_eq!(engine.queues().near(crew).count(), 4, "one queue a tier, of two hundred");
    assert_eq!(engine.survey(crew, Time(0)).heads.len(), 4);
}

#[test]
fn a_ticket_that_needs_one_queue_too_many_is_refused_and_others_are_not() {
    let mut engine = desk();
    // Two skills, each at a level of its own: more kinds than there may be queues.
    let levels = (1..=LEVEL_MAX).flat_map(|a| (1..=LEVEL_MAX).map(move |b| (a, b)));
    let mut kinds =
        (1..SKILLS).flat_map(|skill| levels.clone().map(move |(a, b)| [(0, a), (skill, b)]));
    let refused = kinds.find_map(|kind| submit(&mut engine, "gold", &kind).err());
    assert_eq!(refused, Some(Rejection::QueueLimit { max: QUEUES_MAX }));
    assert_eq!(engine.queues().len(), QUEUES_MAX);
    submit(&mut engine, "gold", &[(0, 1), (1, 1)]).expect("its queue is there");
    submit(&mut engine, "gold", &[]).expect("it needs nobody in particular");
}

#[test]
fn an_explanation_asks_crews_and_their_counts_are_those_of_their_agents() {
    let mut engine = desk();
    for number in 0..300_u16 {
        let id = AgentId::new(format!("agent-{number}"));
        let pools = PoolSet::of([PoolIx(0)]);
        let skills = [(SkillIx(u8::try_from(number % 3).expect("below 3")), 5)].into();
        let profile = AgentProfile { id: id.clone(), pools, skills, ..AgentProfile::default() };
        ask(&mut engine, Command::PutAgent(AgentProfile { capacity: 1, ..profile }))
            .expect("it is accepted");
        let presence = Presence::Available;
        ask(&mut engine, Command::SetPresence { agent: id.clone(), presence })
            .expect("it is known");
        if number % 5 == 0 {
            let wait_until = Time(i64::MAX);
            ask(&mut engine, Command::Pull { agent: id, request: None, wait_until })
                .expect("it waits");
        }
    }
    // One is taken, and its agent is full: a crew of its own.
    submit(&mut engine, "gold", &[(1, 3)]).expect("it is accepted");
    let given = engine.route(Time(0)).expect("someone who has the skill waits");
    engine.apply(Time(0), &given);
    let roster = engine.roster();
    let crews: Vec<_> = roster.crews().collect();
    assert_eq!(crews.len(), 4);
    for crew in crews {
        let agents = || roster.iter().filter(|agent| roster.crew_of(agent) == *crew);
        let waiting = agents().filter(|agent| agent.wait.is_some());
        let counts = (agents().count(), waiting.count());
        let (agent_count, idle_count) = roster.crew_counts(crew);
        assert_eq!((agent_count as usize, idle_count as usize), counts);
    }
}
