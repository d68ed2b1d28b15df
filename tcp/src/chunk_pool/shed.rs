//! Giving back the chunks at a queue's end: how bytes beyond a hole are let go of when memory is short.

use super::{ChunkPool, ChunkQueue, NONE, class_bytes, is_before};
use crate::memory::Memory;

impl ChunkPool {
    /// What [`Memory::shed`] says. Two walks over the chunks beyond `offset`.
    #[cold]
    pub(super) fn shed_behind(
        &mut self,
        queue: &mut ChunkQueue,
        offset: usize,
        bytes: usize,
    ) -> Option<usize> {
        let front = self.list(queue)?.front;
        let mut last = self.find(queue, front.wrapping_add(offset as u32));
        let mut first = self.behind(queue, last);
        let mut shed = self.bytes_from(first);
        // One chunk after the other is spared as long as those behind it are enough.
        while first != NONE {
            let others = shed - class_bytes(self.node(first).class);
            if others < bytes.max(1) {
                break;
            }
            shed = others;
            last = first;
            first = self.node(first).next;
        }
        if first == NONE {
            return None;
        }
        let cut = self.node(first).start.wrapping_sub(front) as usize;
        if last == NONE {
            self.clear(queue);
        } else {
            self.cut_behind(queue, last, shed);
        }
        Some(cut)
    }

    /// The chunk behind `index`; the first one behind NONE.
    fn behind(&self, queue: &ChunkQueue, index: u32) -> u32 {
        match index {
            NONE => queue.head,
            index => self.node(index).next,
        }
    }

    /// Bytes of chunk `index` and those behind it.
    fn bytes_from(&self, mut index: u32) -> usize {
        let mut bytes = 0;
        while index != NONE {
            bytes += class_bytes(self.node(index).class);
            index = self.node(index).next;
        }
        bytes
    }

    /// Makes `last` the queue's last chunk; those behind it have `bytes` bytes.
    fn cut_behind(&mut self, queue: &ChunkQueue, last: u32, bytes: usize) {
        let node = self.node_mut(last);
        let end = node.start.wrapping_add(u32::from(node.size));
        // No other begins within it any more.
        node.size = class_bytes(node.class) as u16;
        let mut index = std::mem::replace(&mut node.next, NONE);
        while index != NONE {
            let next = self.node(index).next;
            self.give_back(index);
            index = next;
        }
        let list = &mut self.node_mut(queue.head).list;
        list.tail = last;
        list.held -= bytes as u32;
        list.hint.set(NONE);
        if is_before(end, list.end) {
            list.end = end;
        }
    }
}
