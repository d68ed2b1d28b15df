//! An address with the length of its network's prefix, such as `192.0.2.1/24`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// An address and a prefix length that fits its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// The address, host part included.
    pub address: IpAddr,
    /// Bits of the network part: up to 32 for IPv4, 128 for IPv6.
    pub prefix_length: u8,
}

impl Network {
    /// Whether `other` lies in this network.
    pub fn contains(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let mask = mask_v4(self.prefix_length);
                own.to_bits() & mask == other.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let mask = mask_v6(self.prefix_length);
                own.to_bits() & mask == other.to_bits() & mask
            }
            _ => false,
        }
    }

    /// Whether a host can have the address: an IPv4 network's first and last one stand for all of
    /// its hosts (RFC 1122, 3.2.1.3), but for networks of one or two addresses (RFC 3021).
    pub fn is_of_host(&self) -> bool {
        match self.address {
            IpAddr::V4(own) if self.prefix_length < 31 => {
                let hosts = u32::MAX >> self.prefix_length;
                !matches!(own.to_bits() & hosts, part if part == 0 || part == hosts)
            }
            _ => true,
        }
    }

    /// The first address of the network, which has no host part.
    pub fn base(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(own) => IpAddr::V4((own.to_bits() & mask_v4(self.prefix_length)).into()),
            IpAddr::V6(own) => IpAddr::V6((own.to_bits() & mask_v6(self.prefix_length)).into()),
        }
    }
}

/// The bits of the network part; all of them for a length that is none.
fn mask_v4(length: u8) -> u32 {
    let host_bits = u32::BITS.saturating_sub(length.into());
    u32::MAX.checked_shl(host_bits).unwrap_or(0)
}

fn mask_v6(length: u8) -> u128 {
    let host_bits = u128::BITS.saturating_sub(length.into());
    u128::MAX.checked_shl(host_bits).unwrap_or(0)
}

impl FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, length) = text.split_once('/').ok_or(())?;
        let address: IpAddr = address.parse().map_err(|_| ())?;
        let prefix_length: u8 = length.parse().map_err(|_| ())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        if prefix_length > longest || length.starts_with('+') {
            return Err(());
        }
        Ok(Self {
            address,
            prefix_length,
        })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_length)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|()| de::Error::custom(format!("`{text}` is not {FORM}")))
    }
}

/// What an address with prefix length looks like.
pub const FORM: &str = "an address with prefix length, such as \"192.0.2.1/24\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership_goes_by_the_prefix() {
        let network: Network = "192.0.2.1/24".parse().unwrap();
        assert!(network.contains("192.0.2.254".parse().unwrap()));
        assert!(!network.contains("192.0.3.1".parse().unwrap()));
        assert!(!network.contains("2001:db8::1".parse().unwrap()));
        assert_eq!(network.base().to_string(), "192.0.2.0");
        let all: Network = "::/0".parse().unwrap();
        assert!(all.contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn a_length_that_is_none_masks_nothing() {
        let address = "192.0.2.1".parse().unwrap();
        let network = Network {
            address,
            prefix_length: 255,
        };
        assert!(network.contains(address) && network.base() == address);
    }

    #[test]
    fn hosts_lie_between_first_and_last() {
        let host = |text: &str| text.parse::<Network>().unwrap().is_of_host();
        for wrong in [
            "192.0.2.0/24",
            "192.0.2.255/24",
            "10.3.255.255/14",
            "0.0.0.0/0",
        ] {
            assert!(!host(wrong), "{wrong}");
        }
        for right in [
            "192.0.2.1/24",
            "192.0.2.0/31",
            "192.0.2.255/32",
            "10.0.0.255/8",
            "::/64",
        ] {
            assert!(host(right), "{right}");
        }
    }

    #[test]
    fn bad_forms_are_refused() {
        for text in [
            "192.0.2.1",
            "192.0.2.1/33",
            "::1/129",
            "192.0.2/24",
            "a/8",
            "1.2.3.4/-1",
            "1.2.3.4/+8",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
