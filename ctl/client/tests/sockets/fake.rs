//! A daemon in this process: it speaks the protocol and keeps the books with the daemon's own types, and its network is
//! a table of connections between its own sockets. What it is sent is checked as strictly as the daemon does.

mod turn;
mod world;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use coremill_ring::shape::Shape;
use coremill_stand_in::ControlSocket;

/// The daemon; ends when dropped, as if killed.
pub struct FakeDaemon {
    control: ControlSocket,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    worker: Option<JoinHandle<()>>,
}

/// What it has seen.
#[derive(Debug, Default)]
pub struct Counts {
    pub commands: AtomicU64,
    pub events: AtomicU64,
    pub violations: AtomicU64,
    pub sockets: AtomicU64,
    pub chunks_lent: AtomicU64,
    /// The largest count of bytes read that a command of its own told.
    pub read_told: AtomicU64,
    /// Nothing is done as long as this is set.
    pub is_held: AtomicBool,
    /// Workers that take no commands, by bit.
    pub held_workers: AtomicU64,
    /// Turns begun, also those in which nothing was done.
    pub turns: AtomicU64,
}

impl FakeDaemon {
    pub fn start(workers: u32) -> Self {
        let (stop, counts) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Counts::default()),
        );
        let (control, memories) = ControlSocket::start(&SHAPE(workers)).expect("a stand-in");
        let turns = turn::Turns::new(memories, Arc::clone(&counts));
        let worker = {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || turns.run(&stop))
        };
        Self {
            control,
            stop,
            counts,
            worker: Some(worker),
        }
    }

    pub fn path(&self) -> &Path {
        self.control.path()
    }

    pub fn detached(&self) -> u64 {
        self.control.detached()
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Stops everything, or lets it go on; no turn that began before is at work when this returns.
    pub fn hold(&self, is_held: bool) {
        self.counts.is_held.store(is_held, Ordering::Release);
        self.wait_for_turn();
    }

    /// The same for the commands to one worker.
    pub fn hold_worker(&self, worker: u32, is_held: bool) {
        let bit = 1 << worker;
        match is_held {
            true => self.counts.held_workers.fetch_or(bit, Ordering::AcqRel),
            false => self.counts.held_workers.fetch_and(!bit, Ordering::AcqRel),
        };
        self.wait_for_turn();
    }

    /// Until the turn that is at work now is over.
    fn wait_for_turn(&self) {
        let begun = self.counts.turns.load(Ordering::Acquire);
        while self.counts.turns.load(Ordering::Acquire) == begun {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
}

impl Drop for FakeDaemon {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(worker) = self.worker.take() {
            let ended = worker.join();
            if !std::thread::panicking() {
                ended.expect("the daemon's worker");
            }
        }
    }
}

/// Small rings and few chunks, so that both run out in tests.
const SHAPE: fn(u32) -> Shape = |workers| Shape {
    workers,
    contexts: 2,
    notifiers: 6,
    listeners: 4,
    sockets: 256,
    command_slots: 64,
    event_slots: 32,
    accept_slots: 4,
    receive_chunks: [64, 16, 8],
    send_chunks: [64, 16, 8],
};
