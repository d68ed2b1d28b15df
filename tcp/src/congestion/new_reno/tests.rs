//! The windows through a connection's life.

use std::time::Duration;

use super::NewReno;
use crate::congestion::{Acknowledged, CongestionControl};
use crate::time::Instant;

fn acknowledge(windows: &mut NewReno, bytes: u32) {
    windows.on_ack(&Acknowledged {
        now: Instant::default(),
        bytes,
        in_flight: windows.window(),
        window_limited: true,
        round_trip: None,
    });
}

#[test]
fn the_first_flight_is_ten_segments_of_at_most_14600_bytes() {
    assert_eq!(NewReno::new(1_460, 10).window(), 14_600);
    assert_eq!(NewReno::new(1_000, 10).window(), 10_000);
    assert_eq!(NewReno::new(8_960, 10).window(), 17_920);
    assert_eq!(NewReno::new(0, 0).window(), 1);
    let mut after_loss = NewReno::new(1_000, 10);
    after_loss.on_handshake_loss();
    assert_eq!(after_loss.window(), 1_000);
}

#[test]
fn slow_start_counts_bytes_up_to_two_segments_an_acknowledgment() {
    let mut windows = NewReno::new(1_000, 10);
    acknowledge(&mut windows, 500);
    assert_eq!(windows.window(), 10_500);
    acknowledge(&mut windows, 2_000);
    assert_eq!(windows.window(), 12_500);
    acknowledge(&mut windows, 9_000);
    assert_eq!(windows.window(), 14_500);
}

#[test]
fn congestion_avoidance_adds_a_segment_per_window() {
    let mut windows = NewReno::new(1_000, 10);
    windows.on_enter_recovery(Instant::default(), 20_000);
    windows.on_exit_recovery(20_000);
    assert_eq!(
        (windows.window(), windows.slow_start_threshold()),
        (10_000, 10_000)
    );
    for _ in 0..9 {
        acknowledge(&mut windows, 1_000);
    }
    assert_eq!(windows.window(), 10_000);
    acknowledge(&mut windows, 1_000);
    assert_eq!(windows.window(), 11_000);
}

#[test]
fn a_window_that_was_not_used_does_not_grow() {
    let mut windows = NewReno::new(1_000, 10);
    windows.on_ack(&Acknowledged {
        now: Instant::default(),
        bytes: 1_000,
        in_flight: 1_000,
        window_limited: false,
        round_trip: None,
    });
    assert_eq!(windows.window(), 10_000);
}

#[test]
fn recovery_inflates_deflates_and_leaves_half() {
    let mut windows = NewReno::new(1_000, 10);
    windows.on_enter_recovery(Instant::default(), 16_000);
    assert_eq!(windows.slow_start_threshold(), 8_000);
    assert_eq!(windows.window(), 11_000);
    windows.on_duplicate_ack();
    windows.on_duplicate_ack();
    assert_eq!(windows.window(), 13_000);
    windows.on_partial_ack(4_000);
    assert_eq!(windows.window(), 10_000);
    windows.on_partial_ack(500);
    assert_eq!(windows.window(), 9_500);
    windows.on_exit_recovery(2_000);
    assert_eq!(windows.window(), 3_000);
}

#[test]
fn a_timeout_leaves_one_segment_and_halves_once() {
    let mut windows = NewReno::new(1_000, 10);
    windows.on_timeout(Instant::default(), 10_000, true);
    assert_eq!(
        (windows.window(), windows.slow_start_threshold()),
        (1_000, 5_000)
    );
    windows.on_timeout(Instant::default(), 1_000, false);
    assert_eq!(
        (windows.window(), windows.slow_start_threshold()),
        (1_000, 5_000)
    );
    windows.on_timeout(Instant::default(), 1_000, true);
    assert_eq!(windows.slow_start_threshold(), 2_000);
}

#[test]
fn after_idleness_the_window_is_no_larger_than_the_first() {
    let mut windows = NewReno::new(1_000, 10);
    for _ in 0..20 {
        acknowledge(&mut windows, 2_000);
    }
    assert_eq!(windows.window(), 50_000);
    windows.on_idle(Duration::from_secs(2), Duration::from_secs(1));
    assert_eq!(windows.window(), 10_000);
    windows.set_segment_size(500);
    assert_eq!(windows.window(), 5_000);
}
