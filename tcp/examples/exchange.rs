//! Two shards in one process exchange requests and replies: what to count instructions on.
//!
//! `cargo build --release -p coremill-tcp --example exchange`, then run it under
//! `valgrind --tool=callgrind` with two numbers of rounds: the difference is what the rounds cost,
//! both ends together. Arguments: rounds, bytes of request and reply.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use coremill_tcp::limits::Secrets;
use coremill_tcp::options::{ConnectOptions, ListenOptions, SocketOptions};
use coremill_tcp::{ChunkPool, ConnectionId, Endpoint, Inbound, Instant, Limits, Shard};

fn main() {
    let number = |index, default| {
        let argument = std::env::args().nth(index);
        argument
            .and_then(|word| word.parse().ok())
            .unwrap_or(default)
    };
    let (rounds, bytes): (usize, usize) = (number(1, 10_000), number(2, 64));
    let mut world = World::new();
    let (client, server) = world.open();
    let request = vec![7; bytes];
    for _ in 0..rounds {
        assert_eq!(world.client.send(world.now, client, &request), Ok(bytes));
        world.move_through(server, bytes, true);
        world.move_through(client, bytes, false);
    }
    println!(
        "{rounds} rounds of {bytes} bytes, {} segments",
        world.segments
    );
}

struct World {
    now: Instant,
    client: Shard,
    server: Shard,
    segments: usize,
}

impl World {
    fn new() -> Self {
        let limits = Limits {
            connections_max: 64,
            requests_max: 64,
            time_wait_max: 64,
            memory_bytes: 16 << 20,
            ..Limits::default()
        };
        let key = [9; 16];
        let secrets = Secrets {
            initial_sequence: key,
            timestamp_offset: key,
            ephemeral_port: key,
            table: key,
        };
        let shard = || {
            Shard::new(
                limits.clone(),
                secrets.clone(),
                ChunkPool::new(limits.memory_bytes),
            )
        };
        Self {
            now: Instant::from_millis(1),
            client: shard(),
            server: shard(),
            segments: 0,
        }
    }

    fn open(&mut self) -> (ConnectionId, ConnectionId) {
        let server = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
        let socket = SocketOptions {
            no_delay: true,
            keepalive: false,
        };
        let options = ListenOptions {
            local: Endpoint::new(server, 80),
            backlog: 1,
            queued: Arc::default(),
            cookie: 0,
            socket,
        };
        let listener = self.server.listen(options).expect("a free port");
        let options = ConnectOptions {
            source: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
            source_port: None,
            remote: Endpoint::new(server, 80),
            mtu: 1_500,
            cookie: 0,
            socket,
        };
        let client = self
            .client
            .connect(self.now, &options, &|_| true)
            .expect("a free port");
        for _ in 0..3 {
            self.pass(true);
            self.pass(false);
        }
        (
            client,
            self.server
                .accept(listener)
                .expect("the handshake is complete"),
        )
    }

    /// Brings `bytes` to the server, which sends them back, or to the client, which reads them.
    fn move_through(&mut self, id: ConnectionId, bytes: usize, to_server: bool) {
        let mut moved = 0;
        while moved < bytes {
            self.pass(to_server);
            let now = self.now;
            let shard = if to_server {
                &mut self.server
            } else {
                &mut self.client
            };
            while shard.next_event().is_some() {}
            if to_server {
                moved += shard.splice(now, id, bytes).expect("both ends are open");
            } else {
                let count = shard.receive_slice(id).expect("both ends are open").len();
                shard.consume(now, id, count);
                moved += count;
            }
            if moved < bytes {
                self.pass(!to_server);
            }
        }
    }

    fn pass(&mut self, to_server: bool) {
        self.now = self.now + std::time::Duration::from_micros(5);
        let (from, to) = if to_server {
            (&mut self.client, &mut self.server)
        } else {
            (&mut self.server, &mut self.client)
        };
        let mut out = [0; 1_600];
        while let Some(outgoing) = from.next_segment(self.now, &mut out) {
            self.segments += 1;
            let inbound = Inbound {
                source: outgoing.source,
                destination: outgoing.destination,
                bytes: &out[..outgoing.length],
                checksum_verified: true,
                ecn: 0,
                ttl: outgoing.ttl,
                mtu: 1_500,
            };
            to.receive(self.now, &inbound);
        }
        to.advance(self.now, 64);
        from.advance(self.now, 64);
    }
}
