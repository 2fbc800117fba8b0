//! Reading agents from a CSV file.
//!
//! ```text
//! id,name,pools,capacity,skills
//! ada,Ada Brook,desk;backup,1,french=7;billing
//! ```
//!
//! The first row names the columns, in any order; `id` and `pools` must be there. Several pools stand
//! in one cell with `;` between them, and so do several skills; a skill's level is 1 when it is left out, and so
//! is the capacity.

use super::wish::leveled;
use crate::engine::command::AgentProfile;
use crate::engine::model::{AgentId, Policy, PoolSet};
use crate::engine::needs::SkillIx;
use std::io::Read;

const ID_CHARS_MAX: usize = 64;
const NAME_CHARS_MAX: usize = 128;
const CAPACITY_MAX: u16 = 100;

/// One row as it stands in the file.
#[derive(serde::Deserialize)]
struct Row {
    id: String,
    #[serde(default)]
    name: String,
    pools: String,
    capacity: Option<u16>,
    #[serde(default)]
    skills: String,
}

/// Every agent, or what is wrong with the row.
pub(super) fn read(file: impl Read, policy: &Policy) -> Vec<Result<AgentProfile, String>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(file);
    let rows = reader.deserialize::<Row>();
    rows.zip(2..)
        .map(|(row, line): (_, u64)| {
            let row = row.map_err(|error| error.to_string())?;
            agent(row, policy).map_err(|problem| format!("line {line}: {problem}"))
        })
        .collect()
}

fn agent(row: Row, policy: &Policy) -> Result<AgentProfile, String> {
    let Row { id, name, pools, capacity, skills } = row;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    if id.is_empty() || id.chars().count() > ID_CHARS_MAX || !id.chars().all(is_plain) {
        return Err(format!("id {id:?} is not 1 to 64 characters of A-Z a-z 0-9 . _ : -"));
    }
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(format!("the name of agent {id} is longer than {NAME_CHARS_MAX} characters"));
    }
    let named = pools.split(';').map(|pool| {
        let pool = pool.trim();
        policy.pool_named(pool).ok_or_else(|| {
            let all: Vec<_> = policy.pools.iter().map(|pool| &*pool.name).collect();
            format!("pool {pool:?} is not one of the policy's: {}", all.join(", "))
        })
    });
    let pools = PoolSet::of(named.collect::<Result<Vec<_>, _>>()?);
    let capacity = capacity.unwrap_or(1);
    if !(1..=CAPACITY_MAX).contains(&capacity) {
        return Err(format!("capacity {capacity} is not between 1 and {CAPACITY_MAX}"));
    }
    let (id, name) = (AgentId::new(id), name.into());
    let skills = skills.split(';').map(str::trim).filter(|skill| !skill.is_empty());
    let mut skills = skills.map(|text| skill(text, policy)).collect::<Result<Vec<_>, _>>()?;
    skills.sort_unstable();
    if let Some(twice) = skills.windows(2).find(|two| two[0].0 == two[1].0) {
        return Err(format!("skill {} is listed twice", policy.skill(twice[0].0)));
    }
    let skills = skills.into();
    Ok(AgentProfile { id, name, pools, skills, capacity, ..AgentProfile::default() })
}

fn skill(text: &str, policy: &Policy) -> Result<(SkillIx, u8), String> {
    let (name, level) = leveled(text)?;
    let skill = policy.skill_named(&name).ok_or_else(|| {
        let all: Vec<_> = policy.skills.iter().map(|skill| &**skill).collect();
        format!("skill {name:?} is not one of the policy's: {}", all.join(", "))
    })?;
    Ok((skill, u8::try_from(level).expect("it is at most 10")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../config/agents.csv");

    fn default_policy() -> Policy {
        crate::policy::parse("default", include_str!("../../config/default.toml")).unwrap().0
    }

    #[test]
    fn the_sample_agents_fit_the_default_policy() {
        let agents = read(SAMPLE.as_bytes(), &default_policy());
        let agents: Vec<_> = agents.into_iter().collect::<Result<_, _>>().unwrap();
        assert_eq!(agents[0].id.as_str(), "ada");
        assert_eq!(agents.len(), SAMPLE.lines().count() - 1);
    }

    #[test]
    fn each_faulty_row_is_told_with_its_line() {
        let file = "id,pools,capacity\nada,desk,1\nb b,desk,\ncarl,dusk,\ndora,desk,101\n";
        let faults: Vec<_> =
            read(file.as_bytes(), &default_policy()).into_iter().filter_map(Result::err).collect();
        assert_eq!(
            faults,
            [
                "line 3: id \"b b\" is not 1 to 64 characters of A-Z a-z 0-9 . _ : -",
                "line 4: pool \"dusk\" is not one of the policy's: desk, backup",
                "line 5: capacity 101 is not between 1 and 100",
            ]
        );
    }
}
