//! The transmit path: TCP is asked for segments while ports have room, so that what a port does not
//! take holds TCP back and is not lost. Headers are put in front, below TCP's own.

use std::net::IpAddr;

use coremill_tcp::checksum;
use coremill_tcp::packet::{Quoted, Unreachable};
use coremill_tcp::{Endpoint, Flow, Outgoing};

use crate::arp;
use crate::clock::Clock;
use crate::drop_reason::LinkDropReason;
use crate::ethernet::{self, Cast};
use crate::hand_over::Origin;
use crate::icmp;
use crate::ipv4;
use crate::neighbors::Output;
use crate::nic::{Buffer, Capabilities, LARGE_BYTES, Port, TransmitOffload};
use crate::paths::{Hop, Sending};
use crate::routes::Routes;
use crate::worker::Worker;

impl<P: Port, C: Clock, R: Routes> Worker<P, C, R> {
    /// Sends what waits and asks TCP for more; gives the number of packets that moved.
    pub(crate) fn transmit(&mut self) -> usize {
        let mut moved = self.flush();
        moved += self.send_for_neighbors();
        let mut pulled = 0;
        while pulled < self.turn.transmit_max && self.has_room() && self.shard.has_segments() {
            if !self.send_segment() {
                break;
            }
            pulled += 1;
        }
        moved += pulled;
        moved + self.flush()
    }

    /// Gives the ports what waits for them; gives the number of packets they took.
    pub(crate) fn flush(&mut self) -> usize {
        let now = self.now;
        self.ports.iter_mut().map(|slot| slot.flush(now)).sum()
    }

    /// True when packets wait for a port, or TCP for room.
    pub(crate) fn is_held_back(&self) -> bool {
        self.shard.has_segments() || self.ports.iter().any(|slot| !slot.output.is_empty())
    }

    /// An empty packet.
    pub(crate) fn allocate(&mut self) -> Option<P::Buffer> {
        let spare = self.spare.take();
        let slot = self.ports.get_mut(self.widest_port)?;
        let packet = spare.or_else(|| slot.port.allocate());
        if packet.is_none() {
            self.discard(LinkDropReason::NoBuffer);
        }
        packet
    }

    /// Sends an ARP frame out of `port`.
    pub(crate) fn send_arp(&mut self, port: usize, frame: &arp::Frame) {
        let Some(mut packet) = self.allocate() else {
            return;
        };
        let Some(room) = packet.append(frame.len()) else {
            return self.discard(LinkDropReason::NoHeadroom);
        };
        room.copy_from_slice(frame);
        packet.set_offload(TransmitOffload::default());
        self.counters.engine.arp_sent.increment();
        self.queue(port, packet);
    }

    /// Sends an ICMP message, an IP packet with all checksums filled.
    pub(crate) fn send_icmp(&mut self, destination: IpAddr, mut packet: P::Buffer) {
        packet.set_offload(TransmitOffload::default());
        self.counters.engine.icmp_sent.increment();
        self.send(destination, packet);
    }

    /// Whether every queue that a segment may go to has room: where it goes shows only when TCP
    /// has written it. A quarter of each queue is pulled into, the rest is for the other layers.
    fn has_room(&self) -> bool {
        let limit = self.turn.transmit_max;
        let mut ports = self.ports.iter();
        self.inside.len() < limit && !ports.any(|slot| slot.holds_back(self.now, limit))
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
            self.spare = Some(packet);
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

    fn send_tcp(&mut self, outgoing: &Outgoing, mut packet: P::Buffer) {
        let destination = outgoing.destination;
        let (IpAddr::V4(from), IpAddr::V4(to)) = (outgoing.source, destination) else {
            return self.discard(LinkDropReason::Ipv6Unsupported);
        };
        let found = self
            .paths
            .find_place(destination, &self.routes, &self.local);
        let Some((path, place)) = found else {
            return self.discard(LinkDropReason::NoRoute);
        };
        let Some(slot) = self.ports.get(path.port) else {
            return self.discard(LinkDropReason::NoRoute);
        };
        let segment = match outgoing.segment_payload {
            0 => outgoing.length,
            payload => outgoing.header_length + usize::from(payload),
        };
        if segment + ipv4::HEADER_BYTES > usize::from(slot.mtu) {
            let mtu = slot.mtu;
            return self.too_big(outgoing, packet.data(), mtu);
        }
        let inside = path.hop == Hop::Inside;
        let offload = fill_tcp_checksum(&mut packet, outgoing, slot.capabilities, inside);
        let identification = outgoing
            .may_fragment
            .then(|| self.identification.next(outgoing.source, destination));
        let header = ipv4::Header {
            source: from,
            destination: to,
            protocol: ipv4::PROTOCOL_TCP,
            tos: outgoing.dscp << 2 | outgoing.ecn,
            ttl: outgoing.ttl,
            identification,
        };
        if let Err(reason) = header.prepend(&mut packet, !inside && !offload.ipv4_checksum) {
            return self.discard(reason);
        }
        packet.set_offload(offload);
        let sending = self
            .paths
            .send_from(place, self.now, packet, &mut self.neighbors);
        self.sent(destination, sending);
    }

    /// The routes changed, or answers leave by another port than requests come in: TCP is told as a
    /// router would tell it.
    fn too_big(&mut self, outgoing: &Outgoing, segment: &[u8], mtu: u16) {
        self.discard(LinkDropReason::PacketTooBig);
        if let Some(&[l0, l1, r0, r1, s0, s1, s2, s3]) = segment.first_chunk() {
            let flow = Flow {
                local: Endpoint::new(outgoing.source, u16::from_be_bytes([l0, l1])),
                remote: Endpoint::new(outgoing.destination, u16::from_be_bytes([r0, r1])),
            };
            let sequence = u32::from_be_bytes([s0, s1, s2, s3]);
            let error = Unreachable::TooBig { mtu };
            let quoted = Quoted {
                flow,
                sequence,
                error,
            };
            // The packet is counted; that its connection may be gone meanwhile is no second drop.
            let _ = self.shard.unreachable(self.now, &quoted);
        }
    }

    /// Sends an IP packet the way its destination has.
    fn send(&mut self, destination: IpAddr, packet: P::Buffer) {
        let ways = (&self.routes, &self.local);
        let sending = self
            .paths
            .send(self.now, destination, packet, ways, &mut self.neighbors);
        self.sent(destination, sending);
    }

    /// Does what is to be done with a packet whose way is known.
    #[inline]
    fn sent(&mut self, destination: IpAddr, sending: Sending<P::Buffer>) {
        match sending {
            Sending::Port(port, packet) => self.queue(port, packet),
            Sending::Inside(packet) => self.keep_inside(destination, packet),
            Sending::Waiting => {}
            Sending::Dropped(reason, packet) => self.undelivered(reason, &packet),
        }
    }

    fn queue(&mut self, port: usize, packet: P::Buffer) {
        let Some(slot) = self.ports.get_mut(port) else {
            return self.discard(LinkDropReason::NoRoute);
        };
        if !slot.queue(packet, &self.counters) {
            self.discard(LinkDropReason::TransmitFull);
        }
    }

    fn keep_inside(&mut self, destination: IpAddr, packet: P::Buffer) {
        if self.inside.len() == self.inside.capacity() {
            return self.discard(LinkDropReason::TransmitFull);
        }
        let origin = Origin {
            port: self.local.port_of(destination).unwrap_or(0),
            link_cast: Cast::Unicast,
            inside: true,
        };
        self.inside.push_back((origin, packet));
    }

    /// Sends the requests of the neighbour table, and what waited for an answer.
    fn send_for_neighbors(&mut self) -> usize {
        let mut sent = 0;
        while sent < self.turn.transmit_max && self.has_room() {
            match self.neighbors.next_output() {
                Some(Output::Request { port, frame }) => self.send_arp(port, &frame),
                Some(Output::Packet { port, packet }) => self.queue(port, packet),
                Some(Output::Dropped { reason, packet }) => self.undelivered(reason, &packet),
                None => break,
            }
            sent += 1;
        }
        sent
    }

    /// Counts a packet of ours that leads nowhere, and tells the connection that sent it.
    fn undelivered(&mut self, reason: LinkDropReason, packet: &P::Buffer) {
        self.discard(reason);
        if reason == LinkDropReason::NeighborFailed
            && let Ok(quoted) = icmp::quoted::read(packet.data(), Unreachable::Host)
        {
            // The packet is counted; that its connection may be gone meanwhile is no second drop.
            let _ = self.shard.unreachable(self.now, &quoted);
        }
    }
}

/// Fills the TCP checksum, or prepares for the port to do so; gives what the port is to do. Packets
/// that stay inside need none.
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

const TCP_CHECKSUM_OFFSET: usize = 16;
/// TCP wants room for the longest header beside a full segment, whatever options it then writes.
const SEGMENT_MARGIN_BYTES: usize = 64;
