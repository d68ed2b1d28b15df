//! A client's and a server's shard, and what passes between them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use super::super::Shard;
use crate::address::Endpoint;
use crate::chunk_pool::ChunkPool;
use crate::event::{ConnectionId, ListenerId};
use crate::limits::{Limits, Secrets};
use crate::options::{ConnectOptions, ListenOptions, SocketOptions};
use crate::packet::{Inbound, Outgoing};
use crate::time::Instant;

pub(super) const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
pub(super) const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// How the client opens.
pub(super) const OPTIONS: ConnectOptions = ConnectOptions {
    source: CLIENT,
    source_port: None,
    remote: Endpoint {
        address: SERVER,
        port: 80,
    },
    mtu: 1_500,
    cookie: 2,
    socket: SocketOptions {
        no_delay: false,
        keepalive: false,
        ..SocketOptions::DEFAULT
    },
};

pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) client: Shard,
    pub(super) server: Shard,
    pub(super) listener: ListenerId,
    pub(super) queued: Arc<AtomicUsize>,
    /// Of so many segments one gets lost; none when 0.
    pub(super) lose_every: usize,
    passed: usize,
}

impl Pair {
    pub(super) fn new(change: impl Fn(&mut Limits)) -> Self {
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
            syn_cookie: key,
            fast_open: key,
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
            lose_every: 0,
            passed: 0,
        }
    }

    pub(super) fn connect(&mut self) -> ConnectionId {
        self.client
            .connect(self.now, &OPTIONS, &|_| true)
            .expect("a port is free")
    }

    /// Both ends of a connection, accepted.
    pub(super) fn established(&mut self) -> (ConnectionId, ConnectionId) {
        let client = self.connect();
        self.exchange();
        let server = self
            .server
            .accept(self.listener)
            .expect("the handshake is complete");
        (client, server)
    }

    /// Passes segments until neither side has any; returns how many.
    pub(super) fn exchange(&mut self) -> usize {
        let mut passed = 0;
        loop {
            let before = passed;
            let (number, every) = (&mut self.passed, self.lose_every);
            let mut is_lost = || {
                *number += 1;
                every != 0 && number.is_multiple_of(every)
            };
            passed += carry(self.now, &mut self.client, &mut self.server, &mut is_lost);
            passed += carry(self.now, &mut self.server, &mut self.client, &mut is_lost);
            if passed == before {
                return passed;
            }
        }
    }

    /// The client's segments come back to it.
    pub(super) fn loop_back(&mut self) {
        let mut out = [0; 2_048];
        while let Some(outgoing) = self.client.next_segment(self.now, &mut out) {
            let inbound = inbound(&outgoing, &out);
            self.client.receive(self.now, &inbound);
        }
    }

    pub(super) fn wait(&mut self, delay: Duration) {
        let end = self.now + delay;
        while self.now < end {
            self.now = (self.now + Duration::from_millis(1)).min(end);
            self.client.advance(self.now, 100);
            self.server.advance(self.now, 100);
            self.exchange();
        }
    }
}

pub(super) fn pass(now: Instant, from: &mut Shard, to: &mut Shard) -> usize {
    carry(now, from, to, &mut || false)
}

fn carry(
    now: Instant,
    from: &mut Shard,
    to: &mut Shard,
    is_lost: &mut dyn FnMut() -> bool,
) -> usize {
    let mut out = [0; 2_048];
    let mut passed = 0;
    while let Some(outgoing) = from.next_segment(now, &mut out) {
        if !is_lost() {
            to.receive(now, &inbound(&outgoing, &out));
        }
        passed += 1;
    }
    passed
}

pub(super) fn inbound<'a>(outgoing: &Outgoing, out: &'a [u8]) -> Inbound<'a> {
    Inbound {
        source: outgoing.source,
        destination: outgoing.destination,
        bytes: &out[..outgoing.length],
        checksum_verified: true,
        ecn: 0,
        ttl: outgoing.ttl,
        mtu: 1_500,
    }
}
