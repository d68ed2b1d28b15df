//! RFC 7661: a window that is not used is kept for five minutes, without growing, and forgotten by a
//! loss. How much of it is used is told by what was acknowledged in a round trip (pipeACK).

use super::{Acknowledged, Congestion, CongestionSettings};
use crate::sequence::SequenceNumber;
use crate::time::Instant;

/// What was acknowledged lately; bytes, and milliseconds modulo 2^32.
#[derive(Clone, Copy, Debug)]
pub(super) struct PipeAck {
    /// SND.NXT when the present round began, and what was acknowledged in it.
    round_end: SequenceNumber,
    round_bytes: u32,
    /// The largest round of the present and of the last half of the sampling period; 0 for none.
    present: u32,
    last: u32,
    half_began: u32,
    /// Since when the window is not validated.
    unvalidated_since: Option<u32>,
}

impl PipeAck {
    pub(super) fn new(now: Instant, next: SequenceNumber) -> Self {
        Self {
            round_end: next,
            round_bytes: 0,
            present: 0,
            last: 0,
            half_began: millis(now),
            unvalidated_since: None,
        }
    }

    /// Takes an acknowledgement in; true when the window is validated and may grow (RFC 7661, section
    /// 4.3): at least half of it was acknowledged in a round trip.
    pub(super) fn observe(&mut self, windows: &Congestion, acknowledged: &Acknowledged) -> bool {
        let now = millis(acknowledged.now);
        // RFC 7661, section 4.2: the period is three round trips, a second at least; what is older is forgotten.
        let round_trip_millis = acknowledged.sample_micros.unwrap_or(0) / 1_000;
        let half = (round_trip_millis.saturating_mul(3) / 2).max(HALF_MILLIS_LEAST);
        let passed = now.wrapping_sub(self.half_began);
        if passed >= half {
            let present = std::mem::take(&mut self.present);
            self.last = if passed < 2 * half { present } else { 0 };
            self.half_began = now;
        }
        self.round_bytes = self.round_bytes.saturating_add(acknowledged.delivered);
        if acknowledged.unacknowledged >= self.round_end {
            self.present = self.present.max(self.round_bytes);
            self.round_bytes = 0;
            self.round_end = acknowledged.next;
        }
        let is_validated = self.bytes() == 0 || self.bytes() >= windows.window / 2;
        if is_validated {
            self.unvalidated_since = None;
        } else if self.unvalidated_since.is_none() {
            self.unvalidated_since = Some(now);
        }
        is_validated
    }

    /// RFC 7661, section 4.4.3: after five minutes the window comes down by half.
    pub(super) fn expire(
        &mut self,
        windows: &mut Congestion,
        now: Instant,
        settings: &CongestionSettings,
    ) {
        let now = millis(now);
        if let Some(since) = self.unvalidated_since
            && now.wrapping_sub(since) >= UNVALIDATED_MILLIS_MAX
        {
            windows.remember_three_quarters();
            let least = windows.initial_window(settings).min(windows.window);
            windows.window = (windows.window / 2).max(least);
            self.unvalidated_since = Some(now);
        }
    }

    /// What a loss leaves of a window that was not validated (RFC 7661, section 4.4.2): half of what
    /// was used. None where it was validated.
    pub(super) fn reduced(&self, in_flight: u32) -> Option<u32> {
        self.unvalidated_since
            .map(|_| self.bytes().max(in_flight) / 2)
    }

    fn bytes(&self) -> u32 {
        self.present.max(self.last)
    }
}

fn millis(now: Instant) -> u32 {
    now.as_millis() as u32
}

const HALF_MILLIS_LEAST: u32 = 500;
const UNVALIDATED_MILLIS_MAX: u32 = 300_000;

#[cfg(test)]
mod tests;
