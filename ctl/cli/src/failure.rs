//! What can go wrong on the operator's side, and the exit code of each.

use std::io;
use std::path::PathBuf;

use coremill_protocol::{ErrorBody, ErrorKind, VERSION};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody listens.
    #[error("no daemon at {}: {source}; start coremilld, or name its socket with --socket", socket.display())]
    NotRunning {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The socket may not be opened.
    #[error("{}: permission denied; become root or join the socket's group (control.group)", socket.display())]
    Permission {
        /// The socket.
        socket: PathBuf,
    },
    /// The daemon said no.
    #[error("{}", .0.message)]
    Refused(ErrorBody),
    /// The daemon speaks something else.
    #[error(
        "{message}; this command speaks version {VERSION} of the protocol, install the one that came with the daemon"
    )]
    Version {
        /// What was seen.
        message: String,
    },
    /// The connection broke.
    #[error("talking to the daemon: {source}")]
    Connection {
        /// What the system said.
        source: io::Error,
    },
    /// Standard output cannot be written.
    #[error("writing the output: {source}")]
    Output {
        /// What the system said.
        source: io::Error,
    },
}

impl Failure {
    /// The process's exit code; documented in the command's help.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Refused(body) => match body.kind {
                ErrorKind::Forbidden => 4,
                ErrorKind::Version => 5,
                _ => 1,
            },
            Failure::NotRunning { .. } => 3,
            Failure::Permission { .. } => 4,
            Failure::Version { .. } => 5,
            Failure::Connection { .. } | Failure::Output { .. } => 6,
        }
    }
}
