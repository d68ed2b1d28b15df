//! A queue's own part: which chunk its list begins with. The rest is with that chunk, so that an empty queue costs four bytes.

use std::cell::Cell;
use std::fmt;

use super::{ChunkPool, NONE, is_before};

/// The bytes of one direction of a connection.
pub struct ChunkQueue {
    pub(super) head: u32,
}

/// The part of a queue that an empty one does not need, kept by its first chunk. Positions are 32 bits of the stream,
/// modulo 2^32.
#[derive(Clone)]
pub(super) struct List {
    pub(super) tail: u32,
    /// Bytes of the chunks held; decides the class of the next one.
    pub(super) held: u32,
    /// The chunk found last: reading goes on there instead of walking from the head.
    pub(super) hint: Cell<u32>,
    /// Position of the first byte not released.
    pub(super) front: u32,
    /// Position after the last byte written.
    pub(super) end: u32,
}

impl List {
    /// Of a queue that gets its first chunk, `chunk`, and begins at position 0.
    #[inline]
    pub(super) fn of(chunk: u32, held: usize, end: u32) -> Self {
        Self {
            tail: chunk,
            held: held as u32,
            hint: Cell::new(NONE),
            front: 0,
            end,
        }
    }

    /// Bytes from the front to the end of the last byte written, holes included.
    #[inline]
    pub(super) fn length(&self) -> usize {
        self.end.wrapping_sub(self.front) as usize
    }

    /// Moves the end on to `position`, unless it is there or beyond already.
    #[inline]
    pub(super) fn grow_to(&mut self, position: u32) {
        if is_before(self.end, position) {
            self.end = position;
        }
    }
}

impl ChunkQueue {
    /// True when there is nothing to read or release.
    pub fn is_empty(&self) -> bool {
        self.head == NONE
    }
}

impl ChunkPool {
    /// Bytes of a queue from its front to the end of the last byte written, holes included.
    pub fn queued_bytes(&self, queue: &ChunkQueue) -> usize {
        self.list(queue).map_or(0, List::length)
    }

    #[inline]
    pub(super) fn list(&self, queue: &ChunkQueue) -> Option<&List> {
        self.nodes.get(queue.head as usize).map(|node| &node.list)
    }
}

impl Default for ChunkQueue {
    fn default() -> Self {
        Self { head: NONE }
    }
}

impl fmt::Debug for ChunkQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.head {
            NONE => f.write_str("ChunkQueue(empty)"),
            head => write!(f, "ChunkQueue(from chunk {head})"),
        }
    }
}
