//! Segments of TCP: pulled while ports have room, and sent the short way where that is known.

use std::net::{IpAddr, Ipv4Addr};

use coremill_tcp::checksum;
use coremill_tcp::packet::{Quoted, Remarks, Unreachable};
use coremill_tcp::{Endpoint, Flow, Outgoing};

use crate::clock::Clock;
use crate::drop_reason::LinkDropReason;
use crate::ethernet;
use crate::ipv4;
use crate::nic::{Buffer, Capabilities, LARGE_BYTES, Port, TransmitOffload};
use crate::paths::Hop;
use crate::routes::Routes;
use crate::worker::Worker;

impl<P: Port, C: Clock, R: Routes> Worker<P, C, R> {
    /// Asks TCP for segments while there are some, and room for them; gives their number.
    pub(super) fn pull_segments(&mut self) -> usize {
        let mut pulled = 0;
        // One takes room for one, wherever it goes: that there is some is looked at again only when it may be used up.
        let mut room = 0;
        while pulled < self.turn.transmit_max && self.shard.has_segments() {
            if room == 0 {
                room = self.room();
            }
            if room == 0 || !self.send_segment() {
                break;
            }
            room -= 1;
            pulled += 1;
        }
        pulled
    }

    /// Pulls one segment from TCP and sends it; false when there was none.
    fn send_segment(&mut self) -> bool {
        if self.cuts
            && self.shard.expects_burst()
            && let Some(sent) = self.send_burst()
        {
            return sent;
        }
        let Some(mut packet) = self.allocate() else {
            return false;
        };
        let mtu = self.ports.get(self.widest_port).map_or(0, |slot| slot.mtu);
        let Some(room) = packet.append(usize::from(mtu) + SEGMENT_MARGIN_BYTES) else {
            self.discard(LinkDropReason::NoBuffer);
            return false;
        };
        let Some(outgoing) = self.shard.next_segment(self.now, room) else {
            packet.truncate(0);
            self.keep_spare(packet);
            return false;
        };
        packet.truncate(outgoing.length);
        self.send_tcp(&outgoing, packet);
        true
    }

    /// The same with as much of a connection's data as a large packet holds; None when there is no such packet.
    fn send_burst(&mut self) -> Option<bool> {
        let spare = self.spare_large.take();
        let slot = self.ports.get_mut(self.widest_port)?;
        let mut packet = spare.or_else(|| slot.port.allocate_large())?;
        let outgoing = packet
            .append(usize::from(LARGE_BYTES))
            .and_then(|room| self.shard.next_segments(self.now, room));
        let Some(outgoing) = outgoing else {
            packet.truncate(0);
            self.spare_large = Some(packet);
            return Some(false);
        };
        packet.truncate(outgoing.length);
        if outgoing.segment_payload > 0 {
            self.counters.engine.bursts_sent.increment();
        }
        self.send_tcp(&outgoing, packet);
        Some(true)
    }

    /// Sends a segment the way that nearly all go: on a known way out of a port, with ordinary headers, put in front of it
    /// by one copy. Any other goes from layer to layer.
    #[inline]
    fn send_tcp(&mut self, outgoing: &Outgoing, mut packet: P::Buffer) {
        let (IpAddr::V4(source), IpAddr::V4(destination)) = (outgoing.source, outgoing.destination)
        else {
            return self.discard(LinkDropReason::Ipv6Unsupported);
        };
        let generation = self.routes.generation();
        let way = (self.paths).known(self.now, destination, generation, &mut self.neighbors);
        let Some((port, link)) = way else {
            return self.send_by_layers(outgoing, (source, destination), packet);
        };
        let Some(slot) = self.ports.get_mut(port) else {
            return self.discard(LinkDropReason::NoRoute);
        };
        if longest_packet(outgoing) > usize::from(slot.mtu) || !outgoing.remarks.is_none() {
            return self.send_by_layers(outgoing, (source, destination), packet);
        }
        let offload = fill_tcp_checksum(&mut packet, outgoing, slot.capabilities, false);
        let header = header_of(outgoing, (source, destination), None);
        let header = header.bytes(outgoing.length, !offload.ipv4_checksum);
        let (Some(header), Some(room)) = (header, packet.prepend(HEADERS_BYTES)) else {
            return self.discard(LinkDropReason::NoHeadroom);
        };
        if let Some((room, behind)) = room.split_first_chunk_mut() {
            *room = *link.bytes();
            behind.copy_from_slice(&header);
        }
        packet.set_offload(offload);
        if !slot.queue(packet, &self.counters) {
            self.discard(LinkDropReason::TransmitFull);
        }
    }

    #[inline(never)]
    fn send_by_layers(
        &mut self,
        outgoing: &Outgoing,
        (from, to): (Ipv4Addr, Ipv4Addr),
        mut packet: P::Buffer,
    ) {
        let destination = outgoing.destination;
        if outgoing.remarks.has(Remarks::UNANSWERED) {
            self.doubt_path(destination);
        }
        let found = self
            .paths
            .find_place(destination, &self.routes, &self.local);
        let Some((path, place)) = found else {
            return self.not_sent(
                LinkDropReason::NoRoute,
                (outgoing, packet.data()),
                Unreachable::Network,
            );
        };
        let Some(slot) = self.ports.get(path.port) else {
            return self.discard(LinkDropReason::NoRoute);
        };
        if longest_packet(outgoing) > usize::from(slot.mtu) {
            // The routes changed, or answers leave by another port than requests come in.
            let error = Unreachable::TooBig { mtu: slot.mtu };
            return self.not_sent(
                LinkDropReason::PacketTooBig,
                (outgoing, packet.data()),
                error,
            );
        }
        let inside = path.hop == Hop::Inside;
        let offload = fill_tcp_checksum(&mut packet, outgoing, slot.capabilities, inside);
        let identification = outgoing
            .remarks
            .has(Remarks::MAY_FRAGMENT)
            .then(|| self.identification.next(outgoing.source, destination));
        let header = header_of(outgoing, (from, to), identification);
        if let Err(reason) = header.prepend(&mut packet, !inside && !offload.ipv4_checksum) {
            return self.discard(reason);
        }
        packet.set_offload(offload);
        let sending = self
            .paths
            .send_from(place, self.now, packet, &mut self.neighbors);
        self.sent(destination, sending);
    }

    /// What goes there stays unanswered: route and neighbour are looked at again.
    /// RFC 9293, SHLD-9, section 3.8.3; RFC 1122, sections 3.3.1.4 and 4.2.3.5.
    #[cold]
    fn doubt_path(&mut self, destination: IpAddr) {
        self.counters.engine.paths_doubted.increment();
        self.paths.doubt(self.now, destination, &mut self.neighbors);
    }

    /// A segment does not leave: TCP is told as a router would tell it.
    fn not_sent(
        &mut self,
        reason: LinkDropReason,
        (outgoing, segment): (&Outgoing, &[u8]),
        error: Unreachable,
    ) {
        self.discard(reason);
        if let Some(&[l0, l1, r0, r1, s0, s1, s2, s3]) = segment.first_chunk() {
            let flow = Flow {
                local: Endpoint::new(outgoing.source, u16::from_be_bytes([l0, l1])),
                remote: Endpoint::new(outgoing.destination, u16::from_be_bytes([r0, r1])),
            };
            let sequence = u32::from_be_bytes([s0, s1, s2, s3]);
            let quoted = Quoted {
                flow,
                sequence,
                error,
            };
            // The packet is counted; that its connection may be gone meanwhile is no second drop.
            let _ = self.shard.unreachable(self.now, &quoted);
        }
    }
}

/// Bytes of the longest IP packet that comes of a segment: of what it is cut into, where it is.
#[inline]
fn longest_packet(outgoing: &Outgoing) -> usize {
    let segment = match outgoing.segment_payload {
        0 => outgoing.length,
        payload => outgoing.header_length + usize::from(payload),
    };
    segment + ipv4::HEADER_BYTES
}

#[inline]
fn header_of(
    outgoing: &Outgoing,
    (source, destination): (Ipv4Addr, Ipv4Addr),
    identification: Option<u16>,
) -> ipv4::Header {
    ipv4::Header {
        source,
        destination,
        protocol: ipv4::PROTOCOL_TCP,
        tos: outgoing.dscp << 2 | outgoing.ecn,
        ttl: outgoing.ttl,
        identification,
    }
}

/// Fills the TCP checksum, or prepares for the port to do so; gives what the port is to do. Packets
/// that stay inside need none.
#[inline]
fn fill_tcp_checksum<B: Buffer>(
    packet: &mut B,
    outgoing: &Outgoing,
    capabilities: Capabilities,
    inside: bool,
) -> TransmitOffload {
    if inside {
        return TransmitOffload::default();
    }
    let segment = packet.data_mut();
    // The port adds the length of each segment that it cuts.
    let length = match outgoing.segment_payload {
        0 => segment.len(),
        _ => 0,
    };
    let pseudo = checksum::pseudo_header(
        outgoing.source,
        outgoing.destination,
        ipv4::PROTOCOL_TCP,
        length,
    );
    if !capabilities.transmit_tcp_checksum {
        checksum::fill(segment, TCP_CHECKSUM_OFFSET, pseudo);
    } else if let Some(field) = segment.get_mut(TCP_CHECKSUM_OFFSET..TCP_CHECKSUM_OFFSET + 2) {
        // The port adds the segment and complements: it wants the plain sum here.
        field.copy_from_slice(&(!pseudo.finish()).to_be_bytes());
    }
    TransmitOffload {
        link_header: ethernet::HEADER_BYTES as u8,
        ip_header: ipv4::HEADER_BYTES as u8,
        ipv4_checksum: capabilities.transmit_ipv4_checksum,
        tcp_checksum: capabilities.transmit_tcp_checksum,
        ipv6: false,
        // At most 60.
        tcp_header: outgoing.header_length as u8,
        segment_payload: outgoing.segment_payload,
    }
}

const HEADERS_BYTES: usize = ethernet::HEADER_BYTES + ipv4::HEADER_BYTES;
const TCP_CHECKSUM_OFFSET: usize = 16;
/// TCP wants room for the longest header beside a full segment, whatever options it then writes.
const SEGMENT_MARGIN_BYTES: usize = 64;
