//! What a worker of the bench is made of: one address, an echo service, small tables.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use coremill_engine::Parts;
use coremill_engine::clock::ManualClock;
use coremill_engine::counters::WorkerCounters;
use coremill_engine::doorbell::Doorbell;
use coremill_engine::hand_over::Exchange;
use coremill_engine::handle::Mailbox;
use coremill_engine::local_addresses::{LocalAddress, LocalAddresses};
use coremill_engine::nic::heap_buffer::HeapBuffer;
use coremill_engine::nic::loopback::LoopbackPort;
use coremill_engine::options::{
    IdlePolicy, Listening, NeighborOptions, ServiceKind, ServiceOptions, TurnOptions,
};
use coremill_engine::routes::{PlainRoutes, Route, Routes};
use coremill_engine::services::Services;
use coremill_engine::steering::Steering;
use coremill_tcp::limits::{Limits, Secrets};
use coremill_tcp::{ChunkPool, Instant, Shard};

use crate::{ECHO_PORT, OURS};

/// What the workers share.
pub struct Shared {
    doorbells: Vec<Arc<Doorbell>>,
    steering: Arc<Steering>,
    exchange: Arc<Exchange<HeapBuffer>>,
}

impl Shared {
    pub fn new(workers: usize) -> Self {
        let doorbells: Vec<_> = (0..workers)
            .map(|_| Arc::new(Doorbell::new().unwrap()))
            .collect();
        Self {
            steering: Arc::new(Steering::new(&[9; 40], workers)),
            exchange: Arc::new(Exchange::new(&doorbells, RING_SLOTS)),
            doorbells,
        }
    }
}

pub fn parts(
    index: usize,
    port: LoopbackPort,
    clock: ManualClock,
    counters: Arc<WorkerCounters>,
    shared: &Shared,
) -> Parts<LoopbackPort, ManualClock, PlainRoutes> {
    let ours = IpAddr::V4(OURS.into());
    let local = LocalAddresses::new([LocalAddress {
        address: ours,
        prefix_length: 24,
        port: 0,
    }]);
    let mut routes = PlainRoutes::new(8);
    let network = Route {
        network: ours,
        prefix_length: 24,
        gateway: None,
        port: 0,
        source: ours,
        local_through_port: false,
    };
    routes.add(network).unwrap();
    let limits = Limits {
        connections_max: 64,
        requests_max: 32,
        time_wait_max: 32,
        memory_bytes: 4 << 20,
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
    let memory = ChunkPool::new(limits.memory_bytes);
    let mut shard = Shard::new(limits, secrets, memory);
    let echo = ServiceOptions {
        name: "echo".into(),
        kind: ServiceKind::Echo(Listening {
            address: SocketAddr::new(ours, ECHO_PORT),
            backlog: 16,
            connections_max: 0,
        }),
    };
    let now = Instant::from_millis(1_000);
    let services = Services::start(now, &mut shard, &[echo], &[Arc::default()], 64).unwrap();
    Parts {
        index,
        ports: vec![port],
        clock,
        routes,
        local,
        shard,
        services,
        steering: shared.steering.clone(),
        exchange: shared.exchange.clone(),
        mailbox: Arc::new(Mailbox::new(shared.doorbells[index].clone()).unwrap()),
        counters,
        neighbors: NeighborOptions {
            entries_max: 32,
            ..NeighborOptions::default()
        },
        icmp_per_second: 1_000,
        ttl: 64,
        key: [5; 16],
        turn: TurnOptions::default(),
        idle: IdlePolicy::Spin,
    }
}

/// None is ever full.
const RING_SLOTS: usize = 512;
