//! Work for callgrind: a worker that plays 64-byte requests with itself through a looped-back port.
//!
//! `packet_count 1000` turns until a thousand requests are answered, each of which is two packets
//! received and two sent. `bench/lab/instructions` takes the difference of two runs.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use coremill_engine::clock::{Clock, ManualClock};
use coremill_engine::doorbell::Doorbell;
use coremill_engine::hand_over::Exchange;
use coremill_engine::handle::Mailbox;
use coremill_engine::local_addresses::{LocalAddress, LocalAddresses};
use coremill_engine::nic::heap_buffer::HeapPool;
use coremill_engine::nic::loopback::LoopbackPort;
use coremill_engine::options::{
    IdlePolicy, Listening, NeighborOptions, ServiceKind, ServiceOptions, TurnOptions,
};
use coremill_engine::routes::{PlainRoutes, Route, Routes};
use coremill_engine::services::Services;
use coremill_engine::steering::Steering;
use coremill_engine::{Parts, Worker, WorkerHandle};
use coremill_tcp::limits::{Limits, Secrets};
use coremill_tcp::{ChunkPool, Shard};

fn main() -> ExitCode {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok());
    let Some(requests): Option<u64> = count else {
        eprintln!("usage: packet_count REQUESTS");
        return ExitCode::from(2);
    };
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(1));
    let (mut worker, handle) = worker(&clock);
    let engine = &handle.counters().engine;
    while engine.received_packets.get() < 2 * requests {
        clock.advance(Duration::from_micros(10));
        worker.turn();
    }
    println!(
        "{} packets received in {} turns",
        engine.received_packets.get(),
        engine.turns.get()
    );
    ExitCode::SUCCESS
}

fn worker(clock: &ManualClock) -> (Worker<LoopbackPort, ManualClock, PlainRoutes>, WorkerHandle) {
    let services = services();
    let limits = Limits {
        connections_max: 256,
        memory_bytes: 16 << 20,
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
    let mut shard = Shard::new(limits, secrets, ChunkPool::new(16 << 20));
    let queued: Vec<_> = services.iter().map(|_| Arc::default()).collect();
    let services = Services::start(clock.now(), &mut shard, &services, &queued, 256);
    let doorbell = Arc::new(Doorbell::new().expect("eventfd"));
    let exchange = Arc::new(Exchange::new(std::slice::from_ref(&doorbell), 16));
    let mailbox = Arc::new(Mailbox::new(doorbell).expect("eventfd"));
    let counters = Arc::default();
    let handle = WorkerHandle::new(
        None,
        Arc::clone(&counters),
        shard.counters(),
        mailbox.clone(),
    );
    let own = LocalAddress {
        address: OWN.into(),
        prefix_length: 24,
        port: 0,
    };
    let mut routes = PlainRoutes::new(4);
    let route = Route {
        network: OWN.into(),
        prefix_length: 32,
        gateway: None,
        port: 0,
        source: OWN.into(),
        local_through_port: true,
    };
    routes.add(route).expect("room");
    let worker = Worker::new(Parts {
        index: 0,
        ports: vec![LoopbackPort::looped(&HeapPool::new(1_024), 512)],
        clock: clock.clone(),
        routes,
        local: LocalAddresses::new([own]),
        shard,
        services: services.expect("services start"),
        steering: Arc::new(Steering::new(&[9; 40], 1)),
        exchange,
        mailbox,
        counters,
        neighbors: NeighborOptions::default(),
        icmp_per_second: 100,
        ttl: 64,
        key: [5; 16],
        turn: TurnOptions::default(),
        idle: IdlePolicy::Spin,
    });
    (worker, handle)
}

fn services() -> Vec<ServiceOptions> {
    let address = SocketAddr::new(OWN.into(), 7);
    let echo = ServiceKind::Echo(Listening {
        address,
        backlog: 128,
        connections_max: 0,
    });
    let rpc = ServiceKind::Rpc {
        target: address,
        connections: CONNECTIONS,
        request_bytes: 64,
        requests: 0,
    };
    let service = |name: &str, kind| ServiceOptions {
        name: name.to_string(),
        kind,
    };
    vec![service("echo", echo), service("rpc", rpc)]
}

const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const CONNECTIONS: usize = 64;
