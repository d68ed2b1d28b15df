//! The receive path of TCP: ordinary frames by one look at their headers, others once their layers are done with them.

use std::net::{IpAddr, Ipv4Addr};

use coremill_tcp::checksum::{self, Sum};
use coremill_tcp::{DropReason as TcpDropReason, Endpoint, Inbound, Verdict};

use crate::clock::Clock;
use crate::hand_over::Origin;
use crate::ipv4;
use crate::nic::{Buffer, ChecksumStatus, Port};
use crate::routes::Routes;
use crate::worker::Worker;

impl<P: Port, C: Clock, R: Routes> Worker<P, C, R> {
    /// Takes what nearly all frames are, with one look at all their headers below TCP's; false for any other one, which
    /// goes from layer to layer.
    #[inline]
    pub(super) fn take_ordinary(&mut self, port: usize, packet: &P::Buffer) -> bool {
        let Some(slot) = self.ports.get(port) else {
            return false;
        };
        let Some(frame) = slot.acquaintances.recognize(packet.data()) else {
            return false;
        };
        let (ip, tcp) = packet.checksums();
        let is_header_good = match ip {
            ChecksumStatus::Good => true,
            ChecksumStatus::Bad => false,
            ChecksumStatus::Unknown => checksum::verify(frame.header, Sum::default()),
        };
        if !is_header_good || tcp == ChecksumStatus::Bad {
            return false;
        }
        if self.steering.workers() > 1 {
            let steered = slot.capabilities.receive_steering;
            let hash = if steered { packet.receive_hash() } else { None };
            let addresses = (frame.source, frame.destination);
            if self.owner_by_ports(addresses, frame.segment, hash) != Some(self.index) {
                return false;
            }
        }
        let segment = Inbound {
            source: frame.source.into(),
            destination: frame.destination.into(),
            bytes: frame.segment,
            checksum_verified: tcp == ChecksumStatus::Good,
            ecn: frame.ecn,
            ttl: frame.ttl,
            mtu: slot.mtu,
        };
        self.segment(&segment);
        true
    }

    /// Takes a TCP packet, or hands it to the worker of its flow; `home` when another worker found that it belongs here.
    pub(super) fn tcp(
        &mut self,
        origin: Origin,
        header: &ipv4::Packet,
        packet: P::Buffer,
        home: bool,
    ) {
        if !home
            && let Some(owner) = self.owner(origin, header, &packet)
            && owner != self.index
        {
            return self.hand_over(owner, origin, packet);
        }
        let checksum = packet.checksums().1;
        if !origin.inside && checksum == ChecksumStatus::Bad {
            return self.discard(TcpDropReason::BadChecksum);
        }
        if let Some(slot) = self.ports.get_mut(origin.port)
            && !origin.inside
        {
            slot.acquaintances
                .remember(header.source, header.destination);
        }
        let segment = Inbound {
            source: IpAddr::V4(header.source),
            destination: IpAddr::V4(header.destination),
            bytes: header.payload_in(packet.data()),
            checksum_verified: origin.inside || checksum == ChecksumStatus::Good,
            ecn: header.ecn(),
            ttl: header.ttl,
            mtu: self.ports.get(origin.port).map_or(MTU_MIN, |slot| slot.mtu),
        };
        self.segment(&segment);
    }

    /// Gives TCP a segment of a flow of this worker's.
    #[inline]
    fn segment(&mut self, segment: &Inbound<'_>) {
        if !segment.checksum_verified {
            self.counters.engine.checksum_software.increment();
        }
        let reader = &mut self.applications;
        match self.shard.receive_for(self.now, segment, reader) {
            Verdict::Accepted { progress } => {
                self.delivered();
                if progress {
                    let source = segment.source;
                    self.paths.confirm(self.now, source, &mut self.neighbors);
                }
            }
            Verdict::Dropped(reason) => self.discard(reason),
        }
    }

    /// The worker that owns the flow of a TCP packet; None when it is too short to tell.
    fn owner(&self, origin: Origin, header: &ipv4::Packet, packet: &P::Buffer) -> Option<usize> {
        let slot = self.ports.get(origin.port)?;
        let steered = slot.capabilities.receive_steering && !origin.inside;
        let hash = if steered { packet.receive_hash() } else { None };
        let segment = header.payload_in(packet.data());
        let owner = self.owner_by_ports((header.source, header.destination), segment, hash)?;
        if steered && owner != self.index {
            self.counters.engine.steering_mismatches.increment();
        }
        Some(owner)
    }

    fn owner_by_ports(
        &self,
        (source, destination): (Ipv4Addr, Ipv4Addr),
        segment: &[u8],
        hash: Option<u32>,
    ) -> Option<usize> {
        let &[s0, s1, d0, d1] = segment.first_chunk::<4>()?;
        let source = Endpoint::new(source.into(), u16::from_be_bytes([s0, s1]));
        let destination = Endpoint::new(destination.into(), u16::from_be_bytes([d0, d1]));
        Some(self.steering.owner(source, destination, hash))
    }
}

/// Every host must take packets of this size (RFC 791); stands in for the MTU of no port.
const MTU_MIN: u16 = 576;
