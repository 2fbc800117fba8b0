//! What every file people write has in common: TOML with the place of each value, durations and sizes
//! as people write them, and faults that name file, line, key, value and what is allowed.
//!
//! Two kinds of file are read through it: policies (`crate::policy`) and the server's settings
//! (`crate::config`). It knows neither. Values are taken from the parsed tree one by one rather than
//! through serde, because serde stops at the first fault and people want to see all of them.

mod item;
mod report;
mod section;
mod units;

pub(crate) use item::{Item, NAME_CHARS_MAX};
pub(crate) use report::Report;
pub(crate) use section::{Section, Variables};
pub(crate) use units::{DAY, HOUR, MINUTE, SECOND};
pub use units::{format_bytes, format_ms, parse_bytes, parse_ms};

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The largest file that is read, in bytes: 256 KiB. A policy of 64 tiers needs a tenth of it.
pub const FILE_BYTES_MAX: usize = 256 * 1024;

/// The most faults that are printed; a file that is not TOML at all can have thousands.
const FAULTS_SHOWN_MAX: usize = 100;

/// Where a value stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In a file; the line counts from 1.
    Line {
        /// The file's name as it was given.
        file: Arc<str>,
        /// The line.
        line: usize,
    },
    /// A file as a whole.
    File {
        /// The file's name as it was given.
        file: Arc<str>,
    },
    /// An environment variable, which the message names.
    Environment,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { file, line } => write!(f, "{file}:{line}"),
            Self::File { file } => f.write_str(file),
            Self::Environment => f.write_str("environment"),
        }
    }
}

/// One thing that is wrong, or worth a second look, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// The key, its value, and what is allowed instead.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// Why a file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Everything that is wrong in it, in the order of the lines: at least one fault.
    #[error("{}", Lines(.0))]
    Faulty(Vec<Finding>),
}

/// Findings as text, one a line.
struct Lines<'a>(&'a [Finding]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, finding) in self.0.iter().take(FAULTS_SHOWN_MAX).enumerate() {
            let newline = if at == 0 { "" } else { "\n" };
            write!(f, "{newline}{finding}")?;
        }
        match self.0.len().saturating_sub(FAULTS_SHOWN_MAX) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

/// Reads a file of at most [`FILE_BYTES_MAX`] bytes of UTF-8.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let read_error = |source| Error::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(read_error)?;
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large from one that just fits.
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(read_error)?;
    let name: Arc<str> = path.display().to_string().into();
    if bytes.len() > FILE_BYTES_MAX {
        return Err(too_large(name));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Error::Faulty(vec![Finding {
            place: Place::Line {
                file: name,
                line: 1 + String::from_utf8_lossy(valid).matches('\n').count(),
            },
            message: "this line is not UTF-8 text".to_owned(),
        }])
    })
}

/// The fault of a file beyond [`FILE_BYTES_MAX`].
fn too_large(file: Arc<str>) -> Error {
    Error::Faulty(vec![Finding {
        place: Place::File { file },
        message: format!("is larger than {}", format_bytes(FILE_BYTES_MAX as u64)),
    }])
}
