//! What a client may ask.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::Network;

/// A request: `{"request": name, ...fields}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// The first request of a session.
    Hello {
        /// Version of the protocol that the client speaks.
        version: u32,
        /// Name and version of the client, for the log.
        client: String,
    },
    /// Version, uptime, what there is.
    Status {},
    /// A page of connections.
    Sockets {
        /// Only in this state, named as `ss` does (`ESTABLISHED`, `TIME-WAIT`).
        #[serde(default)]
        state: Option<String>,
        /// Only with this address on either end.
        #[serde(default)]
        address: Option<IpAddr>,
        /// Only with this port on either end.
        #[serde(default)]
        port: Option<u16>,
        /// Rows at most, up to [`crate::PAGE_ROWS_MAX`], which is the default.
        #[serde(default)]
        limit: Option<usize>,
        /// Where the last page ended.
        #[serde(default)]
        cursor: Option<String>,
    },
    /// All listeners, per worker.
    Listeners {},
    /// All counters, also those that are zero.
    Counters {},
    /// All drop reasons, also those that are zero.
    Drops {},
    /// Neighbours (ARP), per worker.
    Neighbors {},
    /// What is remembered of destinations, per worker.
    Destinations {},
    /// Forgets what is remembered of a destination, or of all, on every worker.
    DestinationsForget {
        /// Which; none: all.
        #[serde(default)]
        address: Option<IpAddr>,
    },
    /// New Fast Open cookies are made with another key from now on, on every worker.
    FastOpenKeys {
        /// Their key, as Linux's `net.ipv4.tcp_fastopen_key` has it.
        present: String,
        /// The key of cookies that are good still.
        #[serde(default)]
        previous: Option<String>,
    },
    /// Routes.
    Routes {},
    /// Adds or replaces a route on every worker.
    RouteAdd(RouteChange),
    /// Removes a route from every worker.
    RouteRemove(RouteChange),
    /// What each worker does.
    Workers {},
    /// Services, per worker.
    Services {},
    /// Ports.
    Ports {},
    /// Makes the peer's process an application: see [`crate::attach`].
    Attach {
        /// Version of the layout of shared memory that the client knows (`coremill_ring::layout::VERSION`).
        layout: u32,
        /// What to do differently: 0 or [`crate::attach::RESET_ON_DEATH`].
        #[serde(default)]
        flags: u32,
    },
    /// Ends an attachment, as its process's death would. The session stays.
    Detach {
        /// Which; none: the one that this session made.
        #[serde(default)]
        attachment: Option<u64>,
    },
    /// All attachments.
    Apps {},
    /// Stops the daemon. Answered before it stops.
    Shutdown {
        /// Close listeners first and let open connections end.
        drain: bool,
        /// How long they may take; by default `shutdown.drain_timeout`.
        #[serde(default)]
        timeout_ms: Option<u64>,
    },
}

/// A route to add or to remove; a removal goes by `network`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteChange {
    /// Destination network.
    pub network: Network,
    /// Next hop; none when the network is on the link.
    #[serde(default)]
    pub gateway: Option<IpAddr>,
    /// Name of the port; none where the gateway's network or the only port tells it.
    #[serde(default)]
    pub port: Option<String>,
    /// Source address of active opens; none takes the port's first of the family.
    #[serde(default)]
    pub source: Option<IpAddr>,
    /// Packets to own addresses in the network go through the port.
    #[serde(default)]
    pub local_through_port: bool,
}

impl Request {
    /// The request's name, as in its `request` field and its answer's `reply` field.
    pub fn name(&self) -> &'static str {
        match self {
            Request::Hello { .. } => "hello",
            Request::Status {} => "status",
            Request::Sockets { .. } => "sockets",
            Request::Listeners {} => "listeners",
            Request::Counters {} => "counters",
            Request::Drops {} => "drops",
            Request::Neighbors {} => "neighbors",
            Request::Destinations {} => "destinations",
            Request::DestinationsForget { .. } => "destinations-forget",
            Request::FastOpenKeys { .. } => "fast-open-keys",
            Request::Routes {} => "routes",
            Request::RouteAdd(_) => "route-add",
            Request::RouteRemove(_) => "route-remove",
            Request::Workers {} => "workers",
            Request::Services {} => "services",
            Request::Ports {} => "ports",
            Request::Attach { .. } => "attach",
            Request::Detach { .. } => "detach",
            Request::Apps {} => "apps",
            Request::Shutdown { .. } => "shutdown",
        }
    }
}
