//! Connections whose user has left: how long they may linger, and how many.

use coremill_tcp::State;
use coremill_tcp::header::Flags;

use super::harness::{Test, millis, seconds};
use super::segment::{ack, fin, syn};

#[test]
fn an_orphan_does_not_wait_for_ever_for_the_peers_fin() {
    let mut test = Test::fin_wait_2(|limits| limits.fin_wait_2 = seconds(20));
    test.close();
    test.is_in(State::FinWait2);
    test.quiet_for(millis(19_900));
    test.is_in(State::FinWait2);
    test.pass(millis(200));
    test.is_gone();
}

#[test]
fn an_orphan_retries_less() {
    let mut test = Test::established_with(|limits| limits.orphan_retries = 2);
    test.close();
    test.expect(fin(1, 1));
    test.expect_after(millis(200), fin(1, 1));
    test.expect_after(millis(400), fin(1, 1));
    test.pass(millis(820));
    while test.next().is_some() {}
    test.is_gone();
}

#[test]
fn too_many_orphans_are_reset() {
    let mut test = Test::established_with(|limits| limits.orphans_max = 1);
    test.close();
    test.expect(fin(1, 1));
    test.flow.remote.port += 1;
    test.inject(syn().mss(1_000));
    test.next().expect("SYN-ACK");
    test.inject(ack(1, 1));
    test.accept();
    test.close();
    let sent = test.next().expect("a reset");
    assert!(sent.flags.contains(Flags::RST), "{sent:?}");
    assert_eq!(test.shard.live_records(), 1);
    assert_eq!(test.shard.counters().abort_on_memory.get(), 1);
}

#[test]
fn an_orphan_with_a_closed_window_is_given_up() {
    let mut test = Test::established_with(|limits| limits.orphan_retries = 3);
    test.inject(ack(1, 1).window(0));
    test.send(b"nobody takes this");
    test.close();
    for _ in 0..20 {
        test.pass(seconds(1));
        while test.next().is_some() {}
    }
    test.is_gone();
}

#[test]
fn an_orphan_with_a_window_kept_closed_is_given_up() {
    let mut test = Test::established_with(|limits| {
        limits.orphan_retries = 3;
        limits.rto_max = seconds(2);
    });
    test.inject(ack(1, 1).window(0));
    test.send(b"nobody takes this");
    test.close();
    for _ in 0..200 {
        test.pass(millis(100));
        while test.next().is_some() {
            test.inject(ack(1, 1).window(0));
        }
    }
    test.is_gone();
}

#[test]
fn an_orphan_whose_peer_takes_ever_so_little_is_reset_in_the_end() {
    let mut test = Test::established_with(|limits| limits.orphan_timeout = seconds(5));
    test.inject(ack(1, 1).window(0));
    test.send(&[7; 1_000]);
    test.close();
    let (mut taken, mut was_reset) = (1, false);
    for _ in 0..80 {
        test.pass(millis(100));
        while let Some(segment) = test.next() {
            was_reset |= segment.flags.contains(Flags::RST);
        }
        if !was_reset {
            // A byte at a time, with progress: no retry limit is ever reached.
            taken += 1;
            test.inject(ack(1, taken).window(1));
        }
    }
    assert!(was_reset);
    test.is_gone();
    assert_eq!(test.shard.counters().abort_on_linger.get(), 1);
}

#[test]
fn orphans_with_too_many_bytes_are_reset_and_bytes_are_counted_while_they_are_there() {
    let mut test = Test::established_with(|limits| limits.orphan_bytes_max = 1_500);
    test.inject(ack(1, 1).window(0));
    test.send(&[1; 1_000]);
    test.close();
    // Its peer takes half of it.
    test.inject(ack(1, 1).window(1_000));
    while test.next().is_some() {}
    test.inject(ack(1, 501).window(0));
    let is_reset = |test: &mut Test, port: u16| {
        test.flow.remote.port = port;
        test.inject(syn().mss(1_000));
        test.next().expect("SYN-ACK");
        test.inject(ack(1, 1).window(0));
        test.accept();
        test.send(&[2; 1_000]);
        test.close();
        let mut was_reset = false;
        while let Some(segment) = test.next() {
            was_reset |= segment.flags.contains(Flags::RST);
        }
        was_reset
    };
    assert!(!is_reset(&mut test, 7_001), "1,500 bytes");
    assert!(is_reset(&mut test, 7_002), "2,500 bytes");
    assert_eq!(test.shard.counters().abort_on_memory.get(), 1);
}
