//! Where sequence numbers and timestamps of a flow begin: guesses are hopeless, yet a flow opened
//! again goes on above its former numbers (RFC 6528; RFC 7323, section 5.4).

use crate::address::Flow;
use crate::flow_hash::FlowSecret;
use crate::sequence::SequenceNumber;
use crate::time::Instant;

/// Initial sequence numbers: `ISN = M + F(flow, secret)`, M a clock of 4 us.
/// RFC 9293, MUST-8, MUST-9, SHLD-1.
#[derive(Clone, Debug)]
pub struct InitialSequence {
    secret: FlowSecret,
}

impl InitialSequence {
    /// Numbers under `secret`.
    pub fn new(secret: &[u8; 16]) -> Self {
        Self {
            secret: FlowSecret::new(secret),
        }
    }

    /// The initial sequence number of `flow`, as seen from our end, at `now`.
    pub fn number(&self, now: Instant, flow: &Flow) -> SequenceNumber {
        let clock = now.as_micros() / CLOCK_MICROS;
        SequenceNumber::new(self.secret.of_flow(flow) as u32) + clock as u32
    }
}

/// Offsets that keep the timestamps of different flows apart and the host's uptime private.
/// RFC 7323, sections 7 and 7.1.
#[derive(Clone, Debug)]
pub struct TimestampOffsets {
    secret: FlowSecret,
}

impl TimestampOffsets {
    /// Offsets under `secret`.
    pub fn new(secret: &[u8; 16]) -> Self {
        Self {
            secret: FlowSecret::new(secret),
        }
    }

    /// What to add to the timestamp clock for `flow`; the same each time, so that the timestamps of
    /// a flow opened again go on rising.
    pub fn offset(&self, flow: &Flow) -> u32 {
        self.secret.of_flow(flow) as u32
    }
}

/// RFC 6528, section 3: M goes up by one every four microseconds.
const CLOCK_MICROS: u64 = 4;

#[cfg(test)]
mod tests;
