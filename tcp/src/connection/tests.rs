//! Tests of single verbs of a connection's parts.

use super::receive_side::{ReceiveSide, window_scale};
use super::{SendSide, Stamps};
use crate::header_options::Timestamps;
use crate::limits::Limits;
use crate::sequence::SequenceNumber;
use crate::time::Instant;
use std::time::Duration;

fn limits(receive_buffer_bytes: usize) -> Limits {
    Limits {
        receive_buffer_bytes,
        ..Limits::default()
    }
}

fn receive_side(edge: u32) -> ReceiveSide<()> {
    let mut side = ReceiveSide::new(SequenceNumber::new(u32::MAX - 99));
    side.edge = side.next + edge;
    side
}

#[test]
fn the_right_edge_never_goes_back() {
    let limits = limits(1 << 20);
    let scale = window_scale(super::receive_side::buffer_bytes(&limits));
    let mut side = receive_side(65_535);
    side.buffer = 1 << 20;
    let mut edge = side.edge;
    // Data arrives in odd sizes and is not read: window fields round, the edge must not.
    for count in [1, 1_459, 3, 77, 1_000, 999] {
        side.next += count;
        side.readable += count;
        let field = side.offer(scale);
        assert!(side.edge >= edge, "the edge went back after {count} bytes");
        assert!(
            side.next + (u32::from(field) << scale) >= edge,
            "the field promises less"
        );
        edge = side.edge;
    }
}

#[test]
fn a_window_opens_in_steps_worth_a_segment() {
    let mut side = receive_side(0);
    side.buffer = 10_000;
    side.readable = 10_000;
    assert_eq!(side.offer(0), 0);
    side.readable -= 100;
    assert_eq!(side.offer(0), 0, "100 bytes are silly");
    side.readable -= 500;
    assert_eq!(side.offer(0), 600, "more than a full segment of 536");
}

#[test]
fn rounding_promises_no_more_than_a_unit_beyond_the_buffer() {
    for count in [1, 63, 100, 127, 129, 1_000] {
        let mut side = receive_side(0);
        (side.buffer, side.scale) = (100_000, 7);
        side.offer(7);
        while side.window() > 0 {
            let count = count.min(side.window());
            side.next += count;
            side.readable += count;
            side.offer(7);
            assert!(
                side.readable + side.window() < 100_000 + 128,
                "{count} bytes at a time"
            );
        }
    }
}

#[test]
fn an_old_segment_does_not_bring_back_an_old_window() {
    let mut side: SendSide<()> =
        SendSide::new(SequenceNumber::new(1), 1_460, 3, Instant::default());
    let sequence = SequenceNumber::new(1_000);
    side.unacknowledged = sequence;
    side.update_window(sequence, sequence, 5_000);
    side.update_window(sequence - 1, sequence, 9_000);
    assert_eq!(side.window, 5_000);
    side.update_window(sequence, sequence + 1, 0);
    assert_eq!((side.window, side.window_largest), (0, 5_000));
}

#[test]
fn a_segment_sent_again_that_acknowledges_more_brings_its_window() {
    let mut side: SendSide<()> =
        SendSide::new(SequenceNumber::new(1), 1_460, 3, Instant::default());
    let sequence = SequenceNumber::new(1_000);
    side.unacknowledged = sequence;
    side.update_window(sequence, sequence, 5_000);
    side.update_window(sequence - 500, sequence + 3_000, 2_000);
    assert_eq!(side.window, 2_000, "the right edge stays where it was");
}

#[test]
fn timestamps_are_compared_modulo_their_size_and_not_for_ever() {
    let stamps = Stamps {
        is_on: true,
        offset: 0,
        recent: 5,
    };
    let before = Timestamps {
        value: u32::MAX - 5,
        echo: 0,
    };
    assert!(stamps.is_stale(before, Duration::from_secs(1)));
    assert!(!stamps.is_stale(before, Duration::from_secs(25 * 24 * 3_600)));
    assert!(!stamps.is_stale(Timestamps { value: 5, echo: 0 }, Duration::ZERO));
}

#[test]
fn an_echo_that_was_never_sent_measures_nothing() {
    let stamps = Stamps {
        is_on: true,
        offset: 1 << 31,
        recent: 5,
    };
    let now = Instant::from_millis(10_000);
    let echo = |millis: u32| Timestamps {
        value: 0,
        echo: (1_u32 << 31).wrapping_add(millis),
    };
    assert_eq!(
        stamps.round_trip(echo(9_950), now),
        Some(Duration::from_millis(50))
    );
    assert_eq!(stamps.round_trip(echo(10_001), now), None);
    assert_eq!(
        stamps.round_trip(Timestamps { value: 0, echo: 0 }, now),
        None
    );
}
