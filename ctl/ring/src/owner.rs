//! Who reads from a socket and who writes to it: a word for each direction, held for one call.
//!
//! It keeps processes and threads of one domain apart, who trust each other. The daemon believes nothing of it; it
//! only frees the words of an attachment that died, so that nobody waits for the dead.

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

fn owner_word(attachment: u16, context: u32) -> u64 {
    (u64::from(attachment) + 1) << CONTEXT_BITS | u64::from(context)
}

const FREE: u64 = 0;
const CONTEXT_BITS: u32 = 32;
