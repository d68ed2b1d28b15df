//! Addresses and packets for the tests of the layers around TCP.

use std::net::{IpAddr, Ipv4Addr};

use crate::local_addresses::{LocalAddress, LocalAddresses};
use crate::nic::Buffer;
pub(crate) use crate::nic::heap_buffer::HeapBuffer;
use crate::nic::heap_buffer::HeapPool;

pub(crate) const OUR_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub(crate) const PEER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 2];
pub(crate) const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// 10.0.0.1/24 on port 0 and 10.1.0.1/31 on port 1.
pub(crate) fn local_addresses() -> LocalAddresses {
    let address = |address, prefix_length, port| LocalAddress {
        address: IpAddr::V4(address),
        prefix_length,
        port,
    };
    LocalAddresses::new([
        address(OURS, 24, 0),
        address(Ipv4Addr::new(10, 1, 0, 1), 31, 1),
    ])
}

/// A packet with `data` in it.
pub(crate) fn buffer_of(data: &[u8]) -> HeapBuffer {
    let mut buffer = HeapPool::new(1).allocate().unwrap();
    buffer.append(data.len()).unwrap().copy_from_slice(data);
    buffer
}
