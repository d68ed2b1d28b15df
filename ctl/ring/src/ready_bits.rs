//! Who has spoken: one bit per context and worker, in a line per worker that the application writes.
//!
//! A context that has published commands sets its bit; a turn of the worker reads the line and empties the rings
//! whose bits are set, and looks at no other. Setting is one atomic exchange, without looking first whether the ring was
//! empty: whichever comes first, the worker's exchange or the context's, the commands are seen or the bit stays.
//! All bits are the application's: a lie makes the worker look at an empty ring.
//!
//! The bit costs both sides the line it lies in. A worker that expects more from a context *watches* it: it looks at the
//! ring itself each turn, and says so in a word of its own, which the context reads behind a fence. Before the worker
//! stops (`unwatch`, `sleep`) it takes the word back, fences, and looks at the ring once more.

use crate::injection::point;
use crate::layout::LINE_WORDS;
use crate::words::{SharedRead, SharedWrite, full_fence};

/// Contexts that a domain can have: the bits of a line.
pub const CONTEXTS_MAX: u32 = 64 * LINE_WORDS as u32;

/// A context's bit, and the word that says whether the worker sleeps.
#[derive(Debug)]
pub struct Speaker {
    bits: SharedWrite,
    worker: SharedRead,
    word: usize,
    bit: u64,
    /// Where the worker says that it watches this context; none of those that it cannot.
    watched: Option<usize>,
}

impl Speaker {
    /// The bit of `context` in the worker's line of bits; `worker` is the daemon's line for that worker.
    pub fn new(bits: SharedWrite, worker: SharedRead, context: u32) -> Self {
        let context = context % CONTEXTS_MAX;
        Self {
            bits,
            worker,
            word: (context / 64) as usize,
            bit: 1 << (context % 64),
            watched: watched_word(context),
        }
    }

    #[inline]
    fn is_watched(&self) -> bool {
        self.watched
            .is_some_and(|word| self.worker.load(word) & self.bit != 0)
    }

    /// Says that commands were published. True when the worker sleeps: then ring its doorbell.
    #[inline]
    pub fn announce(&self) -> bool {
        point("announce: bit not set");
        if self.is_watched() {
            // Seen behind the fence, it was so after the commands were published: the worker, which looks once more after
            // it takes the word back, finds them.
            full_fence();
            if self.is_watched() {
                return false;
            }
        }
        if self.bits.set_bits(self.word, self.bit) & self.bit != 0 {
            // It was set and not taken yet: whoever set it saw to the worker's sleep, and the worker looks
            // at the bits again before it sleeps.
            return false;
        }
        point("announce: bit set");
        full_fence();
        self.worker.load(WORKER_SLEEPS) != 0
    }
}

/// The worker's end of its line of bits.
#[derive(Debug)]
pub struct Listener {
    bits: SharedWrite,
    worker: SharedWrite,
    /// Words that bits of contexts lie in; others are not looked at.
    words: usize,
}

impl Listener {
    /// `worker` is the daemon's line for this worker.
    pub fn new(bits: SharedWrite, worker: SharedWrite) -> Self {
        Self {
            bits,
            worker,
            words: LINE_WORDS,
        }
    }

    /// There are so many contexts: bits beyond theirs mean nothing.
    #[must_use]
    pub fn with_contexts(mut self, contexts: u32) -> Self {
        self.words = (contexts as usize).div_ceil(64).min(LINE_WORDS);
        self
    }

    /// Takes the bits that are set: bit `i` of word `w` is context `64 * w + i`.
    #[inline]
    pub fn take(&self) -> [u64; LINE_WORDS] {
        let mut taken = [0; LINE_WORDS];
        for (word, bits) in taken.iter_mut().enumerate().take(self.words) {
            *bits = self.take_word(word);
        }
        taken
    }

    /// The same of one word.
    #[inline]
    pub fn take_word(&self, word: usize) -> u64 {
        match self.bits.load(word) {
            0 => 0,
            _ => self.bits.swap(word, 0),
        }
    }

    /// Says that from now on the worker looks at a context's ring in each turn; false when it cannot say so of this one.
    pub fn watch(&self, context: u32) -> bool {
        let Some(word) = watched_word(context) else {
            return false;
        };
        let watched = self.worker.load(word) | 1 << (context % 64);
        self.worker.store(word, watched);
        true
    }

    /// Says that it looks at none by itself any more. Those that were watched are to be looked at once more after this.
    pub fn unwatch(&self) {
        for word in WATCHED..LINE_WORDS {
            self.worker.store(word, 0);
        }
        full_fence();
    }

    /// Says that the worker is about to sleep, and watches none any more. True when nobody has spoken meanwhile: only then
    /// may it sleep, and only if the rings of those that were watched are empty after this. Call `wake` in both cases when
    /// awake.
    #[must_use]
    #[inline]
    pub fn sleep(&self) -> bool {
        self.worker.store(WORKER_SLEEPS, 1);
        self.unwatch();
        (0..self.words).all(|word| self.bits.load(word) == 0)
    }

    /// Says that the worker is awake.
    #[inline]
    pub fn wake(&self) {
        self.worker.store(WORKER_SLEEPS, 0);
    }
}

/// Where in the worker's line the bit of a watched context lies: the line has no room for the last contexts.
fn watched_word(context: u32) -> Option<usize> {
    let word = WATCHED + (context % CONTEXTS_MAX / 64) as usize;
    (word < LINE_WORDS).then_some(word)
}

const WORKER_SLEEPS: usize = 0;
const WATCHED: usize = 1;
