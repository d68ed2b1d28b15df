//! ICMP errors that a host sends: which packets may be answered with one, and the message itself.

use coremill_tcp::checksum::{self, Sum};

use crate::ethernet::Cast;
use crate::ipv4;

/// What is wrong with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The neighbour does not answer.
    HostUnreachable,
    /// Nobody here handles the protocol.
    ProtocolUnreachable,
    /// Nobody listens on the port.
    PortUnreachable,
    /// The byte at this offset of the IP header is not understood.
    Parameter {
        /// Offset in the original packet.
        pointer: u8,
    },
}

/// True when an error about the packet may be sent at all (RFC 1122, section 3.2.2): never about
/// an ICMP error, a packet to a group or in a group's frame, or one whose source is no single
/// host. Fragments other than the first do not get this far.
pub fn may_answer(packet: &ipv4::Packet, bytes: &[u8], link_cast: Cast) -> bool {
    let icmp_error = packet.protocol == ipv4::PROTOCOL_ICMP
        && !packet
            .payload_in(bytes)
            .first()
            .is_some_and(|kind| QUERIES.contains(kind));
    let to_one = packet.cast == Cast::Unicast && link_cast == Cast::Unicast;
    to_one && !icmp_error && !ipv4::is_martian(packet.source)
}

/// Writes the message about `original` (from its IP header on) into `out`; gives its length.
/// As much of the packet is quoted as fits into an IP packet of 576 bytes (RFC 1812, 4.3.2.3).
pub(super) fn write(out: &mut [u8; MESSAGE_BYTES_MAX], problem: Problem, original: &[u8]) -> usize {
    let (kind, code, pointer) = match problem {
        Problem::HostUnreachable => (3, 1, 0),
        Problem::ProtocolUnreachable => (3, 2, 0),
        Problem::PortUnreachable => (3, 3, 0),
        Problem::Parameter { pointer } => (12, 0, pointer),
    };
    let quote_bytes = original.len().min(QUOTE_BYTES_MAX);
    let (header, quote) = out.split_at_mut(HEADER_BYTES);
    header.copy_from_slice(&[kind, code, 0, 0, pointer, 0, 0, 0]);
    if let (Some(quote), Some(original)) =
        (quote.get_mut(..quote_bytes), original.get(..quote_bytes))
    {
        quote.copy_from_slice(original);
    }
    let length = HEADER_BYTES + quote_bytes;
    if let Some(message) = out.get_mut(..length) {
        checksum::fill(message, 2, Sum::default());
    }
    length
}

/// Longest message.
pub(super) const MESSAGE_BYTES_MAX: usize = 576 - ipv4::HEADER_BYTES;
const HEADER_BYTES: usize = 8;
const QUOTE_BYTES_MAX: usize = MESSAGE_BYTES_MAX - HEADER_BYTES;

/// Types that are no errors: echo, router discovery, timestamp, information, mask. What is not
/// known to be a query counts as an error.
const QUERIES: [u8; 10] = [0, 8, 9, 10, 13, 14, 15, 16, 17, 18];
