//! Time as a worker reads it: once a turn, from the vDSO, so that reading it is no system call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use coremill_tcp::Instant;
use rustix::time::{ClockId, clock_gettime};

/// Where a worker's time comes from. It never goes back.
pub trait Clock {
    /// The time now.
    fn now(&self) -> Instant;
}

/// CLOCK_MONOTONIC: the same origin for every worker and thread of this host.
#[derive(Clone, Copy, Debug, Default)]
pub struct MonotonicClock;

impl Clock for MonotonicClock {
    #[inline]
    fn now(&self) -> Instant {
        let time = clock_gettime(ClockId::Monotonic);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
        Instant::from_nanos(seconds * 1_000_000_000 + nanos)
    }
}

/// A clock that stands until it is moved by hand; clones show the same time. For tests.
#[derive(Clone, Debug, Default)]
pub struct ManualClock(Arc<AtomicU64>);

impl ManualClock {
    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.0.fetch_add(nanos, Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Relaxed))
    }
}
