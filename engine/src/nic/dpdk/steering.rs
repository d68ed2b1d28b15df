//! Receive-side scaling with the engine's own key and table, so that packets arrive at the worker
//! that owns their flow. Where a port has none, workers hand packets to each other.

use coremill_dpdk_sys as sys;

use super::EalError;
use super::error::error_text;

/// How a port spreads received packets over its queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveSteering {
    /// Not by a rule that we know (or there is one queue only).
    Unknown,
    /// By the Toeplitz hash with our key over our table.
    Ours,
}

/// What a driver says about its RSS.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offered {
    /// Entries of the redirection table.
    pub(super) table_size: u16,
    /// Bytes of the key.
    pub(super) key_size: u8,
    /// Hash functions to use: those of ours that are offered.
    pub(super) functions: u64,
}

impl Offered {
    /// What of it can be used. tap promises RSS but has none: the kernel sends a flow to the queue
    /// that last sent it.
    pub(super) fn of(driver: &str, information: &sys::rte_eth_dev_info) -> Self {
        if driver == "net_tap" {
            return Self::default();
        }
        // Addresses and ports of TCP; what has no ports in it (fragments, ICMP) by addresses.
        let useful =
            sys::COREMILL_RSS_IPV4_TCP | sys::COREMILL_RSS_IPV6_TCP | sys::COREMILL_RSS_IPV4;
        Self {
            table_size: information.reta_size,
            key_size: information.hash_key_size,
            functions: information.flow_type_rss_offloads & useful,
        }
    }

    /// Can our key and table be used?
    pub(super) fn usable(&self) -> bool {
        let tcp = self.functions & sys::COREMILL_RSS_IPV4_TCP != 0;
        tcp && self.table_size > 0 && matches!(self.key_size, 0 | 40 | 52)
    }
}

/// Gives port `id` our key and table; Unknown where it has no usable RSS or refuses.
pub(super) fn program(
    id: u16,
    name: &str,
    offered: &Offered,
    key: &[u8; 40],
    table: &[u16],
) -> Result<ReceiveSteering, EalError> {
    if !offered.usable() {
        return Ok(ReceiveSteering::Unknown);
    }
    let size = usize::from(offered.table_size);
    if table.is_empty() || !size.is_multiple_of(table.len()) {
        return Err(EalError::Port {
            port: name.to_string(),
            step: "filling the redirection table",
            reason: format!(
                "{} entries do not divide the port's table of {size}",
                table.len()
            ),
        });
    }
    // A longer key serves longer inputs (IPv6 with tunnels); the hash of ours needs 40 bytes.
    let mut key_bytes = [0; 52];
    key_bytes[..key.len()].copy_from_slice(key);
    let key_length = if offered.key_size == 0 {
        40
    } else {
        offered.key_size
    };
    #[allow(clippy::needless_update, reason = "DPDK 24.11 has more fields")]
    let mut configuration = sys::rte_eth_rss_conf {
        rss_key: key_bytes.as_mut_ptr(),
        rss_key_len: key_length,
        rss_hf: offered.functions,
        ..Default::default()
    };
    // SAFETY: the key has 52 bytes, at least the length given, and is copied by the call.
    let result = unsafe { sys::rte_eth_dev_rss_hash_update(id, &raw mut configuration) };
    if result != 0 {
        return Ok(ReceiveSteering::Unknown);
    }
    let mut groups = redirection(offered.table_size, table);
    // SAFETY: `groups` covers `table_size` entries.
    let result =
        unsafe { sys::rte_eth_dev_rss_reta_update(id, groups.as_mut_ptr(), offered.table_size) };
    if result == 0 {
        return Ok(ReceiveSteering::Ours);
    }
    Err(EalError::Port {
        port: name.to_string(),
        step: "filling the redirection table",
        reason: error_text(result),
    })
}

/// The port's table as DPDK wants it: groups of 64 entries, all of them to be set.
fn redirection(size: u16, table: &[u16]) -> Vec<sys::rte_eth_rss_reta_entry64> {
    let group_size = sys::COREMILL_RETA_GROUP as usize;
    let mut entries = table.iter().copied().cycle().take(usize::from(size));
    let mut groups = Vec::new();
    for _ in 0..usize::from(size).div_ceil(group_size) {
        let mut group = sys::rte_eth_rss_reta_entry64::default();
        for (bit, slot) in group.reta.iter_mut().enumerate() {
            let Some(queue) = entries.next() else { break };
            *slot = queue;
            group.mask |= 1 << bit;
        }
        groups.push(group);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_repeated_over_all_groups() {
        let groups = redirection(128, &[0, 1, 2, 3]);
        assert_eq!(groups.len(), 2);
        for group in &groups {
            assert_eq!(group.mask, u64::MAX);
            assert_eq!(group.reta[..6], [0, 1, 2, 3, 0, 1]);
        }
    }

    #[test]
    fn a_small_table_sets_only_its_own_entries() {
        let groups = redirection(16, &[1, 0]);
        assert_eq!(groups.len(), 1);
        assert_eq!(groups[0].mask, 0xffff);
        assert_eq!(groups[0].reta[15], 0);
    }

    #[test]
    fn tap_is_not_believed() {
        let information = sys::rte_eth_dev_info {
            reta_size: 128,
            hash_key_size: 40,
            flow_type_rss_offloads: u64::MAX,
            ..Default::default()
        };
        assert!(!Offered::of("net_tap", &information).usable());
        assert!(Offered::of("net_ixgbe", &information).usable());
    }
}
