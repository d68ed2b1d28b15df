//! Address prefixes: whom a key is for.

use std::net::IpAddr;

/// All addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Prefix {
    /// The addresses whose first `length` bits are those of `address`, whatever its others are; None when it has
    /// not so many. An IPv4 address inside of an IPv6 one stands for itself, as in Linux.
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        let (address, length) = match (address.to_canonical(), address) {
            (IpAddr::V4(inner), IpAddr::V6(_)) => (IpAddr::V4(inner), length.checked_sub(96)?),
            _ => (address, length),
        };
        if length > bits_of(address) {
            return None;
        }
        let address = match address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                IpAddr::V4((address.to_bits() & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                IpAddr::V6((address.to_bits() & mask).into())
            }
        };
        Some(Self { address, length })
    }

    /// One address alone.
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self {
            address,
            length: bits_of(address),
        }
    }

    /// The first address; bits behind the prefix are zero.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Bits that are the same.
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// True for an address that begins so.
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::new(address, self.length).is_some_and(|prefix| prefix.address == self.address)
    }

    /// True when some address begins both ways.
    pub fn overlaps(&self, other: &Self) -> bool {
        let (short, long) = if self.length < other.length {
            (self, other)
        } else {
            (other, self)
        };
        short.contains(long.address)
    }
}

fn bits_of(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests;
