//! A worker's queue pair of a DPDK port: bursts in, bursts out.

use std::mem;
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use coremill_dpdk_sys as sys;

use super::Mbuf;
use super::eal::Environment;
use super::statistics::Discards;
use crate::nic::{Capabilities, Port};

/// One queue pair of a started port. Only one `DpdkPort` exists for it at a time.
pub struct DpdkPort {
    pub(super) environment: Arc<Environment>,
    pub(super) index: usize,
    pub(super) id: u16,
    pub(super) queue: u16,
    pub(super) mac: [u8; 6],
    pub(super) mtu: u16,
    pub(super) capabilities: Capabilities,
    pub(super) interrupt: Option<RawFd>,
    pub(super) discards: Arc<Discards>,
    /// It receives what it sends itself.
    pub(super) is_looped: bool,
    armed: bool,
    burst: [*mut sys::rte_mbuf; BURST_MAX],
}

// SAFETY: a queue pair may be used by any one thread at a time; `&mut self` in all calls that touch
// it sees to that, and `burst` is empty between calls.
unsafe impl Send for DpdkPort {}

/// What makes up a queue pair.
pub(super) struct Parts {
    pub(super) environment: Arc<Environment>,
    pub(super) index: usize,
    pub(super) id: u16,
    pub(super) queue: u16,
    pub(super) mac: [u8; 6],
    pub(super) mtu: u16,
    pub(super) capabilities: Capabilities,
    pub(super) interrupt: Option<RawFd>,
    pub(super) discards: Arc<Discards>,
    /// It receives what it sends itself.
    pub(super) is_looped: bool,
}

impl DpdkPort {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts {
            environment,
            index,
            id,
            queue,
            mac,
            mtu,
            capabilities,
            interrupt,
            discards,
            is_looped,
        } = parts;
        let burst = [ptr::null_mut(); BURST_MAX];
        Self {
            environment,
            index,
            id,
            queue,
            mac,
            mtu,
            capabilities,
            interrupt,
            discards,
            is_looped,
            armed: false,
            burst,
        }
    }

    /// Makes a received packet ours, in one piece; None when that fails and it was dropped.
    fn adopt(&self, raw: *mut sys::rte_mbuf) -> Option<Mbuf> {
        let raw = NonNull::new(raw)?;
        // SAFETY: the driver gave the packet away, so it is live and ours. One of several pieces is made one, and dropped
        // where that fails, before anybody else sees it.
        let mut packet = unsafe { Mbuf::from_raw(raw) };
        // SAFETY: the packet is live and ours; making it one piece keeps the first segment.
        if !packet.is_whole() && unsafe { sys::coremill_mbuf_linearize(raw.as_ptr()) } != 0 {
            self.discards.count_segmented();
            return None;
        }
        let Capabilities {
            receive_ipv4_checksum,
            receive_tcp_checksum,
            receive_steering,
            ..
        } = self.capabilities;
        if self.is_looped {
            packet.vouch();
        } else if !(receive_ipv4_checksum || receive_tcp_checksum || receive_steering) {
            // One from another ring still carries the sender's flags.
            packet.clear_flags();
        }
        Some(packet)
    }
}

impl Port for DpdkPort {
    type Buffer = Mbuf;

    fn receive(&mut self, into: &mut Vec<Mbuf>, max: usize) -> usize {
        let max = max.min(into.capacity() - into.len());
        let mut received = 0;
        while received < max {
            let asked = (max - received).min(BURST_MAX);
            // SAFETY: `burst` has room for `asked` pointers; port and queue are started and this
            // is the only user of the queue. The packets given are ours from here on.
            let got = usize::from(unsafe {
                sys::coremill_receive_burst(
                    self.id,
                    self.queue,
                    self.burst.as_mut_ptr(),
                    // At most BURST_MAX.
                    asked as u16,
                )
            });
            let got = got.min(asked);
            // One after the other they would each be waited for.
            let headers = self.burst.get(..got).unwrap_or_default();
            headers.iter().for_each(|raw| Mbuf::fetch_header(*raw));
            for index in 0..got {
                let Some(&raw) = self.burst.get(index) else {
                    break;
                };
                if let Some(packet) = self.adopt(raw) {
                    packet.fetch_data();
                    into.push(packet);
                    received += 1;
                }
            }
            if got < asked {
                break;
            }
        }
        received
    }

    fn transmit(&mut self, from: &mut Vec<Mbuf>) -> usize {
        let mut sent = 0;
        while sent < from.len() {
            let rest = &mut from[sent..];
            let asked = u16::try_from(rest.len()).unwrap_or(u16::MAX);
            // An Mbuf is a pointer to its packet and nothing else.
            let packets = rest.as_mut_ptr().cast::<*mut sys::rte_mbuf>();
            // SAFETY: `packets` are `asked` live packets owned by `from`, in a port and queue that
            // only self uses. Preparing changes the packets' own fields only.
            let ready =
                unsafe { sys::coremill_transmit_prepare(self.id, self.queue, packets, asked) };
            if ready == 0 {
                // The foremost can never be sent; what is behind it may be.
                self.discards.count_unprepared();
                drop(from.remove(sent));
                continue;
            }
            // SAFETY: as above. The driver takes over those packets that it counts.
            let taken =
                unsafe { sys::coremill_transmit_burst(self.id, self.queue, packets, ready) };
            sent += usize::from(taken);
            if taken < ready {
                break;
            }
        }
        // The driver owns these now: neither freed nor kept.
        from.drain(..sent).for_each(mem::forget);
        sent
    }

    fn allocate(&mut self) -> Option<Mbuf> {
        self.environment.pool_ptr().and_then(from_pool)
    }

    fn renew(&mut self, packet: &mut Mbuf) -> bool {
        let pool = self.environment.pool_ptr();
        pool.is_some_and(|pool| packet.renew(pool))
    }

    fn allocate_large(&mut self) -> Option<Mbuf> {
        self.environment.large_ptr().and_then(from_pool)
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    fn mac(&self) -> [u8; 6] {
        self.mac
    }

    fn mtu(&self) -> u16 {
        self.mtu
    }

    fn receive_interrupt(&self) -> Option<BorrowedFd<'_>> {
        // SAFETY: the driver keeps the descriptor open as long as the port is started, and that is
        // as long as self holds the environment.
        self.interrupt
            .map(|descriptor| unsafe { BorrowedFd::borrow_raw(descriptor) })
    }

    fn arm_receive_interrupt(&mut self) {
        if self.interrupt.is_some() {
            // SAFETY: a call on a started port and queue; drivers that need no arming (tap) say
            // so by an error.
            self.armed = unsafe { sys::rte_eth_dev_rx_intr_enable(self.id, self.queue) } == 0;
        }
    }

    fn disarm_receive_interrupt(&mut self) {
        if let (true, Some(descriptor)) = (mem::take(&mut self.armed), self.interrupt) {
            // SAFETY: as above; the descriptor is the driver's eventfd, open while the port is.
            let descriptor = unsafe {
                sys::rte_eth_dev_rx_intr_disable(self.id, self.queue);
                BorrowedFd::borrow_raw(descriptor)
            };
            let mut count = [0; 8];
            // Empty when another wake-up was the reason; it does not block.
            let _ = rustix::io::read(descriptor, &mut count);
        }
    }
}

impl Drop for DpdkPort {
    fn drop(&mut self) {
        self.environment.give_back(self.index, self.queue);
    }
}

/// A packet of one of the environment's pools.
fn from_pool(pool: *mut sys::rte_mempool) -> Option<Mbuf> {
    // SAFETY: the pool lives as long as the environment, which who asks holds.
    let raw = NonNull::new(unsafe { sys::coremill_mbuf_alloc(pool) })?;
    // SAFETY: a fresh packet has one segment and one reference, ours.
    Some(unsafe { Mbuf::from_raw(raw) })
}

/// Packets asked of a driver at once; vector receive paths like multiples of 32.
const BURST_MAX: usize = 64;
