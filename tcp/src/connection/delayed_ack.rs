//! When received data is acknowledged: at once, or after a while (RFC 9293, section 3.8.6.3; RFC 5681, section 4.2).
//!
//! As Linux: quick acknowledgements at the start, after loss and after silence, so that the sender's window opens;
//! ping-pong mode once replies carry them; in between a delay that follows the spacing of the data (ATO), 40 to 200 ms
//! (RFC 9293, MUST-40: never half a second).

use std::time::Duration;

use crate::time::nanos;

/// What the next acknowledgement depends on.
#[derive(Clone, Copy, Debug, Default)]
// Packed, since each byte is paid for by each idle connection.
#[repr(Rust, packed(1))]
pub(crate) struct DelayedAck {
    /// When data arrived last, in milliseconds modulo 2^32.
    data_millis: u32,
    /// ATO in milliseconds; 0 before any data.
    timeout_millis: u16,
    /// Acknowledgements that are not to be delayed.
    quick: u8,
    /// Replies carry the acknowledgements.
    is_ping_pong: bool,
    /// A bit each, up to two, for segments that ended a write of the peer's since the last acknowledgement.
    pushed: u8,
}

impl DelayedAck {
    /// Data has arrived, `length` bytes where `full` are a full segment; `bounds` gives the window offered and the
    /// retransmission timeout.
    #[inline(always)]
    pub(crate) fn data_arrived(
        &mut self,
        now_millis: u32,
        (length, full, is_pushed): (usize, u16, bool),
        bounds: impl Fn() -> (u32, Duration),
    ) {
        if length < usize::from(full) {
            self.pushed = (self.pushed << 1 | 1) & 3;
        } else if is_pushed {
            self.pushed |= 1;
        }
        let gap = now_millis.wrapping_sub(self.data_millis);
        self.data_millis = now_millis;
        if gap <= u32::from(LEAST_MILLIS) / 2 && self.timeout_millis > 0 {
            self.timeout_millis = self.timeout_millis / 2 + LEAST_MILLIS / 2;
        } else {
            self.gap_was(gap, full, &bounds);
        }
    }

    #[inline(never)]
    fn gap_was(&mut self, gap: u32, full: u16, bounds: &dyn Fn() -> (u32, Duration)) {
        let (window, timeout) = bounds();
        let timeout = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        if self.timeout_millis == 0 {
            self.timeout_millis = LEAST_MILLIS;
            self.raise_quick(window, full, QUICK_MAX);
        } else if gap < u32::from(self.timeout_millis) {
            let longer = u32::from(self.timeout_millis / 2) + gap;
            self.timeout_millis = millis(longer.min(timeout));
        } else if gap > timeout {
            // The sender begins with a small window again: let it open.
            self.raise_quick(window, full, QUICK_MAX);
        }
    }

    /// The peer must hear soon how far we are: something is lost, old, or was never agreed on.
    pub(crate) fn be_quick(&mut self, window: u32, full: u16) {
        self.raise_quick(window, full, QUICK_MAX);
        self.is_ping_pong = false;
        self.timeout_millis = LEAST_MILLIS;
    }

    /// The same for two of them: the peer's window may be small (as Linux).
    pub(crate) fn be_quick_twice(&mut self, window: u32, full: u16) {
        self.raise_quick(window, full, 2);
        self.is_ping_pong = false;
        self.timeout_millis = LEAST_MILLIS;
    }

    /// False until the peer's first data, or what else makes acknowledgements quick.
    #[inline]
    pub(crate) fn has_data_come(&self) -> bool {
        self.timeout_millis > 0
    }

    /// TCP_QUICKACK.
    pub(crate) fn set_ping_pong(&mut self, is_on: bool) {
        self.is_ping_pong = is_on;
    }

    /// False in ping-pong mode.
    pub(crate) fn is_quick_mode(&self) -> bool {
        !self.is_ping_pong
    }

    /// True when the next acknowledgement is not to be delayed.
    #[inline]
    pub(crate) fn is_quick(&self) -> bool {
        self.quick > 0 && self.is_quick_mode()
    }

    /// True when reading all that arrived is reason enough: what was read ended a write, and no reply is likely to come.
    #[inline]
    pub(crate) fn ends_write(&self) -> bool {
        self.pushed > 1 || (self.pushed == 1 && !self.is_ping_pong)
    }

    /// Data was sent: a reply, if it came soon after what arrived.
    #[inline]
    pub(crate) fn data_sent(&mut self, now_millis: u32) {
        if now_millis.wrapping_sub(self.data_millis) < u32::from(self.timeout_millis) {
            self.is_ping_pong = true;
        }
    }

    /// A segment told the peer how far we received.
    #[inline]
    pub(crate) fn told(&mut self) {
        self.pushed = 0;
        if self.quick > 0 {
            self.quick -= 1;
            if self.quick == 0 {
                self.timeout_millis = LEAST_MILLIS;
            }
        }
    }

    /// How long an acknowledgement may wait now, in nanoseconds; `longest` by configuration.
    #[inline(always)]
    pub(crate) fn delay(&self, round_trip: impl Fn() -> Option<Duration>, longest: u64) -> u64 {
        let wanted = self.timeout_millis;
        if wanted <= LEAST_MILLIS {
            return (u64::from(wanted) * NANOS_PER_MILLI).min(longest);
        }
        self.longer_delay(round_trip(), longest)
    }

    fn longer_delay(&self, round_trip: Option<Duration>, longest: u64) -> u64 {
        let least = u64::from(LEAST_MILLIS) * NANOS_PER_MILLI;
        let most = if self.is_ping_pong || self.pushed > 0 {
            longest
        } else {
            MOST_WITHOUT_REPLY
        };
        let most = round_trip.map_or(most, |trip| most.min(nanos(trip).max(least)));
        let wanted = u64::from(self.timeout_millis) * NANOS_PER_MILLI;
        wanted.min(most).min(longest)
    }

    /// The delay ran out: the next one is longer, or no reply is counted on any more.
    pub(crate) fn ran_out(&mut self, timeout: Duration) {
        if self.is_ping_pong {
            self.is_ping_pong = false;
            self.timeout_millis = LEAST_MILLIS;
        } else {
            let timeout = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
            self.timeout_millis = millis((u32::from(self.timeout_millis) * 2).min(timeout));
        }
    }

    /// ATO.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.timeout_millis))
    }

    /// When data arrived last, in milliseconds modulo 2^32.
    pub(crate) fn data_millis(&self) -> u32 {
        self.data_millis
    }

    /// As many as half the window holds full segments, at least two.
    fn raise_quick(&mut self, window: u32, full: u16, most: u8) {
        let count = window / (2 * u32::from(full).max(1));
        let count = u8::try_from(count.max(2)).unwrap_or(u8::MAX).min(most);
        self.quick = self.quick.max(count);
    }
}

/// At least a millisecond, since 0 is none.
fn millis(time: u32) -> u16 {
    u16::try_from(time.max(1)).unwrap_or(u16::MAX)
}

/// TCP_ATO_MIN and TCP_DELACK_MIN of Linux.
const LEAST_MILLIS: u16 = 40;
/// Where nothing says that a reply will come, in nanoseconds.
const MOST_WITHOUT_REPLY: u64 = 500 * NANOS_PER_MILLI;
const NANOS_PER_MILLI: u64 = 1_000_000;
/// TCP_MAX_QUICKACKS.
const QUICK_MAX: u8 = 16;

#[cfg(test)]
mod tests;
