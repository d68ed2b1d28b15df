//! Keepalive.

use coremill_tcp::error::{ConnectionError, ReceiveError};
use coremill_tcp::options::SocketOptions;

use super::harness::{Test, bytes, millis, seconds};
use super::segment::{ack, data, syn};

fn kept_alive() -> Test {
    Test::established_as(
        |limits| {
            limits.keepalive_idle = seconds(10);
            limits.keepalive_interval = seconds(2);
            limits.keepalive_count = 3;
        },
        SocketOptions {
            no_delay: false,
            keepalive: true,
            ..SocketOptions::default()
        },
        syn().mss(1_000),
        ack(1, 1),
    )
}

#[test]
fn an_idle_connection_is_probed_and_answers_keep_it() {
    let mut test = kept_alive();
    for _ in 0..3 {
        test.expect_after(seconds(10), ack(0, 1));
        test.inject(ack(1, 1));
    }
    assert_eq!(test.shard.counters().keepalive.get(), 3);
}

#[test]
fn data_puts_the_probe_off() {
    let mut test = kept_alive();
    test.quiet_for(seconds(8));
    test.inject(data(1, 1, b"x"));
    test.expect_soon(ack(1, 2));
    test.quiet_for(millis(9_900));
}

#[test]
fn unanswered_probes_end_the_connection() {
    let mut test = kept_alive();
    test.expect_after(seconds(10), ack(0, 1));
    test.expect_after(seconds(2), ack(0, 1));
    test.expect_after(seconds(2), ack(0, 1));
    test.pass(millis(2_010));
    let id = test.id();
    let failed = ReceiveError::Failed(ConnectionError::TimedOut);
    assert_eq!(test.shard.receive_slice(id), Err(failed));
}

/// RFC 5961, section 5.2: what a stranger can guess, a place within the window, does not make a dead peer look alive.
#[test]
fn segments_whose_ack_is_not_believed_are_no_sign_of_life() {
    let mut test = kept_alive();
    test.quiet_for(seconds(9));
    test.inject(ack(1, 3_000));
    test.expect_soon(ack(1, 1));
    test.expect_after(seconds(1), ack(0, 1));
    for _ in 0..2 {
        test.inject(ack(1, 3_000));
        while let Some(challenge) = test.next() {
            assert_eq!(challenge.seq, 1);
        }
        test.expect_after(seconds(2), ack(0, 1));
    }
    test.pass(millis(2_010));
    let id = test.id();
    let failed = ReceiveError::Failed(ConnectionError::TimedOut);
    assert_eq!(test.shard.receive_slice(id), Err(failed));
}

#[test]
fn without_keepalive_idleness_is_no_reason() {
    let mut test = Test::established();
    test.quiet_for(seconds(100_000));
    test.inject(data(1, 1, &bytes(0, 10)));
    assert_eq!(test.read(), bytes(0, 10));
}
