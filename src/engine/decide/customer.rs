//! What the directory's answer means: for a ticket that comes, and for one that is here already.

use super::super::Engine;
use super::super::coding::{Found, Known, StaleTier, Standing};
use super::super::command::{Answer, Event, Lookup, Rejection};
use super::super::deadlines::Promise;
use super::super::escalation;
use super::super::model::{TicketId, TierIx, TierSource, Time};
use super::super::wish::needs_after;
use super::Decision;

/// The name of a tier in the policy, and what the ticket will say about its source.
pub(super) struct Coding {
    pub(super) tier: TierIx,
    pub(super) source: TierSource,
    pub(super) age_ms: i64,
    pub(super) found: Option<Box<Found>>,
}

impl Coding {
    pub(super) fn customer_id(&self) -> Option<&str> {
        self.found.as_ref().map(|found| &*found.customer_id)
    }

    pub(super) fn known(&self) -> Option<&Known> {
        self.found.as_ref().map(|found| &found.known).filter(|known| **known != Known::default())
    }

    pub(super) fn standing(&self) -> Standing {
        self.found.as_ref().map_or_else(Standing::default, |found| found.known.standing)
    }
}

impl Engine {
    /// The tier that the directory's answer means under this policy.
    pub(super) fn code(&self, lookup: Lookup) -> Result<Coding, Rejection> {
        let policy = &self.policy;
        let named = |found: Box<Found>, source, age_ms| {
            let known = policy.tier_named(&found.tier);
            Coding {
                tier: known.unwrap_or(policy.unknown_tier),
                // What was said long ago of a tier that is gone is to be asked again.
                source: match known {
                    None if source != TierSource::Stale => TierSource::UnknownTier,
                    None | Some(_) => source,
                },
                age_ms,
                found: Some(found),
            }
        };
        let plain = |tier, source| Coding { tier, source, age_ms: 0, found: None };
        Ok(match lookup {
            Lookup::Found(found) => named(found, TierSource::Found, 0),
            Lookup::Stale { found, age_ms } => {
                let mut coding = named(found, TierSource::Stale, age_ms);
                coding.tier = match policy.tier(coding.tier).stale {
                    StaleTier::Keep => coding.tier,
                    StaleTier::FallBack => policy.unavailable_tier,
                    StaleTier::HoldHigh => coding.tier.min(policy.unavailable_tier),
                };
                coding
            }
            Lookup::UnknownCustomer => plain(policy.unknown_tier, TierSource::UnknownCustomer),
            Lookup::Unavailable => plain(policy.unavailable_tier, TierSource::Unavailable),
            Lookup::Given { tier } => {
                let tier = policy.tier_named(&tier).ok_or(Rejection::TierNotFound)?;
                plain(tier, TierSource::Given)
            }
        })
    }

    /// A correction keeps the wait, and never moves a deadline later than was promised, unless the policy
    /// lets it. A directory that is silent corrects nothing, nor does any a tier that somebody named.
    pub(super) fn decide_retier(
        &self,
        now: Time,
        ticket: &TicketId,
        lookup: Lookup,
    ) -> Result<Decision, Rejection> {
        let live = self.live(ticket, None)?;
        let answer = Answer::Ticket { number: live.number, repeated: false };
        let is_silent = matches!(lookup, Lookup::Stale { .. } | Lookup::Unavailable);
        // Who named the tier, in the submit or since, has the last word.
        if is_silent || live.tier_source == TierSource::Given {
            return Ok(Decision::nothing(answer));
        }
        let coding = self.code(lookup)?;
        let tells_more = live.caller.as_ref().is_some_and(|caller| {
            let tells_id = coding.found.is_some() && coding.customer_id() != caller.customer_id();
            tells_id || coding.known() != caller.known.as_deref()
        });
        // Of a dead letter nothing is asked but its pool.
        let known = coding.known().filter(|_| live.caller.is_some());
        let anew = self.attended_anew(live, known).filter(|_| !live.is_dead_letter());
        let is_same = (coding.tier, coding.source) == (live.tier, live.tier_source);
        if is_same && !tells_more && anew.is_none() {
            return Ok(Decision::nothing(answer));
        }
        let standing = if live.caller.is_some() { coding.standing() } else { Standing::default() };
        let promise = Promise { tier: coding.tier, standing, ..Promise::of(live) };
        let (respond_by, solve_by) = promise.deadlines(&self.policy, live.counts_from());
        let waited_ms = live.waited_ms(now);
        let (overflow_step, routed) =
            Self::route_after(&self.policy, coding.tier, standing, waited_ms);
        let may_move_later = self.policy.retier_later;
        // Another tier's ladder is climbed from its foot.
        let taken = if coding.tier == live.tier { live.escalation_step } else { 0 };
        let pools = if live.has_fixed_route() {
            live.pools
        } else {
            escalation::pools_after(self.policy.tier(coding.tier), taken, routed)
        };
        let needs = if let Some(wish) = &anew {
            self.needs_anew(live, coding.tier, overflow_step, wish, waited_ms)
        } else {
            let wish = live.wish().filter(|_| !live.is_dead_letter());
            needs_after(&self.policy, coding.tier, overflow_step, wish, live.needs.as_ref())
        };
        let event = Event::Retiered {
            ticket: live.number,
            tier: coding.tier,
            source: coding.source,
            was: Some(live.tier),
            // What was missed stays missed, and what was kept stays kept.
            respond_by: match live.picked_up_at {
                Some(_) => live.respond_by,
                None if may_move_later && !live.response_breached => respond_by,
                None => respond_by.min(live.respond_by),
            },
            solve_by: if may_move_later && !live.solution_breached {
                solve_by
            } else {
                live.solve_by.into_iter().chain(solve_by).min()
            },
            overflow_step,
            pools,
            expires_at: Self::expiry(&self.policy, coding.tier, live.channel, live.starts_at()),
            needs,
            wish: anew,
            customer_id: coding.customer_id().map(Into::into),
            known: coding.known().cloned().map(Box::new),
        };
        Ok(Decision::of(event, answer))
    }
}
