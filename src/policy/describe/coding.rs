//! How customers are coded, and what their standing does, in words.

use super::{in_ones, names};
use crate::engine::coding::Standing;
use crate::engine::coding::rules::{Condition, First, Rule};
use crate::engine::coding::treatment::{Treatment, Who};
use crate::engine::model::{Policy, TierIx};
use crate::settings::format_ms;
use serde::Serialize;
use std::fmt;

/// How customers are coded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CodingSummary {
    /// What wins: the tier stored with the customer, or the rules.
    pub first: &'static str,
    /// The tier of a known customer whom neither gives one.
    pub default: Option<String>,
    /// What gives a tier, the first that holds.
    pub rules: Vec<RuleSummary>,
    /// What gives a tier to customers without a history, the first that holds.
    pub provisional: Vec<RuleSummary>,
    /// From so many orders a customer has a history.
    pub until_orders: Option<u32>,
    /// From so many days after the first order a customer has a history.
    pub until_days: Option<u32>,
}

/// What gives a tier or a standing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RuleSummary {
    /// The tier or the standing.
    pub gives: String,
    /// What must hold, all of it.
    pub all: Vec<String>,
}

/// What a standing does to the tickets of its customers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StandingSummary {
    /// The standing.
    pub name: &'static str,
    /// What both targets are multiplied by.
    pub scale: f64,
    /// By how many ranks the tier is higher.
    pub lift: u8,
    /// The pools in place of the tier's; none: those stay.
    pub pools: Vec<String>,
    /// Pools that serve beside them.
    pub add_pools: Vec<String>,
    /// The agent's id, or `customer` for the one whom the directory names.
    pub agent: Option<String>,
    /// How long the agent is waited for, in milliseconds; without it nobody else serves.
    pub agent_wait_ms: Option<i64>,
}

/// How a policy codes customers.
pub(super) fn coding(policy: &Policy) -> CodingSummary {
    let rules = &policy.coding;
    let tier = |tier: TierIx| policy.tier(tier).name.to_string();
    let tiers =
        |rules: &[Rule<TierIx>]| rules.iter().map(|rule| told(tier(rule.gives), rule)).collect();
    let provisional = rules.provisional.as_ref();
    CodingSummary {
        first: rules.first.name(),
        default: rules.default.map(tier),
        rules: tiers(&rules.tiers),
        provisional: provisional.map(|provisional| tiers(&provisional.rules)).unwrap_or_default(),
        until_orders: provisional.and_then(|provisional| provisional.until_orders),
        until_days: provisional.and_then(|provisional| provisional.until_days),
    }
}

/// What gives customers their standing.
pub(super) fn standing_rules(policy: &Policy) -> Vec<RuleSummary> {
    let rules = policy.coding.standings.iter();
    rules.map(|rule| told(rule.gives.name().to_owned(), rule)).collect()
}

/// The standings that do something.
pub(super) fn standings(policy: &Policy) -> Vec<StandingSummary> {
    let all = Standing::ALL.into_iter().zip(&policy.coding.treatments);
    let told = all.filter(|(_, treatment)| **treatment != Treatment::default());
    told.map(|(standing, treatment)| StandingSummary {
        name: standing.name(),
        scale: in_ones(treatment.scale_permille),
        lift: treatment.lift,
        pools: names(policy, treatment.pools),
        add_pools: names(policy, treatment.add_pools),
        agent: treatment.contact.as_ref().map(|contact| match &contact.who {
            Who::Customers => "customer".to_owned(),
            Who::Named(agent) => agent.as_str().to_owned(),
        }),
        agent_wait_ms: treatment.contact.as_ref().and_then(|contact| contact.wait_ms),
    })
    .collect()
}

fn told<T>(gives: String, rule: &Rule<T>) -> RuleSummary {
    RuleSummary { gives, all: rule.all.iter().map(Condition::to_string).collect() }
}

impl fmt::Display for RuleSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} when {}", self.gives, self.all.join(" and "))
    }
}

impl fmt::Display for CodingSummary {
    /// Lines; nothing where nothing is coded.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let are_idle = self.rules.is_empty() && self.provisional.is_empty();
        if are_idle && self.default.is_none() {
            return Ok(());
        }
        let second = if self.first == First::Stored.name() {
            "a tier stored with the customer, else the first rule that holds"
        } else {
            "the first rule that holds, else the tier stored with the customer"
        };
        let default = self.default.as_ref().map(|tier| format!(", else {tier}"));
        writeln!(f, "\ncoding: {second}{}", default.unwrap_or_default())?;
        if !self.provisional.is_empty() {
            let orders = self.until_orders.map(|count| format!("{count} orders"));
            let days = self.until_days.map(|days| format!("{days}d since the first"));
            let until: Vec<_> = orders.into_iter().chain(days).collect();
            writeln!(f, "  provisionally, until {}:", until.join(" or "))?;
            for (at, rule) in self.provisional.iter().enumerate() {
                writeln!(f, "    {}. {rule}", at + 1)?;
            }
        }
        for (at, rule) in self.rules.iter().enumerate() {
            writeln!(f, "  {}. {rule}", at + 1)?;
        }
        Ok(())
    }
}

impl fmt::Display for StandingSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut does = vec![];
        if self.scale.to_string() != "1" {
            does.push(format!("targets x {}", self.scale));
        }
        if self.lift > 0 {
            does.push(format!("tier higher by {}", self.lift));
        }
        if !self.pools.is_empty() {
            does.push(format!("pools {} instead of the tier's", self.pools.join(", ")));
        }
        if !self.add_pools.is_empty() {
            does.push(format!("pools {} too", self.add_pools.join(", ")));
        }
        if let Some(agent) = &self.agent {
            let who = if agent == "customer" { "the customer's agent" } else { agent };
            does.push(match self.agent_wait_ms {
                Some(ms) => format!("waits {} for {who}", format_ms(ms)),
                None => format!("only for {who}"),
            });
        }
        write!(f, "standing {}: {}", self.name, does.join(", "))
    }
}
