//! One neighbour.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};

use coremill_tcp::Instant;

use crate::ethernet::LinkHeader;
use crate::snapshot::{NeighborRow, NeighborState};

/// One slot of the table.
#[derive(Debug)]
pub(super) struct Entry<B> {
    /// In use; all else is without meaning when not.
    pub live: bool,
    /// Counts the uses of the slot.
    pub generation: u32,
    /// Next slot of the same bucket, or of the free ones.
    pub next: Option<u32>,
    pub port: usize,
    pub address: IpAddr,
    pub state: NeighborState,
    /// Ready where the MAC address is known.
    pub header: Option<LinkHeader>,
    /// Last confirmed.
    pub confirmed: Option<Instant>,
    /// Last time the MAC address changed.
    pub changed: Instant,
    /// Last used by a packet, or created.
    pub used: Instant,
    /// Requests sent without answer.
    pub probes: u32,
    /// A request is to be sent.
    pub request_due: bool,
    /// Stands in the queue of outputs.
    pub scheduled: bool,
    /// Packets that wait, oldest first.
    pub pending: VecDeque<B>,
}

impl<B> Entry<B> {
    /// An unused slot with room for `pending_max` packets.
    pub fn unused(pending_max: usize, next: Option<u32>) -> Self {
        Self {
            live: false,
            generation: 0,
            next,
            port: 0,
            address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            state: NeighborState::Incomplete,
            header: None,
            confirmed: None,
            changed: Instant::default(),
            used: Instant::default(),
            probes: 0,
            request_due: false,
            scheduled: false,
            pending: VecDeque::with_capacity(pending_max),
        }
    }

    /// Takes the slot for a neighbour of which nothing is known yet.
    pub fn occupy(&mut self, now: Instant, port: usize, address: IpAddr) {
        self.live = true;
        self.generation = self.generation.wrapping_add(1);
        self.port = port;
        self.address = address;
        self.state = NeighborState::Incomplete;
        self.header = None;
        self.confirmed = None;
        self.changed = now;
        self.used = now;
        self.probes = 0;
        self.request_due = false;
    }

    /// The row that shows it.
    pub fn row(&self, now: Instant) -> NeighborRow {
        NeighborRow {
            port: self.port,
            address: self.address,
            mac: self.header.map(|header| header.destination()),
            state: self.state,
            confirmed: self.confirmed.map(|confirmed| now.since(confirmed)),
            pending: self.pending.len(),
        }
    }

    /// True while our own request waits for its answer.
    pub fn is_asking(&self) -> bool {
        let asking = matches!(self.state, NeighborState::Incomplete | NeighborState::Probe);
        asking && self.probes > 0
    }

    /// How little it would be missed: the lower the better to go. None: it must stay, as packets
    /// or a request wait in it, or it is at work for an entry that nobody here asked for.
    pub fn usefulness(&self, wanted: bool) -> Option<(u8, Instant)> {
        if !self.live || self.scheduled || !self.pending.is_empty() {
            return None;
        }
        let rank = match self.state {
            NeighborState::Failed => 0,
            NeighborState::Stale => 1,
            NeighborState::Incomplete if wanted => 2,
            NeighborState::Reachable if wanted => 3,
            NeighborState::Delay | NeighborState::Probe if wanted => 4,
            _ => return None,
        };
        Some((rank, self.used))
    }
}
