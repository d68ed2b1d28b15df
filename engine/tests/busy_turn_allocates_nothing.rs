//! A busy turn takes no memory from the allocator: counted over many turns in which a client plays
//! requests with an echo service, all through a port that is looped back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use coremill_engine::clock::{Clock, ManualClock};
use coremill_engine::command::Command;
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

/// Counts what is taken.
struct Counting;

static TAKEN: AtomicU64 = AtomicU64::new(0);

// SAFETY: every call goes to the system's allocator unchanged; counting needs no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.fetch_add(1, Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const CONNECTIONS: usize = 64;

#[test]
fn a_busy_turn_allocates_nothing() {
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(1));
    let (mut worker, handle) = worker(&clock);
    let mut turns = |count: usize| {
        for _ in 0..count {
            clock.advance(Duration::from_micros(10));
            worker.turn();
        }
    };
    // Handshakes and first requests, in which tables and paths are filled for the first time.
    turns(5_000);
    let (taken, busy) = (
        TAKEN.load(Relaxed),
        handle.counters().engine.busy_turns.get(),
    );
    let received = handle.counters().engine.received_packets.get();
    turns(20_000);
    let taken = TAKEN.load(Relaxed) - taken;
    let busy = handle.counters().engine.busy_turns.get() - busy;
    let received = handle.counters().engine.received_packets.get() - received;
    assert!(busy > 10_000, "only {busy} turns were busy");
    assert!(received > 100_000, "only {received} packets");
    assert_eq!(
        taken, 0,
        "allocations in {busy} busy turns with {received} packets"
    );
    // The counter does count.
    let before = TAKEN.load(Relaxed);
    let rows = Vec::with_capacity(4);
    assert!(TAKEN.load(Relaxed) > before);
    handle.submit(Command::Services { rows }).expect("room");
    turns(1);
    let Some(Command::Services { rows }) = handle.take_answer() else {
        panic!("no answer");
    };
    let rpc = rows.iter().find(|row| row.kind == "rpc").expect("its row");
    assert_eq!((rpc.errors, rpc.mismatches), (0, 0));
    assert_eq!(rpc.connections, CONNECTIONS as u64);
    assert!(rpc.requests > 10_000, "{} requests", rpc.requests);
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
        ports: vec![LoopbackPort::looped(&HeapPool::new(4_096), 1_024)],
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
