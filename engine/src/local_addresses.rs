//! Our own addresses, each with its port and prefix, and the broadcast addresses that follow.
//!
//! A packet to any of them is ours on whatever port it arrives (the weak model of RFC 1122,
//! section 3.3.4.2, as Linux has it).

use std::net::{IpAddr, Ipv4Addr};

use crate::routes::masked;

/// One address of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalAddress {
    /// The address.
    pub address: IpAddr,
    /// Prefix length of its network.
    pub prefix_length: u8,
    /// Index of its port.
    pub port: usize,
}

/// All addresses of ours, fixed at start.
#[derive(Clone, Debug, Default)]
pub struct LocalAddresses {
    /// In the order of configuration.
    configured: Vec<LocalAddress>,
    /// The same addresses as numbers with their ports, sorted for lookup.
    ipv4: Vec<(u32, usize)>,
    ipv6: Vec<(u128, usize)>,
    /// Directed broadcast addresses, sorted.
    broadcasts: Vec<Ipv4Addr>,
}

impl LocalAddresses {
    /// The set of `addresses`; where one occurs twice, the first counts.
    pub fn new(addresses: impl IntoIterator<Item = LocalAddress>) -> Self {
        let configured: Vec<_> = addresses.into_iter().collect();
        let ipv4 = sorted(configured.iter().filter_map(|local| match local.address {
            IpAddr::V4(address) => Some((address.to_bits(), local.port)),
            IpAddr::V6(_) => None,
        }));
        let ipv6 = sorted(configured.iter().filter_map(|local| match local.address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => Some((address.to_bits(), local.port)),
        }));
        let mut broadcasts: Vec<_> = configured.iter().flat_map(directed_broadcasts).collect();
        broadcasts.sort_unstable();
        broadcasts.dedup();
        Self {
            configured,
            ipv4,
            ipv6,
            broadcasts,
        }
    }

    /// True when `address` is one of ours.
    #[inline]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.port_of(address).is_some()
    }

    /// The port that `address` belongs to, when it is ours.
    #[inline]
    pub fn port_of(&self, address: IpAddr) -> Option<usize> {
        match address {
            IpAddr::V4(address) => find(&self.ipv4, address.to_bits()),
            IpAddr::V6(address) => find(&self.ipv6, address.to_bits()),
        }
    }

    /// True for 255.255.255.255 and for the broadcast addresses of our networks, the obsolete
    /// all-zeros form included (RFC 1122, section 3.3.6).
    #[inline]
    pub fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        address.is_broadcast() || self.broadcasts.binary_search(&address).is_ok()
    }

    /// The first address of `port` in the family of `like`.
    pub fn first(&self, port: usize, like: IpAddr) -> Option<IpAddr> {
        self.configured
            .iter()
            .find(|local| local.port == port && local.address.is_ipv4() == like.is_ipv4())
            .map(|local| local.address)
    }

    /// The address of `port` to speak to a neighbour with: one of a network that has it as well,
    /// else the first of its family.
    /// RFC 9293, MUST-44.
    pub fn towards(&self, port: usize, neighbor: IpAddr) -> Option<IpAddr> {
        let shares_network = |local: &&LocalAddress| {
            let network = masked(local.address, local.prefix_length);
            local.port == port
                && network.is_some()
                && network == masked(neighbor, local.prefix_length)
        };
        let of_network = self.configured.iter().find(shares_network);
        of_network
            .map(|local| local.address)
            .or_else(|| self.first(port, neighbor))
    }

    /// All of them, in the order of configuration.
    pub fn iter(&self) -> impl Iterator<Item = &LocalAddress> {
        self.configured.iter()
    }
}

/// Sorted by number; where one occurs twice, the first counts.
fn sorted<N: Ord + Copy>(addresses: impl Iterator<Item = (N, usize)>) -> Vec<(N, usize)> {
    let mut sorted: Vec<_> = addresses.collect();
    sorted.sort_by_key(|&(number, _)| number);
    sorted.dedup_by_key(|&mut (number, _)| number);
    sorted
}

#[inline]
fn find<N: Ord + Copy>(sorted: &[(N, usize)], number: N) -> Option<usize> {
    let found = sorted.binary_search_by_key(&number, |&(own, _)| own);
    Some(sorted.get(found.ok()?)?.1)
}

/// Both broadcast addresses of an IPv4 network that has any (RFC 3021: /31 and /32 have none).
fn directed_broadcasts(local: &LocalAddress) -> impl Iterator<Item = Ipv4Addr> + use<> {
    let forms = match local.address {
        IpAddr::V4(address) if local.prefix_length <= 30 => {
            let mask = u32::MAX
                .checked_shl(32 - u32::from(local.prefix_length))
                .unwrap_or(0);
            let network = address.to_bits() & mask;
            [Some(network | !mask), Some(network)]
        }
        _ => [None, None],
    };
    let own = local.address;
    let forms = forms.into_iter().flatten().map(Ipv4Addr::from_bits);
    forms.filter(move |&broadcast| IpAddr::V4(broadcast) != own)
}

#[cfg(test)]
mod tests;
