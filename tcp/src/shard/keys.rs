//! The user's keys: of sockets that are nothing yet, of listeners, of connections (TCP_MD5SIG).

use super::Shard;
use crate::authentication::{KeyError, KeyName, KeyRing, PeerKey};
use crate::event::{ConnectionId, ListenerId};
use crate::extension::ExtensionHandle;
use crate::memory::Memory;
use crate::time::Instant;

impl<M: Memory> Shard<M> {
    /// Adds a key to those of a socket that will be connected by `connect_with_keys`. Of TCP-MD5 it takes the place of the
    /// one for the same prefix.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn add_key(&mut self, ring: &mut KeyRing, key: PeerKey) -> Result<(), KeyError> {
        self.keys.add(ring, key)
    }

    /// Takes a key away.
    ///
    /// # Errors
    /// [`KeyError::NoKey`] when there is none of this name.
    pub fn remove_key(&mut self, ring: &mut KeyRing, name: KeyName) -> Result<(), KeyError> {
        self.keys.remove(ring, name)
    }

    /// Gives up all keys of a socket that will not be connected.
    pub fn release_keys(&mut self, ring: &mut KeyRing) {
        self.keys.release(ring);
    }

    /// Adds a key of a listener: peers of its prefix must sign, and what is accepted from them has it.
    ///
    /// # Errors
    /// When the handle names nothing, or there is no room.
    pub fn add_listener_key(&mut self, id: ListenerId, key: PeerKey) -> Result<(), KeyError> {
        let listener = self.listeners.by_id(id).ok_or(KeyError::NoSocket)?;
        self.keys.add(&mut listener.keys, key)
    }

    /// Takes a key of a listener away; what it accepted keeps its own.
    ///
    /// # Errors
    /// When the handle or the name names nothing.
    pub fn remove_listener_key(&mut self, id: ListenerId, name: KeyName) -> Result<(), KeyError> {
        let listener = self.listeners.by_id(id).ok_or(KeyError::NoSocket)?;
        self.keys.remove(&mut listener.keys, name)
    }

    /// Gives a listener these keys in place of those that it has. Without room for all of them it accepts nobody, until it
    /// is given others: peers whose key is missing would not have to sign.
    ///
    /// # Errors
    /// When the handle names nothing, or there is no room.
    pub fn set_listener_keys(
        &mut self,
        id: ListenerId,
        keys: impl Iterator<Item = PeerKey>,
    ) -> Result<(), KeyError> {
        let listener = self.listeners.by_id(id).ok_or(KeyError::NoSocket)?;
        self.keys.release(&mut listener.keys);
        listener.lacks_keys = false;
        for key in keys {
            if let Err(error) = self.keys.add(&mut listener.keys, key) {
                listener.lacks_keys = true;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Adds a key of a connection, or changes it: segments are signed with it, and must be, from now on. One for
    /// other peers changes nothing.
    ///
    /// # Errors
    /// When the handle names nothing, or there is no room.
    pub fn add_connection_key(
        &mut self,
        now: Instant,
        id: ConnectionId,
        key: PeerKey,
    ) -> Result<(), KeyError> {
        let slot = self.connections.slot_of(id).ok_or(KeyError::NoSocket)?;
        let (connections, mut context) = self.split(now);
        let connection = connections.get_mut(slot).ok_or(KeyError::NoSocket)?;
        if !key.peer().contains(connection.flow.remote.address) {
            return Ok(());
        }
        connection.change_keys(&mut context, |context, ring| context.keys.add(ring, key))
    }

    /// Takes a key of a connection away.
    ///
    /// # Errors
    /// When the handle or the name names nothing.
    pub fn remove_connection_key(
        &mut self,
        now: Instant,
        id: ConnectionId,
        name: KeyName,
    ) -> Result<(), KeyError> {
        let slot = self.connections.slot_of(id).ok_or(KeyError::NoSocket)?;
        let (connections, mut context) = self.split(now);
        let connection = connections.get_mut(slot).ok_or(KeyError::NoSocket)?;
        if !connection.extension.is_held() {
            return Err(KeyError::NoKey);
        }
        connection.change_keys(&mut context, |context, ring| {
            context.keys.remove(ring, name)
        })
    }

    /// Gives back an extension block, and the keys in it.
    pub(super) fn release_extension(&mut self, handle: &mut ExtensionHandle) {
        if let Some(extension) = self.extensions.get_mut(handle)
            && let Some(authentication) = extension.authentication.as_mut()
        {
            self.keys.release(&mut authentication.ring);
        }
        self.extensions.release(handle);
    }
}
