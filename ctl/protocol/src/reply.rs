//! What the daemon answers when nothing went wrong.

use serde::{Deserialize, Serialize};

use crate::attach::{AttachView, AttachmentView};
use crate::view::{
    CounterView, DestinationView, DropView, ListenerView, NeighborView, PortView, RouteView,
    ServiceView, SocketView, StatusView, WorkerView,
};

/// A reply: `{"reply": name, ...fields}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// The session is open.
    Hello {
        /// Version of the protocol that the daemon speaks.
        version: u32,
        /// Name and version of the daemon.
        server: String,
        /// Its process.
        pid: u32,
    },
    /// Version, uptime, what there is.
    Status {
        /// The status.
        status: StatusView,
    },
    /// A page of connections.
    Sockets {
        /// The rows.
        sockets: Vec<SocketView>,
        /// For the next page; none at the end.
        cursor: Option<String>,
    },
    /// All listeners, per worker.
    Listeners {
        /// The rows.
        listeners: Vec<ListenerView>,
    },
    /// All counters.
    Counters {
        /// The rows.
        counters: Vec<CounterView>,
    },
    /// All drop reasons.
    Drops {
        /// The rows.
        drops: Vec<DropView>,
    },
    /// Neighbours, per worker.
    Neighbors {
        /// The rows.
        neighbors: Vec<NeighborView>,
    },
    /// What is remembered of destinations, per worker.
    Destinations {
        /// The rows.
        destinations: Vec<DestinationView>,
    },
    /// So many are forgotten, over all workers.
    DestinationsForget {
        /// How many.
        forgotten: usize,
    },
    /// The keys are in use.
    FastOpenKeys {},
    /// Routes.
    Routes {
        /// The rows.
        routes: Vec<RouteView>,
    },
    /// The route is there.
    RouteAdd {},
    /// The route is gone.
    RouteRemove {},
    /// What each worker does.
    Workers {
        /// The rows.
        workers: Vec<WorkerView>,
    },
    /// Services, per worker.
    Services {
        /// The rows.
        services: Vec<ServiceView>,
    },
    /// Ports.
    Ports {
        /// The rows.
        ports: Vec<PortView>,
    },
    /// The process is attached; its descriptors came with this line's first byte.
    Attach {
        /// What it got.
        attach: AttachView,
    },
    /// The attachment is at its end.
    Detach {},
    /// All attachments.
    Apps {
        /// The rows.
        apps: Vec<AttachmentView>,
    },
    /// The daemon has begun to stop.
    Shutdown {},
}
