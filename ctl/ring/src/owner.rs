//! Who reads from a socket and who writes to it: half a word for each direction, held for one call.
//!
//! It keeps processes and threads of one domain apart, who trust each other. The daemon believes nothing of it; it
//! only frees the halves of an attachment that died, so that nobody waits for the dead.
//!
//! A second word says how far the reader is. Otherwise that rides on commands; whoever dies before the next one has left
//! here whether anything was unread, which decides between FIN and RST.

use crate::handle::Handle;
use crate::words::{Part, SharedWrite};

/// A direction's half of the word.
#[derive(Clone, Debug)]
pub struct Owner {
    words: SharedWrite,
    shift: u32,
}

impl Owner {
    /// The reader of a socket, over its words.
    pub fn reader(words: SharedWrite) -> Self {
        Self { words, shift: 0 }
    }

    /// The writer of a socket, over its words.
    pub fn writer(words: SharedWrite) -> Self {
        let shift = HALF_BITS;
        Self { words, shift }
    }

    /// Becomes the owner, as thread `context` of `attachment`; false when somebody else is.
    pub fn acquire(&self, attachment: u16, context: u16) -> bool {
        self.exchange(|half| half == FREE, owner(attachment, context))
    }

    /// Lets go.
    pub fn release(&self) {
        self.exchange(|_| true, FREE);
    }

    /// Frees it if a thread of this attachment, which is no more, holds it. True when it did.
    pub fn release_dead(&self, attachment: u16) -> bool {
        let first = owner(attachment, 0);
        self.exchange(|half| half & !CONTEXT_MASK == first, FREE)
    }

    /// Replaces this half if it is as `wanted`, whatever becomes of the other one meanwhile.
    fn exchange(&self, wanted: impl Fn(u64) -> bool, half: u64) -> bool {
        loop {
            let current = self.words.load(OWNERS);
            if !wanted(current >> self.shift & HALF_MASK) {
                return false;
            }
            let others = current & !(HALF_MASK << self.shift);
            if self
                .words
                .replace(OWNERS, current, others | half << self.shift)
            {
                return true;
            }
        }
    }
}

/// How far a socket was read, as its reader says: where in the application's memory that stands.
#[derive(Clone, Copy, Debug)]
pub struct ReadMark {
    word: usize,
    generation: u64,
}

impl ReadMark {
    /// Of a socket whose words are these.
    #[inline]
    pub fn new(words: Part, socket: Handle) -> Self {
        Self {
            word: words.first_word + MARK,
            generation: u64::from(socket.generation) << POSITION_BITS,
        }
    }

    /// Bytes read since the connection began.
    #[inline]
    pub fn set(self, memory: &SharedWrite, position: u64) {
        let position = position & POSITION_MASK;
        memory.store_release(self.word, self.generation | position);
    }

    /// What the reader says, if that lies behind `read` by at most `unread` bytes, and is of this socket. None too when
    /// it says nothing new.
    pub fn beyond(self, memory: &SharedWrite, (read, unread): (u64, u64)) -> Option<u64> {
        let word = memory.load_acquire(self.word);
        let more = word.wrapping_sub(read) & POSITION_MASK;
        let is_its = word & !POSITION_MASK == self.generation;
        (is_its && more > 0 && more <= unread).then(|| read + more)
    }
}

/// A half that says who: attachments are numbered from zero, and 65,535 of them are more than there can be.
fn owner(attachment: u16, context: u16) -> u64 {
    u64::from(attachment.saturating_add(1)) << CONTEXT_BITS | u64::from(context)
}

const FREE: u64 = 0;
const CONTEXT_BITS: u32 = 16;
const CONTEXT_MASK: u64 = (1 << CONTEXT_BITS) - 1;
const HALF_BITS: u32 = 32;
const HALF_MASK: u64 = (1 << HALF_BITS) - 1;
/// The word of both owners.
const OWNERS: usize = 0;
/// The word of the reader's count.
const MARK: usize = 1;
/// Of a position; the bits above are the socket's generation's.
const POSITION_BITS: u32 = 40;
const POSITION_MASK: u64 = (1 << POSITION_BITS) - 1;

#[cfg(test)]
mod tests;
