//! CUBIC (RFC 9438) in whole numbers: bytes, milliseconds, and thousandths of a segment between.
//!
//! The window grows by the time since the last reduction, along a cubic curve around the window at
//! which that came: fast far from it, hardly near it. As Linux does it, the curve is looked at once
//! a millisecond at most, and gives how many bytes must be delivered for each segment more; unlike
//! there, Reno is followed with each acknowledgement, as the RFC asks.

use super::Congestion;
use super::segment_size::Shrinking;
use crate::time::Instant;

/// The state of CUBIC, times in milliseconds modulo 2^32, windows in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cubic {
    /// The present stage of congestion avoidance, once there is one.
    epoch: Option<Epoch>,
    /// W_max: the window before the last reduction, a little less after fast convergence; 0 before
    /// the first.
    largest: u32,
    /// cwnd_prior: the window before the last reduction.
    prior: u32,
    /// The smallest round trip since the last timeout, in microseconds; 0 before the first sample.
    pub(super) delay_min_micros: u32,
}

/// A stage of congestion avoidance: from one reduction to the next.
#[derive(Clone, Copy, Debug)]
struct Epoch {
    /// t_epoch.
    start: u32,
    /// K: how long after `start` the curve reaches `origin`.
    k: u32,
    /// Where the curve is flat: W_max, or the window at the start when that was larger.
    origin: u32,
    /// W_est: the window that Reno would have.
    estimate: u32,
    /// Bytes delivered and not yet counted towards `estimate`.
    uncounted: u32,
    /// The window that the curve was looked at with last, and when.
    last_window: u32,
    last_look: u32,
    /// Bytes to be delivered for each segment more.
    per_segment: u32,
}

impl Cubic {
    /// A round trip was measured.
    #[inline]
    pub(super) fn on_sample(&mut self, now: Instant, sample_micros: u32) {
        // As Linux: just after a recovery the queue that caused it is still draining.
        if let Some(epoch) = &self.epoch
            && millis(now).wrapping_sub(epoch.start) < SETTLING_MILLIS
        {
            return;
        }
        let sample = sample_micros.max(1);
        if self.delay_min_micros == 0 || self.delay_min_micros > sample {
            self.delay_min_micros = sample;
        }
    }

    /// Multiplicative decrease with fast convergence (RFC 9438, sections 4.6 and 4.7): ssthresh.
    /// RFC 9438, sections 4.1.2, 4.6 and 4.7.
    pub(super) fn reduced(&mut self, windows: &Congestion) -> u32 {
        let window = windows.window;
        self.epoch = None;
        self.prior = window;
        self.largest = if window < self.largest {
            // Somebody new wants a share: leave more than the curve would.
            scale(window, SCALE + BETA) / 2
        } else {
            window
        };
        scale(window, BETA).max(2 * windows.segment())
    }

    /// A timeout: what was known of the path is forgotten but for W_max, that fast convergence
    /// compares with (RFC 9438, section 4.8).
    pub(super) fn on_timeout(&mut self) {
        self.epoch = None;
        self.delay_min_micros = 0;
    }

    /// Nothing was in flight since `last_sent`: that time does not count (RFC 9438, section 4.2, as
    /// for application-limited times).
    pub(super) fn on_idle(&mut self, now: Instant, last_sent: Instant) {
        if let Some(epoch) = &mut self.epoch {
            let idle = millis(now).wrapping_sub(millis(last_sent));
            let age = millis(now).wrapping_sub(epoch.start);
            epoch.start = epoch.start.wrapping_add(idle.min(age));
        }
    }

    /// The curve is one of segments (RFC 9438, section 4.1).
    pub(super) fn shrink(&mut self, shrinking: Shrinking) {
        self.largest = shrinking.of(self.largest);
        self.prior = shrinking.of(self.prior);
        if let Some(epoch) = &mut self.epoch {
            epoch.origin = shrinking.of(epoch.origin);
            epoch.estimate = shrinking.of(epoch.estimate);
            epoch.uncounted = shrinking.of(epoch.uncounted);
            epoch.last_window = shrinking.of(epoch.last_window);
            epoch.per_segment = shrinking.of(epoch.per_segment);
        }
    }

    /// The bytes to be delivered for each segment more, after `delivered` more were.
    pub(super) fn per_segment(
        &mut self,
        windows: &Congestion,
        now: Instant,
        delivered: u32,
    ) -> u32 {
        let (now, window, segment) = (millis(now), windows.window, windows.segment());
        let delay_millis = self.delay_min_micros / 1_000;
        let (largest, prior) = (self.largest, self.prior);
        let is_new = self.epoch.is_none();
        let epoch = self
            .epoch
            .get_or_insert_with(|| Epoch::begin(now, window, segment, largest));
        epoch.uncounted = epoch.uncounted.saturating_add(delivered);
        let since_look = now.wrapping_sub(epoch.last_look);
        let is_settled = epoch.last_window == window && since_look <= LOOK_MILLIS;
        if is_new || (since_look > 0 && !is_settled) {
            epoch.last_window = window;
            epoch.last_look = now;
            // RFC 9438, section 4.2: where the curve will be a round trip from now.
            let age = now.wrapping_sub(epoch.start).saturating_add(delay_millis);
            epoch.per_segment = per_segment_towards(epoch.target(age, segment), window, segment);
            if largest == 0 {
                // Before the first loss nothing is known of the path: 5 % a round trip, as Linux.
                epoch.per_segment = epoch
                    .per_segment
                    .min(FIRST_SEGMENTS.saturating_mul(segment));
            }
        }
        epoch.follow_reno(window, segment, prior);
        // At most half a segment for each delivered: target <= 1.5 cwnd (RFC 9438, section 4.2).
        epoch.per_segment = epoch.per_segment.max(2 * segment);
        epoch.per_segment
    }
}

impl Epoch {
    fn begin(now: u32, window: u32, segment: u32, largest: u32) -> Self {
        let distance = largest.saturating_sub(window);
        Self {
            start: now,
            // RFC 9438, equation 2.
            k: cube_root(u64::from(distance) * INVERSE_C_MILLIS / u64::from(segment)),
            origin: largest.max(window),
            estimate: window,
            uncounted: 0,
            last_window: window,
            last_look: now,
            per_segment: u32::MAX,
        }
    }

    /// RFC 9438, equation 1: the curve `age` milliseconds after the start.
    fn target(&self, age: u32, segment: u32) -> u32 {
        let distance = cubed(age.abs_diff(self.k), segment);
        if age < self.k {
            self.origin.saturating_sub(distance)
        } else {
            self.origin.saturating_add(distance)
        }
    }

    /// The Reno-friendly region (RFC 9438, section 4.3): never slower than Reno would be.
    fn follow_reno(&mut self, window: u32, segment: u32, prior: u32) {
        // A segment each window at best; as much less as Reno with this reduction would reach the
        // average of Reno's, until the window of before is reached again.
        let per_segment = if self.estimate < prior {
            window.saturating_mul(INVERSE_ALPHA_EIGHTHS) / 8
        } else {
            window
        };
        if let Some(segments) = self.uncounted.checked_div(per_segment) {
            self.uncounted -= segments * per_segment;
            self.estimate = self
                .estimate
                .saturating_add(segments.saturating_mul(segment));
        }
        if self.estimate > window {
            let reno = per_segment_towards(self.estimate, window, segment);
            self.per_segment = self.per_segment.min(reno);
        }
    }
}

/// Bytes for each segment more, so that the window reaches `target` after another window of them.
fn per_segment_towards(target: u32, window: u32, segment: u32) -> u32 {
    match target.checked_sub(window) {
        Some(distance) if distance > 0 => {
            let bytes = u64::from(window) * u64::from(segment) / u64::from(distance);
            u32::try_from(bytes).unwrap_or(u32::MAX)
        }
        // Above the curve: hardly at all, as Linux.
        _ => window.saturating_mul(ABOVE_WINDOWS),
    }
}

/// C * `millis`^3 segments, in bytes.
fn cubed(millis: u32, segment: u32) -> u32 {
    let millis = u64::from(millis.min(CURVE_MILLIS_MAX));
    let thousandths = millis * millis * millis * 1_000 / INVERSE_C_MILLIS;
    let bytes = thousandths * u64::from(segment) / 1_000;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The largest number whose cube is not larger.
fn cube_root(number: u64) -> u32 {
    let mut root = 0_u64;
    for bit in (0..ROOT_BITS).rev() {
        let larger = root | 1 << bit;
        if larger * larger * larger <= number {
            root = larger;
        }
    }
    u32::try_from(root).unwrap_or(u32::MAX)
}

fn scale(bytes: u32, by: u32) -> u32 {
    u32::try_from(u64::from(bytes) * u64::from(by) / u64::from(SCALE)).unwrap_or(u32::MAX)
}

fn millis(now: Instant) -> u32 {
    now.as_millis() as u32
}

/// beta = 0.7 (RFC 9438, section 4.6), in Linux's fraction.
const BETA: u32 = 717;
const SCALE: u32 = 1_024;
/// 1 / C, C = 0.4 segments per cubic second (RFC 9438, section 5), for cubic milliseconds.
const INVERSE_C_MILLIS: u64 = 2_500_000_000;
/// 1 / alpha = (1 + beta) / (3 (1 - beta)) (RFC 9438, section 4.3), as Linux rounds it.
const INVERSE_ALPHA_EIGHTHS: u32 = 15;
/// The curve is not looked at again for so long while the window stays the same.
const LOOK_MILLIS: u32 = 31;
/// Round trips measured so soon after a reduction say nothing of the smallest.
const SETTLING_MILLIS: u32 = 1_000;
const FIRST_SEGMENTS: u32 = 20;
const ABOVE_WINDOWS: u32 = 100;
/// Two minutes away from its middle the curve is beyond every window; its cube fits 64 bits.
const CURVE_MILLIS_MAX: u32 = 1 << 17;
/// The cube of a number of 21 bits fits 64.
const ROOT_BITS: u32 = 21;

#[cfg(test)]
mod tests;
