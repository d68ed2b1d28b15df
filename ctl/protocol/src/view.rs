//! Rows as an operator sees them; the command prints these, as tables or as the same JSON.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::Network;

/// The daemon as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    /// Version of the daemon.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Time since the engine started.
    pub uptime_ms: u64,
    /// `running` or `draining`.
    pub phase: String,
    /// Number of workers.
    pub workers: usize,
    /// Number of ports.
    pub ports: usize,
    /// Connections by state, all workers; states without any are left out.
    pub connections: Vec<StateCount>,
    /// Packets received, all workers.
    pub received_packets: u64,
    /// Packets sent, all workers.
    pub transmitted_packets: u64,
    /// Packets dropped for any reason, all workers.
    pub dropped_packets: u64,
    /// Where metrics are served.
    pub metrics_address: Option<SocketAddr>,
    /// The configuration file.
    pub config_file: String,
}

/// Connections in one state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StateCount {
    /// The state, as `ss` names it.
    pub state: String,
    /// How many.
    pub connections: u64,
}

/// One connection, half-open request or TIME-WAIT record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SocketView {
    /// Worker that owns it now.
    pub worker: usize,
    /// State, as `ss` names it.
    pub state: String,
    /// Our end.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
    /// Bytes received and not yet read.
    pub receive_queue_bytes: u32,
    /// Bytes written and not yet acknowledged.
    pub send_queue_bytes: u32,
    /// Congestion window.
    pub congestion_window_bytes: u32,
    /// Slow-start threshold, where one was set.
    pub slow_start_threshold_bytes: Option<u32>,
    /// Congestion control, where there is a connection; what only its algorithm knows follows its name.
    #[serde(default)]
    pub congestion: Option<String>,
    /// Bytes per second at which segments leave, where they are paced.
    #[serde(default)]
    pub pacing_rate: Option<u64>,
    /// The peer's window.
    pub send_window_bytes: u32,
    /// Our window.
    pub receive_window_bytes: u32,
    /// Effective maximum segment size.
    pub maximum_segment_bytes: u16,
    /// Smoothed round-trip time, where measured.
    pub round_trip_us: Option<u64>,
    /// Retransmission timeout.
    pub retransmission_timeout_us: u64,
    /// Segments retransmitted so far.
    pub retransmissions: u32,
    /// Why nothing more is sent now, in one word.
    pub hold: String,
    /// Where loss recovery stands, by Linux's words: `open`, `disorder`, `cwr`, `recovery`, `loss`. None of what is no
    /// connection.
    #[serde(default)]
    pub recovery: Option<String>,
    /// Its user has closed it.
    pub orphan: bool,
    /// What its segments are signed by: `md5`, or `ao` with the ids of the key that signs and of the one that the peer is
    /// asked for.
    #[serde(default)]
    pub signed_by: Option<String>,
    /// What was agreed on about congestion notification: `ecn` or `accecn`; None for nothing.
    #[serde(default)]
    pub ecn: Option<String>,
    /// What memory it has, where there is a connection.
    #[serde(default)]
    pub memory: Option<MemoryView>,
    /// What it has counted, by the names of RFC 4898 without `tcpEStats`, where it was asked to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<BTreeMap<String, u64>>,
}

/// What memory a connection has, as Linux's SO_MEMINFO tells it (`ss -m`). Places without a counterpart here are zero
/// always and left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryView {
    /// Chunks that hold what was received until it is read.
    pub receive_held_bytes: u32,
    /// SO_RCVBUF as it is now.
    pub receive_buffer_bytes: u32,
    /// SO_SNDBUF as it is now.
    pub send_buffer_bytes: u32,
    /// Bytes of all chunks that hold nothing yet.
    pub forward_bytes: u32,
    /// Chunks that hold what was written until it is acknowledged.
    pub send_queued_bytes: u32,
    /// What only few connections need, such as keys.
    pub option_bytes: u32,
}

/// One listener on one worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ListenerView {
    /// The worker.
    pub worker: usize,
    /// Address and port.
    pub local: SocketAddr,
    /// Connections that wait to be accepted on this worker.
    pub accept_queue: usize,
    /// How many may wait, over all workers.
    pub backlog: usize,
    /// Half-open requests on this worker.
    pub requests: usize,
    /// Connections refused on this worker because the queue was full.
    pub overflows: u64,
}

/// One counter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CounterView {
    /// `engine` or `tcp`.
    pub layer: String,
    /// Its name; TCP's are Linux's, where Linux has the counter.
    pub name: String,
    /// One line of help.
    pub help: String,
    /// Its value on each worker.
    pub workers: Vec<u64>,
}

/// One drop reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropView {
    /// The reason.
    pub reason: String,
    /// One line of help.
    pub help: String,
    /// Packets dropped for it on each worker.
    pub workers: Vec<u64>,
}

/// One neighbour on one worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NeighborView {
    /// The worker.
    pub worker: usize,
    /// Name of the port.
    pub port: String,
    /// Its address.
    pub address: IpAddr,
    /// Its MAC address, where known.
    pub mac: Option<String>,
    /// State, as `ip neigh` names it.
    pub state: String,
    /// Time since it was last confirmed, where it ever was.
    pub confirmed_ms: Option<u64>,
    /// Packets that wait for it.
    pub pending: usize,
}

/// What one worker remembers of a destination; what is not known is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DestinationView {
    /// The worker.
    pub worker: usize,
    /// The destination's address.
    pub address: IpAddr,
    /// Ours.
    pub source: IpAddr,
    /// Since when nobody asked for it.
    pub age_ms: u64,
    /// Smoothed round-trip time.
    pub round_trip_us: Option<u64>,
    /// How much that varies.
    pub round_trip_variation_us: Option<u64>,
    /// Slow-start threshold, in segments.
    pub slow_start_threshold_segments: Option<u32>,
    /// Congestion window that connections came to, in segments.
    pub congestion_window_segments: Option<u32>,
    /// Duplicates that mean a loss.
    pub reordering_segments: Option<u32>,
    /// What the path carries, where that is less than the link.
    pub path_mtu: Option<u16>,
    /// What a search has found: packets of so many bytes arrive.
    pub path_mtu_low: Option<u16>,
    /// Larger ones than this do not, or were not tried.
    pub path_mtu_high: Option<u16>,
    /// Its Fast Open cookie, in hexadecimal.
    pub fast_open_cookie: Option<String>,
    /// Segment size that it named with the cookie.
    pub fast_open_segment_bytes: Option<u32>,
    /// SYNs with data in a row that were lost.
    pub fast_open_syn_losses: u8,
    /// How long ago the last of them was.
    pub fast_open_lost_ms: Option<u64>,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RouteView {
    /// Destination network.
    pub network: Network,
    /// Next hop; none on the link.
    pub gateway: Option<IpAddr>,
    /// Name of the port.
    pub port: String,
    /// Source address of active opens.
    pub source: IpAddr,
    /// Packets to own addresses in it go through the port.
    pub local_through_port: bool,
}

/// One worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerView {
    /// The worker.
    pub worker: usize,
    /// Core it is pinned to.
    pub core: Option<usize>,
    /// Packets received.
    pub received_packets: u64,
    /// Packets sent.
    pub transmitted_packets: u64,
    /// Packets dropped for any reason.
    pub dropped_packets: u64,
    /// Packets handed to other workers.
    pub strays_sent: u64,
    /// Packets taken from other workers.
    pub strays_received: u64,
    /// Records held: connections, half-open requests, TIME-WAIT.
    pub connections: u64,
    /// Bytes of chunks that connections hold for what they received and are to send.
    #[serde(default)]
    pub held_bytes: u64,
    /// Entries that connections and listeners hold of what they share.
    #[serde(default)]
    pub pools: Vec<PoolCount>,
    /// Turns of its loop.
    pub turns: u64,
    /// Turns in which there was something to do.
    pub busy_turns: u64,
    /// Times it went to sleep.
    pub sleeps: u64,
    /// Share of its time asleep since start, in percent.
    pub asleep_percent: f64,
    /// Share of its time awake with nothing to do since start, in percent.
    pub idle_percent: f64,
    /// Upper bound of the time of 99 % of its busy turns.
    pub turn_p99_ns: u64,
}

/// How much of a pool is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolCount {
    /// Its name.
    pub pool: String,
    /// Entries that somebody holds.
    pub entries: u64,
}

/// One service on one worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceView {
    /// The worker.
    pub worker: usize,
    /// Name.
    pub name: String,
    /// Kind, in one word.
    pub kind: String,
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
    /// Median latency of a request (rpc).
    pub latency_p50_ns: u64,
    /// 99th percentile of the same.
    pub latency_p99_ns: u64,
}

/// One port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PortView {
    /// Name.
    pub name: String,
    /// Driver of the device.
    pub driver: String,
    /// MAC address.
    pub mac: String,
    /// MTU in bytes of IP packet.
    pub mtu: u16,
    /// Our addresses.
    pub addresses: Vec<Network>,
    /// Whether the link is up, where the port tells.
    pub link_up: Option<bool>,
    /// What the port does for us, in words.
    pub offloads: Vec<String>,
    /// Whether workers can sleep until it has a packet.
    pub receive_interrupts: bool,
}
