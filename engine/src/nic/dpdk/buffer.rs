//! A packet in DPDK's memory. Fields are reached by the offsets that dpdk-sys takes from C, because
//! their places in unnamed unions differ between DPDK releases.

use std::fmt;
use std::mem::size_of;
use std::ptr::NonNull;
use std::slice;

use coremill_dpdk_sys as sys;

use crate::nic::{Buffer, ChecksumStatus, TransmitOffload};

/// A packet of one segment, owned: dropping it gives it back to its pool.
///
/// Its memory is the pool's, which stays as long as any packet is out (see `pool.rs`).
#[repr(transparent)]
pub struct Mbuf {
    raw: NonNull<sys::rte_mbuf>,
}

// SAFETY: an Mbuf is the only owner of its packet, and DPDK's packets belong to no thread: a free
// from another thread goes to that thread's cache or, without one, to the pool's shared ring.
unsafe impl Send for Mbuf {}

impl Mbuf {
    /// Takes over a packet.
    ///
    /// # Safety
    /// `raw` is a live packet of one segment with one reference, which the caller gives away.
    pub(super) unsafe fn from_raw(raw: NonNull<sys::rte_mbuf>) -> Self {
        Self { raw }
    }

    /// Has the header of a received packet fetched into this core's cache.
    #[inline]
    pub(super) fn fetch_header(raw: *mut sys::rte_mbuf) {
        fetch_lines(raw.cast(), HEADER_BYTES);
    }

    /// The same for its first bytes.
    #[inline]
    pub(super) fn fetch_data(&self) {
        fetch_lines(self.start(), self.length().min(FETCHED_BYTES));
    }

    /// The value of the field at `offset`, one of dpdk-sys's.
    fn get<T: Field>(&self, offset: u32) -> T {
        // SAFETY: the offsets come from C's offsetof and each is used with its field's type, in
        // this file only; the packet is live and owned by self, so nobody writes meanwhile.
        unsafe { self.raw.byte_add(offset as usize).cast::<T>().read() }
    }

    /// Sets the field at `offset`.
    fn set<T: Field>(&mut self, offset: u32, value: T) {
        // SAFETY: as in `get`; &mut self makes this the only access.
        unsafe { self.raw.byte_add(offset as usize).cast::<T>().write(value) }
    }

    fn length(&self) -> usize {
        usize::from(self.get::<u16>(sys::COREMILL_MBUF_DATA_LEN))
    }

    fn set_length(&mut self, length: u16) {
        self.set(sys::COREMILL_MBUF_DATA_LEN, length);
        self.set(sys::COREMILL_MBUF_PKT_LEN, u32::from(length));
    }

    fn start(&self) -> *mut u8 {
        let buffer = self.get::<*mut u8>(sys::COREMILL_MBUF_BUF_ADDR);
        let offset = self.get::<u16>(sys::COREMILL_MBUF_DATA_OFF);
        // SAFETY: DPDK keeps data_off within buf_len, and so do all methods here.
        unsafe { buffer.add(usize::from(offset)) }
    }

    /// Whether it is in one piece.
    pub(super) fn is_whole(&self) -> bool {
        self.get::<u16>(sys::COREMILL_MBUF_NB_SEGS) == 1
    }

    /// Makes it empty, as one that was just taken out of `pool`; false, and nothing done, unless it is one of that pool's
    /// in memory of its own.
    pub(super) fn renew(&mut self, pool: *mut sys::rte_mempool) -> bool {
        let is_own = self.flags() & sys::COREMILL_FOREIGN_MEMORY == 0;
        let is_alone = self.get::<u16>(sys::COREMILL_MBUF_REFERENCES) == 1;
        if !(is_own && is_alone && self.is_whole())
            || self.get::<*mut u8>(sys::COREMILL_MBUF_POOL) != pool.cast()
        {
            return false;
        }
        let headroom = sys::COREMILL_HEADROOM.min(self.get(sys::COREMILL_MBUF_BUF_LEN));
        self.set(sys::COREMILL_MBUF_DATA_OFF, headroom);
        self.set_length(0);
        self.clear_flags();
        true
    }

    /// Forgets what a port or an earlier use said about the packet.
    pub(super) fn clear_flags(&mut self) {
        self.set(sys::COREMILL_MBUF_OL_FLAGS, 0u64);
    }

    /// Takes those checksums for right that its sender left to the port: it never left this host's memory.
    pub(super) fn vouch(&mut self) {
        let asked = self.flags();
        let mut flags = 0;
        if asked & sys::COREMILL_TRANSMIT_IP_CHECKSUM != 0 {
            flags |= sys::COREMILL_RECEIVE_IP_GOOD;
        }
        if asked & sys::COREMILL_TRANSMIT_TCP_CHECKSUM != 0 {
            flags |= sys::COREMILL_RECEIVE_L4_GOOD;
        }
        self.set(sys::COREMILL_MBUF_OL_FLAGS, flags);
    }

    fn flags(&self) -> u64 {
        self.get(sys::COREMILL_MBUF_OL_FLAGS)
    }
}

impl Buffer for Mbuf {
    fn data(&self) -> &[u8] {
        // SAFETY: data_off and data_len describe initialised bytes inside the packet's buffer: the
        // pool's memory is zeroed when reserved. They live and stay unchanged as long as self is
        // borrowed.
        unsafe { slice::from_raw_parts(self.start(), self.length()) }
    }

    fn data_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `data`; self is borrowed mutably and is the packet's only owner.
        unsafe { slice::from_raw_parts_mut(self.start(), self.length()) }
    }

    fn trim_front(&mut self, count: usize) {
        let length: u16 = self.get(sys::COREMILL_MBUF_DATA_LEN);
        let count = u16::try_from(count).unwrap_or(u16::MAX).min(length);
        let offset: u16 = self.get(sys::COREMILL_MBUF_DATA_OFF);
        self.set(sys::COREMILL_MBUF_DATA_OFF, offset + count);
        self.set_length(length - count);
    }

    fn truncate(&mut self, length: usize) {
        if let Ok(length) = u16::try_from(length)
            && usize::from(length) < self.length()
        {
            self.set_length(length);
        }
    }

    fn prepend(&mut self, count: usize) -> Option<&mut [u8]> {
        let count = u16::try_from(count).ok()?;
        let offset = self
            .get::<u16>(sys::COREMILL_MBUF_DATA_OFF)
            .checked_sub(count)?;
        let length = self
            .get::<u16>(sys::COREMILL_MBUF_DATA_LEN)
            .checked_add(count)?;
        self.set(sys::COREMILL_MBUF_DATA_OFF, offset);
        self.set_length(length);
        self.data_mut().get_mut(..usize::from(count))
    }

    fn append(&mut self, count: usize) -> Option<&mut [u8]> {
        let count = u16::try_from(count).ok()?;
        let length: u16 = self.get(sys::COREMILL_MBUF_DATA_LEN);
        let grown = length.checked_add(count)?;
        let end = self
            .get::<u16>(sys::COREMILL_MBUF_DATA_OFF)
            .checked_add(grown)?;
        if end > self.get::<u16>(sys::COREMILL_MBUF_BUF_LEN) {
            return None;
        }
        self.set_length(grown);
        self.data_mut().get_mut(usize::from(length)..)
    }

    fn checksums(&self) -> (ChecksumStatus, ChecksumStatus) {
        let flags = self.flags();
        let status = |mask, good, bad| match flags & mask {
            found if found == good => ChecksumStatus::Good,
            found if found == bad => ChecksumStatus::Bad,
            _ => ChecksumStatus::Unknown,
        };
        (
            status(
                sys::COREMILL_RECEIVE_IP_MASK,
                sys::COREMILL_RECEIVE_IP_GOOD,
                sys::COREMILL_RECEIVE_IP_BAD,
            ),
            status(
                sys::COREMILL_RECEIVE_L4_MASK,
                sys::COREMILL_RECEIVE_L4_GOOD,
                sys::COREMILL_RECEIVE_L4_BAD,
            ),
        )
    }

    fn receive_hash(&self) -> Option<u32> {
        let present = self.flags() & sys::COREMILL_RECEIVE_RSS_HASH != 0;
        present.then(|| self.get(sys::COREMILL_MBUF_HASH_RSS))
    }

    fn set_offload(&mut self, offload: TransmitOffload) {
        let mut flags = 0;
        if offload.ipv4_checksum || offload.tcp_checksum {
            flags |= if offload.ipv6 {
                sys::COREMILL_TRANSMIT_IPV6
            } else {
                sys::COREMILL_TRANSMIT_IPV4
            };
        }
        if offload.ipv4_checksum && !offload.ipv6 {
            flags |= sys::COREMILL_TRANSMIT_IP_CHECKSUM;
        }
        if offload.tcp_checksum {
            flags |= sys::COREMILL_TRANSMIT_TCP_CHECKSUM;
        }
        if offload.segment_payload > 0 {
            flags |= sys::COREMILL_TRANSMIT_TCP_SEGMENTATION;
        }
        // Link header length in the lowest seven bits, IP header length in the nine above, then eight for TCP's and
        // sixteen for the payload of a segment; shim.c asserts this.
        let lengths = u64::from(offload.link_header & 0x7f)
            | u64::from(offload.ip_header) << 7
            | u64::from(offload.tcp_header) << 16
            | u64::from(offload.segment_payload) << 24;
        self.set(sys::COREMILL_MBUF_TX_OFFLOAD, lengths);
        self.set(sys::COREMILL_MBUF_OL_FLAGS, flags);
    }
}

impl Drop for Mbuf {
    fn drop(&mut self) {
        // SAFETY: self is the only owner of a live packet.
        unsafe { sys::coremill_mbuf_free(self.raw.as_ptr()) }
    }
}

impl fmt::Debug for Mbuf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Mbuf")
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}

#[inline]
fn fetch_lines(first: *mut u8, bytes: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (0..bytes).step_by(LINE_BYTES) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: there is no safe way to say this. It reads and writes nothing, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(first.wrapping_add(line).cast()) };
    }
    let _ = (first, bytes);
}

/// shim.c asserts this.
const HEADER_BYTES: usize = 128;
/// Headers, and all of a small message.
const FETCHED_BYTES: usize = 192;
#[cfg(target_arch = "x86_64")]
const LINE_BYTES: usize = 64;

/// Types of a packet's fields.
trait Field: Copy {}
impl Field for u16 {}
impl Field for u32 {}
impl Field for u64 {}
impl Field for *mut u8 {}

// A Vec of packets is handed to the driver as an array of pointers.
const _: () = assert!(size_of::<Mbuf>() == size_of::<*mut sys::rte_mbuf>());
