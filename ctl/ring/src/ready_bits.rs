//! Who has spoken: one bit per context and worker, in a line per worker that the application writes.
//!
//! A context that has published commands sets its bit; a turn of the worker reads the line and empties the rings
//! whose bits are set, and looks at no other. Setting is one atomic exchange, without looking first whether the ring was
//! empty: whichever comes first, the worker's exchange or the context's, the commands are seen or the bit stays.
//! All bits are the application's: a lie makes the worker look at an empty ring.

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
        }
    }

    /// Says that commands were published. True when the worker sleeps: then ring its doorbell.
    #[inline]
    pub fn announce(&self) -> bool {
        point("announce: bit not set");
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
}

impl Listener {
    /// `worker` is the daemon's line for this worker.
    pub fn new(bits: SharedWrite, worker: SharedWrite) -> Self {
        Self { bits, worker }
    }

    /// Takes the bits that are set: bit `i` of word `w` is context `64 * w + i`.
    #[inline]
    pub fn take(&self) -> [u64; LINE_WORDS] {
        std::array::from_fn(|word| match self.bits.load(word) {
            0 => 0,
            _ => self.bits.swap(word, 0),
        })
    }

    /// Says that the worker is about to sleep. True when nobody has spoken meanwhile: only then may it sleep.
    /// Call `wake` in both cases when awake.
    #[must_use]
    #[inline]
    pub fn sleep(&self) -> bool {
        self.worker.store(WORKER_SLEEPS, 1);
        full_fence();
        (0..LINE_WORDS).all(|word| self.bits.load(word) == 0)
    }

    /// Says that the worker is awake.
    #[inline]
    pub fn wake(&self) {
        self.worker.store(WORKER_SLEEPS, 0);
    }
}

const WORKER_SLEEPS: usize = 0;
