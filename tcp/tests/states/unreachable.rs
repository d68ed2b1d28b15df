//! ICMP errors: soft and hard, and those that concern nobody.

use coremill_tcp::error::{ConnectionError, ReceiveError};
use coremill_tcp::packet::{Quoted, Unreachable};
use coremill_tcp::{DropReason, State, Verdict};

use super::harness::{Test, bytes, millis};
use super::segment::{ack, data, syn};

fn tell(test: &mut Test, offset: u32, error: Unreachable) -> Verdict {
    let quoted = Quoted {
        flow: test.flow,
        sequence: (test.start + offset).raw(),
        error,
    };
    let now = test.now;
    test.shard.unreachable(now, &quoted)
}

#[test]
fn a_closed_port_fails_a_connection_that_opens() {
    let mut test = Test::syn_sent(|_| {});
    tell(&mut test, 0, Unreachable::Port);
    let id = test.id();
    let failed = ReceiveError::Failed(ConnectionError::Refused);
    assert_eq!(test.shard.receive_slice(id), Err(failed));
}

#[test]
fn a_lost_route_is_no_reason_to_give_up_but_the_reason_told_then() {
    let mut test = Test::syn_sent(|limits| {
        limits.syn_retries = 1;
        limits.opening.syn_linear_timeouts = 0;
    });
    tell(&mut test, 0, Unreachable::Host);
    test.is_in(State::SynSent);
    test.expect_after(millis(200), syn());
    test.pass(millis(410));
    let id = test.id();
    let failed = ReceiveError::Failed(ConnectionError::HostUnreachable);
    assert_eq!(test.shard.receive_slice(id), Err(failed));
}

#[test]
fn an_established_connection_survives_every_error() {
    let mut test = Test::established();
    test.send(&bytes(0, 10));
    test.next().expect("data");
    for error in [
        Unreachable::Port,
        Unreachable::Host,
        Unreachable::Prohibited,
    ] {
        tell(&mut test, 1, error);
        test.is_in(State::Established);
    }
}

#[test]
fn a_hard_error_about_a_syn_ack_ends_the_request() {
    for (offset, error, is_over) in [
        (0, Unreachable::Host, false),
        (0, Unreachable::TooBig { mtu: 576 }, false),
        (1, Unreachable::Port, false),
        (0, Unreachable::Port, true),
        (0, Unreachable::Protocol, true),
        (0, Unreachable::Prohibited, true),
    ] {
        let mut test = Test::syn_received(|_| {});
        let counters = test.shard.counters();
        let before = [
            counters.out_of_window_icmp.get(),
            counters.attempt_fails.get(),
        ];
        let is_believed = tell(&mut test, offset, error) == Verdict::Accepted { progress: false };
        assert_eq!(is_believed, offset == 0, "{error:?}");
        let counters = test.shard.counters();
        assert_eq!(counters.out_of_window_icmp.get() - before[0], offset.into());
        assert_eq!(counters.attempt_fails.get() - before[1], is_over.into());
        let requests = if is_over { 0 } else { 1 };
        assert_eq!(test.shard.live_records(), requests, "{error:?}");
    }
}

#[test]
fn an_error_about_nothing_outstanding_is_ignored() {
    let mut test = Test::syn_sent(|_| {});
    let verdict = tell(&mut test, 50, Unreachable::Port);
    assert_eq!(verdict, Verdict::Dropped(DropReason::IcmpIrrelevant));
    test.is_in(State::SynSent);
    test.flow.remote.port += 1;
    let verdict = tell(&mut test, 0, Unreachable::Port);
    assert_eq!(verdict, Verdict::Dropped(DropReason::IcmpIrrelevant));
}

#[test]
fn a_smaller_path_makes_smaller_segments() {
    let mut test = Test::established();
    test.send(&bytes(0, 1_000));
    test.expect(data(1, 1, &bytes(0, 1_000)));
    tell(&mut test, 1, Unreachable::TooBig { mtu: 840 });
    test.pass(millis(210));
    let again = test.next().expect("a retransmission");
    assert_eq!((again.seq, again.payload.len()), (1, 800));
}

#[test]
fn an_error_from_before_is_not_the_reason_told_after_progress() {
    let mut test = Test::established_with(|limits| limits.retries = 1);
    test.send(b"a");
    test.expect(data(1, 1, b"a"));
    tell(&mut test, 1, Unreachable::Host);
    test.inject(ack(1, 2));
    test.send(b"b");
    test.pass(millis(2_000));
    while test.next().is_some() {}
    test.pass(millis(2_000));
    let id = test.id();
    let failed = ReceiveError::Failed(ConnectionError::TimedOut);
    assert_eq!(test.shard.receive_slice(id), Err(failed));
}

#[test]
fn a_next_hop_that_does_not_answer_ends_what_connects() {
    let mut test = Test::syn_sent(|_| {});
    tell(&mut test, 0, Unreachable::NextHop);
    let id = test.id();
    let failed = ReceiveError::Failed(ConnectionError::HostUnreachable);
    assert_eq!(test.shard.receive_slice(id), Err(failed));
    let mut test = Test::syn_received(|_| {});
    tell(&mut test, 0, Unreachable::NextHop);
    assert_eq!(test.shard.live_records(), 0);
}

#[test]
fn the_end_of_an_open_connection_tells_host_from_network() {
    for (error, told) in [
        (Unreachable::NextHop, ConnectionError::HostUnreachable),
        (Unreachable::Host, ConnectionError::HostUnreachable),
        (Unreachable::Network, ConnectionError::NetworkUnreachable),
    ] {
        let mut test = Test::established_with(|limits| limits.retries = 1);
        test.send(b"a");
        test.expect(data(1, 1, b"a"));
        tell(&mut test, 1, error);
        test.is_in(State::Established);
        test.expect_after(millis(200), data(1, 1, b"a"));
        test.pass(millis(410));
        let id = test.id();
        let failed = ReceiveError::Failed(told);
        assert_eq!(test.shard.receive_slice(id), Err(failed), "{error:?}");
    }
}
