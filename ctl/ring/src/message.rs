//! What a ring carries: a kind and up to 280 bytes, in slots of one cache line.
//!
//! A slot's first word is its mark: position in the ring (32 bits), kind (8) and length in bytes (16). The other
//! seven words are the body; what does not fit goes on in the following slots, each with a mark of its own, so that no
//! byte of a body is ever looked at as a mark. 24 bytes of fields and 256 bytes of payload fill five slots.

use zerocopy::IntoBytes;
use zeroize::Zeroize;

use crate::layout::LINE_WORDS;
use crate::words::WORD_BYTES;

/// Words of the body in one slot.
pub const BODY_WORDS: usize = LINE_WORDS - 1;
/// Slots of the longest message.
pub const SLOTS_MAX: usize = 5;
/// Words of the longest body.
pub const WORDS_MAX: usize = BODY_WORDS * SLOTS_MAX;
/// Bytes of the longest body.
pub const BYTES_MAX: usize = WORDS_MAX * WORD_BYTES;
/// Payload that travels inside a message, behind three words of fields.
pub const INLINE_BYTES_MAX: usize = BYTES_MAX - 3 * WORD_BYTES;

/// A message, owned: the only form in which what came out of a ring is looked at.
#[derive(Clone, Debug)]
pub struct Message {
    kind: u8,
    bytes: usize,
    slots: [[u64; BODY_WORDS]; SLOTS_MAX],
}

impl Message {
    /// An empty message of kind zero: room to receive in.
    pub fn new() -> Self {
        Self {
            kind: 0,
            bytes: 0,
            slots: [[0; BODY_WORDS]; SLOTS_MAX],
        }
    }

    /// Makes it one of whole words. None, and unchanged, when they are too many.
    #[inline]
    pub fn set(&mut self, kind: u8, words: &[u64]) -> Option<()> {
        let places = self.slots.as_flattened_mut();
        places.get_mut(..words.len())?.copy_from_slice(words);
        (self.kind, self.bytes) = (kind, words.len() * WORD_BYTES);
        Some(())
    }

    /// As `set`, with payload behind the words. None when both are too long together.
    #[inline]
    pub fn set_with_payload(&mut self, kind: u8, words: &[u64], payload: &[u8]) -> Option<()> {
        let fields = words.len() * WORD_BYTES;
        let end = fields.checked_add(payload.len())?;
        if end > BYTES_MAX {
            return None;
        }
        // The word in which the payload ends is filled up with zeros.
        if let Some(last) = self.slots.as_flattened_mut().get_mut(end / WORD_BYTES) {
            *last = 0;
        }
        self.set(kind, words)?;
        let place = self.slots.as_mut_bytes().get_mut(fields..end)?;
        place.copy_from_slice(payload);
        self.bytes = end;
        Some(())
    }

    /// Overwrites all of it: it held a secret.
    #[cold]
    pub fn wipe(&mut self) {
        (self.kind, self.bytes) = (0, 0);
        self.slots.as_flattened_mut().zeroize();
    }

    /// What it is.
    #[inline]
    pub fn kind(&self) -> u8 {
        self.kind
    }

    /// Length of the body.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The body as words; the last one is filled up with zeros.
    #[inline]
    pub fn words(&self) -> &[u64] {
        let words = self.bytes.div_ceil(WORD_BYTES).min(WORDS_MAX);
        self.slots.as_flattened().get(..words).unwrap_or_default()
    }

    /// The payload behind `fields` words.
    #[inline]
    pub fn payload(&self, fields: usize) -> &[u8] {
        let bytes = self.slots.as_bytes();
        bytes
            .get(fields * WORD_BYTES..self.bytes)
            .unwrap_or_default()
    }

    /// Slots it takes.
    #[inline]
    pub fn slots(&self) -> usize {
        slots_for(self.bytes)
    }

    /// The words of slot `number`; those behind the body mean nothing.
    #[inline]
    pub(crate) fn slot(&self, number: usize) -> &[u64; BODY_WORDS] {
        self.slots.get(number).unwrap_or(&[0; BODY_WORDS])
    }

    /// Makes it an empty one of this kind and length, to be filled slot by slot.
    #[inline]
    pub(crate) fn begin(&mut self, kind: u8, bytes: usize) {
        (self.kind, self.bytes) = (kind, bytes.min(BYTES_MAX));
    }

    /// Fills slot `number`.
    #[inline]
    pub(crate) fn set_slot(&mut self, number: usize, words: [u64; BODY_WORDS]) {
        if let Some(slot) = self.slots.get_mut(number) {
            *slot = words;
        }
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        let parts = |message: &Self| (message.kind, message.bytes);
        parts(self) == parts(other) && self.words() == other.words()
    }
}

impl Eq for Message {}

impl Default for Message {
    fn default() -> Self {
        Self::new()
    }
}

/// The first word of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Lower half of the position in the ring, plus one: a slot of zeros is never published.
    pub(crate) position: u32,
    pub(crate) kind: u8,
    pub(crate) bytes: u16,
}

impl Mark {
    /// The kind of a slot that goes on with a message.
    pub(crate) const CONTINUED: u8 = u8::MAX;

    #[inline]
    pub(crate) fn to_word(self) -> u64 {
        u64::from(self.position) | u64::from(self.kind) << 32 | u64::from(self.bytes) << 48
    }

    /// Takes a word apart; the bits between kind and length mean nothing yet.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each field is the word's bits that fit it"
    )]
    #[inline]
    pub(crate) fn from_word(word: u64) -> Self {
        Self {
            position: word as u32,
            kind: (word >> 32) as u8,
            bytes: (word >> 48) as u16,
        }
    }

    /// The mark's position for the ring's `position`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "marks carry the lower half only"
    )]
    #[inline]
    pub(crate) fn position_for(position: u64) -> u32 {
        position.wrapping_add(1) as u32
    }
}

/// Slots of a message with a body of so many bytes.
#[inline]
pub(crate) fn slots_for(bytes: usize) -> usize {
    bytes.div_ceil(BODY_WORDS * WORD_BYTES).max(1)
}

const _: () = assert!(INLINE_BYTES_MAX == 256);

#[cfg(all(test, not(loom)))]
mod tests;
