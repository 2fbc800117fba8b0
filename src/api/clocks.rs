//! Clocks, business hours and urgencies become messages, and urgencies are checked.

use super::convert::{pool_names, timestamp};
use super::proto::v1 as pb;
use super::validate::Checks;
use crate::driver::Seen;
use crate::engine::deadlines::{Clock, ClockState};
use crate::engine::escalation::Escalation;
use crate::engine::hours::{Hours, Span};
use crate::engine::model::{Channel, Policy, Tier, Time};
use crate::engine::timing::{Timing, Urgency};
use crate::journal::{FinishedRow, FinishedState};

impl From<Urgency> for pb::Urgency {
    fn from(urgency: Urgency) -> Self {
        match urgency {
            Urgency::Low => Self::Low,
            Urgency::Normal => Self::Normal,
            Urgency::High => Self::High,
            Urgency::Critical => Self::Critical,
        }
    }
}

impl From<ClockState> for pb::ClockState {
    fn from(state: ClockState) -> Self {
        match state {
            ClockState::Running => Self::Running,
            ClockState::Paused => Self::Paused,
            ClockState::Met => Self::Met,
            ClockState::Breached => Self::Breached,
        }
    }
}

impl Checks {
    /// An urgency that must be given.
    pub(super) fn urgency(&mut self, urgency: i32) -> Urgency {
        if urgency == pb::Urgency::Unspecified as i32 {
            self.fault("urgency", "is required");
            return Urgency::Normal;
        }
        self.urgency_or_normal(urgency)
    }

    /// An urgency that is normal unless it is given.
    pub(super) fn urgency_or_normal(&mut self, urgency: i32) -> Urgency {
        match pb::Urgency::try_from(urgency) {
            Ok(pb::Urgency::Low) => Urgency::Low,
            Ok(pb::Urgency::Unspecified | pb::Urgency::Normal) => Urgency::Normal,
            Ok(pb::Urgency::High) => Urgency::High,
            Ok(pb::Urgency::Critical) => Urgency::Critical,
            Err(_) => {
                self.fault("urgency", format!("{urgency} is not a value of Urgency"));
                Urgency::Normal
            }
        }
    }
}

/// A clock of a live ticket.
pub(super) fn shown(clock: &Clock<'_>) -> pb::Clock {
    pb::Clock {
        state: pb::ClockState::from(clock.state).into(),
        due: Some(timestamp(clock.due)),
        remaining_ms: clock.remaining_ms,
        hours: clock.hours.map(Hours::name).unwrap_or_default().to_owned(),
        opens_at: clock.opens_at.map(timestamp),
    }
}

/// The response clock of a ticket of the history.
pub(super) fn response_of(row: &FinishedRow) -> pb::Clock {
    let late = row.picked_up_at.unwrap_or(row.finished_at) > row.respond_by;
    ended(row.respond_by, late, row.picked_up_at.is_some())
}

/// The solution clock of a ticket of the history, if it had one.
pub(super) fn solution_of(row: &FinishedRow) -> Option<pb::Clock> {
    let by = row.solve_by?;
    let late = row.finished_at > by;
    Some(ended(by, late, row.state == FinishedState::Completed))
}

fn ended(due: Time, late: bool, happened: bool) -> pb::Clock {
    let state = match (late, happened) {
        (true, _) => pb::ClockState::Breached,
        (false, true) => pb::ClockState::Met,
        (false, false) => pb::ClockState::Stopped,
    };
    pb::Clock { state: state.into(), due: Some(timestamp(due)), ..pb::Clock::default() }
}

/// What a receipt says of the hours.
#[derive(Default)]
pub(super) struct Opening {
    pub(super) open_now: Option<bool>,
    pub(super) opens_at: Option<prost_types::Timestamp>,
    pub(super) hours: String,
}

/// Whether the hours of a ticket are open at the instant at which it was seen.
pub(super) fn opening(seen: &Seen) -> Opening {
    let Seen::Live(live) = seen else {
        return Opening::default();
    };
    let Some(hours) = live.policy.hours(live.ticket.tier, live.ticket.channel) else {
        return Opening { open_now: Some(true), ..Opening::default() };
    };
    let open_now = hours.is_open(live.at);
    Opening {
        open_now: Some(open_now),
        opens_at: (!open_now).then(|| timestamp(hours.opens_at(live.at))),
        hours: hours.name().to_owned(),
    }
}

/// The hours in which a tier's deadlines of a channel count.
pub(super) fn hours_name(policy: &Policy, tier: &Tier, channel: Channel) -> String {
    let ix = tier.timing.hours[channel.index()];
    ix.map(|ix| policy.hours[usize::from(ix.0)].name().to_owned()).unwrap_or_default()
}

/// What each urgency makes of a tier's deadlines.
pub(super) fn urgencies(timing: &Timing) -> Vec<pb::UrgencyFactor> {
    let factor = |urgency: Urgency| pb::UrgencyFactor {
        urgency: pb::Urgency::from(urgency).into(),
        permille: timing.urgency_permille[urgency.index()],
    };
    Urgency::ALL.map(factor).into()
}

/// The ladder of a tier.
pub(super) fn ladder(policy: &Policy, timing: &Timing) -> Vec<pb::EscalationStep> {
    let name = |pool| policy.pool(pool).name.to_string();
    let step = |step: &Escalation| pb::EscalationStep {
        at_permille: step.at_permille,
        guard_permille: step.guard_permille.map(Into::into),
        pools: pool_names(policy, step.pools),
        hand_to: step.hand_to.map(name).unwrap_or_default(),
        notify: step.notify.as_deref().unwrap_or_default().to_owned(),
    };
    timing.escalation.iter().map(step).collect()
}

/// Business hours as they are at `now`.
pub(super) fn business_hours(hours: &Hours, now: Time) -> pb::BusinessHours {
    let plan = hours.plan();
    let special = plan.special.iter().map(|day| pb::SpecialDay {
        date: day.date(),
        name: day.name.to_string(),
        open: spans(&day.open),
    });
    pb::BusinessHours {
        name: plan.name.to_string(),
        zone: plan.zone.to_string(),
        week: plan.week.iter().map(|day| pb::OpenDay { open: spans(day) }).collect(),
        special_days: special.collect(),
        open_now: hours.is_open(now),
        opens_at: Some(timestamp(hours.opens_at(now))),
    }
}

fn spans(spans: &[Span]) -> Vec<String> {
    spans.iter().map(ToString::to_string).collect()
}
