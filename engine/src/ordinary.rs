//! The ordinary frame: TCP over IPv4 to this host alone, in one piece and without IP options, between addresses that were
//! found good before. A few compares of whole words tell it.
//!
//! It is a prediction and judges nobody: a frame that is not recognized goes through `ethernet` and `ipv4`, which alone
//! say what is wrong with it, and after which its addresses may be remembered here.

use std::net::Ipv4Addr;

use crate::ethernet;
use crate::ipv4;

/// The headers of an ordinary frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordinary<'a> {
    /// Source.
    pub source: Ipv4Addr,
    /// Destination, an address of ours.
    pub destination: Ipv4Addr,
    /// The IP header, whose checksum nobody has looked at yet.
    pub header: &'a [u8; ipv4::HEADER_BYTES],
    /// TCP header, options and payload.
    pub segment: &'a [u8],
    /// The two ECN bits.
    pub ecn: u8,
    /// Time to live.
    pub ttl: u8,
}

/// Pairs of addresses between which packets came in by one port and were good.
#[derive(Debug)]
pub struct Acquaintances {
    /// The port's MAC address, as the first word of a frame to it has it.
    mac: u64,
    /// Source and destination as a packet has them, each in the one place where it may be; two that share a place
    /// replace each other, which costs a look at the addresses.
    pairs: Box<[u64; PLACES]>,
}

impl Acquaintances {
    /// None yet, of the port with address `mac`.
    pub fn new(mac: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = mac;
        Self {
            mac: u64::from_ne_bytes([a, b, c, d, e, f, 0, 0]),
            pairs: Box::new([NOBODY; PLACES]),
        }
    }

    /// Packets between these addresses were good, and will be until what they are judged by changes.
    pub fn remember(&mut self, source: Ipv4Addr, destination: Ipv4Addr) {
        let ([a, b, c, d], [e, f, g, h]) = (source.octets(), destination.octets());
        let pair = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
        self.pairs[place_of(pair)] = pair;
    }

    /// What addresses are judged by has changed.
    pub fn forget_all(&mut self) {
        self.pairs.fill(NOBODY);
    }

    /// The headers of `frame`, where it is an ordinary one.
    #[inline]
    pub fn recognize<'a>(&self, frame: &'a [u8]) -> Option<Ordinary<'a>> {
        let (headers, segment) = frame.split_first_chunk::<HEADERS_BYTES>()?;
        let (_, header) = headers.split_first_chunk::<{ ethernet::HEADER_BYTES }>()?;
        let header = header.first_chunk::<{ ipv4::HEADER_BYTES }>()?;
        let (to, kind) = (word(headers, 0), word(headers, 8));
        let (fragment, pair) = (word(headers, 16), word(headers, 26));
        let unlike = (to ^ self.mac) & LINK_DESTINATION
            | (kind ^ IPV4_WITHOUT_OPTIONS) & KIND
            | fragment & FRAGMENT
            | (pair ^ self.pairs[place_of(pair)]);
        if unlike != 0 || header[9] != ipv4::PROTOCOL_TCP || pair == NOBODY {
            return None;
        }
        let [_, tos, l0, l1, _, _, _, _, ttl, _, _, _, rest @ ..] = *header;
        let [s0, s1, s2, s3, d0, d1, d2, d3] = rest;
        // What is behind the packet in the frame is padding.
        let length = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(ipv4::HEADER_BYTES)?;
        Some(Ordinary {
            source: Ipv4Addr::new(s0, s1, s2, s3),
            destination: Ipv4Addr::new(d0, d1, d2, d3),
            header,
            segment: segment.get(..length)?,
            ecn: tos & 3,
            ttl,
        })
    }
}

/// Eight bytes from an offset on, as they lie in memory.
#[inline]
fn word(headers: &[u8; HEADERS_BYTES], first: usize) -> u64 {
    let word = headers.get(first..).and_then(|rest| rest.first_chunk());
    u64::from_ne_bytes(word.copied().unwrap_or_default())
}

#[inline]
fn place_of(pair: u64) -> usize {
    (pair.wrapping_mul(SPREAD) >> (u64::BITS - PLACES.trailing_zeros())) as usize
}

const HEADERS_BYTES: usize = ethernet::HEADER_BYTES + ipv4::HEADER_BYTES;
/// A power of two: two kilobytes for each port.
const PLACES: usize = 256;
/// An odd number with bits all over: the golden ratio.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
/// From "this network" to "this network": no packet is good that says so.
const NOBODY: u64 = 0;

/// In the first word of a frame, its destination.
const LINK_DESTINATION: u64 = u64::from_ne_bytes([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0]);
/// In the second, what it carries, and the first byte of that: version and length of the IP header.
const KIND: u64 = u64::from_ne_bytes([0, 0, 0, 0, 0xff, 0xff, 0xff, 0]);
const IPV4_WITHOUT_OPTIONS: u64 = u64::from_ne_bytes([0, 0, 0, 0, 0x08, 0x00, 0x45, 0]);
/// In the third, what a fragment has: "more fragments", and an offset.
const FRAGMENT: u64 = u64::from_ne_bytes([0, 0, 0, 0, 0x3f, 0xff, 0, 0]);

#[cfg(test)]
mod tests;
