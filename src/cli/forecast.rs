//! What is expected of a waiting ticket, for people and for programs.

use super::table::Facts;
use super::{humane, words};
use crate::api::proto::v1;
use serde::Serialize;

/// A forecast for programs.
#[derive(Debug, Serialize)]
pub(crate) struct Forecast {
    wait_p50_ms: Option<i64>,
    wait_p80_ms: Option<i64>,
    wait_p95_ms: Option<i64>,
    basis: Option<String>,
    feasibility: String,
    miss_permille: Option<u32>,
    reason: String,
    ahead_count: u64,
    agent_count: u32,
    mean_handle_ms: i64,
    callback_offered: bool,
}

impl From<v1::Forecast> for Forecast {
    fn from(forecast: v1::Forecast) -> Self {
        Self {
            wait_p50_ms: forecast.wait_p50_ms,
            wait_p80_ms: forecast.wait_p80_ms,
            wait_p95_ms: forecast.wait_p95_ms,
            basis: forecast.wait_p50_ms.map(|_| words::forecast_basis(forecast.basis)),
            feasibility: words::feasibility(forecast.feasibility),
            miss_permille: forecast.miss_permille,
            reason: forecast.reason,
            ahead_count: forecast.ahead_count,
            agent_count: forecast.agent_count,
            mean_handle_ms: forecast.mean_handle_ms,
            callback_offered: forecast.callback_offered,
        }
    }
}

impl Forecast {
    /// Adds what people want to know.
    pub(crate) fn tell(&self, facts: &mut Facts) {
        facts.add("expected wait", self.wait());
        let miss = self.miss_permille.map_or_else(String::new, |permille| {
            format!(", missed with {}.{} %", permille / 10, permille % 10)
        });
        facts.add("deadline", format!("{}{miss}: {}", self.feasibility, self.reason));
        if self.callback_offered {
            facts.add("offer", "a callback");
        }
    }

    /// The wait in half, four fifths and nineteen twentieths of all cases, on one line.
    pub(crate) fn wait(&self) -> String {
        match (self.wait_p50_ms, self.wait_p80_ms, self.wait_p95_ms) {
            (Some(p50), Some(p80), Some(p95)) => {
                let [p50, p80, p95] = [p50, p80, p95].map(|ms| humane::duration(rounded(ms)));
                format!("{p50} (50 %), {p80} (80 %), {p95} (95 %)")
            }
            _ => String::new(),
        }
    }
}

/// A wait without digits that nobody can know: whole seconds, above ten minutes whole minutes.
fn rounded(ms: i64) -> i64 {
    let unit = if ms < 600_000 { 1000 } else { 60_000 };
    (ms + unit / 2) / unit * unit
}
