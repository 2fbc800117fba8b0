//! Servers that a command starts for itself and ends again, on a data directory that goes with them.

use crate::api::proto::v1::GetServerInfoRequest;
use crate::api::proto::v1::admin_service_client::AdminServiceClient;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

/// Connection attempts before a child is given up, a tenth of a second apart.
const ATTEMPTS_MAX: u32 = 600;

/// Why a server of one's own could not be started or asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// A file or a process.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// The measured process did not answer.
    #[error("the server at {address} did not answer; its log is {}", log.display())]
    Silent {
        /// Where.
        address: SocketAddr,
        /// What it wrote.
        log: PathBuf,
    },
    /// A call failed.
    #[error("a call failed: {0}")]
    Call(Box<tonic::Status>),
    /// A connection failed.
    #[error("a connection failed: {0}")]
    Transport(#[from] tonic::transport::Error),
}

impl From<tonic::Status> for Failed {
    fn from(status: tonic::Status) -> Self {
        Self::Call(Box::new(status))
    }
}

fn io_failed(what: impl Into<String>) -> impl FnOnce(io::Error) -> Failed {
    let what = what.into();
    move |source| Failed::Io { what, source }
}

/// Pins this process and all its threads to `core`; false where that cannot be done.
pub(crate) fn pin_self(core: usize) -> bool {
    let pid = std::process::id().to_string();
    let pinned = Command::new("taskset")
        .args(["-a", "-c", "-p", &core.to_string(), &pid])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    pinned.is_ok_and(|status| status.success())
}

/// A measured process with its own folder; both go when this is dropped.
pub(crate) struct Child {
    own: Served,
    address: SocketAddr,
    command: Vec<String>,
}

impl Child {
    /// A Tierline server on a new data directory below `dir`, with `policy` (TOML) in force.
    pub(crate) async fn tierline(
        dir: Option<&Path>,
        core: Option<usize>,
        policy: &str,
        more: &[String],
    ) -> Result<Self, Failed> {
        Self::tierline_in(new_folder(dir)?, core, policy, more).await
    }

    async fn tierline_in(
        folder: PathBuf,
        core: Option<usize>,
        policy: &str,
        more: &[String],
    ) -> Result<Self, Failed> {
        let file = folder.join("policy.toml");
        std::fs::write(&file, policy).map_err(io_failed("write the policy"))?;
        let (address, http) = (free_address()?, free_address()?);
        let mut arguments = vec![
            "serve".to_owned(),
            "--policy".to_owned(),
            file.display().to_string(),
            "--data".to_owned(),
            folder.join("data").display().to_string(),
            "--listen".to_owned(),
            address.to_string(),
            "--http".to_owned(),
            http.to_string(),
        ];
        arguments.extend_from_slice(more);
        Self::start(folder, address, core, &arguments).await
    }

    /// A Tierline server with `policy` and with `config` (TOML) for the rest.
    pub(crate) async fn configured(
        dir: Option<&Path>,
        core: Option<usize>,
        policy: &str,
        config: &str,
    ) -> Result<Self, Failed> {
        let folder = new_folder(dir)?;
        let file = folder.join("tierline.toml");
        std::fs::write(&file, config).map_err(io_failed("write the configuration"))?;
        let more = ["--config".to_owned(), file.display().to_string()];
        Self::tierline_in(folder, core, policy, &more).await
    }

    /// The ceilings' server.
    pub(crate) async fn ceiling(dir: Option<&Path>, core: Option<usize>) -> Result<Self, Failed> {
        let folder = new_folder(dir)?;
        let address = free_address()?;
        let file = folder.join("ceiling.log").display().to_string();
        let arguments = ["bench-ceiling".to_owned(), address.to_string(), file];
        Self::start(folder, address, core, &arguments).await
    }

    async fn start(
        folder: PathBuf,
        address: SocketAddr,
        core: Option<usize>,
        arguments: &[String],
    ) -> Result<Self, Failed> {
        let own = std::env::current_exe().map_err(io_failed("find this program"))?;
        let mut command = vec![own.display().to_string()];
        command.extend_from_slice(arguments);
        let command = pinned(command, core);
        let process = spawn(&command, &folder)?;
        let child = Self { own: Served { process, folder }, address, command };
        child.wait_until_answering().await?;
        Ok(child)
    }

    /// Kills the process as a power cut would, and starts it again on the same data directory.
    pub(crate) async fn kill_and_restart(&mut self) -> Result<(), Failed> {
        self.own.process.kill().map_err(io_failed("kill the server"))?;
        self.own.process.wait().map_err(io_failed("wait for the killed server"))?;
        self.own.process = spawn(&self.command, &self.own.folder)?;
        self.wait_until_answering().await
    }

    async fn wait_until_answering(&self) -> Result<(), Failed> {
        for _ in 0..ATTEMPTS_MAX {
            if self.connect().await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(Failed::Silent { address: self.address, log: self.log() })
    }

    /// Its address, as a client takes it.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A connection of its own.
    pub(crate) async fn connect(&self) -> Result<Channel, Failed> {
        Ok(Endpoint::from_shared(self.url())?.connect().await?)
    }

    /// Resident memory of the process, in bytes.
    pub(crate) fn memory(&self) -> Result<u64, Failed> {
        let path = format!("/proc/{}/status", self.own.process.id());
        let status = std::fs::read_to_string(&path).map_err(io_failed(format!("read {path}")))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        Ok(kib.unwrap_or(0) * 1024)
    }

    /// How many tickets the server holds.
    pub(crate) async fn ticket_count(&self) -> Result<u64, Failed> {
        let mut admin = AdminServiceClient::new(self.connect().await?);
        let info = admin.get_server_info(GetServerInfoRequest::default()).await?.into_inner();
        let limit = info.limits.into_iter().find(|limit| limit.name.contains("tickets"));
        Ok(limit.and_then(|limit| limit.current).unwrap_or(0))
    }

    fn log(&self) -> PathBuf {
        self.own.log()
    }
}

/// The same command, pinned to a core if one is named.
fn pinned(mut command: Vec<String>, core: Option<usize>) -> Vec<String> {
    if let Some(core) = core {
        let pinned = ["taskset", "-c", &core.to_string()].map(str::to_owned);
        command.splice(0..0, pinned);
    }
    command
}

/// Another program that a measurement needs, with its own folder; both go when this is dropped.
pub(crate) struct Served {
    process: std::process::Child,
    folder: PathBuf,
}

impl Served {
    /// Starts it, pinned to a core if one is named.
    pub(crate) fn start(
        dir: Option<&Path>,
        command: &[&str],
        core: Option<usize>,
    ) -> Result<Self, Failed> {
        let folder = new_folder(dir)?;
        let command = command.iter().map(|&word| word.to_owned()).collect();
        let process = spawn(&pinned(command, core), &folder)?;
        Ok(Self { process, folder })
    }

    /// Returns when it accepts connections.
    pub(crate) async fn wait_until_listening(&self, address: SocketAddr) -> Result<(), Failed> {
        for _ in 0..ATTEMPTS_MAX {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(Failed::Silent { address, log: self.log() })
    }

    fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // Both may be gone already; there is nobody left to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn spawn(command: &[String], folder: &Path) -> Result<std::process::Child, Failed> {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("server.log"))
        .map_err(io_failed("write the server's log"))?;
    let copy = log.try_clone().map_err(io_failed("write the server's log"))?;
    Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(copy)
        .spawn()
        .map_err(io_failed(format!("start {}", command[0])))
}

fn new_folder(dir: Option<&Path>) -> Result<PathBuf, Failed> {
    let parent = dir.map_or_else(std::env::temp_dir, Path::to_owned);
    let folder = parent.join(format!("tierline-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir_all(&folder).map_err(io_failed(format!("make {}", folder.display())))?;
    Ok(folder)
}

pub(crate) fn free_address() -> Result<SocketAddr, Failed> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(io_failed("find a free port"))?;
    listener.local_addr().map_err(io_failed("find a free port"))
}
