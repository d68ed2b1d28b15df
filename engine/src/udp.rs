//! UDP, header check only: nobody listens, but the sender of a sound datagram is told so by ICMP
//! (RFC 1122, section 4.1.3.1), and a broken one is not answered.

use coremill_tcp::checksum;

use crate::drop_reason::LinkDropReason;
use crate::ipv4;

/// The header of a sound datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Port of the sender; 0 when it has none.
    pub source_port: u16,
    /// Port that it is sent to.
    pub destination_port: u16,
    /// Bytes behind the header.
    pub payload_bytes: u16,
}

/// Reads the datagram `bytes`, the payload of `packet`; checks length and checksum (RFC 768).
pub fn parse(packet: &ipv4::Packet, bytes: &[u8]) -> Result<Header, LinkDropReason> {
    let malformed = LinkDropReason::UdpMalformed;
    let &[s0, s1, d0, d1, l0, l1, c0, c1] = bytes.first_chunk::<8>().ok_or(malformed)?;
    let length = u16::from_be_bytes([l0, l1]);
    let payload_bytes = length.checked_sub(8).ok_or(malformed)?;
    let datagram = bytes.get(..usize::from(length)).ok_or(malformed)?;
    let initial = checksum::pseudo_header(
        packet.source.into(),
        packet.destination.into(),
        ipv4::PROTOCOL_UDP,
        datagram.len(),
    );
    let checksum_given = [c0, c1] != [0, 0];
    if checksum_given && !checksum::verify(datagram, initial) {
        return Err(malformed);
    }
    Ok(Header {
        source_port: u16::from_be_bytes([s0, s1]),
        destination_port: u16::from_be_bytes([d0, d1]),
        payload_bytes,
    })
}

#[cfg(test)]
mod tests;
