//! Why a server did not start, or ended.

use crate::{directory, driver, journal, settings};
use std::io;
use std::net::SocketAddr;

/// Why a server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The policy is at fault; every fault in a line of its own.
    #[error("{0}")]
    Policy(settings::Error),
    /// The data directory or its journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The directory of customers.
    #[error(transparent)]
    Directory(#[from] directory::Error),
    /// A port cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Port {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A bound socket does not tell its address.
    #[error("a bound socket has no address: {0}")]
    Socket(io::Error),
    /// Other machines could reach the port, and nothing is encrypted.
    #[error(
        "{address} can be reached from other machines, and nothing is encrypted: set \
         listen.insecure = true if the network between is trusted"
    )]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// The driver did not start, or ended.
    #[error(transparent)]
    Driver(#[from] driver::Stopped),
}

impl Error {
    /// The exit code of a process that ends so, after BSD's `sysexits.h`: 64 configuration or policy,
    /// 69 a port, 73 the data directory, 74 the journal or the disk.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Policy(_)
            | Self::Exposed { .. }
            | Self::Driver(
                driver::Stopped::PolicyStrands { .. } | driver::Stopped::PolicyStrandsSkill { .. },
            )
            | Self::Directory(directory::Error::Invalid(_) | directory::Error::Url { .. }) => 64,
            Self::Port { .. } | Self::Socket(_) => 69,
            Self::Journal(journal::Error::Locked { .. } | journal::Error::Io { .. }) => 73,
            Self::Journal(_) | Self::Directory(_) | Self::Driver(_) => 74,
        }
    }
}
