//! A thread known to DPDK: it has an lcore id of its own and with it a cache of packets.

use std::marker::PhantomData;

use coremill_dpdk_sys as sys;

use super::error::last_error_text;
use super::{Eal, EalError};

/// Registration of the calling thread; dropping it, on the same thread, takes it back.
#[derive(Debug)]
pub struct WorkerRegistration {
    /// EAL must outlive the registration.
    _eal: Eal,
    /// The registration is the thread's: it may not be dropped on another.
    _not_send: PhantomData<*mut ()>,
}

impl WorkerRegistration {
    pub(super) fn new(eal: Eal) -> Result<Self, EalError> {
        // SAFETY: EAL is started, as `eal` proves; a thread that is registered already, or is
        // EAL's own, keeps its id and the call says so.
        if unsafe { sys::rte_thread_register() } != 0 {
            return Err(EalError::Register {
                reason: last_error_text(),
            });
        }
        Ok(Self {
            _eal: eal,
            _not_send: PhantomData,
        })
    }

    /// The thread's lcore id in DPDK.
    pub fn lcore(&self) -> Option<u32> {
        // SAFETY: reads a variable of this thread.
        let id = unsafe { sys::coremill_lcore_id() };
        (id != sys::COREMILL_LCORE_ANY).then_some(id)
    }
}

impl Drop for WorkerRegistration {
    fn drop(&mut self) {
        // SAFETY: this is the thread that was registered, as the type is not Send; EAL is still
        // there, as fields are dropped after this.
        unsafe { sys::rte_thread_unregister() };
    }
}
