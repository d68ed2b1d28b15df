//! How long something has lasted, all times together.

use super::micros;
use crate::time::Instant;

/// Runs while something is so.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stopwatch {
    since: Option<Instant>,
    micros: u64,
}

impl Stopwatch {
    /// It is so from now on, or it is not.
    pub(crate) fn set(&mut self, now: Instant, is_so: bool) {
        match self.since {
            None if is_so => self.since = Some(now),
            Some(since) if !is_so => {
                self.micros += micros(since, now);
                self.since = None;
            }
            _ => {}
        }
    }

    /// Microseconds for which it was so until now.
    pub(crate) fn micros(&self, now: Instant) -> u64 {
        self.micros + self.since.map_or(0, |since| micros(since, now))
    }
}
