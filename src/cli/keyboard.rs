//! Lines that a person or a script types, without blocking anything.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Standard input, line by line.
///
/// A thread of its own waits for it; the process may end while it does.
#[derive(Debug)]
pub(crate) struct Keyboard {
    lines: mpsc::Receiver<String>,
    is_terminal: bool,
    /// Read to see whether there is one, and not asked for yet.
    first: Option<String>,
}

impl Keyboard {
    /// Begins to read.
    pub(crate) fn open() -> Self {
        let (sender, lines) = mpsc::channel(1);
        thread::spawn(move || {
            for line in io::stdin().lock().lines() {
                // An unreadable line ends the input like its end does.
                let Ok(line) = line else { return };
                if sender.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self { lines, is_terminal: io::stdin().is_terminal(), first: None }
    }

    /// The next line, or `None` after the last one.
    pub(crate) async fn line(&mut self) -> Option<String> {
        match self.first.take() {
            Some(line) => Some(line),
            None => self.lines.recv().await,
        }
    }

    /// Whether the input has ended before anything was asked of it. One that has said nothing within
    /// `grace` may say something later.
    pub(crate) async fn is_over(&mut self, grace: Duration) -> bool {
        let Ok(first) = timeout(grace, self.lines.recv()).await else {
            return false;
        };
        self.first = first;
        self.first.is_none()
    }

    /// Whether a person types.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }
}
