//! Recovery as RFC 6582 has it without proportional rate reduction: the window is inflated by
//! duplicates and deflated by partial acknowledgements, one by one.

use super::{Congestion, CongestionPool, Reason};
use crate::time::Instant;

impl Congestion {
    /// Fast retransmit: the three duplicates tell of three segments that have arrived.
    pub fn on_enter_recovery(&mut self, pool: &mut CongestionPool, now: Instant, in_flight: u32) {
        self.reduce(pool, now, in_flight, Reason::Loss);
        if !self.controls_window() {
            self.set_window(self.threshold.saturating_add(3 * self.segment()));
        }
    }

    /// One more duplicate acknowledgement in recovery: a segment has left the network.
    pub fn on_duplicate_ack(&mut self) {
        if !self.controls_window() {
            self.grow_by(self.segment());
        }
    }

    /// An acknowledgement of `bytes` in recovery that leaves some of the data outstanding then.
    pub fn on_partial_ack(&mut self, bytes: u32) {
        if self.controls_window() {
            return;
        }
        // RFC 6582, section 3.2, step 3: deflate by what was acknowledged, add back one segment.
        let added = if bytes >= self.segment() {
            self.segment()
        } else {
            0
        };
        self.set_window((self.window.saturating_sub(bytes) + added).max(self.segment()));
    }

    /// All data that was outstanding when recovery began is acknowledged; `in_flight` still is not.
    pub fn on_exit_recovery(&mut self, in_flight: u32) {
        if self.controls_window() {
            return;
        }
        // The variant that avoids a burst: RFC 6582, section 3.2, step 3, full acknowledgments (1).
        let flight = in_flight.max(self.segment()) + self.segment();
        self.set_window(self.threshold.min(flight));
    }
}
