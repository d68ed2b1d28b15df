//! NewReno: slow start and congestion avoidance of RFC 5681 with the byte counting of RFC 3465
//! (L = 2), and half of the flight after a loss.

use super::Congestion;
use super::block::Block;

/// The window grows by what was delivered.
#[inline]
pub(super) fn grow(windows: &mut Congestion, block: &mut Block, delivered: u32) {
    if windows.is_slow_start() {
        // At most two segments per acknowledgement.
        windows.grow_by(delivered.min(2 * windows.segment()));
        return;
    }
    // One segment per window's worth of bytes acknowledged.
    block.counted = block.counted.saturating_add(delivered);
    if block.counted >= windows.window {
        block.counted -= windows.window;
        windows.grow_by(windows.segment());
    }
}

/// RFC 5681, equation 4: half of what is in flight, at least two segments.
pub(super) fn reduced(windows: &Congestion, in_flight: u32) -> u32 {
    (in_flight / 2).max(2 * windows.segment())
}
