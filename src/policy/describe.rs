//! A policy in the words of the people who answer for it: names instead of indices, shares as
//! written, and the promises that follow from it.

use super::pools::served_by;
use super::starving::{Starving, starving};
use crate::engine::capacity::ChannelRule;
use crate::engine::model::{Channel, Policy, PoolIx, PoolSet, TierIx};
use crate::settings::format_ms;
use serde::Serialize;
use std::fmt;

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
    /// What agents can and tickets may ask for.
    pub skills: Vec<String>,
    /// The tiers, highest first.
    pub tiers: Vec<TierSummary>,
    /// The pools in the policy's order.
    pub pools: Vec<PoolSummary>,
    /// The channels whose work asks more of an agent than one unit.
    pub channels: Vec<ChannelSummary>,
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

impl fmt::Display for ChannelSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = if self.cost == 1 { "unit" } else { "units" };
        write!(f, "{} costs {} {units}", self.channel, self.cost)?;
        if self.exclusive {
            write!(f, ", nothing else beside it")?;
        }
        if !self.interrupts.is_empty() {
            write!(f, ", interrupts {}", self.interrupts.join(", "))?;
        }
        if self.wrap_up_ms > 0 {
            write!(f, ", wrap-up {}", format_ms(self.wrap_up_ms))?;
        }
        Ok(())
    }
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
    /// The response target of each channel in milliseconds, in the order of [`Channel::ALL`].
    pub respond_within_ms: [i64; 6],
    /// The solution target of each channel in milliseconds, where one is promised.
    pub solve_within_ms: [Option<i64>; 6],
    /// How many tickets may wait on each channel, where the policy limits it.
    pub queue_max: [Option<u32>; 6],
    /// The pools that serve from the start.
    pub pools: Vec<String>,
    /// The pools that are added later.
    pub overflow: Vec<OverflowStep>,
    /// The expected wait above which callers and chatters are offered a callback, in milliseconds.
    pub offer_callback_above_ms: Option<i64>,
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

/// A pool for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PoolSummary {
    /// The pool's name.
    pub name: String,
    /// How long a lease lasts, in milliseconds.
    pub lease_ms: i64,
    /// Which of several waiting agents gets a ticket.
    pub choice: &'static str,
    /// The agents kept free.
    pub reserve: Vec<Reserve>,
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
            respond_within_ms: tier.respond_within_ms,
            solve_within_ms: tier.solve_within_ms,
            queue_max: tier.queue_max,
            pools: names(policy, tier.pools),
            overflow: overflow.collect(),
            offer_callback_above_ms: tier.offer_callback_above_ms,
            starving: starving(policy, TierIx(super::index(at))),
        }
    });
    let pools = (0..policy.pools.len()).map(|at| describe_pool(policy, PoolIx(super::index(at))));
    Description {
        version: policy.version.to_string(),
        rule: policy.rule.name(),
        starve_after: in_ones(policy.starve_after_permille),
        floor_share: in_ones(policy.floor_share_permille),
        unknown: policy.tier(policy.unknown_tier).name.to_string(),
        unavailable: policy.tier(policy.unavailable_tier).name.to_string(),
        skills: policy.skills.iter().map(ToString::to_string).collect(),
        tiers: tiers.collect(),
        pools: pools.collect(),
        channels: channels(policy),
    }
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
    let served = policy.tiers.iter().filter(|tier| served_by(tier).contains(ix));
    let tiers: Vec<_> = served.map(|tier| tier.name.to_string()).collect();
    let reserve = pool.reserve.iter().map(|(tier, agents)| Reserve {
        tier: policy.tier(*tier).name.to_string(),
        agents: *agents,
    });
    PoolSummary {
        name: pool.name.to_string(),
        lease_ms: pool.lease_ms,
        choice: pool.choice.name(),
        reserve: reserve.collect(),
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

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "policy {}, rule {}", self.version, self.rule)?;
        writeln!(
            f,
            "unknown customers: {}; while the directory is silent: {}",
            self.unknown, self.unavailable
        )?;
        if !self.skills.is_empty() {
            writeln!(f, "skills: {}", self.skills.join(", "))?;
        }
        if self.floor_share > 0.0 {
            writeln!(
                f,
                "starving after {} x the response target; floor {} of a pool's dispatches",
                self.starve_after, self.floor_share
            )?;
        } else {
            writeln!(f, "no floor: lower tiers may starve")?;
        }
        let channels = Channel::ALL.map(Channel::name);
        let head = ["rank", "tier", "promise"].into_iter().chain(channels);
        let mut table = vec![head.chain(["guard", "weight", "pools"]).map(str::to_owned).collect()];
        for tier in &self.tiers {
            table.extend(tier.rows());
        }
        write_table(f, &table)?;
        for tier in &self.tiers {
            if let Some(above_ms) = tier.offer_callback_above_ms {
                let above = format_ms(above_ms);
                writeln!(
                    f,
                    "{}: callers are offered a callback above an expected {above}",
                    tier.name
                )?;
            }
        }
        let head = ["pool", "lease", "reserve", "chooses", "serves", "starving head within"];
        let mut table = vec![head.map(str::to_owned).to_vec()];
        table.extend(self.pools.iter().map(PoolSummary::row));
        write_table(f, &table)?;
        let mut table = vec![["tier", "pool", "a starving ticket"].map(str::to_owned).to_vec()];
        for tier in &self.tiers {
            let row =
                |bound: &Starving| vec![tier.name.clone(), bound.pool.clone(), bound.to_string()];
            table.extend(tier.starving.iter().map(row));
        }
        write_table(f, &table)?;
        for (at, channel) in self.channels.iter().enumerate() {
            if at == 0 {
                writeln!(f)?;
            }
            writeln!(f, "{channel}")?;
        }
        Ok(())
    }
}

impl TierSummary {
    /// A row for the response, and one for the solution if any is promised.
    fn rows(&self) -> Vec<Vec<String>> {
        let overflow = self
            .overflow
            .iter()
            .map(|step| format!(", {} after {}", step.added(), format_ms(step.after_ms)));
        let mut respond = vec![self.rank.to_string(), self.name.clone(), "respond".to_owned()];
        respond.extend(self.respond_within_ms.map(format_ms));
        respond.extend([
            self.guard.to_string(),
            self.weight.to_string(),
            self.pools.join(", ") + &overflow.collect::<String>(),
        ]);
        let mut rows = vec![respond];
        if self.solve_within_ms.iter().any(Option::is_some) {
            let mut solve = vec![String::new(), String::new(), "solve".to_owned()];
            let target = |ms: Option<i64>| ms.map_or_else(|| "-".to_owned(), format_ms);
            solve.extend(self.solve_within_ms.map(target));
            rows.push(solve);
        }
        if self.queue_max.iter().any(Option::is_some) {
            let mut most = vec![String::new(), String::new(), "at most".to_owned()];
            let count = |max: Option<u32>| max.map_or_else(|| "-".to_owned(), |n| n.to_string());
            most.extend(self.queue_max.map(count));
            rows.push(most);
        }
        rows
    }
}

impl OverflowStep {
    /// What holds from this step on, in words.
    fn added(&self) -> String {
        let mut words = self.pools.clone();
        if self.lower_levels > 0 {
            words.push(format!("levels -{}", self.lower_levels));
        }
        words.extend(self.drop_skills.iter().map(|skill| format!("no matter {skill}")));
        words.join(", ")
    }
}

impl PoolSummary {
    fn row(&self) -> Vec<String> {
        let reserve = self.reserve.iter().map(|kept| format!("{} for {}", kept.agents, kept.tier));
        let or_dash = |text: String| {
            if text.is_empty() { "-".to_owned() } else { text }
        };
        vec![
            self.name.clone(),
            format_ms(self.lease_ms),
            or_dash(reserve.collect::<Vec<_>>().join(", ")),
            self.choice.to_owned(),
            or_dash(self.tiers.join(", ")),
            self.starving_head_taken_within
                .map_or_else(|| "no floor".to_owned(), |count| format!("{count} dispatches")),
        ]
    }
}

/// Columns as wide as their widest cell, two spaces apart, after an empty line.
fn write_table(f: &mut fmt::Formatter<'_>, rows: &[Vec<String>]) -> fmt::Result {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    writeln!(f)?;
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
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

        pool    lease  reserve     chooses       serves          starving head within
        desk    15m    2 for gold  least-loaded  gold, standard  14 dispatches
        backup  1h     -           least-loaded  gold            7 dispatches
        field   15m    -           longest-idle  gold            7 dispatches

        tier      pool    a starving ticket
        gold      desk    is taken within 14 dispatches of its pool
        gold      backup  is taken within 7 dispatches of its pool
        gold      field   is taken within 7 dispatches of its pool
        standard  desk    has no bound: the reserve of pool desk wins over the floor
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
