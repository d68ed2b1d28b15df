//! A daemon in this process: it speaks the protocol and keeps the books with the daemon's own types, and its network is
//! a table of connections between its own sockets. What it is sent is checked as strictly as the daemon does.

mod conversation;
mod turn;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use coremill_ring::doorbell::{Bell, Ear, WorkerBell, WorkerEar, doorbell, worker_doorbell};
use coremill_ring::header::write_header;
use coremill_ring::layout::Layout;
use coremill_ring::memory::{Created, create_application_memory, create_daemon_memory};
use coremill_ring::shape::Shape;
use tempfile::TempDir;

/// The daemon; ends when dropped, as if killed.
pub struct FakeDaemon {
    folder: TempDir,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
    threads: Vec<JoinHandle<()>>,
}

/// What it has seen.
#[derive(Debug, Default)]
pub struct Counts {
    pub commands: AtomicU64,
    pub events: AtomicU64,
    pub violations: AtomicU64,
    pub sockets: AtomicU64,
    pub chunks_lent: AtomicU64,
    pub detached: AtomicU64,
    /// Its workers do nothing as long as this is set.
    pub is_held: AtomicBool,
}

/// Its memories and doorbells.
pub struct Parts {
    pub layout: Layout,
    pub daemon: Created,
    pub application: Created,
    /// Rings notifiers.
    pub bells: Vec<Bell>,
    /// Hears that workers are rung.
    pub ears: Vec<WorkerEar>,
    /// The application's ends of both.
    pub given_bells: Vec<WorkerBell>,
    pub given_ears: Vec<Ear>,
}

impl FakeDaemon {
    pub fn start(workers: u32) -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (stop, counts) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(Counts::default()),
        );
        let parts = Parts::new(&SHAPE(workers));
        let path = folder.path().join("control.sock");
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("bind");
        let given = conversation::Given::new(&parts);
        let talker = {
            let (stop, counts) = (Arc::clone(&stop), Arc::clone(&counts));
            std::thread::spawn(move || conversation::talk(&listener, &given, &stop, &counts))
        };
        let worker = {
            let (stop, counts) = (Arc::clone(&stop), Arc::clone(&counts));
            let Parts {
                layout,
                daemon,
                application,
                bells,
                ears,
                ..
            } = parts;
            let turns = turn::Turns::new(
                layout,
                daemon.words,
                application.words,
                (bells, ears),
                counts,
            );
            std::thread::spawn(move || turns.run(&stop))
        };
        Self {
            folder,
            stop,
            counts,
            threads: vec![talker, worker],
        }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("control.sock")
    }

    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

impl Drop for FakeDaemon {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.expect("the daemon's threads");
            }
        }
    }
}

impl Parts {
    fn new(shape: &Shape) -> Self {
        let layout = Layout::new(shape).expect("shape");
        let daemon = create_daemon_memory(layout.daemon_bytes()).expect("memory");
        let application = create_application_memory(layout.application_bytes()).expect("memory");
        write_header(&daemon.words, &layout);
        let pairs = (0..shape.notifiers).map(|_| doorbell().expect("doorbell"));
        let (bells, given_ears) = pairs.unzip();
        let pairs = (0..shape.workers).map(|_| worker_doorbell().expect("doorbell"));
        let (given_bells, ears) = pairs.unzip();
        Self {
            layout,
            daemon,
            application,
            bells,
            ears,
            given_bells,
            given_ears,
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
