//! The whole numbers against the formulas of RFC 9438 in floating point.

use super::{Cubic, Epoch, cube_root};
use crate::congestion::{Algorithm, Congestion, CongestionSettings};
use crate::time::Instant;

const C: f64 = 0.4;
const BETA: f64 = 717.0 / 1_024.0;

/// A window of `segments` segments, past slow start.
fn windows(segments: u32, segment: u32) -> Congestion {
    let settings = CongestionSettings::default();
    let mut windows = Congestion::new(Algorithm::Cubic, segment, &settings);
    windows.set_window(segments * segment);
    windows.threshold = windows.window;
    windows
}

/// Whole round trips of `millis`, each acknowledged segment by segment; the window after each, in
/// segments.
struct Flow {
    windows: Congestion,
    cubic: Cubic,
    counted: u32,
    millis: u64,
}

impl Flow {
    fn round_trip(&mut self, round_trip_millis: u64) -> u32 {
        let segment = self.windows.segment();
        let flight = u64::from(self.windows.window / segment);
        for index in 0..flight {
            let now = self.millis + round_trip_millis * index / flight;
            let now = Instant::from_millis(now);
            self.cubic.on_sample(
                now,
                u32::try_from(round_trip_millis * 1_000).expect("short"),
            );
            let per_segment = self.cubic.per_segment(&self.windows, now, segment);
            self.windows.avoid(&mut self.counted, segment, per_segment);
        }
        self.millis += round_trip_millis;
        self.windows.window / segment
    }
}

#[test]
fn cube_roots_are_rounded_down() {
    for (number, root) in [(0, 0), (1, 1), (7, 1), (8, 2), (26, 2), (27, 3)] {
        assert_eq!(cube_root(number), root, "of {number}");
    }
    assert_eq!(cube_root(999_999_999_999), 9_999);
    assert_eq!(cube_root(1_000_000_000_000), 10_000);
    assert_eq!(cube_root(1 << 60), 1 << 20);
    assert_eq!(cube_root(u64::MAX), 2_097_151, "of what fits 21 bits");
}

#[test]
fn the_curve_is_that_of_the_rfc() {
    for segment in [88, 536, 1_448, 8_948] {
        for largest in [10_u32, 100, 1_000, 10_000] {
            let start = f64::from(largest) * BETA;
            let window = (start * f64::from(segment)) as u32;
            let epoch = Epoch::begin(7, window, segment, largest * segment);
            // RFC 9438, figure 2 and figure 1.
            let k = ((f64::from(largest) - start) / C).cbrt();
            assert!(
                (f64::from(epoch.k) / 1_000.0 - k).abs() < 0.002,
                "K of {largest}"
            );
            for age in (0..60_000).step_by(250) {
                let seconds = f64::from(age) / 1_000.0 - k;
                let ideal = C * seconds.powi(3) + f64::from(largest);
                let ours = f64::from(epoch.target(age, segment)) / f64::from(segment);
                // A millisecond or two more or less, and a segment.
                let slack = 3.0 * C * seconds.powi(2) * 0.003 + 1.0;
                assert!(
                    (ours - ideal).abs() < slack,
                    "{age} ms after a reduction from {largest} segments of {segment}: {ours} for {ideal}"
                );
            }
        }
    }
}

#[test]
fn a_reduction_leaves_seven_tenths_and_a_second_one_converges_fast() {
    let mut windows = windows(100, 1_000);
    let mut cubic = Cubic::default();
    assert_eq!(cubic.reduced(&windows), 70_019, "100,000 * 717 / 1,024");
    assert_eq!((cubic.largest, cubic.prior), (100_000, 100_000));
    windows.set_window(80_000);
    assert_eq!(cubic.reduced(&windows), 56_015);
    assert_eq!(cubic.largest, 68_007, "80,000 * (1 + 717 / 1,024) / 2");
    assert_eq!(cubic.prior, 80_000);
    windows.set_window(90_000);
    cubic.reduced(&windows);
    assert_eq!(cubic.largest, 90_000, "above W_max it is the new one");
    windows.set_window(2_000);
    assert_eq!(
        cubic.reduced(&windows),
        2_000,
        "RFC 9438, section 4.6: at least two segments"
    );
}

/// RFC 9438, sections 4.4 and 4.5: with a round trip of 100 ms the window follows the curve.
#[test]
fn the_window_follows_the_curve_through_its_middle() {
    let largest = 400;
    let mut flow = Flow {
        windows: windows(largest, 1_448),
        cubic: Cubic::default(),
        counted: 0,
        millis: 1_000,
    };
    let threshold = flow.cubic.reduced(&flow.windows);
    flow.windows.set_window(threshold);
    let k = (f64::from(largest) * (1.0 - BETA) / C).cbrt();
    for round in 1..=150 {
        let window = f64::from(flow.round_trip(100));
        let seconds = f64::from(round) * 0.1 - k;
        let ideal = C * seconds.powi(3) + f64::from(largest);
        assert!(
            (window - ideal).abs() < 0.02 * ideal + 2.0,
            "after {round} round trips: {window} segments for {ideal}"
        );
    }
}

/// RFC 9438, section 4.3: over a short path the curve is slower than Reno, so Reno is followed, by
/// alpha up to the window of before, then by a segment each round trip.
#[test]
fn a_short_path_is_shared_with_reno() {
    let mut flow = Flow {
        windows: windows(50, 1_448),
        cubic: Cubic::default(),
        counted: 0,
        millis: 1_000,
    };
    let threshold = flow.cubic.reduced(&flow.windows);
    flow.windows.set_window(threshold);
    let alpha = 3.0 * (1.0 - BETA) / (1.0 + BETA);
    let mut estimate = f64::from(threshold) / 1_448.0;
    for round in 1..=60 {
        let window = f64::from(flow.round_trip(5));
        estimate += if estimate < 50.0 { alpha } else { 1.0 };
        assert!(
            (window - estimate).abs() < 3.0,
            "after {round} round trips: {window} segments for {estimate}"
        );
    }
}

/// Linux: 5 % a round trip where slow start ended without a loss.
#[test]
fn before_the_first_loss_the_window_grows_by_a_twentieth() {
    let mut flow = Flow {
        windows: windows(100, 1_000),
        cubic: Cubic::default(),
        counted: 0,
        millis: 1_000,
    };
    assert_eq!(flow.round_trip(10), 105);
    assert_eq!(flow.round_trip(10), 110);
}

#[test]
fn idle_time_does_not_count() {
    let mut windows = windows(100, 1_000);
    let mut cubic = Cubic::default();
    let threshold = cubic.reduced(&windows);
    windows.set_window(threshold);
    let look = |cubic: &mut Cubic, millis| {
        cubic.per_segment(&windows, Instant::from_millis(millis), 1_000)
    };
    let first = look(&mut cubic, 5_000);
    let busy = look(&mut cubic.clone(), 65_000);
    cubic.on_idle(Instant::from_millis(65_000), Instant::from_millis(5_000));
    assert_eq!(look(&mut cubic, 65_000), first);
    assert!(busy < first, "a minute later the curve is far above");
    cubic.on_idle(Instant::from_millis(66_000), Instant::from_millis(5_000));
    assert_eq!(look(&mut cubic, 66_000), first, "never into the future");
}

#[test]
fn samples_just_after_a_reduction_do_not_lower_the_smallest_round_trip() {
    let windows = windows(100, 1_000);
    let mut cubic = Cubic::default();
    let at = Instant::from_millis;
    cubic.on_sample(at(1_000), 20_000);
    cubic.per_segment(&windows, at(1_000), 1_000);
    cubic.on_sample(at(1_999), 10_000);
    assert_eq!(cubic.delay_min_micros, 20_000);
    cubic.on_sample(at(2_000), 15_000);
    cubic.on_sample(at(2_001), 0);
    assert_eq!(cubic.delay_min_micros, 1);
    cubic.on_timeout();
    assert_eq!(cubic.delay_min_micros, 0);
}
