//! Connections that have a record of their own: opening, synchronized, closing, and closed ones
//! whose user has not let go.

use super::chains::Chains;
use super::slots::{Line, Slot, Slots};
use crate::address::Flow;
use crate::connection::Connection;
use crate::connection::User;
use crate::event::ConnectionId;

/// The connections of a shard, found by handle, and by flow while they are alive.
#[derive(Debug)]
pub(crate) struct Established<Q> {
    slots: Slots<Connection<Q>, Line>,
    chains: Chains,
}

impl<Q> Established<Q> {
    /// Room for `max` connections.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            slots: Slots::new(max),
            chains: Chains::new(max),
        }
    }

    /// The slot of a flow.
    #[inline]
    pub(crate) fn find(&self, hash: u64, flow: &Flow) -> Option<u32> {
        self.chains.find(hash, |slot| {
            self.slots
                .get(slot)
                .is_some_and(|connection| connection.flow == *flow)
        })
    }

    /// The slot in which the connection of a flow most likely lies, without a look at it, and its place in memory.
    #[inline]
    pub(crate) fn likely(&self, hash: u64) -> Option<(u32, &Slot<Connection<Q>, Line>)> {
        let slot = self.chains.first(hash)?;
        Some((slot, self.slots.place(slot)?))
    }

    /// The slot of a flow if it is the first of those with its hash, as it mostly is.
    #[inline(always)]
    pub(crate) fn find_first(&self, hash: u64, flow: &Flow) -> Option<u32> {
        let slot = self.chains.first(hash)?;
        (self.slots.get(slot)?.flow == *flow).then_some(slot)
    }

    /// Adds a connection under its flow; None when the table is full.
    pub(crate) fn insert(&mut self, hash: u64, connection: Connection<Q>) -> Option<u32> {
        let slot = self.slots.insert(connection)?;
        self.chains.insert(hash, slot);
        Some(slot)
    }

    /// Segments of its flow do not find the connection any more.
    pub(crate) fn detach(&mut self, hash: u64, slot: u32) {
        self.chains.remove(hash, slot);
    }

    /// Gives the slot back; the connection must be detached.
    pub(crate) fn remove(&mut self, slot: u32) -> Option<Connection<Q>> {
        self.slots.remove(slot)
    }

    /// The connection in a slot.
    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&Connection<Q>> {
        self.slots.get(slot)
    }

    /// The connection in a slot, to be changed.
    #[inline]
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Connection<Q>> {
        self.slots.get_mut(slot)
    }

    /// The connection of a handle that a user may still use.
    #[inline]
    pub(crate) fn by_id(&self, id: ConnectionId) -> Option<&Connection<Q>> {
        let connection = self.slots.get_current(id.slot, id.generation);
        connection.filter(|connection| !connection.user.has(User::ORPHAN))
    }

    /// The same, to be changed.
    #[inline]
    pub(crate) fn by_id_mut(&mut self, id: ConnectionId) -> Option<&mut Connection<Q>> {
        let connection = self.slots.get_current_mut(id.slot, id.generation);
        connection.filter(|connection| !connection.user.has(User::ORPHAN))
    }

    /// The slot of a handle that a user may still use.
    #[inline]
    pub(crate) fn slot_of(&self, id: ConnectionId) -> Option<u32> {
        let current = self.slots.is_current(id.slot, id.generation);
        (current && !self.slots.get(id.slot)?.user.has(User::ORPHAN)).then_some(id.slot)
    }

    /// The handle of the connection in a slot.
    #[inline]
    pub(crate) fn id(&self, slot: u32) -> ConnectionId {
        ConnectionId {
            slot,
            generation: self.slots.generation(slot),
        }
    }

    /// Connections held.
    pub(crate) fn live(&self) -> usize {
        self.slots.live()
    }

    /// True when there is no room for another.
    pub(crate) fn is_full(&self) -> bool {
        self.slots.is_full()
    }

    /// All connections lie in slots below this.
    pub(crate) fn end(&self) -> u32 {
        self.slots.end()
    }
}
