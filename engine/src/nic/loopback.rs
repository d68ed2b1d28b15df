//! Ports joined back to back, or to themselves, by bounded queues in memory; no EAL. They offer no
//! offloads: what is asked of a packet at transmission is ignored.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crossbeam::queue::ArrayQueue;

use super::heap_buffer::{HeapBuffer, HeapPool};
use super::{Capabilities, Port};

/// One end of a link in memory.
#[derive(Debug)]
pub struct LoopbackPort {
    pool: HeapPool,
    incoming: Arc<ArrayQueue<HeapBuffer>>,
    outgoing: Arc<ArrayQueue<HeapBuffer>>,
    mac: [u8; 6],
    mtu: u16,
    capabilities: Capabilities,
}

impl LoopbackPort {
    /// Two ports, each receiving what the other sends, with queues of `length` packets (at least
    /// one). Their MACs are 02:00:00:00:00:01 and :02.
    pub fn pair(pool: &HeapPool, length: usize) -> (Self, Self) {
        let there = Arc::new(ArrayQueue::new(length.max(1)));
        let back = Arc::new(ArrayQueue::new(length.max(1)));
        let first = Self::new(pool, Arc::clone(&back), Arc::clone(&there), 1);
        (first, Self::new(pool, there, back, 2))
    }

    /// A port that receives what it sends itself.
    pub fn looped(pool: &HeapPool, length: usize) -> Self {
        let queue = Arc::new(ArrayQueue::new(length.max(1)));
        Self::new(pool, Arc::clone(&queue), queue, 1)
    }

    /// With another MTU.
    pub fn with_mtu(self, mtu: u16) -> Self {
        Self { mtu, ..self }
    }

    /// With another MAC.
    pub fn with_mac(self, mac: [u8; 6]) -> Self {
        Self { mac, ..self }
    }

    /// Claiming other capabilities; the port does nothing for them.
    pub fn with_capabilities(self, capabilities: Capabilities) -> Self {
        Self {
            capabilities,
            ..self
        }
    }

    fn new(
        pool: &HeapPool,
        incoming: Arc<ArrayQueue<HeapBuffer>>,
        outgoing: Arc<ArrayQueue<HeapBuffer>>,
        number: u8,
    ) -> Self {
        let mac = [2, 0, 0, 0, 0, number];
        let capabilities = Capabilities::default();
        Self {
            pool: pool.clone(),
            incoming,
            outgoing,
            mac,
            mtu: 1500,
            capabilities,
        }
    }
}

impl Port for LoopbackPort {
    type Buffer = HeapBuffer;

    fn receive(&mut self, into: &mut Vec<HeapBuffer>, max: usize) -> usize {
        let before = into.len();
        let max = max.min(into.capacity() - before);
        into.extend(std::iter::from_fn(|| self.incoming.pop()).take(max));
        into.len() - before
    }

    fn transmit(&mut self, from: &mut Vec<HeapBuffer>) -> usize {
        // Only this end pushes, so what is free now stays free.
        let room = self.outgoing.capacity() - self.outgoing.len();
        let count = room.min(from.len());
        for packet in from.drain(..count) {
            let _ = self.outgoing.push(packet);
        }
        count
    }

    fn allocate(&mut self) -> Option<HeapBuffer> {
        self.pool.allocate()
    }

    fn renew(&mut self, packet: &mut HeapBuffer) -> bool {
        self.pool.renew(packet)
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn mtu(&self) -> u16 {
        self.mtu
    }

    fn receive_interrupt(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

#[cfg(test)]
mod tests;
