//! Shared memory as 64-bit words: the only ways to reach it are the loads, stores and copies of this file.
//!
//! Nothing here hands out a reference to shared bytes. A word is read once by each call, so that what was checked
//! is what is used; bytes are copied word by word with relaxed atomics, which the compiler may neither repeat nor
//! leave out, whatever the other side does meanwhile. An index out of range is a mistake of ours, never of the
//! other side (whose numbers are checked in `untrusted` first), and panics as a slice's would.

#[cfg(not(loom))]
mod cells;
#[cfg(loom)]
#[path = "words/cells_loom.rs"]
mod cells;

use crate::atomics::{AtomicU64, Ordering, fence};
use crate::injection::point;
use crate::layout::LINE_WORDS;
#[cfg(not(loom))]
pub(crate) use cells::Cells;
#[cfg(loom)]
use cells::Cells;
pub use cells::prefetch;

/// Bytes of a word.
pub const WORD_BYTES: usize = 8;

/// A stretch of an area: what `Layout` says a thing occupies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Index of the first word in the area.
    pub first_word: usize,
    /// Words.
    pub words: usize,
}

/// Shared memory that this side may read.
#[derive(Clone, Debug)]
pub struct SharedRead(Cells);

/// Shared memory that this side may read and write.
#[derive(Clone, Debug)]
pub struct SharedWrite(Cells);

impl SharedRead {
    #[cfg(not(loom))]
    pub(crate) fn over(cells: Cells) -> Self {
        Self(cells)
    }

    /// Words that can be reached.
    #[inline]
    pub fn words(&self) -> usize {
        self.0.count()
    }

    /// The stretch `part` of it alone. Panics when it is not within.
    #[must_use]
    #[inline]
    pub fn part(&self, part: Part) -> Self {
        Self(self.0.part(part.first_word, part.words))
    }

    /// A word, without order.
    #[inline]
    pub fn load(&self, index: usize) -> u64 {
        self.0.cell(index).load(Ordering::Relaxed)
    }

    /// A word; what the other side wrote before it stored it with release is visible after.
    ///
    /// A relaxed load and a fence, because only relaxed loads are defined on pages mapped for reading only.
    #[inline]
    pub fn load_acquire(&self, index: usize) -> u64 {
        let value = self.0.cell(index).load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        value
    }

    /// Has the line of a byte brought into this core's cache: it will be read soon. Nothing happens beyond the end.
    #[inline]
    pub fn prefetch_byte(&self, byte: usize) {
        let word = byte / WORD_BYTES;
        if word < self.0.count() {
            self.0.prefetch_to_read(word);
        }
    }

    /// The mark of the slot that begins at a word, as `load_acquire`.
    #[inline]
    pub(crate) fn load_slot(&self, first: usize) -> (u64, impl FnOnce() -> [u64; LINE_WORDS - 1]) {
        let [mark, body @ ..] = self.0.line(first);
        let mark = mark.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        let load = |word: &AtomicU64| word.load(Ordering::Relaxed);
        (mark, move || body.each_ref().map(load))
    }

    /// Copies the bytes from `first_byte` on.
    #[inline]
    pub fn copy_out(&self, first_byte: usize, out: &mut [u8]) {
        copy_out(&self.0, first_byte, out);
    }

    /// Bytes that the daemon has published, where they lie. They do not change while they are not given back, and the
    /// application believes its daemon in this as it believes its kernel: the caller, a `ReceiveReader`, sees to it
    /// that none of them are given back while the reference lives.
    ///
    /// None where this process could change them itself: only memory that was mapped for reading alone, and that
    /// is sealed so that nobody but the daemon writes it, is shown. Panics when they are not within.
    pub(crate) fn published(&self, first_byte: usize, length: usize) -> Option<&[u8]> {
        self.0.published(first_byte, length)
    }
}

impl SharedWrite {
    /// Zeroed memory of this process in the shape of shared memory: for tests, and for an application that lives in
    /// the daemon's process.
    #[must_use]
    pub fn heap(words: usize) -> Self {
        Self(Cells::heap(words))
    }

    #[cfg(not(loom))]
    pub(crate) fn over(cells: Cells) -> Self {
        Self(cells)
    }

    /// Granted bytes, to be filled where they lie. Nobody else of this process writes or reads them: a grant is
    /// handed out once, and the caller, the `SendFiller` that has it, gives one reference at a time. The daemon reads
    /// them when it is told that they are filled, after this reference is gone.
    ///
    /// None where the daemon may be in this process (`heap`). Panics when they are not within.
    pub(crate) fn lend(&self, first_byte: usize, length: usize) -> Option<&mut [u8]> {
        self.0.lend(first_byte, length)
    }

    /// The same memory for reading only.
    #[must_use]
    #[inline]
    pub fn reader(&self) -> SharedRead {
        SharedRead(self.0.clone())
    }

    /// Words that can be reached.
    #[inline]
    pub fn words(&self) -> usize {
        self.0.count()
    }

    /// The stretch `part` of it alone. Panics when it is not within.
    #[must_use]
    #[inline]
    pub fn part(&self, part: Part) -> Self {
        Self(self.0.part(part.first_word, part.words))
    }

    /// A word, without order.
    #[inline]
    pub fn load(&self, index: usize) -> u64 {
        self.0.cell(index).load(Ordering::Relaxed)
    }

    /// A word; what the other side wrote before it stored it with release is visible after.
    #[inline]
    pub fn load_acquire(&self, index: usize) -> u64 {
        self.0.cell(index).load(Ordering::Acquire)
    }

    /// Stores a word, without order.
    #[inline]
    pub fn store(&self, index: usize, value: u64) {
        self.0.cell(index).store(value, Ordering::Relaxed);
    }

    /// Stores a slot that begins at a word: its body, then, with release, its mark.
    #[inline]
    pub(crate) fn store_slot(&self, first: usize, mark: u64, body: &[u64; LINE_WORDS - 1]) {
        let [place, words @ ..] = self.0.line(first);
        for (word, value) in words.iter().zip(body) {
            word.store(*value, Ordering::Relaxed);
        }
        point("push: slot written");
        place.store(mark, Ordering::Release);
    }

    /// Has the line of a word brought into this core's cache for writing: the other side has read it since.
    #[inline]
    pub fn prefetch(&self, index: usize) {
        self.0.prefetch(index);
    }

    /// Stores a word; whoever loads it with acquire sees all that was stored before.
    #[inline]
    pub fn store_release(&self, index: usize, value: u64) {
        self.0.cell(index).store(value, Ordering::Release);
    }

    /// Exchanges a word; gives what was there.
    #[inline]
    pub fn swap(&self, index: usize, value: u64) -> u64 {
        self.0.cell(index).swap(value, Ordering::AcqRel)
    }

    /// Sets bits of a word; gives what was there.
    #[inline]
    pub fn set_bits(&self, index: usize, bits: u64) -> u64 {
        self.0.cell(index).fetch_or(bits, Ordering::AcqRel)
    }

    /// Replaces `current` by `new`; true when `current` was there.
    #[inline]
    pub fn replace(&self, index: usize, current: u64, new: u64) -> bool {
        self.0
            .cell(index)
            .compare_exchange(current, new, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }

    /// Copies bytes in, from `first_byte` on. Bytes beside them in the same word keep their value, which is right
    /// as long as one side alone writes the word.
    #[inline]
    pub fn copy_in(&self, first_byte: usize, bytes: &[u8]) {
        copy_in(&self.0, first_byte, bytes);
    }

    /// Copies the bytes from `first_byte` on.
    #[inline]
    pub fn copy_out(&self, first_byte: usize, out: &mut [u8]) {
        copy_out(&self.0, first_byte, out);
    }
}

/// Orders what was stored before against what is loaded after, on both sides of a decision who wakes whom.
#[inline]
pub fn full_fence() {
    fence(Ordering::SeqCst);
}

#[inline]
fn copy_out(cells: &Cells, first_byte: usize, out: &mut [u8]) {
    let skip = first_byte % WORD_BYTES;
    let mut cells = cells.range(
        first_byte / WORD_BYTES,
        (skip + out.len()).div_ceil(WORD_BYTES),
    );
    let mut out = out;
    if skip > 0
        && let Some((first, others)) = cells.split_first()
    {
        let (head, rest) = out.split_at_mut(out.len().min(WORD_BYTES - skip));
        head.copy_from_slice(&load_bytes(first)[skip..skip + head.len()]);
        (cells, out) = (others, rest);
    }
    let (whole, rest) = out.as_chunks_mut::<WORD_BYTES>();
    for (bytes, cell) in whole.iter_mut().zip(cells) {
        *bytes = load_bytes(cell);
    }
    if let Some(cell) = cells.get(whole.len()) {
        rest.copy_from_slice(&load_bytes(cell)[..rest.len()]);
    }
}

#[inline]
fn copy_in(cells: &Cells, first_byte: usize, bytes: &[u8]) {
    let skip = first_byte % WORD_BYTES;
    let mut cells = cells.range(
        first_byte / WORD_BYTES,
        (skip + bytes.len()).div_ceil(WORD_BYTES),
    );
    let mut bytes = bytes;
    if skip > 0
        && let Some((first, others)) = cells.split_first()
    {
        let (head, rest) = bytes.split_at(bytes.len().min(WORD_BYTES - skip));
        store_bytes(first, skip, head);
        (cells, bytes) = (others, rest);
    }
    let (whole, rest) = bytes.as_chunks::<WORD_BYTES>();
    for (bytes, cell) in whole.iter().zip(cells) {
        cell.store(u64::from_ne_bytes(*bytes), Ordering::Relaxed);
    }
    if let Some(cell) = cells.get(whole.len()) {
        store_bytes(cell, 0, rest);
    }
}

#[inline]
fn load_bytes(cell: &AtomicU64) -> [u8; WORD_BYTES] {
    cell.load(Ordering::Relaxed).to_ne_bytes()
}

#[inline]
fn store_bytes(cell: &AtomicU64, skip: usize, bytes: &[u8]) {
    let mut word = load_bytes(cell);
    word[skip..skip + bytes.len()].copy_from_slice(bytes);
    cell.store(u64::from_ne_bytes(word), Ordering::Relaxed);
}

#[cfg(all(test, not(loom)))]
mod tests;
