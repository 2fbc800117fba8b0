//! Offers and capacity as messages, and the calls that answer an offer.

use super::Api;
use super::convert::{self, Payload, decision, pool_of, timestamp};
use super::proto::v1 as pb;
use super::status::Fault;
use super::validate::Checks;
use crate::driver::Seen;
use crate::engine::capacity::{ChannelRule, Maxima, UNITS_MAX};
use crate::engine::model::{Assignment, Channel, Policy};

impl Api {
    /// Accepts an offer.
    pub(super) async fn accept_offer_of(
        &self,
        request: &pb::AcceptOfferRequest,
    ) -> Result<pb::Assignment, Fault> {
        let mut checks = Checks::default();
        let ticket = checks.ticket_id(&request.ticket_id);
        let token = checks.token(request.lease_token);
        checks.done()?;
        let accepted = self.handle.accept(ticket, token).await;
        match accepted.map_err(|refused| Fault::refused(refused, &request.ticket_id))? {
            Seen::Live(live) => Ok(self.assignment(&live, false).await),
            Seen::Ended(_) => unreachable!("an accept is answered with the live ticket"),
        }
    }

    /// Declines an offer.
    pub(super) async fn decline_offer_of(
        &self,
        request: &pb::DeclineOfferRequest,
    ) -> Result<pb::Ticket, Fault> {
        let mut checks = Checks::default();
        let ticket = checks.ticket_id(&request.ticket_id);
        let token = checks.token(request.lease_token);
        let reason = checks.reason(&request.reason);
        checks.done()?;
        let declined = self.handle.decline(ticket, token, reason).await;
        let seen = declined.map_err(|refused| Fault::refused(refused, &request.ticket_id))?;
        Ok(convert::ticket(&seen, Payload::LeftOut))
    }
}

/// An offer that waits to be accepted.
pub(super) fn offer(offer: &Assignment, policy: &Policy) -> pb::TicketOffer {
    pb::TicketOffer {
        agent_id: offer.agent.to_string(),
        pool: pool_of(offer, policy),
        offered_at: Some(timestamp(offer.assigned_at)),
        expires_at: Some(timestamp(offer.lease_until)),
        decision: Some(decision(offer)),
    }
}

/// The channels that have a maximum.
pub(super) fn maxima(maxima: &Maxima) -> Vec<pb::ChannelMaximum> {
    let limited = Channel::ALL.into_iter().zip(&maxima.0).filter(|(_, max)| **max < UNITS_MAX);
    let limited = limited.map(|(channel, max)| pb::ChannelMaximum {
        channel: pb::Channel::from(channel).into(),
        max: (*max).into(),
    });
    limited.collect()
}

/// What the policy says of every channel.
pub(super) fn channels(rules: &[ChannelRule]) -> Vec<pb::ChannelPolicy> {
    let rules = Channel::ALL.into_iter().zip(rules).map(|(channel, rule)| pb::ChannelPolicy {
        channel: pb::Channel::from(channel).into(),
        cost: rule.cost.into(),
        exclusive: rule.exclusive,
        interrupts: rule.interrupts.iter().map(|c| pb::Channel::from(c).into()).collect(),
        wrap_up: (rule.wrap_up_ms > 0).then(|| super::convert::duration(rule.wrap_up_ms)),
    });
    rules.collect()
}

impl Checks {
    /// The most tickets at once by channel; a channel that is not named has no maximum.
    pub(super) fn maxima(&mut self, given: &[pb::ChannelMaximum]) -> Maxima {
        let mut maxima = Maxima::default();
        let mut seen = [false; Channel::ALL.len()];
        if given.len() > Channel::ALL.len() {
            let (count, most) = (given.len(), Channel::ALL.len());
            self.fault("maxima", format!("has {count} entries, at most {most} are allowed"));
            return maxima;
        }
        for (at, maximum) in given.iter().enumerate() {
            let field = format!("maxima[{at}].");
            self.inside(&field, |checks| {
                let channel = checks.channel(maximum.channel);
                if matches!(
                    pb::Channel::try_from(maximum.channel),
                    Ok(pb::Channel::Unspecified) | Err(_)
                ) {
                    return;
                }
                if std::mem::replace(&mut seen[channel.index()], true) {
                    checks.fault("channel", format!("{} is named twice", channel.name()));
                }
                match u16::try_from(maximum.max).ok().filter(|max| *max <= UNITS_MAX) {
                    Some(max) => maxima.0[channel.index()] = max,
                    None => checks.fault("max", format!("{} is not 0 to {UNITS_MAX}", maximum.max)),
                }
            });
        }
        maxima
    }
}
