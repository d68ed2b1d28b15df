//! What an event said of bytes to read, for whoever reads them next: without a lock, and only a hint.
//!
//! A sequence number, odd while somebody writes, keeps the words together. Whoever finds it in use, or finds that it
//! changed, goes without: the socket's state says it too.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};

use coremill_ring::chunk::ChunkReference;

/// What an event said of received bytes, so that a reader finds them without a look at the state and the chunk's note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Announced {
    /// Bytes received by then.
    pub(crate) received: u64,
    /// The chunk of the first byte not given back then.
    pub(crate) chunk: ChunkReference,
    /// The count of bytes before that chunk.
    pub(crate) start: u64,
}

/// The last announcement of a connection that was whole then: connected, not at its end, not failed.
#[derive(Debug, Default)]
pub(crate) struct Announcement {
    received: AtomicU64,
    start: AtomicU64,
    sequence: AtomicU32,
    chunk: AtomicU32,
    /// Nothing was sent since.
    is_fresh: AtomicBool,
}

impl Announcement {
    /// Takes an event's word.
    #[inline]
    pub(crate) fn set(&self, announced: Announced) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        let claimed = self.sequence.compare_exchange(
            sequence & !1,
            sequence | 1,
            Ordering::Acquire,
            Ordering::Relaxed,
        );
        if claimed.is_err() {
            return;
        }
        fence(Ordering::Release);
        self.received.store(announced.received, Ordering::Relaxed);
        // No chunk's name needs more; what does would name none.
        let chunk = ChunkReference::to_word(Some(announced.chunk));
        self.chunk
            .store(u32::try_from(chunk).unwrap_or(0), Ordering::Relaxed);
        self.start.store(announced.start, Ordering::Relaxed);
        let next = (sequence | 1).wrapping_add(1);
        self.sequence.store(next, Ordering::Release);
        self.is_fresh.store(true, Ordering::Relaxed);
    }

    /// Whether there is one that nobody relied on to send yet: each is good for one write without a look at the state.
    #[inline]
    pub(crate) fn take_fresh(&self) -> bool {
        let is_fresh = self.is_fresh.load(Ordering::Relaxed);
        if is_fresh {
            self.is_fresh.store(false, Ordering::Relaxed);
        }
        is_fresh
    }

    /// The last one, if it says of bytes behind `position`.
    #[inline]
    pub(crate) fn behind(&self, position: u64) -> Option<Announced> {
        let sequence = self.sequence.load(Ordering::Acquire);
        let received = self.received.load(Ordering::Relaxed);
        if received <= position {
            return None;
        }
        let chunk = self.chunk.load(Ordering::Relaxed);
        let start = self.start.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        if sequence & 1 != 0 || self.sequence.load(Ordering::Relaxed) != sequence {
            return None;
        }
        Some(Announced {
            received,
            chunk: ChunkReference::from_word(u64::from(chunk))?,
            start,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_whole_and_only_of_what_was_not_read() {
        let announcement = Announcement::default();
        assert_eq!(announcement.behind(0), None);
        let chunk = |index| ChunkReference::new(0, index).expect("a chunk");
        let announced = |count: u32| Announced {
            received: u64::from(count),
            chunk: chunk(count),
            start: u64::from(count) * 3,
        };
        announcement.set(announced(5));
        assert_eq!(announcement.behind(4), Some(announced(5)));
        assert_eq!(announcement.behind(5), None);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (6..50_000).for_each(|count| announcement.set(announced(count))));
            }
            for _ in 0..50_000 {
                if let Some(found) = announcement.behind(5) {
                    assert_eq!(found, announced(found.received as u32));
                }
            }
        });
    }
}
