//! The keys of a shard, reserved at start, and the rings that listeners, connections and sockets have of them.

use std::net::IpAddr;

use super::AoPolicy;
use super::ao::TrafficKey;
use super::key::{AoKey, KeyError, KeyName, PeerKey};
use crate::limits::Limits;
use crate::table::NONE;

/// The keys of a shard.
#[derive(Debug)]
pub(crate) struct KeyPool {
    places: Vec<Place>,
    free: u32,
    live: usize,
    max: usize,
    /// Segments of TCP-AO from peers without a key are taken as if they were not signed.
    pub(crate) accepts_unknown: bool,
}

/// A key, or nothing, and the next of its ring or of the free places.
#[derive(Debug)]
struct Place {
    key: Option<PeerKey>,
    /// Of TCP-AO: what a connection signs with, and what its peer does.
    traffic: Traffic,
    next: u32,
}

/// The traffic keys of a connection by one master key, but for those of SYNs.
#[derive(Debug)]
pub(crate) struct Traffic {
    pub(crate) send: TrafficKey,
    pub(crate) receive: TrafficKey,
}

impl Traffic {
    const NONE: Self = Self {
        send: TrafficKey::none(),
        receive: TrafficKey::none(),
    };
}

/// Keys of one owner, those of the longest prefix first. Only the shard that filled it can empty it, and it
/// must be emptied before it is dropped.
#[derive(Debug, PartialEq, Eq)]
pub struct KeyRing {
    first: u32,
    /// What their owner wants of TCP-AO.
    pub ao: AoPolicy,
}

impl KeyRing {
    /// True when it has no key.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.first == NONE
    }
}

impl Default for KeyRing {
    fn default() -> Self {
        Self {
            first: NONE,
            ao: AoPolicy::default(),
        }
    }
}

impl KeyPool {
    /// As these limits say.
    pub(crate) fn of(limits: &Limits) -> Self {
        Self {
            accepts_unknown: limits.accepts_unknown_ao,
            ..Self::new(limits.keys_max)
        }
    }

    /// Room for `max` keys.
    pub(crate) fn new(max: usize) -> Self {
        let max = max.min(NONE as usize - 1);
        Self {
            places: Vec::with_capacity(max),
            free: NONE,
            live: 0,
            max,
            accepts_unknown: false,
        }
    }

    /// Keys that somebody has.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Adds a key behind those of longer or equal prefix. One of TCP-MD5 takes the place of the one of its name.
    pub(crate) fn add(&mut self, ring: &mut KeyRing, key: PeerKey) -> Result<(), KeyError> {
        key.fits_beside(self.iter(ring))?;
        if let Some(at) = self.named(ring, key.name()) {
            if let Some(place) = self.places.get_mut(at as usize) {
                place.key = Some(key);
            }
            return Ok(());
        }
        let (mut before, mut at) = (NONE, ring.first);
        while let Some((other, next)) = self.look(at)
            && other.peer.length() >= key.peer.length()
        {
            (before, at) = (at, next);
        }
        let new = self.take(key, at).ok_or(KeyError::NoRoom)?;
        self.link(ring, before, new);
        Ok(())
    }

    /// Takes the key of a name out.
    pub(crate) fn remove(&mut self, ring: &mut KeyRing, name: KeyName) -> Result<(), KeyError> {
        let found = self.named(ring, name).ok_or(KeyError::NoKey)?;
        let (mut before, mut at) = (NONE, ring.first);
        while at != found {
            let (_, next) = self.look(at).ok_or(KeyError::NoKey)?;
            (before, at) = (at, next);
        }
        let next = self.give_back(found);
        self.link(ring, before, next);
        Ok(())
    }

    /// Gives all keys of a ring back; nothing is wanted of TCP-AO any more.
    pub(crate) fn release(&mut self, ring: &mut KeyRing) {
        let mut at = std::mem::take(ring).first;
        while at != NONE {
            at = self.give_back(at);
        }
    }

    /// A ring of its own with those keys that are for `peer`; None when there is no room for them.
    pub(crate) fn copy_for(&mut self, ring: &KeyRing, peer: IpAddr) -> Option<KeyRing> {
        let mut copy = KeyRing {
            ao: ring.ao,
            ..KeyRing::default()
        };
        let mut at = ring.first;
        while let Some((key, next)) = self.look(at) {
            if key.peer.contains(peer) {
                let key = key.clone();
                if self.add(&mut copy, key).is_err() {
                    self.release(&mut copy);
                    return None;
                }
            }
            at = next;
        }
        Some(copy)
    }

    /// The keys of a ring.
    pub(crate) fn iter(&self, ring: &KeyRing) -> impl Iterator<Item = &PeerKey> {
        let mut at = ring.first;
        std::iter::from_fn(move || {
            let (key, next) = self.look(at)?;
            at = next;
            Some(key)
        })
    }

    /// The key of the longest prefix that is for `peer`.
    pub(crate) fn md5_for(&self, ring: &KeyRing, peer: IpAddr) -> Option<&PeerKey> {
        self.iter(ring)
            .find(|key| key.ao.is_none() && key.peer.contains(peer))
    }

    /// Where the first key of TCP-AO for `peer` lies that is what is looked for.
    pub(crate) fn ao_for(
        &self,
        ring: &KeyRing,
        peer: IpAddr,
        is_it: impl Fn(&AoKey) -> bool,
    ) -> Option<u32> {
        let mut at = ring.first;
        while let Some((key, next)) = self.look(at) {
            if key.peer.contains(peer) && key.ao.as_ref().is_some_and(&is_it) {
                return Some(at);
            }
            at = next;
        }
        None
    }

    /// A key of TCP-AO by its place.
    pub(crate) fn ao_at(&self, at: u32) -> Option<(&PeerKey, &AoKey)> {
        let (key, _) = self.look(at)?;
        Some((key, key.ao.as_ref()?))
    }

    /// The traffic keys of one.
    pub(crate) fn traffic_at(&self, at: u32) -> Option<&Traffic> {
        self.places.get(at as usize).map(|place| &place.traffic)
    }

    /// Gives all keys of a ring the traffic keys that `derive` makes.
    pub(crate) fn set_traffic(
        &mut self,
        ring: &KeyRing,
        derive: impl Fn(&PeerKey, &AoKey) -> Traffic,
    ) {
        let mut at = ring.first;
        while let Some(place) = self.places.get_mut(at as usize) {
            if let Some(key) = &place.key
                && let Some(ao) = &key.ao
            {
                place.traffic = derive(key, ao);
            }
            at = place.next;
        }
    }

    fn named(&self, ring: &KeyRing, name: KeyName) -> Option<u32> {
        let mut at = ring.first;
        while let Some((key, next)) = self.look(at) {
            if key.name() == name {
                return Some(at);
            }
            at = next;
        }
        None
    }

    fn look(&self, at: u32) -> Option<(&PeerKey, u32)> {
        let place = self.places.get(at as usize)?;
        place.key.as_ref().map(|key| (key, place.next))
    }

    /// Puts `at` behind `before`, or first.
    fn link(&mut self, ring: &mut KeyRing, before: u32, at: u32) {
        match self.places.get_mut(before as usize) {
            Some(place) => place.next = at,
            None => ring.first = at,
        }
    }

    fn take(&mut self, key: PeerKey, next: u32) -> Option<u32> {
        let place = Place {
            key: Some(key),
            traffic: Traffic::NONE,
            next,
        };
        let at = if let Some(free) = self.places.get_mut(self.free as usize) {
            let at = self.free;
            self.free = std::mem::replace(free, place).next;
            at
        } else if self.places.len() < self.max {
            self.places.push(place);
            u32::try_from(self.places.len() - 1).ok()?
        } else {
            return None;
        };
        self.live += 1;
        Some(at)
    }

    /// Frees a place, whose key is overwritten, and gives the next one of its ring.
    fn give_back(&mut self, at: u32) -> u32 {
        let Some(place) = self.places.get_mut(at as usize) else {
            return NONE;
        };
        if place.key.take().is_some() {
            self.live -= 1;
        }
        place.traffic = Traffic::NONE;
        let next = std::mem::replace(&mut place.next, self.free);
        self.free = at;
        next
    }
}

#[cfg(test)]
mod tests;
