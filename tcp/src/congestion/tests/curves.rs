//! Growth curves: the window in segments after each round trip. Whoever changes them says why.

use super::Path;
use crate::congestion::{Algorithm, CongestionSettings, Hystart, Reason};

/// The windows of `count` round trips of 40 ms, over a path that lets 100 segments through in one; the flight's
/// acknowledgements come as the path spaces them, and what does not fit adds to the round trip.
fn curve(path: &mut Path, count: usize) -> Vec<u32> {
    (0..count)
        .map(|_| {
            let flight = path.windows.window() / path.windows.segment();
            let queued = flight.saturating_sub(100) * 400;
            path.round_trip(40_000 + queued, 400);
            path.windows.window() / path.windows.segment()
        })
        .collect()
}

fn path(algorithm: Algorithm, hystart: Hystart) -> Path {
    let settings = CongestionSettings {
        algorithm,
        hystart,
        ..CongestionSettings::default()
    };
    Path::with(1_448, &settings)
}

#[test]
fn slow_start_doubles_until_its_end_is_found() {
    // The train of 63 segments is longer than half of the round trip.
    let mut cubic = path(Algorithm::Cubic, Hystart::Linux);
    assert_eq!(curve(&mut cubic, 6), [20, 40, 80, 133, 140, 147]);
    // The first round that is 4 ms longer, then five of a quarter.
    let mut careful = path(Algorithm::Cubic, Hystart::PlusPlus);
    assert_eq!(
        curve(&mut careful, 12),
        [20, 40, 80, 160, 302, 378, 472, 590, 738, 899, 944, 991]
    );
    let mut reckless = path(Algorithm::Cubic, Hystart::Off);
    assert_eq!(curve(&mut reckless, 5), [20, 40, 80, 160, 320]);
    let mut new_reno = path(Algorithm::NewReno, Hystart::Linux);
    assert_eq!(curve(&mut new_reno, 5), [20, 40, 80, 160, 320]);
}

#[test]
fn after_a_loss_each_algorithm_has_its_curve() {
    for (algorithm, after) in [
        (
            Algorithm::Cubic,
            [
                76, 82, 87, 91, 94, 97, 99, 100, 100, 100, 100, 103, 108, 113, 118, 123, 128, 133,
                138, 143,
            ],
        ),
        (
            Algorithm::NewReno,
            [
                55, 60, 65, 70, 75, 80, 85, 90, 95, 100, 105, 110, 115, 120, 125, 130, 135, 140,
                145, 150,
            ],
        ),
    ] {
        let mut path = path(algorithm, Hystart::Off);
        path.windows.set_window(100 * 1_448);
        path.reduce(100 * 1_448, Reason::Loss);
        let threshold = path.windows.slow_start_threshold();
        path.windows.set_window(threshold);
        let every_fifth: Vec<_> = curve(&mut path, 100)
            .into_iter()
            .skip(4)
            .step_by(5)
            .collect();
        assert_eq!(every_fifth, after, "{algorithm:?}");
    }
}

#[test]
fn a_curve_goes_on_with_as_many_smaller_segments() {
    for algorithm in [Algorithm::Cubic, Algorithm::NewReno] {
        let mut paths = [1_000, 500].map(|segment| {
            let mut path = path(algorithm, Hystart::Off);
            path.windows.set_segment_size(&mut path.pool, segment);
            path.windows.set_window(100 * segment);
            path.reduce(100 * segment, Reason::Loss);
            path.windows.set_window(path.windows.slow_start_threshold());
            path
        });
        let [large, small] = &mut paths;
        let mut both = |count| (curve(large, count), curve(small, count));
        let (of_large, of_small) = both(10);
        assert_eq!(of_large, of_small, "in segments");
        let [large, small] = &mut paths;
        large.windows.set_segment_size(&mut large.pool, 500);
        assert_eq!(curve(large, 20), curve(small, 20), "{algorithm:?}");
    }
}
