//! Several segments in one for a port that cuts them: how many, and what waits to leave together.

use std::time::Duration;

use coremill_tcp::Outgoing;
use coremill_tcp::header::{Flags, Segment as Parsed};
use coremill_tcp::options::SocketOptions;

use super::harness::{Test, bytes, millis};
use super::segment::{ack, syn, syn_ack};

/// Established with an MSS of 1,000 and a round trip of `trip` milliseconds measured.
fn with_round_trip(trip: u64) -> Test {
    let mut test = Test::listening(|limits| limits.send_buffer_bytes = 200_000);
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    test.pass(millis(trip));
    test.inject(ack(1, 1));
    test.accept();
    test.send(&bytes(0, 1_000));
    test.next().expect("a segment");
    test.pass(millis(trip));
    test.inject(ack(1, 1_001));
    test
}

/// What the port gets next: the segment's description, its flags, its first number, its payload.
fn burst(test: &mut Test) -> Option<(Outgoing, Flags, u32, Vec<u8>)> {
    let mut out = vec![0; 65_536];
    test.shard.advance(test.now, usize::MAX);
    let outgoing = test.shard.next_segments(test.now, &mut out)?;
    let parsed = Parsed::parse(&out[..outgoing.length]).expect("well-formed");
    let sequence = parsed.header.sequence.since(test.start);
    Some((
        outgoing,
        parsed.header.flags,
        sequence,
        parsed.payload.to_vec(),
    ))
}

#[test]
fn whole_segments_leave_together_and_the_rest_behind_them() {
    let mut test = with_round_trip(1);
    test.send(&bytes(0, 5_500));
    let (outgoing, flags, sequence, payload) = burst(&mut test).expect("a burst");
    assert_eq!((outgoing.segment_payload, sequence), (1_000, 1_001));
    assert_eq!(payload, bytes(0, 5_000));
    assert!(!flags.contains(Flags::PSH), "more follows");
    let (outgoing, flags, sequence, payload) = burst(&mut test).expect("the rest");
    assert_eq!((outgoing.segment_payload, sequence), (0, 6_001));
    assert_eq!(payload, bytes(5_000, 500));
    assert!(flags.contains(Flags::PSH));
    assert!(burst(&mut test).is_none());
    assert_eq!(test.shard.live_send_records(), 6, "one for each segment");
}

#[test]
fn a_burst_is_bounded_by_windows_and_memory() {
    let mut test = with_round_trip(1);
    test.inject(ack(1, 1_001).window(3_500));
    test.send(&bytes(0, 50_000));
    let (_, _, _, payload) = burst(&mut test).expect("a burst");
    assert_eq!(payload.len(), 3_000, "what the peer's window holds");
    test.inject(ack(1, 4_001).window(60_000));
    let (_, _, _, payload) = burst(&mut test).expect("a burst");
    let window = test.rows()[0].congestion_window_bytes as usize;
    assert_eq!(payload.len(), window / 1_000 * 1_000);
}

/// Linux: tcp_tso_autosize.
#[test]
fn a_long_path_gets_what_a_millisecond_carries_but_two_segments_at_least() {
    let mut test = with_round_trip(100);
    test.send(&bytes(0, 20_000));
    let (_, _, _, payload) = burst(&mut test).expect("a burst");
    assert_eq!(payload.len(), 2_000);
}

#[test]
fn the_last_of_a_burst_carries_fin_and_push() {
    let mut test = with_round_trip(1);
    test.send(&bytes(0, 4_000));
    test.shutdown();
    let (outgoing, flags, _, payload) = burst(&mut test).expect("a burst");
    assert_eq!((payload.len(), outgoing.segment_payload), (4_000, 1_000));
    assert!(flags.contains(Flags::FIN | Flags::PSH));
    test.inject(ack(1, 5_002));
    assert!(burst(&mut test).is_none());
}

/// Each has its own record: what one acknowledgement tells of one of them costs one retransmission.
#[test]
fn one_lost_segment_of_a_burst_is_sent_again_alone() {
    let mut test = Test::established_as(
        |_| {},
        SocketOptions::default(),
        syn().mss(1_000).sack_permitted(),
        ack(1, 1),
    );
    test.send(&bytes(0, 8_000));
    while burst(&mut test).is_some() {}
    test.pass(millis(5));
    test.inject(ack(1, 1_001).sack(&[(2_001, 8_001)]));
    test.pass(millis(5));
    let (outgoing, _, sequence, payload) = burst(&mut test).expect("a retransmission");
    assert_eq!((outgoing.segment_payload, sequence), (0, 1_001));
    assert_eq!(payload, bytes(1_000, 1_000));
    assert!(burst(&mut test).is_none());
}

/// Linux: tcp_tso_should_defer. A third of the window at least, or all there is, or wait for the next
/// acknowledgement if that is near.
#[test]
fn a_small_part_of_the_window_waits_for_an_acknowledgement_that_is_near() {
    let mut test = with_round_trip(1);
    test.send(&bytes(0, 60_000));
    while burst(&mut test).is_some() {}
    test.pass(Duration::from_micros(300));
    test.inject(ack(1, 2_001));
    assert!(burst(&mut test).is_some(), "the next one is far away");
    test.pass(Duration::from_micros(600));
    test.inject(ack(1, 3_001));
    assert!(burst(&mut test).is_none());
    assert_eq!(test.rows()[0].hold, "deferral");
    test.inject(ack(1, 8_001));
    let (_, _, _, payload) = burst(&mut test).expect("now it is worth it");
    assert!(payload.len() >= 4_000, "{}", payload.len());
}

/// Whoever has sent nothing for a millisecond does not wait: that would make bursts.
#[test]
fn after_a_pause_nothing_is_deferred() {
    let mut test = with_round_trip(1);
    test.send(&bytes(0, 60_000));
    while burst(&mut test).is_some() {}
    test.pass(Duration::from_micros(1_200));
    test.inject(ack(1, 2_001));
    assert!(burst(&mut test).is_some());
}

/// A window that waits to be used is used.
#[test]
fn a_deferred_burst_lets_the_window_grow() {
    let mut test = with_round_trip(10);
    test.send(&bytes(0, 150_000));
    let before = test.rows()[0].congestion_window_bytes;
    let mut acknowledged = 1_001;
    for _ in 0..30 {
        while burst(&mut test).is_some() {}
        test.pass(millis(4));
        acknowledged += 1_000;
        test.inject(ack(1, acknowledged));
    }
    assert!(test.rows()[0].congestion_window_bytes >= before + 8_000);
}
