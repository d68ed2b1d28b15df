//! When acknowledgments are sent.

use super::harness::{Test, bytes, millis};
use super::segment::{ack, data};

#[test]
fn one_segment_is_acknowledged_after_the_delay() {
    let mut test = Test::established();
    // Whatever the first segments of a connection get, later ones wait.
    for first in 0..40 {
        test.inject(data(first + 1, 1, &bytes(first as usize, 1)));
        test.pass(millis(60));
        while test.next().is_some() {}
    }
    test.read();
    test.inject(data(41, 1, b"x"));
    test.expect_after(millis(40), ack(1, 42));
}

#[test]
fn every_second_full_segment_is_acknowledged_at_once() {
    let mut test = Test::established();
    let mut acknowledgments = 0;
    for first in (0..20_000).step_by(1_000) {
        test.inject(data(first as u32 + 1, 1, &bytes(first, 1_000)));
        while let Some(sent) = test.next() {
            assert_eq!(sent.ack as usize, first + 1_001);
            acknowledgments += 1;
        }
    }
    assert!((10..=20).contains(&acknowledgments), "{acknowledgments}");
}

#[test]
fn data_carries_the_acknowledgment() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"question"));
    while test.next().is_some() {}
    test.inject(data(9, 1, b"?"));
    test.send(b"answer");
    test.expect(data(1, 10, b"answer"));
    test.quiet_for(millis(100));
}
