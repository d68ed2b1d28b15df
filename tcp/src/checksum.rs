//! The Internet checksum (RFC 1071), for TCP and for the layers below it.
//!
//! Sums are kept as 64 bits modulo 2^64 - 1 over words in the machine's byte order. Since 2^16 - 1
//! divides 2^64 - 1 this folds into the sum of 16-bit words, and only the end needs the order.

use std::net::IpAddr;

/// A partial sum. Sums of pieces add up: see [`Sum::followed_by`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

/// Protocol number of TCP, for [`pseudo_header`].
pub const PROTOCOL_TCP: u8 = 6;

/// The sum of `bytes`, as they stand at an even offset of what is summed.
#[inline]
pub fn sum(bytes: &[u8]) -> Sum {
    let mut total: u128 = 0;
    let (blocks, rest) = bytes.as_chunks::<32>();
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for word in words {
            total += u128::from(u64::from_ne_bytes(*word));
        }
    }
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        total += u128::from(u64::from_ne_bytes(*word));
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        total += u128::from(u64::from_ne_bytes(word));
    }
    // The upper half counts carries: fewer than 2^60 of them, so that one addition folds them in.
    Sum(total as u64).plus(Sum((total >> 64) as u64))
}

/// The sum of the pseudo header of TCP or UDP (RFC 9293, section 3.1; RFC 8200, section 8.1) for
/// `length` bytes of segment. Addresses of different families are summed as they are.
#[inline]
pub fn pseudo_header(source: IpAddr, destination: IpAddr, protocol: u8, length: usize) -> Sum {
    // Both families sum the same way: protocol and length stand in words of their own.
    let length = (length as u32).to_be_bytes();
    let tail = [
        length[0], length[1], length[2], length[3], 0, 0, 0, protocol,
    ];
    address(source)
        .plus(address(destination))
        .plus(Sum(u64::from_ne_bytes(tail)))
}

/// Writes the checksum of `bytes` into its field at `field_offset`, over `initial` (a pseudo
/// header's sum, or [`Sum::default`]). False, and nothing done, when the field is not in `bytes`.
#[inline]
pub fn fill(bytes: &mut [u8], field_offset: usize, initial: Sum) -> bool {
    let Some(field) = bytes.get_mut(field_offset..field_offset + 2) else {
        return false;
    };
    field.copy_from_slice(&[0, 0]);
    let checksum = initial.plus(sum(bytes)).finish().to_be_bytes();
    bytes[field_offset..field_offset + 2].copy_from_slice(&checksum);
    true
}

/// True when the checksum that stands in `bytes` is right, over `initial`.
#[inline]
pub fn verify(bytes: &[u8], initial: Sum) -> bool {
    initial.plus(sum(bytes)).finish() == 0
}

impl Sum {
    /// The sum of two pieces that both start at an even offset.
    #[inline]
    pub const fn plus(self, other: Self) -> Self {
        let (total, carry) = self.0.overflowing_add(other.0);
        // A carry leaves at most 2^64 - 2, so that this cannot overflow again.
        Self(total + carry as u64)
    }

    /// The sum of a piece of `length` bytes (this one) with the piece that follows it.
    #[inline]
    pub const fn followed_by(self, length: usize, next: Self) -> Self {
        // Bytes at odd offsets swap their places in the 16-bit words: times 2^8 modulo 2^16 - 1.
        let next = if length.is_multiple_of(2) {
            next
        } else {
            Self(next.0.rotate_left(8))
        };
        self.plus(next)
    }

    /// The sum with a 16-bit word of a header replaced, as it stands in the machine's memory as
    /// the big-endian `old` and `new` (RFC 1624).
    #[inline]
    pub const fn with_replaced(self, old: u16, new: u16) -> Self {
        self.plus(Self(!old.to_be() as u64))
            .plus(Self(new.to_be() as u64))
    }

    /// The checksum to put into a header (as a number to be written in network byte order).
    #[inline]
    pub const fn finish(self) -> u16 {
        let folded = (self.0 >> 32) + (self.0 & 0xffff_ffff);
        let folded = (folded >> 16) + (folded & 0xffff);
        let folded = (folded >> 16) + (folded & 0xffff);
        let folded = (folded >> 16) + (folded & 0xffff);
        !u16::from_be(folded as u16)
    }
}

#[inline]
fn address(address: IpAddr) -> Sum {
    match address {
        IpAddr::V4(address) => Sum(u64::from(u32::from_ne_bytes(address.octets()))),
        IpAddr::V6(address) => sum(&address.octets()),
    }
}

#[cfg(test)]
mod tests;
