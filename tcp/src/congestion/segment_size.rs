//! The segment size changes: by negotiation, by a signature, by what the path carries.
//!
//! Linux counts windows in segments, so that smaller ones make smaller windows, in bytes. As much is right here:
//! a window of as many bytes in more segments would be a burst that the path never took, since queues are short in
//! packets. Larger segments leave the bytes as they are (as Linux after a probe that arrived): nothing says that
//! the path takes more.

use super::{Congestion, CongestionPool, NO_THRESHOLD, in_sixteen_bits};

/// What becomes of a number of bytes that was a number of segments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shrinking {
    from: u32,
    to: u32,
}

impl Shrinking {
    /// As many segments, of the new size; what stands for no number stays.
    pub(super) fn of(self, bytes: u32) -> u32 {
        if bytes == NO_THRESHOLD {
            return bytes;
        }
        let shrunk = u64::from(bytes) * u64::from(self.to) / u64::from(self.from);
        // Not larger than it was.
        u32::try_from(shrunk).unwrap_or(bytes)
    }
}

impl Congestion {
    /// Full segments carry `bytes` from now on. A first window is again one; another shrinks as segments do.
    /// RFC 5681, section 3.1.
    pub fn set_segment_size(&mut self, pool: &mut CongestionPool, bytes: u32) {
        let was_initial = self.window == self.initial_window(pool.settings());
        let from = self.segment();
        self.segment = in_sixteen_bits(bytes);
        let to = self.segment();
        if to < from {
            self.shrink(pool, Shrinking { from, to });
        }
        self.window = if was_initial {
            self.initial_window(pool.settings())
        } else {
            self.window.max(to)
        };
    }

    fn shrink(&mut self, pool: &mut CongestionPool, shrinking: Shrinking) {
        self.window = shrinking.of(self.window);
        self.threshold = shrinking.of(self.threshold).max(2 * self.segment());
        if let Some(block) = pool.get_mut(&self.block) {
            block.shrink(shrinking);
        }
    }
}
