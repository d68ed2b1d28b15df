//! IPv4: what a host checks on a packet it receives, and the header of one it sends.
//!
//! Read first: RFC 791; RFC 1122, section 3.2.1; RFC 6864 for the identification. Options are
//! checked and skipped, source routes refused (RFC 7126); fragments are dropped for now.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

use coremill_tcp::checksum::{self, Sum};

use crate::drop_reason::LinkDropReason;
use crate::ethernet::Cast;
use crate::local_addresses::LocalAddresses;
use crate::nic::{Buffer, ChecksumStatus};

pub mod identification;
mod options;

use options::Refused;

/// Bytes of a header without options.
pub const HEADER_BYTES: usize = 20;
/// Protocol number of ICMP.
pub const PROTOCOL_ICMP: u8 = 1;
/// Protocol number of TCP.
pub const PROTOCOL_TCP: u8 = 6;
/// Protocol number of UDP.
pub const PROTOCOL_UDP: u8 = 17;

/// The header of a sound packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Source.
    pub source: Ipv4Addr,
    /// Destination.
    pub destination: Ipv4Addr,
    /// To whom it is addressed; [`Cast::Unicast`] until [`receive`] has looked.
    pub cast: Cast,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Where the payload lies in the packet: behind the header, without trailing padding.
    pub payload: Range<usize>,
    /// Type of service: DSCP and ECN.
    pub tos: u8,
    /// Time to live.
    pub ttl: u8,
}

impl Packet {
    /// The two ECN bits (RFC 3168).
    pub const fn ecn(&self) -> u8 {
        self.tos & 3
    }

    /// The payload in the packet's `bytes`.
    #[inline]
    pub fn payload_in<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.payload.clone()).unwrap_or_default()
    }
}

/// How a packet reached us.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// To whom its frame was addressed.
    pub link_cast: Cast,
    /// What the port said of the header checksum.
    pub checksum: ChecksumStatus,
    /// True where packets with a source of our own may come in: from inside, or from a port that
    /// a route sends our own packets through.
    pub own_source_allowed: bool,
}

/// Reads and checks a packet (from its IP header on, trailing padding allowed) that must be for us.
pub fn receive(
    bytes: &[u8],
    arrival: Arrival,
    local: &LocalAddresses,
) -> Result<Packet, LinkDropReason> {
    let mut packet = parse(bytes, arrival.checksum)?;
    check_source(packet.source, arrival.own_source_allowed, local)?;
    packet.cast = cast_of(packet.destination, local).ok_or(LinkDropReason::Ipv4NotForUs)?;
    let unicast = packet.cast == Cast::Unicast;
    let link_group_to_one = unicast && arrival.link_cast != Cast::Unicast;
    let tcp_to_group = !unicast && packet.protocol == PROTOCOL_TCP;
    if link_group_to_one || tcp_to_group {
        return Err(LinkDropReason::Ipv4LinkBroadcast);
    }
    Ok(packet)
}

/// The packet that [`receive`] refused with [`LinkDropReason::Ipv4BadOptions`], and the offset of
/// the malformed option in it, when it is otherwise sound and its sender may be told by a
/// parameter problem (RFC 1122, section 3.2.1.8).
pub fn malformed_option(
    bytes: &[u8],
    arrival: Arrival,
    local: &LocalAddresses,
) -> Option<(Packet, u8)> {
    let (packet, options) = parse_header(bytes, arrival.checksum).ok()?;
    check_source(packet.source, arrival.own_source_allowed, local).ok()?;
    let for_us = cast_of(packet.destination, local) == Some(Cast::Unicast);
    match options {
        Err(Refused::Malformed(offset)) if for_us => {
            Some((packet, u8::try_from(HEADER_BYTES + offset).ok()?))
        }
        _ => None,
    }
}

/// Reads a packet and checks what can be said without knowing who we are.
pub fn parse(bytes: &[u8], checksum: ChecksumStatus) -> Result<Packet, LinkDropReason> {
    let (packet, options) = parse_header(bytes, checksum)?;
    match options {
        Ok(()) => Ok(packet),
        Err(_) => Err(LinkDropReason::Ipv4BadOptions),
    }
}

/// Reads the header and checks all of it but the options, of which it tells apart.
#[inline]
fn parse_header(
    bytes: &[u8],
    checksum: ChecksumStatus,
) -> Result<(Packet, Result<(), Refused>), LinkDropReason> {
    let Some(&first) = bytes.first() else {
        return Err(LinkDropReason::Ipv4Truncated);
    };
    if first >> 4 != 4 {
        return Err(LinkDropReason::Ipv4BadVersion);
    }
    let Some(&header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return Err(LinkDropReason::Ipv4Truncated);
    };
    let [_, tos, l0, l1, _, _, f0, f1, ttl, protocol, _, _, rest @ ..] = header;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = rest;
    let header_length = usize::from(first & 0x0f) * 4;
    let total_length = usize::from(u16::from_be_bytes([l0, l1]));
    if header_length < HEADER_BYTES || header_length > total_length {
        return Err(LinkDropReason::Ipv4BadHeader);
    }
    let Some(header) = bytes.get(..header_length) else {
        return Err(LinkDropReason::Ipv4Truncated);
    };
    let checksum_good = match checksum {
        ChecksumStatus::Good => true,
        ChecksumStatus::Bad => false,
        ChecksumStatus::Unknown => checksum::verify(header, Sum::default()),
    };
    if !checksum_good {
        return Err(LinkDropReason::Ipv4BadChecksum);
    }
    if total_length > bytes.len() {
        return Err(LinkDropReason::Ipv4Truncated);
    }
    let options = options::check(header.get(HEADER_BYTES..).unwrap_or_default());
    if u16::from_be_bytes([f0, f1]) & (MORE_FRAGMENTS | OFFSET_MASK) != 0 {
        return Err(LinkDropReason::Ipv4Fragment);
    }
    let packet = Packet {
        source: Ipv4Addr::new(s0, s1, s2, s3),
        destination: Ipv4Addr::new(d0, d1, d2, d3),
        cast: Cast::Unicast,
        protocol,
        payload: header_length..total_length,
        tos,
        ttl,
    };
    Ok((packet, options))
}

/// What the header of a packet to send says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Source.
    pub source: Ipv4Addr,
    /// Destination.
    pub destination: Ipv4Addr,
    /// Protocol of the payload.
    pub protocol: u8,
    /// Type of service: DSCP and ECN.
    pub tos: u8,
    /// Time to live.
    pub ttl: u8,
    /// The identification; None sends an atomic datagram (RFC 6864): may not be fragmented, so
    /// that it needs none.
    pub identification: Option<u16>,
}

impl Header {
    /// The bytes in front of `payload_bytes`; with a zero checksum unless `fill_checksum`.
    /// None when the packet would be longer than 65,535 bytes.
    #[inline]
    pub fn bytes(&self, payload_bytes: usize, fill_checksum: bool) -> Option<[u8; HEADER_BYTES]> {
        let total_length = u16::try_from(payload_bytes.checked_add(HEADER_BYTES)?).ok()?;
        let flags = match self.identification {
            Some(_) => 0,
            None => DONT_FRAGMENT,
        };
        let mut header = [0; HEADER_BYTES];
        header[0] = 0x45;
        header[1] = self.tos;
        header[2..4].copy_from_slice(&total_length.to_be_bytes());
        header[4..6].copy_from_slice(&self.identification.unwrap_or(0).to_be_bytes());
        header[6..8].copy_from_slice(&flags.to_be_bytes());
        header[8] = self.ttl;
        header[9] = self.protocol;
        header[12..16].copy_from_slice(&self.source.octets());
        header[16..20].copy_from_slice(&self.destination.octets());
        if fill_checksum {
            checksum::fill(&mut header, CHECKSUM_OFFSET, Sum::default());
        }
        Some(header)
    }

    /// Puts the header in front of `packet`, which holds the payload; the checksum is filled in
    /// unless the port shall do that.
    #[inline]
    pub fn prepend<B: Buffer>(
        &self,
        packet: &mut B,
        fill_checksum: bool,
    ) -> Result<(), LinkDropReason> {
        let header = self.bytes(packet.data().len(), fill_checksum);
        let header = header.ok_or(LinkDropReason::PacketTooBig)?;
        let room = packet
            .prepend(HEADER_BYTES)
            .ok_or(LinkDropReason::NoHeadroom)?;
        room.copy_from_slice(&header);
        Ok(())
    }
}

/// True for what no packet may come from or go to as a single host: unspecified ("this network",
/// RFC 1122, section 3.2.1.3), loopback, groups and reserved.
pub fn is_martian(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first == 0 || first == 127 || first >= 224
}

// RFC 9293, MUST-63.
fn check_source(
    source: Ipv4Addr,
    own_source_allowed: bool,
    local: &LocalAddresses,
) -> Result<(), LinkDropReason> {
    let ours = local.contains(IpAddr::V4(source)) && !own_source_allowed;
    if ours || is_martian(source) || local.is_broadcast(source) {
        return Err(LinkDropReason::Ipv4BadSource);
    }
    Ok(())
}

/// To whom a packet is addressed, if it is for us.
/// RFC 9293, MUST-57.
fn cast_of(destination: Ipv4Addr, local: &LocalAddresses) -> Option<Cast> {
    if local.contains(IpAddr::V4(destination)) {
        Some(Cast::Unicast)
    } else if local.is_broadcast(destination) {
        Some(Cast::Broadcast)
    } else {
        (destination == ALL_HOSTS).then_some(Cast::Multicast)
    }
}

/// The only group every host is in (RFC 1112, section 4).
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);
const CHECKSUM_OFFSET: usize = 10;
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET_MASK: u16 = 0x1fff;

#[cfg(test)]
mod tests;
