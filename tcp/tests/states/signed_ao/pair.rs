//! Two shards that talk to each other, with keys of TCP-AO.

use std::net::IpAddr;
use std::sync::Arc;

use coremill_tcp::authentication::{AoAlgorithm, AoKey, AoPolicy, KeyRing, PeerKey, Prefix};
use coremill_tcp::error::ConnectError;
use coremill_tcp::limits::Secrets;
use coremill_tcp::options::{ConnectOptions, ListenOptions, SocketOptions};
use coremill_tcp::{
    ChunkPool, ConnectionId, Endpoint, Inbound, Instant, Limits, ListenerId, Shard, State, Verdict,
};

use crate::harness::{OURS, THEIRS, seconds};

pub const AO: AoKey = AoKey {
    algorithm: AoAlgorithm::HmacSha1,
    send_id: 61,
    receive_id: 84,
    mac_bytes: 12,
    excludes_options: false,
};

/// A segment on its way.
#[derive(Clone)]
pub struct Sent {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub bytes: Vec<u8>,
}

/// A client that connects from `OURS` and a server that listens at `THEIRS`.
pub struct Pair {
    pub now: Instant,
    pub client: Shard,
    pub server: Shard,
    pub listener: ListenerId,
    /// All that was sent.
    pub seen: Vec<Sent>,
}

impl Pair {
    pub fn new(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits {
            connections_max: 16,
            memory_bytes: 4 << 20,
            ..Limits::default()
        };
        change(&mut limits);
        let shard = |byte: u8| {
            let secrets = Secrets {
                initial_sequence: [byte; 16],
                timestamp_offset: [byte; 16],
                ephemeral_port: [byte; 16],
                table: [byte; 16],
                syn_cookie: [byte; 16],
                fast_open: [byte; 16],
            };
            let memory = ChunkPool::new(limits.memory_bytes);
            Shard::new(limits.clone(), secrets, memory)
        };
        let (client, mut server) = (shard(1), shard(2));
        let listener = server.listen(ListenOptions {
            local: Endpoint::new(THEIRS, 179),
            backlog: 8,
            queued: Arc::default(),
            cookie: 1,
            socket: SocketOptions::default(),
        });
        Self {
            now: Instant::from_millis(100_000),
            client,
            server,
            listener: listener.expect("an empty table"),
            seen: Vec::new(),
        }
    }

    /// Both have the key; the server as it looks from there.
    pub fn with_key(secret: &[u8], ao: AoKey, change: impl FnOnce(&mut Limits)) -> Self {
        let mut pair = Self::new(change);
        pair.listen_with(secret, ao);
        pair
    }

    pub fn listen_with(&mut self, secret: &[u8], ao: AoKey) {
        let key = server_key(secret, ao);
        self.server.add_listener_key(self.listener, key).unwrap();
    }

    pub fn connect(&mut self, keys: &[PeerKey]) -> ConnectionId {
        let opened = self.try_connect(None, keys, AoPolicy::default());
        opened.expect("an empty table")
    }

    /// From a port of its own, if one is named.
    pub fn try_connect(
        &mut self,
        port: Option<u16>,
        keys: &[PeerKey],
        policy: AoPolicy,
    ) -> Result<ConnectionId, ConnectError> {
        let ends = (OURS, port, Endpoint::new(THEIRS, 179));
        open(&mut self.client, self.now, ends, keys, policy)
    }

    pub fn established(secret: &[u8], ao: AoKey) -> (Self, ConnectionId, ConnectionId) {
        let mut pair = Self::with_key(secret, ao, |_| {});
        let client = pair.connect(&[client_key(secret, ao)]);
        pair.exchange();
        let server = pair.server.accept(pair.listener).expect("a connection");
        (pair, client, server)
    }

    /// Passes segments until nobody has any.
    pub fn exchange(&mut self) {
        while self.step() {}
    }

    pub fn step(&mut self) -> bool {
        let mut is_any = false;
        while let Some(sent) = pull(&mut self.client, self.now) {
            put(&mut self.server, self.now, &sent);
            self.seen.push(sent);
            is_any = true;
        }
        while let Some(sent) = pull(&mut self.server, self.now) {
            put(&mut self.client, self.now, &sent);
            self.seen.push(sent);
            is_any = true;
        }
        is_any
    }

    pub fn pass(&mut self, seconds_: u64) {
        let end = self.now + seconds(seconds_);
        while self.now < end {
            self.now = self.now + std::time::Duration::from_millis(10);
            self.client.advance(self.now, usize::MAX);
            self.server.advance(self.now, usize::MAX);
            self.exchange();
        }
    }

    pub fn send(&mut self, id: ConnectionId, bytes: &[u8]) {
        assert_eq!(self.client.send(self.now, id, bytes), Ok(bytes.len()));
        self.exchange();
    }

    pub fn read(&mut self, id: ConnectionId) -> Vec<u8> {
        let mut all = Vec::new();
        while let Ok(slice) = self.server.receive_slice(id)
            && !slice.is_empty()
        {
            all.extend(slice);
            let count = slice.len();
            self.server.consume(self.now, id, count);
        }
        all
    }

    /// The option of TCP-AO of the last segment of the client's, or the server's.
    pub fn last_option(&self, source: IpAddr) -> [u8; 4] {
        let last = self.seen.iter().rev().find(|sent| sent.source == source);
        *last.expect("something").bytes[20..].first_chunk().unwrap()
    }
}

/// Begins a connection that has these keys.
pub fn open(
    shard: &mut Shard,
    now: Instant,
    (source, source_port, remote): (IpAddr, Option<u16>, Endpoint),
    keys: &[PeerKey],
    policy: AoPolicy,
) -> Result<ConnectionId, ConnectError> {
    let mut ring = KeyRing::default();
    ring.ao = policy;
    for key in keys {
        shard.add_key(&mut ring, key.clone()).expect("room");
    }
    let options = ConnectOptions {
        source,
        source_port,
        remote,
        mtu: 1_500,
        cookie: 2,
        socket: SocketOptions::default(),
    };
    shard.connect_with_keys(now, &options, &mut ring, &|_| true)
}

pub fn pull(shard: &mut Shard, now: Instant) -> Option<Sent> {
    let mut out = [0; 2_000];
    let outgoing = shard.next_segment(now, &mut out)?;
    Some(Sent {
        source: outgoing.source,
        destination: outgoing.destination,
        bytes: out[..outgoing.length].to_vec(),
    })
}

pub fn put(shard: &mut Shard, now: Instant, sent: &Sent) -> Verdict {
    let inbound = Inbound {
        source: sent.source,
        destination: sent.destination,
        bytes: &sent.bytes,
        checksum_verified: true,
        ecn: 0,
        ttl: 64,
        mtu: 1_500,
    };
    shard.receive(now, &inbound)
}

pub fn client_key(secret: &[u8], ao: AoKey) -> PeerKey {
    PeerKey::ao(Prefix::of(THEIRS), secret, ao).unwrap()
}

pub fn server_key(secret: &[u8], ao: AoKey) -> PeerKey {
    let ao = AoKey {
        send_id: ao.receive_id,
        receive_id: ao.send_id,
        ..ao
    };
    PeerKey::ao(Prefix::of(OURS), secret, ao).unwrap()
}

pub fn other(ao: AoKey) -> AoKey {
    AoKey {
        send_id: 7,
        receive_id: 8,
        mac_bytes: 16,
        ..ao
    }
}

pub fn state(shard: &Shard, now: Instant, id: ConnectionId) -> State {
    shard.row(now, id).expect("a row").state
}
