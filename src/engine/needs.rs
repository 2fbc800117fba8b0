//! Whom a ticket needs and who an agent is to it: skills, agents by name, and the crews that follow.
//!
//! A ticket's [`Needs`] are part of its queue's key, so all tickets of one queue may be served by the
//! same agents and only heads are compared. A [`Crew`] is what agents have in common who may serve the
//! same tickets: one survey answers for all of them.

pub use super::capacity::ChannelSet;
use super::model::{AgentId, PoolIx, PoolSet};
use super::queue::QueueKey;
use super::roster::Roster;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most skills a policy may name: a set of them fits one machine word.
pub const SKILLS_MAX: usize = 64;
/// The highest level of a skill; the lowest is 1.
pub const LEVEL_MAX: u8 = 10;

/// A skill by its place in the policy. Below [`SKILLS_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SkillIx(pub u8);

/// A set of skills, one bit a skill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SkillSet(pub u64);

impl SkillSet {
    /// No skill at all.
    pub const EMPTY: Self = Self(0);

    /// The set of these skills.
    pub fn of(skills: impl IntoIterator<Item = SkillIx>) -> Self {
        skills.into_iter().fold(Self::EMPTY, Self::with)
    }

    /// This set and one skill more.
    #[must_use]
    pub fn with(self, skill: SkillIx) -> Self {
        Self(self.0 | 1 << skill.0)
    }

    /// What either set holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether `skill` is in the set.
    pub fn contains(self, skill: SkillIx) -> bool {
        self.0 & 1 << skill.0 != 0
    }

    /// Whether the set holds no skill.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The skills in the policy's order.
    pub fn iter(self) -> impl Iterator<Item = SkillIx> {
        PoolSet(self.0).iter().map(|bit| SkillIx(bit.0))
    }
}

/// What an agent can: skills in the policy's order, each once, with a level from 1 to [`LEVEL_MAX`].
pub type Skills = Arc<[(SkillIx, u8)]>;

/// The level in `skill` of someone who has `skills`; 0 without it.
pub fn level_in(skills: &[(SkillIx, u8)], skill: SkillIx) -> u8 {
    let at = skills.binary_search_by_key(&skill, |(known, _)| *known);
    at.map_or(0, |at| skills[at].1)
}

/// Whom a waiting ticket needs beyond the pools that may serve it. Equal needs are shared.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Needs {
    /// Skills and the least level in each, in the policy's order, each once.
    pub required: Box<[(SkillIx, u8)]>,
    /// Skills that whoever serves it must not have.
    pub excluded: SkillSet,
    /// Agents who must not serve it, by id, each once.
    pub barred: Box<[AgentId]>,
    /// The one agent who may serve it. Asked for by name, so neither pools nor skills matter.
    pub only: Option<AgentId>,
    /// `only` is a preference: it ends once that agent is not available.
    pub while_available: bool,
}

impl Needs {
    /// These needs as a queue carries them; `None` when anyone of the pools will do.
    pub fn shared(self) -> Option<Arc<Self>> {
        (self != Self::default()).then(|| Arc::new(self))
    }

    /// Whether they wait for that agent for a while, and not for another.
    pub fn prefer(&self, agent: &AgentId) -> bool {
        self.while_available && self.only.as_ref() == Some(agent)
    }

    /// Whether someone who has `skills` has what is required and nothing that is excluded.
    pub fn allow(&self, skills: &[(SkillIx, u8)]) -> bool {
        let can = |(skill, least): &(SkillIx, u8)| level_in(skills, *skill) >= *least;
        self.required.iter().all(can)
            && !skills.iter().any(|(skill, _)| self.excluded.contains(*skill))
    }

    /// Agents whom the needs name, for or against them.
    pub fn named(&self) -> impl Iterator<Item = &AgentId> {
        self.barred.iter().chain(&self.only)
    }
}

/// The needs of live tickets, so that equal ones are held once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NeedsBook {
    ticket_counts: BTreeMap<Arc<Needs>, u64>,
}

impl NeedsBook {
    /// A live ticket has these needs from now on: makes them the ones that others share.
    pub(super) fn enter(&mut self, needs: &mut Option<Arc<Needs>>, roster: &mut Roster) {
        let Some(own) = needs else { return };
        if let Some((known, _)) = self.ticket_counts.get_key_value(own) {
            *own = known.clone();
        } else {
            roster.name(own);
        }
        *self.ticket_counts.entry(own.clone()).or_default() += 1;
    }

    /// A live ticket has these needs no more.
    pub(super) fn leave(&mut self, needs: Option<&Arc<Needs>>, roster: &mut Roster) {
        let Some(own) = needs else { return };
        let count = self.ticket_counts.get_mut(own).expect("a live ticket's needs are known");
        *count -= 1;
        if *count == 0 {
            self.ticket_counts.remove(own);
            roster.unname(own);
        }
    }
}

/// What agents have in common who may serve the same tickets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crew {
    /// The pools they serve in.
    pub pools: PoolSet,
    /// What they can.
    pub skills: Skills,
    /// The channels they may take one ticket more of.
    pub channels: ChannelSet,
    /// The agent, where one stands alone: tickets wait for or are barred from this very agent.
    pub own: Option<AgentId>,
}

impl Crew {
    /// A crew of these pools without skills, open on every channel.
    pub fn of_pools(pools: PoolSet) -> Self {
        Self { pools, skills: Skills::default(), channels: ChannelSet::ALL, own: None }
    }

    /// On behalf of which pool these agents may serve that queue; `None` when they may not.
    pub fn serves(&self, key: &QueueKey) -> Option<PoolIx> {
        if !self.channels.contains(key.channel) {
            return None;
        }
        let shared = key.pools.and(self.pools).first();
        let Some(needs) = key.needs.as_deref() else { return shared };
        if let Some(only) = &needs.only {
            let asked_for = self.own.as_ref() == Some(only);
            return shared.or(self.pools.first()).filter(|_| asked_for);
        }
        let able = needs.allow(&self.skills)
            && self.own.as_ref().is_none_or(|own| needs.barred.binary_search(own).is_err());
        shared.filter(|_| able)
    }
}
