//! Workers of the engine without a device, one attachment, and its control socket.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use coremill_client::{Options, Stack};
use coremill_engine::applications::{Attachment, AttachmentId, AttachmentParts, Domain};
use coremill_engine::clock::Clock;
use coremill_engine::command::Command;
use coremill_engine::doorbell::Doorbell;
use coremill_engine::hand_over::Exchange;
use coremill_engine::handle::Mailbox;
use coremill_engine::local_addresses::{LocalAddress, LocalAddresses};
use coremill_engine::nic::heap_buffer::{HeapBuffer, HeapPool};
use coremill_engine::nic::loopback::LoopbackPort;
use coremill_engine::nic::{Capabilities, Port};
use coremill_engine::options::{IdlePolicy, NeighborOptions, TurnOptions};
use coremill_engine::routes::{PlainRoutes, Route, Routes};
use coremill_engine::services::Services;
use coremill_engine::steering::Steering;
use coremill_engine::{Parts, Worker, WorkerHandle};
use coremill_ring::shape::Shape;
use coremill_stand_in::ControlSocket;
use coremill_tcp::limits::{Limits, Secrets};
use coremill_tcp::{ChunkPool, Shard};

/// The workers' address.
pub const OWN: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// Running workers; stopped when dropped.
pub struct World {
    workers: Vec<(WorkerHandle, JoinHandle<()>)>,
    control: ControlSocket,
}

/// Pauses of up to 100 us, half of the time: sides must meet at every step of each other.
pub struct Pauses(u64);

/// A clock that stands, and pauses whoever reads it.
struct PausingClock(RefCell<Pauses>);

/// A port at which nothing arrives, with an interrupt that therefore never comes.
struct QuietPort {
    port: LoopbackPort,
    interrupt: Doorbell,
    pauses: Pauses,
}

impl World {
    /// Starts workers, and attaches an application to them.
    pub fn start(count: usize) -> Self {
        let doorbells: Vec<_> = (0..count)
            .map(|_| Arc::new(Doorbell::new().expect("eventfd")))
            .collect();
        let exchange = Arc::new(Exchange::new(&doorbells, 1_024));
        let steering = Arc::new(Steering::new(&[9; 40], count));
        let start = |(index, doorbell): (usize, &Arc<Doorbell>)| {
            let mailbox = Arc::new(Mailbox::new(Arc::clone(doorbell)).expect("eventfd"));
            start(index, mailbox, &exchange, &steering)
        };
        let workers: Vec<_> = doorbells.iter().enumerate().map(start).collect();
        let shape = shape(u32::try_from(count).expect("few"));
        let (control, memories) = ControlSocket::start(&shape).expect("a stand-in");
        let attachment = Attachment::new(AttachmentParts {
            id: AttachmentId(1),
            layout: memories.layout,
            daemon: memories.daemon,
            application: memories.application,
            bells: memories.bells,
            ears: memories.ears,
            alarm: Arc::new(Doorbell::new().expect("eventfd")),
        });
        let attachment = attachment.expect("parts that fit");
        for (worker, (handle, _)) in (0..).zip(&workers) {
            let domain = Domain::new(&attachment, worker).expect("a worker");
            handle.submit(Command::Attach(Some(domain))).expect("room");
            await_answer(handle);
        }
        Self { workers, control }
    }

    /// The application's end, which sleeps at once and without a time-out.
    pub fn attach(&self) -> Stack {
        let mut options = Box::<Options>::default();
        options.spin = Duration::ZERO;
        Stack::attach_with(self.control.path(), *options).expect("attach")
    }

    /// How often workers slept.
    pub fn sleeps(&self) -> u64 {
        let sleeps = |(handle, _): &(WorkerHandle, _)| handle.counters().engine.sleeps.get();
        self.workers.iter().map(sleeps).sum()
    }

    /// What the workers are at.
    pub fn describe(&self) -> String {
        let describe = |(handle, _): &(WorkerHandle, JoinHandle<()>)| {
            let engine = &handle.counters().engine;
            format!(
                "{} turns, {} sleeps, woken by doorbell {}, application {}, timer {}",
                engine.turns.get(),
                engine.sleeps.get(),
                engine.wakeups_doorbell.get(),
                engine.wakeups_application.get(),
                engine.wakeups_timer.get()
            )
        };
        let described: Vec<_> = self.workers.iter().map(describe).collect();
        described.join("; ")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for (handle, thread) in self.workers.drain(..) {
            handle.submit(Command::Stop).expect("room");
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the worker");
            }
        }
    }
}

impl Pauses {
    /// Those of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number (splitmix64).
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }

    /// Mostly none, sometimes short, seldom long.
    pub fn pause(&mut self) {
        let chosen = self.next();
        let nanos = match chosen % 8 {
            0 => (chosen >> 8) % 100_000,
            1 | 2 => (chosen >> 8) % 5_000,
            _ => 0,
        };
        let end = Instant::now() + Duration::from_nanos(nanos);
        while Instant::now() < end {
            if nanos > 20_000 {
                std::thread::yield_now();
            }
            std::hint::spin_loop();
        }
    }
}

impl Clock for PausingClock {
    fn now(&self) -> coremill_tcp::Instant {
        self.0.borrow_mut().pause();
        coremill_tcp::Instant::from_nanos(1_000_000_000)
    }
}

impl Port for QuietPort {
    type Buffer = HeapBuffer;

    fn receive(&mut self, into: &mut Vec<HeapBuffer>, max: usize) -> usize {
        self.port.receive(into, max)
    }

    fn transmit(&mut self, from: &mut Vec<HeapBuffer>) -> usize {
        self.port.transmit(from)
    }

    fn allocate(&mut self) -> Option<HeapBuffer> {
        self.port.allocate()
    }

    fn capabilities(&self) -> Capabilities {
        self.port.capabilities()
    }

    fn mac(&self) -> [u8; 6] {
        self.port.mac()
    }

    fn mtu(&self) -> u16 {
        self.port.mtu()
    }

    fn receive_interrupt(&self) -> Option<BorrowedFd<'_>> {
        Some(self.interrupt.as_fd())
    }

    fn arm_receive_interrupt(&mut self) {
        self.pauses.pause();
    }

    fn disarm_receive_interrupt(&mut self) {
        self.pauses.pause();
    }
}

fn start(
    index: usize,
    mailbox: Arc<Mailbox>,
    exchange: &Arc<Exchange<HeapBuffer>>,
    steering: &Arc<Steering>,
) -> (WorkerHandle, JoinHandle<()>) {
    let never = Duration::from_secs(3_600);
    let limits = Limits {
        connections_max: 64,
        memory_bytes: 16 << 20,
        rto_min: never,
        rto_initial: never,
        rto_max: never,
        delayed_ack: never,
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
    let seed = SEED.fetch_add(1, Ordering::Relaxed);
    let clock = PausingClock(RefCell::new(Pauses::new(1_000 + seed)));
    let services = Services::start(clock.now(), &mut shard, &[], &[], 64);
    let counters = Arc::default();
    let handle = WorkerHandle::new(
        None,
        Arc::clone(&counters),
        shard.counters(),
        Arc::clone(&mailbox),
    );
    let mut routes = PlainRoutes::new(4);
    let route = Route {
        network: OWN.into(),
        prefix_length: 32,
        gateway: None,
        port: 0,
        source: OWN.into(),
        local_through_port: false,
    };
    routes.add(route).expect("room");
    let own = LocalAddress {
        address: OWN.into(),
        prefix_length: 24,
        port: 0,
    };
    let port = QuietPort {
        port: LoopbackPort::looped(&HeapPool::new(4_096), 1_024),
        interrupt: Doorbell::new().expect("eventfd"),
        pauses: Pauses::new(2_000 + seed),
    };
    let parts = Parts {
        index,
        ports: vec![port],
        clock,
        routes,
        local: LocalAddresses::new([own]),
        shard,
        services: services.expect("none"),
        steering: Arc::clone(steering),
        exchange: Arc::clone(exchange),
        mailbox,
        counters,
        neighbors: NeighborOptions::default(),
        icmp_per_second: 100,
        ttl: 64,
        key: [5; 16],
        turn: TurnOptions::default(),
        // Naps are for ports without interrupts; this is for what is held back, which nothing here is.
        idle: IdlePolicy::Adaptive {
            spin: Duration::ZERO,
            nap_max: Duration::from_secs(3_600),
        },
    };
    let mut worker = Worker::new(parts);
    (handle, std::thread::spawn(move || worker.run()))
}

fn await_answer(handle: &WorkerHandle) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match handle.take_answer() {
            Some(Command::Attach(None)) => return,
            Some(other) => panic!("{other:?}"),
            None => assert!(Instant::now() < deadline, "a worker does not answer"),
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

static SEED: AtomicU64 = AtomicU64::new(1);

fn shape(workers: u32) -> Shape {
    Shape {
        workers,
        contexts: 2,
        notifiers: 6,
        listeners: 8,
        sockets: 64,
        command_slots: 64,
        event_slots: 64,
        accept_slots: 4,
        receive_chunks: [64, 32, 16],
        send_chunks: [64, 32, 16],
    }
}
