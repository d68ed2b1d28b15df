//! What a turn of the worker lends to the applications' part of it.

use coremill_tcp::{ChunkPool, Instant, Shard};

use crate::services::Opening;

/// The worker's means, for one turn.
pub(crate) struct Turn<'a> {
    /// The time of this turn.
    pub(crate) now: Instant,
    /// The worker's TCP.
    pub(crate) shard: &'a mut Shard<ChunkPool>,
    /// Routes and steering.
    pub(crate) opening: &'a dyn Opening,
    /// Workers to be woken at the end of the turn.
    pub(crate) to_ring: &'a mut [bool],
}

impl Turn<'_> {
    /// Another worker was given something.
    pub(super) fn wake(&mut self, worker: u32) {
        if let Some(given) = self.to_ring.get_mut(worker as usize) {
            *given = true;
        }
    }

    /// All workers were given something.
    pub(super) fn wake_all(&mut self) {
        self.to_ring.fill(true);
    }
}
