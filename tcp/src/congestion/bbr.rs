//! BBR, version 1, as Linux has it: a model of the path, its bandwidth and its smallest round trip,
//! says how fast to send and how much may be in flight (draft-cardwell-iccrg-bbr-congestion-control-00).
//!
//! Left out: the long-term sampling against token-bucket policers, which later versions gave up, too.
//! This file is the model and its modes; `window.rs` is cwnd, `filter.rs` the maximum of bandwidth.

mod filter;
mod window;

use super::rate_sample::DeliveryRate;
use super::{Acknowledged, AlgorithmInfo, Congestion, Phase, RateSample};
use crate::time::Instant;
use filter::WindowedMax;

/// What BBR knows of a path. Times are in milliseconds or microseconds modulo 2^32.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bbr {
    /// Bandwidth over the last rounds, in [`RATE_UNIT`]s.
    bandwidth: WindowedMax,
    /// Bandwidth when it grew by a quarter last.
    full_bandwidth: u32,
    /// Bytes per second.
    pacing_rate: u64,
    /// Smallest round trip of the last ten seconds, in microseconds; u32::MAX before the first.
    round_trip_min: u32,
    round_trip_min_millis: u32,
    /// When a visit to few segments in flight may end.
    probe_until_millis: Option<u32>,
    /// Rounds so far, and what will have been delivered when the next begins.
    rounds: u32,
    next_round_delivered: u32,
    /// cwnd before a recovery or a probe of the round trip.
    prior_window: u32,
    /// When the present phase of the cycle began.
    phase_micros: u32,
    /// What acknowledgements brought beyond the bandwidth, in this window of five rounds and the last.
    extra: [u32; 2],
    epoch_micros: u32,
    epoch_delivered: u32,
    mode: Mode,
    /// Which gain of [`CYCLE_GAINS`] holds.
    cycle: u8,
    full_rounds: u8,
    extra_rounds: u8,
    before: Phase,
    is_round_start: bool,
    is_conserving: bool,
    is_restarting: bool,
    has_round_trip: bool,
    is_probe_round_over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Looks for the bandwidth, doubling the rate each round.
    Startup,
    /// Empties the queue that this has made.
    Drain,
    /// Sends at the bandwidth, a little more and a little less in turn.
    ProbeBandwidth,
    /// Lets almost nothing be in flight, to see the round trip without a queue.
    ProbeRoundTrip,
}

impl Bbr {
    pub(super) fn new(windows: &Congestion, now: Instant) -> Self {
        let mut bbr = Self {
            bandwidth: WindowedMax::default(),
            full_bandwidth: 0,
            pacing_rate: 0,
            round_trip_min: u32::MAX,
            round_trip_min_millis: millis(now),
            probe_until_millis: None,
            rounds: 0,
            next_round_delivered: 0,
            prior_window: 0,
            phase_micros: micros(now),
            extra: [0; 2],
            epoch_micros: micros(now),
            epoch_delivered: 0,
            mode: Mode::Startup,
            cycle: 0,
            full_rounds: 0,
            extra_rounds: 0,
            before: Phase::Open,
            is_round_start: false,
            is_conserving: false,
            is_restarting: false,
            has_round_trip: false,
            is_probe_round_over: false,
        };
        // Until a round trip is known, one of a millisecond is supposed.
        bbr.start_pacing(windows, 1_000);
        bbr
    }

    /// Takes an acknowledgement in: the model, then rate and window by it.
    pub(super) fn on_ack(
        &mut self,
        windows: &mut Congestion,
        delivery: &mut DeliveryRate,
        acknowledged: &Acknowledged,
    ) {
        let Some(sample) = &acknowledged.rate else {
            return;
        };
        let now = acknowledged.now;
        self.measure_bandwidth(sample);
        self.measure_aggregation(windows, now, sample);
        self.advance_cycle(now, sample);
        self.look_for_full_pipe(sample);
        self.look_for_drained(windows, now, sample);
        self.measure_round_trip(windows, delivery, acknowledged, sample);
        self.set_pacing_rate(windows, acknowledged.sample_micros);
        self.set_window(windows, acknowledged, sample);
    }

    /// Bytes per second.
    pub(super) fn pacing_rate(&self) -> u64 {
        self.pacing_rate
    }

    pub(super) fn info(&self) -> AlgorithmInfo {
        let (pacing_gain, window_gain) = self.gains();
        AlgorithmInfo::Bbr {
            bandwidth: self.bytes_per_second(),
            round_trip_min_micros: match self.round_trip_min {
                u32::MAX => 0,
                micros => micros,
            },
            pacing_gain,
            window_gain,
        }
    }

    /// A loss was found, or the timer ran out: the window will be as large again.
    pub(super) fn on_loss(&mut self, windows: &Congestion, is_timeout: bool) {
        self.save_window(windows);
        if is_timeout {
            self.before = Phase::Loss;
            self.full_bandwidth = 0;
            self.is_round_start = true;
        }
    }

    /// The loss was none: the pipe may not be full after all.
    pub(super) fn on_undo(&mut self) {
        self.full_bandwidth = 0;
        self.full_rounds = 0;
    }

    /// Sending starts again after the application had nothing to send.
    pub(super) fn on_idle(&mut self, windows: &mut Congestion, now: Instant) {
        self.is_restarting = true;
        self.epoch_micros = micros(now);
        self.epoch_delivered = 0;
        match self.mode {
            // Not faster than the path, for a flight without queue.
            Mode::ProbeBandwidth => self.pace(ONE),
            Mode::ProbeRoundTrip => self.end_probe(windows, now),
            _ => {}
        }
    }

    fn measure_bandwidth(&mut self, sample: &RateSample) {
        self.is_round_start = false;
        let Some(rate) = sample.bytes_per_second() else {
            return;
        };
        if !is_before(sample.prior_delivered, self.next_round_delivered) {
            self.next_round_delivered = sample.delivered_total;
            self.rounds = self.rounds.wrapping_add(1);
            self.is_round_start = true;
            self.is_conserving = false;
        }
        let bandwidth = u32::try_from(rate / RATE_UNIT).unwrap_or(u32::MAX);
        // The application's rate says nothing of the path's, unless it is higher.
        if !sample.is_app_limited || bandwidth >= self.bandwidth.get() {
            self.bandwidth
                .see(self.rounds, BANDWIDTH_ROUNDS, bandwidth.max(1));
        }
    }

    /// The next phase of the cycle: after a round trip; the faster one lasts until what it wants is in
    /// flight or is lost, the slower one only until the queue is gone.
    fn advance_cycle(&mut self, now: Instant, sample: &RateSample) {
        if self.mode != Mode::ProbeBandwidth {
            return;
        }
        let is_over = micros(now).wrapping_sub(self.phase_micros) > self.round_trip_min;
        let gain = CYCLE_GAINS[usize::from(self.cycle) % CYCLE_GAINS.len()];
        let flight = u64::from(sample.prior_in_flight);
        let is_next = match gain {
            ONE => is_over,
            gain if gain > ONE => is_over && (sample.lost > 0 || flight >= self.product(gain)),
            _ => is_over || flight <= self.product(ONE),
        };
        if is_next {
            self.next_phase(now);
        }
    }

    fn next_phase(&mut self, now: Instant) {
        self.cycle = (self.cycle + 1) % CYCLE_GAINS.len() as u8;
        self.phase_micros = micros(now);
    }

    /// The pipe is full when three rounds have not brought a quarter more.
    fn look_for_full_pipe(&mut self, sample: &RateSample) {
        if self.is_full() || !self.is_round_start || sample.is_app_limited {
            return;
        }
        let bandwidth = self.bandwidth.get();
        let wanted = u64::from(self.full_bandwidth) * 5 / 4;
        if u64::from(bandwidth) >= wanted {
            self.full_bandwidth = bandwidth;
            self.full_rounds = 0;
        } else {
            self.full_rounds += 1;
        }
    }

    fn look_for_drained(&mut self, windows: &mut Congestion, now: Instant, sample: &RateSample) {
        if self.mode == Mode::Startup && self.is_full() {
            self.mode = Mode::Drain;
            windows.threshold = in_window(self.product(ONE));
        }
        if self.mode == Mode::Drain && u64::from(sample.in_flight) <= self.product(ONE) {
            self.probe_bandwidth(now);
        }
    }

    /// Into the cycle, at any phase but the slower one.
    fn probe_bandwidth(&mut self, now: Instant) {
        self.mode = Mode::ProbeBandwidth;
        let phases = CYCLE_GAINS.len() as u64;
        // Flows that begin together shall not probe together.
        let random = (now.as_nanos() >> 10) % (phases - 1);
        self.cycle = u8::try_from(phases - 1 - random).unwrap_or(0);
        self.next_phase(now);
    }

    /// The smallest round trip, and the visits to an empty path that find it again.
    fn measure_round_trip(
        &mut self,
        windows: &mut Congestion,
        delivery: &mut DeliveryRate,
        acknowledged: &Acknowledged,
        sample: &RateSample,
    ) {
        let now = millis(acknowledged.now);
        let age = now.wrapping_sub(self.round_trip_min_millis);
        let is_old = age > ROUND_TRIP_MILLIS_MAX;
        if let Some(measured) = acknowledged.sample_micros
            && (measured < self.round_trip_min || (is_old && !sample.is_ack_delayed))
        {
            self.round_trip_min = measured.max(1);
            self.round_trip_min_millis = now;
        }
        if is_old && !self.is_restarting && self.mode != Mode::ProbeRoundTrip {
            self.save_window(windows);
            self.mode = Mode::ProbeRoundTrip;
            self.probe_until_millis = None;
        }
        if self.mode == Mode::ProbeRoundTrip {
            // What so few segments deliver says nothing of the bandwidth.
            delivery.on_app_limited(sample.in_flight);
            self.probe_round_trip(windows, acknowledged.now, sample);
        }
        if sample.delivered > 0 {
            self.is_restarting = false;
        }
    }

    fn probe_round_trip(&mut self, windows: &mut Congestion, now: Instant, sample: &RateSample) {
        if self.probe_until_millis.is_some() {
            self.is_probe_round_over |= self.is_round_start;
            if self.is_probe_round_over {
                self.end_probe(windows, now);
            }
        } else if sample.in_flight <= WINDOW_SEGMENTS_LEAST * windows.segment() {
            self.probe_until_millis = Some(millis(now).wrapping_add(PROBE_MILLIS));
            self.is_probe_round_over = false;
            self.next_round_delivered = sample.delivered_total;
        }
    }

    fn end_probe(&mut self, windows: &mut Congestion, now: Instant) {
        let is_over = self
            .probe_until_millis
            .is_some_and(|until| is_before(until, millis(now)));
        if !is_over {
            return;
        }
        self.round_trip_min_millis = millis(now);
        // Not beside the loss window of a timeout (RFC 5681, section 3.1; Linux does): when that loss is repaired the
        // window comes back in any case, and before that a flight as large as the one that was lost would be lost again.
        if self.before != Phase::Loss {
            windows.set_window(windows.window.max(self.prior_window));
        }
        if self.is_full() {
            self.probe_bandwidth(now);
        } else {
            self.mode = Mode::Startup;
        }
    }

    fn set_pacing_rate(&mut self, windows: &Congestion, sample_micros: Option<u32>) {
        if let (false, Some(sample)) = (self.has_round_trip, sample_micros) {
            self.has_round_trip = true;
            self.start_pacing(windows, sample);
        }
        self.pace(self.gains().0);
    }

    /// Never slower before the pipe is full.
    fn pace(&mut self, gain: u32) {
        let rate = self.bytes_per_second() * u64::from(gain) / u64::from(ONE);
        let rate = rate * (100 - PACING_MARGIN_PERCENT) / 100;
        if self.is_full() || rate > self.pacing_rate {
            self.pacing_rate = rate;
        }
    }

    /// The first window in a round trip, and the gain of the start.
    fn start_pacing(&mut self, windows: &Congestion, round_trip_micros: u32) {
        let rate = u64::from(windows.window) * 1_000_000 / u64::from(round_trip_micros.max(1));
        self.pacing_rate = rate * u64::from(HIGH_GAIN) / u64::from(ONE);
    }

    /// Gains of rate and window.
    fn gains(&self) -> (u32, u32) {
        match self.mode {
            Mode::Startup => (HIGH_GAIN, HIGH_GAIN),
            Mode::Drain => (DRAIN_GAIN, HIGH_GAIN),
            Mode::ProbeBandwidth => (
                CYCLE_GAINS[usize::from(self.cycle) % CYCLE_GAINS.len()],
                2 * ONE,
            ),
            Mode::ProbeRoundTrip => (ONE, ONE),
        }
    }

    fn is_full(&self) -> bool {
        self.full_rounds >= FULL_ROUNDS
    }

    fn bytes_per_second(&self) -> u64 {
        u64::from(self.bandwidth.get()) * RATE_UNIT
    }
}

fn millis(now: Instant) -> u32 {
    now.as_millis() as u32
}

fn micros(now: Instant) -> u32 {
    now.as_micros() as u32
}

fn is_before(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}

fn in_window(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Gains are in 256ths.
const ONE: u32 = 256;
/// 2 / ln 2: the smallest that lets the rate double each round.
const HIGH_GAIN: u32 = 739;
const DRAIN_GAIN: u32 = 88;
const CYCLE_GAINS: [u32; 8] = [320, 192, ONE, ONE, ONE, ONE, ONE, ONE];
/// Bytes per second.
const RATE_UNIT: u64 = 16;
const BANDWIDTH_ROUNDS: u32 = 10;
const FULL_ROUNDS: u8 = 3;
const ROUND_TRIP_MILLIS_MAX: u32 = 10_000;
const PROBE_MILLIS: u32 = 200;
/// A little below the bandwidth, so that a queue has a chance to go.
const PACING_MARGIN_PERCENT: u64 = 1;
const WINDOW_SEGMENTS_LEAST: u32 = 4;

#[cfg(test)]
mod tests;
