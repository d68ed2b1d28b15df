//! Stopping: drain first, with a deadline; a second wish stops at once.

use std::time::{Duration, Instant};

use coremill_engine::command::Command;
use coremill_protocol::Reply;

use crate::inquiry::{Step, Task};

/// Whether and when the daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Not asked for.
    Running,
    /// Listeners are closed; open connections may end until then.
    Draining(Instant),
    /// Now.
    Now,
}

impl Shutdown {
    /// Asks to drain. Gives true when draining begins, false when it was asked for before.
    pub fn drain(&mut self, now: Instant, timeout: Duration) -> bool {
        let begins = *self == Shutdown::Running;
        *self = if begins {
            Shutdown::Draining(now + timeout)
        } else {
            Shutdown::Now
        };
        begins
    }

    /// Whether the daemon is on its way out.
    pub fn is_stopping(self) -> bool {
        self != Shutdown::Running
    }

    /// Whether it is time to end, with so many connections open.
    pub fn is_due(self, now: Instant, open_connections: u64) -> bool {
        match self {
            Shutdown::Running => false,
            Shutdown::Draining(deadline) => open_connections == 0 || now >= deadline,
            Shutdown::Now => true,
        }
    }
}

/// Tells every worker to close its listeners.
#[derive(Default)]
pub struct Drain {
    due: usize,
}

impl Task for Drain {
    fn start(&mut self, workers: usize) -> Vec<(usize, Command)> {
        self.due = workers;
        (0..workers)
            .map(|worker| (worker, Command::Drain))
            .collect()
    }

    fn take(&mut self, _worker: usize, _answer: Command) -> Step {
        self.due = self.due.saturating_sub(1);
        if self.due > 0 {
            Step::Wait
        } else {
            Step::Done(Reply::Shutdown {}.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draining_ends_with_the_last_connection_or_the_deadline() {
        let now = Instant::now();
        let timeout = Duration::from_secs(30);
        let mut shutdown = Shutdown::Running;
        assert!(!shutdown.is_due(now, 0));
        assert!(shutdown.drain(now, timeout));
        assert!(!shutdown.is_due(now, 1));
        assert!(shutdown.is_due(now, 0));
        assert!(shutdown.is_due(now + timeout, 1));
    }

    #[test]
    fn a_second_wish_stops_at_once() {
        let now = Instant::now();
        let mut shutdown = Shutdown::Running;
        shutdown.drain(now, Duration::from_secs(30));
        assert!(!shutdown.drain(now, Duration::from_secs(30)));
        assert!(shutdown.is_due(now, 9));
    }
}
