//! The packet pool shared by all ports, and the rule by which its memory outlives every packet.

use std::ptr::NonNull;

use coremill_dpdk_sys as sys;

use super::EalError;
use super::error::last_error_text;
use crate::nic::LARGE_BYTES;
use crate::options::PortOptions;

/// One pool of packets, with a cache per registered thread.
pub(super) struct Pool {
    raw: NonNull<sys::rte_mempool>,
    packets: u32,
}

// SAFETY: DPDK's pools are made for use by many threads at once (multi-producer, multi-consumer
// ring behind per-lcore caches); the pointer itself never changes.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    /// Reserves `packets` packets, each with room for an IP packet of `mtu` bytes.
    pub(super) fn reserve(
        packets: u32,
        mtu: u16,
        ports: &[PortOptions],
        workers: usize,
    ) -> Result<Self, EalError> {
        let cache = cache_size(packets, ports, workers)?;
        let room = data_room(mtu);
        // SAFETY: EAL is started; the name is a terminated constant.
        let raw = unsafe {
            sys::rte_pktmbuf_pool_create(
                c"coremill_packets".as_ptr(),
                packets,
                cache,
                0,
                room,
                SOCKET_ANY,
            )
        };
        match NonNull::new(raw) {
            Some(raw) => Ok(Self { raw, packets }),
            None => Err(EalError::Pool {
                packets,
                bytes: room.into(),
                reason: last_error_text(),
            }),
        }
    }

    /// Reserves packets with room for [`LARGE_BYTES`], for ports that cut what they send; None without memory for
    /// them: then nothing is cut.
    pub(super) fn reserve_large(workers: usize) -> Option<Self> {
        let packets = u32::try_from(workers)
            .unwrap_or(u32::MAX)
            .saturating_mul(LARGE_PER_WORKER);
        // SAFETY: EAL is started; the name is a terminated constant.
        let raw = unsafe {
            sys::rte_pktmbuf_pool_create(
                c"coremill_large".as_ptr(),
                packets,
                LARGE_PER_WORKER / 4,
                0,
                sys::COREMILL_HEADROOM + LARGE_BYTES,
                SOCKET_ANY,
            )
        };
        NonNull::new(raw).map(|raw| Self { raw, packets })
    }

    pub(super) fn as_ptr(&self) -> *mut sys::rte_mempool {
        self.raw.as_ptr()
    }

    /// Packets in the pool altogether.
    pub(super) fn packets(&self) -> usize {
        self.packets as usize
    }

    /// Packets that are free now, those in threads' caches included.
    pub(super) fn free(&self) -> usize {
        // SAFETY: the pool lives as long as self; the count is only read.
        unsafe { sys::rte_mempool_avail_count(self.raw.as_ptr()) as usize }
    }

    /// Gives the memory back if no packet is out; otherwise keeps it for the rest of the process,
    /// so that no packet is ever left pointing into freed memory. Gives whether it was freed.
    pub(super) fn release(&mut self) -> bool {
        if self.free() != self.packets() {
            return false;
        }
        // SAFETY: every packet is back, so nothing points into the pool; ports that could take new
        // ones are closed, as the caller is the environment that is being dropped.
        unsafe { sys::rte_mempool_free(self.raw.as_ptr()) };
        true
    }
}

/// Bytes for a packet's data: headroom, Ethernet header with two VLAN tags and checksum, the MTU;
/// at least DPDK's usual 2048 behind the headroom, which some drivers insist on.
fn data_room(mtu: u16) -> u16 {
    let frame = mtu.saturating_add(14 + 8 + 4).max(2048);
    frame.saturating_add(sys::COREMILL_HEADROOM)
}

/// A cache size for each thread, so that all caches and all descriptors being full still leaves
/// packets for everyone: a cache may hold one and a half times its size.
fn cache_size(packets: u32, ports: &[PortOptions], workers: usize) -> Result<u32, EalError> {
    let workers = u32::try_from(workers).unwrap_or(u32::MAX);
    let per_worker = |port: &PortOptions| {
        u32::from(port.receive_descriptors) + u32::from(port.transmit_descriptors)
    };
    let descriptors = ports
        .iter()
        .map(per_worker)
        .sum::<u32>()
        .saturating_mul(workers);
    let needed = descriptors.saturating_add(workers.saturating_mul(BURSTS));
    let Some(spare) = packets.checked_sub(needed) else {
        return Err(EalError::PoolTooSmall {
            needed,
            given: packets,
        });
    };
    let share = spare / workers.saturating_add(1).saturating_mul(3);
    Ok(share.min(CACHE_MAX).min(packets / 2))
}

/// Two megabytes for each worker: more than a turn sends.
const LARGE_PER_WORKER: u32 = 64;
/// Packets that each worker may have in hand in a turn besides those in queues.
const BURSTS: u32 = 128;
/// Eight bursts of 32: most turns then touch the shared ring behind the cache not at all.
const CACHE_MAX: u32 = 256;
const SOCKET_ANY: i32 = -1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Device;

    fn ports(count: usize) -> Vec<PortOptions> {
        let port = PortOptions {
            name: String::from("p"),
            device: Device::RingLoopback,
            addresses: Vec::new(),
            mtu: None,
            receive_descriptors: 512,
            transmit_descriptors: 512,
            segmentation: true,
        };
        vec![port; count]
    }

    #[test]
    fn caches_leave_packets_for_everyone() {
        for workers in 1..=16 {
            let packets = 40_000;
            let cache = cache_size(packets, &ports(2), workers).expect("fits");
            let held = (workers as u32 + 1) * cache * 3 / 2 + workers as u32 * (2048 + BURSTS);
            assert!(held <= packets, "{workers} workers: {held} held");
        }
    }

    #[test]
    fn too_small_a_pool_is_refused_with_the_number_needed() {
        let error = cache_size(1_000, &ports(1), 2).expect_err("too small");
        assert!(
            matches!(
                error,
                EalError::PoolTooSmall {
                    needed: 2304,
                    given: 1_000
                }
            ),
            "{error}"
        );
    }

    #[test]
    fn room_grows_with_the_mtu_only_beyond_the_usual() {
        assert_eq!(data_room(1500), 2048 + 128);
        assert_eq!(data_room(9000), 9026 + 128);
        assert_eq!(data_room(u16::MAX), u16::MAX);
    }
}
