//! Two hosts on a link: a client of one worker, and a server of as many as a test wants. Everything
//! that the client sends arrives at the server's first worker, as on a port that steers badly.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::Duration;

use coremill_tcp::authentication::KeyRing;
use coremill_tcp::error::ConnectError;
use coremill_tcp::limits::{Limits, Secrets};
use coremill_tcp::options::{ConnectOptions, SocketOptions};
use coremill_tcp::{ChunkPool, ConnectionId, Endpoint, Shard};
use crossbeam::queue::ArrayQueue;

use crate::clock::{Clock, ManualClock};
use crate::doorbell::Doorbell;
use crate::drop_reason::DropReason;
use crate::hand_over::Exchange;
use crate::handle::{Mailbox, WorkerHandle};
use crate::local_addresses::{LocalAddress, LocalAddresses};
use crate::nic::heap_buffer::{HeapBuffer, HeapPool};
use crate::nic::{Capabilities, Port};
use crate::options::{
    IdlePolicy, Listening, NeighborOptions, ServiceKind, ServiceOptions, TurnOptions,
};
use crate::routes::{PlainRoutes, Route, Routes};
use crate::services::Services;
use crate::steering::Steering;
use crate::worker::{Parts, PortSlot, Worker};

pub(super) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

type Link = Arc<ArrayQueue<HeapBuffer>>;

/// A queue pair of a port on the link.
pub(crate) struct HubPort {
    pool: HeapPool,
    incoming: Link,
    outgoing: Link,
    mac: [u8; 6],
    capabilities: Capabilities,
    /// A bug, to see what becomes of it.
    pub(crate) panics_on_transmit: bool,
    /// A port that is down: it takes nothing.
    pub(crate) is_down: bool,
}

impl Port for HubPort {
    type Buffer = HeapBuffer;

    fn receive(&mut self, into: &mut Vec<HeapBuffer>, max: usize) -> usize {
        let before = into.len();
        into.extend(std::iter::from_fn(|| self.incoming.pop()).take(max));
        into.len() - before
    }

    fn transmit(&mut self, from: &mut Vec<HeapBuffer>) -> usize {
        assert!(!self.panics_on_transmit, "the port gave way");
        let room = self.outgoing.capacity() - self.outgoing.len();
        let count = if self.is_down {
            0
        } else {
            room.min(from.len())
        };
        for packet in from.drain(..count) {
            self.outgoing.push(packet).expect("room was looked at");
        }
        count
    }

    fn allocate(&mut self) -> Option<HeapBuffer> {
        self.pool.allocate()
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn mtu(&self) -> u16 {
        1_500
    }

    fn receive_interrupt(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

pub(crate) type TestWorker = Worker<HubPort, ManualClock, PlainRoutes>;

/// What a host is built with, where tests differ.
pub(super) struct HostOptions {
    pub(super) workers: usize,
    pub(super) services: Vec<ServiceOptions>,
    pub(super) stray_ring_length: usize,
    pub(super) local_through_port: bool,
}

/// One host.
pub(crate) struct Host {
    pub(crate) workers: Vec<TestWorker>,
    pub(super) handles: Vec<WorkerHandle>,
}

/// Client and server.
pub(crate) struct Network {
    pub(super) clock: ManualClock,
    pub(super) pool: HeapPool,
    pub(crate) client: Host,
    pub(super) server: Host,
}

impl Network {
    /// A client without services, and a server with these.
    pub(crate) fn new(workers: usize, services: Vec<ServiceOptions>) -> Self {
        Self::with(HostOptions {
            workers,
            services,
            stray_ring_length: 1_024,
            local_through_port: false,
        })
    }

    pub(super) fn with(server: HostOptions) -> Self {
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(1_000));
        let pool = HeapPool::new(8_192);
        let to_client: Link = Arc::new(ArrayQueue::new(2_048));
        let to_server: Link = Arc::new(ArrayQueue::new(2_048));
        let port = |incoming: &Link, outgoing: &Link, number| HubPort {
            pool: pool.clone(),
            incoming: incoming.clone(),
            outgoing: outgoing.clone(),
            mac: [2, 0, 0, 0, 0, number],
            capabilities: Capabilities::default(),
            panics_on_transmit: false,
            is_down: false,
        };
        let client = HostOptions {
            workers: 1,
            services: Vec::new(),
            stray_ring_length: 64,
            local_through_port: false,
        };
        let client_ports = vec![port(&to_client, &to_server, 1)];
        let nothing: Link = Arc::new(ArrayQueue::new(1));
        let server_ports = (0..server.workers)
            .map(|worker| {
                let incoming = if server.local_through_port {
                    &to_client
                } else if worker == 0 {
                    &to_server
                } else {
                    &nothing
                };
                port(incoming, &to_client, 2)
            })
            .collect();
        Self {
            client: Host::new(CLIENT, &client, client_ports, &clock),
            server: Host::new(SERVER, &server, server_ports, &clock),
            clock,
            pool,
        }
    }

    /// Turns every worker `rounds` times, 10 us apart.
    pub(super) fn turn(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.clock.advance(Duration::from_micros(10));
            let hosts = [&mut self.client, &mut self.server];
            for worker in hosts.into_iter().flat_map(|host| &mut host.workers) {
                worker.turn();
            }
        }
    }

    /// Turns only the client, after the server is gone.
    pub(super) fn turn_client(&mut self, rounds: usize) {
        for _ in 0..rounds {
            self.client.workers[0].turn();
        }
    }

    /// Lets `time` pass in steps of a millisecond.
    pub(super) fn pass(&mut self, time: Duration) {
        let mut left = time;
        while left > Duration::ZERO {
            self.clock.advance(Duration::from_millis(1));
            left = left.saturating_sub(Duration::from_millis(1));
            self.turn(1);
        }
    }

    /// Gives the client a second port that is down, for which `waiting` packets wait.
    pub(super) fn give_client_a_dead_port(&mut self, waiting: usize) {
        let nowhere: Link = Arc::new(ArrayQueue::new(1));
        let mut slot = PortSlot::new(
            HubPort {
                pool: self.pool.clone(),
                incoming: nowhere.clone(),
                outgoing: nowhere,
                mac: [2, 0, 0, 0, 0, 9],
                capabilities: Capabilities::default(),
                panics_on_transmit: false,
                is_down: true,
            },
            TurnOptions::default().transmit_max,
        );
        for _ in 0..waiting {
            let packet = self.pool.allocate().expect("a packet");
            assert!(slot.queue(packet, &Default::default()));
        }
        self.client.workers[0].ports.push(slot);
    }

    /// Opens a connection from the client to the server's `port`.
    pub(super) fn connect(&mut self, port: u16) -> Result<ConnectionId, ConnectError> {
        self.connect_with_keys(port, &mut KeyRing::default())
    }

    /// The same with keys.
    pub(super) fn connect_with_keys(
        &mut self,
        port: u16,
        keys: &mut KeyRing,
    ) -> Result<ConnectionId, ConnectError> {
        let options = ConnectOptions {
            source: CLIENT.into(),
            source_port: None,
            remote: Endpoint::new(SERVER.into(), port),
            mtu: 1_500,
            cookie: u64::MAX,
            socket: SocketOptions::default(),
        };
        let now = self.clock.now();
        let shard = self.client.shard();
        shard.connect_with_keys(now, &options, keys, &|_| true)
    }

    /// Opens `count` connections, few at a time: not more than wait for a neighbour's address.
    pub(super) fn connect_all(&mut self, count: usize, port: u16) -> Vec<ConnectionId> {
        let mut ids = Vec::new();
        while ids.len() < count {
            for _ in 0..8.min(count - ids.len()) {
                ids.push(self.connect(port).expect("a connection"));
            }
            self.turn(20);
        }
        ids
    }
}

impl Host {
    fn new(
        address: Ipv4Addr,
        options: &HostOptions,
        ports: Vec<HubPort>,
        clock: &ManualClock,
    ) -> Self {
        let doorbells: Vec<_> = (0..options.workers)
            .map(|_| Arc::new(Doorbell::new().expect("eventfd")))
            .collect();
        let exchange = Arc::new(Exchange::new(&doorbells, options.stray_ring_length));
        let steering = Arc::new(Steering::new(&steering_key(), options.workers));
        let queued: Vec<_> = options.services.iter().map(|_| Arc::default()).collect();
        let mut host = Self {
            workers: Vec::new(),
            handles: Vec::new(),
        };
        for ((index, doorbell), port) in doorbells.into_iter().enumerate().zip(ports) {
            let mailbox = Arc::new(Mailbox::new(doorbell).expect("eventfd"));
            let mut shard = Shard::new(limits(), secrets(), ChunkPool::new(16 << 20));
            let services =
                Services::start(clock.now(), &mut shard, &options.services, &queued, 256)
                    .expect("services start");
            let counters = Arc::default();
            host.handles.push(WorkerHandle::new(
                None,
                Arc::clone(&counters),
                shard.counters(),
                mailbox.clone(),
            ));
            host.workers.push(Worker::new(Parts {
                index,
                ports: vec![port],
                clock: clock.clone(),
                routes: routes(address, options.local_through_port),
                local: LocalAddresses::new([LocalAddress {
                    address: address.into(),
                    prefix_length: 24,
                    port: 0,
                }]),
                shard,
                services,
                steering: steering.clone(),
                exchange: exchange.clone(),
                mailbox,
                counters,
                neighbors: NeighborOptions::default(),
                icmp_per_second: 1_000,
                ttl: 64,
                key: [7; 16],
                turn: TurnOptions::default(),
                idle: IdlePolicy::Spin,
            }));
        }
        host
    }

    /// The shard of the first worker.
    pub(super) fn shard(&mut self) -> &mut Shard<ChunkPool> {
        &mut self.workers[0].shard
    }

    /// Packets dropped for `reason`, over all workers.
    pub(super) fn drops(&self, reason: impl Into<DropReason>) -> u64 {
        let reason = reason.into();
        let drops = |handle: &WorkerHandle| handle.counters().drops.get(reason);
        self.handles.iter().map(drops).sum()
    }

    /// Every drop that was counted, in words.
    pub(super) fn all_drops(&self) -> Vec<(&'static str, u64)> {
        let counted = DropReason::all().map(|reason| (reason.word(), self.drops(reason)));
        counted.filter(|(_, count)| *count > 0).collect()
    }
}

/// A service that listens on `port` of any address.
pub(super) fn service(kind: fn(Listening) -> ServiceKind, port: u16) -> ServiceOptions {
    ServiceOptions {
        name: format!("on-{port}"),
        kind: kind(Listening {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
            backlog: 128,
            connections_max: 0,
        }),
    }
}

fn routes(address: Ipv4Addr, local_through_port: bool) -> PlainRoutes {
    let mut routes = PlainRoutes::new(8);
    let route = Route {
        network: address.into(),
        prefix_length: 24,
        gateway: None,
        port: 0,
        source: address.into(),
        local_through_port,
    };
    routes.add(route).expect("room");
    routes
}

/// A shard with less memory than the others have.
pub(super) fn small_shard(bytes: usize) -> Shard<ChunkPool> {
    Shard::new(limits(), secrets(), ChunkPool::new(bytes))
}

fn limits() -> Limits {
    Limits {
        connections_max: 256,
        requests_max: 64,
        time_wait_max: 256,
        memory_bytes: 16 << 20,
        send_buffer_bytes: 256 << 10,
        send_buffer_first_bytes: 256 << 10,
        receive_buffer_bytes: 256 << 10,
        time_wait: Duration::from_millis(100),
        ..Limits::default()
    }
}

fn secrets() -> Secrets {
    Secrets {
        initial_sequence: [1; 16],
        timestamp_offset: [2; 16],
        ephemeral_port: [3; 16],
        table: [4; 16],
        syn_cookie: [5; 16],
        fast_open: [6; 16],
    }
}

fn steering_key() -> [u8; 40] {
    std::array::from_fn(|index| (index * 73 + 41) as u8)
}
