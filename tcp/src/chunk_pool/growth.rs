//! How a queue gets its chunks.

use super::queue::List;
use super::{CLASS_BYTES, ChunkPool, ChunkQueue, NONE, class_for};

impl ChunkPool {
    /// Gives an empty queue its first chunk, which starts at `position`.
    #[inline]
    pub(super) fn begin(&mut self, queue: &mut ChunkQueue, position: u32, wanted: usize) {
        let Some(index) = self.take(class_for(wanted)) else {
            return;
        };
        let node = self.node_mut(index);
        let class_bytes = CLASS_BYTES[usize::from(node.class)];
        node.next = NONE;
        node.start = position;
        node.size = class_bytes as u16;
        node.list = List::of(index, class_bytes);
        queue.head = index;
    }

    /// Links a new chunk that starts at `position` behind `previous` (NONE: in front of all).
    pub(super) fn insert(
        &mut self,
        queue: &mut ChunkQueue,
        previous: u32,
        position: u32,
        wanted: usize,
    ) -> Option<u32> {
        let next = if previous == NONE {
            queue.head
        } else {
            self.node(previous).next
        };
        let room = match next {
            NONE => usize::MAX,
            next => self.node(next).start.wrapping_sub(position) as usize,
        };
        let held = self.held_bytes(queue);
        let amount = (held + wanted).min(room);
        let index = self.take(class_for(amount))?;
        let class_bytes = CLASS_BYTES[usize::from(self.node(index).class)];
        let node = self.node_mut(index);
        node.next = next;
        node.start = position;
        node.size = class_bytes.min(room) as u16;
        if previous == NONE {
            let list = self
                .nodes
                .get(queue.head as usize)
                .map(|node| node.list.clone());
            self.node_mut(index).list = list.unwrap_or(List::of(index, 0));
            queue.head = index;
        } else {
            self.node_mut(previous).next = index;
        }
        let list = &mut self.node_mut(queue.head).list;
        if next == NONE {
            list.tail = index;
        }
        list.held += class_bytes as u32;
        Some(index)
    }
}
