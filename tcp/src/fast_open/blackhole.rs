//! Networks that swallow Fast Open connections: after three timeouts in a row active opens do without for a while, and for
//! twice as long each time that it happens again, until one succeeds (as Linux; RFC 7413, section 7.1).

use std::time::Duration;

use crate::time::Instant;

/// When and how often Fast Open was given up.
#[derive(Debug, Default)]
pub(crate) struct Blackhole {
    last: Instant,
    times: u32,
}

impl Blackhole {
    /// A connection fell into it; `timeout` zero: nobody minds.
    pub(crate) fn met(&mut self, now: Instant, timeout: Duration) -> bool {
        if timeout.is_zero() {
            return false;
        }
        self.last = now;
        self.times = self.times.saturating_add(1);
        true
    }

    /// True while active opens do without.
    pub(crate) fn is_avoided(&self, now: Instant, timeout: Duration) -> bool {
        if self.times == 0 || timeout.is_zero() {
            return false;
        }
        let factor = 1 << (self.times - 1).min(DOUBLINGS_MAX);
        now < self.last + timeout.saturating_mul(factor)
    }

    /// True when one that is opened now would show whether it is still there.
    pub(crate) fn is_known(&self) -> bool {
        self.times > 0
    }

    /// One came through.
    pub(crate) fn is_gone(&mut self) {
        self.times = 0;
    }
}

const DOUBLINGS_MAX: u32 = 6;

#[cfg(test)]
mod tests;
