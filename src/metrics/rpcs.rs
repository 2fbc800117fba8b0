//! Calls by method and code, for methods that are known beforehand: a caller cannot make series.

use super::Metrics;
use prometheus_client::metrics::counter::Counter;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The gRPC codes by number, as the specification names them.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];
/// The code of an answer with a number beyond the specification.
const UNKNOWN: usize = 2;
/// The code of a call whose caller did not wait for the answer.
const CANCELLED: usize = 1;
/// The method of calls to methods that do not exist.
const OTHER: &str = "other";

/// Counts the answers of known methods.
#[derive(Clone)]
pub struct Rpcs {
    metrics: Arc<Metrics>,
    methods: Arc<HashMap<Box<str>, Arc<Method>>>,
    other: Arc<Method>,
}

struct Method {
    name: Arc<str>,
    counters: [OnceLock<Counter>; CODES.len()],
}

/// A call that has come in. Dropped before it is answered it counts as cancelled.
pub struct Call {
    metrics: Arc<Metrics>,
    method: Arc<Method>,
    code: usize,
}

impl Method {
    fn new(name: &str) -> Arc<Self> {
        Arc::new(Self { name: name.into(), counters: Default::default() })
    }
}

impl fmt::Debug for Rpcs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rpcs").field("methods", &self.methods.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("method", &self.method.name).finish_non_exhaustive()
    }
}

impl Rpcs {
    /// Counts into `metrics`, for methods given as `package.Service/Method`. All others are one.
    pub fn new(metrics: Arc<Metrics>, methods: impl IntoIterator<Item = String>) -> Self {
        let known = methods.into_iter().map(|name| {
            let method = Method::new(&name);
            (name.into(), method)
        });
        Self { metrics, methods: Arc::new(known.collect()), other: Method::new(OTHER) }
    }

    /// A call to `path`, with its leading slash.
    pub fn call(&self, path: &str) -> Call {
        let method = path.strip_prefix('/').and_then(|name| self.methods.get(name));
        let method = method.unwrap_or(&self.other).clone();
        Call { metrics: self.metrics.clone(), method, code: CANCELLED }
    }
}

impl Call {
    /// It was answered with that code.
    pub fn answered(mut self, code: usize) {
        self.code = if code < CODES.len() { code } else { UNKNOWN };
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let counter = self.method.counters[self.code].get_or_init(|| {
            let labels = [("method", self.method.name.clone()), ("code", CODES[self.code].into())];
            self.metrics.answered.get_or_create_owned(&labels)
        });
        counter.inc();
    }
}
