//! A port whose transmit side is its own receive side: one ring per queue behind DPDK's net_ring
//! driver. For measuring the whole stack without a kernel or a network card.

use std::ffi::CString;
use std::ptr::{self, NonNull};

use coremill_dpdk_sys as sys;

use super::EalError;
use super::error::last_error_text;
use crate::options::PortOptions;

/// The rings behind a looped-back port.
pub(super) struct RingLoopback {
    names: Vec<CString>,
}

impl RingLoopback {
    /// Makes the rings and a port over them; gives the port's id with them.
    pub(super) fn create(
        options: &PortOptions,
        index: usize,
        workers: usize,
    ) -> Result<(Self, u16), EalError> {
        let failure = |step| EalError::Port {
            port: options.name.clone(),
            step,
            reason: last_error_text(),
        };
        let mut loopback = Self {
            names: Vec::with_capacity(workers),
        };
        let mut rings: Vec<*mut sys::rte_ring> = Vec::with_capacity(workers);
        // A ring of n slots holds n - 1 packets.
        let slots = (u32::from(options.receive_descriptors) + 1).next_power_of_two();
        for queue in 0..workers {
            let name = plain_name(format!("coremill_{index}_{queue}"));
            // One worker is both ends of its ring.
            let flags = sys::COREMILL_RING_SINGLE_PRODUCER_CONSUMER;
            // SAFETY: EAL is started; the name is terminated and copied.
            let ring = unsafe { sys::rte_ring_create(name.as_ptr(), slots, SOCKET_ANY, flags) };
            if ring.is_null() {
                return Err(failure("making a ring"));
            }
            rings.push(ring);
            loopback.names.push(name);
        }
        let name = plain_name(format!("coremill{index}"));
        let count = u32::try_from(workers).unwrap_or(0);
        // SAFETY: the rings are live and stay so until `free`, after the port is closed; the
        // arrays hold `count` pointers and are copied.
        let port = unsafe {
            sys::rte_eth_from_rings(
                name.as_ptr(),
                rings.as_ptr(),
                count,
                rings.as_ptr(),
                count,
                0,
            )
        };
        match u16::try_from(port) {
            Ok(port) => Ok((loopback, port)),
            Err(_) => {
                let error = failure("making a port of rings");
                loopback.free();
                Err(error)
            }
        }
    }

    /// Frees packets that are still in the rings. The port must be stopped.
    pub(super) fn drain(&self) {
        for ring in self.rings() {
            let mut packet = ptr::null_mut();
            // SAFETY: the ring is live and holds nothing but packets, each given away to it by a
            // transmit; no worker uses it any more.
            unsafe {
                while sys::coremill_ring_take(ring.as_ptr(), &raw mut packet) != 0 {
                    sys::coremill_mbuf_free(packet);
                }
            }
        }
    }

    /// Frees the rings. The port must be closed.
    pub(super) fn free(&self) {
        for ring in self.rings() {
            // SAFETY: the ring is live, as it was just found by its name, and its port is closed.
            unsafe { sys::rte_ring_free(ring.as_ptr()) };
        }
    }

    /// Those rings that still exist: by name, since some releases of the driver free them.
    fn rings(&self) -> impl Iterator<Item = NonNull<sys::rte_ring>> {
        self.names.iter().filter_map(|name| {
            // SAFETY: EAL is started; the name is terminated.
            NonNull::new(unsafe { sys::rte_ring_lookup(name.as_ptr()) })
        })
    }
}

/// A terminated name of a text made here of letters and digits.
fn plain_name(text: String) -> CString {
    CString::new(text).unwrap_or_default()
}

const SOCKET_ANY: i32 = -1;
