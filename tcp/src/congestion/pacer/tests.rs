//! Times of release, with rates that are easy to divide by.

use std::time::Duration;

use crate::congestion::{Algorithm, Congestion, CongestionPool, CongestionSettings};
use crate::time::Instant;

const SMOOTHED: Option<Duration> = Some(Duration::from_millis(100));

/// A paced connection that has sent nothing yet.
fn starting() -> (Congestion, CongestionPool) {
    let settings = CongestionSettings {
        pacing: true,
        ..CongestionSettings::default()
    };
    let pool = CongestionPool::new(&settings);
    let mut windows = Congestion::new(Algorithm::Cubic, 1_000, &settings);
    windows.set_window(100_000);
    (windows, pool)
}

/// The same, whose first ten segments have left.
fn paced(threshold: u32) -> (Congestion, CongestionPool) {
    let (mut windows, mut pool) = starting();
    windows.threshold = threshold;
    let now = Instant::from_millis(1_000);
    for _ in 0..10 {
        windows.pace(&mut pool, now, (1_000, 1_000), SMOOTHED);
        assert!(!windows.is_holding(), "the first ten are not paced");
    }
    (windows, pool)
}

#[test]
fn slow_start_sends_two_windows_a_round_trip_and_later_it_is_a_fifth_more_than_one() {
    // 100,000 bytes in 100 ms are a megabyte a second.
    for (threshold, rate) in [
        (u32::MAX, 2_000_000),
        (200_001, 1_200_000),
        (202_000, 2_000_000),
    ] {
        let (windows, pool) = paced(threshold);
        assert_eq!(
            windows.pacing_rate(&pool, SMOOTHED),
            Some(rate),
            "{threshold}"
        );
    }
    let (windows, pool) = paced(u32::MAX);
    assert_eq!(windows.pacing_rate(&pool, None), None);
}

#[test]
fn segments_that_leave_together_are_counted_each() {
    let (mut windows, mut pool) = starting();
    let now = Instant::from_millis(1_000);
    assert!(!windows.pace(&mut pool, now, (4_500, 1_000), SMOOTHED));
    // The tenth is among these: what follows waits until they are over, but for the millisecond that may be missed.
    assert!(windows.pace(&mut pool, now, (10_000, 1_000), SMOOTHED));
    let release = windows.release_at(&pool);
    assert_eq!(release, Some(Instant::from_millis(1_004)));
}

#[test]
fn segments_leave_at_their_times_and_missed_time_is_made_up_for() {
    let (mut windows, mut pool) = paced(u32::MAX);
    let at = Instant::from_micros;
    // 500 us each; a millisecond before is made up for: two leave at once, the third waits.
    windows.pace(&mut pool, at(2_000_000), (1_000, 1_000), SMOOTHED);
    assert!(!windows.is_holding());
    windows.pace(&mut pool, at(2_000_000), (1_000, 1_000), SMOOTHED);
    assert!(!windows.is_holding());
    windows.pace(&mut pool, at(2_000_000), (1_000, 1_000), SMOOTHED);
    assert_eq!(windows.release_at(&pool), Some(at(2_000_500)));
    windows.let_go(&pool, at(2_000_499));
    assert!(windows.is_holding());
    windows.let_go(&pool, at(2_000_500));
    assert!(!windows.is_holding());
    // 100 us late: the next follows 400 us later.
    windows.pace(&mut pool, at(2_000_600), (1_000, 1_000), SMOOTHED);
    assert_eq!(windows.release_at(&pool), Some(at(2_001_000)));
}

#[test]
fn the_users_bound_paces_by_itself_and_can_be_taken_away() {
    let settings = CongestionSettings::default();
    let mut pool = CongestionPool::new(&settings);
    let mut windows = Congestion::new(Algorithm::Cubic, 1_000, &settings);
    let now = Instant::from_millis(1);
    assert!(!windows.is_paced());
    windows.set_pacing_rate_max(&mut pool, now, 0);
    assert_eq!(pool.live(), 0);
    windows.set_pacing_rate_max(&mut pool, now, 50_000);
    assert!(windows.is_paced());
    assert_eq!(windows.pacing_rate(&pool, SMOOTHED), Some(50_000));
    windows.set_pacing_rate_max(&mut pool, now, 1_000_000_000);
    assert_eq!(windows.pacing_rate(&pool, SMOOTHED), Some(200_000));
    windows.set_pacing_rate_max(&mut pool, now, 0);
    assert!(!windows.is_paced());
    assert_eq!(windows.pacing_rate(&pool, SMOOTHED), None);
}

#[test]
fn bbr_is_always_paced_and_others_are_not_once_it_is_gone() {
    let settings = CongestionSettings::default();
    let mut pool = CongestionPool::new(&settings);
    let mut windows = Congestion::new(Algorithm::Bbr, 1_000, &settings);
    assert!(windows.is_paced());
    let now = Instant::from_millis(1);
    windows.pace(&mut pool, now, (1_000, 1_000), None);
    // 10,000 bytes in a supposed millisecond, 2.89 times as fast.
    assert_eq!(windows.pacing_rate(&pool, None), Some(28_867_187));
    windows.set_algorithm(&mut pool, now, Algorithm::NewReno);
    assert!(!windows.is_paced());
}
