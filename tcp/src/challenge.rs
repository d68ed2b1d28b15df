//! The rate limit of challenge ACKs (RFC 5961, section 7).

use crate::time::Instant;

/// Challenge ACKs that may still be sent in the present second.
#[derive(Debug, Default)]
pub(crate) struct ChallengeLimit {
    second: u64,
    sent: u32,
}

impl ChallengeLimit {
    /// Takes one of at most `per_second`; false when there is none left.
    pub(crate) fn take(&mut self, now: Instant, per_second: u32) -> bool {
        let second = now.as_nanos() / NANOS_PER_SECOND;
        if second != self.second {
            *self = Self { second, sent: 0 };
        }
        let allowed = self.sent < per_second;
        self.sent += u32::from(allowed);
        allowed
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;
