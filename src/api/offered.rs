//! What a tier offers instead of the channel that a caller came on, as messages and as a detail of a status.

use super::convert::{duration, timestamp};
use super::proto::v1 as pb;
use crate::driver::{Receipt, Seen};
use crate::engine::model::{Channel, Policy, TierIx, Time};
use crate::engine::offered::OfferedChannel;
use crate::engine::timing::Urgency;
use prost::Message as _;
use prost_types::Any;
use tonic::Status;
use tonic::codegen::Bytes;
use tonic_types::pb::Status as Details;

/// What names the message among the details of a status.
const TYPE_URL: &str = "type.googleapis.com/tierline.v1.ChannelNotOffered";

impl From<OfferedChannel<'_>> for pb::OfferedChannel {
    fn from(offered: OfferedChannel<'_>) -> Self {
        Self {
            channel: pb::Channel::from(offered.channel).into(),
            open_now: offered.open_now,
            opens_at: offered.opens_at.map(timestamp),
            hours: offered.hours.unwrap_or_default().to_owned(),
            respond_within: Some(duration(offered.respond_within_ms)),
            respond_by: Some(timestamp(offered.respond_by)),
        }
    }
}

/// What the tier offers at `now` instead of `channel`; nothing if a policy has come that lacks the tier.
pub(super) fn instead(
    policy: &Policy,
    tier: TierIx,
    channel: Channel,
    urgency: Urgency,
    now: Time,
) -> Option<pb::ChannelNotOffered> {
    Some(pb::ChannelNotOffered {
        tier: policy.tiers.get(usize::from(tier.0))?.name.to_string(),
        channel: pb::Channel::from(channel).into(),
        offered: policy.offered(tier, urgency, now).map(Into::into).collect(),
    })
}

/// What a receipt says of a ticket that was taken on a channel that its tier does not offer.
pub(super) fn of_receipt(receipt: &Receipt) -> Option<Vec<pb::OfferedChannel>> {
    let Seen::Live(live) = &receipt.seen else { return None };
    let ticket = &live.ticket;
    let policy = &live.policy;
    policy
        .is_not_offered(ticket.tier, ticket.tier_source, ticket.channel)
        .then(|| policy.offered(ticket.tier, ticket.urgency, live.at).map(Into::into).collect())
}

/// The details of a status with one more.
pub(super) fn beside(details: &[u8], not_offered: &pb::ChannelNotOffered) -> Bytes {
    let mut status = Details::decode(details).expect("they have just been encoded");
    let type_url = TYPE_URL.to_owned();
    status.details.push(Any { type_url, value: not_offered.encode_to_vec() });
    status.encode_to_vec().into()
}

/// What is offered instead, if the status is about that.
pub fn of_status(status: &Status) -> Option<pb::ChannelNotOffered> {
    let details = Details::decode(status.details()).ok()?.details;
    let detail = details.into_iter().find(|detail| detail.type_url == TYPE_URL)?;
    pb::ChannelNotOffered::decode(&*detail.value).ok()
}
