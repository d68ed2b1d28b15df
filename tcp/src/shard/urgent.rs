//! The user's verbs about urgent data: MSG_OOB both ways, SIOCATMARK, and reading on at the mark.

use super::Shard;
use crate::error::SendError;
use crate::event::ConnectionId;
use crate::memory::Memory;
use crate::time::Instant;
use crate::urgent::{UrgentError, UrgentMark};

impl<M: Memory> Shard<M> {
    /// As `send`, and the last byte that found room is urgent (MSG_OOB).
    ///
    /// # Errors
    /// As `send`, and when no block is left to remember by where the urgent data ends.
    pub fn send_urgent(
        &mut self,
        now: Instant,
        id: ConnectionId,
        data: &[u8],
    ) -> Result<usize, SendError> {
        self.send_some(now, id, data, |connection, context, data| {
            connection.send_urgent(context, data, false)
        })
    }

    /// The same of bytes that the user was told there is room for, as `send_promised`.
    ///
    /// # Errors
    /// As `send_urgent`.
    pub fn send_urgent_promised(
        &mut self,
        now: Instant,
        id: ConnectionId,
        data: &[u8],
    ) -> Result<usize, SendError> {
        self.send_some(now, id, data, |connection, context, data| {
            connection.send_urgent(context, data, true)
        })
    }

    /// The urgent byte out of line (MSG_OOB); with `is_peek` it can be asked for again.
    ///
    /// # Errors
    /// As [`UrgentError`] says.
    pub fn receive_urgent(
        &mut self,
        now: Instant,
        id: ConnectionId,
        is_peek: bool,
    ) -> Result<u8, UrgentError> {
        let slot = self.connections.slot_of(id);
        let slot = slot.ok_or(UrgentError::NoConnection)?;
        let (connections, context) = self.split(now);
        let connection = connections.get_mut(slot);
        let connection = connection.ok_or(UrgentError::NoConnection)?;
        connection.receive_urgent(context, is_peek)
    }

    /// The mark of urgent data in what is to be read; None when there is none, or it was passed.
    pub fn urgent_mark(&self, id: ConnectionId) -> Option<UrgentMark> {
        let slot = self.connections.slot_of(id)?;
        let connection = self.connections.get(slot)?;
        connection.urgent_mark(&self.context.extensions)
    }

    /// The user stands at the mark and reads on, also when nothing is there to read: the byte out of line is given up.
    /// Whoever gets bytes of `receive_slice` and consumes them need not say so.
    pub fn pass_mark(&mut self, now: Instant, id: ConnectionId) {
        let Some(slot) = self.connections.slot_of(id) else {
            return;
        };
        let (connections, context) = self.split(now);
        if let Some(connection) = connections.get_mut(slot) {
            connection.pass_mark(context);
        }
        self.settle(now, slot);
    }
}
