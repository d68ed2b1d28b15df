//! What the control thread asks of a worker. A worker fills the vector that comes with the question
//! up to its capacity and sends it back, so that it neither allocates nor makes a long turn.

use coremill_tcp::State;

use crate::options::RouteOptions;
use crate::snapshot::{ConnectionRow, Cursor, ListenerRow, NeighborRow, Route, ServiceRow};

/// Which connections to show; every set field must match.
#[derive(Clone, Copy, Debug, Default)]
pub struct SocketFilter {
    /// This state.
    pub state: Option<State>,
    /// This address on either end.
    pub address: Option<std::net::IpAddr>,
    /// This port on either end.
    pub port: Option<u16>,
}

/// A question or order to one worker, and, sent back, its answer.
#[derive(Debug)]
pub enum Command {
    /// A slice of connections; `cursor` becomes None at the end of the tables. One turn looks at a
    /// bounded number of slots, so a slice may be empty before the end.
    Sockets {
        /// Which.
        filter: SocketFilter,
        /// Where to go on.
        cursor: Option<Cursor>,
        /// Filled up to its capacity.
        rows: Vec<ConnectionRow>,
    },
    /// All listeners (bounded by config).
    Listeners {
        /// Filled up to its capacity.
        rows: Vec<ListenerRow>,
    },
    /// Neighbours from index `start`; `start` becomes None at the end.
    Neighbors {
        /// Where to go on.
        start: Option<usize>,
        /// Filled up to its capacity.
        rows: Vec<NeighborRow>,
    },
    /// Routes.
    Routes {
        /// Filled up to its capacity.
        rows: Vec<Route>,
    },
    /// Services.
    Services {
        /// Filled up to its capacity.
        rows: Vec<ServiceRow>,
    },
    /// Add or replace a route; cached routes are looked up again.
    AddRoute(RouteOptions),
    /// Remove a route.
    RemoveRoute(RouteOptions),
    /// Close all listeners and stop clients; connections go on. Answered at once.
    Drain,
    /// Leave the loop after resetting what is still open.
    Stop,
}
