//! What the daemon says about a socket: the truth that events only hint at. One line of the daemon's memory.
//!
//! Numbers of edges grow at each edge: a waiter for edges compares them, one for levels looks at counts and flags.
//! Counts only grow. Each word is stored after what it announces, so that a reader who loads the word of edges first
//! finds everything else at least as new. The name comes first and last: a slot used anew is noticed.

use crate::atomics::{Ordering, fence};
use crate::chunk::ChunkReference;
use crate::handle::Handle;
use crate::words::{Part, SharedRead, SharedWrite};

/// Conditions of a socket, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u16);

impl Flags {
    /// The connection is over both ways (POLLHUP).
    pub const HUP: Self = Self(1);
    /// The peer sent its end of stream (POLLRDHUP).
    pub const RDHUP: Self = Self(2);
    /// It failed; the error says how (POLLERR).
    pub const ERR: Self = Self(4);
    /// The handshake is complete.
    pub const CONNECTED: Self = Self(8);
    /// An urgent byte has come and was not read (POLLPRI).
    pub const URGENT: Self = Self(16);
    /// The mark of urgent data stands behind what was received: nothing more comes before the application goes on.
    pub const MARK: Self = Self(32);
    /// There is more to read behind the mark, or the end of the stream.
    pub const BEHIND: Self = Self(64);
    /// The peer has acknowledged our end of stream, and all before it.
    pub const DELIVERED: Self = Self(128);

    /// Both.
    #[must_use]
    #[inline]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without `other`.
    #[must_use]
    #[inline]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` are set.
    #[inline]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Flags, error and worker: one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Conditions.
    pub flags: Flags,
    /// Linux's number of the error, zero for none.
    pub error: u16,
    /// Which worker has it at present; a hint.
    pub worker: u16,
}

/// All a reader sees at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Edges of readability, modulo 2^32.
    pub readable: u32,
    /// Edges of writability, modulo 2^32.
    pub writable: u32,
    /// Flags, error, worker.
    pub condition: Condition,
    /// Bytes received in order, since the connection began.
    pub received: u64,
    /// Bytes to send that the daemon took over.
    pub taken: u64,
    /// Bytes of these that the peer acknowledged.
    pub acknowledged: u64,
    /// How far the application may write.
    pub send_limit: u64,
}

/// What a reader of bytes needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glance {
    /// Flags, error, worker.
    pub condition: Condition,
    /// Bytes received in order, since the connection began.
    pub received: u64,
}

/// The daemon's end. It can be pointed from socket to socket, so that a table of sockets needs one.
#[derive(Debug)]
pub struct StateWriter {
    words: SharedWrite,
    /// The socket's first word.
    first: usize,
}

/// The application's end.
#[derive(Clone, Debug)]
pub struct StateReader(SharedRead);

impl StateWriter {
    /// Over the socket's part.
    pub fn new(words: SharedWrite) -> Self {
        Self { words, first: 0 }
    }

    /// From now on it writes the state in `part` of its words.
    #[inline]
    pub fn point_at(&mut self, part: Part) {
        self.first = part.first_word;
    }

    /// The same for the state of a slot, of those that lie one behind the other from `states` on.
    #[inline]
    pub fn point_at_slot(&mut self, states: Part, slot: u32) {
        self.first = states.first_word + slot as usize * crate::layout::SOCKET_WORDS;
    }

    /// Begins with a new socket in this slot.
    pub fn open(&self, socket: Handle, condition: Condition) {
        self.close();
        for word in EDGES..END {
            self.store(word, 0);
        }
        self.set_condition(condition);
        self.store_release(NAME, socket.to_word());
    }

    /// The socket is no more; readers that are on their way find no name.
    pub fn close(&self) {
        self.store(NAME, 0);
        fence(Ordering::Release);
    }

    /// Has the state of a slot (`point_at_slot`), if there is such, brought into this core's cache, as it will be written.
    #[inline]
    pub fn prefetch_slot(&self, states: Part, slot: u32) {
        let first = states.first_word + slot as usize * crate::layout::SOCKET_WORDS;
        if first < self.words.words() {
            self.words.prefetch(first);
        }
    }

    /// Sets flags, error and worker.
    #[inline]
    pub fn set_condition(&self, condition: Condition) {
        let word = u64::from(condition.flags.0)
            | u64::from(condition.error) << 16
            | u64::from(condition.worker) << 32;
        self.store_release(CONDITION, word);
    }

    /// Bytes up to `received` can be read.
    #[inline]
    pub fn set_received(&self, received: u64) {
        self.store_release(RECEIVED, received);
    }

    /// The chunk that holds the first byte that was not given back; `version` differs from every former one's.
    #[inline]
    pub fn set_first_chunk(&self, version: u32, chunk: Option<ChunkReference>) {
        let word = u64::from(version) << 32 | ChunkReference::to_word(chunk);
        self.store_release(FIRST_CHUNK, word);
        // Whoever sees a word of the chunks' next use sees that they are not this socket's any more.
        fence(Ordering::Release);
    }

    /// Progress of sending.
    #[inline]
    pub fn set_sent(&self, taken: u64, acknowledged: u64, send_limit: u64) {
        self.store(TAKEN, taken);
        self.store(ACKNOWLEDGED, acknowledged);
        self.store_release(SEND_LIMIT, send_limit);
    }

    /// Bytes to send that the daemon took over.
    #[inline]
    pub fn set_taken(&self, taken: u64) {
        self.store(TAKEN, taken);
    }

    /// What was stored last, of which the daemon thus needs no other copy: it alone writes its memory.
    #[inline]
    pub fn received(&self) -> u64 {
        self.load(RECEIVED)
    }

    /// As [`Self::received`], of the socket's slot; None when there is no socket.
    #[inline]
    pub fn slot(&self) -> Option<u32> {
        Handle::from_word(self.load(NAME)).map(|socket| socket.slot)
    }

    /// As [`Self::received`], of bytes to send that the daemon took over.
    #[inline]
    pub fn taken(&self) -> u64 {
        self.load(TAKEN)
    }

    /// As [`Self::received`], of those that the peer acknowledged.
    #[inline]
    pub fn acknowledged(&self) -> u64 {
        self.load(ACKNOWLEDGED)
    }

    /// As [`Self::received`], of how far the application may write.
    #[inline]
    pub fn send_limit(&self) -> u64 {
        self.load(SEND_LIMIT)
    }

    /// The version that was stored with the first chunk.
    #[inline]
    pub(crate) fn version(&self) -> u32 {
        (self.load(FIRST_CHUNK) >> 32) as u32
    }

    /// Something can be read that could not before. What it is must be stored before.
    #[inline]
    pub fn raise_readable(&self) {
        let edges = self.load(EDGES);
        let readable = edges.wrapping_add(1) & READABLE;
        self.store_release(EDGES, edges & !READABLE | readable);
    }

    /// There is room to write in that was not before.
    #[inline]
    pub fn raise_writable(&self) {
        let edges = self.load(EDGES).wrapping_add(1 << WRITABLE_SHIFT);
        self.store_release(EDGES, edges);
    }

    #[inline]
    fn load(&self, word: usize) -> u64 {
        self.words.load(self.first + word)
    }

    #[inline]
    fn store(&self, word: usize, value: u64) {
        self.words.store(self.first + word, value);
    }

    #[inline]
    fn store_release(&self, word: usize, value: u64) {
        self.words.store_release(self.first + word, value);
    }
}

impl StateReader {
    /// Over the socket's part.
    pub fn new(words: SharedRead) -> Self {
        Self(words)
    }

    /// Everything; None when the slot is another socket's by now.
    #[inline]
    pub fn snapshot(&self, socket: Handle) -> Option<Snapshot> {
        self.is(socket).then_some(())?;
        let edges = self.0.load_acquire(EDGES);
        let snapshot = Snapshot {
            readable: (edges & READABLE) as u32,
            writable: (edges >> WRITABLE_SHIFT) as u32,
            condition: self.condition(),
            send_limit: self.0.load_acquire(SEND_LIMIT),
            received: self.received(),
            taken: self.0.load(TAKEN),
            acknowledged: self.0.load(ACKNOWLEDGED),
        };
        self.is(socket).then_some(snapshot)
    }

    /// As `snapshot`, without what is told about sending.
    #[inline]
    pub fn glance(&self, socket: Handle) -> Option<Glance> {
        self.is(socket).then_some(())?;
        let glance = Glance {
            condition: self.condition(),
            received: self.received(),
        };
        self.is(socket).then_some(glance)
    }

    /// Bytes that can have been read by now; those before are visible.
    #[inline]
    pub fn received(&self) -> u64 {
        self.0.load_acquire(RECEIVED)
    }

    /// The word to find the first chunk by.
    #[inline]
    pub(crate) fn first_chunk(&self) -> u64 {
        self.0.load_acquire(FIRST_CHUNK)
    }

    /// Whether it is still the same after what was found by it: then nothing was given back between.
    #[inline]
    pub(crate) fn is_first_chunk(&self, word: u64) -> bool {
        fence(Ordering::Acquire);
        self.0.load(FIRST_CHUNK) == word
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "each field is the word's bits that fit it"
    )]
    #[inline]
    fn condition(&self) -> Condition {
        let word = self.0.load_acquire(CONDITION);
        Condition {
            flags: Flags(word as u16),
            error: (word >> 16) as u16,
            worker: (word >> 32) as u16,
        }
    }

    /// Whether it is this socket's, and so was all that was loaded before.
    #[inline]
    pub fn is(&self, socket: Handle) -> bool {
        fence(Ordering::Acquire);
        self.0.load_acquire(NAME) == socket.to_word()
    }
}

const NAME: usize = 0;
const EDGES: usize = 1;
const CONDITION: usize = 2;
const RECEIVED: usize = 3;
const FIRST_CHUNK: usize = 4;
const TAKEN: usize = 5;
const ACKNOWLEDGED: usize = 6;
const SEND_LIMIT: usize = 7;
const END: usize = 8;

/// The bits of [`EDGES`] that count those of readability; above them are those of writability.
const READABLE: u64 = u32::MAX as u64;
const WRITABLE_SHIFT: u32 = 32;

const _: () = assert!(END == crate::layout::SOCKET_WORDS && END == crate::layout::LINE_WORDS);

#[cfg(all(test, not(loom)))]
mod tests;
