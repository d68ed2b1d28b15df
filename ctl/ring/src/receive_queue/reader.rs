//! The reading end: what was received, found by an event's word or by the notes beside the chunks, and copied or shown.

use std::io::IoSliceMut;

use super::{NOTE_NEXT, NOTE_START};
use crate::chunk::ChunkReference;
use crate::injection::point;
use crate::layout::Layout;
use crate::socket_state::StateReader;
use crate::words::{SharedRead, WORD_BYTES};

/// The application's end. What a read of announced bytes needs comes first.
#[derive(Debug)]
#[repr(C)]
pub struct ReceiveReader {
    position: u64,
    /// The chunk that holds `position`, or ends there, and the count of bytes before it.
    chunk: Option<(ChunkReference, u64)>,
    state: StateReader,
}

impl ReceiveReader {
    /// The first bytes of it that are all that `read_announced` needs.
    pub const ANNOUNCED_BYTES: usize = std::mem::offset_of!(Self, state);

    /// At the connection's first byte.
    pub fn new(state: StateReader) -> Self {
        Self {
            state,
            position: 0,
            chunk: None,
        }
    }

    /// Copies what can be read now, up to the length of `out`; gives how much.
    #[inline]
    pub fn read(&mut self, out: &mut [u8], memory: &SharedRead, layout: &Layout) -> usize {
        self.read_up_to(self.state.received(), out, memory, layout)
    }

    /// As `read`, of what an event said: how far bytes were received, and where the first unread one lies. No look at the
    /// state is needed then.
    #[inline]
    pub fn read_announced(
        &mut self,
        out: &mut [u8],
        (received, (chunk, start)): (u64, (ChunkReference, u64)),
        memory: &SharedRead,
        layout: &Layout,
    ) -> usize {
        self.chunk = None;
        self.point_at(chunk, start);
        // A word about another place than this: the state and the notes lead there.
        if self.chunk.is_none() {
            return 0;
        }
        self.read_up_to(received, out, memory, layout)
    }

    #[inline]
    fn read_up_to(
        &mut self,
        received: u64,
        out: &mut [u8],
        memory: &SharedRead,
        layout: &Layout,
    ) -> usize {
        let mut count = 0;
        while count < out.len() && self.position < received {
            let Some((chunk, start)) = self.locate(memory, layout) else {
                break;
            };
            let Some(part) = layout.receive_chunk(chunk) else {
                break;
            };
            let inside = usize::try_from(self.position - start).unwrap_or(usize::MAX);
            let unread = usize::try_from(received - self.position).unwrap_or(usize::MAX);
            let length = chunk
                .bytes()
                .saturating_sub(inside)
                .min(unread)
                .min(out.len() - count);
            memory.copy_out(
                part.first_word * WORD_BYTES + inside,
                &mut out[count..count + length],
            );
            point("read: bytes copied");
            self.position += length as u64;
            count += length;
        }
        count
    }

    /// As `read`, into several pieces one after the other.
    pub fn read_vectored(
        &mut self,
        out: &mut [IoSliceMut<'_>],
        memory: &SharedRead,
        layout: &Layout,
    ) -> usize {
        let mut count = 0;
        for piece in out {
            let read = self.read(piece, memory, layout);
            count += read;
            if read < piece.len() {
                break;
            }
        }
        count
    }

    /// Looks for bytes that can be read now; gives how many of them lie in one piece, which `piece` shows.
    pub fn look(&mut self, memory: &SharedRead, layout: &Layout) -> usize {
        let unread = self.state.received().saturating_sub(self.position);
        if unread == 0 {
            return 0;
        }
        let Some((chunk, start)) = self.locate(memory, layout) else {
            return 0;
        };
        let inside = usize::try_from(self.position - start).unwrap_or(usize::MAX);
        let unread = usize::try_from(unread).unwrap_or(usize::MAX);
        chunk.bytes().saturating_sub(inside).min(unread)
    }

    /// The first `length` bytes of what `look` found, where they lie. None where they cannot be shown in place
    /// (`SharedRead::published`). Whoever has it does not tell the daemon meanwhile that they were read.
    pub fn piece<'a>(
        &'a self,
        length: usize,
        memory: &'a SharedRead,
        layout: &Layout,
    ) -> Option<&'a [u8]> {
        let (chunk, start) = self.chunk?;
        let part = layout.receive_chunk(chunk)?;
        let inside = usize::try_from(self.position.checked_sub(start)?).ok()?;
        let length = length.min(chunk.bytes().checked_sub(inside)?);
        memory.published(part.first_word * WORD_BYTES + inside, length)
    }

    /// Takes the first `count` bytes of what can be read.
    pub fn consume(&mut self, count: usize) {
        let end = self.position.saturating_add(count as u64);
        self.position = end.min(self.state.received().max(self.position));
    }

    /// As `read`, and the next call reads the same bytes again.
    pub fn peek(&mut self, out: &mut [u8], memory: &SharedRead, layout: &Layout) -> usize {
        self.peek_vectored(&mut [IoSliceMut::new(out)], memory, layout)
    }

    /// As `read_vectored`, and the next call reads the same bytes again.
    pub fn peek_vectored(
        &mut self,
        out: &mut [IoSliceMut<'_>],
        memory: &SharedRead,
        layout: &Layout,
    ) -> usize {
        let (position, chunk) = (self.position, self.chunk);
        let count = self.read_vectored(out, memory, layout);
        (self.position, self.chunk) = (position, chunk);
        count
    }

    /// The count to send with the next command: all that was read goes back, and is not looked at any more.
    #[inline]
    pub fn give_back(&mut self) -> u64 {
        self.chunk = None;
        self.position
    }

    /// Bytes read since the connection began.
    #[inline]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What an event said about the first unread byte; no look at the state is needed then.
    #[inline]
    pub fn point_at(&mut self, chunk: ChunkReference, start: u64) {
        let holds = (start..start + chunk.bytes() as u64).contains(&self.position);
        if self.chunk.is_none() && holds {
            self.chunk = Some((chunk, start));
        }
    }

    /// The chunk that holds the byte at `position`, which must be received.
    #[inline]
    fn locate(&mut self, memory: &SharedRead, layout: &Layout) -> Option<(ChunkReference, u64)> {
        let mut found = self.chunk;
        while found.is_none() {
            let word = self.state.first_chunk();
            let walked = walk(
                ChunkReference::from_word(word & u64::from(u32::MAX)),
                self.position,
                memory,
                layout,
            );
            // What was seen on the way is only ours if nothing was given back meanwhile.
            if self.state.is_first_chunk(word) {
                found = Some(walked?);
            }
        }
        let (chunk, start) = found?;
        if start + chunk.bytes() as u64 <= self.position {
            found = walk(Some(chunk), self.position, memory, layout);
        }
        self.chunk = found;
        found
    }
}

/// Follows the notes to the chunk that holds a byte.
#[inline]
fn walk(
    first: Option<ChunkReference>,
    position: u64,
    memory: &SharedRead,
    layout: &Layout,
) -> Option<(ChunkReference, u64)> {
    let mut chunk = first?;
    loop {
        let note = layout.chunk_note(chunk)?.first_word;
        let start = memory.load(note + NOTE_START);
        // A start beyond the position is of a chunk that went to another queue; the caller will notice.
        let inside = position.checked_sub(start)?;
        if inside < chunk.bytes() as u64 {
            return Some((chunk, start));
        }
        chunk = ChunkReference::from_word(memory.load_acquire(note + NOTE_NEXT))?;
    }
}
