//! The user's keys: of sockets that are nothing yet, of listeners, of connections (TCP_MD5SIG, TCP_AO_ADD_KEY and the rest).

use super::Shard;
use crate::authentication::{AoInfo, AoPolicy, KeyError, KeyName, KeyRing, PeerKey};
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
        self.context.keys.add(ring, key)
    }

    /// Takes a key away.
    ///
    /// # Errors
    /// [`KeyError::NoKey`] when there is none of this name.
    pub fn remove_key(&mut self, ring: &mut KeyRing, name: KeyName) -> Result<(), KeyError> {
        self.context.keys.remove(ring, name)
    }

    /// Gives up all keys of a socket that will not be connected.
    pub fn release_keys(&mut self, ring: &mut KeyRing) {
        self.context.keys.release(ring);
    }

    /// Adds a key of a listener: peers of its prefix must sign, and what is accepted from them has it.
    ///
    /// # Errors
    /// When the handle names nothing, or there is no room.
    pub fn add_listener_key(&mut self, id: ListenerId, key: PeerKey) -> Result<(), KeyError> {
        let listener = self.listeners.by_id(id).ok_or(KeyError::NoSocket)?;
        self.context.keys.add(&mut listener.keys, key)
    }

    /// Takes a key of a listener away; what it accepted keeps its own.
    ///
    /// # Errors
    /// When the handle or the name names nothing.
    pub fn remove_listener_key(&mut self, id: ListenerId, name: KeyName) -> Result<(), KeyError> {
        let listener = self.listeners.by_id(id).ok_or(KeyError::NoSocket)?;
        self.context.keys.remove(&mut listener.keys, name)
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
        let policy = listener.keys.ao;
        self.context.keys.release(&mut listener.keys);
        listener.keys.ao = policy;
        listener.lacks_keys = false;
        for key in keys {
            if let Err(error) = self.context.keys.add(&mut listener.keys, key) {
                listener.lacks_keys = true;
                return Err(error);
            }
        }
        Ok(())
    }

    /// What a listener wants of TCP-AO besides its keys; what it accepts from now on inherits it.
    ///
    /// # Errors
    /// [`KeyError::NoSocket`] when the handle names nothing.
    /// RFC 5925, section 7.3.
    pub fn set_listener_ao(&mut self, id: ListenerId, policy: AoPolicy) -> Result<(), KeyError> {
        let listener = self.listeners.by_id(id).ok_or(KeyError::NoSocket)?;
        listener.keys.ao = policy;
        Ok(())
    }

    /// Adds a key of a connection, or changes it: of TCP-MD5, and segments are signed with it, and must be, from now on;
    /// of TCP-AO, and it can be chosen, or asked for by the peer. One for other peers changes nothing.
    ///
    /// # Errors
    /// When the handle names nothing, there is no room, or a connection that began without TCP-AO is to have it.
    pub fn add_connection_key(
        &mut self,
        now: Instant,
        id: ConnectionId,
        key: PeerKey,
    ) -> Result<(), KeyError> {
        let slot = self.connections.slot_of(id).ok_or(KeyError::NoSocket)?;
        let (connections, context) = self.split(now);
        let connection = connections.get_mut(slot).ok_or(KeyError::NoSocket)?;
        if !key.peer().contains(connection.flow.remote.address) {
            return Ok(());
        }
        let result =
            connection.change_keys(context, |keys, found, flow| found.add(keys, flow, key));
        self.settle(now, slot);
        result
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
        let (connections, context) = self.split(now);
        let connection = connections.get_mut(slot).ok_or(KeyError::NoSocket)?;
        if !connection.extension.is_held() {
            return Err(KeyError::NoKey);
        }
        let result = connection.change_keys(context, |keys, found, _| found.remove(keys, name));
        // Segments without a signature have more room, and so the window may.
        self.settle(now, slot);
        result
    }

    /// The key of TCP-AO with this id signs what a connection sends from now on, or its peer is asked to sign with the other
    /// (Linux: current_key, rnext_key).
    ///
    /// # Errors
    /// [`KeyError::NoKey`] for an id that no key has, [`KeyError::Invalid`] for a connection without TCP-AO.
    /// RFC 5925, section 7.2.
    pub fn choose_ao_keys(
        &mut self,
        now: Instant,
        id: ConnectionId,
        current: Option<u8>,
        next: Option<u8>,
    ) -> Result<(), KeyError> {
        let slot = self.connections.slot_of(id).ok_or(KeyError::NoSocket)?;
        let (connections, context) = self.split(now);
        let connection = connections.get_mut(slot).ok_or(KeyError::NoSocket)?;
        if connection.extension.signature_bytes() == 0 {
            return Err(KeyError::Invalid);
        }
        let result = connection.change_keys(context, |keys, found, flow| {
            let ao = found.ao.as_mut().ok_or(KeyError::Invalid)?;
            ao.choose(keys, &found.ring, flow, (current, next))
        });
        self.settle(now, slot);
        result
    }

    /// Whether ICMP errors about a connection with TCP-AO are believed (Linux: accept_icmps); not by default.
    ///
    /// # Errors
    /// [`KeyError::Invalid`] for a connection without TCP-AO.
    /// RFC 5925, section 7.8.
    pub fn set_ao_accepts_icmps(&mut self, id: ConnectionId, is_on: bool) -> Result<(), KeyError> {
        let slot = self.connections.slot_of(id).ok_or(KeyError::NoSocket)?;
        let connection = self.connections.get(slot).ok_or(KeyError::NoSocket)?;
        let extension = self.context.extensions.get_mut(&connection.extension);
        let found = extension.and_then(|found| found.authentication.as_mut());
        let ao = found.and_then(|found| found.ao.as_mut());
        ao.ok_or(KeyError::Invalid)?.accepts_icmps = is_on;
        Ok(())
    }

    /// What a connection with TCP-AO has come to (Linux: TCP_AO_INFO); None for any other.
    pub fn ao_info(&self, id: ConnectionId) -> Option<AoInfo> {
        let slot = self.connections.slot_of(id)?;
        let connection = self.connections.get(slot)?;
        let extension = self.context.extensions.get(&connection.extension)?;
        let ao = extension.authentication.as_ref()?.ao.as_ref()?;
        let (current_id, next_id) = ao.ids(&self.context.keys)?;
        Some(AoInfo {
            current_id,
            next_id,
            heard: ao.heard(),
            accepts_icmps: ao.accepts_icmps,
            counts: ao.counts,
        })
    }

    /// A connection's keys, one after the other from 0 on; None behind the last, or for a handle that names nothing.
    /// RFC 5925, section 7.1 (Linux: TCP_AO_GET_KEYS).
    pub fn connection_key(&self, id: ConnectionId, number: usize) -> Option<&PeerKey> {
        let connection = self.connections.get(self.connections.slot_of(id)?)?;
        let extension = self.context.extensions.get(&connection.extension)?;
        let authentication = extension.authentication.as_ref()?;
        self.context.keys.iter(&authentication.ring).nth(number)
    }

    /// Gives back an extension block, and the keys in it.
    pub(super) fn release_extension(&mut self, handle: &mut ExtensionHandle) {
        if let Some(extension) = self.context.extensions.get_mut(handle)
            && let Some(authentication) = extension.authentication.as_mut()
        {
            self.context.keys.release(&mut authentication.ring);
        }
        self.context.extensions.release(handle);
    }
}
