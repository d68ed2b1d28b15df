//! Handshakes with Fast Open that are not over, found by flow: out of the record that each connection pays for.

use super::FastOpenCookie;
use crate::address::Flow;
use crate::event::ListenerId;
use crate::flow_hash::FlowHash;
use crate::sequence::SequenceNumber;
use crate::table::chains::Chains;
use crate::table::slots::Slots;
use crate::time::Instant;

/// The handshakes of a shard.
pub(crate) struct Openings {
    hash: FlowHash,
    slots: Slots<Place>,
    chains: Chains,
}

#[derive(Debug)]
struct Place {
    flow: Flow,
    opening: Opening,
}

/// One handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    /// The listener whose pending connection this is; None for an active open.
    pub(crate) listener: Option<ListenerId>,
    /// The option of the first SYN or SYN-ACK.
    pub(crate) cookie: Option<FastOpenCookie>,
    /// Bytes that went with our SYN, once it has left: as many as may.
    pub(crate) syn_bytes: u16,
    /// The number of the peer's SYN.
    pub(crate) theirs: SequenceNumber,
    /// When the peer's SYN came.
    pub(crate) started: Instant,
    /// SYN-ACKs sent.
    pub(crate) sent: u8,
}

impl Openings {
    /// Room for `max` of them.
    pub(crate) fn new(max: usize, hash: FlowHash) -> Self {
        Self {
            hash,
            slots: Slots::new(max),
            chains: Chains::new(max),
        }
    }

    /// Adds one; false when there is no room.
    pub(crate) fn insert(&mut self, flow: &Flow, opening: Opening) -> bool {
        let place = Place {
            flow: *flow,
            opening,
        };
        let Some(slot) = self.slots.insert(place) else {
            return false;
        };
        self.chains.insert(self.hash.of(flow), slot);
        true
    }

    pub(crate) fn get(&self, flow: &Flow) -> Option<&Opening> {
        self.slots
            .get(self.slot_of(flow)?)
            .map(|place| &place.opening)
    }

    pub(crate) fn get_mut(&mut self, flow: &Flow) -> Option<&mut Opening> {
        let slot = self.slot_of(flow)?;
        self.slots.get_mut(slot).map(|place| &mut place.opening)
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, flow: &Flow) -> Option<Opening> {
        let slot = self.slot_of(flow)?;
        self.chains.remove(self.hash.of(flow), slot);
        self.slots.remove(slot).map(|place| place.opening)
    }

    /// Handshakes held.
    pub(crate) fn live(&self) -> usize {
        self.slots.live()
    }

    fn slot_of(&self, flow: &Flow) -> Option<u32> {
        let is_this = |slot| {
            self.slots
                .get(slot)
                .is_some_and(|place| place.flow == *flow)
        };
        self.chains.find(self.hash.of(flow), is_this)
    }
}
