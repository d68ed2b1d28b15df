//! The neighbours of one worker: who has which MAC address, and the packets that wait for one.
//!
//! Read first: RFC 1122, section 2.3.2 (cache validation, queue while resolving); RFC 4861,
//! section 7.3 (the states, used for ARP as Linux does). Everything is reserved at start. What is
//! to be sent or dropped is pulled with [`Neighbors::next_output`].

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use coremill_tcp::Instant;

use crate::arp;
use crate::drop_reason::LinkDropReason;
use crate::ethernet::{EtherType, LinkHeader};
use crate::local_addresses::LocalAddresses;
use crate::nic::Buffer;
use crate::options::NeighborOptions;
use crate::snapshot::{NeighborRow, NeighborState};

mod deadlines;
mod entry;
mod learning;
mod output;
mod table;
mod timers;

pub use output::Output;
use table::Table;

/// A neighbour's handle: slot and generation, so that a stale one names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighborId {
    slot: u32,
    generation: u32,
}

/// What became of a packet given to [`Neighbors::resolve`].
#[derive(Debug)]
pub enum Resolution<B> {
    /// Its way is known: prepend this and send it.
    Ready(LinkHeader, B),
    /// It waits for an answer.
    Queued,
    /// A packet went, for this reason: this one, or the oldest that waited for the same neighbour
    /// (then this one waits).
    Dropped(LinkDropReason, B),
}

/// The bounded table of one worker.
#[derive(Debug)]
pub struct Neighbors<B> {
    options: NeighborOptions,
    /// MAC address of each port.
    macs: Vec<[u8; 6]>,
    /// For the sender of our requests.
    local: LocalAddresses,
    table: Table<B>,
    /// Neighbours with something to send or drop, each at most once.
    outputs: VecDeque<u32>,
}

impl<B: Buffer> Neighbors<B> {
    /// An empty table for the ports with the MAC addresses `macs`, hashed by the secret `key`.
    pub fn new(
        options: NeighborOptions,
        macs: &[[u8; 6]],
        local: LocalAddresses,
        key: [u8; 16],
    ) -> Self {
        Self {
            table: Table::new(options.entries_max, options.pending_max, key),
            outputs: VecDeque::with_capacity(options.entries_max),
            macs: macs.to_vec(),
            local,
            options,
        }
    }

    /// The neighbour's handle, where it is in the table.
    pub fn find(&self, port: usize, address: IpAddr) -> Option<NeighborId> {
        let slot = self.table.find(port, address)?;
        Some(self.table.id(slot))
    }

    /// The ready header for `neighbor`, where its MAC address is known: one look into the table.
    /// Use of a stale one begins its delayed check. None: go by [`Neighbors::resolve`].
    #[inline]
    pub fn link_header(&mut self, now: Instant, neighbor: NeighborId) -> Option<LinkHeader> {
        let entry = self.table.get_mut(neighbor)?;
        entry.used = now;
        match entry.state {
            NeighborState::Reachable | NeighborState::Delay | NeighborState::Probe => {}
            NeighborState::Stale => {
                entry.state = NeighborState::Delay;
                self.table.arm(neighbor.slot, now + self.options.delay);
            }
            NeighborState::Incomplete | NeighborState::Failed => return None,
        }
        self.table.get_mut(neighbor)?.header
    }

    /// Finds the way to `address` on the link of `port` for `packet` (an IP packet without link
    /// header); asks for it where it is not known.
    pub fn resolve(
        &mut self,
        now: Instant,
        port: usize,
        address: IpAddr,
        packet: B,
    ) -> Resolution<B> {
        let slot = match self.table.find(port, address) {
            Some(slot) => slot,
            None => match self.create(now, port, address, true) {
                Some(slot) => slot,
                None => return Resolution::Dropped(LinkDropReason::NeighborTableFull, packet),
            },
        };
        if let Some(header) = self.link_header(now, self.table.id(slot)) {
            return Resolution::Ready(header, packet);
        }
        self.wait(now, slot, packet)
    }

    /// Confirms that the way to and from `neighbor` works (RFC 4861, section 7.3.1): TCP made
    /// progress with a peer behind it. Cheap enough for each packet.
    #[inline]
    pub fn confirm(&mut self, now: Instant, neighbor: NeighborId) {
        let Some(entry) = self.table.get_mut(neighbor) else {
            return;
        };
        if entry.header.is_none() || entry.state == NeighborState::Failed {
            return;
        }
        entry.confirmed = Some(now);
        // The deadline of a reachable neighbour is put off when it comes (see `timers`).
        if entry.state != NeighborState::Reachable {
            entry.state = NeighborState::Reachable;
            self.table.arm(neighbor.slot, now + self.options.reachable);
        }
    }

    /// The way by `neighbor` may be broken: it is asked at once, unless it was heard of a moment ago, so that
    /// many unanswered connections make no more requests than one.
    /// RFC 1122, section 3.3.1.4.
    pub fn doubt(&mut self, now: Instant, neighbor: NeighborId) {
        let recent = self.options.delay;
        let Some(entry) = self.table.get_mut(neighbor) else {
            return;
        };
        let is_trusted = matches!(
            entry.state,
            NeighborState::Reachable | NeighborState::Stale | NeighborState::Delay
        );
        let heard = entry.confirmed.unwrap_or(entry.changed);
        if is_trusted && now.since(heard) >= recent {
            entry.state = NeighborState::Probe;
            entry.probes = 0;
            self.ask(now, neighbor.slot);
        }
    }

    /// The frame to be sent, packet to be sent or packet to be dropped next.
    pub fn next_output(&mut self) -> Option<Output<B>> {
        self.pull_output()
    }

    /// Whether [`Neighbors::next_output`] may give something.
    #[inline]
    pub fn has_output(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// When [`Neighbors::advance`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.table.next_deadline()
    }

    /// Runs what is due by `now`, at most `budget` neighbours; gives how many it ran.
    pub fn advance(&mut self, now: Instant, budget: usize) -> usize {
        self.run_timers(now, budget)
    }

    /// Learns what an ARP packet received by `port` (or by another worker) told. False when it
    /// was of no use: its sender is not known and does not speak to us, or there is no room.
    pub fn learn(&mut self, now: Instant, port: usize, observation: &arp::Observation) -> bool {
        self.learn_observation(now, port, observation)
    }

    /// Neighbours in the table.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends rows from slot `start` on while `rows` has capacity; gives the slot to go on from,
    /// None at the end.
    pub fn rows(&self, now: Instant, start: usize, rows: &mut Vec<NeighborRow>) -> Option<usize> {
        for (slot, entry) in self.table.entries().iter().enumerate().skip(start) {
            if entry.live {
                if rows.len() == rows.capacity() {
                    return Some(slot);
                }
                rows.push(entry.row(now));
            }
        }
        None
    }

    /// Queues `packet` on a neighbour whose MAC address is not known, and asks where nobody does.
    fn wait(&mut self, now: Instant, slot: u32, packet: B) -> Resolution<B> {
        let pending_max = self.options.pending_max;
        let Some(entry) = self.table.slot_mut(slot) else {
            return Resolution::Dropped(LinkDropReason::NeighborTableFull, packet);
        };
        if pending_max == 0 {
            return Resolution::Dropped(LinkDropReason::NeighborQueueFull, packet);
        }
        let ask = entry.state == NeighborState::Failed || entry.probes == 0;
        let oldest = if entry.pending.len() >= pending_max {
            entry.pending.pop_front()
        } else {
            None
        };
        entry.pending.push_back(packet);
        if ask {
            // What waited for an earlier try waits for this one now.
            entry.state = NeighborState::Incomplete;
            entry.probes = 0;
            self.ask(now, slot);
        }
        match oldest {
            Some(oldest) => Resolution::Dropped(LinkDropReason::NeighborQueueFull, oldest),
            None => Resolution::Queued,
        }
    }

    /// Sends another request to a neighbour and waits for its answer.
    fn ask(&mut self, now: Instant, slot: u32) {
        let retry = self.options.retry.max(RETRY_MIN);
        if let Some(entry) = self.table.slot_mut(slot) {
            entry.probes = entry.probes.saturating_add(1);
            entry.request_due = true;
        }
        self.table.arm(slot, now + retry);
        self.schedule_output(slot);
    }

    /// A new entry, for a packet of ours (`wanted`) or for what others told.
    fn create(&mut self, now: Instant, port: usize, address: IpAddr, wanted: bool) -> Option<u32> {
        if self.macs.len() <= port {
            return None;
        }
        if self.table.is_full() {
            let victim = self.table.least_useful(wanted)?;
            self.table.remove(victim);
        }
        self.table.insert(now, port, address)
    }

    fn header_to(&self, port: usize, address: IpAddr, mac: [u8; 6]) -> Option<LinkHeader> {
        let ethertype = match address {
            IpAddr::V4(_) => EtherType::Ipv4,
            IpAddr::V6(_) => EtherType::Ipv6,
        };
        Some(LinkHeader::new(mac, *self.macs.get(port)?, ethertype))
    }
}

/// A retry time of zero would make the timers spin.
const RETRY_MIN: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests;
