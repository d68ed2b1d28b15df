//! Which chunk of a queue a stream position lies in: the last one, the one found last or the first
//! nearly always, else a walk along the list.

use super::queue::List;
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
        let Some(head) = self.nodes.get(queue.head as usize) else {
            return NONE;
        };
        let likely = [head.list.tail, head.list.hint.get(), queue.head];
        match likely
            .into_iter()
            .find(|index| self.holds(*index, position))
        {
            Some(index) => index,
            None => self.walk_to(queue.head, &head.list, position),
        }
    }

    fn walk_to(&self, head: u32, list: &List, position: u32) -> u32 {
        let starts_by = |index: u32| index != NONE && !is_before(position, self.node(index).start);
        if starts_by(list.tail) {
            return list.tail;
        }
        if !starts_by(head) {
            return NONE;
        }
        let hint = list.hint.get();
        let mut index = if starts_by(hint) { hint } else { head };
        let first = index;
        while starts_by(self.node(index).next) {
            index = self.node(index).next;
        }
        // A look at the front (a retransmission) must not forget where new data is being sent.
        if index != first || first != head {
            list.hint.set(index);
        }
        index
    }
}
