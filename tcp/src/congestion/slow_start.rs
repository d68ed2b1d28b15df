//! Slow start: the window grows by what was delivered, within what RFC 3465 lets count.

use super::settings::ByteCounting;
use super::{Congestion, Phase};

impl ByteCounting {
    /// How much of `delivered` counts in slow start. RFC 3465, section 2.3: with L = 2 only one
    /// segment counts after a retransmission timeout.
    #[inline]
    pub(super) fn in_slow_start(self, delivered: u32, segment: u32, phase: Phase) -> u32 {
        match self {
            Self::Unlimited => delivered,
            // RFC 5681, equation 2: the smaller of what was acknowledged and a segment, so that
            // dividing an acknowledgement wins nothing.
            Self::Off | Self::One => delivered.min(segment),
            Self::Two if phase == Phase::Loss => delivered.min(segment),
            Self::Two => delivered.min(2 * segment),
        }
    }

    /// How much of it counts in congestion avoidance.
    #[inline]
    pub(super) fn in_avoidance(self, delivered: u32, segment: u32) -> u32 {
        match self {
            Self::Off => delivered.min(segment),
            _ => delivered,
        }
    }
}

impl Congestion {
    /// Grows by `bytes` up to ssthresh; returns what was left over, for congestion avoidance.
    /// RFC 5681, section 3.1.
    #[inline]
    pub(super) fn slow_start(&mut self, bytes: u32) -> u32 {
        let grown = bytes.min(self.threshold - self.window.min(self.threshold));
        self.grow_by(grown);
        bytes - grown
    }

    /// Congestion avoidance: one segment more each time `per_segment` bytes have been delivered.
    #[inline]
    pub(super) fn avoid(&mut self, counted: &mut u32, bytes: u32, per_segment: u32) {
        let per_segment = per_segment.max(1);
        if *counted >= per_segment {
            // What has been counted while a segment cost more does not buy several.
            *counted = 0;
            self.grow_by(self.segment());
        }
        *counted = counted.saturating_add(bytes);
        if *counted >= per_segment {
            let segments = *counted / per_segment;
            *counted -= segments * per_segment;
            self.grow_by(segments.saturating_mul(self.segment()));
        }
    }
}
