//! Which chunk of a queue a stream position lies in: the last one, the one found last or the first
//! nearly always, else a walk along the list.

use super::{ChunkPool, ChunkQueue, NONE, is_before};

impl ChunkPool {
    /// True when `position` lies in chunk `index`, which may be NONE.
    #[inline]
    fn holds(&self, index: u32, position: u32) -> bool {
        let node = self.nodes.get(index as usize);
        node.is_some_and(|node| position.wrapping_sub(node.start) < u32::from(node.size))
    }

    /// The last chunk that starts at or before `position`; NONE when all start after it.
    #[inline]
    pub(super) fn find(&self, queue: &ChunkQueue, position: u32) -> u32 {
        let likely = [queue.tail, queue.hint.get(), queue.head];
        match likely
            .into_iter()
            .find(|index| self.holds(*index, position))
        {
            Some(index) => index,
            None => self.walk_to(queue, position),
        }
    }

    fn walk_to(&self, queue: &ChunkQueue, position: u32) -> u32 {
        let starts_by = |index: u32| index != NONE && !is_before(position, self.node(index).start);
        if starts_by(queue.tail) {
            return queue.tail;
        }
        if !starts_by(queue.head) {
            return NONE;
        }
        let hint = queue.hint.get();
        let mut index = if starts_by(hint) { hint } else { queue.head };
        let first = index;
        while starts_by(self.node(index).next) {
            index = self.node(index).next;
        }
        // A look at the front (a retransmission) must not forget where new data is being sent.
        if index != first || first != queue.head {
            queue.hint.set(index);
        }
        index
    }
}
