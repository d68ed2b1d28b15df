//! The rate limit of challenge ACKs (RFC 5961, section 7).
//!
//! How many a second has nobody can know: who counts those for a connection of his own must not
//! learn whether his guesses at another one have used any up (CVE-2016-5696).

use crate::flow_hash::FlowSecret;
use crate::time::Instant;

/// Challenge ACKs that may still be sent in the present second.
#[derive(Debug)]
pub(crate) struct ChallengeLimit {
    secret: FlowSecret,
    second: u64,
    left: u32,
}

impl ChallengeLimit {
    /// A limit whose allowances follow from `secret`.
    pub(crate) fn new(secret: &[u8; 16]) -> Self {
        Self {
            secret: FlowSecret::new(secret),
            second: u64::MAX,
            left: 0,
        }
    }

    /// Takes one; false when there is none left. A second has half of `per_second_max` to all.
    pub(crate) fn take(&mut self, now: Instant, per_second_max: u32) -> bool {
        let second = now.as_nanos() / NANOS_PER_SECOND;
        if second != self.second {
            // Rounded up: one a second is one in each (as Linux).
            let half = per_second_max.div_ceil(2);
            let spread = u64::from(per_second_max - half) + 1;
            self.second = second;
            self.left = half + (self.secret.of_number(second) % spread) as u32;
        }
        let may = self.left > 0;
        self.left -= u32::from(may);
        may
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests;
