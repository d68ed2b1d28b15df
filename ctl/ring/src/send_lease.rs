//! Send chunks granted to one connection: the application fills them in the order of the grants.
//!
//! The bytes of all grants are one sequence. The application says by a cumulative count how far it has filled it;
//! where the bytes lie the daemon knows from its own books, so that there is no offset to lie about. Bytes may still
//! change after that: the daemon copies them into packets and trusts its copy alone. What is acknowledged, or given back
//! unused, returns by the same count.

use std::collections::VecDeque;

use crate::chunk::ChunkReference;
use crate::injection::point;
use crate::layout::Layout;
use crate::lender::Lender;
use crate::untrusted::{Cumulative, Violation};
use crate::words::{SharedWrite, WORD_BYTES};

/// The daemon's end.
#[derive(Debug, Default)]
pub struct SendLease {
    first: Option<ChunkReference>,
    last: Option<ChunkReference>,
    granted: u64,
    filled: Cumulative,
    done: u64,
}

/// A chunk to fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Which.
    pub chunk: ChunkReference,
    /// Count of bytes granted before it.
    pub start: u64,
}

impl SendLease {
    /// Grants another chunk, if possible of `bytes`; None when no chunk is free.
    pub fn grant(&mut self, bytes: usize, lender: &mut Lender) -> Option<Grant> {
        let chunk = lender.lend(bytes, self.granted)?;
        match self.last.replace(chunk) {
            Some(last) => lender.append(last, chunk),
            None => self.first = Some(chunk),
        }
        let start = self.granted;
        self.granted += chunk.bytes() as u64;
        Some(Grant { chunk, start })
    }

    /// Takes over how far the application says it has filled, or gives back, its grants; gives how many bytes that
    /// is more than before.
    ///
    /// # Errors
    /// When it goes back, or beyond what was granted.
    pub fn fill(&mut self, filled: u64) -> Result<u64, Violation> {
        self.filled.advance(filled, self.granted)
    }

    /// Copies filled bytes, counted as the grants are, into a packet; gives how many there are, at most `out`'s
    /// length.
    pub fn copy_out(
        &self,
        offset: u64,
        out: &mut [u8],
        (memory, layout): (&SharedWrite, &Layout),
        lender: &Lender,
    ) -> usize {
        let mut copied = 0;
        let mut current = self.first;
        while let Some(chunk) = current.filter(|_| copied < out.len()) {
            current = lender.next(chunk);
            let at = offset + copied as u64;
            let end = lender.end(chunk).min(self.filled.value());
            if at < lender.start(chunk) || at >= end {
                continue;
            }
            let Some(part) = layout.send_chunk(chunk) else {
                break;
            };
            let inside = usize::try_from(at - lender.start(chunk)).unwrap_or(usize::MAX);
            let rest = usize::try_from(end - at).unwrap_or(usize::MAX);
            let count = rest.min(out.len() - copied);
            memory.copy_out(
                part.first_word * WORD_BYTES + inside,
                &mut out[copied..copied + count],
            );
            copied += count;
        }
        copied
    }

    /// All bytes below `offset` are acknowledged, or void: chunks wholly below go back. Never beyond what is filled.
    pub fn finish(&mut self, offset: u64, lender: &mut Lender) {
        self.done = self.done.max(offset.min(self.filled.value()));
        while let Some(chunk) = self.first.filter(|chunk| lender.end(*chunk) <= self.done) {
            self.first = lender.next(chunk);
            lender.give_back(chunk);
        }
        if self.first.is_none() {
            self.last = None;
        }
    }

    /// Takes all chunks back: the connection is no more, and nothing of it will be sent.
    pub fn clear(&mut self, lender: &mut Lender) {
        while let Some(chunk) = self.first {
            self.first = lender.next(chunk);
            lender.give_back(chunk);
        }
        self.last = None;
    }

    /// Of a connection that was granted so many bytes, all of which are filled and sent.
    pub fn resume(granted: u64) -> Self {
        Self {
            granted,
            filled: Cumulative::at(granted),
            done: granted,
            ..Self::default()
        }
    }

    /// The count to [resume](Self::resume) from, when nothing is granted or waits to be sent.
    #[inline]
    pub fn idle_at(&self) -> Option<u64> {
        let is_idle = self.first.is_none() && self.done == self.granted;
        is_idle.then_some(self.granted)
    }

    /// Bytes granted and not filled.
    pub fn unfilled(&self) -> u64 {
        self.granted - self.filled.value()
    }

    /// Bytes filled since the connection began.
    pub fn filled(&self) -> u64 {
        self.filled.value()
    }
}

/// The application's end.
#[derive(Debug, Default)]
pub struct SendFiller {
    grants: VecDeque<Grant>,
    filled: u64,
    granted: u64,
}

impl SendFiller {
    /// Another grant came. Grants come in order; one that does not follow the last is not used.
    pub fn add(&mut self, grant: Grant) -> bool {
        let follows = grant.start == self.granted;
        if follows {
            self.granted += grant.chunk.bytes() as u64;
            self.grants.push_back(grant);
        }
        follows
    }

    /// Fills granted room; gives how many bytes found some. Tell the daemon `filled` afterwards.
    pub fn write(&mut self, bytes: &[u8], memory: &SharedWrite, layout: &Layout) -> usize {
        let written = self.write_ahead(0, bytes, memory, layout);
        self.advance(written);
        written
    }

    /// Writes into granted room behind `ahead` bytes that were written so before; gives how many bytes found some. It counts
    /// as filled with `advance`, and can be written anew before.
    pub fn write_ahead(
        &self,
        ahead: usize,
        bytes: &[u8],
        memory: &SharedWrite,
        layout: &Layout,
    ) -> usize {
        let mut written = 0;
        for grant in &self.grants {
            if written == bytes.len() {
                break;
            }
            let at = self.filled + (ahead + written) as u64;
            let inside = usize::try_from(at - grant.start).unwrap_or(usize::MAX);
            let room = grant.chunk.bytes().saturating_sub(inside);
            if room == 0 {
                continue;
            }
            let Some(part) = layout.send_chunk(grant.chunk) else {
                break;
            };
            let count = room.min(bytes.len() - written);
            memory.copy_in(
                part.first_word * WORD_BYTES + inside,
                &bytes[written..written + count],
            );
            point("fill: bytes written");
            written += count;
        }
        written
    }

    /// So many bytes that were written ahead are filled.
    pub fn advance(&mut self, count: usize) {
        self.filled += (count as u64).min(self.room());
        let is_full = |grant: &Grant| grant.start + grant.chunk.bytes() as u64 <= self.filled;
        while self.grants.front().is_some_and(is_full) {
            self.grants.pop_front();
        }
    }

    /// The first granted room in one piece, to be filled in place; `commit` says how far it was. None when there is
    /// none, or none that can be lent (`SharedWrite::lend`).
    pub fn stretch<'a>(
        &'a mut self,
        memory: &'a SharedWrite,
        layout: &Layout,
    ) -> Option<&'a mut [u8]> {
        let (first_byte, length) = self.first_stretch(layout)?;
        memory.lend(first_byte, length)
    }

    /// The same to look at.
    pub fn shown<'a>(&'a self, memory: &'a SharedWrite, layout: &Layout) -> Option<&'a [u8]> {
        let (first_byte, length) = self.first_stretch(layout)?;
        memory.lend(first_byte, length).map(|bytes| &*bytes)
    }

    /// Bytes of the first room in one piece.
    pub fn stretch_bytes(&self, layout: &Layout) -> usize {
        self.first_stretch(layout).map_or(0, |(_, length)| length)
    }

    /// The first `count` bytes of the stretch are filled, at most all of it. Tell the daemon `filled` afterwards.
    pub fn commit(&mut self, count: usize, layout: &Layout) {
        let Some((_, length)) = self.first_stretch(layout) else {
            return;
        };
        self.advance(count.min(length));
    }

    /// How far the grants are filled.
    pub fn filled(&self) -> u64 {
        self.filled
    }

    /// Room that is granted and not filled, in bytes.
    pub fn room(&self) -> u64 {
        self.granted - self.filled
    }

    /// Gives back all unfilled room: the count to tell the daemon, which no byte is written up to.
    pub fn give_back(&mut self) -> u64 {
        self.grants.clear();
        self.filled = self.granted;
        self.filled
    }

    /// The first unfilled stretch: bytes from the memory's start, and length.
    fn first_stretch(&self, layout: &Layout) -> Option<(usize, usize)> {
        let grant = self.grants.front()?;
        let inside = usize::try_from(self.filled - grant.start).ok()?;
        let part = layout.send_chunk(grant.chunk)?;
        Some((
            part.first_word * WORD_BYTES + inside,
            grant.chunk.bytes().checked_sub(inside)?,
        ))
    }
}
