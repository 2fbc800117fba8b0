//! The real binary on ports of the system's choice, with what it says on both of its outputs.

#![allow(dead_code, reason = "every test that includes this file uses its own part of it")]

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tonic::transport::{Channel, Endpoint};

/// Longest wait for anything that must happen.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// A folder with a configuration, and room for the data.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// A folder whose server listens on ports of the system's choice; `more` are further sections.
    pub(crate) fn new(listen: &str, more: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        let text = format!(
            "[listen]\ngrpc = \"127.0.0.1:0\"\nhttp = \"127.0.0.1:0\"\n{listen}\n\
             [policy]\nfile = \"{}\"\n[data]\ndir = \"{}\"\n{more}",
            Path::new(env!("CARGO_MANIFEST_DIR")).join("config/default.toml").display(),
            folder.0.path().join("data").display(),
        );
        folder.write("tierline.toml", &text);
        folder
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The command that starts a server here.
    pub(crate) fn serve(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tierline"));
        command.arg("serve").arg("--config").arg(self.0.path().join("tierline.toml"));
        self.prepared(command)
    }

    /// The same after a line of shell, which sets limits of the process.
    pub(crate) fn serve_after(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        let script = format!("{line}; exec \"$0\" serve --config \"$1\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_tierline")]);
        command.arg(self.0.path().join("tierline.toml"));
        self.prepared(command)
    }

    fn prepared(&self, mut command: Command) -> Command {
        command
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a server, with these options too, that is expected to end by itself.
    pub(crate) async fn refused(&self, options: &[&str]) -> Output {
        let mut command = self.serve();
        command.args(options);
        let output = spawn_blocking(move || command.output().unwrap());
        timeout(LONG, output).await.expect("it ends by itself").unwrap()
    }

    pub(crate) async fn start(&self) -> Running {
        Running::of(self.serve()).await
    }
}

/// A server that listens.
pub(crate) struct Running {
    /// `None` once somebody waits for its end.
    child: Option<Child>,
    pid: u32,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    out: watch::Receiver<String>,
    log: watch::Receiver<String>,
}

impl Running {
    /// Starts `command` and returns when it says that it listens.
    pub(crate) async fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = follow(child.stderr.take().unwrap());
        let out = follow(child.stdout.take().unwrap());
        let has_both = |text: &String| address(text, "gRPC").zip(address(text, "HTTP")).is_some();
        let mut greeting = out.clone();
        let said = timeout(LONG, greeting.wait_for(has_both)).await;
        let said = said.expect("a server starts").map(|text| text.clone());
        let Ok(said) = said else { panic!("the server ended:\n{}", *log.borrow()) };
        let (grpc, http) = address(&said, "gRPC").zip(address(&said, "HTTP")).unwrap();
        Self { pid: child.id(), child: Some(child), grpc, http, out, log }
    }

    /// What it said on standard output, once that holds `text`.
    pub(crate) async fn said(&self, text: &str) -> String {
        let mut out = self.out.clone();
        let found = timeout(LONG, out.wait_for(|out| out.contains(text))).await;
        found.expect("it is said in time").expect("the server runs").clone()
    }

    /// A new connection for calls.
    pub(crate) async fn connect(&self) -> Channel {
        self.try_connect().await.expect("the server answers")
    }

    pub(crate) async fn try_connect(&self) -> Result<Channel, tonic::transport::Error> {
        Endpoint::from_shared(format!("http://{}", self.grpc)).unwrap().connect().await
    }

    /// A page: its status line and its body.
    pub(crate) async fn get(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.http).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(LONG, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    /// The value of a series at this moment.
    pub(crate) async fn metric(&self, series: &str) -> Option<f64> {
        let (_, page) = self.get("/metrics").await;
        let value = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        value.map(|value| value.parse().unwrap())
    }

    /// Returns when the log holds `text`.
    pub(crate) async fn logged(&self, text: &str) {
        let mut log = self.log.clone();
        let found = timeout(LONG, log.wait_for(|log| log.contains(text))).await;
        found.expect("it is logged in time").expect("the server runs");
    }

    pub(crate) async fn signal(&self, name: &str) {
        let arguments = [format!("-{name}"), self.pid.to_string()];
        let status = spawn_blocking(|| Command::new("kill").args(arguments).status()).await;
        assert!(status.unwrap().unwrap().success());
    }

    /// How it ended, and its whole log.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        let mut child = self.child.take().expect("nobody else waits");
        let status = spawn_blocking(move || child.wait().unwrap());
        let status = timeout(LONG, status).await.unwrap_or_else(|_| {
            // Its number is still its own: nobody has been told of its end.
            let _ = Command::new("kill").args(["-KILL", &self.pid.to_string()]).status();
            panic!("it does not end; its log:\n{}", *self.log.borrow())
        });
        let status = status.unwrap();
        // The log's last line is followed by its end.
        while self.log.changed().await.is_ok() {}
        let log = self.log.borrow().clone();
        (status, log)
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(self) {
        drop(self);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The address that the greeting gives under `name`.
fn address(text: &str, name: &str) -> Option<SocketAddr> {
    let line = text.lines().find(|line| line.trim_start().starts_with(name))?;
    let word = line.split_whitespace().nth(1)?;
    word.trim_start_matches("http://").parse().ok()
}

/// All that comes out of a pipe, as it grows; closed at its end.
fn follow(pipe: impl Read + Send + 'static) -> watch::Receiver<String> {
    let (sender, receiver) = watch::channel(String::new());
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            sender.send_modify(|text| {
                text.push_str(&line);
                text.push('\n');
            });
        }
    });
    receiver
}
