//! Commands as messages, both ways.

mod fields;
mod set_key;
mod urgent;

use super::Command;
use crate::address::{ADDRESS_WORDS, from_words, to_words};
use crate::handle::Handle;
use crate::message::{BYTES_MAX, INLINE_BYTES_MAX, Message};
use crate::producer::Producer;
use crate::untrusted::Violation;
use crate::words::WORD_BYTES;
use fields::{
    address_fields, direction_from, direction_word, fields, handle, number, with_address,
};
use urgent::{
    PASS_MARK, SEND_FILLED, SEND_FILLED_MORE, TAKE_URGENT, mark_kind, mark_of, pass_mark,
    send_filled, take_urgent,
};

/// A `Send`, taken apart: its socket, bytes sent before and read, payload.
type Sent<'a> = (Handle, (u64, u64), &'a [u8]);

impl Command {
    /// Puts it into a message. `payload` is what a `Send` or `SetKey` carries, empty for all others; None when it is too long.
    #[inline]
    pub fn encode(&self, payload: &[u8], message: &mut Message) -> Option<()> {
        if let Self::Send {
            socket,
            offset,
            read,
        } = *self
        {
            return message.set_with_payload(SEND, &[socket.to_word(), offset, read], payload);
        }
        if let Self::SendMarked {
            socket,
            offset,
            read,
            mark,
        } = *self
        {
            let words = [socket.to_word(), offset, read];
            return message.set_with_payload(mark_kind(mark), &words, payload);
        }
        if let Self::SetKey { .. } = self {
            return set_key::encode(self, payload, message);
        }
        if !payload.is_empty() {
            return None;
        }
        self.encode_any(message)
    }

    /// Publishes a `Send` of these bytes without a message between; false when the ring has no room, or they are too many.
    ///
    /// # Errors
    /// As [`Producer::push`].
    #[inline]
    pub fn push_send(
        ring: &mut Producer,
        socket: Handle,
        (offset, read): (u64, u64),
        payload: &[u8],
    ) -> Result<bool, Violation> {
        ring.push_payload(SEND, [socket.to_word(), offset, read], payload)
    }

    fn encode_any(&self, message: &mut Message) -> Option<()> {
        match *self {
            Self::Open { ticket } => message.set(OPEN, &[ticket]),
            Self::Bind {
                ticket,
                socket,
                local,
            } => message.set(BIND, &with_address(ticket, socket, local)),
            Self::Connect {
                ticket,
                socket,
                remote,
            } => message.set(CONNECT, &with_address(ticket, socket, remote)),
            Self::ConnectNew {
                ticket,
                local,
                remote,
            } => {
                let ([high, low, last], [far_high, far_low, far_last]) =
                    (to_words(local), to_words(Some(remote)));
                let words = [ticket, high, low, last, far_high, far_low, far_last];
                message.set(CONNECT_NEW, &words)
            }
            Self::Listen {
                ticket,
                socket,
                backlog,
            } => message.set(LISTEN, &[ticket, socket.to_word(), u64::from(backlog)]),
            Self::Take {
                ticket,
                listener,
                slot,
                round,
            } => message.set(TAKE, &[ticket, listener.to_word(), u64::from(slot), round]),
            _ => self.encode_rest(message),
        }
    }

    fn encode_rest(&self, message: &mut Message) -> Option<()> {
        match *self {
            Self::SendFilled { .. } => self.encode_urgent(message),
            Self::Read { socket, read } => message.set(READ, &[socket.to_word(), read]),
            Self::WantRoom { socket, bytes } => {
                message.set(WANT_ROOM, &[socket.to_word(), u64::from(bytes)])
            }
            Self::GiveBack { socket, filled } => {
                message.set(GIVE_BACK, &[socket.to_word(), filled])
            }
            Self::Shutdown {
                ticket,
                socket,
                direction,
            } => message.set(
                SHUTDOWN,
                &[ticket, socket.to_word(), direction_word(direction)],
            ),
            Self::Close { socket } => message.set(CLOSE, &[socket.to_word()]),
            Self::SetOption {
                ticket,
                socket,
                option,
                value,
            } => message.set(
                SET_OPTION,
                &[ticket, socket.to_word(), u64::from(option), value],
            ),
            Self::GetOption {
                ticket,
                socket,
                option,
            } => message.set(GET_OPTION, &[ticket, socket.to_word(), u64::from(option)]),
            Self::Subscribe {
                ticket,
                socket,
                notifier,
                interest,
            } => {
                let pair = u64::from(notifier) << 32 | u64::from(interest);
                message.set(SUBSCRIBE, &[ticket, socket.to_word(), pair])
            }
            Self::Info { ticket, socket } => message.set(INFO, &[ticket, socket.to_word()]),
            Self::PassMark { .. } | Self::TakeUrgent { .. } => self.encode_urgent(message),
            Self::Unsubscribe { socket, notifier } => {
                message.set(UNSUBSCRIBE, &[socket.to_word(), u64::from(notifier)])
            }
            // Encoded by the caller. Named, so that a new command cannot be forgotten here.
            Self::Open { .. }
            | Self::Bind { .. }
            | Self::Connect { .. }
            | Self::ConnectNew { .. }
            | Self::Listen { .. }
            | Self::Take { .. }
            | Self::SetKey { .. }
            | Self::Send { .. }
            | Self::SendMarked { .. } => None,
        }
    }

    /// Takes a command out of a message, with the payload of a `Send`, `SendMarked` or `SetKey`, which is empty for all others.
    ///
    /// # Errors
    /// When it is no command of this version, or a field cannot be what it is.
    #[inline]
    pub fn decode(message: &Message) -> Result<(Self, &[u8]), Violation> {
        if let Some((socket, (offset, read), payload)) = Self::decode_send(message)? {
            let command = Self::Send {
                socket,
                offset,
                read,
            };
            return Ok((command, payload));
        }
        if let Some(mark) = mark_of(message.kind()) {
            let fields = message.words().first_chunk::<SEND_FIELDS>();
            let [socket, offset, read] = *fields.ok_or(Violation::BadLength)?;
            let command = Self::SendMarked {
                socket: handle(socket)?,
                offset,
                read,
                mark,
            };
            return Ok((command, message.payload(SEND_FIELDS)));
        }
        if message.kind() == SET_KEY {
            return set_key::decode(message);
        }
        Ok((Self::decode_any(message)?, &[]))
    }

    /// The fields and the payload of a `Send`, which nearly all commands are: its socket, and the bytes sent before and
    /// read. None for all others.
    ///
    /// # Errors
    /// As `decode`.
    #[inline]
    pub fn decode_send(message: &Message) -> Result<Option<Sent<'_>>, Violation> {
        if message.kind() != SEND {
            return Ok(None);
        }
        let fields = message.words().first_chunk::<SEND_FIELDS>();
        let [socket, offset, read] = *fields.ok_or(Violation::BadLength)?;
        let payload = message.payload(SEND_FIELDS);
        Ok(Some((handle(socket)?, (offset, read), payload)))
    }

    fn decode_any(message: &Message) -> Result<Self, Violation> {
        Ok(match message.kind() {
            OPEN => open(fields(message)?),
            BIND => {
                let (ticket, socket, local) = address_fields(message)?;
                Self::Bind {
                    ticket,
                    socket,
                    local,
                }
            }
            CONNECT => {
                let (ticket, socket, remote) = address_fields(message)?;
                Self::Connect {
                    ticket,
                    socket,
                    remote,
                }
            }
            CONNECT_NEW => connect_new(fields(message)?)?,
            LISTEN => {
                let [ticket, socket, backlog] = fields(message)?;
                Self::Listen {
                    ticket,
                    socket: handle(socket)?,
                    backlog: number(backlog)?,
                }
            }
            TAKE => {
                let [ticket, listener, slot, round] = fields(message)?;
                Self::Take {
                    ticket,
                    listener: handle(listener)?,
                    slot: number(slot)?,
                    round,
                }
            }
            SEND_FILLED => send_filled(fields(message)?, false)?,
            SEND_FILLED_MORE => send_filled(fields(message)?, true)?,
            PASS_MARK => pass_mark(fields(message)?)?,
            TAKE_URGENT => take_urgent(fields(message)?)?,
            _ => Self::decode_rest(message)?,
        })
    }

    fn decode_rest(message: &Message) -> Result<Self, Violation> {
        Ok(match message.kind() {
            READ => {
                let [socket, read] = fields(message)?;
                Self::Read {
                    socket: handle(socket)?,
                    read,
                }
            }
            WANT_ROOM => {
                let [socket, bytes] = fields(message)?;
                Self::WantRoom {
                    socket: handle(socket)?,
                    bytes: number(bytes)?,
                }
            }
            GIVE_BACK => {
                let [socket, filled] = fields(message)?;
                Self::GiveBack {
                    socket: handle(socket)?,
                    filled,
                }
            }
            SHUTDOWN => {
                let [ticket, socket, direction] = fields(message)?;
                Self::Shutdown {
                    ticket,
                    socket: handle(socket)?,
                    direction: direction_from(direction)?,
                }
            }
            CLOSE => {
                let [socket] = fields(message)?;
                Self::Close {
                    socket: handle(socket)?,
                }
            }
            SET_OPTION => {
                let [ticket, socket, option, value] = fields(message)?;
                Self::SetOption {
                    ticket,
                    socket: handle(socket)?,
                    option: number(option)?,
                    value,
                }
            }
            SUBSCRIBE => {
                let [ticket, socket, pair] = fields(message)?;
                let (notifier, interest) =
                    (number(pair >> 32)?, number(pair & u64::from(u32::MAX))?);
                Self::Subscribe {
                    ticket,
                    socket: handle(socket)?,
                    notifier,
                    interest,
                }
            }
            INFO => info(fields(message)?)?,
            GET_OPTION => get_option(fields(message)?)?,
            UNSUBSCRIBE => {
                let [socket, notifier] = fields(message)?;
                Self::Unsubscribe {
                    socket: handle(socket)?,
                    notifier: number(notifier)?,
                }
            }
            _ => return Err(Violation::UnknownKind),
        })
    }
}

fn open([ticket]: [u64; 1]) -> Command {
    Command::Open { ticket }
}

fn info([ticket, socket]: [u64; 2]) -> Result<Command, Violation> {
    let socket = handle(socket)?;
    Ok(Command::Info { ticket, socket })
}

fn get_option([ticket, socket, option]: [u64; 3]) -> Result<Command, Violation> {
    Ok(Command::GetOption {
        ticket,
        socket: handle(socket)?,
        option: number(option)?,
    })
}

fn connect_new(words: [u64; CONNECT_NEW_WORDS]) -> Result<Command, Violation> {
    let [ticket, rest @ ..] = words;
    let (local, remote) = rest.split_at(ADDRESS_WORDS);
    let local = match local {
        [0, 0, 0] => None,
        words => Some(from_words(words).ok_or(Violation::BadField)?),
    };
    Ok(Command::ConnectNew {
        ticket,
        local,
        remote: from_words(remote).ok_or(Violation::BadField)?,
    })
}

const OPEN: u8 = 1;
const BIND: u8 = 2;
const LISTEN: u8 = 3;
const CONNECT: u8 = 4;
const TAKE: u8 = 5;
const SEND: u8 = 6;
const READ: u8 = 8;
const WANT_ROOM: u8 = 9;
const GIVE_BACK: u8 = 10;
const SHUTDOWN: u8 = 11;
const CLOSE: u8 = 12;
const SET_OPTION: u8 = 13;
const SUBSCRIBE: u8 = 14;
const UNSUBSCRIBE: u8 = 15;
const CONNECT_NEW: u8 = 16;
const INFO: u8 = 17;
const GET_OPTION: u8 = 18;
const SET_KEY: u8 = 23;
const CONNECT_NEW_WORDS: usize = 1 + 2 * ADDRESS_WORDS;
const SEND_FIELDS: usize = 3;

const _: () = assert!(SEND_FIELDS * WORD_BYTES + INLINE_BYTES_MAX == BYTES_MAX);
