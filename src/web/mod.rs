//! HTTP: metrics for Prometheus, liveness, readiness, and a page that says so. Nothing else.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const INDEX: &str = "\
Tierline

/metrics  everything measured, for Prometheus
/live     200 while the process answers
/ready    200 while it takes and gives work, else 503 with the reason
";

/// What the pages tell.
pub trait Pages: Send + Sync + 'static {
    /// The metrics in the text format of `OpenMetrics` 1.0.
    fn metrics(&self) -> String;

    /// Why the server is not ready for work; `None` while it is.
    fn unready(&self) -> Option<&'static str>;

    /// How many tickets are in quarantine: the server is ready, and somebody has to look.
    fn quarantined_count(&self) -> usize;
}

/// The pages of the HTTP listener.
pub fn router(pages: Arc<dyn Pages>) -> Router {
    let for_ready = pages.clone();
    Router::new()
        .route("/", get(async || INDEX))
        .route("/live", get(async || "live\n"))
        .route("/ready", get(async move || ready(&*for_ready)))
        .route("/metrics", get(async move || ([(CONTENT_TYPE, METRICS_TYPE)], pages.metrics())))
}

fn ready(pages: &dyn Pages) -> Response {
    match pages.unready() {
        None => match pages.quarantined_count() {
            0 => "ready\n".into_response(),
            count => format!("ready\n{count} quarantined: see tierline audit\n").into_response(),
        },
        Some(reason) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response()
        }
    }
}
