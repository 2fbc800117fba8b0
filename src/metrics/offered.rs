//! Submits on channels that their tiers do not offer, refused or taken all the same.

use super::{Counters, Labels};
use crate::engine::Engine;
use crate::engine::command::{Event, Rejection};
use crate::engine::model::{Channel, Tier, TierIx};
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

pub(super) struct Offered(Counters<3>);

impl Offered {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let not_offered = Counters::default();
        registry.register(
            "channel_not_offered",
            "Submits on a channel that their tier does not offer, by whether they were taken all the same",
            Family::clone(&not_offered),
        );
        Self(not_offered)
    }

    /// Counts a submit that `engine` has just taken, if it is one of these.
    pub(super) fn observe(&self, event: &Event, engine: &Engine) {
        if matches!(event, Event::Started | Event::PolicyApplied { .. }) {
            self.begin(engine);
        }
        let Event::Submitted(submitted) = event else { return };
        let (tier, channel) = (submitted.tier, submitted.channel);
        if engine.policy().is_not_offered(tier, submitted.tier_source, channel) {
            self.count(tier, channel, true, engine);
        }
    }

    /// Counts a refusal, if it is one of these.
    pub(super) fn refused(&self, rejection: &Rejection, engine: &Engine) {
        if let Rejection::ChannelNotOffered { tier, channel } = rejection {
            self.count(*tier, *channel, false, engine);
        }
    }

    /// A series from the start, so that the first one is seen as a rise.
    fn begin(&self, engine: &Engine) {
        for tier in &engine.policy().tiers {
            for channel in Channel::ALL {
                self.0.get_or_create_owned(&labels(tier, channel, tier.offering.accepts_others));
            }
        }
    }

    fn count(&self, tier: TierIx, channel: Channel, accepted: bool, engine: &Engine) {
        let tier = engine.policy().tier(tier);
        self.0.get_or_create_owned(&labels(tier, channel, accepted)).inc();
    }
}

fn labels(tier: &Tier, channel: Channel, accepted: bool) -> Labels<3> {
    let accepted = if accepted { "true" } else { "false" };
    [("tier", tier.name.clone()), ("channel", channel.name().into()), ("accepted", accepted.into())]
}
