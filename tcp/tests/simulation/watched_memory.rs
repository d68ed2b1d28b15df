//! The shard's memory with an eye on it: the world sees what is free.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use coremill_tcp::chunk_pool::{ChunkPool, ChunkQueue};
use coremill_tcp::memory::Memory;

/// A chunk pool that tells how many bytes are held.
#[derive(Debug)]
pub struct WatchedMemory {
    pool: ChunkPool,
    held: Arc<AtomicUsize>,
}

impl WatchedMemory {
    pub fn new(bytes: usize) -> Self {
        Self {
            pool: ChunkPool::new(bytes),
            held: Arc::default(),
        }
    }

    /// Where the number of bytes held is kept.
    pub fn held(&self) -> Arc<AtomicUsize> {
        self.held.clone()
    }

    fn watch(&self) {
        let held = self.pool.capacity_bytes() - self.pool.available_bytes();
        self.held.store(held, Ordering::Relaxed);
    }
}

impl Memory for WatchedMemory {
    type Queue = ChunkQueue;

    fn append(&mut self, queue: &mut ChunkQueue, data: &[u8]) -> usize {
        let count = self.pool.append(queue, data);
        self.watch();
        count
    }

    fn write_at(&mut self, queue: &mut ChunkQueue, offset: usize, data: &[u8]) -> usize {
        let count = self.pool.write_at(queue, offset, data);
        self.watch();
        count
    }

    fn read_at(&self, queue: &ChunkQueue, offset: usize, out: &mut [u8]) -> usize {
        self.pool.read_at(queue, offset, out)
    }

    fn slice_at(&self, queue: &ChunkQueue, offset: usize) -> &[u8] {
        self.pool.slice_at(queue, offset)
    }

    fn release(&mut self, queue: &mut ChunkQueue, count: usize) {
        self.pool.release(queue, count);
        self.watch();
    }

    fn clear(&mut self, queue: &mut ChunkQueue) {
        self.pool.clear(queue);
        self.watch();
    }

    fn shed(&mut self, queue: &mut ChunkQueue, offset: usize, bytes: usize) -> Option<usize> {
        let cut = self.pool.shed(queue, offset, bytes);
        self.watch();
        cut
    }

    fn held_bytes(&self, queue: &ChunkQueue) -> usize {
        self.pool.held_bytes(queue)
    }

    fn available_bytes(&self) -> usize {
        self.pool.available_bytes()
    }
}
