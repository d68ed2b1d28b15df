//! Where packets leave: the seam [`Routes`], and [`PlainRoutes`], a bounded sorted table behind it.
//!
//! Each change gives the table another generation, so that paths found before are looked up anew.

use std::net::IpAddr;

/// A network and the way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Destination network; bits beyond the prefix are zero.
    pub network: IpAddr,
    /// Its prefix length.
    pub prefix_length: u8,
    /// Next hop; None when the network is on the link.
    pub gateway: Option<IpAddr>,
    /// Index of the port.
    pub port: usize,
    /// Source address for active opens and ICMP errors of ours.
    pub source: IpAddr,
    /// Packets to our own addresses in it go through the port instead of staying inside.
    pub local_through_port: bool,
}

impl Route {
    /// The neighbour to hand a packet for `destination` to.
    #[inline]
    pub fn next_hop(&self, destination: IpAddr) -> IpAddr {
        self.gateway.unwrap_or(destination)
    }
}

/// Why a route was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The table is full.
    #[error("the route table is full ({0} routes): remove one first")]
    Full(usize),
    /// Longer than the address.
    #[error("prefix length {0} is longer than the address: at most 32 for IPv4, 128 for IPv6")]
    PrefixTooLong(u8),
    /// Network, gateway and source are of both families.
    #[error("network, gateway and source must be of one family")]
    MixedFamilies,
    /// No such route.
    #[error("no route to this network: see `coremill routes`")]
    NotFound,
}

/// A table of routes, as a worker uses it.
pub trait Routes {
    /// The route with the longest prefix that contains `destination`.
    fn lookup(&self, destination: IpAddr) -> Option<Route>;

    /// Adds a route, or replaces the one to the same network; bits beyond the prefix are cleared.
    fn add(&mut self, route: Route) -> Result<(), RouteError>;

    /// Removes the route to a network.
    fn remove(&mut self, network: IpAddr, prefix_length: u8) -> Result<(), RouteError>;

    /// Shows all routes, longest prefix first.
    fn rows(&self, visit: &mut dyn FnMut(Route));

    /// Changes with each change of the table.
    fn generation(&self) -> u32;
}

/// A bounded table, sorted by prefix length: the first match is the longest.
#[derive(Clone, Debug)]
pub struct PlainRoutes {
    routes: Vec<Route>,
    routes_max: usize,
    generation: u32,
}

impl PlainRoutes {
    /// An empty table with room for `routes_max` routes.
    pub fn new(routes_max: usize) -> Self {
        Self {
            routes: Vec::with_capacity(routes_max),
            routes_max,
            generation: 0,
        }
    }

    fn position(&self, network: IpAddr, prefix_length: u8) -> Option<usize> {
        self.routes
            .iter()
            .position(|route| route.network == network && route.prefix_length == prefix_length)
    }
}

impl Routes for PlainRoutes {
    fn lookup(&self, destination: IpAddr) -> Option<Route> {
        self.routes
            .iter()
            .find(|route| masked(destination, route.prefix_length) == Some(route.network))
            .copied()
    }

    fn add(&mut self, mut route: Route) -> Result<(), RouteError> {
        let too_long = RouteError::PrefixTooLong(route.prefix_length);
        route.network = masked(route.network, route.prefix_length).ok_or(too_long)?;
        let v4 = route.network.is_ipv4();
        if route.source.is_ipv4() != v4 || route.gateway.is_some_and(|via| via.is_ipv4() != v4) {
            return Err(RouteError::MixedFamilies);
        }
        if let Some(position) = self.position(route.network, route.prefix_length) {
            self.routes.remove(position);
        } else if self.routes.len() == self.routes_max {
            return Err(RouteError::Full(self.routes_max));
        }
        let longer = |other: &Route| other.prefix_length >= route.prefix_length;
        let position = self.routes.partition_point(longer);
        self.routes.insert(position, route);
        self.generation = self.generation.wrapping_add(1);
        Ok(())
    }

    fn remove(&mut self, network: IpAddr, prefix_length: u8) -> Result<(), RouteError> {
        let network =
            masked(network, prefix_length).ok_or(RouteError::PrefixTooLong(prefix_length))?;
        let position = self
            .position(network, prefix_length)
            .ok_or(RouteError::NotFound)?;
        self.routes.remove(position);
        self.generation = self.generation.wrapping_add(1);
        Ok(())
    }

    fn rows(&self, visit: &mut dyn FnMut(Route)) {
        self.routes.iter().for_each(|route| visit(*route));
    }

    fn generation(&self) -> u32 {
        self.generation
    }
}

/// The network of `address` with a prefix of this length; None when it is longer than the address.
pub fn masked(address: IpAddr, prefix_length: u8) -> Option<IpAddr> {
    let prefix_length = u32::from(prefix_length);
    match address {
        IpAddr::V4(address) => {
            let beyond = 32u32.checked_sub(prefix_length)?;
            let mask = u32::MAX.checked_shl(beyond).unwrap_or(0);
            Some(IpAddr::V4((address.to_bits() & mask).into()))
        }
        IpAddr::V6(address) => {
            let beyond = 128u32.checked_sub(prefix_length)?;
            let mask = u128::MAX.checked_shl(beyond).unwrap_or(0);
            Some(IpAddr::V6((address.to_bits() & mask).into()))
        }
    }
}

#[cfg(test)]
mod tests;
