//! A private pool of chunks for the bytes of one shard's connections.
//!
//! Three size classes, all reserved when the pool is made, each with a last-in-first-out free list
//! so that warm memory is used again first. A queue is a list of chunks in stream order, linked
//! through the pool's nodes; a chunk knows the stream position of its first byte, so a hole costs
//! nothing, and a queue grows into larger classes with what it holds.

mod across;
mod growth;
mod queue;
mod search;
mod shed;

pub use queue::ChunkQueue;

use std::fmt;
use std::ops::Range;

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
    /// Where the chunk lies in the pool's bytes, in chunks of the smallest class.
    place: u32,
    /// Bytes of it in use by the queue: its class, or less when a later chunk begins before.
    size: u16,
    class: u8,
    /// What the chunks of the queue have in common; kept by the first of them.
    list: queue::List,
}

impl Node {
    #[inline]
    fn first_byte(&self) -> usize {
        self.place as usize * CLASS_BYTES[0]
    }

    /// Where `length` bytes from `position` on lie in the pool's bytes; None when they are not all in the chunk.
    #[inline]
    fn find_all(&self, position: u32, length: usize) -> Option<Range<usize>> {
        let skip = position.wrapping_sub(self.start) as usize;
        let first = self.first_byte() + skip;
        (skip + length <= usize::from(self.size)).then(|| first..first + length)
    }

    /// Where `position` lies in the pool's bytes, and how many of the chunk follow; None when it is not in the chunk.
    #[inline]
    fn find(&self, position: u32) -> Option<(usize, usize)> {
        let skip = position.wrapping_sub(self.start) as usize;
        let size = usize::from(self.size);
        (skip < size).then(|| (self.first_byte() + skip, size - skip))
    }
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
        let mut place = 0;
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
                    place,
                    size: 0,
                    class: class as u8,
                    list: queue::List::of(NONE, 0, 0),
                });
                place += (CLASS_BYTES[class] / CLASS_BYTES[0]) as u32;
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
        let index = self.free[class];
        let Some(node) = self.nodes.get(index as usize) else {
            return self.take_other(class);
        };
        self.free[class] = node.next;
        self.available -= class_bytes(class as u8);
        Some(index)
    }

    #[cold]
    fn take_other(&mut self, class: usize) -> Option<u32> {
        let mut others = (0..class).rev().chain(class + 1..CLASS_BYTES.len());
        let class = others.find(|class| self.free[*class] != NONE)?;
        self.take(class)
    }

    #[inline]
    fn give_back(&mut self, index: u32) {
        let node = &mut self.nodes[index as usize];
        let free = &mut self.free[usize::from(node.class)];
        node.next = std::mem::replace(free, index);
        self.available += class_bytes(node.class);
    }

    /// The last chunk of a queue, and what the queue's first one keeps.
    #[inline]
    fn tail(&self, queue: &ChunkQueue) -> Option<(&Node, &queue::List)> {
        let list = self.list(queue)?;
        Some((self.nodes.get(list.tail as usize)?, list))
    }

    #[inline(never)]
    fn clear_rest(&mut self, queue: &mut ChunkQueue) {
        while let Some(head) = self.nodes.get(queue.head as usize) {
            let next = head.next;
            self.give_back(queue.head);
            queue.head = next;
        }
    }

    #[inline(always)]
    fn write(&mut self, queue: &mut ChunkQueue, position: u32, data: &[u8]) -> usize {
        // Nearly always all of it finds room in the last chunk.
        if let Some((tail, _)) = self.tail(queue)
            && let Some(place) = tail.find_all(position, data.len())
            && let Some(place) = self.bytes.get_mut(place)
        {
            place.copy_from_slice(data);
            let list = &mut self.nodes[queue.head as usize].list;
            list.grow_to(position.wrapping_add(data.len() as u32));
            return data.len();
        }
        self.write_on(queue, position, data)
    }
}

impl Memory for ChunkPool {
    type Queue = ChunkQueue;

    #[inline(always)]
    fn append(&mut self, queue: &mut ChunkQueue, data: &[u8]) -> usize {
        if data.is_empty() {
            return 0;
        }
        match self.list(queue) {
            Some(list) => self.write(queue, list.end, data),
            None => self.write_first(queue, 0, data),
        }
    }

    #[inline(always)]
    fn write_at(&mut self, queue: &mut ChunkQueue, offset: usize, data: &[u8]) -> usize {
        debug_assert!(
            offset + data.len() < QUEUE_BYTES_MAX,
            "beyond what positions can tell"
        );
        if data.is_empty() {
            return 0;
        }
        match self.list(queue) {
            Some(list) => self.write(queue, list.front.wrapping_add(offset as u32), data),
            None => self.write_first(queue, offset as u32, data),
        }
    }

    #[inline(always)]
    fn read_at(&self, queue: &ChunkQueue, offset: usize, out: &mut [u8]) -> usize {
        let Some((tail, list)) = self.tail(queue) else {
            return 0;
        };
        let position = list.front.wrapping_add(offset as u32);
        // What is sent lies in the last chunk, unless much is queued.
        if offset + out.len() <= list.length()
            && let Some(place) = tail.find_all(position, out.len())
            && let Some(bytes) = self.bytes.get(place)
        {
            out.copy_from_slice(bytes);
            return out.len();
        }
        if offset >= list.length() {
            return 0;
        }
        self.read_across(queue, position, out)
    }

    #[inline]
    fn slice_at(&self, queue: &ChunkQueue, offset: usize) -> &[u8] {
        let Some((tail, list)) = self.tail(queue) else {
            return &[];
        };
        if offset >= list.length() {
            return &[];
        }
        let position = list.front.wrapping_add(offset as u32);
        match tail.find(position) {
            Some((first, size)) => &self.bytes[first..first + size.min(list.length() - offset)],
            None => self.slice_across(queue, list.end, position),
        }
    }

    #[inline(always)]
    fn release(&mut self, queue: &mut ChunkQueue, count: usize) {
        let Some(head) = self.nodes.get_mut(queue.head as usize) else {
            return;
        };
        if count >= head.list.length() {
            self.clear(queue);
            return;
        }
        head.list.front = head.list.front.wrapping_add(count as u32);
        self.release_passed(queue);
    }

    #[inline(always)]
    fn clear(&mut self, queue: &mut ChunkQueue) {
        if let Some(head) = self.nodes.get_mut(queue.head as usize) {
            let free = &mut self.free[usize::from(head.class)];
            let next = std::mem::replace(&mut head.next, *free);
            *free = std::mem::replace(&mut queue.head, next);
            self.available += class_bytes(head.class);
            if next != NONE {
                self.clear_rest(queue);
            }
        }
    }

    fn shed(&mut self, queue: &mut ChunkQueue, offset: usize, bytes: usize) -> Option<usize> {
        self.shed_behind(queue, offset, bytes)
    }

    fn held_bytes(&self, queue: &ChunkQueue) -> usize {
        self.list(queue).map_or(0, |list| list.held as usize)
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

/// Bytes of a chunk of a class: [`CLASS_BYTES`], each eight times the one before.
#[inline]
const fn class_bytes(class: u8) -> usize {
    CLASS_BYTES[0] << (3 * class)
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
const _: () = assert!(class_bytes(1) == CLASS_BYTES[1] && class_bytes(2) == CLASS_BYTES[2]);
/// A queue that will hold more than this takes chunks of the next class.
const GROWTH_BYTES: [usize; 2] = [256, 16_384];
/// Positions tell apart what is less than this ahead.
const QUEUE_BYTES_MAX: usize = 1 << 31;
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests;
