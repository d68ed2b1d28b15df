//! What crosses the border between the shard and the IP layer below it.

use std::net::IpAddr;

use crate::address::Flow;
use crate::drop_reason::DropReason;

/// A TCP segment as the IP layer hands it up: fragments joined, options of IP removed.
#[derive(Clone, Copy, Debug)]
pub struct Inbound<'a> {
    /// IP source, the peer.
    pub source: IpAddr,
    /// IP destination, one of our own unicast addresses.
    pub destination: IpAddr,
    /// TCP header, options and payload; exactly the bytes that IP's length announces.
    pub bytes: &'a [u8],
    /// True when someone below (port or IP layer) has verified the TCP checksum.
    pub checksum_verified: bool,
    /// The two ECN bits of the IP header (RFC 3168).
    pub ecn: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// MTU of the link towards the source, in bytes of IP packet.
    pub mtu: u16,
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It belonged to a connection or listener and was used. `progress` when it acknowledged new
    /// data or completed a handshake: the way to the peer works in both directions (RFC 4861, 7.3.1).
    Accepted {
        /// True when forward progress was made.
        progress: bool,
    },
    /// It was not delivered, for this reason; an answer (RST, challenge ACK) may be queued.
    Dropped(DropReason),
}

/// A user who takes received bytes where they arrive, so that they need not wait in a queue.
pub trait Reader {
    /// Bytes that are next in order on the connection with this cookie, whose user has nothing else to read; gives how
    /// many of them were taken. The others are queued, and an event tells of them.
    fn take(&mut self, cookie: u64, bytes: &[u8]) -> usize;
}

/// A segment written into the caller's buffer by `next_segment`.
///
/// The checksum field is zero: the caller fills it or lets the port do so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// IP source, one of our addresses.
    pub source: IpAddr,
    /// IP destination.
    pub destination: IpAddr,
    /// Bytes written: header, options, payload.
    pub length: usize,
    /// Of these, header and options.
    pub header_length: usize,
    /// Payload of each segment but the last that the port has to cut it into; 0 when it is one segment.
    /// Only [`next_segments`](crate::Shard::next_segments) gives others.
    pub segment_payload: u16,
    /// DSCP to put into the IP header: six bits (RFC 2474).
    pub dscp: u8,
    /// ECN bits to put into the IP header.
    pub ecn: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// What else there is to know; nothing, for nearly all.
    pub remarks: Remarks,
}

/// What the IP layer is to know of a segment that is out of the ordinary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remarks(u8);

impl Remarks {
    /// IPv4: leave "don't fragment" unset (the user has path MTU discovery off).
    pub const MAY_FRAGMENT: Self = Self(1);
    /// It goes again for the R1th time or more: the way may be broken, look at it again (RFC 9293, section 3.8.3;
    /// Linux: tcp_retries1 and negative advice).
    pub const UNANSWERED: Self = Self(2);

    /// True when it says so.
    #[inline]
    pub const fn has(self, remark: Self) -> bool {
        self.0 & remark.0 != 0
    }

    /// True when there is nothing to say.
    #[inline]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Says so if `condition` holds.
    #[inline]
    pub const fn add_if(&mut self, remark: Self, condition: bool) {
        if condition {
            self.0 |= remark.0;
        }
    }
}

/// An ICMP error about a segment of ours (RFC 1122, 4.2.3.9; RFC 5927), or what the layer below found out by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// The layer below has no answer from the next hop. No forger can say so: it ends what connects.
    NextHop,
    /// Network unreachable: soft.
    Network,
    /// Host unreachable: soft.
    Host,
    /// Protocol unreachable: hard while connecting.
    Protocol,
    /// Port unreachable: hard while connecting.
    Port,
    /// Administratively prohibited: hard while connecting.
    Prohibited,
    /// Time exceeded or parameter problem: soft.
    Other,
    /// Fragmentation needed or packet too big, with the next hop's MTU (0 when not told).
    TooBig {
        /// MTU of the next hop in bytes of IP packet.
        mtu: u16,
    },
}

/// An ICMP error with the flow and sequence number that it quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Our flow, local end first (the quoted packet's source).
    pub flow: Flow,
    /// Sequence number of the quoted segment.
    pub sequence: u32,
    /// The error.
    pub error: Unreachable,
}
