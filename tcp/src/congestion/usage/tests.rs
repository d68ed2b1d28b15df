//! What counts as use of a window, and what becomes of one that is not used.

use crate::congestion::tests::Path;
use crate::congestion::{Algorithm, CongestionSettings};

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

/// Linux: `tcp_cong_avoid` begins the time anew, after which RFC 2861 would take half of the rest.
#[test]
fn a_window_that_is_not_used_up_stays_while_acknowledgements_arrive() {
    for idle_restart in [true, false] {
        let mut path = path(idle_restart);
        for _ in 0..20 {
            path.wait_millis(200);
            path.deliver(4_000, 4_000);
        }
        assert_eq!(path.windows.window(), 20_000);
        assert_eq!(path.windows.slow_start_threshold(), 20_000);
    }
}
