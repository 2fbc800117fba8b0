//! The command line pointed at a real server in a folder of the test's own.

#![allow(dead_code, reason = "every test that includes this file uses its own part of it")]

use super::running::{Folder, LONG, Running};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tokio::time::timeout;

/// What a command did.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Done {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("no signal ended it"),
            out: String::from_utf8(output.stdout).expect("it prints UTF-8"),
            err: String::from_utf8(output.stderr).expect("it prints UTF-8"),
        }
    }

    /// The same, if it ended with that code.
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}:\n{}", self.out))
    }

    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }
}

pub(crate) fn tierline() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tierline"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIERLINE_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub(crate) fn run(arguments: &[&str]) -> Done {
    Done::of(tierline().args(arguments).output().unwrap())
}

pub(crate) fn shipped(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file).display().to_string()
}

/// A running server, and the command line pointed at it.
pub(crate) struct Floor {
    pub(crate) folder: Folder,
    pub(crate) server: Running,
}

impl Floor {
    pub(crate) async fn open() -> Self {
        let folder = Folder::new("", "");
        let server = folder.start().await;
        Self { folder, server }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = tierline();
        command.env("TIERLINE_SERVER", format!("http://{}", self.server.grpc)).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        Done::of(self.command(arguments).output().unwrap())
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--output", "json"];
        all.extend(arguments);
        self.run(&all).with_code(0).json()
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        self.folder.write(name, text);
        self.folder.path().join(name).display().to_string()
    }

    /// Watches the queues until they are as wanted.
    pub(crate) fn until(&self, wanted: impl Fn(&Value) -> bool) {
        let top = ["--output", "json", "top", "--interval", "100ms"];
        let mut watch = Background::spawn(self.command(&top));
        let mut overviews = watch.lines().map(|line| serde_json::from_str(&line).unwrap());
        assert!(overviews.any(|overview| wanted(&overview)));
    }

    pub(crate) fn put_agent(&self, id: &str) {
        self.run(&["agents", "put", id, "--pool", "desk"]).with_code(0);
    }
}

/// A command that runs while the test does something else; killed when it is dropped.
pub(crate) struct Background(pub(crate) Child);

impl Background {
    pub(crate) fn spawn(mut command: Command) -> Self {
        Self(command.stdin(Stdio::piped()).spawn().unwrap())
    }

    /// Its lines on standard output, in its own time.
    pub(crate) fn lines(&mut self) -> impl Iterator<Item = String> + use<> {
        BufReader::new(self.0.stdout.take().unwrap()).lines().map(Result::unwrap)
    }

    /// Presses Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    }

    /// How it ended by itself.
    pub(crate) async fn ended(mut self) -> i32 {
        let waiting = tokio::task::spawn_blocking(move || self.0.wait().unwrap());
        let status = timeout(LONG, waiting).await.expect("it ends in time").unwrap();
        status.code().expect("no signal ended it")
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
