//! Why the daemon ends, and the exit code of each reason.

use std::net::SocketAddr;
use std::path::PathBuf;

use coremill_config::ConfigError;

/// Why the daemon did not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is wrong.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// Something the configuration names does not exist on this host.
    #[error("{0}")]
    Host(String),
    /// A device or a privilege is missing.
    #[error("{0}")]
    Device(String),
    /// Another daemon serves this socket.
    #[error("{}: another coremilld is running (`coremill --socket {} status` shows it); stop it, or give this one its own control.socket, metrics.address and devices", socket.display(), socket.display())]
    SecondDaemon {
        /// The socket.
        socket: PathBuf,
    },
    /// Something of DPDK's is in use by another process.
    #[error("{0}")]
    InUse(String),
    /// Something that is not ours is in the socket's place.
    #[error("{}: exists and is not a socket; remove it or choose another control.socket", socket.display())]
    SocketTaken {
        /// The path.
        socket: PathBuf,
    },
    /// A file or directory of the control socket cannot be made.
    #[error("{}: {source}; run as a user who may write there, or choose another control.socket", path.display())]
    SocketPlace {
        /// The path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The metrics address cannot be used.
    #[error(
        "metrics.address {address}: {source}; choose another with --metrics, or `--metrics off`"
    )]
    MetricsAddress {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The engine did not start.
    #[error("{0}")]
    Engine(String),
    /// A worker panicked.
    #[error("a worker failed: {0}; this is a bug in Coremill, please report this line")]
    Worker(String),
    /// The system refused something that it normally grants.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Failure {
    /// The process's exit code; documented in `--help`.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::System { .. } => 1,
            Failure::Config(_) | Failure::Host(_) => 3,
            Failure::Device(_) | Failure::SocketPlace { .. } => 4,
            Failure::SecondDaemon { .. }
            | Failure::InUse(_)
            | Failure::SocketTaken { .. }
            | Failure::MetricsAddress { .. } => 5,
            Failure::Engine(_) => 6,
            Failure::Worker(_) => 70,
        }
    }
}

/// For `map_err`: a failed system call.
pub fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Failure {
    move |source| Failure::System { what, source }
}
