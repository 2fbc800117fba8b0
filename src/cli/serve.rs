//! `tierline serve`: the server itself.
//!
//! Reads the configuration, opens what it names, says for people what is listening, and waits for a
//! signal. What can go wrong is told on standard error, with an exit code for programs.

use super::agent_file;
use crate::config::{self, Config, DirectoryKind, LogFormat, VARIABLE_PREFIX};
use crate::directory::{self, Customer, IdentifierKind};
use crate::engine::command::AgentProfile;
use crate::server::{self, Listeners, Reloader, Server};
use clap::Args;
use std::ffi::OsString;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// The configuration that is read when none is named and it is there.
const CONFIG_FILE: &str = "config/tierline.toml";
/// The policy of the rehearsal that the greeting offers to try: two tiers, as its callers have.
const REHEARSAL_POLICY: &str = "config/bank.toml";
/// Faults of an imported file that are shown; more are counted.
const FAULTS_SHOWN_MAX: usize = 10;
/// The exit code of a process that a second signal ended: 128 and SIGTERM's number.
const CUT_SHORT: i32 = 143;

const AFTER_HELP: &str = "\
Every setting stands in config/tierline.toml, with its default and range; the environment goes before the \
file (TIERLINE_LISTEN_GRPC and so on), and the options above before both.

SIGTERM and SIGINT drain: calls in progress are answered, up to drain.limit. A second signal ends at once.
SIGHUP reads the policy file again; a faulty one changes nothing and is told in the log.

Exit codes:
   0  drained and stopped          69  a port cannot be had
  64  configuration or policy      73  the data directory is in use, or cannot be made
  65  faults in an imported file   74  the journal or the disk failed

Examples:
  tierline serve
  tierline serve --data /var/lib/tierline --policy config/schwab.toml
  tierline serve --import-customers config/customers.csv --import-agents config/agents.csv";

/// Run the server until it is told to stop.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Serve {
    /// The configuration [default: config/tierline.toml if it is there, else the defaults]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The policy to serve by
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The address for gRPC
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// The address for metrics and health
    #[arg(long, value_name = "ADDRESS")]
    http: Option<String>,
    /// Seconds of the server to a second of the world, for rehearsals
    #[arg(long, value_name = "FACTOR")]
    clock_speed: Option<String>,
    /// Customers to put into the directory before serving (CSV); farewells in it are taken over
    #[arg(long, value_name = "FILE")]
    import_customers: Option<PathBuf>,
    /// Agents to register before serving (CSV: id,name,pools,capacity; several pools with ; between)
    #[arg(long, value_name = "FILE")]
    import_agents: Option<PathBuf>,
    /// Say nothing on standard output
    #[arg(long, short)]
    quiet: bool,
}

/// Why the command ended without success.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Config(String),
    #[error(transparent)]
    Server(#[from] server::Error),
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{0}")]
    Import(String),
    #[error("the runtime cannot start: {0}")]
    Runtime(io::Error),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => 64,
            Self::Import(_) => 65,
            Self::Unreadable { .. } => 66,
            Self::Server(error) => error.exit_code(),
            Self::Runtime(_) => 71,
        }
    }
}

impl Serve {
    /// Runs the server on a runtime of its own.
    pub(crate) fn run(self) -> ExitCode {
        match self.serve() {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                let mut err = io::stderr().lock();
                for line in failure.to_string().lines() {
                    // Nobody is left to tell when even this fails.
                    let _ = writeln!(err, "error: {line}");
                }
                ExitCode::from(failure.exit_code())
            }
        }
    }

    fn serve(self) -> Result<(), Failure> {
        let config = self.config()?;
        log(&config.log);
        let runtime = server::runtime().map_err(Failure::Runtime)?;
        let served = runtime.block_on(self.serve_with(config));
        // What is still blocked holds nothing that matters any more.
        runtime.shutdown_background();
        served
    }

    async fn serve_with(self, config: Config) -> Result<(), Failure> {
        let server = Server::open(config.clone()).await?;
        let prepared = match self.prepare(&server).await {
            Ok(imported) => Listeners::bind(&config.listen)
                .await
                .map(|bound| (imported, bound))
                .map_err(Into::into),
            Err(failure) => Err(failure),
        };
        let (imported, listeners) = match prepared {
            Ok(prepared) => prepared,
            Err(failure) => {
                server.close().await?;
                return Err(failure);
            }
        };
        // Who reads that the server is ready may tell it to stop at once.
        let told_to_stop = Signals::catch();
        let reloading = tokio::spawn(reload_on_hangup(server.reloader()));
        if !self.quiet {
            let mut out = io::stdout().lock();
            // A server serves also when nobody reads this.
            let _ = write!(out, "{}", greeting(&config, &server, &listeners, &imported));
            let _ = out.flush();
        }
        let outcome = server.serve(listeners, told_to_stop.first()).await;
        reloading.abort();
        Ok(outcome?)
    }

    /// The configuration: the file, then the environment, then the options.
    fn config(&self) -> Result<Config, Failure> {
        let text = |path: &PathBuf| path.clone().into_os_string();
        let options = [
            ("--policy", "POLICY_FILE", self.policy.as_ref().map(text)),
            ("--data", "DATA_DIR", self.data.as_ref().map(text)),
            ("--listen", "LISTEN_GRPC", self.listen.as_ref().map(OsString::from)),
            ("--http", "LISTEN_HTTP", self.http.as_ref().map(OsString::from)),
            ("--clock-speed", "CLOCK_SPEED", self.clock_speed.as_ref().map(OsString::from)),
        ];
        let given: Vec<_> = options
            .into_iter()
            .filter_map(|(option, key, value)| {
                Some((option, format!("{VARIABLE_PREFIX}{key}"), value?))
            })
            .collect();
        let is_given =
            |name: &OsString| given.iter().any(|(_, variable, _)| name == variable.as_str());
        let environment = std::env::vars_os().filter(|(name, _)| !is_given(name));
        let overlay = given.iter().map(|(_, name, value)| (name.into(), value.clone()));
        let file = match &self.config {
            Some(file) => Some(file.as_path()),
            None => Some(Path::new(CONFIG_FILE)).filter(|file| file.exists()),
        };
        config::load(file, environment.chain(overlay)).map_err(|error| {
            let mut text = error.to_string();
            for (option, variable, _) in &given {
                text = text.replace(&format!("environment: {variable}"), option);
            }
            Failure::Config(text)
        })
    }

    /// Imports what was asked for.
    async fn prepare(&self, server: &Server) -> Result<Imported, Failure> {
        let mut imported = Imported::default();
        if let Some(path) = &self.import_customers {
            let customers = customers(path)?;
            imported.customer = customers.iter().find_map(hint_for);
            imported.customer_count = customers.len();
            server.directory().import(customers).await.map_err(server::Error::Directory)?;
        }
        if let Some(path) = &self.import_agents {
            let agents = agents(path, server)?;
            imported.agent = agents.first().map(|agent| agent.id.to_string());
            imported.agent_count = agents.len();
            let put = server.put_agents(agents).await;
            put.map_err(|refused| Failure::Import(format!("{}: {refused}", path.display())))?;
        }
        Ok(imported)
    }
}

/// What was imported, with an example of each for the hints.
#[derive(Default)]
struct Imported {
    customer: Option<Hint>,
    customer_count: usize,
    agent: Option<String>,
    agent_count: usize,
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|source| Failure::Unreadable { path: path.to_owned(), source })
}

fn customers(path: &Path) -> Result<Vec<Customer>, Failure> {
    let file = path.display();
    let rows = directory::csv::read(open(path)?)
        .map_err(|error| Failure::Import(format!("{file}: {error}")))?;
    whole(rows.map(|(_, row)| row.map_err(|error| format!("{file}: {error}"))))
}

fn agents(path: &Path, server: &Server) -> Result<Vec<AgentProfile>, Failure> {
    let file = path.display();
    let rows = agent_file::read(open(path)?, server.policy());
    whole(rows.into_iter().map(|row| row.map_err(|error| format!("{file}: {error}"))))
}

/// All rows, or the first faults: half a file is not imported.
fn whole<T>(rows: impl Iterator<Item = Result<T, String>>) -> Result<Vec<T>, Failure> {
    let (mut good, mut faults) = (vec![], vec![]);
    for row in rows {
        match row {
            Ok(row) => good.push(row),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() {
        return Ok(good);
    }
    let more = faults.len().saturating_sub(FAULTS_SHOWN_MAX);
    faults.truncate(FAULTS_SHOWN_MAX);
    let mut text = faults.join("\n");
    if more > 0 {
        let _ = write!(text, "\nand {more} more");
    }
    Err(Failure::Import(text))
}

/// How to submit something for that customer.
fn hint_for(customer: &Customer) -> Option<Hint> {
    let phone = customer.identifiers.iter().find(|known| known.kind() == IdentifierKind::Phone)?;
    Some(Hint { who: format!("--phone '{}'", phone.value()), id: customer.id.clone() })
}

/// A customer to try things with.
struct Hint {
    who: String,
    id: String,
}

/// What people read when the server has started.
fn greeting(
    config: &Config,
    server: &Server,
    listeners: &Listeners,
    imported: &Imported,
) -> impl fmt::Display {
    let shown = |bound: io::Result<SocketAddr>| {
        bound.map_or_else(|_| "an unknown address".to_owned(), |address| address.to_string())
    };
    let (grpc, http) = (shown(listeners.grpc.local_addr()), shown(listeners.http.local_addr()));
    let policy = server.policy();
    let directory = match config.directory.kind {
        DirectoryKind::Embedded => "embedded, in the data directory".to_owned(),
        DirectoryKind::Redis => format!("Redis at {}", config.directory.url),
    };
    let mut text = String::new();
    let mut line = |name: &str, value: fmt::Arguments<'_>| {
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    line("gRPC", format_args!("{grpc}"));
    line("HTTP", format_args!("http://{http}  (/metrics /live /ready)"));
    line("data", format_args!("{}", config.data.dir.display()));
    let (tiers, pools) = (policy.tiers.len(), policy.pools.len());
    line("policy", format_args!("{} ({tiers} tiers, {pools} pools)", policy.version));
    line("directory", format_args!("{directory}"));
    if (config.clock.speed - 1.0).abs() > f64::EPSILON {
        line("clock", format_args!("{} times as fast as the world's", config.clock.speed));
    }
    if imported.customer_count > 0 {
        line("customers", format_args!("{} imported", imported.customer_count));
    }
    if imported.agent_count > 0 {
        line("agents", format_args!("{} registered", imported.agent_count));
    }
    let program = std::env::args().next().unwrap_or_else(|| "tierline".to_owned());
    let server = if config.listen.grpc == config::Listen::default().grpc {
        String::new()
    } else {
        format!(" --server http://{grpc}")
    };
    let mut hints = String::new();
    if let Some(Hint { who, id }) = &imported.customer {
        let _ = writeln!(hints, "  {program} submit{server} {who} --subject 'card lost' --id lost");
        if let Some(lowest) = policy.tiers.last() {
            let tier = &lowest.name;
            let _ = writeln!(hints, "  {program} customers change{server} {id} --tier {tier}");
            let _ = writeln!(hints, "  {program} ticket get{server} lost");
        }
    }
    if let Some(agent) = &imported.agent {
        let _ = writeln!(hints, "  {program} work{server} {agent}");
    }
    let heading = concat!("Tierline ", env!("CARGO_PKG_VERSION"), " is ready\n");
    if !hints.is_empty() && Path::new(REHEARSAL_POLICY).exists() {
        let calls = format!("--generate 20 --policy {REHEARSAL_POLICY} --agents 7 --in-process");
        let _ = writeln!(hints, "  {program} rehearse {calls}");
    }
    if hints.is_empty() {
        format!("{heading}{text}")
    } else {
        format!("{heading}{text}\nTry in a second terminal:\n{hints}")
    }
}

/// Writes the log to standard error, as the configuration says.
fn log(config: &config::Log) {
    let filter = EnvFilter::builder().parse(&config.filter).expect("the configuration is checked");
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match config.format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().init(),
    }
}

/// SIGTERM and SIGINT.
struct Signals(io::Result<[Signal; 2]>);

impl Signals {
    /// From now on they do not end the process by themselves.
    fn catch() -> Self {
        let caught = || Ok([signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?]);
        Self(caught())
    }

    /// Completes at the first signal. The second ends the process at once: everything that was answered
    /// is on disk.
    async fn first(self) {
        let mut signals = match self.0 {
            Ok(signals) => signals,
            Err(error) => {
                tracing::error!(%error, "signals cannot be caught: one will end the server at once");
                return std::future::pending().await;
            }
        };
        either(&mut signals).await;
        tokio::spawn(async move {
            either(&mut signals).await;
            tracing::warn!("told again to stop: ending at once");
            std::process::exit(CUT_SHORT);
        });
    }
}

/// Reads the policy file again at every SIGHUP.
async fn reload_on_hangup(reloader: Reloader) {
    match signal(SignalKind::hangup()) {
        Ok(mut hangup) => {
            while hangup.recv().await.is_some() {
                reloader.reload().await;
            }
        }
        Err(error) => tracing::error!(%error, "SIGHUP cannot be caught: it ends the server"),
    }
}

async fn either([terminate, interrupt]: &mut [Signal; 2]) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
