//! Commands about urgent data, and bytes of which more is said, as messages.

use super::super::{Command, SendMark};
use super::fields::handle;
use crate::message::Message;
use crate::untrusted::Violation;

impl Command {
    pub(super) fn encode_urgent(&self, message: &mut Message) -> Option<()> {
        match *self {
            Self::SendFilled {
                socket,
                offset,
                read,
                filled,
                has_more,
            } => {
                let kind = match has_more {
                    true => SEND_FILLED_MORE,
                    false => SEND_FILLED,
                };
                message.set(kind, &[socket.to_word(), offset, read, filled])
            }
            Self::PassMark {
                ticket,
                socket,
                read,
            } => message.set(PASS_MARK, &[ticket, socket.to_word(), read]),
            Self::TakeUrgent {
                ticket,
                socket,
                is_peek,
            } => message.set(TAKE_URGENT, &[ticket, socket.to_word(), u64::from(is_peek)]),
            _ => None,
        }
    }
}

pub(super) fn pass_mark([ticket, socket, read]: [u64; 3]) -> Result<Command, Violation> {
    let socket = handle(socket)?;
    Ok(Command::PassMark {
        ticket,
        socket,
        read,
    })
}

pub(super) fn take_urgent([ticket, socket, is_peek]: [u64; 3]) -> Result<Command, Violation> {
    Ok(Command::TakeUrgent {
        ticket,
        socket: handle(socket)?,
        is_peek: match is_peek {
            0 => false,
            1 => true,
            _ => return Err(Violation::BadField),
        },
    })
}

pub(super) fn mark_kind(mark: SendMark) -> u8 {
    match mark {
        SendMark::More => SEND_MORE,
        SendMark::Urgent => SEND_URGENT,
    }
}

pub(super) fn mark_of(kind: u8) -> Option<SendMark> {
    match kind {
        SEND_MORE => Some(SendMark::More),
        SEND_URGENT => Some(SendMark::Urgent),
        _ => None,
    }
}

pub(super) fn send_filled(
    [socket, offset, read, filled]: [u64; 4],
    has_more: bool,
) -> Result<Command, Violation> {
    Ok(Command::SendFilled {
        socket: handle(socket)?,
        offset,
        read,
        filled,
        has_more,
    })
}

pub(super) const SEND_FILLED: u8 = 7;
pub(super) const SEND_FILLED_MORE: u8 = 27;
const SEND_MORE: u8 = 19;
const SEND_URGENT: u8 = 20;
pub(super) const PASS_MARK: u8 = 21;
pub(super) const TAKE_URGENT: u8 = 22;
