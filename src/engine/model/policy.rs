//! What a policy is: tiers, pools, and the rule between them.

use super::super::capacity::ChannelRules;
use super::super::care::Care;
use super::super::coding::StaleTier;
use super::super::coding::rules::Rules;
use super::super::contacts::Repeats;
use super::super::hours::Hours;
use super::super::life::RequeueLimit;
use super::super::needs::{SkillIx, SkillSet};
use super::super::offered::Offering;
use super::super::push::OfferRule;
use super::super::timing::Timing;
use super::{Channel, PoolIx, PoolSet, TierIx};
use std::sync::Arc;

/// Which of several waiting agents gets a ticket. Ties go by id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentChoice {
    /// The lowest load, then the longest idle. The default.
    #[default]
    LeastLoaded,
    /// The longest idle.
    LongestIdle,
    /// The highest level in the skills that the ticket requires or prefers, then the lowest load, then
    /// the longest idle.
    BestLevel,
    /// Whose last assignment is longest ago.
    RoundRobin,
}

impl AgentChoice {
    /// Every choice.
    pub const ALL: [Self; 4] =
        [Self::LeastLoaded, Self::LongestIdle, Self::BestLevel, Self::RoundRobin];

    /// The choice's name in policies and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::LeastLoaded => "least-loaded",
            Self::LongestIdle => "longest-idle",
            Self::BestLevel => "best-level",
            Self::RoundRobin => "round-robin",
        }
    }
}

/// The dispatch rules that can be chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Earliest deadline first while all deadlines can be met; strict tier order among tickets nearly
    /// due; a floor against starving. The default.
    #[default]
    GuardedEdf,
    /// First come, first served.
    Fifo,
    /// The highest tier first (Cobham 1954).
    StaticPriority,
    /// The earliest deadline first.
    Edf,
    /// Priority accumulates with the wait, at each tier's own rate (Kleinrock 1964).
    Accumulating,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 5] =
        [Self::GuardedEdf, Self::Fifo, Self::StaticPriority, Self::Edf, Self::Accumulating];

    /// The rule's name in policies and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::GuardedEdf => "guarded-edf",
            Self::Fifo => "fifo",
            Self::StaticPriority => "static-priority",
            Self::Edf => "edf",
            Self::Accumulating => "accumulating",
        }
    }
}

/// All that decides how tickets are served, as one versioned whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The policy's own name for this version. 1 to 64 characters.
    pub version: Arc<str>,
    /// The dispatch rule.
    pub rule: Rule,
    /// `guarded-edf`: a head starves once it has waited longer than this many thousandths of its
    /// response target (2000 = twice).
    pub starve_after_permille: u32,
    /// `guarded-edf`: the share of a pool's dispatches that may serve starving tiers for their own sake, in
    /// thousandths (100 = every tenth).
    pub floor_share_permille: u32,
    /// What work on each channel asks of an agent, in the order of [`Channel::ALL`].
    pub channels: ChannelRules,
    /// The tiers, highest rank first. 1 to [`super::TIERS_MAX`].
    pub tiers: Vec<Tier>,
    /// The pools. 1 to [`super::POOLS_MAX`].
    pub pools: Vec<Pool>,
    /// The business hours that tiers name. At most [`super::super::hours::PLANS_MAX`].
    pub hours: Vec<Arc<Hours>>,
    /// The names of skills. At most [`SKILLS_MAX`](super::super::needs::SKILLS_MAX).
    pub skills: Vec<Arc<str>>,
    /// The tier of customers the directory does not know.
    pub unknown_tier: TierIx,
    /// The tier while the directory is silent and nothing is known.
    pub unavailable_tier: TierIx,
    /// Whether a customer's change to a lower tier moves the deadlines of tickets that wait later.
    pub retier_later: bool,
    /// What gives customers their tier and their standing, and what a standing does.
    pub coding: Rules,
    /// What it makes of repeat contacts.
    pub repeats: Repeats,
    /// The attributes of customers that cards show. At most
    /// [`CARD_ATTRIBUTES_MAX`](super::super::care::CARD_ATTRIBUTES_MAX).
    pub card_attributes: Box<[Box<str>]>,
    /// The text it was read from, for people; no rule reads it.
    pub source: Arc<str>,
}

/// A class of customer, with its promises and its people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tier {
    /// The name the directory uses. 1 to 64 characters.
    pub name: Arc<str>,
    /// `guarded-edf`: at risk once this share of the response target is left, in thousandths.
    pub guard_permille: u32,
    /// `accumulating`: how fast priority grows with the wait, in thousandths.
    pub weight_permille: u32,
    /// `accumulating`: the wait that a ticket of each channel is treated as having had before it came, in
    /// milliseconds.
    pub head_start_ms: [i64; 6],
    /// The response target per channel in milliseconds, in the order of [`Channel::ALL`].
    pub respond_within_ms: [i64; 6],
    /// The solution target per channel in milliseconds, where one is promised.
    pub solve_within_ms: [Option<i64>; 6],
    /// After how long a ticket that nobody has picked up ends by itself, per channel in milliseconds.
    pub expires_after_ms: [Option<i64>; 6],
    /// The longest a ticket may be parked, per channel in milliseconds.
    pub park_max_ms: [i64; 6],
    /// What becomes of tickets that come back again and again; `None` lets them.
    pub requeue_limit: Option<RequeueLimit>,
    /// When its clocks run and how urgency scales the targets.
    pub timing: Timing,
    /// What becomes of this tier, last known of a customer, while the directory is silent.
    pub stale: StaleTier,
    /// The pools that serve the tier from the start.
    pub pools: PoolSet,
    /// More pools after a wait, in order of the wait.
    pub overflow: Vec<Overflow>,
    /// Who calls or chats is offered a callback when the expected wait is longer than this, in
    /// milliseconds; `None` is never.
    pub offer_callback_above_ms: Option<i64>,
    /// How many tickets of the tier may wait on each channel before a submit is refused, in the order of
    /// [`Channel::ALL`]; `None` is as many as the server holds.
    pub queue_max: [Option<u32>; 6],
    /// The channels that it offers.
    pub offering: Offering,
    /// What agents are told of it.
    pub care: Care,
}

/// An overflow step: after this wait, these pools too, or less is required.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overflow {
    /// The wait since the submit, in milliseconds.
    pub after_ms: i64,
    /// All pools that may serve the ticket from then on.
    pub pools: PoolSet,
    /// By how much every level that the ticket requires is lower from then on; none falls below 1.
    pub lower_levels: u8,
    /// All skills that are neither required nor excluded from then on.
    pub drop_skills: SkillSet,
}

/// Staff who serve together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The pool's name. 1 to 64 characters.
    pub name: Arc<str>,
    /// How long an agent of this pool holds a ticket before the lease must be extended, in ms.
    pub lease_ms: i64,
    /// How it offers tickets to agents on a stream.
    pub offer: OfferRule,
    /// Agents kept free: a pair (tier, count) keeps `count` idle agents for that tier and higher.
    pub reserve: Vec<(TierIx, u32)>,
    /// `guarded-edf`: a starving tier's turn takes an agent whom the reserve would keep free. Otherwise
    /// the reserve wins, and lower tiers starve for as long as it does.
    pub floor_over_reserve: bool,
    /// Contacts that we begin fill idle time: tickets of the outbound channel are served only while more
    /// than so many agents are idle, and none of them while the agent might take another ticket. `None`
    /// serves them like any other.
    pub outbound_above: Option<u32>,
    /// Which of several waiting agents gets a ticket of this pool.
    pub choice: AgentChoice,
}

impl Default for Pool {
    /// A pool without a name, as a policy has it that says nothing more of it.
    fn default() -> Self {
        Self {
            name: "".into(),
            lease_ms: 900_000,
            offer: OfferRule::default(),
            reserve: Vec::new(),
            choice: AgentChoice::default(),
            floor_over_reserve: false,
            outbound_above: None,
        }
    }
}

impl Pool {
    /// How many idle agents, the asking one included, must be exceeded before `tier` is served.
    pub fn reserve_against(&self, tier: TierIx) -> u32 {
        self.reserve.iter().filter(|(kept, _)| *kept < tier).map(|(_, n)| *n).max().unwrap_or(0)
    }

    /// The same for a ticket of that channel: one that fills idle time leaves agents idle.
    pub fn kept_against(&self, tier: TierIx, channel: Channel) -> u32 {
        let idle = if self.fills_idle_time(channel) { self.outbound_above } else { None };
        self.reserve_against(tier).max(idle.unwrap_or(0))
    }

    /// Whether tickets of that channel are served in idle time only.
    pub fn fills_idle_time(&self, channel: Channel) -> bool {
        channel == Channel::Outbound && self.outbound_above.is_some()
    }
}

impl Policy {
    /// The tier of that name.
    pub fn tier_named(&self, name: &str) -> Option<TierIx> {
        let at = self.tiers.iter().position(|tier| &*tier.name == name)?;
        Some(TierIx(u8::try_from(at).expect("a policy has at most 64 tiers")))
    }

    /// The pool of that name.
    pub fn pool_named(&self, name: &str) -> Option<PoolIx> {
        let at = self.pools.iter().position(|pool| &*pool.name == name)?;
        Some(PoolIx(u8::try_from(at).expect("a policy has at most 64 pools")))
    }

    /// The skill of that name.
    pub fn skill_named(&self, name: &str) -> Option<SkillIx> {
        let at = self.skills.iter().position(|skill| **skill == *name)?;
        Some(SkillIx(u8::try_from(at).expect("a policy has at most 64 skills")))
    }

    /// The name of the skill at `ix`, which must come from this policy.
    pub fn skill(&self, ix: SkillIx) -> &Arc<str> {
        &self.skills[usize::from(ix.0)]
    }

    /// The tier at `ix`, which must come from this policy.
    pub fn tier(&self, ix: TierIx) -> &Tier {
        &self.tiers[usize::from(ix.0)]
    }

    /// The business hours of a tier's channel; `None` where its clocks always run.
    pub fn hours(&self, tier: TierIx, channel: Channel) -> Option<&Hours> {
        let ix = self.tier(tier).timing.hours[channel.index()]?;
        Some(&self.hours[usize::from(ix.0)])
    }

    /// The pool at `ix`, which must come from this policy.
    pub fn pool(&self, ix: PoolIx) -> &Pool {
        &self.pools[usize::from(ix.0)]
    }
}
