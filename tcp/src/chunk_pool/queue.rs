//! A queue's own part: where its list of chunks begins, and which bytes are in it. The rest is with its first chunk.

use std::cell::Cell;
use std::fmt;

use super::{ChunkPool, NONE, is_before};

/// The bytes of one direction of a connection: positions are 32 bits of the stream, modulo 2^32.
pub struct ChunkQueue {
    pub(super) head: u32,
    /// Position of the first byte not released.
    pub(super) front: u32,
    /// Position after the last byte written.
    pub(super) end: u32,
}

/// A queue's part that an empty one does not need.
#[derive(Clone)]
pub(super) struct List {
    pub(super) tail: u32,
    /// Bytes of the chunks held; decides the class of the next one.
    pub(super) held: u32,
    /// The chunk found last: reading goes on there instead of walking from the head.
    pub(super) hint: Cell<u32>,
}

impl List {
    /// Of a queue whose last chunk is `tail`.
    pub(super) fn of(tail: u32, held: usize) -> Self {
        Self {
            tail,
            held: held as u32,
            hint: Cell::new(NONE),
        }
    }
}

impl ChunkQueue {
    /// Bytes from the front to the end of the last byte written, holes included.
    pub fn len(&self) -> usize {
        self.end.wrapping_sub(self.front) as usize
    }

    /// True when there is nothing to read or release.
    pub fn is_empty(&self) -> bool {
        self.front == self.end
    }

    /// Moves the end on to `position`, unless it is there or beyond already.
    #[inline]
    pub(super) fn grow_to(&mut self, position: u32) {
        if is_before(self.end, position) {
            self.end = position;
        }
    }
}

impl ChunkPool {
    /// Bytes of the chunks that a queue holds.
    pub fn held_bytes(&self, queue: &ChunkQueue) -> usize {
        let head = self.nodes.get(queue.head as usize);
        head.map_or(0, |node| node.list.held as usize)
    }
}

impl Default for ChunkQueue {
    fn default() -> Self {
        Self {
            head: NONE,
            front: 0,
            end: 0,
        }
    }
}

impl fmt::Debug for ChunkQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkQueue({} bytes)", self.len())
    }
}
