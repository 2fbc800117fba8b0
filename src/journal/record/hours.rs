//! Business hours, and how a tier measures time, as messages.

use super::ticket::decode_pool;
use super::{Error, name, narrow, text, v1};
use crate::engine::command::Event;
use crate::engine::escalation::{ESCALATIONS_MAX, Escalation};
use crate::engine::hours::{
    Hours, HoursIx, OFFSETS_MAX, Offset, PLANS_MAX, Plan, Span, SpecialDay,
};
use crate::engine::model::{PoolSet, TicketNumber};
use crate::engine::timing::{Timing, Urgency};
use std::sync::Arc;

pub(super) fn encode(hours: &Hours) -> v1::Hours {
    let plan = hours.plan();
    let mut before_s = 0;
    let from_s = plan.offsets.iter().map(|offset| {
        let since_before_s = offset.from_s - before_s;
        before_s = offset.from_s;
        since_before_s
    });
    v1::Hours {
        name: (&*plan.name).into(),
        zone: (&*plan.zone).into(),
        offset_from_s: from_s.collect(),
        offset_ahead_s: plan.offsets.iter().map(|offset| offset.ahead_s).collect(),
        week: plan.week.iter().map(|day| v1::OpenDay { minutes: minutes(day) }).collect(),
        special: plan
            .special
            .iter()
            .map(|day| v1::SpecialDay {
                day: day.day,
                name: (&*day.name).into(),
                minutes: minutes(&day.open),
            })
            .collect(),
    }
}

pub(super) fn decode(hours: v1::Hours) -> Result<Arc<Hours>, Error> {
    let hours_name = name(hours.name, "hours.name")?;
    let unknown = |field, found: usize| Error::Unknown {
        field,
        value: i64::try_from(found).unwrap_or(i64::MAX),
    };
    let offset_count = hours.offset_from_s.len();
    if offset_count != hours.offset_ahead_s.len() || offset_count > OFFSETS_MAX {
        return Err(unknown("number of hours.offset_ahead_s", hours.offset_ahead_s.len()));
    }
    let mut from_s = 0_i64;
    let offsets =
        hours.offset_from_s.iter().zip(&hours.offset_ahead_s).map(|(since_s, ahead_s)| {
            from_s = from_s.saturating_add(*since_s);
            Offset { from_s, ahead_s: *ahead_s }
        });
    let week: Vec<_> =
        hours.week.iter().map(|day| spans(&day.minutes)).collect::<Result<_, _>>()?;
    let plan = Plan {
        name: hours_name.as_str().into(),
        zone: hours.zone.into(),
        offsets: offsets.collect(),
        week: week
            .try_into()
            .map_err(|week: Vec<_>| unknown("number of hours.week", week.len()))?,
        special: hours
            .special
            .into_iter()
            .map(|day| {
                Ok(SpecialDay { day: day.day, name: day.name.into(), open: spans(&day.minutes)? })
            })
            .collect::<Result<_, Error>>()?,
    };
    Hours::new(plan).map(Arc::new).map_err(|fault| Error::Hours { name: hours_name, fault })
}

fn minutes(spans: &[Span]) -> Vec<u32> {
    spans.iter().flat_map(|span| [span.from_minute.into(), span.to_minute.into()]).collect()
}

fn spans(minutes: &[u32]) -> Result<Box<[Span]>, Error> {
    let minute = |value| narrow(value, "hours.minutes");
    minutes
        .chunks(2)
        .map(|pair| match pair {
            [from, to] => Ok(Span { from_minute: minute(*from)?, to_minute: minute(*to)? }),
            _ => Err(Error::Missing { field: "the end of a span in hours.minutes" }),
        })
        .collect()
}

/// Nothing where the clocks of every channel always run.
pub(super) fn encode_of_tier(timing: &Timing) -> Vec<u32> {
    if timing.hours == [None; 6] {
        return Vec::new();
    }
    timing.hours.iter().map(|ix| ix.map_or(0, |ix| u32::from(ix.0) + 1)).collect()
}

/// Nothing where urgency changes nothing.
pub(super) fn encode_urgency_of_tier(timing: &Timing) -> Vec<u32> {
    if timing.urgency_permille == Timing::default().urgency_permille {
        return Vec::new();
    }
    let changed = [Urgency::Low, Urgency::High, Urgency::Critical];
    changed.map(|urgency| timing.urgency_permille[urgency.index()]).into()
}

pub(super) fn encode_ladder_of_tier(timing: &Timing) -> Vec<v1::Escalation> {
    let step = |step: &Escalation| v1::Escalation {
        at_permille: step.at_permille,
        guard_permille: step.guard_permille.map(Into::into),
        pools: step.pools.0,
        hand_to: step.hand_to.map(|pool| pool.0.into()),
        notify: text(step.notify.as_deref()),
    };
    timing.escalation.iter().map(step).collect()
}

fn decode_step(step: v1::Escalation) -> Result<Escalation, Error> {
    Ok(Escalation {
        at_permille: step.at_permille,
        guard_permille: guard(step.guard_permille, "escalation.guard_permille")?,
        pools: PoolSet(step.pools),
        hand_to: step.hand_to.map(|pool| decode_pool(pool, "escalation.hand_to")).transpose()?,
        notify: step.notify.map(Into::into),
    })
}

/// A raised guard, if there is one.
pub(super) fn guard(value: Option<u32>, field: &'static str) -> Result<Option<u16>, Error> {
    value.map(|guard| narrow(guard, field)).transpose()
}

pub(super) fn encode_escalated(event: &Event) -> v1::Escalated {
    let Event::Escalated { ticket, escalation_step, pools, guard_permille, notify } = event else {
        unreachable!("called for this event only")
    };
    v1::Escalated {
        ticket: ticket.0,
        escalation_step: (*escalation_step).into(),
        pools: pools.0,
        guard_permille: guard_permille.map(Into::into),
        notify: text(notify.as_deref()),
    }
}

pub(super) fn decode_escalated(escalated: v1::Escalated) -> Result<Event, Error> {
    Ok(Event::Escalated {
        ticket: TicketNumber(escalated.ticket),
        escalation_step: narrow(escalated.escalation_step, "escalated.escalation_step")?,
        pools: PoolSet(escalated.pools),
        guard_permille: guard(escalated.guard_permille, "escalated.guard_permille")?,
        notify: escalated.notify.map(Into::into),
    })
}

pub(super) fn decode_timing(
    hours: &[u32],
    urgency_permille: &[u32],
    ladder: Vec<v1::Escalation>,
) -> Result<Timing, Error> {
    let mut timing = Timing::default();
    let unknown = |field, value: usize| Error::Unknown {
        field,
        value: i64::try_from(value).unwrap_or(i64::MAX),
    };
    match hours {
        [] => {}
        hours if hours.len() == timing.hours.len() => {
            for (at, place) in hours.iter().enumerate() {
                let ix =
                    place.checked_sub(1).map(|ix| narrow::<u8>(ix, "tier.hours")).transpose()?;
                if ix.is_some_and(|ix| usize::from(ix) >= PLANS_MAX) {
                    return Err(Error::Unknown { field: "tier.hours", value: (*place).into() });
                }
                timing.hours[at] = ix.map(HoursIx);
            }
        }
        hours => return Err(unknown("number of tier.hours", hours.len())),
    }
    match urgency_permille {
        [] => {}
        [low, high, critical] => timing.urgency_permille = [*low, 1000, *high, *critical],
        factors => return Err(unknown("number of tier.urgency_permille", factors.len())),
    }
    if ladder.len() > ESCALATIONS_MAX {
        return Err(unknown("number of tier.escalation", ladder.len()));
    }
    timing.escalation = ladder.into_iter().map(decode_step).collect::<Result<_, _>>()?;
    Ok(timing)
}
