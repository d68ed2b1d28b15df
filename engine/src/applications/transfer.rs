//! Connections of an application: what it sends and reads.

use coremill_ring::command::Direction;
use coremill_ring::event::Event;
use coremill_ring::handle::Handle;
use coremill_ring::untrusted::Violation;
use coremill_tcp::error::SendError;
use rustix::io::Errno;

use super::domain::Domain;
use super::errno;
use super::mail::{ANSWERS_MAX, Mail};
use super::opening::Answer;
use super::socket_table::{Kind, Place, Slot};
use super::stream::{Holder, Shut, Stream, Tools, Wants};
use super::subscribers::WRITABLE;
use super::turn::Turn;

impl Domain {
    /// Bytes inside a command; gives how many of them were carried out. Short of all, the rest is to be tried again.
    pub(super) fn send(
        &mut self,
        handle: Handle,
        (offset, read): (u64, u64),
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<usize, Violation> {
        let Self {
            sockets,
            chunks,
            attachment,
            counts,
            waiting,
            ..
        } = self;
        let Some(Place {
            state,
            slot: Slot {
                socket: Some(socket),
                ..
            },
            ..
        }) = sockets.find(handle)
        else {
            return Ok(self.refuse(payload));
        };
        let Kind::Stream(stream) = &mut socket.kind else {
            return Ok(self.refuse(payload));
        };
        if stream.holder == Holder::Offered {
            return Ok(self.refuse(payload));
        }
        let mut tools = Tools {
            state,
            chunks,
            attachment,
            turn,
        };
        let came_back = stream.take_back(read, &mut tools)?;
        let sent = stream.send_inline(offset, (payload, None), &mut tools)?;
        // What it may still send has not grown by this: nothing to publish before it becomes little.
        let mut has_room = false;
        if stream.send_left_bytes(&tools) < SEND_LEFT_LITTLE_BYTES
            && let Some(look) = stream.look(&tools)
        {
            has_room = stream.publish_sent(&look, &mut tools);
        }
        let is_held = stream.is_held;
        stream.rest(tools.chunks);
        if let Ok(count) = sent
            && count == payload.len()
            && !has_room
            && !(came_back && (is_held || !waiting.is_empty()))
        {
            // Nothing follows from it: what nearly all messages come to.
            counts.sent_bytes += count as u64;
            return Ok(count);
        }
        self.after_send(handle.slot, (came_back, has_room, sent), payload, turn)
    }

    /// A command that names no connection.
    #[cold]
    fn refuse(&mut self, payload: &[u8]) -> usize {
        self.counts.commands_refused += 1;
        payload.len()
    }

    /// What follows from bytes inside a command; as `send`.
    #[cold]
    pub(super) fn after_send(
        &mut self,
        number: u32,
        (came_back, has_room, sent): (bool, bool, Result<usize, u16>),
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> Result<usize, Violation> {
        self.tell_of_room(number, has_room);
        if came_back {
            self.after_read(number, turn)?;
        }
        match sent {
            Ok(count) => {
                self.counts.sent_bytes += count as u64;
                if count < payload.len() {
                    return Ok(self.send_later(number, count, payload, turn));
                }
            }
            // These bytes are lost, and what follows them would be out of place.
            Err(error) => self.fail(number, error, turn),
        }
        Ok(payload.len())
    }

    /// No memory is left for what was promised: it is waited for, as long as an orphan may wait if nobody is there.
    #[cold]
    fn send_later(
        &mut self,
        number: u32,
        count: usize,
        payload: &[u8],
        turn: &mut Turn<'_>,
    ) -> usize {
        self.counts.sends_delayed += 1;
        if !self.is_late(turn.now) {
            return count;
        }
        turn.shard.counters().abort_on_linger.increment();
        self.fail(number, errno::number(Errno::NOBUFS), turn);
        payload.len()
    }

    /// The application may have found no room and sleep by now: room that grew while a command of its own was carried
    /// out is news, too, and nothing else may come that would tell it.
    fn tell_of_room(&mut self, number: u32, has_room: bool) {
        if !has_room {
            return;
        }
        if let Some(Place { state, .. }) = self.sockets.at(number) {
            state.raise_writable();
        }
        self.mark(number, WRITABLE);
    }

    /// Bytes filled into grants.
    pub(super) fn send_filled(
        &mut self,
        handle: Handle,
        (offset, read): (u64, u64),
        filled: (u64, bool),
        turn: &mut Turn<'_>,
    ) -> Result<(), Violation> {
        let filled = self.with_stream(handle, turn, |stream, tools| {
            let came_back = stream.take_back(read, tools)?;
            let before = stream.offered_bytes;
            stream.fill(offset, filled, tools)?;
            stream.pump_send(tools);
            let look = stream.look(tools);
            let has_room = look.is_some_and(|look| stream.publish_sent(&look, tools));
            Ok((came_back, stream.offered_bytes - before, has_room))
        })?;
        let Some((came_back, bytes, has_room)) = filled else {
            return Ok(());
        };
        self.tell_of_room(handle.slot, has_room);
        self.counts.sent_bytes += bytes;
        self.has_retry |= !self.waiting.is_empty();
        if came_back {
            self.after_read(handle.slot, turn)?;
        }
        Ok(())
    }

    /// What was read.
    pub(super) fn read(
        &mut self,
        handle: Handle,
        read: u64,
        turn: &mut Turn<'_>,
    ) -> Result<(), Violation> {
        let came_back =
            self.with_stream(handle, turn, |stream, tools| stream.take_back(read, tools))?;
        match came_back {
            Some(true) => self.after_read(handle.slot, turn),
            _ => Ok(()),
        }
    }

    /// Grants chunks to a notifier, now or when there are some.
    pub(super) fn want_room(
        &mut self,
        handle: Handle,
        wants: Wants,
        turn: &mut Turn<'_>,
    ) -> Result<(), Violation> {
        let found = self.with_stream(handle, turn, |stream, _| {
            stream.wants = Some(wants);
            Ok(())
        })?;
        match found {
            Some(()) => self.grant(handle.slot, turn),
            None => Ok(()),
        }
    }

    /// Grants that will not be filled.
    pub(super) fn give_back(
        &mut self,
        handle: Handle,
        filled: u64,
        turn: &mut Turn<'_>,
    ) -> Result<(), Violation> {
        let given = self.with_stream(handle, turn, |stream, tools| {
            let given = stream.give_back(filled, tools)?;
            stream.pump_send(tools);
            Ok(given)
        })?;
        if let Some(Err(error)) = given {
            self.fail(handle.slot, error, turn);
        }
        self.has_retry |= !self.waiting.is_empty();
        Ok(())
    }

    /// Ends one direction or both.
    pub(super) fn shutdown(
        &mut self,
        handle: Handle,
        direction: Direction,
        turn: &mut Turn<'_>,
    ) -> Result<Answer, Violation> {
        let ended = self.with_stream(handle, turn, |stream, tools| {
            if direction != Direction::Send {
                stream.discards = true;
            }
            if direction == Direction::Receive {
                return Ok(Ok(()));
            }
            stream.pump_send(tools);
            if stream.is_filled(tools.chunks) {
                // Memory is so short that the end of stream would come before what is filled. `look_after` goes on.
                stream.shut = Shut::Late;
                return Ok(Ok(()));
            }
            let turn = &mut *tools.turn;
            Ok(match turn.shard.shutdown(turn.now, stream.connection) {
                Ok(()) | Err(SendError::ShutDown) => {
                    stream.shut = Shut::Done;
                    Ok(())
                }
                Err(error) => Err(errno::of_send(error)),
            })
        })?;
        let Some(ended) = ended else {
            return Ok(Err(errno::number(Errno::NOTCONN)));
        };
        self.look_after(handle.slot, turn)?;
        Ok(ended.map(|()| (None, 0)))
    }

    /// Chunks came back: this connection may go on, and others.
    fn after_read(&mut self, number: u32, turn: &mut Turn<'_>) -> Result<(), Violation> {
        self.has_retry |= !self.waiting.is_empty();
        let stream = self.sockets.stream_at(number);
        let is_held = stream.is_some_and(|stream| stream.is_held);
        if is_held {
            self.look_after(number, turn)?;
        }
        Ok(())
    }

    /// Grants chunks to whoever asked for room on a connection; it waits when there is none.
    pub(super) fn grant(&mut self, number: u32, turn: &mut Turn<'_>) -> Result<(), Violation> {
        let mut grants = [None; ANSWERS_MAX];
        let Self {
            sockets,
            chunks,
            attachment,
            mails,
            ..
        } = self;
        let Some(Place {
            handle,
            state,
            slot: Slot {
                socket: Some(socket),
                ..
            },
            ..
        }) = sockets.at(number)
        else {
            return Ok(());
        };
        let Kind::Stream(stream) = &mut socket.kind else {
            return Ok(());
        };
        let Some(wants) = stream.wants else {
            return Ok(());
        };
        let notifier = wants.notifier();
        let has_room = mails.get(notifier as usize).is_some_and(Mail::has_room);
        let mut tools = Tools {
            state,
            chunks,
            attachment,
            turn,
        };
        let is_done = has_room && stream.grant(wants, &mut tools, &mut grants);
        stream.rest(tools.chunks);
        // Who waits for chunks on a poller hears of them as of room.
        let is_granted = grants.iter().any(Option::is_some);
        for grant in grants.into_iter().flatten() {
            let granted = Event::Granted {
                socket: handle,
                grant,
            };
            self.tell(notifier, granted)?;
        }
        self.tell_of_room(number, is_granted);
        if !is_done {
            self.is_held_back |= !has_room;
            self.wait(number);
        }
        Ok(())
    }

    /// Something on a connection that the application may name; None, and counted, when it names none.
    pub(super) fn with_stream<T>(
        &mut self,
        handle: Handle,
        turn: &mut Turn<'_>,
        act: impl FnOnce(&mut Stream, &mut Tools<'_, '_>) -> Result<T, Violation>,
    ) -> Result<Option<T>, Violation> {
        let Self {
            sockets,
            chunks,
            attachment,
            counts,
            ..
        } = self;
        if let Some(Place {
            state,
            slot: Slot {
                socket: Some(socket),
                ..
            },
            ..
        }) = sockets.find(handle)
            && let Kind::Stream(stream) = &mut socket.kind
            && stream.holder != Holder::Offered
        {
            let mut tools = Tools {
                state,
                chunks,
                attachment,
                turn,
            };
            let done = act(stream, &mut tools);
            stream.rest(tools.chunks);
            return done.map(Some);
        }
        counts.commands_refused += 1;
        Ok(None)
    }
}

/// With less than this left to send, each message asks how much room there is now, and to be told when there is more.
const SEND_LEFT_LITTLE_BYTES: u64 = 64 << 10;
