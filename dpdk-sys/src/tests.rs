//! The bindings' layout, made by libclang, against the C compiler's, with which the shim was built.

use std::mem::{align_of, offset_of, size_of};

use crate::*;

#[test]
fn bindings_and_c_compiler_agree_on_layout() {
    let ours = [
        size_of::<rte_mbuf>(),
        align_of::<rte_mbuf>(),
        size_of::<rte_ether_addr>(),
        size_of::<rte_eth_conf>(),
        offset_of!(rte_eth_conf, rxmode),
        offset_of!(rte_eth_conf, txmode),
        offset_of!(rte_eth_conf, rx_adv_conf),
        offset_of!(rte_eth_conf, intr_conf),
        size_of::<rte_eth_dev_info>(),
        offset_of!(rte_eth_dev_info, driver_name),
        offset_of!(rte_eth_dev_info, max_rx_queues),
        offset_of!(rte_eth_dev_info, reta_size),
        offset_of!(rte_eth_dev_info, default_rxconf),
        offset_of!(rte_eth_dev_info, default_txconf),
        size_of::<rte_eth_rxconf>(),
        offset_of!(rte_eth_rxconf, offloads),
        size_of::<rte_eth_txconf>(),
        offset_of!(rte_eth_txconf, offloads),
        size_of::<rte_eth_rss_conf>(),
        size_of::<rte_eth_rss_reta_entry64>(),
        size_of::<rte_eth_stats>(),
        size_of::<rte_fib_conf>(),
        offset_of!(rte_fib_conf, max_routes),
    ];
    for (index, our) in ours.iter().enumerate() {
        let index = u32::try_from(index).expect("a short table");
        // SAFETY: a pure function over a constant table; it checks the index itself.
        let theirs = unsafe { coremill_layout(index) };
        assert_eq!(*our, theirs, "entry {index} of the layout table in shim.c");
    }
    // SAFETY: as above.
    let beyond = unsafe { coremill_layout(u32::try_from(ours.len()).expect("a short table")) };
    assert_eq!(
        beyond,
        usize::MAX,
        "shim.c lists more entries than this test"
    );
}

#[test]
fn dpdk_that_runs_is_the_one_compiled_against() {
    // SAFETY: gives a constant string with a terminating zero.
    let version = unsafe { std::ffi::CStr::from_ptr(rte_version()) };
    let year_month = format!(
        "{}.{:02}",
        COREMILL_DPDK_VERSION >> 24,
        (COREMILL_DPDK_VERSION >> 16) & 0xff
    );
    assert!(
        version.to_string_lossy().contains(&year_month),
        "{version:?} is not {year_month}"
    );
}
