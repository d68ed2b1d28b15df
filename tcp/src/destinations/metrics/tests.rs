//! How what connections found is taken in: each rule of Linux's tcp_update_metrics.

use super::*;

const NOW: Instant = Instant::from_millis(10_000);

fn found() -> Found {
    Found {
        round_trip: Some((80_000, 10_000)),
        window: 20,
        threshold: None,
        is_open: true,
        reordering: None,
    }
}

fn learnt(from: Metrics, found: &Found, saves_threshold: bool) -> Metrics {
    let mut metrics = from;
    metrics.learn(NOW, found, saves_threshold);
    metrics
}

fn known() -> Metrics {
    Metrics {
        round_trip_eighths: 80_000,
        variation_quarters: 20_000,
        threshold_segments: 8,
        window_segments: 10,
        reordering: 5,
        learnt: NOW,
    }
}

#[test]
fn a_longer_round_trip_is_taken_a_shorter_one_in_eighths() {
    let first = learnt(Metrics::NONE, &found(), false);
    assert_eq!(first.round_trip_eighths, 80_000);
    let longer = Found {
        round_trip: Some((96_000, 10_000)),
        ..found()
    };
    assert_eq!(learnt(known(), &longer, false).round_trip_eighths, 96_000);
    let shorter = Found {
        round_trip: Some((64_000, 10_000)),
        ..found()
    };
    assert_eq!(learnt(known(), &shorter, false).round_trip_eighths, 78_000);
}

#[test]
fn the_variation_follows_what_the_round_trip_moved() {
    // Less than known: by a quarter of the difference; 10,000 is more than half of what the round trip moved.
    assert_eq!(learnt(known(), &found(), false).variation_quarters, 17_500);
    let far = Found {
        round_trip: Some((180_000, 10_000)),
        ..found()
    };
    assert_eq!(learnt(known(), &far, false).variation_quarters, 50_000);
}

#[test]
fn a_connection_without_an_estimate_makes_the_round_trip_unknown() {
    let nothing = Found {
        round_trip: None,
        ..found()
    };
    let metrics = learnt(known(), &nothing, false);
    assert_eq!(metrics.round_trip_eighths, 0);
    assert_eq!(metrics.window_segments, known().window_segments);
}

#[test]
fn a_first_slow_start_raises_what_is_known() {
    let metrics = learnt(known(), &found(), true);
    assert_eq!(
        (metrics.window_segments, metrics.threshold_segments),
        (20, 10)
    );
    // What was never known is not made up.
    let metrics = learnt(Metrics::NONE, &found(), true);
    assert_eq!(
        (metrics.window_segments, metrics.threshold_segments),
        (20, 0)
    );
    assert_eq!(learnt(known(), &found(), false).threshold_segments, 8);
}

#[test]
fn in_congestion_avoidance_the_window_counts() {
    let avoids = Found {
        threshold: Some(12),
        ..found()
    };
    let metrics = learnt(known(), &avoids, true);
    assert_eq!(
        (metrics.window_segments, metrics.threshold_segments),
        (15, 12)
    );
    assert_eq!(learnt(known(), &avoids, false).threshold_segments, 8);
    assert_eq!(metrics.reordering, 5);
}

#[test]
fn within_recovery_only_the_threshold_does() {
    let recovers = Found {
        threshold: Some(12),
        is_open: false,
        reordering: Some(9),
        ..found()
    };
    let metrics = learnt(known(), &recovers, true);
    assert_eq!(
        (metrics.window_segments, metrics.threshold_segments),
        (11, 12)
    );
    assert_eq!(metrics.reordering, 9);
    let lower = Found {
        threshold: Some(4),
        reordering: Some(4),
        ..recovers
    };
    let metrics = learnt(known(), &lower, true);
    assert_eq!((metrics.threshold_segments, metrics.reordering), (8, 5));
}

#[test]
fn after_an_hour_nothing_is_believed() {
    let hour = Duration::from_secs(3_600);
    assert_eq!(known().current(NOW + hour).reordering, 5);
    let later = NOW + hour + Duration::from_nanos(1);
    assert_eq!(known().current(later).reordering, 0);
    let mut metrics = known();
    metrics.learn(
        later,
        &Found {
            round_trip: Some((8, 1)),
            ..found()
        },
        false,
    );
    assert_eq!((metrics.round_trip_eighths, metrics.learnt), (8, later));
}
