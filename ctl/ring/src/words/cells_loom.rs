//! The words of a loom model: atomics that loom watches, on the heap.

use std::sync::Arc;

use crate::atomics::AtomicU64;
use crate::layout::LINE_WORDS;

/// A range of watched words.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    words: Arc<Vec<AtomicU64>>,
    first: usize,
    count: usize,
}

impl Cells {
    pub(super) fn heap(count: usize) -> Self {
        let words = Arc::new((0..count).map(|_| AtomicU64::new(0)).collect());
        Self {
            words,
            first: 0,
            count,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn part(&self, first: usize, count: usize) -> Self {
        assert!(first + count <= self.count);
        Self {
            words: Arc::clone(&self.words),
            first: self.first + first,
            count,
        }
    }

    pub(super) fn cell(&self, index: usize) -> &AtomicU64 {
        &self.range(index, 1)[0]
    }

    /// A model has no bytes to show in place.
    pub(super) fn published(&self, _first_byte: usize, _length: usize) -> Option<&[u8]> {
        None
    }

    #[expect(clippy::mut_from_ref, reason = "gives none")]
    pub(super) fn lend(&self, _first_byte: usize, _length: usize) -> Option<&mut [u8]> {
        None
    }

    pub(super) fn line(&self, first: usize) -> &[AtomicU64; LINE_WORDS] {
        self.range(first, LINE_WORDS).first_chunk().expect("a line")
    }

    /// A model has no cache.
    pub(super) fn prefetch(&self, _index: usize) {}

    pub(super) fn prefetch_to_read(&self, _index: usize) {}

    pub(super) fn range(&self, first: usize, count: usize) -> &[AtomicU64] {
        assert!(first + count <= self.count);
        &self.words[self.first + first..][..count]
    }
}

/// A model has no cache.
pub fn prefetch<T>(_what: &T) {}
