//! A port with what the loop keeps for it: the packets that wait to be sent, and since when the
//! port has taken none.

use std::time::Duration;

use coremill_tcp::Instant;

use super::OUTPUT_TURNS;
use crate::counters::WorkerCounters;
use crate::nic::{Buffer, Capabilities, Port};
use crate::ordinary::Acquaintances;

/// A port with what the loop keeps for it.
pub(crate) struct PortSlot<P: Port> {
    pub(crate) port: P,
    pub(crate) mac: [u8; 6],
    pub(crate) mtu: u16,
    pub(crate) capabilities: Capabilities,
    /// A route sends packets to our own addresses through it.
    pub(crate) carries_own: bool,
    /// Who was found good by this route or without.
    pub(crate) acquaintances: Acquaintances,
    /// To be sent, in order.
    pub(crate) output: Vec<P::Buffer>,
    /// Since when it has taken nothing of this.
    stuck_since: Option<Instant>,
}

impl<P: Port> PortSlot<P> {
    /// `port` with nothing to send yet, and room for some turns' `transmit_max` packets.
    pub(crate) fn new(port: P, transmit_max: usize) -> Self {
        Self {
            mac: port.mac(),
            mtu: port.mtu(),
            capabilities: port.capabilities(),
            carries_own: false,
            acquaintances: Acquaintances::new(port.mac()),
            output: Vec::with_capacity(transmit_max * OUTPUT_TURNS),
            stuck_since: None,
            port,
        }
    }

    /// Queues a packet to be sent; false, and the packet is gone, when there is no room.
    pub(crate) fn queue(&mut self, packet: P::Buffer, counters: &WorkerCounters) -> bool {
        if self.output.len() == self.output.capacity() {
            return false;
        }
        let bytes = packet.data().len();
        counters.engine.transmitted_packets.increment();
        counters.engine.transmitted_bytes.add(bytes as u64);
        self.output.push(packet);
        true
    }

    /// Gives the port what waits for it; gives the number of packets it took.
    pub(crate) fn flush(&mut self, now: Instant) -> usize {
        if self.output.is_empty() {
            return 0;
        }
        let taken = self.port.transmit(&mut self.output);
        self.stuck_since = if taken == 0 {
            self.stuck_since.or(Some(now))
        } else {
            None
        };
        taken
    }

    /// Segments that may be pulled before `waiting_max` packets wait, and TCP until the port has taken some. One that is
    /// down must not hold up the others for long: soon what is meant for it is lost instead.
    pub(crate) fn room(&self, now: Instant, waiting_max: usize) -> usize {
        let is_stuck = |since| now.since(since) >= STUCK_AFTER;
        match waiting_max.saturating_sub(self.output.len()) {
            0 if self.stuck_since.is_some_and(is_stuck) => waiting_max,
            room => room,
        }
    }
}

/// A port that has taken nothing for so long is taken for one that is down.
const STUCK_AFTER: Duration = Duration::from_millis(100);
