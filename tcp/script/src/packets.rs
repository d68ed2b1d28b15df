//! IPv4 around segments and ICMP errors, for a TUN device.

use std::net::{IpAddr, Ipv4Addr};

use coremill_tcp::Instant;
use coremill_tcp::address::Flow;
use coremill_tcp::checksum::{self, PROTOCOL_TCP, Sum};
use coremill_tcp::packet::{Inbound, Quoted, Unreachable};

use crate::subject::Sent;

/// A segment for the kernel.
pub fn inbound(inbound: &Inbound<'_>) -> Vec<u8> {
    let mut packet = header(
        (inbound.source, inbound.destination),
        PROTOCOL_TCP,
        (inbound.ecn, inbound.ttl),
        inbound.bytes.len(),
    );
    packet.extend(inbound.bytes);
    packet
}

/// An ICMP error about a segment of the kernel's.
pub fn error(quoted: &Quoted) -> Vec<u8> {
    let Flow { local, remote } = quoted.flow;
    let (kind, code, mtu) = match quoted.error {
        Unreachable::Network => (3, 0, 0),
        Unreachable::NextHop | Unreachable::Host => (3, 1, 0),
        Unreachable::Protocol => (3, 2, 0),
        Unreachable::Port => (3, 3, 0),
        Unreachable::TooBig { mtu } => (3, 4, mtu),
        Unreachable::Prohibited => (3, 13, 0),
        Unreachable::Other => (11, 0, 0),
    };
    let mut message = vec![kind, code, 0, 0, 0, 0];
    message.extend(mtu.to_be_bytes());
    message.extend(header(
        (local.address, remote.address),
        PROTOCOL_TCP,
        (0, TTL),
        20,
    ));
    message.extend(local.port.to_be_bytes());
    message.extend(remote.port.to_be_bytes());
    message.extend(quoted.sequence.to_be_bytes());
    checksum::fill(&mut message, 2, Sum::default());
    let mut packet = header((remote.address, local.address), 1, (0, TTL), message.len());
    packet.extend(message);
    packet
}

/// A segment that the kernel sent; None for what is no TCP over IPv4.
pub fn segment(at: Instant, packet: &[u8]) -> Option<Sent> {
    let (header, rest) = packet.split_at_checked(HEADER_BYTES)?;
    if header.first()? >> 4 != 4 || header.get(9) != Some(&PROTOCOL_TCP) {
        return None;
    }
    let options = usize::from(header.first()? & 0x0f) * 4;
    let bytes = rest.get(options.checked_sub(HEADER_BYTES)?..)?.to_vec();
    Some(Sent {
        at,
        source: address(header.get(12..16)?),
        destination: address(header.get(16..20)?),
        ecn: header.get(1)? & 3,
        dscp: header.get(1)? >> 2,
        ttl: *header.get(8)?,
        bytes,
    })
}

/// A header for `length` bytes of payload.
fn header(
    (from, to): (IpAddr, IpAddr),
    protocol: u8,
    (ecn, ttl): (u8, u8),
    length: usize,
) -> Vec<u8> {
    let total = u16::try_from(HEADER_BYTES + length).unwrap_or(u16::MAX);
    let mut header = vec![0x45, ecn];
    header.extend(total.to_be_bytes());
    header.extend([0, 0, 0x40, 0, ttl, protocol, 0, 0]);
    for address in [from, to] {
        match address {
            IpAddr::V4(address) => header.extend(address.octets()),
            IpAddr::V6(_) => header.extend([0; 4]),
        }
    }
    checksum::fill(&mut header, 10, Sum::default());
    header
}

fn address(bytes: &[u8]) -> IpAddr {
    let octets = <[u8; 4]>::try_from(bytes).unwrap_or_default();
    IpAddr::V4(Ipv4Addr::from(octets))
}

const HEADER_BYTES: usize = 20;
/// As most send.
const TTL: u8 = 64;
