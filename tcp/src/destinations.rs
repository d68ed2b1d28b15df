//! What is remembered of destinations beyond the life of a connection, as Linux keeps its tcp_metrics and path MTUs.
//!
//! Read when a connection begins, written when one ends. The table is bounded: in its bucket the destination that was
//! of use to nobody for the longest makes room. `metrics.rs` says how what a connection found out is taken in.

mod fast_open;
mod metrics;

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::address::{Endpoint, Flow};
use crate::flow_hash::FlowHash;
use crate::time::Instant;

pub(crate) use fast_open::{FastOpenAnswer, FastOpenMemory};
pub(crate) use metrics::{Found, Metrics};

/// The destinations that a shard remembers.
pub(crate) struct Destinations {
    hash: FlowHash,
    buckets: Box<[[Destination; WAYS]]>,
    /// Destinations that had to make room since this was last read.
    pub(crate) evicted: u64,
}

/// One destination, as seen from one of our addresses; free while both are unspecified.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Destination {
    pub(crate) source: IpAddr,
    pub(crate) address: IpAddr,
    /// When somebody last asked for it.
    used: Instant,
    path: Option<KnownPath>,
    /// What a search has found that the path carries.
    pub(crate) search: Option<KnownSearch>,
    pub(crate) metrics: Metrics,
    pub(crate) fast_open: FastOpenMemory,
}

/// A path that carries less than the link (RFC 1191; RFC 8201). Learnt from ICMP errors that a connection has believed;
/// forgotten after ten minutes, so that a path that has become wider is found out (RFC 1191, section 6.3).
#[derive(Clone, Copy, Debug)]
struct KnownPath {
    mtu: u16,
    expires: Instant,
}

/// How far a search for what the path carries has come (RFC 4821, section 5.2): sizes of payload and options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownSearch {
    /// Segments of this size arrive.
    pub(crate) low: u16,
    /// Larger ones do not, or were not tried.
    pub(crate) high: u16,
    /// When the search began.
    pub(crate) begun: Instant,
}

impl Destinations {
    /// Room for about `max` destinations.
    pub(crate) fn new(max: usize, hash: FlowHash) -> Self {
        let buckets = max.div_ceil(WAYS).max(1);
        Self {
            hash,
            buckets: vec![[Destination::FREE; WAYS]; buckets].into(),
            evicted: 0,
        }
    }

    /// What is known of the flow's destination, if anything is.
    pub(crate) fn find(&mut self, now: Instant, flow: &Flow) -> Option<&mut Destination> {
        let index = self.index_of(flow);
        let bucket = self.buckets.get_mut(index)?;
        let found = bucket.iter_mut().find(|known| known.is_of(flow))?;
        found.used = now;
        Some(found)
    }

    /// The same, and a destination that is not known becomes so; None only where there is no place at all.
    pub(crate) fn find_or_add(&mut self, now: Instant, flow: &Flow) -> Option<&mut Destination> {
        let index = self.index_of(flow);
        let bucket = self.buckets.get_mut(index)?;
        let place = bucket
            .iter_mut()
            .min_by_key(|known| (!known.is_of(flow), !known.is_free(), known.used))?;
        if !place.is_of(flow) {
            self.evicted += u64::from(!place.is_free());
            *place = Destination {
                source: flow.local.address,
                address: flow.remote.address,
                ..Destination::FREE
            };
        }
        place.used = now;
        Some(place)
    }

    /// Forgets what is known of `address`, from wherever it was reached, or of all; gives how many that were.
    pub(crate) fn forget(&mut self, address: Option<IpAddr>) -> usize {
        let mut count = 0;
        for known in self.buckets.iter_mut().flatten() {
            if !known.is_free() && address.is_none_or(|address| known.address == address) {
                *known = Destination::FREE;
                count += 1;
            }
        }
        count
    }

    /// Places, free ones among them: numbers below this may name a destination.
    pub(crate) fn places(&self) -> usize {
        self.buckets.len() * WAYS
    }

    /// The destination in a place.
    pub(crate) fn at(&self, place: usize) -> Option<&Destination> {
        let known = self.buckets.get(place / WAYS)?.get(place % WAYS)?;
        (!known.is_free()).then_some(known)
    }

    fn index_of(&self, flow: &Flow) -> usize {
        let addresses = Flow {
            local: Endpoint::new(flow.local.address, 0),
            remote: Endpoint::new(flow.remote.address, 0),
        };
        (self.hash.of(&addresses) % self.buckets.len() as u64) as usize
    }
}

impl Destination {
    const FREE: Self = Self {
        source: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        used: Instant::from_nanos(0),
        path: None,
        search: None,
        metrics: Metrics::NONE,
        fast_open: FastOpenMemory::NONE,
    };

    /// The MTU of the path, where one is known and has not expired, and until when.
    pub(crate) fn path_mtu(&self, now: Instant) -> Option<(u16, Instant)> {
        let path = self.path.filter(|path| path.expires > now)?;
        Some((path.mtu, path.expires))
    }

    /// Remembers `mtu` for `lifetime`; gives the moment at which it is forgotten.
    pub(crate) fn learn_path_mtu(&mut self, now: Instant, mtu: u16, lifetime: Duration) -> Instant {
        let expires = now + lifetime;
        self.path = Some(KnownPath { mtu, expires });
        expires
    }

    /// When somebody last asked for it.
    pub(crate) fn used(&self) -> Instant {
        self.used
    }

    fn is_of(&self, flow: &Flow) -> bool {
        self.address == flow.remote.address && self.source == flow.local.address
    }

    fn is_free(&self) -> bool {
        self.address.is_unspecified()
    }
}

/// Destinations that share a hash before one must go.
const WAYS: usize = 4;

#[cfg(test)]
mod tests;
