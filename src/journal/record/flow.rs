//! What is learnt of the flow of work as messages.

use super::ticket::{decode_channel, decode_tier, encode_channel};
use super::{Error, v1};
use crate::engine::flow::{Flow, Kind, Waits, Window};
use crate::engine::model::Time;
use std::collections::BTreeMap;

pub(super) fn encode(flow: &Flow) -> v1::Flow {
    let pool = |taken: &BTreeMap<Kind, Window>| v1::PoolFlow {
        taken: taken
            .iter()
            .map(|((tier, channel), window)| v1::Window {
                tier: tier.0.into(),
                channel: encode_channel(*channel),
                since: window.since.0,
                slot: window.slot,
                count: window.count,
                count_before: window.count_before,
            })
            .collect(),
    };
    let waits = flow.waits.iter().map(|((tier, channel), waits)| v1::Waits {
        tier: tier.0.into(),
        channel: encode_channel(*channel),
        waited_ms: waits.waited_ms,
        hung_up_count: waits.hung_up_count,
        last_wait_ms: waits.last_wait_ms,
        last_at: waits.last_at.0,
    });
    v1::Flow { pools: flow.taken.iter().map(pool).collect(), waits: waits.collect() }
}

/// A snapshot made before there was any of this has learnt nothing for its `pool_count` pools.
pub(super) fn decode(flow: Option<v1::Flow>, pool_count: usize) -> Result<Flow, Error> {
    let flow = flow.unwrap_or_default();
    let window = |window: v1::Window| {
        let tier = decode_tier(window.tier, "window.tier")?;
        let channel = decode_channel(window.channel, "window.channel")?;
        let v1::Window { since, slot, count, count_before, .. } = window;
        Ok(((tier, channel), Window { since: Time(since), slot, count, count_before }))
    };
    let pool = |pool: v1::PoolFlow| pool.taken.into_iter().map(window).collect();
    let mut taken = flow.pools.into_iter().map(pool).collect::<Result<Vec<_>, Error>>()?;
    taken.resize_with(pool_count, BTreeMap::new);
    let waits = |waits: v1::Waits| {
        let tier = decode_tier(waits.tier, "waits.tier")?;
        let channel = decode_channel(waits.channel, "waits.channel")?;
        let v1::Waits { waited_ms, hung_up_count, last_wait_ms, last_at, .. } = waits;
        let last_at = Time(last_at);
        Ok(((tier, channel), Waits { waited_ms, hung_up_count, last_wait_ms, last_at }))
    };
    let waits = flow.waits.into_iter().map(waits).collect::<Result<_, Error>>()?;
    Ok(Flow { taken, waits })
}
