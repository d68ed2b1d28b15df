//! Keys of sockets that are no connections: of those that may become one, and of listeners, for all workers to follow.
//!
//! Their number is bounded, and room for them reserved at start. A connection's keys are the shard's.

use coremill_tcp::authentication::{AoPolicy, KeyError, KeyName, PeerKey};

/// Keys, each with the number of whom it belongs to.
#[derive(Debug)]
pub(super) struct KeyStore {
    keys: Vec<(u32, PeerKey)>,
    /// What is wanted of TCP-AO, of those who want anything of it.
    policies: Vec<(u32, AoPolicy)>,
}

impl KeyStore {
    /// Room for `max` keys, and what so many want of TCP-AO.
    pub(super) fn new(max: usize) -> Self {
        Self {
            keys: Vec::with_capacity(max),
            policies: Vec::with_capacity(max),
        }
    }

    /// Adds a key; one of TCP-MD5 takes the place of the one of its name.
    pub(super) fn add(&mut self, number: u32, key: PeerKey) -> Result<(), KeyError> {
        key.fits_beside(self.of(number))?;
        if key.ao_key().is_none() && self.policy(number).is_required {
            return Err(KeyError::Rejected);
        }
        let is_it =
            |(owner, other): &&mut (u32, PeerKey)| *owner == number && other.name() == key.name();
        if let Some((_, place)) = self.keys.iter_mut().find(is_it) {
            *place = key;
            return Ok(());
        }
        if self.keys.len() == self.keys.capacity() {
            return Err(KeyError::NoRoom);
        }
        self.keys.push((number, key));
        Ok(())
    }

    /// Takes a key away.
    pub(super) fn remove(&mut self, number: u32, name: KeyName) -> Result<(), KeyError> {
        let is_it = |(owner, key): &(u32, PeerKey)| *owner == number && key.name() == name;
        let at = self.keys.iter().position(is_it).ok_or(KeyError::NoKey)?;
        self.keys.swap_remove(at);
        Ok(())
    }

    /// The keys of one.
    pub(super) fn of(&self, number: u32) -> impl Iterator<Item = &PeerKey> {
        let own = move |(owner, _): &&(u32, PeerKey)| *owner == number;
        self.keys.iter().filter(own).map(|(_, key)| key)
    }

    /// What one wants of TCP-AO.
    pub(super) fn policy(&self, number: u32) -> AoPolicy {
        let own = self.policies.iter().find(|(owner, _)| *owner == number);
        own.map_or_else(AoPolicy::default, |(_, policy)| *policy)
    }

    /// One wants this of it from now on; not that it is required where there is a key of TCP-MD5 (as Linux).
    pub(super) fn set_policy(&mut self, number: u32, policy: AoPolicy) -> Result<(), KeyError> {
        if policy.is_required && self.of(number).any(|key| key.ao_key().is_none()) {
            return Err(KeyError::Rejected);
        }
        self.policies.retain(|(owner, _)| *owner != number);
        if policy == AoPolicy::default() {
            return Ok(());
        }
        if self.policies.len() == self.policies.capacity() {
            return Err(KeyError::NoRoom);
        }
        self.policies.push((number, policy));
        Ok(())
    }

    /// One has none any more, and wants nothing.
    pub(super) fn forget(&mut self, number: u32) {
        if !self.policies.is_empty() {
            self.policies.retain(|(owner, _)| *owner != number);
        }
        if !self.keys.is_empty() {
            self.keys.retain(|(owner, _)| *owner != number);
        }
    }

    /// The keys of one are those of another, in another store, from now on; none when they find no room there.
    pub(super) fn give(&mut self, number: u32, other: &mut Self, to: u32) -> Result<(), KeyError> {
        other.forget(to);
        other.set_policy(to, self.policy(number))?;
        for key in self.of(number) {
            if let Err(error) = other.add(to, key.clone()) {
                other.forget(to);
                return Err(error);
            }
        }
        self.forget(number);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
