//! The transmit path: TCP is asked for segments while ports have room, so that what a port does not
//! take holds TCP back and is not lost. Headers are put in front, below TCP's own.

mod segments;

use std::net::IpAddr;

use coremill_tcp::packet::Unreachable;

use crate::arp;
use crate::clock::Clock;
use crate::drop_reason::LinkDropReason;
use crate::ethernet::Cast;
use crate::hand_over::Origin;
use crate::icmp;
use crate::neighbors::Output;
use crate::nic::{Buffer, Port, TransmitOffload};
use crate::paths::Sending;
use crate::routes::Routes;
use crate::worker::Worker;

impl<P: Port, C: Clock, R: Routes> Worker<P, C, R> {
    /// Sends what waits and asks TCP for more; gives the number of packets that moved.
    pub(crate) fn transmit(&mut self) -> usize {
        let mut moved = self.flush();
        moved += self.send_for_neighbors();
        moved += self.pull_segments();
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
        if let Some(spare) = self.spares.pop() {
            return Some(spare);
        }
        let slot = self.ports.get_mut(self.widest_port)?;
        let packet = slot.port.allocate();
        if packet.is_none() {
            self.discard(LinkDropReason::NoBuffer);
        }
        packet
    }

    /// Keeps a packet of no further use for the next one to send.
    #[inline]
    pub(crate) fn keep_spare(&mut self, mut packet: P::Buffer) {
        if self.spares.len() < self.spares.capacity()
            && let Some(slot) = self.ports.get_mut(self.widest_port)
            && slot.port.renew(&mut packet)
        {
            self.spares.push(packet);
        }
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

    /// Segments for which every queue that they may go to has room: where one goes shows only when TCP
    /// has written it. A quarter of each queue is pulled into, the rest is for the other layers.
    fn room(&self) -> usize {
        let limit = self.turn.transmit_max;
        let of_ports = self.ports.iter().map(|slot| slot.room(self.now, limit));
        let least = of_ports.min().unwrap_or(limit);
        least.min(limit.saturating_sub(self.inside.len()))
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
        while sent < self.turn.transmit_max && self.neighbors.has_output() && self.room() > 0 {
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
            && let Ok(quoted) = icmp::quoted::read(packet.data(), Unreachable::NextHop)
        {
            // The packet is counted; that its connection may be gone meanwhile is no second drop.
            let _ = self.shard.unreachable(self.now, &quoted);
        }
    }
}
