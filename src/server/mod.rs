//! Wiring: opens what the configuration names, serves until told to stop, and closes in reverse.
//!
//! ```text
//!   open   policy -> data directory and journal -> clock -> directory -> driver
//!   serve  corrector, gRPC and HTTP, until `shutdown` or the driver's end
//!   drain  not ready -> no new connections -> calls in progress end, up to a limit -> driver -> journal
//! ```
//!
//! Nothing is decided here. Whoever binds the ports and says when to stop is the caller.

mod error;
mod health;
mod listen;
mod reload;
mod settings;
mod silence;
mod speech;
mod state;

pub use error::Error;
pub use reload::Reloader;

use crate::api::{self, Api};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::contact_plan;
use crate::corrector;
use crate::directory::Directory;
use crate::driver::{self, Handle, Refused};
use crate::engine::command::AgentProfile;
use crate::engine::model::Policy;
use crate::journal::{self, Journal};
use crate::metrics::{Metrics, Rpcs};
use crate::web;
use listen::{Manners, listen};
use speech::{Grpc, PREFACE_BYTES, Pages, REQUEST_BYTES};
use state::State;
use std::fmt;
use std::fs::DirBuilder;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Agents that are registered at once, so that they share syncs.
const AGENTS_AT_ONCE: usize = 64;
/// How far ahead of the wall clock the journal may end before that is told: no machine's clock is set
/// back so far by itself.
const AHEAD_MS_MAX: i64 = 60_000;
/// How long the pages may take to end after the drain's own limit: they answer at once.
const PAGES_DRAIN: Duration = Duration::from_millis(250);

/// The two ports, bound.
#[derive(Debug)]
pub struct Listeners {
    /// For gRPC.
    pub grpc: TcpListener,
    /// For metrics and health.
    pub http: TcpListener,
}

impl Listeners {
    /// Binds the addresses of the configuration.
    pub async fn bind(config: &config::Listen) -> Result<Self, Error> {
        Ok(Self { grpc: bind(config.grpc).await?, http: bind(config.http).await? })
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Port { address, source })
}

/// A server that has everything open and is not listening yet.
pub struct Server {
    config: Config,
    policy: Arc<Policy>,
    handle: Handle,
    driver: JoinHandle<Result<(), driver::Stopped>>,
    directory: Directory,
    metrics: Arc<Metrics>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("policy", &self.policy.version).finish_non_exhaustive()
    }
}

impl Server {
    /// Reads the policy, opens the data directory and the directory of customers, and starts the
    /// driver on what the journal recovered. No port is bound.
    pub async fn open(config: Config) -> Result<Self, Error> {
        let policy = Arc::new(settings::policy(&config.policy)?);
        let (dir, limits) = (config.data.dir.clone(), settings::limits(&config.limits));
        let journal_settings = settings::journal(&config.data);
        // Reading a large journal takes seconds.
        let opening = tokio::task::spawn_blocking(move || {
            make_private(&dir)?;
            Journal::open(&dir, journal_settings, limits)
        });
        let (journal, recovered) = opening.await.expect("opening a journal does not panic")?;
        tracing::info!(
            last_event = recovered.last_seq.0,
            snapshot = recovered.snapshot_seq.map_or(0, |seq| seq.0),
            replayed_count = recovered.replayed_count,
            tickets = recovered.engine.ticket_count(),
            "the journal is open"
        );
        let metrics = Arc::new(Metrics::default());
        let directory_settings = settings::directory(&config);
        let directory = Directory::open(directory_settings, metrics.clone()).await?;
        let clock = Clock::start(recovered.last_at, config.clock.speed);
        if clock.started_ahead_ms() > AHEAD_MS_MAX {
            tracing::warn!(
                ahead_s = clock.started_ahead_ms() / 1000,
                "the journal ends ahead of the wall clock, as after a run with --clock-speed: time goes \
                 on from there; for real work use another data directory, or start when the wall \
                 clock has caught up"
            );
        }
        let driver_settings = settings::driver(&config);
        let (handle, driver) = driver::start(
            journal,
            recovered.engine,
            clock,
            &policy,
            driver_settings,
            metrics.clone(),
        )?;
        Ok(Self { config, policy, handle, driver, directory, metrics })
    }

    /// The directory of customers.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The policy in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What reads the policy file again.
    pub fn reloader(&self) -> Reloader {
        Reloader::new(self.config.policy.clone(), self.handle.clone())
    }

    /// Registers agents, or changes them; those who are there stay present or away.
    pub async fn put_agents(&self, agents: Vec<AgentProfile>) -> Result<(), Refused> {
        for some in agents.chunks(AGENTS_AT_ONCE) {
            let mut asked = JoinSet::new();
            for profile in some.iter().cloned() {
                let handle = self.handle.clone();
                asked.spawn(async move { handle.put_agent(profile).await });
            }
            while let Some(put) = asked.join_next().await {
                put.expect("asking the driver does not panic")?;
            }
        }
        Ok(())
    }

    /// Serves on `listeners` until `shutdown` completes, then drains. Ends with an error at once when
    /// the driver does.
    pub async fn serve(
        self,
        listeners: Listeners,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), Error> {
        let (grpc, http) = match self.addresses(&listeners) {
            Ok(addresses) => addresses,
            Err(error) => {
                self.close().await?;
                return Err(error);
            }
        };
        let listen_config = &self.config.listen;
        let state = State::new(self.handle.clone(), self.directory.clone(), self.metrics.clone());
        let (draining, pages_draining) = (CancellationToken::new(), CancellationToken::new());
        let manners = |first_bytes| Manners {
            connections_max: listen_config.connections_max,
            silent_timeout: listen_config.silent_timeout,
            first_bytes,
        };

        let api =
            Api::new(self.handle.clone(), self.directory.clone(), settings::api(&self.config));
        let (services, health) = api::Services::new(api);
        api::set_serving(&health, !self.handle.view().is_full).await;
        let following = tokio::spawn(health::follow(health.clone(), self.handle.views()));
        let rpcs = Rpcs::new(self.metrics.clone(), api::proto::methods());
        let speech = Grpc::new(services, listen_config.streams_max, rpcs);
        let mut calls = tokio::spawn(listen(
            listeners.grpc,
            manners(PREFACE_BYTES),
            speech,
            self.metrics.connections("grpc"),
            draining.clone(),
        ));
        let routes = web::router(state.clone());
        let mut pages = tokio::spawn(listen(
            listeners.http,
            manners(REQUEST_BYTES),
            Pages::new(routes, listen_config.silent_timeout),
            self.metrics.connections("http"),
            pages_draining.clone(),
        ));
        let correcting = tokio::spawn(corrector::run(
            self.handle.clone(),
            self.directory.clone(),
            self.config.directory.sweep,
        ));
        let planning = tokio::spawn(contact_plan::run(
            self.handle.clone(),
            self.directory.clone(),
            contact_plan::Done::within(&self.config.data.dir),
        ));
        let thread = self.driver;
        let mut driver = tokio::task::spawn_blocking(move || thread.join());
        tracing::info!(%grpc, %http, policy = %self.policy.version, "serving");

        let mut ended = tokio::select! {
            () = shutdown => None,
            ended = &mut driver => Some(ended),
        };
        state.drain();
        following.abort();
        // It must not have the last word.
        let _ = following.await;
        api::set_serving(&health, false).await;
        if ended.is_none() {
            let limit = self.config.drain.limit;
            tracing::info!(?limit, "draining");
            draining.cancel();
            self.handle.drain().await;
            tokio::select! {
                _ = &mut calls => {}
                () = tokio::time::sleep(limit) => {
                    tracing::warn!(?limit, "calls in progress at the drain's limit are cut off");
                }
                stopped = &mut driver => ended = Some(stopped),
            }
        }
        calls.abort();
        pages_draining.cancel();
        let _ = tokio::time::timeout(PAGES_DRAIN, &mut pages).await;
        pages.abort();
        correcting.abort();
        planning.abort();
        let ended = if let Some(ended) = ended {
            ended
        } else {
            self.handle.stop().await;
            driver.await
        };
        finish(ended.expect("waiting for a thread does not panic"))?;
        tracing::info!("stopped");
        Ok(())
    }

    /// Closes what [`Server::open`] opened, when nothing is to be served.
    pub async fn close(self) -> Result<(), Error> {
        self.handle.stop().await;
        let thread = self.driver;
        let ended = tokio::task::spawn_blocking(move || thread.join()).await;
        finish(ended.expect("waiting for a thread does not panic"))
    }

    /// The addresses of the listeners, which nobody else may reach unless that is allowed.
    fn addresses(&self, listeners: &Listeners) -> Result<(SocketAddr, SocketAddr), Error> {
        let address = |listener: &TcpListener| {
            let address = listener.local_addr().map_err(Error::Socket)?;
            if address.ip().is_loopback() || self.config.listen.insecure {
                Ok(address)
            } else {
                Err(Error::Exposed { address })
            }
        };
        Ok((address(&listeners.grpc)?, address(&listeners.http)?))
    }
}

/// Opens and serves in one: for those who have nothing to do in between.
pub async fn run(
    config: Config,
    listeners: Listeners,
    shutdown: impl Future<Output = ()>,
) -> Result<(), Error> {
    Server::open(config).await?.serve(listeners, shutdown).await
}

/// Makes the data directory if it is missing, for nobody but its owner: tickets and customers are
/// personal. One that is there stays as its owner has it.
fn make_private(dir: &Path) -> Result<(), journal::Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| journal::Error::Io { path: dir.into(), source })
}

/// The runtime for a server. With one processor to run on, a single thread does better than several
/// that hand work to each other.
pub fn runtime() -> std::io::Result<Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let mut builder = if processors == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.enable_all().build()
}

/// What became of the driver's thread; its panic goes on here.
fn finish(ended: std::thread::Result<Result<(), driver::Stopped>>) -> Result<(), Error> {
    match ended {
        Ok(stopped) => Ok(stopped?),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
