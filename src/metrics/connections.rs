//! The connections of one listener, counted.

use super::Metrics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

/// The connections of one listener.
#[derive(Clone, Debug)]
pub struct Connections {
    open: Gauge,
    accepted: Counter,
    over_limit: Counter,
    silent: Counter,
}

/// A connection that counts as open until this is dropped.
#[derive(Debug)]
pub struct Open(Gauge);

impl Metrics {
    /// The connections of the listener of that name.
    pub fn connections(&self, listener: &'static str) -> Connections {
        let refused = |reason: &str| {
            let labels = [("listener", listener.into()), ("reason", reason.into())];
            self.refused.get_or_create_owned(&labels)
        };
        let labels = [("listener", listener.into())];
        Connections {
            open: self.open.get_or_create_owned(&labels),
            accepted: self.accepted.get_or_create_owned(&labels),
            over_limit: refused("limit"),
            silent: refused("silent"),
        }
    }
}

impl Connections {
    /// A connection was let in; it is open as long as the guard lives.
    #[must_use]
    pub fn accepted(&self) -> Open {
        self.accepted.inc();
        self.open.inc();
        Open(self.open.clone())
    }

    /// A connection was closed at once: as many as may be are open.
    pub fn over_limit(&self) {
        self.over_limit.inc();
    }

    /// A connection was closed because it said nothing in time.
    pub fn silent(&self) {
        self.silent.inc();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}
