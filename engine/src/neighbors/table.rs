//! The slots behind the neighbours: fixed buckets with chains of indices, a list of free slots,
//! and a heap of deadlines. Nothing is allocated after `new`.

use std::hash::Hasher;
use std::net::IpAddr;

use coremill_tcp::Instant;
use siphasher::sip::SipHasher13;

use super::NeighborId;
use super::deadlines::Deadlines;
use super::entry::Entry;

#[derive(Debug)]
pub(super) struct Table<B> {
    key: [u8; 16],
    buckets: Box<[Option<u32>]>,
    entries: Box<[Entry<B>]>,
    free: Option<u32>,
    length: usize,
    deadlines: Deadlines,
    /// Where the next search for the least useful neighbour begins.
    hand: usize,
}

impl<B> Table<B> {
    pub fn new(entries_max: usize, pending_max: usize, key: [u8; 16]) -> Self {
        let entries_max = entries_max.clamp(1, ENTRIES_MAX);
        let slots = u32::try_from(entries_max).unwrap_or(u32::MAX);
        let next = |slot: u32| (slot + 1 < slots).then_some(slot + 1);
        Self {
            key,
            buckets: vec![None; entries_max.next_power_of_two()].into(),
            entries: (0..slots)
                .map(|slot| Entry::unused(pending_max, next(slot)))
                .collect(),
            free: Some(0),
            length: 0,
            deadlines: Deadlines::new(entries_max),
            hand: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.length
    }

    pub fn is_full(&self) -> bool {
        self.free.is_none()
    }

    pub fn entries(&self) -> &[Entry<B>] {
        &self.entries
    }

    pub fn id(&self, slot: u32) -> NeighborId {
        let generation = self.slot(slot).map_or(0, |entry| entry.generation);
        NeighborId { slot, generation }
    }

    /// The neighbour that `id` named when it was given, if it is still there.
    #[inline]
    pub fn get_mut(&mut self, id: NeighborId) -> Option<&mut Entry<B>> {
        let entry = self.entries.get_mut(id.slot as usize)?;
        (entry.live && entry.generation == id.generation).then_some(entry)
    }

    pub fn slot(&self, slot: u32) -> Option<&Entry<B>> {
        self.entries.get(slot as usize)
    }

    pub fn slot_mut(&mut self, slot: u32) -> Option<&mut Entry<B>> {
        self.entries.get_mut(slot as usize)
    }

    pub fn find(&self, port: usize, address: IpAddr) -> Option<u32> {
        let mut next = *self.buckets.get(self.bucket_of(port, address))?;
        while let Some(slot) = next {
            let entry = self.slot(slot)?;
            if entry.port == port && entry.address == address {
                return Some(slot);
            }
            next = entry.next;
        }
        None
    }

    /// Takes a free slot for a neighbour that is not in the table yet.
    pub fn insert(&mut self, now: Instant, port: usize, address: IpAddr) -> Option<u32> {
        let slot = self.free?;
        let bucket = self.bucket_of(port, address);
        let head = self.buckets.get_mut(bucket)?;
        let entry = self.entries.get_mut(slot as usize)?;
        self.free = entry.next;
        entry.occupy(now, port, address);
        entry.next = head.replace(slot);
        self.length += 1;
        Some(slot)
    }

    /// Gives a slot back. The caller has taken its packets out.
    pub fn remove(&mut self, slot: u32) {
        let Some(entry) = self.slot(slot).filter(|entry| entry.live) else {
            return;
        };
        let (bucket, next) = (self.bucket_of(entry.port, entry.address), entry.next);
        self.unlink(bucket, slot, next);
        self.deadlines.disarm(slot);
        let free = self.free;
        if let Some(entry) = self.slot_mut(slot) {
            debug_assert!(entry.pending.is_empty() && !entry.scheduled);
            entry.live = false;
            entry.next = free;
        }
        self.free = Some(slot);
        self.length -= 1;
    }

    /// The neighbour that would be missed least among [`SEARCHED`] of them, where one may go.
    pub fn least_useful(&mut self, wanted: bool) -> Option<u32> {
        let slots = self.entries.len();
        let mut best = None;
        for _ in 0..SEARCHED.min(slots) {
            let slot = self.hand;
            self.hand = (slot + 1) % slots;
            let usefulness = self.entries.get(slot)?.usefulness(wanted);
            if let Some(usefulness) = usefulness
                && best.is_none_or(|(least, _)| usefulness < least)
            {
                best = Some((usefulness, u32::try_from(slot).ok()?));
            }
        }
        best.map(|(_, slot)| slot)
    }

    pub fn arm(&mut self, slot: u32, deadline: Instant) {
        self.deadlines.arm(slot, deadline);
    }

    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| deadline)
    }

    /// Takes the neighbour whose deadline comes first, if it has come.
    pub fn take_due(&mut self, now: Instant) -> Option<u32> {
        let (deadline, slot) = self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        self.deadlines.disarm(slot);
        Some(slot)
    }

    fn unlink(&mut self, bucket: usize, slot: u32, next: Option<u32>) {
        let Some(&head) = self.buckets.get(bucket) else {
            return;
        };
        if head == Some(slot) {
            self.buckets[bucket] = next;
            return;
        }
        let mut before = head;
        while let Some(entry) = before.and_then(|before| self.slot_mut(before)) {
            if entry.next == Some(slot) {
                entry.next = next;
                return;
            }
            before = entry.next;
        }
    }

    fn bucket_of(&self, port: usize, address: IpAddr) -> usize {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write_usize(port);
        match address {
            IpAddr::V4(address) => hasher.write_u32(address.to_bits()),
            IpAddr::V6(address) => hasher.write_u128(address.to_bits()),
        }
        // The number of buckets is a power of two.
        hasher.finish() as usize & (self.buckets.len() - 1)
    }
}

/// Slots looked at for one that may go: bounds the turn in which the table is full.
const SEARCHED: usize = 64;
/// Keeps a slot in 32 bits whatever the options say.
const ENTRIES_MAX: usize = 1 << 20;
