//! A worker on a test port, the other end of the link, and what they owe each other.

use std::sync::Arc;
use std::time::Duration;

use coremill_engine::clock::ManualClock;
use coremill_engine::command::{Command, SocketFilter};
use coremill_engine::counters::{EngineCounters, WorkerCounters};
use coremill_engine::drop_reason::{DropReason, LinkDropReason};
use coremill_engine::nic::heap_buffer::{HeapBuffer, HeapPool};
use coremill_engine::nic::loopback::LoopbackPort;
use coremill_engine::nic::{Buffer, Port};
use coremill_engine::routes::PlainRoutes;
use coremill_engine::snapshot::{ConnectionRow, Cursor};
use coremill_engine::{Worker, WorkerHandle};
use coremill_tcp::State;
use coremill_tcp::counters::Counter;

use crate::parts::{Shared, parts};
use crate::sent;

/// Frames of the engine that are remembered.
pub const HEARD_MAX: u64 = 64;

pub struct Bench {
    workers: Vec<Working>,
    clock: ManualClock,
    pool: HeapPool,
    given: u64,
    sent: u64,
    heard: Vec<Vec<u8>>,
    arrived: Vec<HeapBuffer>,
}

/// A worker with its queue of the port, and the other end of that.
struct Working {
    worker: Worker<LoopbackPort, ManualClock, PlainRoutes>,
    handle: WorkerHandle,
    counters: Arc<WorkerCounters>,
    far_end: LoopbackPort,
}

impl Working {
    fn new(index: usize, pool: &HeapPool, clock: &ManualClock, shared: &Shared) -> Self {
        let (near_end, far_end) = LoopbackPort::pair(pool, LINK_PACKETS);
        let counters = Arc::<WorkerCounters>::default();
        let parts = parts(index, near_end, clock.clone(), counters.clone(), shared);
        let (tcp, mailbox) = (parts.shard.counters(), parts.mailbox.clone());
        Self {
            handle: WorkerHandle::new(None, counters.clone(), tcp, mailbox),
            worker: Worker::new(parts),
            counters,
            far_end,
        }
    }
}

impl Bench {
    pub fn new(workers: usize) -> Self {
        let pool = HeapPool::new(POOL_PACKETS);
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(1));
        let shared = Shared::new(workers);
        Self {
            workers: (0..workers)
                .map(|index| Working::new(index, &pool, &clock, &shared))
                .collect(),
            clock,
            pool,
            given: 0,
            sent: 0,
            heard: Vec::new(),
            arrived: Vec::with_capacity(LINK_PACKETS),
        }
    }

    /// Puts a frame on the link of any worker.
    pub fn give(&mut self, frame: &[u8], worker: u64) {
        let count = self.workers.len();
        let far_end = &mut self.workers[worker as usize % count].far_end;
        let mut packet = far_end.allocate().expect("a free packet: none is lost");
        packet
            .append(frame.len())
            .expect("room for the frame")
            .copy_from_slice(frame);
        let mut packets = vec![packet];
        assert_eq!(far_end.transmit(&mut packets), 1);
        self.given += 1;
    }

    /// Turns until the link is empty, and judges what was sent.
    pub fn turn(&mut self) {
        for _ in 0..TURNS {
            for working in &mut self.workers {
                assert!(working.worker.turn());
                working.far_end.receive(&mut self.arrived, LINK_PACKETS);
            }
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
        assert_eq!(self.sum(|engine| &engine.received_packets), self.given);
        assert_eq!(self.sum(|engine| &engine.transmitted_packets), self.sent);
        for Working { counters, .. } in &self.workers {
            let engine = &counters.engine;
            let dropped: u64 = DropReason::all()
                .filter(|reason| !is_of_transmission(*reason))
                .map(|reason| counters.drops.get(reason))
                .sum();
            let taken = engine.received_packets.get() + engine.strays_received.get();
            let delivered = engine.delivered_packets.get();
            assert_eq!(taken, delivered + dropped, "{}", self.report());
        }
    }

    /// When the rings are empty, what was handed over has arrived.
    pub fn assert_no_stray_lost(&self) {
        let strays = self.sum(|engine| &engine.strays_sent);
        assert_eq!(strays, self.sum(|engine| &engine.strays_received));
        assert_eq!(strays > 0, self.workers.len() > 1);
    }

    fn sum(&self, counter: impl Fn(&EngineCounters) -> &Counter) -> u64 {
        let counts = self
            .workers
            .iter()
            .map(|working| counter(&working.counters.engine).get());
        counts.sum()
    }

    fn drops(&self, reason: DropReason) -> u64 {
        let counts = self
            .workers
            .iter()
            .map(|working| working.counters.drops.get(reason));
        counts.sum()
    }

    /// What became of the frames.
    pub fn report(&self) -> String {
        let delivered = self.sum(|engine| &engine.delivered_packets);
        let drops = DropReason::all()
            .map(|reason| (reason.word(), self.drops(reason)))
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
        let seen = |reason: &LinkDropReason| self.drops((*reason).into()) > 0;
        let unseen: Vec<_> = LinkDropReason::ALL
            .iter()
            .filter(|reason| !UNREACHABLE_HERE.contains(reason) && !seen(reason))
            .collect();
        assert!(unseen.is_empty(), "never seen: {unseen:?}");
        let delivered = self.sum(|engine| &engine.delivered_packets);
        assert!(self.sum(|engine| &engine.icmp_sent) > 1_000);
        assert!(self.sum(|engine| &engine.arp_sent) > 1_000);
        assert!(delivered > self.given / 20, "little delivered");
        let old = self.drops(coremill_tcp::DropReason::OldDuplicate.into());
        assert!(old > 0, "no connection was ever established");
    }

    /// When time has passed, no connection, neighbour or packet is left.
    pub fn assert_nothing_stays(mut self) {
        for _ in 0..20_000 {
            self.pass(Duration::from_millis(500));
            self.turn();
        }
        self.assert_accounted();
        self.assert_no_stray_lost();
        for worker in 0..self.workers.len() {
            // A quiet connection without keepalive lives for ever; all else has been given up.
            let rows = self.connections(worker);
            assert_eq!(self.workers[worker].worker.live_records(), rows.len());
            for row in rows {
                let quiet = (State::Established, 0);
                assert_eq!((row.state, row.send_queue_bytes), quiet, "{row:?}");
            }
            self.assert_no_neighbor(worker);
        }
        let capacity = self.pool.capacity();
        drop((self.workers, self.arrived));
        assert_eq!(self.pool.free(), capacity, "packets lost");
    }

    fn assert_no_neighbor(&mut self, worker: usize) {
        let rows = Vec::with_capacity(64);
        let start = Some(0);
        self.ask(worker, Command::Neighbors { start, rows }, |answer| {
            assert!(
                matches!(&answer, Command::Neighbors { rows, .. } if rows.is_empty()),
                "{answer:?}"
            );
        });
    }

    fn connections(&mut self, worker: usize) -> Vec<ConnectionRow> {
        let mut all = Vec::new();
        let mut cursor = Some(Cursor::default());
        while cursor.is_some() {
            let question = Command::Sockets {
                filter: SocketFilter::default(),
                cursor,
                rows: Vec::with_capacity(64),
            };
            self.ask(worker, question, |answer| {
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

    fn ask(&mut self, worker: usize, question: Command, take: impl FnOnce(Command)) {
        self.workers[worker].handle.submit(question).unwrap();
        self.turn();
        take(
            self.workers[worker]
                .handle
                .take_answer()
                .expect("an answer"),
        );
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
