//! Codes of TCP-AO with HMAC-SHA-1-96 (RFC 5925, section 5; RFC 5926, section 3), written from the RFCs and not with the
//! machine's own code. Numbers are the true ones.

use std::net::IpAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::signature;
use crate::language::{Segment, TcpOption};

/// Kind of the option.
pub const KIND: u8 = 29;
/// Bytes of a code.
pub const BYTES: usize = 12;

/// The initial sequence numbers of a connection, as far as they are known.
#[derive(Clone, Copy, Debug, Default)]
pub struct Initial {
    pub ours: Option<u32>,
    pub theirs: Option<u32>,
}

impl Initial {
    /// In the order of a segment of ours: its sender's first.
    pub fn of_ours(self) -> (u32, u32) {
        (self.ours.unwrap_or(0), self.theirs.unwrap_or(0))
    }

    /// In the order of a segment of the peer's.
    pub fn of_theirs(self) -> (u32, u32) {
        (self.theirs.unwrap_or(0), self.ours.unwrap_or(0))
    }
}

/// The ids and the secret that a segment is to be signed with.
pub fn signed(segment: &Segment) -> Option<(u8, u8, &str)> {
    let mut options = segment.options.iter().flatten();
    options.find_map(|option| match option {
        TcpOption::Ao(key_id, next_key_id, secret) => Some((*key_id, *next_key_id, &**secret)),
        _ => None,
    })
}

/// Fills the code into the first option of the kind.
pub fn sign(addresses: (IpAddr, IpAddr), numbers: (u32, u32), bytes: &mut [u8], secret: &str) {
    let code = code(addresses, numbers, bytes, secret);
    let at = signature::place(bytes, KIND);
    if let Some(place) = at.and_then(|at| bytes.get_mut(at + 4..at + 4 + BYTES)) {
        place.copy_from_slice(&code);
    }
}

/// Over the extension of the sequence number, the pseudo header, and the segment without checksum and code.
/// RFC 5925, section 5.1.
pub fn code(
    addresses: (IpAddr, IpAddr),
    numbers: (u32, u32),
    bytes: &[u8],
    secret: &str,
) -> [u8; BYTES] {
    let mut blank = bytes.to_vec();
    let at = signature::place(bytes, KIND).unwrap_or(bytes.len());
    for place in [16..18, at + 4..at + 4 + BYTES] {
        if let Some(place) = blank.get_mut(place) {
            place.fill(0);
        }
    }
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    let mut text = extension(numbers.0, bytes).to_be_bytes().to_vec();
    put(addresses, &mut text);
    text.extend([0, 6]);
    text.extend(length.to_be_bytes());
    text.extend(blank);
    let whole = hash(&traffic_key(addresses, numbers, bytes, secret), &text);
    std::array::from_fn(|index| whole[index])
}

/// How often the sender's numbers had wrapped (RFC 5925, section 6.2): no script sends 4 GiB.
fn extension(initial: u32, bytes: &[u8]) -> u32 {
    let number = bytes.get(4..8).and_then(|number| number.try_into().ok());
    let number = u32::from_be_bytes(number.unwrap_or_default());
    u32::from(number < initial)
}

/// RFC 5925, section 5.2, and RFC 5926, section 3.1.1: a SYN that answers nothing knows its own number only.
fn traffic_key(
    addresses: (IpAddr, IpAddr),
    (first, other): (u32, u32),
    bytes: &[u8],
    secret: &str,
) -> [u8; HASH_BYTES] {
    let mut text = vec![1];
    text.extend(b"TCP-AO");
    put(addresses, &mut text);
    text.extend(bytes.get(..4).unwrap_or_default());
    let is_first = bytes.get(13).is_some_and(|flags| flags & 0x12 == 0x02);
    text.extend(first.to_be_bytes());
    text.extend(if is_first { 0 } else { other }.to_be_bytes());
    text.extend(160_u16.to_be_bytes());
    hash(secret.as_bytes(), &text)
}

fn put((source, destination): (IpAddr, IpAddr), text: &mut Vec<u8>) {
    for address in [source, destination] {
        match address {
            IpAddr::V4(address) => text.extend(address.octets()),
            IpAddr::V6(address) => text.extend(address.octets()),
        }
    }
}

fn hash(key: &[u8], text: &[u8]) -> [u8; HASH_BYTES] {
    // A key of any length is one.
    let Ok(function) = Hmac::<Sha1>::new_from_slice(key) else {
        return [0; HASH_BYTES];
    };
    function.chain_update(text).finalize().into_bytes().into()
}

const HASH_BYTES: usize = 20;
