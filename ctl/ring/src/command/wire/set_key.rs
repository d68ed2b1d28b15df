//! The command that carries a key.

use super::{SEND_FIELDS, SET_KEY, handle, number};
use crate::command::Command;
use crate::key;
use crate::message::Message;
use crate::untrusted::Violation;
use crate::words::WORD_BYTES;

/// Puts it into a message; None for any other command, and for what is no key.
pub(super) fn encode(command: &Command, key: &[u8], message: &mut Message) -> Option<()> {
    let Command::SetKey {
        ticket,
        socket,
        option,
    } = *command
    else {
        return None;
    };
    if key.len() != key::BYTES {
        return None;
    }
    let words = [ticket, socket.to_word(), u64::from(option)];
    message.set_with_payload(SET_KEY, &words, key)
}

/// Takes it, and the key, out of one.
pub(super) fn decode(message: &Message) -> Result<(Command, &[u8]), Violation> {
    let is_whole = message.bytes() == SEND_FIELDS * WORD_BYTES + key::BYTES;
    let fields = message.words().first_chunk::<SEND_FIELDS>();
    let fields = fields.filter(|_| is_whole);
    let [ticket, socket, option] = *fields.ok_or(Violation::BadLength)?;
    let command = Command::SetKey {
        ticket,
        socket: handle(socket)?,
        option: number(option)?,
    };
    Ok((command, message.payload(SEND_FIELDS)))
}
