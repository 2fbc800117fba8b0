//! Lines that a person or a script types, without blocking anything.

use std::io::{self, BufRead as _, IsTerminal as _};
use std::thread;
use tokio::sync::mpsc;

/// Standard input, line by line.
///
/// A thread of its own waits for it; the process may end while it does.
#[derive(Debug)]
pub(crate) struct Keyboard {
    lines: mpsc::Receiver<String>,
    is_terminal: bool,
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
        Self { lines, is_terminal: io::stdin().is_terminal() }
    }

    /// The next line, or `None` after the last one.
    pub(crate) async fn line(&mut self) -> Option<String> {
        self.lines.recv().await
    }

    /// Whether a person types.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }
}
