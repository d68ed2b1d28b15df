//! TCP Fast Open: what scripts cannot see, since it is a shard's own: counters, bounds, what stays behind.

use coremill_tcp::State;
use coremill_tcp::error::{ConnectionError, SendError};
use coremill_tcp::fast_open::{FastOpenCookie, FastOpenKey, FastOpenSettings};
use coremill_tcp::header_options::Options;
use coremill_tcp::limits::{Limits, SynCookies};
use coremill_tcp::options::{ConnectOptions, OptionError, SocketOption, SocketOptions};

use super::harness::{OURS, Test, millis, seconds};
use super::segment::{Segment, ack, data, fin, rst, rst_ack, syn, syn_ack};

fn listening(queue: u16, change: impl FnOnce(&mut Limits)) -> Test {
    let socket = SocketOptions {
        fast_open_queue: queue,
        ..SocketOptions::default()
    };
    let change = |limits: &mut Limits| {
        limits.opening.fast_open = FastOpenSettings::of_bits(3);
        change(limits);
    };
    Test::listening_as(change, socket, 8)
}

fn with(segment: Segment, cookie: FastOpenCookie) -> Segment {
    let options = segment.options.unwrap_or_default();
    segment.options(Options {
        mss: Some(1_000),
        fast_open: Some(cookie),
        ..options
    })
}

fn syn_with(cookie: FastOpenCookie, payload: &[u8]) -> Segment {
    Segment {
        payload: payload.to_vec(),
        ..with(syn(), cookie)
    }
}

/// The cookie that the listener gives to the test's peer.
fn learnt(test: &mut Test) -> FastOpenCookie {
    let mut flow = test.flow;
    flow.remote.port = 6_000;
    test.inject_from(flow, syn_with(FastOpenCookie::REQUEST, b""));
    let answer = test.next().expect("SYN-ACK").options.expect("parsed");
    answer.fast_open.expect("a cookie was asked for")
}

fn options(test: &Test, socket: SocketOptions) -> ConnectOptions {
    ConnectOptions {
        source: OURS,
        source_port: None,
        remote: test.flow.remote,
        mtu: 1_500,
        cookie: 9,
        socket,
    }
}

/// An active open, with data for the SYN; tells how much of it is taken.
fn connect_with(test: &mut Test, payload: &[u8]) -> usize {
    let options = options(test, SocketOptions::default());
    let opened = test
        .shard
        .connect_with(test.now, &options, payload, &|_| true);
    let (id, taken) = opened.expect("there is room");
    test.id = Some(id);
    test.flow.local = test.shard.flow(id).expect("just opened").local;
    taken
}

/// The peer has given a cookie to a first connection, which is gone.
fn knowing(change: impl FnOnce(&mut Limits)) -> (Test, FastOpenCookie) {
    let mut test = Test::new(change);
    assert_eq!(connect_with(&mut test, b"hello"), 0);
    let sent = test.next().expect("SYN").options.expect("parsed");
    assert_eq!(sent.fast_open, Some(FastOpenCookie::REQUEST));
    let cookie = FastOpenCookie::of(&[7; 8]).expect("a good length");
    test.inject(with(syn_ack(1), cookie));
    test.expect(ack(1, 1));
    test.inject(rst(1));
    test.close();
    (test, cookie)
}

fn option_of(segment: &Segment) -> Option<FastOpenCookie> {
    segment.options.and_then(|options| options.fast_open)
}

#[test]
fn a_good_cookie_makes_a_connection_that_is_counted_and_leaves_nothing() {
    // RFC 7413, section 4.2.2.
    let mut test = listening(4, |_| {});
    let cookie = learnt(&mut test);
    test.inject(syn_with(cookie, b"hello"));
    test.accept();
    assert_eq!(test.read(), b"hello");
    test.expect(syn_ack(6));
    test.send(b"world");
    test.expect(data(1, 6, b"world"));
    test.inject(ack(6, 6));
    let row = test.shard.row(test.now, test.id()).expect("it is there");
    assert_eq!((row.state, row.send_queue_bytes), (State::Established, 0));
    let counters = test.shard.counters();
    assert_eq!(counters.fast_open_cookie_reqd.get(), 1);
    assert_eq!(counters.fast_open_passive.get(), 1);
    assert_eq!(counters.passive_opens.get(), 1);
    assert_eq!(test.shard.live_pool_entries(), 0);
}

#[test]
fn a_bad_cookie_is_counted_as_a_failure() {
    let mut test = listening(4, |_| {});
    let good = learnt(&mut test);
    let cookie = FastOpenCookie::of(&[1; 8]).expect("a good length");
    test.inject(syn_with(cookie, b"hello"));
    let answer = test.next().expect("SYN-ACK");
    assert_eq!((answer.ack, option_of(&answer)), (1, Some(good)));
    let counters = test.shard.counters();
    assert_eq!(counters.fast_open_passive_fail.get(), 1);
    assert_eq!(counters.fast_open_passive.get(), 0);
    assert_eq!(test.shard.accept(test.listener.expect("listening")), None);
}

#[test]
fn keys_can_be_changed_and_the_one_before_is_good_still() {
    let mut test = listening(4, |_| {});
    let old = learnt(&mut test);
    // The harness's secret is the first.
    let (first, second) = (FastOpenKey([6; 16]), FastOpenKey([9; 16]));
    test.shard.set_fast_open_keys(&second, Some(&first));
    test.inject(syn_with(old, b"hello"));
    let answer = test.next().expect("SYN-ACK");
    assert_eq!(answer.ack, 6);
    let new = option_of(&answer).expect("a cookie of the new key");
    assert_ne!(new, old);
    assert_eq!(test.shard.counters().fast_open_passive_alt_key.get(), 1);
    test.inject(ack(6, 1));
    test.accept();
    test.inject(rst(6));
    test.close();
    // Without the first key the old cookie is none.
    test.shard.set_fast_open_keys(&second, None);
    test.inject(syn_with(old, b"hello"));
    let answer = test.next().expect("SYN-ACK");
    assert_eq!((answer.ack, option_of(&answer)), (1, Some(new)));
}

#[test]
fn beyond_its_bound_a_listener_does_without_and_a_reset_counts_for_a_minute() {
    // RFC 7413, sections 4.2 and 5.1.
    let mut test = listening(1, |_| {});
    let cookie = learnt(&mut test);
    test.inject(syn_with(cookie, b"hello"));
    test.expect(syn_ack(6));
    let start = test.start;
    let mut other = test.flow;
    other.remote.port = 5_001;
    test.inject_from(other, syn_with(cookie, b"hello"));
    assert_eq!(test.next().expect("SYN-ACK").ack, 1);
    assert_eq!(test.shard.counters().fast_open_listen_overflow.get(), 1);
    test.accept();
    test.start = start;
    test.inject(rst(6));
    assert_eq!(test.shard.error(test.id()), Some(ConnectionError::Reset));
    test.close();
    for (after, acknowledged) in [(50, 1), (20, 6)] {
        test.pass(seconds(after));
        while test.next().is_some() {}
        other.remote.port += 1;
        test.inject_from(other, syn_with(cookie, b"hello"));
        let answer = test.next().expect("SYN-ACK");
        assert_eq!(answer.ack, acknowledged, "after {after} s");
    }
}

#[test]
fn a_listener_that_closes_resets_what_is_pending() {
    let mut test = listening(1, |_| {});
    let cookie = learnt(&mut test);
    test.inject(syn_with(cookie, b"hello"));
    test.expect(syn_ack(6));
    let listener = test.listener.expect("listening");
    test.shard.close_listener(test.now, listener);
    let sent = test.next().expect("RST");
    assert_eq!((sent.flags, sent.seq), (rst_ack(1, 6).flags, 1));
    assert_eq!(test.shard.live_pool_entries(), 0);
    // A new listener in its place begins with nothing pending.
    let socket = SocketOptions {
        fast_open_queue: 1,
        ..SocketOptions::default()
    };
    test.listen(socket, 8);
    test.inject(syn_with(cookie, b"hello"));
    test.expect(syn_ack(6));
}

#[test]
fn a_flood_gets_syn_cookies_and_no_fast_open() {
    let mut test = listening(4, |limits| {
        limits.opening.syn_cookies = SynCookies::Always;
    });
    test.inject(syn_with(FastOpenCookie::REQUEST, b""));
    let answer = test.next().expect("SYN-ACK");
    assert_eq!(option_of(&answer), None);
    assert_eq!(test.shard.counters().syncookies_sent.get(), 1);
}

#[test]
fn data_waits_for_no_handshake_where_the_cookie_is_known() {
    // RFC 7413, sections 4.1.3 and 4.2.2.
    let (mut test, cookie) = knowing(|_| {});
    assert_eq!(connect_with(&mut test, b"hello"), 5);
    let sent = test.next().expect("SYN");
    assert_eq!(sent.payload, b"hello");
    assert_eq!(option_of(&sent), Some(cookie));
    test.inject(syn_ack(6).mss(1_000));
    test.expect(ack(6, 1));
    assert_eq!(test.shard.send_queue_bytes(test.id()), 0);
    let counters = test.shard.counters();
    assert_eq!(counters.fast_open_active.get(), 1);
    assert_eq!(counters.fast_open_active_fail.get(), 0);
    let info = test.shard.tcp_info(test.now, test.id()).expect("there");
    assert_eq!((info.options & 32, info.fast_open_failure), (32, 0));
    assert_eq!(test.shard.live_pool_entries(), 0);
}

#[test]
fn data_that_is_left_out_is_counted_and_goes_at_once() {
    let (mut test, _) = knowing(|_| {});
    assert_eq!(connect_with(&mut test, b"hello"), 5);
    test.next().expect("SYN");
    test.inject(syn_ack(1).mss(1_000));
    test.expect(data(1, 1, b"hello"));
    assert_eq!(test.shard.counters().fast_open_active_fail.get(), 1);
    let info = test.shard.tcp_info(test.now, test.id()).expect("there");
    assert_eq!((info.options & 32, info.fast_open_failure), (0, 2));
}

#[test]
fn who_connects_later_may_write_and_shut_down_before_the_answer() {
    let (mut test, _) = knowing(|_| {});
    let socket = SocketOptions {
        fast_open_connect: true,
        ..SocketOptions::default()
    };
    let options = options(&test, socket);
    let id = test.shard.connect(test.now, &options, &|_| true);
    test.id = Some(id.expect("there is room"));
    test.flow.local = test.shard.flow(test.id()).expect("just opened").local;
    let event = test.shard.next_event().expect("it may write");
    assert!(event.readiness.writable && !event.readiness.error);
    test.quiet_for(seconds(2));
    test.send(b"hello");
    let sent = test.next().expect("SYN");
    assert_eq!(sent.flags, syn().flags);
    assert_eq!(sent.payload, b"hello");
    // More waits for the answer.
    test.send(b" world");
    test.shutdown();
    test.expect_nothing();
    let again = test.shard.send(test.now, test.id(), b"!");
    assert_eq!(again, Err(SendError::NotConnected));
    test.inject(syn_ack(6).mss(1_000));
    test.expect(Segment {
        payload: b" world".to_vec(),
        ..fin(6, 1)
    });
    test.is_in(State::FinWait1);
}

#[test]
fn a_syn_that_times_out_goes_without_and_the_loss_is_remembered() {
    // RFC 7413, sections 4.1.3.1 and 4.2.2.
    let (mut test, _) = knowing(|_| {});
    assert_eq!(connect_with(&mut test, b"hello"), 5);
    test.next().expect("SYN");
    let sent = test.expect_after(millis(200), syn());
    assert_eq!(option_of(&sent), None);
    test.inject(syn_ack(1).mss(1_000));
    test.expect(data(1, 1, b"hello"));
    let mut losses = Vec::new();
    let mut place = 0;
    test.shard
        .destination_rows(test.now, &mut place, 1 << 20, &mut |row| {
            losses.push((row.destination, row.fast_open_syn_losses));
        });
    assert_eq!(losses, [(test.flow.remote.address, 1)]);
}

#[test]
fn a_simultaneous_open_sends_the_data_anew() {
    let (mut test, _) = knowing(|_| {});
    assert_eq!(connect_with(&mut test, b"hello"), 5);
    test.next().expect("SYN");
    test.inject(syn().mss(1_000));
    test.expect(syn_ack(1));
    test.inject(ack(1, 1));
    test.expect(data(1, 1, b"hello"));
}

#[test]
fn three_timeouts_in_a_row_are_taken_for_a_black_hole() {
    let (mut test, cookie) = knowing(|limits| {
        limits.opening.fast_open.blackhole_timeout = seconds(100);
        limits.opening.syn_linear_timeouts = 0;
    });
    assert_eq!(connect_with(&mut test, b"hello"), 5);
    test.next().expect("SYN");
    let counters = test.shard.counters();
    for (wait, count) in [(200, 0), (400, 0), (800, 1)] {
        test.expect_after(millis(wait), syn());
        assert_eq!(counters.fast_open_blackhole.get(), count);
    }
    test.close();
    assert_eq!(connect_with(&mut test, b"hello"), 0);
    assert_eq!(option_of(&test.next().expect("SYN")), None);
    test.close();
    test.pass(seconds(100));
    assert_eq!(connect_with(&mut test, b"hello"), 5);
    assert_eq!(option_of(&test.next().expect("SYN")), Some(cookie));
}

#[test]
fn handshakes_beyond_the_reserve_are_ordinary() {
    let (mut test, _) = knowing(|limits| limits.requests_max = 2);
    let taken = [0; 3].map(|_| connect_with(&mut test, b"hello"));
    assert_eq!(taken, [5, 5, 0]);
    assert_eq!(test.shard.counters().fast_opens_exhausted.get(), 1);
}

#[test]
fn options_are_as_linux_has_them() {
    let mut options = SocketOptions::default();
    let limits = Limits::default();
    let mut set = |option, value| options.set(option, value, &limits);
    assert_eq!(set(SocketOption::FastOpen, -1), Err(OptionError::Invalid));
    assert_eq!(set(SocketOption::FastOpen, 70_000), Ok(()));
    let too_large = set(SocketOption::FastOpenConnect, 2);
    assert_eq!(too_large, Err(OptionError::Invalid));
    assert_eq!(set(SocketOption::FastOpenConnect, 1), Ok(()));
    assert_eq!(set(SocketOption::FastOpenNoCookie, 1), Ok(()));
    assert_eq!(options.get(SocketOption::FastOpen, &limits), 65_535);
    assert_eq!(options.get(SocketOption::FastOpenConnect, &limits), 1);
    let mut off = Limits::default();
    off.opening.fast_open = FastOpenSettings::of_bits(2);
    let refused = options.set(SocketOption::FastOpenConnect, 1, &off);
    assert_eq!(refused, Err(OptionError::Off));
}

/// RFC 7413, section 4.2.2: where the data of a SYN cannot be taken, the handshake is an ordinary one.
#[test]
fn without_room_for_a_connection_the_handshake_is_an_ordinary_one() {
    let mut test = listening(4, |limits| limits.connections_max = 1);
    let cookie = learnt(&mut test);
    let mut other = test.flow;
    other.remote.port = 7_000;
    test.inject_from(other, syn_with(cookie, b"first"));
    assert_eq!(test.next().expect("SYN-ACK").ack, 6);
    test.inject(syn_with(cookie, b"second"));
    assert_eq!(test.next().expect("SYN-ACK").ack, 1);
    let counters = test.shard.counters();
    assert_eq!(counters.fast_open_passive.get(), 1);
    assert_eq!(counters.fast_open_passive_fail.get(), 1);
}
