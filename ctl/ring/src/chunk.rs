//! Names of chunks: a size class and a number. The smallest class is taken first.

use crate::layout::CHUNK_WORDS;
use crate::words::WORD_BYTES;

/// Size classes.
pub const CLASSES: usize = 3;
/// Chunks of one class that a memory can hold.
pub const CHUNKS_MAX: u32 = 1 << 24;

/// A chunk's name. One that came from the other side may name none: the layout says where it lies, if anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChunkReference(u32);

impl ChunkReference {
    /// The chunk `index` of a class; None when there can be none.
    #[inline]
    pub fn new(class: usize, index: u32) -> Option<Self> {
        let number = u32::try_from(class).ok()?;
        (class < CLASSES && index < CHUNKS_MAX).then_some(Self(number << CLASS_SHIFT | index))
    }

    /// Its size class; out of range in a name that the other side made up.
    #[inline]
    pub fn class(self) -> usize {
        (self.0 >> CLASS_SHIFT) as usize
    }

    /// Its number within the class.
    #[inline]
    pub fn index(self) -> u32 {
        self.0 & (CHUNKS_MAX - 1)
    }

    /// Bytes it holds.
    #[inline]
    pub fn bytes(self) -> usize {
        CHUNK_WORDS
            .get(self.class())
            .map_or(0, |words| words * WORD_BYTES)
    }

    /// As stored in a word, where zero says that there is none.
    #[inline]
    pub fn to_word(chunk: Option<Self>) -> u64 {
        chunk.map_or(0, |chunk| u64::from(chunk.0) + 1)
    }

    /// The opposite of `to_word`; None for what no word of ours is.
    #[inline]
    pub fn from_word(word: u64) -> Option<Self> {
        let number = u32::try_from(word).ok()?.checked_sub(1)?;
        Self::new((number >> CLASS_SHIFT) as usize, number & (CHUNKS_MAX - 1))
    }
}

/// The smallest class whose chunks hold `bytes`, or the largest.
#[inline]
pub fn class_for(bytes: usize) -> usize {
    CHUNK_WORDS
        .iter()
        .position(|words| words * WORD_BYTES >= bytes)
        .unwrap_or(CLASSES - 1)
}

const CLASS_SHIFT: u32 = CHUNKS_MAX.trailing_zeros();
