//! Needs as part of a queue's name: `french=3+!trainee+~bob`, `@ann`, `?ann`.

use crate::engine::model::{AgentId, Policy};
use crate::engine::needs::{LEVEL_MAX, Needs, SkillIx, SkillSet};

/// The needs in a queue's name: `skill=level` is required, `!skill` excluded, `~agent` barred; `@agent`
/// is the only one who may serve it, `?agent` the only one as long as available.
pub(super) fn needs_name(policy: &Policy, needs: &Needs) -> String {
    let skill = |skill: SkillIx| policy.skills.get(usize::from(skill.0)).map_or("?", |name| name);
    let required = needs.required.iter().map(|(ix, level)| format!("{}={level}", skill(*ix)));
    let excluded = needs.excluded.iter().map(|ix| format!("!{}", skill(ix)));
    let barred = needs.barred.iter().map(|agent| format!("~{agent}"));
    let sign = if needs.while_available { '?' } else { '@' };
    let only = needs.only.iter().map(|agent| format!("{sign}{agent}"));
    required.chain(excluded).chain(barred).chain(only).collect::<Vec<_>>().join("+")
}

/// The needs that [`needs_name`] calls so, if the policy has their skills.
pub(super) fn needs_named(policy: &Policy, name: &str) -> Option<Needs> {
    let mut required = Vec::new();
    let mut barred = Vec::new();
    let mut needs = Needs::default();
    for part in name.split('+') {
        if let Some(skill) = part.strip_prefix('!') {
            needs.excluded = needs.excluded.or(SkillSet::of([policy.skill_named(skill)?]));
        } else if let Some(agent) = part.strip_prefix('~') {
            barred.push(AgentId::new(agent));
        } else if let Some(agent) = part.strip_prefix(['@', '?']) {
            needs.only = Some(AgentId::new(agent));
            needs.while_available = part.starts_with('?');
        } else {
            let (skill, level) = part.split_once('=')?;
            let level = level.parse().ok().filter(|level| (1..=LEVEL_MAX).contains(level))?;
            required.push((policy.skill_named(skill)?, level));
        }
    }
    required.sort_unstable();
    barred.sort_unstable();
    Some(Needs { required: required.into(), barred: barred.into(), ..needs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_found_again_by_their_name() {
        let policy =
            Policy { skills: ["french", "trainee"].map(Into::into).into(), ..Policy::default() };
        let barred = ["ann", "bob:2"].map(AgentId::new).into();
        let open = Needs {
            required: [(SkillIx(0), 3)].into(),
            excluded: SkillSet::of([SkillIx(1)]),
            barred,
            ..Needs::default()
        };
        let only = Needs { only: Some(AgentId::new("ann")), ..Needs::default() };
        let preferred = Needs { while_available: true, ..only.clone() };
        for (needs, name) in
            [(open, "french=3+!trainee+~ann+~bob:2"), (only, "@ann"), (preferred, "?ann")]
        {
            assert_eq!(needs_name(&policy, &needs), name);
            assert_eq!(needs_named(&policy, name), Some(needs));
        }
        for wrong in ["", "french", "french=0", "french=11", "latin=1", "!latin"] {
            assert_eq!(needs_named(&policy, wrong), None, "{wrong}");
        }
    }
}
