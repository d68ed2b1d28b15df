//! The accept queue and its bound, by both policies.

use std::sync::Arc;

use coremill_tcp::error::ListenError;
use coremill_tcp::header::Flags;
use coremill_tcp::limits::SynCookies;
use coremill_tcp::options::{ListenOptions, SocketOptions};
use coremill_tcp::{DropReason, Endpoint, Flow, Limits, State, Verdict};

use super::harness::{THEIRS, Test, bytes, seconds};
use super::segment::{ack, data, fin, rst, syn, syn_ack};

/// Two half-open connections where one may wait; returns the flow of the second and its start.
fn two_requests(change: impl FnOnce(&mut Limits)) -> (Test, Flow) {
    let mut test = Test::listening_as(change, SocketOptions::default(), 0);
    let mut second = test.flow;
    second.remote.port += 1;
    test.inject(syn());
    test.expect(syn_ack(1));
    let first_start = test.start;
    test.inject_from(second, syn());
    test.expect(syn_ack(1));
    let second_start = std::mem::replace(&mut test.start, first_start);
    test.inject(ack(1, 1));
    test.start = second_start;
    (test, second)
}

#[test]
fn an_overflowing_ack_is_dropped_and_the_connection_completes_later() {
    let (mut test, second) = two_requests(|limits| limits.rto_initial = seconds(1));
    test.inject_from(second, ack(1, 1));
    test.expect_nothing();
    assert!(test.shard.counters().listen_overflows.get() >= 1);
    test.accept();
    test.inject_from(second, data(1, 1, b"again"));
    test.accept();
    assert_eq!(test.read(), b"again");
}

#[test]
fn an_overflowing_ack_is_reset_where_the_limits_say_so() {
    let (mut test, second) = two_requests(|limits| limits.abort_on_overflow = true);
    test.inject_from(second, ack(1, 1));
    test.expect(rst(1));
    test.accept();
    assert_eq!(test.shard.live_records(), 1);
}

#[test]
fn a_full_queue_takes_no_syn_until_somebody_accepts() {
    let mut test = Test::listening_as(|_| {}, SocketOptions::default(), 0);
    test.inject(syn());
    test.expect(syn_ack(1));
    test.inject(ack(1, 1));
    let mut other = test.flow;
    other.remote.port += 1;
    test.inject_from(other, syn());
    test.expect_nothing();
    test.accept();
    test.inject_from(other, syn());
    test.expect(syn_ack(1));
}

#[test]
fn one_more_than_the_backlog_may_wait() {
    let mut test = Test::listening_as(|_| {}, SocketOptions::default(), 1);
    for port in 0..3 {
        let mut peer = test.flow;
        peer.remote.port += port;
        test.inject_from(peer, syn());
        if port < 2 {
            test.expect(syn_ack(1));
            test.inject_from(peer, ack(1, 1));
        } else {
            test.expect_nothing();
        }
    }
}

#[test]
fn a_larger_backlog_counts_at_once() {
    let (mut test, second) = two_requests(|_| {});
    let listener = test.listener.expect("listening");
    test.shard.set_backlog(listener, 1).expect("it exists");
    test.inject_from(second, ack(1, 1));
    test.accept();
    test.accept();
    assert_eq!(test.shard.live_records(), 2);
}

#[test]
fn closing_a_listener_resets_who_waits() {
    let mut test = Test::syn_received(|_| {});
    test.inject(ack(1, 1));
    let listener = test.listener.expect("listening");
    let now = test.now;
    test.shard.close_listener(now, listener);
    let sent = test.next().expect("a reset");
    assert!(sent.flags.contains(coremill_tcp::header::Flags::RST));
    test.expect_nothing();
    test.is_gone();
    test.inject(syn());
    assert!(
        test.next()
            .expect("a reset")
            .flags
            .contains(coremill_tcp::header::Flags::RST)
    );
}

#[test]
fn a_new_listener_does_not_inherit_the_half_open_connections_of_the_old_one() {
    let mut test = Test::syn_received(|limits| limits.rto_initial = seconds(1));
    let listener = test.listener.expect("listening");
    let now = test.now;
    test.shard.close_listener(now, listener);
    test.listen(SocketOptions::default(), 8);
    // The same client tries again, with another initial sequence number.
    let mut again = syn().mss(1_000);
    again.seq = 5_000;
    test.inject(again);
    test.expect(syn_ack(5_001));
    test.inject(ack(5_001, 1));
    test.accept();
    assert_eq!(test.shard.live_records(), 1);
}

#[test]
fn half_open_connections_do_not_outlive_their_listener() {
    let mut test = Test::syn_received(|limits| limits.rto_initial = seconds(1));
    let listener = test.listener.expect("listening");
    let now = test.now;
    test.shard.close_listener(now, listener);
    test.quiet_for(seconds(2));
    test.is_gone();
}

#[test]
fn one_of_any_address_and_one_of_an_address_exclude_each_other() {
    let mut test = Test::listening(|_| {});
    let mut listen = |address: [u8; 4], port| {
        let listening = ListenOptions {
            local: Endpoint::new(address.into(), port),
            backlog: 1,
            queued: Arc::default(),
            cookie: 0,
            socket: SocketOptions::default(),
        };
        test.shard.listen(listening)
    };
    for (first, second, port) in [([0; 4], [10, 0, 0, 9], 81), ([10, 0, 0, 9], [0; 4], 82)] {
        let id = listen(first, port).expect("a free port");
        let taken = listen(second, port);
        assert!(
            matches!(taken, Err(ListenError::AddressInUse(_))),
            "{taken:?}"
        );
        assert!(id != listen([10, 0, 0, 8], port + 10).expect("another port"));
    }
    // Two addresses of one port do not meet.
    assert!(listen([10, 0, 0, 1], 83).is_ok() && listen([10, 0, 0, 2], 83).is_ok());
}

/// RFC 4987, section 3.6: only the first segment brings a cookie back. What overtakes it must not end the connection.
#[test]
fn data_that_overtakes_the_segment_with_the_cookie_is_no_reason_for_a_reset() {
    let mut test = Test::listening(|limits| limits.opening.syn_cookies = SynCookies::Always);
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    test.inject(data(101, 1, &bytes(100, 100)));
    test.expect_nothing();
    test.inject(data(1, 1, &bytes(0, 100)));
    test.accept();
    test.expect_soon(ack(1, 101));
    test.inject(data(101, 1, &bytes(100, 100)));
    assert_eq!(test.read(), bytes(0, 200));
    // Long after the last cookie, and without data, it is what RFC 9293, section 3.10.7.2, answers with RST.
    let other = Flow {
        remote: Endpoint::new(THEIRS, 5_001),
        ..test.flow
    };
    test.inject_from(other, ack(9, 1));
    assert!(test.next().expect("a reset").flags.contains(Flags::RST));
    test.pass(seconds(5));
    test.inject_from(other, data(9, 1, b"late"));
    while let Some(sent) = test.next() {
        if sent.flags.contains(Flags::RST) {
            return;
        }
    }
    panic!("no reset");
}

/// The same of an end of stream without data: a SYN-ACK that came twice made the peer acknowledge once more.
#[test]
fn an_acknowledgement_that_overtakes_the_fin_with_the_cookie_is_no_reason_for_a_reset() {
    let mut test = Test::listening(|limits| limits.opening.syn_cookies = SynCookies::Always);
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    // It knows neither our number nor its own.
    test.inject(ack(9, 1));
    assert!(test.next().expect("a reset").flags.contains(Flags::RST));
    test.inject(ack(2, 1));
    test.expect_nothing();
    test.inject(fin(1, 1));
    test.accept();
    test.expect_soon(ack(1, 2));
    test.is_in(State::CloseWait);
}

/// The echo of a time stamp that nobody can guess tells an honest peer whose data was lost (RFC 7323, section 3.2).
#[test]
fn an_acknowledgement_that_echoes_our_clock_is_no_reason_for_a_reset() {
    let mut test = Test::listening(|limits| limits.opening.syn_cookies = SynCookies::Always);
    test.inject(syn().mss(1_000).stamps(77, 0));
    let answer = test.next().expect("SYN-ACK");
    let stamps = answer.options.and_then(|options| options.timestamps);
    let ours = stamps.expect("timestamps").value;
    test.inject(ack(101, 1).stamps(78, ours));
    test.expect_nothing();
    test.inject(ack(101, 1).stamps(78, ours.wrapping_sub(5_000)));
    assert!(test.next().expect("a reset").flags.contains(Flags::RST));
    test.inject(data(1, 1, &bytes(0, 100)).stamps(78, ours));
    test.accept();
    assert_eq!(test.read(), bytes(0, 100));
}

/// As Linux: the last ACK of a handshake that finds no room is dropped, and the peer's next segment tries again.
#[test]
fn a_handshake_that_finds_a_full_table_waits_for_room() {
    let mut test = Test::listening(|limits| limits.connections_max = 1);
    let mut other = test.flow;
    other.remote.port = 6_000;
    test.inject_from(other, syn().mss(1_000));
    test.next().expect("SYN-ACK");
    let others = test.start;
    test.inject(syn().mss(1_000));
    test.next().expect("SYN-ACK");
    let ours = std::mem::replace(&mut test.start, others);
    test.inject_from(other, ack(1, 1));
    test.accept();
    test.start = ours;
    let full = Verdict::Dropped(DropReason::ConnectionTableFull);
    assert_eq!(test.inject(ack(1, 1)), full);
    assert_eq!(test.shard.counters().listen_drops.get(), 1);
    let (now, id) = (test.now, test.id());
    test.shard.abort(now, id);
    while test.next().is_some() {}
    test.inject(data(1, 1, b"again"));
    test.accept();
    assert_eq!(test.read(), b"again");
}

/// RFC 4987, section 3.6: a copy of the SYN that comes when there is room again makes a request, with a number of its own;
/// who has heard of the cookie alone brings that back.
#[test]
fn a_cookie_is_good_though_a_late_copy_of_the_syn_made_a_request() {
    let mut test = Test::listening_as(
        |limits| limits.opening.syn_cookies = SynCookies::Auto,
        SocketOptions::default(),
        0,
    );
    let mut other = test.flow;
    other.remote.port += 1;
    test.inject_from(other, syn().mss(1_000));
    test.next().expect("a SYN-ACK");
    test.inject(syn().mss(1_000));
    test.next().expect("a cookie");
    assert_eq!(test.shard.counters().syncookies_sent.get(), 1);
    let cookie = test.start;
    test.inject_from(other, super::segment::rst(1));
    test.inject(syn().mss(1_000));
    test.next().expect("a SYN-ACK");
    assert_ne!(test.start, cookie);
    test.start = cookie;
    test.inject(data(1, 1, b"hello"));
    test.accept();
    assert_eq!(test.read(), b"hello");
    assert_eq!(test.rows().len(), 1, "the request is gone");
}
