//! ICMP for IPv4: echo answered in place, errors received for TCP, errors sent.
//!
//! Read first: RFC 792; RFC 1122, section 3.2.2; RFC 1812, section 4.3.2 (how much is quoted);
//! RFC 5927 (TCP checks what a quoted segment claims). The rate limit is the caller's.

use std::net::Ipv4Addr;

use coremill_tcp::checksum::{self, Sum};
use coremill_tcp::packet::Quoted;

use crate::drop_reason::LinkDropReason;
use crate::ethernet::Cast;
use crate::ipv4;
use crate::nic::Buffer;

pub mod errors;
pub mod quoted;

pub use errors::Problem;

/// A message for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// To be answered by [`echo_reply`].
    EchoRequest,
    /// An error about a TCP segment of ours.
    Error(Quoted),
}

/// Reads the message `bytes`, the payload of `packet`. What asks for nothing, or must not be
/// answered because it came to a group, is [`LinkDropReason::IcmpIgnored`].
pub fn parse(packet: &ipv4::Packet, bytes: &[u8]) -> Result<Message, LinkDropReason> {
    let malformed = LinkDropReason::IcmpMalformed;
    let &[kind, code, _, _, _, _, m0, m1] = bytes.first_chunk::<HEADER_BYTES>().ok_or(malformed)?;
    if !checksum::verify(bytes, Sum::default()) {
        return Err(malformed);
    }
    if packet.cast != Cast::Unicast {
        return Err(LinkDropReason::IcmpIgnored);
    }
    if kind == ECHO_REQUEST && code == 0 {
        return Ok(Message::EchoRequest);
    }
    let next_hop_mtu = u16::from_be_bytes([m0, m1]);
    let error = quoted::error_of(kind, code, next_hop_mtu).ok_or(LinkDropReason::IcmpIgnored)?;
    let quote = bytes.get(HEADER_BYTES..).unwrap_or_default();
    let quoted = quoted::read(quote, error)?;
    // An error about a packet goes to the packet's source.
    if quoted.flow.local.address != packet.destination {
        return Err(LinkDropReason::IcmpIgnored);
    }
    Ok(Message::Error(quoted))
}

/// Turns the echo request in `buffer` (a whole IP packet, as read into `packet`) into its reply:
/// the same buffer, with an IP header of its own. The sender may have forbidden itself fragments;
/// the reply allows them, hence the `identification`.
pub fn echo_reply<B: Buffer>(
    buffer: &mut B,
    packet: &ipv4::Packet,
    identification: u16,
    ttl: u8,
    fill_checksum: bool,
) -> Result<(), LinkDropReason> {
    buffer.truncate(packet.payload.end);
    buffer.trim_front(packet.payload.start);
    let message = buffer.data_mut();
    let Some(kind) = message.first_mut() else {
        return Err(LinkDropReason::IcmpMalformed);
    };
    *kind = ECHO_REPLY;
    if !checksum::fill(message, CHECKSUM_OFFSET, Sum::default()) {
        return Err(LinkDropReason::IcmpMalformed);
    }
    let header = ipv4::Header {
        source: packet.destination,
        destination: packet.source,
        protocol: ipv4::PROTOCOL_ICMP,
        tos: packet.tos & !ECN_MASK,
        ttl,
        identification: Some(identification),
    };
    header.prepend(buffer, fill_checksum)
}

/// Writes the IP packet that reports `problem` with `original` (a whole IP packet from its header
/// on, which may have been ours: then `destination` is ourselves) into the empty `buffer`.
pub fn error_packet<B: Buffer>(
    buffer: &mut B,
    problem: Problem,
    original: &[u8],
    addresses: (Ipv4Addr, Ipv4Addr),
    ttl: u8,
    fill_checksum: bool,
) -> Result<(), LinkDropReason> {
    let mut message = [0; errors::MESSAGE_BYTES_MAX];
    let length = errors::write(&mut message, problem, original);
    let written = message.get(..length).unwrap_or_default();
    let room = buffer
        .append(written.len())
        .ok_or(LinkDropReason::NoHeadroom)?;
    room.copy_from_slice(written);
    let (source, destination) = addresses;
    let header = ipv4::Header {
        source,
        destination,
        protocol: ipv4::PROTOCOL_ICMP,
        tos: 0,
        ttl,
        identification: None,
    };
    header.prepend(buffer, fill_checksum)
}

const HEADER_BYTES: usize = 8;
const CHECKSUM_OFFSET: usize = 2;
const ECHO_REPLY: u8 = 0;
const ECHO_REQUEST: u8 = 8;
const ECN_MASK: u8 = 3;

#[cfg(test)]
mod tests;
