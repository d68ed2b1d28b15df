//! How much may wait to be acknowledged: the buffer follows the congestion window, as Linux's tcp_sndbuf_expand has it.
//!
//! It holds what is in flight, and as much again that the user writes meanwhile; Linux counts the memory that segments take,
//! about three times what they carry. SO_SNDBUF fixes it. While memory is short it is what it was at first. It needs no
//! state: where Linux keeps a buffer that grew once, this one comes down with the window.

use super::Connection;
use crate::limits::Limits;

impl<Q> Connection<Q> {
    /// Bytes that may wait to be acknowledged, with `available` bytes of memory that nobody holds; `own` is the user's
    /// SO_SNDBUF, or 0.
    #[inline]
    pub(crate) fn send_buffer(&self, own: u32, limits: &Limits, available: usize) -> usize {
        let most = limits.send_buffer_bytes;
        let buffer = match own {
            0 if available < limits.memory_bytes / MEMORY_LEFT => limits.send_buffer_first_bytes,
            0 => {
                let windows = match self.congestion.controls_window() {
                    // BBR's model wants one more (Linux: its sndbuf_expand).
                    true => 3,
                    false => 2,
                };
                // So many must be out before reordering is told from loss.
                let segments = SEGMENTS_LEAST.max(u32::from(self.send.reordering.degree) + 1);
                let window = self
                    .congestion
                    .window()
                    .max(segments * self.congestion.segment());
                let grown = usize::try_from(window).unwrap_or(usize::MAX);
                grown
                    .saturating_mul(windows * BYTES_FOR_ONE)
                    .max(limits.send_buffer_first_bytes)
            }
            bytes => bytes as usize,
        };
        buffer.min(most)
    }
}

/// The window that a buffer is made for at least: Linux's TCP_INIT_CWND.
const SEGMENTS_LEAST: u32 = 10;
/// Bytes of buffer for each byte that is sent: what Linux sets aside for a segment of 1,460 bytes is 4,352.
const BYTES_FOR_ONE: usize = 3;
/// Buffers grow while one part in so many of memory is free.
const MEMORY_LEFT: usize = 4;
