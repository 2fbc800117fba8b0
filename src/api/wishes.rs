//! What a ticket asks of its agent, and what an agent can: messages checked, and told again.

use super::Api;
use super::convert::{duration, timestamp};
use super::names::no_skill;
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::{Checks, echo};
use crate::engine::Engine;
use crate::engine::command::{Asked, AskedSkill};
use crate::engine::model::{AgentId, Policy, Ticket};
use crate::engine::needs::{LEVEL_MAX, SKILLS_MAX, SkillIx, Skills};
use crate::engine::wish::{EXCLUDED_AGENTS_MAX, Preferred, SKILLS_ASKED_MAX, SkillMode, SkillWish};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// How long a preferred agent may be waited for, and when a skill may be dropped, in milliseconds.
pub(super) const WISH_MS: RangeInclusive<i64> = 1_000..=7 * 86_400_000;

impl Checks {
    /// What a submit asks of the ticket's agent, if anything.
    pub(super) fn asked(&mut self, request: &pb::SubmitTicketRequest) -> Option<Box<Asked>> {
        let only = self.optional_id("only_agent_id", &request.only_agent_id).map(AgentId::new);
        let preferred = request.preferred_agent.as_ref().map(|preferred| {
            if only.is_some() {
                self.fault("preferred_agent", "and only_agent_id exclude each other");
            }
            self.inside("preferred_agent.", |checks| checks.preferred(preferred))
        });
        let barred = self.excluded_agents(&request.excluded_agent_ids);
        for (field, named) in [
            ("only_agent_id", only.as_ref()),
            ("preferred_agent.agent_id", preferred.as_ref().map(|preferred| &preferred.agent)),
        ] {
            if let Some(named) = named.filter(|named| barred.contains(named)) {
                let named = echo(named.as_str());
                self.fault(field, format!("{named} is among excluded_agent_ids too"));
            }
        }
        let asked = Asked { skills: self.skills_asked(&request.skills), preferred, only, barred };
        (asked != Asked::default()).then(|| Box::new(asked))
    }

    fn preferred(&mut self, preferred: &pb::PreferredAgent) -> Preferred {
        let wait = self.required("wait", preferred.wait);
        let agent = self.agent_id(&preferred.agent_id);
        let wait_ms = match preferred.wait {
            Some(_) => self.duration_ms("wait", &wait, &WISH_MS),
            None => 0,
        };
        Preferred { agent, wait_ms }
    }

    fn excluded_agents(&mut self, ids: &[String]) -> Box<[AgentId]> {
        let count = ids.len();
        if count > EXCLUDED_AGENTS_MAX {
            let range = format!("has {count} entries, at most {EXCLUDED_AGENTS_MAX} are allowed");
            self.fault("excluded_agent_ids", range);
            return Box::default();
        }
        let mut known = BTreeSet::new();
        for (at, id) in ids.iter().enumerate() {
            let field = format!("excluded_agent_ids[{at}]");
            self.id(&field, id);
            if !known.insert(AgentId::new(id)) {
                self.fault(&field, format!("{} is listed twice", echo(id)));
            }
        }
        known.into_iter().collect()
    }

    fn skills_asked(&mut self, skills: &[pb::SkillNeed]) -> Box<[AskedSkill]> {
        let count = skills.len();
        if count > SKILLS_ASKED_MAX {
            let range = format!("has {count} entries, at most {SKILLS_ASKED_MAX} are allowed");
            self.fault("skills", range);
            return Box::default();
        }
        let mut names = BTreeSet::new();
        let asked = skills.iter().enumerate().map(|(at, need)| {
            self.inside(&format!("skills[{at}]."), |checks| {
                checks.skill_name(&need.skill, &mut names);
                checks.skill_asked(need)
            })
        });
        asked.collect()
    }

    fn skill_name<'a>(&mut self, name: &'a str, names: &mut BTreeSet<&'a str>) {
        self.name("skill", name);
        if !names.insert(name) && !name.is_empty() {
            self.fault("skill", format!("{} is listed twice", echo(name)));
        }
    }

    fn skill_asked(&mut self, need: &pb::SkillNeed) -> AskedSkill {
        let mode = match pb::SkillMode::try_from(need.mode) {
            Ok(pb::SkillMode::Unspecified | pb::SkillMode::Require) => SkillMode::Require,
            Ok(pb::SkillMode::Prefer) => SkillMode::Prefer,
            Ok(pb::SkillMode::Exclude) => SkillMode::Exclude,
            Err(_) => {
                self.fault("mode", format!("{} is not a value of SkillMode", need.mode));
                SkillMode::Require
            }
        };
        if mode == SkillMode::Exclude && need.level != 0 {
            let level = need.level;
            self.fault("level", format!("{level} is not 0: a skill is excluded at any level"));
        }
        if mode == SkillMode::Prefer && need.drop_after.is_some() {
            self.fault("drop_after", "is not for a skill that is only preferred");
        }
        let drop_after = need.drop_after.as_ref();
        let drop_after_ms = drop_after.map(|after| self.duration_ms("drop_after", after, &WISH_MS));
        AskedSkill {
            name: need.skill.as_str().into(),
            level: self.level(need.level),
            mode,
            drop_after_ms,
        }
    }

    fn level(&mut self, level: u32) -> u8 {
        match u8::try_from(level.max(1)) {
            Ok(known) if known <= LEVEL_MAX => known,
            Ok(_) | Err(_) => {
                self.fault("level", format!("{level} is not between 1 and {LEVEL_MAX}"));
                1
            }
        }
    }

    /// The skills of an agent, by name.
    pub(super) fn skills(&mut self, skills: &[pb::SkillLevel]) -> Vec<(Box<str>, u8)> {
        if skills.len() > SKILLS_MAX {
            let count = skills.len();
            self.fault("skills", format!("has {count} entries, at most {SKILLS_MAX} are allowed"));
            return Vec::new();
        }
        let mut names = BTreeSet::new();
        let checked = skills.iter().enumerate().map(|(at, skill)| {
            self.inside(&format!("skills[{at}]."), |checks| {
                checks.skill_name(&skill.skill, &mut names);
                (skill.skill.as_str().into(), checks.level(skill.level))
            })
        });
        checked.collect()
    }
}

impl Api {
    /// The skills of these names under the policy in force.
    pub(super) async fn skills_named(&self, named: Vec<(Box<str>, u8)>) -> Result<Skills, Fault> {
        let look = move |engine: &Engine, _| {
            let policy = engine.policy();
            let mut checks = Checks::default();
            let mut skills = Vec::new();
            for (at, (name, level)) in named.iter().enumerate() {
                match policy.skill_named(name) {
                    Some(skill) => skills.push((skill, *level)),
                    None => checks.fault(&format!("skills[{at}].skill"), no_skill(name, policy)),
                }
            }
            skills.sort_unstable();
            checks.done().map(|()| skills.into())
        };
        self.handle.read(look).await.map_err(|refused| Fault::refused(refused, ""))?
    }
}

/// Levels in the policy's words.
pub(super) fn skill_levels(policy: &Policy, skills: &[(SkillIx, u8)]) -> Vec<pb::SkillLevel> {
    let message = |(skill, level): &(SkillIx, u8)| pb::SkillLevel {
        skill: policy.skill(*skill).to_string(),
        level: (*level).into(),
    };
    skills.iter().map(message).collect()
}

/// What a live ticket asked of its agent, and whom it needs now, added to its message.
pub(super) fn add_wish(told: &mut pb::Ticket, ticket: &Ticket, policy: &Policy) {
    if let Some(wish) = ticket.wish() {
        let skill = |wish: &SkillWish| pb::SkillNeed {
            skill: policy.skill(wish.skill).to_string(),
            level: if wish.mode == SkillMode::Exclude { 0 } else { wish.level.into() },
            mode: pb::SkillMode::from(wish.mode).into(),
            drop_after: wish.drop_after_ms.map(duration),
        };
        told.skills = wish.skills.iter().map(skill).collect();
        told.preferred_agent = wish.preferred.as_ref().map(|preferred| pb::PreferredAgent {
            agent_id: preferred.agent.to_string(),
            wait: Some(duration(preferred.wait_ms)),
        });
        told.only_agent_id = wish.only.as_ref().map(ToString::to_string).unwrap_or_default();
        told.excluded_agent_ids = wish.barred.iter().map(ToString::to_string).collect();
    }
    if let Some(needs) = &ticket.needs {
        told.required_skills = skill_levels(policy, &needs.required);
        told.waits_for_agent_id = needs.only.as_ref().map(ToString::to_string).unwrap_or_default();
        told.waits_for_agent_until = ticket.preference_until().map(timestamp);
    }
}

impl From<SkillMode> for pb::SkillMode {
    fn from(mode: SkillMode) -> Self {
        match mode {
            SkillMode::Require => Self::Require,
            SkillMode::Prefer => Self::Prefer,
            SkillMode::Exclude => Self::Exclude,
        }
    }
}
