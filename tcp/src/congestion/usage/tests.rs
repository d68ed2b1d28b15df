//! What counts as use of a window, and what becomes of one that is not used.

use crate::congestion::tests::Path;
use crate::congestion::{Algorithm, CongestionSettings, Phase};

fn path(idle_restart: bool) -> Path {
    let settings = CongestionSettings {
        algorithm: Algorithm::NewReno,
        idle_restart,
        ..CongestionSettings::default()
    };
    let mut path = Path::with(1_000, &settings);
    path.windows.set_window(20_000);
    path.windows.threshold = 20_000;
    path
}

#[test]
fn all_acknowledgements_of_a_flight_that_filled_the_window_count() {
    let mut path = path(true);
    path.next = path.unacknowledged + 20_000;
    let end = path.next;
    for left in (1..=20).rev() {
        path.deliver(1_000, left * 1_000);
    }
    assert_eq!(path.unacknowledged, end);
    assert_eq!(path.windows.window(), 21_000, "a window's worth");
}

#[test]
fn a_flight_that_leaves_room_for_a_segment_does_not_count_beyond_slow_start() {
    let mut path = path(true);
    for _ in 0..100 {
        path.deliver(19_000, 19_000);
    }
    assert_eq!(path.windows.window(), 20_000);
}

/// Linux, after RFC 2861: each timeout of little use takes half of the rest.
#[test]
fn a_window_that_is_not_used_up_comes_down_to_what_is() {
    for (idle_restart, phase, windows) in [
        (true, Phase::Open, [20_000, 15_000, 12_500, 11_250]),
        (false, Phase::Open, [20_000; 4]),
        (true, Phase::Disorder, [20_000; 4]),
    ] {
        let mut path = path(idle_restart);
        path.phase = phase;
        path.deliver(20_000, 20_000);
        path.windows.set_window(20_000);
        for window in windows {
            assert_eq!(path.windows.window(), window, "{idle_restart} {phase:?}");
            path.wait_millis(100);
            path.deliver(5_000, 5_000);
            path.wait_millis(100);
            path.deliver(4_000, 4_000);
        }
        assert_eq!(path.windows.slow_start_threshold(), 20_000);
    }
}

#[test]
fn the_first_window_is_left_to_everybody() {
    let mut path = path(true);
    for _ in 0..20 {
        path.wait_millis(200);
        path.deliver(1_000, 1_000);
    }
    assert_eq!(path.windows.window(), 20_000, "nothing was known of it");
    path.deliver(20_000, 20_000);
    for _ in 0..20 {
        path.wait_millis(200);
        path.deliver(1_000, 1_000);
    }
    assert!((10_000..10_010).contains(&path.windows.window()));
}
