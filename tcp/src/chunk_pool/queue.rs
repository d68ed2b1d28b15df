//! A queue's own part: where its list of chunks begins and ends, and which bytes are in it.

use std::cell::Cell;
use std::fmt;

use super::{NONE, is_before};

/// The bytes of one direction of a connection: positions are 32 bits of the stream, modulo 2^32.
pub struct ChunkQueue {
    pub(super) head: u32,
    pub(super) tail: u32,
    /// Position of the first byte not released.
    pub(super) front: u32,
    /// Position after the last byte written.
    pub(super) end: u32,
    /// Bytes of the chunks held; decides the class of the next one.
    pub(super) held: u32,
    /// The chunk found last: reading goes on there instead of walking from the head.
    pub(super) hint: Cell<u32>,
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

    /// Bytes of the chunks that the queue holds.
    pub fn held_bytes(&self) -> usize {
        self.held as usize
    }
}

impl Default for ChunkQueue {
    fn default() -> Self {
        Self {
            head: NONE,
            tail: NONE,
            front: 0,
            end: 0,
            held: 0,
            hint: Cell::new(NONE),
        }
    }
}

impl fmt::Debug for ChunkQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChunkQueue({} bytes in {})", self.len(), self.held)
    }
}
