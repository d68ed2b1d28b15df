//! Dropping a connection that lingers: it waits until the peer has acknowledged everything, as long as was said.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use coremill_ring::command::{Command, Direction};

use super::Inner;
use super::info::{TcpInfo, TcpState};
use crate::context::lock;

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
        while self.is_unacknowledged() && Instant::now() < deadline {
            let rest = deadline.saturating_duration_since(Instant::now());
            std::thread::sleep(LOOK_EVERY.min(rest));
        }
    }

    /// From now on dropping it waits for nothing.
    #[cfg(feature = "tokio")]
    pub(crate) fn be_of_runtime(&self) {
        self.settings.is_of_runtime.store(true, Ordering::Relaxed);
    }

    fn is_unacknowledged(&self) -> bool {
        let Ok(name) = self.socket.name() else {
            return false;
        };
        let context = &self.socket.context;
        let info = context.ask_info(self.socket.worker, name.handle);
        let ending = |info: TcpInfo| {
            matches!(
                info.state,
                TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck
            )
        };
        info.is_ok_and(|info| ending(TcpInfo::from(info)))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.linger();
    }
}

/// Between two looks whether the peer has everything.
const LOOK_EVERY: Duration = Duration::from_millis(2);
