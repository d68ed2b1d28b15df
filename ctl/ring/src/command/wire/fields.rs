//! Fields of commands: words of a message as what they stand for.

use std::net::SocketAddr;

use super::super::Direction;
use crate::address::{ADDRESS_WORDS, from_words, to_words};
use crate::handle::Handle;
use crate::message::Message;
use crate::untrusted::Violation;
use crate::words::WORD_BYTES;

/// Exactly the words that a kind has.
pub(super) fn fields<const COUNT: usize>(message: &Message) -> Result<[u64; COUNT], Violation> {
    let exact = message.bytes() == COUNT * WORD_BYTES;
    let words = message.words().first_chunk::<COUNT>().filter(|_| exact);
    words.copied().ok_or(Violation::BadLength)
}

pub(super) fn with_address(
    ticket: u64,
    socket: Handle,
    address: SocketAddr,
) -> [u64; 2 + ADDRESS_WORDS] {
    let [high, low, last] = to_words(Some(address));
    [ticket, socket.to_word(), high, low, last]
}

pub(super) fn address_fields(message: &Message) -> Result<(u64, Handle, SocketAddr), Violation> {
    let [ticket, socket, address @ ..] = fields::<{ 2 + ADDRESS_WORDS }>(message)?;
    let address = from_words(&address).ok_or(Violation::BadField)?;
    Ok((ticket, handle(socket)?, address))
}

pub(super) fn handle(word: u64) -> Result<Handle, Violation> {
    Handle::from_word(word).ok_or(Violation::BadField)
}

pub(super) fn number(word: u64) -> Result<u32, Violation> {
    u32::try_from(word).map_err(|_| Violation::BadField)
}

pub(super) fn direction_word(direction: Direction) -> u64 {
    match direction {
        Direction::Receive => 1,
        Direction::Send => 2,
        Direction::Both => 3,
    }
}

pub(super) fn direction_from(word: u64) -> Result<Direction, Violation> {
    match word {
        1 => Ok(Direction::Receive),
        2 => Ok(Direction::Send),
        3 => Ok(Direction::Both),
        _ => Err(Violation::BadField),
    }
}
