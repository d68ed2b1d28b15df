//! The packet that an ICMP error quotes, as far as TCP needs it.

use std::net::Ipv4Addr;

use coremill_tcp::packet::{Quoted, Unreachable};
use coremill_tcp::{Endpoint, Flow};

use crate::drop_reason::LinkDropReason;
use crate::ipv4;

/// What an error of this type and code means to TCP; None for what is no error, or one that hosts
/// ignore: source quench (RFC 6633), redirects (their sender cannot be trusted).
pub(super) fn error_of(kind: u8, code: u8, next_hop_mtu: u16) -> Option<Unreachable> {
    let unreachable = match (kind, code) {
        (DESTINATION_UNREACHABLE, 0 | 6 | 11) => Unreachable::Network,
        (DESTINATION_UNREACHABLE, 1 | 7 | 8 | 12) => Unreachable::Host,
        (DESTINATION_UNREACHABLE, 2) => Unreachable::Protocol,
        (DESTINATION_UNREACHABLE, 3) => Unreachable::Port,
        (DESTINATION_UNREACHABLE, 4) => Unreachable::TooBig { mtu: next_hop_mtu },
        (DESTINATION_UNREACHABLE, 9 | 10 | 13) => Unreachable::Prohibited,
        (DESTINATION_UNREACHABLE | TIME_EXCEEDED | PARAMETER_PROBLEM, _) => Unreachable::Other,
        _ => return None,
    };
    Some(unreachable)
}

/// Reads the start of a packet of ours, `packet` (from its IP header on; 8 bytes of TCP suffice):
/// a quote in an ICMP error, or a whole packet that could not be delivered. The length it
/// announces is not looked at, as routers quote less.
pub fn read(packet: &[u8], error: Unreachable) -> Result<Quoted, LinkDropReason> {
    let malformed = LinkDropReason::IcmpMalformed;
    let header = packet
        .first_chunk::<{ ipv4::HEADER_BYTES }>()
        .ok_or(malformed)?;
    let &[first, _, _, _, _, _, f0, f1, _, protocol, _, _, rest @ ..] = header;
    let [s0, s1, s2, s3, d0, d1, d2, d3] = rest;
    let header_length = usize::from(first & 0x0f) * 4;
    if first >> 4 != 4 || header_length < ipv4::HEADER_BYTES {
        return Err(malformed);
    }
    let later_fragment = u16::from_be_bytes([f0, f1]) & 0x1fff != 0;
    if protocol != ipv4::PROTOCOL_TCP || later_fragment {
        return Err(LinkDropReason::IcmpIgnored);
    }
    let segment = packet.get(header_length..).ok_or(malformed)?;
    let &[p0, p1, r0, r1, q0, q1, q2, q3] = segment.first_chunk::<8>().ok_or(malformed)?;
    Ok(Quoted {
        flow: Flow {
            local: Endpoint::new(
                Ipv4Addr::new(s0, s1, s2, s3).into(),
                u16::from_be_bytes([p0, p1]),
            ),
            remote: Endpoint::new(
                Ipv4Addr::new(d0, d1, d2, d3).into(),
                u16::from_be_bytes([r0, r1]),
            ),
        },
        sequence: u32::from_be_bytes([q0, q1, q2, q3]),
        error,
    })
}

const DESTINATION_UNREACHABLE: u8 = 3;
const TIME_EXCEEDED: u8 = 11;
const PARAMETER_PROBLEM: u8 = 12;
