//! Keys of sockets that are no connections: of those that may become one, and of listeners, for all workers to follow.
//!
//! Their number is bounded, and room for them reserved at start. A connection's keys are the shard's.

use coremill_tcp::authentication::{KeyError, KeyName, PeerKey};

/// Keys, each with the number of whom it belongs to.
#[derive(Debug)]
pub(super) struct KeyStore {
    keys: Vec<(u32, PeerKey)>,
}

impl KeyStore {
    /// Room for `max` keys.
    pub(super) fn new(max: usize) -> Self {
        Self {
            keys: Vec::with_capacity(max),
        }
    }

    /// Adds a key; one of TCP-MD5 takes the place of the one of its name.
    pub(super) fn add(&mut self, number: u32, key: PeerKey) -> Result<(), KeyError> {
        key.fits_beside(self.of(number))?;
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

    /// One has none any more.
    pub(super) fn forget(&mut self, number: u32) {
        if !self.keys.is_empty() {
            self.keys.retain(|(owner, _)| *owner != number);
        }
    }

    /// The keys of one are those of another, in another store, from now on; none when they find no room there.
    pub(super) fn give(&mut self, number: u32, other: &mut Self, to: u32) -> Result<(), KeyError> {
        other.forget(to);
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
