//! A real redis-server of one test's own: on a free loopback port, without persistence, killed when
//! the test ends. It can be killed and started again on its port, and frozen and thawed.

#![allow(dead_code, reason = "every test that includes this file uses its own part of it")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A free port is only free until someone else takes it: so often another one is tried.
const ATTEMPTS: usize = 20;
/// Longest wait for one answer of the server itself.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The running server.
pub(crate) struct RedisServer {
    port: u16,
    /// A configuration file, which has to come first.
    file: Option<PathBuf>,
    arguments: Vec<String>,
    directory: tempfile::TempDir,
    running: Option<Child>,
}

impl RedisServer {
    /// Starts a server and returns when it answers.
    ///
    /// # Panics
    /// Without redis-server on this machine: the tests need it.
    pub(crate) fn start() -> Self {
        Self::start_with(&[], None)
    }

    /// Starts a server with more arguments, and perhaps a configuration file with these lines.
    pub(crate) fn start_with(arguments: &[&str], configuration: Option<&str>) -> Self {
        let directory = tempfile::tempdir().expect("a directory for the server");
        let file = configuration.map(|lines| {
            let file = directory.path().join("redis.conf");
            std::fs::write(&file, lines).expect("the server's configuration");
            file
        });
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        let mut server = Self { port: 0, file, arguments, directory, running: None };
        for _ in 0..ATTEMPTS {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            server.port = free.local_addr().expect("a bound port").port();
            drop(free);
            if server.try_run().is_ok() {
                return server;
            }
        }
        panic!("redis-server did not start on any of {ATTEMPTS} free ports");
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends a command as another system would, and returns the reply as it came.
    pub(crate) fn command(&self, words: &[&str]) -> String {
        self.try_command(words).expect("the server takes a command and answers in UTF-8")
    }

    /// The same where the server may close the connection, as one does that sentinels make a master.
    pub(crate) fn try_command(&self, words: &[&str]) -> std::io::Result<String> {
        self.try_send(&request(words))
    }

    /// Sends many commands at once and returns their replies, of which each is a line.
    pub(crate) fn commands(&self, commands: &[Vec<String>]) -> Vec<String> {
        let requests: String = commands.iter().map(|words| request(words)).collect();
        let replies = self.try_send(&requests).expect("the server takes commands");
        replies.lines().map(str::to_owned).collect()
    }

    fn try_send(&self, requests: &str) -> std::io::Result<String> {
        let mut stream = self.connect();
        stream.write_all(requests.as_bytes())?;
        stream.shutdown(std::net::Shutdown::Write)?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        Ok(reply)
    }

    /// Ends the server as a power failure would. What it held is gone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            child.kill().expect("our own child can be killed");
            child.wait().expect("our own child can be waited for");
        }
    }

    /// Starts the server again on the port it had.
    pub(crate) fn restart(&mut self) {
        self.kill();
        self.try_run().expect("the port it had is still free");
    }

    /// Stops the process without ending it: its connections stay open and say nothing.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets a frozen server go on.
    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let pid = self.running.as_ref().expect("the server runs").id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().expect("kill is there");
        assert!(status.success(), "kill {signal} {pid}: {status}");
    }

    fn try_run(&mut self) -> Result<(), String> {
        let child = Command::new("redis-server")
            .args(self.file.as_ref())
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", ""])
            .arg("--dir")
            .arg(self.directory.path())
            // The last word wins.
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => panic!(
                "redis-server is not installed, and this test needs a real one: \
                 run `make test`, which installs it, or `apt-get install redis-server`"
            ),
            Err(error) => panic!("redis-server: {error}"),
        };
        let log = child.stdout.take().expect("its output is piped");
        self.running = Some(child);
        if let Err(log) = wait_until_it_listens(log) {
            self.kill();
            return Err(log);
        }
        let pong = self.command(&["PING"]);
        assert_eq!(pong, "+PONG\r\n");
        Ok(())
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("it listens");
        stream.set_read_timeout(Some(ANSWER_MAX)).expect("a timeout that is not zero");
        stream
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A command in Redis's own protocol.
fn request(words: &[impl AsRef<str>]) -> String {
    let mut request = format!("*{}\r\n", words.len());
    for word in words.iter().map(AsRef::as_ref) {
        request.extend(["$", &word.len().to_string(), "\r\n", word, "\r\n"]);
    }
    request
}

/// Reads the server's log until it says that it listens, or ends. The rest of the log is read by a
/// thread, since a full pipe would stop the server.
fn wait_until_it_listens(log: ChildStdout) -> Result<(), String> {
    let mut log = BufReader::new(log);
    let mut seen = String::new();
    loop {
        let begun = seen.len();
        if log.read_line(&mut seen).map_err(|error| error.to_string())? == 0 {
            return Err(seen);
        }
        let line = &seen[begun..];
        if line.contains("Ready to accept connections") || line.contains("Sentinel ID is") {
            break;
        }
    }
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    Ok(())
}
