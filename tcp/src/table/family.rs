//! The address families that light records are generic over, so that IPv4 pays for four bytes only.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::address::{Endpoint, Flow};

/// An IPv4 or IPv6 address.
pub(crate) trait Family: Copy + Eq + Debug + Into<IpAddr> {
    /// The address, when it is of this family.
    fn of(address: IpAddr) -> Option<Self>;
}

impl Family for Ipv4Addr {
    #[inline]
    fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(address) => Some(address),
            IpAddr::V6(_) => None,
        }
    }
}

impl Family for Ipv6Addr {
    #[inline]
    fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V6(address) => Some(address),
            IpAddr::V4(_) => None,
        }
    }
}

/// A flow whose both ends are of one family: 12 bytes for IPv4, 36 for IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CompactFlow<A> {
    local: A,
    remote: A,
    local_port: u16,
    remote_port: u16,
}

impl<A: Family> CompactFlow<A> {
    /// None when the flow is of another family.
    #[inline]
    pub(crate) fn of(flow: &Flow) -> Option<Self> {
        Some(Self {
            local: A::of(flow.local.address)?,
            remote: A::of(flow.remote.address)?,
            local_port: flow.local.port,
            remote_port: flow.remote.port,
        })
    }

    /// The flow as the rest of the shard knows it.
    #[inline]
    pub(crate) fn flow(&self) -> Flow {
        Flow {
            local: Endpoint::new(self.local.into(), self.local_port),
            remote: Endpoint::new(self.remote.into(), self.remote_port),
        }
    }
}
