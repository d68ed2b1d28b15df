//! What a poller sees of a socket, whatever kind it is.

use super::{Interest, Readiness};
use crate::socket::Socket;

/// What a poller sees of a socket.
pub(crate) trait Watched: std::fmt::Debug + Send + Sync {
    fn socket(&self) -> &Socket;
    /// What it is ready for, of what is waited for.
    fn seen(&self, interest: Interest) -> Seen;
    /// What it is ready for alone.
    #[cfg(feature = "tokio")]
    fn readiness(&self, interest: Interest) -> Readiness {
        self.seen(interest).readiness
    }
}

/// What a look at a socket's state has shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) readiness: Readiness,
    /// Bytes received by then, where these make it readable.
    pub(crate) received: Option<u64>,
}

impl Seen {
    /// The bytes received, of one of which more may come: an end has no count to be read up to.
    #[inline]
    pub(super) fn received_if_open(&self) -> Option<u64> {
        let is_closed = self.readiness.over || self.readiness.read_closed;
        self.received.filter(|_| !is_closed)
    }
}
