//! The engine as the control thread sees it: workers to ask, ports to show, a failure to look for.

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::applications::Counters;
use coremill_engine::WorkerHandle;
use coremill_engine::command::Command;
use coremill_engine::counters::WorkerCounters;
use coremill_engine::drop_reason::DropReason;
use coremill_protocol::{Network, PortView};
use coremill_tcp::{State, TcpCounters};

/// One worker. The engine's handle is one; tests have their own.
pub trait Worker: Send + Sync {
    /// Core it is pinned to.
    fn core(&self) -> Option<usize>;
    /// Counters, read in place.
    fn counters(&self) -> &WorkerCounters;
    /// TCP's counters, read in place.
    fn tcp_counters(&self) -> &TcpCounters;
    /// Hands over a command; gives it back when the queue is full. Answers come in order.
    fn submit(&self, command: Command) -> Result<(), Command>;
    /// The next answer.
    fn take_answer(&self) -> Option<Command>;
    /// Readable when answers wait.
    fn answers_fd(&self) -> BorrowedFd<'_>;
}

/// What the control thread knows of the running engine.
pub struct Stack {
    /// The workers.
    pub workers: Vec<Arc<dyn Worker>>,
    /// The ports; their link as it was at the start.
    pub ports: Vec<PortView>,
    /// Whether the link of the port with this index is up now; None when that is not known.
    pub link_up: Box<dyn Fn(usize) -> Option<bool> + Send + Sync>,
    /// When the engine started.
    pub started: Instant,
    /// Where metrics are served.
    pub metrics_address: Option<SocketAddr>,
    /// The configuration file.
    pub config_file: PathBuf,
    /// What is counted of applications.
    pub applications: Arc<Counters>,
}

impl Stack {
    /// Name of a port by its index.
    pub fn port_name(&self, index: usize) -> String {
        self.ports
            .get(index)
            .map_or_else(|| index.to_string(), |port| port.name.clone())
    }

    /// The ports with their links as they are now.
    pub fn ports_now(&self) -> Vec<PortView> {
        let mut ports = self.ports.clone();
        for (index, port) in ports.iter_mut().enumerate() {
            port.link_up = (self.link_up)(index);
        }
        ports
    }

    /// Our addresses with their networks, each with its port's index.
    pub fn networks(&self) -> impl Iterator<Item = (usize, Network)> {
        let ports = self.ports.iter().enumerate();
        ports.flat_map(|(index, port)| port.addresses.iter().map(move |network| (index, *network)))
    }

    /// Connections that are not over yet: all states but CLOSED, LISTEN and TIME-WAIT.
    pub fn open_connections(&self) -> u64 {
        let over = [State::Closed, State::Listen, State::TimeWait];
        let open = State::ALL.into_iter().filter(|state| !over.contains(state));
        open.map(|state| self.connections_in(state)).sum()
    }

    /// Connections in `state`, all workers.
    pub fn connections_in(&self, state: State) -> u64 {
        self.workers
            .iter()
            .map(|worker| connections_in(worker.as_ref(), state))
            .sum()
    }
}

/// Connections of one worker in `state`.
pub fn connections_in(worker: &dyn Worker, state: State) -> u64 {
    let states = &worker.tcp_counters().states;
    states.get(state as usize).map_or(0, |count| count.get())
}

/// Packets that a worker dropped for any reason.
pub fn dropped_packets(worker: &dyn Worker) -> u64 {
    DropReason::all()
        .map(|reason| worker.counters().drops.get(reason))
        .sum()
}

/// A MAC address as text.
pub fn mac_text(mac: [u8; 6]) -> String {
    let pairs: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(":")
}

impl Worker for WorkerHandle {
    fn core(&self) -> Option<usize> {
        WorkerHandle::core(self)
    }

    fn counters(&self) -> &WorkerCounters {
        WorkerHandle::counters(self)
    }

    fn tcp_counters(&self) -> &TcpCounters {
        WorkerHandle::tcp_counters(self)
    }

    fn submit(&self, command: Command) -> Result<(), Command> {
        WorkerHandle::submit(self, command)
    }

    fn take_answer(&self) -> Option<Command> {
        WorkerHandle::take_answer(self)
    }

    fn answers_fd(&self) -> BorrowedFd<'_> {
        WorkerHandle::answers_fd(self)
    }
}

#[cfg(test)]
pub mod fake;
