//! What of TCP-AO fits the value of an option: which keys are chosen, what is wanted, what was heard, one key's name.
//!
//! Setting `option::AO_INFO` takes [`Wish`]. Asking for it, or for `option::AO_GET_KEYS`, gives one word of several: which one
//! the number says besides the option ([`part`]). Secrets never come back.

use crate::option::{AO_GET_KEYS, AO_INFO};

/// What is to change; what is None stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// SendID of the key that signs.
    pub current: Option<u8>,
    /// RecvID of the key that the peer is asked to sign with.
    pub next: Option<u8>,
    /// Nobody without TCP-AO is believed.
    pub requires: Option<bool>,
    /// ICMP errors are believed.
    pub accepts_icmps: Option<bool>,
}

impl Wish {
    /// As it travels.
    pub fn to_word(self) -> u64 {
        let id = |id: Option<u8>| id.map_or(0, |id| u64::from(id) | 1 << 8);
        let flag = |flag: Option<bool>| flag.map_or(0, |flag| u64::from(flag) | 2);
        id(self.current)
            | id(self.next) << 9
            | flag(self.requires) << 18
            | flag(self.accepts_icmps) << 20
    }

    /// What has travelled; None when it cannot be.
    pub fn from_word(word: u64) -> Option<Self> {
        let id = |at: u32| {
            let bits = word >> at;
            (bits & 1 << 8 != 0).then_some(bits as u8)
        };
        let flag = |at: u32| {
            let bits = word >> at;
            (bits & 2 != 0).then_some(bits & 1 != 0)
        };
        let wish = Self {
            current: id(0),
            next: id(9),
            requires: flag(18),
            accepts_icmps: flag(20),
        };
        (wish.to_word() == word).then_some(wish)
    }
}

/// The first word of what a socket has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// SendID of the key that signs, and RecvID of the one that the peer is asked to sign with.
    pub ids: Option<(u8, u8)>,
    /// KeyID and RNextKeyID of what was believed last.
    pub heard: Option<(u8, u8)>,
    /// Nobody without TCP-AO is believed.
    pub requires: bool,
    /// ICMP errors are believed.
    pub accepts_icmps: bool,
}

impl Standing {
    /// As it travels.
    pub fn to_word(self) -> u64 {
        let pair = |pair: Option<(u8, u8)>| {
            pair.map_or(0, |(one, other)| {
                u64::from(one) | u64::from(other) << 8 | 1 << 16
            })
        };
        pair(self.ids)
            | pair(self.heard) << 17
            | u64::from(self.requires) << 34
            | u64::from(self.accepts_icmps) << 35
    }

    /// What has travelled.
    pub fn from_word(word: u64) -> Self {
        let pair = |at: u32| {
            let bits = word >> at;
            (bits & 1 << 16 != 0).then_some((bits as u8, (bits >> 8) as u8))
        };
        Self {
            ids: pair(0),
            heard: pair(17),
            requires: word & 1 << 34 != 0,
            accepts_icmps: word & 1 << 35 != 0,
        }
    }
}

/// The first word of a key: all of it but its peer, whose address is in the two that follow, as one of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyWord {
    /// How many leading bits of the address count.
    pub prefix: u8,
    /// KeyID of what is sent with it.
    pub send_id: u8,
    /// KeyID of what is received.
    pub receive_id: u8,
    /// As in `key::Key`.
    pub algorithm: u8,
    /// Bytes of the code.
    pub mac_bytes: u8,
    /// As in `key::Key`: which of them is current and next too.
    pub flags: u8,
}

impl KeyWord {
    /// As it travels.
    pub fn to_word(self) -> u64 {
        let (prefix, algorithm) = (self.prefix, self.algorithm);
        let (send_id, receive_id) = (self.send_id, self.receive_id);
        let bytes = [prefix, send_id, receive_id, algorithm, self.mac_bytes];
        let [first, second, third, fourth, fifth] = bytes;
        u64::from_le_bytes([first, second, third, fourth, fifth, self.flags, 0, 0])
    }

    /// What has travelled.
    pub fn from_word(word: u64) -> Self {
        let [
            prefix,
            send_id,
            receive_id,
            algorithm,
            mac_bytes,
            flags,
            _,
            _,
        ] = word.to_le_bytes();
        Self {
            prefix,
            send_id,
            receive_id,
            algorithm,
            mac_bytes,
            flags,
        }
    }
}

/// What of TCP-AO is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A [`Standing`].
    Standing,
    /// How many segments were believed (0), not believed (1), signed with an unknown key (2), not signed (3); ICMP errors
    /// that were ignored (4).
    Count(u32),
    /// A key's word of this number: its [`KeyWord`] (0), the upper (1) and lower half (2) of its peer's address.
    Key(u32, u32),
}

/// The number that asks for a part; a key beyond [`KEYS_MAX`] cannot be asked for.
pub const fn part(part: Part) -> u32 {
    match part {
        Part::Standing => AO_INFO,
        Part::Count(which) => AO_INFO | (which + 1) << INDEX,
        Part::Key(key, word) => AO_GET_KEYS | (key % KEYS_MAX) << INDEX | word << WORD,
    }
}

/// The part that a number asks for; None for any other option.
pub const fn asked(option: u32) -> Option<Part> {
    let (index, word) = (option >> INDEX & (KEYS_MAX - 1), option >> WORD);
    match (option & ((1 << INDEX) - 1), index) {
        (AO_INFO, 0) if word == 0 => Some(Part::Standing),
        (AO_INFO, 1..=COUNTS) if word == 0 => Some(Part::Count(index - 1)),
        (AO_GET_KEYS, key) if word < 3 => Some(Part::Key(key, word)),
        _ => None,
    }
}

/// Keys of a socket that can be asked for.
pub const KEYS_MAX: u32 = 1 << (WORD - INDEX);
/// What is counted.
pub const COUNTS: u32 = 5;
const INDEX: u32 = 20;
const WORD: u32 = 30;

#[cfg(all(test, not(loom)))]
mod tests;
