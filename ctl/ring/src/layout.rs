//! Where what lies in the two memories of a domain. Version 7.
//!
//! Both sides compute the same offsets from the same `Shape`, which the daemon writes into the first page of its
//! memory (`header`); the daemon itself never reads it back. Offsets count 64-bit words from the start of a memory, and
//! everything that one side writes alone has cache lines of its own. The order of the parts is that of the constructor.

use crate::address::ADDRESS_WORDS;
use crate::chunk::{CLASSES, ChunkReference};
use crate::shape::{Shape, ShapeError};
use crate::words::{Part, WORD_BYTES};

/// Number of the layout. Another number is another layout: there is no compatibility to guess.
pub const VERSION: u32 = 8;

/// Words of a cache line, which is also a slot of a ring.
pub const LINE_WORDS: usize = 8;
/// Words of the header's page.
pub const HEADER_WORDS: usize = PAGE_WORDS;
/// Words of what the daemon says about one socket: a line.
pub const SOCKET_WORDS: usize = LINE_WORDS;
/// Words of the address of a socket's own end.
pub const LOCAL_WORDS: usize = ADDRESS_WORDS;
/// Words that the application keeps for one socket: the owners of both directions, and how far it has read.
pub const OWNER_WORDS: usize = 2;
/// Words of the daemon's note beside each receive chunk.
pub const CHUNK_NOTE_WORDS: usize = 2;
/// Words of a chunk of each class: 256 bytes, 2 KiB, 16 KiB.
pub const CHUNK_WORDS: [usize; CLASSES] = [32, 256, 2048];

/// Offsets of a domain's two memories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    shape: Shape,
    daemon: DaemonParts,
    application: ApplicationParts,
}

/// First words of what the daemon writes; the application maps it for reading only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct DaemonParts {
    workers: usize,
    command_heads: usize,
    event_rings: usize,
    event_merges: usize,
    sockets: usize,
    locals: usize,
    accept_slots: usize,
    chunk_notes: [usize; CLASSES],
    chunks: [usize; CLASSES],
    end: usize,
}

/// First words of what the application writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ApplicationParts {
    ready_bits: usize,
    command_rings: usize,
    event_heads: usize,
    armed: usize,
    claims: usize,
    owners: usize,
    chunks: [usize; CLASSES],
    end: usize,
}

impl Layout {
    /// The layout of a domain of this shape.
    ///
    /// # Errors
    /// When a number of the shape is out of its range, or both memories together would be too large.
    pub fn new(shape: &Shape) -> Result<Self, ShapeError> {
        shape.check()?;
        let layout = Self {
            shape: *shape,
            daemon: DaemonParts::new(shape),
            application: ApplicationParts::new(shape),
        };
        let bytes = layout
            .daemon_bytes()
            .saturating_add(layout.application_bytes());
        if bytes > MEMORY_BYTES_MAX {
            return Err(ShapeError::TooLarge { bytes });
        }
        Ok(layout)
    }

    /// What it was computed from.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Size of the daemon's memory.
    pub fn daemon_bytes(&self) -> usize {
        self.daemon.end * WORD_BYTES
    }

    /// Size of the application's memory.
    pub fn application_bytes(&self) -> usize {
        self.application.end * WORD_BYTES
    }

    /// Daemon's memory: the line that says whether a worker sleeps, and which contexts' commands it finds by itself.
    pub fn worker(&self, worker: u32) -> Option<Part> {
        nth(self.daemon.workers, LINE_WORDS, worker, self.shape.workers)
    }

    /// Daemon's memory: how far a worker has read a context's commands.
    pub fn command_head(&self, context: u32, worker: u32) -> Option<Part> {
        let pair = self.shape.pair(context, self.shape.contexts, worker)?;
        part(self.daemon.command_heads, LINE_WORDS, pair)
    }

    /// Application's memory: the slots of a context's commands to a worker.
    pub fn command_ring(&self, context: u32, worker: u32) -> Option<Part> {
        let pair = self.shape.pair(context, self.shape.contexts, worker)?;
        part(
            self.application.command_rings,
            LINE_WORDS * index(self.shape.command_slots),
            pair,
        )
    }

    /// Daemon's memory: the slots of a worker's events to a notifier.
    pub fn event_ring(&self, notifier: u32, worker: u32) -> Option<Part> {
        let pair = self.shape.pair(notifier, self.shape.notifiers, worker)?;
        part(
            self.daemon.event_rings,
            LINE_WORDS * index(self.shape.event_slots),
            pair,
        )
    }

    /// Daemon's memory: up to where a worker's events to a notifier stand for later ones, too.
    pub fn event_merges(&self, notifier: u32, worker: u32) -> Option<Part> {
        let pair = self.shape.pair(notifier, self.shape.notifiers, worker)?;
        part(self.daemon.event_merges, LINE_WORDS, pair)
    }

    /// Application's memory: how far a notifier has read a worker's events.
    pub fn event_head(&self, notifier: u32, worker: u32) -> Option<Part> {
        let pair = self.shape.pair(notifier, self.shape.notifiers, worker)?;
        part(self.application.event_heads, LINE_WORDS, pair)
    }

    /// Application's memory: the line that says whether a notifier sleeps.
    pub fn armed(&self, notifier: u32) -> Option<Part> {
        nth(
            self.application.armed,
            LINE_WORDS,
            notifier,
            self.shape.notifiers,
        )
    }

    /// Application's memory: the line with one bit for each context that has spoken to a worker.
    pub fn ready_bits(&self, worker: u32) -> Option<Part> {
        nth(
            self.application.ready_bits,
            LINE_WORDS,
            worker,
            self.shape.workers,
        )
    }

    /// Daemon's memory: what it says about a socket.
    pub fn socket(&self, slot: u32) -> Option<Part> {
        nth(self.daemon.sockets, SOCKET_WORDS, slot, self.shape.sockets)
    }

    /// Daemon's memory: the address of a socket's own end.
    pub fn local(&self, slot: u32) -> Option<Part> {
        nth(self.daemon.locals, LOCAL_WORDS, slot, self.shape.sockets)
    }

    /// Application's memory: who reads from and who writes to a socket.
    pub fn owners(&self, slot: u32) -> Option<Part> {
        nth(
            self.application.owners,
            OWNER_WORDS,
            slot,
            self.shape.sockets,
        )
    }

    /// Daemon's memory: the connections that a listener's shard offers.
    pub fn accept_slots(&self, listener: u32, worker: u32) -> Option<Part> {
        let pair = self.shape.pair(listener, self.shape.listeners, worker)?;
        part(
            self.daemon.accept_slots,
            LINE_WORDS * index(self.shape.accept_slots),
            pair,
        )
    }

    /// Application's memory: who claims them, a word for each.
    pub fn claims(&self, listener: u32, worker: u32) -> Option<Part> {
        let pair = self.shape.pair(listener, self.shape.listeners, worker)?;
        let found = part(self.application.claims, self.shape.claim_words(), pair)?;
        Some(Part {
            words: index(self.shape.accept_slots),
            ..found
        })
    }

    /// Daemon's memory: the note beside a receive chunk.
    pub fn chunk_note(&self, chunk: ChunkReference) -> Option<Part> {
        let class = chunk.class();
        let first = *self.daemon.chunk_notes.get(class)?;
        nth(
            first,
            CHUNK_NOTE_WORDS,
            chunk.index(),
            *self.shape.receive_chunks.get(class)?,
        )
    }

    /// Daemon's memory: a receive chunk's bytes.
    pub fn receive_chunk(&self, chunk: ChunkReference) -> Option<Part> {
        let class = chunk.class();
        let first = *self.daemon.chunks.get(class)?;
        let words = *CHUNK_WORDS.get(class)?;
        nth(
            first,
            words,
            chunk.index(),
            *self.shape.receive_chunks.get(class)?,
        )
    }

    /// Application's memory: a send chunk's bytes.
    pub fn send_chunk(&self, chunk: ChunkReference) -> Option<Part> {
        let class = chunk.class();
        let first = *self.application.chunks.get(class)?;
        let words = *CHUNK_WORDS.get(class)?;
        nth(
            first,
            words,
            chunk.index(),
            *self.shape.send_chunks.get(class)?,
        )
    }
}

impl DaemonParts {
    fn new(shape: &Shape) -> Self {
        let mut end = Cursor(HEADER_WORDS);
        let event_ring = index(shape.event_slots) * LINE_WORDS;
        let accept_ring = index(shape.accept_slots) * LINE_WORDS;
        Self {
            workers: end.take(index(shape.workers), LINE_WORDS),
            command_heads: end.take(shape.pairs(shape.contexts), LINE_WORDS),
            event_rings: end.take(shape.pairs(shape.notifiers), event_ring),
            event_merges: end.take(shape.pairs(shape.notifiers), LINE_WORDS),
            sockets: end.take(index(shape.sockets), SOCKET_WORDS),
            locals: end.take(index(shape.sockets), LOCAL_WORDS),
            accept_slots: end.take(shape.pairs(shape.listeners), accept_ring),
            chunk_notes: shape
                .receive_chunks
                .map(|count| end.take(index(count), CHUNK_NOTE_WORDS)),
            chunks: take_chunks(&mut end, &shape.receive_chunks),
            end: end.page_up(),
        }
    }
}

impl ApplicationParts {
    fn new(shape: &Shape) -> Self {
        let mut end = Cursor(0);
        let command_ring = index(shape.command_slots) * LINE_WORDS;
        Self {
            ready_bits: end.take(index(shape.workers), LINE_WORDS),
            command_rings: end.take(shape.pairs(shape.contexts), command_ring),
            event_heads: end.take(shape.pairs(shape.notifiers), LINE_WORDS),
            armed: end.take(index(shape.notifiers), LINE_WORDS),
            claims: end.take(shape.pairs(shape.listeners), shape.claim_words()),
            owners: end.take(index(shape.sockets), OWNER_WORDS),
            chunks: take_chunks(&mut end, &shape.send_chunks),
            end: end.page_up(),
        }
    }
}

/// Chunks begin at whole pages, so that the large ones do not straddle more pages than they must.
fn take_chunks(end: &mut Cursor, counts: &[u32; CLASSES]) -> [usize; CLASSES] {
    std::array::from_fn(|class| {
        end.page_up();
        end.take(index(counts[class]), CHUNK_WORDS[class])
    })
}

/// The first word that nothing occupies yet. Sums saturate: `Layout::new` refuses what is that large.
struct Cursor(usize);

impl Cursor {
    /// The start of `count` things of so many words each, rounded up to whole lines.
    fn take(&mut self, count: usize, words: usize) -> usize {
        let first = self.0;
        let taken = count.saturating_mul(words);
        self.0 = round_up(first.saturating_add(taken), LINE_WORDS);
        first
    }

    fn page_up(&mut self) -> usize {
        self.0 = round_up(self.0, PAGE_WORDS);
        self.0
    }
}

fn nth(first_word: usize, words: usize, number: u32, count: u32) -> Option<Part> {
    (number < count).then_some(())?;
    part(first_word, words, index(number))
}

fn part(first_word: usize, words: usize, number: usize) -> Option<Part> {
    let first_word = number.checked_mul(words)?.checked_add(first_word)?;
    Some(Part { first_word, words })
}

fn round_up(words: usize, unit: usize) -> usize {
    words
        .checked_next_multiple_of(unit)
        .unwrap_or(MEMORY_BYTES_MAX)
}

/// A 32-bit number as an index: no machine that this runs on has a smaller `usize`.
pub(crate) fn index(number: u32) -> usize {
    number as usize
}

const PAGE_WORDS: usize = 4096 / WORD_BYTES;
/// A domain's memories together: far more than any machine lends, far less than what arithmetic could wrap at.
const MEMORY_BYTES_MAX: usize = 1 << 42;

const _: () = {
    assert!(usize::BITS == 64 && LINE_WORDS * WORD_BYTES == 64);
    assert!(PAGE_WORDS.is_multiple_of(LINE_WORDS));
    assert!(CHUNK_WORDS[0] * WORD_BYTES == 256);
    assert!(CHUNK_WORDS[1] * WORD_BYTES == 2 * 1024);
    assert!(CHUNK_WORDS[2] * WORD_BYTES == 16 * 1024);
};

#[cfg(all(test, not(loom)))]
mod tests;
