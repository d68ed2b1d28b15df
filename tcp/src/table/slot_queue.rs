//! A first-in-first-out queue of slots in which each slot stands at most once.

/// The queue: a list through the slots, four bytes each. A slot vacated while it waits stays in it: who takes it out
/// looks whether it has work.
#[derive(Debug)]
pub(crate) struct SlotQueue {
    /// For each slot that waits, the one behind it, as `link` says; zero for one that does not wait.
    next: Box<[u32]>,
    /// The one that waits longest, as `link` says.
    first: u32,
    /// The one that came last, as long as any waits.
    last: u32,
}

impl SlotQueue {
    /// A queue for the slots `0..slots`.
    pub(crate) fn new(slots: usize) -> Self {
        Self {
            next: vec![0; slots].into(),
            first: END,
            last: 0,
        }
    }

    /// Appends a slot unless it waits already.
    #[inline(always)]
    pub(crate) fn push(&mut self, slot: u32) {
        let Some(next) = self.next.get_mut(slot as usize) else {
            return;
        };
        if *next != 0 {
            return;
        }
        *next = END;
        if self.first == END {
            self.first = link(slot);
        } else if let Some(before) = self.next.get_mut(self.last as usize) {
            *before = link(slot);
        }
        self.last = slot;
    }

    /// Takes the slot that waits longest.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<u32> {
        let slot = self.first()?;
        self.first = std::mem::take(self.next.get_mut(slot as usize)?);
        Some(slot)
    }

    /// True when the slot waits.
    pub(crate) fn contains(&self, slot: u32) -> bool {
        self.next.get(slot as usize).is_some_and(|next| *next != 0)
    }

    /// The slot that waits longest, which stays.
    #[inline]
    pub(crate) fn first(&self) -> Option<u32> {
        (!self.is_empty()).then_some(self.first.wrapping_sub(link(0)))
    }

    /// The slot that came last, as long as any waits.
    #[inline]
    pub(crate) fn last(&self) -> u32 {
        self.last
    }

    /// True when no slot waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first == END
    }
}

/// A slot's number as it stands in `next`: zero and one mean something else. There are fewer slots than 2^32 - 2.
#[inline]
const fn link(slot: u32) -> u32 {
    slot.wrapping_add(2)
}

/// Behind the last one.
const END: u32 = 1;

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_queue_without_repeats(steps in prop::collection::vec(0_u32..12, 0..200)) {
            let (mut queue, mut oracle) = (SlotQueue::new(8), VecDeque::new());
            for step in steps {
                // Slots 0 to 7, one that there is not, and taking out.
                if step < 9 {
                    queue.push(step);
                    if step < 8 && !oracle.contains(&step) {
                        oracle.push_back(step);
                    }
                } else {
                    prop_assert_eq!(queue.pop(), oracle.pop_front());
                }
                prop_assert_eq!(queue.first(), oracle.front().copied());
                prop_assert!(oracle.back().is_none_or(|last| *last == queue.last()));
                prop_assert_eq!(queue.is_empty(), oracle.is_empty());
                prop_assert!((0..9).all(|slot| queue.contains(slot) == oracle.contains(&slot)));
            }
        }
    }
}
