//! Skills and needs as messages.

use super::{Error, name, narrow, v1};
use crate::engine::model::AgentId;
use crate::engine::needs::{LEVEL_MAX, Needs, SKILLS_MAX, SkillIx, SkillSet};
use std::sync::Arc;

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

pub(super) fn decode_skill(value: u32) -> Result<SkillIx, Error> {
    match narrow(value, "skill")? {
        place if usize::from(place) < SKILLS_MAX => Ok(SkillIx(place)),
        place => Err(Error::Unknown { field: "skill", value: place.into() }),
    }
}

pub(super) fn decode_level(value: u32) -> Result<u8, Error> {
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
