//! Keyed hashes of flows: SipHash over addresses and ports, so that no peer can choose collisions.

use std::net::IpAddr;

use siphasher::sip::{SipHasher13, SipHasher24};

use crate::address::{Endpoint, Flow};

/// A keyed hash for tables (SipHash-1-3).
#[derive(Clone)]
pub struct FlowHash {
    any: SipHasher13,
    key: [u64; 2],
}

impl FlowHash {
    /// A hash under `key`.
    pub fn new(key: &[u8; 16]) -> Self {
        let whole = u128::from_le_bytes(*key);
        Self {
            any: SipHasher13::new_with_key(key),
            key: [whole as u64, (whole >> 64) as u64],
        }
    }

    /// The hash of a flow.
    #[inline]
    pub fn of(&self, flow: &Flow) -> u64 {
        // Each segment received pays for this: the short form of IPv4 is written out.
        if let (IpAddr::V4(local), IpAddr::V4(remote)) = (flow.local.address, flow.remote.address) {
            let addresses = u64::from(local.to_bits().swap_bytes())
                | u64::from(remote.to_bits().swap_bytes()) << 32;
            let ports = u64::from(flow.local.port.swap_bytes())
                | u64::from(flow.remote.port.swap_bytes()) << 16;
            return self.of_12_bytes(addresses, ports);
        }
        let mut bytes = FlowBytes::default();
        bytes.push_flow(flow);
        self.any.hash(bytes.as_slice())
    }

    /// SipHash-1-3 of eight bytes and four more, little-endian as its authors have it.
    #[inline]
    fn of_12_bytes(&self, eight: u64, four: u64) -> u64 {
        let [k0, k1] = self.key;
        let mut v = [
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ];
        // The last word carries the length in its highest byte.
        for word in [eight, four | 12 << 56] {
            v[3] ^= word;
            sip_round(&mut v);
            v[0] ^= word;
        }
        v[2] ^= 0xff;
        for _ in 0..3 {
            sip_round(&mut v);
        }
        v[0] ^ v[1] ^ v[2] ^ v[3]
    }
}

#[inline]
fn sip_round(v: &mut [u64; 4]) {
    v[0] = v[0].wrapping_add(v[1]);
    v[2] = v[2].wrapping_add(v[3]);
    v[1] = v[1].rotate_left(13) ^ v[0];
    v[3] = v[3].rotate_left(16) ^ v[2];
    v[0] = v[0].rotate_left(32).wrapping_add(v[3]);
    v[2] = v[2].wrapping_add(v[1]);
    v[3] = v[3].rotate_left(21) ^ v[0];
    v[1] = v[1].rotate_left(17) ^ v[2];
    v[2] = v[2].rotate_left(32);
}

/// A keyed function for what a peer sees the results of (SipHash-2-4).
#[derive(Clone)]
pub(crate) struct FlowSecret(SipHasher24);

impl FlowSecret {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self(SipHasher24::new_with_key(key))
    }

    pub(crate) fn of_flow(&self, flow: &Flow) -> u64 {
        let mut bytes = FlowBytes::default();
        bytes.push_flow(flow);
        self.0.hash(bytes.as_slice())
    }

    /// Over a flow and two numbers.
    pub(crate) fn of_flow_and(&self, flow: &Flow, numbers: (u32, u32)) -> u64 {
        let mut bytes = FlowBytes::default();
        bytes.push_flow(flow);
        bytes.push(&numbers.0.to_be_bytes());
        bytes.push(&numbers.1.to_be_bytes());
        self.0.hash(bytes.as_slice())
    }

    /// Over something that is no flow.
    pub(crate) fn of_number(&self, number: u64) -> u64 {
        self.0.hash(&number.to_be_bytes())
    }

    /// Over everything but our port, and a `purpose` that makes independent functions of one key.
    pub(crate) fn of_addresses(&self, local: IpAddr, remote: &Endpoint, purpose: u8) -> u64 {
        let mut bytes = FlowBytes::default();
        bytes.push_address(local);
        bytes.push_address(remote.address);
        bytes.push(&remote.port.to_be_bytes());
        bytes.push(&[purpose]);
        self.0.hash(bytes.as_slice())
    }
}

/// A flow in bytes: 12 for IPv4, 36 for IPv6, so that the two families never look alike.
struct FlowBytes {
    bytes: [u8; 44],
    length: usize,
}

impl Default for FlowBytes {
    #[inline]
    fn default() -> Self {
        Self {
            bytes: [0; 44],
            length: 0,
        }
    }
}

impl FlowBytes {
    #[inline]
    fn push_flow(&mut self, flow: &Flow) {
        self.push_address(flow.local.address);
        self.push_address(flow.remote.address);
        self.push(&flow.local.port.to_be_bytes());
        self.push(&flow.remote.port.to_be_bytes());
    }

    #[inline]
    fn push_address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.push(&address.octets()),
            IpAddr::V6(address) => self.push(&address.octets()),
        }
    }

    #[inline]
    fn push<const N: usize>(&mut self, bytes: &[u8; N]) {
        if let Some(place) = self.bytes.get_mut(self.length..self.length + N) {
            place.copy_from_slice(bytes);
            self.length += N;
        }
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

impl std::fmt::Debug for FlowHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FlowHash(..)")
    }
}

impl std::fmt::Debug for FlowSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FlowSecret(..)")
    }
}

#[cfg(test)]
mod tests;
