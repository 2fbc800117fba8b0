//! The real server as a process of its own, on loopback and on a folder that the test owns.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};

/// How long a server may take to answer after its start.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A server process. It is killed when this is dropped.
pub struct Process {
    child: Child,
    config: PathBuf,
    grpc: SocketAddr,
    http: SocketAddr,
}

impl Process {
    /// Starts a server in `folder` with the default settings, `policy` (TOML text), and `more`
    /// (further TOML sections), and waits until it answers.
    pub async fn start(folder: &Path, policy: &str, more: &str) -> Self {
        let (grpc, http) = (free_address(), free_address());
        let policy_file = folder.join("policy.toml");
        std::fs::write(&policy_file, policy).expect("the folder can be written");
        let config = folder.join("tierline.toml");
        let text = format!(
            "[listen]\ngrpc = \"{grpc}\"\nhttp = \"{http}\"\n\
             [policy]\nfile = \"{}\"\n[data]\ndir = \"{}\"\n{more}",
            policy_file.display(),
            folder.join("data").display(),
        );
        std::fs::write(&config, text).expect("the folder can be written");
        let child = spawn(&config, folder);
        let process = Self { child, config, grpc, http };
        process.wait_until_answering().await;
        process
    }

    /// Ends the process as a power cut would end it: SIGKILL, no goodbye.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is our own process");
        self.child.wait().expect("it has been killed");
    }

    /// Starts it again on the same folder and waits until it answers.
    pub async fn restart(&mut self) {
        let folder = self.config.parent().expect("it is in a folder").to_owned();
        self.child = spawn(&self.config, &folder);
        self.wait_until_answering().await;
    }

    /// A new connection.
    pub async fn connect(&self) -> Channel {
        self.try_connect().await.expect("the server answers")
    }

    /// A new connection, or why there is none.
    pub async fn try_connect(&self) -> Result<Channel, tonic::transport::Error> {
        Endpoint::from_shared(self.url()).expect("a valid address").connect().await
    }

    /// Where its gRPC is.
    pub fn url(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// Where its HTTP is.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The process's number.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    async fn wait_until_answering(&self) {
        let answers = async {
            while self.try_connect().await.is_err() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(ANSWER_MAX, answers).await.unwrap_or_else(|_| {
            let log = self.config.with_file_name("server.log");
            let log = std::fs::read_to_string(log).unwrap_or_default();
            panic!("the server does not answer; its log:\n{log}")
        });
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(config: &Path, folder: &Path) -> Child {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("server.log"))
        .expect("the folder can be written");
    Command::new(env!("CARGO_BIN_EXE_tierline"))
        .args(["serve", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a second handle"))
        .stderr(log)
        .spawn()
        .expect("the binary was built")
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("it is bound")
}
