//! A port's counters: the driver's, and our own of what was dropped at its edge.

use std::sync::atomic::{AtomicU64, Ordering};

use coremill_dpdk_sys as sys;

use crate::nic::PortStatistics;

/// Packets dropped between driver and stack; both are rare, so workers share the counters.
#[derive(Debug, Default)]
pub(super) struct Discards {
    segmented: AtomicU64,
    unprepared: AtomicU64,
}

impl Discards {
    /// A packet in several pieces could not be made one.
    pub(super) fn count_segmented(&self) {
        self.segmented.fetch_add(1, Ordering::Relaxed);
    }

    /// The driver refused to prepare a packet for its offloads.
    pub(super) fn count_unprepared(&self) {
        self.unprepared.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads the counters of port `id`; those of the driver are zero where it refuses.
pub(super) fn read(id: u16, discards: &Discards) -> PortStatistics {
    let mut driver = sys::rte_eth_stats::default();
    // SAFETY: the structure is ours and written by the call only; an unknown port is an error.
    let result = unsafe { sys::rte_eth_stats_get(id, &raw mut driver) };
    if result != 0 {
        driver = sys::rte_eth_stats::default();
    }
    PortStatistics {
        received_packets: driver.ipackets,
        received_bytes: driver.ibytes,
        transmitted_packets: driver.opackets,
        transmitted_bytes: driver.obytes,
        receive_missed: driver.imissed,
        receive_errors: driver.ierrors,
        receive_no_buffer: driver.rx_nombuf,
        transmit_errors: driver.oerrors,
        segmented_discarded: discards.segmented.load(Ordering::Relaxed),
        unprepared_discarded: discards.unprepared.load(Ordering::Relaxed),
    }
}
