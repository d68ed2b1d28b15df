//! The formulas of RFC 6298 and their bounds.

use std::time::Duration;

use proptest::prelude::*;

use super::{RoundTrip, TimeoutBounds};

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn bounds() -> TimeoutBounds {
    TimeoutBounds::new(millis(1_000), millis(200), millis(120_000))
}

#[test]
fn the_first_measurement_gives_three_times_itself() {
    let mut estimate = RoundTrip::default();
    assert_eq!(estimate.timeout(&bounds()), millis(1_000));
    assert_eq!(estimate.smoothed(), None);
    estimate.measure(millis(400));
    assert_eq!(estimate.smoothed(), Some(millis(400)));
    assert_eq!(estimate.variation(), millis(200));
    assert_eq!(estimate.timeout(&bounds()), millis(1_200));
}

#[test]
fn later_measurements_are_smoothed() {
    let mut estimate = RoundTrip::default();
    estimate.measure(millis(400));
    estimate.measure(millis(800));
    // RTTVAR = 3/4 200 + 1/4 400 = 250, SRTT = 7/8 400 + 1/8 800 = 450.
    assert_eq!(estimate.variation(), millis(250));
    assert_eq!(estimate.smoothed(), Some(millis(450)));
    assert_eq!(estimate.timeout(&bounds()), millis(1_450));
    assert_eq!(estimate.smallest(), Some(millis(400)));
}

#[test]
fn a_segment_gets_the_least_timeout_beyond_a_steady_round_trip() {
    // As Linux: RFC 6298, section 2.3, with the lower bound for G.
    let mut estimate = RoundTrip::default();
    for _ in 0..200 {
        estimate.measure(millis(300));
    }
    let timeout = estimate.timeout(&bounds());
    assert!(
        timeout >= millis(499) && timeout <= millis(500),
        "{timeout:?}"
    );
    for _ in 0..200 {
        estimate.measure(Duration::from_micros(20));
    }
    assert_eq!(
        estimate.timeout(&bounds()),
        millis(200) + Duration::from_micros(20)
    );
}

#[test]
fn a_handshake_without_a_measurement_makes_the_first_timeout_three_seconds() {
    // RFC 6298, section 5.7.
    let mut estimate = RoundTrip::default();
    estimate.back_off();
    estimate.end_handshake(0, &bounds());
    assert_eq!(estimate.timeout(&bounds()), millis(3_000));
    estimate.back_off();
    assert_eq!(estimate.timeout(&bounds()), millis(6_000));
    estimate.measure(millis(100));
    assert_eq!(estimate.timeout(&bounds()), millis(300));
    let mut measured = RoundTrip::default();
    measured.measure(millis(100));
    measured.end_handshake(0, &bounds());
    assert_eq!(measured.timeout(&bounds()), millis(300));
}

#[test]
fn what_former_connections_measured_makes_the_first_timeout() {
    // As Linux: thrice what is known, or with the lower bound beyond it; in steps of an eighth at most.
    let timeout = |known_millis: u64, own_millis: u64| {
        let mut estimate = RoundTrip::default();
        if own_millis > 0 {
            estimate.measure(millis(own_millis));
        }
        let known = u32::try_from(known_millis * 8_000).expect("small");
        estimate.end_handshake(known, &bounds());
        (estimate.timeout(&bounds()), estimate)
    };
    for (known, own, exact) in [
        (300, 100, 900),
        (20, 0, 220),
        (5_000, 1, 15_000),
        (50, 49, 250),
    ] {
        let (first, mut estimate) = timeout(known, own);
        assert!(first >= millis(exact), "{first:?}");
        assert!(first <= millis(exact * 9 / 8 + 1), "{first:?}");
        estimate.back_off();
        assert_eq!(estimate.timeout(&bounds()), first * 2);
        // Data is measured: the estimate is this connection's own, begun by its handshake.
        estimate.measure(millis(100));
        assert!(estimate.timeout(&bounds()) <= millis(300));
    }
    // What is known is no longer than what this connection measured itself.
    assert_eq!(timeout(100, 100).0, millis(300));
    // The longest that there can be is beyond every bound.
    assert_eq!(timeout(240_000, 0).0, bounds().max);
}

#[test]
fn back_off_doubles_up_to_the_bound_and_ends_with_a_measurement() {
    let mut estimate = RoundTrip::default();
    estimate.measure(millis(100));
    let base = estimate.timeout(&bounds());
    estimate.back_off();
    estimate.back_off();
    assert_eq!(estimate.timeout(&bounds()), base * 4);
    for _ in 0..100 {
        estimate.back_off();
    }
    assert_eq!(estimate.timeout(&bounds()), millis(120_000));
    estimate.end_back_off();
    assert_eq!(estimate.timeout(&bounds()), base);
    estimate.back_off();
    estimate.measure(millis(100));
    assert_eq!(estimate.backoff(), 0);
}

proptest! {
    #[test]
    fn any_measurements_keep_the_timeout_within_bounds(
        samples in prop::collection::vec(any::<u64>(), 0..50), backoffs in 0_u32..40,
    ) {
        let mut estimate = RoundTrip::default();
        for sample in &samples {
            estimate.measure(Duration::from_nanos(*sample));
        }
        for _ in 0..backoffs {
            estimate.back_off();
        }
        let timeout = estimate.timeout(&bounds());
        prop_assert!(timeout >= bounds().min && timeout <= bounds().max);
    }
}
