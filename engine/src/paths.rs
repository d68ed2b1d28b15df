//! The way of packets to a destination: inside, or by a port and a neighbour. Found once by
//! address and route, then kept, so that a packet costs one look here and one at the neighbour.
//!
//! A kept path is looked up anew when the routes have changed, and its neighbour when that is gone.

use std::net::{IpAddr, Ipv4Addr};

use coremill_tcp::Instant;

use crate::drop_reason::LinkDropReason;
use crate::ethernet::{EtherType, LinkHeader};
use crate::ipv4;
use crate::local_addresses::LocalAddresses;
use crate::neighbors::{NeighborId, Neighbors, Resolution};
use crate::nic::Buffer;
use crate::routes::Routes;

/// Where packets to a destination go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// The destination is ours: packets stay inside.
    Inside,
    /// The destination is ours, but its route leads through the port: to its own MAC address.
    OwnPort,
    /// To this address on the port's link.
    Neighbor(IpAddr),
}

/// The way to a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Index of the port; for [`Hop::Inside`] that of the address.
    pub port: usize,
    /// Source address for what we send there on our own.
    pub source: IpAddr,
    /// The next hop.
    pub hop: Hop,
}

/// What is to be done with a packet given to [`Paths::send`].
#[derive(Debug)]
pub enum Sending<B> {
    /// Give it to the port, complete with its link header.
    Port(usize, B),
    /// Deliver it inside: an IP packet without link header, to an address of ours.
    Inside(B),
    /// Nothing: it waits for its neighbour (see [`Neighbors::next_output`]).
    Waiting,
    /// Count this packet as dropped: this one, or an older one in whose place it waits.
    Dropped(LinkDropReason, B),
}

/// The paths one worker has used lately.
#[derive(Debug)]
pub struct Paths {
    keys: [u64; 2],
    macs: Vec<[u8; 6]>,
    kept: Box<[Option<Kept>]>,
}

/// Where a path is kept; of use until another one is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Place(usize);

#[derive(Clone, Copy, Debug)]
struct Kept {
    destination: IpAddr,
    /// Of the routes that it was found by.
    generation: u32,
    path: Path,
    neighbor: Option<NeighborId>,
}

impl Paths {
    /// Room for `paths_max` paths (rounded up to a power of two); `macs` are those of the ports.
    pub fn new(paths_max: usize, macs: &[[u8; 6]], key: [u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, rest @ ..] = key;
        let first = u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
        Self {
            keys: [first, u64::from_ne_bytes(rest)],
            macs: macs.to_vec(),
            kept: vec![None; paths_max.clamp(1, PATHS_MAX).next_power_of_two()].into(),
        }
    }

    /// The path to `destination`; None when there is no route, or none may be used: groups,
    /// broadcasts and martians are no peers.
    pub fn find<R: Routes>(
        &mut self,
        destination: IpAddr,
        routes: &R,
        local: &LocalAddresses,
    ) -> Option<Path> {
        Some(self.find_place(destination, routes, local)?.0)
    }

    /// The same, and where it is kept, for a packet that follows at once.
    #[inline]
    pub fn find_place<R: Routes>(
        &mut self,
        destination: IpAddr,
        routes: &R,
        local: &LocalAddresses,
    ) -> Option<(Path, Place)> {
        let index = self.index_of(destination);
        let path = self.kept_at(index, destination, routes, local)?.path;
        Some((path, Place(index)))
    }

    /// Sends `packet`, an IP packet without link header, towards `destination`.
    #[inline]
    pub fn send<R: Routes, B: Buffer>(
        &mut self,
        now: Instant,
        destination: IpAddr,
        packet: B,
        (routes, local): (&R, &LocalAddresses),
        neighbors: &mut Neighbors<B>,
    ) -> Sending<B> {
        match self.find_place(destination, routes, local) {
            Some((_, place)) => self.send_from(place, now, packet, neighbors),
            None => Sending::Dropped(LinkDropReason::NoRoute, packet),
        }
    }

    /// Sends `packet` on the path that was found at `place` just now.
    #[inline]
    pub fn send_from<B: Buffer>(
        &mut self,
        place: Place,
        now: Instant,
        mut packet: B,
        neighbors: &mut Neighbors<B>,
    ) -> Sending<B> {
        let Some(Some(kept)) = self.kept.get_mut(place.0) else {
            return Sending::Dropped(LinkDropReason::NoRoute, packet);
        };
        let port = kept.path.port;
        let header = match kept.path.hop {
            Hop::Inside => return Sending::Inside(packet),
            Hop::OwnPort => own_header(&self.macs, port, kept.destination),
            Hop::Neighbor(address) => {
                let ready = kept
                    .neighbor
                    .and_then(|neighbor| neighbors.link_header(now, neighbor));
                match ready {
                    Some(header) => Some(header),
                    None => match neighbors.resolve(now, port, address, packet) {
                        Resolution::Ready(header, resolved) => {
                            kept.neighbor = neighbors.find(port, address);
                            packet = resolved;
                            Some(header)
                        }
                        Resolution::Queued => return Sending::Waiting,
                        Resolution::Dropped(reason, packet) => {
                            return Sending::Dropped(reason, packet);
                        }
                    },
                }
            }
        };
        let prepended = match header {
            Some(header) => header.prepend(&mut packet),
            None => Err(LinkDropReason::NoRoute),
        };
        match prepended {
            Ok(()) => Sending::Port(port, packet),
            Err(reason) => Sending::Dropped(reason, packet),
        }
    }

    /// The port and the link header of packets to `destination`, where these are known and lead out of a port: one look
    /// here, one at the neighbour. None: by [`Paths::find_place`].
    #[inline]
    pub fn known<B: Buffer>(
        &self,
        now: Instant,
        destination: Ipv4Addr,
        generation: u32,
        neighbors: &mut Neighbors<B>,
    ) -> Option<(usize, LinkHeader)> {
        let destination = IpAddr::V4(destination);
        let kept = self.kept.get(self.index_of(destination))?.as_ref()?;
        if kept.destination != destination || kept.generation != generation {
            return None;
        }
        let port = kept.path.port;
        let header = match kept.path.hop {
            Hop::Inside => None,
            Hop::OwnPort => own_header(&self.macs, port, destination),
            Hop::Neighbor(_) => neighbors.link_header(now, kept.neighbor?),
        };
        Some((port, header?))
    }

    /// TCP made progress with `peer`: its neighbour works (see [`Neighbors::confirm`]). Nothing
    /// happens when nothing has been sent there lately.
    #[inline]
    pub fn confirm<B: Buffer>(&mut self, now: Instant, peer: IpAddr, neighbors: &mut Neighbors<B>) {
        let index = self.index_of(peer);
        if let Some(Some(kept)) = self.kept.get(index)
            && kept.destination == peer
            && let Some(neighbor) = kept.neighbor
        {
            neighbors.confirm(now, neighbor);
        }
    }

    /// Segments to `peer` stay unanswered: its way is to be found anew, and its neighbour to be asked (see
    /// [`Neighbors::doubt`]).
    pub fn doubt<B: Buffer>(&mut self, now: Instant, peer: IpAddr, neighbors: &mut Neighbors<B>) {
        let index = self.index_of(peer);
        if let Some(place) = self.kept.get_mut(index)
            && let Some(kept) = place.take_if(|kept| kept.destination == peer)
            && let Some(neighbor) = kept.neighbor
        {
            neighbors.doubt(now, neighbor);
        }
    }

    #[inline]
    fn kept_at<R: Routes>(
        &mut self,
        index: usize,
        destination: IpAddr,
        routes: &R,
        local: &LocalAddresses,
    ) -> Option<&mut Kept> {
        let generation = routes.generation();
        let place = self.kept.get_mut(index)?;
        let fresh = place
            .as_ref()
            .is_some_and(|kept| kept.destination == destination && kept.generation == generation);
        if !fresh {
            *place = Some(Kept {
                destination,
                generation,
                path: path_to(destination, routes, local)?,
                neighbor: None,
            });
        }
        place.as_mut()
    }

    /// The only place where a destination's path is kept. Two that share one replace each other,
    /// which costs a look at the routes: keyed, but no strong hash, as nothing can pile up here.
    #[inline]
    fn index_of(&self, destination: IpAddr) -> usize {
        let bits = match destination {
            IpAddr::V4(address) => u128::from(address.to_bits()),
            IpAddr::V6(address) => address.to_bits(),
        };
        let (low, high) = (
            bits as u64 ^ self.keys[0],
            (bits >> 64) as u64 ^ self.keys[1],
        );
        let product = u128::from(low) * u128::from(high);
        let hash = (product >> 64) as u64 ^ product as u64;
        // The number of places is a power of two.
        hash as usize & (self.kept.len() - 1)
    }
}

fn own_header(macs: &[[u8; 6]], port: usize, destination: IpAddr) -> Option<LinkHeader> {
    let mac = *macs.get(port)?;
    let ethertype = match destination {
        IpAddr::V4(_) => EtherType::Ipv4,
        IpAddr::V6(_) => EtherType::Ipv6,
    };
    Some(LinkHeader::new(mac, mac, ethertype))
}

/// The path by addresses and routes alone.
fn path_to<R: Routes>(destination: IpAddr, routes: &R, local: &LocalAddresses) -> Option<Path> {
    let own_port = local.port_of(destination);
    if own_port.is_none() && !is_peer(destination, local) {
        return None;
    }
    let route = routes.lookup(destination);
    match (own_port, route) {
        (Some(_), Some(route)) if route.local_through_port => Some(Path {
            port: route.port,
            source: destination,
            hop: Hop::OwnPort,
        }),
        (Some(port), _) => Some(Path {
            port,
            source: destination,
            hop: Hop::Inside,
        }),
        (None, route) => route.map(|route| Path {
            port: route.port,
            source: route.source,
            hop: Hop::Neighbor(route.next_hop(destination)),
        }),
    }
}

/// True when `destination` can be a single host on some link.
/// RFC 9293, MUST-46.
fn is_peer(destination: IpAddr, local: &LocalAddresses) -> bool {
    match destination {
        IpAddr::V4(address) => !ipv4::is_martian(address) && !local.is_broadcast(address),
        IpAddr::V6(address) => {
            !address.is_unspecified() && !address.is_loopback() && !address.is_multicast()
        }
    }
}

/// Keeps the memory in bounds whatever the caller asks for.
const PATHS_MAX: usize = 1 << 20;

#[cfg(test)]
mod tests;
