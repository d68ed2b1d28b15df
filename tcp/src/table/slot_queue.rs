//! A first-in-first-out queue of slots in which each slot stands at most once.

/// The queue. A slot vacated while it waits stays in it: who takes it out looks whether it has work.
#[derive(Debug)]
pub(crate) struct SlotQueue {
    /// A power of two of places, not fewer than slots: it cannot overflow.
    ring: Box<[u32]>,
    /// Slots ever taken out and ever put in, modulo 2^32.
    first: u32,
    end: u32,
    waiting: Vec<bool>,
}

impl SlotQueue {
    /// A queue for the slots `0..slots`.
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            ring: vec![0; slots.max(1).next_power_of_two()].into(),
            first: 0,
            end: 0,
            waiting: vec![false; slots],
        }
    }

    /// Appends a slot unless it waits already.
    #[inline]
    pub(crate) fn push(&mut self, slot: u32) {
        if let Some(waiting) = self.waiting.get_mut(slot as usize)
            && !*waiting
        {
            *waiting = true;
            let place = self.place(self.end);
            self.ring[place] = slot;
            self.end = self.end.wrapping_add(1);
        }
    }

    /// Takes the slot that waits longest.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u32> {
        if self.is_empty() {
            return None;
        }
        let slot = self.ring[self.place(self.first)];
        self.first = self.first.wrapping_add(1);
        self.waiting[slot as usize] = false;
        Some(slot)
    }

    /// How many slots wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.end.wrapping_sub(self.first) as usize
    }

    /// True when no slot waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first == self.end
    }

    #[inline]
    fn place(&self, count: u32) -> usize {
        count as usize & (self.ring.len() - 1)
    }
}
