//! Nothing allocates after `Shard::new`: what a thread takes from the allocator inside of calls of a shard is counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what is taken inside of [`none`].
struct Watching;

thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

fn note() {
    if IS_WATCHED.get() {
        TAKEN.set(TAKEN.get() + 1);
    }
}

// SAFETY: every call goes to the system's allocator unchanged; counting needs no memory.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    // Of itself it would touch all that a shard reserves.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        note();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(memory, layout, bytes) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// Makes one call of a shard, in which nothing may be taken from the allocator.
pub fn none<T>(call: impl FnOnce() -> T) -> T {
    TAKEN.set(0);
    IS_WATCHED.set(true);
    let result = call();
    IS_WATCHED.set(false);
    assert_eq!(TAKEN.get(), 0, "allocations inside of a shard");
    result
}

#[test]
#[should_panic(expected = "allocations inside of a shard")]
fn an_allocation_is_seen() {
    none(|| Vec::<u8>::with_capacity(10));
}
