//! What the shard tells of connections: bytes moved on, states published, those that wait tried again.

use std::time::Duration;

use coremill_ring::socket_state::{Flags, StateWriter};
use coremill_ring::untrusted::Violation;
use coremill_tcp::{Event as TcpEvent, Instant, Subject};

use super::domain::Domain;
use super::socket_table::{Kind, Place, Slot, Socket};
use super::stream::{Holder, Progress, Shut, Tools};
use super::subscribers::{READABLE, WRITABLE};
use super::turn::Turn;

impl Domain {
    /// What the shard told of one of its sockets.
    pub(super) fn event(&mut self, event: &TcpEvent, turn: &mut Turn<'_>) -> Result<(), Violation> {
        let number = (event.cookie & u64::from(u32::MAX)) as u32;
        match event.subject {
            Subject::Listener(id) => {
                let open = self
                    .listening
                    .get_mut(number as usize)
                    .and_then(|listening| listening.open.as_mut());
                if let Some(open) = open.filter(|open| open.id == id) {
                    open.is_acceptable = true;
                    self.has_acceptable = true;
                }
                Ok(())
            }
            Subject::Connection(id) => {
                match self.sockets.stream_at(number) {
                    Some(stream) if stream.connection == id && stream.holder != Holder::Offered => {
                        self.look_after(number, turn)
                    }
                    // Of a socket that had this place before, or one that is looked after when it is taken.
                    _ => Ok(()),
                }
            }
        }
    }

    /// Moves what can be moved on a connection, both ways, and publishes what it has come to.
    pub(super) fn look_after(&mut self, number: u32, turn: &mut Turn<'_>) -> Result<(), Violation> {
        let Self {
            sockets,
            chunks,
            attachment,
            worker,
            ..
        } = self;
        let Some(Place {
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
        let mut tools = Tools {
            state,
            chunks,
            attachment,
            turn,
        };
        let Kind::Stream(stream) = &mut socket.kind else {
            return Ok(());
        };
        let sent_more = stream.pump_send(&mut tools);
        if stream.shut == Shut::Late && !stream.is_filled(tools.chunks) {
            stream.shut = Shut::Done;
            let turn = &mut *tools.turn;
            // If it failed meanwhile, what is looked at below says so.
            let _failed = turn.shard.shutdown(turn.now, stream.connection);
        }
        if stream.holder == Holder::Gone {
            if !stream.is_filled(tools.chunks) {
                self.finish_close(number, turn);
            }
            self.has_retry |= sent_more;
            return Ok(());
        }
        let Some(look) = stream.look(&tools) else {
            return Ok(());
        };
        let progress = stream.pump_receive(&look, &mut tools);
        let has_room = stream.publish_sent(&look, &mut tools);
        let is_over = progress.flags.contains(Flags::RDHUP) && stream.shut != Shut::No;
        let wants = stream.wants.is_some();
        stream.rest(tools.chunks);
        let edges = publish((state, *worker), socket, &progress, (has_room, is_over));
        self.counts.received_bytes += progress.bytes;
        self.has_retry |= progress.has_more || sent_more;
        if progress.has_more || progress.lacks_chunks {
            self.wait(number);
        }
        self.mark(number, edges);
        if wants {
            self.grant(number, turn)?;
        }
        Ok(())
    }

    /// Tries again those that waited, one share each.
    pub(super) fn retry(&mut self, turn: &mut Turn<'_>) -> Result<usize, Violation> {
        if std::mem::take(&mut self.has_retry) {
            self.retries = self.waiting.len();
        }
        let count = self.retries.min(RETRIES_MAX);
        // Each once: those that wait in vain go behind the others.
        self.retries -= count;
        for _ in 0..count {
            let Some(number) = self.waiting.pop_front() else {
                break;
            };
            if let Some(Place { slot, .. }) = self.sockets.at(number) {
                slot.is_waiting = false;
            }
            self.look_after(number, turn)?;
        }
        Ok(count)
    }

    /// Takes chunks back from connections that keep one and for which nothing has come for a while; at once when others
    /// wait for some.
    #[inline]
    pub(super) fn cool_in_time(&mut self, now: Instant) {
        if self.chunks.lendings.is_settled() {
            return;
        }
        let is_short = !self.waiting.is_empty();
        if is_short || now.since(self.swept) >= COOLED_AFTER {
            self.swept = now;
            self.cool(COOLED_MAX, is_short);
        }
    }

    /// Looks at so many records of chunks, and takes kept ones back: of idle connections, or of all.
    pub(super) fn cool(&mut self, looks: usize, all: bool) {
        for _ in 0..looks {
            if self.chunks.lendings.is_settled() {
                return;
            }
            if let Some(number) = self.chunks.lendings.sweep(all) {
                self.cool_one(number);
            }
        }
    }

    fn cool_one(&mut self, number: u32) {
        let Self {
            sockets, chunks, ..
        } = self;
        if let Some(Place { state, slot, .. }) = sockets.at(number)
            && let Some(stream) = slot.socket.as_mut().and_then(Socket::stream)
        {
            stream.cool(chunks, state);
            self.has_retry |= !self.waiting.is_empty();
        }
    }

    /// Something about a socket is to be told.
    pub(super) fn mark(&mut self, number: u32, edges: u16) {
        if edges == 0 {
            return;
        }
        if let Some(Place { slot, .. }) = self.sockets.at(number)
            && let Some(socket) = &mut slot.socket
        {
            socket.edges |= edges;
            if !std::mem::replace(&mut slot.is_listed, true) {
                self.to_tell.push_back(number);
            }
        }
    }

    /// A connection goes on when chunks come back, or in another share.
    pub(super) fn wait(&mut self, number: u32) {
        if let Some(Place { slot, .. }) = self.sockets.at(number)
            && !std::mem::replace(&mut slot.is_waiting, true)
        {
            self.waiting.push_back(number);
        }
    }
}

/// Publishes what a connection has come to; gives the conditions that are news.
fn publish(
    (state, worker): (&StateWriter, u32),
    socket: &mut Socket,
    progress: &Progress,
    (has_room, is_over): (bool, bool),
) -> u16 {
    let before = (socket.flags, socket.error);
    let mut edges = progress.edges | if has_room { WRITABLE } else { 0 };
    // Where the mark stands is said anew each time.
    let mark = Flags::URGENT.and(Flags::MARK).and(Flags::BEHIND);
    let flags = socket.flags.without(mark).and(progress.flags);
    socket.flags = if is_over {
        flags.and(Flags::HUP)
    } else {
        flags
    };
    if progress.error != 0 {
        socket.error = progress.error;
    }
    if socket.flags.contains(Flags::CONNECTED) && !before.0.contains(Flags::CONNECTED) {
        // Whoever waits for that hears of it even if there is no memory to write to now.
        edges |= WRITABLE;
    }
    if socket.flags.contains(Flags::DELIVERED) && !before.0.contains(Flags::DELIVERED) {
        // There is no room any more, but one who lingers waits for this.
        edges |= WRITABLE;
    }
    if before != (socket.flags, socket.error) {
        state.set_condition(socket.condition(worker));
    } else if progress.bytes == 0 {
        // An end or an error that was told before is no news; room is.
        edges &= if has_room { WRITABLE } else { 0 };
    }
    if edges & READABLE != 0 {
        state.raise_readable();
    }
    if edges & WRITABLE != 0 {
        state.raise_writable();
    }
    edges
}

/// Connections of one application that go on in one turn, with up to a share of bytes each way.
const RETRIES_MAX: usize = 8;
/// How often connections that keep a chunk are looked at, some each time: a connection is idle when nothing came for it
/// between two looks.
const COOLED_AFTER: Duration = Duration::from_millis(1);
const COOLED_MAX: usize = 64;
/// The same before the worker sleeps.
pub(super) const COOLED_BEFORE_SLEEP: usize = 256;
