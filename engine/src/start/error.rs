//! Why the engine did not start.

use crate::affinity;
use crate::nic::dpdk::EalError;
use crate::routes::RouteError;
use crate::services::ServiceError;
use crate::steering::Steering;

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Too few or too many workers.
    #[error("{0} workers are configured: name between 1 and {max} cores", max = Steering::WORKERS_MAX)]
    Workers(usize),
    /// The options name no port.
    #[error("no port is configured: name at least one")]
    NoPorts,
    /// DPDK or a port.
    #[error(transparent)]
    Eal(#[from] EalError),
    /// A route that cannot be.
    #[error("route to {network}: {error}")]
    Route {
        /// The destination network.
        network: String,
        /// What is wrong.
        error: RouteError,
    },
    /// A route without an address to send from.
    #[error("route to {0}: its port has no address of that family: configure one, or a source")]
    NoSource(String),
    /// Another owner still has a queue of the port.
    #[error("queue {worker} of port {port} is taken already")]
    Queue {
        /// Index of the port.
        port: usize,
        /// Index of the worker.
        worker: usize,
    },
    /// A worker cannot run on its core.
    #[error(transparent)]
    Core(#[from] affinity::CoreError),
    /// A service cannot listen.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// No descriptors left.
    #[error("no descriptor for a worker's doorbell ({0}): raise the limit of open files")]
    Descriptors(std::io::Error),
    /// No thread.
    #[error("a worker's thread could not be started ({0}): raise the limit of processes")]
    Thread(std::io::Error),
    /// A bug.
    #[error("a worker panicked while it started: {0}")]
    Panicked(String),
}
