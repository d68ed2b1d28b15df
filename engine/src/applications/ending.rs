//! Sockets and applications that end, as Linux ends them: what was sent is still delivered, what was received and not read
//! gives RST.

use coremill_ring::handle::Handle;
use coremill_ring::owner::ReadMark;
use coremill_ring::socket_state::Flags;
use coremill_ring::untrusted::Violation;

use super::agreement::Phase;
use super::domain::Domain;
use super::socket_table::{Kind, Place};
use super::stream::Tools;
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
            Kind::Stream(stream) if stream.is_offered => self.counts.commands_refused += 1,
            Kind::Stream(stream) => {
                let is_reset = stream.unread(&self.chunks) > 0 || socket.resets_on_close;
                if is_reset {
                    self.abort(handle.slot, turn);
                } else if stream.is_filled(&self.chunks) {
                    // Rare: memory is so short that what was filled waits still. `look_after` ends it.
                    stream.is_closing = true;
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

    /// One slice of leaving: what was asked for before is carried out, then everything is closed; true when nothing is
    /// left.
    pub(super) fn leave(&mut self, turn: &mut Turn<'_>) -> bool {
        if !self.is_leaving {
            self.is_leaving = true;
            // Whatever its bits say: it may have died before it set one.
            self.flagged = [u64::MAX; 8];
        }
        let is_liar = self.attachment.violation().is_some();
        if !is_liar {
            match self.take_commands(turn) {
                Ok(0) => {}
                Ok(_more) => return false,
                Err(violation) => self.attachment.condemn(violation),
            }
        }
        self.leave_listeners(turn);
        for _ in 0..CLOSES_MAX {
            let Some((place, number)) = self.sockets.taken_from(self.leaving_place) else {
                // Those that this worker's own turn closes no more are gone with it.
                return true;
            };
            self.leaving_place = place;
            self.leave_socket(number, is_liar, turn);
        }
        false
    }

    fn leave_socket(&mut self, number: u32, is_liar: bool, turn: &mut Turn<'_>) {
        // What fails here fails because of the application, which is leaving.
        let _lied: Result<(), Violation> = self.look_after(number, turn);
        self.follow_read_mark(number, turn);
        let Some(socket) = self.sockets.socket_at(number) else {
            return;
        };
        match &socket.kind {
            Kind::Stream(stream) => {
                // An end of stream would make what is lost look complete.
                let is_cut =
                    stream.is_filled(&self.chunks) || stream.unread(&self.chunks) > 0 || is_liar;
                if is_cut || socket.resets_on_close {
                    self.abort(number, turn);
                } else {
                    self.finish_close(number, turn);
                }
            }
            Kind::Unconnected { .. } | Kind::Listener { .. } => self.release(number),
        }
    }

    /// What the application had read, and not told by a command, is not unread.
    fn follow_read_mark(&mut self, number: u32, turn: &mut Turn<'_>) {
        let Some(Place {
            handle,
            state,
            slot,
        }) = self.sockets.at(number)
        else {
            return;
        };
        let Some(socket) = slot.socket.as_mut() else {
            return;
        };
        let parts = &self.attachment.parts;
        let Some(words) = parts.layout.owners(number) else {
            return;
        };
        let mark = ReadMark::new(parts.application.part(words), handle);
        let Kind::Stream(stream) = &mut socket.kind else {
            return;
        };
        let unread = stream.unread(&self.chunks);
        let told = state.received().saturating_sub(unread);
        let Some(read) = mark.beyond(told, unread) else {
            return;
        };
        let mut tools = Tools {
            state,
            chunks: &mut self.chunks,
            attachment: &self.attachment,
            turn,
        };
        // It lies between what was read and what was received.
        let _believed = stream.take_back(read, &mut tools);
    }

    /// Closes this worker's listeners; the others close theirs.
    pub(super) fn leave_listeners(&mut self, turn: &mut Turn<'_>) {
        let attachment = self.attachment.clone();
        let mut table = attachment.agreements.table();
        for (number, agreed) in (0_u32..).zip(table.iter_mut()) {
            if agreed.phase != Phase::Free {
                agreed.phase = Phase::Closing;
            }
            let is_open = |listening: &super::listening::Listening| listening.open.is_some();
            if self.listening.get(number as usize).is_some_and(is_open) {
                self.close_here(number, turn);
                agreed.having = agreed.having.saturating_sub(1);
            }
            if agreed.phase == Phase::Closing && agreed.having == 0 {
                agreed.free();
            }
        }
        attachment.agreements.changed();
        turn.wake_all();
    }

    fn close_listener(&mut self, number: u32, turn: &mut Turn<'_>) {
        let attachment = self.attachment.clone();
        let mut table = attachment.agreements.table();
        let Some(agreed) = table.get_mut(number as usize) else {
            return;
        };
        agreed.phase = Phase::Closing;
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
    fn release(&mut self, number: u32) {
        let Self {
            sockets,
            chunks,
            mails,
            waiting,
            has_retry,
            ..
        } = self;
        let Some(Place { state, slot, .. }) = sockets.at(number) else {
            return;
        };
        let Some(socket) = slot.socket.as_mut() else {
            return;
        };
        for subscription in socket.subscribers.iter() {
            if let Some(mail) = mails.get_mut(subscription.notifier as usize) {
                mail.forget(number);
            }
        }
        if let Kind::Stream(stream) = &mut socket.kind {
            stream.clear(chunks, state);
        }
        sockets.remove(number);
        *has_retry |= !waiting.is_empty();
    }
}

/// Sockets closed in one turn of a leaving application.
const CLOSES_MAX: usize = 64;
