//! How much of its window a connection uses, by Linux's rules.
//!
//! A window that is not used does not grow: what it would allow has not been tried. And after a
//! retransmission timeout's time of little use it comes down half the way to what was used (RFC 2861).

use super::{Acknowledged, Congestion, CongestionSettings, Phase};
use crate::sequence::SequenceNumber;
use crate::time::Instant;

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
    /// The largest flight since the window was last used up.
    used: u32,
    /// When it was, in milliseconds modulo 2^32.
    full_at: u32,
    /// That flight left no room for a segment more.
    is_limited: bool,
}

impl Usage {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            full_at: millis(now),
            ..Self::default()
        }
    }

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
        let is_limited =
            self.is_limited || (windows.is_slow_start() && windows.window / 2 < self.largest);
        if is_limited {
            self.used = 0;
            self.full_at = millis(acknowledged.now);
        } else {
            self.used = self.used.max(flight);
        }
        is_limited
    }

    /// The window comes down when it has not been used up for a retransmission timeout.
    pub(super) fn decay(
        &mut self,
        windows: &mut Congestion,
        acknowledged: &Acknowledged,
        settings: &CongestionSettings,
    ) {
        let now = millis(acknowledged.now);
        let unused = u128::from(now.wrapping_sub(self.full_at));
        if unused < acknowledged.timeout.as_millis() {
            return;
        }
        if acknowledged.phase == Phase::Open {
            let used = self.used.max(windows.initial_window(settings));
            if used < windows.window {
                windows.remember_three_quarters();
                windows.window = u32::midpoint(windows.window, used);
            }
            self.used = 0;
        }
        self.full_at = now;
    }

    /// The window was set anew after idleness.
    pub(super) fn restart(&mut self, now: Instant) {
        self.used = 0;
        self.full_at = millis(now);
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
        self.is_full(in_flight) || (self.is_slow_start() && self.window / 2 < in_flight)
    }
}

fn millis(now: Instant) -> u32 {
    now.as_millis() as u32
}

#[cfg(test)]
mod tests;
