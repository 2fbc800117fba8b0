//! Skills and agents by name in the words of the script.
//!
//! ```text
//! policy ..; skills french trainee; tier gold 15s desk then 40s desk lower 2 drop trainee; pool desk choice best-level
//! agent ann desk can french=3+trainee
//! submit t1 gold voice require=french:3 require=german:5@30s prefer=french:7 exclude=trainee
//! submit t2 gold voice first=ann/30s
//! submit t3 gold voice only=ann
//! submit t4 gold voice bar=ann+bob
//! ```

use super::duration_ms;
use crate::engine::Engine;
use crate::engine::command::{Asked, AskedSkill};
use crate::engine::model::{AgentId, Policy};
use crate::engine::needs::{Needs, SkillIx, SkillSet, Skills};
use crate::engine::wish::{Preferred, SkillMode};
use std::sync::Arc;

/// `french=3+trainee`: the level is 1 if none is said, and `martian` is no skill of the policy.
pub(super) fn skills(text: &str, policy: &Policy) -> Skills {
    let mut skills: Vec<_> = text
        .split('+')
        .map(|skill| {
            let (name, level) = skill.split_once('=').unwrap_or((skill, "1"));
            let ix = if name == "martian" { SkillIx(63) } else { skill_named(name, policy) };
            (ix, level.parse().expect("a level"))
        })
        .collect();
    skills.sort_unstable();
    skills.into()
}

/// `french+trainee`.
pub(super) fn skill_set(text: &str, known: impl Fn(&str) -> u8) -> SkillSet {
    SkillSet::of(text.split('+').map(|name| SkillIx(known(name))))
}

fn skill_named(name: &str, policy: &Policy) -> SkillIx {
    policy.skill_named(name).expect("a skill of the policy")
}

/// What a submit asks of its agent.
pub(super) fn asked(words: &[&str]) -> Option<Box<Asked>> {
    let mut asked = Asked::default();
    let mut skills = Vec::new();
    for (key, value) in words.iter().filter_map(|word| word.split_once('=')) {
        let mut skill = |mode| {
            let (value, drop_after) = match value.split_once('@') {
                Some((value, after)) => (value, Some(after)),
                None => (value, None),
            };
            let (name, level) = value.split_once(':').unwrap_or((value, "1"));
            skills.push(AskedSkill {
                name: name.into(),
                level: level.parse().expect("a level"),
                mode,
                drop_after_ms: drop_after.map(|after| duration_ms(after).expect("a duration")),
            });
        };
        match key {
            "require" => skill(SkillMode::Require),
            "prefer" => skill(SkillMode::Prefer),
            "exclude" => skill(SkillMode::Exclude),
            "only" => asked.only = Some(AgentId::new(value)),
            "bar" => {
                let mut barred: Vec<_> = value.split('+').map(AgentId::new).collect();
                barred.sort_unstable();
                asked.barred = barred.into();
            }
            "first" => {
                let (agent, wait) = value.split_once('/').expect("an agent and a wait");
                let wait_ms = duration_ms(wait).expect("a duration");
                asked.preferred = Some(Preferred { agent: AgentId::new(agent), wait_ms });
            }
            _ => {}
        }
    }
    asked.skills = skills.into();
    (asked != Asked::default()).then(|| Box::new(asked))
}

/// Needs in words; nothing for a ticket that anyone of its pools may serve.
pub(super) fn needing(needs: Option<&Arc<Needs>>, engine: &Engine) -> String {
    let Some(needs) = needs else { return String::new() };
    let name = |skill| engine.policy().skill(skill);
    let required = needs.required.iter().map(|(skill, level)| format!("{}={level}", name(*skill)));
    let excluded = needs.excluded.iter().map(|skill| format!("no {}", name(skill)));
    let barred = needs.barred.iter().map(|agent| format!("not {agent}"));
    let first = if needs.while_available { "first" } else { "only" };
    let only = needs.only.iter().map(|agent| format!("{first} {agent}"));
    let words: Vec<_> = required.chain(excluded).chain(barred).chain(only).collect();
    format!(" needing {}", words.join(" and "))
}
