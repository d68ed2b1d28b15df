//! HyStart++ (RFC 9406): round trips that have grown slow the growth down; slow start ends when they
//! have not shrunk again five rounds later.

use super::Acknowledged;
use crate::sequence::SequenceNumber;

/// Rounds of slow start, times in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rounds {
    /// windowEnd.
    end: SequenceNumber,
    /// lastRoundMinRTT, currentRoundMinRTT: u32::MAX where nothing was measured.
    last: u32,
    current: u32,
    /// cssBaselineMinRtt.
    baseline: u32,
    /// rttSampleCount.
    samples: u8,
    /// Rounds of conservative slow start begun; 0 outside of it.
    conservative_rounds: u8,
}

impl Rounds {
    /// The first round begins with this acknowledgement.
    pub(super) fn new(acknowledged: &Acknowledged) -> Self {
        Self {
            end: acknowledged.next,
            last: u32::MAX,
            current: u32::MAX,
            baseline: u32::MAX,
            samples: 0,
            conservative_rounds: 0,
        }
    }

    /// How much of `bytes` the window grows by (RFC 9406, section 4.2).
    pub(super) fn growth(&self, bytes: u32, segment: u32, is_paced: bool) -> u32 {
        let bytes = if is_paced {
            bytes
        } else {
            bytes.min(BURST_SEGMENTS * segment)
        };
        if self.conservative_rounds > 0 {
            bytes / GROWTH_DIVISOR
        } else {
            bytes
        }
    }

    /// True when slow start has to end.
    pub(super) fn is_full(&mut self, acknowledged: &Acknowledged) -> bool {
        if let Some(sample) = acknowledged.sample_micros {
            self.current = self.current.min(sample);
            self.samples = self.samples.saturating_add(1);
        }
        if self.samples >= SAMPLES {
            if self.conservative_rounds == 0 {
                self.look_for_delay();
            } else if self.current < self.baseline {
                // It was a mistake: slow start goes on.
                self.baseline = u32::MAX;
                self.conservative_rounds = 0;
            }
        }
        if acknowledged.unacknowledged < self.end {
            return false;
        }
        self.end = acknowledged.next;
        self.last = std::mem::replace(&mut self.current, u32::MAX);
        self.samples = 0;
        if self.conservative_rounds == 0 {
            return false;
        }
        self.conservative_rounds += 1;
        self.conservative_rounds > CONSERVATIVE_ROUNDS
    }

    fn look_for_delay(&mut self) {
        if self.last == u32::MAX || self.current == u32::MAX {
            return;
        }
        let grown = (self.last / DELAY_DIVISOR).clamp(DELAY_MICROS_LEAST, DELAY_MICROS_MOST);
        if self.current >= self.last.saturating_add(grown) {
            self.baseline = self.current;
            self.conservative_rounds = 1;
        }
    }
}

/// MIN_RTT_THRESH, MAX_RTT_THRESH and MIN_RTT_DIVISOR (RFC 9406, section 4.3).
const DELAY_MICROS_LEAST: u32 = 4_000;
const DELAY_MICROS_MOST: u32 = 16_000;
const DELAY_DIVISOR: u32 = 8;
/// N_RTT_SAMPLE.
const SAMPLES: u8 = 8;
/// CSS_GROWTH_DIVISOR.
const GROWTH_DIVISOR: u32 = 4;
/// CSS_ROUNDS.
const CONSERVATIVE_ROUNDS: u8 = 5;
/// L, without pacing.
const BURST_SEGMENTS: u32 = 8;

#[cfg(test)]
mod tests;
