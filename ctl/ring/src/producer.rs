//! The writing end of a ring of slots: one writer, one reader, each in its own memory.
//!
//! A message is published by the mark of its first slot, stored last with release, so that the reader touches slots
//! only and there is no tail to be lied about. Where the reader is comes from its head word; that is a claim
//! (of the application, when this is the daemon's end), looked at only when the ring seems full.

use crate::injection::point;
use crate::layout::LINE_WORDS;
use crate::message::{Mark, Message};
use crate::untrusted::{Cumulative, Violation};
use crate::words::{SharedRead, SharedWrite};

/// The writing end.
#[derive(Debug)]
pub struct Producer {
    slots: SharedWrite,
    head: SharedRead,
    capacity: u64,
    position: u64,
    consumed: Cumulative,
}

impl Producer {
    /// Over a ring's slots, as many as a power of two, which must all be zero, and its reader's head line. None when
    /// the number of slots is none.
    pub fn new(slots: SharedWrite, head: SharedRead) -> Option<Self> {
        let capacity = capacity(slots.words())?;
        Some(Self {
            slots,
            head,
            capacity,
            position: 0,
            consumed: Cumulative::default(),
        })
    }

    /// Publishes a message; false when the ring has no room for it now.
    ///
    /// # Errors
    /// When the reader claims to be where it cannot be. The ring is of no use then.
    #[inline]
    pub fn push(&mut self, message: &Message) -> Result<bool, Violation> {
        let slots = message.slots() as u64;
        if self.free() < slots {
            self.refresh()?;
            if self.free() < slots {
                return Ok(false);
            }
        }
        let bytes = u16::try_from(message.bytes()).map_err(|_| Violation::BadLength)?;
        // Later slots first: the mark of the first one publishes them all.
        for number in (0..message.slots()).rev() {
            let position = self.position.wrapping_add(number as u64);
            let mark = Mark {
                position: Mark::position_for(position),
                kind: if number == 0 {
                    message.kind()
                } else {
                    Mark::CONTINUED
                },
                bytes,
            };
            let first = slot_word(position, self.capacity);
            self.slots
                .store_slot(first, mark.to_word(), message.slot(number));
        }
        point("push: published");
        self.position = self.position.wrapping_add(slots);
        Ok(true)
    }

    /// Whether a message of so many slots has room now.
    ///
    /// # Errors
    /// When the reader claims to be where it cannot be.
    pub fn has_room(&mut self, slots: usize) -> Result<bool, Violation> {
        if self.free() < slots as u64 {
            self.refresh()?;
        }
        Ok(self.free() >= slots as u64)
    }

    /// Slots written since the ring began.
    #[inline]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Slots that the reader had given back at the last look.
    #[inline]
    pub fn consumed(&self) -> u64 {
        self.consumed.value()
    }

    /// Looks where the reader is; gives how many slots came back.
    ///
    /// # Errors
    /// When it claims to be where it cannot be.
    #[inline]
    pub fn refresh(&mut self) -> Result<u64, Violation> {
        self.consumed
            .advance(self.head.load_acquire(0), self.position)
    }

    #[inline]
    fn free(&self) -> u64 {
        self.capacity - (self.position - self.consumed.value())
    }
}

/// Slots of a ring of so many words; None when they are no power of two.
#[inline]
pub(crate) fn capacity(words: usize) -> Option<u64> {
    let slots = words / LINE_WORDS;
    (slots.is_power_of_two() && words.is_multiple_of(LINE_WORDS)).then_some(slots as u64)
}

/// The first word of the slot at a position.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the position is reduced to the capacity first"
)]
#[inline]
pub(crate) fn slot_word(position: u64, capacity: u64) -> usize {
    (position & (capacity - 1)) as usize * LINE_WORDS
}
