//! Received bytes of one connection on their way to the application: chunks lent to it by the daemon.
//!
//! The daemon fills chunks forward; what it has published never changes. The reader gives back what it has
//! read as a cumulative count that rides on its commands; chunks wholly read, and the last one once all is read,
//! go back. A note beside each chunk (count of bytes before it, next chunk) leads a reader along; the state's word for
//! the first chunk changes whenever chunks went back, so that a reader who looked meanwhile looks again.

mod reader;

use crate::chunk::ChunkReference;
use crate::layout::Layout;
use crate::lender::Lender;
use crate::socket_state::StateWriter;
use crate::untrusted::{Cumulative, Violation};
use crate::words::{SharedWrite, WORD_BYTES};

pub use reader::ReceiveReader;

/// The daemon's end.
#[derive(Debug, Default)]
pub struct ReceiveQueue {
    first: Option<ChunkReference>,
    tail: Option<Tail>,
    version: u32,
    received: u64,
    /// Bytes beyond `received` may be there already, with holes; this is the end of the last.
    ahead: u64,
    read: Cumulative,
}

/// The last chunk, and what is looked up of it for each message.
#[derive(Clone, Copy, Debug)]
struct Tail {
    chunk: ChunkReference,
    /// Counts of the queue's bytes before it and up to its end.
    start: u64,
    end: u64,
    /// Where in the memory it begins.
    first_byte: usize,
}

impl ReceiveQueue {
    /// Publishes bytes that follow what is published already; gives how many found room.
    #[inline]
    pub fn append(
        &mut self,
        bytes: &[u8],
        memory: (&SharedWrite, &Layout),
        books: (&mut Lender, &StateWriter),
    ) -> usize {
        let end = self.received + bytes.len() as u64;
        // Nearly always the last chunk has room for all of them.
        if let Some(tail) = &self.tail
            && end <= tail.end
            && self.received >= tail.start
            && self.ahead == self.received
        {
            #[expect(clippy::cast_possible_truncation, reason = "within a chunk")]
            let inside = (self.received - tail.start) as usize;
            memory.0.copy_in(tail.first_byte + inside, bytes);
            (self.received, self.ahead) = (end, end);
            books.1.set_received(end);
            return bytes.len();
        }
        let state = books.1;
        let count = self.write_at(self.received, bytes, memory, books);
        if count > 0 {
            self.publish(count, state);
        }
        count
    }

    /// Copies bytes to where they belong, counted from the connection's first; holes may stay before them. Gives how many
    /// found room. They are not published yet, and may not lie before what is.
    #[inline]
    pub fn write_at(
        &mut self,
        offset: u64,
        bytes: &[u8],
        (memory, layout): (&SharedWrite, &Layout),
        (lender, state): (&mut Lender, &StateWriter),
    ) -> usize {
        if offset < self.received {
            return 0;
        }
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            let at = offset + written as u64;
            // What is still missing before it needs room as well.
            let wanted = usize::try_from(at - self.received).unwrap_or(usize::MAX);
            let wanted = wanted.saturating_add(rest.len());
            let Some(chunk) = self.chunk_at(at, wanted, (memory, layout), (lender, state)) else {
                break;
            };
            let Some(part) = layout.receive_chunk(chunk) else {
                break;
            };
            let inside = usize::try_from(at - lender.start(chunk)).unwrap_or(usize::MAX);
            let count = rest.len().min(chunk.bytes().saturating_sub(inside));
            memory.copy_in(part.first_word * WORD_BYTES + inside, &rest[..count]);
            written += count;
        }
        self.ahead = self.ahead.max(offset + written as u64);
        written
    }

    /// Publishes the next `count` bytes, which `write_at` has filled without a hole.
    #[inline]
    pub fn publish(&mut self, count: usize, state: &StateWriter) {
        self.received = (self.received + count as u64).min(self.ahead);
        state.set_received(self.received);
    }

    /// Takes over how far the reader says it has read; gives how many bytes that is more than before. A count below an
    /// earlier one is old news: two threads of the application send theirs through rings of their own, and which one
    /// is looked at first is chance.
    ///
    /// # Errors
    /// When it gives back what it never got.
    #[inline]
    pub fn give_back(
        &mut self,
        read: u64,
        lender: &mut Lender,
        state: &StateWriter,
    ) -> Result<u64, Violation> {
        if read < self.read.value() {
            return Ok(0);
        }
        let grown = self.read.advance(read, self.received)?;
        if self.first.is_some_and(|first| lender.end(first) <= read) {
            self.give_back_below(read, lender, state);
        }
        Ok(grown)
    }

    /// Chunks wholly read go back.
    fn give_back_below(&mut self, read: u64, lender: &mut Lender, state: &StateWriter) {
        while let Some(chunk) = self.first.filter(|chunk| lender.end(*chunk) <= read) {
            self.first = lender.next(chunk);
            lender.give_back(chunk);
        }
        if self.first.is_none() {
            self.tail = None;
        }
        self.publish_first(state);
    }

    /// Takes the last chunk back as well when all that was received is read: nothing has come for a while. True when
    /// none is out any more.
    pub fn rest(&mut self, lender: &mut Lender, state: &StateWriter) -> bool {
        if self.is_kept() {
            self.clear(lender, state);
        }
        self.first.is_none()
    }

    /// Takes all chunks back: the connection or its reader is no more. A reader that is in the middle of copying may see
    /// bytes of another connection of its domain: it must look for the socket's name once more afterwards.
    pub fn clear(&mut self, lender: &mut Lender, state: &StateWriter) {
        let first = self.first.take();
        self.tail = None;
        self.publish_first(state);
        let mut chunk = first;
        while let Some(current) = chunk {
            chunk = lender.next(current);
            lender.give_back(current);
        }
    }

    /// As the state tells of a connection whose bytes were all read, and whose queue was let go of.
    pub fn resume(state: &StateWriter) -> Self {
        let received = state.received();
        Self {
            version: state.version(),
            received,
            ahead: received,
            read: Cumulative::at(received),
            ..Self::default()
        }
    }

    /// Whether the state alone says all of it: then it need not be kept.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.first.is_none() && self.read.value() == self.ahead && self.received == self.ahead
    }

    /// Whether a chunk is out of which everything is read: `rest` takes it back.
    #[inline]
    pub fn is_kept(&self) -> bool {
        self.read.value() == self.ahead && self.first.is_some()
    }

    /// Has the place of the next bytes brought into this core's cache, as it will be written.
    #[inline]
    pub fn prefetch(&self, (memory, layout): (&SharedWrite, &Layout), lender: &Lender) {
        if let Some(word) = self.next_word(layout, lender) {
            memory.prefetch(word);
        }
    }

    /// The word of the next bytes: in the last chunk, else in the one that is lent next, if they are few and nobody else
    /// needs one before.
    #[inline]
    fn next_word(&self, layout: &Layout, lender: &Lender) -> Option<usize> {
        match &self.tail {
            Some(tail) if (tail.start..tail.end).contains(&self.received) => {
                let inside = (self.received - tail.start) as usize;
                Some((tail.first_byte + inside) / WORD_BYTES)
            }
            _ => Some(layout.receive_chunk(lender.next_small()?)?.first_word),
        }
    }

    /// Bytes published and not given back.
    #[inline]
    pub fn unread(&self) -> u64 {
        self.received - self.read.value()
    }

    /// What an event says of the first byte not given back; None when all were.
    #[inline]
    pub fn first_unread(&self, lender: &Lender) -> Option<(ChunkReference, u64)> {
        let read = self.read.value();
        match self.tail {
            _ if self.unread() == 0 => None,
            Some(tail) if tail.start <= read => Some((tail.chunk, tail.start)),
            _ => self.find(read, lender),
        }
    }

    /// The chunk that holds a byte and the count of bytes before that chunk: what an event carries.
    #[inline]
    pub fn find(&self, offset: u64, lender: &Lender) -> Option<(ChunkReference, u64)> {
        let mut chunk = self.first?;
        while lender.end(chunk) <= offset {
            chunk = lender.next(chunk)?;
        }
        Some((chunk, lender.start(chunk)))
    }

    /// The chunk for a byte; chunks are lent up to it.
    #[inline]
    fn chunk_at(
        &mut self,
        offset: u64,
        wanted: usize,
        (memory, layout): (&SharedWrite, &Layout),
        (lender, state): (&mut Lender, &StateWriter),
    ) -> Option<ChunkReference> {
        while self.tail.is_none_or(|tail| tail.end <= offset) {
            let start = self.tail.map_or(self.received, |tail| tail.end);
            let chunk = lender.lend(wanted, start)?;
            let first_byte = layout.receive_chunk(chunk)?.first_word * WORD_BYTES;
            let note = layout.chunk_note(chunk)?.first_word;
            memory.store(note + NOTE_START, start);
            memory.store(note + NOTE_NEXT, 0);
            let tail = Tail {
                chunk,
                start,
                end: start + chunk.bytes() as u64,
                first_byte,
            };
            match self.tail.replace(tail) {
                Some(Tail { chunk: last, .. }) => {
                    lender.append(last, chunk);
                    let note = layout.chunk_note(last)?.first_word;
                    memory.store_release(note + NOTE_NEXT, ChunkReference::to_word(Some(chunk)));
                }
                None => {
                    self.first = Some(chunk);
                    self.publish_first(state);
                }
            }
        }
        match self.tail.filter(|tail| tail.start <= offset) {
            Some(tail) => Some(tail.chunk),
            None => self.find(offset, lender).map(|(chunk, _)| chunk),
        }
    }

    #[inline]
    fn publish_first(&mut self, state: &StateWriter) {
        self.version = self.version.wrapping_add(1);
        state.set_first_chunk(self.version, self.first);
    }
}

const NOTE_START: usize = 0;
const NOTE_NEXT: usize = 1;

#[cfg(all(test, not(loom)))]
mod tests;
