//! The estimate against RFC 8257's formula in floating point.

use super::Dctcp;
use crate::congestion::{
    Acknowledged, Algorithm, Congestion, CongestionPool, CongestionSettings, Phase, Reason,
};
use crate::sequence::SequenceNumber;
use crate::time::Instant;
use std::time::Duration;

fn acknowledged(number: u32, delivered: u32, marked: u32) -> Acknowledged {
    Acknowledged {
        now: Instant::from_millis(1),
        delivered,
        marked,
        in_flight: 10_000,
        phase: Phase::Open,
        may_grow: true,
        unacknowledged: SequenceNumber::new(number),
        next: SequenceNumber::new(number + 10_000),
        sample_micros: None,
        timeout: Duration::from_millis(200),
        rate: None,
    }
}

/// Windows of ten segments, of which `marked` each are marked.
fn windows_of(dctcp: &mut Dctcp, first: u32, count: u32, marked: u32) {
    for index in 0..count * 10 {
        let bytes = if index % 10 < marked { 1_000 } else { 0 };
        dctcp.observe(&acknowledged(first + index * 1_000, 1_000, bytes));
    }
}

#[test]
fn alpha_follows_the_share_of_marks() {
    for marked in [0, 1, 3, 10] {
        let mut dctcp = Dctcp::new();
        // The first acknowledgement is a window for itself.
        let first = if marked > 0 { 1.0 } else { 0.0 };
        let mut ideal = 1.0 + (first - 1.0) / 16.0;
        windows_of(&mut dctcp, 0, 1, marked);
        for window in 1..40_u32 {
            windows_of(&mut dctcp, window * 10_000, 1, marked);
            ideal += (f64::from(marked) / 10.0 - ideal) / 16.0;
            let ours = f64::from(dctcp.alpha) / 1_024.0;
            // Sixteenths are rounded down: at most 16 units above, or one unit of g * M below.
            assert!(
                (ours - ideal).abs() < 0.02,
                "{marked} of 10 marked, window {window}: {ours} for {ideal}"
            );
        }
    }
}

#[test]
fn without_marks_alpha_goes_down_to_nothing() {
    let mut dctcp = Dctcp::new();
    windows_of(&mut dctcp, 0, 200, 0);
    assert_eq!(dctcp.alpha, 0);
}

#[test]
fn a_mark_takes_half_of_alpha_and_a_loss_takes_half() {
    let settings = CongestionSettings {
        algorithm: Algorithm::Dctcp,
        ..CongestionSettings::default()
    };
    let mut pool = CongestionPool::new(&settings);
    let mut windows = Congestion::new(Algorithm::Dctcp, 1_000, &settings);
    windows.set_window(100_000);
    // 160 windows without a mark, then one of which all is marked: alpha is 1/16.
    for index in 0..=170 * 10 {
        let marked = if index > 1_690 { 1_000 } else { 0 };
        let mut acknowledged = acknowledged(index * 1_000, 1_000, marked);
        acknowledged.phase = Phase::Reducing;
        windows.on_ack(&mut pool, &acknowledged);
    }
    windows.set_window(100_000);
    let now = Instant::from_millis(2);
    windows.reduce(&mut pool, now, 100_000, Reason::Mark);
    assert_eq!(
        windows.slow_start_threshold(),
        96_875,
        "100,000 * (1 - 1/32)"
    );
    windows.reduce(&mut pool, now, 100_000, Reason::Loss);
    assert_eq!(windows.slow_start_threshold(), 50_000);
}
