//! The two languages: gRPC over HTTP/2, and HTTP/1.1 for the pages. Their limits stand here.

use super::listen::{Speak, until_done};
use crate::metrics::Rpcs;
use axum::Router;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// The beginning of every HTTP/2 connection, in bytes (RFC 9113, 3.4).
pub(super) const PREFACE_BYTES: usize = 24;
/// One byte tells that an HTTP/1.1 client means it; for the rest of its headers there is a timeout.
pub(super) const REQUEST_BYTES: usize = 1;

/// A connection on which nothing came for this long is asked whether anyone is there.
const PING_EVERY: Duration = Duration::from_secs(30);
/// And closed if no answer comes within this time.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// The headers of one call, in bytes, as HTTP/2 counts them.
const HEADERS_MAX: u32 = 16 << 10;
/// Calls that a client opened and took back before they were looked at, on one connection.
const RESETS_MAX: usize = 20;
/// What may be under way to the server on one call, in bytes, and on one connection.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Request line and headers of one request for a page, in bytes.
const PAGE_REQUEST_MAX: usize = 16 << 10;
/// Beyond the time in which a connection must have said something: time for the rest of its headers.
const HEADERS_GRACE: Duration = Duration::from_secs(1);

/// gRPC over HTTP/2.
pub(super) struct Grpc {
    routes: Router,
    rpcs: Rpcs,
    builder: http2::Builder<TokioExecutor>,
}

impl Grpc {
    /// Speaks what `routes` answer, at most `streams_max` calls at once on a connection.
    pub(super) fn new(routes: Router, streams_max: u32, rpcs: Rpcs) -> Self {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(streams_max)
            .max_header_list_size(HEADERS_MAX)
            .max_pending_accept_reset_streams(RESETS_MAX)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT);
        Self { routes: routes.with_state(()), rpcs, builder }
    }
}

impl Speak for Grpc {
    fn speak<I>(&self, io: I, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static
    where
        I: Read + Write + Send + Unpin + 'static,
    {
        let (routes, rpcs) = (self.routes.clone(), self.rpcs.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let call = rpcs.call(request.uri().path());
            let answer = routes.clone().call(request);
            async move {
                let answer = answer.await;
                let Ok(response) = &answer;
                call.answered(code(response));
                answer
            }
        });
        let connection = self.builder.serve_connection(io, service);
        async move {
            let ended = until_done(connection, stop, |it| it.graceful_shutdown()).await;
            if let Err(error) = ended {
                tracing::debug!(%error, "a gRPC connection ended");
            }
        }
    }
}

/// The gRPC code of an answer. A success tells its code only after its body: it is still 0 here.
fn code<B>(response: &Response<B>) -> usize {
    let status = response.headers().get("grpc-status");
    status.and_then(|status| status.to_str().ok()?.parse().ok()).unwrap_or(0)
}

/// HTTP/1.1.
pub(super) struct Pages {
    routes: Router,
    builder: http1::Builder,
}

impl Pages {
    /// Speaks what `routes` answer; headers must be whole soon after `silent_timeout`, and so must
    /// those of a next request.
    pub(super) fn new(routes: Router, silent_timeout: Duration) -> Self {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(silent_timeout + HEADERS_GRACE)
            .max_buf_size(PAGE_REQUEST_MAX);
        Self { routes: routes.with_state(()), builder }
    }
}

impl Speak for Pages {
    fn speak<I>(&self, io: I, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static
    where
        I: Read + Write + Send + Unpin + 'static,
    {
        let service = TowerToHyperService::new(self.routes.clone());
        let connection = self.builder.serve_connection(io, service);
        async move {
            let ended = until_done(connection, stop, |it| it.graceful_shutdown()).await;
            if let Err(error) = ended {
                tracing::debug!(%error, "an HTTP connection ended");
            }
        }
    }
}

