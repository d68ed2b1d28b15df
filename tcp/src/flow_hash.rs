//! Keyed hashes of flows: SipHash over addresses and ports, so that no peer can choose collisions.

use std::net::IpAddr;

use siphasher::sip::{SipHasher13, SipHasher24};

use crate::address::{Endpoint, Flow};

/// A keyed hash for tables (SipHash-1-3).
#[derive(Clone)]
pub struct FlowHash(SipHasher13);

impl FlowHash {
    /// A hash under `key`.
    pub fn new(key: &[u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(key))
    }

    /// The hash of a flow.
    #[inline]
    pub fn of(&self, flow: &Flow) -> u64 {
        // Each segment received pays for this: the short form of IPv4 is written out.
        if let (IpAddr::V4(local), IpAddr::V4(remote)) = (flow.local.address, flow.remote.address) {
            let mut bytes = [0; 12];
            bytes[..4].copy_from_slice(&local.octets());
            bytes[4..8].copy_from_slice(&remote.octets());
            bytes[8..10].copy_from_slice(&flow.local.port.to_be_bytes());
            bytes[10..].copy_from_slice(&flow.remote.port.to_be_bytes());
            return self.0.hash(&bytes);
        }
        let mut bytes = FlowBytes::default();
        bytes.push_flow(flow);
        self.0.hash(bytes.as_slice())
    }
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
    bytes: [u8; 40],
    length: usize,
}

impl Default for FlowBytes {
    #[inline]
    fn default() -> Self {
        Self {
            bytes: [0; 40],
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
