//! Every metric: name, help, labels, buckets. `docs/metrics.md` lists them for people.
//!
//! Counters and histograms count as things happen and are shared with whoever scrapes through
//! atomics; gauges are read from the driver's published view at the moment of a scrape. All times are
//! in seconds, as the server's clock counts them.

mod connections;
mod directory;
mod gauges;
mod offered;
mod offers;
mod repeats;
mod rpcs;
mod tickets;
mod wrap_ups;

pub use connections::{Connections, Open};
pub use gauges::Scrape;
pub use rpcs::{Call, Rpcs};

use crate::driver;
use crate::engine::Engine;
use crate::engine::command::{Event, Rejection};
use crate::engine::model::Time;
use directory::DirectoryMetrics;
use offered::Offered;
use offers::Offers;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use repeats::RepeatContacts;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tickets::Tickets;

/// What every name begins with.
const PREFIX: &str = "tierline";

/// One commit: from a fast disk's tenth of a millisecond to a disk that hangs.
const COMMIT_BUCKETS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0];
/// Events of one commit.
const BATCH_BUCKETS: [f64; 13] =
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0];

/// Labels of a series: names with values.
type Labels<const N: usize> = [(&'static str, Arc<str>); N];
/// One histogram for each set of labels, made when it is first wanted.
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;
/// One counter for each set of labels.
type Counters<const N: usize> = Family<Labels<N>, Counter>;

/// Every metric of the server.
pub struct Metrics {
    registry: Registry,
    tickets: Tickets,
    offers: Offers,
    offered: Offered,
    repeats: RepeatContacts,
    directory: DirectoryMetrics,
    commit_seconds: Histogram,
    commit_events: Histogram,
    open: Family<Labels<1>, Gauge>,
    accepted: Counters<1>,
    refused: Counters<2>,
    answered: Counters<2>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let version: Labels<1> = [("version", env!("CARGO_PKG_VERSION").into())];
        registry.register("build", "The release that runs", Info::new(version));
        let tickets = Tickets::register(&mut registry);
        let offers = Offers::register(&mut registry);
        let offered = Offered::register(&mut registry);
        let repeats = RepeatContacts::register(&mut registry);
        let directory = DirectoryMetrics::register(&mut registry);
        let commit_seconds = Histogram::new(COMMIT_BUCKETS);
        registry.register_with_unit(
            "journal_commit",
            "How long a commit of the journal took, its sync included",
            Unit::Seconds,
            commit_seconds.clone(),
        );
        let commit_events = Histogram::new(BATCH_BUCKETS);
        registry.register(
            "journal_batch_events",
            "How many events shared a commit of the journal",
            commit_events.clone(),
        );
        let open = Family::default();
        registry.register("connections_open", "Connections by listener", Family::clone(&open));
        let accepted = Family::default();
        registry.register(
            "connections_accepted",
            "Connections that were let in, by listener",
            Family::clone(&accepted),
        );
        let refused = Family::default();
        registry.register(
            "connections_refused",
            "Connections closed by the server: limit (as many as may be are open) or silent (nothing \
             was said in time), by listener",
            Family::clone(&refused),
        );
        let answered = Family::default();
        registry.register(
            "rpcs",
            "Calls by method and gRPC code; a stream counts when its first answer goes out",
            Family::clone(&answered),
        );
        Self {
            registry,
            tickets,
            offers,
            offered,
            repeats,
            directory,
            commit_seconds,
            commit_events,
            open,
            accepted,
            refused,
            answered,
        }
    }
}

impl driver::Observer for Metrics {
    fn happened(&self, now: Time, event: &Event, engine: &Engine) {
        self.tickets.observe(now, event, engine);
        self.offers.observe(event, engine);
        self.offered.observe(event, engine);
        self.repeats.observe(event, engine);
    }

    fn refused(&self, rejection: &Rejection, engine: &Engine) {
        self.offered.refused(rejection, engine);
    }

    fn committed(&self, took: Duration, event_count: usize) {
        self.commit_seconds.observe(took.as_secs_f64());
        let count = u32::try_from(event_count).unwrap_or(u32::MAX);
        self.commit_events.observe(f64::from(count));
    }
}

impl Metrics {
    /// Everything in the text format of `OpenMetrics` 1.0, with the gauges as `scrape` has them.
    pub fn render(&self, scrape: &Scrape<'_>) -> String {
        let mut text = String::with_capacity(64 << 10);
        encode_registry(&mut text, &self.registry)
            .and_then(|()| encode_registry(&mut text, &gauges::registry(scrape)))
            .and_then(|()| encode_eof(&mut text))
            .expect("a string takes everything");
        text
    }
}

/// A count from the driver's view as a gauge's value.
fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Milliseconds as seconds.
fn seconds(ms: i64) -> f64 {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0)).as_secs_f64()
}

#[cfg(test)]
mod tests;
