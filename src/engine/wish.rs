//! What a ticket asks of its agent, and what is left of it after a wait.
//!
//! A [`Wish`] is what was asked at the submit. The [`Needs`] that follow from it change with the wait:
//! overflow steps of the tier lower levels and drop skills, a skill may have its own time to be dropped,
//! and a preferred agent is waited for only so long.

use super::Engine;
use super::command::{Asked, AskedSkill, Event, OpenReason, Rejection};
use super::escalation;
use super::model::{AgentId, Overflow, Policy, Ticket, TierIx, Time};
use super::needs::{Needs, SkillIx, SkillSet, Skills, level_in};
use std::sync::Arc;

/// Most skills a ticket may ask for.
pub const SKILLS_ASKED_MAX: usize = 16;
/// Most agents a ticket may exclude.
pub const EXCLUDED_AGENTS_MAX: usize = 8;

/// How a ticket asks for a skill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkillMode {
    /// Only agents with the skill at the level or above may serve it.
    Require,
    /// Of several waiting agents those with the skill at the level or above come first.
    Prefer,
    /// Agents with the skill, at whatever level, may not serve it.
    Exclude,
}

/// A skill that a ticket asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SkillWish {
    /// Which.
    pub skill: SkillIx,
    /// The least level, 1 to [`LEVEL_MAX`](super::needs::LEVEL_MAX).
    pub level: u8,
    /// How it is asked for.
    pub mode: SkillMode,
    /// After this wait since the submit it is asked for no more, in milliseconds.
    pub drop_after_ms: Option<i64>,
}

/// An agent who is waited for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferred {
    /// Who.
    pub agent: AgentId,
    /// How long since the submit, in milliseconds.
    pub wait_ms: i64,
}

/// What a ticket asked of its agent at the submit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Skills, in the policy's order and each once. At most [`SKILLS_ASKED_MAX`].
    pub skills: Box<[SkillWish]>,
    /// Whom to wait for first.
    pub preferred: Option<Preferred>,
    /// The one agent it is for.
    pub only: Option<AgentId>,
    /// Whom to wait for, or the one agent, was not asked for: the customer's standing names them.
    pub is_standings: bool,
    /// Who must not serve it, by id and each once. At most [`EXCLUDED_AGENTS_MAX`].
    pub barred: Box<[AgentId]>,
    /// The wait up to which skills have been dropped at their own times, in milliseconds.
    pub relaxed_ms: i64,
}

impl Wish {
    /// The wait after which the next skill is dropped at its own time.
    pub fn next_drop_ms(&self) -> Option<i64> {
        let drops = self.skills.iter().filter_map(|wish| wish.drop_after_ms);
        drops.filter(|after| *after > self.relaxed_ms).min()
    }

    /// The skills that put agents first who have them.
    fn preferred_skills(&self) -> impl Iterator<Item = &SkillWish> {
        self.skills.iter().filter(|wish| wish.mode == SkillMode::Prefer)
    }

    /// Whether the ticket prefers any skill.
    pub fn prefers_skills(&self) -> bool {
        self.preferred_skills().next().is_some()
    }

    /// How many of the preferred skills someone with `skills` has.
    pub fn preferred_count(&self, skills: &[(SkillIx, u8)]) -> u32 {
        let has = |wish: &&SkillWish| level_in(skills, wish.skill) >= wish.level;
        u32::try_from(self.preferred_skills().filter(has).count())
            .expect("few skills are asked for")
    }

    /// The sum of someone's levels in the skills that are required or preferred.
    pub fn levels(&self, skills: &[(SkillIx, u8)]) -> u32 {
        let wanted = self.skills.iter().filter(|wish| wish.mode != SkillMode::Exclude);
        wanted.map(|wish| u32::from(level_in(skills, wish.skill))).sum()
    }

    /// The same without what the customer's standing has added.
    pub(super) fn without_standing(mut self) -> Self {
        if self.is_standings {
            (self.preferred, self.only, self.is_standings) = (None, None, false);
        }
        self
    }

    /// The agent whom it asks for by name.
    pub(super) fn agent(&self) -> Option<&AgentId> {
        let preferred = self.preferred.as_ref().map(|preferred| &preferred.agent);
        self.only.as_ref().or(preferred)
    }

    /// The wish under another policy: `skill_of` finds a skill's new place.
    pub(super) fn under(&self, skill_of: impl Fn(SkillIx) -> Option<SkillIx>) -> Self {
        let moved = |wish: &SkillWish| Some(SkillWish { skill: skill_of(wish.skill)?, ..*wish });
        let mut skills: Vec<_> = self.skills.iter().filter_map(moved).collect();
        skills.sort_unstable_by_key(|wish| wish.skill);
        Self { skills: skills.into(), ..self.clone() }
    }
}

/// Skills in the order of another policy, without those that it lacks.
pub(super) fn skills_under(
    skills: &Skills,
    skill_of: impl Fn(SkillIx) -> Option<SkillIx>,
) -> Skills {
    let moved = |(skill, level): &(SkillIx, u8)| Some((skill_of(*skill)?, *level));
    let mut skills: Vec<_> = skills.iter().filter_map(moved).collect();
    skills.sort_unstable();
    skills.into()
}

/// What `wish` needs of anyone, once `step` has been taken and skills dropped up to `relaxed_ms`.
fn open_needs(wish: &Wish, step: Option<&Overflow>, relaxed_ms: i64) -> Needs {
    let lower = step.map_or(0, |step| step.lower_levels);
    let dropped = step.map_or(SkillSet::EMPTY, |step| step.drop_skills);
    let asked = |mode| {
        let kept = move |wish: &&SkillWish| {
            let out_of_time = wish.drop_after_ms.is_some_and(|after| after <= relaxed_ms);
            wish.mode == mode && !out_of_time && !dropped.contains(wish.skill)
        };
        wish.skills.iter().filter(kept)
    };
    let least = |wish: &SkillWish| (wish.skill, wish.level.saturating_sub(lower).max(1));
    Needs {
        required: asked(SkillMode::Require).map(least).collect(),
        excluded: SkillSet::of(asked(SkillMode::Exclude).map(|wish| wish.skill)),
        barred: wish.barred.clone(),
        ..Needs::default()
    }
}

/// The needs of a ticket of `tier` with that many overflow steps taken. Who is waited for by name stays
/// so: `now` are the needs until now.
pub(super) fn needs_after(
    policy: &Policy,
    tier: TierIx,
    overflow_step: u8,
    wish: Option<&Wish>,
    now: Option<&Arc<Needs>>,
) -> Option<Arc<Needs>> {
    match now.filter(|now| now.only.is_some()) {
        Some(by_name) => Some(by_name.clone()),
        None => opened_needs(policy, tier, overflow_step, wish?, wish?.relaxed_ms),
    }
}

/// The same of a ticket that waits for nobody by name, with skills dropped up to `relaxed_ms`.
pub(super) fn opened_needs(
    policy: &Policy,
    tier: TierIx,
    overflow_step: u8,
    wish: &Wish,
    relaxed_ms: i64,
) -> Option<Arc<Needs>> {
    let taken = usize::from(overflow_step).checked_sub(1);
    let step = taken.map(|at| &policy.tier(tier).overflow[at]);
    open_needs(wish, step, relaxed_ms).shared()
}

impl Ticket {
    /// When it waits for its preferred agent, or for the one it is kept for, no more; `None` if it does not.
    pub fn preference_until(&self) -> Option<Time> {
        let needs = self.needs.as_ref().filter(|needs| needs.while_available)?;
        let kept = self.kept().map(|kept| kept.until);
        let preferred = self.wish().and_then(|wish| wish.preferred.as_ref());
        let preferred = preferred.filter(|preferred| needs.prefer(&preferred.agent));
        let preferred = preferred.map(|by| self.counts_from().plus_ms(by.wait_ms));
        // Keeping it never ends a wait that its caller asked for.
        kept.into_iter().chain(preferred).max()
    }
}

impl Engine {
    /// The needs of a ticket that begins to wait with this wish, after that many overflow steps. A preferred agent
    /// who is not available is not waited for.
    pub(super) fn first_needs(
        &self,
        tier: TierIx,
        overflow_step: u8,
        wish: &Wish,
    ) -> Option<Arc<Needs>> {
        let preferred = wish.preferred.as_ref().map(|preferred| &preferred.agent);
        let preferred = preferred.filter(|agent| self.roster.is_available(agent));
        if let Some(agent) = wish.only.as_ref().or(preferred) {
            let (only, while_available) = (Some(agent.clone()), wish.only.is_none());
            return Needs { only, while_available, ..Needs::default() }.shared();
        }
        opened_needs(&self.policy, tier, overflow_step, wish, wish.relaxed_ms)
    }

    /// What the wait has earned a ticket: more pools, or less that is required.
    pub(super) fn overflowed(&self, ticket: &Ticket) -> Event {
        let tier = self.policy.tier(ticket.tier);
        let steps = &tier.overflow;
        let step = steps.get(usize::from(ticket.overflow_step));
        let drop_ms = ticket.wish().and_then(Wish::next_drop_ms);
        let after_ms = step.map(|step| step.after_ms).into_iter().chain(drop_ms).min();
        let after_ms = after_ms.expect("a step or a drop is due");
        let step = step.filter(|step| step.after_ms == after_ms);
        let overflow_step = ticket.overflow_step + u8::from(step.is_some());
        let wish = ticket.wish();
        let relaxed_ms = wish.map_or(0, |wish| wish.relaxed_ms.max(after_ms));
        let by_name = ticket.needs.as_ref().filter(|needs| needs.only.is_some());
        let needs = by_name
            .cloned()
            .or_else(|| opened_needs(&self.policy, ticket.tier, overflow_step, wish?, relaxed_ms));
        Event::Overflowed {
            ticket: ticket.number,
            overflow_step,
            pools: step.map_or(ticket.pools, |_| {
                let standing = ticket.standing();
                let routed = Self::routed(&self.policy, ticket.tier, standing, overflow_step);
                escalation::pools_after(tier, ticket.escalation_step, routed)
            }),
            needs,
            relaxed_ms,
        }
    }

    /// Opens a ticket that waits for one agent by name to everyone else; `None` if it does not.
    pub(super) fn opened(&self, ticket: &Ticket, why: OpenReason) -> Option<Event> {
        ticket.needs.as_ref()?.only.as_ref()?;
        let wish = ticket.wish();
        let needs = wish.and_then(|wish| {
            let step = ticket.overflow_step;
            opened_needs(&self.policy, ticket.tier, step, wish, wish.relaxed_ms)
        });
        Some(Event::Opened { ticket: ticket.number, needs, why })
    }

    /// The first ticket that waits for an agent who cannot come, opened.
    pub(super) fn opened_as_forsaken(&self) -> Option<Event> {
        let agent = self.roster.forsaken()?;
        let is_known = self.roster.get(agent).is_some();
        let mut queues = self.queues.of_agent(agent);
        let ends = queues.find_map(|(key, queue)| {
            let lenient = key.needs.as_ref().is_some_and(|needs| needs.while_available);
            queue.front().filter(|_| lenient || !is_known)
        });
        let front = ends.expect("a forsaken agent is called by a queue that ends");
        let ticket = self.ticket_numbered(front.number).expect("only live tickets wait");
        let why = if is_known { OpenReason::Unavailable } else { OpenReason::Deleted };
        self.opened(ticket, why)
    }

    /// What is asked, in the policy's terms.
    pub(super) fn wish(&self, asked: Asked) -> Result<Wish, Rejection> {
        let skills = self.skills_asked(&asked.skills);
        let skills = skills.map_err(|at| Rejection::SkillNotFound { at })?;
        if asked.only.as_ref().is_some_and(|only| self.roster.get(only).is_none()) {
            return Err(Rejection::OnlyAgentNotFound);
        }
        let Asked { preferred, only, barred, .. } = asked;
        Ok(Wish { skills, preferred, only, is_standings: false, barred, relaxed_ms: 0 })
    }

    /// The skills in the policy's order; the place of the first that the policy lacks.
    fn skills_asked(&self, asked: &[AskedSkill]) -> Result<Box<[SkillWish]>, usize> {
        let known = |(at, asked): (usize, &AskedSkill)| -> Result<SkillWish, usize> {
            let skill = self.policy.skill_named(&asked.name).ok_or(at)?;
            let AskedSkill { level, mode, drop_after_ms, .. } = *asked;
            Ok(SkillWish { skill, level, mode, drop_after_ms })
        };
        let mut skills: Vec<_> = asked.iter().enumerate().map(known).collect::<Result<_, _>>()?;
        skills.sort_unstable_by_key(|wish| wish.skill);
        Ok(skills.into())
    }
}
