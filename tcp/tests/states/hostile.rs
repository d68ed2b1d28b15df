//! Blind attacks and old segments: RFC 5961, PAWS, nonsense.

use coremill_tcp::error::{ConnectionError, ReceiveError};
use coremill_tcp::header::Flags;
use coremill_tcp::options::SocketOptions;
use coremill_tcp::{DropReason, State, Verdict};

use super::harness::{Test, bytes, seconds};
use super::segment::{ack, data, rst, syn};

#[test]
fn only_the_exact_number_resets() {
    let mut test = Test::established();
    assert_eq!(
        test.inject(rst(100)),
        Verdict::Dropped(DropReason::ChallengedRst)
    );
    test.expect(ack(1, 1));
    test.inject(rst(200_000));
    test.inject(rst(0));
    test.expect_nothing();
    test.is_in(State::Established);
    test.inject(rst(1));
    test.expect_nothing();
    let id = test.id();
    let failed = ReceiveError::Failed(ConnectionError::Reset);
    assert_eq!(test.shard.receive_slice(id), Err(failed));
}

#[test]
fn a_syn_is_challenged_wherever_it_points() {
    let mut test = Test::established();
    for seq in [0, 1, 100, 1 << 30] {
        let mut segment = syn();
        segment.seq = seq;
        assert!(matches!(test.inject(segment), Verdict::Dropped(_)));
        test.expect(ack(1, 1));
        test.quiet_for(seconds(1));
    }
    test.is_in(State::Established);
}

#[test]
fn challenges_are_rate_limited() {
    let mut test = Test::listening(|limits| limits.challenge_acks_per_second = 5);
    let mut flow = test.flow;
    for _ in 0..12 {
        flow.remote.port += 1;
        test.inject_from(flow, syn());
        let mut other = syn();
        other.seq = 77;
        test.inject_from(flow, other);
    }
    let challenges = test.shard.counters().challenge_ack.get();
    assert!((2..=5).contains(&challenges), "{challenges}");
}

#[test]
fn an_ack_of_what_was_never_sent_is_not_believed() {
    let mut test = Test::established();
    let verdict = test.inject(data(1, 2, b"inject"));
    assert_eq!(verdict, Verdict::Dropped(DropReason::AckOutOfRange));
    test.expect(ack(1, 1));
    assert_eq!(test.read(), []);
}

#[test]
fn an_ack_older_than_any_window_is_not_believed() {
    let mut test = Test::established();
    let verdict = test.inject(data(1, 1_u32.wrapping_sub(200_000), b"inject"));
    assert_eq!(verdict, Verdict::Dropped(DropReason::AckOutOfRange));
    assert_eq!(test.read(), []);
}

#[test]
fn data_without_ack_is_dropped() {
    let mut test = Test::established();
    let mut segment = data(1, 0, b"x");
    segment.flags = Flags::NONE;
    assert!(matches!(test.inject(segment), Verdict::Dropped(_)));
    assert_eq!(test.read(), []);
}

fn with_timestamps() -> Test {
    Test::established_as(
        |_| {},
        SocketOptions::default(),
        syn().mss(1_000).stamps(1_000, 0),
        ack(1, 1).stamps(1_000, 0),
    )
}

#[test]
fn a_segment_with_an_old_timestamp_is_rejected() {
    let mut test = with_timestamps();
    let echo = test.first_stamp;
    test.inject(data(1, 1, b"ab").stamps(1_010, echo));
    while test.next().is_some() {}
    let verdict = test.inject(data(3, 1, b"old").stamps(900, echo));
    assert_eq!(verdict, Verdict::Dropped(DropReason::PawsRejected));
    let answer = test.next().expect("an acknowledgment");
    assert_eq!((answer.ack, answer.payload.len()), (3, 0));
    test.inject(data(3, 1, b"new").stamps(1_011, echo));
    assert_eq!(test.read(), b"abnew");
}

#[test]
fn timestamps_are_echoed_from_the_segment_at_the_edge() {
    let mut test = with_timestamps();
    let echo = test.first_stamp;
    test.inject(data(1_001, 1, &bytes(1_000, 1_000)).stamps(2_000, echo));
    let answer = test.next().expect("a duplicate").options.expect("parsed");
    // RFC 7323, section 4.3: a segment beyond a hole is not echoed.
    assert_eq!(answer.timestamps.expect("negotiated").echo, 1_000);
    test.inject(data(1, 1, &bytes(0, 1_000)).stamps(2_001, echo));
    let answer = test
        .next()
        .expect("the hole is filled")
        .options
        .expect("parsed");
    assert_eq!(answer.timestamps.expect("negotiated").echo, 2_001);
}

#[test]
fn a_segment_without_the_timestamp_agreed_on_is_not_taken() {
    let mut test = with_timestamps();
    // RFC 7323, section 3.2.
    test.inject(data(1, 1, b"bare"));
    assert_eq!(test.read(), []);
}

#[test]
fn a_timestamp_is_not_believed_before_its_acknowledgment_is() {
    let mut test = with_timestamps();
    let echo = test.first_stamp;
    let poison = data(1, 200_000, b"poison").stamps(1 << 30, echo);
    assert_eq!(
        test.inject(poison),
        Verdict::Dropped(DropReason::AckOutOfRange)
    );
    test.inject(data(1, 1, b"good").stamps(1_010, echo));
    assert_eq!(test.read(), b"good");
}

#[test]
fn after_24_idle_days_any_timestamp_is_the_new_one() {
    let mut test = with_timestamps();
    let echo = test.first_stamp;
    test.now = test.now + seconds(25 * 24 * 3_600);
    test.inject(data(1, 1, b"a").stamps(500, echo));
    test.inject(data(2, 1, b"b").stamps(501, echo));
    assert_eq!(test.read(), b"ab");
}

#[test]
fn two_ends_that_disagree_do_not_acknowledge_each_other_for_ever() {
    let mut test = Test::established();
    for _ in 0..10 {
        test.inject(ack(0, 1));
    }
    test.expect(ack(1, 1));
    for _ in 0..10 {
        test.inject(ack(0, 1));
        test.inject(syn());
        test.inject(ack(1, 70_000));
        test.expect_nothing();
    }
    // Data that comes again is no loop: its acknowledgment was lost.
    test.inject(data(1, 1, b"x"));
    test.expect_soon(ack(1, 2));
    for _ in 0..3 {
        test.inject(data(1, 1, b"x"));
        test.expect(ack(1, 2));
    }
    test.quiet_for(seconds(1));
    test.inject(ack(0, 1));
    test.expect(ack(1, 2));
}
