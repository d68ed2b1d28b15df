//! Raw bindings to the part of DPDK that Coremill uses.
