//! What a connection counts by RFC 4898, where it is asked to; and what memory it says to have.

use coremill_tcp::Limits;
use coremill_tcp::congestion::Algorithm;
use coremill_tcp::limits::LossDetection;
use coremill_tcp::options::{SocketOption, SocketOptions};
use coremill_tcp::statistics::OBJECTS;

use super::harness::{Test, bytes, millis};
use super::segment::{ack, data, fin, syn};

/// A connection that counts from its first segment on, and may be told of losses by SACK.
fn counting(change: impl FnOnce(&mut Limits)) -> Test {
    Test::established_as(
        |limits| {
            limits.statistics = true;
            change(limits);
        },
        SocketOptions::default(),
        syn().mss(1_000).sack_permitted(),
        ack(1, 1),
    )
}

fn object(test: &Test, name: &str) -> u64 {
    let objects = test.shard.statistics(test.now, test.id());
    let place = OBJECTS.iter().position(|object| *object == name);
    objects.expect("it counts")[place.expect(name)]
}

fn are(test: &Test, expected: &[(&str, u64)]) {
    for (name, value) in expected {
        assert_eq!(object(test, name), *value, "{name}");
    }
}

/// RFC 4898, section 4.
#[test]
fn segments_and_bytes_are_counted_both_ways() {
    let mut test = counting(|_| {});
    test.inject(data(1, 1, &bytes(0, 500)));
    test.expect(ack(1, 501));
    test.send(&bytes(0, 1_500));
    test.expect(data(1, 501, &bytes(0, 1_000)));
    test.expect(data(1_001, 501, &bytes(1_000, 500)));
    test.now = test.now + millis(30);
    test.inject(ack(501, 1_501));
    are(
        &test,
        &[
            // With the last one of the handshake.
            ("PerfSegsIn", 3),
            ("PerfDataSegsIn", 1),
            ("PerfDataOctetsIn", 500),
            ("PerfSegsOut", 3),
            ("PerfDataSegsOut", 2),
            ("PerfDataOctetsOut", 1_500),
            ("PerfSegsRetrans", 0),
            ("PerfCurMSS", 1_000),
            ("PerfMaxPipeSize", 1_500),
            ("PerfElapsedSecs", 0),
            ("PathCountRTT", 1),
            ("PathSumRTT", 30_000),
            ("PathMinRTT", 30_000),
            ("PathMaxRTT", 30_000),
            ("StackWillUseSACK", 1),
            ("StackState", 1),
            ("StackMaxRetxQueue", 1_500),
            ("AppThruOctetsAcked", 1_500),
            ("AppThruOctetsReceived", 500),
            ("AppCurAppRQueue", 500),
            ("AppMaxAppWQueue", 1_500),
        ],
    );
    assert!(object(&test, "PerfElapsedMicroSecs") >= 30_000);
}

#[test]
fn a_loss_shows_as_signal_duplicates_and_retransmission() {
    let mut test = counting(|limits| limits.tail_loss_probe = false);
    test.send(&bytes(0, 6_000));
    while test.next().is_some() {}
    test.now = test.now + millis(30);
    for count in 1..=4 {
        let right = 1_001 + 1_000 * count;
        test.inject(ack(1, 1).sack(&[(1_001, right)]));
    }
    test.expect(data(1, 1, &bytes(0, 1_000)));
    are(
        &test,
        &[
            ("StackDupAcksIn", 4),
            ("PathDupAckEpisodes", 1),
            ("StackSACKsRcvd", 4),
            ("StackSACKBlocksRcvd", 4),
            ("PerfCongSignals", 1),
            ("StackFastRetran", 1),
            ("StackInRecovery", 1),
            ("PerfSegsRetrans", 1),
            ("PerfOctetsRetrans", 1_000),
            ("PerfTimeouts", 0),
            ("PathNonRecovDA", 0),
            ("PathPreCongSumCwnd", 10_000),
        ],
    );
    assert_eq!(
        object(&test, "StackMinSsthresh"),
        object(&test, "PerfCurSsthresh")
    );
    test.inject(ack(1, 6_001));
    are(&test, &[("StackInRecovery", 0), ("PathNonRecovDA", 0)]);
}

#[test]
fn duplicates_that_no_loss_follows_are_reordering() {
    let mut test = counting(|limits| limits.loss_detection = LossDetection::Rfc6675);
    test.send(&bytes(0, 3_000));
    while test.next().is_some() {}
    test.inject(ack(1, 1).sack(&[(1_001, 2_001)]));
    test.inject(ack(1, 3_001));
    are(
        &test,
        &[
            ("PathNonRecovDA", 1),
            ("PathNonRecovDAEpisodes", 1),
            ("PathSumOctetsReordered", 3_000),
            ("PerfCongSignals", 0),
        ],
    );
}

#[test]
fn timeouts_in_a_row_are_told_apart() {
    let mut test = counting(|limits| limits.tail_loss_probe = false);
    test.send(b"lost");
    test.expect(data(1, 1, b"lost"));
    for wait in [300, 500] {
        test.pass(millis(wait));
        test.expect(data(1, 1, b"lost"));
    }
    are(
        &test,
        &[
            ("PerfTimeouts", 2),
            ("StackSubsequentTimeouts", 1),
            ("StackCurTimeoutCount", 2),
            ("PerfSegsRetrans", 2),
            ("PerfCongSignals", 1),
            ("InfoTotalRtoRecoveries", 1),
            // From the first, 201 ms after it was sent.
            ("InfoTotalRtoTime", 599),
        ],
    );
    test.now = test.now + millis(70);
    test.inject(ack(1, 5));
    test.now = test.now + millis(70);
    are(&test, &[("InfoTotalRtoTime", 669)]);
}

#[test]
fn time_goes_to_what_holds_the_sender_back() {
    let mut test = counting(|_| {});
    test.inject(ack(1, 1).window(2_000));
    test.send(&bytes(0, 20_000));
    while test.next().is_some() {}
    test.now = test.now + millis(40);
    // The peer opens its window: now it is ours, of ten segments.
    test.inject(ack(1, 1).window(60_000));
    while test.next().is_some() {}
    test.now = test.now + millis(20);
    test.inject(ack(1, 10_001).window(60_000));
    while test.next().is_some() {}
    test.now = test.now + millis(5);
    are(
        &test,
        &[
            ("PerfSndLimTransRwin", 1),
            ("PerfSndLimTransCwnd", 1),
            ("PerfSndLimTransSnd", 1),
            ("PerfSndLimTimeRwin", 40_000),
            ("PerfSndLimTimeCwnd", 20_000),
            ("PerfMaxRwinRcvd", 65_535),
            ("StackSlowStart", 1),
            ("StackMaxSsCwnd", 20_000),
        ],
    );
    assert!(object(&test, "PerfSndLimTimeSnd") >= 5_000);
}

/// What Linux's TCP_INFO counts besides.
#[test]
fn deliveries_and_their_rate_are_counted() {
    let mut test = counting(|_| {});
    test.send(&bytes(0, 4_000));
    while test.next().is_some() {}
    test.now = test.now + millis(100);
    test.inject(ack(1, 2_001).sack(&[(3_001, 4_001)]));
    are(
        &test,
        &[
            ("InfoDelivered", 3),
            ("InfoDeliveryRate", 30_000),
            // Its user had no more than these.
            ("InfoDeliveryRateAppLimited", 1),
            ("InfoBusyTime", 100_000),
        ],
    );
    test.inject(ack(1, 4_001));
    are(&test, &[("InfoDelivered", 4), ("InfoBusyTime", 100_000)]);
}

#[test]
fn a_connection_that_counts_sends_as_others_do() {
    let begun = |is_counted| {
        let mut test = Test::established_as(
            |limits| {
                limits.statistics = is_counted;
                limits.congestion.algorithm = Algorithm::Bbr;
            },
            SocketOptions::default(),
            syn().mss(500).sack_permitted(),
            ack(1, 1),
        );
        test.send(&bytes(0, 20_000));
        let (info, id) = (test.shard.tcp_info(test.now, test.id()), test.id());
        let info = info.expect("it is there");
        let row = test.shard.row(test.now, id).expect("it is there");
        (info.snd_cwnd, info.pacing_rate, row.algorithm_info)
    };
    assert_eq!(begun(true), begun(false));
}

#[test]
fn a_segment_that_arrived_in_part_is_delivered_once_it_is_whole() {
    let mut test = counting(|_| {});
    test.send(&bytes(0, 2_000));
    while test.next().is_some() {}
    test.inject(ack(1, 1_501));
    are(&test, &[("InfoDelivered", 1)]);
    test.inject(ack(1, 2_001));
    are(&test, &[("InfoDelivered", 2)]);
}

/// A connection that counts, and whose user has written more than its buffer of 3,000 bytes takes.
fn short_of_room(window: u16) -> Test {
    let mut test = Test::established_as(
        |limits| limits.statistics = true,
        SocketOptions {
            send_buffer_bytes: 3_000,
            ..SocketOptions::default()
        },
        syn().mss(1_000).sack_permitted(),
        ack(1, 1),
    );
    test.inject(ack(1, 1).window(window));
    let (now, id) = (test.now, test.id());
    let taken = test.shard.send(now, id, &bytes(0, 9_000));
    assert_eq!(taken, Ok(3_000));
    while test.next().is_some() {}
    test.now = test.now + millis(40);
    test
}

#[test]
fn a_user_who_waits_for_room_with_all_sent_is_held_back_by_the_buffer() {
    let mut test = short_of_room(60_000);
    test.inject(ack(1, 3_001));
    test.now = test.now + millis(40);
    are(
        &test,
        &[("InfoSndbufLimited", 40_000), ("InfoBusyTime", 40_000)],
    );
}

#[test]
fn who_waits_for_room_while_a_window_holds_the_rest_back_is_held_back_by_that() {
    let mut test = short_of_room(2_000);
    test.inject(ack(1, 2_001).window(2_000));
    are(
        &test,
        &[("InfoSndbufLimited", 0), ("PerfSndLimTimeRwin", 40_000)],
    );
}

#[test]
fn who_is_not_asked_counts_nothing_and_an_option_asks() {
    let mut test = Test::established();
    let (now, id) = (test.now, test.id());
    assert_eq!(test.shard.statistics(now, id), None);
    assert_eq!(test.shard.option(id, SocketOption::Statistics), Ok(0));
    let set = |test: &mut Test, value| {
        test.shard
            .set_option(now, id, SocketOption::Statistics, value)
    };
    assert_eq!(set(&mut test, 1), Ok(()));
    test.inject(data(1, 1, b"some"));
    are(&test, &[("PerfSegsIn", 1), ("PerfDataOctetsIn", 4)]);
    // Asking again forgets nothing.
    assert_eq!(set(&mut test, 1), Ok(()));
    are(&test, &[("PerfSegsIn", 1)]);
    assert_eq!(set(&mut test, 0), Ok(()));
    assert_eq!(test.shard.statistics(now, id), None);
    test.inject(data(5, 1, b"more"));
    assert_eq!(test.read(), b"somemore");
}

#[test]
fn without_a_block_a_connection_goes_on_and_does_not_count() {
    let mut test = counting(|limits| limits.extensions_max = 0);
    assert_eq!(test.shard.statistics(test.now, test.id()), None);
    assert!(test.shard.counters().extensions_exhausted.get() > 0);
    test.inject(data(1, 1, b"all the same"));
    assert_eq!(test.read(), b"all the same");
    test.inject(fin(13, 1));
    test.close();
}

#[test]
fn memory_is_told_by_chunks_and_bytes() {
    let mut test = Test::established();
    test.inject(data(1, 1, &bytes(0, 100)));
    test.inject(data(1_001, 1, &bytes(0, 100)));
    test.send(&bytes(0, 1_000));
    let told = test.shard.memory_info(test.id()).expect("it is there");
    assert_eq!(told.receive_held, 256 + 2_048);
    assert_eq!(told.send_queued, 2_048);
    assert_eq!(told.forward, 256 + 2_048 + 2_048 - 100 - 100 - 1_000);
    assert_eq!(told.receive_buffer, 65_535);
    assert_eq!(told.to_array()[5], 2_048);
    assert_eq!((told.send_held, told.option_memory), (0, 0));
    assert_eq!((told.backlog, told.drops), (0, 0));
}
