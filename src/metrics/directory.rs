//! What the directory tells of itself.

use super::{Counters, Histograms, Metrics};
use crate::directory::{Answered, ChangeKind, Observer, Outcome};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use std::time::Duration;

/// From a cached answer's microseconds to the longest budget.
const SECONDS_BUCKETS: [f64; 14] =
    [0.00001, 0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.04, 0.1, 0.25, 1.0, 5.0];

const OUTCOMES: [Outcome; 4] =
    [Outcome::Found, Outcome::Unknown, Outcome::Stale, Outcome::Unavailable];
const ANSWERED: [Answered; 4] =
    [Answered::Properly, Answered::Malformed, Answered::Failed, Answered::TimedOut];
const CHANGES: [ChangeKind; 3] =
    [ChangeKind::Customer, ChangeKind::Identifier, ChangeKind::Everything];

pub(super) struct DirectoryMetrics {
    lookups: [Counter; OUTCOMES.len()],
    lookup_seconds: Histogram,
    hits: Counter,
    misses: Counter,
    asked: [Counter; ANSWERED.len()],
    asked_seconds: [Histogram; ANSWERED.len()],
    breaker_opens: Counter,
    changes: [Counter; CHANGES.len()],
    listens: Gauge,
}

impl DirectoryMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let registry = registry.sub_registry_with_prefix("directory");
        let lookups = Counters::default();
        registry.register(
            "lookups",
            "Lookups for new tickets by outcome: found, unknown, stale, unavailable",
            Family::clone(&lookups),
        );
        let lookup_seconds = Histogram::new(SECONDS_BUCKETS);
        registry.register_with_unit(
            "lookup",
            "How long a new ticket waited for its lookup",
            Unit::Seconds,
            lookup_seconds.clone(),
        );
        let cache = Counters::default();
        registry.register(
            "cache",
            "Lookups that found a fresh answer in the cache (hit) or did not (miss)",
            Family::clone(&cache),
        );
        let asked = Counters::default();
        registry.register(
            "questions",
            "Questions to the store itself by how they ended: properly, malformed, failed, timed_out",
            Family::clone(&asked),
        );
        let seconds: Histograms<1> =
            Family::new_with_constructor(|| Histogram::new(SECONDS_BUCKETS));
        registry.register_with_unit(
            "question",
            "How long the store took to answer, by how it ended",
            Unit::Seconds,
            Family::clone(&seconds),
        );
        let breaker_opens = Counter::default();
        registry.register(
            "breaker_opens",
            "How many times the circuit breaker opened",
            breaker_opens.clone(),
        );
        let changes = Counters::default();
        registry.register(
            "changes",
            "Changes heard of by kind: customer, identifier, everything (the store was emptied, or out \
             of hearing)",
            Family::clone(&changes),
        );
        let listens = Gauge::default();
        registry.register(
            "listens",
            "1 while every change in the store is heard as it happens",
            listens.clone(),
        );
        let answered = |at: Answered| [("answered", at.as_str().into())];
        Self {
            lookups: OUTCOMES.map(|outcome| {
                lookups.get_or_create_owned(&[("outcome", outcome.as_str().into())])
            }),
            lookup_seconds,
            hits: cache.get_or_create_owned(&[("result", "hit".into())]),
            misses: cache.get_or_create_owned(&[("result", "miss".into())]),
            asked: ANSWERED.map(|at| asked.get_or_create_owned(&answered(at))),
            asked_seconds: ANSWERED.map(|at| seconds.get_or_create_owned(&answered(at))),
            breaker_opens,
            changes: CHANGES
                .map(|kind| changes.get_or_create_owned(&[("kind", kind.as_str().into())])),
            listens,
        }
    }
}

impl Observer for Metrics {
    fn looked_up(&self, outcome: Outcome, took: Duration) {
        self.directory.lookups[outcome as usize].inc();
        self.directory.lookup_seconds.observe(took.as_secs_f64());
    }

    fn cached(&self, hit: bool) {
        let counter = if hit { &self.directory.hits } else { &self.directory.misses };
        counter.inc();
    }

    fn asked(&self, answered: Answered, took: Duration) {
        self.directory.asked[answered as usize].inc();
        self.directory.asked_seconds[answered as usize].observe(took.as_secs_f64());
    }

    fn breaker_opened(&self) {
        self.directory.breaker_opens.inc();
    }

    fn heard(&self, change: ChangeKind) {
        self.directory.changes[change as usize].inc();
    }

    fn listens(&self, all: bool) {
        self.directory.listens.set(i64::from(all));
    }
}
