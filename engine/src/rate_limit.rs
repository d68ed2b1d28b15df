//! A token bucket: so many per second, with bursts of at most a tenth of a second's worth.

use coremill_tcp::Instant;

/// Withholds what goes beyond a rate.
#[derive(Debug)]
pub struct TokenBucket {
    per_second: u64,
    /// Nanoseconds of credit; one token costs `NANOS_PER_SECOND / per_second`.
    credit_nanos: u64,
    credit_nanos_max: u64,
    filled: Instant,
}

impl TokenBucket {
    /// A full bucket that gives `per_second` tokens a second; none at all when that is zero.
    pub fn new(per_second: u32) -> Self {
        let per_second = u64::from(per_second);
        let cost = NANOS_PER_SECOND.checked_div(per_second).unwrap_or(0);
        let credit_nanos_max = cost.max(BURST_NANOS);
        Self {
            per_second,
            credit_nanos: credit_nanos_max,
            credit_nanos_max,
            filled: Instant::default(),
        }
    }

    /// Takes a token; false when there is none.
    pub fn take(&mut self, now: Instant) -> bool {
        let Some(cost) = NANOS_PER_SECOND.checked_div(self.per_second) else {
            return false;
        };
        let elapsed = now.as_nanos().saturating_sub(self.filled.as_nanos());
        self.filled = self.filled.max(now);
        self.credit_nanos = self
            .credit_nanos
            .saturating_add(elapsed)
            .min(self.credit_nanos_max);
        if self.credit_nanos < cost {
            return false;
        }
        self.credit_nanos -= cost;
        true
    }
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;
const BURST_NANOS: u64 = NANOS_PER_SECOND / 10;

#[cfg(test)]
mod tests;
