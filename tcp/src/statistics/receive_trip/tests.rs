//! What a receiver makes of echoes and of windows that filled.

use std::time::Duration;

use super::ReceiveTrip;
use crate::sequence::SequenceNumber;
use crate::time::Instant;

fn at(millis: u64) -> Instant {
    Instant::from_millis(1_000) + Duration::from_millis(millis)
}

#[test]
fn the_first_echo_of_a_timestamp_counts_and_later_ones_do_not() {
    let mut trip = ReceiveTrip::default();
    trip.echoed(7, 20, true, true);
    assert_eq!(trip.micros(), 20_000);
    trip.echoed(7, 90, true, true);
    assert_eq!(trip.micros(), 20_000, "the peer was only slow to send on");
    trip.echoed(8, 28, true, true);
    assert_eq!(trip.micros(), 21_000, "an eighth of the difference");
    trip.echoed(9, 10, true, true);
    assert_eq!(trip.micros(), 10_000, "a shorter one at once");
}

#[test]
fn a_peer_who_may_wait_for_something_measures_nothing() {
    let mut trip = ReceiveTrip::default();
    trip.echoed(7, 20, false, true);
    assert_eq!(trip.micros(), 0, "he waited for his user");
    trip.echoed(8, 0, true, true);
    assert_eq!(trip.micros(), 0, "less than the clock can tell");
    trip.echoed(9, u32::MAX, true, true);
    assert_eq!(trip.micros(), 0, "not one of ours");
    trip.echoed(10, 20, true, true);
    trip.echoed(11, 60, true, false);
    assert_eq!(trip.micros(), 20_000, "he waited for our user");
}

#[test]
fn a_window_takes_a_round_trip_at_least() {
    let mut trip = ReceiveTrip::default();
    let start = SequenceNumber::new(u32::MAX - 500);
    trip.advanced(at(0), start, 1_000);
    trip.advanced(at(10), start + 999, 1_000);
    assert_eq!(trip.micros(), 0, "not all of it has come");
    trip.advanced(at(12), start + 1_000, 1_000);
    assert_eq!(trip.micros(), 12_000);
    trip.advanced(at(42), start + 2_000, 1_000);
    assert_eq!(trip.micros(), 12_000, "the longer one says no more");
    trip.advanced(at(47), start + 3_000, 1_000);
    assert_eq!(trip.micros(), 5_000);
}
