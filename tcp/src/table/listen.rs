//! Listeners, found by address and port, each with the queue of connections that wait for accept.

use std::net::IpAddr;
use std::sync::atomic::Ordering::Relaxed;

use super::NONE;
use super::chains::Chains;
use super::slots::Slots;
use crate::address::Endpoint;
use crate::authentication::KeyRing;
use crate::error::ListenError;
use crate::event::ListenerId;
use crate::options::ListenOptions;
use crate::time::Instant;

/// The listeners of a shard.
#[derive(Debug)]
pub(crate) struct ListenTable {
    slots: Slots<Listener>,
    chains: Chains,
    max: usize,
}

/// One listener.
#[derive(Debug)]
pub(crate) struct Listener {
    /// What its user asked for; `queued` counts the waiting connections of all shards.
    pub(crate) options: ListenOptions,
    /// Keys of its peers.
    pub(crate) keys: KeyRing,
    /// There was no room for some: it accepts nobody.
    pub(crate) lacks_keys: bool,
    /// Half-open requests on this shard.
    pub(crate) requests: usize,
    /// Of these, the ones whose SYN-ACK has not timed out yet.
    pub(crate) young: usize,
    /// When a SYN was last answered by a cookie: only for a while after it may one come back.
    pub(crate) cookie_sent: Option<Instant>,
    /// Connections and SYNs refused because the accept queue was full.
    pub(crate) overflows: u64,
    /// First and last slot of the accept queue, which is linked through the connections.
    pub(crate) first: u32,
    pub(crate) last: u32,
    /// Its length on this shard.
    pub(crate) waiting: usize,
}

impl Listener {
    /// True when no more connection may wait: as in Linux, when more than the backlog wait, so
    /// that one more than it can, and one even with a backlog of 0.
    pub(crate) fn is_full(&self) -> bool {
        self.options.queued.load(Relaxed) > self.options.backlog
    }

    /// True when no more requests may be kept: as in Linux, more than the backlog has room for.
    pub(crate) fn is_flooded(&self) -> bool {
        self.requests > self.options.backlog
    }

    /// SYN-ACK timeouts that a request is given: fewer while old ones crowd out the young (as Linux,
    /// which keeps half of the backlog for those that answer).
    pub(crate) fn syn_ack_retries(&self, retries: u32) -> u32 {
        if self.requests * 2 <= self.options.backlog.max(8) {
            return retries;
        }
        let (mut left, mut young) = (retries, self.young * 2);
        while left > 2 && self.requests >= young {
            left -= 1;
            young *= 2;
        }
        left
    }
}

impl ListenTable {
    /// Room for `max` listeners.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            slots: Slots::new(max),
            chains: Chains::new(max),
            max,
        }
    }

    /// The listener for a SYN to `local`: the one of this address before the one of any.
    pub(crate) fn find(&self, local: Endpoint) -> Option<u32> {
        self.exact(local).or_else(|| self.exact(any(local)))
    }

    /// Adds a listener. As in Linux, one of any address and one of an address of that family exclude each other: or
    /// else one user could take another's connections away.
    pub(crate) fn insert(&mut self, options: ListenOptions) -> Result<ListenerId, ListenError> {
        let local = options.local;
        if local.port == 0 || self.overlaps(local) {
            return Err(ListenError::AddressInUse(local));
        }
        let listener = Listener {
            options,
            keys: KeyRing::default(),
            lacks_keys: false,
            requests: 0,
            young: 0,
            cookie_sent: None,
            overflows: 0,
            first: NONE,
            last: NONE,
            waiting: 0,
        };
        let full = ListenError::TableFull(self.max);
        let slot = self.slots.insert(listener).ok_or(full)?;
        self.chains.insert(u64::from(local.port), slot);
        Ok(self.id(slot))
    }

    /// Takes a listener out.
    pub(crate) fn remove(&mut self, id: ListenerId) -> Option<Listener> {
        let slot = self.slot_of(id)?;
        let port = self.slots.get(slot)?.options.local.port;
        self.chains.remove(u64::from(port), slot);
        self.slots.remove(slot)
    }

    /// The slot of a handle.
    pub(crate) fn slot_of(&self, id: ListenerId) -> Option<u32> {
        self.slots
            .is_current(id.slot, id.generation)
            .then_some(id.slot)
    }

    /// The handle of a slot.
    pub(crate) fn id(&self, slot: u32) -> ListenerId {
        ListenerId {
            slot,
            generation: self.slots.generation(slot),
        }
    }

    /// The listener of a handle.
    pub(crate) fn by_id(&mut self, id: ListenerId) -> Option<&mut Listener> {
        let slot = self.slot_of(id)?;
        self.slots.get_mut(slot)
    }

    /// The listener in a slot.
    pub(crate) fn get(&self, slot: u32) -> Option<&Listener> {
        self.slots.get(slot)
    }

    /// The listener in a slot, to be changed.
    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Listener> {
        self.slots.get_mut(slot)
    }

    /// Every listener.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Listener> {
        (0..self.slots.end()).filter_map(|slot| self.slots.get(slot))
    }

    fn overlaps(&self, local: Endpoint) -> bool {
        let found = self.chains.find(u64::from(local.port), |slot| {
            self.slots.get(slot).is_some_and(|listener| {
                let other = listener.options.local;
                other == local
                    || other.port == local.port
                        && other.address.is_ipv4() == local.address.is_ipv4()
                        && (other.address.is_unspecified() || local.address.is_unspecified())
            })
        });
        found.is_some()
    }

    fn exact(&self, local: Endpoint) -> Option<u32> {
        self.chains.find(u64::from(local.port), |slot| {
            self.slots
                .get(slot)
                .is_some_and(|listener| listener.options.local == local)
        })
    }
}

/// The wildcard of the endpoint's family.
fn any(local: Endpoint) -> Endpoint {
    let address = match local.address {
        IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    };
    Endpoint::new(address, local.port)
}
