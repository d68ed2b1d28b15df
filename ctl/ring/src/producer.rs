//! The writing end of a ring of slots: one writer, one reader, each in its own memory.
//!
//! A message is published by the mark of its first slot, stored last with release, so that the reader touches slots
//! only and there is no tail to be lied about. Where the reader is comes from its head word; that is a claim
//! (of the application, when this is the daemon's end), looked at only when the ring seems full.

use zerocopy::IntoBytes;

use crate::injection::point;
use crate::layout::LINE_WORDS;
use crate::message::{BODY_WORDS, INLINE_BYTES_MAX, Mark, Message, slots_for};
use crate::untrusted::{Cumulative, Violation};
use crate::words::{SharedRead, SharedWrite, WORD_BYTES};

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
            let kind = if number == 0 {
                message.kind()
            } else {
                Mark::CONTINUED
            };
            self.store(position, (kind, bytes), message.slot(number));
        }
        self.published(slots);
        Ok(true)
    }

    /// As `push`, of a message that fits one slot: its kind, length and words.
    ///
    /// # Errors
    /// As `push`, and when it is longer.
    #[inline]
    pub fn push_slot(
        &mut self,
        (kind, bytes, words): (u8, usize, &[u64; BODY_WORDS]),
    ) -> Result<bool, Violation> {
        if bytes > SLOT_BYTES {
            return Err(Violation::BadLength);
        }
        if !self.has_room(1)? {
            return Ok(false);
        }
        #[expect(clippy::cast_possible_truncation, reason = "within a slot")]
        self.store(self.position, (kind, bytes as u16), words);
        self.published(1);
        Ok(true)
    }

    /// As `push`, of a message of three words and a payload that need not be put together before; false too when it is too
    /// long.
    ///
    /// # Errors
    /// As `push`.
    #[inline]
    pub fn push_payload(
        &mut self,
        kind: u8,
        [first, second, third]: [u64; PAYLOAD_FIELDS],
        payload: &[u8],
    ) -> Result<bool, Violation> {
        let bytes = PAYLOAD_FIELDS * WORD_BYTES + payload.len();
        let slots = slots_for(bytes);
        if payload.len() > INLINE_BYTES_MAX || !self.has_room(slots)? {
            return Ok(false);
        }
        let length = u16::try_from(bytes).map_err(|_| Violation::BadLength)?;
        let (head, rest) = payload.split_at(payload.len().min(FIRST_BYTES));
        // The first slot last, as above.
        for (number, part) in (1..).zip(rest.chunks(SLOT_BYTES)) {
            let position = self.position.wrapping_add(number);
            self.store(position, (Mark::CONTINUED, length), &words_of(part));
        }
        let [a, b, c, d] = words_of(head);
        let body = [first, second, third, a, b, c, d];
        self.store(self.position, (kind, length), &body);
        self.published(slots as u64);
        Ok(true)
    }

    #[inline]
    fn store(&self, position: u64, (kind, bytes): (u8, u16), body: &[u64; BODY_WORDS]) {
        let mark = Mark {
            position: Mark::position_for(position),
            kind,
            bytes,
        };
        let first = slot_word(position, self.capacity);
        self.slots.store_slot(first, mark.to_word(), body);
    }

    #[inline]
    fn published(&mut self, slots: u64) {
        point("push: published");
        self.position = self.position.wrapping_add(slots);
        // The reader has had the slots behind these since they were written: they are fetched while there is time.
        for ahead in 1..=SLOTS_AHEAD {
            let position = self.position.wrapping_add(ahead);
            self.slots.prefetch(slot_word(position, self.capacity));
        }
    }

    /// Whether a message of so many slots has room now.
    ///
    /// # Errors
    /// When the reader claims to be where it cannot be.
    #[inline]
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

/// Bytes as words of a slot; what they do not fill is zero.
#[inline]
fn words_of<const WORDS: usize>(bytes: &[u8]) -> [u64; WORDS] {
    let mut words = [0; WORDS];
    let places = words.as_mut_bytes();
    let length = bytes.len().min(places.len());
    if length == places.len() {
        // A copy of a length that is known beforehand.
        places.copy_from_slice(bytes.get(..WORDS * WORD_BYTES).unwrap_or_default());
    } else if let (Some(places), Some(bytes)) = (places.get_mut(..length), bytes.get(..length)) {
        places.copy_from_slice(bytes);
    }
    words
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

/// Words before a payload.
const PAYLOAD_FIELDS: usize = 3;
/// Bytes of a payload in its first slot, and in each behind that.
const FIRST_BYTES: usize = (BODY_WORDS - PAYLOAD_FIELDS) * WORD_BYTES;
const SLOT_BYTES: usize = BODY_WORDS * WORD_BYTES;
/// Slots that are fetched ahead: those of a small message.
const SLOTS_AHEAD: u64 = 2;
