//! A packet in ordinary memory, and addresses, for the tests of the layers around TCP.

use std::net::{IpAddr, Ipv4Addr};

use crate::local_addresses::{LocalAddress, LocalAddresses};
use crate::nic::{Buffer, ChecksumStatus, TransmitOffload};

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TestPacket {
    bytes: Vec<u8>,
    start: usize,
}

impl TestPacket {
    pub(crate) fn new(data: &[u8]) -> Self {
        let mut bytes = vec![0; HEADROOM_BYTES];
        bytes.extend_from_slice(data);
        Self {
            bytes,
            start: HEADROOM_BYTES,
        }
    }
}

impl Buffer for TestPacket {
    fn data(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    fn data_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..]
    }

    fn trim_front(&mut self, count: usize) {
        self.start = (self.start + count).min(self.bytes.len());
    }

    fn truncate(&mut self, length: usize) {
        self.bytes.truncate(self.start + length);
    }

    fn prepend(&mut self, count: usize) -> Option<&mut [u8]> {
        self.start = self.start.checked_sub(count)?;
        Some(&mut self.bytes[self.start..self.start + count])
    }

    fn append(&mut self, count: usize) -> Option<&mut [u8]> {
        let end = self.bytes.len();
        if self.data().len() + count > ROOM_BYTES {
            return None;
        }
        self.bytes.resize(end + count, 0);
        Some(&mut self.bytes[end..])
    }

    fn checksums(&self) -> (ChecksumStatus, ChecksumStatus) {
        Default::default()
    }

    fn receive_hash(&self) -> Option<u32> {
        None
    }

    fn set_offload(&mut self, _: TransmitOffload) {}
}

const HEADROOM_BYTES: usize = 64;
const ROOM_BYTES: usize = 2_048;
