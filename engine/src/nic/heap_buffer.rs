//! Packets in ordinary memory for the test ports: reserved at start, taken from and given back to a
//! free list, so that they run out as DPDK's do.

use std::fmt;
use std::sync::Arc;

use crossbeam::queue::ArrayQueue;

use super::{Buffer, ChecksumStatus, TransmitOffload};

/// A bounded pool of packets; clones share it.
#[derive(Clone)]
pub struct HeapPool {
    free: Arc<ArrayQueue<Box<[u8]>>>,
    headroom: usize,
}

impl HeapPool {
    /// Reserves `count` packets (at least one) with DPDK's usual headroom and room.
    pub fn new(count: usize) -> Self {
        Self::with_room(count, ROOM)
    }

    /// The same with room for `bytes` in each.
    pub fn with_room(count: usize, bytes: usize) -> Self {
        let free = ArrayQueue::new(count.max(1));
        while free
            .push(vec![0; HEADROOM + bytes].into_boxed_slice())
            .is_ok()
        {}
        Self {
            free: Arc::new(free),
            headroom: HEADROOM,
        }
    }

    /// An empty packet, or None when all are out.
    pub fn allocate(&self) -> Option<HeapBuffer> {
        let memory = self.free.pop()?;
        Some(HeapBuffer {
            memory,
            start: self.headroom,
            length: 0,
            checksums: (ChecksumStatus::Unknown, ChecksumStatus::Unknown),
            hash: None,
            offload: TransmitOffload::default(),
            home: Arc::clone(&self.free),
        })
    }

    /// Makes a packet of this pool an empty one; false, and nothing done, with one of another pool.
    pub fn renew(&self, packet: &mut HeapBuffer) -> bool {
        let is_ours = Arc::ptr_eq(&packet.home, &self.free);
        if is_ours {
            (packet.start, packet.length) = (self.headroom, 0);
            packet.checksums = (ChecksumStatus::Unknown, ChecksumStatus::Unknown);
            packet.hash = None;
            packet.offload = TransmitOffload::default();
        }
        is_ours
    }

    /// Packets that are free now.
    pub fn free(&self) -> usize {
        self.free.len()
    }

    /// Packets altogether.
    pub fn capacity(&self) -> usize {
        self.free.capacity()
    }
}

impl fmt::Debug for HeapPool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HeapPool")
            .field("free", &self.free.len())
            .finish_non_exhaustive()
    }
}

/// A packet of a [`HeapPool`].
pub struct HeapBuffer {
    memory: Box<[u8]>,
    start: usize,
    length: usize,
    checksums: (ChecksumStatus, ChecksumStatus),
    hash: Option<u32>,
    offload: TransmitOffload,
    home: Arc<ArrayQueue<Box<[u8]>>>,
}

impl HeapBuffer {
    /// What a port would have said about IP and TCP checksums.
    pub fn set_checksums(&mut self, ip: ChecksumStatus, tcp: ChecksumStatus) {
        self.checksums = (ip, tcp);
    }

    /// The hash a port would have computed.
    pub fn set_receive_hash(&mut self, hash: Option<u32>) {
        self.hash = hash;
    }

    /// The offloads last asked for.
    pub fn offload(&self) -> TransmitOffload {
        self.offload
    }
}

impl Buffer for HeapBuffer {
    fn data(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.length]
    }

    fn data_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.length]
    }

    fn trim_front(&mut self, count: usize) {
        let count = count.min(self.length);
        self.start += count;
        self.length -= count;
    }

    fn truncate(&mut self, length: usize) {
        self.length = self.length.min(length);
    }

    fn prepend(&mut self, count: usize) -> Option<&mut [u8]> {
        self.start = self.start.checked_sub(count)?;
        self.length += count;
        self.data_mut().get_mut(..count)
    }

    fn append(&mut self, count: usize) -> Option<&mut [u8]> {
        let length = self.length;
        if count > self.memory.len() - self.start - length {
            return None;
        }
        self.length += count;
        self.data_mut().get_mut(length..)
    }

    fn checksums(&self) -> (ChecksumStatus, ChecksumStatus) {
        self.checksums
    }

    fn receive_hash(&self) -> Option<u32> {
        self.hash
    }

    fn set_offload(&mut self, offload: TransmitOffload) {
        self.offload = offload;
    }
}

impl Drop for HeapBuffer {
    fn drop(&mut self) {
        // The list has a place for every packet of the pool.
        let _ = self.home.push(std::mem::take(&mut self.memory));
    }
}

impl fmt::Debug for HeapBuffer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HeapBuffer")
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// Bytes in front of an empty packet, as DPDK's default.
const HEADROOM: usize = 128;
/// Bytes behind them, as DPDK's default.
const ROOM: usize = 2048;

#[cfg(test)]
mod tests;
