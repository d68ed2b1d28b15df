//! Why a packet was not delivered: the reasons of the layers below TCP; TCP's own are beside them.

use coremill_tcp::DropReason as TcpDropReason;
use coremill_tcp::drop_table;

drop_table! {
    /// Why a layer below TCP did not deliver a packet. New reasons go into this table only.
    LinkDropReason {
        EthernetTruncated "ethernet_truncated" "Frame shorter than an Ethernet header.";
        EthernetNotForUs "ethernet_not_for_us" "Destination MAC is neither ours nor broadcast nor a group of ours.";
        EthernetUnknownType "ethernet_unknown_type" "EtherType that nobody here handles.";
        ArpMalformed "arp_malformed" "ARP packet truncated or not for Ethernet and IPv4.";
        ArpNotForUs "arp_not_for_us" "ARP request for an address that is not ours.";
        ArpSpoofed "arp_spoofed" "ARP with a multicast, zero or our own sender address.";
        ArpConflict "arp_conflict" "ARP from another station that claims one of our addresses (RFC 5227).";
        NeighborQueueFull "neighbor_queue_full" "Too many packets wait for this neighbour's address; the oldest went.";
        NeighborTableFull "neighbor_table_full" "No room for another neighbour.";
        NeighborFailed "neighbor_failed" "The neighbour did not answer ARP.";
        Ipv4Truncated "ipv4_truncated" "Packet shorter than its IPv4 header or total length.";
        Ipv4BadVersion "ipv4_bad_version" "Version is not 4.";
        Ipv4BadHeader "ipv4_bad_header" "Header length below five words or beyond the total length.";
        Ipv4BadChecksum "ipv4_bad_checksum" "IPv4 header checksum is wrong.";
        Ipv4BadSource "ipv4_bad_source" "Source is multicast, broadcast, unspecified, loopback or our own.";
        Ipv4BadOptions "ipv4_bad_options" "IPv4 options malformed, or source routing.";
        Ipv4NotForUs "ipv4_not_for_us" "Destination is not one of our addresses; we do not forward.";
        Ipv4LinkBroadcast "ipv4_link_broadcast" "Packet to one host in a broadcast or multicast frame (RFC 1122, 3.3.6), or TCP to a group.";
        Ipv4Fragment "ipv4_fragment" "Fragment: reassembly is not supported yet.";
        Ipv4UnknownProtocol "ipv4_unknown_protocol" "Protocol that nobody here handles; ICMP says so to the sender.";
        Ipv6Unsupported "ipv6_unsupported" "IPv6 packet: not handled yet.";
        UdpMalformed "udp_malformed" "UDP header truncated, bad length or bad checksum.";
        UdpNoSocket "udp_no_socket" "No one listens on this UDP port; ICMP says so to the sender.";
        IcmpMalformed "icmp_malformed" "ICMP message truncated or with a bad checksum.";
        IcmpRateLimited "icmp_rate_limited" "An ICMP answer was withheld by the rate limit.";
        IcmpIgnored "icmp_ignored" "ICMP message that asks for nothing, or to a broadcast address.";
        NoRoute "no_route" "No route to the destination.";
        StrayRingFull "stray_ring_full" "The ring to the worker that owns the flow was full.";
        TransmitFull "transmit_full" "The port took no more packets and its queue here was full.";
        NoBuffer "no_buffer" "The packet pool is empty.";
        NoHeadroom "no_headroom" "No room in the packet for another header.";
        PacketTooBig "packet_too_big" "Longer than the port's MTU.";
    }
}

/// Any reason, of any layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// Link, neighbour, IP, ICMP, UDP, steering.
    Link(LinkDropReason),
    /// TCP.
    Tcp(TcpDropReason),
}

impl DropReason {
    /// Number of all reasons.
    pub const COUNT: usize = LinkDropReason::ALL.len() + TcpDropReason::ALL.len();

    /// Every reason, in the order of `index`.
    pub fn all() -> impl Iterator<Item = DropReason> {
        let link = LinkDropReason::ALL.iter().copied().map(DropReason::Link);
        link.chain(TcpDropReason::ALL.iter().copied().map(DropReason::Tcp))
    }

    /// A dense index, below [`DropReason::COUNT`].
    pub const fn index(self) -> usize {
        match self {
            DropReason::Link(reason) => reason as usize,
            DropReason::Tcp(reason) => LinkDropReason::ALL.len() + reason as usize,
        }
    }

    /// The word used for it everywhere.
    pub const fn word(self) -> &'static str {
        match self {
            DropReason::Link(reason) => reason.word(),
            DropReason::Tcp(reason) => reason.word(),
        }
    }

    /// One line of help.
    pub const fn help(self) -> &'static str {
        match self {
            DropReason::Link(reason) => reason.help(),
            DropReason::Tcp(reason) => reason.help(),
        }
    }
}

impl From<LinkDropReason> for DropReason {
    fn from(reason: LinkDropReason) -> Self {
        DropReason::Link(reason)
    }
}

impl From<TcpDropReason> for DropReason {
    fn from(reason: TcpDropReason) -> Self {
        DropReason::Tcp(reason)
    }
}
