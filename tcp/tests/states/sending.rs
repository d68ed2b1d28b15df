//! Data out: segments, Nagle, the peer's window, both sides of silly windows, probes.

use coremill_tcp::options::SocketOptions;

use super::harness::{Test, bytes, millis};
use super::segment::{ack, data, syn};

fn without_delay() -> Test {
    let socket = SocketOptions {
        no_delay: true,
        keepalive: false,
        ..SocketOptions::default()
    };
    Test::established_as(|_| {}, socket, syn().mss(1_000), ack(1, 1))
}

#[test]
fn data_is_cut_at_the_peers_segment_size() {
    let mut test = Test::established();
    test.send(&bytes(0, 2_500));
    test.expect(data(1, 1, &bytes(0, 1_000)));
    test.expect(data(1_001, 1, &bytes(1_000, 1_000)));
    // The rest is small, but nothing small is outstanding (Minshall's variant of Nagle's algorithm).
    test.expect(data(2_001, 1, &bytes(2_000, 500)));
    test.send(&bytes(2_500, 700));
    test.expect_nothing();
    test.inject(ack(1, 2_501));
    test.expect(data(2_501, 1, &bytes(2_500, 700)));
}

#[test]
fn nagle_holds_small_data_back_while_some_is_outstanding() {
    let mut test = Test::established();
    test.send(b"a");
    test.expect(data(1, 1, b"a"));
    test.send(b"b");
    test.send(b"c");
    test.expect_nothing();
    test.inject(ack(1, 2));
    test.expect(data(2, 1, b"bc"));
}

#[test]
fn no_delay_sends_at_once() {
    let mut test = without_delay();
    test.send(b"a");
    test.expect(data(1, 1, b"a"));
    test.send(b"b");
    test.expect(data(2, 1, b"b"));
}

#[test]
fn the_first_flight_is_ten_segments() {
    let mut test = Test::established();
    test.send(&bytes(0, 30_000));
    for first in (0..10_000).step_by(1_000) {
        test.expect(data(first as u32 + 1, 1, &bytes(first, 1_000)));
    }
    test.expect_nothing();
    test.inject(ack(1, 2_001));
    for first in (10_000..14_000).step_by(1_000) {
        test.expect(data(first as u32 + 1, 1, &bytes(first, 1_000)));
    }
    test.expect_nothing();
}

#[test]
fn no_more_is_sent_than_the_peers_window() {
    let mut test = Test::established();
    test.inject(ack(1, 1).window(2_000));
    test.send(&bytes(0, 5_000));
    test.expect(data(1, 1, &bytes(0, 1_000)));
    test.expect(data(1_001, 1, &bytes(1_000, 1_000)));
    test.expect_nothing();
    test.inject(ack(1, 2_001).window(1_000));
    test.expect(data(2_001, 1, &bytes(2_000, 1_000)));
    test.expect_nothing();
}

#[test]
fn a_small_window_is_not_filled_with_small_segments() {
    let mut test = without_delay();
    test.inject(ack(1, 1).window(4_000));
    test.send(&bytes(0, 6_000));
    for first in (0..4_000).step_by(1_000) {
        test.expect(data(first as u32 + 1, 1, &bytes(first, 1_000)));
    }
    // RFC 9293, section 3.8.6.2.1: neither a segment, nor half the largest window seen.
    test.inject(ack(1, 1_001).window(3_100));
    test.expect_nothing();
    test.inject(ack(1, 2_001).window(3_000));
    test.expect(data(4_001, 1, &bytes(4_000, 1_000)));
    test.expect_nothing();
}

#[test]
fn a_closed_window_is_probed_ever_more_slowly_and_for_ever() {
    let mut test = Test::established_with(|limits| {
        limits.retries = 3;
        limits.rto_max = millis(2_000);
    });
    test.send(&bytes(0, 1_000));
    test.expect(data(1, 1, &bytes(0, 1_000)));
    test.inject(ack(1, 1_001).window(0));
    test.send(&bytes(1_000, 500));
    test.expect_nothing();
    let mut last = test.now;
    let mut gaps = Vec::new();
    while gaps.len() < 8 {
        test.pass(millis(10));
        if let Some(probe) = test.next() {
            assert!(probe.payload.len() <= 1, "{probe:?}");
            gaps.push(test.now.since(last));
            last = test.now;
            // It answers: the window is closed still. That is no reason to give up.
            test.inject(ack(1, 1_001).window(0));
        }
    }
    assert!(gaps[1] > gaps[0] && gaps[2] > gaps[1], "{gaps:?}");
    assert!(gaps[7] <= millis(2_020), "{gaps:?}");
    test.inject(ack(1, 1_001).window(5_000));
    test.expect(data(1_001, 1, &bytes(1_000, 500)));
}

#[test]
fn an_old_segment_does_not_change_the_window() {
    let mut test = without_delay();
    test.inject(data(1, 1, b"ab").window(3_000));
    while test.next().is_some() {}
    // SEG.SEQ before SND.WL1: sent earlier, arrived later.
    test.inject(ack(1, 1).window(0));
    test.send(b"x");
    test.expect_soon(data(1, 3, b"x"));
}

#[test]
fn a_peer_cannot_make_us_send_headers_only() {
    let mut test = Test::established_as(|_| {}, SocketOptions::default(), syn().mss(1), ack(1, 1));
    test.send(&bytes(0, 1_000));
    let sent = test.next().expect("data");
    assert!(sent.payload.len() >= 48, "{} bytes", sent.payload.len());
}

#[test]
fn what_was_lost_at_a_closed_window_is_sent_again_soon_after_it_opens() {
    let mut test = Test::established();
    test.send(&bytes(0, 2_000));
    test.expect(data(1, 1, &bytes(0, 1_000)));
    test.expect(data(1_001, 1, &bytes(1_000, 1_000)));
    // The peer takes its window back, which it should not.
    test.inject(ack(1, 1_001).window(0));
    for _ in 0..20 {
        test.pass(millis(500));
        while test.next().is_some() {}
    }
    test.inject(ack(1, 1_001).window(5_000));
    test.expect_after(millis(200), data(1_001, 1, &bytes(1_000, 1_000)));
}

#[test]
fn a_window_that_stays_small_is_used_after_a_while() {
    let mut test = Test::established();
    test.inject(ack(1, 1).window(100));
    test.send(&bytes(0, 1_000));
    test.expect_nothing();
    test.expect_after(millis(200), data(1, 1, &bytes(0, 100)));
    test.inject(ack(1, 101).window(100));
    test.expect_nothing();
    test.expect_after(millis(200), data(101, 1, &bytes(100, 100)));
}

#[test]
fn a_fin_lost_at_a_window_that_closed_comes_again_when_it_opens() {
    let mut test = Test::established();
    test.send(b"x");
    test.shutdown();
    let sent = test.next().expect("data");
    if sent.payload.is_empty() || !sent.flags.contains(coremill_tcp::header::Flags::FIN) {
        test.expect(super::segment::fin(2, 1));
    }
    test.inject(ack(1, 2).window(0));
    for _ in 0..10 {
        test.pass(millis(1_000));
        while test.next().is_some() {
            test.inject(ack(1, 2).window(0));
        }
    }
    test.inject(ack(1, 2).window(1_000));
    test.expect_after(millis(200), super::segment::fin(2, 1));
}

/// tcp(7): 200 ms are the most that MSG_MORE holds anything back; a probe of the tail that became due meanwhile, and
/// needless, does not make it for ever.
#[test]
fn what_more_follows_leaves_after_a_needless_probe() {
    let syn = syn().mss(1_000).sack_permitted();
    let mut test = Test::established_as(|_| {}, SocketOptions::default(), syn, ack(1, 1));
    test.send(b"first");
    test.expect(data(1, 1, b"first"));
    test.inject(ack(1, 6));
    test.send(b"again");
    test.expect(data(6, 1, b"again"));
    // The probe is due, and before its turn comes the answer is there.
    test.pass(millis(220));
    let id = test.id();
    assert_eq!(test.shard.send_more(test.now, id, b"more"), Ok(4));
    test.inject(ack(1, 11));
    test.expect_nothing();
    test.expect_after(millis(200), data(11, 1, b"more"));
}

/// With a bound of the rate, and a handshake that measured no round trip: its SYN-ACK went twice (Karn's rule).
fn bounded_and_unmeasured() -> Test {
    let socket = SocketOptions {
        pacing_rate_max: 100_000,
        ..SocketOptions::default()
    };
    let mut test = Test::listening_as(
        |limits| limits.congestion.initial_window_segments = 40,
        socket,
        8,
    );
    test.inject(syn().mss(1_000));
    test.next().expect("a SYN-ACK");
    test.pass(millis(1_010));
    test.next().expect("the SYN-ACK again");
    test.inject(ack(1, 1));
    test.accept();
    test
}

#[test]
fn a_bound_of_the_rate_holds_before_a_round_trip_is_known() {
    let mut test = bounded_and_unmeasured();
    test.send(&bytes(0, 15_000));
    let mut sent = 0;
    while test.next().is_some() {
        sent += 1;
    }
    assert!((10..=11).contains(&sent), "{sent} at once");
    // A segment in ten milliseconds.
    test.pass(millis(21));
    let mut more = 0;
    while test.next().is_some() {
        more += 1;
    }
    assert!((1..=3).contains(&more), "{more} in 21 ms");
}
