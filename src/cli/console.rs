//! What a command prints: results on standard output, remarks on standard error.
//!
//! Results go through [`say`] and [`json`], whose errors reach `main`: a reader that has enough (`head`)
//! ends the command quietly. Remarks that nobody can read are lost without harm.

use super::fault::Fault;
use serde::Serialize;
use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

/// The form in which results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// Aligned text, for people.
    Table,
    /// JSON, for programs; the fields are listed in the help of each command.
    Json,
}

/// Writes text to standard output as it is.
pub(crate) fn say(text: impl fmt::Display) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    write!(out, "{text}").and_then(|()| out.flush()).map_err(Fault::Output)
}

/// Writes bytes to standard output as they are.
pub(crate) fn raw(bytes: &[u8]) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(Fault::Output)
}

/// Writes one JSON document, indented.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Fault> {
    let text = serde_json::to_string_pretty(value).expect("our own types have text for keys");
    say(format_args!("{text}\n"))
}

/// Writes one JSON document on a line of its own, for streams.
pub(crate) fn json_line(value: &impl Serialize) -> Result<(), Fault> {
    let text = serde_json::to_string(value).expect("our own types have text for keys");
    say(format_args!("{text}\n"))
}

/// Shows a remark in the last line of a terminal, in place of the one before; an empty one wipes it. Where
/// standard error is no terminal nothing is shown.
pub(crate) fn status(text: impl fmt::Display) {
    let mut err = io::stderr().lock();
    if err.is_terminal() {
        let _ = write!(err, "\r\x1b[K{text}").and_then(|()| err.flush());
    }
}

/// Writes a remark line to standard error.
pub(crate) fn note(text: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}
