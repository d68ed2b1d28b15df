//! Round trips, thresholds and reordering of a path, as connections that ended have found them.
//!
//! The rules are those of Linux's tcp_update_metrics: what overestimates the round trip is taken at once, what is less
//! moves the memory by a part; a window counts where it was not a passing one.

use std::time::Duration;

use crate::time::Instant;

/// What is remembered. Windows are in segments, zero for what is not known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metrics {
    /// SRTT in eighths of a microsecond.
    pub(crate) round_trip_eighths: u32,
    /// RTTVAR in quarters of a microsecond.
    pub(crate) variation_quarters: u32,
    pub(crate) threshold_segments: u32,
    pub(crate) window_segments: u32,
    /// Duplicates that mean a loss, where the path reorders.
    pub(crate) reordering: u16,
    /// When a connection last told.
    pub(crate) learnt: Instant,
}

/// What a connection found out about its path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    /// SRTT in eighths of a microsecond, and RTTVAR in quarters; None when the estimate is of no use.
    pub(crate) round_trip: Option<(u32, u32)>,
    /// cwnd in segments.
    pub(crate) window: u32,
    /// ssthresh in segments; None before the first reduction.
    pub(crate) threshold: Option<u32>,
    /// Nothing was lost or marked lately.
    pub(crate) is_open: bool,
    /// Duplicates that meant a loss, where they are not the usual ones.
    pub(crate) reordering: Option<u16>,
}

impl Metrics {
    /// Nothing is known.
    pub(crate) const NONE: Self = Self {
        round_trip_eighths: 0,
        variation_quarters: 0,
        threshold_segments: 0,
        window_segments: 0,
        reordering: 0,
        learnt: Instant::from_nanos(0),
    };

    /// What is still to be believed: after an hour nothing of it (as Linux).
    pub(crate) fn current(&self, now: Instant) -> Self {
        if now.since(self.learnt) > BELIEVED {
            Self::NONE
        } else {
            *self
        }
    }

    /// Takes in what a connection found. `saves_threshold`: its threshold too.
    pub(crate) fn learn(&mut self, now: Instant, found: &Found, saves_threshold: bool) {
        *self = self.current(now);
        let Some((smoothed, variation)) = found.round_trip else {
            self.round_trip_eighths = 0;
            return;
        };
        self.learn_round_trip(smoothed, variation);
        let half = found.window / 2;
        match found.threshold {
            // The first slow start did not end: as far as it came, the path carries it.
            None => {
                if saves_threshold && self.threshold_segments != 0 {
                    self.threshold_segments = self.threshold_segments.max(half);
                }
                self.window_segments = self.window_segments.max(found.window);
            }
            Some(threshold) if found.window >= threshold && found.is_open => {
                if saves_threshold {
                    self.threshold_segments = half.max(threshold);
                }
                self.window_segments = self.window_segments.midpoint(found.window);
            }
            Some(threshold) => {
                self.window_segments = self.window_segments.midpoint(threshold);
                if saves_threshold && self.threshold_segments != 0 {
                    self.threshold_segments = self.threshold_segments.max(threshold);
                }
                let reordering = found.reordering.unwrap_or(0);
                self.reordering = self.reordering.max(reordering);
            }
        }
        self.learnt = now;
    }

    fn learn_round_trip(&mut self, smoothed: u32, variation: u32) {
        let known = self.round_trip_eighths;
        if smoothed >= known {
            self.round_trip_eighths = smoothed;
        } else {
            self.round_trip_eighths -= (known - smoothed) >> 3;
        }
        let deviation = (known.abs_diff(smoothed) >> 1).max(variation);
        if deviation >= self.variation_quarters {
            self.variation_quarters = deviation;
        } else {
            self.variation_quarters -= (self.variation_quarters - deviation) >> 2;
        }
    }
}

/// Linux: TCP_METRICS_TIMEOUT.
const BELIEVED: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests;
