//! The atomics that every word of shared memory is reached by. Under `--cfg loom` they are loom's, so that
//! `tests/loom.rs` tries every interleaving of the two sides; the rest of the room does not know.

#[cfg(loom)]
pub(crate) use loom::sync::atomic::{AtomicU64, Ordering, fence};
#[cfg(not(loom))]
pub(crate) use std::sync::atomic::{AtomicU64, Ordering, fence};
