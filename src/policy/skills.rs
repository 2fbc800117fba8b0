//! `skills`: what agents can and tickets may ask for, and what overflow steps drop of it.

use super::{LOWER_LEVELS, index};
use crate::engine::needs::{SKILLS_MAX, SkillIx, SkillSet};
use crate::settings::{Item, Section};

/// The names of the skills in the order of the file; faults are noted.
pub(super) fn read<'a>(root: &Section<'a>) -> Option<Vec<&'a str>> {
    let Some(item) = root.get("skills") else {
        return Some(Vec::new());
    };
    let list = item.list()?;
    if let Some(beyond) = list.get(SKILLS_MAX) {
        beyond.fault(&format!("is one too many: {SKILLS_MAX} are allowed"));
        return None;
    }
    let mut names = Vec::new();
    let mut complete = true;
    for item in list {
        match item.name() {
            Some(name) if names.contains(&name) => item.fault("is listed twice"),
            Some(name) => names.push(name),
            None => complete = false,
        }
    }
    complete.then_some(names)
}

/// By how much an overflow step lowers the levels, and the skills it drops; faults are noted.
pub(super) fn relaxed(step: &Section<'_>, skills: &[&str]) -> Option<(u8, SkillSet)> {
    let lower = match step.get("lower_levels") {
        Some(item) => item.whole(LOWER_LEVELS),
        None => Some(0),
    };
    let dropped = match step.get("drop_skills") {
        Some(item) => named(&item, skills),
        None => Some(SkillSet::EMPTY),
    };
    let lower = u8::try_from(lower?).expect("the range ends below");
    Some((lower, dropped?))
}

fn named(item: &Item<'_>, skills: &[&str]) -> Option<SkillSet> {
    let mut set = SkillSet::EMPTY;
    let mut complete = true;
    for item in item.list()? {
        let text = item.text();
        let at = text.and_then(|text| skills.iter().position(|skill| *skill == text));
        match at.map(|at| SkillIx(index(at))) {
            Some(skill) if set.contains(skill) => item.fault("is listed twice"),
            Some(skill) => set = set.with(skill),
            None => {
                complete = false;
                if text.is_some() {
                    item.unknown("is no skill", skills.iter().copied());
                }
            }
        }
    }
    complete.then_some(set)
}
