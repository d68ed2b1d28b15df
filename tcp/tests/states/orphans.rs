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
