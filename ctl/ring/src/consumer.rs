//! The reading end of a ring of slots.
//!
//! It keeps its own position and reads every word of a slot once, into a `Message`. The mark says whether the
//! slot is published; a writer that lies about it gets nonsense read as nonsense, within the ring. Reading is bounded by
//! whoever calls: a writer that never stops is given its share of a turn.

use crate::injection::point;
use crate::layout::LINE_WORDS;
use crate::message::{BODY_WORDS, BYTES_MAX, Mark, Message, slots_for};
use crate::producer::{capacity, slot_word};
use crate::untrusted::Violation;
use crate::words::{SharedRead, SharedWrite, WORD_BYTES, full_fence};

/// The reading end.
#[derive(Debug)]
pub struct Consumer {
    slots: SharedRead,
    head: SharedWrite,
    capacity: u64,
    position: u64,
}

impl Consumer {
    /// Over a ring's slots and this reader's head line. None when the number of slots is no power of two.
    pub fn new(slots: SharedRead, head: SharedWrite) -> Option<Self> {
        let capacity = capacity(slots.words())?;
        Some(Self {
            slots,
            head,
            capacity,
            position: 0,
        })
    }

    /// Takes the next message; false when there is none. Its slots stay the reader's until `release`.
    ///
    /// # Errors
    /// When what lies there is no message. The position stays: the ring is of no use then.
    #[inline]
    pub fn take(&mut self, message: &mut Message) -> Result<bool, Violation> {
        let (mark, body) = self
            .slots
            .load_slot(slot_word(self.position, self.capacity));
        let mark = Mark::from_word(mark);
        if mark.position != Mark::position_for(self.position) {
            return Ok(false);
        }
        let bytes = usize::from(mark.bytes);
        if mark.kind == Mark::CONTINUED {
            return Err(Violation::UnknownKind);
        }
        let slots = slots_for(bytes);
        if bytes > BYTES_MAX || slots as u64 > self.capacity {
            return Err(Violation::BadLength);
        }
        message.begin(mark.kind, bytes);
        message.set_slot(0, body());
        for number in 1..slots {
            let position = self.position.wrapping_add(number as u64);
            let (mark, body) = self.slots.load_slot(slot_word(position, self.capacity));
            let mark = Mark::from_word(mark);
            if mark.position != Mark::position_for(position) || mark.kind != Mark::CONTINUED {
                return Err(Violation::BadContinuation);
            }
            message.set_slot(number, body());
        }
        self.position = self.position.wrapping_add(slots as u64);
        point("take: taken, head not released");
        Ok(true)
    }

    /// As `take`, of a ring whose messages are of one slot each: its kind, length and words; those behind the length mean
    /// nothing.
    ///
    /// # Errors
    /// As `take`, and when a message is longer.
    #[inline]
    pub fn take_slot(&mut self) -> Result<Option<(u8, usize, [u64; BODY_WORDS])>, Violation> {
        let first = slot_word(self.position, self.capacity);
        let (mark, body) = self.slots.load_slot(first);
        let mark = Mark::from_word(mark);
        if mark.position != Mark::position_for(self.position) {
            return Ok(None);
        }
        if mark.kind == Mark::CONTINUED {
            return Err(Violation::UnknownKind);
        }
        let bytes = usize::from(mark.bytes);
        if bytes > BODY_WORDS * WORD_BYTES {
            return Err(Violation::BadLength);
        }
        let words = body();
        self.position = self.position.wrapping_add(1);
        point("take: taken, head not released");
        Ok(Some((mark.kind, bytes, words)))
    }

    /// Whether a message waits.
    #[inline]
    pub fn has_message(&self) -> bool {
        self.published(self.position).is_some()
    }

    /// Gives the slots of all messages taken back to the writer: once per batch.
    #[inline]
    pub fn release(&self) {
        self.head.store_release(0, self.position);
        point("take: head released");
    }

    /// As `release`; state looked at after this is at least as new as anything that the writer, finding an earlier
    /// event not taken yet, did not announce by another one.
    #[inline]
    pub fn release_and_look(&self) {
        self.release();
        full_fence();
    }

    /// Slots read since the ring began.
    #[inline]
    pub fn position(&self) -> u64 {
        self.position
    }

    #[inline]
    fn published(&self, position: u64) -> Option<Mark> {
        let mark = Mark::from_word(self.slots.load_acquire(slot_word(position, self.capacity)));
        (mark.position == Mark::position_for(position)).then_some(mark)
    }
}

const _: () = assert!(LINE_WORDS == 8);
