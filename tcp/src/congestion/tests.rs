//! The windows through a connection's life.

use std::time::Duration;

use super::{
    Acknowledged, Algorithm, Congestion, CongestionPool, CongestionSettings, NO_THRESHOLD,
};
use super::{ByteCounting, Phase, Reason};
use crate::sequence::SequenceNumber;
use crate::time::Instant;

mod curves;

/// A connection's windows, the pool that they keep their memory in, and the sequence space.
pub(super) struct Path {
    pub(super) windows: Congestion,
    pub(super) pool: CongestionPool,
    pub(super) phase: Phase,
    pub(super) now: Instant,
    pub(super) unacknowledged: SequenceNumber,
    pub(super) next: SequenceNumber,
}

impl Path {
    /// Linux's settings with NewReno, whose windows are the easiest to tell.
    pub(super) fn new(segment_bytes: u32) -> Self {
        Self::with(segment_bytes, &new_reno())
    }

    pub(super) fn with(segment_bytes: u32, settings: &CongestionSettings) -> Self {
        Self {
            windows: Congestion::new(settings.algorithm, segment_bytes, settings),
            pool: CongestionPool::new(settings),
            phase: Phase::Open,
            now: Instant::from_millis(1_000),
            unacknowledged: SequenceNumber::default(),
            next: SequenceNumber::default(),
        }
    }

    pub(super) fn wait_millis(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }

    /// `in_flight` bytes are in flight, `bytes` of them are delivered.
    pub(super) fn deliver(&mut self, bytes: u32, in_flight: u32) {
        self.deliver_measured(bytes, in_flight, None);
    }

    /// The same, after a round trip of `sample_micros`.
    pub(super) fn deliver_measured(
        &mut self,
        bytes: u32,
        in_flight: u32,
        sample_micros: Option<u32>,
    ) {
        self.next = self.unacknowledged + in_flight;
        self.unacknowledged += bytes;
        let acknowledged = Acknowledged {
            now: self.now,
            delivered: bytes,
            marked: 0,
            in_flight,
            may_grow: true,
            phase: self.phase,
            unacknowledged: self.unacknowledged,
            next: self.next,
            sample_micros,
            timeout: Duration::from_millis(200),
            rate: None,
        };
        self.windows.on_ack(&mut self.pool, &acknowledged);
    }

    /// A full window is in flight, `bytes` of it are delivered.
    pub(super) fn acknowledge(&mut self, bytes: u32) {
        self.deliver(bytes, self.windows.window());
    }

    /// A full window is sent at once and acknowledged segment by segment, `spacing_micros` apart, the
    /// first `sample_micros` after it was sent and all with that sample.
    pub(super) fn round_trip(&mut self, sample_micros: u32, spacing_micros: u64) {
        let (segment, flight) = (self.windows.segment(), self.windows.window());
        self.now = self.now + Duration::from_micros(u64::from(sample_micros));
        let end = self.unacknowledged + flight / segment * segment;
        let mut left = flight / segment;
        while left > 0 {
            self.next = self.unacknowledged + self.windows.window();
            self.unacknowledged += segment;
            let acknowledged = Acknowledged {
                now: self.now,
                delivered: segment,
                marked: 0,
                in_flight: self.windows.window(),
                may_grow: true,
                phase: self.phase,
                unacknowledged: self.unacknowledged,
                next: self.next,
                sample_micros: Some(sample_micros),
                timeout: Duration::from_millis(200),
                rate: None,
            };
            self.windows.on_ack(&mut self.pool, &acknowledged);
            self.now = self.now + Duration::from_micros(spacing_micros);
            left -= 1;
        }
        assert_eq!(self.unacknowledged, end);
    }

    pub(super) fn reduce(&mut self, in_flight: u32, reason: Reason) {
        self.windows
            .reduce(&mut self.pool, self.now, in_flight, reason);
    }

    /// cwnd and ssthresh.
    pub(super) fn both(&self) -> (u32, u32) {
        (self.windows.window(), self.windows.slow_start_threshold())
    }
}

fn new_reno() -> CongestionSettings {
    CongestionSettings {
        algorithm: Algorithm::NewReno,
        ..CongestionSettings::default()
    }
}

#[test]
fn the_first_flight_is_ten_segments_of_at_most_14600_bytes() {
    let window = |segment_bytes| Path::new(segment_bytes).windows.window();
    assert_eq!(window(1_460), 14_600);
    assert_eq!(window(1_000), 10_000);
    assert_eq!(window(8_960), 17_920);
    let none = CongestionSettings {
        initial_window_segments: 0,
        ..CongestionSettings::default()
    };
    assert_eq!(Path::with(0, &none).windows.window(), 1);
    let mut after_loss = Path::new(1_000);
    after_loss.windows.on_handshake_loss();
    assert_eq!(after_loss.windows.window(), 1_000);
}

#[test]
fn slow_start_counts_as_much_as_it_is_set_to() {
    // After acknowledgements of half a segment, two, and nine, and two after a timeout.
    for (byte_counting, windows) in [
        (ByteCounting::Unlimited, [10_500, 12_500, 21_500, 3_000]),
        (ByteCounting::Off, [10_500, 11_500, 12_500, 2_000]),
        (ByteCounting::One, [10_500, 11_500, 12_500, 2_000]),
        (ByteCounting::Two, [10_500, 12_500, 14_500, 2_000]),
    ] {
        let settings = CongestionSettings {
            byte_counting,
            ..new_reno()
        };
        let mut path = Path::with(1_000, &settings);
        for (bytes, window) in [500, 2_000, 9_000].into_iter().zip(windows) {
            path.acknowledge(bytes);
            assert_eq!(path.windows.window(), window, "{byte_counting:?}");
        }
        path.reduce(20_000, Reason::Timeout);
        path.phase = Phase::Loss;
        path.acknowledge(2_000);
        assert_eq!(path.windows.window(), windows[3], "{byte_counting:?}");
    }
}

#[test]
fn slow_start_ends_at_the_threshold_and_what_is_left_counts_beyond_it() {
    let mut path = Path::new(1_000);
    path.windows.threshold = 12_000;
    path.acknowledge(9_000);
    assert_eq!(path.windows.window(), 12_000);
    path.acknowledge(5_000);
    assert_eq!(
        path.windows.window(),
        13_000,
        "7,000 and 5,000 are a window's worth"
    );
}

#[test]
fn congestion_avoidance_adds_a_segment_per_window() {
    for (byte_counting, acknowledgments) in [(ByteCounting::Two, 5), (ByteCounting::Off, 10)] {
        let settings = CongestionSettings {
            byte_counting,
            ..new_reno()
        };
        let mut path = Path::with(1_000, &settings);
        path.windows.threshold = 10_000;
        for _ in 1..acknowledgments {
            path.acknowledge(2_000);
        }
        assert_eq!(path.windows.window(), 10_000, "{byte_counting:?}");
        path.acknowledge(2_000);
        assert_eq!(path.windows.window(), 11_000, "{byte_counting:?}");
    }
}

#[test]
fn a_window_that_was_not_used_does_not_grow() {
    let mut path = Path::new(1_000);
    path.deliver(1_000, 5_000);
    assert_eq!(path.windows.window(), 10_000);
    assert_eq!(path.pool.live(), 0, "nor does it cost a block");
    path.deliver(1_000, 5_001);
    assert_eq!(path.windows.window(), 11_000);
}

#[test]
fn the_window_does_not_grow_while_it_is_being_reduced() {
    for (phase, grows) in [
        (Phase::Open, true),
        (Phase::Disorder, true),
        (Phase::Reducing, false),
        (Phase::Recovery, false),
        (Phase::Loss, true),
    ] {
        let mut path = Path::new(1_000);
        path.phase = phase;
        path.acknowledge(1_000);
        assert_eq!(path.windows.window() > 10_000, grows, "{phase:?}");
    }
}

#[test]
fn a_reduction_leaves_half_of_the_flight_but_two_segments() {
    // RFC 5681, equation 4; what limited transmit sent does not count.
    for (in_flight, threshold) in [
        (10_000, 5_000),
        (12_000, 5_000),
        (6_000, 3_000),
        (1_000, 2_000),
    ] {
        let mut path = Path::new(1_000);
        path.reduce(in_flight, Reason::Loss);
        assert_eq!(
            path.both(),
            (10_000, threshold),
            "recovery moves the window"
        );
        let mut path = Path::new(1_000);
        path.reduce(in_flight, Reason::Timeout);
        assert_eq!(path.both(), (1_000, threshold));
    }
}

#[test]
fn a_reduction_that_was_a_mistake_is_undone_once() {
    for algorithm in Algorithm::ALL {
        let settings = CongestionSettings {
            algorithm,
            ..CongestionSettings::default()
        };
        let mut path = Path::with(1_000, &settings);
        path.reduce(10_000, Reason::Loss);
        path.windows.set_window(5_000);
        path.windows.undo(&mut path.pool);
        assert_eq!(path.both(), (10_000, u32::MAX), "{algorithm:?}");
        path.windows.set_window(3_000);
        path.windows.undo(&mut path.pool);
        assert_eq!(path.both(), (3_000, u32::MAX), "{algorithm:?}");
    }
}

/// RFC 2861 and Linux: half for each timeout of idleness.
#[test]
fn idleness_halves_the_window_down_to_the_first() {
    // Within a timeout, after one, after three and a half, after a day.
    for (millis, window, threshold) in [
        (200, 50_000, 45_000),
        (201, 25_000, 45_000),
        (500, 12_500, 45_000),
        (86_400_000, 10_000, 45_000),
    ] {
        let mut path = Path::new(1_000);
        path.reduce(10_000, Reason::Loss);
        path.windows.threshold = 45_000;
        path.windows.set_window(50_000);
        let last_sent = path.now;
        path.wait_millis(millis);
        let timeout = Duration::from_millis(200);
        path.windows
            .on_idle(&mut path.pool, path.now, last_sent, timeout);
        assert_eq!(path.both(), (window, threshold), "after {millis} ms");
    }
}

#[test]
fn what_idleness_takes_is_won_back_in_slow_start_up_to_three_quarters() {
    let mut path = Path::new(1_000);
    path.reduce(10_000, Reason::Loss);
    path.windows.set_window(100_000);
    let last_sent = path.now;
    path.wait_millis(60_000);
    path.windows
        .on_idle(&mut path.pool, path.now, last_sent, Duration::from_secs(1));
    assert_eq!(path.both(), (10_000, 75_000));
}

#[test]
fn idleness_does_nothing_where_that_is_off() {
    let settings = CongestionSettings {
        idle_restart: false,
        ..new_reno()
    };
    let mut path = Path::with(1_000, &settings);
    path.windows.set_window(100_000);
    path.windows.on_idle(
        &mut path.pool,
        Instant::from_millis(86_400_000),
        Instant::default(),
        Duration::from_millis(200),
    );
    assert_eq!(path.windows.window(), 100_000);
}

#[test]
fn windows_hold_as_many_smaller_segments_and_no_more_larger_ones() {
    let mut path = Path::new(1_000);
    path.windows.set_segment_size(&mut path.pool, 500);
    assert_eq!(path.windows.window(), 5_000, "a first window");
    path.windows.set_window(5_100);
    path.reduce(5_100, Reason::Loss);
    path.windows.set_segment_size(&mut path.pool, 400);
    assert_eq!(path.both(), (4_080, 2_040));
    path.windows.undo(&mut path.pool);
    assert_eq!(
        path.both(),
        (4_080, NO_THRESHOLD),
        "what undo restores, too"
    );
    path.windows.set_segment_size(&mut path.pool, 1_000);
    assert_eq!(path.windows.window(), 4_080);
}

#[test]
fn windows_move_without_a_block_too_and_a_block_goes_back() {
    let settings = CongestionSettings {
        blocks_max: 0,
        ..CongestionSettings::default()
    };
    let mut path = Path::with(1_000, &settings);
    path.acknowledge(2_000);
    assert_eq!(path.windows.window(), 11_000);
    path.reduce(11_000, Reason::Loss);
    assert_eq!(path.both(), (11_000, 5_500));
    path.acknowledge(2_000);
    assert_eq!(path.windows.window(), 11_090, "a segment each window");
    path.windows.undo(&mut path.pool);
    assert_eq!(path.both(), (11_090, 5_500), "which cannot be undone");
    assert_eq!(path.pool.take_tally().map(|tally| tally.exhausted), Some(3));
    assert!(path.pool.take_tally().is_none());
    let mut path = Path::new(1_000);
    path.acknowledge(2_000);
    assert_eq!(path.pool.live(), 1);
    path.windows.release(&mut path.pool);
    path.windows.release(&mut path.pool);
    assert_eq!(path.pool.live(), 0);
}

#[test]
fn another_algorithm_takes_the_windows_over() {
    let mut path = Path::new(1_000);
    path.acknowledge(5_000);
    path.windows
        .set_algorithm(&mut path.pool, path.now, Algorithm::Cubic);
    assert_eq!(path.windows.algorithm(), Algorithm::Cubic);
    assert_eq!(path.windows.window(), 15_000);
    path.reduce(15_000, Reason::Loss);
    assert_eq!(path.windows.slow_start_threshold(), 10_502, "seven tenths");
}

#[test]
fn algorithms_have_names_and_numbers() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.name().parse(), Ok(algorithm));
        assert_eq!(Algorithm::from_number(algorithm.number()), Some(algorithm));
    }
    assert_eq!("reno".parse(), Ok(Algorithm::NewReno));
    assert_eq!(Algorithm::from_number(0), None);
    let unknown = "vegas".parse::<Algorithm>().expect_err("unknown");
    assert!(unknown.to_string().contains("cubic"));
}
