//! `[channel.*]`: what work on each channel asks of an agent.

use super::channel_names;
use crate::engine::capacity::{ChannelRule, ChannelSet, UNITS_MAX};
use crate::engine::model::Channel;
use crate::engine::wrap_up::WRAP_UP_MS_MAX;
use crate::settings::{Item, Section};

/// The rules of every channel, in the order of [`Channel::ALL`]; faults are noted.
pub(super) fn read(root: &Section<'_>) -> Option<[ChannelRule; 6]> {
    let channels = root.section("channel");
    let mut complete = true;
    let rules = channel_names().map(|name| {
        let section = channels.section(name);
        let rule = rule(&section);
        section.finish();
        complete &= rule.is_some();
        rule.unwrap_or_default()
    });
    channels.finish();
    complete.then_some(rules)
}

fn rule(section: &Section<'_>) -> Option<ChannelRule> {
    let default = ChannelRule::default();
    let cost = section.get("cost").map_or(Some(default.cost), |item| {
        let cost = item.whole(1..=u64::from(UNITS_MAX))?;
        Some(u16::try_from(cost).expect("it is at most 100"))
    });
    let exclusive = section.get("exclusive").map_or(Some(default.exclusive), |item| item.flag());
    let interrupts =
        section.get("interrupts").map_or(Some(default.interrupts), |item| channel_set(&item));
    let wrap_up_ms =
        section.get("wrap_up").map_or(Some(default.wrap_up_ms), |item| item.ms(0..=WRAP_UP_MS_MAX));
    Some(ChannelRule {
        cost: cost?,
        exclusive: exclusive?,
        interrupts: interrupts?,
        wrap_up_ms: wrap_up_ms?,
    })
}

/// The channels that a list names, none twice.
pub(super) fn channel_set(item: &Item<'_>) -> Option<ChannelSet> {
    let known = Channel::ALL.map(|channel| (channel.name(), channel));
    let mut set = ChannelSet::EMPTY;
    let mut complete = true;
    for item in item.list()? {
        match item.choice(&known) {
            Some(channel) if set.contains(channel) => item.fault("is listed twice"),
            Some(channel) => set = set.with(channel),
            None => complete = false,
        }
    }
    complete.then_some(set)
}
