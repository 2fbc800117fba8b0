//! Coding rules and treatments as messages.

use super::ticket::decode_tier;
use super::{Error, narrow, v1};
use crate::engine::coding::Standing;
use crate::engine::coding::rules::{Condition, First, Provisional, Rule, Rules, Test};
use crate::engine::coding::treatment::{Contact, Treatment, Who};
use crate::engine::decimal::Decimal;
use crate::engine::model::{AgentId, PoolSet, TierIx};
use v1::condition::Test as Asked;

/// Absent for a policy that says nothing of it, so that policies of earlier releases keep their bytes.
pub(super) fn encode(rules: &Rules) -> Option<v1::Coding> {
    if *rules == Rules::default() {
        return None;
    }
    let has_treatments = rules.treatments.iter().any(|one| *one != Treatment::default());
    let treatments = rules.treatments.iter().filter(|_| has_treatments);
    let first = match rules.first {
        First::Stored => v1::CodingFirst::Stored,
        First::Rules => v1::CodingFirst::Rules,
    };
    Some(v1::Coding {
        first: first.into(),
        default_tier: rules.default.map(|tier| tier.0.into()),
        tiers: rules.tiers.iter().map(encode_tier_rule).collect(),
        provisional: rules.provisional.as_ref().map(|provisional| v1::Provisional {
            rules: provisional.rules.iter().map(encode_tier_rule).collect(),
            until_orders: provisional.until_orders,
            until_days: provisional.until_days,
        }),
        standings: rules
            .standings
            .iter()
            .map(|rule| v1::CodingRule {
                gives: u32::try_from(rule.gives.index()).expect("there are four"),
                all: rule.all.iter().map(encode_condition).collect(),
            })
            .collect(),
        treatments: treatments.map(encode_treatment).collect(),
    })
}

pub(super) fn decode(coding: Option<v1::Coding>) -> Result<Rules, Error> {
    let Some(coding) = coding else {
        return Ok(Rules::default());
    };
    let first = match v1::CodingFirst::try_from(coding.first) {
        Ok(v1::CodingFirst::Stored) => First::Stored,
        Ok(v1::CodingFirst::Rules) => First::Rules,
        Err(_) => {
            return Err(Error::Unknown { field: "coding.first", value: coding.first.into() });
        }
    };
    let standing = |rule: v1::CodingRule| {
        let unknown = Error::Unknown { field: "standing_rule.gives", value: rule.gives.into() };
        let gives = Standing::ALL.get(rule.gives as usize).copied().ok_or(unknown)?;
        Ok(Rule { gives, all: conditions(rule.all)? })
    };
    let treatments = match coding.treatments.len() {
        0 => Default::default(),
        count => {
            let field = "number of coding.treatments";
            let unknown = Error::Unknown { field, value: count.try_into().unwrap_or(i64::MAX) };
            let read = coding.treatments.into_iter().map(decode_treatment);
            let read: Vec<_> = read.collect::<Result<_, Error>>()?;
            read.try_into().map_err(|_| unknown)?
        }
    };
    Ok(Rules {
        first,
        default: coding
            .default_tier
            .map(|tier| decode_tier(tier, "coding.default_tier"))
            .transpose()?,
        tiers: tier_rules(coding.tiers)?,
        provisional: coding.provisional.map(provisional).transpose()?,
        standings: coding.standings.into_iter().map(standing).collect::<Result<_, Error>>()?,
        treatments,
    })
}

fn provisional(provisional: v1::Provisional) -> Result<Provisional, Error> {
    Ok(Provisional {
        rules: tier_rules(provisional.rules)?,
        until_orders: provisional.until_orders,
        until_days: provisional.until_days,
    })
}

fn encode_tier_rule(rule: &Rule<TierIx>) -> v1::CodingRule {
    let all = rule.all.iter().map(encode_condition).collect();
    v1::CodingRule { gives: rule.gives.0.into(), all }
}

fn tier_rules(rules: Vec<v1::CodingRule>) -> Result<Vec<Rule<TierIx>>, Error> {
    let tier_rule = |rule: v1::CodingRule| {
        let gives = decode_tier(rule.gives, "coding_rule.gives")?;
        Ok(Rule { gives, all: conditions(rule.all)? })
    };
    rules.into_iter().map(tier_rule).collect()
}

fn encode_condition(condition: &Condition) -> v1::Condition {
    let test = match &condition.test {
        Test::AtLeast(least) => Asked::AtLeast(least.thousandths()),
        Test::Below(end) => Asked::Below(end.thousandths()),
        Test::Is(wanted) => Asked::Is((&**wanted).into()),
        Test::IsNot(other) => Asked::IsNot((&**other).into()),
        Test::OneOf(wanted) => {
            Asked::OneOf(v1::Texts { values: wanted.iter().map(|one| (&**one).into()).collect() })
        }
        Test::Present => Asked::Present(true),
        Test::Absent => Asked::Absent(true),
        Test::OlderThan(days) => Asked::OlderThanDays(*days),
        Test::YoungerThan(days) => Asked::YoungerThanDays(*days),
    };
    v1::Condition { attribute: (&*condition.attribute).into(), test: Some(test) }
}

fn conditions(all: Vec<v1::Condition>) -> Result<Vec<Condition>, Error> {
    let number = |thousandths, field| {
        Decimal::from_thousandths(thousandths).ok_or(Error::Unknown { field, value: thousandths })
    };
    let condition = |condition: v1::Condition| {
        let test = match condition.test.ok_or(Error::Missing { field: "condition.test" })? {
            Asked::AtLeast(least) => Test::AtLeast(number(least, "condition.at_least")?),
            Asked::Below(end) => Test::Below(number(end, "condition.below")?),
            Asked::Is(wanted) => Test::Is(wanted.into()),
            Asked::IsNot(other) => Test::IsNot(other.into()),
            Asked::OneOf(texts) => Test::OneOf(texts.values.into_iter().map(Into::into).collect()),
            Asked::Present(_) => Test::Present,
            Asked::Absent(_) => Test::Absent,
            Asked::OlderThanDays(days) => Test::OlderThan(days),
            Asked::YoungerThanDays(days) => Test::YoungerThan(days),
        };
        Ok(Condition { attribute: condition.attribute.into(), test })
    };
    all.into_iter().map(condition).collect()
}

fn encode_treatment(treatment: &Treatment) -> v1::Treatment {
    let contact = treatment.contact.as_ref().map(|contact| v1::Contact {
        agent: match &contact.who {
            Who::Customers => None,
            Who::Named(agent) => Some(agent.as_str().into()),
        },
        wait_ms: contact.wait_ms,
    });
    v1::Treatment {
        scale_permille: treatment.scale_permille,
        lift: treatment.lift.into(),
        pools: treatment.pools.0,
        add_pools: treatment.add_pools.0,
        contact,
    }
}

fn decode_treatment(treatment: v1::Treatment) -> Result<Treatment, Error> {
    let contact = treatment.contact.map(|contact| Contact {
        who: contact.agent.map_or(Who::Customers, |agent| Who::Named(AgentId::new(agent))),
        wait_ms: contact.wait_ms,
    });
    Ok(Treatment {
        scale_permille: treatment.scale_permille,
        lift: narrow(treatment.lift, "treatment.lift")?,
        pools: PoolSet(treatment.pools),
        add_pools: PoolSet(treatment.add_pools),
        contact,
    })
}
