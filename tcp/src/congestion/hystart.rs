//! The end of slow start as Linux finds it for CUBIC (Ha and Rhee, "Taming the elephants", 2011).
//!
//! Two signs, looked for in each round trip: acknowledgements that follow each other closely for half of
//! the smallest round trip, so that the flight fills the path; and round trips that have grown.

use super::{Acknowledged, Congestion};
use crate::sequence::SequenceNumber;

/// A round trip of slow start; times in microseconds modulo 2^32.
#[derive(Clone, Copy, Debug)]
pub(super) struct Train {
    /// SND.NXT when the round began: its acknowledgement ends it.
    end: SequenceNumber,
    start: u32,
    /// The last acknowledgement of the train.
    last: u32,
    /// The smallest round trip of the first few measured.
    current: u32,
    samples: u8,
}

/// What tells that the path is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// Acknowledgements follow each other for too long.
    Train,
    /// Round trips have grown.
    Delay,
}

impl Train {
    /// The first round begins with this acknowledgement.
    pub(super) fn new(acknowledged: &Acknowledged) -> Self {
        let now = acknowledged.now.as_micros() as u32;
        Self {
            end: acknowledged.next,
            start: now,
            last: now,
            current: u32::MAX,
            samples: 0,
        }
    }

    /// Why slow start has to end, if it has. `delay_min` is the smallest round trip of all.
    pub(super) fn sign(
        &mut self,
        windows: &Congestion,
        acknowledged: &Acknowledged,
        delay: u32,
        delay_min: u32,
    ) -> Option<Sign> {
        if acknowledged.unacknowledged > self.end {
            *self = Self::new(acknowledged);
        }
        if windows.window < WINDOW_SEGMENTS_LEAST * windows.segment() {
            return None;
        }
        let now = acknowledged.now.as_micros() as u32;
        if now.wrapping_sub(self.last) <= SPACING_MICROS {
            self.last = now;
            // Pacing spreads a flight over half of the round trip by itself.
            let shift = u32::from(!windows.is_paced());
            let threshold = (delay_min + burst_micros(windows.window, delay)) >> shift;
            if now.wrapping_sub(self.start) > threshold {
                return Some(Sign::Train);
            }
        }
        self.current = self.current.min(delay);
        if self.samples < SAMPLES {
            self.samples += 1;
            return None;
        }
        let grown = (delay_min / 8).clamp(DELAY_MICROS_LEAST, DELAY_MICROS_MOST);
        (self.current > delay_min.saturating_add(grown)).then_some(Sign::Delay)
    }
}

/// What segments that leave in one burst may add to the length of a train: the time of a burst at the
/// rate of slow start, at most a millisecond.
fn burst_micros(window: u32, delay: u32) -> u32 {
    let micros = u64::from(BURST_BYTES) * u64::from(delay) / u64::from(2 * window.max(1));
    u32::try_from(micros).unwrap_or(u32::MAX).min(1_000)
}

/// Below this window no harm can come of slow start.
const WINDOW_SEGMENTS_LEAST: u32 = 16;
/// Acknowledgements no further apart belong to one train.
const SPACING_MICROS: u32 = 2_000;
/// Round trips to be measured before their smallest is believed.
const SAMPLES: u8 = 8;
const DELAY_MICROS_LEAST: u32 = 4_000;
const DELAY_MICROS_MOST: u32 = 16_000;
/// Four bursts of the largest segment that is handed over to be cut.
const BURST_BYTES: u32 = 4 * 65_536;

#[cfg(test)]
mod tests;
