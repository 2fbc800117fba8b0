//! What the directory tells of itself while it works.

use std::time::Duration;

use super::Outcome;
use super::changes::ChangeKind;

/// How one question to the store itself ended, cache and breaker aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answered {
    /// With a customer, or that there is none.
    Properly,
    /// With something that is not a customer: a key of a wrong type, a tier outside the limits.
    Malformed,
    /// With an error, or not at all because there is no connection.
    Failed,
    /// Not within the budget.
    TimedOut,
}

impl Answered {
    /// The name used in metrics and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Properly => "properly",
            Self::Malformed => "malformed",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
        }
    }
}

/// Told of everything that happens in the directory, for metrics. Called on the path of every
/// lookup: implementations count and return.
pub trait Observer: Send + Sync + 'static {
    /// A [`Directory::lookup`] ended; `took` is what its caller waited.
    fn looked_up(&self, outcome: Outcome, took: Duration) {
        let _ = (outcome, took);
    }
    /// A [`Directory::lookup`] found a fresh answer in the cache, or did not.
    fn cached(&self, hit: bool) {
        let _ = hit;
    }
    /// The store itself was asked, by a lookup of either kind or to see whether it is there.
    fn asked(&self, answered: Answered, took: Duration) {
        let _ = (answered, took);
    }
    /// The breaker opened, after failures or because the probe failed.
    fn breaker_opened(&self) {}
    /// A change was heard of, and is told to whoever listens.
    fn heard(&self, change: ChangeKind) {
        let _ = change;
    }
    /// From now on the store tells of every change, or does not; at first it does not.
    fn listens(&self, all: bool) {
        let _ = all;
    }
}

/// Nobody wants to know.
impl Observer for () {}
