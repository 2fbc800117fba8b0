//! The gRPC services in this process: a real journal and an embedded directory in a folder of the
//! test's own, real connections on loopback. It can be stopped and started again on the same folder.

#![allow(dead_code, reason = "every test that includes this file uses its own part of it")]

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use tempfile::TempDir;
use tierline::api::proto::v1 as pb;
use tierline::api::proto::v1::admin_service_client::AdminServiceClient;
use tierline::api::proto::v1::agent_service_client::AgentServiceClient;
use tierline::api::proto::v1::intake_service_client::IntakeServiceClient;
use tierline::api::proto::v1::ops_service_client::OpsServiceClient;
use tierline::api::{self, Api};
use tierline::clock::Clock;
use tierline::directory::{self, Directory};
use tierline::driver::{self, Handle, Stopped, View};
use tierline::engine::{Engine, Limits};
use tierline::journal::{self, Journal};
use tierline::metrics::Metrics;
use tierline::policy;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Gold overflows from senior to general, general keeps one agent free for silver and above, and leases
/// of the desk are short.
pub(crate) const POLICY: &str = r#"
version = "test-1"
skills = ["french", "trainee"]
[customers]
unknown = "standard"
unavailable = "silver"
[[tier]]
name = "gold"
rank = 1
pools = ["senior"]
overflow = [{ after = "40s", pools = ["general"] }]
respond_within = { default = "1h", voice = "15s" }
solve_within = { email = "2d" }
[[tier]]
name = "silver"
rank = 2
pools = ["general", "senior"]
respond_within = { default = "2h", voice = "60s" }
[[tier]]
name = "standard"
rank = 3
pools = ["general"]
respond_within = { default = "1d", voice = "5m" }
[[tier]]
name = "brief"
rank = 4
pools = ["desk"]
respond_within = { default = "1d" }
[[pool]]
name = "senior"
lease = "10m"
[[pool]]
name = "general"
lease = "10m"
reserve = { silver = 1 }
[[pool]]
name = "desk"
lease = "1s"
"#;

/// How a test wants its server.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) policy: String,
    pub(crate) settings: api::Settings,
    pub(crate) limits: Limits,
    pub(crate) speed: f64,
    /// The directory is a Redis where nobody listens.
    pub(crate) is_silent: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self {
            policy: POLICY.to_owned(),
            settings: api::Settings::default(),
            limits: Limits::default(),
            speed: 1.0,
            is_silent: false,
        }
    }
}

/// The running server.
pub(crate) struct TestServer {
    pub(crate) handle: Handle,
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Arc<Metrics>,
    channel: Channel,
    driver: JoinHandle<Result<(), Stopped>>,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
    wish: Wish,
    folder: TempDir,
}

impl TestServer {
    /// A server with the usual policy.
    pub(crate) async fn start() -> Self {
        Self::start_as(Wish::default()).await
    }

    /// A server as wished, on an empty folder.
    pub(crate) async fn start_as(wish: Wish) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        Self::start_in(folder, wish).await
    }

    async fn start_in(folder: TempDir, wish: Wish) -> Self {
        let data = folder.path().join("data");
        let (journal, recovered) =
            Journal::open(&data, journal::Settings::default(), wish.limits).expect("a journal");
        let (policy, _) = policy::parse("policy", &wish.policy).expect("a policy");
        let clock = Clock::start(recovered.last_at, wish.speed);
        let metrics = Arc::new(Metrics::default());
        let (handle, driver) = driver::start(
            journal,
            recovered.engine,
            clock,
            &Arc::new(policy),
            wish.settings.driver,
            metrics.clone(),
        )
        .expect("a driver");
        let directory = directory::Settings {
            source: if wish.is_silent {
                // Nothing listens on the first of all ports.
                let url = "redis://127.0.0.1:1".to_owned();
                directory::Source::Redis { url, password: None, prefix: "tierline:".to_owned() }
            } else {
                directory::Source::Embedded { path: folder.path().join("customers.db") }
            },
            // The tests share their processor with the build: no test is about this time.
            budget: std::time::Duration::from_secs(5),
            ..directory::Settings::default()
        };
        let directory = Directory::open(directory, Arc::new(())).await.expect("a directory");
        let (services, reporter) =
            api::Services::new(Api::new(handle.clone(), directory, wish.settings.clone()));
        api::set_serving(&reporter, true).await;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (stop, stopped) = oneshot::channel();
        let serving = Server::builder()
            .max_concurrent_streams(128)
            .add_routes(axum::Router::new().fallback_service(services).into())
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async {
                let _ = stopped.await;
            });
        let served = tokio::spawn(serving);
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let channel = endpoint.connect().await.expect("the server listens");
        Self { handle, address, metrics, channel, driver, stop, served, wish, folder }
    }

    /// Stops the server and starts it again on the same folder.
    pub(crate) async fn restart(self) -> Self {
        let Self { handle, channel, driver, stop, served, wish, folder, .. } = self;
        drop(channel);
        stop.send(()).expect("the server runs");
        served.await.expect("it ends").expect("it ends well");
        handle.stop().await;
        drop(handle);
        driver.join().expect("the driver ends").expect("it ends well");
        Self::start_in(folder, wish).await
    }

    /// Stops the server and starts it again with another policy file.
    pub(crate) async fn restart_with(mut self, policy: &str) -> Self {
        policy.clone_into(&mut self.wish.policy);
        self.restart().await
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address));
        endpoint.expect("an address").connect().await.expect("the server listens")
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) fn intake(&self) -> IntakeServiceClient<Channel> {
        IntakeServiceClient::new(self.channel())
    }

    pub(crate) fn agent(&self) -> AgentServiceClient<Channel> {
        AgentServiceClient::new(self.channel())
    }

    pub(crate) fn ops(&self) -> OpsServiceClient<Channel> {
        OpsServiceClient::new(self.channel())
    }

    pub(crate) fn admin(&self) -> AdminServiceClient<Channel> {
        AdminServiceClient::new(self.channel())
    }

    /// Registers an agent who is available.
    pub(crate) async fn hire(&self, id: &str, pools: &[&str]) {
        let pools = pools.iter().map(ToString::to_string).collect();
        let request = pb::PutAgentRequest { agent_id: id.into(), pools, ..Default::default() };
        self.admin().put_agent(request).await.expect("the agent is taken");
        let presence = pb::Presence::Available.into();
        let request = pb::SetPresenceRequest { agent_id: id.into(), presence };
        self.agent().set_presence(request).await.expect("the agent is there");
    }

    pub(crate) async fn submit(
        &self,
        request: pb::SubmitTicketRequest,
    ) -> pb::SubmitTicketResponse {
        self.intake().submit_ticket(request).await.expect("the ticket is taken").into_inner()
    }

    /// A pull that does not wait.
    pub(crate) async fn pull(&self, agent: &str, request: &str) -> pb::PullTicketResponse {
        let request = pb::PullTicketRequest {
            agent_id: agent.into(),
            request_id: request.into(),
            wait: None,
        };
        self.agent().pull_ticket(request).await.expect("the agent may pull").into_inner()
    }

    /// The assignment of a pull that finds something.
    pub(crate) async fn take(&self, agent: &str) -> pb::Assignment {
        assigned(self.pull(agent, "").await)
    }

    pub(crate) async fn get(&self, id: &str) -> Result<pb::Ticket, Status> {
        let request = pb::GetTicketRequest { ticket_id: id.into() };
        let answer = self.intake().get_ticket(request).await?;
        Ok(answer.into_inner().ticket.expect("an answer has its ticket"))
    }

    pub(crate) async fn complete(
        &self,
        ticket: &str,
        token: u64,
    ) -> Result<pb::CompleteTicketResponse, Status> {
        let request = pb::CompleteTicketRequest {
            ticket_id: ticket.into(),
            lease_token: token,
            outcome: "solved".into(),
            ..Default::default()
        };
        Ok(self.agent().complete_ticket(request).await?.into_inner())
    }

    /// Returns when the published view is as wanted.
    pub(crate) async fn until(&self, wanted: impl FnMut(&Arc<View>) -> bool) -> Arc<View> {
        let mut views = self.handle.views();
        views.wait_for(wanted).await.expect("the driver runs").clone()
    }

    /// Returns when so many agents wait for work in the first pools of the policy.
    pub(crate) async fn until_idle(&self, counts: [u32; 3]) {
        let idle = |view: &Arc<View>| [0, 1, 2].map(|pool: usize| view.pools[pool].idle_count);
        self.until(|view| idle(view) == counts).await;
    }

    /// The whole engine.
    pub(crate) async fn engine(&self) -> Engine {
        self.handle.read(|engine, _| engine.clone()).await.expect("the driver runs")
    }
}

/// A voice ticket with that id, and nothing else.
pub(crate) fn ticket(id: &str) -> pb::SubmitTicketRequest {
    pb::SubmitTicketRequest {
        ticket_id: id.into(),
        channel: pb::Channel::Voice.into(),
        ..Default::default()
    }
}

/// A voice ticket of that tier.
pub(crate) fn ticket_of(id: &str, tier: &str) -> pb::SubmitTicketRequest {
    pb::SubmitTicketRequest { tier: tier.into(), ..ticket(id) }
}

pub(crate) fn identifier(kind: pb::IdentifierKind, value: &str) -> pb::CustomerIdentifier {
    pb::CustomerIdentifier { kind: kind.into(), value: value.into() }
}

/// The assignment that a pull has found.
pub(crate) fn assigned(pulled: pb::PullTicketResponse) -> pb::Assignment {
    match pulled.result {
        Some(pb::pull_ticket_response::Result::Assignment(assignment)) => *assignment,
        other => panic!("no assignment: {other:?}"),
    }
}

/// Why a pull has found nothing.
pub(crate) fn empty(pulled: &pb::PullTicketResponse) -> pb::EmptyReason {
    match &pulled.result {
        Some(pb::pull_ticket_response::Result::Empty(empty)) => empty.reason(),
        other => panic!("not empty: {other:?}"),
    }
}

/// The code and the reason of a refusal.
pub(crate) fn told(status: &Status) -> (Code, String) {
    let details = status.get_error_details();
    let info = details.error_info().expect("every refusal has a reason");
    assert_eq!(info.domain, api::DOMAIN);
    (status.code(), info.reason.clone())
}
