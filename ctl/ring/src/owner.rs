//! Who reads from a socket and who writes to it: a word for each direction, held for one call.
//!
//! It keeps processes and threads of one domain apart, who trust each other. The daemon believes nothing of it; it
//! only frees the words of an attachment that died, so that nobody waits for the dead.
//!
//! A third word says how far the reader is. Otherwise that rides on commands; whoever dies before the next one has left
//! here whether anything was unread, which decides between FIN and RST.

use crate::handle::Handle;
use crate::words::SharedWrite;

/// A direction's word.
#[derive(Clone, Debug)]
pub struct Owner {
    words: SharedWrite,
    word: usize,
}

impl Owner {
    /// The reader of a socket, over its words.
    pub fn reader(words: SharedWrite) -> Self {
        Self { words, word: 0 }
    }

    /// The writer of a socket, over its words.
    pub fn writer(words: SharedWrite) -> Self {
        Self { words, word: 1 }
    }

    /// Becomes the owner, as thread `context` of `attachment`; false when somebody else is.
    pub fn acquire(&self, attachment: u16, context: u32) -> bool {
        self.words
            .replace(self.word, FREE, owner_word(attachment, context))
    }

    /// Lets go.
    pub fn release(&self) {
        self.words.store_release(self.word, FREE);
    }

    /// Frees it if a thread of this attachment, which is no more, holds it. True when it did.
    pub fn release_dead(&self, attachment: u16) -> bool {
        let current = self.words.load(self.word);
        current >> CONTEXT_BITS == u64::from(attachment) + 1
            && self.words.replace(self.word, current, FREE)
    }
}

/// How far a socket was read, as its reader says.
#[derive(Clone, Debug)]
pub struct ReadMark {
    words: SharedWrite,
    generation: u64,
}

impl ReadMark {
    /// Of a socket, over its words.
    pub fn new(words: SharedWrite, socket: Handle) -> Self {
        Self {
            words,
            generation: u64::from(socket.generation) << POSITION_BITS,
        }
    }

    /// Bytes read since the connection began.
    #[inline]
    pub fn set(&self, position: u64) {
        let position = position & POSITION_MASK;
        self.words.store_release(MARK, self.generation | position);
    }

    /// What the reader says, if that lies behind `read` by at most `unread` bytes, and is of this socket. None too when
    /// it says nothing new.
    pub fn beyond(&self, read: u64, unread: u64) -> Option<u64> {
        let word = self.words.load_acquire(MARK);
        let more = word.wrapping_sub(read) & POSITION_MASK;
        let is_its = word & !POSITION_MASK == self.generation;
        (is_its && more > 0 && more <= unread).then(|| read + more)
    }
}

fn owner_word(attachment: u16, context: u32) -> u64 {
    (u64::from(attachment) + 1) << CONTEXT_BITS | u64::from(context)
}

const FREE: u64 = 0;
const CONTEXT_BITS: u32 = 32;
/// The third word.
const MARK: usize = 2;
/// Of a position; the bits above are the socket's generation's.
const POSITION_BITS: u32 = 40;
const POSITION_MASK: u64 = (1 << POSITION_BITS) - 1;

#[cfg(test)]
mod tests;
