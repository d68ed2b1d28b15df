//! A worker alone on a port that leads back to itself, on a clock that moves when told.

use std::net::Ipv4Addr;
use std::sync::Arc;

use coremill_engine::clock::{Clock, ManualClock};
use coremill_engine::doorbell::Doorbell;
use coremill_engine::hand_over::Exchange;
use coremill_engine::handle::Mailbox;
use coremill_engine::local_addresses::{LocalAddress, LocalAddresses};
use coremill_engine::nic::Port;
use coremill_engine::options::{IdlePolicy, NeighborOptions, ServiceOptions, TurnOptions};
use coremill_engine::routes::{PlainRoutes, Route, Routes};
use coremill_engine::services::Services;
use coremill_engine::steering::Steering;
use coremill_engine::{Parts, Worker, WorkerHandle};
use coremill_tcp::limits::{Limits, Secrets};
use coremill_tcp::{ChunkPool, Shard};

/// Its only address.
pub const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// A worker with these services and room for so many connections.
pub fn worker<P: Port>(
    clock: &ManualClock,
    port: P,
    services: &[ServiceOptions],
    connections_max: usize,
) -> (Worker<P, ManualClock, PlainRoutes>, WorkerHandle) {
    let limits = Limits {
        connections_max,
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
    let services = Services::start(clock.now(), &mut shard, services, &queued, 256);
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
        ports: vec![port],
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
