//! What the neighbours have to send or to drop, pulled one by one.

use std::net::IpAddr;

use super::Neighbors;
use crate::arp;
use crate::drop_reason::LinkDropReason;
use crate::nic::Buffer;
use crate::snapshot::NeighborState;

/// Something to be done with a port or a packet.
#[derive(Debug)]
pub enum Output<B> {
    /// Send this ARP frame.
    Request {
        /// Out of this port.
        port: usize,
        /// The frame.
        frame: arp::Frame,
    },
    /// Send this packet, complete with its link header.
    Packet {
        /// Out of this port.
        port: usize,
        /// The frame.
        packet: B,
    },
    /// This packet (an IP packet without link header) could not be delivered.
    Dropped {
        /// Why; after `NeighborFailed` its sender is told (see [`crate::icmp::quoted::read`]).
        reason: LinkDropReason,
        /// The packet.
        packet: B,
    },
}

impl<B: Buffer> Neighbors<B> {
    pub(super) fn pull_output(&mut self) -> Option<Output<B>> {
        while let Some(&slot) = self.outputs.front() {
            if let Some(output) = self.output_of(slot) {
                return Some(output);
            }
            self.outputs.pop_front();
            if let Some(entry) = self.table.slot_mut(slot) {
                entry.scheduled = false;
            }
        }
        None
    }

    /// Has the neighbour looked at by `pull_output`.
    pub(super) fn schedule_output(&mut self, slot: u32) {
        if let Some(entry) = self.table.slot_mut(slot)
            && !entry.scheduled
        {
            entry.scheduled = true;
            self.outputs.push_back(slot);
        }
    }

    fn output_of(&mut self, slot: u32) -> Option<Output<B>> {
        let entry = self.table.slot_mut(slot)?;
        let port = entry.port;
        if std::mem::take(&mut entry.request_due) {
            let known = entry.header.map(|header| header.destination());
            let sender = self.local.towards(port, entry.address);
            let (IpAddr::V4(target), Some(IpAddr::V4(sender))) = (entry.address, sender) else {
                // Neighbour solicitations come with IPv6; without an address nobody can answer.
                return None;
            };
            let mac = *self.macs.get(port)?;
            return Some(Output::Request {
                port,
                frame: arp::request(mac, sender, target, known),
            });
        }
        if entry.state == NeighborState::Failed {
            return entry.pending.pop_front().map(|packet| Output::Dropped {
                reason: LinkDropReason::NeighborFailed,
                packet,
            });
        }
        let header = entry.header?;
        let mut packet = entry.pending.pop_front()?;
        Some(match header.prepend(&mut packet) {
            Ok(()) => Output::Packet { port, packet },
            Err(reason) => Output::Dropped { reason, packet },
        })
    }
}
