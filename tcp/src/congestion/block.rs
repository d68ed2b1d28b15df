//! What a connection whose window moves needs besides its windows: one block of the shard's pool.

use super::rate_sample::DeliveryRate;

/// Memory of growth and of the last reduction.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// Bytes acknowledged since congestion avoidance last grew the window.
    pub(super) counted: u32,
    /// cwnd before the last reduction; 0 when there is nothing to undo.
    pub(super) undo_window: u32,
    /// ssthresh before it.
    pub(super) undo_threshold: u32,
    pub(super) delivery: DeliveryRate,
}
