//! A connection of an application: bytes between the shard's queues and the domain's chunks.
//!
//! Both ways are a copy. Received bytes are copied out of the shard's queue, and its window opens, as long as little of
//! them is unread. Bytes to send are copied into the shard's queue at once: what the application does to its
//! memory afterwards changes nothing that is sent.

use coremill_ring::receive_queue::ReceiveQueue;
use coremill_ring::send_lease::{Grant, SendLease};
use coremill_ring::socket_state::{Flags, StateWriter};
use coremill_ring::untrusted::Violation;
use coremill_tcp::ConnectionId;
use coremill_tcp::error::{ReceiveError, SendError};
use coremill_tcp::snapshot::Look;

use super::attachment::Attachment;
use super::chunks::Chunks;
use super::errno;
use super::subscribers::{FAILED, READABLE, WRITABLE};
use super::turn::Turn;

/// A connection.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) connection: ConnectionId,
    pub(super) receive: ReceiveQueue,
    pub(super) lease: SendLease,
    /// Bytes received and published.
    received: u64,
    /// Bytes that the application has sent, by either way.
    pub(super) offered_bytes: u64,
    /// Of these, what the shard has taken.
    taken: u64,
    /// Count of the grants' bytes that were copied into the shard, and up to where they are filled.
    copied: u64,
    filled: u64,
    /// Filled bytes behind this are void up to where the grants are filled by now.
    skips_to: Option<u64>,
    /// Of these, what the peer has acknowledged, when it was looked at last.
    acknowledged: u64,
    /// How far the application may send.
    send_limit: u64,
    /// The notifier that asked for room, and for how much.
    pub(super) wants: Option<(u32, u32)>,
    /// In an accept ring: nobody may name it yet.
    pub(super) is_offered: bool,
    /// Nothing more will be read: what comes is thrown away.
    pub(super) discards: bool,
    /// End of stream follows what was sent.
    pub(super) is_shut: bool,
    /// Its user let go; what was filled is still to be sent.
    pub(super) is_closing: bool,
    /// Bytes stay in the shard until the application gives chunks back.
    pub(super) is_held: bool,
}

/// What became of a share of work on a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Conditions that became true.
    pub(super) edges: u32,
    /// There is more to do than this share.
    pub(super) has_more: bool,
    /// No chunk was free.
    pub(super) lacks_chunks: bool,
    /// It is connected, at its end, or failed, as these say.
    pub(super) flags: Flags,
    /// Linux's number of the error.
    pub(super) error: u16,
    /// Bytes moved.
    pub(super) bytes: u64,
}

/// What a connection's verbs work with.
pub(super) struct Tools<'a, 'b> {
    pub(super) state: &'a StateWriter,
    pub(super) chunks: &'a mut Chunks,
    pub(super) attachment: &'a Attachment,
    pub(super) turn: &'a mut Turn<'b>,
}

impl Stream {
    /// A connection of which nothing was received or sent.
    pub(super) fn new(connection: ConnectionId, is_offered: bool) -> Self {
        Self {
            connection,
            receive: ReceiveQueue::default(),
            lease: SendLease::default(),
            received: 0,
            offered_bytes: 0,
            taken: 0,
            acknowledged: 0,
            copied: 0,
            filled: 0,
            skips_to: None,
            send_limit: 0,
            wants: None,
            is_offered,
            discards: false,
            is_shut: false,
            is_closing: false,
            is_held: false,
        }
    }

    /// Moves received bytes into chunks, and says what the connection, as `look` found it, has come to.
    pub(super) fn pump_receive(&mut self, look: &Look, tools: &mut Tools<'_, '_>) -> Progress {
        let mut progress = Progress::default();
        if let Some(error) = look.error {
            progress.flags = Flags::ERR.and(Flags::HUP);
            progress.error = errno::of_connection(error);
            progress.edges = FAILED | READABLE | WRITABLE;
        }
        if look.readable_bytes > 0 || look.behind.is_ok() {
            progress.flags = progress.flags.and(Flags::CONNECTED);
        }
        self.is_held = false;
        let mut left = look.readable_bytes;
        while left > 0 && !progress.lacks_chunks && !progress.has_more {
            if self.receive.unread() >= UNREAD_MAX && !self.discards {
                self.is_held = true;
                return progress;
            }
            let count = self.take_piece(tools, &mut progress);
            if count == 0 {
                break;
            }
            left -= count.min(left);
        }
        self.is_held = progress.lacks_chunks;
        // What failed is said above; a handshake under way has no flags.
        if left == 0 && look.behind == Err(ReceiveError::EndOfStream) {
            progress.flags = progress.flags.and(Flags::CONNECTED).and(Flags::RDHUP);
            progress.edges |= FAILED | READABLE;
        }
        progress
    }

    /// Moves what lies in one piece; gives how much of it was moved.
    fn take_piece(&mut self, tools: &mut Tools<'_, '_>, progress: &mut Progress) -> usize {
        let turn = &mut *tools.turn;
        let Ok(piece) = turn.shard.receive_slice(self.connection) else {
            return 0;
        };
        let piece = piece.get(..SHARE_BYTES).unwrap_or(piece);
        let count = if self.discards {
            piece.len()
        } else {
            let parts = &tools.attachment.parts;
            let memory = (&parts.daemon, &parts.layout);
            let books = (&mut tools.chunks.receive, tools.state);
            self.receive.write_at(self.received, piece, memory, books)
        };
        progress.lacks_chunks = count < piece.len();
        if !self.discards && count > 0 {
            self.receive.publish(count, tools.state);
            self.received += count as u64;
            progress.edges |= READABLE;
        }
        progress.bytes += count as u64;
        turn.shard.consume(turn.now, self.connection, count);
        progress.has_more = progress.bytes >= SHARE_BYTES as u64;
        count
    }

    /// The application has read up to here; true when chunks may have come back.
    pub(super) fn take_back(
        &mut self,
        read: u64,
        tools: &mut Tools<'_, '_>,
    ) -> Result<bool, Violation> {
        let grown = self
            .receive
            .give_back(read, &mut tools.chunks.receive, tools.state)?;
        Ok(grown > 0)
    }

    /// Sends bytes that came inside a command.
    ///
    /// # Errors
    /// The outer one when the application was never allowed to send them there, the inner one when the connection
    /// cannot send.
    pub(super) fn send_inline(
        &mut self,
        offset: u64,
        bytes: &[u8],
        tools: &mut Tools<'_, '_>,
    ) -> Result<Result<(), u16>, Violation> {
        if offset != self.offered_bytes {
            return Err(Violation::BadField);
        }
        if offset + bytes.len() as u64 > self.send_limit {
            return Err(Violation::CountBeyond);
        }
        self.offered_bytes += bytes.len() as u64;
        if self.is_filled() {
            // The limit leaves room for these bytes behind those, but memory is so short that those still wait.
            return Ok(Err(errno::number(rustix::io::Errno::NOBUFS)));
        }
        let turn = &mut *tools.turn;
        Ok(match turn.shard.send(turn.now, self.connection, bytes) {
            Ok(count) => {
                self.taken += count as u64;
                match count == bytes.len() {
                    true => Ok(()),
                    false => Err(errno::number(rustix::io::Errno::NOBUFS)),
                }
            }
            // The state says what became of the connection, and what comes behind that goes nowhere, as in Linux.
            Err(SendError::Failed(_) | SendError::ShutDown) => Ok(()),
            Err(error) => Err(errno::of_send(error)),
        })
    }

    /// Takes over that grants were filled.
    pub(super) fn fill(&mut self, offset: u64, filled: u64) -> Result<(), Violation> {
        if offset != self.offered_bytes {
            return Err(Violation::BadField);
        }
        let grown = self.lease.fill(filled)?;
        if self.skips_to.is_some() && grown > 0 {
            return Err(Violation::BadField);
        }
        self.offered_bytes += grown;
        self.filled = self.filled.max(filled);
        Ok(())
    }

    /// Takes grants back that nothing was written to.
    pub(super) fn give_back(&mut self, filled: u64) -> Result<(), Violation> {
        if self.lease.fill(filled)? > 0 {
            self.skips_to = Some(filled);
        }
        Ok(())
    }

    /// Moves filled bytes into the shard as far as it has room; true when chunks may have come back.
    #[inline]
    pub(super) fn pump_send(&mut self, tools: &mut Tools<'_, '_>) -> bool {
        // Small messages come inside commands: nearly always there is nothing here.
        (self.is_filled() || self.skips_to.is_some()) && self.pump_filled(tools)
    }

    fn pump_filled(&mut self, tools: &mut Tools<'_, '_>) -> bool {
        let before = self.copied;
        let mut piece = [0; PIECE_BYTES];
        while self.copied < self.filled {
            let room = tools.turn.shard.send_room(self.connection);
            let rest = usize::try_from(self.filled - self.copied).unwrap_or(usize::MAX);
            let count = rest.min(room).min(PIECE_BYTES);
            let parts = &tools.attachment.parts;
            let out = piece.get_mut(..count).unwrap_or_default();
            let memory = (&parts.application, &parts.layout);
            let count = self
                .lease
                .copy_out(self.copied, out, memory, &tools.chunks.send);
            let turn = &mut *tools.turn;
            let sent = turn.shard.send(
                turn.now,
                self.connection,
                piece.get(..count).unwrap_or_default(),
            );
            let sent = match sent {
                Ok(sent) => sent,
                // Nothing of it will ever be sent.
                Err(SendError::Failed(_) | SendError::ShutDown | SendError::NoConnection) => rest,
                Err(SendError::NotConnected) => 0,
            };
            self.copied += sent as u64;
            self.taken += sent as u64;
            if sent == 0 || sent < count {
                break;
            }
        }
        if self.copied == self.filled
            && let Some(end) = self.skips_to.take()
        {
            (self.copied, self.filled) = (end, end);
        }
        self.lease.finish(self.copied, &mut tools.chunks.send);
        self.copied > before
    }

    /// Whether filled bytes wait for room in the shard.
    pub(super) fn is_filled(&self) -> bool {
        self.copied < self.filled
    }

    /// Says how far sending came, and asks to be told of room when there is little; true when there is more room
    /// than there was.
    pub(super) fn publish_sent(&mut self, look: &Look, tools: &mut Tools<'_, '_>) -> bool {
        let shard = &mut *tools.turn.shard;
        let room = look.send_room_bytes as u64;
        let queued = look.send_queue_bytes as u64;
        let before = self.send_limit;
        self.send_limit = before.max(self.taken + room);
        let left = self.send_limit.saturating_sub(self.offered_bytes);
        if room > 0 && left < (room + queued) / 3 || room == 0 && queued > 0 {
            shard.want_room(self.connection);
        }
        self.acknowledged = self.taken.saturating_sub(queued).max(self.acknowledged);
        tools
            .state
            .set_sent(self.taken, self.acknowledged, self.send_limit);
        self.send_limit > before
    }

    /// Grants chunks for `bytes` to be written, as far as there is room; false when that has to wait.
    pub(super) fn grant(
        &mut self,
        bytes: u32,
        tools: &mut Tools<'_, '_>,
        grants: &mut [Option<Grant>],
    ) -> bool {
        let wanted = u64::from(bytes).clamp(1, GRANT_BYTES_MAX);
        let room = tools.turn.shard.send_room(self.connection) as u64;
        let queued = tools.turn.shard.send_queue_bytes(self.connection) as u64;
        let least = (room + queued).min(LARGEST_CHUNK_BYTES);
        for place in grants {
            let reserved = self.lease.unfilled() + (self.filled - self.copied);
            let left = room.saturating_sub(reserved);
            if self.lease.unfilled() >= wanted || left == 0 || left < least {
                break;
            }
            let rest = usize::try_from(wanted - self.lease.unfilled()).unwrap_or(usize::MAX);
            *place = self.lease.grant(rest, &mut tools.chunks.send);
            if place.is_none() {
                break;
            }
        }
        if self.lease.unfilled() == 0 {
            tools.turn.shard.want_room(self.connection);
            return false;
        }
        self.wants = None;
        true
    }

    /// Whether the application may send something now.
    pub(super) fn has_room(&self) -> bool {
        self.send_limit > self.offered_bytes
    }

    /// Counts for the event that tells of it: received, acknowledged, and the first byte not given back.
    pub(super) fn received(&self) -> (u64, u64) {
        (self.received, self.received - self.receive.unread())
    }

    /// Bytes sent that the peer acknowledged, when it was looked at last.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// What the shard says of the connection; None when it has none of this name any more.
    pub(super) fn look(&self, tools: &Tools<'_, '_>) -> Option<Look> {
        tools.turn.shard.look(self.connection)
    }

    /// Takes all chunks back.
    pub(super) fn clear(&mut self, chunks: &mut Chunks, state: &StateWriter) {
        self.receive.clear(&mut chunks.receive, state);
        self.lease.clear(&mut chunks.send);
    }
}

/// Bytes that may wait in chunks for one reader: beyond, they wait in the shard, whose window closes.
const UNREAD_MAX: u64 = 256 << 10;
/// Bytes that one connection may move before others have their turn.
const SHARE_BYTES: usize = 64 << 10;
/// Bytes copied at a time on their way into the shard.
const PIECE_BYTES: usize = 4096;
/// Bytes granted and not filled that one connection may have.
const GRANT_BYTES_MAX: u64 = 64 << 10;
/// Room that must be there for a grant, so that what is filled finds room at once.
const LARGEST_CHUNK_BYTES: u64 = 16 << 10;
