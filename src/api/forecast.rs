//! What is expected of a waiting ticket, as messages.

use super::convert::{push_pools, timestamp};
use super::proto::v1 as pb;
use crate::engine::model::{Channel, Policy, Ticket, Time};
use crate::forecast::{Basis, Forecast, TOLD_SHARES, TierCoverage, Verdict};

impl From<Basis> for pb::ForecastBasis {
    fn from(basis: Basis) -> Self {
        match basis {
            Basis::Measured => Self::Measured,
            Basis::LastEntered => Self::LastEntered,
            Basis::Assumed => Self::Assumed,
        }
    }
}

impl From<Verdict> for pb::Feasibility {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::OnTime => Self::OnTime,
            Verdict::AtRisk => Self::AtRisk,
            Verdict::LateAlready => Self::LateAlready,
        }
    }
}

/// The forecast for `ticket`, made at `made_at`.
pub(super) fn message(
    made_at: Time,
    forecast: &Forecast,
    ticket: &Ticket,
    policy: &Policy,
) -> pb::Forecast {
    let wait = forecast.wait;
    let basis = wait.map_or(pb::ForecastBasis::Unspecified, |_| forecast.basis.into());
    pb::Forecast {
        made_at: Some(timestamp(made_at)),
        wait_p50_ms: wait.map(|wait| wait.p50_ms),
        wait_p80_ms: wait.map(|wait| wait.p80_ms),
        wait_p95_ms: wait.map(|wait| wait.p95_ms),
        basis: basis.into(),
        feasibility: pb::Feasibility::from(forecast.verdict).into(),
        miss_permille: forecast.miss.map(permille),
        reason: forecast.reason(|text, pools| push_pools(text, policy, pools)),
        ahead_count: forecast.prospect.ahead_count,
        agent_count: forecast.prospect.signed_in_count,
        mean_handle_ms: forecast.prospect.handle_ms,
        callback_offered: is_callback_offered(forecast, ticket, policy),
    }
}

fn is_callback_offered(forecast: &Forecast, ticket: &Ticket, policy: &Policy) -> bool {
    let speaks = matches!(ticket.channel, Channel::Voice | Channel::Chat);
    let above_ms = policy.tier(ticket.tier).offer_callback_above_ms;
    let is_long = |above_ms| forecast.wait.is_none_or(|wait| wait.p80_ms > above_ms);
    speaks && above_ms.is_some_and(is_long)
}

/// How often a tier's forecasts held.
pub(super) fn coverage(coverage: &TierCoverage) -> Vec<pb::ForecastCoverage> {
    let counts = coverage.within_counts.into_iter().zip(coverage.beyond_counts);
    let told = TOLD_SHARES.into_iter().zip(counts);
    told.map(|(percent, (within_count, beyond_count))| pb::ForecastCoverage {
        percent: percent.into(),
        within_count,
        beyond_count,
    })
    .collect()
}

/// By how much a tier's p50 was off, in milliseconds.
pub(super) fn error_ms(coverage: &TierCoverage) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "a cast stops at the ends of the range")]
    let whole = |seconds: f64| (seconds * 1000.0).round() as i64;
    coverage.error_s().map(whole)
}

fn permille(share: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a probability is between 0 and 1"
    )]
    let permille = (share * 1000.0).round() as u32;
    permille
}
