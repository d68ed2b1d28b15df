//! Dropping a connection that lingers: it waits until the peer has acknowledged everything, as long as was said.

use std::io;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coremill_ring::command::{Command, Direction};
use coremill_ring::socket_state::{Flags, Snapshot};

use super::Inner;
use crate::context::lock;
use crate::socket::Wanted;

impl Inner {
    /// Ends the stream and waits for the peer's acknowledgement, or for the time to pass.
    fn linger(&self) {
        let linger = *lock(&self.settings.linger);
        let Some(time) = linger.filter(|time| *time >= Duration::from_secs(1)) else {
            return;
        };
        // As Linux does it also for one that does not block; not where that would hold up the tasks of a runtime. One
        // that is not open yet has nothing to send.
        let is_of_runtime = self.settings.is_of_runtime.load(Ordering::Relaxed);
        if is_of_runtime || self.socket.told.name().is_none() {
            return;
        }
        if self.has_unread() {
            // The peer hears by RST that it was in vain (RFC 9293, section 3.6.1, SHLD-3; as Linux).
            return;
        }
        let deadline = Instant::now() + time;
        let shutdown = |ticket, socket| Command::Shutdown {
            ticket,
            socket,
            direction: Direction::Send,
        };
        if self.socket.ask(shutdown).is_err() {
            // There is nothing to wait for any more.
            return;
        }
        // If the attachment ends, so does the wait.
        let _gone = self.wait_for_delivery(deadline);
    }

    /// Bytes have come that nobody will read any more.
    fn has_unread(&self) -> bool {
        let read = self.socket.told.reading.read();
        let snapshot = self.socket.snapshot();
        snapshot.is_ok_and(|snapshot| snapshot.received > read)
    }

    /// Sleeps until the daemon says that the peer has acknowledged everything, or that it never will.
    fn wait_for_delivery(&self, deadline: Instant) -> io::Result<()> {
        self.socket.leave_pollers()?;
        let is_over = |snapshot: &Snapshot| {
            let flags = snapshot.condition.flags;
            (flags.contains(Flags::DELIVERED) || flags.contains(Flags::ERR)).then_some(())
        };
        let waited = self
            .socket
            .wait_blocked(Some(deadline), Wanted::Write, is_over);
        waited.map(drop)
    }

    /// From now on dropping it waits for nothing.
    #[cfg(feature = "tokio")]
    pub(crate) fn be_of_runtime(&self) {
        self.settings.is_of_runtime.store(true, Ordering::Relaxed);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.linger();
    }
}
