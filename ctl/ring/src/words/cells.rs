//! A range of words in memory that may be shared, kept alive by whatever owns it.

use std::any::Any;
use std::fmt;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::atomics::AtomicU64;
use crate::layout::LINE_WORDS;
use crate::memory::{Access, Mapping};

/// Words somewhere in memory, and what keeps that memory there.
#[derive(Clone)]
pub(crate) struct Cells {
    first: NonNull<AtomicU64>,
    count: usize,
    keeper: Arc<dyn Any + Send + Sync>,
}

// SAFETY: needed because of the raw pointer. It leads to atomics only, which any thread may use, in memory that
// `keeper`, itself Send and Sync, holds for as long as a `Cells` exists.
unsafe impl Send for Cells {}
// SAFETY: as for Send: all access through `&Cells` is atomic.
unsafe impl Sync for Cells {}

impl Cells {
    /// Zeroed words on the heap.
    pub(super) fn heap(count: usize) -> Self {
        let words: Arc<[AtomicU64]> = (0..count).map(|_| AtomicU64::new(0)).collect();
        let first = NonNull::from(&*words).cast();
        Self {
            first,
            count,
            keeper: Arc::new(words),
        }
    }

    /// Words of a mapping.
    ///
    /// # Safety
    /// `first` must be aligned to 8 bytes and lead to `count` words that stay mapped, at least for reading, until
    /// `keeper` is dropped, and that nobody in this process reaches other than by atomics. Where they are mapped for
    /// reading only, the caller must not store.
    #[expect(unsafe_code, reason = "the promise about the mapping is the caller's")]
    pub(crate) unsafe fn mapped(
        first: NonNull<AtomicU64>,
        count: usize,
        keeper: Arc<dyn Any + Send + Sync>,
    ) -> Self {
        Self {
            first,
            count,
            keeper,
        }
    }

    /// Words in it.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The words from `first` on alone.
    #[inline]
    pub(super) fn part(&self, first: usize, count: usize) -> Self {
        let start = NonNull::from(self.range(first, count)).cast();
        Self {
            first: start,
            count,
            keeper: Arc::clone(&self.keeper),
        }
    }

    /// One word.
    #[inline]
    pub(super) fn cell(&self, index: usize) -> &AtomicU64 {
        if index >= self.count {
            beyond(index, 1, self.count);
        }
        // SAFETY: there is no safe way to an atomic in a mapping. The index was just checked, the memory is alive
        // while `self` is (invariant of the constructors), and an atomic may change under a shared reference.
        unsafe { self.first.add(index).as_ref() }
    }

    /// The line of words from `first` on: one check for all of them.
    #[inline]
    pub(super) fn line(&self, first: usize) -> &[AtomicU64; LINE_WORDS] {
        if first > self.count || LINE_WORDS > self.count - first {
            beyond(first, LINE_WORDS, self.count);
        }
        // SAFETY: as in `range`, of a length known beforehand.
        unsafe { self.first.add(first).cast().as_ref() }
    }

    /// A hint to the cache that the word will be written: the other cores' copies are given up now, not by the store.
    #[inline]
    pub(super) fn prefetch(&self, index: usize) {
        let word = self.cell(index);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: there is no safe way to say this: where a build may not rely on it, the compiler makes a hint to read
        // of the intrinsic's hint to write, and a line that this core wrote last stays shared. The instruction reads and
        // writes nothing, whatever the address; a processor of 64 bits that does not know it passes over it.
        unsafe {
            std::arch::asm!(
                "prefetchw [{}]",
                in(reg) std::ptr::from_ref(word),
                options(nostack, preserves_flags, readonly)
            );
        }
        let _ = word;
    }

    /// A hint to the cache that the word will be read.
    #[inline]
    pub(super) fn prefetch_to_read(&self, index: usize) {
        let word = self.cell(index);
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as in `prefetch`.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(word).cast());
        }
        let _ = word;
    }

    /// Words `first` and on.
    #[inline]
    pub(super) fn range(&self, first: usize, count: usize) -> &[AtomicU64] {
        if first > self.count || count > self.count - first {
            beyond(first, count, self.count);
        }
        // SAFETY: as in `cell`, for a range that was just checked against the end.
        unsafe { NonNull::slice_from_raw_parts(self.first.add(first), count).as_ref() }
    }

    /// Bytes that nobody of this process can change; see `SharedRead::published`.
    pub(super) fn published(&self, first_byte: usize, length: usize) -> Option<&[u8]> {
        let first = self.bytes(first_byte, length, Access::Published)?;
        // SAFETY: the safe way is a copy, which this is there to avoid. The bytes were just checked to be within a
        // mapping that outlives `self`. It is mapped for reading only and sealed, so that the daemon's process alone
        // can write it, and the daemon changes no published byte before it is given back; that none is while the
        // reference lives is the promise of the one caller, `ReceiveReader::piece`, which borrows the reader.
        Some(unsafe { NonNull::slice_from_raw_parts(first, length).as_ref() })
    }

    /// Bytes that are this process's to fill; see `SharedWrite::lend`.
    #[expect(clippy::mut_from_ref, reason = "exclusive by the grant")]
    pub(super) fn lend(&self, first_byte: usize, length: usize) -> Option<&mut [u8]> {
        let first = self.bytes(first_byte, length, Access::Lent)?;
        // SAFETY: as in `published`. The mapping may be written, the daemon only ever reads it, from a process and a
        // mapping of its own and after it was told to. In this process a chunk's bytes are reached through the filler
        // that was granted it, and of the callers `stretch` borrows that one mutably, and `shown` lets nobody write.
        Some(unsafe { NonNull::slice_from_raw_parts(first, length).as_mut() })
    }

    /// The first of some bytes of a mapping, if it is one of that kind.
    fn bytes(&self, first_byte: usize, length: usize, access: Access) -> Option<NonNull<u8>> {
        let mapping = self.keeper.downcast_ref::<Mapping>()?;
        (mapping.access() == access).then_some(())?;
        let end = first_byte.checked_add(length);
        let bytes = self.count * size_of::<u64>();
        assert!(
            end.is_some_and(|end| end <= bytes),
            "{length} bytes at {first_byte} of {bytes}"
        );
        // SAFETY: there is no safe arithmetic on pointers; the sum was just checked to stay within the mapping.
        Some(unsafe { self.first.cast::<u8>().add(first_byte) })
    }
}

/// Has the lines of `what` brought into this core's cache: it will be looked at soon.
#[inline]
pub fn prefetch<T>(what: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let first = std::ptr::from_ref(what).cast::<i8>();
        // Where it begins within a line, and in how many it lies.
        let skipped = first.addr() % LINE_BYTES;
        for line in 0..(skipped + size_of::<T>()).div_ceil(LINE_BYTES) {
            let line = first.wrapping_sub(skipped).wrapping_add(line * LINE_BYTES);
            // SAFETY: as in `Cells::prefetch`.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(line) };
        }
    }
    let _ = what;
}

#[cfg(target_arch = "x86_64")]
const LINE_BYTES: usize = LINE_WORDS * size_of::<u64>();

/// Apart, so that what is checked each time stays small.
#[cold]
#[inline(never)]
fn beyond(first: usize, count: usize, all: usize) -> ! {
    panic!("{count} words at {first} of {all}");
}

impl fmt::Debug for Cells {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} words", self.count)
    }
}
