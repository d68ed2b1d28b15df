//! The user's options: of connections, and of listeners for those that they will accept.

use super::Shard;
use crate::event::{ConnectionId, ListenerId};
use crate::memory::Memory;
use crate::options::{OptionError, SocketOption, SocketOptions};
use crate::time::Instant;

impl<M: Memory> Shard<M> {
    /// Sets one option of a connection to what setsockopt would be given.
    ///
    /// # Errors
    /// As [`OptionError`] says; nothing has changed then.
    pub fn set_option(
        &mut self,
        now: Instant,
        id: ConnectionId,
        option: SocketOption,
        value: i64,
    ) -> Result<(), OptionError> {
        let mut options = self.socket_options(id).ok_or(OptionError::NoSocket)?;
        options.set(option, value, &self.context.limits)?;
        let slot = self.connections.slot_of(id).ok_or(OptionError::NoSocket)?;
        let (connections, context) = self.split(now);
        let connection = connections.get_mut(slot).ok_or(OptionError::NoSocket)?;
        connection.choose(context, &options)?;
        connection.option_was_set(context, option, value);
        self.settle(now, slot);
        Ok(())
    }

    /// What getsockopt would give for an option of a connection.
    ///
    /// # Errors
    /// [`OptionError::NoSocket`] when the handle names nothing.
    pub fn option(&self, id: ConnectionId, option: SocketOption) -> Result<i64, OptionError> {
        let slot = self.connections.slot_of(id);
        let connection = slot.and_then(|slot| self.connections.get(slot));
        let connection = connection.ok_or(OptionError::NoSocket)?;
        let options = self.context.option_sets.options(&connection.user.options);
        let limits = &self.context.limits;
        let present = match option {
            SocketOption::SendBuffer => {
                let available = self.context.memory.available_bytes();
                let buffer = connection.send_buffer(options.send_buffer_bytes, limits, available);
                Some(i64::try_from(buffer).unwrap_or(i64::MAX))
            }
            option => connection.present_option(option),
        };
        Ok(present.unwrap_or_else(|| options.get(option, limits)))
    }

    /// Changes all options of a connection at once, as if nothing else had followed from some of them before.
    ///
    /// # Errors
    /// When there is no such connection, or no room for one more combination of options.
    pub fn set_socket_options(
        &mut self,
        now: Instant,
        id: ConnectionId,
        options: SocketOptions,
    ) -> Result<(), OptionError> {
        let slot = self.connections.slot_of(id).ok_or(OptionError::NoSocket)?;
        let (connections, context) = self.split(now);
        let connection = connections.get_mut(slot).ok_or(OptionError::NoSocket)?;
        connection.choose(context, &options)?;
        for option in [
            SocketOption::NoDelay,
            SocketOption::Cork,
            SocketOption::Keepalive,
        ] {
            let value = options.get(option, &context.limits);
            connection.option_was_set(context, option, value);
        }
        self.settle(now, slot);
        Ok(())
    }

    /// The options of a connection.
    pub fn socket_options(&self, id: ConnectionId) -> Option<SocketOptions> {
        let slot = self.connections.slot_of(id)?;
        let connection = self.connections.get(slot)?;
        Some(self.context.option_sets.options(&connection.user.options))
    }

    /// Changes what connections begin with that this listener will accept.
    ///
    /// # Errors
    /// [`OptionError::NoSocket`] when the handle names nothing.
    pub fn set_listener_options(
        &mut self,
        id: ListenerId,
        options: SocketOptions,
    ) -> Result<(), OptionError> {
        let listener = self.listeners.by_id(id).ok_or(OptionError::NoSocket)?;
        listener.options.socket = options;
        Ok(())
    }
}
