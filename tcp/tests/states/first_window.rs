//! The window and the shift of SYN and SYN-ACK: within TCP_WINDOW_CLAMP and SO_RCVBUF, and as told ever after.

use coremill_tcp::Limits;
use coremill_tcp::fast_open::{FastOpenCookie, FastOpenSettings};
use coremill_tcp::header_options::Options;
use coremill_tcp::limits::SynCookies;
use coremill_tcp::options::{ConnectOptions, SocketOption, SocketOptions};

use super::harness::{Test, millis, seconds};
use super::segment::{Segment, ack, data, syn, syn_ack};

fn clamped(bytes: u32) -> SocketOptions {
    SocketOptions {
        window_clamp: bytes,
        ..SocketOptions::default()
    }
}

fn buffered(bytes: u32) -> SocketOptions {
    SocketOptions {
        receive_buffer_bytes: bytes,
        ..SocketOptions::default()
    }
}

/// Each choice, and the window and the shift that Linux offers in whole segments of 1,460 bytes.
fn choices() -> Vec<(SocketOptions, (u16, u8))> {
    let both = |clamp, buffer| SocketOptions {
        window_clamp: clamp,
        ..buffered(buffer)
    };
    vec![
        (SocketOptions::default(), (64_240, 7)),
        (clamped(5_000), (4_380, 0)),
        // Less than a segment is told as it is.
        (clamped(1_200), (1_200, 0)),
        (clamped(65_535), (64_240, 0)),
        (clamped(200_000), (64_240, 2)),
        (buffered(5_000), (4_380, 0)),
        // Whole segments of more than the field holds.
        (buffered(100_000), (65_535, 1)),
        (both(5_000, 100_000), (4_380, 0)),
        (both(100_000, 5_000), (4_380, 0)),
    ]
}

fn first(segment: &Segment) -> (u16, u8) {
    let scale = segment.options.and_then(|options| options.window_scale);
    (segment.window.expect("parsed"), scale.expect("offered"))
}

fn scaling_syn() -> Segment {
    syn().options(Options {
        mss: Some(1_000),
        window_scale: Some(3),
        ..Options::default()
    })
}

fn connecting(change: impl FnOnce(&mut Limits), socket: SocketOptions) -> Test {
    let mut test = Test::new(change);
    let options = ConnectOptions {
        source: test.flow.local.address,
        source_port: Some(test.flow.local.port),
        remote: test.flow.remote,
        mtu: 1_500,
        cookie: 9,
        socket,
    };
    let id = test.shard.connect(test.now, &options, &|_| true);
    test.id = Some(id.expect("an empty table"));
    test
}

#[test]
fn a_syn_offers_no_more_than_was_chosen() {
    for (socket, expected) in choices() {
        let mut test = connecting(|_| {}, socket);
        let sent = test.expect(syn());
        assert_eq!(first(&sent), expected, "{socket:?}");
        test.pass(seconds(1));
        let again = test.expect(syn());
        assert_eq!(first(&again), expected, "{socket:?}");
    }
}

#[test]
fn a_syn_ack_offers_no_more_than_the_listener_chose() {
    for (socket, expected) in choices() {
        let mut test = Test::listening_as(|_| {}, socket, 8);
        test.inject(scaling_syn());
        assert_eq!(first(&test.expect(syn_ack(1))), expected, "{socket:?}");
    }
}

#[test]
fn segments_with_timestamps_are_smaller_and_the_window_with_them() {
    let mut test = Test::listening_as(|_| {}, clamped(5_000), 8);
    test.inject(scaling_syn().stamps(7, 0));
    let sent = test.expect(syn_ack(1));
    assert_eq!(first(&sent), (3 * 1_448, 0));
}

#[test]
fn so_does_the_answer_of_a_cookie() {
    for (socket, (window, _)) in choices() {
        let always = |limits: &mut Limits| limits.opening.syn_cookies = SynCookies::Always;
        let mut test = Test::listening_as(always, socket, 8);
        test.inject(syn().mss(1_000));
        test.expect(syn_ack(1).window(window));
        test.inject(ack(1, 1));
        test.accept();
        assert_eq!(test.rows()[0].receive_window_bytes, u32::from(window));
    }
}

#[test]
fn so_does_the_answer_of_fast_open() {
    for (socket, expected) in choices() {
        // A cookie is not needed.
        let change =
            |limits: &mut Limits| limits.opening.fast_open = FastOpenSettings::of_bits(0x203);
        let socket = SocketOptions {
            fast_open_queue: 8,
            ..socket
        };
        let mut test = Test::listening_as(change, socket, 8);
        let mut opening = scaling_syn();
        opening.payload = b"hello".to_vec();
        let asked = opening.options.as_mut().expect("options");
        asked.fast_open = FastOpenCookie::of(&[7; 8]);
        test.inject(opening);
        let sent = test.expect(syn_ack(6));
        assert_eq!(first(&sent), expected, "{socket:?}");
    }
}

#[test]
fn so_does_the_answer_of_a_simultaneous_open() {
    for (socket, expected) in choices() {
        let mut test = connecting(|_| {}, socket);
        test.expect(syn());
        test.inject(scaling_syn());
        let sent = test.expect(syn_ack(1));
        assert_eq!(first(&sent), expected, "{socket:?}");
        assert_eq!(test.rows()[0].receive_window_bytes, u32::from(expected.0));
    }
}

/// RFC 9293, SHLD-14: what the listener is told later concerns later connections.
#[test]
fn what_a_syn_ack_has_told_stays() {
    let mut test = Test::listening_as(|_| {}, SocketOptions::default(), 8);
    test.inject(scaling_syn());
    assert_eq!(first(&test.expect(syn_ack(1))), (64_240, 7));
    let listener = test.listener.expect("listening");
    let set = test.shard.set_listener_options(listener, clamped(5_000));
    assert_eq!(set, Ok(()));
    test.inject(ack(1, 1));
    test.accept();
    assert_eq!(test.rows()[0].receive_window_bytes, 64_240);
    // The field is in units of the shift that was told.
    test.inject(data(1, 1, &[7; 1_000]));
    let sent = test.expect_soon(ack(1, 1_001));
    assert_eq!(sent.window, Some(63_240_u16.div_ceil(128)));
}

#[test]
fn what_a_syn_has_told_stays() {
    let mut test = connecting(|_| {}, SocketOptions::default());
    assert_eq!(first(&test.expect(syn())), (64_240, 7));
    let (id, now) = (test.id(), test.now);
    let set = test
        .shard
        .set_option(now, id, SocketOption::WindowClamp, 5_000);
    assert_eq!(set, Ok(()));
    test.pass(seconds(1));
    assert_eq!(first(&test.expect(syn())), (64_240, 7));
    test.inject(Segment {
        ack: 1,
        flags: syn_ack(1).flags,
        ..scaling_syn()
    });
    let sent = test.expect(ack(1, 1));
    assert_eq!(sent.window, Some(64_240_u16.div_ceil(128)));
}

/// RFC 6298, section 2.2: the first measurement begins when the SYN leaves.
#[test]
fn a_buffer_chosen_meanwhile_does_not_shorten_the_handshake() {
    let mut test = connecting(|_| {}, SocketOptions::default());
    test.expect(syn());
    test.pass(millis(100));
    let (now, id) = (test.now, test.id());
    let set = test
        .shard
        .set_option(now, id, SocketOption::ReceiveBuffer, 50_000);
    set.expect("a connection");
    test.pass(millis(60));
    test.inject(syn_ack(1));
    let info = test.shard.tcp_info(test.now, id).expect("a connection");
    assert_eq!(info.rtt, 160_000);
}
