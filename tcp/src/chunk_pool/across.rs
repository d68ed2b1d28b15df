//! Reading and writing across chunks, and letting go of those passed: what takes more than the queue's last chunk.

use super::{ChunkPool, ChunkQueue, NONE, class_bytes, class_for, is_before};

impl ChunkPool {
    /// What follows the queue's last byte goes into its last chunk as far as that has room, and on into a new one.
    #[inline(never)]
    pub(super) fn write_on(&mut self, queue: &mut ChunkQueue, position: u32, data: &[u8]) -> usize {
        let Some((tail, list)) = self.tail(queue) else {
            return 0;
        };
        let (last, held) = (list.tail, list.held as usize);
        let used = position.wrapping_sub(tail.start) as usize;
        let Some(room) = usize::from(tail.size).checked_sub(used) else {
            return self.write_across(queue, position, data);
        };
        let first = tail.first_byte() + used;
        if position != list.end || tail.next != NONE || data.len() <= room {
            return self.write_across(queue, position, data);
        }
        let (here, rest) = data.split_at(room);
        let Some(index) = self.take(class_for(held + rest.len())) else {
            return self.write_across(queue, position, here);
        };
        self.bytes[first..first + room].copy_from_slice(here);
        self.nodes[last as usize].next = index;
        let start = position.wrapping_add(room as u32);
        let node = &mut self.nodes[index as usize];
        let size = class_bytes(node.class);
        node.next = NONE;
        node.start = start;
        node.size = size as u16;
        let (first, count) = (node.first_byte(), rest.len().min(size));
        self.bytes[first..first + count].copy_from_slice(&rest[..count]);
        let list = &mut self.nodes[queue.head as usize].list;
        list.tail = index;
        list.held += size as u32;
        list.end = start.wrapping_add(count as u32);
        let written = room + count;
        match &rest[count..] {
            [] => written,
            rest => written + self.write_across(queue, position.wrapping_add(written as u32), rest),
        }
    }

    pub(super) fn write_across(
        &mut self,
        queue: &mut ChunkQueue,
        mut position: u32,
        data: &[u8],
    ) -> usize {
        let mut written = 0;
        let mut index = self.find(queue, position);
        while written < data.len() {
            let rest = &data[written..];
            let mut piece: &mut [u8] = &mut [];
            if index != NONE {
                piece = self.piece_mut(index, position);
            }
            if piece.is_empty() {
                // Either the next chunk begins right here, or one is missing.
                let next = if index == NONE {
                    queue.head
                } else {
                    self.node(index).next
                };
                if next != NONE && self.node(next).start == position {
                    index = next;
                } else {
                    let Some(new) = self.insert(queue, index, position, rest.len()) else {
                        break;
                    };
                    index = new;
                }
                piece = self.piece_mut(index, position);
            }
            let count = piece.len().min(rest.len());
            piece[..count].copy_from_slice(&rest[..count]);
            written += count;
            position = position.wrapping_add(count as u32);
        }
        if written > 0 {
            self.node_mut(queue.head).list.grow_to(position);
        }
        written
    }

    /// The longest piece at `position`, cut at the queue's end.
    fn piece_at(&self, end: u32, index: u32, position: u32) -> &[u8] {
        let left = end.wrapping_sub(position) as usize;
        let piece = self.piece(index, position);
        &piece[..piece.len().min(left)]
    }

    pub(super) fn read_across(
        &self,
        queue: &ChunkQueue,
        mut position: u32,
        out: &mut [u8],
    ) -> usize {
        let end = self.list(queue).map_or(position, |list| list.end);
        let mut index = self.find(queue, position);
        let mut read = 0;
        while index != NONE && read < out.len() {
            let mut piece = self.piece_at(end, index, position);
            if piece.is_empty() {
                index = self.node(index).next;
                if index == NONE || self.node(index).start != position {
                    break;
                }
                self.node(queue.head).list.hint.set(index);
                piece = self.piece_at(end, index, position);
            }
            let count = piece.len().min(out.len() - read);
            out[read..read + count].copy_from_slice(&piece[..count]);
            read += count;
            position = position.wrapping_add(count as u32);
            if position == end {
                break;
            }
        }
        read
    }

    pub(super) fn slice_across(&self, queue: &ChunkQueue, end: u32, position: u32) -> &[u8] {
        let index = self.find(queue, position);
        if index == NONE {
            return &[];
        }
        match self.piece_at(end, index, position) {
            // The chunk before ends here: the next one may begin here.
            [] => match self.node(index).next {
                NONE => &[],
                next if self.node(next).start == position => self.piece_at(end, next, position),
                _ => &[],
            },
            piece => piece,
        }
    }

    /// Gives back the chunks that lie before the queue's front.
    pub(super) fn release_passed(&mut self, queue: &mut ChunkQueue) {
        while let Some(head) = self.nodes.get(queue.head as usize) {
            let end = head.start.wrapping_add(u32::from(head.size));
            if is_before(head.list.front, end) {
                return;
            }
            let (next, mut list) = (head.next, head.list.clone());
            list.held -= class_bytes(head.class) as u32;
            if list.hint.get() == queue.head {
                list.hint.set(NONE);
            }
            self.give_back(queue.head);
            queue.head = next;
            if let Some(head) = self.nodes.get_mut(next as usize) {
                head.list = list;
            }
        }
    }

    /// The bytes of chunk `index` from `position` to its end; empty when `position` is not in it.
    fn piece(&self, index: u32, position: u32) -> &[u8] {
        match self.node(index).find(position) {
            Some((first, count)) => &self.bytes[first..first + count],
            None => &[],
        }
    }

    fn piece_mut(&mut self, index: u32, position: u32) -> &mut [u8] {
        match self.node(index).find(position) {
            Some((first, count)) => &mut self.bytes[first..first + count],
            None => &mut [],
        }
    }
}
