//! A shard on virtual time, the states to begin in, and a peer made of literal segments.

mod beginnings;
pub mod peer;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use coremill_tcp::limits::Secrets;
use coremill_tcp::options::{ConnectOptions, ListenOptions, SocketOptions};
use coremill_tcp::snapshot::{ConnectionRow, Cursor};
use coremill_tcp::{
    ChunkPool, ConnectionId, Endpoint, Flow, Instant, Limits, ListenerId, SequenceNumber, Shard,
    State,
};

use super::peer_signature::Signing;
use super::segment::Segment;

/// A shard and the peer's end of one connection.
pub struct Test {
    pub shard: Shard,
    pub now: Instant,
    pub listener: Option<ListenerId>,
    pub id: Option<ConnectionId>,
    pub flow: Flow,
    /// Our initial sequence number, read from our SYN.
    pub start: SequenceNumber,
    /// Our first timestamp.
    pub first_stamp: u32,
    /// How both ends sign, if they do.
    pub signing: Option<Signing>,
}

impl Test {
    pub fn new(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits {
            connections_max: 16,
            requests_max: 16,
            time_wait_max: 16,
            orphans_max: 16,
            memory_bytes: 4 << 20,
            // Tests write what they need at once, except those of the buffer's growth.
            send_buffer_bytes: 1 << 20,
            send_buffer_first_bytes: 1 << 20,
            // No test waits for the first measurement, except those that say so.
            rto_initial: millis(200),
            ..Limits::default()
        };
        change(&mut limits);
        let secrets = Secrets {
            initial_sequence: [1; 16],
            timestamp_offset: [2; 16],
            ephemeral_port: [3; 16],
            table: [4; 16],
            syn_cookie: [5; 16],
            fast_open: [6; 16],
        };
        let memory = ChunkPool::new(limits.memory_bytes);
        Self {
            shard: Shard::new(limits, secrets, memory),
            now: Instant::from_millis(100_000),
            listener: None,
            id: None,
            flow: Flow {
                local: Endpoint::new(OURS, 80),
                remote: Endpoint::new(THEIRS, 5_000),
            },
            start: SequenceNumber::default(),
            first_stamp: 0,
            signing: None,
        }
    }

    // What our user does.

    pub fn listen(&mut self, socket: SocketOptions, backlog: usize) {
        let options = ListenOptions {
            local: self.flow.local,
            backlog,
            queued: Arc::default(),
            cookie: 7,
            socket,
        };
        self.listener = Some(self.shard.listen(options).expect("an empty table"));
    }

    pub fn connect(&mut self) {
        let options = ConnectOptions {
            source: OURS,
            source_port: Some(self.flow.local.port),
            remote: self.flow.remote,
            mtu: 1_500,
            cookie: 9,
            socket: SocketOptions::default(),
        };
        let id = self.shard.connect(self.now, &options, &|_| true);
        self.id = Some(id.expect("an empty table"));
    }

    pub fn accept(&mut self) {
        let listener = self.listener.expect("listening");
        self.id = Some(self.shard.accept(listener).expect("a connection waits"));
    }

    pub fn id(&self) -> ConnectionId {
        self.id.expect("connected")
    }

    /// Sends all of `data`, which must find room.
    pub fn send(&mut self, data: &[u8]) {
        let id = self.id();
        assert_eq!(self.shard.send(self.now, id, data), Ok(data.len()));
    }

    /// Reads what is there.
    pub fn read(&mut self) -> Vec<u8> {
        let id = self.id();
        let mut all = Vec::new();
        while let Ok(slice) = self.shard.receive_slice(id)
            && !slice.is_empty()
        {
            let count = slice.len();
            all.extend_from_slice(slice);
            self.shard.consume(self.now, id, count);
        }
        all
    }

    pub fn shutdown(&mut self) {
        let id = self.id();
        self.shard.shutdown(self.now, id).expect("open");
    }

    pub fn close(&mut self) {
        let id = self.id();
        self.shard.close(self.now, id);
    }

    // How time passes.

    /// Nothing is sent for nearly as long as `delay`, then this one.
    pub fn expect_after(&mut self, delay: Duration, expected: Segment) -> Segment {
        self.quiet_for(delay - SLACK);
        self.wait(2 * SLACK);
        self.expect(expected)
    }

    /// This is the next one sent within the delay of acknowledgments.
    pub fn expect_soon(&mut self, expected: Segment) -> Segment {
        self.wait(millis(50));
        self.expect(expected)
    }

    /// Lets time pass until there is something to send, at most `most`.
    fn wait(&mut self, most: Duration) {
        let end = self.now + most;
        while self.now < end && !self.shard.has_segments() {
            self.step(end);
        }
    }

    /// Lets time pass, timer by timer; what they want to send waits.
    pub fn pass(&mut self, delay: Duration) {
        let end = self.now + delay;
        while self.now < end {
            self.step(end);
        }
    }

    /// Lets time pass, in which nothing is sent.
    pub fn quiet_for(&mut self, delay: Duration) {
        let end = self.now + delay;
        while self.now < end {
            self.step(end);
            let at = self.now;
            let sent = self.next();
            assert_eq!(sent, None, "{:?} before the end of silence", end.since(at));
        }
    }

    fn step(&mut self, end: Instant) {
        let deadline = self.shard.next_deadline().unwrap_or(end);
        self.now = deadline.clamp(self.now, end);
        if self.shard.advance(self.now, usize::MAX) == 0 {
            // A deadline is a lower bound: go on at least a tick.
            self.now = (self.now + Duration::from_micros(33)).min(end);
        }
    }

    // What can be seen of the shard.

    pub fn rows(&self) -> Vec<ConnectionRow> {
        let mut rows = Vec::new();
        let mut cursor = Cursor::default();
        while self
            .shard
            .connection_rows(self.now, &mut cursor, 64, &mut |row| rows.push(*row))
        {}
        rows
    }

    /// The only connection is in this state. Closed ones wait for their users only.
    pub fn is_in(&self, state: State) {
        let mut states: Vec<State> = self.rows().iter().map(|row| row.state).collect();
        states.retain(|state| *state != State::Closed);
        assert_eq!(states, [state]);
    }

    /// Nothing is left of any connection.
    pub fn is_gone(&self) {
        assert_eq!(self.shard.live_records(), 0, "{:?}", self.rows());
    }
}

pub fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The bytes `first..first + count` of what tests send.
pub fn bytes(first: usize, count: usize) -> Vec<u8> {
    (first..first + count)
        .map(|index| (index % 251) as u8)
        .collect()
}

/// Our address.
pub const OURS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
/// The peer's.
pub const THEIRS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
/// The peer's initial sequence number: everything wraps soon after.
pub const PEER_START: SequenceNumber = SequenceNumber::new(0xffff_fff0);
/// How far a timer may be off.
const SLACK: Duration = Duration::from_millis(2);
