//! NewReno: slow start and congestion avoidance of RFC 5681 with the byte counting of RFC 3465
//! (L = 2), recovery by RFC 6582, the initial window of RFC 6928.

use std::time::Duration;

use super::{Acknowledged, CongestionControl};
use crate::time::Instant;

/// The windows of one connection, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct NewReno {
    window: u32,
    threshold: u32,
    segment: u16,
    /// Bytes acknowledged since congestion avoidance last grew the window.
    counted: u32,
    initial_segments: u16,
}

impl NewReno {
    /// Windows for segments of `segment_bytes`; the first flight is `initial_segments` of them, by
    /// RFC 6928 at most the larger of 14,600 bytes and two segments.
    pub fn new(segment_bytes: u32, initial_segments: u32) -> Self {
        let mut windows = Self {
            window: 0,
            threshold: u32::MAX,
            segment: in_sixteen_bits(segment_bytes),
            counted: 0,
            initial_segments: in_sixteen_bits(initial_segments),
        };
        windows.window = windows.initial_window();
        windows
    }

    /// The handshake lost a SYN or SYN-ACK: start with one segment (RFC 5681, section 3.1).
    pub fn on_handshake_loss(&mut self) {
        self.window = self.segment();
    }

    #[inline]
    fn segment(&self) -> u32 {
        u32::from(self.segment)
    }

    fn initial_window(&self) -> u32 {
        let bound = INITIAL_WINDOW_BYTES.max(2 * self.segment());
        (u32::from(self.initial_segments) * self.segment()).min(bound)
    }

    /// RFC 5681, equation 4: half of what is in flight, at least two segments.
    fn halved(&self, in_flight: u32) -> u32 {
        (in_flight / 2).max(2 * self.segment())
    }
}

impl CongestionControl for NewReno {
    fn name(&self) -> &'static str {
        "newreno"
    }

    #[inline]
    fn window(&self) -> u32 {
        self.window
    }

    fn slow_start_threshold(&self) -> u32 {
        self.threshold
    }

    fn set_segment_size(&mut self, bytes: u32) {
        let was_initial = self.window == self.initial_window();
        self.segment = in_sixteen_bits(bytes);
        self.window = if was_initial {
            self.initial_window()
        } else {
            self.window.max(self.segment())
        };
    }

    #[inline]
    fn on_ack(&mut self, acknowledged: &Acknowledged) {
        if !acknowledged.window_limited {
            return;
        }
        if self.window < self.threshold {
            // Slow start: at most two segments per acknowledgment.
            let grown = acknowledged.bytes.min(2 * self.segment());
            self.window = self.window.saturating_add(grown).min(WINDOW_BYTES_MAX);
            return;
        }
        // One segment per window's worth of bytes acknowledged.
        self.counted = self.counted.saturating_add(acknowledged.bytes);
        if self.counted >= self.window {
            self.counted -= self.window;
            self.window = self
                .window
                .saturating_add(self.segment())
                .min(WINDOW_BYTES_MAX);
        }
    }

    fn on_enter_recovery(&mut self, _now: Instant, in_flight: u32) {
        self.threshold = self.halved(in_flight);
        // The three duplicate acknowledgments tell of three segments that have arrived.
        self.window = self.threshold + 3 * self.segment();
        self.counted = 0;
    }

    fn on_duplicate_ack(&mut self) {
        self.window = self
            .window
            .saturating_add(self.segment())
            .min(WINDOW_BYTES_MAX);
    }

    fn on_partial_ack(&mut self, bytes: u32) {
        // RFC 6582, section 3.2, step 3: deflate by what was acknowledged, add back one segment.
        let added = if bytes >= self.segment() {
            self.segment()
        } else {
            0
        };
        self.window = (self.window.saturating_sub(bytes) + added).max(self.segment());
    }

    fn on_exit_recovery(&mut self, in_flight: u32) {
        // The variant that avoids a burst: RFC 6582, section 3.2, step 3, full acknowledgments (1).
        self.window = self
            .threshold
            .min(in_flight.max(self.segment()) + self.segment());
    }

    fn on_timeout(&mut self, _now: Instant, in_flight: u32, is_first: bool) {
        if is_first {
            self.threshold = self.halved(in_flight);
        }
        self.window = self.segment();
        self.counted = 0;
    }

    fn on_idle(&mut self, _idle: Duration, _timeout: Duration) {
        self.window = self.window.min(self.initial_window());
        self.counted = 0;
    }
}

/// Neither a segment nor the first flight can be larger, nor nothing at all.
fn in_sixteen_bits(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX).max(1)
}

const INITIAL_WINDOW_BYTES: u32 = 14_600;
/// A window this large is never the limit: one gibibyte, as far as RFC 7323 lets one see.
const WINDOW_BYTES_MAX: u32 = 1 << 30;

#[cfg(test)]
mod tests;
