//! Which channels a tier offers, and what a caller is told who comes on another.
//!
//! Only a submit is ever refused, and only when the tier is certain: where the directory was silent the
//! tier may be wrong. A ticket that is there stays, whatever becomes of its tier or its channel.

use super::capacity::ChannelSet;
use super::coding::Standing;
use super::command::Rejection;
use super::deadlines::Promise;
use super::hours::Hours;
use super::model::{Channel, Policy, TierIx, TierSource, Time};
use super::timing::Urgency;

/// The channels that a tier offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offering {
    /// These; at least one.
    pub channels: ChannelSet,
    /// A submit on another channel is taken all the same, and told so.
    pub accepts_others: bool,
}

impl Default for Offering {
    /// Every channel.
    fn default() -> Self {
        Self { channels: ChannelSet::ALL, accepts_others: false }
    }
}

/// A channel that is offered, as it is at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfferedChannel<'a> {
    /// Which.
    pub channel: Channel,
    /// Whether its business hours are open.
    pub open_now: bool,
    /// When they open, if they are closed.
    pub opens_at: Option<Time>,
    /// The name of these hours; `None` where there are none.
    pub hours: Option<&'a str>,
    /// The response target of a ticket of that urgency, in milliseconds of these hours.
    pub respond_within_ms: i64,
    /// When such a ticket, submitted at that instant, would have to be picked up.
    pub respond_by: Time,
}

impl Policy {
    /// Whether that tier, known from there, certainly does not offer the channel.
    pub fn is_not_offered(&self, tier: TierIx, source: TierSource, channel: Channel) -> bool {
        !source.is_unconfirmed() && !self.tier(tier).offering.channels.contains(channel)
    }

    /// What the tier offers at `now` for a ticket of that urgency, in the order of the channels.
    pub fn offered(
        &self,
        tier: TierIx,
        urgency: Urgency,
        now: Time,
    ) -> impl Iterator<Item = OfferedChannel<'_>> {
        self.tier(tier).offering.channels.iter().map(move |channel| {
            let hours = self.hours(tier, channel);
            let promise = Promise { tier, channel, urgency, standing: Standing::Regular };
            let closed = hours.filter(|hours| !hours.is_open(now));
            OfferedChannel {
                channel,
                open_now: closed.is_none(),
                opens_at: closed.map(|hours| hours.opens_at(now)),
                hours: hours.map(Hours::name),
                respond_within_ms: promise.respond_within_ms(self),
                respond_by: promise.deadlines(self, now).0,
            }
        })
    }

    /// Refuses a submit on a channel that its tier does not offer.
    pub(super) fn check_offered(
        &self,
        tier: TierIx,
        source: TierSource,
        channel: Channel,
    ) -> Result<(), Rejection> {
        let refused =
            !self.tier(tier).offering.accepts_others && self.is_not_offered(tier, source, channel);
        if refused { Err(Rejection::ChannelNotOffered { tier, channel }) } else { Ok(()) }
    }
}
