//! BBR's cwnd: a bound on what is in flight, a good way above what its rate should need.

use super::{Bbr, Mode, ONE, WINDOW_SEGMENTS_LEAST, in_window, micros};
use crate::congestion::segment_size::Shrinking;
use crate::congestion::{Acknowledged, Congestion, Phase, RateSample};
use crate::time::Instant;

impl Bbr {
    /// The window after an acknowledgement.
    pub(super) fn set_window(
        &mut self,
        windows: &mut Congestion,
        acknowledged: &Acknowledged,
        sample: &RateSample,
    ) {
        let delivered = sample.acknowledged;
        let segment = windows.segment();
        let least = WINDOW_SEGMENTS_LEAST * segment;
        if delivered > 0 && !self.recovers(windows, acknowledged.phase, sample) {
            let target = in_window(self.target(segment));
            let grown = windows.window.saturating_add(delivered);
            if self.is_full() {
                windows.window = grown.min(target);
            } else if windows.window < target || sample.delivered_total < FIRST_SEGMENTS * segment {
                windows.window = grown;
            }
            windows.set_window(windows.window.max(least));
        }
        if self.mode == Mode::ProbeRoundTrip {
            windows.set_window(windows.window.min(least));
        }
    }

    /// cwnd is remembered before something takes it away for a time.
    pub(super) fn save_window(&mut self, windows: &Congestion) {
        let is_own = !is_recovering(self.before) && self.mode != Mode::ProbeRoundTrip;
        self.prior_window = if is_own {
            windows.window
        } else {
            self.prior_window.max(windows.window)
        };
    }

    /// As many segments as before; what the path carries, bandwidth and round trip, stays.
    pub(in crate::congestion) fn shrink(&mut self, shrinking: Shrinking) {
        self.prior_window = shrinking.of(self.prior_window);
    }

    /// True while recovery has a say: for a round no more leaves than arrives; then the window is again what it
    /// was.
    fn recovers(&mut self, windows: &mut Congestion, phase: Phase, sample: &RateSample) -> bool {
        let arrived = sample.in_flight.saturating_add(sample.acknowledged);
        let mut window = windows.window;
        if sample.lost > 0 {
            window = window.saturating_sub(sample.lost).max(windows.segment());
        }
        if phase == Phase::Recovery && self.before != Phase::Recovery {
            self.is_conserving = true;
            self.next_round_delivered = sample.delivered_total;
            window = arrived;
        } else if is_recovering(self.before) && !is_recovering(phase) {
            self.is_conserving = false;
            window = window.max(self.prior_window);
        }
        self.before = phase;
        if self.is_conserving {
            window = window.max(arrived);
        }
        windows.set_window(window);
        self.is_conserving
    }

    /// What acknowledgements bring beyond the bandwidth, because something on the path collects them: room
    /// for the time that they do not come.
    pub(super) fn measure_aggregation(
        &mut self,
        windows: &Congestion,
        now: Instant,
        sample: &RateSample,
    ) {
        if sample.acknowledged == 0 || sample.interval_micros == 0 {
            return;
        }
        if self.is_round_start {
            self.extra_rounds += 1;
            if self.extra_rounds >= EXTRA_ROUNDS {
                self.extra_rounds = 0;
                self.extra = [0, self.extra[0]];
            }
        }
        let age = micros(now).wrapping_sub(self.epoch_micros);
        let mut expected = self.bytes_per_second() * u64::from(age) / 1_000_000;
        if u64::from(self.epoch_delivered) <= expected || self.epoch_delivered > EPOCH_BYTES_MAX {
            self.epoch_delivered = 0;
            self.epoch_micros = micros(now);
            expected = 0;
        }
        self.epoch_delivered = self.epoch_delivered.saturating_add(sample.acknowledged);
        let extra = u64::from(self.epoch_delivered).saturating_sub(expected);
        let extra = in_window(extra).min(windows.window);
        self.extra[0] = self.extra[0].max(extra);
    }

    /// What the window strives for.
    fn target(&self, segment: u32) -> u64 {
        let product = self.product_or(self.gains().1, FIRST_SEGMENTS * segment);
        let extra = if self.is_full() {
            let most = self.bytes_per_second() * EXTRA_MILLIS_MAX / 1_000;
            u64::from(self.extra[0].max(self.extra[1])).min(most)
        } else {
            0
        };
        // Three bursts: at the sender, at the receiver, and on the path between.
        let burst = (self.pacing_rate / 1_024).clamp(u64::from(2 * segment), BURST_BYTES_MAX);
        let probing = if self.mode == Mode::ProbeBandwidth && self.cycle == 0 {
            u64::from(2 * segment)
        } else {
            0
        };
        product + extra + 3 * burst + probing
    }

    /// The bandwidth-delay product times a gain.
    pub(super) fn product(&self, gain: u32) -> u64 {
        self.product_or(gain, 0)
    }

    fn product_or(&self, gain: u32, unknown: u32) -> u64 {
        if self.round_trip_min == u32::MAX {
            return u64::from(unknown);
        }
        let bytes =
            u128::from(self.bytes_per_second()) * u128::from(self.round_trip_min) / 1_000_000;
        u64::try_from(bytes * u128::from(gain) / u128::from(ONE)).unwrap_or(u64::MAX)
    }
}

fn is_recovering(phase: Phase) -> bool {
    matches!(phase, Phase::Recovery | Phase::Loss)
}

const FIRST_SEGMENTS: u32 = 10;
const EXTRA_ROUNDS: u8 = 5;
const EXTRA_MILLIS_MAX: u64 = 100;
/// Beyond this an epoch of aggregation begins anew.
const EPOCH_BYTES_MAX: u32 = 1 << 30;
const BURST_BYTES_MAX: u64 = 65_536;
