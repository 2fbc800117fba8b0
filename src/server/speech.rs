//! The two languages: gRPC over HTTP/2, and HTTP/1.1 for the pages. Their limits stand here.

use super::listen::{Speak, until_done};
use crate::metrics::Rpcs;
use hyper::body::{Body, Bytes, Incoming};
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::error::Error;
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
pub(super) const HEADERS_MAX: u32 = 16 << 10;
/// Calls that a client opened and took back before they were looked at, on one connection.
pub(super) const RESETS_MAX: usize = 20;
/// What may be under way to the server on one call, in bytes.
const STREAM_WINDOW: u32 = 1 << 20;
/// What may be under way to the server on one connection, in bytes.
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Request line and headers of one request for a page, in bytes.
pub(super) const PAGE_REQUEST_MAX: usize = 16 << 10;
/// Beyond the time in which a connection must have said something: time for the rest of its headers.
const HEADERS_GRACE: Duration = Duration::from_secs(1);

/// Whatever answers requests: the routes of gRPC, or of the pages.
pub(super) trait Routes<B>:
    Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S, B> Routes<B> for S where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The body of an answer.
pub(super) trait Answer:
    Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static
{
}

impl<B> Answer for B where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static
{
}

/// gRPC over HTTP/2.
pub(super) struct Grpc<R> {
    routes: R,
    rpcs: Rpcs,
    builder: http2::Builder<TokioExecutor>,
}

impl<R> Grpc<R> {
    /// Speaks what `routes` answer, at most `streams_max` calls at once on a connection.
    pub(super) fn new(routes: R, streams_max: u32, rpcs: Rpcs) -> Self {
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
        Self { routes, rpcs, builder }
    }
}

impl<R: Routes<B>, B: Answer> Speak<B> for Grpc<R> {
    fn speak<I>(&self, io: I, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static
    where
        I: Read + Write + Send + Unpin + 'static,
    {
        let (routes, rpcs) = (self.routes.clone(), self.rpcs.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let call = rpcs.call(request.uri().path());
            // Routes are always ready.
            let answer = routes.clone().call(request);
            async move {
                let Ok(response) = answer.await;
                call.answered(code(&response));
                Ok::<_, Infallible>(response)
            }
        });
        let connection = self.builder.serve_connection(io, service);
        async move {
            let ended = until_done(connection, stop, http2::Connection::graceful_shutdown).await;
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
pub(super) struct Pages<R> {
    routes: R,
    builder: http1::Builder,
}

impl<R> Pages<R> {
    /// Speaks what `routes` answer; headers must be whole soon after `silent_timeout`, and so must
    /// those of a next request.
    pub(super) fn new(routes: R, silent_timeout: Duration) -> Self {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(silent_timeout + HEADERS_GRACE)
            .max_buf_size(PAGE_REQUEST_MAX);
        Self { routes, builder }
    }
}

impl<R: Routes<B>, B: Answer<Data = Bytes>> Speak<B> for Pages<R> {
    fn speak<I>(&self, io: I, stop: CancellationToken) -> impl Future<Output = ()> + Send + 'static
    where
        I: Read + Write + Send + Unpin + 'static,
    {
        let service = TowerToHyperService::new(self.routes.clone());
        let connection = self.builder.serve_connection(io, service);
        async move {
            let ended = until_done(connection, stop, http1::Connection::graceful_shutdown).await;
            if let Err(error) = ended {
                tracing::debug!(%error, "an HTTP connection ended");
            }
        }
    }
}
