//! What a ring carries: a kind and up to 280 bytes, in slots of one cache line.
//!
//! A slot's first word is its mark: position in the ring (32 bits), kind (8) and length in bytes (16). The other
//! seven words are the body; what does not fit goes on in the following slots, each with a mark of its own, so that no
//! byte of a body is ever looked at as a mark. 24 bytes of fields and 256 bytes of payload fill five slots.

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    kind: u8,
    bytes: usize,
    words: [u64; WORDS_MAX],
}

impl Message {
    /// An empty message of kind zero: room to receive in.
    pub fn new() -> Self {
        Self {
            kind: 0,
            bytes: 0,
            words: [0; WORDS_MAX],
        }
    }

    /// Makes it one of whole words. None, and unchanged, when they are too many.
    #[inline]
    pub fn set(&mut self, kind: u8, words: &[u64]) -> Option<()> {
        self.words.get_mut(..words.len())?.copy_from_slice(words);
        (self.kind, self.bytes) = (kind, words.len() * WORD_BYTES);
        Some(())
    }

    /// As `set`, with payload behind the words. None when both are too long together.
    #[inline]
    pub fn set_with_payload(&mut self, kind: u8, words: &[u64], payload: &[u8]) -> Option<()> {
        if words.len() * WORD_BYTES + payload.len() > BYTES_MAX {
            return None;
        }
        self.set(kind, words)?;
        let (whole, rest) = payload.as_chunks::<WORD_BYTES>();
        let mut places = self.words.iter_mut().skip(words.len());
        for (bytes, word) in whole.iter().zip(&mut places) {
            *word = u64::from_ne_bytes(*bytes);
        }
        if let Some(word) = places.next().filter(|_| !rest.is_empty()) {
            let mut bytes = [0; WORD_BYTES];
            bytes[..rest.len()].copy_from_slice(rest);
            *word = u64::from_ne_bytes(bytes);
        }
        self.bytes += payload.len();
        Some(())
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
        &self.words[..self.bytes.div_ceil(WORD_BYTES).min(WORDS_MAX)]
    }

    /// Copies the payload behind `fields` words; gives its length, at most `out`'s.
    #[inline]
    pub fn payload(&self, fields: usize, out: &mut [u8]) -> usize {
        let length = self
            .bytes
            .saturating_sub(fields * WORD_BYTES)
            .min(out.len());
        let mut words = self.words.iter().skip(fields);
        let (whole, rest) = out[..length].as_chunks_mut::<WORD_BYTES>();
        for (bytes, word) in whole.iter_mut().zip(&mut words) {
            *bytes = word.to_ne_bytes();
        }
        if let Some(word) = words.next() {
            rest.copy_from_slice(&word.to_ne_bytes()[..rest.len()]);
        }
        length
    }

    /// Slots it takes.
    #[inline]
    pub fn slots(&self) -> usize {
        slots_for(self.bytes)
    }

    /// The body's words in slot `number` of it.
    #[inline]
    pub(crate) fn slot(&self, number: usize) -> &[u64] {
        let words = self.words();
        let (first, end) = (number * BODY_WORDS, (number + 1) * BODY_WORDS);
        words.get(first..end.min(words.len())).unwrap_or_default()
    }

    /// Makes it an empty one of this kind and length, to be filled slot by slot.
    #[inline]
    pub(crate) fn begin(&mut self, kind: u8, bytes: usize) {
        (self.kind, self.bytes) = (kind, bytes.min(BYTES_MAX));
    }

    /// The words of slot `number`, to be filled.
    #[inline]
    pub(crate) fn slot_mut(&mut self, number: usize) -> &mut [u64] {
        let words = self.bytes.div_ceil(WORD_BYTES);
        let (first, end) = (number * BODY_WORDS, (number + 1) * BODY_WORDS);
        let place = self.words.get_mut(first..end.min(words));
        place.unwrap_or_default()
    }
}

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
