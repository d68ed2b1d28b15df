//! The Toeplitz hash as receive-side scaling defines it, with one table per byte of input.
//!
//! The tuple is taken as received: source address, destination address, source port, destination
//! port. With the key and the table given to a port's RSS too, its hash is ours.

use std::net::IpAddr;

use coremill_tcp::Flow;

/// A key, prepared: for each byte position and value the xor of the key windows it selects.
pub struct Toeplitz {
    tables: Box<[[u32; 256]; INPUT_BYTES]>,
}

impl Toeplitz {
    /// Prepares `key`; 36 KiB of tables.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        let mut tables = Box::new([[0_u32; 256]; INPUT_BYTES]);
        for (position, table) in tables.iter_mut().enumerate() {
            let windows: [u32; 8] = std::array::from_fn(|bit| window(key, position * 8 + bit));
            for (value, entry) in table.iter_mut().enumerate() {
                *entry = (0..8)
                    .filter(|bit| value & (0x80 >> bit) != 0)
                    .fold(0, |hash, bit| hash ^ windows[bit]);
            }
        }
        Self { tables }
    }

    /// The hash of a TCP or UDP packet with these addresses and ports.
    pub fn hash(&self, source: (IpAddr, u16), destination: (IpAddr, u16)) -> u32 {
        let ports = [source.1.to_be_bytes(), destination.1.to_be_bytes()];
        match (source.0, destination.0) {
            (IpAddr::V4(from), IpAddr::V4(to)) => {
                self.fold([&from.octets()[..], &to.octets(), &ports[0], &ports[1]])
            }
            (from, to) => {
                let (from, to) = (wide(from), wide(to));
                self.fold([&from[..], &to, &ports[0], &ports[1]])
            }
        }
    }

    /// The hash of the packets that the peer sends on `flow`.
    pub fn hash_received(&self, flow: &Flow) -> u32 {
        self.hash(
            (flow.remote.address, flow.remote.port),
            (flow.local.address, flow.local.port),
        )
    }

    #[inline]
    fn fold(&self, parts: [&[u8]; 4]) -> u32 {
        let bytes = parts.into_iter().flatten();
        bytes
            .zip(self.tables.iter())
            .fold(0, |hash, (byte, table)| hash ^ table[usize::from(*byte)])
    }
}

impl std::fmt::Debug for Toeplitz {
    /// The tables would give the key away.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Toeplitz(..)")
    }
}

fn wide(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    }
}

/// The 32 bits of the key that begin at bit `start`.
fn window(key: &[u8; KEY_BYTES], start: usize) -> u32 {
    let byte = |index: usize| u64::from(key.get(index).copied().unwrap_or(0));
    let first = start / 8;
    let bits = (first..first + 5).fold(0, |bits, index| (bits << 8) | byte(index));
    (bits >> (8 - start % 8)) as u32
}

/// Bytes of an RSS key.
const KEY_BYTES: usize = 40;
/// Bytes of an IPv6 tuple with ports, the longest input.
const INPUT_BYTES: usize = 36;

#[cfg(test)]
mod tests;
