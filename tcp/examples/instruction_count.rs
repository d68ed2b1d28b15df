//! Work for callgrind: remote procedure calls or a stream between two shards in memory.
//!
//! `instruction_count rpc 1000` plays a thousand exchanges of 64 bytes each way, `rpc 1000 64` on 64 connections in turn
//! with 20 ms between those of one; `stream 1000` sends a thousand segments of 1,460 bytes; `duplicates 1000` has a
//! sender without SACK, hundreds of whose segments are in flight, hear a thousand duplicates. The difference between
//! two counts, divided by the difference of the numbers printed, is what one costs without the set-up:
//! `valgrind --tool=callgrind target/release/examples/instruction_count rpc 1000`
//! Collecting inside of `in_shard` only (`--toggle-collect`) leaves out what this program costs itself, inside of
//! `data_sent`, `data_received`, `acknowledgement_sent` or `acknowledgement_received` it tells what each step of a
//! stream costs; `bench/lab/instructions` does all that.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use coremill_tcp::limits::Secrets;
use coremill_tcp::options::{ConnectOptions, ListenOptions, SocketOptions};
use coremill_tcp::{
    ChunkPool, ConnectionId, Endpoint, Event, Inbound, Instant, Limits, Outgoing, Shard, Subject,
    Verdict,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let count = arguments.get(1).and_then(|text| text.parse::<usize>().ok());
    let (Some(load), Some(count)) = (arguments.first(), count) else {
        eprintln!("usage: instruction_count rpc|stream|duplicates COUNT [CONNECTIONS]");
        return ExitCode::from(2);
    };
    let connections = arguments.get(2).and_then(|text| text.parse().ok());
    let mut pair = Pair::connected(load != "duplicates", connections.unwrap_or(1));
    if let Some(connections) = connections {
        pair.step = MESSAGES_APART / 2 / connections as u32;
    }
    match load.as_str() {
        "rpc" => pair.exchange(count),
        "stream" => pair.stream(count),
        "duplicates" => pair.flood(count),
        other => {
            eprintln!("{other}: give rpc, stream or duplicates");
            return ExitCode::from(2);
        }
    }
    println!(
        "{load} {count}: {} ends, {} data segments, {} acknowledgements, {} bytes received",
        pair.ends, pair.data, pair.acknowledgements, pair.received
    );
    ExitCode::SUCCESS
}

/// Client and server, connected.
struct Pair {
    now: Instant,
    shards: [Shard; 2],
    /// The connection that is played on.
    ids: [Option<ConnectionId>; 2],
    /// All of them.
    connections: Vec<[Option<ConnectionId>; 2]>,
    /// Time between two turns.
    step: Duration,
    ends: usize,
    data: usize,
    acknowledgements: usize,
    received: usize,
    out: [u8; 1_600],
    /// The last acknowledgement of the server's.
    answer: Vec<u8>,
}

impl Pair {
    fn connected(sack: bool, connections: usize) -> Self {
        let buffer = if sack { 0 } else { FLOODED_BYTES };
        let socket = SocketOptions {
            no_delay: true,
            send_buffer_bytes: buffer,
            receive_buffer_bytes: 2 * buffer,
            ..SocketOptions::DEFAULT
        };
        let mut server = shard(sack, connections);
        let listening = server.listen(ListenOptions {
            local: Endpoint::new(address(1), 80),
            backlog: 16,
            queued: Arc::default(),
            cookie: 0,
            socket,
        });
        let listener = listening.expect("an empty table has room");
        let client = shard(sack, connections);
        let now = Instant::from_millis(1);
        let options = ConnectOptions {
            source: address(0),
            source_port: None,
            remote: Endpoint::new(address(1), 80),
            mtu: 1_512,
            cookie: 0,
            socket,
        };
        let mut pair = Self {
            now,
            shards: [client, server],
            ids: [None, None],
            connections: Vec::new(),
            step: Duration::from_micros(10),
            ends: 0,
            data: 0,
            acknowledgements: 0,
            received: 0,
            out: [0; 1_600],
            answer: Vec::new(),
        };
        for _ in 0..connections {
            let opened = pair.shards[0].connect(pair.now, &options, &|_| true);
            pair.ids = [Some(opened.expect("the table has room")), None];
            while pair.ids[1].is_none() {
                pair.turn();
                pair.ids[1] = pair.shards[1].accept(listener);
            }
            pair.connections.push(pair.ids);
        }
        pair
    }

    /// A request and its reply, `count` times. Each end takes one turn for what it is sent, as a worker does.
    fn exchange(&mut self, count: usize) {
        let message = [7; 64];
        for round in 0..count {
            self.ids = self.connections[round % self.connections.len()];
            self.send(0, &message);
            self.turn_of(0);
            self.read(1, message.len());
            self.send(1, &message);
            self.turn_of(1);
            self.read(0, message.len());
            self.ends += 2;
        }
    }

    fn read(&mut self, side: usize, count: usize) {
        let received = self.read_some(side);
        assert_eq!(received, count, "a message arrives whole");
        self.received += received;
    }

    fn stream(&mut self, segments: usize) {
        let data = [7; 14_600];
        let mut left = segments * 1_460;
        while left > 0 {
            let piece = &data[..left.min(data.len())];
            let sent = self.send(0, piece);
            left -= sent;
            self.turn_until_received(1, sent);
        }
    }

    /// The window opens; then a flight gets lost, and what had acknowledged the last one comes again and again.
    fn flood(&mut self, count: usize) {
        let data = vec![7; FLOODED_BYTES as usize];
        for _ in 0..FLIGHTS_BEFORE {
            let sent = self.send(0, &data);
            self.turn_until_received(1, sent);
        }
        self.send(0, &data);
        let mut flight = 0;
        while self.pull(0).is_some() {
            flight += 1;
        }
        assert!(flight >= FLIGHT_LEAST, "{flight} segments in flight");
        let answer = std::mem::take(&mut self.answer);
        for _ in 0..count {
            let duplicate = inbound(address(1), address(0), &answer);
            in_shard::acknowledgement_received(&mut self.shards[0], self.now, &duplicate);
        }
        self.acknowledgements = count;
    }

    fn send(&mut self, side: usize, data: &[u8]) -> usize {
        let id = self.ids[side].expect("connected");
        in_shard::send(&mut self.shards[side], self.now, id, data)
    }

    fn turn_until_received(&mut self, side: usize, count: usize) {
        let mut received = 0;
        while received < count {
            self.turn();
            received += self.read_some(side);
        }
        self.received += received;
    }

    fn read_some(&mut self, side: usize) -> usize {
        let id = self.ids[side].expect("connected");
        let (now, shard) = (self.now, &mut self.shards[side]);
        let mut received = 0;
        while let length = in_shard::readable(shard, id)
            && length > 0
        {
            in_shard::consume(shard, now, id, length);
            received += length;
        }
        received
    }

    /// A turn of each side.
    fn turn(&mut self) {
        for side in 0..2 {
            self.turn_of(side);
        }
    }

    /// A turn of one side, as a worker makes it, some time after the one before. What leaves arrives at once.
    fn turn_of(&mut self, side: usize) {
        self.now = self.now + self.step;
        let shard = &mut self.shards[side];
        in_shard::advance(shard, self.now);
        while let Some(event) = in_shard::next_event(shard) {
            debug_assert!(matches!(
                event.subject,
                Subject::Connection(_) | Subject::Listener(_)
            ));
        }
        // The client streams: its segments carry the data, the server's the acknowledgements.
        while let Some(outgoing) = self.pull(side) {
            let bytes = &self.out[..outgoing.length];
            let inbound = inbound(outgoing.source, outgoing.destination, bytes);
            if side == 1 {
                self.answer.clear();
                self.answer.extend_from_slice(bytes);
            }
            let (now, peer) = (self.now, &mut self.shards[1 - side]);
            if outgoing.length > outgoing.header_length {
                self.data += 1;
                in_shard::data_received(peer, now, &inbound);
            } else {
                self.acknowledgements += 1;
                in_shard::acknowledgement_received(peer, now, &inbound);
            }
        }
    }

    fn pull(&mut self, side: usize) -> Option<Outgoing> {
        let (now, out) = (self.now, &mut self.out[..]);
        match side {
            0 => in_shard::data_sent(&mut self.shards[0], now, out),
            _ => in_shard::acknowledgement_sent(&mut self.shards[1], now, out),
        }
    }
}

/// The shard's verbs, each in a function of its own, whose names callgrind knows.
mod in_shard {
    use super::*;

    #[inline(never)]
    pub fn advance(shard: &mut Shard, now: Instant) {
        shard.advance(now, 64);
    }

    #[inline(never)]
    pub fn next_event(shard: &mut Shard) -> Option<Event> {
        shard.next_event()
    }

    #[inline(never)]
    pub fn readable(shard: &Shard, id: ConnectionId) -> usize {
        shard.receive_slice(id).map_or(0, <[u8]>::len)
    }

    #[inline(never)]
    pub fn consume(shard: &mut Shard, now: Instant, id: ConnectionId, count: usize) {
        shard.consume(now, id, count);
    }

    #[inline(never)]
    pub fn send(shard: &mut Shard, now: Instant, id: ConnectionId, data: &[u8]) -> usize {
        shard.send(now, id, data).expect("connected")
    }

    // These differ, or the compiler makes one function of two.

    #[inline(never)]
    pub fn data_sent(shard: &mut Shard, now: Instant, out: &mut [u8]) -> Option<Outgoing> {
        black_box(1);
        shard.next_segment(now, out)
    }

    #[inline(never)]
    pub fn data_received(shard: &mut Shard, now: Instant, inbound: &Inbound<'_>) -> Verdict {
        black_box(2);
        shard.receive(now, inbound)
    }

    #[inline(never)]
    pub fn acknowledgement_sent(
        shard: &mut Shard,
        now: Instant,
        out: &mut [u8],
    ) -> Option<Outgoing> {
        black_box(3);
        shard.next_segment(now, out)
    }

    #[inline(never)]
    pub fn acknowledgement_received(
        shard: &mut Shard,
        now: Instant,
        inbound: &Inbound<'_>,
    ) -> Verdict {
        black_box(4);
        shard.receive(now, inbound)
    }
}

fn inbound(source: IpAddr, destination: IpAddr, bytes: &[u8]) -> Inbound<'_> {
    Inbound {
        source,
        destination,
        bytes,
        checksum_verified: true,
        ecn: 0,
        ttl: 64,
        mtu: 1_512,
    }
}

fn shard(sack: bool, connections: usize) -> Shard {
    let limits = Limits {
        connections_max: connections.max(64),
        sack,
        ..Limits::default()
    };
    let secrets = Secrets {
        initial_sequence: [1; 16],
        timestamp_offset: [2; 16],
        ephemeral_port: [3; 16],
        table: [4; 16],
        syn_cookie: [5; 16],
        fast_open: [6; 16],
    };
    Shard::new(limits, secrets, ChunkPool::new(8 << 20))
}

fn address(side: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, 1 + side).into()
}

const MESSAGES_APART: Duration = Duration::from_millis(20);
const FLIGHTS_BEFORE: usize = 30;
/// Buffered where the flight is to be large; else the buffers are the shard's.
const FLOODED_BYTES: u32 = 256 << 10;
/// Segments: as many as a walk through them would be seen.
const FLIGHT_LEAST: usize = 100;
