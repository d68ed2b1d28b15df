//! Commands of those who did not wait until a ring had room, which nobody can take back: closing, subscribing, options,
//! half-closes, what was read. Each worker's stand in a queue of their own, so that one who stands still holds up nobody else.

use std::collections::VecDeque;

use coremill_ring::command::Command;

/// The queues, by worker.
#[derive(Debug)]
pub(super) struct Departing {
    queues: Vec<VecDeque<Command>>,
    /// In all of them.
    count: usize,
}

impl Departing {
    pub(super) fn new(workers: u32) -> Self {
        Self {
            queues: (0..workers).map(|_| VecDeque::new()).collect(),
            count: 0,
        }
    }

    /// Whether nothing waits for any worker.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many wait for one.
    #[inline]
    pub(super) fn waiting_for(&self, worker: u32) -> usize {
        match self.count {
            0 => 0,
            _ => self.queues.get(worker as usize).map_or(0, VecDeque::len),
        }
    }

    /// One more, behind all others for the same worker; of a worker that is not there, nothing.
    pub(super) fn push(&mut self, worker: u32, command: Command) {
        if let Some(queue) = self.queues.get_mut(worker as usize) {
            queue.push_back(command);
            self.count += 1;
        }
    }

    /// The one that is next for a worker.
    pub(super) fn next(&self, worker: u32) -> Option<Command> {
        self.queues.get(worker as usize)?.front().copied()
    }

    /// That one has left.
    pub(super) fn pop(&mut self, worker: u32) {
        let queue = self.queues.get_mut(worker as usize);
        if queue.and_then(VecDeque::pop_front).is_some() {
            self.count -= 1;
        }
    }
}
