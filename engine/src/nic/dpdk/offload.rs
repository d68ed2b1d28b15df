//! Which offloads of a port are used. What is enabled here is what [`Capabilities`] says; whether a
//! received packet's checksum was verified is read from the packet itself, so that a driver that
//! promises and does not deliver only costs the check in software.

use coremill_dpdk_sys as sys;

use crate::nic::Capabilities;
use crate::options::Device;

/// The offloads switched on for a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offloads {
    /// Bits for `rxmode.offloads`.
    pub receive: u64,
    /// Bits for `txmode.offloads`.
    pub transmit: u64,
}

impl Offloads {
    /// Those of the offered ones that Coremill has a use for; with `cuts` segmentation too.
    pub(super) fn choose(receive_offered: u64, transmit_offered: u64, cuts: bool) -> Self {
        // Segments are cut with both checksums, or not at all.
        let needed = sys::COREMILL_TX_OFFLOAD_TCP_SEGMENTATION
            | sys::COREMILL_TX_OFFLOAD_IPV4_CHECKSUM
            | sys::COREMILL_TX_OFFLOAD_TCP_CHECKSUM;
        // Fast free asks that all packets come from one pool, have one reference and one segment: ours do, but those
        // that are cut have a pool of their own.
        let pool = if cuts && transmit_offered & needed == needed {
            sys::COREMILL_TX_OFFLOAD_TCP_SEGMENTATION
        } else {
            sys::COREMILL_TX_OFFLOAD_FAST_FREE
        };
        Self {
            receive: receive_offered
                & (sys::COREMILL_RX_OFFLOAD_IPV4_CHECKSUM
                    | sys::COREMILL_RX_OFFLOAD_TCP_CHECKSUM
                    | sys::COREMILL_RX_OFFLOAD_RSS_HASH),
            transmit: transmit_offered
                & (sys::COREMILL_TX_OFFLOAD_IPV4_CHECKSUM
                    | sys::COREMILL_TX_OFFLOAD_TCP_CHECKSUM
                    | pool),
        }
    }

    /// Without the RSS hash, which drivers accept only together with RSS.
    pub(super) fn without_hash(self) -> Self {
        Self {
            receive: self.receive & !sys::COREMILL_RX_OFFLOAD_RSS_HASH,
            ..self
        }
    }

    /// What they amount to for the layers above.
    pub(super) fn capabilities(self) -> Capabilities {
        Capabilities {
            receive_ipv4_checksum: self.receive & sys::COREMILL_RX_OFFLOAD_IPV4_CHECKSUM != 0,
            receive_tcp_checksum: self.receive & sys::COREMILL_RX_OFFLOAD_TCP_CHECKSUM != 0,
            transmit_ipv4_checksum: self.transmit & sys::COREMILL_TX_OFFLOAD_IPV4_CHECKSUM != 0,
            transmit_tcp_checksum: self.transmit & sys::COREMILL_TX_OFFLOAD_TCP_CHECKSUM != 0,
            transmit_tcp_segmentation: self.transmit & sys::COREMILL_TX_OFFLOAD_TCP_SEGMENTATION
                != 0,
            receive_steering: false,
        }
    }
}

/// False for devices that do not cut segments, or promise to and do not: net_tap compares a segment with its Ethernet
/// header to the MTU, so that it refuses full ones (DPDK 22.11).
pub(super) fn may_cut(device: &Device) -> bool {
    match device {
        Device::RingLoopback => false,
        Device::Virtual(arguments) => !arguments.starts_with("net_tap"),
        Device::Pci(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_offered_and_useful_is_chosen() {
        let chosen = Offloads::choose(u64::MAX, 0, true);
        assert_eq!(chosen.receive & sys::COREMILL_RX_OFFLOAD_SCATTER, 0);
        assert_eq!(chosen.transmit, 0);
        let capabilities = chosen.capabilities();
        assert!(capabilities.receive_ipv4_checksum && capabilities.receive_tcp_checksum);
        assert!(!capabilities.transmit_ipv4_checksum && !capabilities.transmit_tcp_checksum);
        assert_eq!(
            Offloads::choose(0, 0, true).capabilities(),
            Capabilities::default()
        );
    }

    #[test]
    fn packets_of_two_pools_are_not_freed_fast() {
        let of = |transmit, cuts| Offloads::choose(0, transmit, cuts).transmit;
        let (cut, fast) = (
            sys::COREMILL_TX_OFFLOAD_TCP_SEGMENTATION,
            sys::COREMILL_TX_OFFLOAD_FAST_FREE,
        );
        assert_eq!(of(u64::MAX, true) & (cut | fast), cut);
        assert_eq!(of(u64::MAX, false) & (cut | fast), fast);
        // Not without the checksums of what is cut.
        assert_eq!(of(cut | fast, true), fast);
    }

    #[test]
    fn the_hash_can_be_left_out() {
        let hash = sys::COREMILL_RX_OFFLOAD_RSS_HASH;
        let chosen = Offloads::choose(u64::MAX, u64::MAX, false);
        assert_eq!(chosen.receive & hash, hash);
        assert_eq!(chosen.without_hash().receive & hash, 0);
        assert_eq!(chosen.without_hash().transmit, chosen.transmit);
    }
}
