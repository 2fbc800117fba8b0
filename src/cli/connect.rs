//! The way to a server: its address, how long to wait for it, and the clients of its services.

use super::fault::Fault;
use super::humane;
use crate::api::proto::v1;
use std::time::Duration;
use tonic::Status;
use tonic::transport::{Channel, Endpoint, Uri};
use v1::admin_service_client::AdminServiceClient;
use v1::agent_service_client::AgentServiceClient;
use v1::intake_service_client::IntakeServiceClient;
use v1::ops_service_client::OpsServiceClient;

/// How often a quiet connection is tried, so that a long wait notices a server that has vanished.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Answers larger than this are refused: a page of 500 tickets with full attributes fits.
const ANSWER_BYTES_MAX: usize = 32 << 20;

/// A connection to the server that `--server` names.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    channel: Channel,
    /// The address, for messages.
    pub(crate) server: String,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
}

impl Connection {
    /// Connects, within `timeout`.
    pub(crate) async fn open(server: &str, timeout: Duration) -> Result<Self, Fault> {
        let server = address(server)?;
        let endpoint = Endpoint::from_shared(server.clone())
            .and_then(|endpoint| {
                endpoint.user_agent(concat!("tierline-cli/", env!("CARGO_PKG_VERSION")))
            })
            .map_err(|error| Fault::Usage(format!("--server = {server:?}: {error}")))?
            .connect_timeout(timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE);
        match endpoint.connect().await {
            Ok(channel) => Ok(Self { channel, server, timeout }),
            Err(error) => Err(Fault::NoServer { cause: cause(&error), server }),
        }
    }

    /// Tickets in.
    pub(crate) fn intake(&self) -> IntakeServiceClient<Channel> {
        IntakeServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// Tickets out.
    pub(crate) fn agent(&self) -> AgentServiceClient<Channel> {
        AgentServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// What waits, and why.
    pub(crate) fn ops(&self) -> OpsServiceClient<Channel> {
        OpsServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// Agents, customers, the policy.
    pub(crate) fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// The answer to a call, within the timeout.
    pub(crate) async fn call<T>(
        &self,
        call: impl Future<Output = Result<tonic::Response<T>, Status>>,
    ) -> Result<T, Fault> {
        self.call_within(self.timeout, call).await
    }

    /// The answer to a call that may wait for something, within a time of its own.
    pub(crate) async fn call_within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<tonic::Response<T>, Status>>,
    ) -> Result<T, Fault> {
        match tokio::time::timeout(limit, call).await {
            Ok(Ok(answer)) => Ok(answer.into_inner()),
            Ok(Err(status)) => Err(self.fault(status)),
            Err(_) => Err(self.timed_out(limit)),
        }
    }

    /// The next message of a stream, however long it takes; `None` at its end.
    pub(crate) async fn next<T>(
        &self,
        stream: &mut tonic::Streaming<T>,
    ) -> Result<Option<T>, Fault> {
        stream.message().await.map_err(|status| self.fault(status))
    }

    /// The fault of a call or a stream: one that broke for want of a server says so.
    pub(crate) fn fault(&self, status: Status) -> Fault {
        let is_lost = status.code() == tonic::Code::Unavailable && status.details().is_empty();
        if is_lost {
            let cause = format!(" ({})", status.message());
            return Fault::NoServer { server: self.server.clone(), cause };
        }
        status.into()
    }

    /// The fault of an answer that did not come in time.
    pub(crate) fn timed_out(&self, limit: Duration) -> Fault {
        let ms = i64::try_from(limit.as_millis()).unwrap_or(i64::MAX);
        Fault::TimedOut { server: self.server.clone(), after: humane::duration(ms) }
    }
}

/// The address with its scheme; a bare `host:port` is taken for `http`.
fn address(server: &str) -> Result<String, Fault> {
    let full = if server.contains("://") { server.to_owned() } else { format!("http://{server}") };
    let usage = |why: &str| {
        Fault::Usage(format!("--server = {server:?} {why}: write http://127.0.0.1:7700"))
    };
    let uri: Uri = full.parse().map_err(|_| usage("is not an address"))?;
    if uri.scheme_str() != Some("http") {
        return Err(usage("is not of the form http://HOST:PORT"));
    }
    if uri.port_u16().is_none() {
        return Err(usage("has no port"));
    }
    Ok(full.trim_end_matches('/').to_owned())
}

/// Why a connection failed, when it is more than nobody listening.
fn cause(error: &tonic::transport::Error) -> String {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    let mut last = String::new();
    while let Some(error) = source {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused) {
            return String::new();
        }
        last = error.to_string();
        source = error.source();
    }
    format!(" ({last})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_leave_out_its_scheme_but_not_its_port() {
        assert_eq!(address("127.0.0.1:7700").expect("an address"), "http://127.0.0.1:7700");
        assert_eq!(address("http://[::1]:7700/").expect("an address"), "http://[::1]:7700");
        for bad in ["", "http://localhost", "https://127.0.0.1:7700", "a b:1"] {
            let fault = address(bad).expect_err(bad);
            assert_eq!(fault.exit_code(), 64, "{bad}: {fault}");
        }
    }
}
