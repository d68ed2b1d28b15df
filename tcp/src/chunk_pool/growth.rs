//! How a queue gets its chunks.

use super::queue::List;
use super::{CLASS_BYTES, ChunkPool, ChunkQueue, NONE, class_bytes, class_for};
use crate::memory::Memory;

impl ChunkPool {
    /// What an empty queue is given goes into its first chunk, which starts at `position`.
    #[inline(always)]
    pub(super) fn write_first(
        &mut self,
        queue: &mut ChunkQueue,
        position: u32,
        data: &[u8],
    ) -> usize {
        // A message, as most are: one of the smallest chunks holds it.
        if data.len() <= CLASS_BYTES[0]
            && let Some(node) = self.nodes.get_mut(self.free[0] as usize)
        {
            let end = position.wrapping_add(data.len() as u32);
            let index = std::mem::replace(&mut self.free[0], node.next);
            self.available -= CLASS_BYTES[0];
            node.next = NONE;
            node.start = position;
            node.size = CLASS_BYTES[0] as u16;
            node.list = List::of(index, CLASS_BYTES[0], end);
            queue.head = index;
            let first = node.first_byte();
            self.bytes[first..first + data.len()].copy_from_slice(data);
            return data.len();
        }
        self.write_first_of_any(queue, position, data)
    }

    #[inline(never)]
    fn write_first_of_any(&mut self, queue: &mut ChunkQueue, position: u32, data: &[u8]) -> usize {
        let Some(index) = self.take(class_for(data.len())) else {
            return 0;
        };
        let node = &mut self.nodes[index as usize];
        let class_bytes = class_bytes(node.class);
        node.next = NONE;
        node.start = position;
        node.size = class_bytes as u16;
        queue.head = index;
        if data.len() <= class_bytes {
            let end = position.wrapping_add(data.len() as u32);
            node.list = List::of(index, class_bytes, end);
            let first = node.first_byte();
            self.bytes[first..first + data.len()].copy_from_slice(data);
            return data.len();
        }
        node.list = List::of(index, class_bytes, 0);
        self.write_across(queue, position, data)
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
        let class_bytes = class_bytes(self.node(index).class);
        let node = self.node_mut(index);
        node.next = next;
        node.start = position;
        node.size = class_bytes.min(room) as u16;
        if previous == NONE {
            let list = self.list(queue).cloned();
            self.node_mut(index).list = list.unwrap_or(List::of(index, 0, 0));
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
