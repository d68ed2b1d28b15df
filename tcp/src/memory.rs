//! Bytes in and out of connections: the narrow trait that the shard stores them through.

use std::fmt::Debug;

/// Memory for the bytes of all connections of a shard, as queues of chunks.
///
/// Offsets count from the queue's front, the oldest byte not yet released. Nothing here blocks or
/// allocates: where memory is short, less is taken than was given, and the caller counts it.
pub trait Memory {
    /// One direction of one connection. An empty queue holds no memory of the pool.
    type Queue: Default + Debug;

    /// Copies `data` to the queue's end; returns how many bytes found room.
    fn append(&mut self, queue: &mut Self::Queue, data: &[u8]) -> usize;

    /// Copies `data` to `offset`, which may lie beyond the end and leave a hole before it; bytes
    /// already there are overwritten. Returns how many bytes, from the first on, found room.
    fn write_at(&mut self, queue: &mut Self::Queue, offset: usize, data: &[u8]) -> usize;

    /// Copies bytes from `offset` on into `out`; returns how many, short at the queue's end or at
    /// a hole without memory. Bytes of a hole that shares memory with data read as anything.
    fn read_at(&self, queue: &Self::Queue, offset: usize, out: &mut [u8]) -> usize;

    /// The longest contiguous piece that starts at `offset`; empty at the end and in a hole
    /// without memory. The caller knows which of its bytes were written.
    fn slice_at(&self, queue: &Self::Queue, offset: usize) -> &[u8];

    /// Drops `count` bytes from the front, all there are when it is more.
    fn release(&mut self, queue: &mut Self::Queue, count: usize);

    /// Drops everything.
    fn clear(&mut self, queue: &mut Self::Queue);

    /// Gives memory back from the queue's end, whole chunks that begin beyond `offset` only, until it is `bytes` or no
    /// such chunk is left. Returns the offset from which on nothing is kept any more; None when there was none.
    fn shed(&mut self, queue: &mut Self::Queue, offset: usize, bytes: usize) -> Option<usize>;

    /// Bytes of the chunks that a queue holds.
    fn held_bytes(&self, queue: &Self::Queue) -> usize;

    /// Bytes of chunks that no queue holds. How much data fits into them depends on its pattern.
    fn available_bytes(&self) -> usize;
}
