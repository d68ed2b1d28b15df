//! What the control thread asks of a worker. A worker fills the vector that comes with the question
//! up to its capacity and sends it back, so that it neither allocates nor makes a long turn.

use coremill_tcp::State;
use coremill_tcp::fast_open::FastOpenKey;

use crate::applications::{AttachmentId, Domain};
use crate::options::RouteOptions;
use crate::snapshot::{
    ApplicationRow, ConnectionRow, Cursor, DestinationRow, ListenerRow, NeighborRow, Route,
    ServiceRow,
};

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
    /// What is remembered of destinations from place `start` on; `start` becomes None at the end.
    Destinations {
        /// Where to go on.
        start: Option<usize>,
        /// Filled up to its capacity.
        rows: Vec<DestinationRow>,
    },
    /// Forget what is remembered of a destination, or of all.
    ForgetDestinations {
        /// Which; None for all.
        address: Option<std::net::IpAddr>,
        /// How many that were.
        forgotten: usize,
    },
    /// Make Fast Open cookies with another key; those of the one before may be good still.
    FastOpenKeys {
        /// Of new cookies.
        present: FastOpenKey,
        /// Of those before.
        previous: Option<FastOpenKey>,
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
    /// An application attached: this worker's part of its domain, built by [`Domain::new`]. Comes back with None when it
    /// was taken, unchanged when [`applications::DOMAINS_MAX`](crate::applications::DOMAINS_MAX) are there already.
    Attach(Option<Box<Domain>>),
    /// An application left, died or lied: carry out what it had asked for before, close its sockets, take back its
    /// chunks. A turn closes a bounded number: repeat it until `is_finished`, when `domain` is what `Attach` brought
    /// (None when this worker had none of that name), to be dropped by the asker.
    Detach {
        /// Which attachment.
        attachment: AttachmentId,
        /// Whether nothing of it is left here.
        is_finished: bool,
        /// Nothing is left but connections with bytes to send that found no memory yet: repeat it in a while.
        still_sends: bool,
        /// What is no longer needed.
        domain: Option<Box<Domain>>,
    },
    /// What each attached application has of this worker.
    Applications {
        /// Filled up to its capacity.
        rows: Vec<ApplicationRow>,
    },
    /// Close all listeners and stop clients; connections go on. Answered at once.
    Drain,
    /// Leave the loop after resetting what is still open.
    Stop,
}
