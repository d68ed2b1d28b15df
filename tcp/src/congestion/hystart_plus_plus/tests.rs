//! RFC 9406, section 4.2, round by round.

use crate::congestion::tests::Path;
use crate::congestion::{Algorithm, CongestionSettings, Hystart, Reason};

fn path(algorithm: Algorithm) -> Path {
    let settings = CongestionSettings {
        algorithm,
        hystart: Hystart::PlusPlus,
        ..CongestionSettings::default()
    };
    Path::with(1_000, &settings)
}

fn segments(path: &Path) -> u32 {
    path.windows.window() / 1_000
}

#[test]
fn a_grown_round_slows_growth_down_and_five_such_end_it() {
    for algorithm in [Algorithm::Cubic, Algorithm::NewReno] {
        let mut path = path(algorithm);
        // 40 ms / 8 = 5 ms more are too many, once a round has nothing of the one before in it.
        let windows: Vec<_> = [40_000, 40_000, 44_900, 44_900, 50_600, 50_600]
            .into_iter()
            .chain([50_600; 6])
            .map(|sample_micros| {
                path.round_trip(sample_micros, 10);
                segments(&path)
            })
            .collect();
        assert_eq!(
            windows[..9],
            [20, 40, 80, 160, 302, 378, 472, 590, 738],
            "{algorithm:?}: a quarter each after eight samples of the fifth round"
        );
        let threshold = path.windows.slow_start_threshold() / 1_000;
        assert!(
            (738..=923).contains(&threshold),
            "{algorithm:?}: {threshold}"
        );
    }
}

#[test]
fn a_round_that_is_short_again_resumes_slow_start() {
    let mut path = path(Algorithm::NewReno);
    path.round_trip(40_000, 10);
    path.round_trip(45_000, 10);
    path.round_trip(45_000, 10);
    let before = segments(&path);
    path.round_trip(41_000, 10);
    path.round_trip(41_000, 10);
    assert!(
        segments(&path) > 3 * before,
        "{before} to {}",
        segments(&path)
    );
    assert_eq!(path.windows.slow_start_threshold(), u32::MAX);
}

#[test]
fn less_than_four_milliseconds_are_no_growth() {
    let mut path = path(Algorithm::NewReno);
    path.round_trip(1_000, 10);
    path.round_trip(4_900, 10);
    path.round_trip(8_800, 10);
    assert_eq!(segments(&path), 80);
}

#[test]
fn one_acknowledgement_counts_eight_segments_at_most() {
    let mut path = path(Algorithm::NewReno);
    path.acknowledge(10_000);
    assert_eq!(segments(&path), 18);
}

/// RFC 9406, section 4.2.
#[test]
fn a_later_slow_start_keeps_its_pace() {
    let mut path = path(Algorithm::NewReno);
    path.windows.set_window(100_000);
    path.reduce(100_000, Reason::Timeout);
    assert_eq!(path.windows.slow_start_threshold(), 50_000);
    for (sample_micros, window) in [(40_000, 2), (60_000, 4), (90_000, 8), (130_000, 16)] {
        path.round_trip(sample_micros, 10);
        assert_eq!(segments(&path), window);
    }
}
