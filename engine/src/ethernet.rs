//! Ethernet II frames: 14 bytes of header, untagged. A VLAN tag is an EtherType nobody handles.
//!
//! Read first: RFC 894, and RFC 1122, section 2.3.3 (we send RFC 894 only and need not receive
//! IEEE 802.3 encapsulation).

use crate::drop_reason::LinkDropReason;
use crate::nic::Buffer;

/// Bytes of an Ethernet header.
pub const HEADER_BYTES: usize = 14;

/// The broadcast address.
pub const BROADCAST: [u8; 6] = [0xff; 6];

/// What the frame carries, of those that we tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EtherType {
    /// IPv4 (RFC 894).
    Ipv4,
    /// ARP (RFC 826).
    Arp,
    /// IPv6 (RFC 2464).
    Ipv6,
}

impl EtherType {
    /// The number in the header.
    pub const fn number(self) -> u16 {
        match self {
            EtherType::Ipv4 => 0x0800,
            EtherType::Arp => 0x0806,
            EtherType::Ipv6 => 0x86dd,
        }
    }
}

/// To whom a frame or packet is addressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// To us alone.
    Unicast,
    /// To a group of ours.
    Multicast,
    /// To everyone on the link.
    Broadcast,
}

/// A frame for us; its payload begins at [`HEADER_BYTES`] and may end in padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Source MAC address.
    pub source: [u8; 6],
    /// To whom it is addressed.
    pub cast: Cast,
    /// What it carries.
    pub ethertype: EtherType,
}

/// Reads the header of a frame that arrived at the port with address `mac`.
#[inline]
pub fn parse(bytes: &[u8], mac: [u8; 6]) -> Result<Frame, LinkDropReason> {
    let Some(&header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Err(LinkDropReason::EthernetTruncated);
    };
    let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = header;
    let destination = [d0, d1, d2, d3, d4, d5];
    let cast = cast_of(destination, mac).ok_or(LinkDropReason::EthernetNotForUs)?;
    let ethertype = match u16::from_be_bytes([t0, t1]) {
        0x0800 => EtherType::Ipv4,
        0x0806 => EtherType::Arp,
        0x86dd => EtherType::Ipv6,
        _ => return Err(LinkDropReason::EthernetUnknownType),
    };
    Ok(Frame {
        source: [s0, s1, s2, s3, s4, s5],
        cast,
        ethertype,
    })
}

/// True when the address names a group (broadcast included).
pub const fn is_group(mac: [u8; 6]) -> bool {
    mac[0] & 1 != 0
}

/// A ready header, kept with a neighbour and written in front of each packet to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkHeader([u8; HEADER_BYTES]);

impl LinkHeader {
    /// A header from `source` to `destination`.
    pub const fn new(destination: [u8; 6], source: [u8; 6], ethertype: EtherType) -> Self {
        let [d0, d1, d2, d3, d4, d5] = destination;
        let [s0, s1, s2, s3, s4, s5] = source;
        let [t0, t1] = ethertype.number().to_be_bytes();
        Self([d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1])
    }

    /// The header's bytes.
    pub const fn bytes(&self) -> &[u8; HEADER_BYTES] {
        &self.0
    }

    /// The destination MAC address.
    pub const fn destination(&self) -> [u8; 6] {
        let [d0, d1, d2, d3, d4, d5, ..] = self.0;
        [d0, d1, d2, d3, d4, d5]
    }

    /// Puts the header in front of `packet`.
    #[inline]
    pub fn prepend<B: Buffer>(&self, packet: &mut B) -> Result<(), LinkDropReason> {
        let room = packet
            .prepend(HEADER_BYTES)
            .ok_or(LinkDropReason::NoHeadroom)?;
        room.copy_from_slice(&self.0);
        Ok(())
    }
}

/// How a frame to `destination` concerns the port with address `mac`, if it does.
fn cast_of(destination: [u8; 6], mac: [u8; 6]) -> Option<Cast> {
    if destination == mac {
        return Some(Cast::Unicast);
    }
    if destination == BROADCAST {
        return Some(Cast::Broadcast);
    }
    GROUPS.contains(&destination).then_some(Cast::Multicast)
}

/// Groups that every host is in: 224.0.0.1 (RFC 1112, section 4) and ff02::1 (RFC 4291).
const GROUPS: [[u8; 6]; 2] = [
    [0x01, 0x00, 0x5e, 0x00, 0x00, 0x01],
    [0x33, 0x33, 0x00, 0x00, 0x00, 0x01],
];

#[cfg(test)]
mod tests;
