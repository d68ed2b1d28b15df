//! What a user asks of the IP packets of a connection: IP_TOS, IP_TTL, IP_MINTTL, IP_MTU_DISCOVER.
//!
//! A user may choose them for each connection (RFC 9293, MUST-48 and MUST-49). A listener's go over
//! to what it accepts, and are those of its SYN-ACKs already.

use crate::limits::Limits;
use crate::packet::{Outgoing, Remarks};

/// Fields of the IP header, with Linux's defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IpFields {
    /// DSCP of what is sent: six bits (IP_TOS without its ECN bits, which are TCP's own).
    pub dscp: u8,
    /// Time to live of what is sent (IP_TTL); 0 for the shard's.
    pub ttl: u8,
    /// Segments with less time to live are dropped (IP_MINTTL, RFC 5082); 0 takes all.
    pub min_ttl: u8,
    /// IP_MTU_DISCOVER.
    pub path_mtu_discovery: PathMtuDiscovery,
}

/// What is done about a path that carries less than the link (RFC 1191, RFC 8201), as Linux's
/// IP_PMTUDISC_*.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PathMtuDiscovery {
    /// Routers are told not to fragment, and believed when they tell what would fit.
    #[default]
    Want,
    /// No discovery: IPv4 routers may fragment, and what they tell is ignored.
    Dont,
    /// As `Want`, also towards a path whose MTU is below the least that is believed.
    Do,
    /// Routers are told not to fragment, but not believed: for a user who probes himself.
    Probe,
}

impl PathMtuDiscovery {
    /// Linux's number of it; None for a number that is none of these.
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            0 => Some(Self::Dont),
            1 => Some(Self::Want),
            2 => Some(Self::Do),
            3 => Some(Self::Probe),
            _ => None,
        }
    }

    /// The number of it.
    pub const fn number(self) -> u64 {
        match self {
            Self::Dont => 0,
            Self::Want => 1,
            Self::Do => 2,
            Self::Probe => 3,
        }
    }

    /// ICMP errors change the size of segments.
    pub(crate) const fn believes_routers(self) -> bool {
        matches!(self, Self::Want | Self::Do)
    }
}

impl IpFields {
    /// Nothing is asked for.
    pub const DEFAULT: Self = Self {
        dscp: 0,
        ttl: 0,
        min_ttl: 0,
        path_mtu_discovery: PathMtuDiscovery::Want,
    };

    /// With the DSCP of a TOS byte: its ECN bits are left to TCP (as Linux does for a stream).
    /// RFC 9293, SHLD-21.
    pub const fn with_tos(self, tos: u8) -> Self {
        Self {
            dscp: tos >> 2,
            ..self
        }
    }

    /// The TOS byte that holds the DSCP.
    /// RFC 9293, MUST-48, SHLD-22.
    pub const fn tos(self) -> u8 {
        self.dscp << 2
    }

    /// True for a segment that came from further away than the user allows (RFC 5082, section 3).
    #[inline]
    pub(crate) const fn rejects(self, ttl: u8) -> bool {
        ttl < self.min_ttl
    }

    /// Puts them on a segment.
    #[inline]
    pub(crate) fn mark(self, outgoing: &mut Outgoing, limits: &Limits) {
        outgoing.dscp = self.dscp;
        outgoing.ttl = if self.ttl == 0 { limits.ttl } else { self.ttl };
        let discovers_nothing = matches!(self.path_mtu_discovery, PathMtuDiscovery::Dont);
        outgoing
            .remarks
            .add_if(Remarks::MAY_FRAGMENT, discovers_nothing);
    }
}

#[cfg(test)]
mod tests;
