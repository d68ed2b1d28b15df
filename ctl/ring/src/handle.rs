//! Names that do not move: sockets, listeners and whatever else a domain holds.

/// A socket's name: the memory it lives in, slot, generation. It says nothing about workers, and names nothing once
/// its slot was used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle {
    /// Which of the domain's memories; zero for the first.
    pub memory: u8,
    /// Slot in that memory, below 2^24.
    pub slot: u32,
    /// How often the slot was used, never zero.
    pub generation: u32,
}

impl Handle {
    /// As a word, never zero.
    #[inline]
    pub fn to_word(self) -> u64 {
        u64::from(self.memory) << 56
            | u64::from(self.slot & SLOT_MAX) << 32
            | u64::from(self.generation)
    }

    /// From a word that anybody may have written; None when it can name nothing.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each field is the word's bits that fit it"
    )]
    #[inline]
    pub fn from_word(word: u64) -> Option<Self> {
        let generation = word as u32;
        let slot = (word >> 32) as u32 & SLOT_MAX;
        (generation != 0).then_some(Self {
            memory: (word >> 56) as u8,
            slot,
            generation,
        })
    }
}

const SLOT_MAX: u32 = (1 << 24) - 1;
