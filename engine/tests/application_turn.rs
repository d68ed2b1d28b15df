//! What 64-byte requests and replies cost between an application and a worker: one event and one command each way, and
//! no memory from the allocator in any of the worker's turns.

mod attached;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use attached::Attached;

/// Counts what this thread takes.
struct Counting;

thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged; the counter is in place from the thread's start.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.set(TAKEN.get() + 1);
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

#[test]
fn a_request_is_one_command_and_one_event_each_way() {
    // With so many as the last the worker looks ahead at each burst.
    for connections in [1, 64, 500] {
        let mut attached = started(connections);
        let before = attached.counts().expect("counts");
        let replies = attached.replies;
        let mut taken = 0;
        while attached.replies < replies + REPLIES {
            let at_start = TAKEN.get();
            attached.worker_turn();
            taken += TAKEN.get() - at_start;
            attached.application_step().expect("a step");
        }
        let after = attached.counts().expect("counts");
        // Beside those that were answered: requests and replies that are on their way.
        let messages = 2 * (attached.replies - replies) + 2 * connections as u64;
        let (commands, events) = (
            after.commands - before.commands,
            after.events - before.events,
        );
        assert!(
            commands <= messages,
            "{commands} commands, {messages} messages"
        );
        assert!(events <= messages, "{events} events, {messages} messages");
        assert_eq!(taken, 0, "allocations in turns with {messages} messages");
        // Both are counted.
        assert!(commands >= messages / 2 && events >= messages / 2);
    }
    let before = TAKEN.get();
    drop(Box::new([0_u8; 64]));
    assert!(TAKEN.get() > before, "the counter does not count");
}

/// Connections open, and rings and tables warm.
fn started(connections: usize) -> Attached {
    let mut attached = Attached::start(connections).expect("an application");
    attached.begin().expect("requests");
    while attached.replies < REPLIES / 4 {
        attached.worker_turn();
        attached.application_step().expect("a step");
    }
    attached
}

const REPLIES: u64 = 8_000;
