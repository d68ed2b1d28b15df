//! A look ahead at what the next segments will need, for whoever can have it fetched before: where connections are many, their
//! records lie far from the core. Nothing is decided by it: `receive` looks everything up itself.

use super::Shard;
use crate::address::Flow;
use crate::memory::Memory;

impl<M: Memory> Shard<M> {
    /// Whether there are so many connections that those not used a moment ago have left the cache of the core.
    #[inline]
    pub fn is_large(&self) -> bool {
        self.connections.live() > FEW
    }

    /// The slot in which the connection of a flow most likely lies, and its record, at which nobody has looked yet.
    #[inline]
    pub fn likely_record(&self, flow: &Flow) -> Option<(u32, &(impl Sized + use<M>))> {
        self.connections.likely(self.hash_of(flow))
    }

    /// The cookie of the connection in a slot.
    #[inline]
    pub fn cookie_at(&self, slot: u32) -> Option<u64> {
        let connection = self.connections.get(slot)?;
        Some(connection.user.cookie())
    }
}

/// With what lies beside them, these fill half of a cache of 1 MiB.
const FEW: usize = 384;
