//! A policy in the words of the people who answer for it: names instead of indices, shares as
//! written, and the promises that follow from it.

mod coding;
mod text;

pub use coding::{CodingSummary, RuleSummary, StandingSummary};

use super::pools::served_by;
use super::starving::{Starving, starving};
use crate::engine::capacity::ChannelRule;
use crate::engine::escalation::Escalation;
use crate::engine::model::{Channel, Policy, PoolIx, PoolSet, Tier, TierIx};
use serde::Serialize;

/// A policy for people. Prints as plain text tables, serialises for programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Description {
    /// The policy's own name for this version.
    pub version: String,
    /// The dispatch rule.
    pub rule: &'static str,
    /// A head starves after this multiple of its response target.
    pub starve_after: f64,
    /// The share of a pool's dispatches that may serve starving tiers; 0 when there is no floor.
    pub floor_share: f64,
    /// The tier of customers the directory does not know.
    pub unknown: String,
    /// The tier while the directory is silent.
    pub unavailable: String,
    /// Whether a change to a lower tier may move deadlines later.
    pub retier_later: bool,
    /// What agents can and tickets may ask for.
    pub skills: Vec<String>,
    /// The tiers, highest first.
    pub tiers: Vec<TierSummary>,
    /// The pools in the policy's order.
    pub pools: Vec<PoolSummary>,
    /// The channels whose work asks more of an agent than one unit.
    pub channels: Vec<ChannelSummary>,
    /// What gives customers their tier.
    pub coding: CodingSummary,
    /// What gives customers their standing, the first that holds.
    pub standing_rules: Vec<RuleSummary>,
    /// The standings that change how tickets are served.
    pub standings: Vec<StandingSummary>,
    /// What is made of repeat contacts.
    pub repeats: RepeatsSummary,
    /// The attributes of customers that cards show.
    pub card_attributes: Vec<String>,
}

/// What work on a channel asks of an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelSummary {
    /// The channel.
    pub channel: &'static str,
    /// The units that one ticket uses.
    pub cost: u16,
    /// Nothing else is begun beside it.
    pub exclusive: bool,
    /// The channels whose work it may interrupt.
    pub interrupts: Vec<&'static str>,
    /// How long its units stay in use after a completion, in milliseconds.
    pub wrap_up_ms: i64,
}

/// What is made of repeat contacts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RepeatsSummary {
    /// How long a contact counts, in milliseconds.
    pub window_ms: i64,
    /// From so many contacts on they are a fault of the process.
    pub threshold: Option<u32>,
    /// The only pool that serves them from then on.
    pub pool: Option<String>,
}

/// A tier for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TierSummary {
    /// The place in the order of tiers, 1 is the highest.
    pub rank: usize,
    /// The name the directory uses.
    pub name: String,
    /// The share of the response target that is left when a ticket is at risk.
    pub guard: f64,
    /// How fast priority grows with the wait under the rule `accumulating`.
    pub weight: f64,
    /// The wait that a ticket of each channel is treated as having had when it comes, in milliseconds, under
    /// the rule `accumulating`.
    pub head_start_ms: [i64; 6],
    /// The response target of each channel in milliseconds, in the order of [`Channel::ALL`].
    pub respond_within_ms: [i64; 6],
    /// The solution target of each channel in milliseconds, where one is promised.
    pub solve_within_ms: [Option<i64>; 6],
    /// How many tickets may wait on each channel, where the policy limits it.
    pub queue_max: [Option<u32>; 6],
    /// The channels that it offers.
    pub channels: Vec<&'static str>,
    /// What becomes of a submit on another: `refuse` or `accept`.
    pub not_offered: &'static str,
    /// What its customers are granted, for agents to read.
    pub benefits: Vec<String>,
    /// How its customers are to be treated, for agents to read.
    pub treatment: String,
    /// After how long a ticket that nobody has picked up ends by itself on each channel, in milliseconds,
    /// where it does.
    pub expires_after_ms: [Option<i64>; 6],
    /// The longest that a ticket may be parked on each channel, in milliseconds.
    pub park_max_ms: [i64; 6],
    /// The business hours in which the clocks of each channel run; they always run where there are none.
    pub hours: [Option<String>; 6],
    /// What each urgency makes of both targets, the least urgent first: low, normal, high, critical.
    pub urgency: [f64; 4],
    /// What happens to a ticket that nobody picks up, in order.
    pub escalation: Vec<EscalationStep>,
    /// How many times a ticket may come back from agents, where the policy limits it.
    pub requeues_max: Option<u32>,
    /// The pool that serves what came back more often.
    pub dead_letter: Option<String>,
    /// The pools that serve from the start.
    pub pools: Vec<String>,
    /// The pools that are added later.
    pub overflow: Vec<OverflowStep>,
    /// The expected wait above which callers and chatters are offered a callback, in milliseconds.
    pub offer_callback_above_ms: Option<i64>,
    /// What becomes of the tier, last known of a customer, while the directory is silent.
    pub stale: &'static str,
    /// What the floor promises the tier in each pool that may serve it.
    pub starving: Vec<Starving>,
}

/// Pools that are added after a wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OverflowStep {
    /// The wait in milliseconds.
    pub after_ms: i64,
    /// The pools that this step adds.
    pub pools: Vec<String>,
    /// By how much the levels required are lower from then on, in all.
    pub lower_levels: u8,
    /// The skills that are asked for no more from then on, in all.
    pub drop_skills: Vec<String>,
}

/// A step of a tier's ladder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EscalationStep {
    /// The share of the time to the response deadline after which it is taken; 1 is the deadline.
    pub at: f64,
    /// The guard from then on, if it changes.
    pub guard: Option<f64>,
    /// The pools that are added.
    pub pools: Vec<String>,
    /// The only pool from then on, with those that later steps add.
    pub hand_to: Option<String>,
    /// Who is named in the event.
    pub notify: Option<String>,
}

/// A pool for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PoolSummary {
    /// The pool's name.
    pub name: String,
    /// How long a lease lasts, in milliseconds.
    pub lease_ms: i64,
    /// Which of several waiting agents gets a ticket.
    pub choice: &'static str,
    /// How long an agent may take to accept an offer, in milliseconds.
    pub offer_ms: i64,
    /// How long a ticket is kept from an agent who declined or missed it: at first, and at most after
    /// doubling each time, in milliseconds.
    pub back_off_ms: [i64; 2],
    /// Offers missed in a row after which an agent is set away.
    pub misses_max: u16,
    /// To how many agents a ticket is offered at once.
    pub offer_to: u8,
    /// The agents kept free.
    pub reserve: Vec<Reserve>,
    /// Outbound tickets are served while more than so many agents are idle and nothing else may be taken.
    pub outbound_above: Option<u32>,
    /// The tiers it may serve at some time, highest first.
    pub tiers: Vec<String>,
    /// `guarded-edf`: within this many dispatches of the pool the head of a starving tier is taken if every
    /// tier of the pool starves, unless a reserve keeps the pool from it; `None` without a floor.
    pub starving_head_taken_within: Option<u64>,
}

/// Agents of a pool kept free for a tier and those above it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reserve {
    /// The tier.
    pub tier: String,
    /// How many agents.
    pub agents: u32,
}

/// The policy in the words of people.
pub fn describe(policy: &Policy) -> Description {
    let tiers = policy.tiers.iter().enumerate().map(|(at, tier)| {
        let mut so_far = tier.pools;
        let overflow = tier.overflow.iter().map(|step| {
            let added = step.pools.iter().filter(|pool| !so_far.contains(*pool));
            let pools = names(policy, PoolSet::of(added));
            so_far = step.pools;
            let dropped = step.drop_skills.iter().map(|skill| policy.skill(skill).to_string());
            let (after_ms, lower_levels) = (step.after_ms, step.lower_levels);
            OverflowStep { after_ms, pools, lower_levels, drop_skills: dropped.collect() }
        });
        TierSummary {
            rank: at + 1,
            name: tier.name.to_string(),
            guard: in_ones(tier.guard_permille),
            weight: in_ones(tier.weight_permille),
            head_start_ms: tier.head_start_ms,
            respond_within_ms: tier.respond_within_ms,
            solve_within_ms: tier.solve_within_ms,
            queue_max: tier.queue_max,
            channels: tier.offering.channels.iter().map(Channel::name).collect(),
            benefits: tier.care.benefits.iter().map(ToString::to_string).collect(),
            treatment: tier.care.treatment.to_string(),
            not_offered: if tier.offering.accepts_others { "accept" } else { "refuse" },
            expires_after_ms: tier.expires_after_ms,
            park_max_ms: tier.park_max_ms,
            hours: tier
                .timing
                .hours
                .map(|ix| ix.map(|ix| policy.hours[usize::from(ix.0)].name().to_owned())),
            urgency: tier.timing.urgency_permille.map(in_ones),
            escalation: ladder(policy, tier),
            requeues_max: tier.requeue_limit.map(|limit| limit.requeues_max),
            dead_letter: tier
                .requeue_limit
                .map(|limit| policy.pool(limit.dead_letter).name.to_string()),
            pools: names(policy, tier.pools),
            overflow: overflow.collect(),
            offer_callback_above_ms: tier.offer_callback_above_ms,
            stale: tier.stale.name(),
            starving: starving(policy, TierIx(super::index(at))),
        }
    });
    let pools = (0..policy.pools.len()).map(|at| describe_pool(policy, PoolIx(super::index(at))));
    let repeats = &policy.repeats;
    Description {
        version: policy.version.to_string(),
        rule: policy.rule.name(),
        starve_after: in_ones(policy.starve_after_permille),
        floor_share: in_ones(policy.floor_share_permille),
        unknown: policy.tier(policy.unknown_tier).name.to_string(),
        unavailable: policy.tier(policy.unavailable_tier).name.to_string(),
        retier_later: policy.retier_later,
        skills: policy.skills.iter().map(ToString::to_string).collect(),
        tiers: tiers.collect(),
        pools: pools.collect(),
        channels: channels(policy),
        coding: coding::coding(policy),
        standing_rules: coding::standing_rules(policy),
        standings: coding::standings(policy),
        card_attributes: policy.card_attributes.iter().map(ToString::to_string).collect(),
        repeats: RepeatsSummary {
            window_ms: repeats.window_ms,
            threshold: repeats.threshold,
            pool: repeats.pool.map(|pool| policy.pool(pool).name.to_string()),
        },
    }
}

fn ladder(policy: &Policy, tier: &Tier) -> Vec<EscalationStep> {
    let step = |step: &Escalation| EscalationStep {
        at: in_ones(step.at_permille),
        guard: step.guard_permille.map(|guard| in_ones(guard.into())),
        pools: names(policy, step.pools),
        hand_to: step.hand_to.map(|pool| policy.pool(pool).name.to_string()),
        notify: step.notify.as_deref().map(ToOwned::to_owned),
    };
    tier.timing.escalation.iter().map(step).collect()
}

fn channels(policy: &Policy) -> Vec<ChannelSummary> {
    let rules = Channel::ALL.into_iter().zip(&policy.channels);
    let told = rules.filter(|(_, rule)| **rule != ChannelRule::default());
    let summary = |(channel, rule): (Channel, &ChannelRule)| ChannelSummary {
        channel: channel.name(),
        cost: rule.cost,
        exclusive: rule.exclusive,
        interrupts: rule.interrupts.iter().map(Channel::name).collect(),
        wrap_up_ms: rule.wrap_up_ms,
    };
    told.map(summary).collect()
}

fn describe_pool(policy: &Policy, ix: PoolIx) -> PoolSummary {
    let pool = policy.pool(ix);
    // The pool for repeat contacts serves every tier.
    let for_repeats = policy.repeats.pool == Some(ix);
    let served = policy.tiers.iter().filter(|tier| for_repeats || served_by(tier).contains(ix));
    let tiers: Vec<_> = served.map(|tier| tier.name.to_string()).collect();
    let reserve = pool.reserve.iter().map(|(tier, agents)| Reserve {
        tier: policy.tier(*tier).name.to_string(),
        agents: *agents,
    });
    PoolSummary {
        name: pool.name.to_string(),
        lease_ms: pool.lease_ms,
        choice: pool.choice.name(),
        offer_ms: pool.offer.offer_ms,
        back_off_ms: [pool.offer.back_off_first_ms, pool.offer.back_off_max_ms],
        misses_max: pool.offer.misses_max,
        offer_to: pool.offer.offer_to,
        reserve: reserve.collect(),
        outbound_above: pool.outbound_above,
        starving_head_taken_within: super::starving::bound(policy, tiers.len()),
        tiers,
    }
}

fn names(policy: &Policy, pools: PoolSet) -> Vec<String> {
    pools.iter().map(|pool| policy.pool(pool).name.to_string()).collect()
}

fn in_ones(permille: u32) -> f64 {
    f64::from(permille) / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
version = "v1"
skills = ["french", "trainee"]
[dispatch]
floor_share = 0.15
[[tier]]
name = "gold"
rank = 1
pools = ["desk"]
overflow = [{ after = "10s", pools = ["backup"] }, { after = "40s", pools = ["desk", "field"], lower_levels = 2, drop_skills = ["trainee"] }]
respond_within = { default = "1h", voice = "15s" }
solve_within = { email = "1d" }
[[tier]]
name = "standard"
rank = 2
guard = 0.5
pools = ["desk"]
respond_within = { default = "8h" }
[[pool]]
name = "desk"
reserve = { gold = 2 }
[[pool]]
name = "backup"
lease = "1h"
[[pool]]
name = "field"
choice = "longest-idle"
"#;

    fn described(text: &str) -> Description {
        let (policy, warnings) = crate::policy::parse("p.toml", text).expect("the policy is sound");
        assert_eq!(warnings, []);
        describe(&policy)
    }

    #[test]
    fn a_policy_is_described_in_tables() {
        insta::assert_snapshot!(described(POLICY), @r"
        policy v1, rule guarded-edf
        unknown customers: standard; while the directory is silent: standard
        skills: french, trainee
        starving after 2 x the response target; floor 0.15 of a pool's dispatches

        rank  tier      promise  voice  chat  email  web  callback  outbound  guard  weight  pools
        1     gold      respond  15s    1h    1h     1h   1h        1h        0.25   1       desk, backup after 10s, field, levels -2, no matter trainee after 40s
                        solve    -      -     1d     -    -         -
        2     standard  respond  8h     8h    8h     8h   8h        8h        0.5    1       desk

        pool    lease  offer  again after  away after  reserve     chooses       serves          starving head within
        desk    15m    20s    10s to 5m    3 missed    2 for gold  least-loaded  gold, standard  14 dispatches
        backup  1h     20s    10s to 5m    3 missed    -           least-loaded  gold            7 dispatches
        field   15m    20s    10s to 5m    3 missed    -           longest-idle  gold            7 dispatches

        tier      pool    a starving ticket
        gold      desk    is taken within 14 dispatches of its pool
        gold      backup  is taken within 7 dispatches of its pool
        gold      field   is taken within 7 dispatches of its pool
        standard  desk    has no bound: the reserve of pool desk wins over the floor
        ");
    }

    #[test]
    fn what_few_tiers_have_is_told_in_rows_and_lines_of_its_own() {
        let more = r#"
expires_after = { chat = "1d" }
park_max = { default = "3d", email = "10d" }
hours = { email = "office" }
urgency = { low = 2.0, critical = 0.25 }
requeues_max = 10
dead_letter = "backup"
escalation = [
    { at = 0.5, guard = 1.0, pools = ["backup"], notify = "lead" },
    { at = 2, hand_to = "field" },
]
[[hours]]
name = "office"
zone = "Europe/Berlin"
mon = ["09:00-17:00"]
[[pool]]
name = "desk""#;
        let text = POLICY.replacen("guard = 0.5", "guard = 0.5\nqueue_max = { chat = 20 }", 1);
        let (tiers, pools) = text.split_once("[[pool]]\nname = \"desk\"").expect("it has pools");
        let told = described(&format!("{tiers}{more}{pools}")).to_string();
        let (_, table) = told.split_once("2     standard").expect("the second tier is told");
        let (table, _) = table.split_once("\n\n").expect("an empty line ends the table");
        insta::assert_snapshot!(table, @r"
          respond     8h     8h    8h      8h   8h        8h        0.5    1       desk
                        at most     -      20    -       -    -         -
                        ends after  -      1d    -       -    -         -
                        parks for   3d     3d    10d     3d   3d        3d
                        hours       -      -     office  -    -         -
        standard: urgency scales both targets: low x 2, critical x 0.25
        standard: at 0.5 of the response target, backup too, guard 1, tells lead
        standard: at 2 of the response target, handed to field
        standard: what came back more than 10 times is for pool backup only
        ");
    }

    #[test]
    fn without_a_floor_nothing_is_promised_to_lower_tiers() {
        let description = described(&POLICY.replace("0.15", "0"));
        assert!(description.to_string().contains("no floor: lower tiers may starve"));
        let within = |pool: &PoolSummary| pool.starving_head_taken_within;
        assert_eq!(description.pools.iter().filter_map(within).count(), 0);
    }

    #[test]
    fn channels_that_ask_for_more_than_a_unit_are_told() {
        let channels = "[channel.voice]\ncost = 4\nexclusive = true\n\
                        interrupts = [\"chat\", \"email\"]\nwrap_up = \"30s\"\n[[tier]]";
        let text = described(&POLICY.replacen("[[tier]]", channels, 1)).to_string();
        let told = "voice costs 4 units, nothing else beside it, interrupts chat, email, \
                    wrap-up 30s";
        assert!(text.ends_with(&format!("\n\n{told}\n")), "{text}");
    }

    #[test]
    fn programs_read_the_same_with_units_in_the_names() {
        let json = serde_json::to_value(described(POLICY)).expect("a description is plain data");
        assert_eq!(json["tiers"][0]["respond_within_ms"][0], 15_000);
        assert_eq!(json["tiers"][0]["overflow"][1]["pools"], serde_json::json!(["field"]));
        assert_eq!(json["pools"][0]["starving_head_taken_within"], 14);
        assert_eq!(json["pools"][0]["reserve"][0]["agents"], 2);
    }
}
