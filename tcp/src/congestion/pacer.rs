//! Pacing: when the next segment may leave, so that a flight spreads over its round trip.
//!
//! Rates are Linux's: twice the window each round trip in slow start, 1.2 times beyond it, or what the
//! algorithm says; the first ten segments are not paced. Time that was missed, for timers have a
//! resolution and workers have turns, is made up for, a millisecond at most.

use std::time::Duration;

use super::block::{Block, Private};
use super::{Algorithm, Congestion, CongestionPool, CongestionSettings};
use crate::time::Instant;

/// The pace of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pacer {
    /// When the next segment may leave.
    release: Instant,
    /// SO_MAX_PACING_RATE in bytes per second; 0 for none.
    rate_max: u64,
    /// Segments sent, as far as they are not paced.
    first: u8,
}

impl Congestion {
    /// True when segments are paced.
    #[inline]
    pub fn is_paced(&self) -> bool {
        self.flags & PACED != 0
    }

    /// True while the next segment has to wait for its time.
    #[inline]
    pub fn is_holding(&self) -> bool {
        self.flags & HOLDING != 0
    }

    /// True while the next segment has to wait for its time, or for an acknowledgement.
    #[inline]
    pub(crate) fn is_waiting(&self) -> bool {
        self.flags & (HOLDING | DEFERRING) != 0
    }

    /// Bytes per second at which to send, with the smoothed round trip; None where nothing but the window
    /// limits, or neither a round trip nor a bound is known.
    pub fn pacing_rate(&self, pool: &CongestionPool, smoothed: Option<Duration>) -> Option<u64> {
        if !self.is_paced() {
            return None;
        }
        self.rate_with(pool.get(&self.block)?, smoothed)
    }

    /// `payload` bytes have left, in segments with at most `segment` each: the next may after them, at the rate; true when
    /// it has to wait.
    #[cold]
    pub fn pace(
        &mut self,
        pool: &mut CongestionPool,
        now: Instant,
        (payload, segment): (u32, u32),
        smoothed: Option<Duration>,
    ) -> bool {
        let (Some(block), _) = pool.ensure(self, now) else {
            return false;
        };
        if block.pacer.first < FIRST_SEGMENTS {
            let count = payload.div_ceil(segment.max(1)).max(1);
            let count = u8::try_from(count).unwrap_or(FIRST_SEGMENTS);
            block.pacer.first = block.pacer.first.saturating_add(count);
            // The tenth makes the next one wait, and whatever has left together with it does.
            if block.pacer.first < FIRST_SEGMENTS {
                return false;
            }
        }
        let Some(rate) = self.rate_with(block, smoothed) else {
            return false;
        };
        let interval = u64::from(payload) * 1_000_000_000 / rate.max(1);
        let earliest = now.as_nanos().saturating_sub(MISSED_NANOS_MAX);
        let release = block.pacer.release.as_nanos().max(earliest) + interval.min(WAIT_NANOS_MAX);
        block.pacer.release = Instant::from_nanos(release);
        if block.pacer.release > now {
            self.flags |= HOLDING;
        }
        self.is_holding()
    }

    /// When the next segment may leave; None when it may now.
    pub fn release_at(&self, pool: &CongestionPool) -> Option<Instant> {
        if !self.is_holding() {
            return None;
        }
        pool.get(&self.block).map(|block| block.pacer.release)
    }

    /// Time has passed: the next segment may leave if its time has come.
    pub fn let_go(&mut self, pool: &CongestionPool, now: Instant) {
        if self.release_at(pool).is_none_or(|release| release <= now) {
            self.flags &= !HOLDING;
        }
    }

    /// SO_MAX_PACING_RATE: segments are paced, at `bytes_per_second` at most; 0 for no such bound.
    pub fn set_pacing_rate_max(
        &mut self,
        pool: &mut CongestionPool,
        now: Instant,
        bytes_per_second: u64,
    ) {
        let is_bounded = bytes_per_second > 0;
        if !is_bounded && self.flags & BOUNDED == 0 {
            return;
        }
        self.flags = self.flags & !BOUNDED | if is_bounded { BOUNDED } else { 0 };
        self.look_at_pacing(pool.settings());
        if let (Some(block), _) = pool.ensure(self, now) {
            block.pacer.rate_max = bytes_per_second;
        }
    }

    /// Whether segments are paced follows from the algorithm, the settings and the user's bound.
    pub(super) fn look_at_pacing(&mut self, settings: &CongestionSettings) {
        let is_paced =
            settings.pacing || self.algorithm == Algorithm::Bbr || self.flags & BOUNDED != 0;
        self.flags = if is_paced {
            self.flags | PACED
        } else {
            self.flags & !(PACED | HOLDING)
        };
    }

    /// Bytes per second that the window and a round trip of `smoothed` make.
    pub fn usual_rate(&self, smoothed: Duration) -> u64 {
        let nanos = u64::try_from(smoothed.as_nanos())
            .unwrap_or(u64::MAX)
            .max(1);
        let percent = if self.window < self.threshold / 2 {
            200
        } else {
            120
        };
        u64::from(self.window) * percent * 10_000_000 / nanos
    }

    /// True while a burst waits for an acknowledgement, so that more segments leave together.
    #[inline]
    pub fn is_deferring(&self) -> bool {
        self.flags & DEFERRING != 0
    }

    /// The next segments wait for an acknowledgement. The window counts as used up, as if they had left.
    pub fn defer(&mut self) {
        self.flags |= DEFERRING;
    }

    /// What has waited may leave.
    #[inline]
    pub fn end_deferral(&mut self) {
        self.flags &= !DEFERRING;
    }

    fn rate_with(&self, block: &Block, smoothed: Option<Duration>) -> Option<u64> {
        let rate = match &block.private {
            Private::Bbr(bbr) => Some(bbr.pacing_rate()),
            _ => smoothed.map(|smoothed| self.usual_rate(smoothed)),
        };
        match block.pacer.rate_max {
            0 => rate,
            // The user's bound holds before any round trip was measured, too.
            most => Some(rate.map_or(most, |rate| rate.min(most))),
        }
    }
}

/// Segments are paced.
pub(super) const PACED: u8 = 1;
/// The next one has to wait.
const HOLDING: u8 = 2;
/// The user has set a bound.
const BOUNDED: u8 = 4;
/// Segments wait to leave together.
const DEFERRING: u8 = 8;
/// As Linux: short exchanges are not slowed down.
const FIRST_SEGMENTS: u8 = 10;
const MISSED_NANOS_MAX: u64 = 1_000_000;
/// No rate is so low that nothing is sent for longer.
const WAIT_NANOS_MAX: u64 = 10_000_000_000;

#[cfg(test)]
mod tests;
