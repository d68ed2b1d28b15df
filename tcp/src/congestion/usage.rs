//! How much of its window a connection uses, by Linux's rules.
//!
//! A window that is not used does not grow: what it would allow has not been tried. It does not come down either while
//! acknowledgements arrive, though RFC 2861, section 3.2, would have it so: Linux's clock for that begins anew with each.

use super::{Acknowledged, Congestion};
use crate::sequence::SequenceNumber;

/// The use of the present window. A flight is largest just before an acknowledgement arrives, which is
/// when it is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// The largest flight since `end` was set, in bytes.
    largest: u32,
    /// SND.NXT when that flight was on its way: once it is acknowledged, another look begins.
    end: SequenceNumber,
    /// SND.UNA before the acknowledgement looked at: its flight was sent after that.
    seen: SequenceNumber,
    /// That flight left no room for a segment more.
    is_limited: bool,
}

impl Usage {
    /// True when the window, not the data or the peer's window, has kept the sender from sending more:
    /// in slow start, when more than half of it was used, so that it may double what was delivered.
    #[inline]
    pub(super) fn observe(&mut self, windows: &Congestion, acknowledged: &Acknowledged) -> bool {
        let flight = acknowledged.in_flight;
        let is_limited = windows.is_full(flight);
        if self.seen >= self.end || is_limited || (!self.is_limited && flight > self.largest) {
            self.is_limited = is_limited;
            self.largest = flight;
            self.end = acknowledged.next;
        }
        self.seen = acknowledged.unacknowledged;
        self.is_limited || (windows.is_slow_start() && windows.window / 2 < self.largest)
    }
}

impl Congestion {
    /// True when the flight leaves no room for another segment, or for what waits to leave together.
    #[inline]
    pub(super) fn is_full(&self, in_flight: u32) -> bool {
        in_flight.saturating_add(self.segment()) > self.window || self.is_deferring()
    }

    /// True when so large a flight lets the window grow, without knowing of any before.
    #[inline]
    pub(super) fn may_grow(&self, in_flight: u32) -> bool {
        let half = self.window / 2;
        if in_flight <= half && self.segment() <= half && !self.is_deferring() {
            return false;
        }
        self.may_grow_by(in_flight)
    }

    /// The same of a flight that is not small.
    #[inline(never)]
    fn may_grow_by(&self, in_flight: u32) -> bool {
        self.is_full(in_flight) || (self.is_slow_start() && self.window / 2 < in_flight)
    }
}

#[cfg(test)]
mod tests;
