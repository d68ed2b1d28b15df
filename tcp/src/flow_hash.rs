//! Keyed hashes of flows, so that no peer can choose collisions: a fast one for tables, and SipHash for what peers see.

use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use crate::address::{Endpoint, Flow};

/// A keyed hash for tables: multiplications of 64 by 64 bits whose halves are folded together, as hash maps use them.
///
/// No cipher, but nobody sees its values: what a peer could learn of them is time, as with Linux's `inet_ehashfn`.
#[derive(Clone)]
pub struct FlowHash {
    /// One for each eight bytes of addresses, and one for the ports.
    keys: [u64; 5],
}

impl FlowHash {
    /// A hash under `key`.
    pub fn new(key: &[u8; 16]) -> Self {
        let secret = SipHasher24::new_with_key(key);
        Self {
            keys: std::array::from_fn(|at| secret.hash(&(at as u64).to_be_bytes())),
        }
    }

    /// The hash of a flow.
    #[inline]
    pub fn of(&self, flow: &Flow) -> u64 {
        let ports = u64::from(flow.local.port) << 16 | u64::from(flow.remote.port);
        let [first, second, third, fourth, last] = self.keys;
        match (flow.local.address, flow.remote.address) {
            // Each segment received pays for this. The second one scatters what follows one another.
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                let addresses = u64::from(local.to_bits()) << 32 | u64::from(remote.to_bits());
                fold(fold(addresses ^ first, ports ^ last), second)
            }
            (local, remote) => {
                let [local, remote] = [local, remote].map(halves);
                let addresses = fold(local[0] ^ first, local[1] ^ second)
                    ^ fold(remote[0] ^ third, remote[1] ^ fourth);
                fold(fold(addresses, ports ^ last), second)
            }
        }
    }
}

/// The product's two halves, one over the other.
#[inline]
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
}

fn halves(address: IpAddr) -> [u64; 2] {
    let bits = match address {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(address),
    };
    [(bits >> 64) as u64, bits as u64]
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
