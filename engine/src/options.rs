//! What the engine is started with. The daemon translates its configuration into this.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use coremill_tcp::limits::{Limits, Secrets};

/// Everything the engine needs to start.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// DPDK's environment.
    pub eal: EalOptions,
    /// Ports, in the order of their index.
    pub ports: Vec<PortOptions>,
    /// Workers, one per core; worker i owns queue i of each port and shard i.
    pub workers: Vec<WorkerOptions>,
    /// Static routes; the networks of the ports' own addresses are added by the engine.
    pub routes: Vec<RouteOptions>,
    /// Neighbour table.
    pub neighbors: NeighborOptions,
    /// ICMP errors and echo replies sent per second and worker, at most.
    pub icmp_per_second: u32,
    /// Bounds and defaults of each worker's TCP shard.
    pub tcp: Limits,
    /// Keys of TCP, the same for each worker.
    pub secrets: Secrets,
    /// Key of the Toeplitz hash that finds a flow's owner.
    pub steering_key: [u8; 40],
    /// Services inside the workers.
    pub services: Vec<ServiceOptions>,
    /// Slots of each worker's ring for packets from other workers.
    pub stray_ring_length: usize,
    /// Bounds of a turn.
    pub turn: TurnOptions,
}

/// How DPDK's environment is started.
#[derive(Clone, Debug)]
pub struct EalOptions {
    /// Where packet memory comes from.
    pub memory: EalMemory,
    /// Prefix of DPDK's own files, so that several daemons can run side by side.
    pub file_prefix: String,
    /// DPDK's runtime directory (RUNTIME_DIRECTORY); None leaves DPDK's choice.
    pub runtime_directory: Option<PathBuf>,
    /// DPDK's log level, 1 (emergency) to 8 (debug).
    pub log_level: u8,
    /// Further EAL arguments, as on DPDK's command line.
    pub extra_arguments: Vec<String>,
    /// Packets in the pool shared by all ports.
    pub packets: u32,
}

/// Where packet memory comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EalMemory {
    /// Ordinary pages (`--no-huge`), this many MiB.
    Ordinary {
        /// MiB reserved.
        megabytes: u32,
    },
    /// Huge pages without files in hugetlbfs (`--in-memory`).
    HugeInMemory,
    /// Huge pages by hugetlbfs.
    Huge,
}

/// One port.
#[derive(Clone, Debug)]
pub struct PortOptions {
    /// Name used in config, metrics and commands.
    pub name: String,
    /// Which device.
    pub device: Device,
    /// Our addresses on it, with prefix length.
    pub addresses: Vec<(IpAddr, u8)>,
    /// MTU in bytes of IP packet; None takes the device's.
    pub mtu: Option<u16>,
    /// Descriptors per receive queue.
    pub receive_descriptors: u16,
    /// Descriptors per transmit queue.
    pub transmit_descriptors: u16,
    /// Let it cut TCP segments (TSO), where it offers that.
    pub segmentation: bool,
}

/// Where a port comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    /// A virtual device by DPDK's name and arguments, such as `net_tap0,iface=cm0`.
    Virtual(String),
    /// A PCI address, such as `0000:03:00.0`.
    Pci(String),
    /// A `net_ring` whose transmit side is its own receive side: for measuring the stack itself.
    RingLoopback,
}

/// One worker.
#[derive(Clone, Copy, Debug)]
pub struct WorkerOptions {
    /// Core to pin it to; None leaves it to the kernel.
    pub core: Option<usize>,
    /// What it does when there is nothing to do.
    pub idle: IdlePolicy,
}

/// What a worker does when there is nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdlePolicy {
    /// Never sleeps.
    Spin,
    /// Spins this long, then sleeps on interrupts and doorbells, or naps where a port has none.
    Adaptive {
        /// Time to spin before sleeping.
        spin: Duration,
        /// Longest nap where a port has no receive interrupt.
        nap_max: Duration,
    },
}

/// One static route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteOptions {
    /// Destination network.
    pub network: IpAddr,
    /// Its prefix length.
    pub prefix_length: u8,
    /// Next hop; None when the network is on the link.
    pub gateway: Option<IpAddr>,
    /// Index of the port.
    pub port: usize,
    /// Source address; None takes the port's first one of the family.
    pub source: Option<IpAddr>,
    /// Deliver packets to our own addresses in this network through the port (`local = "port"`).
    pub local_through_port: bool,
}

/// Neighbour table.
#[derive(Clone, Copy, Debug)]
pub struct NeighborOptions {
    /// Entries per worker.
    pub entries_max: usize,
    /// Packets that wait for one unresolved neighbour.
    pub pending_max: usize,
    /// How long an entry stays reachable without confirmation.
    pub reachable: Duration,
    /// Delay before a stale entry in use is probed.
    pub delay: Duration,
    /// Time between requests.
    pub retry: Duration,
    /// Requests before an entry fails.
    pub probes_max: u32,
    /// How long an unused stale or failed entry is kept.
    pub expiry: Duration,
}

impl Default for NeighborOptions {
    fn default() -> Self {
        Self {
            entries_max: 1_024,
            pending_max: 16,
            reachable: Duration::from_secs(30),
            delay: Duration::from_secs(5),
            retry: Duration::from_secs(1),
            probes_max: 3,
            expiry: Duration::from_secs(60),
        }
    }
}

/// Bounds of one turn of a worker.
#[derive(Clone, Copy, Debug)]
pub struct TurnOptions {
    /// Packets received per port and turn.
    pub receive_max: usize,
    /// Packets taken from other workers per turn.
    pub strays_max: usize,
    /// Timers run per turn.
    pub timers_max: usize,
    /// Segments pulled from TCP per turn.
    pub transmit_max: usize,
    /// Service events per turn.
    pub events_max: usize,
    /// Control commands per turn.
    pub commands_max: usize,
}

impl Default for TurnOptions {
    fn default() -> Self {
        Self {
            receive_max: 32,
            strays_max: 32,
            timers_max: 64,
            transmit_max: 64,
            events_max: 64,
            commands_max: 4,
        }
    }
}

/// A service that runs inside each worker.
#[derive(Clone, Debug)]
pub struct ServiceOptions {
    /// Name used in config, logs and commands.
    pub name: String,
    /// What it does.
    pub kind: ServiceKind,
}

/// The services.
#[derive(Clone, Debug)]
pub enum ServiceKind {
    /// Sends back what it receives.
    Echo(Listening),
    /// Checks what it receives against the pattern; after end of stream answers one line
    /// `bytes=N mismatches=N sha256=HEX` and closes.
    Discard {
        /// Where it listens.
        listening: Listening,
        /// Seed of the expected pattern.
        seed: u64,
    },
    /// Sends the pattern until the peer closes, or up to a number of bytes.
    Chargen {
        /// Where it listens.
        listening: Listening,
        /// Seed of the pattern.
        seed: u64,
        /// Bytes after which it closes; 0 never.
        bytes: u64,
    },
    /// Answers HTTP/1.1 GET and HEAD with a body of fixed size; keep-alive and close.
    Http {
        /// Where it listens.
        listening: Listening,
        /// Size of the body in bytes.
        body_bytes: usize,
    },
    /// A client: opens connections and plays requests, a new one when the answer is complete.
    Rpc {
        /// The server, any echo service.
        target: SocketAddr,
        /// Connections per worker.
        connections: usize,
        /// Size of request and answer in bytes.
        request_bytes: usize,
        /// Requests per connection before it is closed and opened anew; 0 never.
        requests: u64,
    },
}

/// Where and how a service listens.
#[derive(Clone, Copy, Debug)]
pub struct Listening {
    /// Address (unspecified: any of ours) and port.
    pub address: SocketAddr,
    /// Connections that may wait for accept over all workers.
    pub backlog: usize,
    /// Connections served at once per worker; further ones wait in the accept queue. 0: no bound.
    pub connections_max: usize,
}
