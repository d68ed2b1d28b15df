//! TIME-WAIT: what it answers, what opens it again.

use coremill_tcp::options::SocketOptions;
use coremill_tcp::{DropReason, State, Verdict};

use super::harness::{Test, millis, seconds};
use super::segment::{ack, data, fin, rst, syn};

#[test]
fn a_fin_that_comes_again_is_acknowledged_and_starts_the_wait_over() {
    let mut test = Test::time_wait(|limits| limits.time_wait = seconds(10));
    test.quiet_for(seconds(8));
    test.inject(fin(1, 2));
    test.expect(ack(2, 2));
    test.quiet_for(seconds(8));
    test.is_in(State::TimeWait);
    test.quiet_for(millis(2_100));
    test.is_gone();
}

#[test]
fn a_reset_does_not_assassinate_it() {
    // RFC 1337.
    let mut test = Test::time_wait(|_| {});
    test.inject(rst(2));
    test.inject(rst(1));
    test.expect_nothing();
    test.is_in(State::TimeWait);
}

#[test]
fn a_newer_syn_opens_the_flow_again() {
    let mut test = Test::time_wait(|_| {});
    let before = test.start;
    let mut again = syn().mss(1_000);
    again.seq = 1_000;
    test.inject(again);
    let sent = test.next().expect("SYN-ACK");
    assert_eq!(sent.ack, 1_001);
    assert!(
        test.start > before + 2,
        "above the numbers of the old connection"
    );
    let mut last = ack(1_001, 1);
    last.options = None;
    test.inject(last);
    test.accept();
    test.is_in(State::Established);
}

#[test]
fn an_older_syn_is_answered_with_what_we_know() {
    let mut test = Test::time_wait(|_| {});
    let mut old = syn();
    old.seq = 1;
    test.inject(old);
    test.expect(ack(2, 2));
    test.is_in(State::TimeWait);
}

#[test]
fn newer_timestamps_open_it_whatever_the_sequence_number() {
    let offer = syn().mss(1_000).stamps(100, 0);
    let mut test = Test::established_as(
        |_| {},
        SocketOptions::default(),
        offer,
        ack(1, 1).stamps(100, 0),
    );
    test.close();
    let sent = test.next().expect("FIN");
    let stamp = sent
        .options
        .and_then(|options| options.timestamps)
        .expect("negotiated")
        .value;
    test.inject(fin(1, 2).stamps(101, stamp));
    test.next().expect("ACK");
    test.is_in(State::TimeWait);
    test.pass(seconds(2));
    let mut older = syn().mss(1_000).stamps(100, 0);
    older.seq = 0;
    test.inject(older);
    let answer = test.next().expect("ACK");
    assert!(!answer.flags.contains(coremill_tcp::header::Flags::SYN));
    let mut newer = syn().mss(1_000).stamps(5_000, 0);
    newer.seq = 0;
    test.inject(newer);
    let answer = test.next().expect("SYN-ACK");
    assert!(answer.flags.contains(coremill_tcp::header::Flags::SYN));
}

#[test]
fn data_is_answered_with_what_we_know() {
    let mut test = Test::time_wait(|_| {});
    test.inject(data(2, 2, b"zombie"));
    test.expect(ack(2, 2));
    test.is_in(State::TimeWait);
}

#[test]
fn a_full_table_is_no_reason_to_keep_a_connection() {
    let mut test = Test::time_wait(|limits| limits.time_wait_max = 1);
    // The only record is taken; another connection closes.
    test.flow.remote.port += 1;
    test.inject(syn().mss(1_000));
    test.next().expect("SYN-ACK");
    test.inject(ack(1, 1));
    test.accept();
    test.close();
    test.expect(fin(1, 1));
    test.inject(fin(1, 2));
    while test.next().is_some() {}
    assert_eq!(test.shard.live_records(), 1);
    assert_eq!(test.shard.counters().time_wait_overflow.get(), 1);
}

#[test]
fn a_full_accept_queue_does_not_end_it() {
    let mut test = Test::time_wait(|_| {});
    let (listener, before) = (test.listener.expect("listening"), test.start);
    test.shard.set_backlog(listener, 0).expect("it exists");
    let mut other = test.flow;
    other.remote.port += 1;
    test.inject_from(other, syn());
    test.next().expect("SYN-ACK");
    test.inject_from(other, ack(1, 1));
    let mut again = syn().mss(1_000);
    again.seq = 1_000;
    assert_eq!(
        test.inject(again.clone()),
        Verdict::Dropped(DropReason::ListenOverflow)
    );
    test.expect_nothing();
    test.accept();
    test.inject(again);
    test.next().expect("SYN-ACK");
    assert_eq!(test.shard.counters().time_wait_recycled.get(), 1);
    assert!(
        test.start > before + 2,
        "above the old connection's numbers"
    );
}
