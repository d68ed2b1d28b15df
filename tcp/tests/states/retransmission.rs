//! Losses: the timer, fast retransmit, recovery, giving up.

use coremill_tcp::error::{ConnectionError, ReceiveError};
use coremill_tcp::options::SocketOptions;

use super::harness::{Test, bytes, millis, seconds};
use super::segment::{Segment, ack, data, fin, syn, syn_ack};

#[test]
fn the_timer_backs_off_and_starts_over_after_progress() {
    let mut test = Test::established();
    test.send(&bytes(0, 100));
    test.expect(data(1, 1, &bytes(0, 100)));
    for delay in [200, 400, 800] {
        test.expect_after(millis(delay), data(1, 1, &bytes(0, 100)));
    }
    test.inject(ack(1, 101));
    test.expect_nothing();
    test.quiet_for(seconds(5));
    assert_eq!(test.shard.counters().timeouts.get(), 3);
    assert_eq!(test.shard.counters().retrans_segs.get(), 3);
}

#[test]
fn too_many_timeouts_end_the_connection() {
    let mut test = Test::established_with(|limits| limits.retries = 3);
    test.send(b"anyone?");
    test.expect(data(1, 1, b"anyone?"));
    for delay in [200, 400, 800] {
        test.expect_after(millis(delay), data(1, 1, b"anyone?"));
    }
    test.pass(millis(1_610));
    let id = test.id();
    let failed = ReceiveError::Failed(ConnectionError::TimedOut);
    assert_eq!(test.shard.receive_slice(id), Err(failed));
    while test
        .shard
        .next_event()
        .is_some_and(|event| !event.readiness.error)
    {}
    test.close();
    while test.next().is_some() {}
    test.is_gone();
}

#[test]
fn after_a_timeout_everything_outstanding_is_sent_again() {
    let mut test = Test::established();
    test.send(&bytes(0, 4_000));
    for _ in 0..4 {
        test.next().expect("within the first window");
    }
    test.expect_after(millis(200), data(1, 1, &bytes(0, 1_000)));
    test.inject(ack(1, 1_001));
    test.expect(data(1_001, 1, &bytes(1_000, 1_000)));
    test.expect(data(2_001, 1, &bytes(2_000, 1_000)));
    test.expect_nothing();
    test.inject(ack(1, 4_001));
    test.quiet_for(seconds(2));
}

/// Ten segments are outstanding.
fn ten_outstanding() -> Test {
    let mut test = Test::established();
    test.send(&bytes(0, 30_000));
    for _ in 0..10 {
        test.next().expect("within the first window");
    }
    test.expect_nothing();
    test
}

#[test]
fn three_duplicates_bring_a_fast_retransmission() {
    let mut test = ten_outstanding();
    test.inject(ack(1, 1));
    test.inject(ack(1, 1));
    let mut highest = 10_001;
    while let Some(sent) = test.next() {
        assert_ne!(sent.seq, 1, "two duplicates may be reordering");
        highest = sent.seq + sent.payload.len() as u32;
    }
    test.inject(ack(1, 1));
    test.expect(data(1, 1, &bytes(0, 1_000)));
    assert_eq!(test.shard.counters().reno_recovery.get(), 1);
    // Full acknowledgment: recovery is over, the window is seven tenths of what it was (RFC 9438).
    while let Some(sent) = test.next() {
        highest = sent.seq + sent.payload.len() as u32;
    }
    let window = test.rows()[0].slow_start_threshold_bytes;
    assert!((7_000..=7_002).contains(&window), "{window}");
    test.inject(ack(1, highest));
    let sent = test.next().expect("more data");
    assert_eq!(sent.seq, highest, "nothing is sent twice");
}

#[test]
fn a_partial_acknowledgment_retransmits_the_next_hole() {
    let mut test = ten_outstanding();
    for _ in 0..3 {
        test.inject(ack(1, 1));
    }
    let mut first = test.next().expect("a retransmission");
    while first.seq != 1 {
        first = test.next().expect("a retransmission");
    }
    while test.next().is_some() {}
    // The second hole is at 4,001: no three more duplicates are needed.
    test.inject(ack(1, 4_001));
    let mut sent = test.next().expect("the next hole");
    while sent.seq != 4_001 {
        sent = test.next().expect("the next hole");
    }
    assert_eq!(sent.payload, bytes(4_000, 1_000));
    assert_eq!(test.shard.counters().timeouts.get(), 0);
}

#[test]
fn acknowledgments_with_data_or_a_new_window_are_no_duplicates() {
    let mut test = ten_outstanding();
    test.inject(data(1, 1, b"a"));
    test.inject(data(2, 1, b"b"));
    test.inject(data(3, 1, b"c"));
    test.inject(ack(4, 1).window(60_000));
    test.inject(ack(4, 1).window(61_000));
    while let Some(sent) = test.next() {
        assert_ne!((sent.seq, sent.payload.len()), (1, 1_000));
    }
    assert_eq!(test.shard.counters().reno_recovery.get(), 0);
}

#[test]
fn a_lost_fin_is_sent_again() {
    let mut test = Test::fin_wait_1(|_| {});
    test.expect_after(millis(200), fin(1, 1));
    test.expect_after(millis(400), fin(1, 1));
    test.inject(ack(1, 2));
    test.quiet_for(seconds(3));
}

#[test]
fn data_and_fin_lost_together_come_again_together() {
    let mut test = Test::established();
    test.send(b"last");
    test.shutdown();
    let sent = test.next().expect("data");
    let carries_fin = sent.flags.contains(coremill_tcp::header::Flags::FIN);
    assert_eq!((sent.seq, &sent.payload[..]), (1, &b"last"[..]));
    if !carries_fin {
        test.expect(fin(5, 1));
    }
    test.pass(millis(210));
    let again = test.next().expect("a retransmission");
    assert_eq!((again.seq, &again.payload[..]), (1, &b"last"[..]));
    test.inject(ack(1, 6));
    test.quiet_for(seconds(3));
}

#[test]
fn the_round_trip_sets_the_timeout() {
    let mut test = Test::established();
    for round in 0..30 {
        test.send(&bytes(round, 1));
        test.expect(data(round as u32 + 1, 1, &bytes(round, 1)));
        test.quiet_for(millis(190));
        test.inject(ack(1, round as u32 + 2));
    }
    let row = test.rows()[0];
    let smoothed = row.round_trip.expect("measured");
    assert!(
        smoothed > millis(170) && smoothed < millis(200),
        "{smoothed:?}"
    );
    assert!(
        row.retransmission_timeout >= smoothed + millis(1),
        "{row:?}"
    );
    test.send(b"x");
    test.expect(data(31, 1, b"x"));
    test.quiet_for(smoothed);
}

#[test]
fn the_back_off_lasts_until_a_round_trip_is_measured() {
    // Karn's algorithm: what acknowledges a retransmission says nothing about the path.
    let mut test = Test::established();
    test.send(&bytes(0, 100));
    test.expect(data(1, 1, &bytes(0, 100)));
    test.expect_after(millis(200), data(1, 1, &bytes(0, 100)));
    test.inject(ack(1, 101));
    test.send(&bytes(100, 100));
    test.expect(data(101, 1, &bytes(100, 100)));
    test.quiet_for(millis(300));
    test.inject(ack(1, 201));
    test.send(&bytes(200, 100));
    test.expect(data(201, 1, &bytes(200, 100)));
    test.expect_after(
        test.rows()[0].retransmission_timeout,
        data(201, 1, &bytes(200, 100)),
    );
    assert!(test.rows()[0].round_trip.expect("measured") > millis(30));
}

#[test]
fn without_a_send_record_new_data_waits_and_goes_on_when_one_comes_back() {
    let mut test = Test::established_with(|limits| limits.send_records_max = 8);
    test.send(&bytes(0, 20_000));
    for segment in 0..7 {
        test.expect(data(
            1 + segment * 1_000,
            1,
            &bytes(segment as usize * 1_000, 1_000),
        ));
    }
    test.expect_nothing();
    assert_eq!(test.rows()[0].hold, "records");
    assert!(test.shard.counters().send_records_exhausted.get() > 0);
    test.inject(ack(1, 2_001));
    test.expect(data(7_001, 1, &bytes(7_000, 1_000)));
    test.expect(data(8_001, 1, &bytes(8_000, 1_000)));
    test.expect_nothing();
}

#[test]
fn an_acknowledgement_in_order_leaves_nothing_of_loss_recovery() {
    let mut test = ten_outstanding();
    assert_eq!(test.rows()[0].outstanding.segments, 10);
    for _ in 0..3 {
        test.inject(ack(1, 1));
    }
    let outstanding = test.rows()[0].outstanding;
    assert_eq!(outstanding.phase.word(), "recovery");
    assert_eq!(outstanding.lost.bytes, 1_000);
    test.inject(ack(1, 10_001));
    while test.next().is_some() {}
    test.inject(ack(1, 12_001));
    let outstanding = test.rows()[0].outstanding;
    assert_eq!(outstanding.phase.word(), "open");
    assert_eq!(outstanding.lost.bytes + outstanding.sacked.bytes, 0);
}

/// RFC 9293, SHLD-11: R2 is a time, too. Selective acknowledgements end the back-off, so that timeouts are dense.
#[test]
fn a_peer_that_still_answers_is_not_given_up_within_seconds() {
    let socket = SocketOptions {
        no_delay: true,
        ..SocketOptions::default()
    };
    let mut test = Test::listening_as(|limits| limits.retries = 8, socket, 8);
    test.inject(syn().mss(1_000).sack_permitted());
    test.expect(syn_ack(1));
    test.pass(millis(40));
    test.inject(ack(1, 1));
    test.accept();
    // The first segment does not arrive, however often it is sent; smaller ones do.
    test.send(&bytes(0, 800));
    let timeouts = |test: &Test| test.shard.counters().timeouts.get();
    let mut written = 800;
    while timeouts(&test) < 12 {
        test.send(&bytes(written, 100));
        written += 100;
        for _ in 0..50 {
            let mut end = 801;
            while let Some(sent) = test.next() {
                end = end.max(sent.seq + sent.payload.len() as u32);
            }
            test.pass(millis(10));
            if end > 801 {
                test.inject(ack(1, 1).sack(&[(801, end)]));
            }
        }
        assert!(written < 10_000, "{} timeouts", timeouts(&test));
    }
    let given_up = |test: &Test| test.shard.counters().abort_on_timeout.get();
    assert_eq!(given_up(&test), 0);
    // Then it does not answer any more.
    let mut silent = 0;
    while given_up(&test) == 0 {
        test.pass(seconds(1));
        while test.next().is_some() {}
        silent += 1;
        assert!(silent < 300, "it is given up at last");
    }
    assert!(silent > 60, "{silent} s");
}

/// RFC 8985, section 6.2: nothing was delivered yet that RACK could compare with, whatever the clock says: it counts
/// microseconds modulo 2^32, so that a time of none looks later than half of all others.
#[test]
fn a_spurious_first_timeout_leaves_nothing_lost_at_any_time() {
    for uptime in [1, 2_200, 4_000, 5_000] {
        let mut test = Test::listening(|limits| {
            limits.tail_loss_probe = false;
            limits.spurious_timeout_detection = false;
        });
        test.pass(seconds(uptime));
        test.inject(syn().mss(1_012).sack_permitted().stamps(10, 0));
        let answer = stamp_of(&test.next().expect("SYN-ACK"));
        test.pass(millis(100));
        test.inject(ack(1, 1).stamps(11, answer));
        test.accept();
        test.send(&bytes(0, 4_000));
        let first = stamp_of(&test.next().expect("data"));
        while test.next().is_some() {}
        test.pass(millis(320));
        assert_eq!(test.next().expect("sent again").seq, 1);
        test.pass(millis(50));
        // The first copy is answered.
        test.inject(ack(1, 1_001).stamps(12, first));
        assert_eq!(test.rows()[0].outstanding.lost.segments, 0, "{uptime} s");
        assert!(test.next().is_none(), "nothing else is sent again");
    }
}

fn stamp_of(sent: &Segment) -> u32 {
    let options = sent.options.as_ref().expect("parsed");
    options.timestamps.expect("on").value
}
