//! Opening: both ways, at once, refused, and without an answer.

use coremill_tcp::error::{ConnectionError, ReceiveError};
use coremill_tcp::{DropReason, Endpoint, Flow, State, Verdict};

use super::harness::{OURS, THEIRS, Test, bytes, millis, seconds};
use super::segment::{Segment, ack, data, fin, rst, rst_ack, syn, syn_ack};

#[test]
fn a_passive_open_answers_only_the_options_offered() {
    let mut test = Test::listening(|_| {});
    test.inject(syn().mss(1_000));
    let sent = test.expect(syn_ack(1).mss(1_460));
    // Whole segments, as Linux offers them.
    assert_eq!(sent.window, Some(44 * 1_460));

    let mut test = Test::listening(|_| {});
    let mut offer = syn().mss(1_000).sack_permitted().stamps(77, 0);
    offer.options.as_mut().expect("set").window_scale = Some(3);
    test.inject(offer);
    let options = test.next().expect("SYN-ACK").options.expect("parsed");
    assert_eq!(options.mss, Some(1_460));
    assert!(options.sack_permitted && options.window_scale.is_some());
    assert_eq!(options.timestamps.expect("offered").echo, 77);
}

#[test]
fn an_active_open_offers_all_options_and_acknowledges() {
    let mut test = Test::new(|_| {});
    test.connect();
    let sent = test.next().expect("SYN");
    let options = sent.options.expect("parsed");
    assert_eq!(options.mss, Some(1_460));
    assert!(options.sack_permitted && options.window_scale.is_some());
    assert_eq!(options.timestamps.expect("offered").echo, 0);
    test.is_in(State::SynSent);
    let verdict = test.inject(syn_ack(1).mss(1_000));
    assert_eq!(verdict, Verdict::Accepted { progress: true });
    test.expect(ack(1, 1));
    test.is_in(State::Established);
    let event = test.shard.next_event().expect("opening has completed");
    assert!(event.readiness.writable && event.cookie == 9);
}

#[test]
fn data_may_come_with_the_last_part_of_the_handshake() {
    let mut test = Test::syn_received(|_| {});
    test.inject(data(1, 1, b"early"));
    test.accept();
    assert_eq!(test.read(), b"early");
    test.expect_soon(ack(1, 6));
}

#[test]
fn a_listener_accepts_neither_ack_nor_nonsense() {
    let mut test = Test::listening(|_| {});
    test.inject(ack(1, 4_000));
    test.expect(rst(4_000));
    test.inject(rst(1));
    test.expect_nothing();
    test.inject(fin(1, 2));
    test.expect(rst(2));
    test.is_gone();
}

#[test]
fn a_closed_port_answers_with_rst() {
    let mut test = Test::new(|_| {});
    let verdict = test.inject(syn());
    assert_eq!(verdict, Verdict::Dropped(DropReason::NoSocket));
    test.expect(rst_ack(0, 1));
    test.inject(data(1, 500, b"abc"));
    test.expect(rst(500));
    test.inject(rst(1));
    test.expect_nothing();
}

#[test]
fn an_unacceptable_answer_to_our_syn_is_reset_and_the_good_one_still_counts() {
    let mut test = Test::syn_sent(|_| {});
    test.inject(syn_ack(5));
    test.expect(rst(5));
    test.inject(rst_ack(0, 5));
    test.inject(rst(0));
    test.expect_nothing();
    test.is_in(State::SynSent);
    test.inject(syn_ack(1));
    test.expect(ack(1, 1));
    test.is_in(State::Established);
}

#[test]
fn a_reset_answer_refuses_the_connection() {
    let mut test = Test::syn_sent(|_| {});
    test.inject(rst_ack(0, 1));
    let id = test.id();
    let failed = ReceiveError::Failed(ConnectionError::Refused);
    assert_eq!(test.shard.receive_slice(id), Err(failed));
    test.close();
    test.expect_nothing();
    test.is_gone();
}

#[test]
fn both_sides_may_open_at_once() {
    let mut test = Test::syn_sent(|_| {});
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    test.is_in(State::SynReceived);
    test.inject(syn_ack(1).mss(1_000));
    test.is_in(State::Established);
    test.inject(data(1, 1, b"x"));
    test.expect_soon(ack(1, 2));
    assert_eq!(test.read(), b"x");
}

#[test]
fn a_lost_syn_is_sent_again_and_given_up() {
    let mut test = Test::syn_sent(|limits| {
        limits.rto_initial = seconds(1);
        limits.syn_retries = 2;
        limits.opening.syn_linear_timeouts = 0;
    });
    test.expect_after(seconds(1), syn());
    test.expect_after(seconds(2), syn());
    test.quiet_for(millis(3_990));
    test.pass(millis(20));
    let id = test.id();
    let failed = ReceiveError::Failed(ConnectionError::TimedOut);
    assert_eq!(test.shard.receive_slice(id), Err(failed));
    test.close();
    test.is_gone();
}

#[test]
fn a_lost_syn_ack_is_sent_again_until_the_request_expires() {
    let mut test = Test::syn_received(|limits| {
        limits.rto_initial = seconds(1);
        limits.syn_ack_retries = 3;
    });
    for delay in [1, 2, 4] {
        test.expect_after(seconds(delay), syn_ack(1));
        test.is_in(State::SynReceived);
    }
    test.quiet_for(millis(8_100));
    test.is_gone();
}

#[test]
fn a_syn_that_comes_again_is_answered_again() {
    let mut test = Test::syn_received(|_| {});
    let start = test.start;
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    assert_eq!(test.start, start);
    test.is_in(State::SynReceived);
}

#[test]
fn a_half_open_connection_resets_a_wrong_ack_and_dies_of_a_reset() {
    let mut test = Test::syn_received(|_| {});
    test.inject(ack(1, 9));
    test.expect(rst(9));
    test.is_in(State::SynReceived);
    test.inject(rst(1));
    test.expect_nothing();
    test.is_gone();
}

#[test]
fn flows_are_told_apart_by_every_part() {
    let mut test = Test::established();
    let mut flow = test.flow;
    flow.remote.port += 1;
    test.inject_from(flow, ack(1, 1));
    test.expect(rst(1));
    let other = Flow {
        local: Endpoint::new(OURS, 80),
        remote: Endpoint::new(THEIRS, 5_002),
    };
    test.inject_from(other, syn());
    let first = test.start;
    test.expect(syn_ack(1));
    assert_ne!(
        test.start, first,
        "another flow, another initial sequence number"
    );
}

#[test]
fn a_close_while_both_open_at_once_waits_for_the_handshake() {
    let mut test = Test::syn_sent(|_| {});
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    test.close();
    test.expect_nothing();
    test.inject(ack(1, 1));
    test.expect(fin(1, 1));
    test.is_in(State::FinWait1);
    test.inject(ack(1, 2));
    test.is_in(State::FinWait2);
}

#[test]
fn the_window_of_a_syn_ack_is_never_scaled() {
    let scaled = |segment: Segment| {
        let mut segment = segment.mss(1_000);
        segment.options.as_mut().expect("set").window_scale = Some(7);
        segment.window(2_000)
    };
    let mut test = Test::syn_sent(|_| {});
    test.inject(scaled(syn()));
    let options = test.next().expect("SYN-ACK").options.expect("parsed");
    assert_eq!(options.mss, Some(1_460), "ours, not the peer's");
    test.inject(scaled(syn_ack(1)));
    test.send(&bytes(0, 5_000));
    test.expect(data(1, 1, &bytes(0, 1_000)));
    test.expect(data(1_001, 1, &bytes(1_000, 1_000)));
    test.expect_nothing();
}

#[test]
fn data_after_a_lost_syn_gets_three_seconds() {
    // RFC 6298, section 5.7: there is no measurement, and one second was too short already.
    let mut test = Test::syn_sent(|limits| {
        limits.rto_initial = seconds(1);
        limits.opening.syn_linear_timeouts = 0;
    });
    test.expect_after(seconds(1), syn());
    test.expect_after(seconds(2), syn());
    test.inject(syn_ack(1).mss(1_000));
    test.expect(ack(1, 1));
    test.send(b"data");
    test.expect(data(1, 1, b"data"));
    test.expect_after(seconds(3), data(1, 1, b"data"));
}

#[test]
fn a_syn_that_comes_again_does_not_shorten_the_wait() {
    let mut test = Test::syn_received(|limits| {
        limits.rto_initial = seconds(1);
        limits.syn_ack_retries = 3;
    });
    for _ in 0..5 {
        test.inject(syn().mss(1_000));
        test.expect(syn_ack(1));
    }
    for delay in [1, 2, 4] {
        test.expect_after(seconds(delay), syn_ack(1));
    }
    test.inject(ack(1, 1));
    test.accept();
    test.is_in(State::Established);
}
