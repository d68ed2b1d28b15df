//! The receive path: frame -> ARP or IP -> ICMP, UDP or the TCP of the flow's owner.
//!
//! A TCP packet is handled here when this worker owns its flow, else handed to the owner. Echo requests
//! are answered where they arrive. ICMP errors go to the owner of the flow that they quote.

mod ahead;
mod segments;

use coremill_tcp::Verdict;
use coremill_tcp::packet::Quoted;

use crate::arp;
use crate::clock::Clock;
use crate::drop_reason::LinkDropReason;
use crate::ethernet::{self, EtherType};
use crate::hand_over::{Handed, Origin};
use crate::icmp::{self, Message, Problem};
use crate::ipv4::{self, Arrival};
use crate::nic::{Buffer, ChecksumStatus, Port};
use crate::routes::Routes;
use crate::udp;
use crate::worker::Worker;
pub(crate) use ahead::Step;

impl<P: Port, C: Clock, R: Routes> Worker<P, C, R> {
    /// Takes a burst from each port; gives the number of packets.
    pub(crate) fn receive_ports(&mut self) -> usize {
        let mut received = 0;
        let mut input = std::mem::take(&mut self.input);
        for index in 0..self.ports.len() {
            let Some(slot) = self.ports.get_mut(index) else {
                continue;
            };
            received += slot.port.receive(&mut input, self.turn.receive_max);
            if input.is_empty() {
                continue;
            }
            let counters = &self.counters.engine;
            counters.received_packets.add(input.len() as u64);
            let bytes: usize = input.iter().map(|packet| packet.data().len()).sum();
            counters.received_bytes.add(bytes as u64);
            self.look_ahead(index, &input);
            for packet in input.drain(..) {
                self.last_packet.set(packet.data());
                if self.take_ordinary(index, &packet) {
                    self.keep_spare(packet);
                } else {
                    self.frame(index, packet);
                }
            }
        }
        self.input = input;
        received
    }

    /// Takes what other workers gave; gives the number of things.
    pub(crate) fn take_strays(&mut self) -> usize {
        let mut taken = 0;
        // A look at what is empty costs less than a try to take something.
        while taken < self.turn.strays_max && !self.exchange.is_empty(self.index) {
            let Some(handed) = self.exchange.take(self.index) else {
                break;
            };
            taken += 1;
            match handed {
                Handed::Packet(origin, packet) => {
                    self.counters.engine.strays_received.increment();
                    self.last_packet.set(packet.data());
                    self.packet(origin, packet, true);
                }
                Handed::Observation(port, observation) => {
                    self.neighbors.learn(self.now, port, &observation);
                }
                Handed::Error(quoted) => {
                    self.counters.engine.strays_received.increment();
                    if self.tell_tcp(&quoted) {
                        self.delivered();
                    }
                }
            }
        }
        taken
    }

    /// Delivers packets to our own addresses that need no port; gives their number.
    pub(crate) fn take_inside(&mut self) -> usize {
        // Answers to these queue up behind them: only those that are there now.
        let count = self.inside.len().min(self.turn.receive_max);
        for _ in 0..count {
            let Some((origin, packet)) = self.inside.pop_front() else {
                break;
            };
            self.counters.engine.local_packets.increment();
            self.last_packet.set(packet.data());
            self.packet(origin, packet, false);
        }
        count
    }

    /// An ICMP error about a segment of ours, from the network or from the neighbour table; true
    /// when a connection took it.
    pub(crate) fn tell_tcp(&mut self, quoted: &Quoted) -> bool {
        match self.shard.unreachable(self.now, quoted) {
            Verdict::Accepted { .. } => true,
            Verdict::Dropped(reason) => {
                self.discard(reason);
                false
            }
        }
    }

    fn frame(&mut self, port: usize, mut packet: P::Buffer) {
        let Some(slot) = self.ports.get(port) else {
            return;
        };
        let frame = match ethernet::parse(packet.data(), slot.mac) {
            Ok(frame) => frame,
            Err(reason) => return self.discard(reason),
        };
        packet.trim_front(ethernet::HEADER_BYTES);
        let origin = Origin {
            port,
            link_cast: frame.cast,
            inside: false,
        };
        match frame.ethertype {
            EtherType::Ipv4 => self.packet(origin, packet, false),
            EtherType::Arp => self.arp(port, packet.data()),
            EtherType::Ipv6 => self.discard(LinkDropReason::Ipv6Unsupported),
        }
    }

    fn arp(&mut self, port: usize, payload: &[u8]) {
        self.counters.engine.arp_received.increment();
        let Some(mac) = self.ports.get(port).map(|slot| slot.mac) else {
            return;
        };
        let (observation, reply) = match arp::receive(payload, mac, &self.local) {
            arp::Outcome::Reply { frame, observation } => (observation, Some(frame)),
            arp::Outcome::Learned(observation) => (Some(observation), None),
            arp::Outcome::Dropped(reason) => return self.discard(reason),
        };
        if observation.is_none() {
            self.delivered();
        }
        if let Some(observation) = observation {
            let used = self.neighbors.learn(self.now, port, &observation);
            if used || reply.is_some() {
                self.delivered();
            } else {
                self.discard(LinkDropReason::ArpNotForUs);
            }
            let index = self.index;
            for worker in (0..self.exchange.workers()).filter(|worker| *worker != index) {
                // A worker that misses one because its ring is full asks for itself when it needs to.
                if self
                    .give(worker, Handed::Observation(port, observation))
                    .is_err()
                {
                    self.discard(LinkDropReason::StrayRingFull);
                }
            }
        }
        if let Some(frame) = reply {
            self.send_arp(port, &frame);
        }
    }

    /// A packet from its IP header on; `home` when another worker found that it belongs here.
    fn packet(&mut self, origin: Origin, packet: P::Buffer, home: bool) {
        let carries_own = self
            .ports
            .get(origin.port)
            .is_some_and(|slot| slot.carries_own);
        let arrival = Arrival {
            link_cast: origin.link_cast,
            checksum: if origin.inside {
                ChecksumStatus::Good
            } else {
                packet.checksums().0
            },
            own_source_allowed: origin.inside || carries_own,
        };
        let header = match ipv4::receive(packet.data(), arrival, &self.local) {
            Ok(header) => header,
            Err(reason) => {
                self.discard(reason);
                if reason == LinkDropReason::Ipv4BadOptions
                    && let Some((header, pointer)) =
                        ipv4::malformed_option(packet.data(), arrival, &self.local)
                {
                    self.answer(
                        Problem::Parameter { pointer },
                        origin,
                        &header,
                        packet.data(),
                    );
                }
                return;
            }
        };
        match header.protocol {
            ipv4::PROTOCOL_TCP => self.tcp(origin, &header, packet, home),
            ipv4::PROTOCOL_ICMP => self.icmp(&header, packet),
            ipv4::PROTOCOL_UDP => match udp::parse(&header, header.payload_in(packet.data())) {
                Ok(_) => {
                    self.discard(LinkDropReason::UdpNoSocket);
                    self.answer(Problem::PortUnreachable, origin, &header, packet.data());
                }
                Err(reason) => self.discard(reason),
            },
            _ => {
                self.discard(LinkDropReason::Ipv4UnknownProtocol);
                self.answer(Problem::ProtocolUnreachable, origin, &header, packet.data());
            }
        }
    }

    fn hand_over(&mut self, owner: usize, origin: Origin, packet: P::Buffer) {
        match self.give(owner, Handed::Packet(origin, packet)) {
            Ok(()) => {
                self.counters.engine.strays_sent.increment();
                self.delivered();
            }
            Err(_full) => self.discard(LinkDropReason::StrayRingFull),
        }
    }

    fn delivered(&self) {
        self.counters.engine.delivered_packets.increment();
    }

    fn give(&mut self, worker: usize, handed: Handed<P::Buffer>) -> Result<(), Handed<P::Buffer>> {
        // Rung even when the ring is full: it costs nothing while the worker is awake.
        if let Some(to_ring) = self.to_ring.get_mut(worker) {
            *to_ring = true;
        }
        self.exchange.give(worker, handed)
    }

    fn icmp(&mut self, header: &ipv4::Packet, mut packet: P::Buffer) {
        self.counters.engine.icmp_received.increment();
        match icmp::parse(header, header.payload_in(packet.data())) {
            Ok(Message::EchoRequest) => {
                self.delivered();
                if !self.icmp_limit.take(self.now) {
                    return self.discard(LinkDropReason::IcmpRateLimited);
                }
                let (ours, theirs) = (header.destination.into(), header.source.into());
                let identification = self.identification.next(ours, theirs);
                match icmp::echo_reply(&mut packet, header, identification, self.ttl, true) {
                    Ok(()) => self.send_icmp(theirs, packet),
                    Err(reason) => self.discard(reason),
                }
            }
            Ok(Message::Error(quoted)) => {
                let owner = self.steering.owner_of(&quoted.flow);
                if owner != self.index {
                    match self.give(owner, Handed::Error(quoted)) {
                        Ok(()) => {
                            self.counters.engine.strays_sent.increment();
                            self.delivered();
                        }
                        Err(_full) => self.discard(LinkDropReason::StrayRingFull),
                    }
                } else if self.tell_tcp(&quoted) {
                    self.delivered();
                }
            }
            Err(reason) => self.discard(reason),
        }
    }

    /// Tells the sender of a packet what is wrong with it, where that may be told.
    fn answer(&mut self, problem: Problem, origin: Origin, header: &ipv4::Packet, packet: &[u8]) {
        if !icmp::errors::may_answer(header, packet, origin.link_cast) {
            return;
        }
        if !self.icmp_limit.take(self.now) {
            return self.discard(LinkDropReason::IcmpRateLimited);
        }
        let Some(mut buffer) = self.allocate() else {
            return;
        };
        let original = packet.get(..header.payload.end).unwrap_or(packet);
        let addresses = (header.destination, header.source);
        match icmp::error_packet(&mut buffer, problem, original, addresses, self.ttl, true) {
            Ok(()) => self.send_icmp(header.source.into(), buffer),
            Err(reason) => self.discard(reason),
        }
    }
}
