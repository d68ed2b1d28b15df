//! Digests of TCP-MD5 (RFC 2385, section 2.0), written from the RFC and not with the machine's own code.

use std::net::IpAddr;

use md5::{Digest, Md5};

use crate::language::{Segment, TcpOption};

/// Kind of the option.
pub const KIND: u8 = 19;
/// Bytes of a digest.
pub const BYTES: usize = 16;

/// The secret that a segment is to be signed with.
pub fn secret(segment: &Segment) -> Option<&str> {
    let mut options = segment.options.iter().flatten();
    options.find_map(|option| match option {
        TcpOption::Md5(secret) => Some(secret.as_str()),
        _ => None,
    })
}

/// Fills the digest into the first option of the kind.
pub fn sign(addresses: (IpAddr, IpAddr), bytes: &mut [u8], secret: &str) {
    let digest = digest(addresses, bytes, secret);
    let at = place(bytes, KIND);
    if let Some(place) = at.and_then(|at| bytes.get_mut(at + 2..at + 2 + BYTES)) {
        place.copy_from_slice(&digest);
    }
}

/// Where the first option of a kind begins in a segment.
pub fn place(bytes: &[u8], kind: u8) -> Option<usize> {
    let mut at = HEADER_BYTES;
    loop {
        at += match bytes.get(at..at + 2)? {
            [found, _] if *found == kind => return Some(at),
            [0 | 1, _] => 1,
            [_, length] if *length > 1 => usize::from(*length),
            _ => return None,
        };
    }
}

/// Over addresses, protocol and length; the header without options, its checksum zero; the payload; the secret.
pub fn digest((source, destination): (IpAddr, IpAddr), bytes: &[u8], secret: &str) -> [u8; BYTES] {
    let mut hash = Md5::new();
    for address in [source, destination] {
        match address {
            IpAddr::V4(address) => hash.update(address.octets()),
            IpAddr::V6(address) => hash.update(address.octets()),
        }
    }
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    hash.update([0, 6]);
    hash.update(length.to_be_bytes());
    let words = bytes.get(12).map_or(5, |offset| usize::from(offset >> 4));
    for piece in [0..16, 18..HEADER_BYTES, 4 * words..bytes.len()] {
        if piece.start == 18 {
            hash.update([0, 0]);
        }
        hash.update(bytes.get(piece).unwrap_or_default());
    }
    hash.update(secret);
    hash.finalize().into()
}

const HEADER_BYTES: usize = 20;
