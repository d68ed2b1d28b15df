//! Queues against a plain model, and the pool's accounts.

use proptest::prelude::*;

use super::{CLASS_BYTES, ChunkPool, ChunkQueue};
use crate::memory::Memory;

fn pattern(seed: u8, length: usize) -> Vec<u8> {
    (0..length)
        .map(|index| seed.wrapping_add((index % 251) as u8))
        .collect()
}

fn read_all(pool: &ChunkPool, queue: &ChunkQueue) -> Vec<u8> {
    let mut out = vec![0; pool.queued_bytes(queue)];
    let count = pool.read_at(queue, 0, &mut out);
    out.truncate(count);
    out
}

#[test]
fn an_empty_queue_holds_no_chunk() {
    let mut pool = ChunkPool::new(1 << 20);
    let all = pool.available_bytes();
    assert_eq!(all, pool.capacity_bytes());
    let mut queue = ChunkQueue::default();
    assert_eq!(pool.append(&mut queue, b""), 0);
    assert_eq!(pool.available_bytes(), all);
    assert_eq!(pool.append(&mut queue, b"abc"), 3);
    assert_eq!(pool.available_bytes(), all - CLASS_BYTES[0]);
    pool.release(&mut queue, 3);
    assert_eq!(pool.available_bytes(), all);
    assert!(queue.is_empty());
}

#[test]
fn chunks_grow_with_what_is_queued() {
    let mut pool = ChunkPool::new(1 << 20);
    let mut queue = ChunkQueue::default();
    pool.append(&mut queue, &[1; 100]);
    assert_eq!(pool.held_bytes(&queue), 256);
    pool.append(&mut queue, &[2; 1_000]);
    assert_eq!(pool.held_bytes(&queue), 256 + 2_048);
    pool.append(&mut queue, &[3; 40_000]);
    assert!(pool.held_bytes(&queue) >= 41_100 && pool.held_bytes(&queue) < 41_100 + 16_384);
    let slice = pool.slice_at(&queue, 1_500).len();
    assert!(slice <= 2_048);
    assert_eq!(read_all(&pool, &queue).len(), 41_100);
}

#[test]
fn an_exhausted_pool_takes_what_fits() {
    let mut pool = ChunkPool::new(64 << 10);
    let mut queue = ChunkQueue::default();
    let data = pattern(9, 100 << 10);
    let taken = pool.append(&mut queue, &data);
    assert_eq!(taken, pool.capacity_bytes());
    assert_eq!(pool.available_bytes(), 0);
    assert_eq!(pool.append(&mut queue, b"more"), 0);
    assert_eq!(read_all(&pool, &queue), &data[..taken]);
    let mut other = ChunkQueue::default();
    assert_eq!(pool.write_at(&mut other, 10, b"x"), 0);
    assert!(other.is_empty());
    pool.clear(&mut queue);
    assert_eq!(pool.available_bytes(), pool.capacity_bytes());
}

#[test]
fn a_far_byte_costs_one_small_chunk() {
    let mut pool = ChunkPool::new(1 << 20);
    let mut queue = ChunkQueue::default();
    assert_eq!(pool.write_at(&mut queue, 500_000, b"x"), 1);
    assert_eq!(pool.held_bytes(&queue), 256);
    assert_eq!(pool.queued_bytes(&queue), 500_001);
    assert!(pool.slice_at(&queue, 0).is_empty());
    assert_eq!(pool.slice_at(&queue, 500_000), b"x");
    let filling = pattern(3, 500_000);
    assert_eq!(pool.write_at(&mut queue, 0, &filling), 500_000);
    let all = read_all(&pool, &queue);
    assert_eq!(&all[..500_000], filling);
    assert_eq!(all[500_000], b'x');
}

#[test]
fn what_is_shed_is_whole_chunks_from_the_end() {
    let mut pool = ChunkPool::new(1 << 20);
    let mut queue = ChunkQueue::default();
    assert_eq!(pool.shed(&mut queue, 0, 1), None);
    pool.append(&mut queue, &pattern(1, 100));
    for offset in [10_000, 20_000, 30_000] {
        assert_eq!(pool.write_at(&mut queue, offset, &pattern(2, 10)), 10);
    }
    let (all, held) = (pool.available_bytes(), pool.held_bytes(&queue));
    // As little as is enough, and the chunk that begins at or before the offset stays.
    assert_eq!(pool.shed(&mut queue, 100, 1), Some(30_000));
    assert_eq!(pool.available_bytes(), all + 2_048);
    assert_eq!(pool.held_bytes(&queue), held - 2_048);
    assert_eq!(pool.shed(&mut queue, 20_000, usize::MAX), None);
    assert_eq!(pool.shed(&mut queue, 100, usize::MAX), Some(10_000));
    assert_eq!(pool.held_bytes(&queue), 256);
    assert_eq!(pool.shed(&mut queue, 0, usize::MAX), None);
    // It goes on as if nothing had been there.
    pool.append(&mut queue, &pattern(3, 400));
    let all = read_all(&pool, &queue);
    assert_eq!(all[..100], pattern(1, 100));
    assert_eq!(all[all.len() - 400..], pattern(3, 400));
    // Where the first byte is missing all of it may go.
    pool.clear(&mut queue);
    pool.write_at(&mut queue, 700, b"x");
    assert_eq!(pool.shed(&mut queue, 0, 1), Some(700));
    assert!(queue.is_empty() && pool.available_bytes() == pool.capacity_bytes());
}

#[test]
fn reading_on_does_not_walk_from_the_front_again() {
    let mut pool = ChunkPool::new(8 << 20);
    let mut queue = ChunkQueue::default();
    let data = pattern(1, 2 << 20);
    assert_eq!(pool.append(&mut queue, &data), data.len());
    let mut out = [0; 1_460];
    for (index, expected) in data.chunks(1_460).enumerate() {
        // Between two reads further back, the front is read again, as a retransmission would.
        let count = pool.read_at(&queue, index * 1_460, &mut out);
        assert_eq!(&out[..count], expected);
        let hint = pool.node(queue.head).list.hint.get();
        pool.read_at(&queue, 0, &mut out);
        assert_eq!(pool.node(queue.head).list.hint.get(), hint);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append(u8, usize),
    Write(u8, usize, usize),
    Read(usize, usize),
    Release(usize),
    Shed(usize, usize),
    Clear,
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![0_usize..40, 0_usize..3_000, 0_usize..40_000];
    prop_oneof![
        4 => (any::<u8>(), length.clone()).prop_map(|(seed, length)| Step::Append(seed, length)),
        4 => (any::<u8>(), 0_usize..60_000, length.clone())
            .prop_map(|(seed, offset, length)| Step::Write(seed, offset, length)),
        3 => (0_usize..80_000, length.clone()).prop_map(|(at, length)| Step::Read(at, length)),
        3 => length.clone().prop_map(Step::Release),
        2 => (0_usize..60_000, length).prop_map(|(offset, bytes)| Step::Shed(offset, bytes)),
        1 => Just(Step::Clear),
    ]
}

/// A queue as a vector: None where nothing was written.
#[derive(Default)]
struct Model(Vec<Option<u8>>);

impl Model {
    fn write(&mut self, offset: usize, data: &[u8]) {
        if !data.is_empty() && self.0.len() < offset + data.len() {
            self.0.resize(offset + data.len(), None);
        }
        for (index, byte) in data.iter().enumerate() {
            self.0[offset + index] = Some(*byte);
        }
    }

    /// Every byte read that was written must be right, and reading stops only in a hole.
    fn check(&self, offset: usize, read: &[u8], wanted: usize) {
        for (index, byte) in read.iter().enumerate() {
            if let Some(expected) = self.0[offset + index] {
                assert_eq!(*byte, expected, "at {}", offset + index);
            }
        }
        if read.len() < wanted && offset + read.len() < self.0.len() {
            assert_eq!(self.0[offset + read.len()], None);
        }
    }
}

proptest! {
    #[test]
    fn a_queue_behaves_like_a_vector_with_holes(steps in prop::collection::vec(step(), 1..60)) {
        let mut pool = ChunkPool::new(2 << 20);
        let mut queue = ChunkQueue::default();
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Append(seed, length) => {
                    let data = pattern(seed, length);
                    let count = pool.append(&mut queue, &data);
                    let end = model.0.len();
                    model.write(end, &data[..count]);
                }
                Step::Write(seed, offset, length) => {
                    let data = pattern(seed, length);
                    let count = pool.write_at(&mut queue, offset, &data);
                    model.write(offset, &data[..count]);
                }
                Step::Read(offset, length) => {
                    let mut out = vec![0; length];
                    let count = pool.read_at(&queue, offset, &mut out);
                    prop_assert!(offset + count <= model.0.len().max(offset));
                    model.check(offset, &out[..count], length);
                    let slice = pool.slice_at(&queue, offset);
                    model.check(offset, slice, 1);
                }
                Step::Release(count) => {
                    pool.release(&mut queue, count);
                    model.0.drain(..count.min(model.0.len()));
                }
                Step::Shed(offset, bytes) => {
                    let before = pool.available_bytes();
                    if let Some(cut) = pool.shed(&mut queue, offset, bytes) {
                        prop_assert!(cut > offset && pool.available_bytes() > before);
                        model.0.truncate(cut.min(pool.queued_bytes(&queue)));
                        prop_assert!(model.0.len() == pool.queued_bytes(&queue));
                    }
                }
                Step::Clear => {
                    pool.clear(&mut queue);
                    model.0.clear();
                }
            }
            prop_assert_eq!(pool.queued_bytes(&queue), model.0.len());
            prop_assert_eq!(pool.held_bytes(&queue) + pool.available_bytes(), pool.capacity_bytes());
            if queue.is_empty() {
                prop_assert_eq!(pool.held_bytes(&queue), 0);
            }
        }
    }
}
