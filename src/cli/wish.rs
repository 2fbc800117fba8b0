//! What a ticket asks of its agent, and what an agent can, on the command line.

use crate::api::proto::v1;
use crate::settings::parse_ms;
use clap::Args;

/// What a ticket asks of its agent.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Whom the ticket needs")]
pub(crate) struct Wish {
    /// A skill the agent must have, with its least level from 1 to 10, and the wait after which it is needed no more;
    /// may be given several times
    #[arg(long, value_name = "SKILL[=LEVEL][@WAIT]", value_parser = require)]
    require: Vec<v1::SkillNeed>,
    /// A skill by which one of several waiting agents comes first, with its least level; may be given several times
    #[arg(long, value_name = "SKILL[=LEVEL]", value_parser = prefer)]
    prefer: Vec<v1::SkillNeed>,
    /// A skill the agent must not have; may be given several times
    #[arg(long, value_name = "SKILL[@WAIT]", value_parser = exclude)]
    exclude: Vec<v1::SkillNeed>,
    /// An agent to wait for first, and how long
    #[arg(long, value_name = "AGENT=WAIT", value_parser = first, conflicts_with = "only_agent")]
    first_agent: Option<v1::PreferredAgent>,
    /// The one agent it is for
    #[arg(long, value_name = "AGENT", default_value = "", hide_default_value = true)]
    only_agent: String,
    /// An agent who must not serve it; may be given 8 times
    #[arg(long, value_name = "AGENT")]
    exclude_agent: Vec<String>,
}

impl Wish {
    /// A request that asks for this and says nothing else.
    pub(crate) fn request(self) -> v1::SubmitTicketRequest {
        v1::SubmitTicketRequest {
            skills: [self.require, self.prefer, self.exclude].concat(),
            preferred_agent: self.first_agent,
            only_agent_id: self.only_agent,
            excluded_agent_ids: self.exclude_agent,
            ..v1::SubmitTicketRequest::default()
        }
    }
}

/// `french=3`: a skill of an agent.
pub(crate) fn skill(text: &str) -> Result<v1::SkillLevel, String> {
    let (skill, level) = leveled(text)?;
    Ok(v1::SkillLevel { skill, level })
}

/// A skill and its level, 1 if none is said.
pub(crate) fn leveled(text: &str) -> Result<(String, u32), String> {
    let (skill, level) = text.split_once('=').unwrap_or((text, "1"));
    match level.parse() {
        Ok(level @ 1..=10) => Ok((skill.to_owned(), level)),
        Ok(_) | Err(_) => Err(format!("level {level:?} is not between 1 and 10")),
    }
}

/// Skills in words: `french 3, billing 1`.
pub(crate) fn words(skills: &[v1::SkillLevel]) -> String {
    let words: Vec<_> = skills.iter().map(|s| format!("{} {}", s.skill, s.level)).collect();
    words.join(", ")
}

fn require(text: &str) -> Result<v1::SkillNeed, String> {
    let (text, drop_after) = timed(text)?;
    let (skill, level) = leveled(text)?;
    Ok(v1::SkillNeed { skill, level, mode: v1::SkillMode::Require.into(), drop_after })
}

fn prefer(text: &str) -> Result<v1::SkillNeed, String> {
    let (skill, level) = leveled(text)?;
    Ok(v1::SkillNeed { skill, level, mode: v1::SkillMode::Prefer.into(), drop_after: None })
}

fn exclude(text: &str) -> Result<v1::SkillNeed, String> {
    let (skill, drop_after) = timed(text)?;
    let (skill, mode) = (skill.to_owned(), v1::SkillMode::Exclude.into());
    Ok(v1::SkillNeed { skill, level: 0, mode, drop_after })
}

fn first(text: &str) -> Result<v1::PreferredAgent, String> {
    let (agent, wait) = text.split_once('=').ok_or("is not AGENT=WAIT, such as ada=30s")?;
    Ok(v1::PreferredAgent { agent_id: agent.to_owned(), wait: Some(duration(wait)?) })
}

fn timed(text: &str) -> Result<(&str, Option<prost_types::Duration>), String> {
    match text.split_once('@') {
        Some((text, wait)) => Ok((text, Some(duration(wait)?))),
        None => Ok((text, None)),
    }
}

fn duration(text: &str) -> Result<prost_types::Duration, String> {
    let ms = parse_ms(text).map_err(|what| format!("wait {text:?} is {what}"))?;
    let nanos = i32::try_from(ms % 1000).expect("it is below 1000") * 1_000_000;
    Ok(prost_types::Duration { seconds: ms / 1000, nanos })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skill_is_written_with_level_and_wait() {
        let need = require("french=3@1m 30s").unwrap();
        assert_eq!((need.skill.as_str(), need.level), ("french", 3));
        assert_eq!(need.drop_after.unwrap().seconds, 90);
        let plain = require("french").unwrap();
        assert_eq!((plain.level, plain.drop_after), (1, None));
        assert_eq!(exclude("trainee@2s").unwrap().drop_after.unwrap().seconds, 2);
        assert_eq!(first("ada=250ms").unwrap().wait.unwrap().nanos, 250_000_000);
        for wrong in ["french=0", "french=11", "french=high", "french=3@soon"] {
            assert!(require(wrong).is_err(), "{wrong}");
        }
        assert!(first("ada").is_err());
    }
}
