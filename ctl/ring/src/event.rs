//! What a worker tells an application: hints about sockets, answers to commands, grants. One slot each.

use crate::chunk::ChunkReference;
use crate::handle::Handle;
use crate::info::PAGE_WORDS;
use crate::message::{BODY_WORDS, Message};
use crate::send_lease::Grant;
use crate::socket_state::Flags;
use crate::untrusted::Violation;
use crate::words::WORD_BYTES;

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A socket may be worth a look. It repeats of the state what a reader and a writer need, so that neither must look
    /// at it; a lost or merged event loses nothing, because the state has it too.
    Ready {
        /// Of the subscription.
        ticket: u64,
        /// The socket.
        socket: Handle,
        /// Conditions.
        flags: Flags,
        /// Bytes received in order.
        received: u64,
        /// Bytes sent that the peer acknowledged.
        acknowledged: u64,
        /// The chunk of the first byte not given back, and the count of bytes before it; None when all was.
        unread: Option<(ChunkReference, u64)>,
    },
    /// A command was carried out, or not.
    Answer {
        /// Of the command.
        ticket: u64,
        /// Linux's number of the error, zero for none.
        error: u16,
        /// What it named or made, if anything.
        socket: Option<Handle>,
        /// What it asked for, if a number.
        value: u64,
    },
    /// A page of what a connection has come to; see `info`.
    Info {
        /// Of the command.
        ticket: u64,
        /// Which page: `info::PAGES` of them come one after the other.
        page: u32,
        /// Its words.
        words: [u64; PAGE_WORDS],
    },
    /// A chunk to fill.
    Granted {
        /// The socket.
        socket: Handle,
        /// The chunk.
        grant: Grant,
    },
}

/// An event as a slot carries it: its kind, length and words.
pub type EventSlot = (u8, usize, [u64; BODY_WORDS]);

impl Event {
    /// Puts it into a message.
    #[inline]
    pub fn encode(&self, message: &mut Message) {
        let (kind, bytes, words) = self.to_slot();
        // A slot's body and shorter, so that it fits.
        let _fits = message.set(kind, words.get(..bytes / WORD_BYTES).unwrap_or(&words));
    }

    /// As a slot carries it.
    #[inline]
    pub fn to_slot(&self) -> EventSlot {
        let (kind, count, words) = match *self {
            Self::Ready {
                ticket,
                socket,
                flags,
                received,
                acknowledged,
                unread,
            } => {
                let chunk = ChunkReference::to_word(unread.map(|(chunk, _)| chunk));
                let start = unread.map_or(0, |(_, start)| start);
                let (socket, flags) = (socket.to_word(), u64::from(flags.0));
                let words = [ticket, socket, flags, received, acknowledged, chunk, start];
                (READY, 7, words)
            }
            Self::Answer {
                ticket,
                error,
                socket,
                value,
            } => {
                let socket = socket.map_or(0, Handle::to_word);
                let words = [ticket, u64::from(error), socket, value, 0, 0, 0];
                (ANSWER, 4, words)
            }
            Self::Info {
                ticket,
                page,
                words: [first, second, third, fourth, fifth],
            } => {
                let page = u64::from(page);
                let words = [ticket, page, first, second, third, fourth, fifth];
                (INFO, 7, words)
            }
            Self::Granted { socket, grant } => {
                let chunk = ChunkReference::to_word(Some(grant.chunk));
                let words = [socket.to_word(), chunk, grant.start, 0, 0, 0, 0];
                (GRANTED, 3, words)
            }
        };
        (kind, count * WORD_BYTES, words)
    }

    /// The same of a `Ready` that has another ticket.
    #[inline]
    pub fn set_ticket((kind, _, [first, ..]): &mut EventSlot, ticket: u64) {
        debug_assert_eq!(*kind, READY);
        *first = ticket;
    }

    /// Takes it out of a message.
    ///
    /// # Errors
    /// When it is no event of this version.
    #[inline]
    pub fn decode(message: &Message) -> Result<Self, Violation> {
        Self::decode_slot(message.kind(), message.bytes(), message.slot(0))
    }

    /// Takes it out of a slot: its kind, length and words.
    ///
    /// # Errors
    /// As `decode`.
    #[inline]
    pub fn decode_slot(
        kind: u8,
        bytes: usize,
        words: &[u64; BODY_WORDS],
    ) -> Result<Self, Violation> {
        let message = &(bytes, words);
        let handle = |word| Handle::from_word(word).ok_or(Violation::BadField);
        let chunk = |word| ChunkReference::from_word(word).ok_or(Violation::BadField);
        let short = |word| u16::try_from(word).map_err(|_| Violation::BadField);
        match kind {
            READY => {
                let [ticket, socket, flags, received, acknowledged, first, start] =
                    fields(message)?;
                let unread = match first {
                    0 => None,
                    word => Some((chunk(word)?, start)),
                };
                let (socket, flags) = (handle(socket)?, Flags(short(flags)?));
                Ok(Self::Ready {
                    ticket,
                    socket,
                    flags,
                    received,
                    acknowledged,
                    unread,
                })
            }
            ANSWER => {
                let [ticket, error, socket, value] = fields(message)?;
                let socket = Handle::from_word(socket);
                Ok(Self::Answer {
                    ticket,
                    error: short(error)?,
                    socket,
                    value,
                })
            }
            INFO => {
                let [ticket, page, words @ ..] = fields::<BODY_WORDS>(message)?;
                let page = u32::try_from(page).map_err(|_| Violation::BadField)?;
                Ok(Self::Info {
                    ticket,
                    page,
                    words,
                })
            }
            GRANTED => {
                let [socket, named, start] = fields(message)?;
                let grant = Grant {
                    chunk: chunk(named)?,
                    start,
                };
                Ok(Self::Granted {
                    socket: handle(socket)?,
                    grant,
                })
            }
            _ => Err(Violation::UnknownKind),
        }
    }
}

#[inline]
fn fields<const COUNT: usize>(
    (bytes, words): &(usize, &[u64; BODY_WORDS]),
) -> Result<[u64; COUNT], Violation> {
    const { assert!(COUNT <= BODY_WORDS) };
    let exact = *bytes == COUNT * WORD_BYTES;
    let words = words.first_chunk::<COUNT>().filter(|_| exact);
    words.copied().ok_or(Violation::BadLength)
}

const READY: u8 = 1;
const ANSWER: u8 = 2;
const GRANTED: u8 = 3;
const INFO: u8 = 4;

#[cfg(all(test, not(loom)))]
mod tests;
