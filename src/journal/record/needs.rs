//! Skills and needs as messages.

use super::{Error, name, narrow, twin, v1};
use crate::engine::model::AgentId;
use crate::engine::needs::{LEVEL_MAX, Needs, SKILLS_MAX, SkillIx, SkillSet};
use crate::engine::wish::{Preferred, SkillMode, SkillWish, Wish};
use std::sync::Arc;

twin! {
    encode_mode, decode_mode, SkillMode, v1::SkillMode,
    [Require, Prefer, Exclude]
}

pub(super) fn encode_skills(skills: &[(SkillIx, u8)]) -> Vec<v1::Skill> {
    let message = |(skill, level): &(SkillIx, u8)| v1::Skill {
        skill: skill.0.into(),
        level: (*level).into(),
    };
    skills.iter().map(message).collect()
}

pub(super) fn decode_skills<T: FromIterator<(SkillIx, u8)>>(
    skills: Vec<v1::Skill>,
) -> Result<T, Error> {
    let pair = |skill: v1::Skill| Ok((decode_skill(skill.skill)?, decode_level(skill.level)?));
    skills.into_iter().map(pair).collect()
}

fn decode_skill(value: u32) -> Result<SkillIx, Error> {
    match narrow(value, "skill")? {
        place if usize::from(place) < SKILLS_MAX => Ok(SkillIx(place)),
        place => Err(Error::Unknown { field: "skill", value: place.into() }),
    }
}

fn decode_level(value: u32) -> Result<u8, Error> {
    match narrow(value, "skill.level")? {
        level if (1..=LEVEL_MAX).contains(&level) => Ok(level),
        level => Err(Error::Unknown { field: "skill.level", value: level.into() }),
    }
}

pub(super) fn encode_needs(needs: &Needs) -> v1::Needs {
    v1::Needs {
        required: encode_skills(&needs.required),
        excluded: needs.excluded.0,
        barred: needs.barred.iter().map(|agent| agent.as_str().into()).collect(),
        only: needs.only.as_ref().map(|agent| agent.as_str().into()),
        while_available: needs.while_available,
    }
}

pub(super) fn decode_needs(needs: Option<v1::Needs>) -> Result<Option<Arc<Needs>>, Error> {
    let Some(needs) = needs else { return Ok(None) };
    let agent = |value| name(value, "needs.agent").map(AgentId::new);
    let needs = Needs {
        required: decode_skills(needs.required)?,
        excluded: SkillSet(needs.excluded),
        barred: needs.barred.into_iter().map(agent).collect::<Result<_, _>>()?,
        only: needs.only.map(agent).transpose()?,
        while_available: needs.while_available,
    };
    Ok(needs.shared())
}

pub(super) fn encode_wish(wish: &Wish) -> v1::Wish {
    let skill = |wish: &SkillWish| v1::SkillWish {
        skill: wish.skill.0.into(),
        level: wish.level.into(),
        mode: encode_mode(wish.mode),
        drop_after_ms: wish.drop_after_ms,
    };
    let agent = |agent: &AgentId| agent.as_str().to_owned();
    let preferred = wish.preferred.as_ref();
    v1::Wish {
        skills: wish.skills.iter().map(skill).collect(),
        preferred: preferred.map(|preferred| agent(&preferred.agent)),
        preferred_wait_ms: preferred.map_or(0, |preferred| preferred.wait_ms),
        only: wish.only.as_ref().map(agent),
        barred: wish.barred.iter().map(agent).collect(),
        relaxed_ms: wish.relaxed_ms,
        is_standings: wish.is_standings,
    }
}

pub(super) fn decode_wish(wish: Option<v1::Wish>) -> Result<Option<Box<Wish>>, Error> {
    let Some(wish) = wish else { return Ok(None) };
    let skill = |wish: v1::SkillWish| {
        Ok(SkillWish {
            skill: decode_skill(wish.skill)?,
            level: decode_level(wish.level)?,
            mode: decode_mode(wish.mode, "wish.mode")?,
            drop_after_ms: wish.drop_after_ms,
        })
    };
    let agent = |value| name(value, "wish.agent").map(AgentId::new);
    let wait_ms = wish.preferred_wait_ms;
    let preferred = wish.preferred.map(agent).transpose()?;
    Ok(Some(Box::new(Wish {
        skills: wish.skills.into_iter().map(skill).collect::<Result<_, Error>>()?,
        preferred: preferred.map(|agent| Preferred { agent, wait_ms }),
        only: wish.only.map(agent).transpose()?,
        is_standings: wish.is_standings,
        barred: wish.barred.into_iter().map(agent).collect::<Result<_, _>>()?,
        relaxed_ms: wish.relaxed_ms,
    })))
}
