//! What attackers were seen to do, one test each; `tcp/src/attacks.rs` lists all of them and their guards.

use coremill_tcp::header::Flags;
use coremill_tcp::limits::SynCookies;
use coremill_tcp::options::{ListenOptions, SocketOptions};
use coremill_tcp::snapshot::ConnectionRow;
use coremill_tcp::{Endpoint, Flow, Inbound, State};

use super::harness::{OURS, Test, bytes, millis, seconds};
use super::segment::{ack, data, syn};

/// Passively opened, SACK agreed on, and `count` segments of 1,000 bytes outstanding.
fn with_outstanding(count: usize, sack: bool) -> Test {
    let peer_syn = syn().mss(1_000);
    let peer_syn = if sack {
        peer_syn.sack_permitted()
    } else {
        peer_syn
    };
    let mut test = Test::established_as(|_| {}, SocketOptions::default(), peer_syn, ack(1, 1));
    test.send(&bytes(0, 100_000));
    for _ in 0..count {
        test.next().expect("a segment");
    }
    test
}

fn row(test: &Test) -> ConnectionRow {
    test.rows()[0]
}

/// Takes what is to be sent now; how many segments, and how many bytes of them.
fn sent(test: &mut Test) -> (usize, usize) {
    let (mut segments, mut payload) = (0, 0);
    while let Some(segment) = test.next() {
        segments += 1;
        payload += segment.payload.len();
    }
    (segments, payload)
}

/// ACK division (Savage et al., 1999). RFC 3465, section 2: bytes count, not acknowledgements.
#[test]
fn acknowledging_byte_by_byte_opens_the_window_no_faster() {
    let mut divided = with_outstanding(10, false);
    for byte in 2..=1_001 {
        divided.inject(ack(1, byte));
    }
    let mut whole = with_outstanding(10, false);
    whole.inject(ack(1, 1_001));
    assert!(row(&divided).congestion_window_bytes <= row(&whole).congestion_window_bytes);
    assert!(sent(&mut divided).1 <= 2_000);
}

/// Spoofed duplicates (Savage et al., 1999): each sends one segment at most, as each segment that left the network
/// would, none beyond the peer's window, and what they gained is over when something is acknowledged.
#[test]
fn duplicates_send_one_segment_each_and_leave_half_the_window() {
    let mut test = with_outstanding(10, false);
    let before = row(&test).congestion_window_bytes;
    let mut segments = 0;
    for _ in 0..1_000 {
        test.inject(ack(1, 1));
        let (count, _) = sent(&mut test);
        assert!(count <= 1);
        segments += count;
    }
    let outstanding = row(&test).outstanding.bytes;
    assert!(outstanding <= 65_535, "{outstanding}");
    assert!(segments <= 57, "{segments}");
    test.inject(ack(1, outstanding + 1));
    assert!(row(&test).congestion_window_bytes <= before * 7 / 10 + 1_000);
}

/// The same by D-SACK, over and over: reordering is believed up to a bound, and losses are still found.
#[test]
fn lies_about_reordering_are_bounded() {
    let mut test = with_outstanding(10, true);
    for round in 0..500 {
        let first = 1 + round * 1_000;
        test.inject(ack(1, first).sack(&[(first + 8_000, first + 9_000)]));
        while test.next().is_some() {}
        test.inject(ack(1, first + 1_000).sack(&[(first, first + 1_000)]));
        while test.next().is_some() {}
        if test.shard.send_room(test.id()) >= 1_000 {
            test.send(&bytes(0, 1_000));
        }
        test.pass(millis(1));
    }
    let bound = test.shard.limits().reordering_max;
    assert!(row(&test).outstanding.reordering_segments <= bound);
}

/// SACK panic and slowness (CVE-2019-11477, 11478): blocks that cut a flight into bytes neither break it
/// nor take more records than segments the peer could name in its options.
#[test]
fn selective_acknowledgements_of_single_bytes_cut_nothing_to_pieces() {
    let mut test = with_outstanding(10, true);
    for first in (2..9_000).step_by(6) {
        let blocks = [
            (first, first + 1),
            (first + 2, first + 3),
            (first + 4, first + 5),
        ];
        test.inject(ack(1, 1).sack(&blocks));
        test.next();
    }
    let records = test.shard.live_send_records();
    assert!(records <= 40, "{records} records for ten segments");
    test.inject(ack(1, 10_001));
    assert_eq!(row(&test).outstanding.sacked.segments, 0);
    test.is_in(State::Established);
}

/// A SYN flood (RFC 4987): the table is bounded, cookies go on, and an honest peer gets in.
#[test]
fn a_flood_of_syns_keeps_nobody_out() {
    let mut test = Test::listening(|limits| limits.opening.syn_cookies = SynCookies::Auto);
    for port in 1..=4_000 {
        test.flow.remote.port = 10_000 + port;
        test.inject(syn().mss(1_000));
        while test.next().is_some() {}
    }
    assert!(test.shard.live_records() <= 16);
    assert!(test.shard.counters().syncookies_sent.get() >= 3_900);
    test.flow.remote.port = 5_000;
    test.inject(syn().mss(1_000));
    test.next().expect("a cookie");
    test.inject(data(1, 1, b"let me in"));
    test.accept();
    assert_eq!(test.read(), b"let me in");
}

/// Reflection: a spoofed SYN makes a bounded number of small segments, by a cookie just one.
#[test]
fn a_spoofed_syn_is_amplified_little() {
    for (cookies, most) in [(SynCookies::Off, 6), (SynCookies::Always, 1)] {
        let mut test = Test::listening(|limits| limits.opening.syn_cookies = cookies);
        test.inject(syn().mss(1_460));
        let mut segments = 0;
        for _ in 0..3_000 {
            let (count, payload) = sent(&mut test);
            assert_eq!(payload, 0);
            segments += count;
            test.pass(millis(100));
        }
        assert_eq!(segments, most, "{cookies:?}");
        test.is_gone();
    }
}

/// A reset answers one segment with one, and no segment of ours is answered by a flood.
#[test]
fn a_segment_to_nobody_is_answered_once() {
    let mut test = Test::new(|_| {});
    test.inject(data(1, 1, &bytes(0, 1_000)));
    assert_eq!(sent(&mut test), (1, 0));
    test.pass(seconds(10));
    test.expect_nothing();
}

/// LAND (CVE-1999-0016): a spoofed SYN whose answer comes back to where it came from. Frames with our own source are
/// dropped before they get here; if one did, the two would not go on answering each other.
#[test]
fn a_syn_from_our_own_listener_ends_in_silence() {
    let mut test = Test::listening(|_| {});
    let own = Endpoint::new(OURS, 80);
    let looped = Flow {
        local: own,
        remote: own,
    };
    test.inject_from(looped, syn());
    let mut segments = 0;
    for _ in 0..2_000 {
        let mut out = [0; 2_000];
        test.shard.advance(test.now, usize::MAX);
        while let Some(outgoing) = test.shard.next_segment(test.now, &mut out) {
            segments += 1;
            let inbound = Inbound {
                source: OURS,
                destination: OURS,
                bytes: &out[..outgoing.length],
                checksum_verified: true,
                ecn: 0,
                ttl: 64,
                mtu: 1_500,
            };
            test.shard.receive(test.now, &inbound);
        }
        test.pass(millis(100));
    }
    assert!(segments <= 20, "{segments}");
    let listener = test.listener.expect("listening");
    assert!(test.shard.accept(listener).is_none());
    test.is_gone();
}

/// Resource attacks by windows (CVE-2008-4609, CVE-2009-1926): many peers that complete a handshake, ask and
/// close their windows hold what their user keeps open, and nothing once he has closed.
#[test]
fn closed_windows_hold_no_closed_connection_for_ever() {
    let mut test = Test::listening(|limits| limits.orphan_retries = 4);
    for port in 0..8 {
        test.flow.remote.port = 5_000 + port;
        test.inject(syn().mss(1_000));
        test.next().expect("SYN-ACK");
        test.inject(ack(1, 1).window(0));
        test.accept();
        test.send(&bytes(0, 10_000));
        test.close();
    }
    for _ in 0..600 {
        test.pass(seconds(1));
        while test.next().is_some() {}
    }
    test.is_gone();
    assert_eq!(test.shard.counters().held_bytes.get(), 0);
}

/// Off-path counting (CVE-2016-5696): what a stranger learns from the challenges that his own connection gets in a
/// second does not tell whether a guess at another one was right.
#[test]
fn challenges_left_over_do_not_tell_of_other_connections() {
    let mut counts = Vec::new();
    for second in 0..16 {
        let mut test = Test::listening(|limits| limits.challenge_acks_per_second = 8);
        test.now = test.now + seconds(second);
        for port in 0..12 {
            test.flow.remote.port = 6_000 + port;
            test.inject(syn());
            test.next().expect("SYN-ACK");
            test.inject(ack(1, 1));
            test.accept();
            let mut forged = syn();
            forged.seq = 77;
            test.inject(forged);
        }
        counts.push(test.shard.counters().challenge_ack.get());
    }
    let (least, most) = (counts.iter().min(), counts.iter().max());
    assert!(least < most && most <= Some(&8), "{counts:?}");
}

/// Overlaps that disagree (evasion of who looks at the bytes): what was acknowledged stands.
#[test]
fn bytes_that_are_acknowledged_are_not_overwritten() {
    let mut test = Test::established();
    test.inject(data(1, 1, b"true"));
    test.inject(data(1, 1, b"lies, and more"));
    test.inject(data(3, 1, b"lie"));
    assert_eq!(test.read(), b"true, and more");
}

/// A peer that reneges on all it has acknowledged by SACK costs a retransmission each, not a loop.
#[test]
fn acknowledgements_taken_back_cost_time_only() {
    let mut test = with_outstanding(10, true);
    test.inject(ack(1, 1).sack(&[(1_001, 10_001)]));
    let mut segments = 0;
    for _ in 0..30 {
        segments += sent(&mut test).0;
        test.inject(ack(1, 1));
        test.pass(millis(50));
    }
    assert!(segments <= 40, "{segments}");
    test.is_in(State::Established);
}

/// A handshake split in two (Beardsley and Qian, 2010): a SYN without ACK is a simultaneous open, in which nothing
/// passes before our own SYN is acknowledged.
#[test]
fn a_split_handshake_carries_nothing_before_our_syn_is_acknowledged() {
    let mut test = Test::syn_sent(|_| {});
    test.inject(syn());
    let answer = test.next().expect("SYN-ACK");
    assert!(answer.flags.contains(Flags::SYN | Flags::ACK));
    let mut early = data(1, 0, b"early");
    early.flags = Flags::NONE;
    test.inject(early);
    test.is_in(State::SynReceived);
    test.inject(ack(1, 1));
    test.is_in(State::Established);
    assert_eq!(test.read(), []);
}

/// A backlog of listeners cannot be grown from outside: each flood stays within its own listener's share.
#[test]
fn a_flooded_listener_leaves_room_for_another() {
    let mut test = Test::listening(|limits| {
        limits.requests_max = 64;
        limits.opening.syn_cookies = SynCookies::Off;
    });
    for port in 0..500 {
        test.flow.remote.port = 10_000 + port;
        test.inject(syn());
        while test.next().is_some() {}
    }
    let other = Endpoint::new(OURS, 81);
    let options = ListenOptions {
        local: other,
        backlog: 8,
        queued: std::sync::Arc::default(),
        cookie: 8,
        socket: SocketOptions::default(),
    };
    test.shard.listen(options).expect("an empty table");
    test.flow.local = other;
    test.inject(syn());
    let answer = test.next().expect("SYN-ACK");
    assert!(answer.flags.contains(Flags::SYN | Flags::ACK), "{answer:?}");
}
