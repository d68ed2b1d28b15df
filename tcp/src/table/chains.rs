//! An index from hashes to slots: a fixed number of buckets, chains linked by slot number.

use super::NONE;

/// Buckets and one link per slot. It never grows, so that no insertion can stall.
#[derive(Debug)]
pub(crate) struct Chains {
    buckets: Vec<u32>,
    next: Vec<u32>,
}

impl Chains {
    /// An index for the slots `0..slots`, with about as many buckets.
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            buckets: vec![NONE; slots.max(1).next_power_of_two()],
            next: vec![NONE; slots],
        }
    }

    /// The first slot of the hash's chain that `matches`.
    #[inline]
    pub(crate) fn find(&self, hash: u64, matches: impl Fn(u32) -> bool) -> Option<u32> {
        let mut slot = self.buckets[self.bucket(hash)];
        while slot != NONE {
            if matches(slot) {
                return Some(slot);
            }
            slot = self.next[slot as usize];
        }
        None
    }

    /// The first slot of the hash's chain: mostly the only one.
    #[inline]
    pub(crate) fn first(&self, hash: u64) -> Option<u32> {
        let slot = self.buckets[self.bucket(hash)];
        (slot != NONE).then_some(slot)
    }

    /// Adds a slot, which must not be in the index.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32) {
        let bucket = self.bucket(hash);
        self.next[slot as usize] = self.buckets[bucket];
        self.buckets[bucket] = slot;
    }

    /// Takes a slot out, if it is there.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32) {
        let bucket = self.bucket(hash);
        let after = self.next[slot as usize];
        if self.buckets[bucket] == slot {
            self.buckets[bucket] = after;
            return;
        }
        let mut before = self.buckets[bucket];
        while before != NONE {
            if self.next[before as usize] == slot {
                self.next[before as usize] = after;
                return;
            }
            before = self.next[before as usize];
        }
    }

    /// The number of buckets is a power of two.
    #[inline]
    fn bucket(&self, hash: u64) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }
}
