//! Addresses of our ends of sockets: three words each, apart from the states, since hardly anybody asks.
//!
//! An address belongs to the socket that the state names after it was read. One that goes is forgotten once its name
//! is gone, so that a socket begins without.

use std::net::SocketAddr;

use crate::address::{ADDRESS_WORDS, from_words, to_words};
use crate::layout::Layout;
use crate::words::{SharedRead, SharedWrite};

/// The daemon's end, for the addresses of all slots.
#[derive(Debug)]
pub struct LocalWriter {
    words: SharedWrite,
    layout: Layout,
}

impl LocalWriter {
    /// Over all of the daemon's memory.
    pub fn new(words: SharedWrite, layout: Layout) -> Self {
        Self { words, layout }
    }

    /// That of a slot; known once bound, listening or connecting.
    pub fn set(&self, slot: u32, local: Option<SocketAddr>) {
        if let Some(part) = self.layout.local(slot) {
            for (at, word) in to_words(local).into_iter().enumerate() {
                self.words.store_release(part.first_word + at, word);
            }
        }
    }

    /// What was set last, of which the daemon thus needs no other copy: it alone writes its memory.
    pub fn get(&self, slot: u32) -> Option<SocketAddr> {
        let part = self.layout.local(slot)?;
        let words: [u64; ADDRESS_WORDS] =
            std::array::from_fn(|at| self.words.load(part.first_word + at));
        from_words(&words)
    }
}

/// The address in a slot's part; None where there is none. Whose it is the state says, when asked after this.
pub fn read(words: &SharedRead) -> Option<SocketAddr> {
    let mut found = [0; ADDRESS_WORDS];
    // The last word is stored last, and says that there is an address.
    for (at, word) in found.iter_mut().enumerate().rev() {
        *word = words.load_acquire(at);
    }
    from_words(&found)
}

#[cfg(all(test, not(loom)))]
mod tests;
