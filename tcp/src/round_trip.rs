//! Round-trip time and the retransmission timeout (RFC 6298).
//!
//! By Karn's rule the caller measures no segment sent twice, unless timestamps tell the copies apart.

use std::time::Duration;

use crate::time::{Instant, nanos};

/// Bounds of the timeout: the same for all connections of a shard.
#[derive(Clone, Copy, Debug)]
pub struct TimeoutBounds {
    /// Timeout before the first measurement.
    pub initial: Duration,
    /// Lower bound.
    pub min: Duration,
    /// Upper bound, also of a backed-off timeout.
    pub max: Duration,
    /// The same bounds as each segment needs them.
    pub(crate) min_nanos: u64,
    min_micros: u32,
    max_nanos: u64,
}

impl TimeoutBounds {
    /// With these as the fields say.
    pub fn new(initial: Duration, min: Duration, max: Duration) -> Self {
        Self {
            initial,
            min,
            max,
            min_nanos: nanos(min),
            min_micros: u32::try_from(min.as_micros()).unwrap_or(u32::MAX),
            max_nanos: nanos(max),
        }
    }
}

/// The estimate for one connection.
/// RFC 9293, MUST-18.
#[derive(Clone, Copy, Debug, Default)]
// Packed, since each byte is paid for by each idle connection.
#[repr(Rust, packed(1))]
pub struct RoundTrip {
    /// SRTT in eighths of a microsecond; 0 before the first measurement.
    smoothed_eighths: u32,
    /// RTTVAR in quarters of a microsecond.
    variation_quarters: u32,
    /// Smallest measurement so far, in microseconds; 0 before the first.
    smallest_micros: u32,
    backoff: u8,
    /// What takes the estimate's place until data is measured.
    first: FirstTimeout,
}

impl RoundTrip {
    /// Takes a measurement in, and ends the back-off (RFC 6298, section 5.7's last note).
    /// RFC 6298, section 2; RFC 7323, section 4.2.
    pub fn measure(&mut self, sample: Duration) {
        self.measure_micros(u64::try_from(sample.as_micros()).unwrap_or(u64::MAX));
    }

    /// The same, in microseconds: each exchange of a request and its answer measures.
    #[inline(always)]
    pub fn measure_micros(&mut self, sample: u64) {
        let sample = u32::try_from(sample).unwrap_or(u32::MAX);
        if self.smoothed_eighths != 0 && sample.wrapping_sub(1) < SAMPLE_MICROS_MAX {
            self.follow(sample);
        } else {
            self.begin_or_follow(sample.clamp(1, SAMPLE_MICROS_MAX));
        }
        self.backoff = 0;
        self.first = FirstTimeout::BY_ESTIMATE;
    }

    /// RTTVAR = 3/4 RTTVAR + 1/4 |SRTT - R|, then SRTT = 7/8 SRTT + 1/8 R.
    #[inline(always)]
    fn follow(&mut self, sample: u32) {
        let smoothed = self.smoothed_eighths / 8;
        let usual = self.variation_quarters / 4;
        if sample >= smoothed {
            self.variation_quarters = self.variation_quarters - usual + (sample - smoothed);
        } else if smoothed - sample <= usual {
            self.variation_quarters = self.variation_quarters - usual + (smoothed - sample);
        } else {
            // A round trip that gets shorter is no reason to wait longer (as Linux).
            self.variation_quarters += (smoothed - sample - usual) / 8;
        }
        self.smoothed_eighths = self.smoothed_eighths - smoothed + sample;
        if sample < self.smallest_micros {
            self.smallest_micros = sample;
        }
    }

    #[cold]
    fn begin_or_follow(&mut self, sample: u32) {
        if self.smoothed_eighths != 0 {
            return self.follow(sample);
        }
        self.smoothed_eighths = sample * 8;
        self.variation_quarters = sample * 2;
        self.smallest_micros = sample;
    }

    /// RTO: `SRTT + max(G, 4 RTTVAR)` by RFC 6298, section 2.3, where as on Linux the lower bound takes G's place: a
    /// segment gets that much beyond the usual round trip. Doubled by each back-off, within the upper bound.
    /// RFC 6298, sections 2 and 4.
    pub fn timeout(&self, bounds: &TimeoutBounds) -> Duration {
        self.timeout_with(bounds, 0)
    }

    /// The same, where `variation_micros`, if it is more, stands for four times RTTVAR.
    #[inline]
    pub(crate) fn timeout_with(&self, bounds: &TimeoutBounds, variation_micros: u32) -> Duration {
        Duration::from_nanos(self.timeout_nanos(bounds, variation_micros))
    }

    /// When a segment sent now times out. In whole nanoseconds, as each segment sent needs it.
    #[inline]
    pub fn deadline(&self, now: Instant, bounds: &TimeoutBounds) -> Instant {
        self.deadline_with(now, bounds, 0)
    }

    /// The same, with a variation as of [`Self::timeout_with`].
    #[inline]
    pub(crate) fn deadline_with(
        &self,
        now: Instant,
        bounds: &TimeoutBounds,
        variation_micros: u32,
    ) -> Instant {
        let timeout = self.timeout_nanos(bounds, variation_micros);
        Instant::from_nanos(now.as_nanos().saturating_add(timeout))
    }

    /// True when four times RTTVAR is more than the lower bound, which stands for it else.
    #[inline]
    pub(crate) fn is_spread(&self, bounds: &TimeoutBounds) -> bool {
        self.variation_quarters > bounds.min_micros
    }

    /// Four times RTTVAR, in microseconds.
    pub(crate) fn variation_micros(&self) -> u32 {
        self.variation_quarters
    }

    #[inline(always)]
    pub(crate) fn timeout_nanos(&self, bounds: &TimeoutBounds, variation_micros: u32) -> u64 {
        let is_usual = self.first == FirstTimeout::BY_ESTIMATE && self.backoff == 0;
        if !is_usual || self.smoothed_eighths == 0 {
            return self.unusual_timeout_nanos(bounds, variation_micros);
        }
        let variation = u64::from(self.variation_quarters.max(variation_micros)) * 1_000;
        let timeout =
            u64::from(self.smoothed_eighths / 8) * 1_000 + variation.max(bounds.min_nanos);
        timeout.min(bounds.max_nanos)
    }

    /// How long a segment that is alone under way waits for its acknowledgement, after a measurement: two round trips and
    /// the delay of an acknowledgement (RFC 8985, section 7.2), for which the lower bound stands, or the timeout, whichever
    /// is sooner.
    #[inline(always)]
    pub(crate) fn probe_nanos(&self, bounds: &TimeoutBounds) -> u64 {
        if self.first.0 | self.backoff != 0 {
            let probe = 2_000 * u64::from(self.smoothed_micros()) + bounds.min_nanos;
            return probe.min(self.unusual_timeout_nanos(bounds, 0));
        }
        let smoothed = u64::from(self.smoothed_micros());
        let least = u64::from(bounds.min_micros);
        let variation = u64::from(self.variation_quarters).max(least);
        ((smoothed + variation.min(smoothed + least)) * 1_000).min(bounds.max_nanos)
    }

    #[inline(never)]
    fn unusual_timeout_nanos(&self, bounds: &TimeoutBounds, variation_micros: u32) -> u64 {
        let base = if self.first != FirstTimeout::BY_ESTIMATE {
            self.first.nanos(bounds)
        } else if self.smoothed_eighths == 0 {
            initial_nanos(bounds)
        } else {
            let variation = u64::from(self.variation_quarters.max(variation_micros)) * 1_000;
            u64::from(self.smoothed_eighths / 8) * 1_000 + variation.max(bounds.min_nanos)
        };
        base.saturating_mul(1 << self.backoff.min(BACKOFF_MAX))
            .min(bounds.max_nanos)
    }

    /// The timer has expired: the next timeout is twice as long.
    pub fn back_off(&mut self) {
        self.backoff = (self.backoff + 1).min(BACKOFF_MAX);
    }

    /// What was backed off for was no loss (a SYN's timeout, a closed window): timeouts follow the
    /// estimate again.
    #[inline]
    pub fn end_back_off(&mut self) {
        self.backoff = 0;
    }

    /// The handshake is complete. Without a measurement, because its SYN was sent twice, data gets three seconds (RFC
    /// 6298, section 5.7); where former connections took longer, `known_eighths` of a microsecond, as much as they would
    /// (as Linux: SYNs are small, and the estimate itself stays this connection's own).
    pub(crate) fn end_handshake(&mut self, known_eighths: u32, bounds: &TimeoutBounds) {
        self.backoff = 0;
        self.first = if known_eighths > self.smoothed_eighths {
            let known = Duration::from_micros(u64::from(known_eighths / 8));
            FirstTimeout::of(known + bounds.min.max(2 * known))
        } else if self.smoothed_eighths == 0 {
            FirstTimeout::FALLBACK
        } else {
            FirstTimeout::BY_ESTIMATE
        };
    }

    /// SRTT in eighths of a microsecond and RTTVAR in quarters; None before the first measurement, and while timeouts are
    /// backed off, when the estimate is doubtful.
    pub(crate) fn trusted(&self) -> Option<(u32, u32)> {
        let is_trusted = self.smoothed_eighths != 0 && self.backoff == 0;
        is_trusted.then_some((self.smoothed_eighths, self.variation_quarters))
    }

    /// How often the timeout has been doubled.
    pub fn backoff(&self) -> u32 {
        u32::from(self.backoff)
    }

    /// SRTT in microseconds; 0 before the first measurement.
    #[inline]
    pub(crate) fn smoothed_micros(&self) -> u32 {
        self.smoothed_eighths / 8
    }

    /// The smallest measurement in microseconds; 0 before the first.
    #[inline]
    pub(crate) fn smallest_micros(&self) -> u32 {
        self.smallest_micros
    }

    /// SRTT; None before the first measurement.
    pub fn smoothed(&self) -> Option<Duration> {
        let smoothed = Duration::from_micros(u64::from(self.smoothed_eighths / 8));
        (self.smoothed_eighths != 0).then_some(smoothed)
    }

    /// RTTVAR.
    pub fn variation(&self) -> Duration {
        Duration::from_micros(u64::from(self.variation_quarters / 4))
    }

    /// The smallest measurement; None before the first.
    /// RFC 8985, section 6.2.
    pub fn smallest(&self) -> Option<Duration> {
        let smallest = Duration::from_micros(u64::from(self.smallest_micros));
        (self.smallest_micros != 0).then_some(smallest)
    }
}

/// A timeout in one byte, milliseconds with three binary digits behind the first, rounded up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct FirstTimeout(u8);

impl FirstTimeout {
    const BY_ESTIMATE: Self = Self(0);
    const FALLBACK: Self = Self(u8::MAX);

    fn of(timeout: Duration) -> Self {
        let nanos = timeout.as_nanos();
        (1..u8::MAX)
            .map(Self)
            .find(|first| u128::from(first.millis()) * 1_000_000 >= nanos)
            .unwrap_or(Self(u8::MAX - 1))
    }

    fn millis(self) -> u64 {
        match (u64::from(self.0 & 7), self.0 >> 3) {
            (digits, 0) => digits,
            (digits, shift) => (8 + digits) << (shift - 1),
        }
    }

    #[cold]
    fn nanos(self, bounds: &TimeoutBounds) -> u64 {
        match self {
            Self::FALLBACK => initial_nanos(bounds).max(FALLBACK_NANOS),
            first => first.millis() * 1_000_000,
        }
    }
}

/// Before anything is known.
fn initial_nanos(bounds: &TimeoutBounds) -> u64 {
    nanos(bounds.initial).max(nanos(bounds.min))
}

/// RFC 6298, section 5.7.
const FALLBACK_NANOS: u64 = 3_000_000_000;
/// Longer samples count as this, four minutes: eight of them fit 32 bits.
const SAMPLE_MICROS_MAX: u32 = 240_000_000;
/// 2^16 times any timeout is beyond every sensible bound.
const BACKOFF_MAX: u8 = 16;

#[cfg(test)]
mod tests;
