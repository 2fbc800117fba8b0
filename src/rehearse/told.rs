//! What callers were told of their wait, and beside it what a moving average would have told them.

use super::report::{ForecastReport, float};
use crate::engine::Engine;
use crate::engine::command::Event;
use crate::engine::model::{Policy, TicketNumber, Time};
use crate::forecast::{Coverage, Forecast, TierCoverage};
use std::collections::HashMap;

/// What was told, and how it came out.
#[derive(Clone, Debug)]
pub struct Told {
    coverage: Coverage,
    averages: Vec<Average>,
    by_average_ms: HashMap<TicketNumber, i64>,
}

/// The wait that a telephone exchange of the usual kind announces: three parts of what it announced
/// before and one of the wait of the caller who was answered last.
#[derive(Clone, Copy, Debug, Default)]
struct Average {
    announced_ms: i64,
    delayed_count: u64,
    square_error_s2: f64,
}

impl Told {
    /// Nobody has been told anything yet, under `policy`.
    pub fn new(policy: &Policy) -> Self {
        Self {
            coverage: Coverage::new(policy),
            averages: vec![Average::default(); policy.tiers.len()],
            by_average_ms: HashMap::new(),
        }
    }

    /// Follows an event that has just been applied.
    pub fn observe(&mut self, after: &Engine, now: Time, event: &Event) {
        let was_told = self.coverage.observe(now, event, after).is_some();
        match event {
            Event::Submitted(submitted) => {
                let ticket = after.ticket_numbered(submitted.number).expect("it was just taken");
                self.coverage.told(now, ticket, &Forecast::of(after, ticket, now));
                let average = self.averages[usize::from(submitted.tier.0)];
                self.by_average_ms.insert(submitted.number, average.announced_ms);
            }
            Event::Cancelled { ticket, .. } | Event::Expired { ticket } => {
                self.by_average_ms.remove(ticket);
            }
            Event::Assigned { ticket, .. } | Event::Accepted { ticket, .. } => {
                let live = after.ticket_numbered(*ticket).expect("it was just picked up");
                let waited_ms = now.since_ms(live.submitted_at);
                let average = &mut self.averages[usize::from(live.tier.0)];
                if let Some(announced_ms) = self.by_average_ms.remove(ticket) {
                    if was_told {
                        average.delayed_count += 1;
                        let off = float(announced_ms.abs_diff(waited_ms)) / 1000.0;
                        average.square_error_s2 += off * off;
                    }
                    average.announced_ms = (3 * average.announced_ms + waited_ms) / 4;
                }
            }
            // Nothing else begins or ends a wait.
            Event::Started
            | Event::WorkOpened { .. }
            | Event::WorkClosed { .. }
            | Event::Offered { .. }
            | Event::Declined { .. }
            | Event::OfferMissed { .. }
            | Event::OfferRevoked { .. }
            | Event::BackOffEnded { .. }
            | Event::PolicyApplied { .. }
            | Event::PoolPaused(_)
            | Event::PoolResumed(_)
            | Event::WrapUpEnded { .. }
            | Event::AgentPut(_)
            | Event::AgentDeleted { .. }
            | Event::PresenceSet { .. }
            | Event::Updated { .. }
            | Event::UrgencySet { .. }
            | Event::Breached { .. }
            | Event::Escalated { .. }
            | Event::Retiered { .. }
            | Event::Intervened(_)
            | Event::Overflowed { .. }
            | Event::Opened { .. }
            | Event::WaitStarted { .. }
            | Event::WaitEnded { .. }
            | Event::Extended { .. }
            | Event::Released { .. }
            | Event::LeaseExpired { .. }
            | Event::Completed { .. }
            | Event::Audited(_)
            | Event::Transferred(_)
            | Event::CallbackRequested { .. }
            | Event::Queued { .. }
            | Event::Parked { .. }
            | Event::Resumed { .. } => {}
        }
    }

    /// How the waits came out that the callers of the tier at this place were told.
    pub fn tier(&self, at: usize) -> &TierCoverage {
        &self.coverage.tiers[at]
    }

    /// The root of the mean square by which the moving average was off, in seconds, for the same callers.
    pub fn average_error_s(&self, at: usize) -> Option<f64> {
        let average = self.averages[at];
        let mean = average.square_error_s2 / float(average.delayed_count);
        (average.delayed_count > 0).then(|| mean.sqrt())
    }

    pub(super) fn report(&self, at: usize) -> Option<ForecastReport> {
        let tier = self.tier(at);
        let [p50, p80, p95] = tier.shares().map(|share| 100.0 * share.unwrap_or(0.0));
        Some(ForecastReport {
            within_p50_percent: p50,
            within_p80_percent: p80,
            within_p95_percent: p95,
            error_s: tier.error_s()?,
            average_error_s: self.average_error_s(at)?,
        })
    }
}
