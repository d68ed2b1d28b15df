//! How much a user may write: the buffer follows the congestion window, as Linux's tcp_sndbuf_expand has it.

use coremill_tcp::Limits;
use coremill_tcp::congestion::Algorithm;
use coremill_tcp::options::{SocketOption, SocketOptions};

use super::harness::{Test, bytes};
use super::memory::another;
use super::segment::{ack, data, syn};

/// Established with an MSS of 1,000, and Linux's buffers.
fn with(socket: SocketOptions, change: impl FnOnce(&mut Limits)) -> Test {
    let change = |limits: &mut Limits| {
        limits.send_buffer_first_bytes = 16 << 10;
        change(limits);
    };
    Test::established_as(change, socket, syn().mss(1_000), ack(1, 1))
}

fn buffer(test: &Test) -> i64 {
    let found = test.shard.option(test.id(), SocketOption::SendBuffer);
    found.expect("a connection")
}

/// Writes what finds room, sends what may leave, and has all of it acknowledged; gives what was written.
fn round(test: &mut Test, acknowledged: &mut u32) -> usize {
    let (now, id) = (test.now, test.id());
    let taken = test.shard.send(now, id, &bytes(0, 8 << 20));
    let mut end = *acknowledged;
    while let Some(segment) = test.next() {
        end += segment.payload.len() as u32;
    }
    *acknowledged = end;
    test.inject(ack(1, end).window(u16::MAX));
    taken.expect("open")
}

#[test]
fn it_begins_with_what_ten_segments_take_twice() {
    let mut test = with(SocketOptions::default(), |_| {});
    assert_eq!(buffer(&test), 60_000);
    assert_eq!(test.shard.send_room(test.id()), 60_000);
    let mut acknowledged = 1;
    assert_eq!(round(&mut test, &mut acknowledged), 60_000);
}

#[test]
fn it_grows_with_the_congestion_window_and_no_further_than_it_may() {
    let mut test = with(SocketOptions::default(), |limits| {
        limits.send_buffer_bytes = 150_000;
    });
    let mut acknowledged = 1;
    round(&mut test, &mut acknowledged);
    let window = i64::from(test.rows()[0].congestion_window_bytes);
    assert!(window > 15_000, "slow start");
    assert_eq!(buffer(&test), 6 * window);
    for _ in 0..3 {
        round(&mut test, &mut acknowledged);
    }
    assert!(test.rows()[0].congestion_window_bytes > 30_000);
    assert_eq!(buffer(&test), 150_000);
}

#[test]
fn the_users_own_is_fixed() {
    let mut test = with(
        SocketOptions {
            send_buffer_bytes: 20_000,
            ..SocketOptions::default()
        },
        |_| {},
    );
    let mut acknowledged = 1;
    for _ in 0..3 {
        round(&mut test, &mut acknowledged);
        assert_eq!(buffer(&test), 20_000);
    }
}

#[test]
fn bbr_gets_half_as_much_again() {
    let socket = SocketOptions {
        congestion: Algorithm::Bbr.number(),
        ..SocketOptions::default()
    };
    assert_eq!(buffer(&with(socket, |_| {})), 90_000);
}

#[test]
fn short_memory_makes_it_what_it_was_at_first() {
    let mut test = with(SocketOptions::default(), |limits| {
        limits.memory_bytes = 256 << 10;
    });
    assert_eq!(buffer(&test), 60_000);
    // Nobody reads: three quarters of memory are taken.
    let mut sequence = 1;
    for flow in 0..4 {
        for _ in 0..60 {
            test.inject(data(sequence, 1, &bytes(0, 1_000)));
            sequence += 1_000;
        }
        if buffer(&test) < 60_000 {
            assert_eq!(buffer(&test), 16 << 10);
            return;
        }
        assert!(flow < 3, "memory does not get short");
        another(&mut test);
        sequence = 1;
    }
}
