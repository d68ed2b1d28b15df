//! Paths that do not say what they carry: larger segments find it out (RFC 4821; Linux: tcp_mtu_probing).

use coremill_tcp::limits::{Limits, MtuProbingMode};
use coremill_tcp::options::SocketOptions;
use coremill_tcp::packet::{Quoted, Unreachable};

use super::harness::{Test, bytes, millis, seconds};
use super::segment::{ack, data, syn, syn_ack};

/// The peer's MSS, and the first three sizes between it and the base.
const LINK: usize = 1_460;
const BASE: usize = 1_024;
const PROBE: usize = 1_242;

fn open(change: impl FnOnce(&mut Limits)) -> Test {
    let peer = syn().mss(LINK as u16).sack_permitted();
    Test::established_as(change, SocketOptions::default(), peer, ack(1, 1))
}

fn always(limits: &mut Limits) {
    limits.mtu_probing.mode = MtuProbingMode::Always;
}

/// Bytes that were sent and acknowledged so far.
struct Sent(u32);

impl Sent {
    /// Sends so many bytes, whose segments are acknowledged one by one; gives their lengths.
    fn flow(&mut self, test: &mut Test, count: usize) -> Vec<usize> {
        test.send(&bytes(self.0 as usize, count));
        let (mut lengths, end) = (Vec::new(), self.0 as usize + count);
        while (self.0 as usize) < end {
            let mut flight = 0;
            while let Some(sent) = test.next() {
                lengths.push(sent.payload.len());
                flight += sent.payload.len() as u32;
            }
            test.pass(millis(2));
            for _ in 0..flight.div_ceil(2_048) {
                self.0 += 2_048.min(flight);
                flight -= 2_048.min(flight);
                test.inject(ack(1, 1 + self.0));
            }
        }
        lengths
    }
}

/// What is shown of the only destination's search.
fn shown(test: &Test) -> Option<(u16, u16)> {
    let (mut found, mut place) = (None, 0);
    while test
        .shard
        .destination_rows(test.now, &mut place, 7, &mut |row| {
            found = row.path_mtu_found
        })
    {}
    found
}

/// A connection that searches, whose window holds more than eleven segments, and what it has sent.
fn grown(change: impl FnOnce(&mut Limits)) -> (Test, Sent) {
    let mut test = open(|limits| {
        always(limits);
        limits.congestion.initial_window_segments = 12;
        change(limits);
    });
    let mut sent = Sent(0);
    // Too little is ever left behind for a probe.
    for _ in 0..2 {
        let lengths = sent.flow(&mut test, 4 * BASE);
        assert_eq!(lengths, [BASE; 4]);
    }
    assert!(test.rows()[0].congestion_window_bytes >= 11 * BASE as u32);
    (test, sent)
}

/// The same with a probe under way, and so many segments behind it.
fn probing(change: impl FnOnce(&mut Limits), behind: u32) -> (Test, u32) {
    let (mut test, sent) = grown(change);
    let at = 1 + sent.0;
    test.send(&bytes(sent.0 as usize, PROBE + behind as usize * BASE));
    let probe = test.next().expect("a probe");
    assert_eq!((probe.seq, probe.payload.len()), (at, PROBE));
    for _ in 0..behind {
        assert_eq!(test.next().expect("what is behind").payload.len(), BASE);
    }
    test.expect_nothing();
    (test, at)
}

// RFC 4821, sections 7.2, 7.3 and 7.6.1.
#[test]
fn segments_grow_from_the_base_to_what_the_path_carries() {
    let (mut test, mut sent) = grown(|_| {});
    let window = test.rows()[0].congestion_window_bytes;
    let lengths = sent.flow(&mut test, PROBE + 4 * BASE);
    assert_eq!(lengths, [PROBE, BASE, BASE, BASE, BASE]);
    assert_eq!(test.rows()[0].maximum_segment_bytes, PROBE as u16);
    assert!(test.rows()[0].congestion_window_bytes >= window);
    let lengths = sent.flow(&mut test, 400_000);
    assert!(*lengths.iter().max().expect("some") >= LINK - 8);
    let counters = test.shard.counters();
    assert_eq!(counters.mtup_success.get(), counters.mtup_probes.get());
    assert_eq!(counters.mtup_fail.get(), 0);
    // The search is over until it is time.
    let probes = counters.mtup_probes.get();
    sent.flow(&mut test, 200_000);
    assert_eq!(test.shard.counters().mtup_probes.get(), probes);
}

// RFC 4821, section 7.6.1.
#[test]
fn the_window_holds_as_many_bytes_after_a_probe_as_before() {
    let (mut test, at) = probing(|_| {}, 4);
    let window = test.rows()[0].congestion_window_bytes;
    test.inject(ack(1, at + PROBE as u32));
    let row = test.rows()[0];
    assert_eq!(row.maximum_segment_bytes, PROBE as u16);
    assert!(row.congestion_window_bytes <= window + PROBE as u32);
}

// RFC 4821, section 7.6.2.
#[test]
fn a_lost_probe_goes_again_in_small_segments_under_the_same_window() {
    let (mut test, at) = probing(|_| {}, 4);
    let before = test.rows()[0];
    let behind = at + PROBE as u32;
    test.pass(millis(1));
    for count in 1..4 {
        test.inject(ack(1, at).sack(&[(behind, behind + count * BASE as u32)]));
    }
    let first = test.next().expect("the probe's first part");
    assert_eq!((first.seq, first.payload.len()), (at, BASE));
    let second = test.next().expect("its second");
    assert_eq!(second.payload.len(), PROBE - BASE);
    test.expect_nothing();
    let row = test.rows()[0];
    assert_eq!(row.congestion_window_bytes, before.congestion_window_bytes);
    assert_eq!(
        row.slow_start_threshold_bytes,
        before.slow_start_threshold_bytes
    );
    let counters = test.shard.counters();
    assert_eq!(
        (counters.mtup_fail.get(), counters.mtup_success.get()),
        (1, 0)
    );
    assert_eq!(counters.sack_recovery.get(), 0);
    // The next one is the middle between what arrives and what does not.
    let end = behind + 4 * BASE as u32;
    test.inject(ack(1, end));
    let mut sent = Sent(end - 1);
    let lengths = sent.flow(&mut test, 8 * BASE);
    assert_eq!(lengths[0], BASE.midpoint(PROBE - 1));
}

// RFC 4821, section 7.6.4.
#[test]
fn a_probe_that_is_not_lost_alone_tells_nothing() {
    let (mut test, at) = probing(|_| {}, 6);
    let window = test.rows()[0].congestion_window_bytes;
    let lost_too = at + (PROBE + BASE) as u32;
    test.pass(millis(1));
    for count in 1..6 {
        test.inject(ack(1, at).sack(&[(lost_too, lost_too + count * BASE as u32)]));
        while test.next().is_some() {}
    }
    let row = test.rows()[0];
    assert!(row.slow_start_threshold_bytes < window);
    assert_eq!(test.shard.counters().mtup_fail.get(), 0);
    let end = at + (PROBE + 6 * BASE) as u32;
    test.inject(ack(1, end));
    while test.next().is_some() {}
    // The same size again, once there is a window for it.
    let mut sent = Sent(end - 1);
    let lengths = sent.flow(&mut test, 100_000);
    assert!(lengths.iter().find(|length| **length > BASE) == Some(&PROBE));
}

// RFC 4821, section 7.4.
#[test]
fn a_probe_needs_data_behind_it_and_windows_that_hold_all() {
    // Data for the threshold of reordering and one more.
    let (mut test, mut sent) = grown(|_| {});
    assert_eq!(sent.flow(&mut test, PROBE + 4 * BASE - 1)[0], BASE);
    // The peer's window.
    test.inject(ack(1, 1 + sent.0).window((PROBE + 4 * BASE - 1) as u16));
    assert_eq!(sent.flow(&mut test, 6 * BASE)[0], BASE);
    // Eleven segments.
    let mut test = open(always);
    test.send(&bytes(0, 20 * BASE));
    for _ in 0..10 {
        assert_eq!(test.next().expect("a first window").payload.len(), BASE);
    }
    test.expect_nothing();
}

#[test]
fn a_full_window_is_waited_for() {
    let (mut test, sent) = grown(|_| {});
    let window = test.rows()[0].congestion_window_bytes as usize;
    // One segment more would fit, a probe and the rest of its window do not.
    let whole = window / BASE - 1;
    for count in 0..whole {
        test.send(&bytes(sent.0 as usize + count * BASE, BASE));
        assert_eq!(test.next().expect("a segment").payload.len(), BASE);
    }
    test.send(&bytes(sent.0 as usize + whole * BASE, 10 * BASE));
    test.expect_nothing();
    assert_eq!(test.rows()[0].hold, "deferral");
    test.inject(ack(1, 1 + sent.0 + 2 * BASE as u32));
    assert_eq!(test.next().expect("the probe").payload.len(), PROBE);
}

// RFC 1191, section 6.3.
#[test]
fn in_time_a_search_begins_again() {
    let (mut test, mut sent) = grown(|limits| limits.mtu_probing.threshold_bytes = 400);
    // 436 bytes are searched, 218 are not.
    sent.flow(&mut test, 100_000);
    assert_eq!(test.shard.counters().mtup_probes.get(), 1);
    test.pass(seconds(601));
    sent.flow(&mut test, 4 * BASE);
    assert_eq!(test.shard.counters().mtup_probes.get(), 1);
    let (mut test, at) = probing(|_| {}, 4);
    let behind = at + PROBE as u32;
    test.pass(millis(1));
    test.inject(ack(1, at).sack(&[(behind, behind + 4 * BASE as u32)]));
    while test.next().is_some() {}
    let end = behind + 4 * BASE as u32;
    test.inject(ack(1, end));
    let mut sent = Sent(end - 1);
    sent.flow(&mut test, 300_000);
    let found = usize::from(test.rows()[0].maximum_segment_bytes);
    assert!((PROBE - 8..PROBE).contains(&found), "{found}");
    test.pass(seconds(601));
    sent.flow(&mut test, 300_000);
    let found = usize::from(test.rows()[0].maximum_segment_bytes);
    assert!(found >= LINK - 8, "{found}");
}

// RFC 4821, section 5.2.
#[test]
fn the_next_connection_begins_where_the_last_one_ended() {
    for (saves, first) in [(true, PROBE), (false, BASE)] {
        let (mut test, mut sent) = grown(|limits| limits.saves_metrics = saves);
        sent.flow(&mut test, PROBE + 4 * BASE);
        let headers = 40;
        let found = (first as u16 + headers, LINK as u16 + headers);
        assert_eq!(shown(&test).is_some_and(|shown| shown == found), saves);
        test.flow.local.port += 1;
        test.connect();
        test.expect(syn());
        test.inject(syn_ack(1).mss(LINK as u16));
        test.expect(ack(1, 1));
        test.send(&bytes(0, 4_000));
        assert_eq!(test.next().expect("data").payload.len(), first);
    }
}

#[test]
fn a_router_that_answers_a_probe_ends_the_guessing() {
    let (mut test, at) = probing(|_| {}, 4);
    let quoted = Quoted {
        flow: test.flow,
        sequence: (test.start + at).raw(),
        error: Unreachable::TooBig { mtu: 1_200 },
    };
    test.shard.unreachable(test.now, &quoted);
    let again = test.next().expect("the probe's first part");
    assert_eq!((again.seq, again.payload.len()), (at, BASE));
    while test.next().is_some() {}
    let end = at + (PROBE + 4 * BASE) as u32;
    test.inject(ack(1, end));
    let mut sent = Sent(end - 1);
    let lengths = sent.flow(&mut test, 200_000);
    let largest = *lengths.iter().max().expect("some");
    assert!((1_152..=1_160).contains(&largest), "{largest}");
    assert_eq!(test.shard.counters().mtup_fail.get(), 0);
}

#[test]
fn without_a_block_segments_stay_small() {
    let mut test = open(|limits| {
        always(limits);
        limits.extensions_max = 0;
    });
    assert_eq!(test.shard.counters().extensions_exhausted.get(), 1);
    let mut sent = Sent(0);
    let lengths = sent.flow(&mut test, 100 * BASE);
    assert!(lengths.iter().all(|length| *length == BASE));
}

/// Lets a full segment time out so often; gives the length of what is sent then.
fn sent_after_timeouts(mode: MtuProbingMode) -> (Test, usize) {
    let mut test = open(|limits| limits.mtu_probing.mode = mode);
    test.send(&bytes(0, LINK));
    let mut length = 0;
    for _ in 0..6 {
        while let Some(sent) = test.next() {
            length = sent.payload.len();
        }
        test.pass(seconds(2));
    }
    while let Some(sent) = test.next() {
        length = sent.payload.len();
    }
    (test, length)
}

// RFC 4821, section 7.7; RFC 8201, section 4.
#[test]
fn a_path_that_swallows_large_segments_gets_small_ones_where_that_is_asked_for() {
    let (_, length) = sent_after_timeouts(MtuProbingMode::Off);
    assert_eq!(length, LINK);
    let (mut test, length) = sent_after_timeouts(MtuProbingMode::BlackHole);
    assert_eq!(length, BASE);
    assert_eq!(test.shard.counters().path_mtu_doubts.get(), 1);
    test.inject(ack(1, 1 + LINK as u32));
    while test.next().is_some() {}
    test.send(&bytes(LINK, LINK));
    test.expect(data(1_461, 1, &bytes(LINK, BASE)));
    test.expect(data(2_485, 1, &bytes(LINK + BASE, LINK - BASE)));
    test.inject(ack(1, 1 + 2 * LINK as u32));
    // Larger ones try the path again.
    let mut sent = Sent(2 * LINK as u32);
    sent.flow(&mut test, 400_000);
    assert!(usize::from(test.rows()[0].maximum_segment_bytes) >= LINK - 8);
}

#[test]
fn what_was_found_is_forgotten_when_it_is_not_true_any_more() {
    let (mut test, mut sent) = grown(|_| {});
    sent.flow(&mut test, 300_000);
    test.send(&bytes(sent.0 as usize, LINK));
    for _ in 0..8 {
        while test.next().is_some() {}
        test.pass(seconds(2));
    }
    while test.next().is_some() {}
    assert!(usize::from(test.rows()[0].maximum_segment_bytes) <= LINK / 2);
    test.flow.local.port += 1;
    test.connect();
    while test.next().is_some_and(|sent| sent.flags != syn().flags) {}
    test.inject(syn_ack(1).mss(LINK as u16));
    test.expect(ack(1, 1));
    test.send(&bytes(0, 4_000));
    assert_eq!(test.next().expect("data").payload.len(), BASE);
}
