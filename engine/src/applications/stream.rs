//! A connection of an application: bytes between the shard's queues and the domain's chunks.
//!
//! Both ways are a copy. Received bytes are copied out of the shard's queue, and its window opens, as long as little of
//! them is unread. Bytes to send are copied into the shard's queue at once: what the application does to its
//! memory afterwards changes nothing that is sent.

mod send;
mod urgent;

use std::num::NonZeroU16;

use coremill_ring::chunk::ChunkReference;
use coremill_ring::socket_state::{Flags, StateWriter};
use coremill_ring::untrusted::Violation;
use coremill_tcp::ConnectionId;
use coremill_tcp::error::ReceiveError;
use coremill_tcp::snapshot::Look;

use super::attachment::Attachment;
use super::chunks::Chunks;
use super::errno;
use super::lending::{Lending, NONE};
use super::subscribers::{FAILED, READABLE, WRITABLE};
use super::turn::Turn;
use send::GRANT_BYTES_MAX;

/// A connection. What was received, taken, acknowledged, and may be sent, its state says.
#[derive(Debug)]
// Each byte is paid for by each idle connection: with words aligned to four, a slot of the table is one cache line.
#[repr(Rust, packed(4))]
pub(super) struct Stream {
    pub(super) connection: ConnectionId,
    /// Bytes that the application has sent, by either way.
    pub(super) offered_bytes: u64,
    /// Bytes of chunks granted for sending, when no chunk is out.
    granted: u64,
    /// Its record of chunks, if any are out.
    lending: u32,
    pub(super) wants: Option<Wants>,
    pub(super) holder: Holder,
    /// Nothing more will be read: what comes is thrown away.
    pub(super) discards: bool,
    pub(super) shut: Shut,
    /// Bytes stay in the shard until the application gives chunks back.
    pub(super) is_held: bool,
}

/// Who has a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// Nobody yet: it is in an accept ring, and may not be named.
    Offered,
    /// The application.
    User,
    /// Nobody any more; what was filled is still to be sent.
    Gone,
}

/// Whether the end of stream follows what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shut {
    /// Not yet.
    No,
    /// It does once what was filled before found room in the shard.
    Late,
    /// The shard has it.
    Done,
}

/// The notifier that asked for room, and for how much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wants {
    /// One more than its number.
    notifier: NonZeroU16,
    /// One less than the bytes.
    bytes: u16,
}

impl Wants {
    /// As asked for: by less than a byte nobody is helped, and more than is granted at once is too much.
    pub(super) fn new(notifier: u32, bytes: u32) -> Self {
        let bytes = bytes.clamp(1, GRANT_BYTES_MAX as u32) - 1;
        Self {
            notifier: u16::try_from(notifier)
                .ok()
                .and_then(|notifier| NonZeroU16::MIN.checked_add(notifier))
                .unwrap_or(NonZeroU16::MAX),
            bytes: u16::try_from(bytes).unwrap_or(u16::MAX),
        }
    }

    /// Who is told.
    pub(super) fn notifier(self) -> u32 {
        u32::from(self.notifier.get()) - 1
    }

    fn bytes(self) -> u64 {
        u64::from(self.bytes) + 1
    }
}

/// What became of a share of work on a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Progress {
    /// Conditions that became true.
    pub(super) edges: u16,
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
            offered_bytes: 0,
            granted: 0,
            lending: NONE,
            wants: None,
            holder: if is_offered {
                Holder::Offered
            } else {
                Holder::User
            },
            discards: false,
            shut: Shut::No,
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
        let stands = look.mark.is_some() && self.stands_at_mark(look);
        let mut left = if stands { 0 } else { look.readable_bytes };
        while left > 0 && !progress.lacks_chunks && !progress.has_more {
            if !self.discards && self.unread(tools.chunks) >= UNREAD_MAX {
                self.is_held = true;
                break;
            }
            let count = self.take_piece(tools, &mut progress);
            if count == 0 {
                break;
            }
            left -= count.min(left);
        }
        self.is_held |= progress.lacks_chunks;
        if look.mark.is_some() {
            self.tell_of_mark(look, stands, &mut progress);
        }
        if look.is_delivered {
            progress.flags = progress.flags.and(Flags::DELIVERED);
        }
        // What failed is said above; a handshake under way has no flags.
        if left == 0 && !stands && look.behind == Err(ReceiveError::EndOfStream) {
            progress.flags = progress.flags.and(Flags::CONNECTED).and(Flags::RDHUP);
            progress.edges |= FAILED | READABLE;
        }
        progress
    }

    /// Takes bytes that arrive in order, past the shard's queue, as far as chunks are free; none where they have to wait.
    #[inline]
    pub(super) fn arrive(
        &mut self,
        bytes: &[u8],
        (state, chunks, attachment): (&StateWriter, &mut Chunks, &Attachment),
    ) -> usize {
        let must_wait = self.holder != Holder::User || self.discards || self.is_held;
        if must_wait {
            return 0;
        }
        let Chunks {
            receive, lendings, ..
        } = &mut *chunks;
        let Some(lending) = lendings.wake(&mut self.lending, state, self.granted) else {
            return 0;
        };
        if lending.receive.unread() >= UNREAD_MAX {
            return 0;
        }
        lending.is_warm = true;
        let memory = (&attachment.parts.daemon, &attachment.parts.layout);
        let count = lending.receive.append(bytes, memory, (receive, state));
        if count == 0 {
            self.rest(chunks);
        }
        count
    }

    /// Lets go of the chunk that is kept for what may come: nothing did, or others need it.
    pub(super) fn cool(&mut self, chunks: &mut Chunks, state: &StateWriter) {
        if let Some(lending) = chunks.lendings.get_mut(self.lending) {
            lending.receive.rest(&mut chunks.receive, state);
        }
        self.rest(chunks);
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
            let Chunks {
                receive, lendings, ..
            } = &mut *tools.chunks;
            let Some(lending) = lendings.wake(&mut self.lending, tools.state, self.granted) else {
                progress.lacks_chunks = true;
                return 0;
            };
            lending.is_warm = true;
            let count = lending
                .receive
                .append(piece, memory, (receive, tools.state));
            if count > 0 {
                progress.edges |= READABLE;
            }
            count
        };
        progress.lacks_chunks = count < piece.len();
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
        if self.lending == NONE && read == tools.state.received() {
            return Ok(false);
        }
        let Chunks {
            receive, lendings, ..
        } = &mut *tools.chunks;
        let Some(lending) = lendings.wake(&mut self.lending, tools.state, self.granted) else {
            return Ok(false);
        };
        let grown = lending.receive.give_back(read, receive, tools.state)?;
        if grown > 0 {
            // More will come, mostly, and the reader's core has had the line that it goes to since that was written.
            let parts = &tools.attachment.parts;
            let memory = (&parts.daemon, &parts.layout);
            lending.receive.prefetch(memory, receive);
        }
        lendings.disturb();
        Ok(grown > 0)
    }

    /// Bytes published and not given back.
    pub(super) fn unread(&self, chunks: &Chunks) -> u64 {
        let lending = chunks.lendings.get(self.lending);
        lending.map_or(0, |lending| lending.receive.unread())
    }

    /// Its record of chunks, if any are out.
    #[inline]
    pub(super) fn lending_in<'a>(&self, chunks: &'a Chunks) -> Option<&'a Lending> {
        chunks.lendings.get(self.lending)
    }

    /// Lets go of the record of chunks when none is out: after whatever may have brought one back.
    #[inline]
    pub(super) fn rest(&mut self, chunks: &mut Chunks) {
        if let Some(granted) = chunks.lendings.rest(&mut self.lending) {
            self.granted = granted;
        }
    }

    fn lending<'a>(&mut self, tools: &'a mut Tools<'_, '_>) -> Option<&'a mut Lending> {
        let lendings = &mut tools.chunks.lendings;
        lendings.wake(&mut self.lending, tools.state, self.granted)
    }

    /// For the event that tells of it: the chunk of the first byte not given back, and the count of bytes before it.
    pub(super) fn first_unread(&self, chunks: &Chunks) -> Option<(ChunkReference, u64)> {
        let receive = &chunks.lendings.get(self.lending)?.receive;
        receive.first_unread(&chunks.receive)
    }

    /// What the shard says of the connection; None when it has none of this name any more.
    pub(super) fn look(&self, tools: &Tools<'_, '_>) -> Option<Look> {
        tools.turn.shard.look(self.connection)
    }

    /// Takes all chunks back.
    pub(super) fn clear(&mut self, chunks: &mut Chunks, state: &StateWriter) {
        let Chunks {
            receive,
            send,
            lendings,
        } = chunks;
        if let Some(lending) = lendings.get_mut(self.lending) {
            lending.receive.clear(receive, state);
            lending.send.clear(send);
        }
        lendings.forget(&mut self.lending);
    }
}

/// Bytes that may wait in chunks for one reader: beyond, they wait in the shard, whose window closes.
const UNREAD_MAX: u64 = 256 << 10;
/// Bytes that one connection may move before others have their turn.
const SHARE_BYTES: usize = 64 << 10;
