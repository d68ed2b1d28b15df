//! The two signs, and what is none.

use super::Train;
use crate::congestion::tests::Path;
use crate::congestion::{Algorithm, CongestionSettings};

/// A path with CUBIC whose window is `segments` segments of 1,000 bytes.
fn path(segments: u32) -> Path {
    let mut path = Path::with(1_000, &CongestionSettings::default());
    path.windows.set_window(segments * 1_000);
    path
}

fn has_ended(path: &Path) -> bool {
    path.windows.slow_start_threshold() < u32::MAX
}

#[test]
fn a_train_of_half_a_round_trip_ends_slow_start() {
    // Segments 1 ms apart: the flight of 20 lasts 19 ms, half of the round trip of 30 is 15.
    let mut long = path(20);
    long.round_trip(30_000, 1_000);
    assert!(has_ended(&long));
    // Half of 60 is 30.
    let mut short = path(20);
    short.round_trip(60_000, 1_000);
    assert!(!has_ended(&short));
}

#[test]
fn acknowledgements_far_apart_are_no_train() {
    let mut path = path(20);
    path.round_trip(30_000, 2_100);
    assert!(!has_ended(&path));
}

#[test]
fn round_trips_that_grow_end_slow_start_after_eight_samples() {
    let mut path = path(16);
    path.round_trip(100_000, 10);
    assert!(!has_ended(&path));
    for sample in 1..=20 {
        let window = path.windows.window();
        path.wait_millis(3);
        path.deliver_measured(1_000, window, Some(113_000));
        // 100 ms / 8 = 12.5 ms more are too many. Samples of the round before were small.
        let is_next_round = path.unacknowledged > path.next;
        assert!(!is_next_round);
        if has_ended(&path) {
            assert!(sample > 8, "after {sample} samples");
        }
    }
}

#[test]
fn a_round_of_grown_round_trips_ends_slow_start_but_little_growth_does_not() {
    for (grown, ends) in [(112_000, false), (113_000, true)] {
        let mut path = path(16);
        path.round_trip(100_000, 10);
        path.wait_millis(50);
        path.round_trip(grown, 10);
        path.wait_millis(50);
        path.round_trip(grown, 10);
        assert_eq!(has_ended(&path), ends, "{grown} us");
    }
}

#[test]
fn a_small_window_is_left_alone() {
    let mut path = path(8);
    path.round_trip(3_000, 1_000);
    assert!(!has_ended(&path), "8 to 15 segments");
}

#[test]
fn new_reno_does_not_look() {
    let settings = CongestionSettings {
        algorithm: Algorithm::NewReno,
        ..CongestionSettings::default()
    };
    let mut path = Path::with(1_000, &settings);
    path.windows.set_window(20_000);
    path.round_trip(30_000, 1_000);
    assert!(!has_ended(&path));
    assert!(size_of::<Train>() <= 24);
}
