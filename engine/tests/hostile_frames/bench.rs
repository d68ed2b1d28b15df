//! A worker on a test port, the other end of the link, and what they owe each other.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use coremill_engine::clock::ManualClock;
use coremill_engine::command::{Command, SocketFilter};
use coremill_engine::counters::WorkerCounters;
use coremill_engine::doorbell::Doorbell;
use coremill_engine::drop_reason::{DropReason, LinkDropReason};
use coremill_engine::hand_over::Exchange;
use coremill_engine::handle::Mailbox;
use coremill_engine::local_addresses::{LocalAddress, LocalAddresses};
use coremill_engine::nic::heap_buffer::{HeapBuffer, HeapPool};
use coremill_engine::nic::loopback::LoopbackPort;
use coremill_engine::nic::{Buffer, Port};
use coremill_engine::options::{
    IdlePolicy, Listening, NeighborOptions, ServiceKind, ServiceOptions, TurnOptions,
};
use coremill_engine::routes::{PlainRoutes, Route, Routes};
use coremill_engine::services::Services;
use coremill_engine::snapshot::{ConnectionRow, Cursor};
use coremill_engine::steering::Steering;
use coremill_engine::{Parts, Worker, WorkerHandle};
use coremill_tcp::limits::{Limits, Secrets};
use coremill_tcp::{ChunkPool, Instant, Shard, State};

use crate::{ECHO_PORT, OURS, sent};

/// Frames of the engine that are remembered.
pub const HEARD_MAX: u64 = 64;

pub struct Bench {
    worker: Worker<LoopbackPort, ManualClock, PlainRoutes>,
    handle: WorkerHandle,
    clock: ManualClock,
    counters: Arc<WorkerCounters>,
    pool: HeapPool,
    far_end: LoopbackPort,
    given: u64,
    sent: u64,
    heard: Vec<Vec<u8>>,
    arrived: Vec<HeapBuffer>,
}

impl Bench {
    pub fn new() -> Self {
        let pool = HeapPool::new(POOL_PACKETS);
        let (near_end, far_end) = LoopbackPort::pair(&pool, LINK_PACKETS);
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(1));
        let counters = Arc::<WorkerCounters>::default();
        let parts = parts(near_end, clock.clone(), counters.clone());
        let (tcp, mailbox) = (parts.shard.counters(), parts.mailbox.clone());
        Self {
            handle: WorkerHandle::new(None, counters.clone(), tcp, mailbox),
            worker: Worker::new(parts),
            clock,
            counters,
            pool,
            far_end,
            given: 0,
            sent: 0,
            heard: Vec::new(),
            arrived: Vec::with_capacity(LINK_PACKETS),
        }
    }

    /// Puts a frame on the link.
    pub fn give(&mut self, frame: &[u8]) {
        let mut packet = self
            .far_end
            .allocate()
            .expect("a free packet: none is lost");
        packet
            .append(frame.len())
            .expect("room for the frame")
            .copy_from_slice(frame);
        let mut packets = vec![packet];
        assert_eq!(self.far_end.transmit(&mut packets), 1);
        self.given += 1;
    }

    /// Turns until the link is empty, and judges what was sent.
    pub fn turn(&mut self) {
        for _ in 0..TURNS {
            assert!(self.worker.turn());
            self.far_end.receive(&mut self.arrived, LINK_PACKETS);
            for packet in self.arrived.drain(..) {
                sent::assert_sound(packet.data());
                let place = (self.sent % HEARD_MAX) as usize;
                match self.heard.get_mut(place) {
                    Some(heard) => packet.data().clone_into(heard),
                    None => self.heard.push(packet.data().to_vec()),
                }
                self.sent += 1;
            }
        }
    }

    pub fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
    }

    /// One of the frames that the engine sent lately.
    pub fn heard(&self, index: u64) -> Option<&[u8]> {
        Some(self.heard.get(index as usize)?)
    }

    /// Each frame was delivered or dropped for one reason.
    pub fn assert_accounted(&self) {
        let engine = &self.counters.engine;
        assert_eq!(engine.received_packets.get(), self.given);
        assert_eq!(engine.transmitted_packets.get(), self.sent);
        let dropped: u64 = DropReason::all()
            .filter(|reason| !is_of_transmission(*reason))
            .map(|reason| self.counters.drops.get(reason))
            .sum();
        let delivered = engine.delivered_packets.get();
        assert_eq!(self.given, delivered + dropped, "{}", self.report());
    }

    /// What became of the frames.
    pub fn report(&self) -> String {
        let delivered = self.counters.engine.delivered_packets.get();
        let drops = DropReason::all()
            .map(|reason| (reason.word(), self.counters.drops.get(reason)))
            .filter(|(_, count)| *count > 0);
        let all = [
            ("given", self.given),
            ("delivered", delivered),
            ("sent", self.sent),
        ];
        all.into_iter()
            .chain(drops)
            .map(|(word, count)| format!("{word} {count}\n"))
            .collect()
    }

    /// The noise reached every layer: otherwise this test would show little.
    pub fn assert_variety(&self) {
        let seen = |reason: &LinkDropReason| self.counters.drops.get(*reason) > 0;
        let unseen: Vec<_> = LinkDropReason::ALL
            .iter()
            .filter(|reason| !UNREACHABLE_HERE.contains(reason) && !seen(reason))
            .collect();
        assert!(unseen.is_empty(), "never seen: {unseen:?}");
        let engine = &self.counters.engine;
        assert!(engine.icmp_sent.get() > 1_000 && engine.arp_sent.get() > 1_000);
        assert!(
            engine.delivered_packets.get() > self.given / 20,
            "little delivered"
        );
        let old = self
            .counters
            .drops
            .get(coremill_tcp::DropReason::OldDuplicate);
        assert!(old > 0, "no connection was ever established");
    }

    /// When time has passed, no connection, neighbour or packet is left.
    pub fn assert_nothing_stays(mut self) {
        for _ in 0..20_000 {
            self.pass(Duration::from_millis(500));
            self.turn();
        }
        self.assert_accounted();
        // A quiet connection without keepalive lives for ever; all else has been given up.
        let rows = self.connections();
        assert_eq!(self.worker.live_records(), rows.len());
        for row in rows {
            assert_eq!(
                (row.state, row.send_queue_bytes),
                (State::Established, 0),
                "{row:?}"
            );
        }
        let mut neighbors = Vec::with_capacity(64);
        self.ask(
            Command::Neighbors {
                start: Some(0),
                rows: Vec::with_capacity(64),
            },
            |answer| {
                if let Command::Neighbors { rows, .. } = answer {
                    neighbors.extend(rows);
                }
            },
        );
        assert!(neighbors.is_empty(), "{neighbors:?}");
        let capacity = self.pool.capacity();
        drop((self.worker, self.arrived, self.far_end));
        assert_eq!(self.pool.free(), capacity, "packets lost");
    }

    fn connections(&mut self) -> Vec<ConnectionRow> {
        let mut all = Vec::new();
        let mut cursor = Some(Cursor::default());
        while cursor.is_some() {
            let question = Command::Sockets {
                filter: SocketFilter::default(),
                cursor,
                rows: Vec::with_capacity(64),
            };
            self.ask(question, |answer| {
                if let Command::Sockets {
                    cursor: next, rows, ..
                } = answer
                {
                    all.extend(rows);
                    cursor = next;
                }
            });
        }
        all
    }

    fn ask(&mut self, question: Command, take: impl FnOnce(Command)) {
        self.handle.submit(question).unwrap();
        self.turn();
        take(self.handle.take_answer().expect("an answer"));
    }
}

fn parts(
    port: LoopbackPort,
    clock: ManualClock,
    counters: Arc<WorkerCounters>,
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
    let doorbell = Arc::new(Doorbell::new().unwrap());
    Parts {
        index: 0,
        ports: vec![port],
        clock,
        routes,
        local,
        shard,
        services,
        steering: Arc::new(Steering::new(&[9; 40], 1)),
        exchange: Arc::new(Exchange::new(std::slice::from_ref(&doorbell), 16)),
        mailbox: Arc::new(Mailbox::new(doorbell).unwrap()),
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

/// Reasons for which our own packets are dropped, beside those of received ones.
fn is_of_transmission(reason: DropReason) -> bool {
    let DropReason::Link(reason) = reason else {
        return false;
    };
    TRANSMISSION.contains(&reason)
}

const TRANSMISSION: [LinkDropReason; 9] = [
    LinkDropReason::NeighborQueueFull,
    LinkDropReason::NeighborTableFull,
    LinkDropReason::NeighborFailed,
    LinkDropReason::IcmpRateLimited,
    LinkDropReason::NoRoute,
    LinkDropReason::TransmitFull,
    LinkDropReason::NoBuffer,
    LinkDropReason::NoHeadroom,
    LinkDropReason::PacketTooBig,
];

/// Reasons that this bench gives no cause for: its pool, rings and queues are large enough.
const UNREACHABLE_HERE: [LinkDropReason; 7] = [
    LinkDropReason::StrayRingFull,
    LinkDropReason::NeighborQueueFull,
    LinkDropReason::NeighborTableFull,
    LinkDropReason::TransmitFull,
    LinkDropReason::NoBuffer,
    LinkDropReason::NoHeadroom,
    LinkDropReason::PacketTooBig,
];

const LINK_PACKETS: usize = 512;
const POOL_PACKETS: usize = 4_096;
/// Enough for a burst and what is sent in answer to it.
const TURNS: usize = 4;
