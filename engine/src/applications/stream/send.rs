//! What an application sends: inside commands, or filled into chunks that it was granted.

use coremill_ring::command::SendMark;
use coremill_ring::send_lease::Grant;
use coremill_ring::socket_state::StateWriter;
use coremill_ring::untrusted::Violation;
use coremill_tcp::error::SendError;
use coremill_tcp::snapshot::Look;

use super::{Chunks, Lending, Stream, Tools, Wants, errno};

impl Stream {
    /// Sends bytes that came inside a command; gives how many. The others are to come again: as much room as was told of
    /// was promised, and a shard whose memory has run out meanwhile breaks no promise, but takes its time.
    ///
    /// # Errors
    /// The outer one when the application was never allowed to send them there, the inner one when the connection
    /// cannot send.
    pub(in crate::applications) fn send_inline(
        &mut self,
        offset: u64,
        (bytes, mark): (&[u8], Option<SendMark>),
        tools: &mut Tools<'_, '_>,
    ) -> Result<Result<usize, u16>, Violation> {
        if offset != self.offered_bytes {
            return Err(Violation::BadField);
        }
        if offset + bytes.len() as u64 > tools.state.send_limit() {
            return Err(Violation::CountBeyond);
        }
        if self.is_filled(tools.chunks) {
            // Behind those.
            self.pump_send(tools);
            if self.is_filled(tools.chunks) {
                return Ok(Ok(0));
            }
        }
        let turn = &mut *tools.turn;
        let sent = match mark {
            None => turn.shard.send_promised(turn.now, self.connection, bytes),
            Some(mark) => self.send_marked(bytes, mark, turn),
        };
        let count = match sent {
            Ok(count) => {
                tools.state.set_taken(tools.state.taken() + count as u64);
                count
            }
            // The state says what became of the connection, and what comes behind that goes nowhere, as in Linux.
            Err(SendError::Failed(_) | SendError::ShutDown) => bytes.len(),
            Err(error) => return Ok(Err(errno::of_send(error))),
        };
        self.offered_bytes += count as u64;
        Ok(Ok(count))
    }

    /// Takes over that grants were filled.
    pub(in crate::applications) fn fill(
        &mut self,
        offset: u64,
        (filled, has_more): (u64, bool),
        tools: &mut Tools<'_, '_>,
    ) -> Result<(), Violation> {
        if offset != self.offered_bytes {
            return Err(Violation::BadField);
        }
        let Some(lending) = self.lending(tools) else {
            return Ok(());
        };
        let grown = lending.send.fill(filled)?;
        lending.has_more = has_more;
        if lending.skips_to.is_none() {
            lending.filled = lending.filled.max(filled);
        }
        self.offered_bytes += grown;
        Ok(())
    }

    /// Takes grants back that nothing was written to.
    ///
    /// # Errors
    /// The outer one when there were no such grants, the inner one when memory is so short for so long that bytes before an
    /// earlier such gap wait still, and others behind it.
    pub(in crate::applications) fn give_back(
        &mut self,
        filled: u64,
        tools: &mut Tools<'_, '_>,
    ) -> Result<Result<(), u16>, Violation> {
        let Some(lending) = self.lending(tools) else {
            return Ok(Ok(()));
        };
        let before = lending.send.filled();
        if lending.send.fill(filled)? > 0 {
            if lending.skips_to.is_some_and(|end| end != before) {
                return Ok(Err(errno::number(rustix::io::Errno::NOBUFS)));
            }
            lending.skips_to = Some(filled);
        }
        Ok(Ok(()))
    }

    /// Moves filled bytes into the shard as far as it has room; true when chunks may have come back.
    #[inline]
    pub(in crate::applications) fn pump_send(&mut self, tools: &mut Tools<'_, '_>) -> bool {
        // Small messages come inside commands: nearly always there is nothing here.
        let lending = tools.chunks.lendings.get(self.lending);
        lending.is_some_and(|lending| lending.is_filled() || lending.skips_to.is_some())
            && self.pump_filled(tools)
    }

    fn pump_filled(&mut self, tools: &mut Tools<'_, '_>) -> bool {
        let connection = self.connection;
        let (attachment, state) = (tools.attachment, tools.state);
        let turn = &mut *tools.turn;
        let Chunks { send, lendings, .. } = &mut *tools.chunks;
        let Some(lending) = lendings.wake(&mut self.lending, state, self.granted) else {
            return false;
        };
        let before = lending.copied;
        let mut piece = [0; PIECE_BYTES];
        loop {
            if !lending.is_filled() {
                // Behind what was given back there may be more: of a grant that was on its way then.
                let Some(end) = lending.skips_to.take() else {
                    break;
                };
                (lending.copied, lending.filled) = (end, lending.send.filled());
                continue;
            }
            let room = turn.shard.send_room(connection);
            let rest = usize::try_from(lending.filled - lending.copied).unwrap_or(usize::MAX);
            let count = rest.min(room).min(PIECE_BYTES);
            let parts = &attachment.parts;
            let out = piece.get_mut(..count).unwrap_or_default();
            let memory = (&parts.application, &parts.layout);
            let count = lending.send.copy_out(lending.copied, out, memory, send);
            let out = piece.get(..count).unwrap_or_default();
            let sent = match lending.has_more && count == rest {
                true => turn.shard.send_more(turn.now, connection, out),
                false => turn.shard.send(turn.now, connection, out),
            };
            let sent = match sent {
                Ok(sent) => sent,
                // Nothing of it will ever be sent.
                Err(SendError::Failed(_) | SendError::ShutDown | SendError::NoConnection) => rest,
                Err(SendError::NotConnected | SendError::NoExtension) => 0,
            };
            lending.copied += sent as u64;
            state.set_taken(state.taken() + sent as u64);
            if sent == 0 || sent < count {
                break;
            }
        }
        if lending.is_filled() {
            // Also of one whom nobody holds any more: nothing else would say when it may go on.
            turn.shard.want_room(connection);
        }
        lending.send.finish(lending.copied, send);
        lending.copied > before
    }

    /// Whether filled bytes wait for room in the shard.
    pub(in crate::applications) fn is_filled(&self, chunks: &Chunks) -> bool {
        let lending = chunks.lendings.get(self.lending);
        lending.is_some_and(Lending::is_filled)
    }

    /// Bytes that the application may still send, as far as it was told.
    #[inline]
    pub(in crate::applications) fn send_left_bytes(&self, tools: &Tools<'_, '_>) -> u64 {
        tools.state.send_limit().saturating_sub(self.offered_bytes)
    }

    /// Says how far sending came, and asks to be told of room when there is little; true when there is more room
    /// than there was.
    pub(in crate::applications) fn publish_sent(
        &mut self,
        look: &Look,
        tools: &mut Tools<'_, '_>,
    ) -> bool {
        let shard = &mut *tools.turn.shard;
        let room = look.send_room_bytes as u64;
        let queued = look.send_queue_bytes as u64;
        let (taken, before) = (tools.state.taken(), tools.state.send_limit());
        let limit = before.max(taken + room);
        let left = limit.saturating_sub(self.offered_bytes);
        if room > 0 && left < (room + queued) / 3 || room == 0 {
            shard.want_room(self.connection);
        }
        let acknowledged = taken.saturating_sub(queued);
        let acknowledged = acknowledged.max(tools.state.acknowledged());
        tools.state.set_sent(taken, acknowledged, limit);
        limit > before
    }

    /// Grants chunks to whoever asked for room, as far as there is some; false when that has to wait.
    pub(in crate::applications) fn grant(
        &mut self,
        wants: Wants,
        tools: &mut Tools<'_, '_>,
        grants: &mut [Option<Grant>],
    ) -> bool {
        let room = tools.turn.shard.send_room(self.connection) as u64;
        let queued = tools.turn.shard.send_queue_bytes(self.connection) as u64;
        let least = (room + queued).min(LARGEST_CHUNK_BYTES);
        let Chunks { send, lendings, .. } = &mut *tools.chunks;
        let Some(lending) = lendings.wake(&mut self.lending, tools.state, self.granted) else {
            return false;
        };
        for place in grants {
            if lending.skips_to.is_some() {
                // Filled bytes wait, and were given up behind: no more before those are gone.
                break;
            }
            let unfilled = lending.send.unfilled();
            let reserved = unfilled + (lending.filled - lending.copied);
            let left = room.saturating_sub(reserved);
            if unfilled >= wants.bytes() || left == 0 || left < least {
                break;
            }
            let rest = usize::try_from(wants.bytes() - unfilled).unwrap_or(usize::MAX);
            *place = lending.send.grant(rest, send);
            if place.is_none() {
                break;
            }
        }
        if lending.send.unfilled() == 0 {
            tools.turn.shard.want_room(self.connection);
            return false;
        }
        self.wants = None;
        true
    }

    /// Whether the application may send something now.
    pub(in crate::applications) fn has_room(&self, state: &StateWriter) -> bool {
        state.send_limit() > self.offered_bytes
    }
}

/// Bytes copied at a time on their way into the shard.
const PIECE_BYTES: usize = 4096;
/// Bytes granted and not filled that one connection may have.
pub(super) const GRANT_BYTES_MAX: u64 = 64 << 10;
/// Room that must be there for a grant, so that what is filled finds room at once.
const LARGEST_CHUNK_BYTES: u64 = 16 << 10;
