//! Sockets and applications that end, as Linux ends them: what was sent is still delivered, what was received and not read
//! gives RST.

use coremill_ring::handle::Handle;
use coremill_ring::socket_state::Flags;

use super::agreement::Phase;
use super::domain::Domain;
use super::socket_table::{Kind, Place};
use super::stream::Holder;
use super::subscribers::{FAILED, READABLE, WRITABLE};
use super::turn::Turn;

impl Domain {
    /// The application lets go of a socket.
    pub(super) fn close(&mut self, handle: Handle, turn: &mut Turn<'_>) {
        let place = self.sockets.find(handle);
        let Some(socket) = place.and_then(|place| place.slot.socket.as_mut()) else {
            self.counts.commands_refused += 1;
            return;
        };
        match &mut socket.kind {
            Kind::Unconnected { .. } => self.release(handle.slot),
            Kind::Listener { number } => {
                let number = *number;
                self.release(handle.slot);
                self.close_listener(number, turn);
            }
            // It was offered, and nobody accepted it: it is nobody's to close.
            Kind::Stream(stream) if stream.holder == Holder::Offered => {
                self.counts.commands_refused += 1
            }
            Kind::Stream(stream) => {
                let is_reset = stream.unread(&self.chunks) > 0 || socket.resets_on_close;
                if is_reset {
                    self.abort(handle.slot, turn);
                } else if stream.is_filled(&self.chunks) {
                    // Rare: memory is so short that what was filled waits still. `look_after` ends it.
                    stream.holder = Holder::Gone;
                } else {
                    self.finish_close(handle.slot, turn);
                }
            }
        }
    }

    /// Closes a connection whose bytes the shard has all.
    pub(super) fn finish_close(&mut self, number: u32, turn: &mut Turn<'_>) {
        if let Some(stream) = self.sockets.stream_at(number) {
            let connection = stream.connection;
            turn.shard.close(turn.now, connection);
            self.release(number);
        }
    }

    /// Resets a connection and lets go of it.
    pub(super) fn abort(&mut self, number: u32, turn: &mut Turn<'_>) {
        if let Some(stream) = self.sockets.stream_at(number) {
            turn.shard.abort(turn.now, stream.connection);
            self.release(number);
        }
    }

    /// Resets a connection because of an error of ours; the application still has the socket, and is told.
    pub(super) fn fail(&mut self, number: u32, error: u16, turn: &mut Turn<'_>) {
        let worker = self.worker;
        let Some(Place { state, slot, .. }) = self.sockets.at(number) else {
            return;
        };
        let Some(socket) = slot.socket.as_mut() else {
            return;
        };
        socket.flags = socket.flags.and(Flags::ERR).and(Flags::HUP);
        socket.error = error;
        state.set_condition(socket.condition(worker));
        if let Kind::Stream(stream) = &socket.kind {
            turn.shard.abort(turn.now, stream.connection);
        }
        self.mark(number, FAILED | READABLE | WRITABLE);
    }

    fn close_listener(&mut self, number: u32, turn: &mut Turn<'_>) {
        let attachment = self.attachment.clone();
        let mut table = attachment.agreements.table();
        let Some(agreed) = table.get_mut(number as usize) else {
            return;
        };
        agreed.phase = Phase::Closing;
        attachment.agreements.keys().forget(number);
        let is_open = |listening: &super::listening::Listening| listening.open.is_some();
        if self.listening.get(number as usize).is_some_and(is_open) {
            self.close_here(number, turn);
            agreed.having = agreed.having.saturating_sub(1);
        }
        if agreed.having == 0 {
            agreed.free();
        }
        attachment.agreements.changed();
        turn.wake_all();
    }

    /// Takes all chunks of a socket back and forgets it.
    pub(super) fn release(&mut self, number: u32) {
        let Self {
            sockets,
            chunks,
            mails,
            waiting,
            has_retry,
            has_acceptable,
            lacks_sockets,
            keys,
            ..
        } = self;
        let Some(Place {
            state, slot, pairs, ..
        }) = sockets.at(number)
        else {
            return;
        };
        let Some(socket) = slot.socket.as_mut() else {
            return;
        };
        for subscription in socket.subscribers.iter(pairs) {
            if let Some(mail) = mails.get_mut(subscription.notifier as usize) {
                mail.forget(number);
            }
        }
        if let Kind::Stream(stream) = &mut socket.kind {
            stream.clear(chunks, state);
        }
        sockets.remove(number);
        keys.forget(number);
        *has_retry |= !waiting.is_empty();
        *has_acceptable |= std::mem::take(lacks_sockets);
    }
}
