//! AccECN (RFC 9768) where a wire does not show enough: no room for its state, and what is given back.

use coremill_tcp::ecn::EcnMode;
use coremill_tcp::header::Flags;
use coremill_tcp::snapshot::EcnKind;
use coremill_tcp::{Limits, State};

use super::harness::{Test, bytes};
use super::segment::{Segment, ack, data, syn, syn_ack};

fn with(mut segment: Segment, ace: u8) -> Segment {
    segment.flags = segment.flags | Flags::of_ace(ace);
    segment
}

fn established(change: impl FnOnce(&mut Limits)) -> Test {
    let mut test = Test::listening(|limits| {
        limits.ecn = EcnMode::AskAccurate;
        change(limits);
    });
    test.inject(with(syn(), 7));
    test.expect(with(syn_ack(1), 2));
    test.inject(with(ack(1, 1), 2));
    test.accept();
    test.is_in(State::Established);
    test
}

#[test]
fn flags_count_from_five_on() {
    let mut test = established(|_| {});
    assert_eq!(test.rows()[0].ecn, EcnKind::Accurate);
    test.send(&bytes(0, 10));
    test.expect(with(data(1, 1, &bytes(0, 10)), 5));
}

/// RFC 9768, section 3.2.2.4: zero tells the peer that its marks are not heard of.
#[test]
fn without_a_block_the_flags_stay_zero() {
    let mut test = established(|limits| limits.extensions_max = 0);
    assert_eq!(test.shard.counters().extensions_exhausted.get(), 1);
    test.send(&bytes(0, 10));
    test.expect(data(1, 1, &bytes(0, 10)));
    // What the peer counts is not looked at.
    test.inject(with(ack(1, 11), 7));
    assert_eq!(test.shard.counters().delivered_ce.get(), 0);
}

#[test]
fn client_without_a_block_does_the_same() {
    let mut test = Test::new(|limits| {
        limits.ecn = EcnMode::AskAccurate;
        limits.extensions_max = 0;
    });
    test.connect();
    test.expect(with(syn(), 7));
    test.inject(with(syn_ack(1), 2));
    test.expect(ack(1, 1));
    assert_eq!(test.shard.counters().extensions_exhausted.get(), 1);
}

/// Liars are slowed down: more marks than segments are believed, and shrink the window once in a window of data.
#[test]
fn false_counts_only_slow_the_connection_down() {
    let mut test = established(|_| {});
    for round in 0..200_u32 {
        test.send(&bytes(round as usize, 1));
        while test.next().is_some() {}
        // Every possible value of the flags in turn.
        test.inject(with(ack(1, 2 + round), (round * 3 % 8) as u8));
        test.is_in(State::Established);
    }
    let row = &test.rows()[0];
    assert!(row.congestion_window_bytes >= 2 * 536, "{row:?}");
}

/// Each connection gives its block back.
#[test]
fn blocks_come_back() {
    for _ in 0..3 {
        let mut test = established(|limits| limits.extensions_max = 1);
        let mut reset = ack(1, 1);
        reset.flags = Flags::RST;
        test.inject(reset);
        test.close();
        test.inject(with(syn(), 7));
        test.expect(with(syn_ack(1), 2));
        test.inject(with(ack(1, 1), 2));
        assert_eq!(test.shard.counters().extensions_exhausted.get(), 0);
    }
}
