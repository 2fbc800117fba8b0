//! Policies as messages.

use super::coding::{decode_stale, encode_stale};
use super::ticket::{decode_pool, decode_tier};
use super::{Error, contacts, hours, name, narrow, push, rules, supervise, twin, v1};
use crate::engine::capacity::ChannelSet;
use crate::engine::care::Care;
use crate::engine::command::{PolicyChange, PolicyOrigin};
use crate::engine::life::{PARK_MS_DEFAULT, RequeueLimit};
use crate::engine::model::{
    AgentChoice, Channel, Overflow, Policy, Pool, PoolRecord, PoolSet, Rule, Tier,
};
use crate::engine::needs::SkillSet;
use crate::engine::offered::Offering;

twin! {
    encode_choice, decode_choice, AgentChoice, v1::AgentChoice,
    [LeastLoaded, LongestIdle, BestLevel, RoundRobin]
}
twin! {
    encode_rule, decode_rule, Rule, v1::Rule,
    [GuardedEdf, Fifo, StaticPriority, Edf, Accumulating]
}

twin! {
    encode_origin, decode_origin, PolicyOrigin, v1::PolicyOrigin,
    [Start, Reload, Call, Rollback]
}

pub(super) fn encode_change(change: &PolicyChange) -> v1::PolicyChange {
    v1::PolicyChange {
        origin: encode_origin(change.origin),
        by: (&*change.by).into(),
        reason: (&*change.reason).into(),
    }
}

pub(super) fn decode_change(change: v1::PolicyChange) -> Result<PolicyChange, Error> {
    Ok(PolicyChange {
        origin: decode_origin(change.origin, "policy_change.origin")?,
        by: change.by.into(),
        reason: change.reason.into(),
    })
}

pub(super) fn encode(policy: &Policy) -> v1::Policy {
    v1::Policy {
        version: (&*policy.version).into(),
        rule: encode_rule(policy.rule),
        starve_after_permille: policy.starve_after_permille,
        floor_share_permille: policy.floor_share_permille,
        tiers: policy.tiers.iter().map(encode_tier).collect(),
        pools: policy.pools.iter().map(encode_pool).collect(),
        unknown_tier: policy.unknown_tier.0.into(),
        unavailable_tier: policy.unavailable_tier.0.into(),
        retier_later: policy.retier_later,
        coding: rules::encode(&policy.coding),
        source: (&*policy.source).into(),
        channels: push::encode_channels(&policy.channels),
        hours: policy.hours.iter().map(|hours| hours::encode(hours)).collect(),
        skills: policy.skills.iter().map(|skill| (**skill).into()).collect(),
        repeats: contacts::encode_rules(&policy.repeats),
        card_attributes: policy.card_attributes.iter().map(|key| (**key).into()).collect(),
    }
}

pub(super) fn decode(policy: v1::Policy) -> Result<Policy, Error> {
    Ok(Policy {
        version: name(policy.version, "policy.version")?.into(),
        rule: decode_rule(policy.rule, "policy.rule")?,
        starve_after_permille: policy.starve_after_permille,
        floor_share_permille: policy.floor_share_permille,
        tiers: policy.tiers.into_iter().map(tier).collect::<Result<_, _>>()?,
        pools: policy.pools.into_iter().map(pool).collect::<Result<_, _>>()?,
        hours: policy.hours.into_iter().map(hours::decode).collect::<Result<_, _>>()?,
        unknown_tier: decode_tier(policy.unknown_tier, "policy.unknown_tier")?,
        unavailable_tier: decode_tier(policy.unavailable_tier, "policy.unavailable_tier")?,
        retier_later: policy.retier_later,
        coding: rules::decode(policy.coding)?,
        source: policy.source.into(),
        channels: push::decode_channels(policy.channels)?,
        skills: policy.skills.into_iter().map(Into::into).collect(),
        repeats: contacts::decode_rules(policy.repeats)?,
        card_attributes: policy.card_attributes.into_iter().map(Into::into).collect(),
    })
}

fn encode_tier(tier: &Tier) -> v1::Tier {
    v1::Tier {
        name: (&*tier.name).into(),
        guard_permille: tier.guard_permille,
        weight_permille: tier.weight_permille,
        targets: Channel::ALL
            .map(|channel| v1::Target {
                respond_within_ms: tier.respond_within_ms[channel.index()],
                solve_within_ms: tier.solve_within_ms[channel.index()],
                expires_after_ms: tier.expires_after_ms[channel.index()],
                // Absent for the usual, so that policies of earlier releases keep their bytes.
                park_max_ms: Some(tier.park_max_ms[channel.index()])
                    .filter(|ms| *ms != PARK_MS_DEFAULT),
                queue_max: tier.queue_max[channel.index()],
                head_start_ms: tier.head_start_ms[channel.index()],
            })
            .into(),
        requeues_max: tier.requeue_limit.map(|limit| limit.requeues_max),
        dead_letter: tier.requeue_limit.map(|limit| limit.dead_letter.0.into()),
        pools: tier.pools.0,
        stale: encode_stale(tier.stale),
        offer_callback_above_ms: tier.offer_callback_above_ms,
        overflow: tier
            .overflow
            .iter()
            .map(|step| v1::Overflow {
                after_ms: step.after_ms,
                pools: step.pools.0,
                lower_levels: step.lower_levels.into(),
                drop_skills: step.drop_skills.0,
            })
            .collect(),
        hours: hours::encode_of_tier(&tier.timing),
        urgency_permille: hours::encode_urgency_of_tier(&tier.timing),
        escalation: hours::encode_ladder_of_tier(&tier.timing),
        channels: Some(tier.offering.channels)
            .filter(|channels| *channels != ChannelSet::ALL)
            .map(|channels| channels.0.into()),
        accepts_other_channels: tier.offering.accepts_others,
        benefits: tier.care.benefits.iter().map(|benefit| (**benefit).into()).collect(),
        treatment: (&*tier.care.treatment).into(),
    }
}

fn tier(tier: v1::Tier) -> Result<Tier, Error> {
    let found = i64::try_from(tier.targets.len()).unwrap_or(i64::MAX);
    let targets: [v1::Target; Channel::ALL.len()] = tier
        .targets
        .try_into()
        .map_err(|_| Error::Unknown { field: "number of tier.targets", value: found })?;
    Ok(Tier {
        name: name(tier.name, "tier.name")?.into(),
        guard_permille: tier.guard_permille,
        weight_permille: tier.weight_permille,
        head_start_ms: targets.map(|target| target.head_start_ms),
        respond_within_ms: targets.map(|target| target.respond_within_ms),
        solve_within_ms: targets.map(|target| target.solve_within_ms),
        expires_after_ms: targets.map(|target| target.expires_after_ms),
        park_max_ms: targets.map(|target| target.park_max_ms.unwrap_or(PARK_MS_DEFAULT)),
        requeue_limit: match (tier.requeues_max, tier.dead_letter) {
            (Some(requeues_max), Some(pool)) => Some(RequeueLimit {
                requeues_max,
                dead_letter: decode_pool(pool, "tier.dead_letter")?,
            }),
            (None, _) => None,
            (Some(_), None) => return Err(Error::Missing { field: "tier.dead_letter" }),
        },
        timing: hours::decode_timing(&tier.hours, &tier.urgency_permille, tier.escalation)?,
        queue_max: targets.map(|target| target.queue_max),
        offering: Offering {
            channels: match tier.channels {
                None => ChannelSet::ALL,
                Some(channels) => ChannelSet(narrow(channels, "tier.channels")?),
            },
            accepts_others: tier.accepts_other_channels,
        },
        care: Care {
            benefits: tier.benefits.into_iter().map(Into::into).collect(),
            treatment: tier.treatment.into(),
        },
        pools: PoolSet(tier.pools),
        stale: decode_stale(tier.stale)?,
        offer_callback_above_ms: tier.offer_callback_above_ms,
        overflow: tier
            .overflow
            .into_iter()
            .map(|step| {
                Ok(Overflow {
                    after_ms: step.after_ms,
                    pools: PoolSet(step.pools),
                    lower_levels: narrow(step.lower_levels, "overflow.lower_levels")?,
                    drop_skills: SkillSet(step.drop_skills),
                })
            })
            .collect::<Result<_, Error>>()?,
    })
}

fn encode_pool(pool: &Pool) -> v1::Pool {
    v1::Pool {
        name: (&*pool.name).into(),
        lease_ms: pool.lease_ms,
        reserve: pool
            .reserve
            .iter()
            .map(|(tier, count)| v1::Reserve { tier: tier.0.into(), count: *count })
            .collect(),
        offer: push::encode_rule(&pool.offer),
        floor_over_reserve: pool.floor_over_reserve,
        outbound_above: pool.outbound_above,
        choice: encode_choice(pool.choice),
    }
}

fn pool(pool: v1::Pool) -> Result<Pool, Error> {
    let reserve = |kept: v1::Reserve| Ok((decode_tier(kept.tier, "reserve.tier")?, kept.count));
    Ok(Pool {
        name: name(pool.name, "pool.name")?.into(),
        lease_ms: pool.lease_ms,
        offer: push::decode_rule(pool.offer)?,
        reserve: pool.reserve.into_iter().map(reserve).collect::<Result<_, Error>>()?,
        floor_over_reserve: pool.floor_over_reserve,
        outbound_above: pool.outbound_above,
        choice: match pool.choice {
            0 => AgentChoice::LeastLoaded,
            choice => decode_choice(choice, "pool.choice")?,
        },
    })
}

pub(super) fn encode_record(record: &PoolRecord) -> v1::PoolRecord {
    v1::PoolRecord {
        handled_count: record.handled_count,
        mean_handle_us: record.mean_handle_us,
        passed_by: record
            .passed_by
            .iter()
            .map(|(tier, count)| v1::PassedBy { tier: tier.0.into(), count: *count })
            .collect(),
        paused: record.paused.as_deref().map(supervise::encode_pause),
    }
}

pub(super) fn decode_record(record: v1::PoolRecord) -> Result<PoolRecord, Error> {
    Ok(PoolRecord {
        handled_count: record.handled_count,
        mean_handle_us: record.mean_handle_us,
        passed_by: record
            .passed_by
            .into_iter()
            .map(|passed| Ok((decode_tier(passed.tier, "passed_by.tier")?, passed.count)))
            .collect::<Result<_, Error>>()?,
        paused: record.paused.map(|pause| supervise::decode_pause(pause).into()),
    })
}
