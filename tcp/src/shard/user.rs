//! The user's verbs on a connection. A handle that names nothing any more is an error, not a panic.

use super::Shard;
use crate::address::Flow;
use crate::connection::{Connection, Context, Facts};
use crate::connection::{Due, User};
use crate::error::{ConnectionError, ReceiveError, SendError, SpliceError};
use crate::event::ConnectionId;
use crate::memory::Memory;
use crate::snapshot::Look;
use crate::time::Instant;

impl<M: Memory> Shard<M> {
    /// Sets what comes back with each event of a connection: accepted ones have 0 before.
    pub fn set_cookie(&mut self, id: ConnectionId, cookie: u64) {
        if let Some(slot) = self.connections.slot_of(id)
            && let Some(connection) = self.connections.get_mut(slot)
        {
            connection.user.replace_cookie(cookie);
        }
    }

    /// Copies `data` into the send queue and returns how much found room; where that is not all, a
    /// writable event follows.
    ///
    /// # Errors
    /// When the connection is not open in this direction.
    pub fn send(
        &mut self,
        now: Instant,
        id: ConnectionId,
        data: &[u8],
    ) -> Result<usize, SendError> {
        self.send_some(now, id, data, |connection, context, data| {
            connection.send(context, data, false)
        })
    }

    /// As `send`, and more is to follow: what does not fill a segment waits for it, 200 ms at most (MSG_MORE).
    ///
    /// # Errors
    /// As `send`.
    pub fn send_more(
        &mut self,
        now: Instant,
        id: ConnectionId,
        data: &[u8],
    ) -> Result<usize, SendError> {
        self.send_some(now, id, data, |connection, context, data| {
            connection.send(context, data, true)
        })
    }

    /// As `send`, of bytes that the user was told there is room for by `look` or `send_room`: memory that has become
    /// less since makes it short only once none is left.
    ///
    /// # Errors
    /// As `send`.
    pub fn send_promised(
        &mut self,
        now: Instant,
        id: ConnectionId,
        data: &[u8],
    ) -> Result<usize, SendError> {
        self.send_some(now, id, data, |connection, context, data| {
            connection.send_promised(context, data, false)
        })
    }

    /// As `send_more`, of bytes as `send_promised` takes them.
    ///
    /// # Errors
    /// As `send`.
    pub fn send_more_promised(
        &mut self,
        now: Instant,
        id: ConnectionId,
        data: &[u8],
    ) -> Result<usize, SendError> {
        self.send_some(now, id, data, |connection, context, data| {
            connection.send_promised(context, data, true)
        })
    }

    #[inline]
    pub(super) fn send_some(
        &mut self,
        now: Instant,
        id: ConnectionId,
        data: &[u8],
        send: impl FnOnce(&mut Connection<M::Queue>, &mut Context<M>, &[u8]) -> Result<usize, SendError>,
    ) -> Result<usize, SendError> {
        self.context.now = now;
        let connection = self.connections.by_id_mut(id);
        let connection = connection.ok_or(SendError::NoConnection)?;
        let slot = id.slot;
        let context = &mut self.context;
        let taken = send(connection, context, data)?;
        if taken < data.len() && connection.send.queued == 0 {
            // No acknowledgement of its own will bring it the event.
            self.starved.push(slot);
        }
        // Neither a deadline nor an event follows from it, only a place in a list.
        if connection.due.any() {
            self.turns.urgent.push(slot);
        } else if connection.has_unsent() {
            self.turns.sending.push(slot);
        }
        Ok(taken)
    }

    /// Bytes that `send` would take.
    pub fn send_room(&self, id: ConnectionId) -> usize {
        let connection = self.connections.by_id(id);
        let available = self.context.memory.available_bytes();
        connection.map_or(0, |connection| {
            connection.send_room(&self.context.option_sets, &self.context.limits, available)
        })
    }

    /// Bytes sent and not yet acknowledged by the peer.
    pub fn send_queue_bytes(&self, id: ConnectionId) -> usize {
        let connection = self.connections.by_id(id);
        connection.map_or(0, |connection| connection.send.queued as usize)
    }

    /// A writable event shall follow once a third of the send buffer is free again, as if `send` had found too little
    /// room: for users who never try to send more than there is room for.
    pub fn want_room(&mut self, id: ConnectionId) {
        let available = self.context.memory.available_bytes();
        let Some(slot) = self.connections.slot_of(id) else {
            return;
        };
        let Some(connection) = self.connections.get_mut(slot) else {
            return;
        };
        connection.user.set(User::WANTS_ROOM);
        if connection.send.queued == 0
            && connection.may_send().is_ok()
            && connection.send_room(&self.context.option_sets, &self.context.limits, available) == 0
        {
            // No acknowledgement of its own will bring it the event.
            self.starved.push(slot);
        }
    }

    /// What a user who moves bytes wants to know of a connection, in one look; None when the handle names nothing.
    #[inline]
    pub fn look(&self, id: ConnectionId) -> Option<Look> {
        let connection = self.connections.by_id(id)?;
        let available = self.context.memory.available_bytes();
        let front = connection.front(&self.context.extensions);
        let is_all = front.skipped + front.readable == connection.receive.readable;
        let mark = match connection.receive.facts.has(Facts::URGENT) {
            true => connection.urgent_mark(&self.context.extensions),
            false => None,
        };
        Some(Look {
            error: connection.user.error,
            readable_bytes: front.readable as usize,
            behind: match is_all {
                true => connection.behind_readable(),
                false => Ok(()),
            },
            mark,
            send_room_bytes: connection.send_room(
                &self.context.option_sets,
                &self.context.limits,
                available,
            ),
            send_queue_bytes: connection.send.queued as usize,
            is_delivered: connection.is_delivered(),
        })
    }

    /// Received bytes in order, as far as they lie in one piece; empty when none are there now.
    ///
    /// # Errors
    /// `EndOfStream` after the peer's FIN, or why the connection failed; bytes come first.
    pub fn receive_slice(&self, id: ConnectionId) -> Result<&[u8], ReceiveError> {
        let connection = self.connections.by_id(id);
        let connection = connection.ok_or(ReceiveError::NoConnection)?;
        connection.receive_slice(&self.context.memory, &self.context.extensions)
    }

    /// The user has read `count` bytes of `receive_slice`.
    pub fn consume(&mut self, now: Instant, id: ConnectionId, count: usize) {
        let Some(connection) = self.connections.by_id_mut(id) else {
            return;
        };
        self.context.now = now;
        connection.consume(&mut self.context, count);
        if connection.due.has(Due::ACKNOWLEDGE) {
            self.settle(now, id.slot);
        }
    }

    /// Sends back up to `max` received bytes on the same connection; returns how many.
    ///
    /// # Errors
    /// As `receive_slice` and `send`.
    pub fn splice(
        &mut self,
        now: Instant,
        id: ConnectionId,
        max: usize,
    ) -> Result<usize, SpliceError> {
        if self.receive_slice(id)?.is_empty() {
            return Ok(0);
        }
        let slot = self
            .connections
            .slot_of(id)
            .ok_or(SendError::NoConnection)?;
        let (connections, context) = self.split(now);
        let connection = connections.get_mut(slot).ok_or(SendError::NoConnection)?;
        let moved = connection.splice(context, max)?;
        if moved == 0 && connection.user.has(User::WANTS_ROOM) && connection.send.queued == 0 {
            self.starved.push(slot);
        }
        self.settle(now, slot);
        Ok(moved)
    }

    /// Half-close: FIN follows what is queued.
    ///
    /// # Errors
    /// When this direction is not open.
    pub fn shutdown(&mut self, now: Instant, id: ConnectionId) -> Result<(), SendError> {
        let slot = self
            .connections
            .slot_of(id)
            .ok_or(SendError::NoConnection)?;
        let (connections, context) = self.split(now);
        let connection = connections.get_mut(slot).ok_or(SendError::NoConnection)?;
        let result = connection.shutdown(context);
        self.settle(now, slot);
        result
    }

    /// The user lets go; the handle names nothing from now on. What is queued is still sent, and
    /// FIN after it; but with bytes unread the peer gets RST, as Linux does it.
    pub fn close(&mut self, now: Instant, id: ConnectionId) {
        let Some(slot) = self.connections.slot_of(id) else {
            return;
        };
        let mut is_too_many = self.orphans >= self.context.limits.orphans_max;
        let bytes_left = self
            .context
            .limits
            .orphan_bytes_max
            .saturating_sub(self.orphan_bytes);
        self.count_orphan();
        let (connections, context) = self.split(now);
        if let Some(connection) = connections.get_mut(slot) {
            is_too_many |= connection.send.queued as usize > bytes_left;
            connection.user.replace_cookie(0);
            connection.close(context, is_too_many);
        }
        self.settle(now, slot);
    }

    /// RST at once; the handle names nothing from now on.
    pub fn abort(&mut self, now: Instant, id: ConnectionId) {
        let Some(slot) = self.connections.slot_of(id) else {
            return;
        };
        self.detach_user(slot);
        let (connections, context) = self.split(now);
        if let Some(connection) = connections.get_mut(slot) {
            connection.reset(context, ConnectionError::Aborted);
        }
        self.settle(now, slot);
    }

    /// Why a connection failed, if it did.
    pub fn error(&mut self, id: ConnectionId) -> Option<ConnectionError> {
        let slot = self.connections.slot_of(id)?;
        self.connections.get(slot)?.user.error
    }

    /// Both ends of a connection.
    pub fn flow(&self, id: ConnectionId) -> Option<Flow> {
        let slot = self.connections.slot_of(id)?;
        self.connections.get(slot).map(|connection| connection.flow)
    }

    /// Nobody will ask for this connection: its record goes away as soon as it is closed.
    pub(super) fn detach_user(&mut self, slot: u32) {
        self.count_orphan();
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.user.set(User::ORPHAN);
            connection.user.replace_cookie(0);
        }
    }

    /// Follows what an orphan has queued by now.
    pub(super) fn count_orphan_bytes(&mut self, slot: u32) {
        if let Some(connection) = self.connections.get_mut(slot) {
            let queued = connection.send.queued as usize;
            let counted = connection.user.replace_cookie(queued as u64);
            let counted = usize::try_from(counted).unwrap_or(usize::MAX);
            self.orphan_bytes = self.orphan_bytes.saturating_sub(counted) + queued;
        }
    }

    fn count_orphan(&mut self) {
        self.orphans += 1;
        self.context.counters.orphans.set(self.orphans as u64);
    }
}
