//! The round trip as a receiver sees it, whether or not it sends data itself (Linux: `tcpi_rcv_rtt`).
//!
//! By timestamps: a full segment that is the first to echo one of ours came a round trip after that. Without: a whole window
//! takes at least a round trip to arrive, so that the shortest time of these is an upper bound.

use super::micros;
use crate::sequence::SequenceNumber;
use crate::time::Instant;

/// What was measured, and where the next measurement ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ReceiveTrip {
    /// Eight times the smoothed time, in microseconds; 0 before the first.
    scaled: u32,
    /// The last timestamp of ours that was echoed.
    echo: u32,
    /// The window that is measured: when it was offered, and its right edge.
    window: Option<(Instant, SequenceNumber)>,
}

impl ReceiveTrip {
    /// A segment with data echoes our timestamp `echo`, which is `age` milliseconds old. `is_full`: nothing made the peer
    /// wait for more. `is_read`: the user has taken all; else the peer may wait for him.
    pub(crate) fn echoed(&mut self, echo: u32, age: u32, is_full: bool, is_read: bool) {
        if echo == self.echo {
            return;
        }
        self.echo = echo;
        if is_full && age > 0 && age < AGE_MOST {
            self.measured(age * 1_000, is_read);
        }
    }

    /// RCV.NXT has come to `next`, and `window` bytes are offered from there.
    pub(crate) fn advanced(&mut self, now: Instant, next: SequenceNumber, window: u32) {
        if let Some((since, edge)) = self.window {
            if next < edge {
                return;
            }
            let taken = u32::try_from(micros(since, now)).unwrap_or(u32::MAX / 8);
            self.bounded(taken.max(1));
        }
        self.window = Some((now, next + window));
    }

    /// The smoothed time in microseconds; 0 before the first.
    pub(crate) fn micros(&self) -> u32 {
        self.scaled / 8
    }

    fn measured(&mut self, micros: u32, is_read: bool) {
        let sample = micros.saturating_mul(8);
        if self.scaled == 0 || sample < self.scaled {
            self.scaled = sample;
        } else if is_read {
            self.scaled = (self.scaled - self.scaled / 8).saturating_add(micros);
        }
    }

    fn bounded(&mut self, micros: u32) {
        let bound = micros.saturating_mul(8);
        if self.scaled == 0 || bound < self.scaled {
            self.scaled = bound;
        }
    }
}

/// Milliseconds; a timestamp older than this was never ours.
const AGE_MOST: u32 = u32::MAX / 8_000;

#[cfg(test)]
mod tests;
