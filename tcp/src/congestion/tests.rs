//! The windows through a connection's life.

use super::{Acknowledged, Algorithm, Congestion, CongestionPool, CongestionSettings};
use super::{Phase, Reason};
use crate::sequence::SequenceNumber;
use crate::time::Instant;

/// A connection's windows and the pool that they keep their memory in.
struct Path {
    windows: Congestion,
    pool: CongestionPool,
}

impl Path {
    fn new(segment_bytes: u32) -> Self {
        Self::with(segment_bytes, &CongestionSettings::default())
    }

    fn with(segment_bytes: u32, settings: &CongestionSettings) -> Self {
        let settings = CongestionSettings {
            algorithm: Algorithm::NewReno,
            ..*settings
        };
        Self {
            windows: Congestion::new(settings.algorithm, segment_bytes, &settings),
            pool: CongestionPool::new(&settings),
        }
    }

    fn deliver(&mut self, bytes: u32, in_flight: u32) {
        let acknowledged = Acknowledged {
            now: Instant::default(),
            delivered: bytes,
            marked: 0,
            in_flight,
            phase: Phase::Open,
            unacknowledged: SequenceNumber::default(),
            next: SequenceNumber::default(),
            sample_micros: None,
            rate: None,
        };
        self.windows.on_ack(&mut self.pool, &acknowledged);
    }

    fn acknowledge(&mut self, bytes: u32) {
        self.deliver(bytes, self.windows.window());
    }

    fn reduce(&mut self, in_flight: u32, reason: Reason) {
        self.windows
            .reduce(&mut self.pool, Instant::default(), in_flight, reason);
    }

    fn both(&self) -> (u32, u32) {
        (self.windows.window(), self.windows.slow_start_threshold())
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
fn slow_start_counts_bytes_up_to_two_segments_an_acknowledgment() {
    let mut path = Path::new(1_000);
    path.acknowledge(500);
    assert_eq!(path.windows.window(), 10_500);
    path.acknowledge(2_000);
    assert_eq!(path.windows.window(), 12_500);
    path.acknowledge(9_000);
    assert_eq!(path.windows.window(), 14_500);
}

#[test]
fn congestion_avoidance_adds_a_segment_per_window() {
    let mut path = Path::new(1_000);
    path.windows
        .on_enter_recovery(&mut path.pool, Instant::default(), 20_000);
    path.windows.on_exit_recovery(20_000);
    assert_eq!(path.both(), (10_000, 10_000));
    for _ in 0..9 {
        path.acknowledge(1_000);
    }
    assert_eq!(path.windows.window(), 10_000);
    path.acknowledge(1_000);
    assert_eq!(path.windows.window(), 11_000);
}

#[test]
fn a_window_that_was_not_used_does_not_grow() {
    let mut path = Path::new(1_000);
    path.deliver(1_000, 1_000);
    assert_eq!(path.windows.window(), 10_000);
    assert_eq!(path.pool.live(), 0, "nor does it cost a block");
}

#[test]
fn recovery_inflates_deflates_and_leaves_half() {
    let mut path = Path::new(1_000);
    path.windows
        .on_enter_recovery(&mut path.pool, Instant::default(), 16_000);
    assert_eq!(path.both(), (11_000, 8_000));
    path.windows.on_duplicate_ack();
    path.windows.on_duplicate_ack();
    assert_eq!(path.windows.window(), 13_000);
    path.windows.on_partial_ack(4_000);
    assert_eq!(path.windows.window(), 10_000);
    path.windows.on_partial_ack(500);
    assert_eq!(path.windows.window(), 9_500);
    path.windows.on_exit_recovery(2_000);
    assert_eq!(path.windows.window(), 3_000);
}

#[test]
fn a_timeout_leaves_one_segment_and_halves() {
    let mut path = Path::new(1_000);
    path.reduce(10_000, Reason::Timeout);
    assert_eq!(path.both(), (1_000, 5_000));
    path.reduce(1_000, Reason::Timeout);
    assert_eq!(path.both(), (1_000, 2_000));
}

#[test]
fn a_reduction_that_was_a_mistake_is_undone_once() {
    let mut path = Path::new(1_000);
    path.reduce(20_000, Reason::Loss);
    assert_eq!(path.both(), (10_000, 10_000), "recovery moves the window");
    path.windows.set_window(5_000);
    path.windows.undo(&mut path.pool);
    assert_eq!(path.both(), (10_000, u32::MAX));
    path.windows.set_window(3_000);
    path.windows.undo(&mut path.pool);
    assert_eq!(path.both(), (3_000, u32::MAX));
}

#[test]
fn after_idleness_the_window_is_no_larger_than_the_first() {
    let mut path = Path::new(1_000);
    for _ in 0..20 {
        path.acknowledge(2_000);
    }
    assert_eq!(path.windows.window(), 50_000);
    let now = Instant::from_millis(2_000);
    path.windows
        .on_idle(&mut path.pool, now, Instant::default(), 1_000_000_000);
    assert_eq!(path.windows.window(), 10_000);
    path.windows.set_segment_size(500, &path.pool);
    assert_eq!(path.windows.window(), 5_000);
}

#[test]
fn windows_move_without_a_block_too_and_a_block_goes_back() {
    let settings = CongestionSettings {
        blocks_max: 0,
        ..CongestionSettings::default()
    };
    let mut path = Path::with(1_000, &settings);
    path.acknowledge(2_000);
    assert_eq!(path.windows.window(), 12_000);
    path.reduce(12_000, Reason::Loss);
    assert_eq!(path.both(), (12_000, 6_000));
    assert_eq!(path.pool.take_exhausted(), 2);
    let mut path = Path::new(1_000);
    path.acknowledge(2_000);
    assert_eq!(path.pool.live(), 1);
    path.windows.release(&mut path.pool);
    path.windows.release(&mut path.pool);
    assert_eq!(path.pool.live(), 0);
}
