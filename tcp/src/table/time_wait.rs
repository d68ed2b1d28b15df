//! TIME-WAIT: compact records of closed connections, in the order in which they end.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::NONE;
use super::chains::Chains;
use super::family::{CompactFlow, Family};
use super::slots::{Slot, Slots};
use crate::address::Flow;
use crate::extension::ExtensionHandle;
use crate::header::Flags;
use crate::sequence::SequenceNumber;
use crate::time::Instant;

/// The TIME-WAIT records of a shard. A key names one of either family.
#[derive(Debug)]
pub(crate) struct TimeWaits {
    v4: TimeWaitTable<Ipv4Addr>,
    v6: TimeWaitTable<Ipv6Addr>,
    max: u32,
}

impl TimeWaits {
    /// Room for `max` records of each family.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            v4: TimeWaitTable::new(max),
            v6: TimeWaitTable::new(max),
            max: max as u32,
        }
    }

    /// Keys are below this.
    pub(crate) fn keys(&self) -> u32 {
        2 * self.max
    }

    /// The first key from `key` on whose slot was ever used, or the end of the keys.
    pub(crate) fn used_from(&self, key: u32) -> u32 {
        let (v4_end, v6_end) = (self.v4.slots.end(), self.max + self.v6.slots.end());
        match key {
            _ if key < v4_end => key,
            _ if key < self.max => self.max,
            _ if key < v6_end => key,
            _ => self.keys(),
        }
    }

    /// The key of a flow.
    pub(crate) fn find(&self, hash: u64, flow: &Flow) -> Option<u32> {
        if self.live() == 0 {
            return None;
        }
        if flow.remote.address.is_ipv4() {
            self.v4.find(hash, flow)
        } else {
            self.v6.find(hash, flow).map(|slot| slot + self.max)
        }
    }

    /// Adds a record that ends at `expires`, which is not before that of any other; gives its key. None when
    /// there is no room.
    pub(crate) fn insert(
        &mut self,
        hash: u64,
        flow: &Flow,
        remains: Remains,
        expires: Instant,
    ) -> Option<u32> {
        if self.live() >= self.max as usize {
            return None;
        }
        if flow.remote.address.is_ipv4() {
            self.v4.insert(hash, flow, remains, expires)
        } else {
            let slot = self.v6.insert(hash, flow, remains, expires);
            slot.map(|slot| slot + self.max)
        }
    }

    /// Takes a record out.
    pub(crate) fn remove(&mut self, hash: u64, key: u32) -> Option<Remains> {
        match key.checked_sub(self.max) {
            None => self.v4.remove(hash, key),
            Some(slot) => self.v6.remove(hash, slot),
        }
    }

    /// 2 MSL begin anew (RFC 9293, section 3.10.7.4: a retransmitted FIN).
    pub(crate) fn restart(&mut self, key: u32, expires: Instant) {
        match key.checked_sub(self.max) {
            None => self.v4.restart(key, expires),
            Some(slot) => self.v6.restart(slot, expires),
        }
    }

    /// What is remembered under a key, to be changed.
    pub(crate) fn get_mut(&mut self, key: u32) -> Option<&mut Remains> {
        match key.checked_sub(self.max) {
            None => self.v4.slots.get_mut(key).map(|record| &mut record.remains),
            Some(slot) => self
                .v6
                .slots
                .get_mut(slot)
                .map(|record| &mut record.remains),
        }
    }

    /// The extension block of a record.
    pub(crate) fn extension(&self, key: u32) -> Option<&ExtensionHandle> {
        match key.checked_sub(self.max) {
            None => self.v4.slots.get(key).map(|record| &record.extension),
            Some(slot) => self.v6.slots.get(slot).map(|record| &record.extension),
        }
    }

    /// The same, to be given or taken away.
    pub(crate) fn extension_mut(&mut self, key: u32) -> Option<&mut ExtensionHandle> {
        match key.checked_sub(self.max) {
            None => self
                .v4
                .slots
                .get_mut(key)
                .map(|record| &mut record.extension),
            Some(slot) => self
                .v6
                .slots
                .get_mut(slot)
                .map(|record| &mut record.extension),
        }
    }

    /// When a record ends.
    pub(crate) fn expires(&self, key: u32) -> Option<Instant> {
        match key.checked_sub(self.max) {
            None => self.v4.slots.get(key).map(|record| record.expires),
            Some(slot) => self.v6.slots.get(slot).map(|record| record.expires),
        }
    }

    /// What is remembered under a key.
    pub(crate) fn get(&self, key: u32) -> Option<&Remains> {
        match key.checked_sub(self.max) {
            None => self.v4.slots.get(key).map(|record| &record.remains),
            Some(slot) => self.v6.slots.get(slot).map(|record| &record.remains),
        }
    }

    /// The flow of a record.
    pub(crate) fn flow(&self, key: u32) -> Option<Flow> {
        match key.checked_sub(self.max) {
            None => self.v4.slots.get(key).map(|record| record.flow.flow()),
            Some(slot) => self.v6.slots.get(slot).map(|record| record.flow.flow()),
        }
    }

    /// The record that ends first, and when.
    pub(crate) fn oldest(&self) -> Option<(u32, Instant)> {
        let v6 = self
            .v6
            .oldest()
            .map(|(slot, expires)| (slot + self.max, expires));
        match (self.v4.oldest(), v6) {
            (Some(one), Some(other)) => Some(if other.1 < one.1 { other } else { one }),
            (one, other) => one.or(other),
        }
    }

    /// Records held.
    pub(crate) fn live(&self) -> usize {
        self.v4.slots.live() + self.v6.slots.live()
    }
}

/// The records of one address family. All wait equally long, so a list keeps their order.
#[derive(Debug)]
struct TimeWaitTable<A> {
    slots: Slots<Record<A>>,
    chains: Chains,
    oldest: u32,
    newest: u32,
}

/// One record.
#[derive(Debug)]
struct Record<A> {
    flow: CompactFlow<A>,
    expires: Instant,
    older: u32,
    newer: u32,
    remains: Remains,
    /// What its connection had to remember besides: keys.
    extension: ExtensionHandle,
}

/// What must be remembered of a connection to answer its late segments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remains {
    /// Our next sequence number.
    pub(crate) send_next: SequenceNumber,
    /// The peer's.
    pub(crate) receive_next: SequenceNumber,
    /// The peer's last timestamp, where timestamps were used.
    pub(crate) timestamp: Option<u32>,
    /// Of what is acknowledged: ACK, and with AccECN how many marks had come.
    pub(crate) flags: Flags,
    /// The window field of our last segment.
    pub(crate) window: u16,
}

impl<A: Family> TimeWaitTable<A> {
    fn new(max: usize) -> Self {
        Self {
            slots: Slots::new(max),
            chains: Chains::new(max),
            oldest: NONE,
            newest: NONE,
        }
    }

    fn find(&self, hash: u64, flow: &Flow) -> Option<u32> {
        let flow = CompactFlow::of(flow)?;
        self.chains.find(hash, |slot| {
            self.slots
                .get(slot)
                .is_some_and(|record| record.flow == flow)
        })
    }

    fn insert(
        &mut self,
        hash: u64,
        flow: &Flow,
        remains: Remains,
        expires: Instant,
    ) -> Option<u32> {
        let flow = CompactFlow::of(flow)?;
        let record = Record {
            flow,
            expires,
            older: NONE,
            newer: NONE,
            remains,
            extension: ExtensionHandle::default(),
        };
        let slot = self.slots.insert(record)?;
        self.chains.insert(hash, slot);
        self.append(slot);
        Some(slot)
    }

    fn remove(&mut self, hash: u64, slot: u32) -> Option<Remains> {
        self.chains.remove(hash, slot);
        self.unlink(slot);
        self.slots.remove(slot).map(|record| record.remains)
    }

    fn restart(&mut self, slot: u32, expires: Instant) {
        self.unlink(slot);
        if let Some(record) = self.slots.get_mut(slot) {
            record.expires = expires;
            self.append(slot);
        }
    }

    fn oldest(&self) -> Option<(u32, Instant)> {
        self.slots
            .get(self.oldest)
            .map(|record| (self.oldest, record.expires))
    }

    fn append(&mut self, slot: u32) {
        let newest = self.newest;
        match self.slots.get_mut(newest) {
            Some(before) => before.newer = slot,
            None => self.oldest = slot,
        }
        if let Some(record) = self.slots.get_mut(slot) {
            record.older = newest;
            record.newer = NONE;
        }
        self.newest = slot;
    }

    fn unlink(&mut self, slot: u32) {
        let Some(record) = self.slots.get(slot) else {
            return;
        };
        let (older, newer) = (record.older, record.newer);
        match self.slots.get_mut(older) {
            Some(before) => before.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer) {
            Some(after) => after.older = older,
            None => self.newest = older,
        }
    }
}

const _: () = assert!(size_of::<Slot<Record<Ipv4Addr>>>() <= 64);
const _: () = assert!(size_of::<Slot<Record<Ipv6Addr>>>() <= 96);
