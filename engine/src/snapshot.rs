//! Rows that a worker fills for the control thread, a bounded slice at a time.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::applications::AttachmentId;
pub use crate::routes::Route;
pub use coremill_tcp::snapshot::{ConnectionRow, Cursor, DestinationRow, ListenerRow};

/// State of a neighbour (RFC 4861, section 7.3.2, used for ARP too).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeighborState {
    /// Asked, no answer yet.
    Incomplete,
    /// Confirmed lately.
    Reachable,
    /// Known, not confirmed lately.
    Stale,
    /// In use while stale; a probe follows soon.
    Delay,
    /// Being probed.
    Probe,
    /// Did not answer.
    Failed,
}

impl NeighborState {
    /// The name as `ip neigh` prints it.
    pub const fn name(self) -> &'static str {
        match self {
            NeighborState::Incomplete => "INCOMPLETE",
            NeighborState::Reachable => "REACHABLE",
            NeighborState::Stale => "STALE",
            NeighborState::Delay => "DELAY",
            NeighborState::Probe => "PROBE",
            NeighborState::Failed => "FAILED",
        }
    }
}

/// One neighbour of one worker.
#[derive(Clone, Copy, Debug)]
pub struct NeighborRow {
    /// Index of the port.
    pub port: usize,
    /// Address.
    pub address: IpAddr,
    /// MAC address, where known.
    pub mac: Option<[u8; 6]>,
    /// State.
    pub state: NeighborState,
    /// Time since it was last confirmed, where it ever was.
    pub confirmed: Option<Duration>,
    /// Packets waiting for it.
    pub pending: usize,
}

/// What one attached application has of one worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApplicationRow {
    /// Which attachment.
    pub attachment: AttachmentId,
    /// Connections it holds, those offered and not accepted yet included.
    pub connections: u64,
    /// Listeners it holds. Every worker has each of them: take the largest, not the sum.
    pub listeners: u64,
    /// Sockets opened that are neither, yet.
    pub unconnected: u64,
    /// Connections that wait to be accepted.
    pub offered: u64,
    /// Threads of it that have spoken to this worker.
    pub contexts: u64,
    /// Commands carried out so far.
    pub commands: u64,
    /// Commands handed to the worker that has the socket, so far.
    pub commands_forwarded: u64,
    /// Commands refused with an error, or ignored because they named nothing, so far.
    pub commands_refused: u64,
    /// Times bytes inside a command had to wait because the shard had no memory left for what was promised.
    pub sends_delayed: u64,
    /// Events posted so far.
    pub events: u64,
    /// Events posted and not taken yet.
    pub events_pending: u64,
    /// Times one of its doorbells was rung.
    pub doorbells_rung: u64,
    /// Bytes received for it so far.
    pub received_bytes: u64,
    /// Bytes taken from it so far.
    pub sent_bytes: u64,
    /// Receive chunks lent now.
    pub receive_chunks_lent: u64,
    /// Send chunks lent now.
    pub send_chunks_lent: u64,
}

/// One service on one worker.
#[derive(Clone, Debug, Default)]
pub struct ServiceRow {
    /// Name.
    pub name: String,
    /// Kind, in one word.
    pub kind: &'static str,
    /// Where it listens or connects to.
    pub address: Option<SocketAddr>,
    /// Connections open now.
    pub connections: u64,
    /// Connections accepted or opened so far.
    pub connections_total: u64,
    /// Connections that ended with an error.
    pub errors: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Requests answered (http) or completed (rpc).
    pub requests: u64,
    /// Bytes that differed from the pattern (discard).
    pub mismatches: u64,
    /// Median latency of a request in nanoseconds (rpc), from a log2 histogram refined linearly.
    pub latency_p50_nanoseconds: u64,
    /// 99th percentile of the same.
    pub latency_p99_nanoseconds: u64,
}
