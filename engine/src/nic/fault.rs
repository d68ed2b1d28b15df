//! A wrapper that treats packets badly: drops, delays, duplicates and corrupts them on their way in
//! and out, seeded and counted, over any port.

use std::os::fd::BorrowedFd;

use super::dice::Dice;
use super::{Buffer, Capabilities, Port};

/// How often each fault strikes, in packets per million, each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultRates {
    /// Packets lost.
    pub drop_per_million: u32,
    /// Packets sent or received twice.
    pub duplicate_per_million: u32,
    /// Packets with one bit flipped.
    pub corrupt_per_million: u32,
    /// Packets held back, so that later ones overtake them.
    pub delay_per_million: u32,
    /// Longest delay, in calls of `receive` (one a turn).
    pub delay_turns_max: u32,
}

/// What struck so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultCounts {
    /// Packets that passed, struck or not.
    pub packets: u64,
    /// Packets lost, those for lack of room to delay them included.
    pub dropped: u64,
    /// Packets doubled.
    pub duplicated: u64,
    /// Packets with a bit flipped.
    pub corrupted: u64,
    /// Packets held back.
    pub delayed: u64,
}

/// A port with faults.
#[derive(Debug)]
pub struct FaultPort<P: Port> {
    port: P,
    receive: Faults<P::Buffer>,
    transmit: Faults<P::Buffer>,
    /// Between the port and the faults, both ways.
    passage: Vec<P::Buffer>,
    /// Treated and on its way out; what the port had no room for waits here.
    outgoing: Vec<P::Buffer>,
    turn: u64,
}

impl<P: Port> FaultPort<P> {
    /// Wraps `port`; the same seed gives the same faults.
    pub fn new(port: P, seed: u64, receive: FaultRates, transmit: FaultRates) -> Self {
        Self {
            port,
            receive: Faults::new(receive, seed),
            transmit: Faults::new(transmit, seed ^ u64::MAX),
            passage: Vec::with_capacity(PACKETS_MAX),
            outgoing: Vec::with_capacity(PACKETS_MAX),
            turn: 0,
        }
    }

    /// Counts of faults on received packets and on sent ones.
    pub fn counts(&self) -> (FaultCounts, FaultCounts) {
        (self.receive.counts, self.transmit.counts)
    }

    /// Sends what was delayed until now or did not fit before.
    fn flush(&mut self) {
        self.transmit
            .take_due(self.turn, &mut self.outgoing, PACKETS_MAX);
        if !self.outgoing.is_empty() {
            self.port.transmit(&mut self.outgoing);
        }
    }
}

impl<P: Port> Port for FaultPort<P> {
    type Buffer = P::Buffer;

    fn receive(&mut self, into: &mut Vec<P::Buffer>, max: usize) -> usize {
        self.turn += 1;
        self.flush();
        let before = into.len();
        let room = before + max.min(into.capacity() - before);
        self.receive.take_due(self.turn, into, room);
        // Half, since each may be doubled.
        let asked = (room - into.len()) / 2;
        self.port.receive(&mut self.passage, asked.min(PACKETS_MAX));
        for packet in self.passage.drain(..) {
            self.receive
                .treat(packet, self.turn, into, || self.port.allocate());
        }
        into.len() - before
    }

    fn transmit(&mut self, from: &mut Vec<P::Buffer>) -> usize {
        self.flush();
        let count = from.len().min((PACKETS_MAX - self.outgoing.len()) / 2);
        for packet in from.drain(..count) {
            self.transmit
                .treat(packet, self.turn, &mut self.outgoing, || {
                    self.port.allocate()
                });
        }
        self.flush();
        count
    }

    fn allocate(&mut self) -> Option<P::Buffer> {
        self.port.allocate()
    }

    fn renew(&mut self, packet: &mut P::Buffer) -> bool {
        self.port.renew(packet)
    }

    /// The port's, but for checksums: a port's word on them is older than the corruption.
    fn capabilities(&self) -> Capabilities {
        let corrupts = |faults: &Faults<P::Buffer>| faults.rates.corrupt_per_million != 0;
        let mut capabilities = self.port.capabilities();
        if corrupts(&self.receive) {
            capabilities.receive_ipv4_checksum = false;
            capabilities.receive_tcp_checksum = false;
        }
        if corrupts(&self.transmit) {
            capabilities.transmit_ipv4_checksum = false;
            capabilities.transmit_tcp_checksum = false;
            capabilities.transmit_tcp_segmentation = false;
        }
        capabilities
    }

    fn mac(&self) -> [u8; 6] {
        self.port.mac()
    }

    fn mtu(&self) -> u16 {
        self.port.mtu()
    }

    /// None: delayed packets would not wake a sleeper.
    fn receive_interrupt(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// The faults of one direction.
#[derive(Debug)]
struct Faults<B> {
    rates: FaultRates,
    dice: Dice,
    counts: FaultCounts,
    /// Held packets with the turn in which they go on, in no order.
    held: Vec<(u64, B)>,
}

impl<B: Buffer> Faults<B> {
    fn new(rates: FaultRates, seed: u64) -> Self {
        let held = Vec::with_capacity(PACKETS_MAX);
        Self {
            rates,
            dice: Dice::new(seed),
            counts: FaultCounts::default(),
            held,
        }
    }

    /// Moves held packets whose turn has come, until `into` has `room` packets.
    fn take_due(&mut self, turn: u64, into: &mut Vec<B>, room: usize) {
        let mut index = 0;
        while index < self.held.len() && into.len() < room {
            if self.held[index].0 <= turn {
                into.push(self.held.remove(index).1);
            } else {
                index += 1;
            }
        }
    }

    /// Lets one packet through to `into`, or not, or twice, or changed, or later.
    fn treat(
        &mut self,
        mut packet: B,
        turn: u64,
        into: &mut Vec<B>,
        allocate: impl FnOnce() -> Option<B>,
    ) {
        self.counts.packets += 1;
        if self.dice.happens(self.rates.drop_per_million) {
            self.counts.dropped += 1;
            return;
        }
        if self.dice.happens(self.rates.corrupt_per_million) {
            self.corrupt(&mut packet);
        }
        if self.dice.happens(self.rates.duplicate_per_million)
            && let Some(copy) = allocate().and_then(|empty| copied(&packet, empty))
        {
            self.counts.duplicated += 1;
            into.push(copy);
        }
        if self.dice.happens(self.rates.delay_per_million) {
            if self.held.len() == PACKETS_MAX {
                self.counts.dropped += 1;
                return;
            }
            self.counts.delayed += 1;
            let turns = 1 + self.dice.below(u64::from(self.rates.delay_turns_max));
            self.held.push((turn + turns, packet));
            return;
        }
        into.push(packet);
    }

    fn corrupt(&mut self, packet: &mut B) {
        let bit = self.dice.below(packet.data().len() as u64 * 8);
        let byte = usize::try_from(bit / 8).unwrap_or(usize::MAX);
        if let Some(byte) = packet.data_mut().get_mut(byte) {
            *byte ^= 1 << (bit % 8);
            self.counts.corrupted += 1;
        }
    }
}

fn copied<B: Buffer>(packet: &B, mut empty: B) -> Option<B> {
    let data = packet.data();
    empty.append(data.len())?.copy_from_slice(data);
    Some(empty)
}

/// Packets held, or on their way, each way at most.
const PACKETS_MAX: usize = 256;

#[cfg(test)]
mod tests;
