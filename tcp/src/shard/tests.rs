//! Two shards that pass segments to each other by hand.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use super::Shard;
use crate::address::Endpoint;
use crate::chunk_pool::ChunkPool;
use crate::error::{ConnectionError, ReceiveError};
use crate::event::{ConnectionId, ListenerId};
use crate::limits::{Limits, Secrets};
use crate::options::{ConnectOptions, ListenOptions, SocketOptions};
use crate::packet::Inbound;
use crate::time::Instant;

const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

struct Pair {
    now: Instant,
    client: Shard,
    server: Shard,
    listener: ListenerId,
    queued: Arc<AtomicUsize>,
}

impl Pair {
    fn new(change: impl Fn(&mut Limits)) -> Self {
        let mut limits = Limits {
            connections_max: 64,
            requests_max: 64,
            time_wait_max: 64,
            memory_bytes: 8 << 20,
            ..Limits::default()
        };
        change(&mut limits);
        let key = [7; 16];
        let secrets = Secrets {
            initial_sequence: key,
            timestamp_offset: key,
            ephemeral_port: key,
            table: key,
        };
        let shard = || {
            let memory = ChunkPool::new(limits.memory_bytes);
            Shard::new(limits.clone(), secrets.clone(), memory)
        };
        let mut server = shard();
        let queued = Arc::new(AtomicUsize::new(0));
        let listener = server
            .listen(ListenOptions {
                local: Endpoint::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 80),
                backlog: 1,
                queued: queued.clone(),
                cookie: 1,
                socket: SocketOptions::default(),
            })
            .expect("nobody else listens");
        Self {
            now: Instant::from_millis(1),
            client: shard(),
            server,
            listener,
            queued,
        }
    }

    fn connect(&mut self) -> ConnectionId {
        let options = ConnectOptions {
            source: CLIENT,
            source_port: None,
            remote: Endpoint::new(SERVER, 80),
            mtu: 1_500,
            cookie: 2,
            socket: SocketOptions::default(),
        };
        self.client
            .connect(self.now, &options, &|_| true)
            .expect("a port is free")
    }

    /// Both ends of a connection, accepted.
    fn established(&mut self) -> (ConnectionId, ConnectionId) {
        let client = self.connect();
        self.exchange();
        let server = self
            .server
            .accept(self.listener)
            .expect("the handshake is complete");
        (client, server)
    }

    /// Passes segments until neither side has any; returns how many.
    fn exchange(&mut self) -> usize {
        let mut passed = 0;
        loop {
            let before = passed;
            passed += pass(self.now, &mut self.client, &mut self.server);
            passed += pass(self.now, &mut self.server, &mut self.client);
            if passed == before {
                return passed;
            }
        }
    }

    fn wait(&mut self, delay: Duration) {
        let end = self.now + delay;
        while self.now < end {
            self.now = (self.now + Duration::from_millis(1)).min(end);
            self.client.advance(self.now, 100);
            self.server.advance(self.now, 100);
            self.exchange();
        }
    }
}

fn pass(now: Instant, from: &mut Shard, to: &mut Shard) -> usize {
    let mut out = [0; 2_048];
    let mut passed = 0;
    while let Some(outgoing) = from.next_segment(now, &mut out) {
        let bytes = &out[..outgoing.length];
        to.receive(
            now,
            &Inbound {
                source: outgoing.source,
                destination: outgoing.destination,
                bytes,
                checksum_verified: true,
                ecn: 0,
                ttl: outgoing.ttl,
                mtu: 1_500,
            },
        );
        passed += 1;
    }
    passed
}

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
    sender.send.highest += count;
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
