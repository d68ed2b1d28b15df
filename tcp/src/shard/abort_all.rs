//! Resetting everything, for a shard that goes away: its peers shall not wait for it.

use super::Shard;
use crate::connection::User;
use crate::error::ConnectionError;
use crate::memory::Memory;
use crate::time::Instant;

impl<M: Memory> Shard<M> {
    /// Aborts the connections in the next `slots_max` slots from `slot` on, which moves on; false at
    /// the end of the table. Pull the segments before the next slice: there is room for so many RSTs.
    pub fn abort_slice(&mut self, now: Instant, slot: &mut u32, slots_max: u32) -> bool {
        let end = self.connections.end();
        let until = slot.saturating_add(slots_max).min(end);
        while *slot < until {
            if let Some(connection) = self.connections.get(*slot) {
                // What waits for accept is a link of its listener's queue and stays, closed.
                if !connection.user.has(User::ORPHAN) && !connection.user.has(User::WAITING) {
                    self.detach_user(*slot);
                }
                let (connections, context) = self.split(now);
                if let Some(connection) = connections.get_mut(*slot) {
                    connection.reset(context, ConnectionError::Aborted);
                }
                self.settle(now, *slot);
            }
            *slot += 1;
        }
        until < end
    }
}
