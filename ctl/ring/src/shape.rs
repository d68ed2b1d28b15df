//! How many of each thing a domain's memories hold, and the ranges of these numbers.

use thiserror::Error;

use crate::chunk::{CHUNKS_MAX, CLASSES};
use crate::layout::{LINE_WORDS, index};
use crate::ready_bits::CONTEXTS_MAX;

/// Numbers that a layout is computed from. Fixed while the domain lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Workers of the daemon.
    pub workers: u32,
    /// Threads of applications that can speak at a time.
    pub contexts: u32,
    /// Pollers and sleeping threads that can be notified.
    pub notifiers: u32,
    /// Listeners.
    pub listeners: u32,
    /// Sockets.
    pub sockets: u32,
    /// Slots of 64 bytes in each ring of commands; a power of two.
    pub command_slots: u32,
    /// Slots of 64 bytes in each ring of events; a power of two.
    pub event_slots: u32,
    /// Connections that a listener's shard can offer at a time.
    pub accept_slots: u32,
    /// Receive chunks of each class.
    pub receive_chunks: [u32; CLASSES],
    /// Send chunks of each class.
    pub send_chunks: [u32; CLASSES],
}

/// Why no layout has this shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// A number is out of its range.
    #[error("{name} is {value}: it must be {min} to {max}")]
    OutOfRange {
        /// The field.
        name: &'static str,
        /// Its value.
        value: u32,
        /// Smallest possible.
        min: u32,
        /// Largest possible.
        max: u32,
    },
    /// The length of a ring is no power of two.
    #[error("{name} is {value}: it must be a power of two")]
    NotPowerOfTwo {
        /// The field.
        name: &'static str,
        /// Its value.
        value: u32,
    },
    /// All together takes more than any domain may have.
    #[error("{bytes} bytes for one domain are too many: lower its numbers")]
    TooLarge {
        /// What both memories would take.
        bytes: usize,
    },
}

impl Shape {
    /// Words in its header form.
    pub const WORDS: usize = 8 + 2 * CLASSES;

    /// Whether each number is in its range.
    pub(crate) fn check(&self) -> Result<(), ShapeError> {
        let ranges = [
            ("workers", self.workers, 1, 256),
            ("contexts", self.contexts, 1, CONTEXTS_MAX),
            ("notifiers", self.notifiers, 1, 1 << 16),
            ("listeners", self.listeners, 0, 1 << 16),
            ("sockets", self.sockets, 1, 1 << 24),
            // A message takes up to five slots, and the ring must hold more than one.
            ("command_slots", self.command_slots, 8, 1 << 20),
            ("event_slots", self.event_slots, 8, 1 << 20),
            ("accept_slots", self.accept_slots, 1, 1 << 12),
        ];
        let chunks = self
            .receive_chunks
            .iter()
            .map(|count| ("receive_chunks", *count, 0, CHUNKS_MAX));
        let chunks = chunks.chain(
            self.send_chunks
                .iter()
                .map(|count| ("send_chunks", *count, 0, CHUNKS_MAX)),
        );
        for (name, value, min, max) in ranges.into_iter().chain(chunks) {
            if !(min..=max).contains(&value) {
                return Err(ShapeError::OutOfRange {
                    name,
                    value,
                    min,
                    max,
                });
            }
        }
        for (name, value) in [
            ("command_slots", self.command_slots),
            ("event_slots", self.event_slots),
        ] {
            if !value.is_power_of_two() {
                return Err(ShapeError::NotPowerOfTwo { name, value });
            }
        }
        Ok(())
    }

    /// The numbers in the order of the header.
    pub(crate) fn to_numbers(self) -> [u32; Self::WORDS] {
        let [receive_small, receive_medium, receive_large] = self.receive_chunks;
        let [send_small, send_medium, send_large] = self.send_chunks;
        [
            self.workers,
            self.contexts,
            self.notifiers,
            self.listeners,
            self.sockets,
            self.command_slots,
            self.event_slots,
            self.accept_slots,
            receive_small,
            receive_medium,
            receive_large,
            send_small,
            send_medium,
            send_large,
        ]
    }

    /// The opposite of `to_numbers`; not checked yet.
    pub(crate) fn from_numbers(numbers: [u32; Self::WORDS]) -> Self {
        let [workers, contexts, notifiers, listeners, sockets, rest @ ..] = numbers;
        let [command_slots, event_slots, accept_slots, chunks @ ..] = rest;
        let [receive_small, receive_medium, receive_large, send @ ..] = chunks;
        Self {
            workers,
            contexts,
            notifiers,
            listeners,
            sockets,
            command_slots,
            event_slots,
            accept_slots,
            receive_chunks: [receive_small, receive_medium, receive_large],
            send_chunks: send,
        }
    }

    /// How many there are when there is one for each worker.
    pub(crate) fn pairs(&self, count: u32) -> usize {
        index(count).saturating_mul(index(self.workers))
    }

    /// The number of one that there is for each worker; None when there is no such.
    pub(crate) fn pair(&self, number: u32, count: u32, worker: u32) -> Option<usize> {
        (number < count && worker < self.workers)
            .then(|| index(number) * index(self.workers) + index(worker))
    }

    /// Words that the claims of one accept ring take: whole lines.
    pub(crate) fn claim_words(&self) -> usize {
        index(self.accept_slots).next_multiple_of(LINE_WORDS)
    }
}

/// Notifiers that a connection can have: that of blocked calls, and a poller; or two pollers.
pub const NOTIFIERS_OF_STREAM: usize = 2;
/// Notifiers that a listener can have: one for each thread that accepts.
pub const NOTIFIERS_OF_LISTENER: usize = 16;
