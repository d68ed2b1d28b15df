//! A busy turn takes no memory from the allocator: counted over many turns in which a client plays
//! requests with an echo service, all through a port that is looped back.

mod one_worker;
#[path = "one_worker/requests.rs"]
mod requests;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use coremill_engine::clock::ManualClock;
use coremill_engine::command::Command;
use coremill_engine::nic::heap_buffer::HeapPool;
use coremill_engine::nic::loopback::LoopbackPort;

use one_worker::worker;
use requests::requests;

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

const CONNECTIONS: usize = 64;

#[test]
fn a_busy_turn_allocates_nothing() {
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(1));
    let port = LoopbackPort::looped(&HeapPool::new(4_096), 1_024);
    let (mut worker, handle) = worker(&clock, port, &requests(CONNECTIONS, 64), 256);
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
