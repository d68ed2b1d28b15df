//! Sleep and wake-up of a notifier: a word that the application sets before it waits for its doorbell.
//!
//! Sleeper: `arm`, look for events once more, wait, `disarm`. Worker, at the end of its turn: publish, one
//! `full_fence` for all notifiers, `due` for each it published to, and ring. The fences on both sides make sure that the
//! sleeper sees the event or the worker the armed word; the exchange makes sure that one sleep is rung once.
//! The word is the application's: a lie costs the worker one system call a turn that cannot block.

use crate::injection::point;
use crate::words::{SharedWrite, full_fence};

/// The application's end.
#[derive(Debug)]
pub struct Sleeper(SharedWrite);

/// The daemon's end.
#[derive(Clone, Debug)]
pub struct Waker(SharedWrite);

impl Sleeper {
    /// Over the notifier's line.
    pub fn new(line: SharedWrite) -> Self {
        Self(line)
    }

    /// Announces sleep. Look for events once more after this, and wait for the doorbell only if there are none.
    pub fn arm(&self) {
        self.set(ONCE);
    }

    /// As `arm`, for a doorbell that others poll: it is rung at every turn with events until `disarm`. Its owner empties
    /// it only when it found nothing to do after that, and rings it itself if there was something after all.
    pub fn arm_level(&self) {
        self.set(LEVEL);
    }

    /// Awake again.
    pub fn disarm(&self) {
        point("sleep: over, armed");
        self.0.store(WORD, AWAKE);
    }

    fn set(&self, value: u64) {
        self.0.store(WORD, value);
        point("sleep: armed, not fenced");
        full_fence();
        point("sleep: armed");
    }
}

impl Waker {
    /// Over the notifier's line.
    pub fn new(line: SharedWrite) -> Self {
        Self(line)
    }

    /// Whether the doorbell is to be rung now. Events must be published before, and a `full_fence` lie between.
    #[must_use]
    pub fn due(&self) -> bool {
        match self.0.load(WORD) {
            AWAKE => false,
            LEVEL => true,
            _ => self.0.swap(WORD, AWAKE) != AWAKE,
        }
    }
}

const WORD: usize = 0;
const AWAKE: u64 = 0;
const ONCE: u64 = 1;
const LEVEL: u64 = 2;
