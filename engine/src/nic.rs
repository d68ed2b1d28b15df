//! Network ports as a worker sees them: one queue pair of a port, and the packets that cross it.
//!
//! `nic/dpdk` is the real thing; `nic/loopback` and `nic/simulated` run the engine without EAL;
//! `nic/fault` wraps any port with drops, delays, duplicates and corruption.

mod dice;
pub mod dpdk;
pub mod fault;
pub mod heap_buffer;
pub mod loopback;
pub mod simulated;

use std::os::fd::BorrowedFd;

/// What the port says, or has been seen to say, about the checksums of a received packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumStatus {
    /// Nobody has looked: software must verify.
    #[default]
    Unknown,
    /// Verified and right.
    Good,
    /// Verified and wrong.
    Bad,
}

/// What the port is asked to fill in when it sends a packet; offsets follow from the lengths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransmitOffload {
    /// Length of the Ethernet header in bytes.
    pub link_header: u8,
    /// Length of the IP header in bytes.
    pub ip_header: u8,
    /// The port shall fill the IPv4 header checksum.
    pub ipv4_checksum: bool,
    /// The port shall fill the TCP checksum; the field holds the pseudo-header's sum.
    pub tcp_checksum: bool,
    /// The packet is IPv6.
    pub ipv6: bool,
    /// Length of the TCP header in bytes; it counts where the packet is to be cut.
    pub tcp_header: u8,
    /// The port shall cut the packet into segments with this much payload each; 0 for one that is not cut. The TCP
    /// checksum field then holds the pseudo-header's sum without a length.
    pub segment_payload: u16,
}

/// A packet in one contiguous piece of memory, with room in front for headers. Dropping it gives
/// it back to its pool. It may be sent to another worker.
pub trait Buffer: Send + 'static {
    /// The packet's bytes.
    fn data(&self) -> &[u8];
    /// The packet's bytes, to change.
    fn data_mut(&mut self) -> &mut [u8];
    /// Takes `count` bytes off the front (at most all of them).
    fn trim_front(&mut self, count: usize);
    /// Cuts the packet to its first `length` bytes (no effect when it is shorter).
    fn truncate(&mut self, length: usize);
    /// Grows the packet by `count` bytes in front and gives these; None without headroom.
    fn prepend(&mut self, count: usize) -> Option<&mut [u8]>;
    /// Grows the packet by `count` bytes at its end and gives these; None without tailroom.
    fn append(&mut self, count: usize) -> Option<&mut [u8]>;
    /// IP and TCP checksum status of a received packet.
    fn checksums(&self) -> (ChecksumStatus, ChecksumStatus);
    /// The RSS hash, where the port computed one.
    fn receive_hash(&self) -> Option<u32>;
    /// Asks for offloads at transmission.
    fn set_offload(&mut self, offload: TransmitOffload);
}

/// What a port can do, after it was verified where that is possible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// Verifies IPv4 header checksums.
    pub receive_ipv4_checksum: bool,
    /// Verifies TCP checksums.
    pub receive_tcp_checksum: bool,
    /// Fills IPv4 header checksums.
    pub transmit_ipv4_checksum: bool,
    /// Fills TCP checksums.
    pub transmit_tcp_checksum: bool,
    /// Cuts TCP segments (TSO).
    pub transmit_tcp_segmentation: bool,
    /// Has RSS with our key and table.
    pub receive_steering: bool,
}

/// One queue pair of a port, used by one worker.
pub trait Port {
    /// Its packets.
    type Buffer: Buffer;

    /// Appends up to `max` received packets to `into`; gives their number. `into` has the room.
    fn receive(&mut self, into: &mut Vec<Self::Buffer>, max: usize) -> usize;

    /// Sends packets from the front of `from` and removes those that the port took; gives their
    /// number. The rest stays in order.
    fn transmit(&mut self, from: &mut Vec<Self::Buffer>) -> usize;

    /// An empty packet with headroom for all headers below TCP, and room for an MTU behind it.
    fn allocate(&mut self) -> Option<Self::Buffer>;

    /// Makes a packet of no further use as good as one that was just allocated; false, and it is to be dropped, where that
    /// cannot be.
    fn renew(&mut self, packet: &mut Self::Buffer) -> bool {
        let _ = packet;
        false
    }

    /// An empty packet with room for [`LARGE_BYTES`], to be cut when it is sent; None where the port does not cut, or
    /// has none left.
    fn allocate_large(&mut self) -> Option<Self::Buffer> {
        None
    }

    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// MAC address.
    fn mac(&self) -> [u8; 6];

    /// MTU: bytes of IP packet.
    fn mtu(&self) -> u16;

    /// A descriptor that becomes readable when a packet arrives, where the port has one.
    fn receive_interrupt(&self) -> Option<BorrowedFd<'_>>;

    /// Arms the receive interrupt. Call it before sleeping on the descriptor and receive once more
    /// afterwards: what arrived in between does not wake. Ports that need no arming do nothing.
    fn arm_receive_interrupt(&mut self) {}

    /// Disarms it after waking, whatever the reason was.
    fn disarm_receive_interrupt(&mut self) {}
}

/// What is known about a port, for display and for the layers above.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortInformation {
    /// Name from config.
    pub name: String,
    /// DPDK's name of the device, such as `net_tap0` or `0000:03:00.0`.
    pub device: String,
    /// Its driver, such as `net_tap`.
    pub driver: String,
    /// MAC address.
    pub mac: [u8; 6],
    /// MTU: bytes of IP packet.
    pub mtu: u16,
    /// Queue pairs in use, one per worker.
    pub queues: usize,
    /// What it can do, as enabled.
    pub capabilities: Capabilities,
    /// Workers can sleep on its receive interrupts.
    pub receive_interrupts: bool,
    /// Link, as of the time of asking.
    pub link: LinkStatus,
}

/// State of a port's link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStatus {
    /// Up.
    pub up: bool,
    /// Speed in Mbit/s; 0 where unknown.
    pub speed_mbps: u32,
}

/// Packets and errors of a port as its driver counts them, over all queues.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortStatistics {
    /// Packets received.
    pub received_packets: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Packets sent.
    pub transmitted_packets: u64,
    /// Bytes sent.
    pub transmitted_bytes: u64,
    /// Packets the hardware dropped because no receive descriptor was free.
    pub receive_missed: u64,
    /// Packets received with errors.
    pub receive_errors: u64,
    /// Times the driver found no packet memory.
    pub receive_no_buffer: u64,
    /// Packets that could not be sent.
    pub transmit_errors: u64,
    /// Received packets in several pieces that could not be made one, and were dropped.
    pub segmented_discarded: u64,
    /// Packets that the driver refused to prepare for its offloads, and were dropped.
    pub unprepared_discarded: u64,
}

/// TCP header and payload of a packet that is to be cut: some twenty segments of Ethernet, after which a longer one
/// saves little.
pub const LARGE_BYTES: u16 = 32_768;
