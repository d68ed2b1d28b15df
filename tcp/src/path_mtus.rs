//! What the paths to destinations carry, where that is less than the link (RFC 1191; RFC 8201).
//!
//! Learnt from ICMP errors that a connection has believed, or from its own probes; forgotten after ten
//! minutes, so that a path that has become wider is found out (RFC 1191, section 6.3). Linux keeps the
//! same with its routes. The table is bounded: what expires first makes room.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use crate::address::{Endpoint, Flow};
use crate::flow_hash::FlowHash;
use crate::time::Instant;

/// The path MTUs that a shard remembers.
pub(crate) struct PathMtus {
    hash: FlowHash,
    buckets: Box<[[Known; WAYS]]>,
}

/// One destination; free when it has expired.
#[derive(Clone, Copy, Debug)]
struct Known {
    destination: IpAddr,
    mtu: u16,
    expires: Instant,
}

impl PathMtus {
    /// Room for about `max` destinations.
    pub(crate) fn new(max: usize, hash: FlowHash) -> Self {
        let free = Known {
            destination: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            mtu: u16::MAX,
            expires: Instant::from_nanos(0),
        };
        let buckets = max.div_ceil(WAYS).max(1);
        Self {
            hash,
            buckets: vec![[free; WAYS]; buckets].into(),
        }
    }

    /// The MTU of the path to `destination`, where one is known and has not expired, and until when.
    pub(crate) fn find(&self, now: Instant, destination: IpAddr) -> Option<(u16, Instant)> {
        let bucket = self.buckets.get(self.index_of(destination))?;
        let known = bucket
            .iter()
            .find(|known| known.destination == destination && known.expires > now)?;
        Some((known.mtu, known.expires))
    }

    /// Remembers `mtu` for `lifetime`; gives the moment at which it is forgotten.
    pub(crate) fn learn(
        &mut self,
        now: Instant,
        destination: IpAddr,
        mtu: u16,
        lifetime: Duration,
    ) -> Instant {
        let expires = now + lifetime;
        let index = self.index_of(destination);
        if let Some(bucket) = self.buckets.get_mut(index) {
            let is_same = |known: &Known| known.destination == destination;
            // The destination's own place, or that of what is or will be forgotten first.
            let place = bucket
                .iter_mut()
                .min_by_key(|known| (!is_same(known), known.expires));
            if let Some(place) = place {
                *place = Known {
                    destination,
                    mtu,
                    expires,
                };
            }
        }
        expires
    }

    fn index_of(&self, destination: IpAddr) -> usize {
        let flow = Flow {
            local: Endpoint::new(destination, 0),
            remote: Endpoint::new(destination, 0),
        };
        (self.hash.of(&flow) % self.buckets.len() as u64) as usize
    }
}

/// Destinations that share a hash before one must go.
const WAYS: usize = 4;

#[cfg(test)]
mod tests;
