//! A private pool of chunks for the bytes of one shard's connections.
//!
//! Three size classes, all reserved when the pool is made, each with a last-in-first-out free list
//! so that warm memory is used again first. A queue is a list of chunks in stream order, linked
//! through the pool's nodes; a chunk knows the stream position of its first byte, so a hole costs
//! nothing, and a queue grows into larger classes with what it holds.

mod growth;
mod queue;
mod search;

pub use queue::ChunkQueue;

use std::fmt;

use crate::memory::Memory;

/// The pool. [`Memory`] is its interface.
pub struct ChunkPool {
    bytes: Vec<u8>,
    nodes: Vec<Node>,
    free: [u32; CLASS_BYTES.len()],
    available: usize,
}

/// One chunk's place in its queue or free list.
#[derive(Clone)]
struct Node {
    next: u32,
    /// Stream position of the chunk's first byte.
    start: u32,
    /// Where the chunk lies in the pool's bytes.
    offset: usize,
    /// Bytes of it in use by the queue: its class, or less when a later chunk begins before.
    size: u16,
    class: u8,
    /// What the chunks of the queue have in common; kept by the first of them.
    list: queue::List,
}

impl ChunkPool {
    /// A pool of about `bytes` bytes: an eighth in the smallest chunks, three eighths in the
    /// middle ones, the rest in the largest.
    ///
    /// # Panics
    /// When asked for more than 2^32 - 1 chunks.
    pub fn new(bytes: usize) -> Self {
        let counts = [
            bytes / 8 / CLASS_BYTES[0],
            bytes / 8 * 3 / CLASS_BYTES[1],
            bytes / 2 / CLASS_BYTES[2],
        ];
        let total = counts
            .iter()
            .zip(CLASS_BYTES)
            .map(|(count, size)| count * size)
            .sum();
        let mut pool = Self {
            bytes: vec![0; total],
            nodes: Vec::with_capacity(counts.iter().sum()),
            free: [NONE; CLASS_BYTES.len()],
            available: total,
        };
        let mut offset = 0;
        for (class, count) in counts.into_iter().enumerate() {
            let first = pool.nodes.len();
            for index in first..first + count {
                let is_last = index + 1 == first + count;
                pool.nodes.push(Node {
                    next: if is_last {
                        NONE
                    } else {
                        chunk_index(index + 1)
                    },
                    start: 0,
                    offset,
                    size: 0,
                    class: class as u8,
                    list: queue::List::of(NONE, 0),
                });
                offset += CLASS_BYTES[class];
            }
            if count > 0 {
                pool.free[class] = chunk_index(first);
            }
        }
        pool
    }

    /// Bytes of all chunks, held or free.
    pub fn capacity_bytes(&self) -> usize {
        self.bytes.len()
    }

    fn node(&self, index: u32) -> &Node {
        &self.nodes[index as usize]
    }

    fn node_mut(&mut self, index: u32) -> &mut Node {
        &mut self.nodes[index as usize]
    }

    /// A chunk of `class`, else of the nearest smaller one, else of the nearest larger one.
    #[inline]
    fn take(&mut self, class: usize) -> Option<u32> {
        let mut class = class;
        if self.free[class] == NONE {
            let mut others = (0..class).rev().chain(class + 1..CLASS_BYTES.len());
            class = others.find(|class| self.free[*class] != NONE)?;
        }
        let index = self.free[class];
        self.free[class] = self.node(index).next;
        self.available -= CLASS_BYTES[class];
        Some(index)
    }

    fn give_back(&mut self, index: u32) {
        let class = usize::from(self.node(index).class);
        self.node_mut(index).next = self.free[class];
        self.free[class] = index;
        self.available += CLASS_BYTES[class];
    }

    /// The bytes of chunk `index` from `position` to its end; empty when `position` is not in it.
    fn piece(&self, index: u32, position: u32) -> &[u8] {
        let node = self.node(index);
        let skip = position.wrapping_sub(node.start) as usize;
        let size = usize::from(node.size);
        if skip < size {
            &self.bytes[node.offset + skip..node.offset + size]
        } else {
            &[]
        }
    }

    fn piece_mut(&mut self, index: u32, position: u32) -> &mut [u8] {
        let node = &self.nodes[index as usize];
        let skip = position.wrapping_sub(node.start) as usize;
        let size = usize::from(node.size);
        if skip < size {
            &mut self.bytes[node.offset + skip..node.offset + size]
        } else {
            &mut []
        }
    }

    #[inline]
    fn write(&mut self, queue: &mut ChunkQueue, position: u32, data: &[u8]) -> usize {
        if data.is_empty() {
            return 0;
        }
        if queue.head == NONE {
            self.begin(queue, position, data.len());
        }
        // Nearly always all of it finds room in the last chunk.
        if let Some(head) = self.nodes.get(queue.head as usize)
            && let Some(node) = self.nodes.get(head.list.tail as usize)
        {
            let skip = position.wrapping_sub(node.start) as usize;
            if skip + data.len() <= usize::from(node.size) {
                let first = node.offset + skip;
                self.bytes[first..first + data.len()].copy_from_slice(data);
                queue.grow_to(position.wrapping_add(data.len() as u32));
                return data.len();
            }
        }
        self.write_across(queue, position, data)
    }

    fn write_across(&mut self, queue: &mut ChunkQueue, mut position: u32, data: &[u8]) -> usize {
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
            queue.grow_to(position);
        }
        written
    }

    /// The longest piece at `position`, cut at the queue's end.
    fn piece_at(&self, queue: &ChunkQueue, index: u32, position: u32) -> &[u8] {
        let left = queue.end.wrapping_sub(position) as usize;
        let piece = self.piece(index, position);
        &piece[..piece.len().min(left)]
    }
}

impl Memory for ChunkPool {
    type Queue = ChunkQueue;

    fn append(&mut self, queue: &mut ChunkQueue, data: &[u8]) -> usize {
        self.write(queue, queue.end, data)
    }

    fn write_at(&mut self, queue: &mut ChunkQueue, offset: usize, data: &[u8]) -> usize {
        debug_assert!(
            offset + data.len() < QUEUE_BYTES_MAX,
            "beyond what positions can tell"
        );
        self.write(queue, queue.front.wrapping_add(offset as u32), data)
    }

    fn read_at(&self, queue: &ChunkQueue, offset: usize, out: &mut [u8]) -> usize {
        if offset >= queue.len() {
            return 0;
        }
        let mut position = queue.front.wrapping_add(offset as u32);
        let mut index = self.find(queue, position);
        let mut read = 0;
        while index != NONE && read < out.len() {
            let mut piece = self.piece_at(queue, index, position);
            if piece.is_empty() {
                index = self.node(index).next;
                if index == NONE || self.node(index).start != position {
                    break;
                }
                self.node(queue.head).list.hint.set(index);
                piece = self.piece_at(queue, index, position);
            }
            let count = piece.len().min(out.len() - read);
            out[read..read + count].copy_from_slice(&piece[..count]);
            read += count;
            position = position.wrapping_add(count as u32);
            if position == queue.end {
                break;
            }
        }
        read
    }

    fn slice_at(&self, queue: &ChunkQueue, offset: usize) -> &[u8] {
        if offset >= queue.len() {
            return &[];
        }
        let position = queue.front.wrapping_add(offset as u32);
        let index = self.find(queue, position);
        if index == NONE {
            return &[];
        }
        match self.piece_at(queue, index, position) {
            // The chunk before ends here: the next one may begin here.
            [] => match self.node(index).next {
                NONE => &[],
                next if self.node(next).start == position => self.piece_at(queue, next, position),
                _ => &[],
            },
            piece => piece,
        }
    }

    fn release(&mut self, queue: &mut ChunkQueue, count: usize) {
        if count >= queue.len() {
            self.clear(queue);
            return;
        }
        queue.front = queue.front.wrapping_add(count as u32);
        while queue.head != NONE {
            let node = self.node(queue.head).clone();
            if is_before(queue.front, node.start.wrapping_add(u32::from(node.size))) {
                break;
            }
            self.give_back(queue.head);
            let mut list = node.list;
            list.held -= CLASS_BYTES[usize::from(node.class)] as u32;
            if list.hint.get() == queue.head {
                list.hint.set(NONE);
            }
            queue.head = node.next;
            if let Some(head) = self.nodes.get_mut(queue.head as usize) {
                head.list = list;
            }
        }
    }

    fn clear(&mut self, queue: &mut ChunkQueue) {
        while queue.head != NONE {
            let next = self.node(queue.head).next;
            self.give_back(queue.head);
            queue.head = next;
        }
        *queue = ChunkQueue::default();
    }

    fn available_bytes(&self) -> usize {
        self.available
    }
}

impl fmt::Debug for ChunkPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ChunkPool({} of {} bytes free)",
            self.available,
            self.bytes.len()
        )
    }
}

/// True when position `a` comes before `b`, modulo 2^32.
fn is_before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}

/// The class of a chunk for a queue that will hold `bytes`.
#[inline]
fn class_for(bytes: usize) -> usize {
    usize::from(bytes > GROWTH_BYTES[0]) + usize::from(bytes > GROWTH_BYTES[1])
}

fn chunk_index(index: usize) -> u32 {
    u32::try_from(index)
        .ok()
        .filter(|index| *index != NONE)
        .expect("fewer than 2^32 - 1 chunks")
}

/// Sizes of the chunks.
const CLASS_BYTES: [usize; 3] = [256, 2_048, 16_384];
/// A queue that will hold more than this takes chunks of the next class.
const GROWTH_BYTES: [usize; 2] = [256, 16_384];
/// Positions tell apart what is less than this ahead.
const QUEUE_BYTES_MAX: usize = 1 << 31;
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests;
