//! What a connection leaves to those after it to the same destination (Linux: tcp_metrics).

use std::time::Duration;

use coremill_tcp::snapshot::DestinationRow;

use super::harness::{Test, millis, seconds};
use super::segment::{ack, data, fin, rst, syn, syn_ack};

fn rows(test: &Test) -> Vec<DestinationRow> {
    let (mut rows, mut place) = (Vec::new(), 0);
    while test
        .shard
        .destination_rows(test.now, &mut place, 7, &mut |row| rows.push(*row))
    {}
    rows
}

/// A connection from its SYN, with a round trip of so long, to an end by FIN both ways.
fn converse(test: &mut Test, round_trip: Duration) {
    test.connect();
    test.expect(syn());
    test.pass(round_trip);
    test.inject(syn_ack(1).mss(1_000));
    test.expect(ack(1, 1));
    test.send(b"hello");
    test.expect(data(1, 1, b"hello"));
    test.pass(round_trip);
    test.inject(ack(1, 6));
    test.close();
    test.expect(fin(6, 1));
    test.pass(round_trip);
    test.inject(fin(1, 7));
    test.expect_soon(ack(7, 2));
    test.pass(seconds(61));
}

#[test]
fn a_connection_that_ends_well_tells_of_its_round_trip() {
    let mut test = Test::new(|_| {});
    converse(&mut test, millis(80));
    let rows = rows(&test);
    assert_eq!(rows.len(), 1);
    let row = rows[0];
    assert_eq!(row.destination, test.flow.remote.address);
    let known = row.round_trip.expect("measured");
    assert!(known >= millis(79) && known <= millis(81), "{known:?}");
    assert!(row.congestion_window_segments.is_some());
    assert_eq!(row.slow_start_threshold_segments, None);
    assert_eq!(test.shard.forget_destinations(None), 1);
    assert!(self::rows(&test).is_empty());
}

#[test]
fn one_that_is_reset_or_never_opened_tells_nothing() {
    let mut test = Test::new(|_| {});
    test.connect();
    test.expect(syn());
    test.inject(syn_ack(1).mss(1_000));
    test.expect(ack(1, 1));
    test.inject(rst(1));
    assert!(rows(&test).is_empty());
}

#[test]
fn nothing_is_told_where_nothing_shall_be_saved() {
    let mut test = Test::new(|limits| limits.saves_metrics = false);
    converse(&mut test, millis(80));
    assert!(rows(&test).is_empty());
}

/// The time after which unacknowledged data of a new connection goes again, whose own round trip is 1 ms.
fn first_timeout(test: &mut Test) -> Duration {
    test.connect();
    test.expect(syn());
    test.pass(millis(1));
    test.inject(syn_ack(1).mss(1_000));
    test.expect(ack(1, 1));
    test.send(b"hello");
    test.expect(data(1, 1, b"hello"));
    let sent = test.now;
    while test.next().is_none() {
        test.pass(millis(1));
    }
    test.now.since(sent)
}

#[test]
fn the_first_timeout_is_as_long_as_former_connections_took() {
    // The handshake's segments are small: its round trip may be too short for data.
    let mut test = Test::new(|limits| limits.tail_loss_probe = false);
    let alone = first_timeout(&mut test);
    assert!(alone < millis(210), "{alone:?}");
    let mut test = Test::new(|limits| limits.tail_loss_probe = false);
    converse(&mut test, millis(150));
    let warned = first_timeout(&mut test);
    assert!(warned >= millis(449) && warned < millis(510), "{warned:?}");
}
