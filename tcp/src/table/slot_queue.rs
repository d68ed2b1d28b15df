//! A first-in-first-out queue of slots in which each slot stands at most once.

use std::collections::VecDeque;

/// The queue. A slot vacated while it waits stays in it: who takes it out looks whether it has work.
#[derive(Debug)]
pub(crate) struct SlotQueue {
    ring: VecDeque<u32>,
    waiting: Vec<bool>,
}

impl SlotQueue {
    /// A queue for the slots `0..slots`.
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            ring: VecDeque::with_capacity(slots),
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
            self.ring.push_back(slot);
        }
    }

    /// Takes the slot that waits longest.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u32> {
        let slot = self.ring.pop_front()?;
        self.waiting[slot as usize] = false;
        Some(slot)
    }

    /// How many slots wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.ring.len()
    }

    /// True when no slot waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty()
    }
}
