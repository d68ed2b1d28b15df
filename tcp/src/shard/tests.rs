//! Two shards that pass segments to each other by hand.

mod pair;
mod reader;

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use self::pair::{CLIENT, OPTIONS, Pair, SERVER, pass};
use crate::address::{Endpoint, Flow};
use crate::error::{ConnectionError, ReceiveError};
use crate::event::ConnectionId;
use crate::initial_sequence::InitialSequence;
use crate::options::ConnectOptions;
use crate::time::Instant;

#[test]
fn a_request_and_its_reply_take_two_segments() {
    let mut pair = Pair::new(|_| {});
    let (client, server) = pair.established();
    for round in 0..10 {
        assert_eq!(pair.client.send(pair.now, client, &[round; 64]), Ok(64));
        let mut passed = pass(pair.now, &mut pair.client, &mut pair.server);
        assert_eq!(pair.server.splice(pair.now, server, 64), Ok(64));
        passed += pass(pair.now, &mut pair.server, &mut pair.client);
        assert_eq!(pair.client.receive_slice(client), Ok(&[round; 64][..]));
        pair.client.consume(pair.now, client, 64);
        assert_eq!(
            passed, 2,
            "round {round}: each acknowledgement rides on data"
        );
    }
}

#[test]
fn a_look_ahead_finds_the_record_that_a_segment_will_need() {
    let mut pair = Pair::new(|_| {});
    let (client, _server) = pair.established();
    let flow = pair.client.row(pair.now, client).expect("a row").flow;
    let (slot, _) = pair.client.likely_record(&flow).expect("a record");
    assert_eq!(slot, client.slot);
    assert_eq!(pair.client.cookie_at(slot), Some(OPTIONS.cookie));
    assert!(!pair.client.is_large());
}

#[test]
fn an_orderly_end_leaves_nothing_once_time_wait_is_over() {
    let mut pair = Pair::new(|limits| limits.time_wait = Duration::from_millis(50));
    let (client, server) = pair.established();
    pair.client.close(pair.now, client);
    pair.exchange();
    assert_eq!(
        pair.server.receive_slice(server),
        Err(ReceiveError::EndOfStream)
    );
    pair.server.close(pair.now, server);
    pair.exchange();
    assert_eq!(
        (pair.client.live_records(), pair.server.live_records()),
        (1, 0)
    );
    pair.wait(Duration::from_millis(60));
    assert_eq!(pair.client.live_records(), 0);
    assert_eq!(pair.client.next_deadline(), None);
}

#[test]
fn unread_bytes_make_close_a_reset() {
    let mut pair = Pair::new(|_| {});
    let (client, server) = pair.established();
    assert_eq!(pair.client.send(pair.now, client, b"never read"), Ok(10));
    pair.exchange();
    pair.server.close(pair.now, server);
    pair.exchange();
    let reset = ReceiveError::Failed(ConnectionError::Reset);
    assert_eq!(pair.client.receive_slice(client), Err(reset));
    assert_eq!(pair.server.live_records(), 0);
    pair.client.close(pair.now, client);
    assert_eq!(pair.client.live_records(), 0);
}

#[test]
fn a_full_accept_queue_refuses_and_an_accept_makes_room() {
    let mut pair = Pair::new(|_| {});
    for _ in 0..3 {
        pair.connect();
        pair.exchange();
    }
    assert_eq!(pair.queued.load(Relaxed), 2);
    assert_eq!(pair.server.counters().listen_overflows.get(), 1);
    assert!(pair.server.accept(pair.listener).is_some());
    pair.wait(Duration::from_millis(1_100));
    assert_eq!(pair.queued.load(Relaxed), 2, "the third SYN came again");
    pair.server.close_listener(pair.now, pair.listener);
    assert_eq!(pair.queued.load(Relaxed), 0);
    pair.exchange();
    assert_eq!(pair.server.live_records(), 1, "only the accepted one stays");
}

#[test]
fn a_closed_window_is_probed_and_opens_again() {
    let mut pair = Pair::new(|limits| limits.receive_buffer_bytes = 20_000);
    let (client, server) = pair.established();
    let data = [1; 30_000];
    assert_eq!(pair.client.send(pair.now, client, &data), Ok(30_000));
    pair.wait(Duration::from_secs(3));
    assert!(pair.client.counters().zero_window_probe.get() >= 2);
    let mut read = 0;
    while read < data.len() {
        let count = pair.server.receive_slice(server).expect("open").len();
        pair.server.consume(pair.now, server, count);
        read += count;
        pair.wait(Duration::from_millis(10));
    }
    assert_eq!(read, data.len());
}

#[test]
fn a_stale_handle_names_nothing() {
    let mut pair = Pair::new(|_| {});
    let client = pair.connect();
    pair.client.close(pair.now, client);
    let next = pair.connect();
    assert_eq!(client.slot, next.slot, "the slot is used again");
    assert_eq!(pair.client.flow(client), None);
    assert_eq!(
        pair.client.receive_slice(client),
        Err(ReceiveError::NoConnection)
    );
    pair.client.abort(pair.now, client);
    assert!(pair.client.flow(next).is_some());
}

/// As if the client had sent `count` bytes more, and the server had read them.
fn skip(pair: &mut Pair, client: ConnectionId, server: ConnectionId, count: u32) {
    let sender = pair.client.connections.get_mut(client.slot).expect("open");
    assert_eq!(sender.send.outstanding(), 0);
    sender.send.unacknowledged += count;
    sender.send.next += count;
    let receiver = pair.server.connections.get_mut(server.slot).expect("open");
    receiver.receive.next += count;
    receiver.receive.acknowledged += count;
    receiver.receive.edge += count;
    receiver.send.window_sequence += count;
}

#[test]
fn losses_are_found_by_duplicates_after_gigabytes_without_one() {
    let mut pair = Pair::new(|_| {});
    let (client, server) = pair.established();
    for _ in 0..5 {
        skip(&mut pair, client, server, 1 << 29);
        assert_eq!(pair.client.send(pair.now, client, &[0; 64]), Ok(64));
        pair.exchange();
        pair.server.consume(pair.now, server, 64);
        pair.wait(Duration::from_millis(50));
    }
    assert_eq!(pair.client.send(pair.now, client, &[1; 20_000]), Ok(20_000));
    let mut out = [0; 2_048];
    let lost = pair.client.next_segment(pair.now, &mut out);
    assert!(lost.is_some());
    pair.exchange();
    assert_eq!(pair.client.counters().fast_retrans.get(), 1);
    assert_eq!(pair.client.counters().timeouts.get(), 0);
}

#[test]
fn a_shard_that_goes_away_leaves_its_accept_queues_whole() {
    let mut pair = Pair::new(|_| {});
    for _ in 0..2 {
        pair.connect();
        pair.exchange();
    }
    let mut slot = 0;
    while pair.server.abort_slice(pair.now, &mut slot, 1) {
        pair.exchange();
    }
    pair.exchange();
    assert_eq!(pair.queued.load(Relaxed), 2);
    let accepted = pair.server.accept(pair.listener).expect("it waits still");
    assert_eq!(pair.server.error(accepted), Some(ConnectionError::Aborted));
    pair.server.close(pair.now, accepted);
    pair.server.close_listener(pair.now, pair.listener);
    assert_eq!(pair.queued.load(Relaxed), 0);
    assert_eq!(pair.server.live_records(), 0);
}

#[test]
fn a_buffer_that_is_too_short_gets_no_segment() {
    let mut pair = Pair::new(|_| {});
    let (client, _server) = pair.established();
    assert_eq!(pair.client.send(pair.now, client, &[1; 1_000]), Ok(1_000));
    let mut short = [0; 100];
    assert_eq!(pair.client.next_segment(pair.now, &mut short), None);
    let mut out = [0; 2_048];
    assert!(pair.client.next_segment(pair.now, &mut out).is_some());
}

/// A key under which the initial sequence number of `flow` lies up to 64 KiB before the wrap.
fn key_near_wrap(now: Instant, flow: &Flow) -> [u8; 16] {
    let keys = (0_u128..).map(u128::to_le_bytes);
    keys.take(10_000_000)
        .find(|key| InitialSequence::new(key).number(now, flow).raw() > u32::MAX - 65_536)
        .expect("one in 65,536 does")
}

#[test]
fn both_directions_pass_the_wrap_of_their_numbers_with_losses() {
    let mut pair = Pair::new(|limits| limits.receive_buffer_bytes = 100_000);
    let there = Flow {
        local: Endpoint::new(CLIENT, 40_000),
        remote: Endpoint::new(SERVER, 80),
    };
    let back = Flow {
        local: there.remote,
        remote: there.local,
    };
    pair.client.initial_sequence = InitialSequence::new(&key_near_wrap(pair.now, &there));
    pair.server.initial_sequence = InitialSequence::new(&key_near_wrap(pair.now, &back));
    let options = ConnectOptions {
        source_port: Some(40_000),
        ..OPTIONS
    };
    let connected = pair.client.connect(pair.now, &options, &|_| true);
    let client = connected.expect("the port is free");
    pair.exchange();
    let server = pair.server.accept(pair.listener).expect("established");
    let slots = (client.slot, server.slot);
    let numbers = |pair: &Pair| {
        let client = pair.client.connections.get(slots.0).expect("open");
        let server = pair.server.connections.get(slots.1).expect("open");
        [client.send.next.raw(), server.send.next.raw()]
    };
    assert!(
        numbers(&pair)
            .iter()
            .all(|number| *number > u32::MAX - 65_536)
    );

    let data: Vec<u8> = (0..300_000).map(|index| (index % 251) as u8).collect();
    let (mut sent, mut received) = ([0; 2], [Vec::new(), Vec::new()]);
    pair.lose_every = 23;
    while received.iter().any(|bytes| bytes.len() < data.len()) {
        let now = pair.now;
        for (side, (shard, id)) in [(&mut pair.client, client), (&mut pair.server, server)]
            .into_iter()
            .enumerate()
        {
            sent[side] += shard.send(now, id, &data[sent[side]..]).expect("open");
            while let Ok(slice) = shard.receive_slice(id)
                && !slice.is_empty()
            {
                let count = slice.len();
                received[side].extend_from_slice(slice);
                shard.consume(now, id, count);
            }
        }
        pair.wait(Duration::from_millis(1));
        assert!(pair.now < Instant::from_millis(600_000), "no progress");
    }
    assert!(received.iter().all(|bytes| *bytes == data));
    assert!(numbers(&pair).iter().all(|number| *number < 1 << 20));
    assert!(pair.client.counters().sack_recovery.get() > 0);
}

#[test]
fn a_connection_may_lead_to_itself() {
    let mut pair = Pair::new(|_| {});
    let options = ConnectOptions {
        source_port: Some(9_000),
        remote: Endpoint::new(CLIENT, 9_000),
        ..OPTIONS
    };
    let connected = pair.client.connect(pair.now, &options, &|_| true);
    let id = connected.expect("the port is free");
    pair.loop_back();
    assert_eq!(pair.client.send(pair.now, id, b"echo"), Ok(4));
    pair.loop_back();
    assert_eq!(pair.client.receive_slice(id), Ok(&b"echo"[..]));
    pair.client.consume(pair.now, id, 4);
    pair.client.close(pair.now, id);
    pair.loop_back();
    pair.now = pair.now + Duration::from_secs(61);
    pair.client.advance(pair.now, 100);
    assert_eq!(pair.client.live_records(), 0);
}

#[test]
fn a_shard_may_serve_itself() {
    let mut pair = Pair::new(|_| {});
    let options = ConnectOptions {
        source: SERVER,
        ..OPTIONS
    };
    let connected = pair.server.connect(pair.now, &options, &|_| true);
    let client = connected.expect("a port is free");
    std::mem::swap(&mut pair.client, &mut pair.server);
    pair.loop_back();
    let server = pair.client.accept(pair.listener).expect("established");
    assert_eq!(pair.client.send(pair.now, client, b"here"), Ok(4));
    pair.loop_back();
    assert_eq!(pair.client.receive_slice(server), Ok(&b"here"[..]));
}

#[test]
fn a_reset_that_waits_to_be_sent_survives_another() {
    let mut pair = Pair::new(|_| {});
    let (client, server) = pair.established();
    assert_eq!(pair.client.send(pair.now, client, b"never read"), Ok(10));
    pass(pair.now, &mut pair.client, &mut pair.server);
    pair.server.close(pair.now, server);
    let mut slot = 0;
    while pair.server.abort_slice(pair.now, &mut slot, 16) {}
    pair.exchange();
    assert_eq!(pair.client.error(client), Some(ConnectionError::Reset));
    assert_eq!(pair.server.live_records(), 0);
}
